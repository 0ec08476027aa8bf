// SPDX-License-Identifier: MIT
//
// The last words of a client and to it. Behind its Close (RFC 6455 section 5.5.1) comes what was queued for it and what
// it asked before, and then our answer, which is the last. Over TCP, a unix socket and TLS alike.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import tls from 'node:tls';
import { once } from 'node:events';
import { makeAuthority } from './lib/authority.mjs';
import { startDaemon, within } from './lib/daemon.mjs';
import { connect } from './lib/client.mjs';
import { scratch } from './lib/peer.mjs';
import { Raw, TEXT, frame, handshake } from './lib/raw.mjs';

const CLOSE = 0x8;
const GOODBYE = frame(CLOSE, Buffer.from([0x03, 0xe8])); // 1000
const SIGNALS = 50;
const SIGNAL = 20000; // bytes; they are more than the kernel takes, with such a buffer:
const SEND_BUFFER = 16 * 1024;
const PAD = 'x'.repeat(200);
const WORDS = 150; // more than a read takes at once, and less than the kernel keeps of a client that is gone
const SETTINGS = ['limits.message_rate=100', 'limits.message_burst=60', 'limits.max_queue=8M', 'server.resume_grace=10s'];

const say = (message) => frame(TEXT, JSON.stringify(message));

// The frames behind the head of the 101, as { opcode, payload }.
function framesOf(bytes) {
    const all = [];
    for (let at = bytes.indexOf('\r\n\r\n') + 4; at < bytes.length;) {
        let [n, head] = [bytes[at + 1], 2];
        if (n === 126) [n, head] = [bytes.readUInt16BE(at + 2), 4];
        assert.ok(n < 126 || head === 4);
        assert.ok(at + head + n <= bytes.length, 'the last frame is not whole');
        all.push({ opcode: bytes[at] & 0xf, payload: bytes.subarray(at + head, at + head + n) });
        at += head + n;
    }
    return all;
}

const typesOf = (frames) => frames.map(({ opcode, payload }) => (opcode === CLOSE ? 'close' : JSON.parse(payload).type));

let authority, door;
const daemons = [];
const WAYS = {
    tcp: { dial: (daemon) => net.connect(daemon.port, '127.0.0.1') },
    unix: { dial: () => net.connect(door) },
    tls: { dial: (daemon) => tls.connect({ host: '127.0.0.1', port: daemon.port, ca: authority.ca }), ready: 'secureConnect' },
};

before(async () => {
    authority = await makeAuthority();
    const { certificate, key } = await authority.issue('usherd');
    door = path.join(await scratch(), 'socket');
    for (const [way, more] of [['tcp', []], ['unix', ['--listen', `unix:${door}`]],
        ['tls', ['--set', `tls.certificate=${certificate}`, '--set', `tls.key=${key}`]]]) {
        const daemon = await startDaemon({ args: [...SETTINGS.flatMap((set) => ['--set', set]), ...more],
            sendBuffer: way === 'unix' ? undefined : SEND_BUFFER }); // of a unix socket the kernel keeps little anyway
        daemons.push(daemon);
        WAYS[way].daemon = daemon;
        WAYS[way].http = `${way === 'tls' ? 'https' : 'http'}://127.0.0.1:${daemon.port}`;
        WAYS[way].url = way === 'unix' ? `ws+unix:${door}:/ws` : `${WAYS[way].http.replace('http', 'ws')}/ws`;
    }
});
after(() => Promise.all(daemons.map((daemon) => daemon.stop())));

async function open({ dial, daemon, ready = 'connect' }) {
    const socket = dial(daemon);
    await once(socket, ready);
    const raw = new Raw(socket);
    await raw.write(handshake());
    await raw.until(/"type":"welcome"/);
    return raw;
}

// In the room, beside who hears of it.
async function enter(way, witness, room) {
    const raw = await open(way);
    await raw.write(say({ type: 'join-room', roomId: room }));
    await raw.until(/"type":"peers"/);
    const { peerId } = await witness.next();
    return { raw, peerId };
}

// Milliseconds of processor time that the daemon's loop has used (schedstat, proc(5)).
const used = (pid) => Number(fs.readFileSync(`/proc/${pid}/task/${pid}/schedstat`, 'latin1').split(' ')[0]) / 1e6;

