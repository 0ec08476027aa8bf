// SPDX-License-Identifier: MIT
//
// What hostile and broken clients send: each has its defined answer, and meanwhile a well-behaved pair in another room is
// served as if nothing had happened.
import { after, before, beforeEach, afterEach, test } from 'node:test';
import assert from 'node:assert/strict';
import { startDaemon } from './lib/daemon.mjs';
import { Client, connect, pair } from './lib/client.mjs';
import { BINARY, CONTINUATION, Raw, TEXT, frame, handshake, openRaw } from './lib/raw.mjs';

let daemon;
let good;
before(async () => {
    daemon = await startDaemon();
    good = await pair(daemon.url, 'good');
});
after(async () => {
    for (const client of good ?? []) await client.close();
    assert.equal(await daemon?.stop(), 0);
});

// The proof that another connection is served, before each test is over.
async function served() {
    const [a, b] = good;
    const data = Math.random();
    a.send({ type: 'signal', to: b.peerId, data });
    assert.equal((await b.next()).data, data);
    b.send({ type: 'signal', to: a.peerId, data });
    assert.equal((await a.next()).data, data);
}
beforeEach(served);
afterEach(served);

async function refused(frames, code) {
    const a = await connect(daemon.url);
    for (const bad of frames) {
        const answer = await a.ask(bad);
        assert.equal(answer.type, 'error', bad.slice?.(0, 60));
        assert.equal(answer.code, code, `${bad.slice?.(0, 60)}: ${answer.message}`);
        assert.equal(answer.fatal, false);
    }
    await a.alive();
    await a.close();
}

test('not JSON', () => refused(['', 'hello', '{', '{"type":"ping"', '{"type":"ping"}x', "{'type':'ping'}", '\u0000'], 'bad-json'));
test('not an object', () => refused(['[]', '1', 'null', '"ping"', '[{"type":"ping"}]'], 'bad-json'));

test('too deep', async () => {
    const nest = (n) => `{"type":"ping","x":${'['.repeat(n)}${']'.repeat(n)}}`;
    await refused([nest(32), nest(5000)], 'bad-json');
    const a = await connect(daemon.url);
    assert.equal((await a.ask(nest(31))).type, 'pong');
    await a.close();
});

test('not UTF-8', async () => {
    const raw = await openRaw(daemon.port);
    for (const bytes of [[0xff], [0xc3], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80]]) {
        raw.received = Buffer.alloc(0);
        await raw.write(frame(TEXT, Buffer.concat([Buffer.from('{"type":"ping","x":"'), Buffer.from(bytes), Buffer.from('"}')])));
        await raw.until(/"code":"bad-json"/);
    }
    raw.destroy();
});

test('no type, two types, unknown types, from, wrong members', async () => {
    await refused(['{}', '{"type":1}', '{"type":"ping","type":"ping"}', '{"type":"offer","to":"a","to":"b","sdp":""}',
        '{"type":"ping","from":"me"}', '{"\\u0074ype":"ping"}', '{"type":"ping","ref":1}'], 'bad-message');
    await refused(['{"type":""}', '{"type":"welcome"}', '{"type":"PING"}', '{"type":"peer-left"}'], 'unknown-type');
    await refused(['{"type":"join-room"}', '{"type":"join-room","roomId":5}', '{"type":"join-room","roomId":"r","metadata":[]}',
        '{"type":"join-room","roomId":"r","displayName":{}}'], 'bad-message');
});

test('room ids out of range', () =>
    refused(['', ' ', 'a b', 'ä', 'a/b', '..', 'x'.repeat(65), 'x'.repeat(1000)]
        .map((roomId) => JSON.stringify({ type: 'join-room', roomId })), 'bad-message'));

test('signals of one who is in no room, to strangers, of the wrong kind', async () => {
    await refused(['{"type":"offer","to":"n1.aaaaaaaaaaaaaaaaaaaaaaaaaa","sdp":"v=0"}'], 'not-in-room');
    const a = await connect(daemon.url);
    await a.join('alone');
    const [member] = good;
    for (const to of [member.peerId, 'n1.aaaaaaaaaaaaaaaaaaaaaaaaaa', 'x', a.peerId.slice(0, -1)])
        assert.equal((await a.ask({ type: 'signal', to, data: 1 })).code, 'no-such-peer');
    for (const bad of [{ type: 'offer', to: a.peerId, sdp: 1 }, { type: 'offer', to: a.peerId }, { type: 'signal', data: 1 },
        { type: 'signal', to: 5, data: 1 }, { type: 'ice-candidate', to: a.peerId, candidate: 'x' }])
        assert.equal((await a.ask(bad)).code, 'bad-message', JSON.stringify(bad));
    await a.close();
});

