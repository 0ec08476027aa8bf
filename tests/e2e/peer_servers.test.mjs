// SPDX-License-Identifier: MIT
//
// Several servers: peers go where the first of them that works is, or the nearest of a cluster, and move without losing a link.
import { after, test } from 'node:test';
import assert from 'node:assert/strict';
import net from 'node:net';
import { once } from 'node:events';
import { startDaemon, untilMembers } from './lib/daemon.mjs';
import { startFront } from './lib/front.mjs';
import { Peer, joinPeer, scratch, spawnUsher } from './lib/peer.mjs';
import { freePorts, until } from './lib/program.mjs';

const SETTLE_MS = 5000; // peer/core/bounds.h: in a room, before other servers are looked at
const EARLIER_MS = 30000; // and how often those that come first are looked at, later by a quarter at most
const BACK_MS = EARLIER_MS * 1.25 + 5000;

async function pipe(name, servers) {
    const state = await scratch();
    const args = [...servers.flatMap((url) => ['--server', url]), '--state', state, '--name', name, 'pipe', 'several'];
    const peer = new Peer(spawnUsher(args, { env: { USHER_ICE_ADDRESS: '127.0.0.1' } }), state);
    peer.name = name;
    peer.id = (await peer.event('ready', {}, 30000)).id;
    return peer;
}

async function link(one, other) {
    await Promise.all([one.linked(other), other.linked(one)]);
}

async function exchange(from, to, text) {
    from.do({ do: 'send', text });
    const { id } = await from.event('accepted');
    await to.event('message', { text });
    await from.event('delivered', { id, by: to.id });
}

async function sawNothing(peers) {
    for (const peer of peers) {
        const stats = await peer.stats();
        assert.equal(stats.linksUpTotal, peers.length - 1, `${peer.name}: no link was made again`);
        assert.equal(peer.count('peer'), peers.length - 1, `${peer.name} was told of no link that went`);
        assert.equal(peer.count('error'), 0);
        assert.equal(peer.count('failed'), 0);
    }
}

// One that is not there; one that takes connections and says nothing.
const gone = async () => `ws://127.0.0.1:${(await freePorts(1))[0]}`;
async function mute() {
    const held = new Set();
    const server = net.createServer((socket) => held.add(socket.on('error', () => {}))).listen(0, '127.0.0.1');
    await once(server, 'listening');
    after(() => {
        for (const socket of held) socket.destroy();
        server.close();
    });
    return `ws://127.0.0.1:${server.address().port}`;
}

test('the first of two unrelated daemons dies and returns: all go to the other and come back, and nothing is lost', async () => {
    let first = await startDaemon();
    const second = await startDaemon({ args: ['--set', 'server.resume_grace=5s'] });
    const servers = [first.url, second.url];
    const peers = await Promise.all([pipe('ann', servers), pipe('ben', servers)]);
    const [ann, ben] = peers;
    await link(ann, ben);
    await exchange(ann, ben, 'at the first');
    first.kill('SIGKILL');
    await exchange(ann, ben, 'at none');
    await untilMembers(second, 2, 15000);
    await exchange(ben, ann, 'at the second');
    first = await startDaemon({ listen: `127.0.0.1:${first.port}` });
    const talk = setInterval(() => ann.do({ do: 'send', text: 'on the way' }), 500);
    await untilMembers(first, 2, BACK_MS);
    clearInterval(talk);
    await untilMembers(second, 0, 15000);
    await exchange(ann, ben, 'at the first again');
    assert.equal(ben.count('message', { text: 'on the way' }), ann.count('accepted') - 3, 'each exactly once');
    await sawNothing(peers);
    // Who comes now finds both there.
    const cy = await joinPeer({ server: first.url, name: 'cy', room: 'several' });
    await Promise.all([link(cy, ann), link(cy, ben)]);
    await Promise.all([...peers, cy].map((peer) => peer.stop()));
    await Promise.all([first.stop(), second.stop()]);
});

test('a daemon that drains is left for the other', async () => {
    const first = await startDaemon();
    const second = await startDaemon();
    const peers = await Promise.all(['ann', 'ben'].map((name) => pipe(name, [first.url, second.url])));
    await link(...peers);
    await first.stop();
    await untilMembers(second, 2, 15000);
    await exchange(...peers, 'elsewhere');
    await sawNothing(peers);
    await Promise.all(peers.map((peer) => peer.stop()));
    await second.stop();
});

