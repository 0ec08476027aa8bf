// SPDX-License-Identifier: MIT
//
// TLS in the daemon, with a certificate authority made for the test: the dialect over wss, large bursts through a slow
// reader, files whole, connections that last, no h2, a new certificate at SIGHUP while connections stay, and bad files.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs/promises';
import http from 'node:http';
import net from 'node:net';
import path from 'node:path';
import tls from 'node:tls';
import { once } from 'node:events';
import { Duplex } from 'node:stream';
import { makeAuthority } from './lib/authority.mjs';
import { run, startDaemon, testMemory, within } from './lib/daemon.mjs';
import { connect } from './lib/client.mjs';
import { parseMetrics } from './lib/prometheus.mjs';
import { scratch, startPeer } from './lib/peer.mjs';
import { Raw, TEXT, frame, handshake as handshakeOf } from './lib/raw.mjs';

const set = (...options) => options.flatMap((option) => ['--set', option]);

let authority, daemon, ca;
const at = (name) => authority.at(name);

const serve = async (name) => {
    await fs.copyFile(at(`${name}.key`), at('live.key'));
    await fs.copyFile(at(`${name}.pem`), at('live.pem'));
};

before(async () => {
    authority = await makeAuthority();
    ca = authority.ca;
    await authority.issue('first');
    await authority.issue('second');
    await serve('first');
    daemon = await startDaemon({
        args: set(`tls.certificate=${at('live.pem')}`, `tls.key=${at('live.key')}`, 'limits.max_queue=64M', 'limits.message_rate=0'),
    });
    daemon.url = `wss://127.0.0.1:${daemon.port}/ws`;
});
after(() => daemon?.stop());

const open = () => connect(daemon.url, { ca });

async function handshake(options = {}) {
    const socket = tls.connect({ host: '127.0.0.1', port: daemon.port, ca, ...options });
    const failed = once(socket, 'error').then(([error]) => Promise.reject(error));
    try {
        await Promise.race([once(socket, 'secureConnect'), failed]);
        return { name: socket.getPeerCertificate().subject.CN, alpn: socket.alpnProtocol };
    } finally {
        failed.catch(() => {});
        socket.destroy();
    }
}

test('the dialect over wss, a large burst to a slow reader included', async () => {
    const a = await open();
    const b = await open();
    await a.join('secret');
    await b.join('secret');
    await a.next();
    b.ws._socket.pause();
    const sdp = 'v=0 '.repeat(15000);
    for (let i = 0; i < 300; i++) a.send({ type: 'offer', to: b.peerId, sdp, link: String(i) });
    await a.alive();
    b.ws._socket.resume();
    for (let i = 0; i < 300; i++) {
        const offer = await b.next();
        assert.equal(offer.link, String(i));
        assert.equal(offer.sdp.length, sdp.length);
    }
    b.send({ type: 'signal', to: a.peerId, data: 1 });
    assert.equal((await a.next()).data, 1);
    await a.close();
    await b.close();
});

const SMALL = 64 * 1024;

const silent = async () => {
    const raw = new Raw(tls.connect({ host: '127.0.0.1', port: daemon.port, ca }));
    await once(raw.socket, 'secureConnect');
    return raw;
};

// Nobody here watches a clock: one who says nothing is hung up on after ten seconds.
test('a connection lasts longer than a handshake may', async () => {
    const a = await open();
    const raw = await silent();
    const quiet = await silent();
    await raw.write(handshakeOf());
    await raw.until(/"type":"welcome"/);
    await raw.write(frame(TEXT, '{"type":"join-room","roomId":"lasting"}'));
    await a.join('lasting-too');
    await quiet.end(15000);
    await a.alive();
    await raw.write(frame(TEXT, '{"type":"ping"}'));
    await raw.until(/"pong"/);
    raw.destroy();
    await a.close();
});

// A client that stops reading when nobody takes what it reads, which node's does not. It says nothing of the end.
function slowReader(port, request) {
    const child = spawn('openssl', ['s_client', '-quiet', '-connect', `127.0.0.1:${port}`, '-CAfile', authority.file],
        { stdio: ['pipe', 'pipe', 'ignore'] });
    child.stdin.write(request);
    child.stdout.on('readable', () => {}); // or node would throw away what is unread when the child ends
    return child;
}