test('binary frames, whole and in pieces', async () => {
    const a = await connect(daemon.url);
    a.ws.send(Buffer.from('{"type":"ping"}'));
    assert.equal((await a.next()).code, 'bad-message');
    a.ws.send(Buffer.alloc(60000));
    assert.equal((await a.next()).code, 'bad-message');
    await a.alive();
    a.ws.send(Buffer.alloc(200000));
    assert.equal((await a.next()).code, 'bad-message');
    assert.equal((await a.next()).code, 'too-large');
    assert.equal((await a.end()).code, 1009);
    const raw = await openRaw(daemon.port);
    await raw.write(Buffer.concat([frame(BINARY, 'a', false), frame(CONTINUATION, 'b', false), frame(CONTINUATION, 'c'),
        frame(TEXT, '{"type":"ping"}')]));
    await raw.until(/bad-message.*"pong"/s);
    assert.equal(raw.received.toString('latin1').match(/bad-message/g).length, 1);
    raw.destroy();
});

test('too long is final: too-large, 1009', async () => {
    const fits = (n) => `{"type":"ping","x":"${'x'.repeat(n - 22)}"}`;
    const a = await connect(daemon.url);
    assert.equal((await a.ask(fits(65536))).type, 'pong');
    const answer = await a.ask(fits(65537));
    assert.equal(answer.code, 'too-large');
    assert.equal(answer.fatal, true);
    assert.equal((await a.end()).code, 1009);
    const b = await connect(daemon.url);
    b.send('x'.repeat(5000000));
    assert.equal((await b.next()).code, 'too-large');
    assert.equal((await b.end()).code, 1009);
});

test('a hundred thousand fragments are too many', async () => {
    for (const piece of ['', 'x']) {
        const raw = await openRaw(daemon.port);
        await raw.write(frame(TEXT, '{"x":"', false));
        const many = Buffer.concat(Array.from({ length: 1000 }, () => frame(CONTINUATION, piece, false)));
        for (let i = 0; i < 100 && !raw.socket.destroyed; i++) await raw.write(many);
        await raw.until(/too-large.*too many fragments/s);
        raw.destroy();
    }
});

test('as many fragments as are allowed make a message', async () => {
    const raw = await openRaw(daemon.port);
    const text = `{"type":"ping","x":"${'x'.repeat(1002)}"}`;
    const pieces = [...text].map((c, i) => frame(i ? CONTINUATION : TEXT, c, i === text.length - 1));
    assert.equal(pieces.length, 1024);
    await raw.write(Buffer.concat(pieces));
    await raw.until(/"pong"/);
    raw.destroy();
});

test('control frames may come between fragments', async () => {
    const raw = await openRaw(daemon.port);
    await raw.write(Buffer.concat([frame(TEXT, '{"type":', false), frame(0x9, 'hi'), frame(CONTINUATION, '"ping"', false),
        frame(0xa, 'unasked'), frame(CONTINUATION, '}')]));
    await raw.until(/hi/);
    await raw.until(/"pong"/);
    raw.destroy();
});

test('frames against RFC 6455 end the connection', async () => {
    for (const bad of [frame(CONTINUATION, 'x'), frame(0x3, 'x'), frame(0xb, 'x'), frame(0x9, 'x', false),
        Buffer.concat([frame(TEXT, 'x', false), frame(TEXT, 'y')])]) {
        const raw = await openRaw(daemon.port);
        await raw.write(bad);
        await raw.end();
    }
});

test('a flood of bad frames costs the connection', async () => {
    const a = await connect(daemon.url);
    for (let i = 0; i < 25; i++) a.send('bad');
    const end = await a.end();
    assert.equal(end.code, 1008);
});

