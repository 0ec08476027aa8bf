// SPDX-License-Identifier: MIT
//
// `usher pipe` with a real daemon: what two and three peers say to each other, and what the pipe promises.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import path from 'node:path';
import { root, startDaemon, within } from './lib/daemon.mjs';
import { joinPeer, meet, runUsher, scratch, startPeer } from './lib/peer.mjs';
import { parseMetrics } from './lib/prometheus.mjs';

let daemon;
let rooms = 0;
const room = () => `room-${++rooms}`;

before(async () => {
    daemon = await startDaemon();
});
after(() => daemon.stop());

const stopAll = (peers) => Promise.all(peers.map((peer) => peer.stop()));

test('from ready to the first message in under a second, the link up within 50 ms', async (t) => {
    const here = room();
    const ann = await joinPeer({ server: daemon.url, room: here, name: 'ann' });
    const ben = await startPeer({ server: daemon.url, room: here, name: 'ben' });
    const ready = await ben.event('ready');
    ben.do({ do: 'send', text: 'hello', ref: '1' });
    const message = await ann.event('message', { text: 'hello' });
    t.diagnostic(`ready to first message: ${(message.at - ready.at).toFixed(1)} ms`);
    assert.ok(message.at - ready.at < 1000);
    const { connectMsLast } = await ben.stats();
    t.diagnostic(`link up: ${connectMsLast} ms`);
    assert.ok(connectMsLast < 500, 'the bound of 50 ms is for a quiet machine: make bench-channel');
    await stopAll([ann, ben]);
});

test('stats: what was sent and how long it took, each number in the manual; the server hears of round trips', async () => {
    const [ann, ben, cy] = await meet(daemon.url, ['ann', 'ben', 'cy'], { room: room() });
    for (let i = 0; i < 20; i++) {
        ann.do({ do: 'send', to: [ben.id], text: `${i}` });
        const { id } = await ann.event('accepted');
        await ann.event('delivered', { id });
    }
    ann.do({ do: 'send', text: 'to all' });
    const { id } = await ann.event('accepted');
    for (const { id: by } of [ben, cy]) await ann.event('delivered', { id, by });
    const stats = await ann.stats();
    const manual = (await fs.readFile(path.join(root, 'docs/man/usher.1'), 'utf8')).replaceAll('\\-', '-');
    for (const name of Object.keys(stats).filter((name) => name !== 'event' && name !== 'at'))
        assert.match(manual, new RegExp(`^\\.(B|BR) ${name}\\b`, 'm'), `${name} is not in usher.1`);
    assert.deepEqual([stats.sentTotal, stats.deliveredTotal, stats.aloneTotal, stats.pushedTotal], [21, 22, 20, 2]);
    assert.deepEqual([stats.linksUpTotal, stats.linksFailedTotal, stats.retransmittedTotal, stats.failedTotal], [2, 0, 0, 0]);
    const { connectMsP50, connectMsP99, deliveryMsP50, deliveryMsP90, deliveryMsP99 } = stats;
    assert.ok(connectMsP50 > 0 && connectMsP50 <= connectMsP99, JSON.stringify(stats));
    assert.ok(deliveryMsP50 > 0 && deliveryMsP50 <= deliveryMsP90 && deliveryMsP90 <= deliveryMsP99, JSON.stringify(stats));
    assert.ok(deliveryMsP50 < 1000);
    assert.deepEqual(stats.links.map((link) => [link.id, link.path]).sort(), [[ben.id, 'direct'], [cy.id, 'direct']].sort());
    assert.ok(stats.links.every(({ rttMs }) => rttMs >= 1 && rttMs < 1000), JSON.stringify(stats.links));
    assert.ok((await ben.stats()).acksTotal >= 20);
    ann.do({ do: 'typing' });
    ann.do({ do: 'status', text: 'counting' });
    const now = await ann.stats();
    assert.equal(now.passingTotal, stats.passingTotal + 4); // two to each of two
    assert.ok(now.heartbeatsTotal >= 2 && now.newsTotal >= 2, JSON.stringify(now));
    const reports = async () =>
        parseMetrics(await (await fetch(`${daemon.http}/metrics`)).text()).get('usherd_ice_rtt_seconds_count');
    for (const end = Date.now() + 10000; (await reports()) < 6;) assert.ok(Date.now() < end, 'round trips were not reported');
    await stopAll([ann, ben, cy]);
});

