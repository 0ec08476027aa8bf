// SPDX-License-Identifier: MIT
//
// A crowd behind a real haproxy before three daemons: a daemon dies, Redis dies, all daemons are restarted one after the other.
import { after, afterEach, before, test } from 'node:test';
import assert from 'node:assert/strict';
import net from 'node:net';
import path from 'node:path';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { clustered, startNode, until } from './lib/cluster.mjs';
import { agree, circles, gather } from './lib/crowd.mjs';
import { connect } from './lib/client.mjs';
import { scratch } from './lib/peer.mjs';
import { freePorts, startProgram } from './lib/program.mjs';
import { startRedis } from './lib/redis.mjs';

const MEMBERS = Number(process.env.CLUSTER_MEMBERS ?? 600);
const SIZE = 6;
const RESUME_MS = 5000;
const AGREE_MS = 5000;
const LEASE_MS = 3000;
const LIMITS = ['cluster.lease=3s', 'limits.connection_rate=0', 'limits.max_connections_per_address=0', 'limits.join_rate=0', 'server.drain_timeout=5s',
    'limits.message_rate=0'].flatMap((one) => ['--set', one]);

let redis;
let ports;
let states;
let nodes;
let proxy;

// Each has its port and its folder for all of its lives.
const start = (i) => startNode('abc'[i], redis.unix, { args: LIMITS, listen: `127.0.0.1:${ports[i]}`, env: { XDG_STATE_HOME: states[i] } });

async function startBalancer() {
    const dir = await scratch();
    const front = net.createServer().listen(0, '127.0.0.1');
    await once(front, 'listening');
    const { port } = front.address();
    const conf = path.join(dir, 'haproxy.cfg');
    await writeFile(conf, ['global', 'maxconn 8000', 'log stdout format raw local0', 'defaults', 'mode http', 'timeout connect 2s', 'timeout client 60s',
        'timeout server 60s', 'timeout tunnel 1h', 'retries 3', 'option redispatch 1', 'frontend all', 'bind fd@3', 'default_backend usherd',
        'backend usherd', 'balance roundrobin', 'option httpchk GET /ready', 'default-server check inter 200ms fall 1 rise 1 on-marked-down shutdown-sessions',
        ...ports.map((one, i) => `server n${i} 127.0.0.1:${one}`), ''].join('\n'));
    const haproxy = startProgram('haproxy', ['-db', '-f', conf], { dir, descriptors: [front._handle.fd] });
    front.close();
    return Object.assign(haproxy, { url: `ws://127.0.0.1:${port}/ws`, http: `http://127.0.0.1:${port}` });
}

before(async () => {
    redis = await startRedis();
    ports = await freePorts(3);
    states = await Promise.all([0, 1, 2].map(() => scratch()));
    nodes = await Promise.all([0, 1, 2].map(start));
    await Promise.all(nodes.map((node) => clustered(node)));
    proxy = await startBalancer();
    await until(async () => (await fetch(`${proxy.http}/ready`)).status === 200, 'the proxy finds no daemon');
});
after(async () => {
    await proxy?.stop();
    await Promise.all((nodes ?? []).map((node) => node.stop()));
    await redis?.stop();
});

// Whoever came goes, whatever becomes of the test.
const crowds = [];
const gathered = async (...how) => {
    const all = await gather(...how);
    crowds.push(all);
    return all;
};
afterEach(() => {
    for (const m of crowds.splice(0).flat()) m.vanish();
});

// Each says one thing to the next one, which hears exactly that.
async function everybodyIsHeard(all, word) {
    const pairs = circles(all);
    for (const [from, to] of pairs) from.signal(to, `${word} ${from.room}`);
    await until(() => pairs.every(([from, to]) => to.heard.filter((s) => s.from === from.peerId && s.data === `${word} ${from.room}`).length === 1),
        () => `${pairs.filter(([from, to]) => to.heard.filter((s) => s.from === from.peerId && s.data === `${word} ${from.room}`).length !== 1).length} of ${pairs.length} were not heard once`);
}

