// SPDX-License-Identifier: MIT
//
// A server that a test runs in the foreground: what it says is kept, and it is ended by its own process handle; nothing
// is ever found by name.
import { after } from 'node:test';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import dgram from 'node:dgram';
import net from 'node:net';

const START_MS = 10000;
const PATIENCE_MS = 15000;
const STOP_MS = 15000;

// A test that failed leaves its programs to this: node waits for children that live. The hook runs before those of the
// file itself, which may still stop them in good order, so it only sets a bound.
const LEFT_BEHIND_MS = 10000;
const children = new Set();
after(() => {
    setTimeout(() => children.forEach((child) => child.kill('SIGKILL')), LEFT_BEHIND_MS).unref();
});

export async function within(ms, promise, sentence) {
    let timer;
    const late = new Promise((_, reject) => {
        timer = setTimeout(() => reject(new Error(typeof sentence === 'function' ? sentence() : sentence)), ms);
    });
    try {
        return await Promise.race([promise, late]);
    } finally {
        clearTimeout(timer);
    }
}

// Asks again and again until what is asked gives something true, which is its result.
export async function until(what, sentence, ms = PATIENCE_MS) {
    let over = false;
    const asking = (async () => {
        while (!over) {
            const got = await what();
            if (got) return got;
            await new Promise((resolve) => setTimeout(resolve, 20));
        }
        return null;
    })();
    return within(ms, asking, sentence).finally(() => (over = true));
}

export class Program {
    #waiting = [];
    #over;

    // name: for sentences; streams: those that are its log.
    constructor(name, child, streams = [child.stdout, child.stderr]) {
        this.name = name;
        this.child = child;
        this.log = '';
        children.add(child);
        child.on('exit', () => children.delete(child));
        this.exited = once(child, 'exit').then(([code, signal]) => signal ?? code);
        for (const stream of streams)
            stream.setEncoding('utf8').on('data', (text) => {
                this.log += text;
                this.#look();
            });
        const ended = (how) => {
            this.#over = new Error(`${name} ${how}:\n${this.log}`);
            this.#look();
        };
        this.exited.then((code) => ended(`ended with ${code}`), (error) => ended(`did not start: ${error.message}`));
    }

    get pid() {
        return this.child.pid;
    }

    #look() {
        this.#waiting = this.#waiting.filter(({ pattern, from, resolve, reject }) => {
            const match = pattern.exec(this.log.slice(from));
            if (match) resolve(match);
            else if (this.#over) reject(this.#over);
            return !match && !this.#over;
        });
    }

    // Resolves to the match of the pattern in what was logged since the place `from`.
    logged(pattern, from = 0, ms = START_MS) {
        const match = new Promise((resolve, reject) => {
            this.#waiting.push({ pattern, from, resolve, reject });
            this.#look();
        });
        return within(ms, match, () => `${this.name} did not log ${pattern}:\n${this.log}`);
    }

    kill(signal) {
        this.child.kill(signal);
    }

    // Ends it with SIGTERM, by force if that does not help, and resolves to its exit code.
    async stop() {
        if (this.child.exitCode === null && this.child.signalCode === null) {
            this.kill('SIGTERM');
            const force = setTimeout(() => this.kill('SIGKILL'), STOP_MS);
            await this.exited;
            clearTimeout(force);
        }
        return this.exited;
    }
}

// A server that was installed, in a directory of its own. descriptors: those that it inherits from 3 on.
export function startProgram(name, args, { dir, env = {}, descriptors = [] }) {
    return new Program(name, spawn(name, args, {
        cwd: dir,
        env: { ...process.env, HOME: dir, PATH: `${process.env.PATH}:/usr/sbin`, ...env },
        stdio: ['ignore', 'pipe', 'pipe', ...descriptors],
    }));
}

// Ports of 127.0.0.1 that are free now, for programs that take no port 0 (there is a moment between this and their bind).
export async function freePorts(n) {
    const servers = Array.from({ length: n }, () => net.createServer().listen(0, '127.0.0.1'));
    await Promise.all(servers.map((server) => once(server, 'listening')));
    const ports = servers.map((server) => server.address().port);
    await Promise.all(servers.map((server) => once(server.close(), 'close')));
    return ports;
}

export async function freeUdpPort() {
    const socket = dgram.createSocket('udp4').bind(0, '127.0.0.1');
    await once(socket, 'listening');
    const { port } = socket.address();
    await once(socket.close(), 'close');
    return port;
}
