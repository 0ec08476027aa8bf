// SPDX-License-Identifier: MIT
//
// A TCP path to a daemon that can be cut and stalled, on a free port of loopback.
import net from 'node:net';
import { once } from 'node:events';
import { after } from 'node:test';
import { within } from './daemon.mjs';

const PATIENCE_MS = 15000;

// A test that failed leaves its proxies to this.
const open = new Set();
after(() => Promise.all([...open].map((proxy) => proxy.close())));

export async function startProxy(port) {
    const pairs = new Set();
    const waiting = [];
    let refuses = false;
    let stalls = false;

    const look = () => {
        const stalled = [...pairs].reduce((sum, pair) => sum + pair.kept.reduce((n, bytes) => n + bytes.length, 0), 0);
        for (const w of waiting.splice(0)) stalled >= w.bytes ? w.resolve() : waiting.push(w);
    };
    const server = net.createServer((client) => {
        if (refuses) return client.destroy();
        const pair = { client, daemon: net.connect(port, '127.0.0.1'), kept: [] };
        pairs.add(pair);
        client.on('data', (bytes) => {
            if (stalls) pair.kept.push(bytes);
            else pair.daemon.write(bytes);
            look();
        });
        pair.daemon.on('data', (bytes) => client.write(bytes));
        for (const [from, to] of [[client, pair.daemon], [pair.daemon, client]]) {
            from.on('error', () => {});
            from.on('close', () => {
                to.destroy();
                pairs.delete(pair);
            });
        }
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');

    const proxy = {
        url: `ws://127.0.0.1:${server.address().port}/ws`,
        // Resets every connection; nobody gets through until open() is called.
        cut() {
            refuses = true;
            for (const { client, daemon } of pairs) {
                daemon.resetAndDestroy();
                client.resetAndDestroy();
            }
        },
        open() {
            refuses = false;
        },
        // What clients say is kept back until flow() is called.
        stall() {
            stalls = true;
        },
        // Until so many bytes are kept back.
        stalled(bytes) {
            const enough = new Promise((resolve) => waiting.push({ bytes, resolve }));
            look();
            return within(PATIENCE_MS, enough, `no ${bytes} bytes were kept back`);
        },
        flow() {
            stalls = false;
            for (const { daemon, kept } of pairs) for (const bytes of kept.splice(0)) daemon.write(bytes);
        },
        async close() {
            open.delete(proxy);
            proxy.cut();
            server.close();
            await once(server, 'close');
        },
    };
    open.add(proxy);
    return proxy;
}
