// SPDX-License-Identifier: MIT
//
// `usher send` and `usher receive`: two people who share six words, whatever breaks between them, and a server that lies.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import fs from 'node:fs/promises';
import net from 'node:net';
import path from 'node:path';
import { startDaemon, within } from './lib/daemon.mjs';
import { startLiar } from './lib/liar.mjs';
import { joinPeer, Peer, runUsher, scratch, spawnUsher } from './lib/peer.mjs';

const MIB = 1024 * 1024;
const LARGE = 200 * MIB; // is under way for long enough to be seen, which is four times a second
const LONG = 60000;
const OTHER_CODE = 'abandon-ability-able-about-above-absent';

let daemon;
before(async () => {
    daemon = await startDaemon();
});
after(() => daemon.stop());

const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');

async function isWhole(file, content) {
    assert.equal(sha256(await fs.readFile(file)), sha256(content));
}

async function makeFile(bytes, name = 'a file.bin') {
    const file = path.join(await scratch(), name);
    const content = randomBytes(bytes);
    await fs.writeFile(file, content);
    return { file, content };
}

const common = (server, state, name) => ['--server', server, '--ice-address', '127.0.0.1', '--state', state, '--name', name];

// `usher send` or `usher receive` with --json.
async function start(name, args, { state, server = daemon.url } = {}) {
    state ??= await scratch();
    const peer = new Peer(spawnUsher([...common(server, state, name), ...args, '--json']), state);
    peer.name = name;
    return peer;
}

async function startSend(files, options = {}) {
    const peer = await start('ann', ['send', ...files, ...(options.args ?? [])], options);
    peer.code = (await peer.event('code')).code;
    return peer;
}

// Until this much of a file has come.
async function progress(peer, bytes) {
    for (;;) {
        const seen = await peer.event('progress', {}, LONG);
        if (seen.bytes >= bytes) return seen;
    }
}

test('a file and a folder, by a code: both sides end, with 0, when all is there', async () => {
    const { file, content } = await makeFile(3 * MIB + 7);
    const folder = path.join(await scratch(), 'photos');
    await fs.mkdir(path.join(folder, 'a/empty'), { recursive: true });
    await fs.writeFile(path.join(folder, 'a/one.txt'), 'one');
    const dir = await scratch();
    const ann = await startSend([file, folder]);
    assert.match(ann.code, /^([a-z]{3,8}-){5}[a-z]{3,8}$/);
    await ann.event('stage', { stage: 'waiting' });
    const typed = ann.code.toUpperCase().split('-').map((word) => word.slice(0, 4));
    const ben = await start('ben', ['receive', ...typed, '--dir', dir]);
    for (const [one, other] of [[ann, 'ben'], [ben, 'ann']]) {
        const { id, fingerprint, verified } = await one.event('peer', { name: other, state: 'up' });
        assert.equal(verified, true);
        assert.equal(fingerprint, id.slice(0, 16).match(/.{4}/g).join(' '));
        await one.event('stage', { stage: 'direct' });
    }
    const offer = await ben.event('offer', { name: 'photos' });
    assert.equal(offer.kind, 'folder');
    assert.equal((await ben.event('offer', { name: 'a file.bin' })).bytes, content.length);
    assert.equal((await ben.event('complete', { name: 'photos' })).path, path.join(dir, 'photos'));
    const done = await ben.event('complete', { name: 'a file.bin' });
    await isWhole(done.path, content);
    assert.equal(await fs.readFile(path.join(dir, 'photos/a/one.txt'), 'utf8'), 'one');
    for (const peer of [ann, ben]) {
        assert.equal((await peer.event('done', {}, LONG)).files, 2);
        assert.equal(await peer.exited, 0);
    }
});

test('for people: lines of how far it is, who it is, and what came', async () => {
    const { file, content } = await makeFile(8 * MIB);
    const dir = await scratch();
    const ann = await startSend([file]);
    const ben = await runUsher([...common(daemon.url, await scratch(), 'ben'), 'receive', ann.code, '--dir', dir], { ms: LONG });
    assert.equal(ben.code, 0, ben.stderr);
    assert.match(ben.stdout, /^waiting for a peer$|^checking candidates$/m);
    assert.match(ben.stdout, /^peer: ann, fingerprint ([a-z2-7]{4} ?){4}$/m);
    assert.match(ben.stdout, /^ann offers a file\.bin \(8\.4 MB\)$/m);
    assert.match(ben.stdout, /^received .*a file\.bin \(8\.4 MB\)$/m);
    assert.match(ben.stdout, /^done: 1 of 1 file, 8\.4 MB in 0:\d\d$/m);
    // eslint-disable-next-line no-control-regex
    assert.doesNotMatch(ben.stdout, /[\x00-\x09\x0b-\x1f]/, 'no escapes where there is no terminal');
    assert.equal(ben.stderr, '');
    await isWhole(path.join(dir, path.basename(file)), content);
    assert.equal(await ann.exited, 0);
});

