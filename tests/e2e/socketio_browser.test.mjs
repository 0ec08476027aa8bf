// SPDX-License-Identifier: MIT
//
// npm's socket.io-client in a page of headless Chromium, with default options, calls `usher pipe` and is called by it.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { connect } from './lib/client.mjs';
import { root, startDaemon } from './lib/daemon.mjs';
import { npmPages } from './lib/npm_pages.mjs';
import { joinPeer } from './lib/peer.mjs';
import { seatInTheMiddle } from './lib/plain.mjs';

const LIBRARY = path.join(root, 'tests/e2e/node_modules/socket.io-client/dist/socket.io.min.js');
const TRIES = 64; // as in lib/plain.mjs

let daemon;
let pages;
before(async () => {
    daemon = await startDaemon({ args: ['--set', 'ice.stun=stun:127.0.0.1:9'] });
    pages = await npmPages();
});
after(async () => {
    await pages?.close();
    await daemon?.stop();
});

// A page whose socket.id stands to the given one as asked; the plain peer of pages/plain.js does the calls.
async function openPage(seat, smaller) {
    const page = await pages.open();
    await page.addScriptTag({ path: LIBRARY });
    const plain = await readFile(path.join(root, 'tests/e2e/pages/plain.js'), 'utf8');
    await page.addScriptTag({ content: `${plain.replace('export class PlainPeer', 'window.PlainPeer = class')}` });
    const settings = [daemon.http, seat, smaller, TRIES];
    await page.evaluate(async ([server, than, less, tries]) => {
        for (let i = 0; i < tries; i++) {
            window.socket = io(server, { forceNew: true });
            window.servers = new Promise((resolve) => window.socket.once('ice-servers', resolve));
            await new Promise((resolve, reject) => window.socket.once('connect', resolve).once('connect_error', reject));
            if (window.socket.id < than === less) return;
            window.socket.disconnect();
        }
        throw new Error('no such id');
    }, settings);
    return page;
}

// What a page does with `signal`, as most do: {type, sdp} and {candidate}.
const enter = (page, room) => page.evaluate((roomId) => {
    class Transport {
        constructor() {
            const hear = (message) => this.onmessage({ data: JSON.stringify(message) });
            window.socket.on('peers', ({ peers }) => hear({ type: 'peers', peers: peers.map((peerId) => ({ peerId })) }));
            window.socket.on('peer-joined', ({ peerId }) => hear({ type: 'peer-joined', peerId }));
            window.socket.on('peer-left', ({ peerId }) => hear({ type: 'peer-left', peerId }));
            window.socket.on('signal', ({ from, data }) => {
                if (data.type) hear({ type: data.type, from, sdp: data.sdp });
                else hear({ type: 'ice-candidate', from, candidate: data.candidate });
            });
            queueMicrotask(() => hear({ type: 'welcome', peerId: window.socket.id }));
        }

        send(text) {
            const { type, to, sdp, candidate, displayName } = JSON.parse(text);
            if (type === 'join-room') window.socket.emit(type, { roomId, displayName });
            else window.socket.emit('signal', { to, data: sdp === undefined ? { candidate } : { type, sdp } });
        }
    }
    window.seen = [];
    window.peer = new window.PlainPeer({ RTCPeerConnection, WebSocket: Transport, url: '', name: 'web',
        on: (name, event) => window.seen.push({ name, ...event }) });
    return window.peer.welcomed.then(() => window.peer.join(roomId));
}, room);

for (const [who, smaller] of [['the page calls', true], ['usher calls', false]])
    test(`${who}: offer, answer, candidates, and words over a data channel`, async () => {
        const room = smaller ? 'calls' : 'called';
        const join = () => joinPeer({ server: daemon.url, room, name: 'ann' });
        const { peer: usher, seat } = await seatInTheMiddle(daemon.url, room, join);
        const page = await openPage(seat, smaller);
        await page.waitForFunction(() => window.socket.io.engine.transport.name === 'websocket'); // it began with polling
        assert.deepEqual(await page.evaluate('servers'), { iceServers: [{ urls: ['stun:127.0.0.1:9'] }] });
        await enter(page, room);
        const id = await page.evaluate('socket.id');
        const up = await usher.event('peer', { state: 'up' });
        assert.equal(up.id, id);
        await page.waitForFunction(() => window.seen.some(({ name }) => name === 'open'));
        await page.evaluate('peer.say("from the page \u00fc")');
        assert.equal((await usher.event('message', { text: 'from the page \u00fc' })).from, id);
        usher.do({ do: 'send', text: 'to the page', ref: '1' });
        await page.waitForFunction(() => window.seen.some(({ content }) => content?.text === 'to the page'));
        await page.evaluate('socket.disconnect()');
        await page.close();
        await usher.event('peer', { id, state: 'down' });
        await usher.stop();
    });

test('a page that is reloaded has left', async () => {
    const page = await openPage('', false);
    await page.waitForFunction(() => window.socket.io.engine.transport.name === 'websocket');
    const native = await connect(daemon.url);
    await native.join('reload');
    await page.evaluate(() => window.socket.emitWithAck('join-room', { roomId: 'reload' }));
    const { peerId } = await native.next();
    await page.reload();
    assert.deepEqual(await native.next(), { type: 'peer-left', peerId, reason: 'left' });
    await native.close(1000);
    await page.close();
});
