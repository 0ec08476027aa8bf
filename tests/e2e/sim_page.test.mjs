// SPDX-License-Identifier: MIT
//
// The simulator as WebAssembly tells what the native one tells, line by line; and the page at /sim shows it.
import { after, test } from 'node:test';
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { emptyState, fold, History, movement } from '../../web/sim/history.js';
import { list, run } from '../../web/sim/run.js';
import { openChromium } from './lib/chromium.mjs';
import { root, startDaemon } from './lib/daemon.mjs';

const build = path.resolve(root, process.env.BUILD ?? 'build');
const page = path.join(build, 'sim-page');
const isLine = (line) => /^# +\d+\.\d{3} /.test(line);
const assets = await readdir(path.join(page, 'assets'));
const module = await WebAssembly.compile(await readFile(path.join(page, 'assets', assets.find((name) => name.endsWith('.wasm')))));

async function native(name, seed) {
    const { stdout } = await promisify(execFile)(path.join(build, 'tests/sim/sim'), ['--scenario', name, '--seed', seed, '--trace'], { maxBuffer: 1e9 });
    return stdout.split('\n').filter(isLine);
}

async function inWasm(name, seed) {
    const lines = [];
    assert.equal(await run(module, name, seed, (line) => lines.push(line)), undefined);
    return lines.filter(isLine);
}

for (const [name, seed] of [['server', 7], ['peers', 5], ['peers', 27], ['apart', 3], ['losses', 2], ['storms', 4], ['files', 9], ['two-meet', 1],
    ['partition-heals', 1], ['drain', 1], ['custody', 1]])
    test(`${name} ${seed}: one history, natively and in WebAssembly`, async () => {
        const [one, other] = await Promise.all([native(name, seed), inWasm(name, seed)]);
        const differs = one.findIndex((line, i) => line !== other[i]);
        assert.equal(differs, -1, `line ${differs}: ${one[differs]} and ${other[differs]}`);
        assert.equal(one.length, other.length);
        assert.ok(one.length > 20);
    });

test('all names are there, and one that is not is said', async () => {
    const names = (await list(module)).map(({ name }) => name);
    assert.ok(names.length > 60 && names.includes('peers') && names.includes('two-meet') && !names.includes('short-memory'));
    assert.equal(await run(module, 'nothing', 1, () => {}), 'there is no nothing');
    assert.equal(await run(module, 'n'.repeat(500), 1, () => {}), `there is no ${'n'.repeat(500)}`);
    const lines = [];
    assert.match(await run(module, 'peers', 50, (line) => lines.push(line)), /an invariant was violated|natively/);
    assert.match(lines.at(-1), /natively only/);
});

test('a trace as a picture: who is there, linked, cut off, and what moves', async () => {
    const history = new History(await inWasm('partition-heals', 1));
    const end = history.state(history.lines.length);
    assert.equal(Object.keys(end.peers).length, 4);
    assert.ok(Object.values(end.peers).every(({ up, state }) => up.length === 3 && state === 'p2p-connected'));
    const cut = history.lines.findIndex(({ text }) => / moves to island /.test(text));
    assert.equal(Object.keys(history.state(cut + 1).islands).length, 1);
    const step = emptyState();
    history.lines.slice(0, 700).forEach((line) => fold(step, line));
    assert.deepEqual(history.state(700), step, 'from a kept state on it is the same as from the start');
    const said = history.lines.findIndex(({ text }) => /^peer \d+: message /.test(text));
    const moved = movement(history.state(said), history.lines[said].text);
    assert.ok(moved.kind === 'message' && moved.from !== undefined && moved.from !== moved.to, JSON.stringify(moved));
    assert.equal(history.until(-1), 0);
    assert.equal(history.until(1e12), history.lines.length);
});

test('/sim is served where server.sim_root says so, and nowhere else', async () => {
    const daemon = await startDaemon({ args: ['--set', `server.web_root=${page}`] });
    after(() => daemon.stop());
    assert.equal((await fetch(`${daemon.http}/sim`)).status, 404);
    assert.equal((await fetch(`${daemon.http}/sim/`)).status, 404);
});

test('/sim replays the run that its address names', async () => {
    const daemon = await startDaemon({ args: ['--set', `server.sim_root=${page}`] });
    const { browser, close } = await openChromium();
    after(() => Promise.all([daemon.stop(), close()]));
    const tab = await browser.newPage();
    const faults = [];
    tab.on('console', (message) => message.type() === 'error' && faults.push(message.text()));
    tab.on('pageerror', (error) => faults.push(error.message));
    await tab.goto(`${daemon.http}/sim#name=partition-heals&seed=1&at=5`);
    await tab.locator('#result.good').waitFor({ timeout: 30000 });
    const [, now] = /^([\d.]+) s, line \d+ of \d+$/.exec(await tab.textContent('#time'));
    assert.ok(now > 1.1 && now <= 5, now);
    assert.equal(await tab.locator('#picture .peer').count(), 4);
    await tab.locator('#slider').fill('1');
    assert.equal(await tab.locator('#picture .link').count(), 0);
    await tab.selectOption('#speed', '30');
    await tab.click('#play');
    await tab.locator('#picture .link').first().waitFor({ timeout: 15000 });
    await tab.selectOption('#name', 'two-meet');
    await tab.click('button >> text=Run');
    await tab.locator('#picture .peer').nth(1).waitFor({ timeout: 15000 });
    assert.match(tab.url(), /#name=two-meet&seed=1/);
    assert.deepEqual(faults, []);
});
