// SPDX-License-Identifier: MIT
//
// Files between real `usher pipe` processes on one machine, the sender on core 0, the receiver on core 1.
//
//     node transfer.mjs BUILD one MIB        one file: rate, when its progress is told first (every 250 ms), most memory of both
//     node transfer.mjs BUILD far MIB A B    the same between the network namespaces A (10.9.0.1, the daemon too) and B (10.9.0.2)
//     node transfer.mjs BUILD many MIB N     one file to a room of N readers: how often its sender gives it
//     node transfer.mjs BUILD small N        a folder of so many files of 1 to 4 KiB
//     node transfer.mjs BUILD latency MIB    messages one by one, idle and while a file crosses the same link
import { createHash, randomBytes } from 'node:crypto';
import { createReadStream, mkdirSync, openSync, writeSync, closeSync, writeFileSync } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import path from 'node:path';
import { dir, join, print, quantile, startDaemon } from './peers.mjs';

const [, what, ...numbers] = process.argv.slice(2);
const MIB = 1024 * 1024;
const onCore = (n) => ({ prefix: ['taskset', '-c', `${n}`] });

function makeFile(mib) {
    const file = path.join(dir, 'a.bin');
    const fd = openSync(file, 'w');
    for (let i = 0; i < mib; i++) writeSync(fd, randomBytes(MIB));
    closeSync(fd);
    return file;
}

function makeFolder(files) {
    const folder = path.join(dir, 'folder');
    for (let i = 0; i < files; i++) {
        mkdirSync(path.join(folder, `${i % 50}`), { recursive: true });
        writeFileSync(path.join(folder, `${i % 50}`, `${i}`), randomBytes(1024 + (i * 37) % 3072));
    }
    return folder;
}

// Not where it lies already: it would be found there.
function inbox() {
    const where = path.join(dir, 'in');
    mkdirSync(where, { recursive: true });
    return where;
}

async function hashOf(file) {
    const hash = createHash('sha256');
    await pipeline(createReadStream(file), hash);
    return hash.digest('hex');
}

async function two(a = onCore(0), b = onCore(1)) {
    const server = await startDaemon({ address: a.address, prefix: a.address && a.prefix });
    const [ann, ben] = [await join(server, 'ann', a), await join(server, 'ben', b)];
    await Promise.all([ann.linked(ben), ben.linked(ann)]);
    return [ann, ben];
}

// From `accept`: what the sender did before, to hash it, is `offer_s`.
async function transfer(ann, ben, file) {
    const began = performance.now();
    ann.do({ do: 'send-file', to: [ben.id], path: file });
    const { fileId } = await ben.when((e) => e.event === 'file-offer');
    const accepted = performance.now();
    let first;
    ben.onEvent = (e) => {
        if (e.event === 'file-progress' && e.bytes > 0) first ??= performance.now();
    };
    ben.do({ do: 'accept', fileId, dir: inbox() });
    const done = await ben.when((e) => e.fileId === fileId && /^file-(complete|failed)$/.test(e.event));
    if (done.event === 'file-failed') throw new Error(JSON.stringify(done));
    const seconds = (performance.now() - accepted) / 1000;
    return { done, seconds, offer: (accepted - began) / 1000, first: ((first ?? performance.now()) - accepted) / 1000 };
}

const inSpace = (name, address) => ({ address, prefix: ['ip', 'netns', 'exec', name] });

async function far(mib, a, b) {
    await one(mib, inSpace(a, '10.9.0.1'), inSpace(b, '10.9.0.2'));
}

async function one(mib, ...where) {
    const file = makeFile(mib);
    const [ann, ben] = await two(...where);
    const { done, seconds, offer, first } = await transfer(ann, ben, file);
    const whole = (await hashOf(file)) === (await hashOf(done.path));
    print({ file_mb_per_s: ((mib * MIB) / 1e6 / seconds).toFixed(1), offer_s: offer.toFixed(2), first_progress_s: first.toFixed(2),
        sender_mb: ann.peakMb.toFixed(1), receiver_mb: ben.peakMb.toFixed(1), whole });
}

async function many(mib, readers) {
    const file = makeFile(mib);
    const server = await startDaemon();
    const ann = await join(server, 'ann');
    const all = [];
    for (let i = 0; i < readers; i++) all.push(await join(server, `reader${i}`));
    await Promise.all(all.map((peer) => peer.linked(ann)));
    ann.do({ do: 'send-file', path: file });
    const began = performance.now();
    await Promise.all(all.map(async (peer, i) => {
        const { fileId } = await peer.when((e) => e.event === 'file-offer');
        const where = path.join(dir, `in${i}`);
        mkdirSync(where);
        peer.do({ do: 'accept', fileId, dir: where });
        await peer.when((e) => e.event === 'file-complete');
    }));
    const seconds = (performance.now() - began) / 1000;
    ann.do({ do: 'stats' });
    const stats = await ann.when((e) => e.event === 'stats');
    print({ readers, seconds: seconds.toFixed(1), given: (stats.blocksGivenTotal / mib).toFixed(2), sender_mb: ann.peakMb.toFixed(1),
        readers_mb: Math.max(...all.map((peer) => peer.peakMb)).toFixed(1) });
}

async function small(files) {
    const folder = makeFolder(files);
    const [ann, ben] = await two();
    const { seconds, offer } = await transfer(ann, ben, folder);
    print({ files, files_per_s: (files / seconds).toFixed(0), with_offer: (files / (seconds + offer)).toFixed(0) });
}

async function latency(mib) {
    const file = makeFile(mib);
    const [ann, ben] = await two();
    let count = 0;
    const measure = async (until) => {
        const took = [];
        for (let i = 0; until(i); i++) {
            const text = `m${count++}`;
            const began = performance.now();
            const came = ben.when((e) => e.event === 'message' && e.text === text);
            ann.do({ do: 'send', to: [ben.id], text });
            await came;
            took.push(performance.now() - began);
        }
        return took;
    };
    await measure((i) => i < 50);
    const idle = await measure((i) => i < 500);
    let over = false;
    ann.do({ do: 'send-file', to: [ben.id], path: file });
    const { fileId } = await ben.when((e) => e.event === 'file-offer');
    ben.do({ do: 'accept', fileId, dir: inbox() });
    const done = ben.when((e) => e.event === 'file-complete').then(() => (over = true));
    const busy = await measure(() => !over);
    await done;
    print({ idle_p50_ms: quantile(idle, 0.5).toFixed(2), idle_p99_ms: quantile(idle, 0.99).toFixed(2),
        busy_p50_ms: quantile(busy, 0.5).toFixed(2), busy_p99_ms: quantile(busy, 0.99).toFixed(2), messages: busy.length,
        p99_ratio: (quantile(busy, 0.99) / quantile(idle, 0.99)).toFixed(2) });
}

await { one, far, many, small, latency }[what](...numbers.map((text) => (/^\d+$/.test(text) ? Number(text) : text)));
process.exit(0);
