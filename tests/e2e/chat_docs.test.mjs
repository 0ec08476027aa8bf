// SPDX-License-Identifier: MIT
//
// The screens of docs/screens/chat.txt are what a person sees: they are played here and compared. SCREENS=write makes the file
// anew. Ids, times of day and round trips are put in the place of those of this run.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { root, startDaemon } from './lib/daemon.mjs';
import { joinPeer, scratch, usher } from './lib/peer.mjs';
import { Screen } from './lib/screen.mjs';

const FILE = path.join(root, 'docs/screens/chat.txt');
const HEAD = `usher chat, as tmux(1) shows it: captured by tests/e2e/chat_docs.test.mjs, which fails when these screens are others.
To make them anew: SCREENS=write node --test tests/e2e/chat_docs.test.mjs
`;
const IDS = ['p7jytgtzts2tpexfitaozbknwy', '2byriko2suofu5f7lw4zy4ui4q', 'k3f9xz2a7rjm4yqlw6dnhcvbt4'];

const BAR = '1: bread.jpg     [###-----]  42%  168.0 MB of 400.0 MB  124.1 MB/s     0:01 left';

let daemon;
before(async () => {
    daemon = await startDaemon();
});
after(() => daemon.stop());

const chat = async (name, columns = 80) => Screen.open(['sh', '-c', 'cd "$1" && shift && exec "$@"', 'sh', await scratch(), usher,
    '--server', daemon.url, '--state', await scratch(), '--ice-address', '127.0.0.1', '--name', name, 'chat', 'kitchen'], { columns });

test('the screens in the documentation', async () => {
    const known = [];
    const harmless = (row) => row.replace(/\b[a-z2-7]{26}\b/g, (id) => {
        if (!known.includes(id)) known.push(id);
        return IDS[known.indexOf(id)];
    }).replace(/direct link( +\d+ ms)?$/, `direct link${' '.repeat(16)}1 ms`).replace(/\d{4}-\d\d-\d\d \d\d:\d\d/, '2026-11-30 18:42')
        .replace(/^1: bread\.jpg +\[#.* left$/, BAR).replace(/\/tmp\/usher-e2e-\w+/, '/home/ann').trimEnd();
    const shots = [];
    const shoot = async (title, screen, until) => {
        const columns = screen === ben ? benColumns : 80;
        const rows = (await screen.shows(until)).map(harmless);
        shots.push(`\n${title}\n${'-'.repeat(columns)}\n${rows.join('\n')}\n${'-'.repeat(columns)}\n`);
    };

    const cay = await joinPeer({ server: daemon.url, room: 'kitchen', name: 'cay' });
    const ann = await chat('ann');
    await ann.shows(/<cay> is here/);
    const { id: annId } = await cay.event('peer', { name: 'ann', state: 'up' });
    const ben = await chat('ben');
    let benColumns = 80;
    await ann.shows(/<ben> is here/);
    for (const name of ['ann', 'cay']) await ben.shows(new RegExp(`<${name}> is here \\(direct link\\)`));
    await cay.event('peer', { name: 'ben', state: 'up', path: 'direct' });
    await ben.press('C-l');
    await ben.shows((rows) => rows.length === 1);

    await ann.enter('good evening! who brings the bread tomorrow, and at what time do we meet? I would say at seven, when the market opens');
    const { id } = await cay.event('message', {});
    await ben.shows(/<ann> good evening/);
    await ben.type('I can bring it, if somebody else takes care of the cheese and of the 田中 sauce');
    await shoot('The row above the prompt: how the last message fares, and who is typing.', ann,
        /^last message: delivered to all, read by 1 of 2 · typing: <ben>\nann>$/m);
    cay.do({ do: 'read', id });
    cay.do({ do: 'send', text: 'seven is fine with me' });
    await ann.shows(/read by all/);
    await ben.shows(/<cay> seven/);
    await shoot('A message comes while a line is typed: the line stays. 80 columns.', ben, /<cay> seven[^]*sauce$/);
    await ben.resize(40, 24);
    benColumns = 40;
    cay.do({ do: 'send', text: 'and I bring the cheese, the one with the holes' });
    await shoot('The window became 40 columns wide, and the next message is wrapped for it.', ben,
        (rows) => /the cheese, the one\n {4}with the holes\nben> [^]*sauce$/.test(rows.join('\n')) && rows.every((row) => row.length <= 40));
    await ben.press('Enter');
    await ann.shows(/<ben> I can[^]*last message: read by all\nann>$/);
    await ann.press('C-l');
    await ann.enter('/pers');
    await ann.enter('/help');
    await ann.enter('/peers');
    await ann.enter('/sent');
    await ann.enter('/history 3');
    await shoot('Commands.', ann, /\(\d{4}.*<ben> I can[^]*\nlast message: read by all\nann>$/);

    await ann.press('C-l');
    const file = path.join(await scratch(), 'bread.jpg');
    await writeFile(file, randomBytes(400e6)); // is under way for long enough to be seen
    cay.do({ do: 'send-file', path: file, to: [annId] });
    await ann.shows(/offers bread\.jpg/);
    await ann.enter('/accept');
    await ann.type('what a nice loaf');
    await shoot('A file comes, while a line is typed.', ann, (rows) => rows.some((row) => /^1: bread.*\[#+-+\].* left$/.test(row)) && /loaf$/.test(rows.at(-1)));
    await ann.press('Enter');
    await ann.shows(/hash ok/);
    await ann.enter('/files');
    await shoot('It is there.', ann, /, done\nlast message: delivered to all, read by 1 of 2\nann>$/);

    const text = HEAD + shots.join('');
    if (process.env.SCREENS === 'write') await writeFile(FILE, text);
    assert.equal(text, await readFile(FILE, 'utf8'));
    await ann.close();
    await ben.close();
    await cay.stop();
});