for (const [name, way] of Object.entries(WAYS))
    describe(`over ${name}`, { timeout: 60000 }, () => {
        const join = async (room) => {
            const witness = await connect(way.url, { ca: authority.ca });
            await witness.join(room);
            return witness;
        };

        test('a Close is answered behind all that waits for the client', async () => {
            const witness = await join('reader');
            const { raw, peerId } = await enter(way, witness, 'reader');
            raw.socket.pause();
            for (let i = 0; i < SIGNALS; i++) witness.send({ type: 'signal', to: peerId, data: 'x'.repeat(SIGNAL) });
            await witness.alive();
            await raw.write(GOODBYE);
            if (name === 'tls') raw.socket.resume(); // libwebsockets reads nothing as long as it keeps a rest
            assert.deepEqual(await witness.next(), { type: 'peer-left', peerId, reason: 'left' }); // at once
            raw.socket.resume();
            await raw.end();
            const all = framesOf(raw.received);
            assert.deepEqual(typesOf(all), ['welcome', 'peers', ...Array(SIGNALS).fill('signal'), 'close']);
            assert.deepEqual([...all.at(-1).payload], [0x03, 0xe8]);
            witness.destroy();
        });

        test('a Close is answered behind the answer to a join that came before it', async () => {
            const made = await new Promise((resolve, reject) => {
                const request = (name === 'tls' ? tls : net).connect({ host: '127.0.0.1', port: way.daemon.port, ca: authority.ca });
                const body = '{"name":"locked","password":"sesame"}';
                request.on('error', reject).once('data', (bytes) => resolve(bytes.toString()));
                request.write(`POST /api/rooms HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
            });
            assert.match(made, /^HTTP\/1\.1 201/);
            for (const [password, answer] of [['sesame', 'peers'], ['guess', 'error']]) {
                const raw = await open(way);
                const asked = say({ type: 'join-room', roomId: 'locked', password });
                await raw.write(Buffer.concat([asked, GOODBYE]));
                await raw.end();
                assert.deepEqual(typesOf(framesOf(raw.received)), ['welcome', answer, 'close']);
            }
        });

        // It sends more than message_rate allows, so that reading stops, and goes at once: in the middle of that come
        // the hang-up of its socket and writes that fail.
        for (const manner of ['waits for its end', 'is gone'])
            test(`what a paused client said last is heard, if it ${manner}`, async () => {
                const witness = await join('words');
                const { raw, peerId } = await enter(way, witness, 'words');
                const signals = Array.from({ length: WORDS }, (_, data) => say({ type: 'signal', to: witness.peerId, data, x: PAD }));
                await new Promise((resolve) => raw.socket.write(Buffer.concat([...signals, GOODBYE]), resolve));
                if (manner === 'is gone') raw.destroy();
                for (let data = 0; data < WORDS; data++) assert.equal((await witness.next()).data, data);
                assert.deepEqual(await witness.next(), { type: 'peer-left', peerId, reason: 'left' });
                witness.destroy();
                raw.destroy();
            });
    });

// Closed connections cost less than open ones: they are read no faster, nor for longer than a time, and a hang-up is
// told once. A loop that hears of it in each turn would use all of a processor.
test('what many left behind is read slowly, and not for ever', { timeout: 60000 }, async () => {
    const CROWD = 50;
    const REST_MS = 20000;
    const ghosts = path.join(await scratch(), 'socket');
    const daemon = await startDaemon({ args: ['--listen', `unix:${ghosts}`, '--set', 'limits.message_rate=10', '--set', 'limits.message_burst=20'] });
    try {
        const witness = await connect(daemon.url);
        await witness.join('ghosts');
        const way = { dial: () => net.connect(ghosts), daemon };
        const pings = Buffer.concat(Array(5000).fill(say({ type: 'ping', ref: 'again' })));
        for (let i = 0; i < CROWD; i++) {
            const { raw } = await enter(way, witness, 'ghosts');
            raw.socket.write(pings);
            await raw.until(/rate-limited/);
            raw.destroy();
        }
        const [from, cpu] = [performance.now(), used(daemon.pid)];
        const [text] = await within(REST_MS * 1.5, once(witness.ws, 'message'), 'they stay for ever');
        assert.equal(JSON.parse(text).type, 'peer-away');
        const [took, busy] = [performance.now() - from, used(daemon.pid) - cpu];
        assert.ok(took > REST_MS * 0.6 && busy < took / 10, `${Math.round(took)} ms, ${Math.round(busy)} of them busy`);
    } finally {
        await daemon.stop();
    }
});
