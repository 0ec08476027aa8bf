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

async function makeFile() {
    const file = path.join(await scratch(), 'a.bin');
    const content = randomBytes(BLOCKS * MIB);
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
    for (let i = 0; i < BREAKS; i++) {
        ben.do({ do: 'accept', fileId: await offerTo(ann, ben, file), dir });
        await had(ben, (await ben.stats()).blocksHadTotal + some());
        ann.child.kill('SIGKILL');
        await ann.exited;
        ann = await joinPeer({ server: daemon.url, name: 'ann', state });
        await ben.event('file-failed', { from: ann.id, reason: 'not-offered' }, LONG);
    }
    const fileId = await offerTo(ann, ben, file);
    ben.do({ do: 'accept', fileId, dir });
    const done = await ben.event('file-complete', { fileId }, LONG);
    await isWhole(done, content, (await ben.stats()).blocksHadTotal);
    assert.deepEqual(await fs.readdir(dir), ['a.bin']);
    for (const peer of [ann, ben]) assert.equal(await peer.stop(), 0);
    await daemon.stop();
});
