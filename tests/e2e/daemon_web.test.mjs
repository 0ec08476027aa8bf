// SPDX-License-Identifier: MIT
//
// Files of web_root: which names are served, as what, and that no path leads out of the folder.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { startDaemon } from './lib/daemon.mjs';
import { Raw } from './lib/raw.mjs';

const PAGE = '<!doctype html><title>usher</title>';
const BIG = Buffer.alloc(1024 * 1024, 'usher ');

let daemon, top;
before(async () => {
    top = await fs.mkdtemp(path.join(os.tmpdir(), 'usherd-web-'));
    const root = path.join(top, 'root');
    await fs.mkdir(path.join(root, 'sub'), { recursive: true });
    await fs.writeFile(path.join(root, 'index.html'), PAGE);
    await fs.writeFile(path.join(root, 'sub', 'app.js'), 'export {};');
    await fs.writeFile(path.join(root, 'big.bin'), BIG);
    await fs.writeFile(path.join(root, '.secret'), 'secret');
    await fs.writeFile(path.join(top, 'outside.txt'), 'secret');
    await fs.mkdir(path.join(top, 'root-too'));
    await fs.writeFile(path.join(top, 'root-too', 'near.txt'), 'secret');
    await fs.symlink(path.join(top, 'outside.txt'), path.join(root, 'link.txt'));
    await fs.symlink(path.join(top, 'root-too'), path.join(root, 'near'));
    await fs.symlink('sub', path.join(root, 'inner'));
    daemon = await startDaemon({ args: ['--set', `server.web_root=${root}`] });
});
after(async () => {
    await daemon?.stop();
    await fs.rm(top, { recursive: true });
});

const get = (where, options) => fetch(`${daemon.http}${where}`, options);

test('/ and /room/:id are the page', async () => {
    for (const where of ['/', '/room/abc', '/room/A-b_9', '/index.html']) {
        const answer = await get(where);
        assert.equal(answer.status, 200, where);
        assert.equal(answer.headers.get('content-type'), 'text/html; charset=utf-8');
        assert.equal(await answer.text(), PAGE);
    }
    for (const where of ['/room/', '/room/a.b', '/room/a/b', '/rooms', `/room/${'x'.repeat(65)}`])
        assert.equal((await get(where)).status, 404, where);
});

