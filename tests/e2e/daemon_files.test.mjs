// SPDX-License-Identifier: MIT
//
// Downloads of web_root: whole and in parts, to clients that are slow, stop, hang up or close their half, of files that
// change meanwhile, and beside a relay that must not notice.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import fs from 'node:fs/promises';
import http from 'node:http';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import zlib from 'node:zlib';
import { setTimeout as pause } from 'node:timers/promises';
import { root as tree, startDaemon, within } from './lib/daemon.mjs';
import { pair } from './lib/client.mjs';
import { parseMetrics } from './lib/prometheus.mjs';
import { Raw } from './lib/raw.mjs';

const MIB = 1024 * 1024;
const IDLE_MS = 10000; // without a byte taken, a download is over
const PATIENCE_MS = 15000;

// Bytes that differ from place to place.
function bytesOf(n, seed) {
    const bytes = Buffer.alloc(n);
    for (let i = 0; i + 4 <= n; i += 4) bytes.writeUInt32LE((i * 2654435761 + seed) >>> 0, i);
    return bytes;
}

const BIG = bytesOf(8 * MIB, 1);
const SCRIPT = Buffer.from(`export const text = '${'usher '.repeat(5000)}';\n`);
const DIGITS = Buffer.from('0123456789');
const LONG_AGO = new Date('1994-11-06T08:49:37Z');
const ODD_NAMES = { 'a b.txt': 'a%20b.txt', 'grüß.txt': 'gr%C3%BC%C3%9F.txt', '100%.txt': '100%25.txt', 'a+b.txt': 'a+b.txt', '%2e.txt': '%252e.txt' };

let daemon, top, root;
before(async () => {
    top = await fs.mkdtemp(path.join(os.tmpdir(), 'usherd-files-'));
    root = path.join(top, 'root');
    await fs.mkdir(root);
    await fs.writeFile(path.join(top, 'outside.txt'), 'secret');
    await put('index.html', '<!doctype html><title>usher</title>');
    await put('big.bin', BIG);
    await put('digits.txt', DIGITS, LONG_AGO);
    await put('empty.txt', '');
    await put('app.js', SCRIPT, LONG_AGO);
    await put('app.js.gz', zlib.gzipSync(SCRIPT), LONG_AGO);
    await put('app.js.br', zlib.brotliCompressSync(SCRIPT), LONG_AGO);
    await put('stale.js', SCRIPT);
    await put('stale.js.gz', zlib.gzipSync('old'), LONG_AGO);
    for (const name of Object.keys(ODD_NAMES)) await put(name, name);
    daemon = await startDaemon({ args: ['--set', `server.web_root=${root}`, '--set', 'limits.connection_rate=0'] });
});
after(async () => {
    assert.equal(await daemon?.stop(), 0); // whatever happened, it ends as it should
    await fs.rm(top, { recursive: true });
});

async function put(name, content, when) {
    await fs.writeFile(path.join(root, name), content);
    if (when) await fs.utimes(path.join(root, name), when, when);
}

// { status, headers, body, whole }: whole is false if the connection ended before its time.
function ask(where, { headers = {}, method = 'GET' } = {}) {
    const answer = new Promise((resolve, reject) => {
        const request = http.request({ host: '127.0.0.1', port: daemon.port, path: where, method, headers, agent: false });
        request.on('error', reject);
        request.on('response', (response) => {
            const chunks = [];
            response.on('data', (chunk) => chunks.push(chunk));
            response.on('error', () => {});
            response.on('close', () =>
                resolve({ status: response.statusCode, headers: response.headers, body: Buffer.concat(chunks), whole: response.complete }));
        });
        request.end();
    });
    return within(PATIENCE_MS, answer, `${method} ${where} was not answered in time`);
}

// A download that reads when it is told to. begin resolves when the first bytes are there; then nothing is read.
class Reader {
    constructor(where, options = {}) {
        this.socket = net.connect({ port: daemon.port, host: '127.0.0.1', ...options });
        this.chunks = [];
        this.bytes = 0;
        this.socket.on('error', () => {});
        this.socket.on('data', (chunk) => {
            this.chunks.push(chunk);
            this.bytes += chunk.length;
            this.onData?.();
        });
        this.ended = new Promise((resolve) => this.socket.on('close', resolve));
        this.request = `GET ${where} HTTP/1.1\r\nHost: localhost\r\n\r\n`;
    }

