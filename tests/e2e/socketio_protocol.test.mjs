// SPDX-License-Identifier: MIT
//
// Socket.IO 5, packet by packet: the cases of the protocol's own suite (docs/protocols-conformance.md), under its names and
// with its settings. Where that has an application echo, what we have in its place is tried.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { Decoder } from 'socket.io-parser';
import { root, startDaemon } from './lib/daemon.mjs';
import { connectPackets, openPackets } from './lib/socketio.mjs';

const SETTINGS = ['server.ping_interval=300ms', 'server.ping_timeout=200ms', 'limits.max_frame=1000000', 'limits.join_timeout=1',
    'server.resume_grace=0']; // as a server without connection state recovery, which the suite is for

let daemon;
before(async () => {
    daemon = await startDaemon({ args: SETTINGS.flatMap((option) => ['--set', option]) });
});
after(() => daemon?.stop());

// What comes next but pings, which are answered.
async function packet(packets) {
    for (;;) {
        const text = await packets.text();
        if (text !== '2') return text;
        packets.send('3');
    }
}

// It says why, and closes.
async function closes(packets, message) {
    const [name, error] = JSON.parse((await packet(packets)).slice(2));
    assert.equal(name, 'error');
    assert.match(error.message, message);
    return packets.end();
}

function handshake(text, start) {
    assert.ok(text.startsWith(start));
    const answer = JSON.parse(text.slice(start.length));
    assert.deepEqual(Object.keys(answer), ['sid']);
    assert.equal(typeof answer.sid, 'string');
}

describe('connect', () => {
    test('should allow connection to the main namespace', async () => {
        handshake((await connectPackets(daemon)).connected, '40');
    });
    test('should allow connection to the main namespace with a payload', async () => {
        const packets = await openPackets(daemon);
        packets.send('40{"token":"123"}');
        handshake(await packets.text(), '40');
    });
    test('should disallow connection to an unknown namespace', async () => {
        const packets = await openPackets(daemon);
        for (const asked of ['40/random', '40/random,', '40/random,{"token":"abc"}']) {
            packets.send(asked);
            assert.equal(await packet(packets), '44/random,{"message":"Invalid namespace"}');
        }
        packets.send('40'); // and may connect to ours
        handshake(await packet(packets), '40');
    });
    test('should disallow connection with an invalid handshake', async () => {
        const packets = await openPackets(daemon);
        packets.send('4abc');
        await closes(packets, /CONNECT has to come first/);
    });
    test('should close the connection if no handshake is received', async () => {
        const packets = await openPackets(daemon);
        await closes(packets, /no CONNECT came in time/);
    });
});

describe('disconnect', () => {
    test('should disconnect from the main namespace', async () => {
        const packets = await connectPackets(daemon);
        packets.send('41');
        assert.equal(await packets.text(), '2');
    });
    test('a namespace that nobody is connected to cannot be left', async () => {
        const packets = await connectPackets(daemon);
        packets.send('41/custom');
        await closes(packets, /no such namespace/);
    });
    test('twice', async () => {
        const packets = await connectPackets(daemon);
        packets.send('41');
        packets.send('41');
        await closes(packets, /CONNECT has to come first/);
    });
});

