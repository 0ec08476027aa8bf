// SPDX-License-Identifier: MIT
//
// Pages with the browser's peer: what `make web` built and tests/e2e/pages, served on loopback, and calls of what pages/peer.js has.
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import http from 'node:http';
import path from 'node:path';
import { root, within } from './daemon.mjs';

const TYPES = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.mjs': 'text/javascript', '.json': 'application/json', '.wasm': 'application/wasm' };
const PATIENCE_MS = 20000;

export const built = path.resolve(root, process.env.USHER_WEB ?? path.join(path.dirname(process.env.USHERD ?? 'build/usherd'), 'web'));

// { url, close }
export async function serveWeb() {
    const server = http.createServer(async (request, response) => {
        const name = path.basename(new URL(request.url, 'http://x').pathname);
        const type = TYPES[path.extname(name)];
        for (const folder of [built, `${built}-obj`, ...['e2e/pages', 'web', 'vectors'].map((name) => path.join(root, 'tests', name))]) {
            const bytes = type && (await readFile(path.join(folder, name)).catch(() => null));
            if (bytes) return response.writeHead(200, { 'content-type': type }).end(bytes);
        }
        response.writeHead(404).end();
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    return { url: `http://127.0.0.1:${server.address().port}`, close: () => server.close() };
}

// A page of peer.html: each function is one of the page's, within a bound.
export class WebPeer {
    constructor(page, name) {
        this.page = page;
        this.name = name;
        this.said = [];
        page.on('console', (message) => this.said.push(message.text()));
        page.on('pageerror', (error) => this.said.push(String(error)));
    }

    async #bounded(promise, what) {
        return within(PATIENCE_MS, promise, () => `${this.name}: no ${what}:\n${this.said.join('\n')}`);
    }

    run(fn, arg) {
        return this.#bounded(this.page.evaluate(fn, arg), String(fn).slice(0, 200));
    }

    async open(url) {
        await this.page.goto(`${url}/peer.html`);
        await this.ready();
    }

    // Until its script has run, also after a reload.
    async ready() {
        await this.page.waitForLoadState?.(); // puppeteer waits by itself
        await this.#bounded(this.page.evaluate(async () => {
            while (!window.loaded) await new Promise((resolve) => setTimeout(resolve, 5));
        }), 'page');
    }

    async join(options) {
        this.id = await this.run((all) => window.join(all), options);
        return this;
    }

    // The first event of this name with these members, then or before.
    async event(name, members = {}) {
        try {
            return await this.#bounded(this.page.evaluate(([n, m]) => window.event(n, m), [name, members]), name);
        } catch (error) {
            const seen = await this.page.evaluate(() => JSON.stringify(window.seen?.slice(-40), null, 0)).catch(() => '');
            throw new Error(`${error.message}\n${JSON.stringify(members)}; it saw:\n${seen}`);
        }
    }

    linked(id) {
        return this.event('peer', { id, state: 'up' });
    }

    send(text, options = {}) {
        return this.run(([t, o]) => window.peer.send(t, o).then((sent) => ({ id: sent.id })), [text, options]);
    }

    // Resolves to the ids of the readers.
    sendThrough(text, options = {}) {
        return this.run(([t, o]) => window.peer.send(t, o).then((sent) => sent.delivered), [text, options]);
    }

    close() {
        return this.page.close();
    }
}

// What the shared vectors found in the core and its crypto, in this page (tests/web/vectors.mjs).
export const vectorsIn = (peer) => peer.run(async () => {
    const { FILES, runVectors } = await import('/vectors.mjs');
    const files = Object.fromEntries(await Promise.all(FILES.map(async (name) => [name, await (await fetch(`/${name}.json`)).text()])));
    return runVectors(await WebAssembly.compileStreaming(fetch('/vectors.wasm')), files);
});

// A page in the room.
export async function joinWeb(browser, url, options) {
    const peer = new WebPeer(await browser.newPage(), options.name);
    await peer.open(url);
    return peer.join(options);
}
