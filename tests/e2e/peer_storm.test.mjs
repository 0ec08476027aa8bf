// SPDX-License-Identifier: MIT
//
// Eight peers in one room talk as fast as they can while they are killed, one after the other, and the daemon twice. What
// all of them have in the end is what all of them said: each message once, in causal order.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { startDaemon, within } from './lib/daemon.mjs';
import { joinPeer, meet } from './lib/peer.mjs';

const PEERS = 8;
const EACH = Number(process.env.STORM_MESSAGES ?? 1000);
const TOTAL = PEERS * EACH;
const WINDOW = 64; // sends of one peer that were not accepted yet
const PAGE = 1000;
const BOUND_MS = 240000;

// One of the eight, over all its lives: says EACH messages, whose text names the last that it has seen of everybody.
class Talker {
    accepted = 0;
    lost = []; // what was reported as failed or missing
    #open = new Map(); // by ref: what has to be said again to the next process
    #next = 0;
    heard = 0; // messages
    #onMore = () => {};
    #seen = new Array(PEERS).fill(-1);

    constructor(index, peer, onProgress) {
        this.index = index;
        this.state = peer.state;
        this.name = peer.name;
        this.onProgress = onProgress;
        this.#adopt(peer);
    }

    #adopt(peer) {
        this.peer = peer;
        peer.onEvent = (event) => this.#take(peer, event);
    }

    #take(peer, event) {
        if (event.event === 'message') {
            const { who, n } = JSON.parse(event.text);
            this.#seen[who] = Math.max(this.#seen[who], n);
            this.onProgress();
            this.heard++;
            this.#onMore();
        } else if (event.event === 'accepted' && this.#open.delete(event.ref)) {
            this.#seen[this.index] = Math.max(this.#seen[this.index], Number(event.ref));
            this.accepted++;
            this.onProgress();
        }
        if (event.event === 'failed' || event.event === 'missing') this.lost.push(event);
        if (peer === this.peer) this.talk();
    }

    talk() {
        while (this.#next < EACH && this.#open.size < WINDOW) {
            const n = this.#next++;
            const text = JSON.stringify({ who: this.index, n, seen: this.#seen });
            const command = { do: 'send', text, ref: String(n) };
            this.#open.set(command.ref, command);
            this.peer.do(command);
        }
    }

    async dieAndReturn(url) {
        const { peer } = this;
        peer.child.kill('SIGKILL');
        await peer.exited;
        const next = await joinPeer({ server: url, name: this.name, state: this.state });
        this.#adopt(next);
        for (const command of this.#open.values()) next.do(command);
    }

    // Until one more message comes.
    more() {
        return new Promise((resolve) => (this.#onMore = resolve));
    }

    // The record behind the message of that id.
    async read(after) {
        const record = [];
        for (;;) {
            this.peer.do({ do: 'history', after, limit: PAGE, ref: 'all' });
            const { messages } = await this.peer.event('history', { ref: 'all' }, 30000);
            record.push(...messages);
            if (messages.length < PAGE) return record;
            after = messages.at(-1).id;
        }
    }
}

// Each message stands behind all that its sender had seen, and once only.
function checkOrder(name, record) {
    const known = new Array(PEERS).fill(-1);
    for (const { text } of record) {
        const { who, n, seen } = JSON.parse(text);
        assert.equal(n, known[who] + 1, `${name}: ${n} of ${who} after ${known[who]}`);
        seen.forEach((last, other) =>
            assert.ok(known[other] >= last, `${name}: ${n} of ${who} before ${last} of ${other}`));
        known[who] = n;
    }
    assert.deepEqual(known, new Array(PEERS).fill(EACH - 1));
}

test('eight peers, killed one by one, and a daemon, killed twice: the same messages everywhere', async (t) => {
    let daemon = await startDaemon();
    const peers = await meet(daemon.url, Array.from({ length: PEERS }, (_, i) => `peer-${i}`));
    peers[0].do({ do: 'send', text: 'begin', ref: 'begin' });
    const { id: begin } = await peers[0].event('accepted', { ref: 'begin' });
    await Promise.all(peers.slice(1).map((peer) => peer.event('message', { id: begin })));

    // What happens when so many messages were accepted, in all.
    const talkers = [];
    const restartDaemon = async (signal) => {
        daemon.kill(signal);
        await daemon.exited;
        daemon = await startDaemon({ listen: `127.0.0.1:${daemon.port}` });
    };
    const blows = [
        ...[2, 5, 0, 7, 2, 4].map((victim) => () => talkers[victim].dieAndReturn(daemon.url)),
    ];
    blows.splice(1, 0, () => restartDaemon('SIGKILL'));
    blows.splice(5, 0, () => restartDaemon('SIGTERM'));
    let struck = 0, striking = null, resolve, reject;
    const done = new Promise((...both) => ([resolve, reject] = both));
    const accepted = () => talkers.reduce((sum, talker) => sum + talker.accepted, 0);
    const onProgress = () => {
        if (striking) return;
        if (struck < blows.length && accepted() >= ((struck + 1) * TOTAL) / (blows.length + 2))
            striking = blows[struck++]().then(() => {
                striking = null;
                onProgress();
            }, reject);
        else if (struck === blows.length && accepted() === TOTAL) resolve();
    };
    peers.forEach((peer, i) => talkers.push(new Talker(i, peer, onProgress)));
    const began = performance.now();
    talkers.forEach((talker) => talker.talk());
    await within(BOUND_MS, done, () =>
        `accepted ${talkers.map((talker) => talker.accepted)}; ${struck} blows of ${blows.length}`);
    t.diagnostic(`all accepted after ${((performance.now() - began) / 1000).toFixed(1)} s`);

    const ids = [];
    for (const talker of talkers) {
        let record = [];
        for (const end = Date.now() + 150000; ;) {
            const { heard } = talker;
            record = await talker.read(begin);
            if (record.length >= TOTAL) break;
            const state = () => `${talker.name} has ${record.length} of ${TOTAL}\n${talker.peer.log}`;
            assert.ok(Date.now() < end, state());
            if (talker.heard === heard) await within(30000, talker.more(), state);
        }
        checkOrder(talker.name, record);
        ids.push(record.map((m) => m.id).sort());
    }
    t.diagnostic(`all with all after ${((performance.now() - began) / 1000).toFixed(1)} s`);
    for (const talker of talkers) assert.deepEqual(talker.lost, []);
    for (const list of ids) assert.deepEqual(list, ids[0]);
    assert.equal(new Set(ids[0]).size, TOTAL);
    const all = []; // of the last life of each
    for (const talker of talkers) {
        const stats = await talker.peer.stats();
        all.push(stats);
        assert.equal(stats.missingTotal, 0);
    }
    const sum = (kind) => all.reduce((n, stats) => n + stats[kind], 0);
    const each = (kind) => `${(sum(kind) / (TOTAL * (PEERS - 1))).toFixed(2)} ${kind}`;
    const ratio = sum('handedTotal') / sum('filledTotal');
    t.diagnostic(`a message and member: ${['pushedTotal', 'handedTotal', 'aloneTotal'].map(each).join(', ')}; ` +
        `${ratio.toFixed(2)} handed for each that was lacked (${sum('filledTotal')}); ${sum('historyRequestsTotal')} requests, ${sum('refusedTotal')} refused`);
    await Promise.all(talkers.map((talker) => talker.peer.stop()));
    await daemon.stop();
});