// Every string in it but those of members that have this name.
function* valuesOf(value, name) {
    if (typeof value === 'string') yield value;
    else if (value && typeof value === 'object')
        for (const [key, member] of Object.entries(value)) if (key !== name) yield* valuesOf(member, name);
}

test('another code is another room, and the server learns no word of it', async () => {
    const liar = await startLiar(daemon);
    const said = [];
    liar.up = (message) => {
        said.push(message);
        return message;
    };
    const { file } = await makeFile(10);
    const ann = await startSend([file], { server: liar.url });
    await ann.event('stage', { stage: 'waiting' });
    const ben = await start('ben', ['receive', OTHER_CODE], { server: liar.url });
    await ben.event('stage', { stage: 'waiting' });
    const [a, b] = said.filter(({ type }) => type === 'join-room').map(({ roomId }) => roomId);
    assert.match(a, /^[a-z2-7]{26}$/);
    assert.equal(b, 'xlskdkxokwddxvhcqincgln47u');
    assert.notEqual(a, b);
    // What the code's words are also words of, `signal` and `room`, stands in the names and types of messages.
    const words = new Set(ann.code.split('-'));
    const told = said.flatMap((message) => [...valuesOf(message, 'type')]).flatMap((value) => value.split(/[^A-Za-z0-9]+/));
    assert.deepEqual(told.filter((word) => words.has(word)), []);
    for (const peer of [ann, ben]) {
        assert.equal(peer.count('peer'), 0);
        peer.child.kill('SIGINT');
        assert.equal(await peer.exited, 1);
    }
    await liar.close();
});

// It knows the room, keeps the two apart, and has a peer of its own there: what that one signs is signed rightly.
test('a server that plays the other for each is refused by both, and nothing is offered', async () => {
    const liar = await startLiar(daemon);
    let room;
    liar.up = (message) => {
        room ??= message.roomId;
        return message;
    };
    const seen = ({ displayName }) => displayName === 'mallory';
    liar.down = (message) => (message.peers ? { ...message, peers: message.peers.filter(seen) }
        : message.displayName !== undefined && !seen(message) ? null : message);
    const { file } = await makeFile(10);
    const ann = await startSend([file], { server: liar.url });
    await ann.event('stage', { stage: 'waiting' });
    const ben = await start('ben', ['receive', ann.code], { server: liar.url });
    await ben.event('stage', { stage: 'waiting' });
    const mallory = await joinPeer({ server: daemon.url, room, name: 'mallory' });
    for (const peer of [ann, ben])
        await peer.event('link', { id: mallory.id, text: 'introduction refused: does not know the code' }, LONG);
    assert.equal(mallory.count('file-offer'), 0);
    for (const peer of [ann, ben]) {
        assert.equal(peer.count('peer'), 0);
        peer.child.kill('SIGKILL');
        await peer.exited;
    }
    await mallory.stop();
    await liar.close();
});

test('a receiver that is killed goes on where it was, by the same command', async () => {
    const { file, content } = await makeFile(LARGE);
    const [dir, state] = [await scratch(), await scratch()];
    const ann = await startSend([file]);
    const receive = () => start('ben', ['receive', ann.code, '--dir', dir], { state });
    let ben = await receive();
    await progress(ben, 4 * MIB);
    ben.child.kill('SIGKILL');
    await ben.exited;
    ben = await receive();
    const first = await progress(ben, 0);
    assert.ok(first.bytes >= 3 * MIB, `${first.bytes} were there`);
    for (const peer of [ben, ann]) {
        await peer.event('done', {}, LONG);
        assert.equal(await peer.exited, 0);
    }
    await isWhole(path.join(dir, path.basename(file)), content);
    assert.deepEqual(await fs.readdir(dir), [path.basename(file)]);
});

