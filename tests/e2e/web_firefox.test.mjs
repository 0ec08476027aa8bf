// SPDX-License-Identifier: MIT
//
// The browser's peer in Firefox ESR: with `usher pipe`, and on after a reload.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { startDaemon } from './lib/daemon.mjs';
import { joinPeer, scratch } from './lib/peer.mjs';
import { openFirefox } from './lib/firefox.mjs';
import { joinWeb, serveWeb, vectorsIn } from './lib/web.mjs';

const MIB = 1024 * 1024;

let daemon;
let web;
let firefox;

before(async () => {
    daemon = await startDaemon();
    web = await serveWeb();
    firefox = await openFirefox();
});
after(async () => {
    await firefox?.close();
    web.close();
    await daemon.stop();
});

test('Firefox and usher pipe: messages, files, history after a reload', async () => {
    const folder = await scratch();
    const bytes = Buffer.alloc(3 * MIB, 'usher');
    await writeFile(path.join(folder, 'to.bin'), bytes);
    const usher = await joinPeer({ server: daemon.url, room: 'fox', name: 'ann' });
    const page = await joinWeb(firefox, web.url, { server: daemon.url, room: 'fox', name: 'fox' });
    assert.deepEqual([(await page.linked(usher.id)).path, (await page.linked(usher.id)).verified], ['direct', true]);
    await usher.linked(page);
    assert.deepEqual(await page.sendThrough('from Firefox ü'), [usher.id]);
    await usher.event('message', { text: 'from Firefox ü', from: page.id });
    usher.do({ do: 'send', to: [page.id], text: 'to Firefox' });
    await page.event('message', { text: 'to Firefox', type: 'direct_message' });

    usher.do({ do: 'send-file', path: path.join(folder, 'to.bin'), to: [page.id] });
    const { fileId } = await page.event('file-offer', { from: usher.id });
    assert.equal(await page.run((id) => window.peer.accept(id).then((file) => file.size), fileId), bytes.length);
    const sent = await page.run(() => window.peer.sendFile(new File([new Uint8Array(2500000).fill(7)], 'from.bin')).then((s) => s.fileId));
    await usher.event('file-offer', { fileId: sent });
    usher.do({ do: 'accept', fileId: sent, dir: folder });
    const { path: there } = await usher.event('file-complete', { fileId: sent });
    assert.equal(Buffer.compare(await readFile(there), Buffer.alloc(2500000, 7)), 0);

    await page.open(web.url);
    assert.equal((await vectorsIn(page)).groups, 9);
    await page.join({ server: daemon.url, room: 'fox', name: 'fox' });
    assert.deepEqual(await page.run(() => window.peer.history().then((all) => all.map((m) => m.text))), ['from Firefox ü', 'to Firefox']);
    await page.linked(usher.id);
    await page.close();
    await usher.stop();
});
