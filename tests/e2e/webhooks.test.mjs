// SPDX-License-Identifier: MIT
//
// Webhooks: what receivers are told, in which order, signed; and that no receiver, whatever it does, keeps the daemon or
// another receiver from anything.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs/promises';
import net from 'node:net';
import path from 'node:path';
import { root, run, startDaemon } from './lib/daemon.mjs';
import { connect } from './lib/client.mjs';
import { inFolder } from './lib/folder.mjs';
import { makeAuthority } from './lib/authority.mjs';
import { Program, freePorts } from './lib/program.mjs';
import { parseMetrics } from './lib/prometheus.mjs';
import { Receiver, SECRET, signed } from './lib/receiver.mjs';

const set = (...options) => options.flatMap((option) => ['--set', option]);
const GRACE_MS = 1000;

function startWith(urls, options = [], more = {}) {
    const all = [...[urls].flat().map((url) => `webhooks.url=${url}`), `webhooks.secret=${SECRET}`, 'limits.join_rate=0', 'limits.message_rate=0', 'limits.connection_rate=0',
        ...options];
    return startDaemon({ args: set(...all), ...more });
}

async function metrics(daemon) {
    const samples = parseMetrics(await (await fetch(`${daemon.http}/metrics`)).text());
    return { delivered: (url = 1) => samples.get(`usherd_webhook_events_total{url="${url}",outcome="delivered"}`),
        dropped: (url = 1) => samples.get(`usherd_webhook_events_total{url="${url}",outcome="dropped"}`),
        failed: (url = 1) => samples.get(`usherd_webhook_failed_tries_total{url="${url}"}`),
        waiting: (url = 1) => samples.get(`usherd_webhook_queue_events{url="${url}"}`),
        bytes: (url = 1) => samples.get(`usherd_webhook_queue_bytes{url="${url}"}`), samples };
}

// Reads the metrics until they are as they should be.
async function until(daemon, good, sentence) {
    const end = Date.now() + 15000;
    for (;;) {
        const now = await metrics(daemon);
        if (good(now)) return now;
        assert.ok(Date.now() < end, sentence);
    }
}

const short = ({ type, roomId, peerId, reason }) => [type, roomId, peerId, reason].filter(Boolean).join(' ');

// ---- what is told ----