test('events come in the order that the pipe promises', async () => {
    const here = room();
    const ann = await joinPeer({ server: daemon.url, room: here, name: 'ann' });
    const ben = await joinPeer({ server: daemon.url, room: here, name: 'ben' });
    await ben.linked(ann);
    const names = ben.all.map((e) => e.event);
    assert.deepEqual(ben.all.find((e) => e.event === 'joined').peers, [{ id: ann.id, name: 'ann' }]);
    assert.ok(names.indexOf('joined') < names.indexOf('ready'));
    assert.ok(names.indexOf('ready') < names.indexOf('peer'));
    const states = ben.all.filter((e) => e.event === 'state').map((e) => e.state);
    assert.ok(states.indexOf('connecting') < states.indexOf('connected'));
    assert.ok(states.indexOf('connected') < states.indexOf('joining'));
    assert.ok(states.indexOf('joining') < states.indexOf('in-room'));
    const peer = ben.all.find((e) => e.event === 'peer');
    assert.equal(peer.name, 'ann');
    assert.equal(peer.path, 'direct');
    assert.equal(peer.verified, true);
    assert.match(ann.id, /^[a-z2-7]{26}$/);
    await stopAll([ann, ben]);
});

test('a message has all its members, and comes back as delivered and read', async () => {
    const [ann, ben] = await meet(daemon.url, ['ann', 'ben'], { room: room() });
    ann.do({ do: 'send', text: 'grüß dich \u0001 \u{1f600}', ref: 'r1' });
    const accepted = await ann.event('accepted', { ref: 'r1' });
    const message = await ben.event('message');
    assert.equal(message.id, accepted.id);
    assert.equal(message.from, ann.id);
    assert.deepEqual(message.to, []);
    assert.equal(message.text, 'grüß dich \u0001 \u{1f600}');
    assert.equal(message.conversation, `room:room-${rooms}`);
    assert.equal(message.type, 'group_message');
    assert.equal(message.verified, true);
    assert.ok(Math.abs(message.timestamp - Date.now()) < 60000);
    assert.equal((await ann.event('delivered', { id: accepted.id })).by, ben.id);
    ben.do({ do: 'read', id: message.id });
    assert.equal((await ann.event('read', { id: accepted.id })).by, ben.id);
    await stopAll([ann, ben]);
});

test('a direct message reaches one of three, a private one two, a group message all', async () => {
    const [ann, ben, cy] = await meet(daemon.url, ['ann', 'ben', 'cy'], { room: room() });
    ann.do({ do: 'send', to: [ben.id], text: 'for ben' });
    ann.do({ do: 'send', to: [ben.id, cy.id], text: 'for both' });
    ann.do({ do: 'send', text: 'for all' });
    const direct = await ben.event('message', { text: 'for ben' });
    assert.equal(direct.type, 'direct_message');
    assert.deepEqual(direct.to, [ben.id]);
    assert.match(direct.conversation, /^p:[a-z2-7]{26}$/);
    for (const reader of [ben, cy]) {
        assert.equal((await reader.event('message', { text: 'for both' })).type, 'private_message');
        await reader.event('message', { text: 'for all' });
    }
    assert.equal(cy.count('message', { text: 'for ben' }), 0);
    assert.equal(cy.count('message'), 2);
    await stopAll([ann, ben, cy]);
});