test('a room has a page of its own where there is one, and an older address leads to it', async () => {
    await fs.writeFile(path.join(top, 'root', 'room.html'), 'room');
    assert.equal(await (await get('/room/abc')).text(), 'room');
    assert.equal(await (await get('/')).text(), PAGE);
    for (const [where, to] of [['/room.html?id=abc', '/room/abc'], ['/room.html?x=1&id=A-b_9', '/room/A-b_9'], ['/room.html?id=%61bc', '/room/abc']]) {
        const moved = await get(where, { redirect: 'manual' });
        assert.equal(moved.status, 301, where);
        assert.equal(new URL(moved.headers.get('location'), daemon.http + where).pathname, to);
        assert.doesNotMatch(moved.headers.get('location'), /^\//); // a proxy may have stripped a prefix
        assert.equal(await (await get(where)).text(), 'room');
    }
    for (const where of ['/room.html', '/room.html?id=', '/room.html?id=a%0d%0aX-Evil:%201', '/room.html?id=../x', '/room.html?id=%zz', `/room.html?id=${'x'.repeat(65)}`]) {
        const answer = await get(where, { redirect: 'manual' });
        assert.equal(answer.status, 200, where); // the page says that it knows no such room
        assert.equal(answer.headers.get('x-evil'), null);
    }
    await fs.rm(path.join(top, 'root', 'room.html'));
    assert.equal(await (await get('/room/abc')).text(), PAGE);
    assert.equal((await get('/room.html')).status, 404);
});

test('pages and scripts come with a strict policy', async () => {
    const page = await get('/');
    const policy = page.headers.get('content-security-policy');
    assert.match(policy, /^default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; /);
    for (const part of ["base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'", "connect-src 'self'"]) assert.ok(policy.includes(part), policy);
    assert.doesNotMatch(policy, /unsafe-inline|'unsafe-eval'|\*|https?:/);
    assert.equal(page.headers.get('x-content-type-options'), 'nosniff');
    assert.equal(page.headers.get('referrer-policy'), 'no-referrer');
    assert.match(page.headers.get('permissions-policy'), /camera=\(self\), microphone=\(self\), display-capture=\(self\)/);
    assert.equal((await get('/sub/app.js')).headers.get('content-security-policy'), policy); // a worker has that of its script
});

test('a name that says what is in the file is kept for ever, and its twins are sent as they are', async () => {
    const at = path.join(top, 'root', 'sub', 'a.0123456789abcdef.js');
    const bytes = { '': Buffer.from('export const a = 1;'), '.gz': gzipSync('export const a = 1;'), '.br': brotliCompressSync('export const a = 1;') };
    for (const [suffix, what] of Object.entries(bytes)) await fs.writeFile(at + suffix, what);
    const tags = new Set();
    for (const [accept, suffix, coding] of [['gzip, deflate, br', '.br', 'br'], ['gzip', '.gz', 'gzip'], ['identity', '', null]]) {
        const raw = new Raw(daemon.port);
        await raw.write(`GET /sub/a.0123456789abcdef.js HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: ${accept}\r\n\r\n`);
        await raw.end();
        const [head] = raw.received.toString('latin1').split('\r\n\r\n');
        assert.match(head, /Cache-Control: public, max-age=31536000, immutable\r\n/);
        assert.match(head, /Vary: Accept-Encoding\r\n/);
        assert.equal(/Content-Encoding: (.*)\r\n/.exec(head)?.[1] ?? null, coding);
        assert.ok(raw.received.subarray(head.length + 4).equals(bytes[suffix]), accept);
        tags.add(/ETag: (.*)\r\n/.exec(head)[1]);
    }
    assert.equal(tags.size, 3);
});

test('where there is no page the daemon says so in a sentence', async () => {
    const bare = await startDaemon({ args: ['--set', 'server.web_root='] });
    for (const where of ['/', '/room/abc']) {
        const answer = await fetch(bare.http + where);
        assert.equal(answer.status, 404);
        const { error } = await answer.json();
        assert.equal(error.code, 'no-page');
        assert.match(error.message, /there is no page here: install it .* server\.web_root/);
    }
    assert.equal((await (await fetch(`${bare.http}/room.html?id=abc`)).json()).error.code, 'not-found');
    assert.equal(await bare.stop(), 0);
});

test('files have their types, come whole, and are not sent twice', async () => {
    const script = await get('/sub/app.js');
    assert.equal(script.headers.get('content-type'), 'text/javascript; charset=utf-8');
    assert.equal(script.headers.get('x-content-type-options'), 'nosniff');
    assert.equal(script.headers.get('cache-control'), 'no-cache');
    const again = await get('/sub/app.js', { headers: { 'If-None-Match': script.headers.get('etag') } });
    assert.equal(again.status, 304);
    assert.equal(again.headers.get('etag'), script.headers.get('etag'));
    assert.equal(await again.text(), '');
    assert.equal((await get('/inner/app.js')).status, 200, 'a link that stays inside');
    const big = await get('/big.bin');
    assert.equal(big.headers.get('content-type'), 'application/octet-stream');
    assert.ok(BIG.equals(Buffer.from(await big.arrayBuffer())));
    const part = await get('/big.bin', { headers: { Range: 'bytes=0-3' } });
    assert.equal(part.status, 206);
    assert.equal(part.headers.get('content-range'), `bytes 0-3/${BIG.length}`);
    assert.equal(await part.text(), 'ushe');
    assert.equal(big.headers.get('accept-ranges'), 'bytes');
    const head = await get('/big.bin', { method: 'HEAD' });
    assert.equal(head.headers.get('content-length'), String(BIG.length));
});

test('nothing outside the folder, hidden or no file is served', async () => {
    const paths = ['/../outside.txt', '/sub/../../outside.txt', '/%2e%2e/outside.txt', '/%2e%2e%2foutside.txt', '/..%2foutside.txt',
        '/..%5coutside.txt', '/sub/%2e%2e/%2e%2e/outside.txt', '/....//outside.txt', '//outside.txt', '/link.txt', '/near/near.txt', '/.secret',
        '/sub/../.secret', '/%2esecret', '/sub', '/sub/', '/index.html/', '/index.html%00.js', '/./.secret', '/nothing.html',
        `${top}/outside.txt`, `/${top}/outside.txt`, '/../root-too/near.txt'];
    for (const where of paths) {
        const raw = new Raw(daemon.port);
        await raw.write(`GET ${where} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
        await raw.end();
        const text = raw.received.toString('latin1');
        assert.doesNotMatch(text, /\r\nsecret|200 OK\r\n[^]*secret/, where);
    }
    assert.equal((await get('/health')).status, 200);
});

test('only GET and HEAD reach files', async () => {
    for (const method of ['POST', 'PUT', 'DELETE']) assert.equal((await get('/index.html', { method })).status, 404, method);
});
