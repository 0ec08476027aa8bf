// SPDX-License-Identifier: MIT
//
// HTTP as it was once answered wrongly, on the plain way in and on that of TLS. Numbers are those of the faults that hostile
// and unlucky use found. Of these, 17 (long lists of subprotocols) is in daemon_rfc6455.test.mjs, which runs on
// both ways, too; a token of any length, wherever it stands (16), is also in daemon_access.test.mjs.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import net from 'node:net';
import path from 'node:path';
import tls from 'node:tls';
import { once } from 'node:events';
import { within } from './lib/daemon.mjs';
import { scratch } from './lib/peer.mjs';
import { Raw, TEXT, frame, handshake } from './lib/raw.mjs';
import { startBothWays } from './lib/ways.mjs';

const PATIENCE_MS = 4000; // less than any time limit of the daemon
const BIG = 3 * 1024 * 1024;
const TRUSTED = '127.0.0.2'; // a proxy: whom it names counts
const SCRAPER = '203.0.113.5'; // may read the metrics

const set = (...options) => options.flatMap((option) => ['--set', option]);

let daemons, ca, stop;
before(async () => {
    const root = await scratch();
    await fs.writeFile(path.join(root, 'index.html'), '<!doctype html>');
    await fs.writeFile(path.join(root, 'big'), Buffer.alloc(BIG, 'usher '));
    const args = set(`server.trusted_proxies=${TRUSTED}`, `server.metrics_allow=${SCRAPER}`, `server.web_root=${root}`,
        'limits.connection_rate=0', 'limits.join_rate=0');
    ({ daemons, ca, stop } = await startBothWays(args));
});
after(() => stop?.());

async function open(way, from = '127.0.0.1') {
    const at = { host: '127.0.0.1', port: daemons[way].port, localAddress: from, allowHalfOpen: true };
    const socket = way === 'TLS' ? tls.connect({ ...at, ca }) : net.connect(at);
    await within(PATIENCE_MS, once(socket, way === 'TLS' ? 'secureConnect' : 'connect'), 'no connection');
    socket.on('end', () => socket.end());
    return new Raw(socket);
}

const request = (line, lines = [], body = '') => `${line} HTTP/1.1\r\nHost: x\r\n${lines.map((one) => `${one}\r\n`).join('')}\r\n${body}`;
const get = (target, ...lines) => request(`GET ${target}`, lines);
const post = (body, ...lines) => request('POST /api/rooms', [...lines, `Content-Length: ${body.length}`], body);
const answers = (raw) => raw.received.toString('latin1').match(/^HTTP\/1\.1 \d{3}/gm)?.map((line) => Number(line.slice(-3))) ?? [];

// The statuses that come back until the daemon ends.
async function statuses(way, bytes, from) {
    const raw = await open(way, from);
    await raw.write(bytes);
    await raw.end(PATIENCE_MS);
    return answers(raw);
}

async function answered(way, bytes, status, from) {
    assert.deepEqual(await statuses(way, bytes, from), [status], bytes.slice(0, 300));
}

const BEGINNINGS = ['X', 'A', 'If', 'X-Forwarded-Fo', 'X-Forwarded', 'Hos', 'Content-Lengt', 'Upgrad', 'C', 'Transfer'];
// Where a request may be thought to go on, or to end too soon: [head and body, its own answer].
const SMUGGLING = [
    [get('/health'), 200],
    [get('/health', 'Connection: keep-alive'), 200],
    [get('/health', 'Content-Length: 0'), 200],
    [request('GET /health', ['Content-Length: 5'], 'hello'), 200],
    [request('GET /health', ['Transfer-Encoding: chunked'], '0\r\n\r\n'), 200],
    [get('/nothing'), 404],
    [request('HEAD /health'), 200],
    [request('OPTIONS /api/rooms'), 204],
    [post('{}'), 201],
    [request('POST /api/rooms', ['Content-Length: 2', 'Transfer-Encoding: chunked'], '0\r\n\r\n'), 400],
    [request('POST /api/rooms', ['Transfer-Encoding: chunked'], '0\r\n\r\n'), 411],
    [request('POST /api/rooms', ['Transfer-Encoding: identity, chunked'], '0\r\n\r\n'), 501],
    [request('POST /api/rooms', ['Content-Length: 2', 'Content-Length: 2'], '{}'), 400],
    [request('POST /api/rooms', ['Content-Length: 99999'], '{}'), 413],
    [handshake('/ws', { 'Sec-WebSocket-Version': '8' }), 426],
    ['GET /health HTTP/1.0\r\nConnection: keep-alive\r\n\r\n', 200],
    ['NONSENSE\r\n\r\n', 400],
];

