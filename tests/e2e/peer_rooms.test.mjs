// SPDX-License-Identifier: MIT
//
// `usher rooms`: lists, makes and closes rooms of a real daemon, plain and over TLS, and comes to a good end with whatever else
// listens there.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { chmod, open, readFile, stat, writeFile } from 'node:fs/promises';
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import path from 'node:path';
import { makeAuthority } from './lib/authority.mjs';
import { run, startDaemon } from './lib/daemon.mjs';
import { joinPeer, runUsher, scratch, spawnUsher } from './lib/peer.mjs';
import { freePorts } from './lib/program.mjs';

const set = (...options) => options.flatMap((option) => ['--set', option]);

let daemon, state, patient;
const closing = [];

const SLOW_MS = 6000; // longer than libwebsockets would wait by itself, well within usher's 10 seconds

before(async () => {
    state = await scratch();
    daemon = await startDaemon();
    // Waits while the other tests run.
    const slow = await serve((request, response) => setTimeout(() => response.end('{"rooms":[]}'), SLOW_MS));
    patient = rooms(['--json'], { server: slow });
    patient.catch(() => {}); // told below
});
after(async () => {
    await daemon?.stop();
    closing.forEach((close) => close());
});

// usher rooms ...; server: one URL or several; the state directory is one that all tests share unless they name another.
const rooms = (args, { server = daemon.url, dir = state, ...more } = {}) =>
    runUsher(['--state', dir, ...[server].flat().flatMap((url) => ['--server', url]), 'rooms', ...args], more);

const listed = async (of = daemon) => (await fetch(`${of.http}/api/rooms`)).json();
const exists = async (id, of = daemon) => (await fetch(`${of.http}/api/rooms/${id}`)).status === 200;
const create = async (room) =>
    (await fetch(`${daemon.http}/api/rooms`, { method: 'POST', body: JSON.stringify(room) })).json();

function fails({ code, stdout, stderr }, status, says) {
    assert.equal(code, status, stderr);
    assert.equal(stdout, '');
    assert.match(stderr, says);
    assert.match(stderr, /^usher: /);
}

test('a list: empty, then a table whose columns stand under each other whatever the names', async () => {
    const empty = await rooms([]);
    assert.deepEqual([empty.code, empty.stdout, empty.stderr], [0, `No rooms are listed at 127.0.0.1:${daemon.port}.\n`, '']);
    assert.deepEqual(JSON.parse((await rooms(['--json'])).stdout), { rooms: [] });
    const made = [
        await create({ name: 'plain', listed: true, maxPeers: 5, password: 'p' }),
        await create({ name: '会議室 🎉', listed: true }),
        await create({ name: 'evil\u001b[2J\n\u202efoo\u0085', listed: true }),
        await create({ name: `${'n'.repeat(60)} tail`, listed: true }),
    ];
    const { code, stdout, stderr } = await rooms(['list'], { env: { TZ: 'UTC' } });
    assert.deepEqual([code, stderr], [0, '']);
    assert.doesNotMatch(stdout, /[\u001b\u0085\u202e]/);
    // As a terminal has it: characters of two columns are two.
    const lines = stdout.trimEnd().split('\n').map((line) => line.replace(/[会議室🎉]/gu, 'XX'));
    assert.equal(lines.length, 5, stdout);
    const columns = ['ROOM', 'NAME', 'PEERS', 'PASSWORD', 'MADE'].map((head) => lines[0].indexOf(head));
    const cells = lines.slice(1).map((line) => columns.map((at, i) => line.slice(at, columns[i + 1]).trimEnd()));
    const date = /^20\d\d-\d\d-\d\d \d\d:\d\d$/;
    const max = made[1].maxPeers;
    assert.deepEqual(cells.map((row) => row.slice(0, 4)), [
        ['plain', 'plain', '0/5', 'yes'],
        [made[1].id, 'XXXXXX XX', `0/${max}`, 'no'],
        [made[2].id, 'evil\ufffd[2J \ufffdfoo\ufffd', `0/${max}`, 'no'],
        [made[3].id, `${'n'.repeat(39)}…`, `0/${max}`, 'no'],
    ]);
    for (const row of cells) assert.match(row[4], date);
    assert.equal(cells[0][4], new Date(made[0].createdAt).toISOString().slice(0, 16).replace('T', ' '));
    const json = await rooms(['list', '--json']);
    assert.equal(json.stdout, await (await fetch(`${daemon.http}/api/rooms`)).text());
    for (const { id, ownerToken } of made)
        assert.equal((await rooms(['delete', id, '--owner-token', ownerToken])).stdout, `deleted ${id}\n`);
});

