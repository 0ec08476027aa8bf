// SPDX-License-Identifier: MIT
//
// Listeners marked `proxy`: the PROXY protocol, version 2, in front of HTTP, WebSocket and TLS. Headers made here, and
// a real haproxy.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import net from 'node:net';
import path from 'node:path';
import tls from 'node:tls';
import { once } from 'node:events';
import { makeAuthority } from './lib/authority.mjs';
import { run, startDaemon, within } from './lib/daemon.mjs';
import { connect } from './lib/client.mjs';
import { startHaproxy } from './lib/haproxy.mjs';
import { scratch } from './lib/peer.mjs';
import { parseMetrics } from './lib/prometheus.mjs';
import { Raw, TEXT, frame, handshake } from './lib/raw.mjs';

const set = (...options) => options.flatMap((option) => ['--set', option]);
const SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');

// proxy-protocol.txt section 2.2: command, family and transport, addresses and what else stands in the header.
function header(command, family, body = Buffer.alloc(0)) {
    const fixed = Buffer.from([0x20 | command, family, body.length >> 8, body.length & 0xff]);
    return Buffer.concat([SIGNATURE, fixed, body]);
}
const LOCAL = header(0, 0);
const UNKNOWN = header(1, 0);
const PORTS = Buffer.from([0x30, 0x39, 0x01, 0xbb]);
const bytes = (address) => Buffer.from(address.split('.').map(Number));
const from = (address, more = Buffer.alloc(0)) =>
    header(1, 0x11, Buffer.concat([bytes(address), bytes('198.51.100.1'), PORTS, more]));
function from6(words) {
    const source = Buffer.from(words.flatMap((word) => [word >> 8, word & 0xff]));
    return header(1, 0x21, Buffer.concat([source, Buffer.alloc(16, 1), PORTS]));
}

const get = (where, headers = {}) =>
    `GET ${where} HTTP/1.1\r\nHost: h\r\n${Object.entries(headers).map(([n, v]) => `${n}: ${v}\r\n`).join('')}\r\n`;

// The status of what is asked behind a header.
async function ask(to, head, request) {
    const raw = new Raw(to);
    await raw.write(Buffer.concat([head, Buffer.from(request)]));
    await raw.end();
    return Number(/^HTTP\/1\.1 (\d+)/.exec(raw.received.toString('latin1'))?.[1]);
}

async function open(to, head, headers = {}) {
    const raw = new Raw(to);
    await raw.write(Buffer.concat([head, Buffer.from(handshake('/ws', headers))]));
    await raw.until(/"type":"welcome"/);
    return raw;
}

// A daemon with a listener of each kind: `port` takes no header, `proxied` and `path` want one.
async function start(options = [], listen = '127.0.0.1:0') {
    const dir = await scratch();
    const file = path.join(dir, 'usherd.sock');
    const daemon = await startDaemon({ listen, args: ['--listen', '127.0.0.1:0 proxy', '--listen', `unix:${file} proxy`, ...set(...options)] });
    await daemon.logged(new RegExp(`listening on unix:${file} proxy\n`));
    daemon.proxied = Number((await daemon.logged(/listening on 127\.0\.0\.1:(\d+) proxy\n/))[1]);
    daemon.path = file;
    return daemon;
}

let daemon;
before(async () => {
    daemon = await start(['server.metrics_allow=203.0.113.0/24']);
});
after(async () => assert.equal(await daemon?.stop(), 0));

async function refusals(of = daemon) {
    const all = parseMetrics(await (await fetch(`${of.http}/metrics`)).text());
    return Object.fromEntries(['absent', 'version', 'malformed', 'late'].map((reason) =>
        [reason, all.get(`usherd_proxy_refused_total{reason="${reason}"}`)]));
}

test('HTTP and WebSocket come behind the header, in one piece or in many', async () => {
    for (const to of [daemon.proxied, daemon.path]) {
        for (const head of [from('192.0.2.7'), from('192.0.2.7', Buffer.from([4, 0, 1, 0])), from6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 7]), LOCAL, UNKNOWN])
            assert.equal(await ask(to, head, get('/health')), 200);
        const raw = new Raw(to);
        for (const byte of Buffer.concat([from('192.0.2.7'), Buffer.from(handshake())])) await raw.write(Buffer.from([byte]));
        await raw.until(/"type":"welcome"/);
        await raw.write(frame(TEXT, '{"type":"ping"}'));
        await raw.until(/"pong"/);
        raw.destroy();
    }
    assert.equal((await fetch(`${daemon.http}/health`)).status, 200, 'the other listener wants none');
});

