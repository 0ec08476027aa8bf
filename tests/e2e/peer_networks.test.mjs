// SPDX-License-Identifier: MIT
//
// Machines with many networks, as those that run containers: of all their addresses one reaches the other.
import { before, test } from 'node:test';
import assert from 'node:assert/strict';
import { startDaemon } from './lib/daemon.mjs';
import { Network } from './lib/networks.mjs';
import { joinPeer } from './lib/peer.mjs';

const BRIDGES = 20;
const CABLES = 12;
let home;
let away;

// On both the same, as container hosts have them: bridges that nothing is plugged into, and cables that end in the machine.
function crowd(network) {
    const lines = [];
    for (let i = 0; i < BRIDGES; i++)
        lines.push(`link add br${i} type bridge`, `address add 172.${16 + i}.0.1/16 dev br${i}`, `link set br${i} up`);
    for (let i = 0; i < CABLES; i++)
        lines.push(`link add in${i} type veth peer name out${i}`, `address add 10.${i}.0.1/24 dev in${i}`, `link set in${i} up`,
            `link set out${i} up`);
    network.ip(...lines);
}

before(async () => {
    home = await Network.make();
    away = await Network.make(home);
    for (const network of [home, away]) crowd(network);
    home.cable('zz', away, 'zz');
    home.ip('address add 192.168.77.1/24 dev zz', 'address add fe80::77:1/64 dev zz nodad');
    away.ip('address add 192.168.77.2/24 dev zz', 'address add fe80::77:2/64 dev zz nodad');
});

test('of forty addresses on each side, the one that reaches the other is found in seconds', async () => {
    const daemon = await startDaemon({ listen: '192.168.77.1:4000', space: home.space });
    const server = 'ws://192.168.77.1:4000';
    for (let round = 0; round < 3; round++) {
        const ann = await joinPeer({ server, name: 'ann', addresses: [], space: home.space });
        const ben = await joinPeer({ server, name: 'ben', addresses: [], space: away.space });
        await ann.linked(ben);
        const ms = Math.max((await ann.stats()).connectMsLast, (await ben.stats()).connectMsLast);
        console.log(`# link up in ${ms} ms`);
        assert.equal(ann.count('link') + ben.count('link'), 0); // nothing like "not up in 15 s"
        assert.ok(!/libnice/.test(ann.log + ben.log), ann.log + ben.log);
        for (const peer of [ann, ben]) assert.equal(await peer.stop(), 0);
    }
    await daemon.stop();
});

test('a server at a link-local address is reached by its interface', async () => {
    const daemon = await startDaemon({ listen: '[::]:4001', space: home.space });
    const ben = await joinPeer({ server: 'ws://[fe80::77:1%25zz]:4001', name: 'ben', addresses: [], space: away.space });
    assert.equal(await ben.stop(), 0);
    await daemon.stop();
});
