// SPDX-License-Identifier: MIT
//
// A transfer between two network namespaces whose cable is pulled, until the link is given up, and put back: it completes, every
// byte is right, and a break costs two blocks at most. CUTS=20 cuts twenty times.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import fs from 'node:fs/promises';
import path from 'node:path';
import { startDaemon } from './lib/daemon.mjs';
import { Network } from './lib/networks.mjs';
import { joinPeer, scratch } from './lib/peer.mjs';

const MIB = 1024 * 1024;
const CUTS = Number(process.env.CUTS ?? 1);
const BLOCKS = 64 * CUTS + 16; // some are left when the cable is out, however fast they come
const LONG = 60000;

const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');

async function had(peer, blocks) {
    const bound = performance.now() + LONG;
    while ((await peer.stats()).blocksHadTotal < blocks) assert.ok(performance.now() < bound, `never had ${blocks} blocks`);
}

test('the cable is pulled', { timeout: (CUTS + 1) * 2 * LONG }, async () => {
    const home = await Network.make();
    const away = await Network.make(home);
    home.cable('zz', away, 'zz');
    home.ip('address add 192.168.77.1/24 dev zz');
    away.ip('address add 192.168.77.2/24 dev zz');
    const daemon = await startDaemon({ listen: '192.168.77.1:4000', space: home.space });
    const server = 'ws://192.168.77.1:4000';
    const file = path.join(await scratch(), 'a.bin');
    const content = randomBytes(BLOCKS * MIB);
    await fs.writeFile(file, content);
    const ann = await joinPeer({ server, name: 'ann', addresses: [], space: home.space });
    const ben = await joinPeer({ server, name: 'ben', addresses: [], space: away.space });
    await ann.linked(ben);
    await ben.linked(ann);
    ann.do({ do: 'send-file', to: [ben.id], path: file });
    const { fileId } = await ben.event('file-offer', { from: ann.id }, LONG);
    ben.do({ do: 'accept', fileId, dir: await scratch() });
    for (let i = 0; i < CUTS; i++) {
        await had(ben, (await ben.stats()).blocksHadTotal + 1 + Math.floor(Math.random() * 7));
        home.ip('link set zz down');
        await ben.event('peer', { id: ann.id, state: 'down' }, LONG);
        await ann.event('peer', { id: ben.id, state: 'down' }, LONG);
        assert.equal(ben.count('file-complete'), 0, 'it was cut while it was under way');
        home.ip('link set zz up');
        await ben.event('peer', { id: ann.id, state: 'up' }, LONG);
    }
    const done = await ben.event('file-complete', { fileId }, LONG);
    await ann.event('file-complete', { fileId, by: ben.id }, LONG);
    assert.equal(sha256(await fs.readFile(done.path)), sha256(content));
    const given = (await ann.stats()).blocksGivenTotal;
    console.log(`# ${BLOCKS} blocks, ${CUTS} cuts, ${given} blocks sent`);
    assert.ok(given <= BLOCKS + 2 * CUTS, `${given} blocks were sent`);
    for (const peer of [ann, ben]) assert.equal(await peer.stop(), 0);
    await daemon.stop();
});
