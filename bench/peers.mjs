// SPDX-License-Identifier: MIT
//
// What measures `usher pipe` shares: a daemon and peers of one build, started here, ended with this process. State and files
// are on the disk of the build (DIR: elsewhere), for a tmpfs would make syncs free.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import readline from 'node:readline';

const build = process.argv[2];
export const dir = mkdtempSync(path.join(path.resolve(process.env.DIR ?? build), 'bench-'));
const children = [];
process.on('exit', () => {
    for (const child of children) child.kill('SIGKILL');
    rmSync(dir, { recursive: true, force: true });
});

// `prefix` is a command that runs another: taskset with a core, ip netns exec with a network.
function start(program, args, stream, prefix = []) {
    const [command, ...rest] = [...prefix, path.resolve(build, program), ...args];
    const child = spawn(command, rest, { stdio: ['pipe', 'pipe', 'pipe'] });
    children.push(child);
    child.stdin.on('error', () => {});
    child[stream === 'stdout' ? 'stderr' : 'stdout'].resume();
    return { child, lines: readline.createInterface({ input: child[stream] }) };
}

export async function startDaemon({ address = '127.0.0.1', prefix } = {}) {
    const { lines } = start('usherd', ['--listen', `${address}:0`, '--set', `server.state_dir=${dir}/usherd`], 'stderr', prefix);
    let port;
    for await (const line of lines) {
        port ??= new RegExp(`listening on ${address}:(\\d+)`).exec(line)?.[1];
        if (/is ready/.test(line)) break;
    }
    return `ws://${address}:${port}`;
}

export class Peer {
    #waiting = [];
    constructor(server, name, { address = '127.0.0.1', prefix } = {}) {
        this.dir = path.join(dir, name);
        const { child, lines } = start('usher', ['--server', server, '--state', this.dir, '--ice-address', address,
            '--name', name, 'pipe', 'bench'], 'stdout', prefix);
        this.child = child;
        this.seen = [];
        lines.on('line', (line) => {
            const event = JSON.parse(line);
            if (!/^(message|delivered|accepted|file-progress)$/.test(event.event)) this.seen.push(event);
            this.onEvent?.(event);
            this.#waiting = this.#waiting.filter(({ test, resolve }) => !(test(event) && (resolve(event), true)));
        });
    }
    do(command) {
        return this.child.stdin.write(`${JSON.stringify(command)}\n`);
    }
    async when(test) {
        return this.seen.find(test) ?? new Promise((resolve) => this.#waiting.push({ test, resolve }));
    }
    linked(other) {
        return this.when((e) => e.event === 'peer' && e.id === other.id && e.state === 'up');
    }
    #memory(which) {
        const status = readFileSync(`/proc/${this.child.pid}/status`, 'utf8');
        return Number(new RegExp(`${which}:\\s+(\\d+)`).exec(status)[1]) / 1024;
    }
    get rssMb() {
        return this.#memory('VmRSS');
    }
    get peakMb() {
        return this.#memory('VmHWM');
    }
}

export async function join(server, name, where) {
    const peer = new Peer(server, name, where);
    peer.id = (await peer.when((e) => e.event === 'ready')).id;
    return peer;
}

export const quantile = (values, q) => values.slice().sort((a, b) => a - b)[Math.floor(values.length * q)];
export const print = (values) => console.log(`usher ${Object.entries(values).map(([k, v]) => `${k}=${v}`).join(' ')}`);