test('a batch that is sent again: what had arrived whole is there already, and does not come as another', async () => {
    const [small, folder, large] = [await makeFile(MIB + 5, 'small.bin'), path.join(await scratch(), 'photos'), await makeFile(LARGE, 'large.bin')];
    await fs.mkdir(folder);
    await fs.writeFile(path.join(folder, 'one.txt'), 'one');
    const [dir, state, other] = [await scratch(), await scratch(), await scratch()];
    let args = [];
    const both = async () => {
        const ann = await startSend([small.file, folder, large.file], { state, args });
        args = ['--code', ann.code];
        return [ann, await start('ben', ['receive', ann.code, '--dir', dir], { state: other })];
    };
    let [ann, ben] = await both();
    for (const name of ['small.bin', 'photos']) assert.equal((await ben.event('complete', { name }, LONG)).alreadyThere, false);
    for (const peer of [ann, ben]) {
        peer.child.kill('SIGKILL');
        await peer.exited;
    }
    [ann, ben] = await both();
    for (const peer of [ann, ben]) {
        for (const name of ['small.bin', 'photos']) assert.equal((await peer.event('complete', { name }, LONG)).alreadyThere, true, name);
        assert.equal((await peer.event('complete', { name: 'large.bin' }, LONG)).alreadyThere, false);
        const done = await peer.event('done', {}, LONG);
        assert.deepEqual([done.files, done.failed, done.alreadyThere], [3, 0, 2]);
        assert.equal(await peer.exited, 0);
    }
    assert.deepEqual((await fs.readdir(dir)).sort(), ['large.bin', 'photos', 'small.bin']);
    await isWhole(path.join(dir, 'large.bin'), large.content);
    // Once more, for people: nothing is left to do, and that is said.
    ann = await startSend([small.file], { state, args });
    const said = await runUsher([...common(daemon.url, await scratch(), 'ben'), 'receive', ann.code, '--dir', dir], { ms: LONG });
    assert.equal(said.code, 0, said.stderr);
    assert.match(said.stdout, /^already there: .*small\.bin \(1\.0 MB\)$/m);
    assert.match(said.stdout, /^done: 1 of 1 file, 1\.0 MB in 0:00; already there: 1 file, 1\.0 MB$/m);
    assert.equal(await ann.exited, 0);
});

test('a sender that is interrupted pauses, says how to go on, and goes on', async () => {
    const { file, content } = await makeFile(LARGE);
    const [dir, state] = [await scratch(), await scratch()];
    let ann = await startSend([file], { state });
    const { code } = ann;
    const ben = await start('ben', ['receive', code, '--dir', dir]);
    const { fileId } = await progress(ben, 4 * MIB);
    ann.child.kill('SIGINT');
    assert.equal(await ann.exited, 1);
    assert.match(ann.log, new RegExp(`paused: .*--code ${code}`));
    await ben.event('peer', { state: 'down' });
    ann = await startSend([file], { state, args: ['--code', code] });
    const again = await ben.event('offer', { name: path.basename(file) }, LONG).then(() => ben.event('offer', {}, LONG));
    assert.notEqual(again.fileId, fileId);
    for (const peer of [ben, ann]) {
        assert.equal((await peer.event('done', {}, LONG)).failed, 0);
        assert.equal(await peer.exited, 0);
    }
    await isWhole(path.join(dir, path.basename(file)), content);
    assert.deepEqual(await fs.readdir(dir), [path.basename(file)]);
});

test('the same command goes on under the same code: after control-C on either side, and after a crash; then it is forgotten', async () => {
    const { file, content } = await makeFile(LARGE);
    const [dir, state, other] = [await scratch(), await scratch(), await scratch()];
    const send = () => start('ann', ['send', file], { state });
    let ann = await send();
    const { code } = await ann.event('code');
    await ann.event('stage', { stage: 'waiting' });
    ann.child.kill('SIGKILL'); // before anybody came
    await ann.exited;
    ann = await send();
    assert.equal((await ann.event('code')).code, code);
    await ann.event('stage', { stage: 'waiting' });
    assert.match(ann.log, /it goes on with the same code \(--new-code makes another\)/);
    const receive = () => start('ben', ['receive', code, '--dir', dir], { state: other });
    let ben = await receive();
    await progress(ben, 4 * MIB);
    for (const peer of [ben, ann]) {
        peer.child.kill('SIGINT');
        assert.equal(await peer.exited, 1);
        assert.match(peer.log, /paused: the same command goes on where it was/);
    }
    [ann, ben] = [await send(), await receive()];
    assert.equal((await ann.event('code')).code, code);
    assert.ok((await progress(ben, 0)).bytes >= 3 * MIB);
    for (const peer of [ben, ann]) {
        await peer.event('done', {}, LONG);
        assert.equal(await peer.exited, 0);
    }
    await isWhole(path.join(dir, path.basename(file)), content);
    for (const [args, same] of [[[], false], [[], true], [['--new-code'], false]]) {
        ann = await start('ann', ['send', file, ...args], { state });
        const now = (await ann.event('code')).code;
        assert.notEqual(now, code, 'what is done is forgotten');
        if (same) assert.equal(now, send.last);
        else assert.notEqual(now, send.last);
        send.last = now;
        await ann.event('stage', { stage: 'waiting' });
        ann.child.kill('SIGINT');
        assert.equal(await ann.exited, 1);
    }
    assert.equal((await fs.stat(path.join(state, 'sends'))).mode & 0o777, 0o600);
});

