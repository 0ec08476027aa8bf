// SPDX-License-Identifier: MIT
//
// What becomes of messages when their reader is away, out of reach, or dies: real processes, real disks. The storm of
// kills is a file of its own (peer_storm).
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import fs from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { joinApart } from './lib/apart.mjs';
import { startDaemon } from './lib/daemon.mjs';
import { introduction, keyedPeer, newIdentity } from './lib/keyed.mjs';
import { joinPeer, meet, runUsher, scratch, startPeer, usher } from './lib/peer.mjs';

const stopAll = (peers) => Promise.all(peers.map((peer) => peer.stop()));

// Ends without a good-bye; its state stays for the next start.
async function die(peer) {
    peer.child.kill('SIGKILL');
    await peer.exited;
}

// Ends with one; its state stays.
async function quit(peer) {
    peer.do({ do: 'quit' });
    assert.equal(await peer.exited, 0);
}

async function texts(peer) {
    peer.do({ do: 'history', limit: 1024 });
    return (await peer.event('history')).messages.map((m) => m.text);
}

// Every file of the message database, as bytes.
async function database(state) {
    const names = (await fs.readdir(state)).filter((name) => name.startsWith('messages.db'));
    assert.ok(names.length > 0);
    return Buffer.concat(await Promise.all(names.map((name) => fs.readFile(path.join(state, name)))));
}

// Whether bytes hold the text, plainly or within anything that is written in base64.
function says(bytes, text) {
    const parts = [0, 1, 2].map((skipped) => Buffer.from(text).subarray(skipped));
    return [text, ...parts.map((part) => part.subarray(0, part.length - part.length % 3).toString('base64'))]
        .some((form) => bytes.includes(form));
}

async function untilKept(peer, n) {
    for (const end = Date.now() + 15000; (await peer.stats()).kept !== n;)
        assert.ok(Date.now() < end, `${peer.name} never kept ${n} copies`);
}

// What is kept is counted when it came; its commit follows on a thread.
async function untilWritten(state, text) {
    for (const end = Date.now() + 15000;;) {
        const bytes = await database(state);
        if (bytes.includes(text))
            return bytes;
        assert.ok(Date.now() < end, `${text} is not on the disk`);
    }
}

// An hour of sleep, as the process sees it (tests/hooks/sleep.c).
test('a custodian whose machine slept hands over nothing whose time is over', async () => {
    const daemon = await startDaemon();
    const dir = await scratch();
    const slept = path.join(dir, 'slept');
    await fs.writeFile(slept, '0');
    const hook = path.resolve(path.dirname(usher), 'tests/slept.so');
    const env = { LD_PRELOAD: hook, USHER_TEST_SLEPT: slept, ASAN_OPTIONS: 'verify_asan_link_order=0' };
    const [ann, ben] = await meet(daemon.url, ['ann', 'ben']);
    const cy = await joinPeer({ server: daemon.url, name: 'cy', env });
    await Promise.all([cy.linked(ann), cy.linked(ben), ann.linked(cy), ben.linked(cy)]);
    await quit(ben);
    await Promise.all([ann, cy].map((peer) => peer.event('peer', { id: ben.id, state: 'down' })));
    ann.do({ do: 'send', to: [ben.id], text: 'good for a minute', ref: 'r', ttl: 60000 });
    await ann.event('accepted');
    await untilKept(cy, 1);
    await die(ann);
    await fs.writeFile(slept, '3600');
    const again = await joinPeer({ server: daemon.url, name: 'ben', state: ben.state });
    await Promise.all([again.linked(cy), cy.linked(again)]);
    cy.do({ do: 'send', to: [ben.id], text: 'good morning', ref: 'm' });
    await again.event('message', { text: 'good morning' });
    assert.deepEqual(await texts(again), ['good morning']);
    assert.equal((await cy.stats()).kept, 0);
    await stopAll([again, cy]);
    await daemon.stop();
});

test('a direct message outlives its sender in a custodian who cannot read it', async () => {
    const secret = 'the raven flies at midnight';
    const daemon = await startDaemon();
    const [ann, ben, cy] = await meet(daemon.url, ['ann', 'ben', 'cy']);
    await quit(ben);
    await Promise.all([ann, cy].map((peer) => peer.event('peer', { id: ben.id, state: 'down' })));
    ann.do({ do: 'send', to: [ben.id], text: secret, ref: 'r' });
    const { id } = await ann.event('accepted', { ref: 'r' });
    await untilKept(cy, 1);
    const kept = await untilWritten(cy.state, id);
    assert.ok(!says(kept, secret), 'and says nothing');
    assert.ok((await database(ann.state)).includes(secret), 'as the sender\'s own record does');
    await quit(ann);
    await cy.event('peer', { id: ann.id, state: 'down' });
    const again = await joinPeer({ server: daemon.url, name: 'ben', state: ben.state });
    const message = await again.event('message', { text: secret });
    assert.equal(message.id, id);
    assert.equal(message.from, ann.id);
    assert.equal(message.verified, true);
    await untilKept(cy, 0);
    const back = await joinPeer({ server: daemon.url, name: 'ann', state: ann.state });
    assert.equal((await back.event('delivered', { id })).by, ben.id);
    assert.equal(again.count('message'), 1);
    assert.deepEqual(await texts(again), [secret]);
    await stopAll([back, again, cy]);
    await daemon.stop();
});

