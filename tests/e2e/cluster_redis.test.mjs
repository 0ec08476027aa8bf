// SPDX-License-Identifier: MIT
//
// The daemon and its Redis: how it is reached, what is said when it is not there, refuses, answers nonsense, or nothing.
import test from 'node:test';
import assert from 'node:assert/strict';
import path from 'node:path';
import { writeFile } from 'node:fs/promises';
import { run } from './lib/daemon.mjs';
import { connect, pair } from './lib/client.mjs';
import { clustered, isReady, metric, SECRET, startNode, until } from './lib/cluster.mjs';
import { scratch } from './lib/peer.mjs';
import { freePorts } from './lib/program.mjs';
import { RedisClient, startFakeRedis, startRedis } from './lib/redis.mjs';

// It serves its own rooms, whatever Redis does.
async function servesItsOwn(daemon, room) {
    const [a, b] = await pair(daemon.url, room);
    a.send({ type: 'signal', to: b.peerId, data: { x: 1 } });
    assert.deepEqual(await b.next(), { type: 'signal', from: a.peerId, data: { x: 1 } });
    await a.close(1000);
    await b.close(1000);
}

async function saysLost(daemon, problem) {
    const [line] = await daemon.logged(/redis-lost|the Redis of the cluster is not there.*\n/);
    await daemon.logged(problem);
    assert.equal(await isReady(daemon), false);
    const answer = await (await fetch(`${daemon.http}/ready`)).json();
    assert.equal(answer.error.code, 'not-clustered');
    await servesItsOwn(daemon, `alone-${Math.random().toString(36).slice(2)}`);
    return line;
}

test('by TCP, a unix socket and a name, as a user of its own, in a database of its own', async () => {
    const redis = await startRedis(['--user', 'usher', 'on', '>p@ss/word', 'resetkeys', '~usher:1:*', 'resetchannels', '&usher:1:*', '+@all']);
    const admin = new RedisClient(redis.socket);
    const login = 'usher:p%40ss%2Fword@';
    const urls = [redis.url.replace('//', `//${login}`), `unix://${login}${redis.socket}?db=3`, `redis://${login}localhost:${redis.port}/3`];
    const nodes = await Promise.all(urls.map((url, i) => startNode(`n${i}`, url)));
    await Promise.all(nodes.map((node) => clustered(node)));
    assert.deepEqual(await admin.do('KEYS', 'usher:1:node:*'), ['usher:1:node:n0']);
    await admin.do('SELECT', 3);
    assert.deepEqual((await admin.do('KEYS', 'usher:1:node:*')).sort(), ['usher:1:node:n1', 'usher:1:node:n2']);
    for (const node of nodes) {
        assert.doesNotMatch(node.log, /p@ss|p%40/);
        assert.equal(await node.stop(), 0);
    }
    admin.end();
    await redis.stop();
});

test('a secret in a file, and what is wrong with it', async () => {
    const redis = await startRedis();
    const dir = await scratch();
    await writeFile(path.join(dir, 'url'), `${redis.unix}\n`, { mode: 0o600 });
    await writeFile(path.join(dir, 'secret'), `${SECRET}\n`, { mode: 0o600 });
    const node = await startNode('f', `@${dir}/url`, { args: ['--set', `cluster.node_secret=@${dir}/secret`] });
    await clustered(node);
    assert.equal(await node.stop(), 0);
    const bad = async (redisUrl, secret) => {
        const set = ['server.node=x', `cluster.redis=${redisUrl}`, `cluster.node_secret=${secret}`].flatMap((one) => ['--set', one]);
        const { code, stderr } = await run(['--listen', '127.0.0.1:0', ...set, '--test-config']);
        assert.equal(code, 78);
        return stderr;
    };
    assert.match(await bad(redis.unix, 'short'), /cluster\.node_secret: expected at least 32 bytes/);
    await writeFile(path.join(dir, 'url'), 'rediss://:hush@localhost\n');
    assert.match(await bad(`@${dir}/url`, SECRET), /cluster\.redis: TLS to Redis is not spoken here/);
    assert.match(await bad(`@${dir}/nothing`, SECRET), /cluster\.redis: the file "\S+" cannot be read/);
    await redis.stop();
});

