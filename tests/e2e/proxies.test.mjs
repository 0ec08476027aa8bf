// SPDX-License-Identifier: MIT
//
// The daemon behind real reverse proxies, each with the file that conf/proxy ships: npm's ws and `usher pipe` over wss.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { setDefaultResultOrder } from 'node:dns';
import { once } from 'node:events';
import http from 'node:http';
import https from 'node:https';
import path from 'node:path';
import tls from 'node:tls';
import { makeAuthority } from './lib/authority.mjs';
import { startDaemon, within } from './lib/daemon.mjs';
import { connect } from './lib/client.mjs';
import { EngineIo } from './lib/engineio.mjs';
import { joinPeer, scratch, startPeer } from './lib/peer.mjs';
import { Raw } from './lib/raw.mjs';
import { startReverseProxy } from './lib/proxies.mjs';

// The proxies listen on 127.0.0.1 only, and where nothing else is said localhost is ::1 first.
setDefaultResultOrder('ipv4first');

const set = (...options) => options.flatMap((option) => ['--set', option]);

let authority, certificate;
before(async () => {
    authority = await makeAuthority();
    certificate = await authority.issue('signal');
});

const socket = (proxy, where = '/ws') => `wss://localhost:${proxy.https}${where}`;
const open = (proxy, where, options) => connect(socket(proxy, where), { ca: authority.ca, ...options });

// { status, body }
function get(proxy, where, { from, ...headers } = {}) {
    const options = {
        host: '127.0.0.1', servername: 'localhost', port: proxy.https, path: where, ca: authority.ca, localAddress: from, agent: false,
        headers: { Host: 'localhost', ...headers },
    };
    return within(10000, new Promise((resolve, reject) => {
        https.get(options, async (response) => {
            let body = '';
            for await (const part of response.setEncoding('utf8')) body += part;
            resolve({ status: response.statusCode, body });
        }).on('error', reject);
    }), `no answer to ${where}`);
}

// A daemon set as the files say, reached in one of three ways, and the address that it is reached at.
const UPSTREAMS = {
    port: (options) => startDaemon({ args: set('server.trusted_proxies=127.0.0.1', ...options) }),
    unix: async (options) => startDaemon({
        args: ['--listen', `unix:${path.join(await scratch(), 'usherd.sock')}`, ...set('server.trusted_proxies=unix', ...options)],
    }),
    proxied: (options) => startDaemon({ args: ['--listen', '127.0.0.1:0 proxy', ...set(...options)] }),
};
const ADDRESSES = { port: /127\.0\.0\.1:(\d+)\n/, unix: /unix:(\S+)\n/, proxied: /127\.0\.0\.1:(\d+) proxy\n/ };
// As Prometheus on this machine: the proxy's address is trusted to name clients, so it is not near itself.
const scrape = (daemon) => new Promise((resolve, reject) =>
    http.get(`${daemon.http}/metrics`, { localAddress: '127.0.0.2' }, (answer) => answer.setEncoding('utf8').toArray()
        .then((parts) => resolve(parts.join('')), reject)).on('error', reject));

async function behind(how, options = []) {
    const daemon = await UPSTREAMS[how](options);
    daemon.upstream = { [how]: ADDRESSES[how].exec(daemon.log)[1] };
    return daemon;
}
const PEERS_OF_AN_ADDRESS = 3;
const BACK_MS = 10000; // until a proxy has seen that its daemon is there again

const KINDS = ['nginx', 'haproxy', 'caddy'];
const CASES = [...KINDS.flatMap((kind) => [[kind, 'port'], [kind, 'unix']]), ['haproxy', 'proxied']];

