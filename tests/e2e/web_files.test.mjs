// SPDX-License-Identifier: MIT
//
// Files of the browser's peer in headless Chromium: both ways with `usher pipe`, between pages, and on after a reload.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { startDaemon } from './lib/daemon.mjs';
import { joinPeer, scratch } from './lib/peer.mjs';
import { LOOPBACK, openChromium } from './lib/chromium.mjs';
import { joinWeb, serveWeb } from './lib/web.mjs';

const MIB = 1024 * 1024;

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
const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');
// Bytes that differ from block to block; the same in a page.
const pattern = (n) => Uint8Array.from({ length: n }, (_, i) => (i * 31 + (i >> 13) * 7) & 255);

// The page offers bytes like pattern(n); resolves to the fileId.
const offer = (page, n, name, to) => page.run(([size, called, readers]) => {
    const bytes = new Uint8Array(size);
    for (let i = 0; i < size; i++) bytes[i] = i * 31 + (i >> 13) * 7;
    return window.peer.sendFile(new File([bytes], called), { to: readers }).then(({ fileId }) => fileId);
}, [n, name, to]);
const hashOf = (page, fileId) => page.run(async (id) => {
    const file = await window.peer.accept(id);
    const digest = await crypto.subtle.digest('SHA-256', await file.arrayBuffer());
    return { name: file.name, size: file.size, hash: Array.from(new Uint8Array(digest), (b) => b.toString(16).padStart(2, '0')).join('') };
}, fileId);

test('a page sends a file to usher pipe, and receives one', async () => {
    const folder = await scratch();
    const bytes = pattern(3 * MIB + 12345);
    await writeFile(path.join(folder, 'from-usher.bin'), bytes);
    const usher = await joinPeer({ server: daemon.url, room: 'files', name: 'ann' });
    const page = await join('files', 'web');
    await page.linked(usher.id);
    await usher.linked(page);

    const sent = await offer(page, bytes.length, 'from-page.bin', [usher.id]);
    const { fileId, name, bytes: size } = await usher.event('file-offer', { from: page.id });
    assert.deepEqual([fileId, name, size], [sent, 'from-page.bin', bytes.length]);
    usher.do({ do: 'accept', fileId, dir: folder });
    const { path: there } = await usher.event('file-complete', { fileId });
    assert.equal(sha256(await readFile(there)), sha256(bytes));
    await page.event('file-complete', { fileId, by: usher.id });

    usher.do({ do: 'send-file', path: path.join(folder, 'from-usher.bin'), to: [page.id] });
    const offered = await page.event('file-offer', { from: usher.id });
    assert.deepEqual(await hashOf(page, offered.fileId), { name: 'from-usher.bin', size: bytes.length, hash: sha256(bytes) });
    await usher.event('file-complete', { by: page.id });
    await page.close();
    await usher.stop();
});

test('what a page had received before a reload does not come again', async () => {
    const folder = await scratch();
    const bytes = pattern(24 * MIB);
    await writeFile(path.join(folder, 'large.bin'), bytes);
    const usher = await joinPeer({ server: daemon.url, room: 'reload', name: 'ann' });
    const page = await join('reload', 'web');
    await usher.linked(page);
    usher.do({ do: 'send-file', path: path.join(folder, 'large.bin'), to: [page.id] });
    const { fileId } = await page.event('file-offer', { from: usher.id });
    const reloaded = page.page.waitForEvent('framenavigated');
    await page.run(([id, enough]) => {
        window.peer.addEventListener('file-progress', ({ detail }) => detail.bytes >= enough && location.reload());
        window.peer.accept(id).catch(() => {});
    }, [fileId, 6 * MIB]);
    await reloaded;
    await page.ready();
    await page.join({ server: daemon.url, room: 'reload', name: 'web' });
    assert.equal((await page.event('file-offer', { fileId })).accepted, true);
    assert.deepEqual(await hashOf(page, fileId), { name: 'large.bin', size: bytes.length, hash: sha256(bytes) });
    const { blocksHadTotal } = await page.run(() => window.peer.stats());
    assert.ok(blocksHadTotal <= 24 - 5, `${blocksHadTotal} of 24 blocks came after the reload`);
    assert.equal((await page.run(() => window.peer.files())).length, 1);
    await page.close();
    await usher.stop();
});

