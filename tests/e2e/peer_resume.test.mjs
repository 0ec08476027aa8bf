// SPDX-License-Identifier: MIT
//
// The C peer keeps its seat: over a reset socket, over the daemon's death, and whoever called it meanwhile is heard.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { startDaemon } from './lib/daemon.mjs';
import { connect } from './lib/client.mjs';
import { startLiar } from './lib/liar.mjs';
import { joinPeer, meet } from './lib/peer.mjs';
import { parseMetrics } from './lib/prometheus.mjs';
import { startProxy } from './lib/proxy.mjs';

async function inFolder(body) {
    const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'usher-e2e-'));
    try {
        await body(['--set', `server.state_dir=${folder}`]);
    } finally {
        await fs.rm(folder, { recursive: true });
    }
}

async function metrics(daemon) {
    return parseMetrics(await (await fetch(`${daemon.http}/metrics`)).text());
}

// The first metrics of which this is true.
async function measured(daemon, holds) {
    const bound = performance.now() + 15000;
    for (;;) {
        const all = await metrics(daemon);
        if (holds(all)) return all;
        assert.ok(performance.now() < bound, `never ${holds}`);
    }
}

async function exchange(from, to, text) {
    from.do({ do: 'send', text });
    const { id } = await from.event('accepted');
    await to.event('message', { text });
    await from.event('delivered', { id, by: to.id });
}

// A member that looks on: it calls nobody and answers nobody.
async function watch(url, room = 'demo') {
    const watcher = await connect(url);
    watcher.peers = (await watcher.join(room)).peers;
    return watcher;
}

// The next message that is about presence; calls are not taken.
async function presence(watcher) {
    for (;;) {
        const message = await watcher.next();
        if (/^peer-/.test(message.type)) return message;
    }
}

const seats = (peers) => Object.fromEntries(peers.map(({ displayName, peerId }) => [displayName, peerId]));

test('two linked peers keep their seats over a kill -9, and their applications hear of no one', () => inFolder(async (args) => {
    let daemon = await startDaemon({ args });
    const [ann, ben] = await meet(daemon.url, ['ann', 'ben']);
    const before = await watch(daemon.url);
    const held = seats(before.peers);
    await before.close(1000);
    daemon.kill('SIGKILL');
    await daemon.exited;
    await Promise.all([ann, ben].map((peer) => peer.event('state', { state: 'disconnected' })));
    await exchange(ann, ben, 'without a daemon');
    for (const peer of [ann, ben]) peer.waiting = peer.waiting.filter((e) => e.event !== 'state');
    daemon = await startDaemon({ args, listen: `127.0.0.1:${daemon.port}` });
    await Promise.all([ann, ben].map((peer) => peer.event('state', { state: 'in-room' }, 40000)));
    await exchange(ben, ann, 'after');
    const after = await watch(daemon.url);
    assert.deepEqual(seats(after.peers), held);
    assert.equal((await metrics(daemon)).get('usherd_resumes_total'), 2);
    await after.close(1000);
    for (const peer of [ann, ben]) {
        assert.equal(peer.count('joined'), 1);
        assert.equal((await peer.stats()).linksUpTotal, peer.count('peer', { state: 'up' }));
        assert.equal(peer.count('peer', { id: (peer === ann ? ben : ann).id }), 1);
    }
    await Promise.all([ann, ben].map((peer) => peer.stop()));
    await daemon.stop();
}));

test('a reset socket is away and back, never left', () => inFolder(async (args) => {
    const daemon = await startDaemon({ args });
    const proxy = await startProxy(daemon.port);
    const watcher = await watch(daemon.url);
    const ann = await joinPeer({ server: proxy.url, name: 'ann' });
    const { peerId } = await presence(watcher);
    for (let times = 1; times <= 2; times++) {
        proxy.cut();
        assert.deepEqual(await presence(watcher), { type: 'peer-away', peerId });
        proxy.open();
        const back = await presence(watcher);
        assert.deepEqual([back.type, back.peerId, back.displayName], ['peer-back', peerId, 'ann']);
    }
    assert.equal(ann.count('joined'), 1);
    assert.equal(ann.count('ready'), 1);
    assert.equal((await metrics(daemon)).get('usherd_resumes_total'), 2);
    await ann.stop();
    assert.equal((await presence(watcher)).reason, 'left');
    await watcher.close(1000);
    await proxy.close();
    await daemon.stop();
}));

