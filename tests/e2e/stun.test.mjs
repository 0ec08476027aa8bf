// SPDX-License-Identifier: MIT
//
// STUN built in: coturn's client and a Chromium page are told their address, bad datagrams are told nothing and cost
// their sender only, and clients hear of the server under the name by which they came.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import dgram from 'node:dgram';
import { once } from 'node:events';
import fs from 'node:fs/promises';
import http from 'node:http';
import path from 'node:path';
import { promisify } from 'node:util';
import { run, startDaemon } from './lib/daemon.mjs';
import { connect } from './lib/client.mjs';
import { Network } from './lib/networks.mjs';
import { parseMetrics } from './lib/prometheus.mjs';
import { Raw } from './lib/raw.mjs';
import { StunClient, mapped, request } from './lib/stun.mjs';
import { inFolder } from './lib/folder.mjs';
import { openChromium } from './lib/chromium.mjs';

const BURST = 200;
const RATE = 100;
const set = (...options) => options.flatMap((option) => ['--set', option]);

// With `stunPort`, in place of port 0.
async function startStun(...options) {
    const daemon = await startDaemon({ args: set('ice.stun_listen=[::]:0', ...options) });
    daemon.stunPort = Number((await daemon.logged(/stun on \S+:(\d+)\n/))[1]);
    return daemon;
}

let daemon;
before(async () => (daemon = await startStun()));
after(() => daemon?.stop());

const outcomes = async (of = daemon) => {
    const samples = parseMetrics(await (await fetch(`${of.http}/metrics`)).text());
    return (outcome) => samples.get(`usherd_stun_datagrams_total{outcome="${outcome}"}`);
};

// What the daemon tells over HTTP where these headers are sent.
async function told(of, headers) {
    const answer = await new Promise((resolve, reject) =>
        http.get(`${of.http}/api/ice-servers`, { headers }, resolve).on('error', reject));
    let text = '';
    for await (const piece of answer.setEncoding('utf8')) text += piece;
    return JSON.parse(text).iceServers.flatMap(({ urls }) => urls);
}

// ---- who is answered ----

for (const [address, family] of [['127.0.0.1', 'IPv4'], ['::1', 'IPv6']])
    test(`coturn's client is told its address, of ${family}`, async () => {
        const { stdout } = await promisify(execFile)('turnutils_stunclient', ['-p', `${daemon.stunPort}`, address], { timeout: 8000 });
        assert.ok(stdout.includes(`${family}. UDP reflexive addr: ${address}:`), stdout);
    });

test('an answer has the request\'s transaction, the address and nothing else, and comes from the address that was asked', async () => {
    for (const [from, server, size, shown] of [['127.0.0.1', '127.0.0.1', 32, '127.0.0.1'], ['127.0.0.9', '127.0.0.2', 32, '127.0.0.9'],
        ['::1', '::1', 44, '0000:0000:0000:0000:0000:0000:0000:0001']]) {
        const client = await StunClient.open(from, server, daemon.stunPort);
        const transaction = Buffer.from('0123456789ab');
        const answer = await client.ask(request([], { transaction }));
        assert.equal(answer.length, size);
        assert.equal(answer.readUInt16BE(0), 0x0101);
        assert.deepEqual(answer.subarray(8, 20), transaction);
        assert.equal(mapped(answer), `${shown} ${client.port}`);
        client.close();
    }
});

test('a Chromium page gets its reflexive address from the server that it was told of', async () => {
    const opened = await openChromium();
    try {
        const page = await opened.browser.newPage();
        await page.goto(`${daemon.http}/health`);
        const count = (await outcomes())('answered');
        const candidate = await page.evaluate(async () => {
            const { iceServers } = await (await fetch('/api/ice-servers')).json();
            const connection = new RTCPeerConnection({ iceServers });
            connection.createDataChannel('any');
            const found = new Promise((resolve) => {
                connection.onicecandidate = (event) => {
                    if (!event.candidate) resolve('none of the type srflx');
                    else if (event.candidate.type === 'srflx') resolve(event.candidate.candidate);
                };
            });
            await connection.setLocalDescription();
            return found;
        });
        assert.match(candidate, / 127\.0\.0\.1 \d+ typ srflx /);
        assert.ok((await outcomes())('answered') > count);
    } finally {
        await opened.close();
    }
});

