// SPDX-License-Identifier: MIT
//
// The browser's peer in headless Chromium, with `usher pipe` and with each other: what the two say reaches the other, once.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { startDaemon } from './lib/daemon.mjs';
import { joinPeer } from './lib/peer.mjs';
import { LOOPBACK, openChromium } from './lib/chromium.mjs';
import { joinWeb, serveWeb } from './lib/web.mjs';

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

test('a page and usher pipe talk: to all, to one', async () => {
    const usher = await joinPeer({ server: daemon.url, room: 'both', name: 'ann' });
    const page = await join('both', 'web');
    assert.equal((await page.linked(usher.id)).verified, true);
    await usher.linked(page);
    assert.deepEqual(await page.sendThrough('from the page ü'), [usher.id]);
    assert.equal((await usher.event('message', { from: page.id })).text, 'from the page ü');
    usher.do({ do: 'send', to: [page.id], text: 'to the page \u{1f310}', ref: '1' });
    const heard = await page.event('message', { from: usher.id });
    assert.deepEqual([heard.text, heard.type, heard.verified], ['to the page \u{1f310}', 'direct_message', true]);
    const { id } = await usher.event('accepted', { ref: '1' });
    await usher.event('delivered', { id, by: page.id });
    await page.close();
    await usher.stop();
});
