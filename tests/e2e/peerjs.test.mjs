// SPDX-License-Identifier: MIT
//
// PeerJS as npm has it, in browser processes of their own: only host, port and path are told. And its protocol, as its
// server speaks it, by a WebSocket of ours.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { root, startDaemon } from './lib/daemon.mjs';
import { Client } from './lib/client.mjs';
import { npmPages } from './lib/npm_pages.mjs';

const LIBRARY = path.join(root, 'tests/e2e/node_modules/peerjs/dist/peerjs.min.js');

let daemon;
let pages;

before(async () => {
    daemon = await startDaemon({ args: ['--set', 'dialects.peerjs_keys=peerjs', '--set', 'dialects.peerjs_keys=second'] });
    pages = await npmPages();
});
after(async () => {
    await pages.close();
    await daemon.stop();
});

// A page with an open Peer; what it is sent is kept in window.heard, its calls are answered with its own camera.
async function open(page, id, options = {}) {
    await page.addScriptTag({ path: LIBRARY });
    return page.evaluate(async ([name, settings]) => {
        window.heard = [];
        window.errors = [];
        window.camera = () => navigator.mediaDevices.getUserMedia({ video: true, audio: true });
        window.show = (stream) => {
            window.video = document.createElement('video');
            Object.assign(window.video, { srcObject: stream, muted: true });
            return window.video.play();
        };
        window.take = (connection) => {
            window.connection = connection;
            connection.on('data', (data) => window.heard.push(data));
            return connection;
        };
        window.peer = name ? new Peer(name, settings) : new Peer(settings);
        window.peer.on('connection', window.take);
        window.peer.on('call', async (call) => {
            call.on('stream', window.show);
            call.answer(await window.camera());
        });
        window.peer.on('error', (error) => window.errors.push(error.type));
        return new Promise((resolve, reject) => window.peer.on('open', resolve).on('error', reject));
    }, [id, { host: '127.0.0.1', port: daemon.port, path: '/', config: { iceServers: [] }, ...options }]);
}
const connect = (page, id) => page.evaluate((to) => new Promise((resolve, reject) => {
    window.peer.on('error', reject);
    window.take(window.peer.connect(to)).on('open', resolve);
}), id);
const send = (page, words) => page.evaluate((w) => window.connection.send(w), words);
const hears = (page, words) => page.waitForFunction((w) => window.heard.includes(w), words);

test('two pages talk, see each other, one reloads, the daemon restarts', async () => {
    const [a, b] = [await pages.open(), await pages.open()];
    const id = await open(a, undefined, { path: '/some/where' });
    assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    await open(b, 'bob');
    await connect(b, id);
    await send(b, 'hello');
    await hears(a, 'hello');
    await send(a, 'hello too');
    await hears(b, 'hello too');
    await b.evaluate(async (to) => {
        window.peer.call(to, await window.camera()).on('stream', window.show);
    }, id);
    for (const page of [a, b]) await page.waitForFunction(() => window.video?.videoWidth > 0 && window.video.currentTime > 0);

    await b.reload();
    await open(b, 'bob');
    await connect(b, id);
    await send(b, 'I am back');
    await hears(a, 'I am back');

    const listen = `127.0.0.1:${daemon.port}`;
    await daemon.stop();
    for (const page of [a, b]) await page.waitForFunction(() => window.peer.disconnected);
    await send(b, 'without a daemon');
    await hears(a, 'without a daemon');
    daemon = await startDaemon({ listen, args: ['--set', 'dialects.peerjs_keys=peerjs', '--set', 'dialects.peerjs_keys=second'] });
    for (const page of [a, b]) {
        await page.evaluate(() => window.peer.reconnect());
        await page.waitForFunction(() => window.peer.open);
    }
    await connect(a, 'bob');
    await send(a, 'after the restart');
    await hears(b, 'after the restart');
    for (const page of [a, b]) await page.close();
});

test('who calls somebody that is not there hears so, and keeps its place', async () => {
    const page = await pages.open();
    await open(page, 'caller');
    await page.evaluate(() => window.peer.connect('nobody'));
    await page.waitForFunction(() => window.errors.includes('peer-unavailable'));
    assert.ok(await page.evaluate(() => window.peer.open));
    await page.close();
});

test('any mount path is theirs but /api/rooms, and paths of ours never are, as docs/migrate.md says', async () => {
    const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'usherd-peerjs-'));
    await fs.writeFile(path.join(folder, 'index.html'), 'the page');
    const keys = ['peerjs', 'room'].flatMap((key) => ['--set', `dialects.peerjs_keys=${key}`]);
    const unlimited = ['--set', 'limits.connection_rate=0', '--set', 'limits.join_rate=0'];
    const ours = await startDaemon({ args: ['--set', `server.web_root=${folder}`, ...unlimited, ...keys] });
    for (const at of ['/room/peerjs', '/room/id', '/room/peers']) assert.equal(await (await fetch(`${ours.http}${at}`)).text(), 'the page');
    for (const at of ['/', '/a/b/', '/room/', '/room/x/', '/api/', '/check/', '/socket.io/', '/ws/', '/metrics/']) {
        const mounted = await name('a', 't', { of: ours, at: `${at}peerjs` });
        assert.deepEqual(mounted.first, { type: 'OPEN' }, at);
        assert.match(await (await fetch(`${ours.http}${at}peerjs/id`)).text(), /^[0-9a-f-]{36}$/, at);
        await mounted.client.close();
    }
    const refused = new Client(`ws://127.0.0.1:${ours.port}/api/rooms/peerjs?key=peerjs&id=a&token=t`, {}, []);
    const opened = refused.text().then((first) => ({ message: first }));
    opened.catch(() => {}); /* it is refused */
    assert.match((await Promise.race([refused.failed, opened])).message, /404/);
    await ours.stop();
    await fs.rm(folder, { recursive: true });
});

