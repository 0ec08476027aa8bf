// SPDX-License-Identifier: MIT
//
// A bare TCP connection for what no well-behaved library would send: garbage, halves of handshakes, frames in pieces.
import net from 'node:net';
import { once } from 'node:events';
import { within } from './daemon.mjs';

const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';

export class Raw {
    // To a port of loopback, to the path of a unix socket, or over a socket that is there.
    constructor(to) {
        if (to instanceof net.Socket) this.socket = to;
        else this.socket = typeof to === 'string' ? net.connect(to) : net.connect(to, '127.0.0.1');
        this.received = Buffer.alloc(0);
        this.ended = new Promise((resolve) => this.socket.on('close', resolve));
        this.socket.on('error', () => {});
        this.socket.on('data', (bytes) => {
            this.received = Buffer.concat([this.received, bytes]);
            this.socket.emit('more');
        });
    }

    async write(bytes) {
        if (!this.socket.write(bytes)) await Promise.race([once(this.socket, 'drain'), this.ended]);
    }

    // Resolves when what was received matches.
    async until(pattern, ms = 8000) {
        const wait = async () => {
            while (!pattern.test(this.received.toString('latin1'))) {
                const more = await Promise.race([once(this.socket, 'more'), this.ended.then(() => null)]);
                if (!more && !pattern.test(this.received.toString('latin1'))) throw new Error('closed before it came');
            }
        };
        await within(ms, wait(), () => `${pattern} did not come: ${this.received.toString('latin1').slice(0, 500)}`);
    }

    end(ms = 8000) {
        return within(ms, this.ended, 'the connection did not close in time');
    }

    destroy() {
        this.socket.destroy();
    }
}

export function handshake(path = '/ws', headers = {}) {
    const all = {
        Host: 'localhost',
        Upgrade: 'websocket',
        Connection: 'Upgrade',
        'Sec-WebSocket-Key': KEY,
        'Sec-WebSocket-Version': '13',
        ...headers,
    };
    const lines = Object.entries(all).filter(([, value]) => value !== undefined);
    return `GET ${path} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`;
}

// An open WebSocket whose frames are ours to make.
export async function openRaw(port) {
    const raw = new Raw(port);
    await raw.write(handshake());
    await raw.until(/"type":"welcome"/);
    return raw;
}

// A client's frame (RFC 6455 section 5.2), masked with zeros.
export function frame(opcode, payload = '', final = true) {
    const body = Buffer.from(payload);
    const first = (final ? 0x80 : 0) | opcode;
    let head;
    if (body.length < 126) head = Buffer.from([first, 0x80 | body.length]);
    else if (body.length < 65536) head = Buffer.from([first, 0xfe, body.length >> 8, body.length & 0xff]);
    else {
        head = Buffer.alloc(10);
        head[0] = first;
        head[1] = 0xff;
        head.writeBigUInt64BE(BigInt(body.length), 2);
    }
    return Buffer.concat([head, Buffer.alloc(4), body]);
}

export const TEXT = 0x1;
export const CONTINUATION = 0x0;
export const BINARY = 0x2;
