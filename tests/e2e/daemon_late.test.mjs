// SPDX-License-Identifier: MIT
//
// Answers that come after their client has gone: a room that is made is answered when rooms.json is on the disk, one
// with a password when that is hashed too, and a client may reset its connection at any moment in between.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import net from 'node:net';
import { startDaemon, within } from './lib/daemon.mjs';
import { pair } from './lib/client.mjs';
import { parseMetrics } from './lib/prometheus.mjs';

const STORM_MS = 60000;

// latest: ms between a request and its client's RST, at most. A file is written within that; a password takes longer.
const STORMS = [
    { what: 'a room', body: () => '{}', posts: 12000, atOnce: 24, latest: 6 },
    { what: 'a room with a password', body: () => '{"password":"secret"}', posts: 60, atOnce: 3, latest: 240, hashed: true },
    { what: 'a room, or one with a password,', body: (n) => (n % 20 === 0 ? '{"password":"secret"}' : '{}'), posts: 12000, atOnce: 24, latest: 6 },
];

const SETTINGS = ['limits.connection_rate=0', 'limits.max_connections_per_address=0', 'limits.max_rooms=0', 'limits.join_rate=0'];

const request = (body) =>
    `POST /api/rooms HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;

// Resolves when the socket is gone: reset by us, or because the daemon is.
function askAndReset(port, body, ms) {
    return new Promise((resolve) => {
        const socket = net.connect(port, '127.0.0.1');
        socket.on('error', () => {});
        socket.on('close', resolve);
        socket.on('connect', () => {
            socket.write(request(body));
            if (ms === 0) socket.resetAndDestroy();
            else setTimeout(() => socket.resetAndDestroy(), ms);
        });
    });
}

async function storm(daemon, { body, posts, atOnce, latest }) {
    let sent = 0;
    const client = async () => {
        while (sent < posts && daemon.child.exitCode === null && daemon.child.signalCode === null) {
            const n = sent++;
            await askAndReset(daemon.port, body(n), (n * 37) % (latest + 1));
        }
    };
    await within(STORM_MS, Promise.all(Array.from({ length: atOnce }, client)), 'the storm did not end');
}

// That requests got as far as a room is seen where no password has to be hashed first, which a busy machine does late.
async function isServed(daemon, { hashed }) {
    const metrics = parseMetrics(await (await fetch(`${daemon.http}/metrics`)).text());
    assert.ok(hashed || metrics.get('usherd_rooms') > 0, 'no room was made');
    const made = await fetch(`${daemon.http}/api/rooms`, { method: 'POST', body: '{"name":"afterwards"}' });
    assert.equal(made.status, 201);
    const [a, b] = await pair(daemon.url, 'afterwards');
    a.send({ type: 'signal', to: b.peerId, data: 'hello' });
    assert.equal((await b.next()).data, 'hello');
}

for (const kind of STORMS)
    test(`who asks for ${kind.what} and resets the connection harms nobody`, { timeout: 120000 }, async () => {
        const daemon = await startDaemon({ args: SETTINGS.flatMap((setting) => ['--set', setting]) });
        await storm(daemon, kind);
        await isServed(daemon, kind);
        assert.equal(await daemon.stop(), 0, daemon.log);
    });