test('a file named twice goes once; two of one name and content are one, and all else is counted rightly', async () => {
    const [one, two] = [await makeFile(1000, 'same'), await makeFile(500, 'other')];
    const copy = path.join(await scratch(), 'same');
    await fs.copyFile(one.file, copy);
    const dir = await scratch();
    await fs.writeFile(path.join(dir, 'other'), 'of somebody else');
    const ann = await startSend([one.file, `${path.dirname(one.file)}/./same`, copy, two.file]);
    const ben = await start('ben', ['receive', ann.code, '--dir', dir]);
    for (const peer of [ann, ben]) {
        assert.equal((await peer.event('done', {}, LONG)).failed, 0);
        assert.equal(await peer.exited, 0);
    }
    assert.match(ann.log, /^usher: same is named twice, and sent once$/m);
    assert.equal(ben.log, '');
    assert.deepEqual((await fs.readdir(dir)).sort(), ['other', 'other (1)', 'same']);
    await isWhole(path.join(dir, 'other (1)'), two.content);
    assert.equal(await fs.readFile(path.join(dir, 'other'), 'utf8'), 'of somebody else');
});

test('two who receive under one code: one gets the files, the other hears that somebody was there first, in whatever order they came', async () => {
    const { file, content } = await makeFile(MIB);
    const receive = async () => start('ben', ['receive', OTHER_CODE, '--dir', await scratch()]);
    const [one, two] = [await receive(), await receive()]; // before there is a sender, they meet each other
    for (const peer of [one, two]) await peer.event('peer', { state: 'up' });
    const ann = await startSend([file], { args: ['--code', OTHER_CODE] });
    const done = await ann.event('done', {}, LONG);
    assert.equal(done.files, 1);
    const codes = await within(LONG, Promise.all([one, two].map(({ exited }) => exited)), 'one of them waits for ever');
    assert.deepEqual([...codes].sort(), [0, 1]);
    const [served, other] = codes[0] === 0 ? [one, two] : [two, one];
    await isWhole((await served.event('complete')).path, content);
    assert.match(other.log, /these files go to somebody else, who was there first: each receiver needs a code of his own/);
    assert.equal(other.count('complete'), 0);
    assert.equal(await ann.exited, 0);
});

test('in a room: to one person, who takes one and ends; and to everybody, until it is interrupted', async () => {
    const { file, content } = await makeFile(MIB);
    const [dir, state] = [await scratch(), await scratch()];
    const id = (await runUsher(['--state', state, 'id'])).stdout.trim();
    const ann = await start('ann', ['send', file, '--room', 'files', '--to', id]);
    const ben = await start('ben', ['receive', '--room', 'files', '--once', '--dir', dir], { state });
    await isWhole((await ben.event('complete', {}, LONG)).path, content);
    for (const peer of [ann, ben]) assert.equal(await peer.exited, 0);
    const all = await start('ann', ['send', file, '--room', 'files']);
    const again = await start('ben', ['receive', '--room', 'files', '--once', '--dir', await scratch()]);
    await again.event('complete', {}, LONG);
    assert.equal(await again.exited, 0);
    assert.equal((await all.event('complete')).bytes, MIB);
    all.child.kill('SIGINT');
    assert.equal(await all.exited, 0);
});

test('a reader that has no place for it: both fail, and say so', async () => {
    const { file } = await makeFile(MIB);
    const dir = path.join(await scratch(), 'gone');
    await fs.mkdir(dir);
    const ann = await startSend([file]);
    const ben = await start('ben', ['receive', ann.code, '--dir', dir]);
    await ben.event('stage', { stage: 'connecting' });
    await fs.rmdir(dir);
    await ann.event('failed', {}, LONG);
    for (const peer of [ann, ben]) assert.equal(await peer.exited, 1);
});

