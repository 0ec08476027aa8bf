// SPDX-License-Identifier: MIT
//
// Rooms over HTTP against the real daemon: made, listed, locked, closed, kept over a restart; and HTTP that is wrong:
// bodies that lie, floods of headers, requests on top of each other, and slow ones.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { startDaemon } from './lib/daemon.mjs';
import { connect } from './lib/client.mjs';
import { Raw } from './lib/raw.mjs';

let daemon;
before(async () => {
    daemon = await startDaemon();
});
after(() => daemon?.stop());

const post = (to, body, headers = {}) =>
    fetch(`${to.http}/api/rooms`, { method: 'POST', headers, body: typeof body === 'string' ? body : JSON.stringify(body) });

async function make(to, body) {
    const response = await post(to, body);
    assert.equal(response.status, 201, await response.clone().text());
    return response.json();
}

const close = (to, id, token) =>
    fetch(`${to.http}/api/rooms/${id}`, { method: 'DELETE', headers: token ? { authorization: `Bearer ${token}` } : {} });

async function sends(request, pattern, { port = daemon.port, ms } = {}) {
    const raw = new Raw(port);
    await raw.write(request);
    await raw.end(ms);
    assert.match(raw.received.toString('latin1'), pattern, request.slice(0, 60));
    return raw.received.toString('latin1');
}

test('a room is made, shown, taken once, and closed by its owner', async () => {
    const room = await make(daemon, { name: 'hall', listed: true, maxPeers: 3 });
    assert.equal(room.id, 'hall');
    assert.match(room.ownerToken, /^[a-z2-7]{52}$/);
    assert.ok(Math.abs(room.createdAt - Date.now()) < 60000);
    assert.equal((await post(daemon, { name: 'hall' })).status, 409);
    const a = await connect(daemon.url);
    await a.join('hall');
    const { rooms } = await (await fetch(`${daemon.http}/api/rooms`)).json();
    const { ownerToken, ...shown } = room;
    assert.deepEqual(rooms, [{ ...shown, peers: 1 }]);
    assert.deepEqual(await (await fetch(`${daemon.http}/api/rooms/hall`)).json(), rooms[0]);
    assert.equal((await close(daemon, 'hall')).status, 401);
    assert.equal((await close(daemon, 'hall', 'x'.repeat(52))).status, 403);
    const closed = await close(daemon, 'hall', ownerToken);
    assert.equal(closed.status, 204);
    assert.equal(await closed.text(), '');
    assert.deepEqual(await a.next(), { type: 'room-closed', roomId: 'hall' });
    assert.equal((await fetch(`${daemon.http}/api/rooms/hall`)).status, 404);
    assert.equal((await close(daemon, 'hall', ownerToken)).status, 404);
    assert.equal((await a.ask({ type: 'signal', to: a.peerId, data: 1 })).code, 'not-in-room');
    await a.join('elsewhere');
    await a.close();
});

test('without a usable name the id is a code that nobody guesses', async () => {
    const ids = new Set();
    for (const body of ['', '{}', { name: 'Our hall' }]) ids.add((await make(daemon, body)).id);
    assert.equal(ids.size, 3);
    for (const id of ids) assert.match(id, /^[a-z2-7]{26}$/);
    const { rooms } = await (await fetch(`${daemon.http}/api/rooms`)).json();
    assert.deepEqual(rooms, []);
});

test('a password opens its room and nothing else does', async () => {
    await make(daemon, { name: 'vault', password: 'sésame' });
    const a = await connect(daemon.url);
    assert.equal((await a.ask({ type: 'join-room', roomId: 'vault' })).code, 'room-locked');
    const wrong = await a.ask({ type: 'join-room', roomId: 'vault', password: 'sesame', ref: '1' });
    assert.deepEqual([wrong.code, wrong.ref, wrong.fatal], ['room-locked', '1', false]);
    await a.join('vault', { password: 'sésame' });
    const validate = await fetch(`${daemon.http}/api/validate?room=vault`);
    assert.equal(validate.status, 401);
    assert.equal((await validate.json()).error.code, 'room-locked');
    await a.close();
});

