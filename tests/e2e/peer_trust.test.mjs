// SPDX-License-Identifier: MIT
//
// Real peers and a signaling server that lies. It may keep people apart; it may not pass for one of them, nor make a
// word of its own look like theirs; and what it tried is shown and counted.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { startDaemon } from './lib/daemon.mjs';
import { introduction, keyedPeer, newIdentity } from './lib/keyed.mjs';
import { about, Middleman, startLiar, withFingerprint } from './lib/liar.mjs';
import { joinPeer } from './lib/peer.mjs';
import { seatInTheMiddle } from './lib/plain.mjs';

let daemon;
let rooms = 0;

before(async () => {
    daemon = await startDaemon();
});
after(() => daemon.stop());

const newRoom = () => `trust-${++rooms}`;
const join = (liar, room, name, options) => joinPeer({ server: liar.url, room, name, ...options });

// Ends with a good-bye; its state stays.
async function quit(peer) {
    peer.do({ do: 'quit' });
    assert.equal(await peer.exited, 0);
}
const stopAll = (...peers) => Promise.all(peers.map((peer) => peer.stop()));

// The remark about a link that says so.
async function remarked(peer, text) {
    for (;;) {
        const remark = await peer.event('link', {}, 30000);
        if (remark.text === text) return remark;
    }
}

// Says something to somebody that it has only been told of yet.
async function sayTo(peer, other, text) {
    for (const end = Date.now() + 15000; ; assert.ok(Date.now() < end, `${peer.name} never heard of ${other.name}`)) {
        peer.do({ do: 'peers' });
        if ((await peer.event('peers')).peers.some(({ id }) => id === other.id)) break;
    }
    peer.do({ do: 'send', to: [other.id], text });
    return (await peer.event('accepted')).id;
}

// Whatever it was told, nobody was taken for anybody.
async function trustedNobody(peer) {
    const stats = await peer.stats();
    assert.equal(peer.count('peer', { verified: true }), 0);
    assert.equal(peer.count('message', { verified: true }), 0);
    assert.equal(stats.receivedTotal, 0);
    return stats;
}

for (const lie of ['offer', 'answer']) {
    test(`another fingerprint in each ${lie}: no link, both are told; then the truth mends it`, async () => {
        const liar = await startLiar(daemon);
        const room = newRoom();
        liar.down = (m) => (m.type === lie ? withFingerprint(m, (f) => (f.startsWith('00') ? '01' : '00') + f.slice(2)) : m);
        const [ann, ben] = [await join(liar, room, 'ann'), await join(liar, room, 'ben')];
        const id = await sayTo(ann, ben, 'for ben alone');
        await Promise.any([ann, ben].map((peer) => remarked(peer, 'retrying: fingerprint')));
        for (const peer of [ann, ben]) {
            for (const end = Date.now() + 20000; (await peer.stats()).linksFailedTotal === 0;)
                assert.ok(Date.now() < end, `${peer.name} never counted a failure`);
            assert.ok(peer.count('link', { id: peer === ann ? ben.id : ann.id }) > 0);
            assert.equal((await trustedNobody(peer)).linksUpTotal, 0);
        }
        liar.down = (m) => m;
        await ann.event('delivered', { id }, 60000);
        assert.equal((await ben.event('message', { id })).verified, true);
        await stopAll(ann, ben);
    });
}

test('a middleman who ends both handshakes is refused by both, and what is written down is worth nothing', async () => {
    const liar = await startLiar(daemon);
    const room = newRoom();
    const middleman = new Middleman(liar);
    const [ann, ben] = [await join(liar, room, 'ann'), await join(liar, room, 'ben')];
    await sayTo(ann, ben, 'for ben alone');
    await Promise.all([ann, ben].map(async (peer) => {
        const remark = await remarked(peer, 'introduction refused: for another certificate of its own');
        assert.equal(remark.id, peer === ann ? ben.id : ann.id);
        const stats = await trustedNobody(peer);
        assert.ok(stats.refusedTotal >= 1 && stats.linksFailedTotal >= 1, JSON.stringify(stats));
        assert.equal(stats.linksUpTotal, 0);
    }));
    assert.ok(middleman.heard.some(({ from }) => from === 'ann') && middleman.heard.some(({ from }) => from === 'ben'));
    assert.ok(middleman.heard.every(({ text }) => JSON.parse(text).type === 'peer_introduction'), 'nothing else was said');
    // Another who shows ben's card and says what ben said to ann through the middleman.
    const { card } = liar.client('ben');
    const words = middleman.heard.find(({ from }) => from === 'ben').text;
    await quit(ann);
    await ben.stop();
    middleman.close();
    const again = await joinPeer({ server: daemon.url, room, name: 'ann', state: ann.state });
    const thief = await keyedPeer({ url: daemon.url, room, name: 'ben', card, introduce: () => words });
    await remarked(again, 'introduction refused: for another certificate of its own');
    assert.ok((await trustedNobody(again)).refusedTotal >= 1);
    thief.close();
    await again.stop();
});