// What happens on a name: the client, and its first message.
async function name(id, token, { key = 'peerjs', at = '/peerjs', of = daemon } = {}) {
    const client = new Client(`ws://127.0.0.1:${of.port}${at}?key=${key}&id=${encodeURIComponent(id)}&token=${token}&version=1.5.5`, {}, []);
    return { client, first: await client.next() };
}

test('the protocol of its server', async () => {
    const { client: a, first } = await name('a 1', 't', { at: '/any/path/peerjs' });
    assert.deepEqual(first, { type: 'OPEN' });
    const taken = await name('a 1', 'other');
    assert.deepEqual(taken.first, { type: 'ID-TAKEN', payload: { msg: 'ID is taken' } });
    await taken.client.end();
    const wrong = await name('a', 't', { key: 'third' });
    assert.deepEqual(wrong.first, { type: 'ERROR', payload: { msg: 'Invalid key provided' } });
    await wrong.client.end();
    const nameless = await name('', 't');
    assert.deepEqual(nameless.first, { type: 'ERROR', payload: { msg: 'No id, token, or key supplied to websocket server' } });
    await nameless.client.end();
    const apart = await name('a 1', 'other', { key: 'second' });
    assert.deepEqual(apart.first, { type: 'OPEN' });

    const { client: b } = await name('b', 't');
    b.send('{"type":"HEARTBEAT"}');
    b.send('{"type":"NONSENSE"}');
    b.send('{"payload":{"n":0.10000000000000000001},"src":"eve","dst":"a 1","type":"OFFER"}');
    assert.equal(await a.text(), '{"type":"OFFER","src":"b","dst":"a 1","payload":{"n":0.10000000000000000001}}');
    a.send({ type: 'ANSWER', dst: 'b', payload: 1 });
    assert.deepEqual(await b.next(), { type: 'ANSWER', src: 'a 1', dst: 'b', payload: 1 });

    const again = await name('a 1', 't');
    assert.deepEqual(again.first, { type: 'OPEN' });
    assert.equal((await a.end()).code, 4001);
    b.send({ type: 'CANDIDATE', dst: 'a 1', payload: {} });
    assert.deepEqual(await again.client.next(), { type: 'CANDIDATE', src: 'b', dst: 'a 1', payload: {} });

    b.send({ type: 'OFFER', dst: 'late', payload: 1 });
    b.send({ type: 'CANDIDATE', dst: 'late', payload: 2 });
    const late = await name('late', 't');
    assert.deepEqual(late.first, { type: 'OPEN' });
    assert.deepEqual(await late.client.next(), { type: 'OFFER', src: 'b', dst: 'late', payload: 1 });
    assert.deepEqual(await late.client.next(), { type: 'CANDIDATE', src: 'b', dst: 'late', payload: 2 });
    for (const client of [b, again.client, late.client, apart.client]) await client.close();
});

test('over HTTP: an id for whoever asks, names for nobody unless allowed', async () => {
    const ids = new Set();
    for (const at of ['/peerjs/id', '/some/where/second/id?ts=1&version=2']) {
        const answer = await fetch(`${daemon.http}${at}`, { headers: { origin: 'http://page.example' } });
        assert.equal(answer.status, 200);
        assert.equal(answer.headers.get('access-control-allow-origin') === null, false);
        ids.add(await answer.text());
    }
    assert.equal(ids.size, 2);
    assert.equal((await fetch(`${daemon.http}/peerjs/peers`)).status, 401);
    assert.equal((await fetch(`${daemon.http}/third/id`)).status, 404);
    assert.equal((await fetch(`${daemon.http}/peerjs/id`, { method: 'POST' })).status, 405);
    assert.equal((await fetch(`${daemon.http}/peerjs`)).status, 426);
    const open = await startDaemon({ args: ['--set', 'dialects.peerjs_discovery=yes'] });
    const { client } = await name('a "quoted" one'.replaceAll('"', ''), 't', { of: open });
    assert.deepEqual(await (await fetch(`${open.http}/peerjs/peers`)).json(), ['a quoted one']);
    assert.match(await (await fetch(`${open.http}/metrics`)).text(), /^usherd_names 1$/m);
    await client.close();
    await open.stop();
    const closed = await startDaemon({ args: ['--set', 'dialects.peerjs=no'] });
    for (const at of ['/peerjs', '/peerjs/id', '/peerjs/peers']) assert.equal((await fetch(`${closed.http}${at}`)).status, 404);
    await closed.stop();
});