test('a ref that is repeated answers with the same id and is delivered once', async () => {
    const [ann, ben] = await meet(daemon.url, ['ann', 'ben'], { room: room() });
    for (let i = 0; i < 3; i++) ann.do({ do: 'send', text: 'once', ref: 'same' });
    ann.do({ do: 'send', text: 'last', ref: 'other' });
    const ids = [];
    for (let i = 0; i < 3; i++) ids.push((await ann.event('accepted', { ref: 'same' })).id);
    assert.equal(new Set(ids).size, 1);
    assert.notEqual((await ann.event('accepted', { ref: 'other' })).id, ids[0]);
    await ben.event('message', { text: 'last' });
    assert.equal(ben.count('message', { text: 'once' }), 1);
    await stopAll([ann, ben]);
});

test('typing, status and presence are told to the others', async () => {
    const [ann, ben] = await meet(daemon.url, ['ann', 'ben'], { room: room() });
    ann.do({ do: 'typing' });
    ann.do({ do: 'status', text: 'at lunch' });
    ann.do({ do: 'presence', presence: 'away' });
    assert.equal((await ben.event('typing')).from, ann.id);
    assert.equal((await ben.event('status', { text: 'at lunch' })).from, ann.id);
    assert.equal((await ben.event('presence', { presence: 'away' })).from, ann.id);
    await stopAll([ann, ben]);
});

test('history is what was printed, own messages included, in order', async () => {
    const [ann, ben] = await meet(daemon.url, ['ann', 'ben'], { room: room() });
    ann.do({ do: 'send', text: 'one' });
    await ben.event('message', { text: 'one' });
    ben.do({ do: 'send', text: 'two', ref: 'r' });
    await ann.event('message', { text: 'two' });
    ann.do({ do: 'send', to: [ben.id], text: 'three' });
    await ben.event('message', { text: 'three' });
    for (const peer of [ann, ben]) {
        peer.do({ do: 'history' });
        const { messages } = await peer.event('history');
        assert.deepEqual(messages.map((m) => m.text), ['one', 'two', 'three']);
        assert.deepEqual(messages.map((m) => m.from), [ann.id, ben.id, ann.id]);
        assert.match(messages[2].conversation, /^p:[a-z2-7]{26}$/);
        assert.deepEqual(messages.map((m) => m.type), ['group_message', 'group_message', 'direct_message']);
        peer.do({ do: 'history', after: messages[0].id, limit: 1 });
        assert.deepEqual((await peer.event('history')).messages.map((m) => m.text), ['two']);
        peer.do({ do: 'history', limit: 2 });
        assert.deepEqual((await peer.event('history')).messages.map((m) => m.text), ['two', 'three']);
    }
    ann.do({ do: 'history', after: 'nothing' });
    assert.match((await ann.event('error', { code: 'no-such-message' })).message, /no message of that id/);
    await stopAll([ann, ben]);
});

test('peers and stats tell who is there and how it goes', async () => {
    const [ann, ben] = await meet(daemon.url, ['ann', 'ben'], { room: room() });
    ann.do({ do: 'peers' });
    const { peers } = await ann.event('peers');
    assert.equal(peers.length, 1);
    assert.deepEqual({ ...peers[0], rttMs: 0 },
        { id: ben.id, name: 'ben', state: 'up', path: 'direct', verified: true, inRoom: true, rttMs: 0 });
    const stats = await ann.stats();
    assert.equal(stats.linksUp, 1);
    assert.equal(stats.pending, 0);
    await stopAll([ann, ben]);
});