// Their sockets are full before they read; of one or another the last write is one that the socket did not take whole.
test('files of all sizes come whole to readers that wait', async () => {
    const STEP = 40 * 1024;
    const COUNT = 16;
    const file = Buffer.alloc(COUNT * STEP, 'usher ');
    const root = await scratch();
    await fs.writeFile(path.join(root, 'file'), file);
    const files = await startDaemon({
        args: set(`tls.certificate=${at('live.pem')}`, `tls.key=${at('live.key')}`, `server.web_root=${root}`), sendBuffer: SMALL,
    });
    const get = (lines) => slowReader(files.port, `GET /file HTTP/1.1\r\nHost: localhost\r\n${lines}\r\n`);
    const readers = [];
    try {
        for (let i = 1; i <= COUNT; i++) readers.push(get(`Range: bytes=0-${i * STEP - 1}\r\n`));
        await Promise.all(readers.map((reader) => once(reader.stdout, 'readable')));
        for (let i = 0; i < 3; i++) await get('Range: bytes=0-0\r\n').stdout.toArray();
        await Promise.all(readers.map(async (reader, i) => {
            const all = Buffer.concat(await reader.stdout.toArray());
            const body = all.subarray(all.indexOf('\r\n\r\n') + 4);
            assert.ok(body.equals(file.subarray(0, (i + 1) * STEP)), `${body.length} of ${(i + 1) * STEP} bytes`);
        }));
    } finally {
        for (const reader of readers) reader.kill();
        assert.equal(await files.stop(), 0);
    }
});

// Milliseconds of processor time that the daemon's loop has used.
const used = async (pid) => Number((await fs.readFile(`/proc/${pid}/task/${pid}/schedstat`, 'latin1')).split(' ')[0]) / 1e6;

// A socket that can stop reading and go on writing, which node's TLS cannot.
function stoppable(port) {
    const socket = net.connect(port, '127.0.0.1');
    const through = new Duplex({ read() {}, write: (bytes, encoding, done) => socket.write(bytes, done), final: (done) => socket.end(done) });
    socket.on('data', (bytes) => through.push(bytes)).on('end', () => through.push(null)).on('error', (error) => through.destroy(error));
    through.on('close', () => socket.destroy());
    return { createConnection: () => tls.connect({ socket: through, ca, host: '127.0.0.1' }), socket };
}

// Time passes by the daemon's pings.
test('a reader that stopped and goes on talking costs nothing', async () => {
    const INTERVAL = 250;
    const PINGS = 6;
    const SPENT_MS = 40; // two are usual; a loop that is told again and again that it could read takes hundreds
    const here = await startDaemon({
        args: set(`tls.certificate=${at('live.pem')}`, `tls.key=${at('live.key')}`, 'limits.max_queue=64M', 'limits.message_rate=0',
            `server.ping_interval=${INTERVAL}ms`, 'server.ping_timeout=1h'),
        sendBuffer: SMALL,
    });
    try {
        const there = `wss://127.0.0.1:${here.port}/ws`;
        const { createConnection, socket } = stoppable(here.port);
        const [a, clock, b] = [await connect(there, { ca }), await connect(there, { ca }), await connect(there, { createConnection })];
        for (const one of [a, b, clock]) await one.join(one === clock ? 'clock' : 'room');
        await a.next();
        socket.pause();
        const data = 'x'.repeat(60000);
        for (let i = 0; i < 40; i++) a.send({ type: 'signal', to: b.peerId, data });
        await a.alive();
        b.send({ type: 'ping' });
        const before = await used(here.pid);
        let pings = 0;
        await within(20000, new Promise((resolve) => clock.ws.on('ping', () => ++pings === PINGS && resolve())), 'no pings');
        const spent = (await used(here.pid)) - before;
        assert.ok(spent < SPENT_MS, `${spent} ms of processor time`);
        socket.resume();
        for (let i = 0; i < 40; i++) assert.equal((await b.next()).data.length, data.length);
        assert.equal((await b.next()).type, 'pong');
        for (const one of [a, b, clock]) await one.close();
    } finally {
        assert.equal(await here.stop(), 0);
    }
});

// 17 KB each, of which the process gave back none unless a thousand went.
testMemory('hundreds that go leave no memory behind', async (t) => {
    const [CROWD, ROUND, LEFT, PATIENCE_MS] = [450, 30, 3e6, 8000];
    const { certificate, key } = await authority.issue('crowd');
    const other = await startDaemon({ args: set(`tls.certificate=${certificate}`, `tls.key=${key}`) });
    const resident = async () =>
        Number(/^VmRSS:\s+(\d+) kB/m.exec(await fs.readFile(`/proc/${other.pid}/status`, 'latin1'))[1]) * 1024;
    const crowd = [];
    const before = await resident();
    while (crowd.length < CROWD)
        crowd.push(...await Promise.all(Array.from({ length: ROUND }, () => connect(other.url.replace('ws:', 'wss:'), { ca }))));
    const most = await resident();
    crowd.forEach((client) => client.destroy());
    let after;
    const end = performance.now() + PATIENCE_MS;
    while ((after = await resident()) > before + LEFT && performance.now() < end) await new Promise((resolve) => setTimeout(resolve, 50));
    t.diagnostic(`resident: ${before}, ${most}, ${after} bytes`);
    assert.ok(most > before + 2 * LEFT && after <= before + LEFT, `${before}, ${most}, ${after} bytes`);
    assert.equal(await other.stop(), 0);
});

