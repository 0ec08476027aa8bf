// SPDX-License-Identifier: MIT
//
// ann and ben, who cannot link, and cy, who has a link with each.
import assert from 'node:assert/strict';
import { startDaemon } from './daemon.mjs';
import { joinPeer } from './peer.mjs';
import { startTurn } from './turn.mjs';

export async function joinApart() {
    // ann may use the TURN server only, and that has nothing to do with ben's address, nor with its own, which ben could
    // use as well.
    const turn = await startTurn('s', ['denied-peer-ip=127.0.0.1-127.0.0.2']);
    const daemon = await startDaemon({ args: ['--set', `ice.turn=${turn.url}`, '--set', 'ice.turn_secret=s'] });
    const join = (name, args) => joinPeer({ server: daemon.url, name, addresses: [], args });
    const ann = await join('ann', ['--relay-only']);
    const ben = await join('ben', ['--ice-address', '127.0.0.2']);
    const cy = await join('cy', ['--ice-address', '127.0.0.3']);
    assert.equal((await ann.linked(cy)).path, 'turn');
    assert.equal((await ben.linked(ann)).path, 'relay');
    assert.equal((await ann.linked(ben)).path, 'relay');
    const stop = async () => {
        for (const peer of [ann, ben, cy]) assert.equal(await peer.stop(), 0);
        await daemon.stop();
        await turn.stop();
    };
    return { ann, ben, cy, stop };
}
