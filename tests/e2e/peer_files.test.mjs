// SPDX-License-Identifier: MIT
//
// Files between real peers: each byte arrives, whatever breaks meanwhile, and nothing is written where it should not be.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import fs from 'node:fs/promises';
import path from 'node:path';
import { startDaemon } from './lib/daemon.mjs';
import { joinPeer, meet, scratch } from './lib/peer.mjs';

const MIB = 1024 * 1024;
const LARGE = 200 * MIB; // is under way for long enough to be seen, which is four times a second
const LONG = 60000;

const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');

async function makeFile(bytes, name = 'a file.bin') {
    const file = path.join(await scratch(), name);
    const content = randomBytes(bytes);
    await fs.writeFile(file, content);
    return { file, content };
}

// What two files have in common is told by their hashes: assert would print megabytes.
async function isWhole(file, content) {
    assert.equal(sha256(await fs.readFile(file)), sha256(content));
}

async function offered(from, to, file, members = {}) {
    from.do({ do: 'send-file', to: [to.id], path: file, ...members });
    return to.event('file-offer', { from: from.id });
}

const left = async (dir) => (await fs.readdir(dir)).sort();

// Until this much of it has come.
async function progress(peer, fileId, bytes) {
    for (;;) if ((await peer.event('file-progress', { fileId }, LONG)).bytes >= bytes) return;
}

test('a file: offered, accepted, there, and both are told', async () => {
    const daemon = await startDaemon();
    const [ann, ben] = await meet(daemon.url, ['ann', 'ben']);
    const dir = await scratch();
    for (const bytes of [0, 1, MIB, 3 * MIB + 12345]) {
        const { file, content } = await makeFile(bytes, `of ${bytes} bytes.bin`);
        const offer = await offered(ann, ben, file, { ref: `r${bytes}` });
        assert.equal((await ann.event('accepted', { ref: `r${bytes}` })).id, offer.fileId);
        assert.deepEqual([offer.name, offer.bytes, offer.kind], [path.basename(file), bytes, 'file']);
        ben.do({ do: 'accept', fileId: offer.fileId, dir });
        const { fileId } = offer;
        const done = await ben.event('file-complete', { fileId, from: ann.id });
        assert.deepEqual([done.path, done.bytes], [path.join(dir, path.basename(file)), bytes]);
        assert.ok(done.seconds >= 0);
        await isWhole(done.path, content);
        await ann.event('file-complete', { fileId, by: ben.id, bytes });
    }
    assert.equal((await left(dir)).length, 4); // no part is left
    assert.equal((await ben.stats()).refusedTotal, 0);
    for (const peer of [ann, ben]) assert.equal(await peer.stop(), 0);
    await daemon.stop();
});

test('a folder: its files, empty folders and modes; links are left out and named', async () => {
    const daemon = await startDaemon();
    const [ann, ben] = await meet(daemon.url, ['ann', 'ben']);
    const dir = await scratch();
    const folder = path.join(await scratch(), 'photos');
    await fs.mkdir(path.join(folder, 'a/b/empty'), { recursive: true });
    await fs.writeFile(path.join(folder, 'a/one.txt'), 'one');
    await fs.writeFile(path.join(folder, 'a/b/two.sh'), '#!/bin/sh\n', { mode: 0o755 });
    await fs.writeFile(path.join(folder, 'big.bin'), randomBytes(2 * MIB));
    await fs.symlink('/etc/passwd', path.join(folder, 'a/link'));
    const offer = await offered(ann, ben, folder);
    assert.deepEqual([offer.name, offer.kind], ['photos', 'folder']);
    ben.do({ do: 'accept', fileId: offer.fileId, dir });
    const done = await ben.event('file-complete', { fileId: offer.fileId });
    assert.equal(done.path, path.join(dir, 'photos'));
    assert.deepEqual((await fs.readdir(done.path, { recursive: true })).sort(),
        ['a', 'a/b', 'a/b/empty', 'a/b/two.sh', 'a/one.txt', 'big.bin']);
    await isWhole(path.join(done.path, 'big.bin'), await fs.readFile(path.join(folder, 'big.bin')));
    assert.equal((await fs.stat(path.join(done.path, 'a/b/two.sh'))).mode & 0o777, 0o755);
    await ann.says(/a\/link/);
    for (const peer of [ann, ben]) assert.equal(await peer.stop(), 0);
    await daemon.stop();
});

