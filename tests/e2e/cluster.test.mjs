// SPDX-License-Identifier: MIT
//
// Three daemons on one Redis are one server: rooms, signals, presence and the REST of it over all of them.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { Client, connect } from './lib/client.mjs';
import { clustered, metric, startCluster, startNode, until } from './lib/cluster.mjs';
import { RedisClient, startRedis } from './lib/redis.mjs';
import { connectSocket } from './lib/socketio.mjs';

let redis;
let nodes;
before(async () => {
    redis = await startRedis();
    nodes = await startCluster(redis.unix, 3, { args: ['--set', 'cluster.lease=3s', '--set', 'dialects.ywebrtc=yes'] });
});
after(async () => {
    await Promise.all(nodes.map((node) => node.stop()));
    await redis.stop();
});

let count = 0;
const newRoom = () => `room-${++count}`;

// A member at each node, in the order of the nodes; what they hear of each other is read.
async function trio(room) {
    const all = [];
    for (const node of nodes) {
        const client = await connect(node.url);
        const { peers } = await client.join(room, { displayName: `at ${node.node}` });
        assert.deepEqual(peers.map((p) => p.peerId), all.map((c) => c.peerId), `the list at ${node.node}`);
        for (const other of all) assert.deepEqual(await other.next(), { type: 'peer-joined', peerId: client.peerId, displayName: `at ${node.node}` });
        all.push(client);
    }
    return all;
}

test('members of three daemons see each other come and go, and signal', async () => {
    const [a, b, c] = await trio(newRoom());
    for (const [from, to] of [[a, b], [b, a], [c, a], [b, c]]) {
        const data = { type: 'offer', sdp: 'v=0\r\n', odd: [1e300, '\u2028', null, { deep: ['ä'] }] };
        from.send({ type: 'signal', to: to.peerId, data, more: 1 });
        assert.deepEqual(await to.next(), { type: 'signal', from: from.peerId, data, more: 1 });
    }
    for (let i = 0; i < 500; i++) a.send({ type: 'offer', to: b.peerId, sdp: `n${i}`, link: 'l' });
    for (let i = 0; i < 500; i++) assert.equal((await b.next()).sdp, `n${i}`);
    // What it says before it leaves is heard before that.
    a.ws._socket.cork();
    a.send({ type: 'signal', to: b.peerId, data: 'last' });
    a.send({ type: 'leave-room' });
    a.ws._socket.uncork();
    assert.equal((await a.next()).type, 'left-room');
    assert.equal((await b.next()).data, 'last');
    for (const other of [b, c]) assert.deepEqual(await other.next(), { type: 'peer-left', peerId: a.peerId, reason: 'left' });
    await b.close(1000);
    assert.deepEqual(await c.next(), { type: 'peer-left', peerId: b.peerId, reason: 'left' });
    c.send({ type: 'signal', to: b.peerId, data: 1 });
    assert.equal((await c.next()).code, 'no-such-peer');
    await c.close(1000);
    await a.close(1000);
});

test('a member of another room, at whichever daemon, is nobody', async () => {
    const [a] = await trio(newRoom());
    const [, b] = await trio(newRoom());
    a.send({ type: 'signal', to: b.peerId, data: 1 });
    assert.equal((await a.next()).code, 'no-such-peer');
    await b.alive();
});

test('a broken connection is away and back for all of them, and held signals arrive', async () => {
    const [a, b, c] = await trio(newRoom());
    const before = await connect(nodes[1].url); // b's token is of its join
    await before.close(1000);
    const room = newRoom();
    const [x, , z] = [await connect(nodes[0].url), null, await connect(nodes[2].url)];
    const { resumeToken } = await x.join(room);
    await z.join(room);
    await x.next();
    x.destroy();
    assert.deepEqual(await z.next(), { type: 'peer-away', peerId: x.peerId });
    z.send({ type: 'signal', to: x.peerId, data: 'held' });
    await z.alive();
    const again = await connect(nodes[0].url);
    const resumed = await again.ask({ type: 'resume', resumeToken });
    assert.equal(resumed.type, 'resumed', JSON.stringify(resumed));
    assert.equal(resumed.peerId, x.peerId);
    assert.deepEqual(await again.next(), { type: 'signal', from: z.peerId, data: 'held' });
    assert.equal((await z.next()).type, 'peer-back');
    for (const client of [a, b, c, again, z]) await client.close(1000);
});

