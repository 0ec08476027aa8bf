// SPDX-License-Identifier: MIT
//
// Files between two who cannot be linked: ann is reached through a TURN server only, which may not send to ben. They go
// through cy, who learns nothing of them.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import fs from 'node:fs/promises';
import path from 'node:path';
import { joinApart } from './lib/apart.mjs';
import { scratch } from './lib/peer.mjs';

const MIB = 1024 * 1024;
const LONG = 60000;

const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');

async function makeFile(bytes) {
    const file = path.join(await scratch(), 'a.bin');
    const content = randomBytes(bytes);
    await fs.writeFile(file, content);
    return { file, content };
}

test('a file goes through somebody else, and messages go before it', async () => {
    const { ann, ben, cy, stop } = await joinApart();
    const dir = await scratch();
    const { file, content } = await makeFile(5 * MIB + 12345);
    ann.do({ do: 'send-file', to: [ben.id], path: file });
    const { fileId } = await ben.event('file-offer', { from: ann.id }, LONG);
    const began = performance.now();
    ben.do({ do: 'accept', fileId, dir });
    await ben.event('file-progress', { fileId }, LONG);
    ann.do({ do: 'send', to: [ben.id], text: 'meanwhile' });
    await ben.event('message', { text: 'meanwhile' });
    assert.equal(ben.count('file-complete'), 0);
    const done = await ben.event('file-complete', { fileId }, LONG);
    console.log(`# ${((5 * MIB) / 1e3 / (performance.now() - began)).toFixed(1)} MB/s through a relay peer`);
    assert.equal(sha256(await fs.readFile(done.path)), sha256(content));
    await ann.event('file-complete', { fileId, by: ben.id }, LONG);
    const stats = await cy.stats();
    assert.ok(stats.filesRelayedTotal >= (5 * MIB) / (16 * 1024));
    assert.equal(cy.count('file-offer'), 0);
    assert.equal((await ann.stats()).blocksGivenTotal, 0); // none over a link of the two
    for (const peer of [ann, ben, cy]) assert.equal((await peer.stats()).refusedTotal, 0);
    await stop();
});

test('what goes through somebody else goes on when that one is back', async () => {
    const { ann, ben, cy, stop } = await joinApart();
    const dir = await scratch();
    const { file, content } = await makeFile(8 * MIB);
    ann.do({ do: 'send-file', to: [ben.id], path: file });
    const { fileId } = await ben.event('file-offer', { from: ann.id }, LONG);
    ben.do({ do: 'accept', fileId, dir });
    const bound = performance.now() + LONG;
    while ((await ben.stats()).blocksHadTotal < 2) assert.ok(performance.now() < bound);
    cy.child.kill('SIGSTOP');
    await ben.event('peer', { id: cy.id, state: 'down' }, LONG);
    cy.child.kill('SIGCONT');
    const done = await ben.event('file-complete', { fileId }, LONG);
    assert.equal(sha256(await fs.readFile(done.path)), sha256(content));
    assert.ok((await ben.stats()).blocksHadTotal === 8);
    await stop();
});
