// SPDX-License-Identifier: MIT
//
// A transfer that breaks again and again, at moments by chance: it completes, every byte is right, and a break costs a
// block or two. BREAKS=20 breaks each way twenty times.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import fs from 'node:fs/promises';
import path from 'node:path';
import { startDaemon } from './lib/daemon.mjs';
import { joinPeer, scratch } from './lib/peer.mjs';

const MIB = 1024 * 1024;
const BREAKS = Number(process.env.BREAKS ?? 3);
const BLOCKS = 12 * BREAKS;
const LONG = 60000;

const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');

async function makeFile(blocks = BLOCKS) {
    const file = path.join(await scratch(), 'a.bin');
    const content = randomBytes(blocks * MIB);
    await fs.writeFile(file, content);
    return { file, content };
}

// Until it has had so many blocks in this life. What file-progress tells comes four times a second, which may be too late.
async function had(peer, blocks) {
    const bound = performance.now() + LONG;
    while ((await peer.stats()).blocksHadTotal < blocks) assert.ok(performance.now() < bound, `never had ${blocks} blocks`);
}

async function offerTo(from, to, file) {
    from.do({ do: 'send-file', to: [to.id], path: file });
    return (await to.event('file-offer', { from: from.id }, LONG)).fileId;
}

const some = () => 1 + Math.floor(Math.random() * 7);

async function isWhole(done, content, given) {
    assert.equal(sha256(await fs.readFile(done.path)), sha256(content));
    console.log(`# ${BLOCKS} blocks, ${BREAKS} breaks, ${given} blocks sent`);
    assert.ok(given <= BLOCKS + 2 * BREAKS, `${given} blocks were sent`);
}

test('the receiver is killed', async () => {
    const daemon = await startDaemon();
    const [state, dir] = [await scratch(), await scratch()];
    const { file, content } = await makeFile();
    const ann = await joinPeer({ server: daemon.url, name: 'ann' });
    let ben = await joinPeer({ server: daemon.url, name: 'ben', state });
    await ann.linked(ben);
    const fileId = await offerTo(ann, ben, file);
    for (let i = 0; i < BREAKS; i++) {
        ben.do({ do: 'accept', fileId, dir });
        await had(ben, some());
        ben.child.kill('SIGKILL');
        await ben.exited;
        ben = await joinPeer({ server: daemon.url, name: 'ben', state });
        await ben.event('file-offer', { fileId }, LONG);
    }
    ben.do({ do: 'accept', fileId, dir });
    const done = await ben.event('file-complete', { fileId }, LONG);
    await ann.event('file-complete', { fileId, by: ben.id });
    await isWhole(done, content, (await ann.stats()).blocksGivenTotal);
    for (const peer of [ann, ben]) assert.equal(await peer.stop(), 0);
    await daemon.stop();
});

test('the sender is killed', async () => {
    const daemon = await startDaemon();
    const [state, dir] = [await scratch(), await scratch()];
    const { file, content } = await makeFile();
    let ann = await joinPeer({ server: daemon.url, name: 'ann', state });
    const ben = await joinPeer({ server: daemon.url, name: 'ben' });
    await ben.linked(ann);
    const fileId = await offerTo(ann, ben, file);
    ben.do({ do: 'accept', fileId, dir });
    for (let i = 0; i < BREAKS; i++) {
        await had(ben, (await ben.stats()).blocksHadTotal + some());
        ann.child.kill('SIGKILL');
        await ann.exited;
        ann = await joinPeer({ server: daemon.url, name: 'ann', state });
    }
    const done = await ben.event('file-complete', { fileId }, LONG);
    await ann.event('file-complete', { fileId, by: ben.id }, LONG);
    assert.equal(ben.count('file-failed') + ben.count('file-offer'), 1);
    await isWhole(done, content, (await ben.stats()).blocksHadTotal);
    assert.deepEqual(await fs.readdir(dir), ['a.bin']);
    for (const peer of [ann, ben]) assert.equal(await peer.stop(), 0);
    await daemon.stop();
});

// SCTP took the only path for dead after six timeouts, and half of such transfers stood still for fifty seconds and more.
test('one of the two stands still for ten seconds', { timeout: 120000 }, async () => {
    const [STILL_MS, BACK_MS] = [10000, 40000];
    const daemon = await startDaemon();
    const { file, content } = await makeFile(300);
    await Promise.all(['sender', 'receiver'].map(async (who) => {
        const dir = await scratch();
        const [ann, ben] = [await joinPeer({ server: daemon.url, name: 'ann', room: who }), await joinPeer({ server: daemon.url, name: 'ben', room: who })];
        await ann.linked(ben);
        const fileId = await offerTo(ann, ben, file);
        ben.do({ do: 'accept', fileId, dir });
        await had(ben, 10);
        const { child } = who === 'sender' ? ann : ben;
        child.kill('SIGSTOP');
        await new Promise((resolve) => setTimeout(resolve, STILL_MS));
        child.kill('SIGCONT');
        const from = performance.now();
        const done = await ben.event('file-complete', { fileId }, BACK_MS);
        console.log(`# the ${who} stood still: done ${((performance.now() - from) / 1000).toFixed(1)} s later`);
        assert.equal(sha256(await fs.readFile(done.path)), sha256(content));
        for (const peer of [ann, ben]) assert.equal(await peer.stop(), 0);
    }));
    await daemon.stop();
});

// It ends, and its state stays.
async function leave(peer) {
    peer.child.stdin.end('{"do":"quit"}\n');
    await peer.exited;
}

// Offered by one process, sent by another, to who was absent from both; and what changed between the two is not.
test('offers outlive the process that made them', async () => {
    const daemon = await startDaemon();
    const [state, bens, dir] = [await scratch(), await scratch(), await scratch()];
    const { file, content } = await makeFile();
    let ann = await joinPeer({ server: daemon.url, name: 'ann', state });
    let ben = await joinPeer({ server: daemon.url, name: 'ben', state: bens });
    await ben.linked(ann);
    const { id } = ben;
    await leave(ben);
    await ann.event('peer', { id, state: 'down' }, LONG);
    const other = path.join(dir, 'other.bin');
    await fs.writeFile(other, 'one');
    ann.do({ do: 'send-file', to: [id], path: file, ref: 'r' });
    const { id: fileId } = await ann.event('accepted', { ref: 'r' });
    ann.do({ do: 'send-file', to: [id], path: other, ref: 's' });
    const { id: changed } = await ann.event('accepted', { ref: 's' });
    await leave(ann);
    await fs.writeFile(other, 'two');
    ann = await joinPeer({ server: daemon.url, name: 'ann', state });
    ben = await joinPeer({ server: daemon.url, name: 'ben', state: bens });
    assert.equal((await ben.event('file-offer', { from: ann.id }, LONG)).fileId, fileId);
    ben.do({ do: 'accept', fileId, dir });
    const done = await ben.event('file-complete', { fileId }, LONG);
    assert.equal(sha256(await fs.readFile(done.path)), sha256(content));
    assert.equal(ben.count('file-offer'), 1);
    assert.equal(ann.count('file-failed', { fileId: changed, reason: 'file-changed' }), 1);
    for (const peer of [ann, ben]) assert.equal(await peer.stop(), 0);
    await daemon.stop();
});
