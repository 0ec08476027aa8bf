// SPDX-License-Identifier: MIT
//
// What a page can do that a process cannot, and what goes wrong in one only: two tabs, channels of its own, a storage that is full or
// taken away, a browser that lacks something. Each says what happened, and what was accepted is kept.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { chromium } from 'playwright-core';
import { startDaemon } from './lib/daemon.mjs';
import { joinPeer, scratch, spawnUsher } from './lib/peer.mjs';
import { LOOPBACK, openChromium } from './lib/chromium.mjs';
import { WebPeer, joinWeb, serveWeb, vectorsIn } from './lib/web.mjs';

let daemon;
let web;
let opened;

before(async () => {
    daemon = await startDaemon();
    web = await serveWeb();
    opened = await openChromium(LOOPBACK);
});
after(async () => {
    await opened?.close();
    web.close();
    await daemon.stop();
});

const join = (room, name, more = {}) => joinWeb(opened.browser, web.url, { server: daemon.url, room, name, ...more });

// A page that has not joined; before: what runs in it first.
async function blank(name, before) {
    const peer = new WebPeer(await opened.browser.newPage(), name);
    if (before) await peer.page.addInitScript(before);
    await peer.open(web.url);
    return peer;
}
// How opening failed: its code and its sentence.
const refusal = (peer, options) => peer.run((o) => window.Usher.open(o).then(() => null, ({ code, message }) => ({ code, message })), options);

test('a second tab of a room is told, and may take over', async () => {
    const first = await join('tabs', 'web');
    const second = await blank('second');
    const options = { server: daemon.url, room: 'tabs', name: 'web' };
    const { code, message } = await refusal(second, options);
    assert.equal(code, 'in-use');
    assert.match(message, /open in another tab/);
    await second.join({ ...options, takeOver: true });
    assert.equal((await first.run(() => window.peer.ended)).code, 'taken-over');
    assert.equal(second.id, first.id);
    await second.event('ready');
    await assert.rejects(first.run(() => window.peer.send('late')), /has ended/);
    await first.close();
    await second.close();
});

test('a channel of the application is on the verified link, at both ends', async () => {
    const [ann, ben] = [await join('call', 'ann', { state: 'ann' }), await join('call', 'ben', { state: 'ben' })];
    await Promise.all([ann.linked(ben.id), ben.linked(ann.id)]);
    const said = ben.run(() => new Promise((resolve) => {
        window.peer.addEventListener('channel', ({ detail: { id, label, channel } }) => {
            channel.onmessage = ({ data }) => resolve([id, label, data]);
        });
    }));
    assert.equal(await ann.run((id) => {
        const channel = window.peer.channel(id, 'usher-call');
        channel.onopen = () => channel.send('ring');
        return window.peer.connection(id) instanceof RTCPeerConnection;
    }, ben.id), true);
    assert.deepEqual(await said, [ann.id, 'usher-call', 'ring']);
    await ann.event('channel', { id: ben.id, label: 'usher-call' });
    const code = (call) => ann.run(`(async () => { try { ${call} } catch (error) { return error.code; } })()`);
    assert.equal(await code(`peer.channel('${ben.id}', 'usher')`), 'bad-options');
    assert.equal(await code("peer.channel('nobody', 'usher-call')"), 'no-link');
    assert.equal(await ann.run(() => window.peer.connection('nobody')), undefined);
    await ann.close();
    await ben.close();
});

test('a peer that proved nothing gets no channel of the application', async () => {
    const page = await join('stranger', 'web');
    const stranger = await opened.browser.newPage();
    await stranger.goto(`${web.url}/plain.html?${new URLSearchParams({ server: daemon.url, room: 'stranger', name: 'plain' })}`);
    const id = await stranger.evaluate('peer.welcomed');
    await stranger.evaluate('join()');
    assert.equal((await page.linked(id)).verified, false);
    assert.equal(await page.run(`(async () => { try { peer.channel('${id}', 'usher-call'); } catch (error) { return error.code; } })()`), 'no-link');
    await stranger.close();
    await page.close();
});