CASES.forEach(([kind, how], index) => describe(`${kind}, upstream by ${how}`, () => {
    let daemon, proxy;
    before(async () => {
        daemon = await behind(how, [`limits.max_connections_per_address=${PEERS_OF_AN_ADDRESS}`]);
        proxy = await startReverseProxy(kind, { tls: certificate, upstream: daemon.upstream });
    });
    after(async () => {
        await proxy?.stop();
        assert.equal(await daemon?.stop(), 0);
    });

    test('Socket.IO: polling and the upgrade', async () => {
        const io = new EngineIo({ host: 'localhost', port: proxy.https }, authority.ca);
        const session = await io.open();
        const poll = session.poll();
        await session.say('40');
        assert.match((await poll).text, /^40\{/);
        const ws = await session.upgrade();
        ws.send('421["ping"]');
        assert.match(await ws.text(), /^42\["pong"/);
        await ws.close();
    });

    test('a room over wss, at / and under a path', async () => {
        const a = await open(proxy, '/ws');
        const b = await open(proxy, '/usher/ws');
        assert.equal(a.ws.protocol, 'usher.v1');
        await a.join('behind');
        assert.equal((await b.join('behind')).peers[0].peerId, a.peerId);
        await a.next();
        const sdp = 'v=0 '.repeat(15000);
        b.send({ type: 'offer', to: a.peerId, sdp, link: '1' });
        assert.equal((await a.next()).sdp, sdp);
        a.send({ type: 'answer', to: b.peerId, sdp, link: '1' });
        assert.equal((await b.next()).sdp, sdp);
        for (const where of ['/health', '/usher/health']) assert.equal(JSON.parse((await get(proxy, where)).body).status, 'ok');
        await a.close();
        assert.equal((await b.next()).type, 'peer-left');
        await b.close();
    });

    test('plain HTTP is sent to https', async () => {
        const { status, headers } = await fetch(`http://127.0.0.1:${proxy.http}/health`, { redirect: 'manual', headers: { Host: 'localhost' } });
        assert.ok(status === 301 || status === 308, String(status));
        assert.match(headers.get('location'), /^https:\/\/.*\/health$/);
    });

    test('the client\'s address counts, not the one that it claims', async () => {
        const from = `127.0.${index + 1}.5`;
        const spoof = (n) => ({ localAddress: from, headers: { 'X-Forwarded-For': `192.0.2.${n}`, Forwarded: `for=192.0.2.${n}`, 'X-Real-IP': `192.0.2.${n}` } });
        const peers = [];
        for (let i = 0; i < PEERS_OF_AN_ADDRESS; i++) peers.push(await open(proxy, '/ws', spoof(i)));
        await assert.rejects(open(proxy, '/ws', spoof(9)), /429/);
        await daemon.logged(new RegExp(`address="?${from.replaceAll('.', '\\.')}`));
        peers.push(await open(proxy, '/ws', { localAddress: `127.0.${index + 1}.6` }));
        await Promise.all(peers.map((peer) => peer.close()));
    });

    test('metrics are not for clients, however they ask', async () => {
        assert.match(await scrape(daemon), /usherd_connections/);
        for (const where of ['/metrics', '/usher/metrics']) assert.equal((await get(proxy, where)).status, 404);
        const otherwise = ['//metrics', '/%6detrics', '/metrics/', '/metrics?a', '/METRICS', '/usher//metrics', '/usher/%6detrics',
            '/usher/../metrics', '/usher/usher/metrics', '/metrics;x', '/./metrics', '/usher/metrics;x', '/usher/./metrics', '/usher//./metrics'];
        for (const where of otherwise)
            for (const claim of [{}, { 'X-Forwarded-For': '127.0.0.1' }]) {
                const { status, body } = await get(proxy, where, claim);
                assert.ok(status >= 400 && status < 500, `${where}: ${status}`);
                assert.doesNotMatch(body, /usherd_/);
            }
    });

    test('what stands in the second request of a connection hides nothing (fault 4)', async () => {
        const second = async (request) => {
            const raw = new Raw(tls.connect({ host: '127.0.0.1', servername: 'localhost', port: proxy.https, ca: authority.ca }));
            await raw.write('GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n');
            await raw.until(/"status":"ok".*\}\n/);
            raw.received = Buffer.alloc(0);
            await raw.write(request);
            await raw.end();
            return raw.received.toString('latin1');
        };
        const head = (line, ...lines) => `${line} HTTP/1.1\r\nHost: localhost\r\n${[...lines, 'Connection: close'].map((one) => `${one}\r\n`).join('')}\r\n`;
        for (const name of ['X-Forwarded-Fo', 'X-Forwarded', 'X', 'A', 'If'])
            for (const where of ['/metrics', '/metrics;x', '//metrics', '/./metrics']) {
                const answer = await second(head(`GET ${where}`, `${name}: 1`, 'X-Forwarded-For: 127.0.0.1'));
                assert.match(answer, /^HTTP\/1\.1 4\d\d /, `${where}, ${name}`);
                assert.doesNotMatch(answer, /usherd_/);
            }
        const body = '{"name":"second","password":"secret"}';
        const made = await second(head('POST /api/rooms', 'If: x', 'X-Forwarded-Fo: 1', `Content-Length: ${body.length}`) + body);
        assert.match(made, /^HTTP\/1\.1 201 .*"ownerToken"/s);
        const room = JSON.parse((await get(proxy, '/api/rooms/second')).body);
        assert.equal(room.locked, true);
    });

    test('two peers of ours meet over wss', async () => {
        const env = { SSL_CERT_FILE: authority.file };
        const ann = await joinPeer({ server: `wss://localhost:${proxy.https}`, name: 'ann', env });
        const ben = await joinPeer({ server: socket(proxy, '/usher/ws'), name: 'ben', env });
        await Promise.all([ann.linked(ben), ben.linked(ann)]);
        ann.do({ do: 'send', to: [ben.id], text: 'behind a proxy', ref: '1' });
        assert.equal((await ben.event('message')).text, 'behind a proxy');
        await ann.event('delivered');
        assert.equal(await ann.stop(), 0);
        assert.equal(await ben.stop(), 0);
    });
}));

// Runs what each kind is asked for at once; whatever comes of it, proxies and daemons are stopped.
async function withAll(asked, work) {
    const proxies = await Promise.all(asked.map(({ kind, upstream, edits }) => startReverseProxy(kind, { tls: certificate, upstream, edits })));
    try {
        return await work(proxies);
    } finally {
        await Promise.all(proxies.map((proxy) => proxy.stop()));
    }
}

test('the daemon hears one address, the client\'s, and the scheme', async (t) => {
    const heard = [];
    const upstream = http.createServer((request, response) => {
        heard.push(request.headers);
        response.end();
    }).listen(0, '127.0.0.1');
    t.after(() => upstream.close());
    await once(upstream, 'listening');
    await withAll(KINDS.map((kind) => ({ kind, upstream: { port: upstream.address().port } })), async (proxies) => {
        for (const proxy of proxies) {
            await get(proxy, '/who', { from: '127.0.0.9', 'X-Forwarded-For': '192.0.2.1', 'X-Forwarded-Proto': 'gopher' });
            const headers = heard.pop();
            assert.equal(headers['x-forwarded-for'], '127.0.0.9', proxy.name);
            assert.equal(headers['x-forwarded-proto'], 'https', proxy.name);
            assert.equal(headers.host, 'localhost', proxy.name);
        }
    });
});

// Time passes by pings of the daemon: nobody here watches a clock.
test('silence: the daemon\'s pings keep a WebSocket open, and only the setting that the file names ends a silent one', async () => {
    const INTERVAL = 250;
    const PINGS = 16; // longer than the three seconds below
    const pinging = await behind('port', [`server.ping_interval=${INTERVAL}ms`]);
    const silent = await behind('port', ['server.ping_interval=1h']);
    const short = {
        nginx: [['proxy_read_timeout 1h', 'proxy_read_timeout 3s']],
        haproxy: [['timeout tunnel       1h', 'timeout tunnel 3s']],
    };
    const others = {
        nginx: [['proxy_send_timeout 1h', 'proxy_send_timeout 3s']],
        haproxy: [['timeout client       30s', 'timeout client 3s'], ['timeout server       30s', 'timeout server 3s']],
    };
    const cases = [
        ...['nginx', 'haproxy'].flatMap((kind) => [
            { kind, edits: short[kind], daemon: silent, ends: true },
            { kind, edits: short[kind], daemon: pinging },
            { kind, edits: others[kind], daemon: silent },
        ]),
        { kind: 'caddy', daemon: silent },
    ];
    await withAll(cases.map(({ kind, edits, daemon }) => ({ kind, edits, upstream: daemon.upstream })), async (proxies) => {
        const clients = await Promise.all(proxies.map((proxy) => open(proxy)));
        await Promise.all(clients.map((client) => client.join('quiet')));
        const pings = clients.filter((_, i) => cases[i].daemon === pinging).map(({ ws }) => new Promise((resolve) => {
            let left = PINGS;
            ws.on('ping', () => --left === 0 && resolve());
        }));
        await within(4 * PINGS * INTERVAL, Promise.all(pings), 'a pinged one does not last');
        for (const [i, client] of clients.entries()) {
            if (cases[i].ends) assert.equal((await client.end()).code, 1006);
            else await client.ask({ type: 'leave-room' });
        }
        await Promise.all(clients.filter((_, i) => !cases[i].ends).map((client) => client.close()));
    });
    for (const daemon of [pinging, silent]) assert.equal(await daemon.stop(), 0);
});

test('a daemon that is away is said, and found when it is back', async () => {
    let daemon = await behind('port');
    const { address, upstream } = daemon;
    await withAll(KINDS.map((kind) => ({ kind, upstream })), async (proxies) => {
        const health = () => Promise.all(proxies.map(async (proxy) => (await get(proxy, '/health')).status));
        assert.deepEqual(await health(), [200, 200, 200]);
        assert.equal(await daemon.stop(), 0);
        const peer = await startPeer({ server: `wss://localhost:${proxies[0].https}`, env: { SSL_CERT_FILE: authority.file } });
        assert.deepEqual(await health(), [502, 503, 502]);
        await peer.says(/the proxy at localhost:\d+ does not reach its daemon/);
        daemon = await startDaemon({ listen: address });
        const bound = performance.now() + BACK_MS;
        for (let seen; String(seen = await health()) !== '200,200,200';)
            assert.ok(performance.now() < bound, `after ${BACK_MS} ms still ${seen}`);
        await peer.event('ready');
        assert.equal(await peer.stop(), 0);
    });
    assert.equal(await daemon.stop(), 0);
});

test('usher wants a certificate of an authority that it knows, for the name that it asked for', async () => {
    const daemon = await behind('port');
    const elsewhere = await authority.issue('elsewhere', 'subjectAltName=DNS:elsewhere.example');
    const proxies = [certificate, elsewhere].map((one) => startReverseProxy('nginx', { tls: one, upstream: daemon.upstream }));
    const [known, other] = await Promise.all(proxies);
    const nobody = path.join(await scratch(), 'none.pem');
    for (const [proxy, file, sentence] of [
        [known, nobody, /the certificate of localhost:\d+: unable to get local issuer certificate/],
        [other, authority.file, /the certificate of localhost:\d+: hostname mismatch/],
    ]) {
        const peer = await startPeer({ server: `wss://localhost:${proxy.https}`, env: { SSL_CERT_FILE: file, SSL_CERT_DIR: '/nowhere' } });
        await peer.says(sentence);
        assert.equal(peer.count('state', { state: 'connected' }), 0);
        await peer.stop();
    }
    await Promise.all([known.stop(), other.stop()]);
    assert.equal(await daemon.stop(), 0);
});