describe('message', () => {
    test('should send a plain-text packet', async () => {
        const packets = await connectPackets(daemon);
        packets.send('42["ping"]');
        assert.equal(await packet(packets), '42["pong",{}]');
    });
    test('should send a packet with binary attachments', async () => {
        const packets = await connectPackets(daemon);
        packets.send('452-["message",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]');
        packets.ws.send(Uint8Array.from([1, 2, 3]));
        packets.ws.send(Uint8Array.from([4, 5, 6]));
        assert.match(await packet(packets), /^42\["error",\{"code":"bad-message","message":"binary/);
        packets.send('42["ping"]');
        assert.equal(await packet(packets), '42["pong",{}]');
        packets.close();
    });
    test('should send a plain-text packet with an ack', async () => {
        const packets = await connectPackets(daemon);
        packets.send('42456["ping"]');
        assert.equal(await packet(packets), '42["pong",{}]');
        assert.equal(await packet(packets), '43456[{"ok":true}]');
    });
    test('should send a packet with binary attachments and an ack', async () => {
        const packets = await connectPackets(daemon);
        packets.send('452-789["message-with-ack",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]');
        packets.ws.send(Uint8Array.from([1, 2, 3]));
        packets.ws.send(Uint8Array.from([4, 5, 6]));
        assert.match(await packet(packets), /^43789\[\{"ok":false,"error":\{"code":"bad-message"/);
        packets.close();
    });
    for (const [what, text, why] of [
        ['unknown packet type', '4abc', /begins with its type/],
        ['invalid payload format', '42{}', /JSON array/],
        ['invalid ack id', '42abc["message-with-ack",1,"2",{"3":[false]}]', /JSON array/],
    ])
        test(`should close the connection upon invalid format (${what})`, async () => {
            const packets = await connectPackets(daemon);
            packets.send(text);
            await closes(packets, why);
        });
});

describe('beyond the suite', () => {
    for (const [what, text, why] of [
        ['a second CONNECT', '40', /said before/],
        ['an empty message', '4', /begins with its type/],
        ['an event without a name', '42[]', /begins with its name/],
        ['an event of a reserved name', '42["disconnect"]', /reserved/],
        ['an acknowledgement without an id', '43[]', /has an id/],
        ['a CONNECT_ERROR', '44{"message":"no"}', /the server's to send/],
        ['an event to a namespace that is none', '42/custom,["ping"]', /no such namespace/],
        ['eleven attachments', '4511-["hi"]', /at most 10/],
        ['an event that nests 40 deep', `42["signal",{"to":"x","data":${'['.repeat(40)}${']'.repeat(40)}}]`, /32 deep/],
    ])
        test(`${what} ends the connection`, async () => {
            const packets = await connectPackets(daemon);
            packets.send(text);
            await closes(packets, why);
        });
    test('binary that was not announced ends the connection', async () => {
        const packets = await connectPackets(daemon);
        packets.ws.send(Uint8Array.from([1]));
        await closes(packets, /binary/);
    });
    test('a text among attachments ends the connection', async () => {
        const packets = await connectPackets(daemon);
        packets.send('451-["hi",{"_placeholder":true,"num":0}]');
        assert.match(await packet(packets), /binary/);
        packets.send('42["ping"]');
        await closes(packets, /attachments were to follow/);
    });
    test('an event with a name of 2 MB is too large, and its neighbour hears nothing of it', async () => {
        const neighbour = await connectPackets(daemon);
        const packets = await connectPackets(daemon);
        packets.send(`42["${'x'.repeat(2e6)}"]`);
        await closes(packets, /larger than the server takes/);
        neighbour.send('42["ping"]');
        assert.equal(await packet(neighbour), '42["pong",{}]');
        await neighbour.close(1000);
    });
    test('what is not UTF-8 ends the connection', async () => {
        const packets = await connectPackets(daemon);
        packets.ws.send(Buffer.from('42["p\xffng"]', 'latin1'), { binary: false });
        await closes(packets, /UTF-8/);
    });
});

// Both read the vectors, this one and protocol/socketio.c (test_vectors.c); `parser` stands where it is laxer, because its
// server closes or ignores what it lets through, or stricter.
test('the vectors, by socket.io-parser', async () => {
    for (const { clause, name, in: text, expect, parser } of JSON.parse(await readFile(path.join(root, 'tests/vectors/socketio.json'), 'utf8'))) {
        let takes = true;
        let packet;
        const decoder = new Decoder();
        decoder.on('decoded', (decoded) => (packet = decoded));
        try {
            decoder.add(text);
        } catch {
            takes = false;
        }
        assert.equal(takes, parser ? parser === 'takes' : !expect.final, `[${clause}] ${name}`);
        if (takes && packet && !parser && expect.ref && !expect.ref.startsWith('/')) assert.equal(packet.id, Number(expect.ref), name);
        if (takes && packet && expect.ref?.startsWith('/')) assert.equal(packet.nsp, expect.ref, name);
    }
});