test('a right introduction, said again on another link or to somebody else, is refused; the first link stays', async () => {
    const room = newRoom();
    const who = newIdentity();
    const join = () => joinPeer({ server: daemon.url, room, name: 'ann' });
    const { peer: ann, seat } = await seatInTheMiddle(daemon.url, room, join);
    let words;
    const introduce = (pc) => (words ??= introduction(who, ann.id, room, pc));
    // Smaller ids, so that both call ann, who would not call ben twice.
    const options = { url: daemon.url, room, name: 'ben', card: who.card, introduce, than: seat, smaller: true };
    const ben = await keyedPeer(options);
    assert.equal((await ann.event('peer', { id: who.id, state: 'up' })).verified, true);
    const dora = await joinPeer({ server: daemon.url, room, name: 'dora' });
    await remarked(dora, 'introduction refused: for another reader');
    const thief = await keyedPeer(options);
    await remarked(ann, 'introduction refused: for another certificate of its own');
    assert.ok((await ann.stats()).refusedTotal >= 1 && (await dora.stats()).refusedTotal >= 1);
    assert.equal(ann.count('peer', { id: who.id }), 1);
    assert.equal(dora.count('peer', { id: who.id }), 0);
    ann.do({ do: 'peers' });
    const { peers } = await ann.event('peers');
    assert.equal(peers.find(({ id }) => id === who.id).state, 'up');
    await stopAll(ann, dora);
    for (const peer of [ben, thief]) peer.close();
});

test("another's card in place of one: whoever was lied to, and whoever was lied about, refuses", async () => {
    const liar = await startLiar(daemon);
    const room = newRoom();
    const { card, id } = newIdentity();
    liar.down = about('ann', (member) => ({ ...member, metadata: card }));
    const [ann, ben] = [await join(liar, room, 'ann'), await join(liar, room, 'ben')];
    assert.equal((await remarked(ben, 'introduction refused: from somebody else')).id, id);
    assert.equal((await remarked(ann, 'introduction refused: for another reader')).id, ben.id);
    for (const peer of [ann, ben]) assert.ok((await trustedNobody(peer)).refusedTotal >= 1);
    await stopAll(ann, ben);
});

for (const member of ['key', 'box']) {
    test(`another ${member} in a card: what it does not prove is shown, and trusted with nothing`, async () => {
        const liar = await startLiar(daemon);
        const room = newRoom();
        const { card } = newIdentity();
        liar.down = about('ann', (m) => ({ ...m, metadata: { ...m.metadata, [member]: card[member] } }));
        const [ann, ben] = [await join(liar, room, 'ann'), await join(liar, room, 'ben')];
        await remarked(ben, 'shows a key that it cannot prove');
        await remarked(ben, 'introduction refused: it signs, and the server hides its key');
        assert.ok((await trustedNobody(ben)).refusedTotal >= 2);
        await trustedNobody(ann);
        await stopAll(ann, ben);
    });
}

test('a known peer without its key: a warning, no trust, and nothing that is meant for it', async () => {
    const liar = await startLiar(daemon);
    const room = newRoom();
    const [ann, ben] = [await join(liar, room, 'ann'), await join(liar, room, 'ben')];
    await Promise.all([ann.linked(ben), ben.linked(ann)]);
    await Promise.all([ann, ben].map(quit));
    const strip = (member) => ({ ...member, metadata: undefined });
    const [one, both] = [about('ben', strip), (message) => about('ann', strip)(one(message))];
    for (const [lie, hidden] of [[one, false], [both, true]]) {
        liar.down = lie;
        const again = await join(liar, room, 'ann', { state: ann.state });
        const back = await join(liar, room, 'ben', { state: ben.state });
        again.do({ do: 'send', to: [ben.id], text: 'for ben alone', ref: `${hidden}` });
        await again.event('accepted');
        const seat = await remarked(again, 'its name is known with another key, and this one shows none');
        assert.notEqual(seat.id, ben.id);
        if (hidden) {
            await remarked(back, 'its name is known with another key, and this one shows none');
            back.do({ do: 'send', text: 'so says nobody' });
        }
        await remarked(again, 'introduction refused: it signs, and the server hides its key');
        assert.ok((await again.stats()).refusedTotal >= 1);
        for (const peer of [again, back]) {
            await trustedNobody(peer);
            await quit(peer);
        }
    }
    liar.down = (message) => message;
    const [again, back] = [await join(liar, room, 'ann', { state: ann.state }), await join(liar, room, 'ben', { state: ben.state })];
    assert.equal((await back.event('message', { text: 'for ben alone' }, 30000)).verified, true);
    await stopAll(again, back);
});