test('a receiver hears of a room and its peers, in order, signed, each once', async () => {
    const receiver = await Receiver.open({ path: '/a/b?key=%20x' });
    const before = Date.now();
    const daemon = await startWith(receiver.url);
    const ann = await connect(daemon.url);
    await ann.join('tea', { displayName: 'Änn "A"', metadata: { seat: [1, 2] } });
    const bob = await connect(daemon.url);
    await bob.join('tea');
    await ann.close(1000);
    await bob.ask({ type: 'leave-room' });
    await receiver.event({ type: 'room-closed' });
    assert.deepEqual(receiver.events.map(short), ['room-created tea', `peer-joined tea ${ann.peerId}`, `peer-joined tea ${bob.peerId}`,
        `peer-left tea ${ann.peerId} left`, `peer-left tea ${bob.peerId} left`, 'room-closed tea']);
    for (const event of receiver.events.filter(({ peerId }) => peerId === ann.peerId)) {
        assert.equal(event.displayName, 'Änn "A"');
        assert.deepEqual(event.metadata, { seat: [1, 2] });
    }
    assert.deepEqual(Object.keys(receiver.events[0]), ['type', 'roomId', 'at']);
    assert.ok(receiver.events.every(({ at }) => at >= before - 20 && at <= Date.now()));
    for (const delivery of receiver.deliveries) {
        assert.ok(delivery.signed);
        assert.equal(delivery.method, 'POST');
        assert.equal(delivery.path, '/a/b?key=%20x');
        assert.equal(delivery.headers.host, `127.0.0.1:${receiver.port}`);
        assert.equal(delivery.headers['content-type'], 'application/json');
        assert.match(delivery.headers['user-agent'], /^usherd\//);
        assert.match(delivery.id, /^[a-z2-7]{26}$/);
        assert.ok(Math.abs(delivery.time - Date.now() / 1000) < 60);
        assert.equal(delivery.node, 'n1');
        assert.equal(delivery.boot, receiver.deliveries[0].boot);
    }
    assert.equal(new Set(receiver.deliveries.map(({ id }) => id)).size, receiver.deliveries.length);
    const counts = await until(daemon, (m) => m.delivered() === 6, 'six events were delivered');
    assert.deepEqual([counts.dropped(), counts.failed(), counts.waiting(), counts.bytes()], [0, 0, 0, 0]);
    assert.equal(counts.samples.get('usherd_webhook_lost_total'), 0);
    assert.equal(await daemon.stop(), 0);
    await receiver.close();
});

const EXAMPLE = path.join(root, 'examples/webhook-receiver.mjs');
async function startExample(secret) {
    const example = new Program('the example', spawn('node', [EXAMPLE, '0'], { env: { ...process.env, WEBHOOK_SECRET: secret } }));
    const [, port] = await example.logged(/listening on (\d+)\n/);
    const stop = () => (example.kill('SIGTERM'), example.exited);
    return Object.assign(example, { port: Number(port), url: `http://127.0.0.1:${port}/`, stop });
}

test('the receiver in examples/ prints what is signed, and refuses what is not', async () => {
    const example = await startExample(SECRET);
    const daemon = await startWith(example.url);
    const client = await connect(daemon.url);
    await client.join('tea');
    const [line] = await example.logged(/\{.*"type":"peer-joined".*\n/);
    const { node, boot, peerId } = JSON.parse(line);
    assert.equal(peerId, client.peerId);
    assert.equal(node, 'n1');
    assert.match(boot, /^[a-z2-7]{26}$/);
    const from = example.log.length;
    const time = Math.floor(Date.now() / 1000);
    for (const signature of [undefined, `sha256=${'0'.repeat(64)}`, `sha256=${'\xe4'.repeat(64)}`]) {
        const headers = signature ? { 'x-usher-delivery': 'x', 'x-usher-timestamp': time, 'x-usher-signature': signature } : {};
        const answer = await fetch(example.url, { method: 'POST', headers, body: '{"events":[{"type":"forged"}]}' });
        assert.equal(answer.status, 401);
    }
    const half = net.connect(example.port, '127.0.0.1');
    half.end('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhalf');
    await once(half.resume(), 'close');
    await client.close(1000);
    await example.logged(/"room-closed"/, from);
    assert.doesNotMatch(example.log, /forged/);
    assert.match(example.log, /refused: signed with another secret/);
    assert.equal(await daemon.stop(), 0);
    await example.stop();
});

test('the receiver in examples/ does not start without a secret', async () => {
    const { WEBHOOK_SECRET, ...env } = process.env;
    for (const more of [{}, { WEBHOOK_SECRET: '' }]) {
        const child = spawn('node', [EXAMPLE, '0'], { env: { ...env, ...more }, stdio: ['ignore', 'ignore', 'pipe'] });
        let said = '';
        child.stderr.setEncoding('utf8').on('data', (text) => (said += text));
        const late = setTimeout(() => child.kill('SIGKILL'), 8000);
        assert.deepEqual(await once(child, 'close'), [1, null]);
        clearTimeout(late);
        assert.match(said, /^WEBHOOK_SECRET is not set: give it what webhooks\.secret of usherd says/);
    }
});

test('with another secret it answers 401, and the daemon drops what it refused', async () => {
    const example = await startExample('another secret, as long as ours');
    const daemon = await startWith(example.url);
    const client = await connect(daemon.url);
    await client.join('tea');
    const now = await until(daemon, (m) => m.dropped() >= 2, 'nothing was dropped');
    assert.equal(now.delivered(), 0);
    assert.match(example.log, /refused: signed with another secret/);
    assert.match(daemon.log, /receiver of webhooks.*401/);
    assert.doesNotMatch(example.log, /peer-joined/);
    await client.close(1000);
    await daemon.stop();
    await example.stop();
});

test('peer-left comes after the grace only', async () => {
    const receiver = await Receiver.open();
    const daemon = await startWith(receiver.url, [`server.resume_grace=${GRACE_MS}ms`]);
    const stays = await connect(daemon.url);
    await stays.join('tea');
    const lost = await connect(daemon.url);
    const { resumeToken } = await lost.join('tea');
    lost.destroy();
    await receiver.event({ type: 'peer-away', peerId: lost.peerId });
    const back = await connect(daemon.url);
    const answer = await back.ask({ type: 'resume', resumeToken });
    assert.equal(answer.type, 'resumed');
    await receiver.event({ type: 'peer-back', peerId: lost.peerId });
    assert.ok(!receiver.events.some(({ type }) => type === 'peer-left'));
    back.destroy();
    const left = await receiver.event({ type: 'peer-left', peerId: lost.peerId });
    assert.equal(left.reason, 'disconnected');
    const away = receiver.events.filter(({ type }) => type === 'peer-away');
    assert.equal(away.length, 2);
    assert.ok(left.at - away[1].at >= GRACE_MS, `${left.at - away[1].at} ms`);
    await stays.close(1000);
    assert.equal(await daemon.stop(), 0);
    await receiver.close();
});

test('a room made and closed over HTTP, and with it its peers', async () => {
    const receiver = await Receiver.open();
    const daemon = await startWith(receiver.url);
    const made = await (await fetch(`${daemon.http}/api/rooms`, { method: 'POST', body: '{"name":"tea"}' })).json();
    const client = await connect(daemon.url);
    await client.join('tea');
    await fetch(`${daemon.http}/api/rooms/tea`, { method: 'DELETE', headers: { authorization: `Bearer ${made.ownerToken}` } });
    await receiver.event({ type: 'room-closed' });
    assert.deepEqual(receiver.events.map(short),
        ['room-created tea', `peer-joined tea ${client.peerId}`, `peer-left tea ${client.peerId} room-closed`, 'room-closed tea']);
    await client.close();
    assert.equal(await daemon.stop(), 0);
    await receiver.close();
});

test('a daemon that stops ends all stays, tells so, and who comes back to the next one is back', () => inFolder(async (folder) => {
    const receiver = await Receiver.open();
    const start = () => startWith(receiver.url, [`server.state_dir=${folder}`]);
    let daemon = await start();
    const client = await connect(daemon.url);
    const { resumeToken } = await client.join('tea');
    const away = await connect(daemon.url);
    await away.join('cake');
    away.destroy();
    await receiver.event({ type: 'peer-away' });
    assert.equal(await daemon.stop(), 0);
    const left = receiver.events.filter(({ type }) => type === 'peer-left').map(short);
    assert.deepEqual(left, [`peer-left tea ${client.peerId} draining`, `peer-left cake ${away.peerId} draining`]);
    assert.deepEqual(receiver.events.slice(-1).map(short), ['room-closed cake']);
    assert.doesNotMatch(daemon.log, /webhook/);
    daemon = await start();
    const from = receiver.events.length;
    const back = await connect(daemon.url);
    assert.equal((await back.ask({ type: 'resume', resumeToken })).type, 'resumed');
    await receiver.event({ type: 'peer-back' });
    assert.deepEqual(receiver.events.slice(from).map(short), ['room-created tea', `peer-back tea ${client.peerId}`]);
    assert.notEqual(receiver.deliveries.at(-1).boot, receiver.deliveries[0].boot);
    await back.close(1000);
    assert.equal(await daemon.stop(), 0);
    await receiver.close();
}));

// ---- receivers that fail ----

// A client that comes and goes in a room of this name: four events.
async function visit(daemon, room, more = {}) {
    const client = await connect(daemon.url);
    await client.join(room, more);
    await client.close(1000);
    return client.peerId;
}

const WHOLE = ['room-created', 'peer-joined', 'peer-left', 'room-closed'];

for (const [what, answer] of [['a 503', (_, response) => response.writeHead(503).end()], ['a 500 with a page', (_, response) => response.writeHead(500).end('x'.repeat(100000))],
    ['a redirect', (_, response) => response.writeHead(307, { location: 'http://127.0.0.1:1/' }).end()],
    ['an end without an answer', (_, response) => response.destroy()], ['no HTTP', (_, response) => response.socket.end('220 mail.example ESMTP\r\n')]])
    test(`${what} is a failed try: the same delivery comes again, under the same id, before all that is behind it`, async () => {
        let tries = 0;
        const receiver = await Receiver.open({ answer: (delivery, response) => (++tries <= 2 ? answer(delivery, response) : response.writeHead(200).end('ok')) });
        const daemon = await startWith(receiver.url);
        await visit(daemon, 'first');
        await receiver.until(() => receiver.deliveries.length >= 1);
        await visit(daemon, 'second');
        await receiver.event({ type: 'room-closed', roomId: 'second' });
        assert.deepEqual(receiver.events.map(({ type, roomId }) => `${roomId} ${type}`),
            [...WHOLE.map((type) => `first ${type}`), ...WHOLE.map((type) => `second ${type}`)]);
        const [one, two, three] = receiver.deliveries;
        assert.equal(two.id, one.id);
        assert.equal(three.id, one.id);
        assert.deepEqual(two.body, one.body);
        assert.ok(two.signed && three.signed);
        assert.ok(two.at - one.at >= 400 && three.at - two.at >= 900, 'tries follow each other too fast');
        assert.notEqual(receiver.deliveries[3].id, one.id);
        const counts = await until(daemon, (m) => m.delivered() === 8, 'all are delivered');
        assert.deepEqual([counts.failed(), counts.dropped()], [2, 0]);
        await daemon.logged(/warning +a receiver of webhooks does not take them: they are tried again url=1 host=127\.0\.0\.1:\d+ reason=\"[^\"]/);
        await daemon.logged(/notice +a receiver of webhooks takes them again url=1 /);
        assert.equal(daemon.log.match(/does not take them/g).length, 1);
        assert.equal(await daemon.stop(), 0);
        await receiver.close();
    });

test('what a receiver refuses for good is dropped and counted, and the next is sent', async () => {
    let tries = 0;
    const receiver = await Receiver.open({ answer: (_, response) => response.writeHead(++tries === 1 ? 403 : 204).end() });
    const daemon = await startWith(receiver.url);
    await visit(daemon, 'first');
    await until(daemon, (m) => m.dropped() > 0, 'they are dropped');
    await visit(daemon, 'second');
    await receiver.event({ type: 'room-closed', roomId: 'second' });
    const counts = await until(daemon, (m) => m.waiting() === 0, 'none wait');
    assert.equal(counts.delivered() + counts.dropped(), 8);
    assert.equal(counts.failed(), 1);
    await daemon.logged(/a receiver of webhooks refuses what it is sent url=1 host=127\.0\.0\.1:\d+ reason="it answered 403"/);
    await daemon.logged(/events for a receiver of webhooks were dropped url=1 host=127\.0\.0\.1:\d+ count=\d+\n/);
    assert.equal(await daemon.stop(), 0);
    await receiver.close();
});

test('a receiver that takes little gets less at once', async () => {
    const receiver = await Receiver.open({ answer: ({ body }, response) => response.writeHead(body.length > 5000 ? 413 : 204).end() });
    const daemon = await startWith(receiver.url);
    const client = await connect(daemon.url);
    for (let i = 0; i < 12; i++) {
        await client.join('tea', { metadata: { text: 'x'.repeat(900) } });
        await client.ask({ type: 'leave-room' });
    }
    const counts = await until(daemon, (m) => m.delivered() === 48, 'all are delivered');
    assert.equal(counts.dropped(), 0);
    const taken = receiver.deliveries.filter(({ body }) => body.length <= 5000).flatMap(({ events }) => events);
    assert.deepEqual(taken.map(({ type }) => type), Array.from({ length: 12 }, () => WHOLE).flat());
    await client.close();
    assert.equal(await daemon.stop(), 0);
    await receiver.close();
});

test('a receiver that is slow, and three that are dead, hold up neither the fifth nor the daemon', async () => {
    const slow = await Receiver.open({ answer: (_, response) => setTimeout(() => response.writeHead(204).end(), 1000) });
    const good = await Receiver.open();
    const mute = net.createServer((socket) => socket.on('error', () => {}).resume()).listen(0, '127.0.0.1').unref(); // takes all, says nothing
    const half = net.createServer((socket) => socket.on('error', () => {}).resume().write('HTTP/1.1 200 OK\r\nContent-Le')).listen(0, '127.0.0.1').unref();
    await Promise.all([once(mute, 'listening'), once(half, 'listening')]);
    const [closed] = await freePorts(1);
    const daemon = await startWith([slow.url, `http://127.0.0.1:${mute.address().port}/`, `http://127.0.0.1:${half.address().port}/`,
        `http://127.0.0.1:${closed}/`, good.url], ['server.drain_timeout=1s']);
    for (let i = 0; i < 10; i++) {
        const peerId = await visit(daemon, `room${i}`);
        await good.event({ type: 'peer-left', peerId });
        const since = Date.now();
        await (await connect(daemon.url)).close(1000);
        assert.ok(Date.now() - since < 1000);
    }
    for (const receiver of [slow, good]) await receiver.event({ type: 'room-closed', roomId: 'room9' });
    assert.deepEqual(slow.events.map(short), good.events.map(short));
    const counts = await until(daemon, (m) => m.failed(2) >= 1 && m.failed(3) >= 1 && m.failed(4) >= 2 && m.delivered(1) === 40 && m.delivered(5) === 40, 'they failed');
    for (const [url, reason] of [[2, 'no answer in time'], [3, 'no answer in time'], [4, 'cannot connect: Connection refused']])
        await daemon.logged(new RegExp(`url=${url} host=127\\.0\\.0\\.1:\\d+ reason="${reason}"`));
    assert.deepEqual([counts.waiting(2), counts.delivered(2), counts.delivered(5), counts.failed(1), counts.failed(5)], [40, 0, 40, 0, 0]);
    daemon.kill('SIGTERM');
    assert.equal(await daemon.exited, 0);
    await Promise.all([slow.close(), good.close(), once(mute.close(), 'close'), once(half.close(), 'close')]);
});

test('a receiver whose answer never ends is done when its head says so', async () => {
    let written = 0;
    const receiver = await Receiver.open({
        answer: (_, response) => {
            response.writeHead(200);
            const more = () => {
                while (!response.destroyed && response.write('x'.repeat(16384))) written += 16384;
                if (!response.destroyed) response.once('drain', more);
            };
            response.on('error', () => {});
            more();
        },
    });
    const daemon = await startWith(receiver.url);
    await visit(daemon, 'first');
    await receiver.event({ type: 'room-closed', roomId: 'first' });
    await visit(daemon, 'second');
    await receiver.event({ type: 'room-closed', roomId: 'second' });
    const counts = await until(daemon, (m) => m.delivered() === 8, 'all are delivered');
    assert.equal(counts.failed(), 0);
    assert.ok(written < 64 * 1024 * 1024, `${written} bytes were taken`);
    assert.equal(await daemon.stop(), 0);
    await receiver.close();
});

// ---- TLS ----

test('a certificate that the system does not know, or of another host, is refused; a known one is not', async () => {
    const authority = await makeAuthority();
    const tls = async ({ certificate, key }) => ({ cert: await fs.readFile(certificate), key: await fs.readFile(key) });
    const good = await Receiver.open({ tls: await tls(await authority.issue('good')) });
    const other = await Receiver.open({ tls: await tls(await authority.issue('other', 'subjectAltName=DNS:other.example')) });
    const named = `https://localhost:${good.port}/`;
    const env = { SSL_CERT_FILE: authority.file, SSL_CERT_DIR: '/nowhere' };
    const daemon = await startWith([good.url, other.url, named], ['server.drain_timeout=1s'], { env });
    await visit(daemon, 'tea');
    await good.until(() => good.deliveries.length >= 2); // by its address, and by its name
    await daemon.logged(/url=2 host=127\.0\.0\.1:\d+ reason="its certificate is not accepted: IP address mismatch"/);
    const counts = await until(daemon, (m) => m.delivered(1) === 4 && m.delivered(3) === 4, 'the good one gets them');
    assert.equal(counts.delivered(2), 0);
    assert.equal(other.deliveries.length, 0);
    daemon.kill('SIGTERM');
    await daemon.exited;
    const stranger = await startWith(good.url, ['server.drain_timeout=1s'], { env: { SSL_CERT_FILE: '/dev/null', SSL_CERT_DIR: '/nowhere' } });
    const before = good.deliveries.length;
    await visit(stranger, 'tea');
    await stranger.logged(/reason="its certificate is not accepted: unable to get local issuer certificate"/);
    assert.equal(good.deliveries.length, before);
    stranger.kill('SIGTERM');
    await stranger.exited;
    await good.close();
    await other.close();
});

// ---- bounds ----

test('a full queue drops the oldest, whole batches of them, and counts', async () => {
    let dead = true;
    const receiver = await Receiver.open({ answer: (_, response) => response.writeHead(dead ? 503 : 204).end() });
    const daemon = await startWith(receiver.url);
    const client = await connect(daemon.url);
    const ROUNDS = 5000;
    const metadata = { text: 'x'.repeat(1000) };
    for (let i = 0; i < ROUNDS; i++) {
        client.send({ type: 'join-room', roomId: `room${i}`, metadata });
        client.send({ type: 'leave-room' });
        if (i % 100 === 99) for (let k = 0; k < 200; k++) await client.next();
    }
    const full = await metrics(daemon);
    assert.ok(full.dropped() > 0 && full.waiting() > 0);
    assert.ok(full.bytes() <= 8 * 1024 * 1024, `${full.bytes()} bytes`);
    assert.equal(full.dropped() + full.waiting() + full.delivered(), 4 * ROUNDS);
    await daemon.logged(/events for a receiver of webhooks were dropped url=1 host=127\.0\.0\.1:\d+ count=\d+\n/);
    const from = receiver.deliveries.length;
    dead = false;
    const counts = await until(daemon, (m) => m.waiting() === 0, 'all that waits is delivered');
    assert.equal(counts.dropped() + counts.delivered(), 4 * ROUNDS);
    const taken = receiver.deliveries.slice(from).flatMap(({ events }) => events);
    const rooms = taken.map(({ roomId }) => Number(roomId.slice(4)));
    assert.ok(rooms.every((n, i) => i === 0 || n >= rooms[i - 1]), 'they are in order');
    assert.deepEqual(short(taken.at(-1)), `room-closed room${ROUNDS - 1}`);
    await client.close();
    assert.equal(await daemon.stop(), 0);
    await receiver.close();
});

test('a stopping daemon gives a receiver drain_timeout, and says what it dropped', async () => {
    const slow = await Receiver.open({ answer: (_, response) => setTimeout(() => response.writeHead(204).end(), 700) });
    const dead = await Receiver.open({ answer: (_, response) => response.writeHead(503).end() });
    const daemon = await startWith([slow.url, dead.url], ['server.drain_timeout=3s']);
    const client = await connect(daemon.url);
    await client.join('tea');
    await slow.until(() => slow.deliveries.length > 0);
    const dropped = daemon.logged(/events for a receiver of webhooks were dropped url=2 host=127\.0\.0\.1:\d+ reason="the daemon ended" count=4/);
    const since = Date.now();
    assert.equal(await daemon.stop(), 0);
    assert.ok(Date.now() - since >= 2500 && Date.now() - since < 9000, `${Date.now() - since} ms`);
    assert.deepEqual(slow.events.map(({ type }) => type), WHOLE);
    await dropped;
    assert.doesNotMatch(daemon.log, /dropped url=1/);
    await slow.close();
    await dead.close();
});

// ---- settings ----

test('a reload changes URLs and the secret: who stays keeps what waits for him', () => inFolder(async (folder) => {
    let dead = true;
    const [stays, comes] = [await Receiver.open({ answer: (_, response) => response.writeHead(dead ? 503 : 204).end() }), await Receiver.open()];
    const [closed] = await freePorts(1);
    const conf = path.join(folder, 'usherd.conf');
    const write = (urls, secret = SECRET) =>
        fs.writeFile(conf, `[webhooks]\n${urls.map((url) => `url = ${url}\n`).join('')}${secret ? `secret = ${secret}\n` : ''}`);
    await write([stays.url, `http://127.0.0.1:${closed}/secret-path?token=hush`]);
    const daemon = await startDaemon({ args: ['--config', conf, ...set('limits.connection_rate=0')] });
    const reload = async (expected) => {
        const from = daemon.log.length;
        daemon.kill('SIGHUP');
        await daemon.logged(expected, from);
    };
    await visit(daemon, 'before');
    await until(daemon, (m) => m.waiting(1) === 4 && m.waiting(2) === 4, 'they wait');
    await write([comes.url], '');
    await reload(/error +webhooks\.url is set, but webhooks\.secret is empty/);
    await write([comes.url, stays.url], 'another secret, as long');
    await reload(/settings were read again/);
    await daemon.logged(/dropped url=\d+ host=127\.0\.0\.1:\d+ reason="its URL was removed" count=4/);
    dead = false;
    await visit(daemon, 'after');
    await stays.event({ type: 'room-closed', roomId: 'after' });
    await comes.event({ type: 'room-closed', roomId: 'after' });
    assert.deepEqual([...new Set(stays.events.map(({ roomId }) => roomId))], ['before', 'after']);
    assert.deepEqual([...new Set(comes.events.map(({ roomId }) => roomId))], ['after']);
    const last = stays.deliveries.at(-1);
    assert.ok(!last.signed && signed(last.headers, last.body, 'another secret, as long'));
    await write([], '');
    await reload(/settings were read again/);
    assert.ok(![...(await metrics(daemon)).samples.keys()].some((name) => name.startsWith('usherd_webhook_')));
    assert.doesNotMatch(daemon.log, /hush|secret-path|another secret/);
    await visit(daemon, 'unheard');
    assert.equal(await daemon.stop(), 0);
    assert.ok(!comes.events.some(({ roomId }) => roomId === 'unheard'));
    await stays.close();
    await comes.close();
}));

test('what cannot work is refused at start, with what to do', async () => {
    const secret = `webhooks.secret=${SECRET}`;
    for (const [options, sentence] of [[['webhooks.url=https://app.example/'], 'webhooks.url is set, but webhooks.secret is empty: expected a secret'],
        [['webhooks.url=app.example', secret], 'expected a URL such as https://app.example/usher'],
        [['webhooks.url=https://me:hush@app.example/', secret], 'a user and a password cannot be named in it'],
        [['webhooks.url=https://app.example/#hush', secret], 'a fragment (#) is never sent'],
        [['webhooks.url=https://app.example:x/?token=hush', secret], 'webhooks.url = "https://app.example:x/": a port is a number'],
        [['webhooks.url=https://app.example/', 'webhooks.secret=short'], 'webhooks.secret: expected at least 16 bytes'],
        [['webhooks.url=https://app.example/', `webhooks.secret=${'x'.repeat(257)}`], 'webhooks.secret: expected at most 256 bytes'],
        [['webhooks.url=https://app.example/', 'webhooks.secret=@/nowhere'], 'webhooks.secret: the file "/nowhere" cannot be read'],
        [[`webhooks.url=https://app.example/?hush=${'x'.repeat(1024)}`, secret], 'webhooks.url = "https://app.example/": an entry is longer than 1024 bytes'],
        [Array.from({ length: 9 }, (_, i) => `webhooks.url=https://app.example/${i}?hush`), 'webhooks.url = "https://app.example/8": expected 0 to 8 entries']]) {
        const { code, stderr } = await run([...set(...options), '--test-config']);
        assert.notEqual(code, 0, options.join(' '));
        assert.ok(stderr.includes(sentence), stderr);
        assert.doesNotMatch(stderr, /hush/);
    }
    const { code, stderr } = await run([...set('webhooks.url=http://app.example/', secret), '--test-config']);
    assert.equal(code, 0);
    assert.match(stderr, /go to this host unencrypted/);
});