test('declined, ended by either side, and what cannot be sent', async () => {
    const daemon = await startDaemon();
    const [ann, ben] = await meet(daemon.url, ['ann', 'ben']);
    const { file } = await makeFile(LARGE);
    const dir = await scratch();
    let { fileId } = await offered(ann, ben, file);
    ben.do({ do: 'decline', fileId });
    await ann.event('file-failed', { fileId, by: ben.id, reason: 'declined' });
    ben.do({ do: 'accept', fileId, dir });
    await ben.event('error', { code: 'no-such-file' });
    assert.deepEqual(await left(dir), []);
    for (let round = 0; round < 4; round++) {
        ({ fileId } = await offered(ann, ben, file));
        ben.do({ do: 'accept', fileId, dir });
        if (round > 0) await progress(ben, fileId, round * MIB);
        ann.do({ do: 'decline', fileId });
        await ben.event('file-failed', { fileId, from: ann.id, reason: 'ended' });
    }
    const small = await makeFile(MIB); // what was under way then holds nothing up
    ({ fileId } = await offered(ann, ben, small.file));
    ben.do({ do: 'accept', fileId, dir });
    await isWhole((await ben.event('file-complete', { fileId })).path, small.content);
    for (const [bad, reason] of [['/no/such/file', 'no-such-file'], ['/dev/zero', 'not-a-file']]) {
        ann.do({ do: 'send-file', to: [ben.id], path: bad, ref: bad });
        const failed = await ann.event('file-failed', { ref: bad });
        assert.equal(failed.reason, reason);
        assert.match(failed.message, new RegExp(bad));
    }
    for (const command of [{ do: 'send-file', to: [ben.id] }, { do: 'accept' }, { do: 'decline', fileId: 7 }]) {
        ann.do(command);
        await ann.event('error', { code: 'bad-command' });
    }
    ({ fileId } = await offered(ann, ben, file));
    ben.do({ do: 'accept', fileId, dir: path.join(dir, 'none') });
    const refused = await ben.event('error', { fileId, code: 'no-folder' });
    assert.match(refused.message, /cannot open the folder .*none/);
    ben.do({ do: 'accept', fileId, dir }); // it is still offered
    await isWhole((await ben.event('file-complete', { fileId }, LONG)).path, await fs.readFile(file));
    assert.equal(ann.count('file-failed', { fileId }), 0);
    for (const peer of [ann, ben]) assert.equal(await peer.stop(), 0);
    await daemon.stop();
});

test('a receiver that is killed goes on where it was, and so does a new offer of its sender', async () => {
    const daemon = await startDaemon();
    const state = await scratch();
    const dir = await scratch();
    const { file, content } = await makeFile(LARGE);
    const ann = await joinPeer({ server: daemon.url, name: 'ann' });
    let ben = await joinPeer({ server: daemon.url, name: 'ben', state });
    await ann.linked(ben);
    let { fileId } = await offered(ann, ben, file);
    ben.do({ do: 'accept', fileId, dir });
    await progress(ben, fileId, 10 * MIB);
    ben.child.kill('SIGKILL');
    await ben.exited;
    ben = await joinPeer({ server: daemon.url, name: 'ben', state });
    await ben.event('file-offer', { fileId }); // ann offers it again
    ben.do({ do: 'accept', fileId, dir });
    const first = await ben.event('file-progress', { fileId });
    assert.ok(first.bytes >= 8 * MIB, `${first.bytes} were there`);
    ann.do({ do: 'decline', fileId });
    await ben.event('file-failed', { fileId });
    ({ fileId } = await offered(ann, ben, file));
    ben.do({ do: 'accept', fileId, dir });
    await isWhole((await ben.event('file-complete', { fileId }, LONG)).path, content);
    assert.deepEqual(await left(dir), [path.basename(file)]);
    for (const peer of [ann, ben]) assert.equal(await peer.stop(), 0);
    await daemon.stop();
});