test('who may read the metrics goes by the client of the header', async () => {
    const metrics = (head, headers) => ask(daemon.proxied, head, get('/metrics', headers));
    assert.equal(await metrics(from('203.0.113.5')), 200);
    assert.equal(await metrics(from('192.0.2.7')), 403);
    assert.equal(await metrics(from('127.0.0.1')), 403, "that is the proxy's machine");
    assert.equal(await metrics(from('203.0.113.5'), { 'X-Forwarded-For': '192.0.2.7' }), 403, 'an untrusted hop');
});

// proxy-protocol.txt section 2.2: for itself, or for somebody whose address it does not tell as one that we know.
const NAMELESS = {
    LOCAL, UNKNOWN,
    'LOCAL with addresses': header(0, 0x11, from('203.0.113.5').subarray(16)),
    'TCP without a family': header(1, 0x01, from('203.0.113.5').subarray(16)),
    UDP: header(1, 0x12, from('203.0.113.5').subarray(16)),
    'IPv4 without a transport': header(1, 0x10, from('203.0.113.5').subarray(16)),
    'a unix socket': header(1, 0x31, Buffer.concat([Buffer.from('/run/proxy.sock'), Buffer.alloc(201)])),
    'a TLV alone': header(1, 0, Buffer.from([4, 0, 1, 0])),
};

test('a header that names nobody makes a stranger, whatever address the proxy has', async () => {
    const open = ['127.0.0.0/8', 'unix', '203.0.113.5'].map((who) => `server.metrics_allow=${who}`);
    const near = await start([...open, 'server.trusted_proxies=127.0.0.1', 'server.trusted_proxies=unix']);
    try {
        for (const to of [near.proxied, near.path]) {
            assert.equal(await ask(to, from('203.0.113.5'), get('/metrics')), 200);
            for (const [what, head] of Object.entries(NAMELESS))
                for (const claim of [{}, { 'X-Forwarded-For': '203.0.113.5' }, { 'X-Forwarded-For': '127.0.0.1' }]) {
                    assert.equal(await ask(to, head, get('/metrics', claim)), 403, `${what}, ${JSON.stringify(claim)}`);
                    assert.equal(await ask(to, head, get('/health', claim)), 200, what);
                }
        }
    } finally {
        assert.equal(await near.stop(), 0);
    }
});

test('strangers count as the address of their proxy, and through unix sockets as one that is theirs', async () => {
    const limits = ['limits.max_connections_per_address=1'];
    const strict = await start([...limits, 'server.trusted_proxies=127.0.0.1', 'server.trusted_proxies=unix']);
    try {
        const first = await open(strict.path, UNKNOWN);
        const through = await open(strict.proxied, UNKNOWN);
        for (const head of [UNKNOWN, LOCAL])
            for (const to of [strict.path, strict.proxied])
                for (const claim of [{}, { 'X-Forwarded-For': '192.0.2.9' }]) assert.equal(await ask(to, head, handshake('/ws', claim)), 429);
        through.destroy();
        assert.equal(await ask(strict.path, from('192.0.2.7'), get('/api/rooms')), 200);
        assert.equal(await ask(strict.path, LOCAL, get('/health')), 200);
        first.destroy();
    } finally {
        assert.equal(await strict.stop(), 0);
    }
    const NONE = Buffer.alloc(0);
    for (const [trusted, named] of [['server.trusted_proxies=unix', 200], ['server.trusted_proxies=10.0.0.0/8', 429]]) {
        const file = path.join(await scratch(), 'usherd.sock');
        const plain = await startDaemon({ args: ['--listen', `unix:${file}`, ...set(...limits, trusted)] });
        try {
            const first = await open(file, NONE, { 'X-Forwarded-For': 'x' });
            for (const claim of [{ 'X-Forwarded-For': 'unknown' }, { Forwarded: 'for=_hidden' }, { 'X-Forwarded-Proto': 'https' }])
                assert.equal(await ask(file, NONE, handshake('/ws', claim)), 429);
            assert.equal(await ask(file, NONE, get('/api/rooms', { 'X-Forwarded-For': '192.0.2.7' })), named);
            assert.equal(await ask(file, NONE, get('/api/rooms')), named === 200 ? 429 : 200, 'without a proxy it is near');
            first.destroy();
        } finally {
            assert.equal(await plain.stop(), 0);
        }
    }
});

