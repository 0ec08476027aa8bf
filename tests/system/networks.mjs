// SPDX-License-Identifier: MIT
//
// People in the networks that networks.test.sh made (RUN names them; this runs in its Internet): two real peers each,
// who meet, talk and are asked how it went.
import { after, test } from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { joinPeer, runUsher } from '../e2e/lib/peer.mjs';

const SERVER = 'ws://10.0.0.1:4000';
const SERVER6 = 'ws://[fd00::1]:4000';
const STUN_ONLY = 'ws://10.0.0.1:4001';
const MESSAGES = 100; // each way
const ROUNDS = 10;

const space = (name) => `${process.env.RUN}-${name}`;
const median = (numbers) => numbers.sort((a, b) => a - b)[Math.floor(numbers.length / 2)];

const table = [];
const row = (...cells) => table.push(cells);
after(() => {
    const widths = table[0].map((_, i) => Math.max(...table.map((cells) => cells[i].length)));
    for (const cells of table) console.log(`# ${cells.map((cell, i) => cell.padEnd(widths[i])).join('  ').trimEnd()}`);
});
row('networks', 'path', 'outcome', 'connect ms', 'round trip ms');

async function outcomes(server) {
    const text = await (await fetch(`http://127.0.0.1:${new URL(server).port}/metrics`)).text();
    const found = text.matchAll(/^usherd_ice_outcomes_total\{outcome="(\w+)"\} (\d+)$/gm);
    return Object.fromEntries([...found].map(([, name, n]) => [name, Number(n)]));
}

// What both reported since; a report may still be on its way.
async function outcomeSince(earlier, server) {
    const sum = (counts) => Object.values(counts).reduce((a, b) => a + b, 0);
    const end = performance.now() + 15000;
    let now = await outcomes(server);
    while (sum(now) < sum(earlier) + 2 && performance.now() < end) now = await outcomes(server);
    return Object.keys(now).filter((name) => now[name] > (earlier[name] ?? 0)).join(', ');
}

// Sends one message and waits until the other's application has it: milliseconds.
async function roundTrip(from, to, text) {
    const began = performance.now();
    from.do({ do: 'send', to: [to.id], text, ref: text });
    const { id } = await from.event('accepted', { ref: text }, 40000);
    await from.event('delivered', { id }, 40000);
    return performance.now() - began;
}

async function flood(from, to) {
    for (let i = 0; i < MESSAGES; i++) from.do({ do: 'send', to: [to.id], text: `${from.name} ${i}`, ref: `f${i}` });
    for (let i = 0; i < MESSAGES; i++) assert.equal((await to.event('message', {}, 40000)).text, `${from.name} ${i}`);
    for (let i = 0; i < MESSAGES; i++) await from.event('delivered', {}, 40000);
}

async function meet(one, other, { server = SERVER } = {}) {
    const earlier = await outcomes(server);
    const join = (name, home) => joinPeer({ server, name, room: one, space: space(home), addresses: [] });
    const ann = await join('ann', one);
    const ben = await join('ben', other);
    const { path } = await ann.linked(ben);
    assert.equal((await ben.linked(ann)).path, path);
    const connect = Math.max((await ann.stats()).connectMsLast, (await ben.stats()).connectMsLast);
    return { ann, ben, path, connect, outcome: await outcomeSince(earlier, server) };
}

async function part(...peers) {
    for (const peer of peers) assert.equal(await peer.stop(), 0);
}

async function talk(title, one, other, expected, options) {
    const { ann, ben, path, connect, outcome } = await meet(one, other, options);
    const times = [];
    for (let i = 0; i < ROUNDS; i++) times.push(await roundTrip(ann, ben, `round ${i}`));
    for (let i = 0; i < ROUNDS; i++) await ben.event('message');
    await Promise.all([flood(ann, ben), flood(ben, ann)]);
    row(title, path, outcome, String(connect), median(times).toFixed(1));
    await part(ann, ben);
    assert.deepEqual({ path, outcome }, expected);
}

test('two behind port-restricted NATs meet through STUN', () =>
    talk('port-restricted NATs', 'cone1', 'cone2', { path: 'direct', outcome: 'stun' }, { server: STUN_ONLY }));