test('one who comes later is offered what the room is offered, and may have it of others', async () => {
    const daemon = await startDaemon();
    const [ann, ben] = await meet(daemon.url, ['ann', 'ben']);
    const { file, content } = await makeFile(20 * MIB);
    ann.do({ do: 'send-file', path: file });
    const { fileId, conversation } = await ben.event('file-offer', { from: ann.id });
    assert.equal(conversation, 'room:demo');
    ben.do({ do: 'accept', fileId, dir: await scratch() });
    await ben.event('file-complete', { fileId }, LONG);
    const cid = await joinPeer({ server: daemon.url, name: 'cid' });
    await cid.linked(ben);
    await cid.event('file-offer', { fileId, from: ann.id });
    cid.do({ do: 'accept', fileId, dir: await scratch() });
    await isWhole((await cid.event('file-complete', { fileId }, LONG)).path, content);
    assert.ok((await ben.stats()).blocksGivenTotal >= 10);
    await ann.event('file-complete', { fileId, by: cid.id });
    for (const peer of [ann, ben, cid]) assert.equal(await peer.stop(), 0);
    await daemon.stop();
});

test('names that would lead elsewhere, and files that have the name already', async () => {
    const daemon = await startDaemon();
    const [ann, ben] = await meet(daemon.url, ['ann', 'ben']);
    const dir = await scratch();
    const { file, content } = await makeFile(1000, 'same.txt');
    await fs.writeFile(path.join(dir, 'same.txt'), 'mine');
    await fs.symlink('/tmp/nowhere', path.join(dir, 'same (1).txt'));
    const { fileId } = await offered(ann, ben, file);
    ben.do({ do: 'accept', fileId, dir });
    const done = await ben.event('file-complete', { fileId });
    assert.equal(done.path, path.join(dir, 'same (2).txt'));
    await isWhole(done.path, content);
    assert.equal(await fs.readFile(path.join(dir, 'same.txt'), 'utf8'), 'mine');
    for (const peer of [ann, ben]) assert.equal(await peer.stop(), 0);
    await daemon.stop();
});

test('a file that changes while it is sent is not finished, and both hear why', async () => {
    const daemon = await startDaemon();
    const [ann, ben] = await meet(daemon.url, ['ann', 'ben']);
    const dir = await scratch();
    const { file } = await makeFile(30 * MIB);
    const { fileId } = await offered(ann, ben, file);
    await fs.writeFile(file, randomBytes(30 * MIB));
    ben.do({ do: 'accept', fileId, dir });
    await ann.event('file-failed', { fileId, reason: 'file-changed' });
    assert.match((await ben.event('file-failed', { fileId, reason: 'file-changed' })).message, /ask for it again/);
    assert.equal(ben.count('file-complete'), 0);
    const again = await offered(ann, ben, file); // nothing is in its way
    ben.do({ do: 'accept', fileId: again.fileId, dir });
    const done = await ben.event('file-complete', { fileId: again.fileId }, LONG);
    assert.equal(done.path, path.join(dir, path.basename(file)));
    assert.deepEqual(await left(dir), [path.basename(file)]);
    for (const peer of [ann, ben]) assert.equal(await peer.stop(), 0);
    await daemon.stop();
});

test('messages pass while files do, and the daemon is not needed', async () => {
    const daemon = await startDaemon();
    const [ann, ben] = await meet(daemon.url, ['ann', 'ben']);
    const { file, content } = await makeFile(LARGE);
    const { fileId } = await offered(ann, ben, file);
    ben.do({ do: 'accept', fileId, dir: await scratch() });
    daemon.kill('SIGKILL');
    await daemon.exited;
    await progress(ben, fileId, MIB);
    for (let i = 0; i < 20; i++) {
        ann.do({ do: 'send', text: `${i}`, ref: `m${i}` });
        const { id } = await ann.event('accepted', { ref: `m${i}` });
        await ben.event('message', { text: `${i}` }, 5000);
        await ann.event('delivered', { id, by: ben.id }, 5000);
    }
    await isWhole((await ben.event('file-complete', { fileId }, LONG)).path, content);
    for (const peer of [ann, ben]) assert.equal(await peer.stop(), 0);
});