test('limits count the client of the header', async () => {
    const strict = await start(['limits.max_connections_per_address=1', 'server.trusted_proxies=10.0.0.0/8']);
    try {
        const first = await open(strict.proxied, from('192.0.2.7'));
        assert.equal(await ask(strict.proxied, from('192.0.2.7'), handshake()), 429);
        assert.equal(await ask(strict.proxied, from('192.0.2.7'), get('/api/rooms')), 429);
        const second = await open(strict.proxied, from('192.0.2.8'));
        const six = await open(strict.proxied, from6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 7]));
        assert.equal(await ask(strict.proxied, from6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 8]), handshake()), 429, 'the same /64');
        first.destroy();
        await first.end();
        (await open(strict.proxied, from('192.0.2.7'))).destroy();
        // The client of the header is a proxy that is trusted: what it forwards for counts.
        const hop = await open(strict.proxied, from('10.0.0.1'), { 'X-Forwarded-For': '192.0.2.20' });
        assert.equal(await ask(strict.proxied, from('10.0.0.2'), handshake('/ws', { 'X-Forwarded-For': '192.0.2.20' })), 429);
        (await open(strict.proxied, from('10.0.0.1'), { 'X-Forwarded-For': '192.0.2.21' })).destroy();
        // It is not trusted: what it says is not looked at.
        assert.equal(await ask(strict.proxied, from('192.0.2.8'), handshake('/ws', { 'X-Forwarded-For': '192.0.2.22' })), 429);
        for (const raw of [second, six, hop]) raw.destroy();
    } finally {
        assert.equal(await strict.stop(), 0);
    }
});

test('what begins otherwise is closed, counted, and said once with the listener', async () => {
    const was = await refusals();
    const mark = daemon.log.length;
    const bad = {
        absent: [get('/health'), handshake(), Buffer.from([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3]), 'secret'],
        version: ['PROXY TCP4 192.0.2.7 198.51.100.1 12345 443\r\n', 'PROXY UNKNOWN\r\n', Buffer.concat([SIGNATURE, Buffer.from([0x11, 0x11, 0, 12])])],
        malformed: [header(2, 0x11), header(1, 0x41), header(1, 0x11, bytes('192.0.2.7')), header(1, 0x11, Buffer.alloc(1009)),
            from6([0, 0, 0, 0, 0, 0, 0, 0])],
        late: [],
    };
    for (const head of Object.values(bad).flat()) {
        const raw = new Raw(daemon.proxied);
        await raw.write(head);
        await raw.end(2000);
        assert.equal(raw.received.length, 0);
    }
    const now = await refusals();
    for (const [reason, heads] of Object.entries(bad)) assert.equal(now[reason] - was[reason], heads.length, reason);
    const said = daemon.log.slice(mark).trimEnd().split('\n');
    assert.ok(said.length <= 3, `${said.length} lines`);
    assert.match(said[0], new RegExp(`it does not begin with a PROXY protocol header listener="?127\\.0\\.0\\.1:${daemon.proxied} proxy"? reason=absent count=1`));
    assert.doesNotMatch(daemon.log, /secret|QUIT/);
});

test('a client that goes before its header is whole is no news', async () => {
    const mark = daemon.log.length;
    const was = await refusals();
    for (const head of ['', SIGNATURE, from('192.0.2.7').subarray(0, 20)]) {
        const raw = new Raw(daemon.proxied);
        await raw.write(head);
        raw.socket.end();
        await raw.end();
    }
    assert.deepEqual(await refusals(), was);
    assert.equal(daemon.log.slice(mark), '');
});

