// SPDX-License-Identifier: MIT
//
// Calls between real pages: Chromium's made-up cameras, the browser's own peer, a real daemon. Pictures are compared by their pixels. $SCREENSHOTS names a folder for pictures of it.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import { openChromium, LOOPBACK } from './lib/chromium.mjs';
import { accessibilityProblems, openPage, shot, startWithPage, until } from './lib/page.mjs';
import { built } from './lib/web.mjs';

const FAKE = ['--use-fake-ui-for-media-stream', '--use-fake-device-for-media-stream'];

let site;
before(async () => (site = await startWithPage(built)));
after(async () => await site?.stop());

// A person with a browser of his own.
async function person(name, room, { args = FAKE, init = `localStorage.setItem('usher.name', '${name}')`, ...options } = {}) {
    const chromium = await openChromium([...LOOPBACK, ...args]);
    const page = await openPage(chromium.browser, `${site.daemon.http}/room/${room}`, { init, ...options });
    await page.getByRole('textbox', { name: 'Message' }).waitFor();
    return { name, page, close: () => chromium.close() };
}

const meets = ({ page }, other) => until(page, (name) => [...(window.usherSession?.people.values() ?? [])].some((one) => one.name === name && one.up && one.verified), other.name, 30000);

async function call({ page }) {
    await page.getByRole('button', { name: /^(Call|Join the call)$/ }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Join the call' }).click();
}

// Whether this tile shows pictures that are not black and that move; all its data is compared a moment later.
const moves = ({ page }, label) => until(page, async (name) => {
    const video = [...document.querySelectorAll('.tile video')].find((one) => one.getAttribute('aria-label') === name);
    if (!video?.videoWidth || getComputedStyle(video).visibility !== 'visible') return false;
    const take = () => {
        const canvas = document.createElement('canvas');
        [canvas.width, canvas.height] = [64, 36];
        const paint = canvas.getContext('2d', { willReadFrequently: true });
        paint.drawImage(video, 0, 0, 64, 36);
        return paint.getImageData(0, 0, 64, 36).data;
    };
    const first = take();
    await new Promise((resolve) => setTimeout(resolve, 400));
    const second = take();
    let [light, moved] = [0, 0];
    for (let i = 0; i < first.length; i += 4) {
        if (first[i] + first[i + 1] + first[i + 2] > 90) light++;
        if (Math.abs(first[i] - second[i]) + Math.abs(first[i + 1] - second[i + 1]) + Math.abs(first[i + 2] - second[i + 2]) > 60) moved++;
    }
    return light > 500 && moved > 2 && { light, moved };
}, label, 30000);

test('two people see each other move, mute, share a screen, and hang up; a third joins', async () => {
    const [mira, jonas] = [await person('Mira', 'talk'), await person('Jonas', 'talk')];
    await Promise.all([meets(mira, jonas), meets(jonas, mira)]);
    await mira.page.getByRole('button', { name: 'Call', exact: true }).click();
    await mira.page.getByText('Nobody sees or hears you yet').waitFor();
    await until(mira.page, () => document.querySelector('dialog video').videoWidth > 0);
    await shot(mira.page, 'call-before');
    assert.deepEqual(await accessibilityProblems(mira.page), []);
    await mira.page.getByRole('dialog').getByRole('button', { name: 'Join the call' }).click();
    await jonas.page.getByRole('button', { name: 'Join the call' }).waitFor();
    await call(jonas);
    await Promise.all([moves(mira, 'Jonas'), moves(jonas, 'Mira')]);
    await shot(mira.page, 'call-2');
    assert.deepEqual(await accessibilityProblems(mira.page), []);

    await mira.page.getByRole('button', { name: 'Mute', exact: true }).click();
    await jonas.page.locator('.tile', { hasText: 'Mira' }).getByText('muted').waitFor();
    await mira.page.getByRole('button', { name: 'Unmute' }).click();
    await mira.page.getByRole('button', { name: 'Camera off' }).click();
    await until(jonas.page, () => ![...document.querySelectorAll('.tile')].find((one) => one.textContent.includes('Mira')).classList.contains('with-picture'));
    await mira.page.getByRole('button', { name: 'Camera on' }).click();
    await moves(jonas, 'Mira');

    await jonas.page.getByRole('button', { name: 'Share screen' }).click();
    await until(mira.page, () => [...document.querySelectorAll('.tile.screen video')].some((video) => video.videoWidth > 0), undefined, 30000);
    await shot(mira.page, 'call-screen');
    await jonas.page.getByRole('button', { name: 'Stop sharing' }).click();
    await until(mira.page, () => document.querySelectorAll('.tile.screen').length === 0);

    await mira.page.getByRole('button', { name: 'Quality of Jonas' }).click();
    await until(mira.page, () => /\d ms/.test(document.querySelector('dialog .stats').textContent) && /host/.test(document.querySelector('dialog .stats').textContent));
    await shot(mira.page, 'call-stats');
    await mira.page.keyboard.press('Escape');

    const ana = await person('Ana', 'talk', { size: { width: 390, height: 780 }, colorScheme: 'dark' });
    await Promise.all([meets(ana, mira), meets(ana, jonas)]);
    await call(ana);
    await Promise.all([moves(ana, 'Mira'), moves(ana, 'Jonas'), moves(mira, 'Ana'), moves(jonas, 'Ana')]);
    await shot(mira.page, 'call-3');
    await shot(ana.page, 'call-phone');
    assert.deepEqual(await accessibilityProblems(ana.page), []);
    assert.equal(await mira.page.evaluate(() => document.querySelector('.grid').dataset.count), '3');

    await ana.close(); // as if it crashed
    await until(mira.page, () => document.querySelector('.grid').dataset.count === '2', undefined, 60000);
    await jonas.page.getByRole('button', { name: 'Leave the call' }).click();
    await until(mira.page, () => document.querySelector('.grid').dataset.count === '1');
    assert.deepEqual([...mira.page.problems, ...jonas.page.problems], []);
    await Promise.all([mira.close(), jonas.close()]);
});

test('who is refused camera and microphone hears why, and can watch', async () => {
    const [mira, jonas] = [await person('Mira', 'watch', { args: ['--use-fake-device-for-media-stream', '--deny-permission-prompts'] }), await person('Jonas', 'watch')];
    await Promise.all([meets(mira, jonas), meets(jonas, mira)]);
    await call(jonas);
    await mira.page.getByRole('button', { name: 'Join the call' }).click();
    await mira.page.getByRole('alert').filter({ hasText: 'The browser refuses the camera and microphone' }).waitFor();
    await shot(mira.page, 'call-refused');
    assert.deepEqual(await accessibilityProblems(mira.page), []);
    await mira.page.getByRole('dialog').getByRole('button', { name: 'Join the call' }).click();
    await moves(mira, 'Jonas'); // who has nothing to send is sent to, whoever of both makes the offer
    await until(jonas.page, () => document.querySelector('.grid').dataset.count === '2');
    await mira.page.getByRole('button', { name: 'Camera on' }).click();
    await mira.page.getByText('The camera is refused to this page').waitFor();
    await Promise.all([mira.close(), jonas.close()]);
});

test('a recording is told to everybody and is a film; pictures come back when the network has changed', async () => {
    const [mira, jonas] = [await person('Mira', 'film'), await person('Jonas', 'film')];
    await Promise.all([meets(mira, jonas), meets(jonas, mira)]);
    await call(jonas);
    await mira.page.evaluate(() => {
        delete window.showSaveFilePicker; // whose window no test can answer
        const { start } = MediaRecorder.prototype;
        window.pieces = 0;
        MediaRecorder.prototype.start = function (...args) {
            this.addEventListener('dataavailable', () => window.pieces++);
            return start.apply(this, args);
        };
    });
    await call(mira);
    await moves(mira, 'Jonas');
    await mira.page.getByRole('button', { name: 'Record' }).click();
    await jonas.page.getByText('Mira records this call').waitFor();
    await mira.page.getByText('everybody was told').waitFor();
    await until(mira.page, () => window.pieces >= 2);
    const saved = mira.page.waitForEvent('download');
    await mira.page.getByRole('button', { name: 'Stop recording' }).click();
    const bytes = await fs.readFile(await (await saved).path());
    assert.equal(bytes.readUInt32BE(0), 0x1a45dfa3, 'it begins as WebM does');
    assert.ok(bytes.length > 20000, `${bytes.length} bytes`);
    await jonas.page.getByText('Mira has stopped recording').waitFor();

    const fragments = () => mira.page.evaluate(() => [...window.usherCall.parties.values()][0].pc.localDescription.sdp.match(/a=ice-ufrag:(.*)/)[1]);
    const before = await fragments();
    await mira.page.evaluate(() => dispatchEvent(new Event('online')));
    await until(mira.page, (was) => {
        const { pc } = [...window.usherCall.parties.values()][0];
        return pc.signalingState === 'stable' && pc.connectionState === 'connected' && !pc.localDescription.sdp.includes(was);
    }, before, 30000);
    await Promise.all([moves(mira, 'Jonas'), moves(jonas, 'Mira')]);
    await Promise.all([mira.close(), jonas.close()]);
});

// Recognition itself cannot be tried here: no Chromium of Debian's has a model.
test('captions are there only where the browser recognises speech by itself, and reach the others', async () => {
    const recogniser = (answer) => `window.asked = []; window.started = 0; window.SpeechRecognition = class {
        static async available(options) { window.asked.push(options); return '${answer}'; }
        start() { window.started++; window.recognition = this; } stop() {} }; ${named('Mira')}`;
    const named = (name) => `localStorage.setItem('usher.name', '${name}')`;
    for (const answer of ['unavailable', 'downloadable', 'downloading']) {
        const mira = await person('Mira', 'say', { init: recogniser(answer) });
        await until(mira.page, () => window.asked.length > 0);
        assert.equal(await mira.page.locator('.control', { hasText: 'Captions' }).isVisible(), false);
        assert.deepEqual(await mira.page.evaluate(() => [window.started, window.asked[0].processLocally]), [0, true]);
        await mira.close();
    }
    const [mira, jonas] = [await person('Mira', 'say', { init: recogniser('available') }), await person('Jonas', 'say')];
    await Promise.all([meets(mira, jonas), meets(jonas, mira)]);
    await call(jonas);
    await call(mira);
    await until(jonas.page, () => document.querySelector('.grid').dataset.count === '2');
    await mira.page.getByRole('button', { name: 'Captions' }).click();
    await until(mira.page, () => window.started === 1);
    assert.equal(await mira.page.evaluate(() => window.recognition.processLocally), true);
    await mira.page.evaluate(() => window.recognition.onresult({ resultIndex: 0, results: [Object.assign([{ transcript: '<b>good morning</b>' }], { isFinal: true })] }));
    await jonas.page.locator('.caption', { hasText: '<b>good morning</b>' }).waitFor();
    await Promise.all([mira.close(), jonas.close()]);
});