// ---- who is not ----

test('what is no whole binding request gets no answer, and does no harm', async () => {
    const good = request();
    const change = (at, byte) => Buffer.from(good).fill(byte, at, at + 1);
    const bad = [
        Buffer.alloc(0), good.subarray(0, 10), good.subarray(0, 19), Buffer.concat([good, Buffer.alloc(4)]),
        change(4, 0x20), // no magic cookie: RFC 3489
        change(0, 0x01), change(1, 0x11), change(1, 0x03), // an answer, an indication, another method
        change(3, 4), change(3, 1), change(2, 0xff), // lengths that are not so
        Buffer.concat([change(3, 4), Buffer.from([0x80, 0x22, 0, 5])]), // an attribute past the end
        Buffer.concat([change(3, 4), Buffer.from([0x80, 0x22, 0xff, 0xff])]),
        request([[0x8028, 'crc?']]), // a wrong FINGERPRINT
        request([0, 1, 2, 3, 4, 5, 6].map((n) => [0x7000 + n, ''])), // more than a refusal can name
        request([[0x8022, 'x'.repeat(1232)]]), // larger than such a datagram may be
        Buffer.concat([request([[0x8022, 'x'.repeat(1208)]]), Buffer.alloc(4)]), // as large as may be, and more behind it
        Buffer.alloc(9000, 0x21),
        Buffer.from('GET / HTTP/1.1\r\n\r\n'),
    ];
    const client = await StunClient.open('127.0.0.5', '127.0.0.1', daemon.stunPort);
    const count = (await outcomes())('malformed');
    for (const bytes of bad) await client.send(bytes);
    const answer = await client.ask(good);
    assert.deepEqual(answer.subarray(8, 20), good.subarray(8));
    assert.equal((await outcomes())('malformed'), count + bad.length);
    client.close();
});

test('what has to be understood and is not is named in a 420', async () => {
    const client = await StunClient.open('127.0.0.6', '127.0.0.1', daemon.stunPort);
    const count = (await outcomes())('refused');
    const asked = request([[0x0003, [0, 0, 0, 6]], [0x8022, 'optional'], [0x0024, [1, 2, 3, 4]]]); // CHANGE-REQUEST, PRIORITY
    const answer = await client.ask(asked);
    assert.equal(answer.toString('hex'), `01110010${asked.subarray(4, 20).toString('hex')}0009000400000414000a000400030024`);
    assert.equal((await outcomes())('refused'), count + 1);
    client.close();
});

test('one address gets what its rate allows, and its neighbours all that they ask for', async () => {
    const flooder = await StunClient.open('127.0.0.7', '127.0.0.1', daemon.stunPort);
    const neighbour = await StunClient.open('127.0.0.8', '127.0.0.1', daemon.stunPort);
    const count = await outcomes();
    const since = process.hrtime.bigint();
    for (let i = 0; i < 30; i++) {
        // The neighbour's answer says that all before it were read.
        await Promise.all(Array.from({ length: 50 }, () => flooder.send(request())));
        assert.equal(mapped(await neighbour.ask()), `127.0.0.8 ${neighbour.port}`);
    }
    const now = await outcomes();
    const answered = now('answered') - count('answered') - 30;
    const seconds = Number(process.hrtime.bigint() - since) / 1e9;
    assert.ok(answered >= BURST && answered <= BURST + seconds * RATE + 1, `${answered} answers in ${seconds} s`);
    assert.equal(now('rate-limited') - count('rate-limited'), 1500 - answered);
    for (let i = 0; i < answered; i++) await flooder.next();
    assert.equal(flooder.waiting, 0);
    flooder.close();
    neighbour.close();
});