test('silent and slow ones count, last five seconds, and do not hold up a drain', async () => {
    const small = await start(['limits.max_connections=3']);
    const silent = [];
    for (let i = 0; i < 3; i++) silent.push(new Raw(i ? small.proxied : small.path));
    await silent[2].write(SIGNATURE);
    let sent = 0;
    const drops = setInterval(() => silent[1].socket.writable && silent[1].socket.write(from('192.0.2.7').subarray(sent, ++sent)), 400);
    const began = Date.now();
    await within(5000, (async () => {
        while ((await fetch(`${small.http}/ready`)).status !== 503);
    })(), 'they do not count');
    await Promise.all(silent.map((raw) => raw.end(8000)));
    clearInterval(drops);
    assert.ok(Date.now() - began > 4000);
    await small.logged(/did not come in time listener=.* reason=late/);
    assert.equal((await fetch(`${small.http}/ready`)).status, 200);
    assert.equal((await refusals(small)).late, 3);
    const last = new Raw(small.proxied);
    await last.write(SIGNATURE);
    await within(5000, (async () => {
        while ((await (await fetch(`${small.http}/health`)).json()).connections < 2);
    })(), 'it does not count');
    assert.equal(await small.stop(), 0);
    await last.end();
});

test('a full server says so behind the header', async () => {
    const full = await start(['limits.max_connections=1']);
    try {
        const only = await open(full.proxied, from('192.0.2.7'));
        assert.equal(await ask(full.proxied, from('192.0.2.8'), get('/api/rooms')), 503);
        assert.equal(await ask(full.proxied, from('192.0.2.8'), get('/health')), 200);
        only.destroy();
    } finally {
        assert.equal(await full.stop(), 0);
    }
});

test('--healthcheck speaks it', async () => {
    assert.equal((await run(['--listen', `127.0.0.1:${daemon.proxied} proxy`, '--healthcheck'])).stdout, 'ok\n');
    assert.equal((await run(['--listen', `unix:${daemon.path} proxy`, '--healthcheck'])).stdout, 'ok\n');
    assert.equal((await run(['--healthcheck'], { env: { USHERD_SERVER_LISTEN: `127.0.0.1:${daemon.proxied} proxy` } })).stdout, 'ok\n');
    assert.equal((await run(['--listen', `127.0.0.1:${daemon.proxied}`, '--healthcheck'])).code, 1);
});

async function certificate() {
    const { ca, issue } = await makeAuthority();
    const { certificate, key } = await issue('proxied');
    return { options: [`tls.certificate=${certificate}`, `tls.key=${key}`], ca };
}

test('TLS comes behind the header', async () => {
    const { options, ca } = await certificate();
    const secure = await start([...options, 'server.metrics_allow=203.0.113.0/24']);
    try {
        for (const [address, answer] of [['203.0.113.5', /^HTTP\/1\.1 200/], ['192.0.2.7', /^HTTP\/1\.1 403/]]) {
            const under = net.connect(secure.proxied, '127.0.0.1');
            under.write(from(address));
            const raw = new Raw(tls.connect({ socket: under, ca, host: '127.0.0.1' }));
            await within(5000, once(raw.socket, 'secureConnect'), 'no TLS');
            await raw.write(get('/metrics'));
            await raw.until(answer);
            await raw.end();
        }
        assert.equal((await run(['--listen', `127.0.0.1:${secure.proxied} proxy`, ...set(...options), '--healthcheck'])).stdout, 'ok\n');
    } finally {
        assert.equal(await secure.stop(), 0);
    }
});

test('behind a real haproxy', async () => {
    const { options, ca } = await certificate();
    const secure = await start([...options, 'limits.max_connections_per_address=1']);
    const proxy = await startHaproxy(`127.0.0.1:${secure.proxied} send-proxy-v2 check check-send-proxy check-ssl verify none inter 5s`);
    const plain = await startHaproxy(`${daemon.path} send-proxy-v2-ssl-cn`);
    const old = await startHaproxy(`127.0.0.1:${daemon.proxied} send-proxy`);
    try {
        await proxy.logged(/Health check for server front\/s succeeded/);
        const a = await connect(`wss://127.0.0.1:${proxy.port}/ws`, { ca });
        await a.join('behind');
        const second = new Raw(tls.connect({ port: proxy.port, host: '127.0.0.1', ca }));
        await once(second.socket, 'secureConnect');
        await second.write(get('/api/rooms'));
        await second.until(/^HTTP\/1\.1 429 /);
        const b = await connect(`ws://127.0.0.1:${plain.port}/ws`);
        await b.join('behind');
        const was = (await refusals()).version;
        const refused = new Raw(old.port);
        await refused.write(get('/health'));
        await refused.end();
        assert.equal(refused.received.length, 0);
        assert.equal((await refusals()).version - was, 1);
        await a.close();
        await b.close();
    } finally {
        for (const one of [proxy, plain, old]) await one.stop();
        assert.equal(await secure.stop(), 0);
    }
});