    async begin() {
        this.socket.write(this.request);
        await within(PATIENCE_MS, Promise.race([once(this.socket, 'data'), this.ended]), 'nothing came');
        this.socket.pause();
        return this;
    }

    // Reads to the end: { head, body }.
    async rest() {
        this.socket.resume();
        await within(4 * PATIENCE_MS, this.ended, () => `the connection did not end; ${this.bytes} bytes came`);
        const all = Buffer.concat(this.chunks);
        const end = all.indexOf('\r\n\r\n');
        return { head: all.subarray(0, end).toString('latin1'), body: all.subarray(end + 4) };
    }
}

const begin = (where) => new Reader(where).begin();

// The daemon's descriptors that are this file, by its name when it was opened.
async function openTimes(name) {
    const dir = `/proc/${daemon.pid}/fd`;
    const links = await Promise.all((await fs.readdir(dir)).map((fd) => fs.readlink(path.join(dir, fd)).catch(() => '')));
    return links.filter((link) => link.startsWith(path.join(root, name))).length;
}

// Until no download of it is under way. Resolves to the milliseconds that took.
async function untilClosed(name, ms) {
    const from = performance.now();
    while ((await openTimes(name)) > 0) {
        assert.ok(performance.now() - from < ms, `${name} is still open`);
        await pause(50);
    }
    return performance.now() - from;
}

// ---- parts, conditions and twins ----

test('a file comes whole, with all that belongs to it', async () => {
    const answer = await ask('/big.bin');
    assert.equal(answer.status, 200);
    assert.ok(answer.whole && BIG.equals(answer.body));
    assert.equal(answer.headers['content-length'], String(BIG.length));
    assert.equal(answer.headers['accept-ranges'], 'bytes');
    assert.equal(answer.headers['content-type'], 'application/octet-stream');
    assert.equal(answer.headers['x-content-type-options'], 'nosniff');
    assert.equal(answer.headers['cache-control'], 'no-cache');
    assert.equal(answer.headers.connection, 'close');
    assert.match(answer.headers.etag, /^"[^"]+"$/);
    assert.equal(answer.headers.vary?.includes('Accept-Encoding') ?? false, false);
    const digits = await ask('/digits.txt');
    assert.equal(digits.headers['last-modified'], 'Sun, 06 Nov 1994 08:49:37 GMT');
    const empty = await ask('/empty.txt');
    assert.deepEqual([empty.status, empty.headers['content-length'], empty.body.length], [200, '0', 0]);
});

test('HEAD says what GET would, and nothing more', async () => {
    for (const where of ['/big.bin', '/digits.txt', '/app.js', '/']) {
        const [head, get] = [await ask(where, { method: 'HEAD', headers: { Range: 'bytes=0-3' } }), await ask(where)];
        assert.equal(head.status, 200);
        assert.equal(head.body.length, 0);
        for (const name of ['content-length', 'content-type', 'etag', 'last-modified', 'accept-ranges', 'vary'])
            assert.equal(head.headers[name], get.headers[name], `${where}: ${name}`);
    }
    const missing = await ask('/missing', { method: 'HEAD' });
    assert.deepEqual([missing.status, missing.body.length], [404, 0]);
});