// Two peers, each behind a path of its own, of whom the first has the smaller seat: so it is the one that calls. What
// the first says since the second joined is kept back.
async function callerAndCalled(daemon, caller, called) {
    for (let n = 1; ; n++) {
        const room = `room-${n}`;
        const watcher = await watch(daemon.url, room);
        const ann = await joinPeer({ server: caller.url, name: 'ann', room });
        const first = (await presence(watcher)).peerId;
        caller.stall();
        const ben = await joinPeer({ server: called.url, name: 'ben', room });
        const second = (await presence(watcher)).peerId;
        if (first < second) return { watcher, ann, ben, second };
        caller.flow();
        await Promise.all([ann.stop(), ben.stop(), watcher.close(1000)]);
    }
}

// Ann's offer is on its way when Ben's socket is reset: the daemon holds it, and Ben answers it when he is back.
test('an offer to a peer that is away is held, and the link comes up', () => inFolder(async (args) => {
    const daemon = await startDaemon({ args });
    const [annPath, benPath] = [await startProxy(daemon.port), await startProxy(daemon.port)];
    const { watcher, ann, ben, second } = await callerAndCalled(daemon, annPath, benPath);
    const before = await metrics(daemon);
    await annPath.stalled(300);
    benPath.cut();
    assert.deepEqual(await presence(watcher), { type: 'peer-away', peerId: second });
    annPath.flow();
    await measured(daemon, (all) => all.get('usherd_held_bytes') > 0);
    benPath.open();
    assert.deepEqual((await presence(watcher)).type, 'peer-back');
    await Promise.all([ann.linked(ben), ben.linked(ann)]);
    await exchange(ann, ben, 'hello');
    // Ben's socket was away for a second at least, so it was the first offer that was answered, not a later one.
    assert.ok((await ann.stats()).connectMsLast >= 1000);
    // Each of the two tells how the call went, in its own time.
    const name = 'usherd_ice_outcomes_total{outcome="direct"}';
    const after = await measured(daemon, (all) => all.get(name) - before.get(name) === 2);
    assert.equal(after.get('usherd_ice_connect_seconds_count') - before.get('usherd_ice_connect_seconds_count'), 2);
    assert.equal(after.get('usherd_resumes_total'), 1);
    await Promise.all([ann, ben].map((peer) => peer.stop()));
    await watcher.close(1000);
    await Promise.all([annPath, benPath].map((each) => each.close()));
    await daemon.stop();
}));

// The server that they share shows the seat's token to a third.
test('a seat that somebody else took over is not taken back', () => inFolder(async (args) => {
    const daemon = await startDaemon({ args });
    const liar = await startLiar(daemon);
    const said = [];
    let token;
    liar.down = (message) => {
        if (message.resumeToken) token = message.resumeToken;
        return message;
    };
    liar.up = (message) => {
        said.push(message.type);
        return message;
    };
    const ann = await joinPeer({ server: liar.url, name: 'ann' });
    const thief = await connect(daemon.url);
    const { peerId } = await thief.ask({ type: 'resume', resumeToken: token });
    const { fatal } = await ann.event('error', { code: 'taken-over' });
    assert.ok(!fatal);
    const back = await presence(thief);
    assert.deepEqual([back.type, back.displayName, back.peerId === peerId], ['peer-joined', 'ann', false]);
    assert.ok(!said.includes('resume'));
    await ann.stop();
    assert.equal((await presence(thief)).type, 'peer-left'); /* and who took the seat has it still */
    await thief.close(1000);
    await liar.close();
    await daemon.stop();
}));