// Datagrams that no honest socket sends, with a checksum of 0, which is none (RFC 768); then one that is answered.
const FORGE = `use Socket; my ($port) = @ARGV; my $request = pack('nnNa12', 1, 0, 0x2112a442, 'transactions');
    for my $from (0, $port) {
        socket(my $raw, PF_INET, SOCK_RAW, 17) or die; bind($raw, pack_sockaddr_in(0, INADDR_LOOPBACK)) or die;
        send($raw, pack('nnnn', $from, $port, 28, 0) . $request, 0, pack_sockaddr_in(0, INADDR_LOOPBACK)) or die;
    }
    socket(my $s, PF_INET, SOCK_DGRAM, 0) or die; send($s, $request, 0, pack_sockaddr_in($port, INADDR_LOOPBACK)) or die;
    recv($s, my $answer, 100, 0); print length $answer;`;

test('nothing is answered to port 0, nor to itself', () => inFolder(async (folder) => {
    const network = await Network.make();
    const file = path.join(folder, 'socket');
    const other = await startDaemon({ listen: `unix:${file}`, space: network.space,
        args: set('ice.stun_listen=127.0.0.1:3478', 'server.metrics_allow=unix') });
    const [command, ...args] = [...network.space, 'perl', '-e', FORGE, '3478'];
    assert.equal((await promisify(execFile)(command, args, { timeout: 8000 })).stdout, '32');
    const answer = await new Promise((resolve, reject) =>
        http.get({ socketPath: file, path: '/metrics', headers: { host: 'h' } }, resolve).on('error', reject));
    let text = '';
    for await (const piece of answer.setEncoding('utf8')) text += piece;
    const samples = parseMetrics(text);
    assert.equal(samples.get('usherd_stun_datagrams_total{outcome="unsent"}'), 2);
    assert.equal(samples.get('usherd_stun_datagrams_total{outcome="answered"}'), 1);
    assert.equal(await other.stop(), 0);
}));

// ---- who hears of it, and how ----

test('clients are told of it under the host that they asked for', async () => {
    const url = (host) => [`stun:${host}:${daemon.stunPort}`];
    for (const [host, shown] of [['Signal.Example', 'signal.example'], ['signal.example:8443', 'signal.example'], ['192.0.2.7:4000', '192.0.2.7'],
        ['[2001:DB8:0::1]:4000', '[2001:db8::1]']]) {
        assert.deepEqual(await told(daemon, { host }), url(shown));
        const client = await connect(daemon.url, { headers: { host } });
        assert.deepEqual(client.welcome.iceServers, [{ urls: url(shown) }]);
        await client.close();
    }
    // What HTTP takes for a host and no resolver does; and none.
    for (const host of ['1.2.3.256', 'a..b', '%41', `${'x'.repeat(64)}.example`, 'a,b'])
        assert.deepEqual(await told(daemon, { host }), [], host);
    for (const rest of ['HTTP/1.0\r\n', 'HTTP/1.1\r\nHost:\r\n']) {
        const bare = new Raw(daemon.port);
        await bare.write(`GET /api/ice-servers ${rest}\r\n`);
        await bare.end();
        assert.match(bare.received.toString(), /^HTTP\/1\.1 200 [^]*\r\n\r\n\{"iceServers":\[\]\}\n$/);
    }
});

test('it comes first, and again with each list', async () => {
    const other = await startStun('ice.stun=stun:other.example', 'ice.turn=turn:turn.example', 'ice.turn_secret=s', 'ice.turn_ttl=1s');
    const urls = [`stun:signal.example:${other.stunPort}`, 'stun:other.example', 'turn:turn.example'];
    const client = await connect(other.url, { headers: { host: 'signal.example' } });
    assert.deepEqual(client.welcome.iceServers.flatMap((entry) => entry.urls), urls);
    for (let i = 0; i < 2; i++) assert.deepEqual((await client.next()).iceServers.flatMap((entry) => entry.urls), urls);
    await client.close();
    assert.equal(await other.stop(), 0);
});

