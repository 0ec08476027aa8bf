// SPDX-License-Identifier: MIT
//
// What keeps one client's flood from the others, seen from outside; what it comes to in microseconds is measured by
// `make bench-flood`.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs/promises';
import http from 'node:http';
import net from 'node:net';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { startDaemon, within } from './lib/daemon.mjs';
import { connect, pair } from './lib/client.mjs';
import { parseMetrics } from './lib/prometheus.mjs';
import { scratch } from './lib/peer.mjs';

const ROUNDS = 12;
const CROWD = 400;
const RELAY_MS = 0.8; // by the daemon's own clock; beside a crowd that is taken in at once it is three

const metrics = async (daemon) => parseMetrics(await (await fetch(`${daemon.http}/metrics`)).text());
const relayMs = (m) => 1000 * m.get('usherd_relay_latency_seconds_sum');

test('a crowd at the door does not keep a relay waiting', async () => {
    const daemon = await startDaemon({
        args: ['--set', 'limits.connection_rate=0', '--set', 'limits.max_connections_per_address=0'],
    });
    try {
        const [a, b] = await pair(daemon.url, 'room');
        const took = [];
        for (let i = 0; i < ROUNDS; i++) {
            const before = relayMs(await metrics(daemon));
            // Stopped meanwhile, it finds the signal and the crowd in one turn.
            daemon.kill('SIGSTOP');
            await new Promise((resolve) => a.ws.send(JSON.stringify({ type: 'signal', to: b.peerId, data: i }), resolve));
            const crowd = Array.from({ length: CROWD }, () => net.connect(daemon.port, '127.0.0.1').on('error', () => {}));
            await Promise.all(crowd.map((socket) => once(socket, 'connect')));
            daemon.kill('SIGCONT');
            assert.equal((await b.next()).data, i);
            took.push(relayMs(await metrics(daemon)) - before);
            crowd.forEach((socket) => socket.destroy());
        }
        took.sort((x, y) => x - y);
        assert.ok(took[ROUNDS / 4] < RELAY_MS, `the daemon relayed within ${took.map((ms) => ms.toFixed(2))} ms`);
    } finally {
        daemon.kill('SIGCONT');
        await daemon.stop();
    }
});

// Fields 18 and 19 of proc(5)'s stat, after the name, which may hold spaces: priority and nice.
async function niceOf(pid, task) {
    const stat = await fs.readFile(`/proc/${pid}/task/${task}/stat`, 'latin1');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[16]);
}

test('passwords are hashed behind the back of the loop', async () => {
    const daemon = await startDaemon();
    try {
        const made = await fetch(`${daemon.http}/api/rooms`, { method: 'POST', body: '{"name":"locked","password":"right"}' });
        assert.equal(made.status, 201);
        const guesser = await connect(daemon.url);
        const answer = await guesser.ask({ type: 'join-room', roomId: 'locked', password: 'wrong' });
        assert.equal(answer.code, 'room-locked');
        const own = await niceOf(daemon.pid, daemon.pid);
        const tasks = (await fs.readdir(`/proc/${daemon.pid}/task`)).filter((task) => Number(task) !== daemon.pid);
        const nices = await Promise.all(tasks.map((task) => niceOf(daemon.pid, task)));
        assert.equal(nices.filter((nice) => nice > own).length, 2, `${own} and ${nices}`);
    } finally {
        await daemon.stop();
    }
});

