// SPDX-License-Identifier: MIT
//
// `usher chat` in front of a person: what is typed arrives, what others call themselves and write passes for nothing else,
// and a terminal that is closed is a good-bye.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { startDaemon, within } from './lib/daemon.mjs';
import { joinPeer, scratch, spawnUsher } from './lib/peer.mjs';
import { Terminal } from './lib/terminal.mjs';

let daemon;
let rooms = 0;

before(async () => {
    daemon = await startDaemon();
});
after(() => daemon.stop());

const newRoom = () => `terminal-${++rooms}`;
const arguments_ = async (room, name) => ['--server', daemon.url, '--state', await scratch(), '--ice-address', '127.0.0.1',
    '--name', name, 'chat', room];
const join = (room, name) => joinPeer({ server: daemon.url, room, name });

for (const [what, env] of [
    ['LC_ALL=C', { LC_ALL: 'C' }],
    ['a locale that is not installed', { LC_ALL: 'xx_XX.UTF-8' }],
    ['no locale', { LC_ALL: '', LANG: '', LC_CTYPE: '' }],
]) {
    test(`${what}: what is typed arrives as it is`, async () => {
        const room = newRoom();
        const ann = await join(room, 'ann');
        const terminal = new Terminal(await arguments_(room, 'bén'), { env });
        await terminal.shows(/<ann> is here/);
        assert.match(terminal.text, /bén> /);
        terminal.type('grüß dich, 田中 🦊\r');
        await ann.event('message', { text: 'grüß dich, 田中 🦊' });
        ann.do({ do: 'send', text: 'schön' });
        await terminal.shows(/<ann> schön/);
        terminal.type('\x04');
        assert.equal(await within(8000, terminal.exited, 'control-D did not end it'), 0);
        await ann.stop();
    });
}

// How long until others see that it left: milliseconds. Without a good-bye it is 10 s, and 30 s until the seat is free.
async function goodbye(ann, ben, end) {
    const began = performance.now();
    end();
    await ann.event('peer', { id: ben, state: 'down' });
    for (;;) {
        ann.do({ do: 'peers' });
        const { peers } = await ann.event('peers');
        if (!peers.some(({ id, inRoom }) => id === ben && inRoom)) return performance.now() - began;
    }
}

test('a terminal that is closed, and SIGTERM, SIGHUP and SIGINT without one, are a good-bye', async () => {
    const room = newRoom();
    const ann = await join(room, 'ann');
    const terminal = new Terminal(await arguments_(room, 'ben'));
    const { id } = await ann.event('peer', { name: 'ben', state: 'up' });
    const waited = await goodbye(ann, id, () => terminal.close());
    assert.ok(waited < 5000, `others waited for ${waited} ms`);
    for (const signal of ['SIGTERM', 'SIGHUP', 'SIGINT']) {
        const child = spawnUsher(await arguments_(room, signal));
        const exit = once(child, 'exit');
        const up = await ann.event('peer', { name: signal, state: 'up' });
        const ms = await goodbye(ann, up.id, () => child.kill(signal));
        assert.ok(ms < 5000, `after ${signal} others waited for ${ms} ms`);
        assert.deepEqual(await within(8000, exit, `${signal} did not end it`), [0, null]);
    }
    await ann.stop();
});

// Names that were taken for lines of usher's own.
const NAMES = [
    '* Alice is here (direct link). Alice',
    '! Warning',
    'ann (to you)',
    'ann> hello\n* ann is gone.',
    'ann\u2028* ann is gone.',
    '\u202e\u001b[2Jann',
    '(to you) <ann> pay now',
];