test('what a custodian is handed says nothing either', async () => {
    const secret = 'the raven flies at midnight, too';
    const daemon = await startDaemon();
    const [ann, ben] = await meet(daemon.url, ['ann', 'ben']);
    const who = newIdentity();
    const introduce = (pc) => introduction(who, ann.id, 'demo', pc);
    const cy = await keyedPeer({ url: daemon.url, room: 'demo', name: 'cy', card: who.card, introduce });
    await ann.event('peer', { id: who.id, state: 'up' });
    await quit(ben);
    await ann.event('peer', { id: ben.id, state: 'down' });
    ann.do({ do: 'send', to: [ben.id], text: secret });
    const { id } = await ann.event('accepted');
    await cy.until((e) => e.name === 'message' && e.id === id, 'the copy');
    const frames = Buffer.from(JSON.stringify(cy.seen));
    assert.ok(!says(frames, secret));
    assert.ok(says(frames, 'usher-intro-1') && says(Buffer.from(btoa(`{"text":"${secret}"}`)), secret), 'it can be found');
    cy.close();
    await ann.stop();
    await daemon.stop();
});

test('who was away gets what the room said, once, from whoever is left', async () => {
    const daemon = await startDaemon();
    const [ann, ben, cy] = await meet(daemon.url, ['ann', 'ben', 'cy']);
    await die(ben);
    for (let i = 0; i < 20; i++) {
        ann.do({ do: 'send', text: `ann ${i}` });
        await cy.event('message', { text: `ann ${i}` });
        cy.do({ do: 'send', text: `cy ${i}` });
        await ann.event('message', { text: `cy ${i}` });
    }
    await quit(ann);
    const again = await joinPeer({ server: daemon.url, name: 'ben', state: ben.state });
    const said = Array.from({ length: 20 }, (_, i) => [`ann ${i}`, `cy ${i}`]).flat();
    // cy still takes ben's former life for a link; a call that goes wrong meanwhile is made again after 15 s.
    await again.event('message', { text: 'cy 19' }, 40000);
    assert.deepEqual(await texts(again), said);
    assert.equal(again.count('message'), said.length);
    await stopAll([again, cy]);
    await daemon.stop();
});

test('two that cannot link reach each other through a third, who reads nothing', async () => {
    const { ann, ben, cy, stop } = await joinApart();
    for (const [from, to, text] of [[ann, ben, 'around the corner'], [ben, ann, 'and back again']]) {
        from.do({ do: 'send', to: [to.id], text });
        const { id } = await from.event('accepted');
        const message = await to.event('message', { text });
        assert.equal(message.from, from.id);
        assert.equal(message.verified, true);
        assert.equal((await from.event('delivered', { id })).by, to.id);
    }
    ben.do({ do: 'send', text: 'to all' });
    await Promise.all([ann, cy].map((peer) => peer.event('message', { text: 'to all' })));
    assert.ok((await cy.stats()).relayedTotal >= 4);
    assert.ok((await ann.stats()).relayedOutTotal >= 2);
    assert.equal(cy.count('message'), 1);
    assert.ok(!(await database(cy.state)).includes('corner'));
    await stop();
});

test('two daemons die: who shares a friend links without them', async () => {
    const [one, two] = [await startDaemon(), await startDaemon()];
    const ann = await joinPeer({ server: one.url, name: 'ann' });
    const cy = await joinPeer({ server: one.url, name: 'cy', args: ['--server', two.url] });
    await Promise.all([ann.linked(cy), cy.linked(ann)]);
    one.kill('SIGKILL');
    // cy finds the second server, and ben there; ann has none.
    const ben = await joinPeer({ server: two.url, name: 'ben' });
    await Promise.all([ben.linked(cy), cy.linked(ben)]);
    two.kill('SIGKILL');
    await Promise.all([ben, cy].map((peer) => peer.event('state', { state: 'disconnected' })));
    await Promise.all([ann.linked(ben), ben.linked(ann)]);
    for (const end = Date.now() + 15000;;) {
        ann.do({ do: 'peers' });
        const { peers } = await ann.event('peers');
        if (peers.length === 2 && peers.every((p) => p.state === 'up' && p.path === 'direct')) break;
        assert.ok(Date.now() < end, JSON.stringify(peers));
    }
    await die(cy);
    ann.do({ do: 'send', to: [ben.id], text: 'without any daemon, or the friend' });
    await ben.event('message', { text: 'without any daemon, or the friend' });
    await stopAll([ann, ben]);
});

