// SPDX-License-Identifier: MIT
//
// What a message to everybody costs twelve real peers, once a tree has grown on their links.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { startDaemon } from './lib/daemon.mjs';
import { joinPeer } from './lib/peer.mjs';

const PEERS = 12;
const ROUNDS = 4; // in each everybody says something
const SETTLING = 2;
const PAYLOAD = ['pushedTotal', 'aloneTotal', 'handedTotal'];
const REST = ['announcedTotal', 'graftedTotal', 'prunedTotal', 'acksTotal', 'historyRequestsTotal', 'historyRepliesTotal'];

// One says a text that all the others hear.
const said = (peers, peer, text) => {
    peer.do({ do: 'send', text });
    return Promise.all(peers.filter((other) => other !== peer).map((other) => other.event('message', { text })));
};
const WAYS = {
    'one after another': async (peers, name) => {
        for (const [i, peer] of peers.entries()) await said(peers, peer, `${name} ${i}`);
    },
    'all at once': (peers, name) => Promise.all(peers.map((peer, i) => said(peers, peer, `${name} ${i}`))),
};

async function sent(peers) {
    const all = await Promise.all(peers.map((peer) => peer.stats()));
    return (kinds) => kinds.map((kind) => all.reduce((sum, stats) => sum + stats[kind], 0));
}

test('a message to twelve costs at most 1.2 frames for each of them', async (t) => {
    const daemon = await startDaemon();
    const peers = await Promise.all(Array.from({ length: PEERS }, (_, i) => joinPeer({ server: daemon.url, name: `p${i}` })));
    // Who has just come is a reader for those who have heard of it.
    await Promise.all(peers.flatMap((peer) =>
        peers.filter((other) => other !== peer).map((other) => peer.linked(other))));
    for (const [how, round] of Object.entries(WAYS)) {
        for (let i = 0; i < SETTLING; i++) await round(peers, `${how}, settling ${i}`);
        const before = await sent(peers);
        for (let i = 0; i < ROUNDS; i++) await round(peers, `${how}, counted ${i}`);
        const after = await sent(peers);
        const each = (kinds) => {
            const then = before(kinds);
            return after(kinds).map((n, i) => (n - then[i]) / (ROUNDS * PEERS * PEERS));
        };
        const show = (kinds) => each(kinds).map((n, i) => `${kinds[i]} ${n.toFixed(2)}`).join(', ');
        t.diagnostic(`${how}, frames a message and member: ${show(PAYLOAD)}; ${show(REST)}`);
        assert.ok(each(PAYLOAD).reduce((sum, n) => sum + n) <= 1.2, `${how}: ${show(PAYLOAD)}`);
    }
    for (const peer of peers) assert.equal(peer.count('message'), 2 * (SETTLING + ROUNDS) * (PEERS - 1));
    await Promise.all(peers.map((peer) => peer.stop()));
    await daemon.stop();
});