test('http/1.1 is agreed to, h2 never', async () => {
    assert.equal((await handshake({ ALPNProtocols: ['h2', 'http/1.1'] })).alpn, 'http/1.1');
    assert.equal((await handshake()).alpn, false);
    await assert.rejects(handshake({ ALPNProtocols: ['h2'] }));
});

test('what is not TLS, or too old, is turned away', async () => {
    const raw = new Raw(daemon.port);
    await raw.write('GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await raw.end();
    assert.doesNotMatch(raw.received.toString('latin1'), /200 OK/);
    await assert.rejects(handshake({ maxVersion: 'TLSv1.1', minVersion: 'TLSv1', ciphers: 'DEFAULT@SECLEVEL=0' }));
    assert.equal((await handshake()).name, 'first');
});

test('usher goes to numeric addresses over wss, for which the certificate must be', async () => {
    const narrow = await authority.issue('narrow', 'subjectAltName=IP:127.0.0.1,DNS:localhost');
    const env = { SSL_CERT_FILE: authority.file, SSL_CERT_DIR: '/nowhere' };
    for (const host of ['127.0.0.1', '[::1]'])
        for (const { certificate, key } of [{ certificate: at('first.pem'), key: at('first.key') }, narrow]) {
            const here = await startDaemon({ listen: `${host}:0`, args: set(`tls.certificate=${certificate}`, `tls.key=${key}`) });
            const peer = await startPeer({ server: `wss://${host}:${here.port}`, env });
            if (host === '[::1]' && certificate === narrow.certificate)
                await peer.says(/the certificate of \[::1\]:\d+: IP address mismatch/);
            else
                await peer.event('ready');
            await peer.stop();
            await here.stop();
        }
});

test('SIGHUP brings the new certificate to new connections only', async () => {
    const old = await open();
    await old.join('stays');
    await serve('second');
    let mark = daemon.log.length;
    daemon.kill('SIGHUP');
    await daemon.logged(/the settings were read again/, mark);
    assert.equal((await handshake()).name, 'second');
    await old.alive();
    await fs.writeFile(at('live.pem'), 'no certificate');
    mark = daemon.log.length;
    daemon.kill('SIGHUP');
    await daemon.logged(/tls\.certificate = \S+live\.pem: /, mark);
    assert.equal((await handshake()).name, 'second');
    await fs.copyFile(at('first.pem'), at('live.pem'));
    mark = daemon.log.length;
    daemon.kill('SIGHUP');
    await daemon.logged(/tls\.key = \S+live\.key: this is not the key of tls\.certificate = \S+live\.pem/, mark);
    assert.equal((await handshake()).name, 'second');
    await old.alive();
    await old.close();
});

test('--healthcheck asks over TLS', async () => {
    await serve('first');
    const files = set(`tls.certificate=${at('live.pem')}`, `tls.key=${at('live.key')}`);
    const { code, stdout, stderr } = await run(['--healthcheck', '--listen', daemon.address, ...files]);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /ok/);
});

test('--healthcheck asks a daemon whose certificate or key is being replaced, or that was started without one', async () => {
    const ask = (address, ...options) => run(['--healthcheck', '--listen', address, ...set(...options)]);
    const well = { code: 0, stdout: 'ok\n', stderr: '' };
    await fs.writeFile(at('empty.key'), '');
    const unread = at('unread.key');
    await fs.writeFile(unread, 'x', { mode: 0 });
    for (const options of [[`tls.certificate=${at('live.pem')}`, `tls.key=${at('empty.key')}`], [`tls.certificate=${at('live.pem')}`, `tls.key=${unread}`],
        [`tls.certificate=${at('gone.pem')}`, `tls.key=${at('gone.key')}`], [`tls.certificate=${at('live.pem')}`], ['tls.certificate=%d/live.pem'],
        []]) // TLS was removed from the settings since
        assert.deepEqual(await ask(daemon.address, ...options), well, options.join(' '));
    const plain = await startDaemon();
    assert.deepEqual(await ask(plain.address, `tls.certificate=${at('live.pem')}`, `tls.key=${at('live.key')}`), well);
    assert.equal(await plain.stop(), 0);
});

