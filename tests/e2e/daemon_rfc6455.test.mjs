// SPDX-License-Identifier: MIT
//
// The table of lib/rfc6455.mjs against the daemon, over its plain and its TLS way in: the same answers.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import tls from 'node:tls';
import { once } from 'node:events';
import { within } from './lib/program.mjs';
import { Raw } from './lib/raw.mjs';
import { ACCEPT, CASES, LAST_PING, LAST_TEXT, close } from './lib/rfc6455.mjs';
import { startBothWays } from './lib/ways.mjs';

const AT_ONCE = 32;
const PATIENCE_MS = 7000; // more than the daemon waits for the answer to its Close

const set = (...options) => options.flatMap((option) => ['--set', option]);
const ROOM_FOR_ALL = set('limits.connection_rate=0', 'limits.max_connections_per_address=0', 'limits.message_rate=0');

let daemons, ca, stop;
before(async () => {
    ({ daemons, ca, stop } = await startBothWays(ROOM_FOR_ALL));
});
after(() => stop?.());

const WAYS = {
    plain: async () => new Raw(daemons.plain.port),
    TLS: async () => {
        const socket = tls.connect({ host: '127.0.0.1', port: daemons.TLS.port, ca });
        await within(PATIENCE_MS, once(socket, 'secureConnect'), 'no TLS in time');
        return new Raw(socket);
    },
};

// ---- reading what the daemon sends ----

// A server's frame at the beginning of the bytes: whole, in one piece, without a mask, in as few bytes as it can; null
// if more are needed.
function readFrame(bytes) {
    if (bytes.length < 2) return null;
    const short = bytes[1] & 0x7f;
    const size = short === 127 ? 10 : short === 126 ? 4 : 2;
    if (bytes.length < size) return null;
    const n = size === 10 ? Number(bytes.readBigUInt64BE(2)) : size === 4 ? bytes.readUInt16BE(2) : short;
    assert.equal(bytes[0] & 0xf0, 0x80, 'a frame of the daemon is not final, or has reserved bits');
    assert.equal(bytes[1] & 0x80, 0, 'a frame of the daemon is masked');
    assert.equal(size, n > 65535 ? 10 : n > 125 ? 4 : 2, 'a frame of the daemon has a length in too many bytes');
    return bytes.length < size + n ? null : { opcode: bytes[0] & 0xf, payload: bytes.subarray(size, size + n), size: size + n };
}

function nameText(payload) {
    const { type, code, fatal, ref } = JSON.parse(payload.toString());
    if (type === 'error') return `${code}${fatal ? '!' : ''}`;
    return ref ?? type;
}

function nameClose(payload) {
    if (payload.length === 0) return 'CLOSE none';
    assert.ok(payload.length >= 2, 'a Close of the daemon has 1 byte');
    new TextDecoder('utf-8', { fatal: true }).decode(payload.subarray(2));
    return `CLOSE ${payload.readUInt16BE(0)}`;
}

// { status, head, texts, pongs, close } so far; close: null until it came.
function readAnswers(received) {
    const answers = { texts: [], pongs: [], close: null };
    const end = received.indexOf('\r\n\r\n');
    if (end < 0) return answers;
    answers.head = received.subarray(0, end + 2).toString('latin1');
    answers.status = answers.head.match(/^HTTP\/1\.[01] (\d{3})\b/)?.[1] ?? 'no HTTP';
    if (answers.status !== '101') return answers;
    for (let at = end + 4, frame; (frame = readFrame(received.subarray(at))); at += frame.size) {
        assert.equal(answers.close, null, 'something came behind a Close');
        if (frame.opcode === 0x1) answers.texts.push(nameText(frame.payload));
        else if (frame.opcode === 0xa) answers.pongs.push(`PONG ${frame.payload.toString('latin1')}`);
        else if (frame.opcode === 0x8) answers.close = nameClose(frame.payload);
        else assert.fail(`the daemon sent the opcode ${frame.opcode}`);
    }
    return answers;
}

// ---- comparing ----

// What a case expects, in the form of readAnswers: each a list of words, "?" before one that may be missing.
function expectations({ expect, behind }) {
    const status = /^\d{3}(\||$)/.test(expect[0] ?? '') ? expect[0] : '101';
    const words = status === '101' ? expect : [];
    const closing = words.find((word) => word.startsWith('CLOSE')) ?? null;
    const isPong = (word) => /^\??PONG/.test(word);
    return {
        status,
        close: closing,
        texts: [closing && behind ? '?welcome' : 'welcome', ...words.filter((word) => !isPong(word) && word !== closing), ...(closing ? [] : ['the last'])],
        pongs: [...words.filter(isPong), ...(closing ? [] : ['PONG the last'])],
    };
}

