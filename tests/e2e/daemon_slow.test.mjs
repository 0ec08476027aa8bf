// SPDX-License-Identifier: MIT
//
// A thousand members of rooms stop reading, all at once. Each costs the daemon its queue and no more, each is dropped as
// slow and its room told why, a pair in another room talks on, and the memory goes back to the system. They come through
// a unix socket, of which the kernel keeps a fifth of a megabyte; of a TCP connection it would keep several before the
// daemon kept any.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { root, startDaemon, testMemory, within } from './lib/daemon.mjs';
import { connect, pair } from './lib/client.mjs';
import { parseMetrics } from './lib/prometheus.mjs';

const ROOMS = 20;
const MEMBERS = 50;
const READERS = ROOMS * MEMBERS;
const KIB = 1024;
const MAX_QUEUE = 64 * KIB;
const SIGNAL = 20000; // bytes: three of them are a queue
const MARGIN = 4 * KIB; // for each: what its queue costs beside its bytes
const OTHERS = 8 * KIB * KIB; // for all: what those who talk to them need, and the heap's own loss
const SETTLE_MS = 15000;

const SETTINGS = ['limits.max_queue=64K', 'limits.message_rate=0', 'limits.connection_rate=0', 'limits.max_connections_per_address=0',
    'limits.join_rate=0', 'server.resume_grace=0'];

// VmRSS, or VmHWM: the most that it was.
async function resident(pid, what = 'VmRSS') {
    const [, kb] = new RegExp(`^${what}:\\s+(\\d+) kB`, 'm').exec(await fs.readFile(`/proc/${pid}/status`, 'latin1'));
    return Number(kb) * KIB;
}

const forgetMost = (pid) => fs.writeFile(`/proc/${pid}/clear_refs`, '5'); // proc(5)

const slow = async (daemon) =>
    parseMetrics(await (await fetch(`${daemon.http}/metrics`)).text()).get('usherd_connections_closed_total{reason="slow"}');

async function stopReading(door) {
    const child = spawn(process.execPath, [path.join(root, 'tests/e2e/lib/stopped_readers.mjs'), door, ROOMS, MEMBERS],
        { stdio: ['pipe', 'pipe', 'inherit'] });
    const { value: line } = await within(30000, createInterface({ input: child.stdout })[Symbol.asyncIterator]().next(),
        'the readers did not join in time');
    return { child, rooms: JSON.parse(line) };
}

// Each waits for the other, so nothing is lost, doubled or out of order.
async function talk([a, b], going) {
    let n = 0;
    for (; going(); n++)
        for (const [from, to] of [[a, b], [b, a]]) {
            from.send({ type: 'signal', to: to.peerId, data: n });
            assert.equal((await to.next()).data, n);
        }
    return n;
}

// The reasons for which all of them are said to have left.
async function farewells(speaker, members) {
    const reasons = new Map();
    while (reasons.size < members.length) {
        const message = await speaker.next();
        if (message.type === 'peer-left') reasons.set(message.peerId, message.reason);
    }
    return members.map((peerId) => reasons.get(peerId));
}

// Speaks to all of them until the daemon has dropped each. Resolves to the most that it held meanwhile.
async function stuff(daemon, speakers, rooms) {
    const data = 'x'.repeat(SIGNAL);
    const base = await resident(daemon.pid);
    const bound = base + READERS * (MAX_QUEUE + MARGIN) + OTHERS;
    let most = 0;
    for (let round = 0; (await slow(daemon)) < READERS; round++) {
        assert.ok(round < 100, 'they are not dropped');
        for (const [n, speaker] of speakers.entries())
            for (const to of rooms[n]) speaker.send({ type: 'signal', to, data });
        await Promise.all(speakers.map((speaker) => new Promise((resolve) => speaker.ws.send('{"type":"ping"}', resolve))));
        most = await resident(daemon.pid, 'VmHWM');
        assert.ok(most <= bound, `${Math.round((most - base) / READERS)} bytes a reader, in round ${round}`);
    }
    return { base, most };
}

async function settle(pid, bound) {
    const end = Date.now() + SETTLE_MS;
    let now;
    while ((now = await resident(pid)) > bound && Date.now() < end) await pause(100);
    return now;
}

testMemory('1,000 readers that stop cost their queues, are dropped, and leave no memory behind', { timeout: 120000 }, async (t) => {
    const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'usher-e2e-'));
    const door = path.join(folder, 'socket');
    const daemon = await startDaemon({ args: ['--listen', `unix:${door}`, ...SETTINGS.flatMap((set) => ['--set', set])] });
    let readers;
    try {
        readers = await stopReading(door);
        const speakers = await Promise.all(readers.rooms.map(() => connect(daemon.url)));
        await Promise.all(speakers.map((speaker, n) => speaker.join(`room-${n}`)));
        const healthy = await pair(daemon.url, 'healthy');
        await forgetMost(daemon.pid);
        let flooded = false;
        const talked = talk(healthy, () => !flooded);
        const left = Promise.all(speakers.map((speaker, n) => farewells(speaker, readers.rooms[n])));
        for (const meanwhile of [talked, left]) meanwhile.catch(() => {}); // they end with the daemon if it fails before
        const { base, most } = await stuff(daemon, speakers, readers.rooms).finally(() => (flooded = true));
        assert.deepEqual((await left).flat(), Array(READERS).fill('slow'));
        assert.equal(await slow(daemon), READERS);
        assert.ok((await talked) > 0);
        const after = await settle(daemon.pid, base + OTHERS);
        t.diagnostic(`resident, in KiB: ${base / KIB}, at most ${most / KIB}, then ${after / KIB}; the pair talked ${await talked} times`);
        assert.ok(after <= base + OTHERS, `${after - base} bytes did not come back`);
    } finally {
        readers?.child.kill();
        await daemon.stop();
        await fs.rm(folder, { recursive: true });
    }
});
