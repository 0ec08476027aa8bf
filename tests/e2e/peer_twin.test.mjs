// SPDX-License-Identifier: MIT
//
// One identity, two processes: a state directory was copied, and both copies run.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import path from 'node:path';
import { startDaemon } from './lib/daemon.mjs';
import { joinPeer, meet, scratch, startPeer } from './lib/peer.mjs';

async function copyOf(state) {
    const copy = path.join(await scratch(), 'state');
    await fs.cp(state, copy, { recursive: true });
    await fs.chmod(copy, 0o700);
    return copy;
}

test('of two processes with one identity the later rests, both say so, and no link suffers', async () => {
    const daemon = await startDaemon();
    const [before, ben] = await meet(daemon.url, ['ann', 'ben']);
    before.do({ do: 'send', to: [ben.id], text: 'before' });
    await before.event('delivered');
    before.do({ do: 'quit' });
    assert.equal(await before.exited, 0);
    const copy = await copyOf(before.state);

    const ann = await joinPeer({ server: daemon.url, name: 'ann', state: before.state });
    await Promise.all([ann.linked(ben), ben.event('message', { text: 'before' })]);
    const ups = () => ben.count('peer', { id: ann.id, state: 'up', path: 'direct' });
    const linked = ups();
    const twin = await startPeer({ server: daemon.url, name: 'ann', state: copy });
    const told = await Promise.all([ann, twin].map((peer) => peer.event('error', { code: 'identity-twice' })));
    for (const error of told) {
        assert.equal(error.fatal, false);
        assert.match(error.message, /state directory/);
    }
    await twin.event('state', { state: 'disconnected' });

    twin.do({ do: 'send', to: [ben.id], text: 'of the second', ref: 's' });
    await twin.event('accepted', { ref: 's' });
    for (let i = 0; i < 50; i++) {
        ann.do({ do: 'send', to: [ben.id], text: `of the first ${i}` });
        const { id } = await ann.event('accepted');
        await ann.event('delivered', { id });
    }
    assert.equal(twin.count('delivered'), 0);
    assert.equal(twin.count('peer', { state: 'up' }), 0);
    assert.equal(ben.count('message', { text: 'of the second' }), 0);
    assert.ok(ups() <= linked + 1, `${ups() - linked} new links`);
    assert.equal(ann.count('peer', { id: ben.id, state: 'down' }), 0);
    twin.child.kill('SIGKILL');
    await Promise.all([ann.stop(), ben.stop()]);
    await daemon.stop();
});