test('two with different distances to a cluster meet, each at the address that is near to it', async () => {
    const daemon = await startDaemon();
    const cluster = () => 'c';
    // The world as ann sees it, and as ben does.
    const near = await Promise.all([startFront(daemon.port, { away: 60, cluster }), startFront(daemon.port, { cluster })]);
    const far = await Promise.all([startFront(daemon.port, { cluster }), startFront(daemon.port, { away: 60, cluster })]);
    const ann = await pipe('ann', near.map(({ url }) => url));
    const ben = await pipe('ben', far.map(({ url }) => url));
    await link(ann, ben);
    await until(() => near[1].sockets.size === 1 && near[0].sockets.size === 0 && far[0].sockets.size === 1,
        () => `${near.map((f) => f.sockets.size)} ${far.map((f) => f.sockets.size)}`, SETTLE_MS + 15000);
    await exchange(ann, ben, 'near and far');
    await sawNothing([ann, ben]);
    assert.equal(ann.count('joined'), 1, 'its seat went with it');
    assert.equal(ben.count('peer', { id: ann.id }), 1);
    await Promise.all([ann, ben].map((peer) => peer.stop()));
    await Promise.all([...near, ...far].map((front) => front.stop()));
    await daemon.stop();
});

test('a nearer one that names another cluster at each welcome is left, and then left alone', async () => {
    const daemon = await startDaemon();
    let n = 0;
    const far = await startFront(daemon.port, { away: 60, cluster: () => 'c' });
    // As it is probed it is of the cluster; to whoever comes it is of another.
    const liar = await startFront(daemon.port, { cluster: () => (n++ % 2 === 0 ? 'c' : `d${n}`) });
    const ann = await pipe('ann', [far.url, liar.url]);
    await until(() => liar.welcomes >= 2 && far.sockets.size === 1 && liar.sockets.size === 0,
        () => `${liar.welcomes} welcomes, ${far.sockets.size} connections`, SETTLE_MS + 15000);
    assert.equal(ann.count('joined'), 1, 'its seat was kept meanwhile');
    assert.equal(ann.count('error'), 0);
    await ann.stop();
    await Promise.all([far.stop(), liar.stop()]);
    await daemon.stop();
});

const WRONG = {
    'nonsense': (answer) => answer.end('<html>it works!</html>'),
    'JSON of another kind': (answer) => answer.end('[["status","ok"]]'),
    'something without end': (answer) => {
        const fill = () => {
            while (answer.write(' '.repeat(65536)));
        };
        answer.on('drain', fill).on('error', () => {});
        fill();
    },
    'status 500': (answer) => answer.writeHead(500).end('{"status":"ok"}'),
    'nothing': () => {},
};
test('an earlier server whose /health answers nonsense, or not at all, is not gone back to', async () => {
    const [port] = await freePorts(1);
    const second = await startDaemon();
    const peers = await Promise.all(Object.keys(WRONG).map(async (what) => {
        const ann = await pipe('ann', [`ws://127.0.0.1:${port}`, second.url]);
        const [free] = await freePorts(1);
        return { what, ann, free };
    }));
    await untilMembers(second, peers.length, 15000);
    // The address comes alive with a daemon behind it, but no health.
    const daemon = await startDaemon();
    let turn = 0;
    const front = await startFront(daemon.port, { listen: port, health: (answer) => Object.values(WRONG)[turn++ % peers.length](answer) });
    await until(() => turn >= 2 * peers.length, () => `it was asked ${turn} times only`, 2 * BACK_MS);
    await untilMembers(second, peers.length, 5000);
    assert.equal(front.welcomes, 0);
    for (const { ann } of peers) assert.equal(ann.count('error'), 0);
    await Promise.all(peers.map(({ ann }) => ann.stop()));
    await front.stop();
    await Promise.all([daemon.stop(), second.stop()]);
});

for (const [what, dead] of [['are not there', gone], ['take connections and say nothing', mute]])
    test(`ten servers of which nine ${what}: the tenth is found within seconds`, async () => {
        const daemon = await startDaemon();
        const others = [];
        for (let i = 0; i < 9; i++) others.push(await dead());
        const began = performance.now();
        const ann = await pipe('ann', [...others, daemon.url]);
        const took = performance.now() - began;
        assert.ok(took < 15000, `it took ${took} ms`);
        await ann.stop();
        await daemon.stop();
    });