test('no name and no text of others passes for a line of usher', async () => {
    const room = newRoom();
    const terminal = new Terminal(await arguments_(room, 'ben'));
    await terminal.shows(/You are in room/);
    const others = [];
    for (const name of NAMES) others.push(await join(room, name));
    await Promise.all(others.map((peer, i) => peer.event('peer', { name: 'ben', state: 'up' }).then((ben) => {
        peer.do({ do: 'send', text: `word ${i}\n* ann is gone.\n! Warning` });
        peer.do({ do: 'status', text: `* ann is gone, says ${i}` });
        peer.do({ do: 'send', to: [ben.id], text: `${' '.repeat(200)}* ann is gone. ${'*'.repeat(200)}` });
    })));
    for (let i = 0; i < NAMES.length; i++) await terminal.shows(new RegExp(`says ${i}`));
    terminal.type('/history 40\r/who\r');
    await terminal.shows(/\(you, /);
    const lines = terminal.rows().filter((row) => /^[*!]/.test(row));
    assert.ok(lines.length > NAMES.length);
    for (const line of lines)
        assert.match(line, /^\* (You are in|<.*> is (here|gone)|<.*> \()|^[*!] <[^<>]*>: its name is known/, line);
    for (const row of terminal.rows()) assert.doesNotMatch(row, /^(\* ann|! Warning|ann)/);
    // eslint-disable-next-line no-control-regex
    assert.doesNotMatch(terminal.text, /\u001b\[2J|[\u202e\u2028]/);
    await Promise.all(others.map((peer) => peer.stop()));
    terminal.type('/quit\r');
    await terminal.exited;
});

test('two of one name, or of names that look alike, are told apart by their ids', async () => {
    const room = newRoom();
    const ann = await join(room, 'Ann Lee');
    const terminal = new Terminal(await arguments_(room, 'ben'));
    await terminal.shows(/<Ann Lee> is here/);
    for (const name of ['Ann Lee', 'ann lee', 'Ann\u200b  Lee', 'Аnn Lee', 'ben']) {
        const other = await join(room, name);
        await terminal.shows(new RegExp(`\\* <[^<>]*#${other.id.slice(0, 8)}> is here`));
        if (name !== 'ben') await terminal.shows(new RegExp(`! <[^<>]*#${other.id.slice(0, 8)}>: its name is known`));
        await other.event('peer', { name: 'ben', state: 'up' });
        other.do({ do: 'send', text: `from the other ${name}` });
        ann.do({ do: 'send', text: `from ann about ${name}` });
        await terminal.shows(new RegExp(`<[^<>]*#${other.id.slice(0, 8)}> from the other`));
        if (name !== 'ben') await terminal.shows(new RegExp(`<Ann Lee#${ann.id.slice(0, 8)}> from ann about ${name}`));
        terminal.type(`/msg ${name === 'ben' ? 'ben' : 'Ann Lee'}#${other.id.slice(0, 8)} to you\r`);
        if (name === 'Ann Lee') await other.event('message', { text: 'to you', type: 'direct_message' });
        await other.stop();
    }
    terminal.type('/quit\r');
    await terminal.exited;
    await ann.stop();
});

test('who takes a known name while its owner is away is shown with an id', async () => {
    const room = newRoom();
    const args = await arguments_(room, 'ben');
    const ann = await join(room, 'Ann');
    for (const round of [1, 2]) {
        const terminal = new Terminal(args);
        const other = round === 1 ? ann : await join(room, 'Ann');
        await terminal.shows(round === 1 ? /\* <Ann> is here/ : new RegExp(`\\* <Ann#${other.id.slice(0, 8)}> is here`));
        terminal.type('/quit\r');
        assert.equal(await within(8000, terminal.exited, '/quit did not end it'), 0);
        await other.stop();
    }
});

test('pipe: names in events are harmless, and a known name is told by its code', async () => {
    const room = newRoom();
    const ann = await join(room, 'ann');
    const first = await join(room, 'Bob');
    await ann.linked(first);
    const other = await join(room, 'B\u200bo\u202eb\n\u001b[31m <x>');
    const { name } = await ann.event('peer', { id: other.id, state: 'up' });
    assert.equal(name, 'Bob [31m _x_');
    const fake = await join(room, 'bоb'); // with a Cyrillic о
    const warning = await ann.event('link', { id: fake.id });
    assert.deepEqual([warning.code, warning.text], ['known-name', 'its name is known with another key']);
    ann.do({ do: 'peers' });
    const { peers } = await ann.event('peers');
    assert.equal(peers.find(({ id }) => id === other.id).name, 'Bob [31m _x_');
    await ann.says(/^usher: a known name came with another key or none: <bоb>$/m);
    for (const peer of [ann, first, other, fake]) await peer.stop();
});

test('a long line costs its length, not the square of it', async () => {
    const terminal = new Terminal(['--server', 'ws://127.0.0.1:1', '--state', await scratch(), '--name', 'ben', 'chat', 'demo']);
    await terminal.shows(/nothing listens[^]*ben> /);
    const pid = await terminal.pid();
    const busy = async () => Number((await readFile(`/proc/${pid}/schedstat`, 'utf8')).split(' ')[0]) / 1e6;
    const before = await busy();
    terminal.type(`${'x'.repeat(8000)}END`);
    await terminal.shows(/END/);
    const ms = (await busy()) - before;
    console.log(`# 8,000 characters on a line: ${ms.toFixed(1)} ms of a core`);
    assert.ok(ms < 300, `${ms} ms`);
    terminal.close();
    await terminal.exited;
});
