// SPDX-License-Identifier: MIT
//
// A real haproxy on a free port of loopback: a configuration of its own, a directory of its own, in the foreground and
// ended by its own process handle.
import { spawn } from 'node:child_process';
import net from 'node:net';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after } from 'node:test';
import { within } from './daemon.mjs';
import { scratch } from './peer.mjs';

const running = new Set();
after(() => running.forEach((child) => child.kill('SIGKILL')));

// Passes TCP on to a server line of its own syntax, such as '127.0.0.1:4001 send-proxy-v2'.
// { port, log(), logged(pattern), stop() }
export async function startHaproxy(server) {
    const dir = await scratch();
    // It inherits a socket that listens already: whoever connects before it is up waits in the backlog.
    const front = net.createServer().listen(0, '127.0.0.1');
    await once(front, 'listening');
    const { port } = front.address();
    const conf = path.join(dir, 'haproxy.cfg');
    await writeFile(conf, [
        'global', 'log stdout format raw local0', 'defaults', 'mode tcp', 'log global', 'timeout connect 5s',
        'timeout client 30s', 'timeout server 30s', 'retries 0', 'listen front', 'bind fd@3', 'option httpchk GET /ready',
        'option log-health-checks', `server s ${server}`, '',
    ].join('\n'));
    const child = spawn('haproxy', ['-db', '-f', conf], { cwd: dir, stdio: ['ignore', 'pipe', 'pipe', front._handle.fd] });
    front.close();
    running.add(child);
    const exited = once(child, 'exit').then(() => running.delete(child));
    let log = '';
    const waiting = new Set();
    const look = (text) => {
        log += text;
        for (const { pattern, resolve } of waiting) if (pattern.test(log)) resolve();
    };
    child.stdout.setEncoding('utf8').on('data', look);
    child.stderr.setEncoding('utf8').on('data', look);
    const logged = (pattern) => within(10000, new Promise((resolve, reject) => {
        waiting.add({ pattern, resolve });
        child.on('error', reject);
        exited.then(() => reject(new Error(`haproxy ended:\n${log}`)));
        look('');
    }), () => `${pattern} was not logged:\n${log}`);
    return {
        port,
        logged,
        log: () => log,
        stop: async () => {
            child.kill('SIGTERM');
            const force = setTimeout(() => child.kill('SIGKILL'), 5000);
            await exited;
            clearTimeout(force);
        },
    };
}