test('a page and usher meet by a code of six words', async () => {
    const folder = await scratch();
    await writeFile(path.join(folder, 'letter.txt'), 'dear page');
    const page = await blank('web');
    const { code, room } = await page.run(() => window.Usher.code());
    assert.match(code, /^([a-z]+-){5}[a-z]+$/);
    assert.deepEqual(await page.run((c) => window.Usher.code(c.toUpperCase().replaceAll('-', ' ')), code), { code, room });
    assert.equal(await page.run(() => window.Usher.code('one two').catch((error) => error.code)), 'bad-code');
    await page.join({ server: daemon.url, code, name: 'web' });
    await page.run(() => {
        window.got = window.event('file-offer').then(({ fileId }) => window.peer.accept(fileId)).then((file) => file.text());
    });
    await mkdir(path.join(folder, 'state'));
    const sender = spawnUsher(['--server', daemon.url, '--state', path.join(folder, 'state'), '--ice-address', '127.0.0.1', 'send', '--code', code, path.join(folder, 'letter.txt')]);
    let said = '';
    sender.stderr.on('data', (text) => (said += text));
    assert.equal(await page.run(() => window.got).catch((error) => `${error}\n${said}`), 'dear page');
    await page.close();
    sender.kill('SIGKILL');
});

test('what is wrong with what is asked for is said at once', async () => {
    const page = await blank('web');
    const wrong = async (options) => (await refusal(page, { server: daemon.url, ...options })).message;
    assert.match(await wrong({ room: 'no spaces' }), /A-Z, a-z, 0-9, - and _/);
    assert.match(await wrong({ room: 'long-name', name: 'x'.repeat(129) }), /name is a text of at most 128 bytes/);
    assert.match(await wrong({ room: 'odd', server: 'ftp://x' }), /a server is ws:/);
    await page.join({ server: daemon.url, room: 'wrong', name: 'web' });
    const code = (call) => page.run(`(async () => { try { await (${call}); } catch (error) { return error.code + ': ' + error.message; } })()`);
    assert.match(await code("peer.send('x'.repeat(65537))"), /^bad-command: .*65,536 bytes/);
    assert.match(await code("peer.send('\\ud800')"), /^bad-command: .*half a character/);
    assert.match(await code("peer.send('a', { to: ['nobody'] })"), /^[a-z-]+: /);
    assert.match(await code("peer.history({ limit: 0 })"), /^bad-command: .*1 to 1024/);
    assert.match(await code("peer.presence('asleep')"), /^bad-command: /);
    await page.close();
});

test('a wrong password ends the peer, by name', async () => {
    const made = await fetch(`${daemon.http}/api/rooms`, { method: 'POST', headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ name: 'locked', password: 'right' }) });
    assert.equal(made.status, 201);
    const page = await join('locked', 'web', { password: 'wrong' });
    const { code, fatal } = await page.event('error');
    assert.deepEqual([code, fatal], ['room-locked', true]);
    assert.equal((await page.run(() => window.peer.ended)).code, 'room-locked');
    await page.close();
});

test('the shared vectors hold in Chromium', async () => {
    const page = await blank('vectors');
    const { groups, signatures, seals } = await vectorsIn(page);
    assert.ok(groups === 9 && signatures >= 16 && seals >= 3);
    await page.close();
});

test('a browser that lacks something is told what', async () => {
    for (const [name, code, pattern] of [['WebAssembly', 'no-webassembly', /no WebAssembly/], ['RTCPeerConnection', 'no-webrtc', /no WebRTC/], ['indexedDB', 'no-storage', /IndexedDB/]]) {
        const page = await blank(name, `Object.defineProperty(globalThis, '${name}', { value: undefined })`);
        const refused = await refusal(page, { server: daemon.url, room: 'lacks', name: 'web' });
        assert.equal(refused.code, code);
        assert.match(refused.message, pattern);
        await page.close();
    }
});

