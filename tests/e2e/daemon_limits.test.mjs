// SPDX-License-Identifier: MIT
//
// Each limit of [limits], set low and reached: the client is told, the metrics count it under the limit's name, and the
// log says it, at most once a second. Then what auth_failures means to who guesses and to who does not.
import { after, test } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { startDaemon, within } from './lib/daemon.mjs';
import { Client, connect, pair } from './lib/client.mjs';
import { parseMetrics } from './lib/prometheus.mjs';

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'usherd-limits-'));
after(() => fs.rmSync(folder, { recursive: true }));

// With a unix socket beside it, which no limit of addresses counts, for the metrics.
async function start(...options) {
    const socket = path.join(fs.mkdtempSync(path.join(folder, 's')), 'u');
    const args = ['--listen', `unix:${socket}`, ...options.flatMap((option) => ['--set', option])];
    const daemon = await startDaemon({ args });
    daemon.socket = socket;
    return daemon;
}

async function metrics(daemon) {
    const text = await within(5000, new Promise((resolve, reject) => {
        http.get({ socketPath: daemon.socket, path: '/metrics' }, (response) => {
            let body = '';
            response.setEncoding('utf8').on('data', (piece) => (body += piece));
            response.on('end', () => resolve(body));
        }).on('error', reject);
    }), 'no metrics came');
    return parseMetrics(text);
}

const post = (daemon, body = {}, headers = {}) =>
    fetch(`${daemon.http}/api/rooms`, { method: 'POST', headers, body: JSON.stringify(body) });

async function httpError(response) {
    const { error } = await response.json();
    return [response.status, error.code];
}

const joins = (client, roomId, more) => client.ask({ type: 'join-room', roomId, ...more });

// A connection more than there may be.
async function turnedAway(daemon, before, status, code) {
    const held = [];
    for (let i = 0; i < before; i++) held.push(await connect(daemon.url));
    const one = new Client(daemon.url);
    assert.match((await one.failed).message, new RegExp(`${status}`));
    assert.deepEqual(await httpError(await fetch(daemon.http)), [status, code]);
    await Promise.all(held.map((client) => client.close()));
}

const LIMITS = [
    {
        limit: 'max_connections',
        log: /refused connections reason=server-full/,
        reach: (daemon) => turnedAway(daemon, 2, 503, 'server-full'),
        set: ['max_connections=2'],
    },
    {
        limit: 'max_connections_per_address',
        log: /refused connections reason=rate-limited/,
        reach: (daemon) => turnedAway(daemon, 2, 429, 'rate-limited'),
        set: ['max_connections_per_address=2'],
    },
    {
        limit: 'connection_rate',
        log: /refused connections reason=rate-limited/,
        reach: (daemon) => turnedAway(daemon, 1, 429, 'rate-limited'),
        set: ['connection_rate=1', 'connection_burst=1'],
    },
    {
        limit: 'max_rooms',
        log: /refused requests reason=server-full/,
        set: ['max_rooms=1'],
        async reach(daemon) {
            const [a, b] = [await connect(daemon.url), await connect(daemon.url)];
            await a.join('one');
            assert.equal((await joins(b, 'two')).code, 'server-full');
            assert.deepEqual(await httpError(await post(daemon)), [503, 'server-full']);
            await Promise.all([a.close(), b.close()]);
        },
    },
    {
        limit: 'max_room_members',
        log: /number of members reason=max_room_members/,
        set: ['max_room_members=2'],
        async reach(daemon) {
            const two = await pair(daemon.url, 'full');
            const third = await connect(daemon.url);
            assert.equal((await joins(third, 'full')).code, 'room-full');
            await Promise.all([...two, third].map((client) => client.close()));
        },
    },
    {
        limit: 'max_frame',
        log: /breaking the protocol reason=too-large/,
        set: ['max_frame=2K'],
        async reach(daemon) {
            const a = await connect(daemon.url);
            assert.equal((await a.ask(JSON.stringify({ type: 'ping', fill: 'x'.repeat(3000) }))).code, 'too-large');
            assert.equal((await a.end()).code, 1009);
        },
    },
    {
        limit: 'max_queue',
        log: /not reading what was sent reason="?slow reader/,
        set: ['max_queue=64K', 'message_rate=0'],
        async reach(daemon) {
            const [reader, writer] = await pair(daemon.url, 'slow');
            reader.ws.pause();
            let told;
            for (let i = 0; i < 2000 && !told; i++) {
                writer.send({ type: 'signal', to: reader.peerId, data: 'x'.repeat(60000) });
                const answer = await writer.ask({ type: 'ping' });
                if (answer.type !== 'pong') told = answer;
            }
            assert.equal(told?.type, 'peer-away');
            reader.destroy();
            writer.destroy();
        },
    },
    {
        limit: 'message_rate',
        log: /read slower reason=message_rate/,
        set: ['message_rate=5', 'message_burst=2'],
        async reach(daemon) {
            const a = await connect(daemon.url);
            for (let i = 0; i < 3; i++) a.send({ type: 'ping' });
            for (let i = 0; i < 3; i++) assert.equal((await a.next()).type, 'pong');
            const error = await a.next();
            assert.equal(error.code, 'rate-limited');
            assert.ok(error.retryAfterMs > 0);
            await a.close();
        },
    },
    {
        limit: 'join_rate',
        log: /faster than their rate reason=join_rate/,
        set: ['join_rate=1'],
        async reach(daemon) {
            const a = await connect(daemon.url);
            for (let i = 0; i < 10; i++) {
                await a.join('den');
                assert.equal((await a.ask({ type: 'leave-room' })).type, 'left-room');
            }
            const error = await joins(a, 'den', { ref: 'r' });
            assert.deepEqual([error.code, error.ref, error.fatal], ['rate-limited', 'r', false]);
            assert.ok(error.retryAfterMs > 0 && error.retryAfterMs <= 1000);
            const response = await post(daemon);
            assert.equal(response.headers.get('retry-after'), '1');
            assert.deepEqual(await httpError(response), [429, 'rate-limited']);
            await a.alive();
            await a.close();
        },
    },
    {
        limit: 'join_timeout',
        log: /breaking the protocol reason=not-in-room/,
        set: ['join_timeout=200ms'],
        async reach(daemon) {
            const a = await connect(daemon.url);
            assert.equal((await a.next()).code, 'not-in-room');
            assert.equal((await a.end()).code, 1008);
        },
    },
    {
        limit: 'auth_failures',
        log: /refused unheard reason=auth_failures/,
        set: ['auth_failures=2'],
        async reach(daemon) {
            assert.equal((await post(daemon, { name: 'vault', password: 'right' })).status, 201);
            const a = await connect(daemon.url);
            for (let i = 0; i < 2; i++) assert.equal((await joins(a, 'vault', { password: `${i}` })).code, 'room-locked');
            const error = await joins(a, 'vault', { password: 'right' });
            assert.deepEqual([error.code, error.fatal], ['rate-limited', false]);
            assert.ok(error.retryAfterMs > 20000 && error.retryAfterMs <= 30000, `${error.retryAfterMs}`);
            const answer = await fetch(`${daemon.http}/api/rooms/vault`, {
                method: 'DELETE',
                headers: { authorization: 'Bearer guess' },
            });
            assert.ok(Number(answer.headers.get('retry-after')) > 20);
            assert.deepEqual(await httpError(answer), [429, 'rate-limited']);
            await a.join('hall'); // where no password is asked for
            await a.close();
        },
    },
];