test('seat [R-9] a seat is taken again at another daemon, under another id, with what was held for it', async () => {
    const room = newRoom();
    const a = await connect(nodes[0].url);
    const c = await connect(nodes[2].url);
    const { resumeToken } = await a.join(room, { displayName: 'Ann' });
    await c.join(room);
    await a.next();
    a.destroy();
    assert.deepEqual(await c.next(), { type: 'peer-away', peerId: a.peerId });
    c.send({ type: 'signal', to: a.peerId, data: 'held' });
    await c.alive();
    const b = await connect(nodes[1].url);
    const resumed = await b.ask({ type: 'resume', resumeToken });
    assert.equal(resumed.type, 'resumed', JSON.stringify(resumed));
    assert.match(resumed.peerId, /^b\./);
    assert.deepEqual(resumed.peers.map((p) => p.peerId), [c.peerId]);
    const back = await c.next();
    assert.deepEqual([back.type, back.peerId, back.previousPeerId, back.displayName], ['peer-back', resumed.peerId, a.peerId, 'Ann']);
    assert.deepEqual(await b.next(), { type: 'signal', from: c.peerId, data: 'held' });
    c.send({ type: 'signal', to: resumed.peerId, data: 'here' });
    assert.deepEqual(await b.next(), { type: 'signal', from: c.peerId, data: 'here' });
    const late = await connect(nodes[0].url);
    assert.equal((await late.ask({ type: 'resume', resumeToken })).code, 'resume-failed');
    for (const client of [b, c, late]) await client.close(1000);
});

test('one that still looks alive elsewhere is put out when its seat is taken here', async () => {
    const room = newRoom();
    const a = await connect(nodes[0].url);
    const { resumeToken } = await a.join(room);
    const b = await connect(nodes[1].url);
    assert.equal((await b.ask({ type: 'resume', resumeToken })).type, 'resumed');
    assert.equal((await a.end()).code, 4001);
    await b.close(1000);
});

test('capacity, passwords, lists and owners hold over all daemons', async () => {
    const http = (node, path, options) => fetch(`${nodes[node].http}${path}`, options);
    const made = await http(0, '/api/rooms', { method: 'POST', body: JSON.stringify({ name: 'Shared', password: 'pw', maxPeers: 2, listed: true }) });
    assert.equal(made.status, 201);
    const { id, ownerToken } = await made.json();
    for (const node of [0, 1, 2]) {
        const { rooms } = await (await http(node, '/api/rooms')).json();
        const room = rooms.find((r) => r.id === id);
        assert.deepEqual([room?.name, room?.peers, room?.maxPeers, room?.locked], ['Shared', 0, 2, true], `the list at ${nodes[node].node}`);
        assert.equal((await http(node, `/api/rooms/${id}`)).status, 200);
    }
    assert.equal((await http(1, '/api/rooms', { method: 'POST', body: JSON.stringify({ name: 'Shared' }) })).status, 409);
    const [a, b, c] = await Promise.all(nodes.map((node) => connect(node.url)));
    assert.equal((await b.ask({ type: 'join-room', roomId: id })).code, 'room-locked');
    assert.equal((await b.ask({ type: 'join-room', roomId: id, password: 'no' })).code, 'room-locked');
    await b.join(id, { password: 'pw' });
    await c.join(id, { password: 'pw' });
    await b.next();
    assert.equal((await a.ask({ type: 'join-room', roomId: id, password: 'pw' })).code, 'room-full');
    const room = await until(async () => {
        const one = await (await http(0, `/api/rooms/${id}`)).json();
        return one.peers === 2 && one;
    }, 'the count of members is not that of all daemons');
    assert.equal(room.peers, 2);
    assert.equal((await http(2, `/api/rooms/${id}`, { method: 'DELETE', headers: { Authorization: 'Bearer wrong' } })).status, 403);
    assert.equal((await http(2, `/api/rooms/${id}`, { method: 'DELETE', headers: { Authorization: `Bearer ${ownerToken}` } })).status, 204);
    for (const member of [b, c]) assert.equal((await member.next()).type, 'room-closed');
    await until(async () => (await http(1, `/api/rooms/${id}`)).status === 404, 'the room is still there');
});

test('a hundred joins at once at three daemons never make a room too full', async () => {
    const room = newRoom();
    const many = await Promise.all(Array.from({ length: 100 }, (_, i) => connect(nodes[i % 3].url)));
    const answers = await Promise.all(many.map((client) => client.ask({ type: 'join-room', roomId: room })));
    const seats = answers.filter((answer) => answer.type === 'peers');
    assert.equal(seats.length, 64);
    for (const answer of answers) if (answer.type !== 'peers') assert.equal(answer.code, 'room-full');
    const admin = new RedisClient(redis.socket);
    assert.equal(await admin.do('HLEN', `usher:1:room:${room}`), 66);
    await Promise.all(many.map((client) => client.close(1000)));
    await until(async () => await admin.do('EXISTS', `usher:1:room:${room}`) === 0, 'the room outlives its members');
    admin.end();
});