// Whether got is what is expected, less some that may be missing.
function follows(got, expected) {
    let at = 0;
    for (const word of expected) {
        const optional = word.startsWith('?');
        if (got[at] === (optional ? word.slice(1) : word)) at++;
        else if (!optional) return false;
    }
    return at === got.length;
}

const oneOf = (got, expected) => expected.replace(/^CLOSE /, '').split('|').includes(got.replace(/^CLOSE /, ''));

function checkHead(c, head) {
    const field = (name) => head.match(new RegExp(`^${name}: *(.*?) *\r$`, 'im'))?.[1];
    assert.equal(field('Sec-WebSocket-Accept'), ACCEPT);
    assert.match(field('Upgrade') ?? '', /^websocket$/i);
    assert.match(field('Connection') ?? '', /^upgrade$/i);
    assert.equal(field('Sec-WebSocket-Extensions'), undefined, 'an extension was taken');
    if (c.protocol !== undefined) assert.equal(field('Sec-WebSocket-Protocol') ?? null, c.protocol);
}

const shorten = (words) => (words.length > 30 ? `${words.slice(0, 30)} and ${words.length - 30} more` : words.map((word) => word.slice(0, 150)));

function check(c, answers, closed) {
    const expected = expectations(c);
    const show = (a) => JSON.stringify({ ...a, head: undefined, texts: shorten(a.texts), pongs: shorten(a.pongs) });
    const got = `got ${show(answers)}${closed ? ', and the end' : ''}; expected ${show(expected)}`;
    assert.ok(oneOf(answers.status ?? 'none', expected.status), got);
    if (answers.status !== '101') return;
    checkHead(c, answers.head);
    assert.ok(follows(answers.texts, expected.texts) && follows(answers.pongs, expected.pongs), got);
    assert.ok(expected.close ? answers.close && oneOf(answers.close, expected.close) : !answers.close, got);
    assert.equal(closed, expected.close !== null, got);
}

// ---- playing ----

class Player {
    #closed = false;

    constructor(c, raw) {
        this.c = c;
        this.raw = raw;
        raw.socket.setNoDelay(true);
        raw.ended.then(() => {
            this.#closed = true;
            raw.socket.emit('more');
        });
    }

    get closed() {
        return this.#closed;
    }

    get answers() {
        return readAnswers(this.raw.received);
    }

    // Until the answers are as asked, or the connection is closed, or it takes too long: what is there then is judged.
    async until(there) {
        const wait = async () => {
            while (!this.#closed && !there(this.answers)) await once(this.raw.socket, 'more');
        };
        await within(PATIENCE_MS, wait(), '').catch((error) => {
            if (error.message) throw error;
        });
    }

    async write(bytes) {
        const n = this.c.pieces ?? bytes.length;
        for (let at = 0; at < bytes.length; at += n) await this.raw.write(bytes.subarray(at, at + n));
    }

    // One message and one ping more.
    async askForMore() {
        const expected = expectations(this.c).pongs.slice(0, -1);
        await this.write(LAST_TEXT);
        await this.until((a) => a.close || (a.texts.includes('the last') && follows(a.pongs, expected)));
        await this.write(LAST_PING);
        await this.until((a) => a.close || a.pongs.includes('PONG the last'));
    }

    // Who began to close is answered; the daemon is the first to close the socket (section 7.1.1).
    async close() {
        if (this.c.cut) this.raw.socket.end();
        else if (this.c.fails) await this.write(close(1000));
        await this.until(() => false);
    }

    async play() {
        const { request, behind, send } = this.c;
        await this.write(Buffer.concat([Buffer.from(request), Buffer.from(behind)]));
        await this.until((a) => a.status && (a.status !== '101' || a.texts.length > 0 || a.close));
        if (this.answers.status !== '101') return;
        await this.write(Buffer.concat(send));
        if (expectations(this.c).close) await this.until((a) => a.close);
        else await this.askForMore();
        if (this.answers.close) await this.close();
    }
}

async function play(c, open) {
    const raw = await open();
    try {
        const player = new Player(c, raw);
        await player.play();
        check(c, player.answers, player.closed);
    } finally {
        raw.destroy();
    }
}

for (const [way, open] of Object.entries(WAYS))
    describe(way, { concurrency: AT_ONCE }, () => {
        for (const c of CASES) test(`${c.section} ${c.name}`, () => play(c, open));
    });
