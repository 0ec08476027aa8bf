// SPDX-License-Identifier: MIT
//
// Keeps the page's own files, so that it opens without a network and shows what was said. What people say never comes here: it is in IndexedDB. A new version is fetched
// whole, and takes over at the next visit, so that no page runs with files of two versions. build.mjs writes the two lists.
const VERSION = /* VERSION */ 'unbuilt';
const SHELL = /* SHELL */ [];
const PREFIX = 'usher-shell-';
const NAME = PREFIX + VERSION;
const at = (name) => new URL(name, self.location.href).href;

self.addEventListener('install', (event) => {
    event.waitUntil((async () => {
        const cache = await caches.open(NAME);
        const before = await Promise.all((await caches.keys()).filter((name) => name.startsWith(PREFIX) && name !== NAME).map((name) => caches.open(name)));
        for (const name of SHELL) {
            const kept = name.startsWith('assets/') && (await Promise.all(before.map((one) => one.match(at(name))))).find(Boolean);
            if (kept) await cache.put(at(name), kept);
            else await cache.add(new Request(at(name), { cache: 'no-cache' }));
        }
    })());
});

self.addEventListener('activate', (event) => {
    event.waitUntil((async () => {
        for (const name of await caches.keys()) if (name.startsWith(PREFIX) && name !== NAME) await caches.delete(name);
        await self.clients.claim();
    })());
});

// Which file of the shell a request is for; undefined: none, the network answers.
function shellName(url, navigates) {
    const base = at('./');
    if (!url.startsWith(base)) return undefined;
    const name = url.slice(base.length).split(/[?#]/)[0];
    if (name.startsWith('assets/')) return SHELL.includes(name) ? name : undefined;
    if (!navigates) return undefined;
    if (name === '' || name === 'index.html') return 'index.html';
    return /^room\/[A-Za-z0-9_-]{1,64}$/.test(name) ? 'room.html' : undefined;
}

// Names with a hash never change. A page is the server's newest, unless it does not answer.
self.addEventListener('fetch', (event) => {
    const { request } = event;
    if (request.method !== 'GET') return;
    const name = shellName(request.url, request.mode === 'navigate');
    if (!name) return;
    event.respondWith((async () => {
        const cache = await caches.open(NAME);
        const kept = await cache.match(at(name));
        if (name.startsWith('assets/')) return kept ?? fetch(request);
        try {
            return await fetch(request);
        } catch (error) {
            if (kept) return kept;
            throw error;
        }
    })());
});