test('while passwords are hashed others are served, and too many are told to come back', async () => {
    const [a, b] = [await connect(daemon.url), await connect(daemon.url)];
    await make(daemon, { name: 'busy', password: 'x' });
    await a.join('quick');
    await b.join('quick');
    await a.next();
    const guesses = Array.from({ length: 100 }, () => post(daemon, { password: 'p' }));
    const answered = Promise.all(guesses);
    let over = false;
    answered.then(() => (over = true));
    for (let i = 0; i < 50; i++) {
        a.send({ type: 'signal', to: b.peerId, data: i });
        assert.equal((await b.next()).data, i);
    }
    assert.equal(over, false, 'the relay waited for the hashes');
    const answers = await answered;
    const statuses = answers.map((answer) => answer.status);
    assert.ok(statuses.every((status) => status === 201 || status === 429), statuses.join());
    assert.ok(statuses.includes(201));
    for (const answer of answers.filter((one) => one.status === 429)) {
        assert.ok(answer.headers.get('retry-after'));
        assert.ok((await answer.json()).error.retryAfterMs > 0);
    }
    await a.close();
    await b.close();
});

test('validate says what a join would be answered', async () => {
    const ask = async (query) => {
        const response = await fetch(`${daemon.http}/api/validate${query}`);
        const body = await response.json();
        return [response.status, body.error?.code ?? body.status];
    };
    assert.deepEqual(await ask('?room=anywhere'), [200, 'ok']);
    assert.deepEqual(await ask(''), [400, 'bad-message']);
    assert.deepEqual(await ask('?room=a%2Fb'), [400, 'bad-message']);
    await make(daemon, { name: 'pair', maxPeers: 1 });
    const a = await connect(daemon.url);
    await a.join('pair');
    assert.deepEqual(await ask('?room=pair'), [409, 'room-full']);
    await a.close();
    const closed = await startDaemon({ args: ['--set', 'rooms.auto_create=no'] });
    const response = await fetch(`${closed.http}/api/validate?room=none`);
    assert.equal(response.status, 403);
    await closed.stop();
});

test('rooms survive a daemon that is killed: locked ones locked, deleted ones gone', async () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'usherd-rooms-'));
    const start = () => startDaemon({ args: ['--set', `server.state_dir=${folder}/deep/state`] });
    let one = await start();
    try {
        const vault = await make(one, { name: 'vault', password: 'pw', listed: true });
        const gone = await make(one, { name: 'gone' });
        assert.equal((await close(one, 'gone', gone.ownerToken)).status, 204);
        one.kill('SIGKILL');
        await one.exited;
        one = await start();
        assert.equal((await fetch(`${one.http}/api/rooms/gone`)).status, 404);
        const a = await connect(one.url);
        assert.equal((await a.ask({ type: 'join-room', roomId: 'vault' })).code, 'room-locked');
        await a.join('vault', { password: 'pw' });
        assert.equal((await close(one, 'vault', vault.ownerToken)).status, 204);
        assert.equal((await a.next()).type, 'room-closed');
        await a.close();
        await one.stop();
        for (const name of ['rooms.json', 'owner.key'])
            assert.equal(fs.statSync(`${folder}/deep/state/${name}`).mode & 0o777, 0o600);
        fs.writeFileSync(`${folder}/deep/state/rooms.json`, '{"version":1,"rooms":[{"id":"vau');
        await assert.rejects(start(), /rooms\.json is damaged/);
    } finally {
        await one.stop();
        fs.rmSync(folder, { recursive: true });
    }
});

test('bodies: too long, of no told length, that lie', async () => {
    const head = (lines) => `POST /api/rooms HTTP/1.1\r\nHost: x\r\n${lines}\r\n\r\n`;
    assert.equal((await post(daemon, `{"name":"${'x'.repeat(20000)}"}`)).status, 413);
    assert.equal((await post(daemon, { name: 'x'.repeat(129) })).status, 400);
    await sends(head('Content-Length: 99999999999999'), /^HTTP\/1\.1 413 .*too-large/s);
    await sends(head('Transfer-Encoding: chunked') + '2\r\n{}\r\n0\r\n\r\n', /^HTTP\/1\.1 411 .*length-required/s);
    for (const length of ['-1', '1x', '0x10', '2, 2'])
        await sends(head(`Content-Length: ${length}`) + '{}', /^HTTP\/1\.1 400 .*bad-length/s);
    // More than was told is not part of it, less never comes.
    await sends(head('Content-Length: 2') + '{}GET /health HTTP/1.1\r\n\r\n', /^HTTP\/1\.1 201 /);
    await sends(head('Content-Length: 100') + '{}', /^$/, { ms: 13000 });
});

