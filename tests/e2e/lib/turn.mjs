// SPDX-License-Identifier: MIT
//
// A real TURN server, coturn, on a free port of loopback, with a configuration and a directory of its own.
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { freeUdpPort, startProgram } from './program.mjs';
import { scratch } from './peer.mjs';

// A Program with { url }; more: further lines of its configuration.
export async function startTurn(secret, more = []) {
    const dir = await scratch();
    const port = await freeUdpPort();
    const conf = path.join(dir, 'turn.conf');
    await writeFile(conf, [
        'listening-ip=127.0.0.1', 'relay-ip=127.0.0.1', `listening-port=${port}`, 'use-auth-secret',
        `static-auth-secret=${secret}`, 'realm=usher.test', 'fingerprint', 'no-cli', 'no-tls', 'no-dtls', 'verbose',
        'allow-loopback-peers', 'log-file=stdout', `pidfile=${dir}/turn.pid`, `userdb=${dir}/turndb`, ...more, '',
    ].join('\n'));
    const turn = startProgram('turnserver', ['-c', conf], { dir });
    await turn.logged(/UDP listener opened/);
    turn.url = `turn:127.0.0.1:${port}?transport=udp`;
    return turn;
}
