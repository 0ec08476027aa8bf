// SPDX-License-Identifier: MIT
//
// The real daemon, on a free port of loopback. $USHERD names the binary, build/usherd if it is not set.
import { test } from 'node:test';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import { fileURLToPath } from 'node:url';
import path from 'node:path';
import { Program, until, within } from './program.mjs';

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../..');
export const binary = path.resolve(root, process.env.USHERD ?? 'build/usherd');

// A test of the daemon's memory. None under ASan, which keeps what was freed, and maps more than a machine has.
export const testMemory = (...args) => {
    if (!fs.readFileSync(binary).includes('__asan_init')) test(...args);
};

const RUN_MS = 10000;

export { within };

export class Daemon extends Program {
    constructor(child) {
        super('the daemon', child, [child.stderr]);
        child.stdout.setEncoding('utf8').on('data', (text) => (this.output = (this.output ?? '') + text));
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
        const [code, signal] = await within(RUN_MS, ended, () => `usherd ${args.join(' ')} did not end:\n${stderr}`);
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

// A socket that is passed as a service manager passes it, with a send buffer of so many bytes: those of its connections
// have as many, and do not grow.
const PASS = `use POSIX; use Socket; $^F = 9;
    socket(my $s, PF_INET, SOCK_STREAM, 0) or die; setsockopt($s, SOL_SOCKET, SO_SNDBUF, pack('i', shift @ARGV)) or die;
    bind($s, pack_sockaddr_in(0, INADDR_LOOPBACK)) or die; listen($s, 128) or die;
    dup2(fileno($s), 3) or die; @ENV{'LISTEN_PID', 'LISTEN_FDS'} = ($$, 1); exec @ARGV or die;`;

// A daemon that listens. descriptors: its limit of open files. sendBuffer: bytes that the kernel keeps of what is written to
// a connection, about twice as many; without it they are millions. space: the command that runs another in a network of
// its own (networks.mjs).
export async function startDaemon({ args = [], env = {}, listen = '127.0.0.1:0', descriptors, sendBuffer, space = [] } = {}) {
    const folder = stateFolder(env, args);
    const state = folder ? { XDG_STATE_HOME: folder } : {};
    const options = { cwd: root, env: { ...process.env, ...state, ...env }, stdio: ['ignore', 'pipe', 'pipe'] };
    const command = [binary, '--listen', listen, ...args];
    if (descriptors) command.unshift('sh', '-c', `ulimit -n ${descriptors} && exec "$0" "$@"`);
    if (sendBuffer) command.unshift('perl', '-e', PASS, sendBuffer);
    command.unshift(...space);
    const child = spawn(command[0], command.slice(1), options);
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

// A number of /metrics.
export async function metric(daemon, name) {
    const text = await (await fetch(`${daemon.http}/metrics`)).text();
    const match = new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, 'm').exec(text);
    return match ? Number(match[1]) : undefined;
}

// Until so many people are in rooms of this daemon.
export async function untilMembers(daemon, n, ms) {
    let last;
    const there = async () => (last = await metric(daemon, 'usherd_members').catch(() => undefined)) === n;
    await until(there, () => `the daemon has ${last} people and should have ${n}`, ms);
}
