// SPDX-License-Identifier: MIT
//
// Headless Chromium with npm's packages as they were published: a server on loopback hands their modules out, with the
// names of packages written as addresses, since a page knows no node_modules.
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import http from 'node:http';
import path from 'node:path';
import { LOOPBACK, openChromium } from './chromium.mjs';
import { root } from './daemon.mjs';

const PACKAGES = path.join(root, 'tests/e2e/node_modules');
const CONDITIONS = new Set(['browser', 'module', 'import', 'default']);
const MEDIA = ['--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream', '--autoplay-policy=no-user-gesture-required'];
// `from 'name'` or `import 'name'`, where the name is a package's.
const BARE = /((?:^|[}\s*])from\s*|^import\s*)(['"])(@?[a-z][\w.-]*(?:\/[\w.@/-]+)?)\2/gm;
// A module that was written for a script tag or for require.
const asModule = (text) => `const module = { exports: {} }, exports = module.exports;\n${text}\nexport default module.exports;`;

function pick(target) {
    if (typeof target === 'string' || !target) return target;
    for (const [condition, value] of Object.entries(target))
        if (CONDITIONS.has(condition)) return pick(value);
    return undefined;
}

// The file of a package that `import 'name/sub'` means in a browser.
async function fileOf(specifier) {
    const parts = specifier.split('/');
    const name = parts.splice(0, specifier.startsWith('@') ? 2 : 1).join('/');
    const info = JSON.parse(await readFile(path.join(PACKAGES, name, 'package.json'), 'utf8'));
    const sub = parts.length ? `./${parts.join('/')}` : '.';
    const exported = info.exports && (info.exports[sub] ?? (sub === '.' && !info.exports['.'] ? info.exports : undefined));
    const file = pick(exported) ?? (sub === '.' ? (info.module ?? info.main) : sub);
    return path.posix.join(name, file);
}

async function serve(request, response) {
    const asked = decodeURIComponent(new URL(request.url, 'http://x').pathname);
    if (asked === '/') return response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><title>page</title>');
    try {
        if (asked.startsWith('/npm/')) return response.writeHead(302, { location: `/file/${await fileOf(asked.slice(5))}` }).end();
        const text = await readFile(path.join(PACKAGES, asked.slice('/file/'.length)), 'utf8');
        const isModule = /^\s*(import|export)\b/m.test(text) || /[;}]export\{/.test(text);
        const body = isModule ? text.replace(BARE, (_, before, quote, name) => `${before}${quote}/npm/${name}${quote}`) : asModule(text);
        response.writeHead(200, { 'content-type': 'text/javascript' }).end(body);
    } catch {
        response.writeHead(404).end();
    }
}

// open(): a page in a browser process of its own; close() ends all.
export async function npmPages() {
    const server = http.createServer(serve).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const opened = [];
    return {
        async open() {
            const one = await openChromium([...LOOPBACK, ...MEDIA]);
            opened.push(one);
            one.browser.setDefaultTimeout(20000);
            const page = await one.browser.newPage();
            await page.goto(`http://127.0.0.1:${server.address().port}/`);
            return page;
        },
        async close() {
            server.close(); // first: node waits for it, and what fails below is to be told
            server.closeAllConnections();
            for (const one of opened) await one.close();
        },
    };
}