for (const { limit, set, reach, log } of LIMITS) {
    test(`${limit}: told, counted, logged`, async () => {
        const daemon = await start(...set.map((option) => `limits.${option}`));
        try {
            await reach(daemon);
            await daemon.logged(log);
            const counts = await metrics(daemon);
            assert.ok(counts.get(`usherd_limited_total{limit="${limit}"}`) >= 1, limit);
            for (const other of LIMITS.filter((one) => one.limit !== limit))
                assert.equal(counts.get(`usherd_limited_total{limit="${other.limit}"}`), 0, other.limit);
        } finally {
            await daemon.stop();
        }
    });
}

test('every limit of the conf is in the table, and acts', async () => {
    const conf = fs.readFileSync(new URL('../../conf/usherd.conf', import.meta.url), 'utf8');
    const section = conf.slice(conf.indexOf('[limits]'), conf.indexOf('[rooms]'));
    const options = [...section.matchAll(/^#([a-z_]+) = /gm)].map((match) => match[1]);
    const reached = LIMITS.flatMap(({ set }) => set.map((option) => option.slice(0, option.indexOf('='))));
    assert.deepEqual(options.filter((option) => !reached.includes(option)), []);
    assert.ok(!section.includes('no effect'));
});

test('after three wrong ones an address waits, and others do not', async () => {
    const daemon = await start();
    try {
        assert.equal((await post(daemon, { name: 'vault', password: 'right' })).status, 201);
        const guesser = await connect(daemon.url);
        for (let i = 0; i < 3; i++) assert.equal((await joins(guesser, 'vault', { password: 'wrong' })).code, 'room-locked');
        const neighbour = await connect(daemon.url);
        const began = performance.now();
        await neighbour.join('vault', { password: 'right' });
        assert.ok(performance.now() - began >= 240, 'it did not wait');
        const counts = await metrics(daemon);
        assert.equal(counts.get('usherd_auth_failures_total'), 3);
        assert.equal(counts.get('usherd_auth_delayed_total'), 1);
        await daemon.logged(/tokens were wrong reason=password/);
        const elsewhere = await connect(`ws+unix://${daemon.socket}:/ws`);
        for (let i = 0; i < 12; i++) assert.equal((await joins(elsewhere, 'vault', { password: 'wrong' })).code, 'room-locked');
        await Promise.all([guesser, neighbour, elsewhere].map((client) => client.close()));
    } finally {
        await daemon.stop();
    }
});

test('answers over HTTP are counted by status', async () => {
    const daemon = await start();
    try {
        assert.equal((await fetch(`${daemon.http}/api/rooms/none`)).status, 404);
        assert.equal((await post(daemon, { maxPeers: 'many' })).status, 400);
        const counts = await metrics(daemon);
        assert.equal(counts.get('usherd_http_answers_total{status="404"}'), 1);
        assert.equal(counts.get('usherd_http_answers_total{status="400"}'), 1);
        assert.equal(counts.get('usherd_errors_total{code="bad-message"}'), 1);
    } finally {
        await daemon.stop();
    }
});