test('garbage on the port is hung up on', async () => {
    const inputs = [Buffer.from('\r\n\r\n\r\n'), Buffer.from('HELLO\r\n\r\n'), Buffer.from([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3]),
        Buffer.alloc(100000, 'A'), Buffer.from(`GET /${'x'.repeat(100000)} HTTP/1.1\r\n\r\n`),
        Buffer.from(`GET / HTTP/1.1\r\n${'X-H: y\r\n'.repeat(20000)}\r\n`), Buffer.from('BREW /pot HTTP/1.1\r\n\r\n')];
    for (const input of inputs) {
        const raw = new Raw(daemon.port);
        await raw.write(input);
        await raw.end(12000);
    }
});

// [what, the request, the status of its only answer, the error's code].
const request = (line, lines, body = '') => `${line} HTTP/1.1\r\nHost: x\r\n${lines.map((each) => `${each}\r\n`).join('')}\r\n${body}`;
const get = (target, lines = []) => request(`GET ${target}`, lines);
const post = (lines, body = '') => request('POST /api/rooms', lines, body);
const HTTP = [
    ['no such path', get('/nothing'), 404, 'not-found'],
    ['a path that leaves', get('/../../etc/passwd'), 404, 'not-found'],
    ['a path that leaves, escaped', get('/%2e%2e/%2e%2e/etc/passwd'), 404, 'not-found'],
    ['a path that is nearly one', get('/health;x'), 404, 'not-found'],
    ['a path with an empty segment', get('//health'), 404, 'not-found'],
    ['a path through here', get('/./health'), 404, 'not-found'],
    ['a NUL in the path', get('/%00health'), 400, 'bad-request'],
    ['a path of 512 bytes', get(`/${'x'.repeat(511)}`), 414, 'uri-too-long'],
    ['a method that a path has not', request('POST /health', ['Content-Length: 5'], 'hello'), 405, 'method-not-allowed'],
    ['three requests at once', get('/nothing').repeat(3), 404, 'not-found'],
    ['a body nobody asked for', request('GET /nothing', ['Content-Length: 5'], 'hello'), 404, 'not-found'],
    ['a length below nothing', post(['Content-Length: -1'], '{}'), 400, 'bad-length'],
    ['a length of twenty digits', post(['Content-Length: 99999999999999999999'], '{}'), 413, 'too-large'],
    ['two lengths', post(['Content-Length: 2', 'Content-Length: 3'], '{} '), 400, 'bad-request'],
    ['a length and chunks', post(['Content-Length: 2', 'Transfer-Encoding: chunked'], '0\r\n\r\n'), 400, 'bad-length'],
    ['chunks', post(['Transfer-Encoding: chunked'], '0\r\n\r\n'), 411, 'length-required'],
    ['a length over the limit', post(['Content-Length: 16385'], '{}'), 413, 'too-large'],
    ['a request behind a body', post(['Content-Length: 2'], `[]${get('/health')}`), 400, 'bad-message'],
    ['a token of 12,000 bytes', request('DELETE /api/rooms/x', [`Authorization: Bearer ${'x'.repeat(12000)}`]), 404, 'no-such-room'],
    ['no HTTP', 'HELLO\r\n\r\n', 400, 'bad-request'],
    ['a method that nobody knows', request('BREW /pot', []), 404, 'not-found'],
    ['TLS', Buffer.from([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3]), 400, 'not-http'],
    ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 505, 'version-not-supported'],
    ['an escape that is none', get('/%zz'), 400, 'bad-request'],
    ['no Host', 'GET /health HTTP/1.1\r\n\r\n', 400, 'bad-request'],
    ['two Hosts', get('/health', ['Host: y']), 400, 'bad-request'],
    ['a header without a colon', get('/health', ['Header']), 400, 'bad-request'],
    ['a flood of headers', get('/health', Array(20000).fill('X-H: y')), 431, 'headers-too-large'],
    ['a header of 20,000 bytes', get('/health', [`X: ${'y'.repeat(20000)}`]), 431, 'headers-too-large'],
];