test('two behind symmetric NATs meet at the TURN server', () =>
    talk('symmetric NATs', 'symmetric1', 'symmetric2', { path: 'turn', outcome: 'turn' }));

test('50 ms each way, 5 % loss, 5 Mbit/s: all arrives', () =>
    talk('50 ms, 5 % loss, 5 Mbit/s', 'slow1', 'slow2', { path: 'direct', outcome: 'stun' }, { server: STUN_ONLY }));

test('IPv6 only, behind routers that let nobody in', () =>
    talk('IPv6 only', 'six1', 'six2', { path: 'direct', outcome: 'direct' }, { server: SERVER6 }));

test('no UDP: through TURN over TCP', () =>
    talk('no UDP', 'tcp1', 'tcp2', { path: 'turn', outcome: 'turn' }));

const ip = (home, ...words) => execFileSync('ip', ['-n', space(home), ...words]);

function changeAddress(n) {
    const [home, lan] = [`moving${n}`, `192.168.${10 + n}`];
    ip(home, 'address', 'delete', `${lan}.2/24`, 'dev', 'lan');
    ip(home, 'address', 'add', `${lan}.3/24`, 'dev', 'lan');
    ip(home, 'route', 'add', 'default', 'via', `${lan}.1`);
}

function changeNetwork(n) {
    const [home, lan] = [`moving${n}`, `192.168.${12 + n}`];
    ip(home, 'link', 'set', 'lan', 'down');
    ip(home, 'link', 'set', 'other', 'up');
    ip(home, 'address', 'add', `${lan}.2/24`, 'dev', 'other');
    ip(home, 'route', 'add', 'default', 'via', `${lan}.1`);
}

// How long it takes until both hear what the other said since: milliseconds.
async function interruption(ann, ben, change) {
    change();
    const began = performance.now();
    for (const [from, to] of [[ann, ben], [ben, ann]]) from.do({ do: 'send', to: [to.id], text: 'here' });
    for (const peer of [ann, ben]) await peer.event('message', { text: 'here' }, 40000);
    return performance.now() - began;
}

// Seconds of processor time so far.
async function processorTime(peer) {
    const fields = (await readFile(`/proc/${peer.child.pid}/stat`, 'utf8')).replace(/.*\) /, '').split(' ');
    return (Number(fields[11]) + Number(fields[12])) / 100;
}

test('who changes address or network in mid-talk stays in the talk', async () => {
    const { ann, ben, path, connect, outcome } = await meet('moving1', 'moving2');
    const shown = [];
    for (const [what, change] of [['another address', changeAddress], ['another network', changeNetwork]]) {
        const times = [];
        for (const n of [1, 2]) times.push(await interruption(ann, ben, () => change(n)));
        shown.push(`${what} ${times.map((ms) => `${(ms / 1000).toFixed(1)} s`).join(' and ')}`);
    }
    row('moving', path, outcome, String(connect), `interrupted by ${shown.join(', by ')}`);
    for (const peer of [ann, ben]) {
        assert.equal(peer.count('peer', { state: 'down' }), 0);
        assert.equal((await peer.stats()).callsTotal, 1);
        const seconds = await processorTime(peer);
        assert.ok(seconds < 2, `${peer.name} was busy for ${seconds} s`);
    }
    await part(ann, ben);
});

// All its people are in one home, so by themselves they would meet there; those that may only use the relay meet
// across the router, each link and all it carries. All at once: most of the time they wait.
test('usher exercise passes behind each router, through the relay too', async () => {
    const homes = [
        ['port-restricted NAT', 'cone1', []],
        ['symmetric NAT, relay only', 'symmetric1', ['--relay-only']],
        ['50 ms, 5 % loss, 5 Mbit/s', 'slow1', []],
        ['IPv6 only', 'six1', [], SERVER6],
        ['no UDP, relay only', 'tcp1', ['--relay-only']],
    ];
    const said = await Promise.all(homes.map(([, home, args, server = SERVER]) =>
        runUsher(['--server', server, ...args, 'exercise'], { space: space(home), ms: 90000 })));
    homes.forEach(([title], i) => console.log(`# exercise, ${title}: ${said[i].stdout.trim().split('\n').at(-1)}`));
    said.forEach(({ code, stdout, stderr }) => assert.equal(code, 0, stdout + stderr));
});
