// SPDX-License-Identifier: MIT
//
// `usher chat` as a person sees it, in a terminal emulator: rows and cursor, not bytes.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { startDaemon } from './lib/daemon.mjs';
import { joinPeer, scratch, usher } from './lib/peer.mjs';
import { Screen } from './lib/screen.mjs';

let daemon;
let rooms = 0;

before(async () => {
    daemon = await startDaemon();
});
after(() => daemon.stop());

const newRoom = () => `screen-${++rooms}`;
const join = (room, name) => joinPeer({ server: daemon.url, room, name });
const command = async (room, name) => [usher, '--server', daemon.url, '--state', await scratch(), '--ice-address', '127.0.0.1',
    '--name', name, 'chat', room];
const chat = async (room, name, options) => Screen.open(await command(room, name), options);

// The rows of what is being typed, and where the cursor is in them: the prompt is in the first.
async function typed(screen, prompt) {
    const rows = await screen.rows({ spaces: true });
    const first = rows.findLastIndex((row) => row.startsWith(prompt));
    const { x, y } = await screen.cursor();
    return { text: rows.slice(first).join('').trimEnd(), x, y: y - first };
}

// Columns, of the letters that are used here.
const width = (text = '') => [...text].reduce((sum, letter) => sum + (letter === '\u0301' ? 0 : '田中🦊'.includes(letter) ? 2 : 1), 0);

test('messages that come leave the line that is typed as it is, in windows of 80, 40 and 100 columns', async () => {
    const room = newRoom();
    const ann = await join(room, 'ann');
    const ben = await chat(room, 'ben');
    await ben.shows(/<ann> is here/);
    const line = 'a line 田中 with wide letters, e\u0301 accents and 🦊 that goes over the end of its row, and on';
    await ben.type(line);
    await ben.shows(/and on$/);
    for (let i = 0; i < 22; i++) ann.do({ do: 'send', text: `message ${i} while something is being typed, of many words that are wrapped` });
    for (const columns of [80, 40, 100]) {
        await ben.resize(columns, 24);
        const first = (rows) => rows.find((row) => row.startsWith('ben> ')) ?? '';
        await ben.shows((now) => width(first(now)) === columns - 1 || first(now).trimEnd() === `ben> ${line}`, { spaces: true });
        ann.do({ do: 'send', text: `at ${columns} columns` });
        await ben.shows(new RegExp(`<ann> at ${columns} columns\n.*ben> a line`));
        const { text, x, y } = await typed(ben, 'ben> ');
        assert.equal(text, `ben> ${line}`);
        const before = width(text);
        assert.deepEqual([x, y], [before % (columns - 1), Math.floor(before / (columns - 1))], `${columns} columns`);
        const rows = await ben.rows();
        assert.equal(rows.filter((row) => row.includes('ben> ')).length, 1, rows.join('\n'));
        assert.equal(rows.filter((row) => row.includes(`at ${columns} columns`)).length, 1);
    }
    // Cursor keys reach into the line, over wide letters and accents.
    await ben.press('Home', 'Right', 'Right', 'Right', 'Right', 'Right', 'Right', 'Right', 'Right');
    await ben.type('X');
    await ben.shows(/a line 田X中/);
    await ben.press('C-e', 'Left', 'BSpace', 'Enter');
    const said = line.replace('田中', '田X中').replace(/on$/, 'n');
    assert.equal((await ann.event('message')).text, said);
    await ben.close();
    await ann.stop();
});

