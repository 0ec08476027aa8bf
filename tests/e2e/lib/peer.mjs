// SPDX-License-Identifier: MIT
//
// The real peer: `usher pipe` as a child process. What it prints is kept until it is asked for. $USHER names the
// binary, build/usher if it is not set. Each has a state directory of its own, gone when it is stopped.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import readline from 'node:readline';
import { after } from 'node:test';
import { root, within } from './daemon.mjs';

export const usher = path.resolve(root, process.env.USHER ?? 'build/usher');

const PATIENCE_MS = 15000;

// What a test that failed half-way leaves behind is ended with the file.
const running = new Set();
const made = new Set();
after(async () => {
    const ended = [...running].map((child) => once(child, 'exit'));
    for (const child of running) child.kill('SIGKILL');
    await Promise.all(ended);
    for (const dir of made) await rm(dir, { recursive: true, force: true });
});

export async function scratch() {
    const dir = await mkdtemp(path.join(os.tmpdir(), 'usher-e2e-'));
    made.add(dir);
    return dir;
}

function environment(env) {
    const all = { ...process.env, ...env };
    delete all.USHER_SERVER;
    delete all.USHER_ICE_ADDRESS;
    return { ...all, ...env };
}

// space: the network namespace to run in, for root; or the command that runs another in one (networks.mjs).
export function spawnUsher(args, { env = {}, stdio = ['pipe', 'pipe', 'pipe'], space } = {}) {
    const prefix = Array.isArray(space) ? space : space ? ['ip', 'netns', 'exec', space] : [];
    const command = [...prefix, usher, ...args];
    const child = spawn(command[0], command.slice(1), { cwd: root, env: environment(env), stdio });
    running.add(child);
    child.on('exit', () => running.delete(child));
    return child;
}

// Runs usher to its end, with input if there is any: { code, stdout, stderr }.
export async function runUsher(args, { env = {}, input = '', ms = PATIENCE_MS, space } = {}) {
    const child = spawnUsher(args, { env, space });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text) => (stderr += text));
    child.stdin.on('error', () => {});
    child.stdin.end(input);
    try {
        const [code, signal] = await within(ms, once(child, 'close'), () => `usher ${args.join(' ')} did not end:\n${stderr}`);
        return { code: code ?? signal, stdout, stderr };
    } finally {
        child.kill('SIGKILL');
    }
}

const matches = (event, name, members) =>
    event.event === name && Object.entries(members).every(([key, value]) => event[key] === value);

export class Peer {
    #asking = [];

    constructor(child, state) {
        this.child = child;
        this.state = state;
        this.log = ''; // what it said on stderr
        this.all = []; // every event, in order
        this.waiting = []; // those that nobody took yet
        this.onEvent = null; // hears of each at once
        this.exited = once(child, 'close').then(([code, signal]) => signal ?? code);
        child.stderr.setEncoding('utf8').on('data', (text) => (this.log += text));
        child.stdin.on('error', () => {});
        readline.createInterface({ input: child.stdout }).on('line', (line) => this.#take(JSON.parse(line)));
        this.exited.then((code) => this.#fail(new Error(`usher pipe ended with ${code}:\n${this.log}`)));
    }

    #take(event) {
        event.at = performance.now();
        this.all.push(event);
        this.onEvent?.(event);
        const index = this.#asking.findIndex(({ name, members }) => matches(event, name, members));
        if (index < 0) this.waiting.push(event);
        else this.#asking.splice(index, 1)[0].resolve(event);
    }

    #fail(error) {
        for (const { reject } of this.#asking.splice(0)) reject(error);
    }

    // The first event of this name, with these members, that nobody took before; waits for it.
    event(name, members = {}, ms = PATIENCE_MS) {
        const index = this.waiting.findIndex((event) => matches(event, name, members));
        if (index >= 0) return Promise.resolve(this.waiting.splice(index, 1)[0]);
        const event = new Promise((resolve, reject) => this.#asking.push({ name, members, resolve, reject }));
        return within(ms, event, () =>
            `no ${name} ${JSON.stringify(members)} from ${this.name}; it said:\n` +
            `${this.all.slice(-30).map((e) => JSON.stringify(e)).join('\n')}\n${this.log}`);
    }

    // Until it has said this on standard error.
    says(pattern) {
        const look = async () => {
            while (!pattern.test(this.log)) await once(this.child.stderr, 'data');
        };
        return within(PATIENCE_MS, look(), () => `${this.name} never said ${pattern}:\n${this.log}`);
    }

    // How often an event like this was printed so far.
    count(name, members = {}) {
        return this.all.filter((event) => matches(event, name, members)).length;
    }

    do(command) {
        this.child.stdin.write(typeof command === 'string' ? `${command}\n` : `${JSON.stringify(command)}\n`);
    }

    // Its numbers, now. Also proves that everything before was read.
    stats() {
        this.do({ do: 'stats' });
        return this.event('stats');
    }

    // Until it has a link to the other one.
    linked(other) {
        return this.event('peer', { id: other.id, state: 'up' });
    }

    // Ends politely, by force if that does not help; resolves to the exit status.
    async stop() {
        if (this.child.exitCode === null && this.child.signalCode === null) {
            this.child.stdin.end('{"do":"quit"}\n');
            const force = setTimeout(() => this.child.kill('SIGKILL'), 10000);
            await this.exited;
            clearTimeout(force);
        }
        const status = await this.exited;
        await rm(this.state, { recursive: true, force: true });
        return status;
    }
}

// A peer that is starting. `event('ready')` tells when it is in the room.
export async function startPeer({ server, room = 'demo', name, args = [], env = {}, state, addresses = ['127.0.0.1'], space }) {
    state ??= await scratch();
    const all = ['--server', server, '--state', state, ...addresses.flatMap((a) => ['--ice-address', a]), ...args];
    if (name) all.push('--name', name);
    const peer = new Peer(spawnUsher([...all, 'pipe', room], { env, space }), state);
    peer.name = name ?? 'a peer';
    return peer;
}

// A peer in the room.
export async function joinPeer(options) {
    const peer = await startPeer(options);
    peer.id = (await peer.event('ready')).id;
    return peer;
}

// Several peers in one room, each with a link to each.
export async function meet(server, names, options = {}) {
    const peers = [];
    for (const name of names) peers.push(await joinPeer({ server, name, ...options }));
    await Promise.all(peers.flatMap((a) => peers.filter((b) => b !== a).map((b) => a.linked(b))));
    return peers;
}
