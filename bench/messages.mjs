// SPDX-License-Identifier: MIT
//
// Messages between real `usher pipe` processes on one machine, each signed, sealed and on two disks: from `send` to
// `message` one at a time; how many a second when the pipe takes all that it can; what a peer with eight links weighs.
// State is on the disk of the build, for a tmpfs would make the syncs free.
//
//     node messages.mjs BUILD [ONE_BY_ONE] [AT_ONCE]   → name=value lines
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import readline from 'node:readline';

const [build, oneByOne = 1000, atOnce = 20000] = process.argv.slice(2);
const dir = mkdtempSync(path.join(path.resolve(build), 'bench-messages-'));
const children = [];
process.on('exit', () => {
    for (const child of children) child.kill('SIGKILL');
    rmSync(dir, { recursive: true, force: true });
});

function start(program, args, stream) {
    const child = spawn(path.join(build, program), args, { stdio: ['pipe', 'pipe', 'pipe'] });
    children.push(child);
    child.stdin.on('error', () => {});
    child[stream === 'stdout' ? 'stderr' : 'stdout'].resume();
    return { child, lines: readline.createInterface({ input: child[stream] }) };
}

async function startDaemon() {
    const { lines } = start('usherd', ['--listen', '127.0.0.1:0', '--set', `server.state_dir=${dir}/usherd`], 'stderr');
    let port;
    for await (const line of lines) {
        port ??= /listening on 127\.0\.0\.1:(\d+)/.exec(line)?.[1];
        if (/is ready/.test(line)) break;
    }
    return `ws://127.0.0.1:${port}`;
}

class Peer {
    #waiting = [];
    constructor(server, name) {
        const { child, lines } = start('usher', ['--server', server, '--state', path.join(dir, name), '--ice-address',
            '127.0.0.1', '--name', name, 'pipe', 'bench'], 'stdout');
        this.child = child;
        this.seen = [];
        lines.on('line', (line) => {
            const event = JSON.parse(line);
            if (event.event !== 'message' && event.event !== 'delivered') this.seen.push(event);
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
    get rssMb() {
        return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${this.child.pid}/status`, 'utf8'))[1]) / 1024;
    }
}

async function join(server, name) {
    const peer = new Peer(server, name);
    peer.id = (await peer.when((e) => e.event === 'ready')).id;
    return peer;
}

const print = (values) => console.log(`usher ${Object.entries(values).map(([k, v]) => `${k}=${v}`).join(' ')}`);

const server = await startDaemon();
const [ann, ben] = [await join(server, 'ann'), await join(server, 'ben')];
await Promise.all([ann.linked(ben), ben.linked(ann)]);

const took = [];
for (let i = 0; i < Number(oneByOne); i++) {
    const text = `one by one ${i}`;
    const came = ben.when((e) => e.event === 'message' && e.text === text);
    const began = performance.now();
    ann.do({ do: 'send', to: [ben.id], text });
    await came;
    took.push(performance.now() - began);
}
took.sort((a, b) => a - b);
const at = (q) => took[Math.floor(took.length * q)].toFixed(2);
print({ p50_ms: at(0.5), p99_ms: at(0.99) });

let heard = 0;
const all = new Promise((resolve) => {
    ben.onEvent = (e) => e.event === 'message' && ++heard === Number(atOnce) && resolve();
});
const began = performance.now();
for (let i = 0; i < Number(atOnce); i++)
    if (!ann.do({ do: 'send', to: [ben.id], text: `at once ${i}` }))
        await new Promise((resolve) => ann.child.stdin.once('drain', resolve));
await all;
print({ messages_per_s: Math.round(Number(atOnce) / ((performance.now() - began) / 1000)) });

const others = [];
for (let i = 0; i < 7; i++) others.push(await join(server, `other-${i}`));
const cy = await join(server, 'cy');
for (const other of [ann, ben, ...others.slice(0, 6)]) cy.do({ do: 'send', to: [other.id], text: 'hello' });
await Promise.all([ann, ben, ...others.slice(0, 6)].map((other) => cy.linked(other)));
print({ rss_mb_8_links: cy.rssMb.toFixed(1), rss_mb_after_messages: ann.rssMb.toFixed(1) });
process.exit(0);
