// SPDX-License-Identifier: MIT
//
// The daemon is stopped for longer than any of its deadlines (SIGSTOP; `docker pause` and a laptop's lid do the same) while
// the answers that it waits for lie in its sockets. When it goes on it reads before it judges: nobody is closed, and a seat
// whose time to return has passed meanwhile is given to who asked for it in time. More clients than one look at the poller
// brings, so that judging after the first look would be too early.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { setTimeout as pass } from 'node:timers/promises';
import { makeAuthority } from './lib/authority.mjs';
import { startDaemon, within } from './lib/daemon.mjs';
import { connect } from './lib/client.mjs';

const CLIENTS = 300;
const TIMEOUT_S = 4; // for a pong
const GRACE_S = 4; // for a return
const STOPPED_MS = 6000;
const SETTINGS = ['limits.connection_rate=0', 'limits.max_connections_per_address=0', 'limits.join_timeout=60s',
    'server.ping_interval=2s',
    `server.ping_timeout=${TIMEOUT_S}s`, `server.resume_grace=${GRACE_S}s`];

const written = (client, send) => new Promise((resolve) => send(client.ws, resolve));

for (const secure of [false, true])
    test(`who answered a daemon that was stopped is not late${secure ? ', over TLS' : ''}`, { timeout: 60000 }, async () => {
        const authority = await makeAuthority();
        const { certificate, key } = await authority.issue('usherd');
        const keys = secure ? [`tls.certificate=${certificate}`, `tls.key=${key}`] : [];
        const daemon = await startDaemon({ args: [...SETTINGS, ...keys].flatMap((setting) => ['--set', setting]) });
        const url = secure ? daemon.url.replace('ws:', 'wss:') : daemon.url;
        const open = (options) => connect(url, { ca: authority.ca, ...options });
        const clients = [];
        try {
            for (let i = 0; i < CLIENTS; i++) {
                const client = await open({ autoPong: false });
                client.ws.on('ping', client.ws.pong);
                clients.push(client);
            }
            const [lost, other, returning] = [await open(), await open(), await open()];
            const { resumeToken } = await lost.join('room');
            await other.join('room');
            await lost.next();
            clients.forEach(({ ws }) => ws.off('ping', ws.pong));
            const pinged = Promise.all(clients.map(({ ws }) => once(ws, 'ping')));
            const pings = await within(TIMEOUT_S * 1000, pinged, 'not all were pinged');
            lost.destroy();
            assert.equal((await other.next()).type, 'peer-away');

            daemon.kill('SIGSTOP');
            await Promise.all([
                ...clients.map((client, i) => written(client, (ws, done) => ws.pong(pings[i][0], true, done))),
                written(returning, (ws, done) => ws.send(JSON.stringify({ type: 'resume', resumeToken }), done)),
            ]);
            await pass(STOPPED_MS);
            daemon.kill('SIGCONT');

            assert.equal((await returning.next()).type, 'resumed');
            assert.equal((await other.next()).type, 'peer-back');
            await Promise.all(clients.map((client) => client.alive()));
        } finally {
            daemon.kill('SIGCONT');
            clients.forEach((client) => client.destroy());
            await daemon.stop();
        }
    });
