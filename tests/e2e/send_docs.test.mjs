// SPDX-License-Identifier: MIT
//
// The screens of `send` and `receive` in docs/screens are what two people see: they are played here and compared. SCREENS=write makes
// the files anew. Codes, fingerprints, addresses, rates and times are put in the place of those of this run.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFile, readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import jsqr from 'jsqr';
import { root, startDaemon } from './lib/daemon.mjs';
import { scratch, usher } from './lib/peer.mjs';
import { Screen } from './lib/screen.mjs';

const HEAD = `As tmux(1) shows it, 80 columns wide: played by tests/e2e/send_docs.test.mjs, which fails when these screens are others.
To make them anew: SCREENS=write node --test tests/e2e/send_docs.test.mjs
`;
const CODE = 'maze-horror-permit-burst-bulb-cruel';
const FIGURES = {
    h: '[####----]  62%  248.0 MB of 400.0 MB  124.4 MB/s     0:01 left',
    t: '[####----]  62%  249.0 MB of 401.0 MB  124.4 MB/s     0:01 left',
};

let daemon;
before(async () => {
    daemon = await startDaemon();
});
after(() => daemon.stop());

// A shell in a folder of its own, in which `usher` has a name and an address.
async function shell(name, dir) {
    const command = `usher() { ${usher} --server ${daemon.url} --ice-address 127.0.0.1 --state ${await scratch()} "$@"; }; cd ${dir}; PS1='$ '`;
    const screen = await Screen.open(['env', 'ENV=', 'sh', '-i'], { rows: 64 });
    await screen.shows(/[$#] $|[$#]$/);
    await screen.enter(`${command}; clear`);
    await screen.shows((rows) => rows.length === 1 && rows[0] === '$');
    return screen;
}

const FINGERPRINTS = { ann: 'e4lc e6s2 ipw2 5rmc', ben: 'hocc q7oz 2f3p lr4l' };
const QR_ROW = /^[█▀▄ ]{29,}$/;
const harmless = (rows, code) => rows.filter((row, i) => !QR_ROW.test(row) || !QR_ROW.test(rows[i - 1]))
    .map((row) => (QR_ROW.test(row) ? '(a QR code of the address below)' : row)).join('\n')
    .replaceAll(new RegExp([...code].join('\\n?'), 'g'), CODE) // a terminal breaks its rows anywhere
    .replaceAll(/ws:\/\/127\.0\.0\.1:\d+\/ws/g, 'wss://rooms.example')
    .replaceAll(/http:\/\/127\.0\.0\.1:\d+\//g, 'https://rooms.example/')
    .replaceAll(/peer: (\w+), fingerprint [a-z2-7 ]+$/gm, (_, name) => `peer: ${name}, fingerprint ${FINGERPRINTS[name]}`)
    .replaceAll(/^((?:holiday film\.m… |total {11}))\[[#-]*\] .*$/gm, (_, name) => `${name}${FIGURES[name[0]]}`)
    .replaceAll(/in \d:\d\d(;|$)/gm, 'in 0:03$1')
    // The second is hashed while the first goes.
    .replaceAll(/^(ann offers holiday film\.mkv .*)\n((?:received|already there:) \.\/notes\.pdf .*)$/gm, '$2\n$1')
    .replaceAll(/^.{81,}$/gm, (row) => row.match(/.{1,80}/g).join('\n'));

// What stands on no screen for sure: stages that may be skipped when all is quick.
const steady = (text) => text.split('\n').filter((row) => !/^(checking candidates|connecting to the server|waiting for (a peer|ann|ben)|usher: \w+: retrying.*)$/.test(row)).join('\n');

const SCALE = 4; // pixels a module
const lit = (code, x, y) => ['█', Math.floor(y / SCALE) % 2 ? '▄' : '▀'].includes(code[Math.floor(y / SCALE / 2)][Math.floor(x / SCALE)]);

// What a camera would read of the first QR code among the rows: each character is two modules, white ones drawn.
function scanned(rows) {
    const code = rows.slice(rows.findIndex((row) => QR_ROW.test(row)));
    const height = code.findIndex((row) => !QR_ROW.test(row)) * 2 * SCALE;
    const width = code[0].length * SCALE;
    const pixels = new Uint8ClampedArray(width * height * 4);
    for (let y = 0; y < height; y++)
        for (let x = 0; x < width; x++) pixels.fill(lit(code, x, y) ? 255 : 0, (y * width + x) * 4, (y * width + x + 1) * 4);
    return jsqr(pixels, width, height).data;
}

test('the screens of send and receive in the documentation', async () => {
    const [from, to] = [await scratch(), await scratch()];
    await writeFile(path.join(from, 'notes.pdf'), randomBytes(1e6));
    await writeFile(path.join(from, 'holiday film.mkv'), randomBytes(400e6)); // is under way for long enough to be seen
    const ann = await shell('ann', from);
    const ben = await shell('ben', to);
    const shots = {};
    const shoot = (name, title, rows) => (shots[name] = `${HEAD}\n${title}\n${'-'.repeat(80)}\n${steady(harmless(rows, code))}\n${'-'.repeat(80)}\n`);
    await ann.enter("usher --name ann send notes.pdf 'holiday film.mkv'");
    const shown = (await ann.shows(/^in a browser: \S+$/m)).join('\n');
    const code = /^code: (.*)$/m.exec(shown)[1];
    const page = `${daemon.url.replace(/^ws/, 'http').replace(/ws$/, '')}#${code}`;
    assert.ok(shown.includes(`in a browser: ${page}`), shown);
    assert.equal(scanned(await ann.shows(/^in a browser/m)), page);
    await ben.enter(`usher --name ben receive ${code}`);
    const bars = (rows) => /^holiday film\.m… \[#+-+\].*left$/m.test(rows.join('\n')) && /^total .*left$/m.test(rows.join('\n'));
    const sending = await ann.shows((rows) => bars(rows) && /^sent notes/m.test(rows.join('\n')));
    await ann.press('C-c');
    shoot('send', 'A file was sent, the other is under way.', sending);
    await ann.shows(/^usher: paused[^]*\n\$$/m);
    await ann.enter("usher --name ann send notes.pdf 'holiday film.mkv'");
    const end = await ann.shows(/^done: 2 of 2 files[^]*\n\$$/m);
    shoot('send-resumed', 'Control-C, and the same command.', end.slice(end.findIndex((row) => row.startsWith('usher: paused'))));
    shoot('receive', 'Meanwhile on the other side: it waits, and what is there already does not come again.', await ben.shows(/^done: [^]*\n\$$/m));
    assert.deepEqual((await readdir(to)).sort(), ['holiday film.mkv', 'notes.pdf']);
    for (const [name, text] of Object.entries(shots)) {
        const file = path.join(root, `docs/screens/${name}.txt`);
        if (process.env.SCREENS === 'write') await writeFile(file, text);
        assert.equal(text, await readFile(file, 'utf8'), name);
    }
    await ann.close();
    await ben.close();
});
