// SPDX-License-Identifier: MIT
//
// The page that the daemon serves, built for a test: with the peer that was built, or with one that is the test's own.
import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { build } from '../../../web/pages/build.mjs';
import { root, startDaemon } from './daemon.mjs';
import { built } from './web.mjs';

const axe = await fs.readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** What the page is made of besides the peer: its own sources, and what others wrote (web/pages/pages.mk). */
export const PAGE_FOLDERS = [path.join(root, 'web/pages'), path.resolve(built, '../page-others')];

/** A daemon that serves the page with the peer of this folder: { daemon, folder, stop }. */
export async function startWithPage(peer, options = {}) {
    const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'usher-page-'));
    build(folder, [...PAGE_FOLDERS, peer]);
    const daemon = await startDaemon({ ...options, args: ['--set', `server.web_root=${folder}`, '--set', 'limits.connection_rate=0', ...(options.args ?? [])] });
    return {
        daemon,
        folder,
        async stop() {
            assert.equal(await daemon.stop(), 0);
            await fs.rm(folder, { recursive: true });
        },
    };
}

export const FAKE_PEER = path.join(root, 'tests/e2e/pages/fake');

/** A page whose console is watched: what it says goes wrong fails the test that asks. */
export async function openPage(browser, url, { init, size = { width: 1200, height: 800 }, ...media } = {}) {
    const page = await browser.newPage();
    page.problems = [];
    page.on('console', (message) => message.type() === 'error' && page.problems.push(message.text()));
    page.on('pageerror', (error) => page.problems.push(error.message));
    if (init) await page.addInitScript(init);
    await page.setViewportSize(size);
    await page.emulateMedia(media);
    await page.goto(url);
    return page;
}

/** $SCREENSHOTS names a folder for pictures. */
export async function shot(page, name) {
    if (process.env.SCREENSHOTS) await page.screenshot({ path: path.join(process.env.SCREENSHOTS, `${name}.png`) });
}

/** What axe-core finds wrong. Its script comes in through the debugger, which the page's policy does not bind. */
export async function accessibilityProblems(page) {
    await page.evaluate(axe);
    const { violations } = await page.evaluate(() => window.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }));
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html, failureSummary }) => `${html.slice(0, 120)} ${failureSummary.slice(0, 160)}`).join(' | ')}`);
}

/** Waits for what the page says of itself. The page's policy forbids eval, so it is asked again and again. */
export async function until(page, ask, argument, ms = 15000) {
    const end = Date.now() + ms;
    for (;;) {
        const answer = await page.evaluate(ask, argument);
        if (answer) return answer;
        if (Date.now() > end) throw new Error(`the page did not come to ${ask}: ${await page.evaluate(() => document.body.innerText.slice(0, 2000))}`);
        await new Promise((resolve) => setTimeout(resolve, 30));
    }
}