test('an offer of a page goes on after a reload of it', async () => {
    const folder = await scratch();
    const usher = await joinPeer({ server: daemon.url, room: 'again', name: 'ann' });
    const page = await join('again', 'web');
    await usher.linked(page);
    const fileId = await offer(page, 24 * MIB, 'mine.bin', [usher.id]);
    await usher.event('file-offer', { fileId });
    const reloaded = page.page.waitForEvent('framenavigated');
    await page.run((enough) => {
        window.peer.addEventListener('file-progress', ({ detail }) => detail.bytes >= enough && location.reload());
    }, 6 * MIB);
    usher.do({ do: 'accept', fileId, dir: folder });
    await reloaded;
    await page.ready();
    await page.join({ server: daemon.url, room: 'again', name: 'web' });
    const { path: there } = await usher.event('file-complete', { fileId }, 30000);
    assert.equal(sha256(await readFile(there)), sha256(pattern(24 * MIB)));
    const { blocksHadTotal } = await usher.stats();
    assert.ok(blocksHadTotal <= 24 + 4, `${blocksHadTotal} blocks came for 24`);
    await page.close();
    await usher.stop();
});

test('two pages: a file, an attachment, a pause, a refusal', async () => {
    const [ann, ben] = [await join('pages', 'ann'), await join('pages', 'ben', { state: 'ben' })];
    await ann.linked(ben.id);
    await ben.linked(ann.id);
    const fileId = await offer(ann, 2 * MIB + 1, 'a.bin');
    await ben.event('file-offer', { fileId });
    const { size, hash } = await hashOf(ben, fileId);
    assert.deepEqual([size, hash], [2 * MIB + 1, sha256(pattern(2 * MIB + 1))]);

    await ann.run((to) => window.peer.send('look', { to: [to], attachments: [new File(['hello'], 'note.txt')] }).then(() => {}), ben.id);
    const { attachments } = await ben.event('message', { text: 'look' });
    assert.deepEqual([attachments[0].name, attachments[0].bytes], ['note.txt', 5]);
    await ben.event('file-offer', { fileId: attachments[0].fileId });
    assert.equal(await ben.run((id) => window.peer.accept(id).then((file) => file.text()), attachments[0].fileId), 'hello');

    const refused = await offer(ann, 1000, 'no.bin', [ben.id]);
    await ben.event('file-offer', { fileId: refused });
    await ben.run((id) => window.peer.decline(id), refused);
    assert.equal((await ann.event('file-failed', { fileId: refused })).by, ben.id);

    const late = (id) => ben.run((f) => window.peer.accept(f).catch((error) => error.code), id);
    assert.equal(await late(refused), 'no-such-file');
    assert.equal(await late('never-offered'), 'no-such-file');
    const given = await offer(ann, 16 * MIB, 'given-up.bin', [ben.id]);
    await ben.event('file-offer', { fileId: given });
    assert.equal(await ben.run((id) => {
        const file = window.peer.accept(id);
        window.peer.cancel(id);
        return file.catch((error) => error.code);
    }, given), 'cancelled');
    await ann.event('file-failed', { fileId: given, by: ben.id });

    const empty = await offer(ann, 0, 'empty', [ben.id]);
    await ben.event('file-offer', { fileId: empty });
    assert.equal((await hashOf(ben, empty)).size, 0);

    const large = await offer(ann, 16 * MIB, 'paused.bin', [ben.id]);
    await ben.event('file-offer', { fileId: large });
    await ben.run((id) => {
        window.got = window.peer.accept(id).then((file) => file.size);
        window.peer.pause(id);
    }, large);
    await ann.event('file-paused', { fileId: large, by: ben.id });
    await ben.run((id) => window.peer.resume(id), large);
    await ann.event('file-resumed', { fileId: large, by: ben.id });
    assert.equal(await ben.run(() => window.got), 16 * MIB);
    await ann.close();
    await ben.close();
});
