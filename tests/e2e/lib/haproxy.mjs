// SPDX-License-Identifier: MIT
//
// A real haproxy on a free port of loopback that passes TCP on, with a configuration and a directory of its own.
import net from 'node:net';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { startProgram } from './program.mjs';
import { scratch } from './peer.mjs';

// A Program with { port }; server: a server line of its own syntax, such as '127.0.0.1:4001 send-proxy-v2'.
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
    const haproxy = startProgram('haproxy', ['-db', '-f', conf], { dir, descriptors: [front._handle.fd] });
    front.close();
    haproxy.port = port;
    return haproxy;
}