test('guesses beyond those that wait are refused, and the loop goes on meanwhile', async () => {
    const daemon = await startDaemon({ args: ['--set', 'limits.auth_failures=0', '--set', 'limits.join_rate=0'] });
    try {
        await fetch(`${daemon.http}/api/rooms`, { method: 'POST', body: '{"name":"locked","password":"right"}' });
        const guessers = await Promise.all(Array.from({ length: 80 }, () => connect(daemon.url)));
        guessers.forEach((guesser) => guesser.send({ type: 'join-room', roomId: 'locked', password: 'wrong' }));
        const [a, b] = await pair(daemon.url, 'room');
        const codes = [];
        const refused = Promise.any(guessers.map(async (guesser) => {
            const { code } = await guesser.next();
            codes.push(code);
            if (code !== 'rate-limited') throw new Error(code);
        }));
        for (let i = 0; i < 20; i++) {
            a.send({ type: 'signal', to: b.peerId, data: i });
            assert.equal((await b.next()).data, i);
        }
        const judged = codes.filter((code) => code === 'room-locked').length;
        assert.ok(judged < 60, `${judged} guesses were judged while 20 signals passed`);
        await refused;
        guessers.forEach((guesser) => guesser.destroy());
    } finally {
        await daemon.stop();
    }
});

const DOWNLOADS = 4096; // at once
const HOLDERS = 5;

// Clients of so many addresses of loopback ask for a file, have room for next to nothing, and take the first line only.
// Prints the lines. Node cannot make a socket's buffer small, and ordinary ones would be a gigabyte together.
const HOLD = `use Socket; my ($port, $count, $addresses) = @ARGV; my @all;
    for my $i (0 .. $count - 1) {
        socket(my $s, PF_INET, SOCK_STREAM, 0) or die; setsockopt($s, SOL_SOCKET, SO_RCVBUF, pack('i', 2304)) or die;
        bind($s, pack_sockaddr_in(0, inet_aton('127.8.0.' . ($i % $addresses + 1)))) or die;
        connect($s, pack_sockaddr_in($port, INADDR_LOOPBACK)) or die;
        syswrite($s, "GET /big.bin HTTP/1.1\\r\\nHost: localhost\\r\\n\\r\\n"); push @all, $s;
    }
    $| = 1; for (@all) { sysread($_, my $line, 15); print "$line\\n"; } <STDIN>`;

async function holdAll(daemon) {
    const child = spawn('perl', ['-e', HOLD, daemon.port, DOWNLOADS, HOLDERS], { stdio: ['pipe', 'pipe', 'inherit'] });
    const lines = [];
    for await (const line of createInterface({ input: child.stdout })) if (lines.push(line) === DOWNLOADS) break;
    return { child, lines };
}

async function get(daemon, file, localAddress) {
    const [response] = await once(http.get({ port: daemon.port, host: '127.0.0.1', path: file, localAddress, agent: false }), 'response');
    let body = '';
    for await (const part of response) body += part;
    return { status: response.statusCode, body, wait: response.headers['retry-after'] };
}

test('a few addresses with all the downloads that may be do not keep files from others', async () => {
    const root = await scratch();
    await fs.writeFile(path.join(root, 'big.bin'), Buffer.alloc(256 * 1024, 'usher '));
    await fs.writeFile(path.join(root, 'index.html'), '<!doctype html><title>usher</title>');
    const set = (...options) => options.flatMap((option) => ['--set', option]);
    const daemon = await startDaemon({ args: set(`server.web_root=${root}`, 'limits.connection_rate=0'), sendBuffer: 4608 });
    const { child, lines } = await within(60000, holdAll(daemon), 'they were not answered');
    try {
        assert.deepEqual([...new Set(lines)], ['HTTP/1.1 200 OK']);
        const refused = await get(daemon, '/index.html', '127.8.0.2');
        assert.deepEqual([refused.status, JSON.parse(refused.body).error.code, refused.wait], [503, 'server-full', '5']);
        await daemon.logged(/files of server\.web_root are sent as may be at once: who asks/);
        const other = await get(daemon, '/index.html', '127.10.0.1');
        assert.deepEqual([other.status, other.body.length > 0], [200, true]);
        await daemon.logged(/addresses that have most lose some to others/);
        const counts = await metrics(daemon);
        assert.equal(counts.get('usherd_limited_total{limit="downloads"}'), 2);
        assert.equal(counts.get('usherd_connections'), DOWNLOADS); // one was ended, and there is the one that asks
    } finally {
        child.kill();
        assert.equal(await daemon.stop(), 0);
    }
});
