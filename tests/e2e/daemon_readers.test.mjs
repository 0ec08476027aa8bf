// SPDX-License-Identifier: MIT
//
// Who reads an answer slowly has it whole, however long that takes; who reads nothing of it for ten seconds is hung up on.
// The kernel takes megabytes for a reader on this machine, so a file is larger than that.
import { before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import net from 'node:net';
import fs from 'node:fs/promises';
import path from 'node:path';
import { once } from 'node:events';
import { startDaemon, within } from './lib/daemon.mjs';
import { scratch } from './lib/peer.mjs';

const SIZE = 16 * 1024 * 1024;
const ANSWER_MS = 10000;
const GET = 'GET /file HTTP/1.1\r\nHost: localhost\r\n\r\n';

let root;
before(async () => {
    root = await scratch();
    await fs.writeFile(path.join(root, 'file'), Buffer.alloc(SIZE, 'usher '));
});

async function start(t) {
    const door = path.join(await scratch(), 'socket');
    const daemon = await startDaemon({ args: ['--listen', `unix:${door}`, '--set', `server.web_root=${root}`] });
    t.after(async () => assert.equal(await daemon.stop(), 0));
    return { daemon, door, address: { port: daemon.port, host: '127.0.0.1' } };
}

// A client that reads only when it is told to, n bytes at most: read() resolves to how many, 0 at the end.
async function reader(to, n) {
    let told = () => {};
    const callback = (count) => {
        told(count);
        return false;
    };
    const socket = net.connect({ ...to, onread: { buffer: Buffer.alloc(n), callback } });
    for (const end of ['error', 'end', 'close']) socket.on(end, () => told(0));
    await once(socket, 'connect');
    socket.write(GET);
    const read = () => new Promise((resolve) => {
        told = resolve;
        socket.resume();
    });
    return { socket, read };
}

describe('readers', { concurrency: true }, () => {
    for (const where of ['address', 'door'])
        test(`one who takes a little now and then has all of it, at the ${where}`, async (t) => {
            const STEP_MS = 100;
            const at = await start(t);
            const { socket, read } = await reader(where === 'door' ? { path: at.door } : at.address, 8 * 1024);
            let total = 0;
            const from = performance.now();
            // So much slower than the socket's buffer is large that the daemon cannot write for longer than its limit.
            while (performance.now() - from < ANSWER_MS * 1.4) {
                const n = await read();
                assert.ok(n > 0, `hung up on after ${Math.round(performance.now() - from)} ms and ${total} bytes`);
                total += n;
                await new Promise((resolve) => setTimeout(resolve, STEP_MS));
            }
            for (let n; (n = await read()) > 0;) total += n;
            assert.ok(total > SIZE, `${total} bytes`);
            socket.destroy();
        });

    test('one who takes nothing is hung up on', async (t) => {
        const { daemon, address } = await start(t);
        const { socket, read } = await reader(address, 8 * 1024);
        await read();
        const from = performance.now();
        const connections = async () => (await (await fetch(`${daemon.http}/health`)).json()).connections;
        await within(ANSWER_MS * 4, (async () => {
            while ((await connections()) > 1) await new Promise((resolve) => setTimeout(resolve, 100));
        })(), 'it was not hung up on');
        assert.ok(performance.now() - from > ANSWER_MS / 2);
        socket.destroy();
    });
});
