// SPDX-License-Identifier: MIT
//
// A stranger to our code: npm's ws as a client of the native dialect. What arrives is kept until it is asked for, in
// order, so that no test depends on who is faster.
import WebSocket from 'ws';
import { within } from './daemon.mjs';

const PATIENCE_MS = 8000;

export class Client {
    #arrived = [];
    #asking = [];

    constructor(url, options = {}, protocols = 'usher.v1') {
        this.ws = new WebSocket(url, protocols, { perMessageDeflate: false, ...options });
        this.ws.on('message', (data, binary) => this.#take(binary ? data : data.toString('utf8')));
        this.closed = new Promise((resolve) =>
            this.ws.on('close', (code, reason) => resolve({ code, reason: reason.toString() })));
        this.closed.then(() => this.#fail());
        this.failed = new Promise((resolve) => this.ws.on('error', resolve));
    }

    #take(text) {
        this.#arrived.push(text);
        if (this.#asking.length > 0) this.#asking.shift().resolve(this.#arrived.shift());
    }

    #fail() {
        for (const { reject } of this.#asking.splice(0)) reject(new Error('the connection is closed'));
    }

    // The next message as text.
    text() {
        if (this.#arrived.length > 0) return Promise.resolve(this.#arrived.shift());
        const next = new Promise((resolve, reject) => this.#asking.push({ resolve, reject }));
        return within(PATIENCE_MS, next, 'no message came in time');
    }

    async next() {
        return JSON.parse(await this.text());
    }

    send(message) {
        this.ws.send(typeof message === 'string' ? message : JSON.stringify(message));
    }

    async ask(message) {
        this.send(message);
        return this.next();
    }

    // Proves that the server serves this connection, and that nothing else was on its way to it.
    async alive() {
        const ref = `r${Math.random()}`;
        const answer = await this.ask({ type: 'ping', ref });
        if (answer.type !== 'pong' || answer.ref !== ref) throw new Error(`not a pong: ${JSON.stringify(answer)}`);
    }

    async join(roomId, more = {}) {
        const answer = await this.ask({ type: 'join-room', roomId, ...more });
        if (answer.type !== 'peers') throw new Error(`not peers: ${JSON.stringify(answer)}`);
        this.peerId = answer.peerId;
        return answer;
    }

    close(code, reason) {
        this.ws.close(code, reason);
        return this.end();
    }

    end() {
        return within(PATIENCE_MS, this.closed, 'the connection did not close in time');
    }

    destroy() {
        this.ws.terminate();
    }
}

// Connected and welcomed.
export async function connect(url, options, protocols) {
    const client = new Client(url, options, protocols);
    const refused = client.failed.then((error) => Promise.reject(error));
    client.welcome = JSON.parse(await Promise.race([client.text(), refused]));
    if (client.welcome.type !== 'welcome') throw new Error(`not a welcome: ${JSON.stringify(client.welcome)}`);
    return client;
}

// Two members of one room, with nothing left unread.
export async function pair(url, roomId) {
    const a = await connect(url);
    const b = await connect(url);
    await a.join(roomId);
    await b.join(roomId);
    await a.next();
    return [a, b];
}