test('stun_public is told in place of the host', async () => {
    const other = await startStun('ice.stun_public=Stun.Example:03478');
    assert.deepEqual(await told(other, { host: 'signal.example' }), ['stun:stun.example:3478']);
    assert.equal(await other.stop(), 0);
});

// ---- its life ----

test('a reload moves it, renames it, switches it off and on, and changes nothing if it cannot', () => inFolder(async (folder) => {
    const conf = path.join(folder, 'usherd.conf');
    const taken = dgram.createSocket('udp4').bind(0, '127.0.0.1');
    await once(taken, 'listening');
    await fs.writeFile(conf, '[ice]\nstun_listen = 127.0.0.1:0\n');
    const other = await startDaemon({ args: ['--config', conf] });
    const first = Number((await other.logged(/stun on 127\.0\.0\.1:(\d+)\n/))[1]);
    const client = await StunClient.open('127.0.0.1', '127.0.0.1', first);
    const reload = async (lines, expected) => {
        const from = other.log.length;
        await fs.writeFile(conf, `[ice]\n${lines}\n`);
        other.kill('SIGHUP');
        return other.logged(expected, from);
    };
    const urls = () => told(other, { host: 'h' });

    await client.ask();
    await reload(`stun_listen = 127.0.0.1:${taken.address().port}`,
        new RegExp(`error +cannot answer STUN on 127\\.0\\.0\\.1:\\d+: Address already in use: stop the program that has it`));
    await client.ask();
    await reload('stun_listen = 127.0.0.1', /error +.*ice\.stun_listen = "127\.0\.0\.1": expected a UDP address/);
    await client.ask();
    assert.deepEqual(await urls(), [`stun:h:${first}`]);
    await reload('stun_listen = 127.0.0.1:0\nstun_public = p.example:1', /read again/); // the same socket
    await client.ask();
    assert.deepEqual(await urls(), ['stun:p.example:1']);
    await reload(`stun_listen = [::]:${first}`, new RegExp(`stun on \\[::\\]:${first}\\n`)); // the same port
    await client.ask();
    await reload(`stun_listen = 0.0.0.0:${first}`, new RegExp(`stun on 0\\.0\\.0\\.0:${first}\\n`));
    await client.ask();
    const thief = dgram.createSocket({ type: 'udp4', reuseAddr: true }).bind(first, '127.0.0.1'); // would get what is ours
    await assert.rejects(once(thief, 'listening'), { code: 'EADDRINUSE' });
    await reload('', /stun off\n/);
    assert.deepEqual(await urls(), []);
    const free = dgram.createSocket('udp4').bind(first, '127.0.0.1'); // nobody has it any more
    await once(free, 'listening');
    free.close();
    await once(free, 'close');
    await reload('stun_listen = 127.0.0.1:0', /stun on 127\.0\.0\.1:(\d+)\n/);
    assert.equal((await urls()).length, 1);
    client.close();
    taken.close();
    assert.equal(await other.stop(), 0);
}));

test('a port that is taken ends the start, and says so', async () => {
    const listen = `ice.stun_listen=127.0.0.1:${daemon.stunPort}`;
    const { code, stderr } = await run(['--listen', '127.0.0.1:0', ...set(listen)]);
    assert.equal(code, 1);
    assert.match(stderr, /error +cannot answer STUN on 127\.0\.0\.1:\d+: Address already in use: stop the program that has it, or choose another port \(ice\.stun_listen\)\n/);
});

test('what it cannot be is told by --test-config', async () => {
    for (const [option, sentence] of [['ice.stun_listen=localhost:3478', 'expected a UDP address'], ['ice.stun_listen=unix:/run/x', 'expected a UDP address'],
        ['ice.stun_listen=224.0.0.1:3478', 'a multicast address belongs to no machine'], ['ice.stun_public=stun.example', 'the port is missing'], ['ice.stun_public=stun:a.example:1', 'write it without stun:']]) {
        const { code, stderr } = await run([...set(option), '--test-config']);
        assert.equal(code, 2);
        assert.ok(stderr.includes(sentence), stderr);
    }
});
