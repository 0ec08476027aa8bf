// SPDX-License-Identifier: MIT
//
// The real daemon, on a free port of loopback. $USHERD names the binary, build/usherd if it is not set. Each is
// stopped by its own process handle; nothing is ever found by name.
import { spawn } from 'node:child_process';
import { after } from 'node:test';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import { fileURLToPath } from 'node:url';
import path from 'node:path';

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../..');
export const binary = path.resolve(root, process.env.USHERD ?? 'build/usherd');

const START_MS = 10000;

// A test that failed leaves its daemon to this: node waits for children that live. The hook runs before those of the
// file itself, which may still stop a daemon in good order, so it only sets a bound.
const LEFT_BEHIND_MS = 10000;
const children = new Set();
after(() => {
    setTimeout(() => children.forEach((child) => child.kill('SIGKILL')), LEFT_BEHIND_MS).unref();
});

export class Daemon {
    #waiting = [];

    constructor(child) {
        this.child = child;
        children.add(child);
        child.on('exit', () => children.delete(child));
        this.log = '';
        this.exited = once(child, 'exit').then(([code, signal]) => signal ?? code);
        child.stderr.setEncoding('utf8').on('data', (text) => {
            this.log += text;
            this.#look();
        });
        child.stdout.setEncoding('utf8').on('data', (text) => (this.output = (this.output ?? '') + text));
        this.exited.then(() => this.#look(new Error(`the daemon ended:\n${this.log}`)));
    }

    get pid() {
        return this.child.pid;
    }

    #look(error) {
        this.#waiting = this.#waiting.filter(({ pattern, from, resolve, reject }) => {
            const match = pattern.exec(this.log.slice(from));
            if (match) resolve(match);
            else if (error) reject(error);
            return !match && !error;
        });
    }

    // Resolves to the match of the pattern in what was logged since the place `from`.
    logged(pattern, from = 0, ms = START_MS) {
        const match = new Promise((resolve, reject) => {
            this.#waiting.push({ pattern, from, resolve, reject });
            this.#look();
        });
        return within(ms, match, () => `${pattern} was not logged:\n${this.log}`);
    }

    kill(signal) {
        this.child.kill(signal);
    }

    // Ends it with SIGTERM, by force if that does not help, and resolves to its exit code.
    async stop() {
        if (this.child.exitCode === null && this.child.signalCode === null) {
            this.kill('SIGTERM');
            const force = setTimeout(() => this.kill('SIGKILL'), 15000);
            await this.exited;
            clearTimeout(force);
        }
        return this.exited;
    }
}

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

// Runs usherd with arguments to its end: { code, stdout, stderr }.
export async function run(args, { env = {} } = {}) {
    const folder = stateFolder(env, args);
    const state = folder ? { XDG_STATE_HOME: folder } : {};
    const child = spawn(binary, args, { cwd: root, env: { ...process.env, ...state, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
    if (folder) child.on('exit', () => fs.rmSync(folder, { recursive: true, force: true }));
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text) => (stderr += text));
    const ended = once(child, 'close');
    try {
        const [code, signal] = await within(START_MS, ended, () => `usherd ${args.join(' ')} did not end:\n${stderr}`);
        return { code: code ?? signal, stdout, stderr };
    } finally {
        child.kill('SIGKILL');
    }
}

// A state folder of its own for each daemon, gone when it ends, unless the caller names one to start again with.
function stateFolder(env, args) {
    if (env.XDG_STATE_HOME || env.STATE_DIRECTORY || args.some((a) => a.startsWith('server.state_dir='))) return null;
    return fs.mkdtempSync(path.join(os.tmpdir(), 'usherd-e2e-'));
}

// A daemon that listens. descriptors: its limit of open files, set through a shell.
export async function startDaemon({ args = [], env = {}, listen = '127.0.0.1:0', descriptors } = {}) {
    const all = ['--listen', listen, ...args];
    const folder = stateFolder(env, args);
    const state = folder ? { XDG_STATE_HOME: folder } : {};
    const options = { cwd: root, env: { ...process.env, ...state, ...env }, stdio: ['ignore', 'pipe', 'pipe'] };
    const child = descriptors
        ? spawn('sh', ['-c', `ulimit -n ${descriptors} && exec "$0" "$@"`, binary, ...all], options)
        : spawn(binary, all, options);
    if (folder) child.on('exit', () => fs.rmSync(folder, { recursive: true, force: true }));
    const daemon = new Daemon(child);
    try {
        const [, address] = await daemon.logged(/listening on (\S+)\n/);
        await daemon.logged(/is ready/);
        daemon.address = address;
        daemon.port = Number(address.slice(address.lastIndexOf(':') + 1));
        daemon.url = `ws://127.0.0.1:${daemon.port}/ws`;
        daemon.http = `http://127.0.0.1:${daemon.port}`;
        return daemon;
    } catch (error) {
        child.kill('SIGKILL');
        throw error;
    }
}
