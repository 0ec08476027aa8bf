// SPDX-License-Identifier: MIT
//
// npm's socket.io-client, unchanged, beside native members in the same rooms.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import fs from 'node:fs/promises';
import path from 'node:path';
import { startDaemon } from './lib/daemon.mjs';
import { connect } from './lib/client.mjs';
import { scratch } from './lib/peer.mjs';
import { Socket, connectSocket } from './lib/socketio.mjs';

let daemon;
before(async () => {
    daemon = await startDaemon();
});
after(() => daemon?.stop());

for (const [way, options] of [['polling, then a WebSocket', {}], ['polling alone', { transports: ['polling'] }],
    ['a WebSocket alone', { transports: ['websocket'] }]])
    describe(way, () => {
        const room = way.replace(/\W/g, '-');
        test('members of both dialects see each other, and signal', async () => {
            const native = await connect(daemon.url);
            await native.join(room, { displayName: 'Nat', metadata: { k: 1 } });
            const socket = await connectSocket(daemon, options);
            const first = await connectSocket(daemon, options);
            await first.join(room, { displayName: 'Sue' });
            assert.deepEqual(await native.next(), { type: 'peer-joined', peerId: first.id, displayName: 'Sue', dialect: 'socket.io' });
            const [peers, offset] = await (socket.emit('join-room', { roomId: room, displayName: 'Sam' }), socket.heard('peers'));
            assert.deepEqual(peers, { peers: [native.peerId, first.id], participants: [
                { peerId: native.peerId, displayName: 'Nat', metadata: { k: 1 }, dialect: 'native' },
                { peerId: first.id, displayName: 'Sue' }], roomId: room, peerId: socket.id });
            assert.equal(typeof offset, 'string');
            await native.next();
            assert.deepEqual(await first.event('peer-joined'), { peerId: socket.id, displayName: 'Sam' });

            const data = { type: 'offer', sdp: 'v=0\r\n', odd: [1e300, '\u0000\u2028', null] };
            native.send({ type: 'signal', to: socket.id, data });
            assert.deepEqual(await socket.heard('signal'), [{ from: native.peerId, data }]);
            socket.emit('signal', { to: native.peerId, data });
            assert.deepEqual(await native.next(), { type: 'signal', from: socket.id, data });
            socket.emit('signal', { to: first.id, data, more: true });
            assert.deepEqual(await first.heard('signal'), [{ from: socket.id, data, more: true }]);
            for (const [name, body] of [['offer', { sdp: 'o', link: 'l' }], ['answer', { sdp: 'a' }],
                ['ice-candidate', { candidate: { candidate: 'c', sdpMid: '0', sdpMLineIndex: 0 } }], ['ice-candidate', { candidate: null }]]) {
                native.send({ type: name, to: socket.id, ...body });
                assert.deepEqual(await socket.heard(name), [{ from: native.peerId, ...body }]);
                socket.emit(name, { to: native.peerId, ...body });
                assert.deepEqual(await native.next(), { type: name, from: socket.id, ...body });
            }
            await first.close();
            assert.deepEqual(await native.next(), { type: 'peer-left', peerId: (await socket.event('peer-left')).peerId, reason: 'left' });
            socket.emit('leave-room');
            assert.deepEqual(await socket.heard('left-room'), [{}]);
            assert.equal((await native.next()).type, 'peer-left');
            await socket.close();
            await native.close(1000);
        });

        // Its transport is the one that it stays with.
        const settled = async (socket) => {
            const { engine } = socket.socket.io;
            if (!options.transports && engine.transport.name === 'polling') await new Promise((resolve) => engine.once('upgrade', resolve));
        };
        // What it hears at its end, in order: a client that comes back would be told late what it was told in vain.
        const atItsEnd = async (socket, names) => {
            const order = [];
            for (const name of names) socket.socket.on(name, (said) => order.push([name, said]));
            await socket.heard('disconnect');
            return order;
        };
        test('a daemon that stops says so before it ends the connection', async () => {
            const stopping = await startDaemon();
            const socket = await connectSocket(stopping, { ...options, reconnection: false });
            await socket.join(room);
            await settled(socket);
            const heard = atItsEnd(socket, ['server-draining', 'disconnect']);
            assert.equal(await stopping.stop(), 0);
            const [draining, end] = await heard;
            assert.deepEqual([draining[0], end], ['server-draining', ['disconnect', 'transport close']]);
            assert.equal(typeof draining[1].reconnectAfterMs, 'number');
        });
        test('an error that ends the connection is heard before its end', async () => {
            const socket = await connectSocket(daemon, { ...options, reconnection: false });
            await socket.join(room);
            await settled(socket);
            const heard = atItsEnd(socket, ['error', 'disconnect']);
            for (let i = 0; i < 40; i++) socket.emit('signal', 'nonsense');
            const order = await heard;
            const last = order.at(-2);
            assert.deepEqual(order.at(-1), ['disconnect', 'transport close']);
            assert.deepEqual([last[0], last[1].code], ['error', 'rate-limited'], JSON.stringify(order));
        });
        test('whose seat another connection takes hears that, and does not come back', async () => {
            const socket = await connectSocket(daemon, options);
            await socket.join(room);
            await settled(socket);
            const other = new Socket(daemon, { ...options, autoConnect: false });
            Object.assign(other.socket, { _pid: socket.socket._pid, _lastOffset: socket.socket._lastOffset });
            other.socket.connect();
            assert.deepEqual((await socket.heard('disconnect'))[0], 'io server disconnect');
            await other.heard('connect');
            assert.equal(socket.socket.active, false);
            for (const one of [socket, other]) await one.close();
        });
        test('what is asked with a callback is acknowledged', async () => {
            const [a, b] = [await connectSocket(daemon, options), await connectSocket(daemon, options)];
            const refused = await a.ask('signal', { to: b.id, data: 1 });
            assert.deepEqual(refused, { ok: false, error: { code: 'not-in-room', message: 'join a room first' } });
            for (const socket of [a, b]) assert.deepEqual(await socket.ask('join-room', { roomId: `${room}-acks` }), { ok: true });
            assert.deepEqual(await a.ask('signal', { to: b.id, data: 1 }), { ok: true });
            assert.deepEqual(await b.heard('signal'), [{ from: a.id, data: 1 }]);
            assert.equal((await a.ask('signal', { to: 'nobody', data: 1 })).error.code, 'no-such-peer');
            assert.equal((await a.ask('what', {})).error.code, 'unknown-type');
            assert.deepEqual(await a.ask('leave-room'), { ok: true });
            a.emit('signal', { to: b.id, data: 1 });
            assert.equal((await a.event('error')).code, 'not-in-room');
            for (const socket of [a, b]) await socket.close();
        });

        test('binary is refused by an error, and the next message is heard', async () => {
            const socket = await connectSocket(daemon, options);
            const answer = await socket.ask('signal', { to: 'x', data: [new Uint8Array([1, 2]), Buffer.alloc(3000)] });
            assert.equal(answer.error.code, 'bad-message');
            assert.match(answer.error.message, /binary/);
            socket.emit('signal', { to: 'x', data: Buffer.from('x') });
            assert.match((await socket.event('error')).message, /binary/);
            assert.deepEqual(await socket.ask('ping'), { ok: true });
            await socket.close();
        });
    });