test('a daemon is killed: its clients go on elsewhere, those that do not are gone after the lease', async () => {
    const all = await gathered(proxy.url, MEMBERS / SIZE, SIZE, 'killed');
    await agree(all, 10000);
    assert.equal(new Set(all.map((m) => m.node)).size, 3, 'the proxy gave them to all daemons');
    await everybodyIsHeard(all, 'before');
    const lost = all.filter((m) => m.node === 'a');
    const former = new Map(lost.map((m) => [m, m.peerId]));
    for (const m of lost.slice(0, 10)) m.stays = m.gone = true; // they do not come back
    const killed = performance.now();
    nodes[0].kill('SIGKILL');
    const returning = lost.slice(10);
    await until(() => returning.every((m) => m.ready && m.resumes === 1), () => `${returning.filter((m) => m.resumes !== 1).length} of ${returning.length} did not resume`, 20000);
    for (const m of returning) assert.ok(Math.max(...m.waits) < RESUME_MS, `${m.waits}`);
    await agree(all, LEASE_MS + LEASE_MS + AGREE_MS);
    assert.ok(performance.now() - killed < 3 * LEASE_MS + RESUME_MS + AGREE_MS);
    for (const m of returning) {
        const others = all.filter((o) => !o.gone && o.room === m.room && o !== m && !former.has(o));
        for (const other of others) assert.ok(other.ways.some(([from, to]) => from === former.get(m) && to === m.peerId), `${m.peerId} came back unseen`);
    }
    await everybodyIsHeard(all, 'after');
    nodes[0] = await start(0);
    await clustered(nodes[0]);
});

test('Redis is killed for ten seconds, and comes back empty: nothing said within a daemon is lost, all agree soon after', async () => {
    const all = await gathered((i) => nodes[Math.floor(i / (MEMBERS / SIZE) / 2) % 3].url, MEMBERS / SIZE, SIZE, 'redis');
    await agree(all, 10000);
    const near = circles(all).filter(([from, to]) => from.node === to.node);
    const far = circles(all).find(([from, to]) => from.node !== to.node);
    assert.equal(near.length, MEMBERS / 2);
    redis.kill('SIGKILL');
    await redis.exited;
    await Promise.all(nodes.map((node) => until(async () => (await fetch(`${node.http}/ready`)).status === 503, 'it does not notice')));
    let said = 0;
    const talk = setInterval(() => {
        for (const [from, to] of near) from.signal(to, `near ${said}`);
        said++;
    }, 100);
    far[0].signal(far[1], 'far');
    await until(() => far[0].refused?.length > 0, 'nobody told the sender');
    const [refusal] = far[0].refused;
    assert.equal(refusal.code, 'no-such-peer');
    assert.ok(refusal.retryAfterMs > 0 && /try again/.test(refusal.message), JSON.stringify(refusal));
    const [one, two] = [await connect(nodes[0].url), await connect(nodes[0].url)];
    await one.join('made-alone');
    await two.join('made-alone');
    await until(() => said >= 100, 'ten seconds do not pass', 30000);
    redis = await startRedis([], redis);
    await Promise.all(nodes.map((node) => clustered(node)));
    const back = performance.now();
    await agree(all, AGREE_MS);
    assert.ok(performance.now() - back < AGREE_MS);
    clearInterval(talk);
    await until(() => near.every(([from, to]) => to.heard.filter((s) => s.from === from.peerId).length === said), () => 'a signal within a daemon was lost');
    const three = await connect(nodes[1].url);
    assert.equal((await three.join('made-alone')).peers.length, 2);
    for (const client of [one, two, three]) await client.close(1000);
    await everybodyIsHeard(all, 'again');
});

test('all daemons are restarted one after the other under load: nothing is lost after resume', async () => {
    const all = await gathered(proxy.url, MEMBERS / SIZE, SIZE, 'rolling');
    await agree(all, 10000);
    const pairs = circles(all);
    const talk = setInterval(() => {
        for (const [from, to] of pairs) if (from.ready && to.ready) from.signal(to, 'load');
    }, 200);
    for (const i of [0, 1, 2]) {
        assert.equal(await nodes[i].stop(), 0);
        nodes[i] = await start(i);
        await clustered(nodes[i]);
        await until(() => all.every((m) => m.ready), 'they do not come back', 30000);
        await agree(all, 15000);
        await everybodyIsHeard(all, `restart ${i}`);
    }
    clearInterval(talk);
});
