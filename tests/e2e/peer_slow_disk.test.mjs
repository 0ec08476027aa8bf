// SPDX-License-Identifier: MIT
//
// A disk that takes 200 ms for each sync (tests/hooks/sync.c): what waits for it waits, and nothing else does.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import path from 'node:path';
import { startDaemon } from './lib/daemon.mjs';
import { joinPeer, usher } from './lib/peer.mjs';

const SYNC_MS = 200;
const PROBES = 400;
const env = {
    LD_PRELOAD: path.resolve(path.dirname(usher), 'tests/slow-sync.so'),
    USHER_TEST_SYNC_MS: String(SYNC_MS),
    ASAN_OPTIONS: 'verify_asan_link_order=0',
};

// What is typed is told over the link at once, by both loops, and stored by nobody.
async function probe(from, to) {
    const asked = performance.now();
    from.do({ do: 'typing' });
    return (await to.event('typing', { from: from.id })).at - asked;
}

// What else runs on this machine makes both ends late, too: so it is measured twice.
async function p99(peers, before) {
    const took = [];
    for (let i = 0; i < PROBES; i++) {
        before(i);
        took.push(await probe(peers[i % 2], peers[1 - i % 2]));
    }
    return took.sort((a, b) => a - b)[Math.floor(PROBES * 0.99)];
}

test('a sync of 200 ms stops no link', async () => {
    const daemon = await startDaemon();
    const [ann, ben] = await Promise.all(['ann', 'ben'].map((name) => joinPeer({ server: daemon.url, name, env })));
    await Promise.all([ann.linked(ben), ben.linked(ann)]);
    const asked = performance.now();
    ann.do({ do: 'send', to: [ben.id], text: 'first', ref: 'first' });
    assert.ok((await ann.event('accepted', { ref: 'first' })).at - asked >= SYNC_MS, 'the disk is slow');
    await ben.event('message', { text: 'first' });

    const quiet = await p99([ann, ben], () => {});
    const busy = await p99([ann, ben], (i) => { // both disks are busy all the time
        for (const [from, to] of i % 4 ? [] : [[ann, ben], [ben, ann]])
            from.do({ do: 'send', to: [to.id], text: `${i}`, ref: `${i}` });
    });
    assert.ok(busy < quiet + 50, `p99 of ${PROBES} is ${busy} ms, and ${quiet} ms when the disks have nothing to do`);

    for (const [from, to] of [[ann, ben], [ben, ann]])
        for (let i = 0; i < PROBES; i += 4) await to.event('message', { from: from.id, text: `${i}` });
    for (const peer of [ann, ben]) {
        const { links } = await peer.stats();
        assert.equal(links.length, 1);
        assert.ok(links[0].rttMs < SYNC_MS, `pings take ${links[0].rttMs} ms`);
        assert.equal(peer.count('peer', { state: 'down' }), 0);
    }
    // What was accepted is on the disk, however soon the end comes.
    ann.do({ do: 'send', to: [ben.id], text: 'last', ref: 'last' });
    const { id } = await ann.event('accepted', { ref: 'last' });
    ann.do({ do: 'quit' });
    assert.equal(await ann.exited, 0);
    const again = await joinPeer({ server: daemon.url, name: 'ann', state: ann.state });
    again.do({ do: 'history', limit: 1 });
    assert.equal((await again.event('history')).messages[0].id, id);
    await Promise.all([again, ben].map((peer) => peer.stop()));
    await daemon.stop();
});
