// SPDX-License-Identifier: MIT
//
// /metrics: its format, that it counts what happened, and who may read it; trusted proxies, whose word decides whom the
// limits and the metrics take a client for.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { startDaemon } from './lib/daemon.mjs';
import { Client, connect, pair } from './lib/client.mjs';
import { parseMetrics } from './lib/prometheus.mjs';

const set = (...options) => options.flatMap((option) => ['--set', option]);

let daemon;
before(async () => {
    daemon = await startDaemon();
});
after(() => daemon?.stop());

async function metrics(of = daemon) {
    const answer = await fetch(`${of.http}/metrics`);
    assert.equal(answer.status, 200);
    assert.match(answer.headers.get('content-type'), /^text\/plain; version=0\.0\.4/);
    return parseMetrics(await answer.text());
}

const status = async (of, headers) => (await fetch(`${of.http}/metrics`, { headers })).status;

test('promtool finds nothing to say, where it is installed', async (t) => {
    const text = await (await fetch(`${daemon.http}/metrics`)).text();
    parseMetrics(text);
    const tool = spawnSync('promtool', ['check', 'metrics'], { input: text, encoding: 'utf8' });
    if (tool.error) {
        t.diagnostic('promtool is not here: only our own parser looked');
        return;
    }
    assert.equal(tool.status, 0, tool.stdout + tool.stderr);
    assert.equal(tool.stdout + tool.stderr, '');
});

test('what happens is counted', async () => {
    const before = await metrics();
    const [a, b] = await pair(daemon.url, 'counted');
    const signal = { type: 'signal', to: b.peerId, data: 'x'.repeat(1000) };
    for (let i = 0; i < 5; i++) a.send(signal);
    for (let i = 0; i < 5; i++) await b.next();
    a.send({ type: 'report', peerId: b.peerId, outcome: 'turn', connectMs: 180 });
    assert.equal((await a.ask('not json')).code, 'bad-json');
    const now = await metrics();
    const grown = (key) => now.get(key) - before.get(key);
    assert.equal(now.get('usherd_rooms'), 1);
    assert.equal(now.get('usherd_members'), 2);
    assert.equal(grown('usherd_joins_total'), 2);
    assert.equal(grown('usherd_frames_total{direction="in",type="signal"}'), 5);
    assert.equal(grown('usherd_frames_total{direction="out",type="signal"}'), 5);
    assert.equal(grown('usherd_frame_bytes_total{direction="in",type="signal"}'), 5 * JSON.stringify(signal).length);
    assert.ok(grown('usherd_frame_bytes_total{direction="out",type="signal"}') > 5000);
    assert.equal(grown('usherd_frames_total{direction="in",type="unreadable"}'), 1);
    assert.equal(grown('usherd_errors_total{code="bad-json"}'), 1);
    assert.equal(grown('usherd_relay_latency_seconds_count'), 5);
    assert.equal(now.get('usherd_relay_latency_seconds_bucket{le="1"}') - before.get('usherd_relay_latency_seconds_bucket{le="1"}'), 5);
    assert.equal(grown('usherd_ice_outcomes_total{outcome="turn"}'), 1);
    assert.equal(grown('usherd_ice_connect_seconds_count'), 1);
    assert.ok(now.get('process_resident_memory_bytes') > 1e6);
    assert.ok(now.get('process_open_fds') > 3 && now.get('process_open_fds') < now.get('process_max_fds'));
    assert.ok(Math.abs(now.get('process_start_time_seconds') - Date.now() / 1000) < 600);
    await a.close();
    await b.close();
});

test('a request that claims to be forwarded is never local', async () => {
    for (const name of ['X-Forwarded-For', 'X-Real-IP', 'Forwarded'])
        assert.equal(await status(daemon, { [name]: name === 'Forwarded' ? 'for=127.0.0.1' : '127.0.0.1' }), 403, name);
    assert.equal(await status(daemon, {}), 200);
    assert.equal((await metrics()).get('usherd_forwarded_refused_total'), 3);
});

test('a web page is told nothing that it could read', async () => {
    const answer = await fetch(`${daemon.http}/metrics`, { headers: { Origin: 'https://app.example' } });
    assert.equal(answer.headers.get('access-control-allow-origin'), null);
});

test('behind a trusted proxy the right-most untrusted hop is the client', async () => {
    const proxied = await startDaemon({
        args: set('server.trusted_proxies=127.0.0.1', 'server.trusted_proxies=10.0.0.0/8', 'server.metrics_allow=192.0.2.0/24'),
    });
    const asks = async (hops) => status(proxied, hops === null ? {} : { 'X-Forwarded-For': hops });
    assert.equal(await asks(null), 403, 'a proxy that names nobody asks for anybody');
    assert.equal(await asks('192.0.2.9'), 200);
    assert.equal(await asks('6.6.6.6, 192.0.2.9, 10.1.1.1'), 200);
    assert.equal(await asks('192.0.2.9, 6.6.6.6'), 403);
    assert.equal(await asks('127.0.0.1'), 403);
    assert.equal(await asks('127.0.0.1, 10.0.0.1'), 403);
    assert.equal(await asks('unknown'), 403);
    assert.equal(await asks(''), 403, 'an empty header names nobody');
    assert.equal(await status(proxied, { 'X-Real-IP': '192.0.2.9' }), 403, 'only X-Forwarded-For is read');
    await proxied.stop();
});

test('limits of an address count the client behind the proxy, not the proxy', async () => {
    const proxied = await startDaemon({
        args: set('server.trusted_proxies=127.0.0.1', 'server.metrics_allow=192.0.2.9', 'limits.max_connections_per_address=2'),
    });
    const as = (address) => ({ headers: { 'X-Forwarded-For': address } });
    const members = [];
    for (const address of ['192.0.2.1', '192.0.2.1', '192.0.2.2', '2001:db8::1', '2001:db8::2'])
        members.push(await connect(proxied.url, as(address)));
    const third = new Client(proxied.url, as('9.9.9.9, 192.0.2.1'));
    assert.match((await third.failed).message, /429/);
    const same64 = new Client(proxied.url, as('2001:db8::3'));
    assert.match((await same64.failed).message, /429/);
    assert.equal((await fetch(`${proxied.http}/ready`, as('192.0.2.1'))).status, 429);
    await proxied.logged(/a limit refused connections reason=rate-limited count=1 address=192\.0\.2\.1\n/);
    const now = parseMetrics(await (await fetch(`${proxied.http}/metrics`, as('192.0.2.9'))).text());
    assert.equal(now.get('usherd_connections_refused_total{reason="rate-limited"}'), 3);
    await members[0].close();
    await members[1].close();
    members.push(await connect(proxied.url, as('192.0.2.1')));
    for (const member of members.slice(2)) await member.close();
    await proxied.stop();
});
