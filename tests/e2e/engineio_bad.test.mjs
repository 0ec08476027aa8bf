// SPDX-License-Identifier: MIT
//
// Engine.IO where its own suite does not look: limits, origins, what clients break, upgrades that race with requests, and
// who goes in the midst. Nobody else notices.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import net from 'node:net';
import path from 'node:path';
import tls from 'node:tls';
import { connect } from './lib/client.mjs';
import { startDaemon, within } from './lib/daemon.mjs';
import { EngineIo, SEPARATOR, opened } from './lib/engineio.mjs';
import { scratch } from './lib/peer.mjs';
import { parseMetrics } from './lib/prometheus.mjs';
import { Raw } from './lib/raw.mjs';
import { startBothWays } from './lib/ways.mjs';

const set = (...options) => options.flatMap((option) => ['--set', option]);
const join = (room) => `42["join-room",{"roomId":"${room}"}]`;

let both;
before(async () => {
    both = await startBothWays([]);
});
after(() => both?.stop());
const ways = () => [new EngineIo(both.daemons.plain), new EngineIo(both.daemons.TLS, both.ca)];

async function metric(daemon, name) {
    return parseMetrics(await (await fetch(`${daemon.http}/metrics`)).text()).get(name);
}

// Until that holds, asked again and again.
async function until(holds, what) {
    const deadline = Date.now() + 8000;
    while (!(await holds())) if (Date.now() > deadline) throw new Error(`${what} did not come`);
}

