// SPDX-License-Identifier: MIT
//
// The page as people have it: the browser's own peer, a real daemon, and `usher` at the other end. $SCREENSHOTS names a folder for pictures of it.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import fs from 'node:fs/promises';
import path from 'node:path';
import { openChromium, LOOPBACK } from './lib/chromium.mjs';
import { accessibilityProblems, openPage, shot, startWithPage, until } from './lib/page.mjs';
import { joinPeer, Peer, scratch, spawnUsher } from './lib/peer.mjs';
import { built } from './lib/web.mjs';

const MIB = 1024 * 1024;
const LONG = 60000;

let site, chromium;
before(async () => ([site, chromium] = await Promise.all([startWithPage(built), openChromium(LOOPBACK)])));
after(async () => {
    await chromium?.close();
    await site?.stop();
});

const named = (name) => `localStorage.setItem('usher.name', ${JSON.stringify(name)})`;
const openRoom = async (room, options = {}) => {
    const page = await openPage(chromium.browser, `${site.daemon.http}/room/${room}`, { init: named('Mira'), ...options });
    await page.getByRole('textbox', { name: 'Message' }).waitFor();
    return page;
};
const meets = (page, name) => until(page, (wanted) => [...(window.usherSession?.people.values() ?? [])].find((one) => one.name === wanted && one.up && one.verified)?.id, name, LONG);
const say = async (page, text) => {
    await page.getByRole('textbox', { name: 'Message' }).fill(text);
    await page.keyboard.press('Enter');
};
const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');

test('page and usher pipe talk, with marks; history is there after a reload', async () => {
    const jonas = await joinPeer({ server: site.daemon.url, room: 'tea', name: 'Jonas' });
    const page = await openRoom('tea');
    await meets(page, 'Jonas');
    await page.bringToFront();
    await say(page, 'good morning');
    const heard = await jonas.event('message', { text: 'good morning' });
    await until(page, () => document.querySelector('.own .mark .hidden')?.textContent === 'Delivered');
    jonas.do({ do: 'read', id: heard.id });
    await until(page, () => document.querySelector('.own .mark .hidden')?.textContent === 'Read');
    jonas.do({ do: 'send', text: 'and to you', ref: 'r1' });
    const { id } = await jonas.event('accepted', { ref: 'r1' });
    await page.locator('.line:not(.own) .text', { hasText: 'and to you' }).waitFor();
    await jonas.event('read', { id });
    jonas.do({ do: 'typing' });
    await page.getByText('Jonas is writing').waitFor();
    await page.locator('.person', { hasText: 'Jonas' }).getByText(/direct · \d+ ms/).waitFor();
    assert.deepEqual(await accessibilityProblems(page), []);
    await page.reload();
    await page.locator('.text', { hasText: 'good morning' }).waitFor();
    await page.locator('.text', { hasText: 'and to you' }).waitFor();
    assert.deepEqual(page.problems, []);
    await page.close();
    await jonas.stop();
});

test('a file that the page receives goes on after a reload, and its hash agrees', async () => {
    const content = randomBytes(50 * MIB);
    const file = path.join(await scratch(), 'large.bin');
    await fs.writeFile(file, content);
    const jonas = await joinPeer({ server: site.daemon.url, room: 'files', name: 'Jonas' });
    const page = await openRoom('files');
    await meets(page, 'Jonas');
    jonas.do({ do: 'send-file', path: file });
    const row = page.locator('.file', { hasText: 'large.bin' });
    await row.getByRole('button', { name: 'Receive' }).click();
    await until(page, () => Number(document.querySelector('.file progress')?.value) > 0.15, undefined, LONG);
    await shot(page, 'file-progress');
    await page.reload();
    await page.locator('.file').getByRole('link', { name: 'Save' }).waitFor({ timeout: LONG });
    const saved = page.waitForEvent('download');
    await page.locator('.file').getByRole('link', { name: 'Save' }).click();
    assert.equal(sha256(await fs.readFile(await (await saved).path())), sha256(content));
    await page.close();
    await jonas.stop();
});

