// SPDX-License-Identifier: MIT
//
// What the browser's peer does in headless Chromium, with `usher pipe` on the same machine: how long until a page is in a room, and
// how many group messages a second are acknowledged, both ways. Figures in docs/decisions/0021-wasm.md.   usage: make bench-web
import { once } from 'node:events';
import { test } from 'node:test';
import { startDaemon } from '../tests/e2e/lib/daemon.mjs';
import { joinPeer } from '../tests/e2e/lib/peer.mjs';
import { LOOPBACK, openChromium } from '../tests/e2e/lib/chromium.mjs';
import { joinWeb, serveWeb } from '../tests/e2e/lib/web.mjs';

const MESSAGES = 3000;
const IN_FLIGHT = 300; // messages that are not acknowledged: a person's program waits, too

const ms = (n) => `${n.toFixed(0)} ms`;
const rate = (n, took) => `${((n / took) * 1000).toFixed(0)}/s`;

// In the page: n messages, of which at most `most` wait; how long all took, and the medians of accepted and delivered.
async function talk([n, most]) {
    const [accepted, delivered, waiting] = [[], [], new Set()];
    const begin = performance.now();
    for (let i = 0; i < n; i++) {
        const at = performance.now();
        const one = window.peer.send(`message ${i}`).then((sent) => {
            accepted.push(performance.now() - at);
            return sent.delivered;
        }).then(() => {
            delivered.push(performance.now() - at);
            waiting.delete(one);
        });
        waiting.add(one);
        if (waiting.size >= most) await Promise.race(waiting);
    }
    await Promise.all(waiting);
    const median = (all) => all.sort((a, b) => a - b)[all.length >> 1];
    return { took: performance.now() - begin, accepted: median(accepted), delivered: median(delivered) };
}

test('the browser peer', async () => {
    const [daemon, web, opened] = [await startDaemon(), await serveWeb(), await openChromium(LOOPBACK)];
    const usher = await joinPeer({ server: daemon.url, room: 'bench', name: 'ann' });
    const page = await joinWeb(opened.browser, web.url, { server: daemon.url, room: 'bench', name: 'web' });
    await page.linked(usher.id);
    for (const what of ['first', 'again']) {
        await page.open(web.url);
        const from = await page.run(async (options) => {
            const begin = performance.now();
            await window.join(options);
            const open = performance.now() - begin;
            await window.event('ready');
            const ready = performance.now() - begin;
            await window.event('peer', { state: 'up' });
            return { open, ready, linked: performance.now() - begin };
        }, { server: daemon.url, room: 'bench', name: 'web', state: what === 'first' ? 'new' : undefined });
        console.log(`${what === 'first' ? 'a new state' : 'a state that was there'}: open ${ms(from.open)}, in the room ${ms(from.ready)}, linked ${ms(from.linked)}`);
    }
    for (const n of [300, MESSAGES]) {
        const { took, accepted, delivered } = await page.run(talk, [n, IN_FLIGHT]);
        if (n === MESSAGES) console.log(`out: ${rate(n, took)} acknowledged, accepted after ${ms(accepted)}, delivered after ${ms(delivered)} (p50)`);
    }
    const begin = performance.now();
    const lines = Array.from({ length: MESSAGES }, (_, i) => `{"do":"send","text":"to the page ${i}"}\n`);
    if (!usher.child.stdin.write(lines.join(''))) await once(usher.child.stdin, 'drain');
    await page.event('message', { text: `to the page ${MESSAGES - 1}` });
    console.log(`in: ${rate(MESSAGES, performance.now() - begin)}`);
    await page.close();
    await usher.stop();
    await opened.close();
    web.close();
    await daemon.stop();
});
