// SPDX-License-Identifier: MIT
//
// Two peers that have nothing to say: they ping each other every 2 s, and otherwise sleep.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as passes } from 'node:timers/promises';
import { startDaemon } from './lib/daemon.mjs';
import { meet } from './lib/peer.mjs';

const SETTLED_MS = 8000; // libnice looks for better pairs for 5 s
const WINDOW_MS = 10000;
const WAKES_MAX = 5; // a second, for one link

// How often any thread of it has woken from waiting.
async function wakes({ child }) {
    let sum = 0;
    for (const thread of await readdir(`/proc/${child.pid}/task`)) {
        const status = await readFile(`/proc/${child.pid}/task/${thread}/status`, 'utf8');
        sum += Number(/^voluntary_ctxt_switches:\s+(\d+)/m.exec(status)[1]);
    }
    return sum;
}

test('an idle link wakes its peers less than 5 times a second, and stays', async () => {
    const daemon = await startDaemon();
    const peers = await meet(daemon.url, ['ann', 'ben']);
    await passes(SETTLED_MS);
    const before = await Promise.all(peers.map(wakes));
    await passes(WINDOW_MS);
    const after = await Promise.all(peers.map(wakes));
    const rates = after.map((n, i) => (n - before[i]) / (WINDOW_MS / 1000));
    console.log(`# wakes a second: ${rates.join(' and ')}`);
    for (const rate of rates) assert.ok(rate < WAKES_MAX, `${rate} wakes a second`);
    // What is said after a long silence arrives at once: the clock did not run late.
    const [ann, ben] = peers;
    ann.do({ do: 'send', text: 'still there?', ref: 'r' });
    await ben.event('message', { text: 'still there?' });
    const { id } = await ann.event('accepted', { ref: 'r' });
    await ann.event('delivered', { id });
    for (const peer of peers) {
        assert.equal(peer.count('peer', { state: 'down' }), 0);
        assert.equal((await peer.stats()).restartsTotal, 0);
    }
    for (const peer of peers) assert.equal(await peer.stop(), 0);
    await daemon.stop();
});