test('each kind of bad HTTP has its one answer, at once, and none is logged', async () => {
    const mark = daemon.log.length;
    for (const [what, request, status, code] of HTTP) {
        const raw = new Raw(daemon.port);
        await raw.write(request);
        await raw.end(3000);
        const text = raw.received.toString('latin1');
        assert.equal(text.match(/^HTTP\/1\.[01] (\d+)/)?.[1], status && String(status), `${what}: ${text.slice(0, 200)}`);
        assert.equal(text.match(/^HTTP\/1\./gm)?.length ?? 0, status ? 1 : 0, `${what}: ${text}`);
        assert.equal(text.match(/\{"error":\{"code":"([a-z-]+)"/)?.[1], code, what);
    }
    assert.equal(daemon.log.slice(mark), '');
});

test('what clients send as secrets is in no log, however talkative it is', async () => {
    const loud = await startDaemon({ args: ['--set', 'server.log_level=debug', '--set', 'limits.join_timeout=200ms'] });
    try {
        const requests = ['GET /api/validate?room=r&token=hush HTTP/1.1\r\n\r\n', 'GET /%zz?token=hush HTTP/1.1\r\n\r\n',
            'GET /api/rooms HTTP/1.1\r\nAuthorization: Bearer hush\r\n\r\n', post(['Content-Length: 30'], '{"password":"hush","name":5}  '),
            `GET /?token=hush${'x'.repeat(13000)} HTTP/1.1\r\n\r\n`, `GET / HTTP/1.1\r\nAuthorization: ${'hush'.repeat(4000)}\r\n\r\n`, 'hush\r\n\r\n'];
        for (const request of requests) {
            const raw = new Raw(loud.port);
            await raw.write(request);
            await raw.end();
        }
        const a = await connect(loud.url);
        for (const bad of ['{"type":"join-room","roomId":"r","token":"hush","password":["hush"]}', '{"type":"resume","resumeToken":"hush"}', '{hush'])
            assert.equal((await a.ask(bad)).type, 'error');
        await a.end();
    } finally {
        assert.equal(await loud.stop(), 0);
    }
    assert.doesNotMatch(loud.log, /hush/);
});

test('half a handshake and silence, or a drop at a time, ends after ten seconds', async () => {
    const rooms = async () => (await (await fetch(`${daemon.http}/health`)).json()).rooms;
    const before = await rooms();
    const short = new Raw(daemon.port);
    await short.write(post(['Content-Length: 100'], '{"name":"short"}'));
    const dripped = new Raw(daemon.port);
    await dripped.write(post(['Content-Length: 100']));
    const half = new Raw(daemon.port);
    await half.write('GET /ws HTTP/1.1\r\nHost: x\r\nUpg');
    const silent = new Raw(daemon.port);
    const slow = new Raw(daemon.port);
    const drops = setInterval(() => [slow, dripped].forEach(({ socket }) => socket.writable && socket.write('X')), 500);
    const from = Date.now();
    const all = [half, silent, slow, short, dripped];
    await Promise.all(all.map((raw) => raw.end(13000)));
    clearInterval(drops);
    assert.ok(Date.now() - from > 8000);
    for (const raw of [half, silent, short, dripped]) assert.equal(raw.received.length, 0);
    assert.equal(await rooms(), before, 'a body that is not whole does nothing');
});

test('an open WebSocket that joins no room is closed after join_timeout', async () => {
    const strict = await startDaemon({ args: ['--set', 'limits.join_timeout=300ms'] });
    try {
        const a = await connect(strict.url);
        assert.equal((await a.next()).fatal, true);
        assert.equal((await a.end()).code, 1008);
    } finally {
        await strict.stop();
    }
});

test('a reader that never reads is dropped, and its room told', async () => {
    const small = await startDaemon({
        args: ['--set', 'limits.max_queue=64K', '--set', 'limits.message_rate=0', '--set', 'server.resume_grace=1s'],
    });
    try {
        const a = await connect(small.url);
        await a.join('stuffed');
        const stuck = await openRaw(small.port);
        await stuck.write(frame(TEXT, '{"type":"join-room","roomId":"stuffed"}'));
        const { peerId } = await a.next();
        stuck.socket.pause();
        const data = 'x'.repeat(60000);
        let told;
        for (let i = 0; i < 2000 && !told; i++) {
            a.send({ type: 'signal', to: peerId, data });
            a.send({ type: 'ping' });
            const answer = await a.next();
            if (answer.type !== 'pong') told = answer;
        }
        assert.deepEqual([told.type, told.peerId], ['peer-away', peerId]);
        let left;
        do left = await a.next();
        while (left.type === 'pong');
        assert.deepEqual([left.type, left.peerId, left.reason], ['peer-left', peerId, 'slow']);
        await a.close();
        stuck.destroy();
    } finally {
        assert.equal(await small.stop(), 0);
    }
});

test('a reader is not slow for a crowd that talks to it at once', async () => {
    const crowded = await startDaemon({ args: ['--set', 'limits.max_queue=64K'] });
    try {
        const reader = await connect(crowded.url);
        await reader.join('hall');
        const crowd = [];
        for (let i = 0; i < 20; i++) {
            crowd.push(await connect(crowded.url));
            await crowd[i].join('hall');
            await reader.next();
        }
        // Stopped meanwhile, it finds all of it in one turn.
        crowded.kill('SIGSTOP');
        const data = 'x'.repeat(60000);
        const sent = crowd.map((client) => new Promise((resolve) =>
            client.ws.send(JSON.stringify({ type: 'signal', to: reader.peerId, data }), resolve)));
        await Promise.all(sent);
        crowded.kill('SIGCONT');
        for (let i = 0; i < crowd.length; i++) assert.equal((await reader.next()).data, data);
        await Promise.all([reader, ...crowd].map((client) => client.close()));
    } finally {
        crowded.kill('SIGCONT');
        assert.equal(await crowded.stop(), 0);
    }
});

test('what clients do wrong fills no log', async () => {
    const from = daemon.log.length;
    const began = Date.now();
    for (let i = 0; i < 20; i++) {
        const long = new Raw(daemon.port);
        await long.write(`GET / HTTP/1.1\r\n${`X-H: ${'y'.repeat(3000)}\r\n`.repeat(5)}\r\n`);
        await long.end();
        const control = await openRaw(daemon.port);
        await control.write(frame(0x9, 'x'.repeat(200)));
        await control.end();
    }
    const lines = daemon.log.slice(from).split('\n').slice(0, -1);
    for (const line of lines) assert.match(line, /connections were closed for breaking the protocol reason="control frames [^"]*" count=/);
    assert.ok(lines.length <= 2 + (Date.now() - began) / 1000, `${lines.length} lines: of one kind there is one a second`);
});

test('limits of connections are answered over HTTP', async () => {
    const small = await startDaemon({ args: ['--set', 'limits.max_connections=2'] });
    try {
        const a = await connect(small.url);
        const b = await connect(small.url);
        const third = new Client(small.url);
        assert.match((await third.failed).message, /503/);
        const other = await fetch(`http://127.0.0.1:${small.port}/`);
        assert.equal(other.status, 503);
        assert.equal((await other.json()).error.code, 'server-full');
        await a.alive();
        await b.close();
        await a.close();
    } finally {
        await small.stop();
    }
    const hurried = await startDaemon({ args: ['--set', 'limits.max_connections_per_address=1'] });
    try {
        const a = await connect(hurried.url);
        const second = new Client(hurried.url);
        assert.match((await second.failed).message, /429/);
        const other = await fetch(`http://127.0.0.1:${hurried.port}/`);
        assert.equal(other.status, 429);
        assert.equal((await other.json()).error.code, 'rate-limited');
        await a.alive();
        await a.close();
    } finally {
        await hurried.stop();
    }
});

test('a full server is a healthy one, as long as few ask at once', async () => {
    const full = await startDaemon({ args: ['--set', 'limits.max_connections=1'] });
    const crowd = [];
    try {
        const health = () => fetch(`http://127.0.0.1:${full.port}/health`);
        const a = await connect(full.url);
        assert.equal((await (await health()).json()).connections, 1);
        for (let i = 0; i < 40; i++) crowd.push(new Raw(full.port));
        await Promise.any(crowd.map((raw) => raw.until(/^HTTP\/1\.1 503 .*"server-full"/s)));
        assert.equal((await health()).status, 503);
        for (const raw of crowd) raw.destroy();
        await Promise.all(crowd.map((raw) => raw.end()));
        await a.alive();
        assert.equal((await health()).status, 200);
        await a.close();
    } finally {
        for (const raw of crowd) raw.destroy();
        assert.equal(await full.stop(), 0);
    }
});