test('a native member and one of Socket.IO call each other over two daemons', async () => {
    const room = newRoom();
    const native = await connect(nodes[0].url);
    await native.join(room, { displayName: 'Nat' });
    const socket = await connectSocket(nodes[1], { transports: ['websocket'] });
    socket.emit('join-room', { roomId: room, displayName: 'Sue' });
    const peers = await socket.event('peers');
    assert.deepEqual(peers.participants, [{ peerId: native.peerId, displayName: 'Nat', dialect: 'native' }]);
    assert.deepEqual(await native.next(), { type: 'peer-joined', peerId: socket.id, displayName: 'Sue', dialect: 'socket.io' });
    socket.emit('signal', { to: native.peerId, data: { type: 'offer', sdp: 's' } });
    assert.deepEqual(await native.next(), { type: 'signal', from: socket.id, data: { type: 'offer', sdp: 's' } });
    native.send({ type: 'signal', to: socket.id, data: { type: 'answer', sdp: 'ü' } });
    assert.deepEqual(await socket.heard('signal'), [{ from: native.peerId, data: { type: 'answer', sdp: 'ü' } }]);
    await socket.close();
    assert.equal((await native.next()).type, 'peer-left');
    await native.close(1000);
});

test('a daemon of another version, and garbage, are not heard', async () => {
    const admin = new RedisClient(redis.socket);
    const [a, b] = await trio(newRoom());
    const bad = await metric(nodes[0], 'usherd_cluster_bad_messages_total');
    for (const text of ['garbage', '\0\0\0\u0005\u0001A\0\0\0', '\0\0\0\u0002\u0007A', ''])
        await admin.do('PUBLISH', 'usher:1:to:a', text);
    await until(async () => await metric(nodes[0], 'usherd_cluster_bad_messages_total') >= bad + 3, 'garbage was not counted');
    await admin.do('HSET', 'usher:2:room:x', '@', 'another version');
    a.send({ type: 'signal', to: b.peerId, data: 1 });
    assert.equal((await b.next()).data, 1);
    admin.end();
});

test('a second daemon of the same name is kept out, and lives on its own', async () => {
    const twin = await startNode('a', redis.unix, { args: ['--set', 'cluster.lease=3s', '--set', 'dialects.ywebrtc=yes'] });
    await twin.logged(/another daemon has this node's name/);
    assert.equal((await fetch(`${twin.http}/ready`)).status, 503);
    const [own, shared] = [await connect(twin.url), await connect(nodes[0].url)];
    const room = newRoom();
    await own.join(room);
    assert.deepEqual((await shared.join(room)).peers, []);
    assert.equal(await twin.stop(), 0);
    await clustered(nodes[0]);
});

// A client of peerjs, as its server speaks it.
async function named(node, id, token = 't1') {
    const client = new Client(`ws://127.0.0.1:${node.port}/peerjs?key=peerjs&id=${id}&token=${token}`, {}, []);
    return Object.assign(client, { first: await client.next() });
}

test('names of PeerJS are those of all daemons: taken once, found anywhere, given back', async () => {
    const [ann, bob] = [await named(nodes[0], 'ann'), await named(nodes[1], 'bob')];
    assert.deepEqual([ann.first.type, bob.first.type], ['OPEN', 'OPEN']);
    const thief = await named(nodes[2], 'ann', 't2');
    assert.equal(thief.first.type, 'ID-TAKEN');
    ann.send({ type: 'OFFER', dst: 'bob', payload: { sdp: 's', connectionId: 'c' } });
    assert.deepEqual(await bob.next(), { type: 'OFFER', src: 'ann', dst: 'bob', payload: { sdp: 's', connectionId: 'c' } });
    bob.send({ type: 'ANSWER', dst: 'ann', payload: { sdp: 'a' } });
    assert.equal((await ann.next()).type, 'ANSWER');
    await ann.close(1000);
    const again = await until(async () => {
        const one = await named(nodes[2], 'ann', 't3');
        return one.first.type === 'OPEN' && one;
    }, 'the name is not free');
    await again.close(1000);
    await bob.close(1000);
});

test('what is published to a topic of y-webrtc is heard at all daemons', async () => {
    const open = async (node) => {
        const client = new Client(`ws://127.0.0.1:${node.port}/y-webrtc`, {}, []);
        await new Promise((resolve) => client.ws.on('open', resolve));
        client.send({ type: 'subscribe', topics: ['a doc'] });
        client.send({ type: 'ping' });
        assert.equal((await client.next()).type, 'pong');
        return client;
    };
    const all = [await open(nodes[0]), await open(nodes[1]), await open(nodes[2])];
    const admin = new RedisClient(redis.socket);
    await until(async () => await admin.do('HLEN', 'usher:1:topic:a doc') === 3, 'not all subscribed');
    all[0].send({ type: 'publish', topic: 'a doc', data: { x: 1 } });
    for (const client of all) {
        const heard = await client.next();
        assert.deepEqual([heard.type, heard.topic, heard.data], ['publish', 'a doc', { x: 1 }]);
    }
    for (const client of all) await client.close(1000);
    await until(async () => await admin.do('EXISTS', 'usher:1:topic:a doc') === 0, 'the topic outlives its subscribers');
    admin.end();
});