test('a Redis that is not there yet is found when it comes, and the cause is said once', async () => {
    const [port] = await freePorts(1);
    const node = await startNode('a', `redis://127.0.0.1:${port}`);
    await saysLost(node, /problem="?no connection to Redis: connection refused/);
    await until(() => metric(node, 'usherd_connections_accepted_total').then((n) => n > 6), 'no requests were counted');
    const redis = await startRedis([], { dir: await scratch(), port });
    await clustered(node);
    assert.equal(node.log.match(/connection refused/g).length, 1);
    assert.equal(await metric(node, 'usherd_redis_up'), 1);
    assert.equal(await node.stop(), 0);
    await redis.stop();
});

test('a wrong password and a user without rights are said, without the password', async () => {
    const redis = await startRedis(['--requirepass', 'right', '--user', 'reader', 'on', '>hush-hush', '~*', '&*', '+@read']);
    const one = await startNode('a', redis.url.replace('//', '//:hush-hush@'));
    await saysLost(one, /refuses the user, the password or the database of cluster\.redis/);
    const two = await startNode('b', redis.url.replace('//', '//reader:hush-hush@'));
    await saysLost(two, /NOPERM/);
    for (const node of [one, two]) {
        assert.doesNotMatch(node.log, /hush/);
        assert.equal(await node.stop(), 0);
    }
    await redis.stop();
});

test('what is no Redis, or a mad one, costs nobody but the cluster', async () => {
    const cases = [
        [() => 'HTTP/1.1 400 Bad Request\r\n\r\n', /what answers there is no Redis/],
        [() => '*2147483647\r\n$1\r\na\r\n', /what answers there is no Redis|out of memory/i],
        [() => '+OK\r\n+OK\r\n+OK\r\n', /it answers what nobody asked|does not take our scripts/],
        [([word]) => (word === 'SCRIPT' ? '-OOM command not allowed\r\n' : undefined), /does not take our scripts: OOM/],
        [([word]) => (word === 'SUBSCRIBE' ? '-NOPERM no channel for you\r\n' : undefined), /does not let us subscribe: NOPERM/],
    ];
    for (const [answer, problem] of cases) {
        const fake = await startFakeRedis(answer);
        const node = await startNode('a', fake.url);
        await saysLost(node, problem);
        assert.equal(await node.stop(), 0);
        fake.close();
    }
});

test('answers of the wrong type to a subscription are passed over', async () => {
    const strange = [':7\r\n', '*1\r\n:1\r\n', '*3\r\n:1\r\n:2\r\n:3\r\n', '*3\r\n$7\r\nmessage\r\n:1\r\n:2\r\n', '*3\r\n$-1\r\n$-1\r\n$-1\r\n', '$-1\r\n',
        '*0\r\n', '*3\r\n$7\r\nmessage\r\n$1\r\nx\r\n$9\r\nnot-ours!\r\n'];
    const fake = await startFakeRedis(([word, channel]) => (word === 'SUBSCRIBE'
        ? `*3\r\n$9\r\nsubscribe\r\n$${channel.length}\r\n${channel}\r\n:1\r\n${strange.join('')}` : undefined));
    const node = await startNode('a', fake.url);
    await node.logged(/connected to the Redis of the cluster/);
    await servesItsOwn(node, 'own');
    assert.equal(await isReady(node), false); // its scripts answer errors
    assert.equal(await node.stop(), 0);
    fake.close();
});

test('a Redis that never answers is given up after 5 seconds', async () => {
    const mute = await startFakeRedis(() => null);
    const node = await startNode('a', mute.url);
    await saysLost(node, /no answer in 5 seconds/);
    assert.equal(await node.stop(), 0);
    mute.close();
});

test('one that stops is lost, and found again when it goes on', async () => {
    const redis = await startRedis();
    const node = await startNode('a', redis.unix);
    await clustered(node);
    redis.kill('SIGSTOP');
    await node.logged(/problem="?Redis is lost: no answer in 5 seconds/, 0, 15000);
    await until(async () => !(await isReady(node)), 'it is ready without Redis');
    await servesItsOwn(node, 'own');
    redis.kill('SIGCONT');
    await clustered(node);
    assert.equal(await metric(node, 'usherd_redis_lost_total'), 1);
    assert.equal(await node.stop(), 0);
    await redis.stop();
});

test('a master that became a replica is left, and its name is asked for again', async () => {
    const redis = await startRedis();
    const node = await startNode('a', redis.url);
    await clustered(node);
    const admin = new RedisClient(redis.socket);
    await admin.do('REPLICAOF', '127.0.0.1', 1);
    await node.logged(/Redis cannot be written to: READONLY/, 0, 15000);
    await admin.do('REPLICAOF', 'NO', 'ONE');
    await clustered(node);
    await admin.do('SCRIPT', 'FLUSH'); // as after a failover
    const client = await connect(node.url);
    client.send({ type: 'join-room', roomId: 'r' });
    await node.logged(/Redis cannot be written to: NOSCRIPT/);
    await clustered(node);
    admin.end();
    assert.equal(await node.stop(), 0);
    await redis.stop();
});

test('a Redis that is full refuses, which is said once for all of it; the daemon goes on alone until there is room', async () => {
    const redis = await startRedis();
    const node = await startNode('a', redis.unix);
    await clustered(node);
    const admin = new RedisClient(redis.socket);
    await admin.do('CONFIG', 'SET', 'maxmemory', 1);
    for (let i = 0; i < 3; i++) await servesItsOwn(node, `r${i}`);
    await node.logged(/Redis refuses what the cluster needs of it.*OOM/);
    assert.equal(await isReady(node), false);
    assert.equal(node.log.match(/Redis refuses what the cluster needs/g).length, 1);
    await admin.do('CONFIG', 'SET', 'maxmemory', 0);
    await clustered(node);
    admin.end();
    assert.equal(await node.stop(), 0);
    await redis.stop();
});