test('a file that the page sends goes on after a reload, and its hash agrees', async () => {
    const content = randomBytes(30 * MIB);
    const folder = await scratch();
    const file = path.join(folder, 'mine.bin');
    await fs.writeFile(file, content);
    const jonas = await joinPeer({ server: site.daemon.url, room: 'sent', name: 'Jonas' });
    const page = await openRoom('sent');
    await meets(page, 'Jonas');
    await page.locator('input[type=file]').setInputFiles(file);
    const { fileId } = await jonas.event('file-offer', { name: 'mine.bin' }, LONG);
    await fs.mkdir(path.join(folder, 'in'));
    jonas.do({ do: 'accept', fileId, dir: path.join(folder, 'in') });
    await until(page, () => Number(document.querySelector('.file progress')?.value) > 0.1, undefined, LONG);
    await page.reload();
    const done = await jonas.event('file-complete', { fileId }, LONG);
    assert.equal(sha256(await fs.readFile(done.path)), sha256(content));
    await page.getByText('Received by Jonas').waitFor();
    await page.close();
    await jonas.stop();
});

test('a code of usher send brings the file to the front page', async () => {
    const content = randomBytes(3 * MIB);
    const file = path.join(await scratch(), 'by code.bin');
    await fs.writeFile(file, content);
    const state = await scratch();
    const sender = new Peer(spawnUsher(['--server', site.daemon.url, '--ice-address', '127.0.0.1', '--state', state, '--name', 'ann', 'send', file, '--json']), state);
    const { code } = await sender.event('code');
    const page = await openPage(chromium.browser, `${site.daemon.http}/#${code.replaceAll(' ', '-')}`, { init: named('Mira') });
    await page.locator('.file', { hasText: 'by code.bin' }).getByRole('button', { name: 'Receive' }).click({ timeout: LONG });
    await page.locator('.file').getByRole('link', { name: 'Save' }).waitFor({ timeout: LONG });
    assert.equal(page.url(), `${site.daemon.http}/`);
    const saved = page.waitForEvent('download');
    await page.locator('.file').getByRole('link', { name: 'Save' }).click();
    assert.equal(sha256(await fs.readFile(await (await saved).path())), sha256(content));
    await shot(page, 'by-code');
    await page.close();
    await sender.stop?.();
});

test('a wrong code is named; a second tab offers to take over, and does', async () => {
    const wrong = await openPage(chromium.browser, `${site.daemon.http}/#apple-river-stone-cloud-tiger-zzzzz`, { init: named('Mira') });
    await wrong.getByText('That code cannot be used').waitFor();
    await wrong.close();
    const first = await openRoom('tabs');
    const second = await openPage(chromium.browser, `${site.daemon.http}/room/tabs`, { init: named('Mira') });
    await second.getByText('This room is open in another tab').waitFor();
    await second.getByRole('button', { name: 'Go on here' }).click();
    await second.getByRole('textbox', { name: 'Message' }).waitFor();
    await first.getByText('This room goes on in another tab').waitFor();
    await Promise.all([first.close(), second.close()]);
});

test('a room with a password asks for it, and says when it is wrong', async () => {
    await fetch(`${site.daemon.http}/api/rooms`, { method: 'POST', body: '{"name":"locked","password":"sesame"}' });
    const page = await openPage(chromium.browser, `${site.daemon.http}/room/locked`, { init: named('Mira') });
    await page.getByLabel('Password').fill('wrong');
    await page.keyboard.press('Enter');
    await page.getByText('That is not the password').waitFor();
    await page.getByLabel('Password').fill('sesame');
    await page.keyboard.press('Enter');
    await page.getByText('Nobody else is here').waitFor();
    await shot(page, 'alone');
    assert.deepEqual(await accessibilityProblems(page), []);
    await page.close();
});

test('without a server the page opens, says so, and shows what was said', async () => {
    const own = await startWithPage(built);
    const page = await openPage(chromium.browser, `${own.daemon.http}/room/kept`, { init: named('Mira') });
    await page.getByText('Nobody else is here').waitFor();
    await say(page, 'said before');
    await until(page, () => document.querySelector('.own .mark .hidden')?.textContent === 'Stored here, on its way');
    await page.evaluate(() => navigator.serviceWorker.ready.then(() => true));
    await own.daemon.stop();
    await page.reload();
    await page.locator('.text', { hasText: 'said before' }).waitFor();
    await page.getByText('Server away').or(page.getByText('Connecting')).first().waitFor();
    await say(page, 'said without a network');
    await until(page, () => [...document.querySelectorAll('.own .mark .hidden')].at(-1)?.textContent === 'Stored here, on its way');
    await shot(page, 'offline');
    await page.close();
    await fs.rm(own.folder, { recursive: true });
});
