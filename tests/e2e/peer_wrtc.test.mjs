// SPDX-License-Identifier: MIT
//
// `usher pipe` and a WebRTC stack that is not ours, @roamhq/wrtc, as a plain peer: no key, unverified, direct link only.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { startDaemon } from './lib/daemon.mjs';
import { joinPeer, meet } from './lib/peer.mjs';
import { plainPeer, seatInTheMiddle } from './lib/plain.mjs';

let daemon;
let rooms = 0;

before(async () => {
    daemon = await startDaemon();
});
after(() => daemon.stop());

// One usher alone in a room, and a plain peer that will call it (smaller id) or be called.
async function together(smaller, options = {}) {
    const room = `wrtc-${++rooms}`;
    const join = () => joinPeer({ server: daemon.url, room, name: 'ann' });
    const { peer: usher, seat } = await seatInTheMiddle(daemon.url, room, join);
    const plain = await plainPeer({ url: daemon.url, than: seat, smaller, ...options });
    plain.join(room);
    return { usher, plain, seat, room };
}

for (const [who, smaller] of [['they offer', true], ['we offer', false]]) {
    test(`${who}: messages cross in both directions, unverified`, async () => {
        const { usher, plain, seat } = await together(smaller);
        const up = await usher.event('peer', { state: 'up' });
        assert.equal(up.id, plain.id);
        assert.equal(up.verified, false);
        assert.equal(up.name, 'plain');
        await plain.until((e) => e.name === 'open', 'the channel');
        const offers = plain.seen.filter((e) => e.name === 'signal' && e.type === 'offer');
        assert.equal(offers.length, smaller ? 0 : 1);

        plain.say('from wrtc');
        const message = await usher.event('message', { text: 'from wrtc' });
        assert.equal(message.from, plain.id);
        assert.equal(message.verified, false);

        usher.do({ do: 'send', text: 'to wrtc', ref: '1' });
        const { id } = await usher.event('accepted', { ref: '1' });
        const got = await plain.until((e) => e.name === 'message' && e.content?.text === 'to wrtc', 'the message');
        assert.equal(got.link, seat);
        assert.equal((await usher.event('delivered', { id })).by, plain.id);

        usher.do({ do: 'send', to: [plain.id], text: 'to you' });
        await plain.until((e) => e.name === 'message' && e.type === 'direct_message', 'the direct message');
        plain.close();
        await usher.event('peer', { id: plain.id, state: 'down' });
        await usher.stop();
    });

    test(`${who}: a description with another certificate's fingerprint is refused`, async () => {
        const lie = (m) => ({ ...m, sdp: m.sdp.replace(/(a=fingerprint:sha-256 )(..)/g, (_, head, first) =>
            head + (first === '00' ? '01' : '00')) });
        const { usher, plain } = await together(smaller, { mangle: lie });
        await usher.event('link', { id: plain.id }, 30000);
        assert.equal(usher.count('peer', { state: 'up' }), 0);
        const stats = await usher.stats();
        assert.ok(stats.linksFailedTotal >= 1);
        assert.equal(stats.linksUpTotal, 0);
        assert.equal((plain.seen ?? []).filter((e) => e.name === 'open').length, 0);
        plain.close();
        await usher.stop();
    });
}

test('a remote that floods its channel does not stop the others', async () => {
    const room = `wrtc-${++rooms}`;
    const [ann, ben] = await meet(daemon.url, ['ann', 'ben'], { room });
    const plain = await plainPeer({ url: daemon.url });
    plain.join(room);
    const { id } = await ann.event('peer', { name: 'plain', state: 'up' });
    await plain.until((e) => e.name === 'open', 'the channel');
    const [flooded] = plain.seen.filter((e) => e.name === 'open');
    const channel = plain.channel(flooded.id);
    let flooding = true;
    let sent = 0;
    const flood = () => {
        for (let i = 0; flooding && channel.readyState === 'open' && channel.bufferedAmount < 1000000 && i < 500; i++, sent++)
            channel.send(sent % 3 ? '{"type":"nonsense"' : JSON.stringify({
                id: `f${sent}`, type: 'group_message', content: { text: 'x'.repeat(1000) } }));
        if (flooding) setImmediate(flood);
    };
    flood();
    for (let i = 0; i < 50; i++) {
        ann.do({ do: 'send', to: [ben.id], text: `through ${i}` });
        await ben.event('message', { text: `through ${i}` });
        ben.do({ do: 'send', to: [ann.id], text: `back ${i}` });
        await ann.event('message', { text: `back ${i}` });
    }
    flooding = false;
    assert.ok(sent > 100);
    assert.equal(ann.count('peer', { id: ben.id, state: 'down' }), 0);
    assert.equal(id, plain.id);
    plain.close();
    await Promise.all([ann, ben].map((peer) => peer.stop()));
});

// What it takes it says in its description (RFC 8841 section 6.1); absent, that is 64 KiB.
for (const [says, line, most] of [['2,000 bytes', 'a=max-message-size:2000\r\n', 2000], ['nothing', '', 65536]]) {
    test(`a page that says ${says} of its largest message is sent nothing larger`, async () => {
        const mangle = (m) => m.sdp
            ? { ...m, sdp: m.sdp.replace(/a=max-message-size:.*\r\n/, '').replace(/(m=application [^]*?\r\n)(?=a=|$)/, `$1${line}`) } : m;
        const { usher: ann, plain, room } = await together(true, { mangle });
        await ann.event('peer', { id: plain.id, state: 'up' });
        const ben = await joinPeer({ server: daemon.url, room, name: 'ben' });
        await Promise.all([ann.linked(ben), ben.linked(ann)]);
        const tell = (n, to, ref) => ann.do({ do: 'send', ...to, text: 'x'.repeat(n), ref });

        tell(500, { to: [plain.id] }, 'small');
        const small = await ann.event('accepted', { ref: 'small' });
        assert.equal((await ann.event('delivered', { id: small.id })).by, plain.id);
        for (const n of [5000, 65400, 70000]) { // what goes with a text has some 400 bytes
            const told = `${n} to one`, all = `${n} to all`;
            tell(n, { to: [plain.id] }, told);
            tell(n, {}, all);
            if (n > 65536) { // more than a text may have
                for (const ref of [told, all]) assert.equal((await ann.event('error', { ref })).code, 'too-large');
            } else if (n < most - 500) {
                for (const ref of [told, all]) {
                    const { id } = await ann.event('accepted', { ref });
                    await ann.event('delivered', { id, by: plain.id });
                }
            } else {
                assert.equal((await ann.event('error', { ref: told })).code, 'too-large');
                const { id } = await ann.event('accepted', { ref: all });
                const failed = await ann.event('failed', { id });
                assert.deepEqual([failed.to, failed.reason], [[plain.id], 'too-large']);
                await ann.event('delivered', { id, by: ben.id });
                assert.equal(ann.count('delivered', { id, by: plain.id }), 0);
            }
        }
        const got = plain.seen.filter((e) => e.name === 'message').map((e) => JSON.stringify(e.content ?? '').length);
        assert.ok(got.every((n) => n <= most), `${got}`);
        plain.close();
        await Promise.all([ann, ben].map((peer) => peer.stop()));
    });
}