for (const way of ['plain', 'TLS'])
    describe(way, () => {
        const room = (name) => `${way.toLowerCase()}-${name}`;
        const made = async (name) => (await statuses(way, get(`/api/rooms/${room(name)}`)))[0] === 200;

        test('fault 4: a name that is the beginning of another hides no line', async () => {
            await answered(way, get('/metrics'), 200);
            for (const name of BEGINNINGS) {
                await answered(way, get('/metrics', `${name}: 1`), name.startsWith('X-Forwarded-') ? 403 : 200); // all of these tell of a proxy
                await answered(way, get('/metrics', `${name}: 1`, 'X-Forwarded-For: 1.2.3.4'), 403);
                await answered(way, get('/metrics', 'X-Forwarded-For: 1.2.3.4', `${name}: 1`), 403);
                await answered(way, get('/metrics', `${name}: 1`, `X-Forwarded-For: ${SCRAPER}`), 200, TRUSTED);
                await answered(way, post(`{"name":"${room(name)}"}`, `${name}: x`), 201);
                assert.ok(await made(name), name);
            }
        });

        test('fault 4: a path is exact', async () => {
            for (const target of ['/metrics;x', '//metrics', '/./metrics', '/metrics/', '/metrics/.', '/a/../metrics', '/%2e/metrics', '/metrics%3bx',
                '/metrics%00', '/METRICS', '/.;/metrics', '/%2fmetrics'])
                assert.ok([400, 404].includes((await statuses(way, get(target)))[0]), target);
        });

        test('fault 4: who comes from a trusted proxy is near by its word only, of any length', async () => {
            const long = 'junk, '.repeat(1000);
            await answered(way, get('/metrics'), 403, TRUSTED);
            await answered(way, get('/metrics', `X-Forwarded-For: ${long}192.0.2.1`), 403, TRUSTED);
            await answered(way, get('/metrics', `X-Forwarded-For: ${long}${SCRAPER}`), 200, TRUSTED);
            await answered(way, get('/metrics', `X-Forwarded-For: ${long}${SCRAPER}, 192.0.2.1`), 403, TRUSTED);
            for (const claim of ['X-Forwarded-For: unknown', 'X-Forwarded-For: 127.0.0.1', `Forwarded: for=${SCRAPER}`, 'Forwarded: for=unknown',
                'Forwarded: for=_hidden', `X-Real-IP: ${SCRAPER}`, 'Via: 1.1 x'])
                await answered(way, get('/metrics', claim), 403, TRUSTED);
        });

        test('fault 4: a connection carries one request, whatever stands behind it', async () => {
            let n = 0;
            for (const [first, status] of SMUGGLING)
                for (const apart of [false, true]) {
                    const name = `smuggled${n++}`;
                    const second = post(`{"name":"${room(name)}"}`, 'If: x', 'X-Forwarded-Fo: 1');
                    const raw = await open(way);
                    await raw.write(apart ? first : first + second);
                    await raw.until(/\r\n\r\n/);
                    if (apart && raw.socket.writable) await raw.write(second);
                    await raw.end(PATIENCE_MS);
                    assert.deepEqual(answers(raw), [status], first);
                    assert.equal(await made(name), false, first);
                }
        });

        test('fault 12: an upgrade that is not wanted is ignored', async () => {
            for (const value of ['h2c', 'HTTP/2.0', 'TLS/1.0', 'h2c, TLS/1.2', 'h2c, websocket', 'websocket']) {
                const lines = ['Connection: Upgrade, HTTP2-Settings', `Upgrade: ${value}`, 'HTTP2-Settings: AAMAAABkAAQAAP__'];
                for (const target of ['/health', '/ready', '/metrics', '/api/rooms', '/api/ice-servers', '/', '/api/validate?room=r'])
                    await answered(way, get(target, ...lines), 200);
                await answered(way, post('{}', ...lines), 201);
                await answered(way, get('/nothing', ...lines), 404);
            }
            const raw = await open(way);
            await raw.write(handshake('/ws', { Upgrade: 'h2c, websocket' }));
            await raw.until(/^HTTP\/1\.1 101 [^]*"type":"welcome"/);
            raw.destroy();
        });

        test('HEAD is answered without a body, whatever is wrong with it', async () => {
            for (const [bytes, status] of [['HEAD /health HTTP/1.1\r\n\r\n', 400], [request('HEAD /health', ['Host: b']), 400],
                [request('HEAD /none'), 404]]) {
                const raw = await open(way);
                await raw.write(bytes);
                await raw.end(PATIENCE_MS);
                assert.match(`${raw.received}`, new RegExp(`^HTTP/1\\.1 ${status} [^]*\r\n\r\n$`));
            }
        });

        test('fault 13: Expect: 100-continue is answered', async () => {
            const head = (...lines) => request('POST /api/rooms', lines);
            const raw = await open(way);
            await raw.write(head('Expect: 100-continue', 'Content-Length: 2'));
            await raw.until(/^HTTP\/1\.1 100 Continue\r\n\r\n$/);
            await raw.write('{}');
            await raw.end(PATIENCE_MS);
            assert.deepEqual(answers(raw), [100, 201]);
            await answered(way, head('Expect: 100-CONTINUE', 'Content-Length: 99999'), 413);
            await answered(way, head('Expect: 100-continue', 'Transfer-Encoding: chunked'), 411);
            await answered(way, post('{}', 'Expect: 100-continue'), 201);
            await answered(way, get('/health', 'Expect: 100-continue'), 200);
            await answered(way, post('{}', 'Expect: the-worst'), 417);
            for (const lines of [['Expect: 100-continue', 'Expect: 100-continue'], ['Expect: 100-continue,'], ['Expect: , 100-Continue ,100-continue']]) {
                const twice = await open(way);
                await twice.write(head(...lines, 'Content-Length: 2'));
                await twice.until(/^HTTP\/1\.1 100 Continue\r\n\r\n$/);
                await twice.write('{}');
                await twice.end(PATIENCE_MS);
                assert.deepEqual(answers(twice), [100, 201], lines.join());
            }
            await answered(way, post('{}', 'Expect:'), 201);
            for (const lines of [['Expect: the-worst', 'Expect: the-worst'], ['Expect: 100-continue', 'Expect: more'], ['Expect: 100-continue, more']])
                await answered(way, post('{}', ...lines), 417);
            const old = await open(way); // RFC 9110 section 10.1.1: not to HTTP/1.0
            await old.write('POST /api/rooms HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n');
            await old.write('{}');
            await old.end(PATIENCE_MS);
            assert.deepEqual(answers(old), [201]);
        });

        test('fault 14: all forms of a target', async () => {
            for (const target of ['http://x/health', 'HTTPS://other.example:1/health', 'ws://x/health', 'http://[::1]:4000/health?a=b', '/health?%', '/health?%zz&&='])
                await answered(way, get(target), 200);
            await answered(way, get('http://x'), 200); // the page
            await answered(way, request('POST http://x/api/rooms', ['Content-Length: 2'], '{}'), 201);
            await answered(way, request('OPTIONS *'), 204);
            await answered(way, request('CONNECT x:443'), 501);
            for (const target of ['x:443', 'ftp://x/health', 'http:///health', 'http://u@x/health', '*', 'health', '/%', '/%zz', '/%00'])
                await answered(way, get(target), 400);
            const raw = await open(way);
            await raw.write(handshake('http://localhost/ws'));
            await raw.until(/^HTTP\/1\.1 101 /);
            raw.destroy();
        });

        test('fault 14: Host, and lengths with blanks', async () => {
            for (const head of ['GET /health HTTP/1.1\r\n\r\n', get('/health', 'Host: y'), get('/health', 'Host: x'), handshake('/ws', { Host: undefined }),
                'GET http://x/health HTTP/1.1\r\n\r\n'])
                await answered(way, head, 400);
            await answered(way, 'GET /health HTTP/1.0\r\n\r\n', 200);
            await answered(way, 'GET /health HTTP/1.1\r\nHost:\r\n\r\n', 200);
            for (const length of ['2 ', '2\t', '  2', '0002']) await answered(way, request('POST /api/rooms', [`Content-Length: ${length}`], '{}'), 201);
        });

        test('fault 15: who ends its side after the request gets all of its answer', async () => {
            const halfClosed = async (bytes) => {
                const raw = await open(way);
                raw.socket.end(bytes);
                await raw.end(2 * PATIENCE_MS);
                return raw.received.toString('latin1');
            };
            const body = JSON.parse((await halfClosed(post(`{"name":"${room('half')}"}`))).split('\r\n\r\n')[1]);
            assert.ok(body.ownerToken);
            assert.ok(await made('half'));
            assert.ok(JSON.parse((await halfClosed(post('{"password":"secret"}'))).split('\r\n\r\n')[1]).ownerToken);
            assert.match(await halfClosed(get('/health')), /"status":"ok"/);
            assert.equal((await halfClosed(get('/big'))).split('\r\n\r\n')[1].length, BIG);
            assert.equal(await halfClosed('GET /health HTTP/1.1\r\nHost: x\r\n'), '', 'it was not whole');
            assert.equal(await halfClosed(request('POST /api/rooms', ['Content-Length: 3'], '{}')), '');
        });

        test('what comes a byte at a time is read as what comes whole', async () => {
            const drop = async (raw, bytes) => {
                raw.socket.setNoDelay(true);
                for (const byte of Buffer.from(bytes)) await new Promise((sent) => raw.socket.write(Buffer.from([byte]), sent));
            };
            const asks = await open(way);
            await drop(asks, post(`{"name":"${room('dropped')}"}`));
            await asks.end(PATIENCE_MS);
            assert.deepEqual(answers(asks), [201]);
            assert.ok(await made('dropped'));
            const talks = await open(way);
            await drop(talks, Buffer.concat([Buffer.from(handshake()), frame(TEXT, '{"type":"ping"}'), frame(0x8, Buffer.from([3, 232]))]));
            await talks.end(PATIENCE_MS);
            assert.match(talks.received.toString('latin1'), /^HTTP\/1\.1 101 .*"welcome".*"pong".*\x88\x02\x03\xe8$/s);
        });

        test('fault 16: arguments of any length, in any order', async () => {
            const token = 'x'.repeat(130);
            for (const query of [`token=${token}&room=abc`, `room=abc&token=${token}`, `a=${'b'.repeat(8000)}&room=abc&token=${token}`]) {
                const raw = await open(way);
                await raw.write(get(`/api/validate?${query}`));
                await raw.end(PATIENCE_MS);
                assert.deepEqual(answers(raw), [200], query.slice(0, 40));
            }
            await answered(way, get(`/api/validate?token=${token}`), 400);
        });
    });
