// SPDX-License-Identifier: MIT
//
// `usher send --to NAME` and `usher receive` without a code: people who met before, in rooms of their own.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import fs from 'node:fs/promises';
import path from 'node:path';
import { startDaemon } from './lib/daemon.mjs';
import { startLiar } from './lib/liar.mjs';
import { joinPeer, Peer, runUsher, scratch, spawnUsher } from './lib/peer.mjs';

const LONG = 60000;

let daemon;
before(async () => {
    daemon = await startDaemon();
});
after(() => daemon.stop());

const common = (server, state, name) => ['--server', server, '--ice-address', '127.0.0.1', '--state', state, '--name', name];

// Somebody with a state directory, whose commands are run one after the other.
async function person(name, server = daemon.url) {
    const state = await scratch();
    const run = (args) => new Peer(spawnUsher([...common(server, state, name), ...args, '--json']), state);
    const fails = (args) => runUsher([...common(server, state, name), ...args]);
    return { name, state, run, fails, id: (await runUsher(['--state', state, 'id'])).stdout.trim() };
}

async function makeFile(name, bytes = 100000) {
    const file = path.join(await scratch(), name);
    const content = randomBytes(bytes);
    await fs.writeFile(file, content);
    return { file, content };
}

// After it they know each other.
async function meet(ann, ben) {
    const { file } = await makeFile('first');
    const sends = ann.run(['send', file]);
    const { code } = await sends.event('code');
    const receives = ben.run(['receive', code, '--dir', await scratch()]);
    for (const peer of [sends, receives]) assert.equal(await peer.exited, 0);
}

const roomOf = (a, b) => {
    const hash = createHash('sha256').update(['usher-pair-1 room', ...[a, b].sort(), ''].join('\0')).digest().subarray(0, 16);
    const bits = [...hash].map((byte) => byte.toString(2).padStart(8, '0')).join('').padEnd(130, '0');
    return bits.match(/.{5}/g).map((five) => 'abcdefghijklmnopqrstuvwxyz234567'[parseInt(five, 2)]).join('');
};

test('who met by a code need none the next time; each of two who are known is waited for, and the server learns no name of a file', async () => {
    const liar = await startLiar(daemon);
    const said = [];
    liar.up = (message) => {
        said.push(message);
        return message;
    };
    const [ann, ben, cay] = [await person('ann', liar.url), await person('ben', liar.url), await person('cay', liar.url)];
    await meet(ann, ben);
    await meet(cay, ben);
    const [one, two] = [await makeFile('of ann'), await makeFile('of cay')];
    const dir = await scratch();
    said.length = 0;
    const waits = ben.run(['receive', '--dir', dir]);
    assert.deepEqual((await waits.event('known')).ids, [cay.id, ann.id], 'the newest first');
    const sends = [ann.run(['send', one.file, '--to', 'BEN']), cay.run(['send', two.file, '--to', ben.id])];
    for (const peer of sends) {
        await peer.event('done', {}, LONG);
        assert.equal(await peer.exited, 0);
    }
    for (const { file, content } of [one, two]) {
        const { path: where } = await waits.event('complete', { name: path.basename(file) }, LONG);
        assert.deepEqual(await fs.readFile(where), content);
    }
    waits.child.kill('SIGINT');
    assert.equal(await waits.exited, 0);
    const rooms = [...new Set(said.filter(({ type }) => type === 'join-room').map(({ roomId }) => roomId))].sort();
    assert.deepEqual(rooms, [roomOf(ann.id, ben.id), roomOf(cay.id, ben.id)].sort());
    assert.ok(!JSON.stringify(said).includes('of ann'));
    await liar.close();
});