test('methods and paths', async () => {
    const options = await fetch(`${daemon.http}/api/rooms`, {
        method: 'OPTIONS', headers: { origin: 'https://a.example', 'access-control-request-method': 'POST' } });
    assert.equal(options.status, 204);
    assert.equal(options.headers.get('access-control-allow-origin'), '*');
    assert.match(options.headers.get('access-control-allow-methods'), /POST/);
    assert.match(options.headers.get('access-control-allow-headers'), /Authorization/);
    const put = await fetch(`${daemon.http}/api/rooms`, { method: 'PUT', body: '{}' });
    assert.equal(put.status, 405);
    assert.equal(put.headers.get('allow'), 'GET, HEAD, POST, OPTIONS');
    assert.equal((await fetch(`${daemon.http}/api/rooms/x/y`)).status, 404);
    assert.equal((await fetch(`${daemon.http}/api/rooms/`)).status, 404);
    const head = await fetch(`${daemon.http}/api/rooms`, { method: 'HEAD' });
    assert.equal(head.status, 200);
    assert.ok(Number(head.headers.get('content-length')) > 0);
    assert.equal((await (await fetch(`${daemon.http}/ready`)).json()).status, 'ready');
    await sends(`GET /${'x'.repeat(1000)} HTTP/1.1\r\nHost: x\r\n\r\n`, /^HTTP\/1\.1 414 /);
});

test('one list of origins for pages, whatever they ask', async () => {
    const picky = await startDaemon({ args: ['--set', 'server.origins=https://app.example'] });
    try {
        const good = await post(picky, '{}', { origin: 'https://app.example' });
        assert.equal(good.status, 201);
        assert.equal(good.headers.get('access-control-allow-origin'), 'https://app.example');
        assert.equal(good.headers.get('vary'), 'Origin');
        const bad = await post(picky, '{}', { origin: 'https://evil.example', 'content-type': 'text/plain' });
        assert.equal(bad.status, 403);
        assert.equal(bad.headers.get('access-control-allow-origin'), null);
        const read = await fetch(`${picky.http}/health`, { headers: { origin: 'https://evil.example' } });
        assert.equal(read.headers.get('access-control-allow-origin'), null);
        assert.equal(read.headers.get('vary'), 'Origin'); // or a cache would hand it to app.example, too
        assert.equal((await fetch(`${picky.http}/health`)).headers.get('vary'), 'Origin');
        const preflight = await fetch(`${picky.http}/api/rooms`, { method: 'OPTIONS', headers: { origin: 'https://evil.example' } });
        assert.equal(preflight.headers.get('access-control-allow-methods'), null);
        assert.equal((await post(picky, '{}')).status, 201);
    } finally {
        await picky.stop();
    }
});

test('requests on top of each other get one answer', async () => {
    const one = 'GET /health HTTP/1.1\r\nHost: x\r\n\r\n';
    const got = await sends(one.repeat(50), /^HTTP\/1\.1 200 /);
    assert.equal(got.match(/HTTP\/1\.1/g).length, 1);
});

test('a request that comes a drop at a time ends after ten seconds', async () => {
    const slow = new Raw(daemon.port);
    await slow.write('POST /api/rooms HTTP/1.1\r\nHost: x\r\nContent-Length: 10000\r\n\r\n');
    const drops = setInterval(() => slow.socket.writable && slow.socket.write(' '), 300);
    const headers = new Raw(daemon.port);
    await headers.write('GET /health HTTP/1.1\r\n');
    const lines = setInterval(() => headers.socket.writable && headers.socket.write('X-A: b\r\n'), 300);
    await Promise.all([slow.end(13000), headers.end(13000)]);
    clearInterval(drops);
    clearInterval(lines);
    assert.equal((await fetch(`${daemon.http}/health`)).status, 200);
});

test('floods of headers are hung up on', async () => {
    for (const flood of [`X-H: ${'y'.repeat(100000)}\r\n`, 'X-H: y\r\n'.repeat(20000), `Authorization: Bearer ${'t'.repeat(100000)}\r\n`]) {
        const raw = new Raw(daemon.port);
        await raw.write(`GET /health HTTP/1.1\r\n${flood}\r\n`);
        await raw.end(12000);
    }
    assert.equal((await fetch(`${daemon.http}/health`)).status, 200);
});

test('rooms.listed shows rooms that join-room made; rooms.linger and rooms.ttl keep the empty ones', async () => {
    const shown = await startDaemon({
        args: ['--set', 'rooms.listed=yes', '--set', 'rooms.linger=1h', '--set', 'rooms.ttl=300ms'] });
    try {
        const a = await connect(shown.url);
        await a.join('open');
        await a.close();
        const { rooms } = await (await fetch(`${shown.http}/api/rooms`)).json();
        assert.deepEqual(rooms.map((room) => [room.id, room.peers]), [['open', 0]]);
        await make(shown, { name: 'brief' });
        const until = Date.now() + 8000;
        while ((await fetch(`${shown.http}/api/rooms/brief`)).status === 200) assert.ok(Date.now() < until);
    } finally {
        await shown.stop();
    }
});