// A session in a room, and a native member of it that saw it come.
async function inRoom(io, daemon, room, ca) {
    const native = await connect(ca ? daemon.url.replace('ws:', 'wss:') : daemon.url, { ca });
    await native.join(room);
    const session = await io.open();
    await session.say(['40', join(room)].join(SEPARATOR));
    assert.match(await session.next(), /^40\{/);
    assert.match(await session.next(), /^42\["peers"/);
    const joined = await native.next();
    assert.equal(joined.type, 'peer-joined');
    return { native, session, peerId: joined.peerId };
}

test('a request with a wrong name costs what any request costs, one with its own costs nothing', async () => {
    const daemon = await startDaemon({ args: set('limits.connection_rate=1', 'limits.connection_burst=12') });
    const io = new EngineIo(daemon);
    const sessions = [];
    for (let i = 0; i < 4; i++) sessions.push(await io.open());
    for (const session of sessions) await session.say('40');
    for (let i = 0; i < 10; i++)
        for (const session of sessions) await session.say('421["ping"]');
    const sid = sessions[0].settings.sid;
    const wrong = [`${sid.slice(0, -2)}aa`, 'x', `${'a'.repeat(39)}`, 'é', '%00'];
    let status;
    for (let i = 0; i < 40 && status !== 429; i++) {
        ({ status } = await io.ask('GET', `EIO=4&transport=polling&sid=${encodeURIComponent(wrong[i % wrong.length])}`));
        assert.ok(status === 400 || status === 429);
    }
    assert.equal(status, 429);
    await assert.rejects(io.open(), { status: 429 });
    for (const session of sessions) await session.say('421["ping"]'); // although its address has nothing left
    const ws = await sessions[1].upgrade();
    assert.match(await ws.text(), /^40/);
    await ws.close();
    assert.equal(await daemon.stop(), 0);
});

test('a session counts as one connection of its address, however many requests it has', async () => {
    const daemon = await startDaemon({ args: set('limits.max_connections_per_address=2') });
    const io = new EngineIo(daemon);
    const a = await io.open();
    await a.say('40');
    await a.next();
    const polls = [a.poll()];
    let b;
    await until(() => io.open().then((session) => (b = session), () => false), 'a place beside a poll that is not read yet');
    polls.push(b.poll());
    await b.say('40');
    assert.match((await polls.pop()).text, /^40/);
    await a.say('421["ping"]');
    assert.match((await polls.pop()).text, /^42/);
    await assert.rejects(io.open(), { status: 429 });
    await a.say('1');
    await a.poll();
    await until(() => io.open().then(() => true, () => false), 'a place');
    assert.equal(await daemon.stop(), 0);
});

test('pages of other origins neither open sessions nor post', async () => {
    const daemon = await startDaemon({ args: set('server.origins=https://a.example') });
    const io = new EngineIo(daemon);
    const from = (Origin) => ({ headers: { Origin } });
    const foreign = await io.ask('GET', 'EIO=4&transport=polling', from('https://b.example'));
    assert.deepEqual([foreign.status, JSON.parse(foreign.text)], [403, { code: 4, message: 'Forbidden' }]);
    assert.equal(foreign.headers['access-control-allow-origin'], undefined);
    const session = await io.open(from('https://a.example'));
    assert.equal((await session.post('40', from('https://b.example'))).status, 403);
    const ours = await session.post('40', from('https://a.example'));
    assert.deepEqual([ours.status, ours.headers['access-control-allow-origin']], [200, 'https://a.example']);
    const poll = await session.poll(from('https://a.example'));
    assert.deepEqual([poll.status, poll.headers['access-control-allow-origin']], [200, 'https://a.example']);
    const asked = { ...from('https://a.example'), path: '/socket.io/' };
    const preflight = await io.ask('OPTIONS', session.query, asked);
    assert.equal(preflight.status, 204);
    assert.match(preflight.headers['access-control-allow-methods'], /GET, HEAD, POST/);
    assert.equal(preflight.headers['access-control-allow-origin'], 'https://a.example');
    assert.equal(await daemon.stop(), 0);
});

test('bodies: the largest, one byte more, of another type, without a length, half', async () => {
    for (const [i, io] of ways().entries()) {
        const daemon = Object.values(both.daemons)[i];
        const { native, session } = await inRoom(io, daemon, `bodies${i}`, io.ca);
        await session.say(`421["${'x'.repeat(65536 - 8)}"]`);
        assert.match(await session.next(), /^431/);
        const large = await session.post('4'.repeat(65537));
        assert.deepEqual([large.status, JSON.parse(large.text).error.code], [413, 'too-large']);
        assert.equal((await session.post('421["ping"]', { headers: { 'Transfer-Encoding': 'chunked' } })).status, 411);
        await session.say('421["ping"]'); // that was nothing to the session
        assert.match(await session.next(), /^42\["pong"/);
        const binary = await session.post('421["ping"]', { headers: { 'Content-Type': 'application/octet-stream' } });
        assert.deepEqual([binary.status, JSON.parse(binary.text).code], [400, 3]);
        assert.equal((await session.ended()).code, 1);
        assert.match((await native.next()).type, /^peer-(left|away)$/);
        await native.close();
    }
    const io = new EngineIo(both.daemons.plain);
    const { native, session } = await inRoom(io, both.daemons.plain, 'half');
    const half = new Raw(both.daemons.plain.port);
    await half.write(`POST /socket.io/?${session.query} HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\n42[`);
    const second = await session.post('421["ping"]').then(({ status }) => status);
    half.destroy();
    if (second === 200) assert.equal((await session.ended()).code, 1); // the half came later
    assert.match((await native.next()).type, /^peer-(left|away)$/);
    await native.close();
});

test('two POSTs at once end the session', async () => {
    const io = new EngineIo(both.daemons.plain);
    const session = await io.open();
    const half = new Raw(both.daemons.plain.port);
    await half.write(`POST /socket.io/?${session.query} HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 100\r\n\r\n`);
    await half.until(/100 Continue/);
    const second = await session.post('40');
    assert.deepEqual([second.status, JSON.parse(second.text).code], [400, 3]);
    assert.equal((await session.ended()).code, 1);
    await half.until(/400 Bad Request/); // though it is not whole
    await half.end();
});

test('a POST of more than message_rate allows waits for its answer, and nothing is lost', async () => {
    const daemon = await startDaemon({ args: set('limits.message_rate=100', 'limits.message_burst=10') });
    const io = new EngineIo(daemon);
    const session = await io.open();
    const native = await connect(daemon.url);
    await session.say('40');
    await session.next();
    const began = performance.now();
    const post = session.post(Array.from({ length: 80 }, (_, i) => `42${i}["ping"]`).join(SEPARATOR));
    await native.alive();
    const acks = [];
    while (acks.length < 80) {
        const packet = await session.next();
        if (packet.startsWith('43')) acks.push(Number(/^43(\d+)/.exec(packet)[1]));
    }
    assert.deepEqual(acks, Array.from({ length: 80 }, (_, i) => i));
    assert.equal((await post).text, 'ok');
    assert.ok(performance.now() - began > 500, 'it was held back');
    await native.close();
    assert.equal(await daemon.stop(), 0);
});

test('who does not poll is a slow reader', async () => {
    const daemon = await startDaemon({ args: set('limits.max_queue=64K', 'limits.message_rate=0') });
    const { native, peerId, session } = await inRoom(new EngineIo(daemon), daemon, 'slow');
    for (let i = 0; i < 80; i++) native.send({ type: 'signal', to: peerId, data: 'x'.repeat(1000) });
    await until(async () => /^peer-(left|away)$/.test((await native.next()).type), 'its end');
    assert.equal(await metric(daemon, 'usherd_limited_total{limit="max_queue"}'), 1);
    assert.equal((await session.poll()).text, '1'); // what waited is not the farewell's to wait for
    await native.close();
    assert.equal(await daemon.stop(), 0);
});

test('one poll brings many packets, and a large queue in several', async () => {
    const daemon = await startDaemon({ args: set('limits.max_queue=4M', 'limits.message_rate=0') });
    const { native, peerId, session } = await inRoom(new EngineIo(daemon), daemon, 'large');
    for (let i = 0; i < 40; i++) native.send({ type: 'signal', to: peerId, data: [i, 'x'.repeat(20000)] });
    await native.alive();
    const sizes = [];
    for (let i = 0; i < 40; ) {
        const { text } = await session.poll();
        sizes.push(text.length);
        for (const packet of text.split(SEPARATOR)) {
            assert.equal(JSON.parse(packet.slice(2))[1].data[0], i);
            i++;
        }
    }
    assert.ok(sizes.length >= 3 && sizes.every((n) => n <= 256 * 1024), `${sizes}`);
    await native.close();
    assert.equal(await daemon.stop(), 0);
});

// A client of which a request is under way while it upgrades does what none should.
// A request whose client has ended its side behind it: all that comes back.
async function halfClosed(io, method, { query }, body = '') {
    const at = { host: '127.0.0.1', port: io.port, allowHalfOpen: true };
    const socket = io.ca ? tls.connect({ ...at, ca: io.ca }) : net.connect(at);
    socket.on('end', () => socket.end());
    const raw = new Raw(socket);
    socket.end(`${method} /socket.io/?${query} HTTP/1.1\r\nHost: h\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
    await raw.end();
    return raw.received.toString('latin1');
}

// A poll that waits is cancelled by that, as by any end of its connection (docs/protocols-conformance.md); one that has
// something to bring is answered. A POST is a request like another: its packets are taken, however slowly, and it is answered.
test('who ends its side behind a request: a POST and a poll that need not wait are answered, one that waits ends its session', async () => {
    const few = await startBothWays(set('limits.message_rate=40', 'limits.message_burst=40'));
    for (const [way, io] of [['plain', new EngineIo(few.daemons.plain)], ['TLS', new EngineIo(few.daemons.TLS, few.ca)]]) {
        const session = await io.open();
        await session.say('40');
        assert.match(await halfClosed(io, 'GET', session), /^HTTP\/1\.1 200 OK\r\n.*\r\n\r\n40\{/s, way);
        const pings = Array.from({ length: 100 }, (_, i) => `42${i}["ping"]`);
        assert.match(await halfClosed(io, 'POST', session, pings.join(SEPARATOR)), /^HTTP\/1\.1 200 OK\r\n.*\r\n\r\nok$/s, way);
        const acks = [];
        while (acks.length < pings.length) {
            const ack = /^43(\d+)\[/.exec(await session.next());
            if (ack) acks.push(Number(ack[1]));
        }
        assert.deepEqual(acks, [...pings.keys()]);
        const { native, session: gone, peerId } = await inRoom(io, few.daemons[way], 'half', io.ca);
        assert.equal(await halfClosed(io, 'GET', gone), '', way);
        assert.equal((await gone.ended()).code, 1);
        const left = await native.next();
        assert.deepEqual([left.type, left.peerId], ['peer-away', peerId]);
        await native.close();
    }
    await few.stop();
});

test('upgrades: wrong probes, second ones, and sockets that go', async () => {
    for (const io of ways()) {
        for (const packets of [['5'], ['2'], ['2probe', '2probe'], ['4hello'], ['probe'], ['2probe', '4hello'], [Buffer.from('2probe')]]) {
            const session = await io.open();
            const ws = session.socket();
            await opened(ws);
            for (const packet of packets) ws.ws.send(packet);
            assert.equal((await ws.end()).code, 1002);
            await session.say('40'); // it goes on without
            assert.match(await session.next(), /^40/);
        }
        const session = await io.open();
        const first = session.socket();
        await opened(first);
        const second = session.socket();
        assert.equal((await second.end()).code, 1000);
        first.send('2probe');
        assert.equal(await first.text(), '3probe');
        first.destroy();
        await session.say('40');
        assert.match(await session.next(), /^40/);
        const closing = session.socket();
        await opened(closing);
        assert.equal((await closing.close(1000)).code, 1000);
        let ws;
        await until(async () => (ws = await session.upgrade().catch(() => null)), 'an upgrade');
        ws.send('421["ping"]');
        assert.match(await ws.text(), /^42\["pong"/);
        await ws.close();
    }
});

test('upgrades: a poll and a POST under way are answered, and the session goes on', async () => {
    for (const [i, io] of ways().entries()) {
        const session = await io.open();
        await session.say('40');
        assert.match(await session.next(), /^40/);
        const poll = session.poll();
        const ws = session.socket();
        await opened(ws);
        ws.send('2probe');
        assert.equal(await ws.text(), '3probe');
        assert.equal((await poll).text, '6');
        const half = i === 0 ? new Raw(both.daemons.plain.port) : null;
        if (half) {
            await half.write(`POST /socket.io/?${session.query} HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n`);
            await half.until(/100 Continue/);
        }
        ws.send('5');
        ws.send('421["ping"]');
        assert.match(await ws.text(), /^42\["pong"/);
        if (half) {
            await half.until(/400 Bad Request/);
            await half.end();
        }
        assert.match(await ws.text(), /^431/);
        await ws.close();
    }
});

test('upgrades: what is said meanwhile comes once and in order', async () => {
    for (const [i, io] of ways().entries()) {
        const daemon = Object.values(both.daemons)[i];
        const { native, session, peerId } = await inRoom(io, daemon, `order${i}`, io.ca);
        const got = [];
        let said = 0;
        const say = (n) => {
            while (n-- > 0) native.send({ type: 'signal', to: peerId, data: said++ });
        };
        const take = (text) => text.split(SEPARATOR).forEach((packet) => packet.startsWith('42["signal"') && got.push(JSON.parse(packet.slice(2))[1].data));
        say(50);
        const ws = session.socket();
        await opened(ws);
        say(50);
        ws.send('2probe');
        take((await session.poll()).text);
        say(50);
        assert.equal(await ws.text(), '3probe');
        await native.alive();
        ws.send('5');
        say(50);
        while (got.length < 200) take(await ws.text());
        assert.deepEqual(got, Array.from({ length: 200 }, (_, n) => n));
        await ws.close();
        await native.close();
    }
});

test('a daemon that stops says so to who polls, whether a poll waits or comes later', async () => {
    const daemon = await startDaemon();
    const io = new EngineIo(daemon);
    const waiting = await inRoom(io, daemon, 'a');
    const later = await inRoom(io, daemon, 'b');
    const poll = waiting.session.poll();
    await waiting.session.say('6');
    const stopped = daemon.stop();
    assert.match((await poll).text, /^42\["server-draining",\{"reconnectAfterMs":\d+\}\]$/);
    assert.equal((await waiting.session.poll()).text, '1');
    assert.match((await later.session.poll()).text, /^42\["server-draining",[^\x1e]*\]$/);
    await assert.rejects(io.open()); // and `later` never asks for its `1`: that holds the daemon up for 2 s at most
    for (const { native } of [waiting, later]) await native.end();
    assert.equal(await stopped, 0);
});

test('a poll whose connection is there and whose request comes once the daemon stops is answered', async () => {
    const daemon = await startDaemon();
    const session = await new EngineIo(daemon).open();
    await session.say(['40', join('a')].join(SEPARATOR));
    for (const begins of [/^40/, /^42\["peers"/]) assert.match(await session.next(), begins);
    const [poll, other, silent] = [1, 2, 3].map(() => new Raw(daemon.port));
    await fetch(`${daemon.http}/health`); // they were accepted before
    const stopped = daemon.stop();
    await daemon.logged(/stopping:/);
    poll.write(`GET /socket.io/?${session.query} HTTP/1.1\r\nHost: a\r\n\r\n`);
    await poll.until(/\r\n\r\n42\["server-draining",\{"reconnectAfterMs":\d+\}\]$/);
    other.write('GET /check HTTP/1.1\r\nHost: a\r\n\r\n');
    await other.until(/^HTTP\/1.1 503 [^]*"draining"/);
    assert.equal((await session.poll()).text, '1');
    await silent.end(); // it had 2 s to say something
    assert.equal(silent.received.length, 0);
    assert.equal(await stopped, 0);
});

test('a silent connection holds a daemon that stops up for no poll if no session waits for one', async () => {
    const daemon = await startDaemon();
    const silent = new Raw(daemon.port);
    await fetch(`${daemon.http}/health`); // it was accepted before
    const from = performance.now();
    assert.equal(await daemon.stop(), 0);
    assert.ok(performance.now() - from < 1500, `${performance.now() - from} ms`); // of the 2 s that a poll has
    await silent.end();
});

test('dialects.socketio = no, then yes again; a file beside the path is served', async () => {
    const dir = await scratch();
    const conf = path.join(dir, 'usherd.conf');
    await fs.mkdir(path.join(dir, 'web/socket.io'), { recursive: true });
    await fs.writeFile(path.join(dir, 'web/socket.io/socket.io.js'), 'script');
    await fs.writeFile(path.join(dir, 'web/socket.io/index.html'), 'hidden');
    const write = (value) => fs.writeFile(conf, `[server]\nweb_root = ${path.join(dir, 'web')}\n[dialects]\nsocketio = ${value}\n`);
    await write('no');
    const daemon = await startDaemon({ args: ['--config', conf] });
    const io = new EngineIo(daemon);
    await assert.rejects(io.open());
    await assert.rejects(opened(io.socket('EIO=4&transport=websocket')));
    await write('yes');
    daemon.kill('SIGHUP');
    await daemon.logged(/the settings were read again/);
    await io.open();
    assert.equal(await (await fetch(`${daemon.http}/socket.io/socket.io.js`)).text(), 'script');
    assert.equal((await fetch(`${daemon.http}/socket.io/`)).status, 400);
    assert.equal(await daemon.stop(), 0);
});
