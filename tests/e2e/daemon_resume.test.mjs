// SPDX-License-Identifier: MIT
//
// Seats outlive their sockets, and the daemon: away and back, a thousand clients over a kill -9, tokens that are not
// good.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { run, startDaemon } from './lib/daemon.mjs';
import { connect, pair } from './lib/client.mjs';

const ROOMS = 250;
const MEMBERS = 4;
const RETURN_MS = 5000;

async function inFolder(body) {
    const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'usher-e2e-'));
    try {
        await body(folder);
    } finally {
        await fs.rm(folder, { recursive: true });
    }
}

const settings = (folder, more = []) => ['server.state_dir=' + folder, 'limits.connection_rate=0', 'limits.join_rate=0', ...more].flatMap((set) => ['--set', set]);

async function seat(url, roomId) {
    const client = await connect(url);
    client.token = (await client.join(roomId)).resumeToken;
    return client;
}

// Resolves to `resumed` or `error` on a new connection.
async function resume(url, token) {
    const client = await connect(url);
    client.answer = await client.ask({ type: 'resume', resumeToken: token, ref: 'r' });
    return client;
}

async function refused(url, token) {
    const { answer, ws } = await resume(url, token);
    assert.deepEqual([answer.type, answer.code, answer.ref, answer.fatal], ['error', 'resume-failed', 'r', false]);
    ws.terminate();
}

async function until(client, type) {
    for (;;) {
        const message = await client.next();
        if (message.type === type) return message;
    }
}

test('a broken socket is away, and back with what was sent meanwhile', () => inFolder(async (folder) => {
    const daemon = await startDaemon({ args: settings(folder) });
    try {
        const a = await seat(daemon.url, 'lobby');
        const b = await seat(daemon.url, 'lobby');
        await a.next();
        b.destroy();
        assert.deepEqual(await a.next(), { type: 'peer-away', peerId: b.peerId });
        for (let n = 1; n <= 3; n++) a.send({ type: 'signal', to: b.peerId, data: n });
        await a.alive();
        const back = await resume(daemon.url, b.token);
        const { type, roomId, peerId, restarted, recovered, peers } = back.answer;
        assert.deepEqual({ type, roomId, peerId, restarted, recovered, peers }, {
            type: 'resumed', roomId: 'lobby', peerId: b.peerId, restarted: false, recovered: true, peers: [{ peerId: a.peerId }],
        });
        for (let n = 1; n <= 3; n++) assert.deepEqual(await back.next(), { type: 'signal', from: a.peerId, data: n });
        assert.deepEqual(await a.next(), { type: 'peer-back', peerId: b.peerId });
        await back.close(1000);
        assert.deepEqual(await a.next(), { type: 'peer-left', peerId: b.peerId, reason: 'left' });
    } finally {
        await daemon.stop();
    }
}));

test('who does not come back within resume_grace has left', () => inFolder(async (folder) => {
    const daemon = await startDaemon({ args: settings(folder, ['server.resume_grace=200ms']) });
    try {
        const [a, b] = await pair(daemon.url, 'lobby');
        b.destroy();
        assert.equal((await a.next()).type, 'peer-away');
        assert.deepEqual(await a.next(), { type: 'peer-left', peerId: b.peerId, reason: 'disconnected' });
    } finally {
        await daemon.stop();
    }
}));

test('a socket that still looks alive gives way', () => inFolder(async (folder) => {
    const daemon = await startDaemon({ args: settings(folder) });
    try {
        const old = await seat(daemon.url, 'lobby');
        const next = await resume(daemon.url, old.token);
        assert.equal(next.answer.peerId, old.peerId);
        assert.deepEqual(await old.end(), { code: 4001, reason: 'resumed on another connection' });
        await next.alive();
    } finally {
        await daemon.stop();
    }
}));

test('1,000 clients resume over a kill -9', { timeout: 120000 }, () => inFolder(async (folder) => {
    let daemon = await startDaemon({ args: settings(folder) });
    const clients = [];
    try {
        for (let i = 0; i < ROOMS; i++)
            clients.push(...await Promise.all(Array.from({ length: MEMBERS }, () => seat(daemon.url, `room-${i}`))));
        daemon.kill('SIGKILL');
        await daemon.exited;
        await Promise.all(clients.map((client) => client.end()));
        daemon = await startDaemon({ args: settings(folder), listen: `127.0.0.1:${daemon.port}` });
        const began = performance.now();
        const back = await Promise.all(clients.map((client) => resume(daemon.url, client.token)));
        const took = performance.now() - began;
        console.log(`# ${back.length} clients were back after ${Math.round(took)} ms`);
        back.forEach(({ answer }, i) => {
            assert.equal(answer.type, 'resumed');
            assert.equal(answer.peerId, clients[i].peerId);
            assert.equal(answer.restarted, true);
            assert.equal(answer.recovered, false);
        });
        assert.ok(took < RETURN_MS, `${took} ms`);
        // Each to the next one of its room.
        const neighbour = (i) => i - (i % MEMBERS) + ((i + 1) % MEMBERS);
        back.forEach((client, i) => client.send({ type: 'signal', to: clients[neighbour(i)].peerId, data: i }));
        await Promise.all(back.map(async (client, i) => {
            const message = await until(back[neighbour(i)], 'signal');
            assert.deepEqual(message, { type: 'signal', from: clients[i].peerId, data: i });
        }));
        back.forEach((client) => client.destroy());
    } finally {
        clients.forEach((client) => client.destroy());
        await daemon.stop();
    }
}));

test('tokens that are forged, foreign, replayed or late are refused', () => inFolder(async (folder) => {
    const elsewhere = path.join(folder, 'elsewhere');
    const here = path.join(folder, 'here');
    const short = ['server.resume_grace=1s'];
    let daemon = await startDaemon({ args: settings(here, short) });
    const stranger = await startDaemon({ args: settings(elsewhere) });
    try {
        const foreign = (await seat(stranger.url, 'lobby')).token;
        const a = await seat(daemon.url, 'lobby');
        const forged = a.token.slice(0, 40) + (a.token[40] === 'A' ? 'B' : 'A') + a.token.slice(41);
        for (const token of [foreign, forged, '', 'AAAA', a.token.slice(4)]) await refused(daemon.url, token);
        const b = await resume(daemon.url, a.token);
        const c = await resume(daemon.url, b.answer.resumeToken);
        assert.equal(c.answer.peerId, a.peerId);
        await refused(daemon.url, a.token);
        const kept = await seat(daemon.url, 'other');
        daemon.kill('SIGKILL');
        await daemon.exited;
        daemon = await startDaemon({ args: settings(here, short), listen: `127.0.0.1:${daemon.port}` });
        const d = await resume(daemon.url, c.answer.resumeToken);
        assert.equal(d.answer.peerId, a.peerId);
        await refused(daemon.url, a.token);
        await connect(daemon.url).then((client) => client.join('other'));
        await refused(daemon.url, kept.token);
    } finally {
        await stranger.stop();
        await daemon.stop();
    }
}));

test('without a place for its key the daemon does not start, and says why', () => inFolder(async (folder) => {
    const file = path.join(folder, 'file');
    await fs.writeFile(file, '');
    const { code, stderr } = await run(['--listen', '127.0.0.1:0', ...settings(path.join(file, 'below'))]);
    assert.equal(code, 78);
    assert.match(stderr, /below/);
}));

test('the key is closed to others', () => inFolder(async (folder) => {
    const daemon = await startDaemon({ args: settings(folder) });
    await daemon.stop();
    assert.equal((await fs.stat(path.join(folder, 'resume.key'))).mode & 0o777, 0o600);
}));
