// SPDX-License-Identifier: MIT
//
// Losing the daemon is not losing the peer.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { run, startDaemon } from './lib/daemon.mjs';
import { joinPeer, meet, runUsher, scratch } from './lib/peer.mjs';

async function exchange(from, to, text) {
    from.do({ do: 'send', text });
    const { id } = await from.event('accepted');
    await to.event('message', { text });
    await from.event('delivered', { id, by: to.id });
}

test('the daemon is killed: the two go on talking, and are back in the room when it returns', async () => {
    let daemon = await startDaemon();
    const [ann, ben] = await meet(daemon.url, ['ann', 'ben']);
    await exchange(ann, ben, 'before');
    daemon.kill('SIGKILL');
    await Promise.all([ann, ben].map((peer) => peer.event('state', { state: 'disconnected' })));
    await exchange(ann, ben, 'without a daemon');
    await exchange(ben, ann, 'and back');
    for (const peer of [ann, ben]) peer.waiting = peer.waiting.filter((e) => e.event !== 'state' && e.event !== 'joined');
    daemon = await startDaemon({ listen: `127.0.0.1:${daemon.port}` });
    await Promise.all([ann, ben].map((peer) => peer.event('state', { state: 'in-room' }, 40000)));
    await exchange(ann, ben, 'after');
    await exchange(ben, ann, 'after, too');
    for (const [peer, other] of [[ann, ben], [ben, ann]]) {
        assert.equal(peer.count('peer'), 1, 'no second peer event');
        assert.equal(peer.count('peer', { id: other.id, state: 'up' }), 1);
        const stats = await peer.stats();
        assert.equal(stats.linksUp, 1);
        assert.equal(stats.linksUpTotal, 1, 'the link was never made again');
        assert.equal(stats.retransmittedTotal, 0);
        assert.ok(stats.reconnectsTotal >= 1);
    }
    // Both are on the new daemon's list: a third one meets both.
    const cy = await joinPeer({ server: daemon.url, name: 'cy' });
    await Promise.all([cy.linked(ann), cy.linked(ben), ann.linked(cy), ben.linked(cy)]);
    await Promise.all([ann, ben, cy].map((peer) => peer.stop()));
    await daemon.stop();
});

test('a daemon that shuts down politely is looked for again', async () => {
    let daemon = await startDaemon();
    const [ann, ben] = await meet(daemon.url, ['ann', 'ben']);
    for (const peer of [ann, ben]) peer.waiting = peer.waiting.filter((e) => e.event !== 'state');
    await daemon.stop();
    await exchange(ann, ben, 'meanwhile');
    daemon = await startDaemon({ listen: `127.0.0.1:${daemon.port}` });
    await Promise.all([ann, ben].map((peer) => peer.event('state', { state: 'in-room' }, 40000)));
    assert.equal(ann.count('peer'), 1);
    assert.equal(ben.count('peer'), 1);
    await Promise.all([ann, ben].map((peer) => peer.stop()));
    await daemon.stop();
});

test('a peer that is killed is noticed, and back under its identity', async () => {
    const daemon = await startDaemon();
    const [ann, ben] = await meet(daemon.url, ['ann', 'ben']);
    ben.child.kill('SIGKILL');
    await ben.exited;
    await ann.event('peer', { id: ben.id, state: 'down' }, 30000); // 6 s of silence, 5 s for a restart
    const again = await joinPeer({ server: daemon.url, name: 'ben', state: ben.state });
    assert.equal(again.id, ben.id);
    await Promise.all([again.linked(ann), ann.linked(again)]);
    await exchange(ann, again, 'welcome back');
    await Promise.all([ann, again].map((peer) => peer.stop()));
    await daemon.stop();
});

test('a daemon for one web page and for people with tokens: a peer is no page, and usher exercise passes with a token', async () => {
    const dir = await scratch();
    await writeFile(`${dir}/key`, `alg: HS256\nkid: k\n\n${Buffer.alloc(32, 'k').toString('base64')}\n`, { mode: 0o600 });
    const daemon = await startDaemon({ args: ['--set', 'server.origins=https://app.example', '--set', 'auth.required=yes',
        '--set', `auth.keys=${dir}/key`] });
    const token = await run(['token', '--room', 'exercise-*', '--key', `${dir}/key`]);
    assert.equal(token.code, 0, token.stderr);
    const { code, stdout } = await runUsher(['--server', daemon.url, '--ice-address', '127.0.0.1', '--token',
        token.stdout.trim(), 'exercise'], { ms: 70000 });
    assert.equal(code, 0, stdout);
    await daemon.stop();
});
