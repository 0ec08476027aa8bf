// SPDX-License-Identifier: MIT
//
// `usher pipe` and a real browser: headless Chromium opens pages/plain.html, from loopback only.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import http from 'node:http';
import path from 'node:path';
import { connect } from './lib/client.mjs';
import { startDaemon, root } from './lib/daemon.mjs';
import { joinPeer } from './lib/peer.mjs';
import { seatInTheMiddle } from './lib/plain.mjs';
import { LOOPBACK, openChromium } from './lib/chromium.mjs';

const TYPES = { '.html': 'text/html', '.js': 'text/javascript' };
const TRIES = 64; // as in lib/plain.mjs

let daemon;
let server;
let browser;
let opened;

before(async () => {
    daemon = await startDaemon();
    server = http.createServer(async (request, response) => {
        const name = path.basename(new URL(request.url, 'http://x').pathname);
        const type = TYPES[path.extname(name)];
        if (!type) return response.writeHead(404).end();
        response.writeHead(200, { 'content-type': type }).end(await readFile(path.join(root, 'tests/e2e/pages', name)));
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    opened = await openChromium(LOOPBACK);
    browser = opened.browser;
    browser.setDefaultTimeout(15000);
});
after(async () => {
    await opened?.close();
    server.close();
    await daemon.stop();
});

// A page whose signaling id stands to the given one as asked.
async function openPage(room, seat, smaller) {
    const asked = new URLSearchParams({ server: daemon.url, room, name: 'web' });
    const page = await browser.newPage();
    for (let i = 0; i < TRIES; i++) {
        await page.goto(`http://127.0.0.1:${server.address().port}/plain.html?${asked}`);
        const id = await page.evaluate('peer.welcomed');
        if (id < seat === smaller) return { page, id };
    }
    throw new Error('no such signaling id');
}

for (const [who, smaller] of [['the browser calls', true], ['usher calls', false]]) {
    test(`${who}: messages cross in both directions`, async () => {
        const room = smaller ? 'calls' : 'called';
        const join = () => joinPeer({ server: daemon.url, room, name: 'ann' });
        const { peer: usher, seat } = await seatInTheMiddle(daemon.url, room, join);
        const { page, id } = await openPage(room, seat, smaller);
        await page.evaluate('join()');
        const up = await usher.event('peer', { state: 'up' });
        assert.equal(up.id, id);
        assert.equal(up.verified, false);
        await page.evaluate('until((e) => e.name === "open").then(() => peer.say("from the browser \u00fc"))');
        const message = await usher.event('message', { text: 'from the browser \u00fc' });
        assert.equal(message.from, id);
        usher.do({ do: 'send', text: 'to the browser \u{1f310}', ref: '1' });
        const got = await page.evaluate('until((e) => e.type === "group_message")');
        assert.equal(got.content.text, 'to the browser \u{1f310}');
        const { id: sent } = await usher.event('accepted', { ref: '1' });
        await usher.event('delivered', { id: sent, by: id });
        await page.evaluate('peer.say("x".repeat(60000))');
        assert.equal((await usher.event('message', { type: 'group_message' })).text.length, 60000);
        await page.close();
        await usher.event('peer', { id, state: 'down' });
        await usher.stop();
    });
}

for (const kinds of [['audio', 'video'], ['video']])
    test(`a page that calls with ${kinds.join(' and ')} only is told of by what it does`, async () => {
        const page = await browser.newPage();
        const sdp = await page.evaluate(async (all) => {
            const connection = new RTCPeerConnection();
            for (const kind of all) connection.addTransceiver(kind);
            await connection.setLocalDescription();
            return connection.localDescription.sdp;
        }, kinds);
        await page.close();
        const usher = await joinPeer({ server: daemon.url, room: kinds.join('-'), name: 'ann' });
        const caller = await connect(daemon.url);
        const { peers: [{ peerId }], peerId: from } = await caller.join(kinds.join('-'), { displayName: 'web' });
        caller.send({ type: 'offer', to: peerId, sdp });
        const { id, name, text } = await usher.event('link', { code: 'no-data-channel' });
        assert.deepEqual([id, name], [from, 'web']);
        assert.match(text, /^offers audio or video only: usher takes data channels only/);
        await caller.close(1000);
        await usher.stop();
    });
