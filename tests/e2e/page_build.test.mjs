// SPDX-License-Identifier: MIT
//
// The step that makes the folder which the daemon serves (web/pages/build.mjs).
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import fs from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { inFolder } from './lib/folder.mjs';
import { FAKE_PEER, PAGE_FOLDERS } from './lib/page.mjs';

const [PAGES, OTHERS] = PAGE_FOLDERS;
const run = promisify(execFile);
const build = (out, ...folders) => run(process.execPath, [path.join(PAGES, 'build.mjs'), out, ...folders], { env: { ...process.env, SOURCE_DATE_EPOCH: '1700000000' } });

async function contents(folder) {
    const names = (await fs.readdir(folder, { recursive: true })).sort();
    const files = await Promise.all(names.map(async (name) => [name, await fs.readFile(path.join(folder, name)).catch(() => null)]));
    return new Map(files.filter(([, bytes]) => bytes));
}

test('the same sources make the same bytes, and all that is said of another file is there', () => inFolder(async (folder) => {
    await build(path.join(folder, 'a'), ...PAGE_FOLDERS, FAKE_PEER);
    await build(path.join(folder, 'b'), ...PAGE_FOLDERS, FAKE_PEER);
    const [a, b] = [await contents(path.join(folder, 'a')), await contents(path.join(folder, 'b'))];
    assert.deepEqual([...a.keys()], [...b.keys()]);
    for (const [name, bytes] of a) assert.ok(bytes.equals(b.get(name)), name);
    for (const [name, bytes] of a) {
        if (name.startsWith('assets/') && !/\.(br|gz)$/.test(name)) assert.match(name, /^assets\/[\w.-]+\.[0-9a-f]{16}\.\w+$/);
        if (name.endsWith('.gz')) assert.ok(gunzipSync(bytes).equals(a.get(name.slice(0, -3))), name);
        if (name.endsWith('.br')) assert.ok(brotliDecompressSync(bytes).equals(a.get(name.slice(0, -3))), name);
        for (const [, other] of /\.(js|html)$/.test(name) ? bytes.toString().matchAll(/["'](?:\.\.?\/)?((?:assets\/)?[\w.]+\.[0-9a-f]{16}\.\w+)["']/g) : [])
            assert.ok(a.has(other.startsWith('assets/') ? other : `assets/${other}`), `${name} names ${other}`);
    }
    const { mtimeMs } = await fs.stat(path.join(folder, 'a/index.html'));
    assert.equal(mtimeMs, 1700000000000);
    await run(process.execPath, ['--check', path.join(folder, 'a/sw.js')]);
    const shell = JSON.parse(/SHELL = (\[.*?\]);/.exec(a.get('sw.js'))[1]);
    assert.ok(shell.includes('index.html') && shell.includes('room.html'));
    for (const name of shell) assert.ok(a.has(name), name);
}));

test('what changes gets another name, and so does what refers to it', () => inFolder(async (folder) => {
    const copy = path.join(folder, 'pages');
    await fs.cp(PAGES, copy, { recursive: true });
    const named = async (out) => new Map([...(await contents(out)).keys()].filter((name) => name.endsWith('.js') && name.startsWith('assets/')).map((name) => [name.split('.')[0], name]));
    await build(path.join(folder, 'a'), copy, OTHERS, FAKE_PEER);
    await fs.appendFile(path.join(copy, 'dom.js'), '\n// one line more\n');
    await build(path.join(folder, 'b'), copy, OTHERS, FAKE_PEER);
    const [a, b] = [await named(path.join(folder, 'a')), await named(path.join(folder, 'b'))];
    for (const name of ['assets/dom', 'assets/chat_view', 'assets/room_app', 'assets/front']) assert.notEqual(a.get(name), b.get(name), name);
    for (const name of ['assets/place', 'assets/code']) assert.equal(a.get(name), b.get(name), name);
}));

test('what cannot be is named', () => inFolder(async (folder) => {
    const at = (name) => path.join(folder, name);
    await fs.mkdir(at('x'));
    await fs.mkdir(at('y'));
    const fails = async (sentence) => assert.rejects(build(at('out'), at('x'), at('y')), ({ code, stderr }) => code === 1 && sentence.test(stderr) && !stderr.includes('    at '));
    await fs.writeFile(at('x/a.js'), "import './b.js';");
    await fails(/x\/a\.js refers to b\.js, which is in none of the folders/);
    await fs.writeFile(at('x/b.js'), "import './a.js';");
    await fails(/a\.js imports b\.js imports a\.js: .*break the circle/);
    await fs.writeFile(at('x/b.js'), '');
    await fs.writeFile(at('y/a.js'), '');
    await fails(/y\/a\.js and .*x\/a\.js have one name/);
}));