test('a room is made as it was asked for, and closed with the token that was kept', async () => {
    const made = await rooms(['create', '--name', 'standup', '--password', 'let me in', '--max-peers', '7', '--listed']);
    assert.equal(made.code, 0, made.stderr);
    const [, id, token] = /^room +(\S+)\nowner token +(\S+)\n(?=.*shown this once)(?=.*usher rooms delete standup)/.exec(made.stdout);
    assert.equal(id, 'standup');
    const [{ maxPeers, locked }] = (await listed()).rooms;
    assert.deepEqual({ maxPeers, locked }, { maxPeers: 7, locked: true });
    const file = path.join(state, 'rooms');
    assert.equal((await stat(file)).mode & 0o777, 0o600);
    assert.equal(await readFile(file, 'utf8'), `http://127.0.0.1:${daemon.port}/ standup ${token}\n`);
    fails(await rooms(['create', '--name', 'standup']), 1, /^usher: there is a room of this name\n$/);
    // The password is that one.
    const inside = await joinPeer({ server: daemon.url, room: 'standup', args: ['--password', 'let me in'] });
    const gone = await rooms(['delete', 'standup']);
    assert.deepEqual([gone.code, gone.stdout, gone.stderr], [0, 'deleted standup\n', '']);
    assert.equal(await exists('standup'), false);
    assert.equal(await readFile(file, 'utf8'), '');
    await inside.stop();
    // Unlisted, as it is without a word, and under a code.
    for (const args of [['create', '--json'], ['create', '--unlisted', '--json', '--name', 'Ünlisted "x" \\']]) {
        const { stdout, stderr } = await rooms(args);
        const room = JSON.parse(stdout);
        assert.equal(stderr, '');
        assert.equal(room.name, args[4] ?? room.id);
        assert.deepEqual((await listed()).rooms, []);
        assert.equal((await rooms(['delete', room.id])).code, 0);
    }
});

test('what the server refuses is said in its own words', async () => {
    const room = await create({ name: 'mine' });
    const without = await rooms(['delete', 'mine']);
    fails(without, 1, /Authorization: Bearer\nusher: no owner token of that room is kept here: .*--owner-token/);
    fails(await rooms(['delete', 'mine', '--owner-token', 'x'.repeat(52)]), 1, /^usher: the token does not allow this\n$/);
    fails(await rooms(['delete', 'no-such', '--owner-token', 'x']), 1, /^usher: there is no such room\n$/);
    fails(await rooms(['create', '--max-peers', '1000000']), 1, /maxPeers/);
    assert.ok(await exists('mine'));
    assert.equal((await rooms(['delete', 'mine', '--owner-token', room.ownerToken])).code, 0);
});

