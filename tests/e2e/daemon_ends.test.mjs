// SPDX-License-Identifier: MIT
//
// Clients that end without a word, at each stage of a connection and on both ways in: the daemon lets go of the socket at
// once, not when a time limit comes. Only a request that is whole is answered first (RFC 9112 section 9.6).
import { after, before, describe, test } from 'node:test';
import { once } from 'node:events';
import fs from 'node:fs/promises';
import net from 'node:net';
import path from 'node:path';
import tls from 'node:tls';
import { Duplex } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import { within } from './lib/daemon.mjs';
import { scratch } from './lib/peer.mjs';
import { Raw, TEXT, frame, handshake } from './lib/raw.mjs';
import { startBothWays } from './lib/ways.mjs';

const AT_ONCE_MS = 4000; // less than any time limit of the daemon
const BIG = 8 * 1024 * 1024;
const SMALL = 64 * 1024;
const CROWD = 4;
const HASHED_MS = 60000; // the threads that hash stand back on a busy machine

const set = (...options) => options.flatMap((option) => ['--set', option]);

let daemons, ca, stop;
before(async () => {
    const root = await scratch();
    await fs.writeFile(path.join(root, 'big'), Buffer.alloc(BIG, 'usher '));
    const args = set(`server.web_root=${root}`, 'limits.auth_failures=0');
    ({ daemons, ca, stop } = await startBothWays(args, { sendBuffer: SMALL }));
});
after(() => stop?.());

const descriptors = async ({ pid }) => (await fs.readdir(`/proc/${pid}/fd`)).length;

async function until(daemon, n, sentence) {
    let now;
    await within(AT_ONCE_MS, (async () => {
        while ((now = await descriptors(daemon)) !== n) await pause(5);
    })(), () => `${sentence}: ${now} descriptors, not ${n}`);
}

// A client whose socket and whose TLS end apart from each other, and which does nothing by itself when the daemon ends.
class Line extends Raw {
    static async open(way) {
        const socket = net.connect({ port: daemons[way].port, host: '127.0.0.1', allowHalfOpen: true });
        await once(socket, 'connect');
        return new Line(way, socket);
    }

    constructor(way, socket) {
        super(socket);
        Object.assign(this, { way, under: socket });
    }

    async secure() {
        if (this.way === 'plain') return this;
        const { under } = this;
        const through = new Duplex({ read() {}, write: (bytes, encoding, done) => under.write(bytes, done), final: (done) => done() });
        under.removeAllListeners('data');
        under.on('data', (bytes) => through.push(bytes));
        const secure = tls.connect({ socket: through, ca, host: '127.0.0.1', allowHalfOpen: true });
        const line = new Raw(secure);
        await within(AT_ONCE_MS, once(secure, 'secureConnect'), 'no TLS');
        return Object.assign(line, { way: this.way, under });
    }
}

const get = (where, lines = '') => `GET ${where} HTTP/1.1\r\nHost: localhost\r\n${lines}\r\n`;
const post = (body, n = body.length) => `POST /api/rooms HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${n}\r\n\r\n${body}`;

const stage = (bytes, pattern) => async (line) => {
    const raw = await line.secure();
    await new Promise((sent) => raw.socket.write(bytes, sent));
    if (pattern) await raw.until(pattern);
    return raw;
};

async function stoppedReader(line) {
    const raw = await line.secure();
    await raw.write(get('/big'));
    await raw.until(/^HTTP\/1\.1 200/);
    raw.under.pause();
    return raw;
}

// What a client of TLS says first.
const hello = () => new Promise((resolve) => {
    const through = new Duplex({ read() {}, write: (bytes) => resolve(bytes) });
    tls.connect({ socket: through, host: '127.0.0.1' }).on('error', () => {});
});

const STAGES = {
    'that has said nothing': async (line) => line,
    'in its handshake': async (line) => {
        await line.write(Buffer.from([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3]));
        return line;
    },
    'whose handshake was answered': async (line) => {
        await line.write(await hello());
        await line.until(/./s);
        return line;
    },
    'that is open': (line) => line.secure(),
    'with half a head': stage('GET /health HTTP/1.1\r\nHo'),
    'with half a body': stage(post('{"na', 100)),
    'whose answer waits': stage(post('{"password":"secret"}')),
    'that reads its answer no further': stoppedReader,
    'that was answered': stage(get('/health'), /"status":"ok"/),
    'with half a handshake of a WebSocket': stage(handshake().slice(0, 60)),
    'that is a WebSocket': stage(handshake(), /"type":"welcome"/),
    'that is a WebSocket and has half a frame': async (line) => {
        const raw = await STAGES['that is a WebSocket'](line);
        await raw.write(frame(TEXT, '{"type":"ping"}').subarray(0, 9));
        return raw;
    },
    'that has closed its WebSocket': async (line) => {
        const raw = await STAGES['that is a WebSocket'](line);
        await raw.write(frame(0x8, Buffer.from([3, 232])));
        return raw;
    },
    'whose WebSocket was closed': async (line) => {
        const raw = await STAGES['that is a WebSocket'](line);
        for (let i = 0; i < 25; i++) await raw.write(frame(TEXT, 'bad'));
        await raw.until(/\x88/);
        return raw;
    },
};

const ENDS = {
    FIN: ({ under }) => under.end(),
    RST: ({ under }) => under.resetAndDestroy(),
    close_notify: ({ socket }) => socket.end(),
};

// Who has ended its side may still read: it has the time of a slow reader.
const MAY_READ_ON = ['FIN of one that reads its answer no further', 'close_notify of one that reads its answer no further'];

for (const way of ['plain', 'TLS'])
    describe(way, () => {
        const cases = Object.keys(STAGES).flatMap((stage) => Object.keys(ENDS).map((how) => ({ stage, how, name: `${how} of one ${stage}` })))
            .filter(({ how, name }) => !MAY_READ_ON.includes(name) && !(way === 'plain' && how === 'close_notify'));
        for (const { stage, how, name } of cases)
            test(name, async () => {
                const daemon = daemons[way];
                const base = await descriptors(daemon);
                const line = await Line.open(way);
                try {
                    await until(daemon, base + 1, 'it was not accepted');
                    ENDS[how](await STAGES[stage](line));
                    await until(daemon, base, 'it is still open');
                } finally {
                    line.destroy();
                }
            });

        // Passwords are hashed two at a time, in their order, and a room is made then if its client is still there.
        test('what one asked for that was reset while it waited is not done', async () => {
            const open = async () => (await Line.open(way)).secure();
            const made = (raw, name) => raw.write(post(`{"name":"${way}-${name}","password":"secret"}`));
            const ask = async (request, answer) => {
                const raw = await open();
                await raw.write(request);
                await raw.until(answer);
                raw.destroy();
            };
            const crowd = await Promise.all(Array.from({ length: CROWD + 1 }, open));
            const [gone, last] = [await open(), crowd.pop()];
            for (const [i, raw] of crowd.entries()) await made(raw, i);
            await made(gone, 'gone');
            for (let i = 0; i < 2; i++) await ask(get('/health'), /"status":"ok"/); // it has been read
            gone.under.resetAndDestroy();
            await made(last, 'last');
            await last.until(/^HTTP\/1\.1 201 /, HASHED_MS);
            await ask(get(`/api/rooms/${way}-last`), /^HTTP\/1\.1 200 /);
            await ask(get(`/api/rooms/${way}-gone`), /^HTTP\/1\.1 404 /);
            for (const raw of [...crowd, last]) raw.destroy();
        });
    });