test('namespaces but the main one are refused as Socket.IO has it', async () => {
    const elsewhere = new Socket(daemon, { namespace: '/chat' });
    const [error] = await elsewhere.heard('connect_error');
    assert.equal(error.message, 'Invalid namespace');
    await elsewhere.close();
});

test('a page that joins whenever it is connected is answered each time', async () => {
    const [a, b] = [await connectSocket(daemon), await connectSocket(daemon)];
    await a.join('again');
    await b.join('again');
    await a.event('peer-joined');
    assert.deepEqual((await a.join('again')).peers, [b.id]);
    assert.ok(await b.nothing('peer-joined'));
    assert.equal((await a.ask('join-room', { roomId: 'other' })).error.code, 'bad-message');
    for (const socket of [a, b]) await socket.close();
});

test('a room that its owner closed is left by all', async () => {
    const made = await (await fetch(`${daemon.http}/api/rooms`, { method: 'POST', body: '{"name":"party","listed":true}' })).json();
    const socket = await connectSocket(daemon);
    await socket.join('party');
    const { rooms } = await (await fetch(`${daemon.http}/api/rooms`)).json();
    assert.equal(rooms.find(({ id }) => id === 'party').peers, 1);
    const headers = { authorization: `Bearer ${made.ownerToken}` };
    assert.equal((await fetch(`${daemon.http}/api/rooms/party`, { method: 'DELETE', headers })).status, 204);
    assert.deepEqual(await socket.heard('room-closed'), [{ roomId: 'party' }]);
    await socket.join('after');
    await socket.close();
});

const BRISK = ['--set', 'server.ping_interval=100ms', '--set', 'server.ping_timeout=2s'];
const TALK_MS = 3000; // longer than both together

test('who talks all the time is not given up by its client', async () => {
    const brisk = await startDaemon({ args: BRISK });
    const socket = await connectSocket(brisk, { transports: ['websocket'] });
    for (const end = Date.now() + TALK_MS; Date.now() < end;) {
        await socket.ask('ping');
        await new Promise((resolve) => setTimeout(resolve, 20)); // a pace, not a wait
    }
    assert.ok(await socket.nothing('disconnect'));
    await socket.close();
    await brisk.stop();
});

/* ---- coming back ---- */

// A ping came behind all that came so far, and was answered: so nothing of that is in doubt.
async function proven(socket) {
    await new Promise((resolve) => socket.socket.io.engine.once('ping', resolve));
    await socket.ask('ping');
}