test('a message that nobody took in its time fails by name, and is never shown; others wait on', async () => {
    const where = room();
    const [ann, ben] = await meet(daemon.url, ['ann', 'ben'], { room: where });
    ben.child.kill('SIGKILL');
    await ben.exited;
    ann.do({ do: 'send', to: [ben.id], text: 'in its time', ref: 'long' });
    ann.do({ do: 'send', to: [ben.id], text: 'at once or never', ref: 'short', ttl: 300 });
    const { id } = await ann.event('accepted', { ref: 'short' });
    const failed = await ann.event('failed', { id });
    assert.deepEqual(failed.to, [ben.id]);
    assert.equal(failed.reason, 'expired');
    const again = await joinPeer({ server: daemon.url, room: where, name: 'ben', state: ben.state });
    await again.event('message', { text: 'in its time' });
    ann.do({ do: 'send', to: [ben.id], text: 'the last' });
    await again.event('message', { text: 'the last' });
    assert.equal(again.count('message'), 2);
    assert.equal(ann.count('failed'), 1);
    await stopAll([ann, again]);
});

test('rooms that somebody announces are told to everybody, instead of those before', async () => {
    const [ann, ben] = await meet(daemon.url, ['ann', 'ben'], { room: room() });
    ann.do({ do: 'announce', rooms: ['chess', 'go'] });
    assert.deepEqual((await ben.event('rooms', { from: ann.id })).rooms, ['chess', 'go']);
    ann.do({ do: 'announce', rooms: ['go'] });
    assert.deepEqual((await ben.event('rooms', { from: ann.id })).rooms, ['go']);
    await stopAll([ann, ben]);
});

test('lines that are wrong cost one error each and nothing else', async () => {
    const ann = await joinPeer({ server: daemon.url, room: room(), name: 'ann' });
    const cases = [
        ['nonsense', 'bad-json', /JSON object/],
        ['[1]', 'bad-json', /JSON object/],
        ['{"do":"send","do":"quit"}', 'bad-json', /duplicate/],
        ['\xff', 'bad-json', /./],
        ['{}', 'bad-command', /do: one of send/],
        ['{"do":"dance"}', 'bad-command', /do: one of send/],
        ['{"do":7}', 'bad-command', /do: one of send/],
        ['{"do":"send"}', 'bad-command', /text/],
        ['{"do":"send","text":7}', 'bad-command', /text/],
        ['{"do":"send","text":"a\\u0000b"}', 'bad-command', /NUL/],
        ['{"do":"send","text":"x","to":"me"}', 'bad-command', /to: an array/],
        ['{"do":"send","text":"x","to":[]}', 'bad-command', /to: an array/],
        ['{"do":"send","text":"x","to":[1]}', 'bad-command', /to: an array/],
        [`{"do":"send","text":"x","ref":"${'r'.repeat(65)}"}`, 'too-large', /ref/],
        ['{"do":"send","text":"x","ttl":0}', 'bad-command', /ttl/],
        ['{"do":"send","text":"x","ttl":"1"}', 'bad-command', /ttl/],
        ['{"do":"send","text":"x","ttl":2592000001}', 'bad-command', /30 days/],
        [`{"do":"send","text":"${'x'.repeat(65537)}"}`, 'too-large', /text/],
        [`{"do":"send","text":"${'x'.repeat(600000)}"}`, 'bad-json', /at most/],
        ['{"do":"read"}', 'bad-command', /id/],
        ['{"do":"read","id":"abcdefghijklmnopqrstuvwxyz"}', 'no-such-message', /record/],
        ['{"do":"presence","presence":"gone"}', 'bad-command', /online/],
        ['{"do":"announce","rooms":"x"}', 'bad-command', /room ids/],
        ['{"do":"announce","rooms":["no such: name"]}', 'bad-command', /room ids/],
        [`{"do":"announce","rooms":${JSON.stringify(Array(17).fill('r'))}}`, 'bad-command', /at most 16/],
        ['{"do":"history","limit":0}', 'bad-command', /limit/],
        ['{"do":"send-file","to":["x"]}', 'bad-command', /send-file wants path/],
        [`{"do":"send-file","path":"/${'x'.repeat(4095)}"}`, 'too-large', /at most 4095/],
        ['{"do":"send-file","path":"/x","to":[]}', 'bad-command', /to: an array/],
        ['{"do":"accept","fileId":"x"}', 'no-such-file', /no file of that id/],
        ['{"do":"accept","fileId":"x","dir":1}', 'bad-command', /accept wants dir/],
        ['{"do":"decline","fileId":"x"}', 'no-such-file', /no file of that id/],
    ];
    for (const [line, code, says] of cases) {
        ann.child.stdin.write(Buffer.from(`${line}\n`, 'latin1'));
        const error = await ann.event('error');
        assert.equal(error.code, code, line.slice(0, 80));
        assert.match(error.message, says, line.slice(0, 80));
    }
    ann.do('');
    assert.equal((await ann.stats()).linksUp, 0);
    assert.equal(ann.count('error'), cases.length);
    for (const command of [{ do: 'dance' }, { do: 'read' }, { do: 'send' }, { do: 'history', limit: 0 }]) {
        ann.do({ ...command, ref: 'mine' });
        assert.equal((await ann.event('error')).ref, 'mine', command.do);
    }
    await ann.stop();
});