test('what is neither a file nor a folder is refused before a code is printed', async () => {
    const dir = await scratch();
    const pipe = path.join(dir, 'a pipe');
    spawnSync('mkfifo', [pipe]);
    const socket = net.createServer().listen(path.join(dir, 'sock'));
    await once(socket, 'listening');
    for (const [bad, what] of [[pipe, 'a pipe'], ['/dev/null', 'a device'], ['/dev/zero', 'a device'], [path.join(dir, 'sock'), 'a socket']]) {
        const ended = await runUsher([...common(daemon.url, await scratch(), 'ann'), 'send', bad]);
        assert.equal(ended.code, 1, bad);
        assert.equal(ended.stdout, '');
        assert.match(ended.stderr, new RegExp(`^usher: cannot send [^:]*: it is ${what}, and only files and folders can be sent: write`));
    }
    socket.close();
});

test('a file that is gone before it could be offered: the other comes, and both end with 1', async () => {
    const [one, other] = [await makeFile(MIB, 'one.bin'), await makeFile(MIB, 'other.bin')];
    const ann = await startSend([one.file, other.file]);
    await fs.rm(other.file);
    const dir = await scratch();
    const ben = await start('ben', ['receive', ann.code, '--dir', dir]);
    await isWhole((await ben.event('complete', { name: 'one.bin' })).path, one.content);
    await ann.event('failed', { name: 'other.bin' });
    for (const peer of [ann, ben]) {
        const done = await peer.event('done', {}, LONG);
        assert.deepEqual([done.files, done.failed], [1, 1]);
        assert.equal(await peer.exited, 1);
    }
    assert.match(ben.log, /its sender could not send 1 more/);
});

test('control-C before it is connected pauses too, and says how to go on', async () => {
    const { file } = await makeFile(MIB);
    const silent = net.createServer().listen(0, '127.0.0.1'); // takes connections, and says nothing
    await once(silent, 'listening');
    const server = `ws://127.0.0.1:${silent.address().port}`;
    // At once, while the keys of the code are made; and while the server is waited for.
    for (const wait of [null, 'stage']) {
        const ann = await startSend([file], { server });
        if (wait) await ann.event(wait);
        ann.child.kill('SIGINT');
        assert.equal(await ann.exited, 3);
        assert.match(ann.log, new RegExp(`^usher: paused: the same command .*--code ${ann.code}`, 'm'));
    }
    silent.close();
});

test('what is typed wrongly is named, with what to do; and no server is 3', async () => {
    const state = await scratch();
    const { file } = await makeFile(1);
    for (const [args, code, says] of [
        [['send'], 2, /send wants files or folders/],
        [['send', '/no/such'], 1, /cannot read such: No such file/],
        [['send', '-'], 1, /standard input cannot be sent: write it to a file first/],
        [['send', file, '--to', 'x'.repeat(26), '--code', OTHER_CODE], 2, /--to and --code/],
        [['send', file, '--room', 'r', '--to', 'ben'], 2, /"ben" is not known/],
        [['send', file, '--code', 'one-two'], 2, /word 2 of the code, "two"|a code has 6 words/],
        [['send', file, '--room', 'r', '--code', OTHER_CODE], 2, /give one of the two/],
        [['receive'], 2, /receive wants the code/],
        [['receive', OTHER_CODE.replace('absent', 'abscent')], 2, /word 6 of the code, "abscent", is none of the list: did you mean absent\?/],
        [['receive', 'abandon-ability-able-about-above'], 2, /a code has 6 words, .* and this one 5/],
        [['receive', OTHER_CODE, '--room', 'r'], 2, /give one of the two/],
        [['receive', '--room', 'r', '--dir', '/no/such'], 2, /--dir wants a folder that exists/],
        [['chat', 'r', '--once'], 2, /--once does not go with chat/],
    ]) {
        const ended = await runUsher(['--state', state, ...args]);
        assert.deepEqual([ended.code, ended.stdout], [code, ''], args.join(' '));
        assert.match(ended.stderr, says);
    }
    const closed = net.createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => closed.once('listening', resolve));
    const { port } = closed.address();
    await new Promise((resolve) => closed.close(resolve));
    const ann = await startSend([file], { server: `ws://127.0.0.1:${port}` });
    await ann.event('stage', { stage: 'connecting' });
    ann.child.kill('SIGINT');
    assert.equal(await ann.exited, 3);
});
