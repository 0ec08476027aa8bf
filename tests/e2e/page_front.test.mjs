// SPDX-License-Identifier: MIT
//
// The front page in Chromium: opening, listing and closing rooms, and the ways to join. $SCREENSHOTS names a folder for pictures of it.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { openChromium, LOOPBACK } from './lib/chromium.mjs';
import { accessibilityProblems, FAKE_PEER, openPage, shot, startWithPage, until } from './lib/page.mjs';

let site, chromium;
before(async () => ([site, chromium] = await Promise.all([startWithPage(FAKE_PEER), openChromium(LOOPBACK)])));
after(async () => {
    await chromium?.close();
    await site?.stop();
});

const front = (options) => openPage(chromium.browser, `${site.daemon.http}/`, options);
const CODE = 'apple-river-stone-cloud-tiger-lamp';

test('a room with a password is opened, listed, and closed by who opened it', async () => {
    const page = await front();
    await page.getByLabel('Your name').fill('Mira');
    await page.getByLabel('Name', { exact: true }).fill('tea-time');
    await page.getByLabel('Password').fill('secret');
    await page.getByLabel('Show it in the list of rooms').check();
    await page.getByRole('button', { name: 'Open room' }).click();
    await page.waitForURL('**/room/tea-time');
    await until(page, () => window.fake?.name === 'Mira');
    assert.equal(await page.evaluate(() => sessionStorage['usher.password.tea-time']), 'secret');
    assert.equal((await (await fetch(`${site.daemon.http}/api/rooms/tea-time`)).json()).locked, true);
    await page.close();

    const again = await front();
    await again.getByRole('link', { name: 'tea-time' }).waitFor();
    await shot(again, 'front');
    assert.deepEqual(await accessibilityProblems(again), []);
    assert.ok(await again.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
    again.on('dialog', (dialog) => dialog.accept());
    await again.getByRole('button', { name: 'Close the room tea-time' }).click();
    await again.getByText('No room is listed now').waitFor();
    assert.equal((await fetch(`${site.daemon.http}/api/rooms/tea-time`)).status, 404);
    assert.deepEqual(again.problems, []);
    await again.close();
});

test('a name that is taken, and one that is none, are said', async () => {
    await fetch(`${site.daemon.http}/api/rooms`, { method: 'POST', body: '{"name":"taken"}' });
    const page = await front({ size: { width: 360, height: 740 }, colorScheme: 'dark' });
    const name = page.getByLabel('Name', { exact: true });
    const open = page.getByRole('button', { name: 'Open room' });
    await name.fill('taken');
    await open.click();
    await page.getByRole('alert').filter({ hasText: 'There is a room of this name already' }).waitFor();
    await name.fill('no spaces');
    await open.click();
    await page.getByRole('alert').filter({ hasText: 'A name may have letters' }).waitFor();
    await shot(page, 'front-phone-dark');
    assert.deepEqual(await accessibilityProblems(page), []);
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
    assert.deepEqual(page.problems.filter((text) => !text.includes('409')), []); // a browser calls each refusal an error
    await page.close();
});

test('the list follows what others open, and says when the server is away', async () => {
    const page = await front();
    await page.getByText('No room is listed now').waitFor();
    await fetch(`${site.daemon.http}/api/rooms`, { method: 'POST', body: '{"name":"later","listed":true}' });
    await page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')));
    await page.getByRole('link', { name: 'later' }).waitFor();
    assert.equal(await page.getByRole('button', { name: /Close the room/ }).count(), 0); // not this browser's
    await page.route('**/api/rooms', (route) => route.abort());
    await page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')));
    await page.getByText('the server does not answer').waitFor();
    await page.close();
});

test('one joins by a name or by a code, with the keyboard alone', async () => {
    const page = await front();
    const field = page.getByLabel('Room, or a code of six words');
    for (const [typed, said] of [['two words', 'A code has six words; these are 2.'], ['what is this ?!', 'That is no room’s name'], ['a/b', 'That is no room’s name']]) {
        await field.fill(typed);
        await page.keyboard.press('Enter');
        await page.getByRole('alert').filter({ hasText: said }).waitFor();
    }
    await page.getByLabel('Your name').fill('Mira');
    await field.fill('tea');
    await page.keyboard.press('Enter');
    await page.waitForURL('**/room/tea');
    await page.goto(`${site.daemon.http}/`);
    await page.getByLabel('Room, or a code of six words').fill(` ${CODE.replaceAll('-', ' ').toUpperCase()} `);
    await page.keyboard.press('Enter');
    assert.equal(await until(page, () => window.fake?.room), CODE);
    await page.close();
});

test('a code in the fragment leaves the address bar, and no request has it', async () => {
    const asked = [];
    const page = await chromium.browser.newPage();
    page.on('request', (request) => asked.push(request.url() + (request.postData() ?? '') + JSON.stringify(request.headers())));
    await page.addInitScript(() => localStorage.setItem('usher.name', 'Mira'));
    await page.goto(`${site.daemon.http}/#${CODE}`);
    assert.equal(await until(page, () => window.fake?.room), CODE);
    assert.equal(page.url(), `${site.daemon.http}/`);
    await page.reload();
    assert.equal(await until(page, () => window.fake?.room), CODE, 'it goes on after a reload');
    assert.ok(!asked.some((text) => text.replace(/^http[^ ]*#/, '').includes('river')), asked.find((text) => text.includes('river')));
    await page.close();
});