test('tokens: where one is needed to make a room, and an admin\'s closes any', async () => {
    const key = path.join(await scratch(), 'key');
    await writeFile(key, `alg: HS256\nkid: k\n\n${Buffer.alloc(32, 'k').toString('base64')}\n`, { mode: 0o600 });
    const own = await startDaemon({ args: set('auth.required=yes', `auth.keys=${key}`, 'auth.admin=yes') });
    const token = async (...args) => (await run(['token', '--key', key, ...args])).stdout.trim();
    const server = own.url;
    fails(await rooms(['create'], { server }), 1, /token/);
    const made = await rooms(['create', '--name', 'one', '--token', await token('--room', 'one')], { server });
    assert.equal(made.code, 0, made.stderr);
    // The admin's goes before the one that is kept: nothing else can tell them apart, so that one is spoilt.
    const file = path.join(state, 'rooms');
    await writeFile(file, (await readFile(file, 'utf8')).replace(/ \S+\n$/, ' spoilt\n'));
    fails(await rooms(['delete', 'one'], { server }), 1, /^usher: the token does not allow this\n$/);
    const admin = await token('--room', 'other', '--admin');
    fails(await rooms(['delete', 'one', '--token', await token('--room', 'one')], { server }), 1, /^usher: the token does not/);
    assert.equal((await rooms(['delete', 'one', '--token', admin], { server })).code, 0);
    assert.equal(await exists('one', own), false);
    await own.stop();
});

test('a token that cannot be kept is said, and the room is there', async () => {
    const dir = await scratch();
    await writeFile(path.join(dir, 'rooms'), '', { mode: 0o644 });
    await chmod(path.join(dir, 'rooms'), 0o644);
    const { code, stdout, stderr } = await rooms(['create'], { dir });
    assert.equal(code, 0);
    assert.match(stdout, /^room +\S+\nowner token +\S+\n$/);
    assert.match(stderr, /^usher: the owner token, which is shown this once, is not kept here: .*chmod 600/);
    // Somebody in a room has the directory's lock, which is not asked for.
    const inside = await joinPeer({ server: daemon.url });
    const made = await rooms(['create', '--name', 'beside'], { dir: inside.state });
    assert.match(made.stdout, /kept in/);
    assert.equal((await rooms(['delete', 'beside'], { dir: inside.state })).code, 0);
    await inside.stop();
});

test('standard output that takes nothing is a failure', async () => {
    const full = await open('/dev/full', 'w');
    const child = spawnUsher(['--server', daemon.url, '--state', state, 'rooms', '--json'], { stdio: ['ignore', full.fd, 'pipe'] });
    const [code] = await once(child, 'exit');
    await full.close();
    assert.equal(code, 1);
});

test('over TLS, with a certificate that is good for the server, and no other', async () => {
    const authority = await makeAuthority();
    const good = await authority.issue('good');
    const narrow = await authority.issue('narrow', 'subjectAltName=DNS:elsewhere.example');
    const env = { SSL_CERT_FILE: authority.file, SSL_CERT_DIR: '/nowhere' };
    for (const { certificate, key } of [good, narrow]) {
        const own = await startDaemon({ args: set(`tls.certificate=${certificate}`, `tls.key=${key}`) });
        const server = `wss://127.0.0.1:${own.port}`;
        if (certificate === good.certificate) {
            for (const url of [server, `wss://localhost:${own.port}`])
                assert.match((await rooms([], { server: url, env })).stdout, /^No rooms/);
            const made = await rooms(['create', '--name', 'a', '--password', 'b', '--listed'], { server, env });
            assert.equal(made.code, 0, made.stderr);
            assert.match((await rooms([], { server, env })).stdout, /^a +a +0\/\d+ +yes/m);
            assert.match(await readFile(path.join(state, 'rooms'), 'utf8'), /^https:\/\/127\.0\.0\.1:\d+\/ a \S+$/m);
            assert.equal((await rooms(['delete', 'a'], { server, env })).code, 0);
            fails(await rooms(['create', '--name', 'b'], { server, env: { SSL_CERT_FILE: '/dev/null', SSL_CERT_DIR: '/nowhere' } }), 3,
                /the certificate of 127\.0\.0\.1:\d+: /);
        } else {
            fails(await rooms(['create', '--name', 'b'], { server, env }), 3, /the certificate of .*: IP address mismatch/);
        }
        // Plain HTTP to a port of TLS, and below the other way round.
        fails(await rooms([], { server: `ws://127.0.0.1:${own.port}` }), 1, /^usher: this port speaks TLS: use https:/);
        await own.stop();
    }
    fails(await rooms([], { server: `wss://127.0.0.1:${daemon.port}`, env }), 3, /^usher: no TLS with 127\.0\.0\.1:\d+, whose address may be one of ws:/);
});

