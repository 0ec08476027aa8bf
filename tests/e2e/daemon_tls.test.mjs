// SPDX-License-Identifier: MIT
//
// TLS in the daemon, with a certificate authority made for the test: the dialect over wss, large bursts through a slow
// reader, no h2, a new certificate at SIGHUP while connections stay, and bad files.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import http from 'node:http';
import tls from 'node:tls';
import { once } from 'node:events';
import { makeAuthority } from './lib/authority.mjs';
import { run, startDaemon } from './lib/daemon.mjs';
import { connect } from './lib/client.mjs';
import { parseMetrics } from './lib/prometheus.mjs';
import { startPeer } from './lib/peer.mjs';
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

test('an end that is near is warned of at start, at reload and by --test-config, and is a metric', async () => {
    const names = 'subjectAltName=IP:127.0.0.1';
    for (const [name, days] of [['fresh', 30], ['ending', 5], ['over', -1]]) await authority.issue(name, names, days);
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