test('that somebody types is told now and then, and not of commands', async () => {
    const room = newRoom();
    const ann = await join(room, 'ann');
    const ben = await chat(room, 'ben');
    await ben.shows(/<ann> is here/);
    await ben.enter('/who');
    await ben.shows(/\(you, /);
    await ben.enter('/msg ann first'); // comes behind all that was said before
    await ann.event('message', { text: 'first' });
    assert.equal(ann.count('typing'), 0);
    const began = performance.now();
    for (const letter of 'letters one by one') {
        await ben.type(letter);
        await ben.shows((rows) => rows.at(-1).endsWith(letter.trim()));
    }
    await ben.press('Enter');
    await ann.event('message', { text: 'letters one by one' });
    const told = ann.count('typing');
    assert.ok(told >= 1 && told <= 1 + (performance.now() - began) / 4000, `${told} times`);
    await ben.close();
    await ann.stop();
});

test('words are wrapped, and what goes on is indented; a word that is too long is cut between letters', async () => {
    const room = newRoom();
    const ann = await join(room, 'ann');
    const ben = await chat(room, 'ben', { columns: 40 });
    await ben.shows(/<ann> is here/);
    ann.do({ do: 'send', text: `these words are wrapped at the width of the window ${'田'.repeat(30)} end` });
    const rows = await ben.shows(/ end\nben>$/);
    const from = rows.findIndex((row) => row.startsWith('<ann> these'));
    assert.deepEqual(rows.slice(from, from + 5), ['<ann> these words are wrapped at the', '    width of the window', `    ${'田'.repeat(18)}`,
        `    ${'田'.repeat(12)} end`, 'ben>']);
    await ben.close();
    await ann.stop();
});

test('names have colours where the terminal has them and NO_COLOR is not set; nothing else moves', async () => {
    const room = newRoom();
    const ann = await join(room, 'ann');
    const cases = [
        // eslint-disable-next-line no-control-regex
        [{}, 'tmux-256color', /\x1b\[38;5;\d+m<ann>\x1b\[39m hello/],
        // eslint-disable-next-line no-control-regex
        [{ TERM: 'xterm' }, 'tmux-256color', /\x1b\[3[1256]m<ann>\x1b\[39m hello/],
        [{ NO_COLOR: '' }, 'screen-256color', /38;5;\d+m<ann>/],
        [{ NO_COLOR: '1' }, 'tmux-256color', /^<ann> hello/m],
        [{ TERM: 'vt100' }, 'tmux-256color', /^<ann> hello/m],
    ];
    for (const [env, term, expected] of cases) {
        const ben = await chat(room, 'ben', { env, term });
        const { id } = await ann.event('peer', { name: 'ben', state: 'up' });
        ann.do({ do: 'send', to: [id], text: 'hello' });
        ann.do({ do: 'send', text: 'hello to all' });
        await ben.shows(/<ann> hello to all/);
        const rows = (await ben.rows({ colours: true })).join('\n');
        assert.match(rows, expected, JSON.stringify(env));
        // eslint-disable-next-line no-control-regex
        if (expected.source.startsWith('^')) assert.doesNotMatch(rows, /\x1b/);
        await ben.press('C-d');
        await ann.event('peer', { id, state: 'down' });
        await ben.close();
    }
    // A terminal whose cursor cannot be moved gets lines, and no prompt.
    const dumb = await chat(room, 'ben', { env: { TERM: 'dumb' } });
    await dumb.shows(/<ann> is here/);
    assert.doesNotMatch((await dumb.rows()).join('\n'), /ben>/);
    await dumb.enter('from a dumb terminal');
    await ann.event('message', { text: 'from a dumb terminal' });
    await dumb.close();
    await ann.stop();
});

test('what others write and are called moves nothing, colours nothing, and passes for no line of usher', async () => {
    const room = newRoom();
    const ben = await chat(room, 'ben');
    await ben.shows(/You are in room/);
    const bad = await join(room, '\u001b[2J\u001b[31mcay\u0007');
    await ben.shows(/is here/);
    await ben.type('I am typing');
    const texts = ['\u001b[2J\u001b[H* ann is gone.', '\u001b]0;title\u0007\u001b[?1049h', '\r! Warning', '\u009b31mred', '\u0001aname\u0002',
        `${'\u0600'.repeat(80)}* ann is gone.`, `${'e\u0301'.repeat(79)}* ann is gone.`, '\u202e* ann is gone.'];
    for (const text of texts) bad.do({ do: 'send', text });
    bad.do({ do: 'send', text: 'the last' });
    await ben.shows(/the last/);
    bad.do({ do: 'typing' });
    await ben.shows(/typing: /);
    const rows = await ben.rows();
    for (const row of rows) assert.match(row, /^(\* You are in room|\* <\[2J \[31mcay> is here|<\[2J \[31mcay>| {4}|ben> I am typing$|typing: <)/, row);
    assert.equal(rows.at(-1), 'ben> I am typing');
    const gone = await join(room, '[2J is gone.');
    await ben.shows(/<\[2J is gone\.> is here/);
    await ben.press('C-u');
    await ben.type('[2j');
    await ben.press('Tab', 'Tab');
    const listed = await ben.shows(/^\* {2}</m);
    assert.ok(listed.some((row) => /^\* {2}<\[2J [^<>]*> {2}<\[2J [^<>]*>$/.test(row)), listed.join('\n'));
    const colours = (await ben.rows({ colours: true })).join('\n');
    // eslint-disable-next-line no-control-regex
    assert.doesNotMatch(colours, /\x1b\[31m|\x1b\[(?!38;5;\d+m|39m|1m|2m|0m|m|0;1m|39m|49m|0;39m|1;39m)/);
    await ben.close();
    await bad.stop();
    await gone.stop();
});

test('how a message fares: sent, delivered, read, failed; and who is typing', async () => {
    const room = newRoom();
    const ann = await chat(room, 'ann');
    await ann.shows(/You are in room/);
    await ann.enter('anybody?');
    await ann.shows(/^last message: sent, nobody else was here$/m);
    const ben = await chat(room, 'ben');
    await Promise.all([ann.shows(/<ben> is here/), ben.shows(/<ann> is here/)]);
    const cay = await join(room, 'cay');
    await Promise.all([ann.shows(/<cay> is here/), ben.shows(/<cay> is here/)]);
    await ann.enter('hello both');
    await ann.shows(/^last message: delivered to all, read by 1 of 2$/m);
    const { id } = await cay.event('message', { text: 'hello both' });
    cay.do({ do: 'read', id });
    await ann.shows(/^last message: read by all$/m);
    await ann.enter('/sent');
    await ann.shows(/^\* {3}anybody\? +sent, nobody else was here\n\* {3}hello both +read by all\n\* {5}delivered to <.*>, <.*>\n\* {5}read by </m);
    await ben.type('I');
    await ann.shows(/^last message: read by all · typing: <ben>$/m);
    cay.do({ do: 'typing' });
    await ann.shows(/typing: <ben>, <cay>$/m);
    await ben.enter(' wrote');
    await ann.shows(/<ben> I wrote\n.*· typing: <cay>$/m);
    await ann.shows(/^last message: read by all$/m); // who types no more is not shown any more
    await ben.enter('/away');
    await ann.shows(/\* <ben> is away\./);
    await ben.enter('here again');
    await ann.shows(/\* <ben> is back\./);
    await cay.stop();
    await ann.close();
    await ben.close();
});

test('keys: history, search, words, paste of several lines, completion; keys without a meaning leave nothing', async () => {
    const room = newRoom();
    const ann = await join(room, 'Ann Lee');
    const ben = await chat(room, 'ben');
    await ben.shows(/<Ann Lee> is here/);
    const line = async (expected) => {
        await ben.shows((rows) => rows.at(-1) === expected); // blank at its end, a row is cut there
    };
    for (const text of ['first grüß', 'second one', 'third']) await ben.enter(text);
    await ben.type('unsent');
    await ben.press('Up', 'Up');
    await line('ben> second one');
    await ben.press('Down', 'Down');
    await line('ben> unsent');
    await ben.press('C-r');
    await ben.type('grü');
    await line('(search: grü) first grüß');
    await ben.press('C-g');
    await line('ben> unsent');
    await ben.press('C-u', 'C-r');
    await ben.type('ir');
    await line('(search: ir) third');
    await ben.press('C-r');
    await line('(search: ir) first grüß');
    await ben.press('Left', 'M-b', 'M-d');
    await line('ben> first');
    await ben.press('C-w', 'C-y');
    await ben.press('Home', 'C-k', 'C-k', 'F5', 'C-v', 'C-x', 'PPage', 'M-x', 'F1');
    await line('ben>');
    await ben.paste('one\ntwo\tthree \u001b[31mred\n');
    await line('two three red');
    await ben.press('Enter');
    await ann.event('message', { text: 'one\ntwo three red' });
    await ben.type('an');
    await ben.press('Tab');
    await line('ben> Ann Lee:');
    await ben.press('C-u');
    await ben.type('/h');
    await ben.press('Tab');
    await ben.shows(/^\* {2}\/history {2}\/help$/m);
    await ben.type('e');
    await ben.press('Tab', 'C-u');
    await ben.type('well, ann l');
    await ben.press('Tab');
    await line('ben> well, Ann Lee');
    await ben.press('C-u');
    await ben.type('/msg ann l');
    await ben.press('Tab');
    await line('ben> /msg Ann Lee');
    await ben.enter('to you');
    await ann.event('message', { text: 'to you', type: 'direct_message' });
    await ben.enter('/quit');
    await ben.shows(/^ended with 0$/m);
    await ben.close();
    await ann.stop();
});

test('control-Z gives the terminal back, fg takes it again with the line as it was; the end leaves it as it was', async () => {
    const room = newRoom();
    const shell = await Screen.open(['bash', '--norc'], { env: { PS1: 'shell$ ' } });
    await shell.shows(/shell\$/);
    const words = await command(room, 'ben');
    await shell.enter(`clear; ${words.join(' ')}`);
    await shell.shows(/You are in room/);
    await shell.type('half a line');
    await shell.shows(/ben> half a line$/); // control-Z drops what was not read yet
    await shell.press('C-z');
    const rows = await shell.shows(/Stopped[^]*shell\$/);
    assert.ok(!rows.some((row) => row.startsWith('ben>')), rows.join('\n')); // the shell has the bottom
    await shell.enter('stty -a | grep -o .icanon; fg');
    await shell.shows(/ icanon\n[^]*\nben> half a line$/);
    await shell.type(', and the rest');
    await shell.shows(/half a line, and the rest$/);
    await shell.press('C-u', 'C-d');
    await shell.shows(/shell\$$/);
    await shell.enter('stty -a | grep -oE ".(icanon|ixon|echo) " | paste -sd,');
    await shell.shows(/^ icanon , ixon , echo $|^ ixon , icanon , echo $|^ ixon .* icanon .* echo/m);
    await shell.close();
});
