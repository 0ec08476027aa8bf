// SPDX-License-Identifier: MIT
//
// Headless Chromium with a profile of its own, gone with it.
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { chromium } from 'playwright-core';

// For pages that call each other: nothing goes out, and loopback is an address like another.
export const LOOPBACK = ['--headless', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync', '--allow-loopback-in-peer-connection'];

// { browser, close }
export async function openChromium(args = []) {
    const profile = await mkdtemp(path.join(os.tmpdir(), 'usher-chromium-'));
    const browser = await chromium.launchPersistentContext(profile, {
        executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox', ...args], headless: true });
    return {
        browser,
        async close() {
            await browser.close();
            await rm(profile, { recursive: true, force: true, maxRetries: 5 });
        },
    };
}