test('an end that is near is warned of at start, at reload and by --test-config, and is a metric', async () => {
    const names = 'subjectAltName=IP:127.0.0.1';
    for (const [name, days] of [['fresh', 30], ['ending', 5]]) await authority.issue(name, names, days);
    await authority.issueUntil('over', new Date(Date.now() - 86400000));
    const use = async (name) => {
        await fs.copyFile(at(`${name}.key`), at('watched.key'));
        await fs.copyFile(at(`${name}.pem`), at('watched.pem'));
    };
    const args = set(`tls.certificate=${at('watched.pem')}`, `tls.key=${at('watched.key')}`);
    const until = (name) => Date.parse(authority.openssl('x509', '-in', `${name}.pem`, '-noout', '-enddate').toString().slice(9)) / 1000;
    await use('ending');
    const socket = at('plain.sock'); // unix sockets are served without TLS
    const watched = await startDaemon({ args: [...args, '--listen', `unix:${socket}`] });
    const metric = async () => {
        const body = await new Promise((resolve, reject) => http.get({ socketPath: socket, path: '/metrics' }, (answer) => {
            let text = '';
            answer.setEncoding('utf8').on('data', (piece) => (text += piece)).on('end', () => resolve(text));
        }).on('error', reject));
        parseMetrics(body);
        return Number(/^usherd_tls_certificate_not_after_timestamp_seconds (\d+)$/m.exec(body)[1]);
    };
    await watched.logged(/warning +the TLS certificate expires soon[^\n]* certificate="?\/CN=ending"? [^\n]* days=[45]\n/);
    assert.equal(await metric(), until('ending'));
    const reload = async (name) => {
        await use(name);
        const mark = watched.log.length;
        watched.kill('SIGHUP');
        await watched.logged(/the settings were read again/, mark);
        return mark;
    };
    await watched.logged(/error +the TLS certificate has expired/, await reload('over'));
    assert.equal(await metric(), until('over'));
    const mark = await reload('fresh');
    assert.equal(await metric(), until('fresh'));
    assert.doesNotMatch(watched.log.slice(mark), /expire/);
    assert.equal(await watched.stop(), 0);
    for (const [name, sentence] of [['fresh', /^$/], ['ending', /^usherd: warning: the TLS certificate expires soon/], ['over', /^usherd: error: the TLS certificate has expired/]]) {
        await use(name);
        const { code, stdout, stderr } = await run([...args, '--test-config'], { env: { SSL_CERT_FILE: authority.file } });
        assert.deepEqual([code, stdout], [0, 'the settings are valid\n']);
        assert.match(stderr, sentence);
    }
    await use('fresh');
    assert.match((await run([...args, '--test-config'])).stderr, /^usherd: warning: the file of the TLS certificate lacks the one that signed it/);
});

test('a certificate that lapses while it is served is told of', async () => {
    const { certificate, key } = await authority.issueUntil('short', new Date(Date.now() + 5000));
    const lapsing = await startDaemon({ args: set(`tls.certificate=${certificate}`, `tls.key=${key}`) });
    await lapsing.logged(/warning +the TLS certificate expires soon[^\n]* days=0\n/);
    await lapsing.logged(/error +the TLS certificate has expired, and clients refuse it: renew it, then reload/, 0, 15000);
    assert.equal(lapsing.log.match(/expires soon/g).length, 1);
    assert.equal(await lapsing.stop(), 0);
});

test('without TLS there is no such metric', async () => {
    const plain = await startDaemon();
    const text = await (await fetch(`${plain.http}/metrics`)).text();
    assert.doesNotMatch(text, /usherd_tls_/);
    await plain.stop();
});

test('bad files refuse the start and say why', async () => {
    authority.openssl('ec', '-in', 'first.key', '-aes128', '-passout', 'pass:word', '-out', 'locked.key');
    const cases = [
        ['missing.pem', 'first.key', /tls\.certificate = \S+missing\.pem: the file cannot be read/],
        ['first.key', 'first.key', /tls\.certificate = \S+first\.key: /],
        ['first.pem', 'first.pem', /tls\.key = \S+first\.pem: /],
        ['first.pem', 'second.key', /tls\.key = \S+second\.key: this is not the key of tls\.certificate = \S+first\.pem/],
        ['first.pem', 'locked.key', /tls\.key = \S+locked\.key: the key is locked with a passphrase/],
    ];
    for (const [certificate, key, sentence] of cases) {
        const files = set(`tls.certificate=${at(certificate)}`, `tls.key=${at(key)}`);
        const { code, stderr } = await run(['--listen', '127.0.0.1:0', ...files]);
        assert.equal(code, 78);
        assert.match(stderr, sentence);
    }
});
