// SPDX-License-Identifier: MIT
//
// Files in `usher chat`, in a terminal emulator: offers with numbers, a bar that leaves the typed line alone, where it is at last.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import fs from 'node:fs/promises';
import path from 'node:path';
import { startDaemon } from './lib/daemon.mjs';
import { joinPeer, scratch, usher } from './lib/peer.mjs';
import { Screen } from './lib/screen.mjs';

let daemon;
let rooms = 0;

before(async () => {
    daemon = await startDaemon();
});
after(() => daemon.stop());

const newRoom = () => `chat-files-${++rooms}`;
const join = (room, name) => joinPeer({ server: daemon.url, room, name });
// In a folder of its own, where files go, and are looked for.
async function chat(room, name, dir) {
    const command = [usher, '--server', daemon.url, '--state', await scratch(), '--ice-address', '127.0.0.1', '--name', name, 'chat', room];
    return Screen.open(['sh', '-c', 'cd "$1" && shift && exec "$@"', 'sh', dir, ...command]);
}

test('/send to one person: Tab finds the file, the bar stands above what is typed, and its end is told on both sides', async () => {
    const room = newRoom();
    const [from, to] = [await scratch(), await scratch()];
    const content = randomBytes(400e6); // is under way for long enough to be seen
    await fs.writeFile(path.join(from, 'my holiday.jpg'), content);
    const ann = await chat(room, 'ann', from);
    const ben = await chat(room, 'ben', to);
    await ann.shows(/<ben> is here/);
    await ben.shows(/<ann> is here/);
    await ann.type('/send my');
    await ann.press('Tab');
    await ann.shows(/^ann> \/send my\\ holiday\.jpg/m);
    await ann.type('b');
    await ann.press('Tab');
    await ann.shows(/holiday\.jpg ben/);
    await ann.press('Enter');
    await ann.shows(/^\* File 1: my holiday\.jpg is offered to <ben>\.$/m);
    await ben.shows(/^\* <ann> offers my holiday\.jpg \(400\.0 MB\): \/accept 1 or \/decline 1$/m);
    await ben.enter('/accept');
    await ben.type('while it comes');
    for (const [screen, line] of [[ann, 'ann>'], [ben, 'ben> while it comes']]) {
        const rows = await screen.shows((now) => now.some((row) => /^1: my h.* \[#+-+\] +\d+% .* MB of 400\.0 MB/.test(row)) && now.at(-1) === line);
        assert.ok(rows.find((row) => row.startsWith('1: ')).length < 80);
        assert.equal(rows.filter((row) => row === line).length, 1);
    }
    await ben.type(', I type');
    await ben.shows(/^\* File 1: done, hash ok: .*my holiday\.jpg \(400\.0 MB\)$/m);
    const rows = await ben.shows(/ben> while it comes, I type$/);
    assert.ok(!rows.some((row) => row.startsWith('1: ')), 'the bar is gone');
    await ann.shows(/^\* File 1: done, hash ok: <ben> has my holiday\.jpg \(400\.0 MB\)\.$/m);
    const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');
    assert.equal(sha256(await fs.readFile(path.join(to, 'my holiday.jpg'))), sha256(content));
    await ann.close();
    await ben.close();
});

test('offers have numbers, are accepted, declined, cancelled, and listed', async () => {
    const room = newRoom();
    const [from, to] = [await scratch(), await scratch()];
    const names = ['one.txt', 'two.txt', 'three \u001b[2J.txt'];
    for (const name of names) await fs.writeFile(path.join(from, name), name);
    const ann = await join(room, 'ann');
    const ben = await chat(room, 'ben', to);
    await ben.shows(/<ann> is here/);
    for (const [i, name] of names.entries()) {
        ann.do({ do: 'send-file', path: path.join(from, name) });
        await ben.shows(new RegExp(`offers ${name.slice(0, 3)}.*/accept ${i + 1} `));
    }
    const ids = [];
    for (let i = 0; i < 3; i++) ids.push((await ann.event('accepted')).id);
    await ben.enter('/accept');
    await ben.shows(/^! There are several: \/accept N, with its number/m);
    await ben.enter('/accept two');
    await ben.shows(/^! \/accept wants the number of a file/m);
    await ben.enter('/accept 2');
    await ben.shows(/^\* File 2: done, hash ok: .*two\.txt \(7 B\)$/m);
    await ben.enter('/decline 1');
    await ben.shows(/^\* File 1: one\.txt is declined\.$/m);
    assert.equal((await ann.event('file-failed')).fileId, ids[0]);
    await ben.press('C-l');
    await ben.enter('/files');
    const rows = await ben.shows(/File 3[^]*ben>$/);
    assert.deepEqual(rows.slice(1, 4), ['* File 1, from <ann>: one.txt (7 B), ended', '* File 2, from <ann>: two.txt (7 B), done',
        '* File 3, from <ann>: three _[2J.txt (14 B), offered']);
    ann.do({ do: 'decline', fileId: ids[2] });
    await ben.shows(/^! File 3: three _\[2J\.txt: its sender has ended the offer\.$/m);
    await ben.enter('/accept');
    await ben.shows(/^! No such file is offered to you; \/files lists them\.$/m);
    assert.deepEqual(await fs.readdir(to), ['two.txt']);
    await ben.close();
    await ann.stop();
});

test('what /send cannot do is said; to everybody, and cancelled', async () => {
    const room = newRoom();
    const from = await scratch();
    await fs.writeFile(path.join(from, 'my notes.txt'), 'notes');
    const ben = await chat(room, 'ben', from);
    const ann = await join(room, 'ann');
    await ben.shows(/<ann> is here/);
    for (const [typed, says] of [
        ['/send', /^! \/send wants a file, and may have a name: \/send FILE NAME$/m],
        ['/send nothing.txt', /^! nothing\.txt cannot be read: No such file or directory\.$/m],
        ["/send 'my notes.txt' cay", /^! Nobody here has the name cay;/m],
    ]) {
        await ben.enter(typed);
        await ben.shows(says);
    }
    await ben.enter('/send my notes.txt');
    await ben.shows(/^\* File \d: my notes\.txt is offered to everybody\.$/m);
    const { fileId } = await ann.event('file-offer', { name: 'my notes.txt' });
    ann.do({ do: 'accept', fileId, dir: await scratch() });
    await ann.event('file-complete', { fileId });
    await ben.shows(/^\* File \d: done, hash ok: <ann> has my notes\.txt \(5 B\)\.$/m);
    await ben.enter('/cancel');
    await ben.shows(/^\* File \d: my notes\.txt is cancelled\.$/m);
    await ben.close();
    await ann.stop();
});