test('a lost connection is recovered, with all that was sent meanwhile', async () => {
    const brisk = await startDaemon({ args: BRISK });
    const native = await connect(brisk.url);
    await native.join('room');
    const socket = await connectSocket(brisk, { transports: ['websocket'] });
    await socket.join('room', { displayName: 'Sam' });
    await native.next();
    const { id } = socket;
    for (let round = 0; round < 3; round++) {
        native.send({ type: 'signal', to: id, data: `before ${round}` });
        assert.equal((await socket.event('signal')).data, `before ${round}`);
        await proven(socket);
        socket.lose();
        await socket.heard('disconnect');
        assert.deepEqual(await native.next(), { type: 'peer-away', peerId: id });
        for (let i = 0; i < 5; i++) native.send({ type: 'signal', to: id, data: i });
        await socket.heard('connect');
        assert.equal(socket.socket.recovered, true);
        assert.equal(socket.id, id);
        assert.deepEqual((await socket.event('peers')).peers, [native.peerId]);
        for (let i = 0; i < 5; i++) assert.equal((await socket.event('signal')).data, i);
        assert.deepEqual(await native.next(), { type: 'peer-back', peerId: id, displayName: 'Sam', dialect: 'socket.io' });
    }
    await native.close(1000);
    await socket.close();
    await brisk.stop();
});

// As the documentation of connection state recovery tries it.
test('a transport that its client closed is recovered too', async () => {
    for (const transports of [['websocket'], ['polling']]) {
        const socket = await connectSocket(daemon, { transports });
        await socket.join('engine');
        const { id } = socket;
        socket.socket.io.engine.close();
        await socket.heard('disconnect');
        await socket.heard('connect');
        assert.equal(socket.id, id);
        assert.equal(socket.socket.recovered, true);
        await socket.close();
        const native = await connect(daemon.url);
        assert.deepEqual((await native.join('engine')).peers, []); // close() above was a farewell
        await native.close(1000);
    }
});

test('kill -9: the same id and room, all that was sent since, and no claim that nothing was lost', async () => {
    const args = ['--set', `server.state_dir=${await scratch()}`];
    const first = await startDaemon({ args });
    const [a, b] = [await connectSocket(first), await connectSocket(first, { transports: ['polling'] })];
    const ids = [a.id, b.id];
    await a.join('room', { displayName: 'A' });
    await b.join('room', { displayName: 'B' });
    await a.event('peer-joined');
    first.kill('SIGKILL');
    await first.exited;
    const second = await startDaemon({ args, listen: first.address });
    for (const socket of [a, b]) {
        await socket.heard('disconnect');
        await socket.heard('connect');
        assert.equal(socket.socket.recovered, false);
    }
    assert.deepEqual([a.id, b.id], ids);
    const lists = [await a.event('peers'), await b.event('peers')];
    const [early, late] = lists[0].peers.length === 0 ? [a, b] : [b, a];
    assert.deepEqual(lists[late === b ? 1 : 0].peers, [early.id]);
    assert.equal((await early.event('peer-joined')).peerId, late.id);
    assert.deepEqual(await early.ask('signal', { to: late.id, data: 'since' }), { ok: true });
    assert.equal((await late.event('signal')).data, 'since');
    for (const socket of [a, b]) await socket.close();
    await second.stop();
});

test('an offset of another server is nobody known, and no error', async () => {
    const socket = new Socket(daemon, { auth: { pid: 'OPk8qOBIOxRG8Z5aAAAB', offset: '1701-8' } });
    await socket.heard('connect');
    assert.match(socket.id, /^[\w-]+\.[a-z2-7]{26}$/);
    assert.ok(await socket.nothing('error'));
    await socket.close();
});

test('where a token is needed, join-room brings it', async () => {
    const folder = await scratch();
    const key = path.join(folder, 'key');
    const secret = crypto.randomBytes(32);
    await fs.writeFile(key, `alg: HS256\nkid: k\n\n${secret.toString('base64')}\n`);
    const guarded = await startDaemon({ args: ['--set', 'auth.required=yes', '--set', `auth.keys=${key}`] });
    const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const signed = `${part({ alg: 'HS256', kid: 'k' })}.${part({ room: 'in', exp: Math.floor(Date.now() / 1000) + 60 })}`;
    const token = `${signed}.${crypto.createHmac('sha256', secret).update(signed).digest('base64url')}`;
    const socket = await connectSocket(guarded);
    assert.equal((await socket.ask('join-room', { roomId: 'in' })).error.code, 'unauthorized');
    assert.equal((await socket.ask('join-room', { roomId: 'out', token })).error.code, 'forbidden');
    assert.deepEqual(await socket.ask('join-room', { roomId: 'in', token }), { ok: true });
    await socket.close();
    await guarded.stop();
});
