// SPDX-License-Identifier: MIT
//
// A sender with a key who offers what cannot be, and gives what was not asked for, or nothing: whoever receives hears what is
// wrong and from whom, in words, and does not wait for ever. The sender is told, too.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import { startDaemon } from './lib/daemon.mjs';
import { chunk, hostilePeer, offerOf, refused } from './lib/hostile.mjs';
import { joinPeer, Peer, scratch, spawnUsher } from './lib/peer.mjs';

const CONTENT = Buffer.from('some file');
const STALL_MS = 90000; // peer/core/bounds.h: 60 s, and as much again as a busy machine may take

let daemon;
let rooms = 0;
before(async () => {
    daemon = await startDaemon();
});
after(() => daemon.stop());

const newRoom = () => `hostile-${++rooms}`;

// `usher receive --room`, which takes whatever is offered, and a hostile sender: [receiver, sender, where files go].
async function receiveFrom(options = {}) {
    const room = newRoom();
    const [state, dir] = [await scratch(), await scratch()];
    const { id } = await joinPeer({ server: daemon.url, room, name: 'ben', state }).then(async (ben) => {
        const known = { id: ben.id };
        ben.do({ do: 'quit' });
        await ben.exited;
        return known;
    });
    const ben = new Peer(spawnUsher(['--server', daemon.url, '--ice-address', '127.0.0.1', '--state', state, '--name', 'ben',
        'receive', '--room', room, '--once', '--dir', dir, '--json']), state);
    ben.name = 'ben';
    await ben.event('stage', { stage: 'waiting' });
    return [ben, await hostilePeer({ url: daemon.url, room, reader: id, ...options }), dir];
}

test('offers that cannot be: pipe says whose they are and what is wrong, and their sender hears it by a word', async () => {
    const room = newRoom();
    const ben = await joinPeer({ server: daemon.url, room, name: 'ben' });
    const mallory = await hostilePeer({ url: daemon.url, room, reader: ben.id });
    await ben.event('peer', { id: mallory.identity, state: 'up' });
    const good = offerOf('f0', CONTENT);
    const cases = [
        [{ name: 'x'.repeat(300) }, 'bad-name', /1 to 255 bytes/],
        [{ name: 'x'.repeat(30000) }, 'bad-name', /1 to 255 bytes/],
        [{ name: '' }, 'bad-name', /1 to 255 bytes/],
        [{ name: 'a\0b' }, 'bad-name', /without NUL/],
        [{ size: -1 }, 'bad-size', /0 to 274877906944/],
        [{ size: 2 ** 53 }, 'bad-size', /0 to 274877906944/],
        [{ size: 2 ** 38 + 1 }, 'too-large', /larger than 256 GiB/],
        [{ chunkSize: 0 }, 'bad-chunk-size', /1 to 65536/],
    ];
    for (const [i, [change, reason, words]] of cases.entries()) {
        const fileId = `f${i}`;
        mallory.offer({ ...good, fileId, ...change });
        const failed = await ben.event('file-failed', { fileId });
        assert.equal(failed.reason, reason);
        assert.equal(failed.from, mallory.identity);
        assert.match(failed.message, words);
        assert.equal(await mallory.declined(fileId), reason);
    }
    assert.equal(ben.count('file-offer'), 0);
    assert.doesNotMatch(ben.log, /no envelope/);
    mallory.close();
    await ben.stop();
});

test('receive says what was refused, and ends with 1', async () => {
    const [ben, mallory, dir] = await receiveFrom();
    mallory.offer({ ...offerOf('f1', CONTENT, 'odd.bin'), size: -1 });
    const failed = await ben.event('failed', { name: 'odd.bin' });
    assert.match(failed.text, /^mallory offers it, and that is refused: its `size` must be/);
    assert.equal(await ben.exited, 1);
    assert.deepEqual(await fs.readdir(dir), []);
    mallory.close();
});

const thrice = (one) => [one, one, one]; // once may be an accident
const LIES = {
    'blocks that nobody asked for': ({ id, block }) => thrice(chunk(id, block + 1, 0, CONTENT)),
    'bytes outside of a block': ({ id, block }) => thrice(chunk(id, block, 2 ** 30, CONTENT)),
    'other bytes': ({ id, block }) => [chunk(id, block, 0, Buffer.from('SOME FILE'))], // and is asked again
};
for (const [what, lie] of Object.entries(LIES))
    test(`a sender that gives ${what}: it is over, and nothing is left`, async () => {
        const [ben, mallory, dir] = await receiveFrom({ content: CONTENT, give: lie });
        mallory.offer(offerOf('f1', CONTENT, 'file.bin'));
        await ben.event('failed', { name: 'file.bin', reason: 'wrong-data' });
        assert.equal(await mallory.declined('f1'), 'wrong-data');
        assert.equal(await ben.exited, 1);
        assert.ok(!(await fs.readdir(dir)).includes('file.bin'));
        mallory.close();
    });

test('a sender that gives nothing, or refuses: a stall is told, then the end', { timeout: 2 * STALL_MS }, async () => {
    await Promise.all([() => [], ({ id, block }) => [refused(id, block)]].map(async (give) => {
        const [ben, mallory, dir] = await receiveFrom({ give });
        mallory.offer(offerOf('f1', CONTENT, 'file.bin'));
        await ben.event('stalled', { name: 'file.bin' }, STALL_MS);
        const failed = await ben.event('failed', { name: 'file.bin', reason: 'stalled' }, STALL_MS);
        assert.match(failed.text, /nothing of it has come for a minute/);
        assert.equal(await ben.exited, 1);
        assert.ok(!(await fs.readdir(dir)).includes('file.bin'));
        mallory.close();
    }));
});