test('10,000 messages of 200 bytes one way: none lost, in order, each acknowledged', async (t) => {
    const [ann, ben] = await meet(daemon.url, ['ann', 'ben'], { room: room() });
    const COUNT = 10000;
    const text = (i) => `${i} `.padEnd(200, 'x');
    let lines = '';
    for (let i = 0; i < COUNT; i++) lines += `${JSON.stringify({ do: 'send', text: text(i), ref: `m${i}` })}\n`;
    const begin = performance.now();
    ann.child.stdin.write(lines);
    const last = await ben.event('message', { text: text(COUNT - 1) }, 60000);
    t.diagnostic(`${Math.round(COUNT / ((last.at - begin) / 1000))} messages a second`);
    const got = ben.all.filter((e) => e.event === 'message').map((e) => e.text);
    assert.equal(got.length, COUNT);
    assert.ok(got.every((value, i) => value === text(i)));
    const accepted = await ann.event('accepted', { ref: `m${COUNT - 1}` });
    await ann.event('delivered', { id: accepted.id }, 30000);
    const delivered = new Set(ann.all.filter((e) => e.event === 'delivered').map((e) => e.id));
    assert.equal(delivered.size, COUNT);
    assert.equal((await ann.stats()).pending, 0);
    await stopAll([ann, ben]);
});

test('who leaves is gone for the others at once; leave keeps the pipe', async () => {
    const [ann, ben, cy] = await meet(daemon.url, ['ann', 'ben', 'cy'], { room: room() });
    ben.do({ do: 'leave' });
    await ben.event('left');
    await ann.event('peer', { id: ben.id, state: 'down' });
    await ben.stats();
    assert.equal(await ben.stop(), 0);
    cy.child.kill('SIGTERM');
    await ann.event('peer', { id: cy.id, state: 'down' });
    assert.equal(await cy.stop(), 0);
    assert.equal(await ann.stop(), 0);
});

test('the end of input is quit once all is acknowledged', async () => {
    const here = room();
    const ann = await joinPeer({ server: daemon.url, room: here, name: 'ann' });
    const state = await scratch();
    const begin = performance.now();
    const input = `${JSON.stringify({ do: 'send', text: 'and out' })}\n${JSON.stringify({ do: 'peers' })}`;
    const args = ['--server', daemon.url, '--state', state, '--ice-address', '127.0.0.1', 'pipe', here];
    const { code, stdout } = await runUsher(args, { input });
    await ann.event('message', { text: 'and out' });
    assert.equal(code, 0);
    assert.match(stdout, /"event":"delivered"/);
    assert.match(stdout, /"event":"peers"/);
    assert.ok(performance.now() - begin < 5000);
    await ann.stop();
});

test('a closed stdout ends the process', async () => {
    const ann = await joinPeer({ server: daemon.url, room: room(), name: 'ann' });
    ann.child.stdout.destroy();
    assert.equal(await within(8000, ann.exited, 'it went on'), 1);
    await ann.stop();
});