test('--once ends when somebody has sent all; who comes to their room and is neither of the two is not served', async () => {
    const [ann, ben] = [await person('ann'), await person('ben')];
    await meet(ann, ben);
    const { file, content } = await makeFile('a.bin');
    const evil = await makeFile('evil');
    const dir = await scratch();
    const mallory = await joinPeer({ server: daemon.url, room: roomOf(ann.id, ben.id), name: 'ann' });
    mallory.do({ do: 'send-file', path: evil.file });
    const waits = ben.run(['receive', '--dir', dir, '--once']);
    await mallory.event('peer', { id: ben.id, state: 'up' });
    await mallory.event('file-failed', { by: ben.id }, LONG);
    const sends = ann.run(['send', file, evil.file, '--to', 'ben']);
    for (const peer of [waits, sends]) {
        assert.equal((await peer.event('done', {}, LONG)).files, 2);
        assert.equal(await peer.exited, 0);
    }
    assert.match(waits.log, /ann is here too, and is not served/);
    assert.deepEqual((await fs.readdir(dir)).sort(), ['a.bin', 'evil']);
    assert.deepEqual(await fs.readFile(path.join(dir, 'a.bin')), content);
    await mallory.stop();
});

test('messages that wait for somebody still wait after a file has gone, and are shown once', async () => {
    const [ann, ben] = [await person('ann'), await person('ben')];
    await meet(ann, ben);
    const room = 'later';
    let talks = await joinPeer({ server: daemon.url, room, name: 'ann', state: ann.state });
    talks.do({ do: 'send', to: [ben.id], text: 'read me', ref: 'r' });
    await talks.event('accepted', { ref: 'r' });
    talks.child.kill('SIGKILL');
    await talks.exited;
    const { file } = await makeFile('a.bin');
    const waits = ben.run(['receive', '--dir', await scratch(), '--once']);
    const sends = ann.run(['send', file, '--to', 'ben']);
    for (const peer of [waits, sends]) {
        await peer.event('done', {}, LONG);
        assert.equal(await peer.exited, 0);
    }
    talks = await joinPeer({ server: daemon.url, room, name: 'ann', state: ann.state });
    const reads = await joinPeer({ server: daemon.url, room, name: 'ben', state: ben.state });
    await reads.event('message', { text: 'read me' }, LONG);
    await talks.event('delivered', { by: ben.id }, LONG);
    assert.equal(reads.count('message'), 1);
    await reads.stop();
    await talks.stop();
});

test('names that nobody has, or several, are refused with those that are near; and nobody known is said', async () => {
    const [ann, zoe] = [await person('ann'), await person('zoe')];
    const { file } = await makeFile('a.bin', 1);
    await fs.writeFile(path.join(ann.state, 'known'),
        ['Ben', 'BEN', 'benno'].map((name, i) => `${'abc'[i].repeat(26)} ${JSON.stringify(name)}\n`).join(''));
    for (const [who, to, says] of [
        [ann, 'bennoo', /^usher: nobody is known as "bennoo": did you mean benno, Ben or BEN\?$/m],
        [ann, 'ben', /^usher: "ben" may be one of several: .*\nusher: {3}Ben {2}a{26}\nusher: {3}BEN {2}b{26}$/m],
        [ann, 'zoe\x1b[2J', /^usher: nobody is known as "zoe\ufffd\[2J"$/m],
        [ann, '', /--to wants the name/],
        [zoe, 'ben', /^usher: "ben" is not known, and nobody is: /m],
    ]) {
        const ended = await who.fails(['send', file, '--to', to]);
        assert.deepEqual([ended.code, ended.stdout], [2, ''], to);
        assert.match(ended.stderr, says);
    }
    const none = await zoe.fails(['receive']);
    assert.deepEqual([none.code, none.stdout], [2, '']);
    assert.match(none.stderr, /receive wants the code .*: nobody is known/);
    const self = await ann.fails(['send', file, '--to', ann.id]);
    assert.deepEqual([self.code, self.stderr], [1, `usher: ${ann.id} is you: name somebody else\n`]);
});

test('of many who are known those who were met last are waited for, and that is said', async () => {
    const ben = await person('ben');
    const ids = Array.from({ length: 20 }, (_, i) => String.fromCharCode(97 + i).repeat(26));
    await fs.writeFile(path.join(ben.state, 'known'), ids.map((id, i) => `${id} "friend ${i}"\n`).join(''));
    const waits = ben.run(['receive']);
    const known = await waits.event('known');
    assert.deepEqual([known.ids, known.known], [ids.slice(4).reverse(), 20]);
    await waits.event('stage', { stage: 'waiting' });
    assert.match(waits.log, /20 people are known: the 16 who were met last are waited for/);
    waits.child.kill('SIGINT');
    assert.equal(await waits.exited, 0);
});
