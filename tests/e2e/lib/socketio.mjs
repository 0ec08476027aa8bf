// SPDX-License-Identifier: MIT
//
// Strangers to our code: npm's socket.io-client as it is, and its packets by hand, over a WebSocket.
import { after } from 'node:test';
import { io } from 'socket.io-client';
import { Client } from './client.mjs';
import { within } from './daemon.mjs';

const PATIENCE_MS = 8000;

// What a test that failed leaves behind would come back for ever.
const made = new Set();
after(() => made.forEach(({ socket }) => socket.disconnect()));

// One socket.io-client; the events that it hears are kept until they are asked for, each name in its order.
export class Socket {
    #heard = [];
    #asking = [];

    constructor(daemon, options = {}) {
        const { namespace = '', ...others } = options;
        this.socket = io(`${daemon.http}${namespace}`, { forceNew: true, reconnectionDelay: 20, reconnectionDelayMax: 100, ...others });
        this.socket.onAny((...event) => this.#take(event));
        for (const name of ['connect', 'disconnect', 'connect_error']) this.socket.on(name, (...rest) => this.#take([name, ...rest]));
        made.add(this);
    }

    #take(event) {
        const i = this.#asking.findIndex(({ name }) => name === event[0]);
        if (i < 0) this.#heard.push(event);
        else this.#asking.splice(i, 1)[0].resolve(event.slice(1));
    }

    // The arguments of the next event of that name.
    async heard(name) {
        const i = this.#heard.findIndex(([first]) => first === name);
        if (i >= 0) return this.#heard.splice(i, 1)[0].slice(1);
        const next = new Promise((resolve) => this.#asking.push({ name, resolve }));
        return within(PATIENCE_MS, next, () => `${name} did not come, but ${JSON.stringify(this.#heard)}`);
    }

    async event(name) {
        return (await this.heard(name))[0];
    }

    // Whether no such event came: what the server says before its answer to a ping has come.
    async nothing(name) {
        await this.ask('ping');
        return !this.#heard.some(([first]) => first === name);
    }

    emit(...event) {
        this.socket.emit(...event);
    }

    // The acknowledgement.
    ask(...event) {
        return this.socket.timeout(PATIENCE_MS).emitWithAck(...event);
    }

    async join(roomId, more = {}) {
        this.emit('join-room', { roomId, ...more });
        return this.event('peers');
    }

    // Its connection breaks: no farewell is said.
    lose() {
        const { transport } = this.socket.io.engine;
        transport.ws._socket.destroy();
    }

    get id() {
        return this.socket.id;
    }

    async close() {
        made.delete(this);
        this.socket.disconnect();
    }
}

// Connected.
export async function connectSocket(daemon, options) {
    const socket = new Socket(daemon, options);
    await socket.heard('connect');
    return socket;
}

// A WebSocket whose packets the test writes; its handshake was read.
export async function openPackets(daemon) {
    const packets = new Client(`ws://127.0.0.1:${daemon.port}/socket.io/?EIO=4&transport=websocket`, {}, []);
    packets.handshake = await packets.text();
    return packets;
}

// CONNECT was answered too.
export async function connectPackets(daemon) {
    const packets = await openPackets(daemon);
    packets.send('40');
    packets.connected = await packets.text();
    return packets;
}
