// SPDX-License-Identifier: MIT
//
// The native dialect against the real daemon, spoken by npm's ws: every message, the relay byte for byte, rooms that do
// not see each other, who left why, HTTP.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { startDaemon } from './lib/daemon.mjs';
import { Client, connect, pair } from './lib/client.mjs';
import { Raw, handshake, openRaw } from './lib/raw.mjs';

let daemon;
before(async () => {
    daemon = await startDaemon({ args: ['--set', 'ice.stun=stun:stun.example:3478', '--set', 'server.node=test'] });
});
after(() => daemon?.stop());

test('welcome says who one is and what counts', async () => {
    const a = await connect(daemon.url);
    assert.match(a.welcome.peerId, /^test\.[a-z2-7]{26}$/);
    assert.match(a.welcome.server, /^usherd\//);
    assert.equal(a.welcome.pingInterval, 25000);
    assert.equal(a.welcome.limits.maxFrame, 65536);
    assert.deepEqual(a.welcome.iceServers, [{ urls: ['stun:stun.example:3478'] }]);
    await a.close();
});

test('the subprotocol is usher.v1, or none is named, or it is refused', async () => {
    const named = await connect(daemon.url, {}, ['other', 'usher.v1']);
    assert.equal(named.ws.protocol, 'usher.v1');
    const unnamed = await connect(daemon.url, {}, []);
    assert.equal(unnamed.ws.protocol, '');
    const other = new Client(daemon.url, {}, 'graphql-ws');
    assert.match((await other.failed).message, /400/);
    const shouted = new Client(daemon.url, {}, 'USHER.V1');
    assert.match((await shouted.failed).message, /400/);
    await named.close();
    await unnamed.close();
});

test('join shows the room to the newcomer and the newcomer to the room', async () => {
    const a = await connect(daemon.url);
    const b = await connect(daemon.url);
    const alone = await a.join('hall', { displayName: 'Ada', metadata: { x: [1, 'é'] }, ref: '7' });
    assert.equal(alone.ref, '7');
    assert.equal(alone.roomId, 'hall');
    assert.equal(alone.peerId, a.welcome.peerId);
    assert.deepEqual(alone.peers, []);
    const list = await b.join('hall', { displayName: 'Bob' });
    assert.deepEqual(list.peers, [{ peerId: a.peerId, displayName: 'Ada', metadata: { x: [1, 'é'] } }]);
    assert.deepEqual(await a.next(), { type: 'peer-joined', peerId: b.peerId, displayName: 'Bob' });
    assert.equal((await b.ask({ type: 'leave-room', ref: 'bye' })).type, 'left-room');
    assert.deepEqual(await a.next(), { type: 'peer-left', peerId: b.peerId, reason: 'left' });
    await b.join('hall');
    assert.equal((await a.next()).type, 'peer-joined');
    await a.close();
    await b.close();
});

test('the four relayed types arrive byte for byte but for to and from', async () => {
    const [a, b] = await pair(daemon.url, 'relay');
    const odd = '"x": 1.50e+1 ,"\u00fcnicode":"\\u00e9 \u{1F600}\\/", "big":123456789012345678901234567890,"n":null';
    const bodies = [
        `{ "type" : "offer","to":"@", "sdp":"v=0\\r\\na=x\\r\\n","link":"l1", ${odd} }`,
        `{"sdp":"v=0","to" : "@","type":"answer",${odd}}`,
        `{"type":"ice-candidate","to":"@","candidate":{"candidate":"c","sdpMid":"0","sdpMLineIndex":0},${odd}}`,
        `{"type":"ice-candidate","to":"@","candidate":null}`,
        `{"type":"signal","data":{"to":"inner","from":"inner"},"to":"@"}`,
    ];
    for (const body of bodies) {
        a.send(body.replace('@', b.peerId));
        const got = await b.text();
        const expected = body.replace(/"to"\s*:\s*"@"/, `"from":"${a.peerId}"`);
        assert.equal(got, expected);
    }
    await a.alive();
    await a.close();
    await b.close();
});

test('a large frame crosses whole, in as many pieces as it takes', async () => {
    const [a, b] = await pair(daemon.url, 'large');
    const sdp = 'v=0 '.repeat(15000);
    a.send({ type: 'offer', to: b.peerId, sdp });
    assert.equal((await b.next()).sdp, sdp);
    const pieces = JSON.stringify({ type: 'signal', to: b.peerId, data: 'y'.repeat(9000) });
    for (let i = 0; i < pieces.length; i += 100)
        a.ws.send(pieces.slice(i, i + 100), { fin: i + 100 >= pieces.length });
    assert.equal((await b.next()).data.length, 9000);
    await a.close();
    await b.close();
});

test('ten thousand signals arrive, in order', async () => {
    const free = await startDaemon({ args: ['--set', 'limits.message_rate=0'] });
    try {
        const [a, b] = await pair(free.url, 'many');
        for (let i = 0; i < 10000; i++) a.send({ type: 'signal', to: b.peerId, data: i });
        for (let i = 0; i < 10000; i++) assert.equal((await b.next()).data, i);
        await a.close();
        await b.close();
    } finally {
        await free.stop();
    }
});

test('above its rate a client is read slower, told once, and loses nothing', async () => {
    const slow = await startDaemon({
        args: ['--set', 'limits.message_rate=200', '--set', 'limits.message_burst=50'],
    });
    try {
        const [a, b] = await pair(slow.url, 'fast');
        for (let i = 0; i < 300; i++) a.send({ type: 'signal', to: b.peerId, data: i });
        for (let i = 0; i < 300; i++) assert.equal((await b.next()).data, i);
        assert.equal((await a.next()).code, 'rate-limited');
        await b.alive();
        await a.close();
        await b.close();
    } finally {
        await slow.stop();
    }
});

test('rooms do not see each other', async () => {
    const [a, b] = await pair(daemon.url, 'one');
    const [c, d] = await pair(daemon.url, 'two');
    const stranger = await c.ask({ type: 'offer', to: a.peerId, sdp: 'v=0', ref: 's' });
    const nobody = await c.ask({ type: 'offer', to: 'test.aaaaaaaaaaaaaaaaaaaaaaaaaa', sdp: 'v=0', ref: 's' });
    assert.equal(stranger.code, 'no-such-peer');
    assert.deepEqual(stranger, nobody);
    await d.close();
    assert.equal((await c.next()).type, 'peer-left');
    await a.alive();
    await b.alive();
    for (const client of [a, b, c]) await client.close();
});

test('a room is told why one left', async () => {
    const ends = [
        ['left', (b) => b.close(1000)],
        ['left', (b) => b.close(1001)],
        ['left', (b) => b.close()],
        ['disconnected', (b) => b.close(4001, 'mine')],
        ['disconnected', (b) => b.destroy()],
    ];
    const short = await startDaemon({ args: ['--set', 'server.resume_grace=50ms'] });
    for (const [reason, end] of ends) {
        const [a, b] = await pair(short.url, 'why');
        end(b);
        if (reason !== 'left') assert.deepEqual(await a.next(), { type: 'peer-away', peerId: b.peerId });
        assert.deepEqual(await a.next(), { type: 'peer-left', peerId: b.peerId, reason });
        await a.close();
    }
    await short.stop();
});

test('who does not answer pings is gone', async () => {
    const strict = await startDaemon({
        args: ['server.ping_interval=200ms', 'server.ping_timeout=300ms', 'server.resume_grace=50ms'].flatMap((set) => ['--set', set]),
    });
    try {
        const a = await connect(strict.url);
        await a.join('quiet');
        const deaf = await connect(strict.url, { autoPong: false });
        await deaf.join('quiet');
        assert.equal((await a.next()).type, 'peer-joined');
        assert.deepEqual(await a.next(), { type: 'peer-away', peerId: deaf.peerId });
        assert.deepEqual(await a.next(), { type: 'peer-left', peerId: deaf.peerId, reason: 'timeout' });
        assert.equal((await deaf.end()).code, 1001);
        await a.alive();
        await a.close();
    } finally {
        await strict.stop();
    }
});

test('a client may ping', async () => {
    const a = await connect(daemon.url);
    const pong = new Promise((resolve) => a.ws.once('pong', (data) => resolve(data.toString())));
    a.ws.ping('hello');
    assert.equal(await pong, 'hello');
    await a.close();
});

test('/health counts', async () => {
    const a = await connect(daemon.url);
    await a.join('counted');
    const response = await fetch(`${daemon.http}/health`);
    assert.equal(response.status, 200);
    assert.match(response.headers.get('content-type'), /^application\/json/);
    assert.equal(response.headers.get('cache-control'), 'no-store');
    const health = await response.json();
    assert.equal(health.status, 'ok');
    assert.match(health.version, /^\d+\.\d+\.\d+$/);
    assert.ok(health.uptimeSeconds >= 0 && health.connections >= 1 && health.rooms >= 1);
    const head = await fetch(`${daemon.http}/health`, { method: 'HEAD' });
    assert.equal(head.status, 200);
    assert.equal(await head.text(), '');
    await a.close();
});

test('other paths and methods have defined answers', async () => {
    const cases = [
        ['GET', '/nothing', 404, 'not-found'],
        ['POST', '/', 404, 'not-found'],
        ['GET', '/health/', 404, 'not-found'],
        ['GET', '/ws', 426, 'upgrade-required'],
        ['POST', '/health', 405, 'method-not-allowed'],
        ['DELETE', '/health', 405, 'method-not-allowed'],
    ];
    for (const [method, path, status, code] of cases) {
        const body = method === 'POST' ? 'x'.repeat(1000) : undefined;
        const response = await fetch(daemon.http + path, { method, body });
        assert.equal(response.status, status, `${method} ${path}`);
        if (status === 405) assert.equal(response.headers.get('allow'), 'GET, HEAD, OPTIONS');
        assert.equal((await response.json()).error.code, code);
    }
});

test('a handshake that is none has a defined answer', async () => {
    const cases = [
        [handshake('/other'), /^HTTP\/1\.1 404 .*not-found/s],
        [handshake('/ws/'), /^HTTP\/1\.1 404 /],
        [handshake('/ws', { 'Sec-WebSocket-Version': '8' }), /^HTTP\/1\.1 426 .*Sec-WebSocket-Version: 13/s],
        [handshake('/ws', { 'Sec-WebSocket-Key': undefined }), /^HTTP\/1\.1 400 .*bad-handshake/s],
        [handshake('/ws', { Connection: 'keep-alive' }), /^HTTP\/1\.1 400 .*bad-handshake/s],
        [handshake('/ws', { 'Sec-WebSocket-Protocol': 'usher.v2' }), /^HTTP\/1\.1 400 .*bad-subprotocol/s],
        [handshake('/ws', { 'Sec-WebSocket-Protocol': 'p'.repeat(500) }), /^HTTP\/1\.1 400 .*bad-subprotocol/s],
        [handshake('/ws', { 'Sec-WebSocket-Key': 'dGVzdA==' }), /^HTTP\/1\.1 400 .*bad-handshake/s],
        [handshake('/ws', { Upgrade: 'h2c' }), /^HTTP\/1\.1 426 .*upgrade-required/s],
        [handshake('/health'), /^HTTP\/1\.1 200 .*"status":"ok"/s],
    ];
    for (const [request, answer] of cases) {
        const raw = new Raw(daemon.port);
        await raw.write(request);
        await raw.end();
        assert.match(raw.received.toString('latin1'), answer);
    }
});

test('compression is not offered', async () => {
    const raw = new Raw(daemon.port);
    await raw.write(handshake('/ws', { 'Sec-WebSocket-Extensions': 'permessage-deflate' }));
    await raw.until(/welcome/);
    assert.doesNotMatch(raw.received.toString('latin1'), /Sec-WebSocket-Extensions/i);
    raw.destroy();
    const client = await connect(daemon.url, { perMessageDeflate: true });
    await client.alive();
    await client.close();
});

test('web origins are those of server.origins', async () => {
    const picky = await startDaemon({ args: ['--set', 'server.origins=https://app.example'] });
    try {
        const page = await connect(picky.url, { origin: 'https://app.example' });
        const program = await connect(picky.url);
        const other = new Client(picky.url, { origin: 'https://evil.example' });
        assert.match((await other.failed).message, /403/);
        await page.close();
        await program.close();
    } finally {
        await picky.stop();
    }
});

test('a frame that comes byte by byte is a frame', async () => {
    const raw = await openRaw(daemon.port);
    const text = '{"type":"ping","ref":"slowly"}';
    const frame = Buffer.concat([Buffer.from([0x81, 0x80 | text.length, 1, 2, 3, 4]),
        Buffer.from(text).map((byte, i) => byte ^ (1 + (i % 4)))]);
    raw.socket.setNoDelay(true);
    for (const byte of frame) await raw.write(Buffer.from([byte]));
    await raw.until(/"pong","ref":"slowly"/);
    raw.destroy();
});