test('history and refs survive a crash; what was accepted leaves with the next start', async () => {
    const daemon = await startDaemon();
    const [ann, ben] = await meet(daemon.url, ['ann', 'ben']);
    ann.do({ do: 'send', text: 'before', ref: 'first' });
    await ben.event('message', { text: 'before' });
    await die(ben);
    ann.do({ do: 'send', to: [ben.id], text: 'to nobody yet', ref: 'second' });
    const { id } = await ann.event('accepted', { ref: 'second' });
    await die(ann);
    const back = await joinPeer({ server: daemon.url, name: 'ann', state: ann.state });
    assert.deepEqual(await texts(back), ['before', 'to nobody yet']);
    back.do({ do: 'send', to: [ben.id], text: 'to nobody yet', ref: 'second' });
    assert.equal((await back.event('accepted', { ref: 'second' })).id, id);
    const again = await joinPeer({ server: daemon.url, name: 'ben', state: ben.state });
    assert.equal((await again.event('message')).id, id);
    await back.event('delivered', { id });
    back.do({ do: 'send', to: [ben.id], text: 'last' });
    await again.event('message', { text: 'last' });
    assert.equal(again.count('message'), 2);
    assert.deepEqual(await texts(again), ['before', 'to nobody yet', 'last']);
    assert.deepEqual(await texts(back), ['before', 'to nobody yet', 'last']);
    await stopAll([back, again]);
    await daemon.stop();
});

// What is wrong with the database, and what is said.
const SPOILT = [
    ['damaged', /messages\.db is damaged and was left as it is: put a copy of it back/,
        async (file) => fs.writeFile(file, Buffer.alloc(8192, 'x'))],
    ['newer', /messages\.db was written by a newer usher \(version 99 of its tables/, async (file) => {
        const bytes = await fs.readFile(file);
        bytes.writeUInt32BE(99, 60); // user_version, https://www.sqlite.org/fileformat.html section 1.3
        await fs.writeFile(file, bytes);
    }],
    ['not writable', /cannot write .*messages\.db or beside it: make the folder/,
        async (file) => fs.mkdir(`${file}-wal`)], // which stops root, too
    ['readable by others', /others may read .*messages\.db: say chmod 600/, async (file) => fs.chmod(file, 0o644)],
];
for (const [what, sentence, spoil] of SPOILT) {
    test(`a database that is ${what} exits 1 with a sentence, and stays as it is`, async () => {
        const daemon = await startDaemon();
        const state = await scratch();
        const file = path.join(state, 'messages.db');
        const ann = await startPeer({ server: daemon.url, name: 'ann', state });
        await ann.event('ready');
        await quit(ann);
        await spoil(file);
        const before = await fs.readFile(file);
        const { code, stdout, stderr } = await runUsher(['--server', daemon.url, '--state', state, 'pipe', 'demo']);
        assert.equal(code, 1);
        assert.equal(stdout, '');
        assert.match(stderr, sentence);
        assert.equal(stderr.trim().split('\n').length, 1);
        assert.deepEqual(await fs.readFile(file), before);
        await daemon.stop();
    });
}

test('a full disk: an error and the end; what was accepted is there when there is room again', async () => {
    const daemon = await startDaemon();
    const [ann, ben] = await meet(daemon.url, ['ann', 'ben']);
    const size = Math.max(...await Promise.all(['messages.db', 'messages.db-wal'].map(async (name) =>
        (await fs.stat(path.join(ann.state, name))).size)));
    // A file that may not grow fails the same call; the limit is that of ann's process alone.
    await promisify(execFile)('prlimit', ['--pid', `${ann.child.pid}`, `--fsize=${size + 300000}`]);
    const ended = ann.event('error');
    for (let i = 0, said; i < 100 && said?.event !== 'error'; i++) {
        ann.do({ do: 'send', to: [ben.id], text: `${i} ${'x'.repeat(20000)}`, ref: `${i}` });
        said = await Promise.race([ended, ann.event('accepted', { ref: `${i}` })]);
    }
    const { fatal, message } = await ended;
    assert.equal(fatal, true);
    assert.match(message, /messages\.db.* a quota or a limit/);
    assert.equal(await ann.exited, 1);
    const accepted = ann.all.filter((e) => e.event === 'accepted');
    assert.ok(accepted.length > 0 && accepted.length < 100, `${accepted.length} were accepted`);
    const again = await joinPeer({ server: daemon.url, name: 'ann', state: ann.state });
    again.do({ do: 'history', limit: 1024 });
    const { messages } = await again.event('history', {});
    const kept = new Set(messages.map(({ id }) => id));
    for (const { id } of accepted) assert.ok(kept.has(id), `${id} was accepted and is gone`);
    for (const { id } of accepted) await ben.event('message', { id });
    assert.equal(new Set(ben.all.filter((e) => e.event === 'message').map((e) => e.id)).size, ben.count('message'));
    await stopAll([again, ben]);
    await daemon.stop();
});