test('either end pauses a file, the other sees it, and it goes on', async () => {
    const daemon = await startDaemon();
    const [ann, ben] = await meet(daemon.url, ['ann', 'ben']);
    const dir = await scratch();
    const { file, content } = await makeFile(LARGE);
    const { fileId } = await offered(ann, ben, file);
    ben.do({ do: 'accept', fileId, dir });
    for (const by of [ann, ben]) {
        await progress(ben, fileId, 1);
        by.do({ do: 'pause', fileId });
        for (const peer of [ann, ben]) await peer.event('file-paused', { fileId, by: by.id });
        const { blocksHadTotal } = await ben.stats();
        ann.do({ do: 'send', to: [ben.id], text: by.id });
        await ben.event('message', { text: by.id });
        assert.ok((await ben.stats()).blocksHadTotal <= blocksHadTotal + 20); // what was written already counts
        by.do({ do: 'resume', fileId });
        for (const peer of [ann, ben]) await peer.event('file-resumed', { fileId, by: by.id });
    }
    const done = await ben.event('file-complete', { fileId }, LONG);
    await isWhole(done.path, content);
    ann.do({ do: 'cancel', fileId });
    assert.equal((await ann.event('error')).code, 'no-such-file');
    for (const peer of [ann, ben]) assert.equal(await peer.stop(), 0);
    await daemon.stop();
});

test('a file is cancelled at either end', async () => {
    const daemon = await startDaemon();
    const [ann, ben] = await meet(daemon.url, ['ann', 'ben']);
    const dir = await scratch();
    const { file } = await makeFile(LARGE);
    for (const by of [ann, ben]) {
        const { fileId } = await offered(ann, ben, file);
        ben.do({ do: 'accept', fileId, dir });
        await progress(ben, fileId, 1);
        by.do({ do: 'cancel', fileId });
        for (const peer of [ann, ben]) await peer.event('file-failed', { fileId, reason: 'cancelled' });
        assert.deepEqual(await left(dir), ['a file.bin.part', 'a file.bin.part.map']);
        ben.do({ do: 'accept', fileId, dir });
        if (by === ann) await ben.event('error', { fileId, code: 'no-such-file' });
        else await isWhole((await ben.event('file-complete', { fileId }, LONG)).path, await fs.readFile(file));
    }
    for (const peer of [ann, ben]) assert.equal(await peer.stop(), 0);
    await daemon.stop();
});

test('a message with files lists them, they are fetched by their ids, and the history has them', async () => {
    const daemon = await startDaemon();
    const [ann, ben] = await meet(daemon.url, ['ann', 'ben']);
    const dir = await scratch();
    const files = [await makeFile(2 * MIB, 'one.png'), await makeFile(5, 'two')];
    ann.do({ do: 'send', to: [ben.id], text: 'here', ref: 'r', attachments: files.map((f) => f.file) });
    const { id } = await ann.event('accepted', { ref: 'r' });
    const message = await ben.event('message', { id });
    assert.deepEqual(message.attachments.map((a) => [a.name, a.bytes, a.type]),
        [['one.png', 2 * MIB, 'image/png'], ['two', 5, 'application/octet-stream']]);
    for (const [i, { fileId }] of message.attachments.entries()) {
        ben.do({ do: 'accept', fileId, dir });
        await isWhole((await ben.event('file-complete', { fileId }, LONG)).path, files[i].content);
    }
    for (const peer of [ann, ben]) {
        peer.do({ do: 'history', ref: 'h' });
        const { messages } = await peer.event('history', { ref: 'h' });
        assert.deepEqual(messages[0].attachments, message.attachments);
    }
    ann.do({ do: 'send', to: [ben.id], text: 'none', ref: 'x', attachments: [path.join(dir, 'none')] });
    assert.equal((await ann.event('error', { ref: 'x' })).code, 'no-such-file');
    ann.do({ do: 'send', to: [ben.id], text: 'none', ref: 'y', attachments: 'none' });
    assert.equal((await ann.event('error', { ref: 'y' })).code, 'bad-command');
    for (const peer of [ann, ben]) assert.equal(await peer.stop(), 0);
    await daemon.stop();
});
