// SPDX-License-Identifier: MIT
//
// A client of STUN (RFC 8489) over UDP whose datagrams are the test's to make.
import crypto from 'node:crypto';
import dgram from 'node:dgram';
import { once } from 'node:events';
import net from 'node:net';
import { within } from './daemon.mjs';

const COOKIE = Buffer.from('2112a442', 'hex');

const attribute = (type, value) => {
    const head = Buffer.alloc(4);
    head.writeUInt16BE(type, 0);
    head.writeUInt16BE(value.length, 2);
    return Buffer.concat([head, value, Buffer.alloc(-value.length & 3)]);
};

// A binding request; attributes: [type, value] each.
export function request(attributes = [], { transaction = crypto.randomBytes(12) } = {}) {
    const body = Buffer.concat(attributes.map(([type, value]) => attribute(type, Buffer.from(value))));
    const head = Buffer.from([0, 1, body.length >> 8, body.length & 255]);
    return Buffer.concat([head, COOKIE, transaction, body]);
}

// The address in XOR-MAPPED-ADDRESS, the only attribute that an answer has, as `ADDRESS PORT`.
export function mapped(answer) {
    const [family, bytes] = [answer[25], Buffer.from(answer.subarray(28))];
    for (let i = 0; i < bytes.length; i++) bytes[i] ^= answer[4 + i];
    const address = family === 1 ? bytes.join('.') : [...bytes.toString('hex').matchAll(/.{4}/g)].join(':');
    return `${address} ${answer.readUInt16BE(26) ^ 0x2112}`;
}

export class StunClient {
    #arrived = [];
    #asking = [];

    // At this address of loopback, on a free port, of which answers are taken from the server's address only.
    static async open(address, server, port) {
        const client = new StunClient();
        client.socket = dgram.createSocket(net.isIPv6(address) ? 'udp6' : 'udp4');
        client.socket.on('message', (bytes) => {
            client.#arrived.push(bytes);
            client.#asking.shift()?.(client.#arrived.shift());
        });
        client.socket.bind(0, address);
        await once(client.socket, 'listening');
        client.socket.connect(port, server);
        await once(client.socket, 'connect');
        client.port = client.socket.address().port;
        return client;
    }

    // Resolves once the kernel has it, which on loopback is in the server's queue.
    send(bytes) {
        return new Promise((resolve, reject) => this.socket.send(bytes, (error) => (error ? reject(error) : resolve())));
    }

    next() {
        if (this.#arrived.length > 0) return Promise.resolve(this.#arrived.shift());
        return within(8000, new Promise((resolve) => this.#asking.push(resolve)), 'no answer came in time');
    }

    get waiting() {
        return this.#arrived.length;
    }

    // Answers come in the order of their requests: the first is that to this one, unless one before was answered.
    async ask(bytes = request()) {
        await this.send(bytes);
        return this.next();
    }

    close() {
        this.socket.close();
    }
}
