// SPDX-License-Identifier: MIT
//
// How long the page takes on loopback in a browser that has never seen it, and how many bytes it has. The best of a few visits counts: what else the machine does is no property of the page.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { openChromium, LOOPBACK } from './lib/chromium.mjs';
import { openPage, startWithPage, until } from './lib/page.mjs';
import { built } from './lib/web.mjs';

const VISITS = 4;
const SHELL_MS = 300;
const JOINED_MS = 1000;
const BYTES_MAX = 250000; // compressed

let site;
before(async () => (site = await startWithPage(built)));
after(async () => await site?.stop());

// Runs in the page, before it.
const watch = () => {
    localStorage.setItem('usher.name', 'Mira');
    new PerformanceObserver((list) => {
        for (const { name, startTime } of list.getEntries()) if (name === 'first-contentful-paint') window.paintedAt = startTime;
    }).observe({ type: 'paint', buffered: true });
    const timer = setInterval(() => {
        if (!['in-room', 'discovering', 'p2p-connected'].includes(window.usherSession?.state)) return;
        window.joinedAt = performance.now();
        clearInterval(timer);
    }, 5);
};

async function visit() {
    const chromium = await openChromium(LOOPBACK);
    try {
        const page = await openPage(chromium.browser, `${site.daemon.http}/room/times`, { init: watch });
        return await until(page, () => window.paintedAt && window.joinedAt && { painted: window.paintedAt, joined: window.joinedAt,
            bytes: performance.getEntriesByType('resource').reduce((sum, one) => sum + one.encodedBodySize, performance.getEntriesByType('navigation')[0].encodedBodySize) });
    } finally {
        await chromium.close();
    }
}

test('the shell is painted within 300 ms, the room is joined within a second, and all of it has under 250 KB', async () => {
    const visits = [];
    for (let i = 0; i < VISITS; i++) visits.push(await visit());
    const best = (member) => Math.min(...visits.map((one) => one[member]));
    console.log(`# shell ${Math.round(best('painted'))} ms, joined ${Math.round(best('joined'))} ms, ${best('bytes')} bytes compressed`);
    assert.ok(best('bytes') < BYTES_MAX, `${best('bytes')} bytes`);
    assert.ok(best('painted') < SHELL_MS, `painted after ${visits.map(({ painted }) => Math.round(painted))} ms`);
    assert.ok(best('joined') < JOINED_MS, `joined after ${visits.map(({ joined }) => Math.round(joined))} ms`);
});
