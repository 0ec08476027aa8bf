// SPDX-License-Identifier: MIT
//
// A real redis-server with a directory of its own, on a unix socket and a free port of loopback; and one that speaks RESP
// and answers what a test wants.
import net from 'node:net';
import { once } from 'node:events';
import path from 'node:path';
import { scratch } from './peer.mjs';
import { freePorts, startProgram } from './program.mjs';

// A Program with { port, socket, url, unix }. more: further arguments; at: { dir, port } of one that ended, to take its place.
export async function startRedis(more = [], at) {
    const dir = at?.dir ?? await scratch();
    const port = at?.port ?? (await freePorts(1))[0];
    const socket = path.join(dir, 'redis.sock');
    const redis = startProgram('redis-server', [
        '--port', port, '--bind', '127.0.0.1', '--unixsocket', socket, '--dir', dir, '--save', '', '--appendonly', 'no', ...more,
    ], { dir });
    await redis.logged(/now ready to accept connections at /);
    return Object.assign(redis, { dir, port, socket, url: `redis://127.0.0.1:${port}`, unix: `unix:${socket}` });
}

const CRLF = Buffer.from('\r\n');

// Takes one command, an array of bulk strings, off the bytes: [words, rest], or null if it is not whole.
function take(bytes) {
    let at = 0;
    const line = () => {
        const end = bytes.indexOf(CRLF, at);
        if (end < 0) return null;
        const text = bytes.toString('latin1', at, end);
        at = end + 2;
        return text;
    };
    const head = line();
    if (head === null) return null;
    const words = [];
    for (let n = Number(head.slice(1)); n > 0; n--) {
        const size = line();
        if (size === null || bytes.length < at + Number(size.slice(1)) + 2) return null;
        words.push(bytes.toString('latin1', at, at + Number(size.slice(1))));
        at += Number(size.slice(1)) + 2;
    }
    return [words, bytes.subarray(at)];
}

// Commands sent and answers read over a connection of the test's own: strings, numbers, null, arrays; an error throws.
export class RedisClient {
    #socket;
    #waiting = [];
    #bytes = Buffer.alloc(0);

    constructor(socket) {
        this.#socket = net.connect(socket);
        this.#socket.on('data', (more) => {
            this.#bytes = Buffer.concat([this.#bytes, more]);
            for (let one; this.#waiting.length > 0 && (one = this.#read(0)); this.#bytes = this.#bytes.subarray(one[1])) {
                const { resolve, reject } = this.#waiting.shift();
                if (one[0] instanceof Error) reject(one[0]);
                else resolve(one[0]);
            }
        });
        const lost = () => this.#waiting.splice(0).forEach(({ reject }) => reject(new Error('Redis closed the connection')));
        this.#socket.on('error', lost).on('close', lost);
    }

    // [value, where it ends], or null if it is not whole.
    #read(from) {
        const end = this.#bytes.indexOf(CRLF, from);
        if (end < 0) return null;
        const [kind, rest] = [String.fromCharCode(this.#bytes[from]), this.#bytes.toString('utf8', from + 1, end)];
        let at = end + 2;
        if (kind === '+') return [rest, at];
        if (kind === '-') return [new Error(rest), at];
        if (kind === ':') return [Number(rest), at];
        if (rest === '-1') return [null, at];
        if (kind === '$')
            return this.#bytes.length < at + Number(rest) + 2 ? null : [this.#bytes.toString('utf8', at, at + Number(rest)), at + Number(rest) + 2];
        const all = [];
        for (let n = Number(rest); n > 0; n--) {
            const one = this.#read(at);
            if (!one) return null;
            all.push(one[0]);
            at = one[1];
        }
        return [all, at];
    }

    do(...words) {
        const answer = new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
        this.#socket.write(`*${words.length}\r\n${words.map((w) => `$${Buffer.byteLength(String(w))}\r\n${w}\r\n`).join('')}`);
        return answer;
    }

    end() {
        this.#socket.destroy();
    }
}

// A bad Redis: answer(words) gives the answer's bytes as they go out, undefined for what a good one says to a client that comes
// in, or null for none at all. { port, url, sockets, close() }.
export async function startFakeRedis(answer) {
    const sockets = new Set();
    let loaded = 0;
    const usual = ([word, next]) => {
        switch (word.toUpperCase()) {
            case 'PING': return '+PONG\r\n';
            case 'SCRIPT': return `$40\r\n${String(++loaded).padStart(40, '0')}\r\n`;
            case 'SUBSCRIBE': return `*3\r\n$9\r\nsubscribe\r\n$${next.length}\r\n${next}\r\n:1\r\n`;
            default: return '-ERR what?\r\n';
        }
    };
    const server = net.createServer((socket) => {
        let bytes = Buffer.alloc(0);
        sockets.add(socket);
        socket.on('error', () => {}).on('close', () => sockets.delete(socket));
        socket.on('data', (more) => {
            bytes = Buffer.concat([bytes, more]);
            for (let one; (one = take(bytes)); bytes = one[1]) {
                const said = answer(one[0], socket);
                if (said !== null) socket.write(said ?? usual(one[0]));
            }
        });
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address();
    return {
        port, url: `redis://127.0.0.1:${port}`, sockets,
        close() {
            server.close();
            for (const socket of sockets) socket.destroy();
        },
    };
}
