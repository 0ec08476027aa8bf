// SPDX-License-Identifier: MIT
//
// New keys in the midst of a connection (RFC 8446 section 4.6.3): messages of TLS that bring nothing, of which a client may
// send as many as it likes, and each of which it can have answered.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { setTimeout as pass } from 'node:timers/promises';
import { makeAuthority } from './lib/authority.mjs';
import { startDaemon, within } from './lib/daemon.mjs';
import { connect } from './lib/client.mjs';
import { Raw, TEXT, frame, handshake } from './lib/raw.mjs';
import { Rekeying } from './lib/rekey.mjs';

const SEND_BUFFER = 4096;
const PATIENCE_MS = 5000;

let authority, daemon;

before(async () => {
    authority = await makeAuthority();
    const { certificate, key } = await authority.issue('here');
    const settings = [`tls.certificate=${certificate}`, `tls.key=${key}`, 'limits.message_rate=0', 'limits.max_queue=0',
        'limits.join_timeout=0'];
    daemon = await startDaemon({ args: settings.flatMap((setting) => ['--set', setting]), sendBuffer: SEND_BUFFER });
});
after(async () => assert.equal(await daemon?.stop(), 0));

// Milliseconds of processor time that the daemon's loop has used.
const used = () => Number(fs.readFileSync(`/proc/${daemon.pid}/task/${daemon.pid}/schedstat`, 'latin1').split(' ')[0]) / 1e6;

const ping = (ref) => frame(TEXT, JSON.stringify({ type: 'ping', ref }));

// A WebSocket that changes its keys, and what it has received.
async function open({ port } = daemon) {
    const rekeying = await Rekeying.open(port, authority.ca);
    const raw = new Raw(rekeying.tls);
    rekeying.socket.write(rekeying.data(handshake()));
    await raw.until(/"type":"welcome"/);
    return [rekeying, raw];
}

for (const answered of [false, true])
    test(`new keys beside what is said${answered ? ', answered' : ''}`, async () => {
        const [rekeying, raw] = await open();
        for (let i = 0; i < 5; i++) {
            rekeying.socket.write(Buffer.concat([rekeying.updates(30, answered), rekeying.data(ping(`n${i}`))]));
            await raw.until(new RegExp(`"pong","ref":"n${i}"`));
        }
        rekeying.destroy();
    });

// Read without end, 20,000 took 180 ms; a client that went on sending them had the loop for itself, until the watchdog.
test('new keys without end close the connection, and nobody waits', async (t) => {
    const [UPDATES, BOUND_MS] = [20000, 20];
    const other = await connect(daemon.url.replace('ws:', 'wss:'), { ca: authority.ca });
    const [rekeying] = await open();
    const flood = rekeying.updates(UPDATES, false);
    daemon.kill('SIGSTOP');
    try {
        rekeying.socket.write(flood);
        const alive = other.alive();
        const cpu = used();
        daemon.kill('SIGCONT');
        await alive;
        const took = used() - cpu;
        t.diagnostic(`${took.toFixed(1)} ms`);
        assert.ok(took < BOUND_MS, `${took.toFixed(1)} ms`);
    } finally {
        daemon.kill('SIGCONT');
    }
    await within(PATIENCE_MS, rekeying.ended, 'it was not closed');
    other.destroy();
});

// So that a thousand who mix them with a little of something else cost no more than a thousand who talk.
test('new keys count as messages do', async () => {
    const [RATE, BURST, UPDATES] = [10, 10, 25];
    const { certificate, key } = await authority.issue('there');
    const settings = [`tls.certificate=${certificate}`, `tls.key=${key}`, `limits.message_rate=${RATE}`, `limits.message_burst=${BURST}`];
    const bounded = await startDaemon({ args: settings.flatMap((setting) => ['--set', setting]) });
    const [rekeying, raw] = await open(bounded);
    const from = performance.now();
    rekeying.socket.write(Buffer.concat([rekeying.updates(UPDATES, false), rekeying.data(ping('n'))]));
    await raw.until(/"pong","ref":"n"/);
    const took = performance.now() - from;
    assert.ok(took > (1000 * (UPDATES - BURST)) / RATE / 2, `${Math.round(took)} ms`);
    assert.match(raw.received.toString('latin1'), /"rate-limited"/);
    rekeying.destroy();
    assert.equal(await bounded.stop(), 0);
});

// What TLS itself had to say found no room, and the daemon looked again and again whether the rest could be read.
test('who asks for new keys and does not read costs nothing, and is answered when it does', async () => {
    const [ROUNDS, BUSY, LOOK_MS, LOOKS] = [600, 0.3, 300, 20];
    const [rekeying, raw] = await open();
    rekeying.socket.pause();
    for (let i = 1; i <= ROUNDS; i++)
        rekeying.socket.write(Buffer.concat([rekeying.updates(30, true), rekeying.data(ping(`n${i}`))]));
    let busy = 1;
    for (let i = 0; i < LOOKS && busy > BUSY; i++) {
        const [from, cpu] = [performance.now(), used()];
        await pass(LOOK_MS);
        busy = (used() - cpu) / (performance.now() - from);
    }
    assert.ok(busy <= BUSY, `busy ${busy.toFixed(2)}`);
    assert.ok(!raw.received.includes(`"n${ROUNDS}"`));
    rekeying.socket.resume();
    await raw.until(new RegExp(`"pong","ref":"n${ROUNDS}"`));
    rekeying.destroy();
});