test('without WebCrypto and Web Locks, as on a page by http from elsewhere, all goes on', async () => {
    const without = "Object.defineProperty(Navigator.prototype, 'locks', { get: () => undefined }); Object.defineProperty(Crypto.prototype, 'subtle', { get: () => undefined });";
    const usher = await joinPeer({ server: daemon.url, room: 'plain', name: 'ann' });
    const page = await blank('web', without);
    await page.join({ server: daemon.url, room: 'plain', name: 'web' });
    await page.linked(usher.id);
    const folder = await scratch();
    await page.run(() => window.peer.sendFile(new File([new Uint8Array(1500000)], 'a.bin')).then(({ fileId }) => fileId));
    const { fileId } = await usher.event('file-offer');
    usher.do({ do: 'accept', fileId, dir: folder });
    const { path: there } = await usher.event('file-complete', { fileId });
    assert.equal((await readFile(there)).length, 1500000);
    const second = await blank('second', without);
    assert.equal((await refusal(second, { server: daemon.url, room: 'plain', name: 'web' })).code, 'in-use');
    await page.close();
    await second.close();
    await usher.stop();
});

// What a browser does when a page's share of the disk is used up: the transaction is aborted, and says so.
const FULL_WHEN_ASKED = `{
    const { put } = IDBObjectStore.prototype;
    const error = new DOMException('the quota has been exceeded', 'QuotaExceededError');
    IDBObjectStore.prototype.put = function (...args) {
        if (window.full) queueMicrotask(() => this.transaction.abort());
        return put.apply(this, args);
    };
    Object.defineProperty(IDBTransaction.prototype, 'error', { get: () => (window.full ? error : null) });
}`;

test('a storage that is full ends the peer with a sentence; what was accepted is there after it', async () => {
    const usher = await joinPeer({ server: daemon.url, room: 'full', name: 'ann' });
    const page = await blank('web', FULL_WHEN_ASKED);
    await page.join({ server: daemon.url, room: 'full', name: 'web' });
    await page.linked(usher.id);
    await page.sendThrough('fits');
    const { code, message } = await page.run(() => {
        window.full = true;
        return window.peer.send('does not').then(() => ({}), (error) => ({ code: error.code, message: error.message }));
    });
    assert.equal(code, 'storage-failed');
    assert.match(message, /storage for this page is full: free some/);
    assert.equal((await page.run(() => window.peer.ended)).code, 'storage-failed');
    await page.page.reload();
    await page.ready();
    await page.join({ server: daemon.url, room: 'full', name: 'web' });
    assert.deepEqual(await page.run(() => window.peer.history().then((all) => all.map((m) => m.text))), ['fits']);
    await page.close();
    await usher.stop();
});

test('a storage that the browser takes away ends the peer with a sentence', async () => {
    const page = await join('evicted', 'web');
    await page.event('ready');
    const session = await page.page.context().newCDPSession(page.page);
    await session.send('Storage.clearDataForOrigin', { origin: web.url, storageTypes: 'indexeddb' });
    const { code, message } = await page.run(() => window.peer.ended);
    assert.equal(code, 'storage-failed');
    assert.match(message, /took the storage of this page away/);
    await page.close();
});

test('a private window talks and keeps until it is closed', async () => {
    const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox', ...LOOPBACK], headless: true });
    const usher = await joinPeer({ server: daemon.url, room: 'private', name: 'ann' });
    const page = await joinWeb(await browser.newContext(), web.url, { server: daemon.url, room: 'private', name: 'web' });
    await page.linked(usher.id);
    assert.deepEqual(await page.sendThrough('from a private window'), [usher.id]);
    await browser.close();
    await usher.stop();
});