// A server that is handed each request and answers as it likes; secure: by this certificate and key.
async function serve(handler, secure) {
    const server = (secure ? https.createServer(secure, handler) : http.createServer(handler)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    closing.push(() => (server.closeAllConnections(), server.close()));
    return `${secure ? 'wss' : 'ws'}://127.0.0.1:${server.address().port}`;
}

test('the longest list that a daemon gives, over TLS', async () => {
    const authority = await makeAuthority();
    const { certificate, key } = await authority.issue('good');
    const list = { rooms: Array.from({ length: 1000 }, (_, i) =>
        ({ id: `room-${i}`, name: '\u0001'.repeat(128), peers: i, maxPeers: null, locked: false, createdAt: 1796084330984 })) };
    const server = await serve((request, response) => response.end(JSON.stringify(list)),
        { cert: await readFile(certificate), key: await readFile(key) });
    const { code, stdout, stderr } = await rooms(['--json'], { server, env: { SSL_CERT_FILE: authority.file } });
    assert.equal(code, 0, stderr);
    assert.ok(stdout.length > 800000);
    assert.deepEqual(JSON.parse(stdout), list);
    const table = await rooms([], { server, env: { SSL_CERT_FILE: authority.file } });
    assert.equal(table.stdout.trimEnd().split('\n').length, 1001);
});

test('below the path where a proxy has the daemon', async () => {
    const asked = [];
    const proxy = await serve((request, response) => {
        asked.push(`${request.method} ${request.url}`);
        const on = http.request(`${daemon.http}${request.url.replace(/^\/usher/, '')}`,
            { method: request.method, headers: request.headers, agent: false }, (answer) => {
                response.writeHead(answer.statusCode, answer.headers);
                answer.pipe(response);
            });
        request.pipe(on);
    });
    const server = `${proxy}/usher/ws?some=thing`;
    assert.equal((await rooms(['create', '--name', 'below'], { server })).code, 0);
    assert.equal((await rooms([], { server })).code, 0);
    assert.equal((await rooms(['delete', 'below'], { server: `${proxy}/usher/ws` })).code, 0);
    assert.deepEqual(asked, ['POST /usher/api/rooms', 'GET /usher/api/rooms', 'DELETE /usher/api/rooms/below']);
});

test('several servers: the next one if nobody was reached, but nothing is done twice', async () => {
    const [dead, deader] = await freePorts(2);
    const nowhere = [`ws://127.0.0.1:${dead}`, `ws://127.0.0.1:${deader}`];
    const both = await rooms([], { server: nowhere });
    fails(both, 3, new RegExp(`^usher: nothing listens at 127\\.0\\.0\\.1:${dead}; nothing listens at 127\\.0\\.0\\.1:${deader}\n$`));
    assert.match((await rooms([], { server: [...nowhere, daemon.url] })).stdout, /^No rooms/);
    assert.equal((await rooms(['create', '--name', 'once'], { server: [nowhere[0], daemon.url] })).code, 0);
    assert.equal((await rooms(['delete', 'once'], { server: [nowhere[0], daemon.url] })).code, 0);
    // One that hears the request, and says nothing.
    const heard = [];
    const deaf = await serve((request) => (heard.push(request.method), request.socket.destroy()));
    fails(await rooms(['create', '--name', 'twice'], { server: [deaf, daemon.url] }), 1,
        /hung up without an answer: whether the room is made is not known/);
    assert.equal(await exists('twice'), false);
    fails(await rooms(['delete', 'twice', '--owner-token', 'x'], { server: [deaf, daemon.url] }), 1, /whether the room is gone is not known/);
    assert.match((await rooms([], { server: [deaf, daemon.url] })).stdout, /^No rooms/);
    assert.deepEqual(heard, ['POST', 'DELETE', 'GET']);
    // A proxy without its daemon.
    const gateway = await serve((request, response) => response.writeHead(502).end('<h1>Bad Gateway</h1>'));
    assert.match((await rooms([], { server: [gateway, daemon.url] })).stdout, /^No rooms/);
    fails(await rooms([], { server: gateway }), 3, /the proxy at .* does not reach its daemon/);
    fails(await rooms(['create', '--name', 'twice'], { server: [gateway, daemon.url] }), 1, /not known/);
    assert.equal(await exists('twice'), false);
});

test('a kept token goes to no other server', async () => {
    const shown = [];
    const other = await serve((request, response) => {
        shown.push(request.headers.authorization);
        response.writeHead(401).end('{"error":{"code":"unauthorized","message":"who are you?\\u001b[31m"}}');
    });
    assert.equal((await rooms(['create', '--name', 'private'])).code, 0);
    const { stderr } = await rooms(['delete', 'private'], { server: other });
    assert.match(stderr, /^usher: who are you\?\ufffd\[31m\nusher: no owner token/);
    assert.deepEqual(shown, [undefined]);
    assert.equal((await rooms(['delete', 'private'])).code, 0);
});

const body = (text, head = '') => `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n${head}Content-Length: ${text.length}\r\n\r\n${text}`;
const chunk = (text) => `${text.length.toString(16)}\r\n${text}\r\n`;
const CHUNKED = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n';
const LIST = '{"rooms":[{"id":"r","name":"n","peers":1,"maxPeers":null,"locked":false,"createdAt":99999999999999999}]}';

const ANSWERS = {
    'in chunks': [`${CHUNKED}${chunk(LIST.slice(0, 9))}${chunk(LIST.slice(9))}0\r\n\r\n`, 0, /^r +n +1 +no +-$/m],
    'to the end of the connection': [`HTTP/1.0 200 OK\r\n\r\n${LIST}`, 0, /^r +n +1 +no +-$/m],
    'too large by its length': [`HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n${' '.repeat(3 << 20)}`, 1, /more than 2097152 bytes/],
    'too large in chunks': [`${CHUNKED}${chunk(' '.repeat(1 << 19)).repeat(6)}`, 1, /more than 2097152 bytes/],
    'a chunk of 2^31 bytes': [`${CHUNKED}80000000\r\n${' '.repeat(100)}`, 1, /more than 2097152 bytes/],
    'a chunk of 2^31 bytes and some': [`${CHUNKED}fffffff0\r\n${' '.repeat(100)}`, 1, /more than 2097152 bytes/],
    'a chunk that has no size': [`${CHUNKED}zz\r\n`, 3, /in the middle of its answer/],
    'half of its length': [`HTTP/1.1 200 OK\r\nContent-Length: 200\r\n\r\n${LIST}`, 3, /in the middle of its answer/],
    'half of its chunks': [`${CHUNKED}${chunk(LIST.slice(0, 30))}`, 1, /is not what an usher daemon says/],
    'half of a head': ['HTTP/1.1 200 OK\r\nContent-', 3, /hung up without an answer/],
    'nothing': ['', 3, /hung up without an answer/],
    'no HTTP': ['SSH-2.0-OpenSSH_9.2\r\n\r\n\r\n', 3, /hung up without an answer/],
    'no status': ['Server: here\r\nContent-Length: 0\r\n\r\n', 1, /does not answer in HTTP, so it is no usher daemon/],
    'a head without end': [`HTTP/1.1 200 OK\r\n${`X-A: ${'a'.repeat(1000)}\r\n`.repeat(300)}`, 1, /does not answer in HTTP/],
    'a page': [body('<!doctype html><title>Hello</title>'), 1, /is not what an usher daemon says/],
    'another JSON': [body('{"rooms":[{"id":7}]}'), 1, /is not what an usher daemon says/],
    'deep JSON': [body('['.repeat(200000)), 1, /is not what an usher daemon says/],
    'not found': ['HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n\r\nNot found', 1, /HTTP status 404 and no word of a daemon's/],
    'a redirect': ['HTTP/1.1 302 Found\r\nLocation: TARGET\r\nContent-Length: 0\r\n\r\n', 1, /redirects \(HTTP status 302\), which is not followed/],
    'a redirect for good': ['HTTP/1.1 308 Moved\r\nLocation: /other\r\nContent-Length: 0\r\n\r\n', 1, /redirects \(HTTP status 308\)/],
    'no content': ['HTTP/1.1 204 No Content\r\n\r\n', 1, /HTTP status 204/],
    'an interim answer': [`HTTP/1.1 100 Continue\r\n\r\n${body(LIST)}`, 1, /HTTP status 100/],
    'another protocol': ['HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n', 1, /HTTP status 101/],
    'long words': [`HTTP/1.1 400 Bad\r\n\r\n{"error":{"code":"x","message":"${'é'.repeat(9000)}"}}`, 1, /^usher: é{256}\n$/],
};

test('whoever else answers: an end with a sentence, whatever comes', async () => {
    const connections = [];
    const target = await serve((request) => connections.push(request.url));
    const one = async ([name, [answer, code, says]]) => {
        let requests = 0;
        const server = net.createServer((socket) => {
            socket.on('error', () => {});
            socket.once('data', () => {
                requests++;
                socket.end(answer.replace('TARGET', target.replace('ws:', 'http:')));
            });
        }).listen(0, '127.0.0.1');
        await once(server, 'listening');
        closing.push(() => server.close());
        const result = await rooms([], { server: `ws://127.0.0.1:${server.address().port}` });
        assert.equal(result.code, code, `${name}: ${result.stderr}`);
        assert.match(code === 0 ? result.stdout : result.stderr, says, name);
        if (code !== 0) assert.equal(result.stdout, '', name);
        assert.equal(requests, 1, `${name} was asked ${requests} times`);
    };
    const all = Object.entries(ANSWERS);
    await Promise.all([0, 1, 2, 3].map(async (k) => {
        for (let i = k; i < all.length; i += 4) await one(all[i]);
    }));
    assert.deepEqual(connections, [], 'redirects were followed');
});

test('an owner token that is none, and an answer in single bytes', async () => {
    const room = { id: 'r', name: 'n', peers: 0, maxPeers: null, locked: false, createdAt: 0 };
    const answers = [{ ...room, ownerToken: 'a\nhttp://127.0.0.1:4000/ mine stolen' }, { ...room, ownerToken: 'good' }];
    const liar = await serve(async (request, response) => {
        response.writeHead(201);
        response.socket.setNoDelay(true);
        for (const byte of JSON.stringify(answers.shift())) {
            response.write(byte);
            await new Promise(setImmediate);
        }
        response.end();
    });
    const dir = await scratch();
    fails(await rooms(['create'], { server: liar, dir }), 1, /is not what an usher daemon says/);
    const made = await rooms(['create'], { server: liar, dir });
    assert.match(made.stdout, /^room +r\nowner token +good\n/);
    assert.equal(await readFile(path.join(dir, 'rooms'), 'utf8'), `${liar.replace('ws:', 'http:')}/ r good\n`);
});

test('an answer that takes its time is waited for', async () => {
    const { code, stdout, stderr } = await patient;
    assert.deepEqual([code, stdout, stderr], [0, '{"rooms":[]}\n', '']);
});