test('ranges: a part, the whole, or 416', async () => {
    const parts = { 'bytes=0-3': [0, 4], 'bytes=4-': [4, 10], 'bytes=-3': [7, 10], 'bytes=0-': [0, 10], 'bytes=5-99': [5, 10],
        'bytes=-99': [0, 10], 'bytes=0-4,5-6': [0, 7], 'bytes=2-5, 4-8': [2, 9], 'BYTES=1-1': [1, 2], 'bytes=3-4,20-': [3, 5] };
    for (const [Range, [from, to]] of Object.entries(parts)) {
        const answer = await ask('/digits.txt', { headers: { Range } });
        assert.equal(answer.status, 206, Range);
        assert.equal(answer.headers['content-range'], `bytes ${from}-${to - 1}/10`);
        assert.equal(answer.headers['content-length'], String(to - from));
        assert.equal(answer.headers['content-type'], 'text/plain; charset=utf-8');
        assert.match(answer.headers.etag, /^"/);
        assert.equal(answer.body.toString(), DIGITS.toString().slice(from, to), Range);
    }
    for (const Range of ['bytes=0-1,8-9', 'bytes=5-2', 'bytes=', 'bytes=a-b', 'bytes=1', 'lines=0-1', 'bytes=0-1;2-3', `bytes=${'0-,'.repeat(40)}`]) {
        const answer = await ask('/digits.txt', { headers: { Range } });
        assert.equal(answer.status, 200, Range);
        assert.ok(DIGITS.equals(answer.body));
        assert.equal(answer.headers['content-range'], undefined);
    }
    for (const Range of ['bytes=10-', 'bytes=10-20', 'bytes=-0', 'bytes=99999999999999999999-']) {
        const answer = await ask('/digits.txt', { headers: { Range } });
        assert.equal(answer.status, 416, Range);
        assert.equal(answer.headers['content-range'], 'bytes */10');
        assert.equal(JSON.parse(answer.body).error.code, 'range-not-satisfiable');
    }
    const middle = await ask('/big.bin', { headers: { Range: `bytes=${3 * MIB + 1}-${6 * MIB}` } });
    assert.equal(middle.status, 206);
    assert.ok(BIG.subarray(3 * MIB + 1, 6 * MIB + 1).equals(middle.body));
});

test('a download is resumed only if the file is still the same', async () => {
    const first = await ask('/digits.txt');
    const { etag, 'last-modified': date } = first.headers;
    const resumed = async (IfRange) => (await ask('/digits.txt', { headers: { Range: 'bytes=8-', 'If-Range': IfRange } })).status;
    assert.equal(await resumed(etag), 206);
    assert.equal(await resumed(date), 206);
    for (const other of ['"other"', `W/${etag}`, '*', 'Sun, 06 Nov 1994 08:49:36 GMT', 'Mon, 07 Nov 1994 08:49:37 GMT', 'yesterday'])
        assert.equal(await resumed(other), 200, other);
    const past = await ask('/digits.txt', { headers: { Range: 'bytes=10-', 'If-Range': '"other"' } });
    assert.equal(past.status, 200);
});

test('conditions: 304 to whoever has it, 412 to whoever wants another', async () => {
    const { etag } = (await ask('/digits.txt')).headers;
    const with_ = async (headers) => (await ask('/digits.txt', { headers })).status;
    const date = LONG_AGO.toUTCString();
    const earlier = new Date(LONG_AGO - 1000).toUTCString();
    for (const known of [etag, `W/${etag}`, '*', `"a", ${etag}`, `W/"a,b",W/${etag} , "c"`])
        assert.equal(await with_({ 'If-None-Match': known }), 304, known);
    assert.equal(await with_({ 'If-None-Match': ['"a"', etag] }), 304, 'on two lines');
    for (const other of ['"other"', 'W/"other"', etag.slice(1, -1), etag.slice(0, -1)])
        assert.equal(await with_({ 'If-None-Match': other }), 200, other);
    assert.equal(await with_({ 'If-Modified-Since': date }), 304);
    assert.equal(await with_({ 'If-Modified-Since': 'Sunday, 06-Nov-94 08:49:37 GMT' }), 304);
    assert.equal(await with_({ 'If-Modified-Since': 'Sun Nov  6 08:49:37 1994' }), 304);
    assert.equal(await with_({ 'If-Modified-Since': earlier }), 200);
    assert.equal(await with_({ 'If-Modified-Since': 'once' }), 200);
    assert.equal(await with_({ 'If-Modified-Since': date, 'If-None-Match': '"other"' }), 200);
    assert.equal(await with_({ 'If-Match': etag }), 200);
    assert.equal(await with_({ 'If-Match': '*' }), 200);
    assert.equal(await with_({ 'If-Match': `W/${etag}` }), 412);
    assert.equal(await with_({ 'If-Match': '"other"' }), 412);
    assert.equal(await with_({ 'If-Unmodified-Since': date }), 200);
    assert.equal(await with_({ 'If-Unmodified-Since': earlier }), 412);
    const same = await ask('/digits.txt', { headers: { 'If-None-Match': etag, Range: 'bytes=0-1' } });
    assert.deepEqual([same.status, same.body.length, same.headers.etag, same.headers['cache-control']], [304, 0, etag, 'no-cache']);
    const other = await ask('/digits.txt', { headers: { 'If-Match': '"other"' } });
    assert.equal(JSON.parse(other.body).error.code, 'precondition-failed');
});

test('twins that were compressed before are sent to who takes them', async () => {
    const unpack = { undefined: (b) => b, gzip: zlib.gunzipSync, br: zlib.brotliDecompressSync };
    const etags = new Map();
    const cases = { '': undefined, identity: undefined, gzip: 'gzip', br: 'br', 'gzip, deflate': 'gzip', 'deflate, gzip, br, zstd': 'br',
        'gzip, deflate, br': 'br', 'br;q=0.1, gzip': 'gzip', 'gzip;q=0, br;q=0': undefined, '*': undefined, 'identity;q=0, *': 'br',
        'identity;q=0': undefined, 'x-gzip': 'gzip' };
    for (const [accept, coding] of Object.entries(cases)) {
        const answer = await ask('/app.js', { headers: { 'Accept-Encoding': accept } });
        assert.equal(answer.status, 200);
        assert.equal(answer.headers['content-encoding'], coding, accept);
        assert.equal(answer.headers['content-type'], 'text/javascript; charset=utf-8');
        assert.match(answer.headers.vary, /Accept-Encoding/);
        assert.ok(SCRIPT.equals(unpack[coding](answer.body)), accept);
        etags.set(coding, answer.headers.etag);
    }
    assert.equal(new Set(etags.values()).size, 3);
    const again = await ask('/app.js', { headers: { 'Accept-Encoding': 'gzip', 'If-None-Match': etags.get('gzip') } });
    assert.equal(again.status, 304);
    assert.match(again.headers.vary, /Accept-Encoding/);
    const unlike = await ask('/app.js', { headers: { 'Accept-Encoding': 'br', 'If-None-Match': etags.get('gzip') } });
    assert.equal(unlike.status, 200);
    const part = await ask('/app.js', { headers: { 'Accept-Encoding': 'gzip', Range: 'bytes=0-1', 'If-Range': etags.get('gzip') } });
    assert.deepEqual([part.status, part.body[0], part.body[1]], [206, 0x1f, 0x8b]);
    const stale = await ask('/stale.js', { headers: { 'Accept-Encoding': 'gzip' } });
    assert.equal(stale.headers['content-encoding'], undefined);
    assert.ok(SCRIPT.equals(stale.body));
});

// ---- names ----

test('names with blanks, percent signs and UTF-8', async () => {
    for (const [name, where] of Object.entries(ODD_NAMES)) {
        const answer = await ask(`/${where}`);
        assert.deepEqual([answer.status, answer.body.toString()], [200, name]);
    }
});

test('no spelling of a path leads out of the folder', async () => {
    const dots = ['..', '%2e%2e', '.%2e', '%2E.', '%252e%252e', '%c0%ae%c0%ae', '%e0%80%ae%e0%80%ae', '..%00', '....', '..;', '%uff0e%uff0e'];
    const slashes = ['/', '%2f', '%2F', '%5c', '\\', '//', '%c0%af', '%252f', '/./'];
    const paths = dots.flatMap((dot) => slashes.flatMap((slash) => [`/${dot}${slash}outside.txt`, `/sub${slash}${dot}${slash}${dot}${slash}outside.txt`]));
    paths.push(`/${top}/outside.txt`, `/%00/../outside.txt`, '/index.html/../../outside.txt', '/digits.txt%00.html', '/%', '/%zz', '/digits%2etxt/..',
        '/%2e%2e%2foutside.txt?x', '/room/..%2foutside.txt', '/outside.txt');
    for (const where of paths) {
        const raw = new Raw(daemon.port);
        await raw.write(`GET ${where} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
        await raw.end();
        const text = raw.received.toString('latin1');
        assert.match(text, /^HTTP\/1\.1 40[04] /, where);
        assert.doesNotMatch(text, /secret/, where);
    }
});

// ---- files that change, and clients that go ----

test('a file that shrinks ends its download, and nothing else', async () => {
    const [a, b] = await pair(daemon.url, 'shrinks');
    await put('shrinks.bin', BIG);
    const readers = await Promise.all(Array.from({ length: 5 }, () => begin('/shrinks.bin')));
    await put('shrinks.bin', 'short'); // as cp does: the same file, made shorter
    for (const reader of readers) {
        const { head, body } = await reader.rest();
        assert.match(head, /Content-Length: 8388608/i);
        assert.ok(body.length < BIG.length && BIG.subarray(0, body.length).equals(body));
    }
    await untilClosed('shrinks.bin', PATIENCE_MS);
    a.send({ type: 'signal', to: b.peerId, data: 1 });
    assert.equal((await b.next()).data, 1);
    assert.equal((await ask('/shrinks.bin')).body.toString(), 'short');
    await Promise.all([a.close(1000), b.close(1000)]);
});

test('a file that grows is sent as far as was promised', async () => {
    await put('grows.bin', BIG);
    const reader = await begin('/grows.bin');
    await fs.appendFile(path.join(root, 'grows.bin'), BIG.subarray(0, MIB));
    const { body } = await reader.rest();
    assert.ok(BIG.equals(body));
    assert.equal((await ask('/grows.bin')).body.length, 9 * MIB);
});

test('a file that is replaced is sent as it was', async () => {
    const next = bytesOf(5 * MIB, 2);
    await put('app.wasm', BIG);
    const reader = await begin('/app.wasm');
    await put('app.wasm.new', next);
    await fs.rename(path.join(root, 'app.wasm.new'), path.join(root, 'app.wasm'));
    assert.ok(next.equals((await ask('/app.wasm')).body));
    assert.ok(BIG.equals((await reader.rest()).body));
    await put('gone.bin', BIG);
    const last = await begin('/gone.bin');
    await fs.rm(path.join(root, 'gone.bin'));
    assert.equal((await ask('/gone.bin')).status, 404);
    assert.ok(BIG.equals((await last.rest()).body));
});

test('a client that closes its half after the request gets everything', async () => {
    for (const where of ['/big.bin', '/digits.txt', '/app.js']) {
        const reader = new Reader(where, { allowHalfOpen: true });
        reader.socket.end(reader.request);
        reader.socket.on('end', () => reader.socket.destroy());
        const { head, body } = await reader.rest();
        assert.match(head, /^HTTP\/1\.1 200 /);
        assert.equal(body.length, Number(/Content-Length: (\d+)/i.exec(head)[1]), where);
    }
});

test('clients that hang up in the middle leave nothing behind', async () => {
    const storm = async (n) => {
        const readers = Array.from({ length: n }, () => new Reader('/big.bin'));
        await Promise.all(readers.map(async (reader, i) => {
            await once(reader.socket, 'connect');
            reader.socket.write(reader.request);
            const enough = (i % 7) * 100000;
            if (i % 5 > 0) await within(PATIENCE_MS, new Promise((resolve) => (reader.onData = () => reader.bytes >= enough && resolve())), 'nothing came');
            if (i % 3 === 0) reader.socket.destroy();
            else reader.socket.resetAndDestroy();
            await reader.ended;
        }));
    };
    for (let round = 0; round < 8; round++) await storm(50);
    await untilClosed('big.bin', PATIENCE_MS);
    const answer = await ask('/big.bin');
    assert.ok(answer.whole && BIG.equals(answer.body));
});

// HTTP/1.0, as an old proxy or a health check of haproxy asks.
test('a client of HTTP/1.0 that names no host', async () => {
    const raw = new Raw(daemon.port);
    await raw.write('GET /digits.txt HTTP/1.0\r\n\r\n');
    await raw.end();
    assert.match(raw.received.toString('latin1'), /^HTTP\/1\.[01] 200 [^]*\r\n\r\n0123456789$/);
});

// ---- slow clients ----

describe('slow clients', { concurrency: true }, () => {
    // Reads so many bytes a second for so long.
    async function readSlowly(reader, rate, ms) {
        const from = performance.now();
        let resume;
        reader.onData = () => {
            const ahead = (reader.bytes / rate) * 1000 - (performance.now() - from);
            if (ahead <= 0 || performance.now() - from > ms) return;
            reader.socket.pause();
            clearTimeout(resume);
            resume = setTimeout(() => reader.socket.resume(), Math.min(ahead, 1000));
        };
        reader.socket.resume();
        await Promise.race([reader.ended, pause(ms)]);
        clearTimeout(resume);
        reader.onData = undefined;
    }

    test('a slow download is not cut', async () => {
        const slow = bytesOf(12 * MIB, 3);
        await put('slow.bin', slow);
        const reader = await begin('/slow.bin');
        await readSlowly(reader, 500 * 1000, 3 * IDLE_MS);
        assert.ok(reader.bytes > 10 * MIB, `${reader.bytes} bytes came`);
        const { body } = await reader.rest();
        assert.ok(slow.equals(body), `${body.length} of ${slow.length} bytes came`);
    });

    // So slow that the socket, once full, takes nothing new for longer than IDLE_MS: what it has must count.
    test('a very slow download is not cut', async () => {
        const slow = bytesOf(12 * MIB, 4);
        await put('crawl.bin', slow);
        const reader = await begin('/crawl.bin');
        await readSlowly(reader, 60 * 1000, 2.5 * IDLE_MS);
        assert.ok(reader.bytes < 4 * MIB, `${reader.bytes} bytes came`);
        const { body } = await reader.rest();
        assert.ok(slow.equals(body), `${body.length} of ${slow.length} bytes came`);
    });

    test('a client that stops reading is given up', async () => {
        await put('stopped.bin', BIG);
        const reader = await begin('/stopped.bin');
        const ms = await untilClosed('stopped.bin', 3 * IDLE_MS);
        assert.ok(ms > IDLE_MS / 2, `already after ${ms} ms`);
        const { body } = await reader.rest();
        assert.ok(body.length < BIG.length);
    });

    test('a client that waits for less than that is not', async () => {
        await put('waits.bin', BIG);
        const reader = await begin('/waits.bin');
        for (let i = 0; i < 3; i++) {
            await pause(IDLE_MS / 2);
            const enough = reader.bytes + 2 * MIB;
            const more = new Promise((resolve) => (reader.onData = () => reader.bytes >= enough && resolve()));
            reader.socket.resume();
            await within(PATIENCE_MS, Promise.race([more, reader.ended]), 'no more came');
            reader.socket.pause();
        }
        reader.onData = undefined;
        const { body } = await reader.rest();
        assert.ok(BIG.equals(body), `${body.length} of ${BIG.length} bytes came`);
    });
});

// ---- beside a relay ----

const DOWNLOADS = 40;
const SIGNALS = 400;
const RELAY_MS = 4; // the mean by the daemon's own clock: from the read of a message to its write
const ROUNDTRIP_MS = 20; // p50: what a message waits before it is read is in it, and whatever else runs on this machine

// The roundtrips in milliseconds, sorted, and the daemon's mean.
async function talk([a, b]) {
    const sum = async () => {
        const m = parseMetrics((await ask('/metrics')).body.toString());
        return [m.get('usherd_relay_latency_seconds_sum'), m.get('usherd_relay_latency_seconds_count')];
    };
    const [before, n] = await sum();
    const took = [];
    for (let i = 0; i < SIGNALS; i++) {
        const from = performance.now();
        a.send({ type: 'signal', to: b.peerId, data: i });
        assert.equal((await b.next()).data, i);
        took.push(performance.now() - from);
    }
    const [later, m] = await sum();
    return { took: took.sort((x, y) => x - y), mean: (1000 * (later - before)) / (m - n) };
}

test('forty downloads at once do not keep a relay waiting', async (t) => {
    const members = await pair(daemon.url, 'beside');
    const alone = await talk(members);
    const child = spawn(process.execPath, [path.join(tree, 'tests/e2e/lib/downloads.mjs'), daemon.port, '/big.bin', DOWNLOADS, BIG.length],
        { stdio: ['pipe', 'pipe', 'inherit'] });
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    try {
        assert.equal((await within(PATIENCE_MS, lines.next(), 'they did not begin')).value, 'going');
        const beside = await talk(members);
        const at = (list, part) => list[Math.floor(list.length * part)].toFixed(2);
        t.diagnostic(`roundtrip p50 ${at(alone.took, 0.5)} → ${at(beside.took, 0.5)} ms, p99 ${at(alone.took, 0.99)} → ${at(beside.took, 0.99)} ms, ` +
            `in the daemon ${alone.mean.toFixed(3)} → ${beside.mean.toFixed(3)} ms`);
        assert.ok(beside.mean < RELAY_MS, `the daemon took ${beside.mean} ms`);
        assert.ok(at(beside.took, 0.5) < ROUNDTRIP_MS, `a roundtrip took ${at(beside.took, 0.5)} ms`);
        child.stdin.end();
        assert.match((await within(4 * PATIENCE_MS, lines.next(), 'they did not end')).value, /^whole \d+$/);
    } finally {
        child.kill('SIGKILL');
    }
    await Promise.all(members.map((member) => member.close(1000)));
});
