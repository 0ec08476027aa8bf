// SPDX-License-Identifier: MIT
//
// Answers that come after their client has gone: a room that is made is answered when rooms.json is on the disk, one
// with a password when that is hashed too, and a client may reset its connection at any moment in between.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import http from 'node:http';
import net from 'node:net';
import path from 'node:path';
import tls from 'node:tls';
import { makeAuthority } from './lib/authority.mjs';
import { startDaemon, within } from './lib/daemon.mjs';
import { pair } from './lib/client.mjs';
import { scratch } from './lib/peer.mjs';
import { parseMetrics } from './lib/prometheus.mjs';

const STORM_MS = 60000;

// latest: ms between a request and its client's RST, at most. made: rooms that there are afterwards, at least (10,000 are
// kept): a room without a password is made at once, one with it only if its client is still there when it is hashed.
const STORMS = [
    { what: 'a room', body: () => '{}', posts: 8000, atOnce: 24, latest: 6, made: 160 },
    { what: 'a room with a password', body: () => '{"password":"secret"}', posts: 60, atOnce: 3, latest: 240, made: 0 },
    { what: 'a room, or one with a password,', body: (n) => (n % 20 === 0 ? '{"password":"secret"}' : '{}'), posts: 8000, atOnce: 24, latest: 6, made: 160 },
    { what: 'a room, or one with a password, over TLS', secure: true, body: (n) => (n % 20 === 0 ? '{"password":"secret"}' : '{}'), posts: 500, atOnce: 12, latest: 6, made: 10 },
];

const SETTINGS = ['limits.connection_rate=0', 'limits.max_connections_per_address=0', 'limits.max_rooms=0', 'limits.join_rate=0'];

const request = (body) =>
    `POST /api/rooms HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;

// Resolves when the socket is gone: reset by us, or because the daemon is.
function askAndReset(port, secure, body, ms) {
    return new Promise((resolve) => {
        const socket = net.connect(port, '127.0.0.1');
        const asks = secure ? tls.connect({ socket, rejectUnauthorized: false }) : socket;
        for (const one of [socket, asks]) one.on('error', () => {});
        socket.on('close', resolve);
        asks.on(secure ? 'secureConnect' : 'connect', () => {
            asks.write(request(body));
            if (ms === 0) socket.resetAndDestroy();
            else setTimeout(() => socket.resetAndDestroy(), ms);
        });
    });
}

async function storm(daemon, { secure, body, posts, atOnce, latest }) {
    let sent = 0;
    const client = async () => {
        while (sent < posts && daemon.child.exitCode === null && daemon.child.signalCode === null) {
            const n = sent++;
            await askAndReset(daemon.port, secure, body(n), (n * 37) % (latest + 1));
        }
    };
    await within(STORM_MS, Promise.all(Array.from({ length: atOnce }, client)), 'the storm did not end');
}

async function isServed(daemon, { made: least }) {
    const ask = (where, method = 'GET', body = '') => new Promise((resolve, reject) =>
        http.request({ socketPath: daemon.file, path: where, method }, async (answer) =>
            resolve({ status: answer.statusCode, text: (await answer.setEncoding('utf8').toArray()).join('') })).on('error', reject).end(body));
    const metrics = parseMetrics((await ask('/metrics')).text);
    assert.ok(metrics.get('usherd_rooms') >= least, `${metrics.get('usherd_rooms')} rooms were made`);
    assert.equal((await ask('/api/rooms', 'POST', '{"name":"afterwards"}')).status, 201);
    const [a, b] = await pair(`ws+unix:${daemon.file}:/ws`, 'afterwards');
    a.send({ type: 'signal', to: b.peerId, data: 'hello' });
    assert.equal((await b.next()).data, 'hello');
}

for (const kind of STORMS)
    test(`who asks for ${kind.what} and resets the connection harms nobody`, { timeout: 120000 }, async () => {
        const file = path.join(await scratch(), 'usherd.sock'); // without TLS in any case
        const { certificate, key } = kind.secure ? await (await makeAuthority()).issue('here') : { certificate: '', key: '' };
        const settings = [...SETTINGS, `tls.certificate=${certificate}`, `tls.key=${key}`];
        const daemon = await startDaemon({ args: ['--listen', `unix:${file}`, ...settings.flatMap((setting) => ['--set', setting])] });
        daemon.file = file;
        await storm(daemon, kind);
        await isServed(daemon, kind);
        assert.equal(await daemon.stop(), 0, daemon.log);
    });
