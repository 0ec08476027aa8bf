// SPDX-License-Identifier: MIT
//
// A real TURN server, coturn, on a free port of loopback: a configuration of its own, a directory of its own, ended by
// its own process handle.
import { spawn } from 'node:child_process';
import dgram from 'node:dgram';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after } from 'node:test';
import { within } from './daemon.mjs';
import { scratch } from './peer.mjs';

const START_MS = 10000;
const running = new Set();
after(() => running.forEach((child) => child.kill('SIGKILL')));

async function freePort() {
    const socket = dgram.createSocket('udp4');
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    const { port } = socket.address();
    socket.close();
    await once(socket, 'close');
    return port;
}

// { url, log(), stop() }; more: further lines of its configuration.
export async function startTurn(secret, more = []) {
    const dir = await scratch();
    const port = await freePort();
    const conf = path.join(dir, 'turn.conf');
    await writeFile(conf, [
        'listening-ip=127.0.0.1', 'relay-ip=127.0.0.1', `listening-port=${port}`, 'use-auth-secret',
        `static-auth-secret=${secret}`, 'realm=usher.test', 'fingerprint', 'no-cli', 'no-tls', 'no-dtls', 'verbose',
        'allow-loopback-peers', 'log-file=stdout', `pidfile=${dir}/turn.pid`, `userdb=${dir}/turndb`, ...more, '',
    ].join('\n'));
    const child = spawn('turnserver', ['-c', conf], { cwd: dir, stdio: ['ignore', 'pipe', 'pipe'] });
    running.add(child);
    const exited = once(child, 'exit').then(() => running.delete(child));
    let log = '';
    await within(START_MS, new Promise((resolve, reject) => {
        const look = (text) => {
            log += text;
            if (/UDP listener opened/.test(log)) resolve();
        };
        child.stdout.setEncoding('utf8').on('data', look);
        child.stderr.setEncoding('utf8').on('data', look);
        child.on('error', reject);
        exited.then(() => reject(new Error(`coturn ended:\n${log}`)));
    }), () => `coturn did not start:\n${log}`);
    return {
        url: `turn:127.0.0.1:${port}?transport=udp`,
        log: () => log,
        stop: async () => {
            child.kill('SIGTERM');
            const force = setTimeout(() => child.kill('SIGKILL'), 5000);
            await exited;
            clearTimeout(force);
        },
    };
}
