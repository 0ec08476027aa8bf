// SPDX-License-Identifier: MIT
//
// A client of Engine.IO 4 that does nothing by itself: each poll, POST and WebSocket is asked for.
import http from 'node:http';
import https from 'node:https';
import { once } from 'node:events';
import { Client } from './client.mjs';
import { within } from './daemon.mjs';

const PATIENCE_MS = 8000;
export const SEPARATOR = '\x1e';

// Its handshake is done.
export const opened = (ws) => within(PATIENCE_MS, Promise.race([once(ws.ws, 'open'), ws.failed.then((e) => Promise.reject(e))]), 'no WebSocket');

export class EngineIo {
    // ca: the daemon's way is TLS.
    constructor({ port, host = '127.0.0.1' }, ca) {
        Object.assign(this, { port, host, ca });
    }

    // { status, headers, text } of a request with that query. signal: an AbortController's.
    ask(method, query, { body, headers = {}, signal, path = '/socket.io/' } = {}) {
        const options = { host: this.host, port: this.port, path: `${path}?${query}`, method, headers, signal, agent: false };
        const answer = new Promise((resolve, reject) => {
            const request = (this.ca ? https : http).request({ ...options, ca: this.ca }, (response) => {
                let text = '';
                response.setEncoding('utf8').on('data', (more) => (text += more)).on('error', reject);
                response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, text }));
            });
            request.on('error', reject).end(body);
        });
        return within(PATIENCE_MS, answer, () => `no answer to ${method} ${query}`);
    }

    // A session that polls.
    async open(options) {
        const { status, text } = await this.ask('GET', 'EIO=4&transport=polling', options);
        if (status !== 200) throw Object.assign(new Error(`${status}: ${text}`), { status });
        return new Session(this, JSON.parse(text.slice(1)));
    }

    // A WebSocket with that query; ws.text() is its next message, ws.closed its end.
    socket(query) {
        const scheme = this.ca ? 'wss' : 'ws';
        return new Client(`${scheme}://${this.host}:${this.port}/socket.io/?${query}`, { ca: this.ca }, []);
    }

    // One that is open, behind its open packet, which is in `settings`.
    async openSocket() {
        const ws = this.socket('EIO=4&transport=websocket');
        ws.settings = JSON.parse((await ws.text()).slice(1));
        return ws;
    }
}

export class Session {
    constructor(engine, settings) {
        this.engine = engine;
        this.settings = settings;
        this.query = `EIO=4&transport=polling&sid=${settings.sid}`;
        this.rest = [];
    }

    poll(options) {
        return this.engine.ask('GET', this.query, options);
    }

    post(body, options) {
        return this.engine.ask('POST', this.query, { ...options, body });
    }

    // What it says is taken.
    async say(packet) {
        const { status, text } = await this.post(packet);
        if (status !== 200 || text !== 'ok') throw new Error(`${packet} was answered ${status} ${text}`);
    }

    // The next packet that is no ping; those are answered.
    async next() {
        for (;;) {
            while (this.rest.length === 0) {
                const { status, text } = await this.poll();
                if (status !== 200) throw new Error(`a poll was answered ${status} ${text}`);
                this.rest = text.split(SEPARATOR);
            }
            const packet = this.rest.shift();
            if (packet !== '2') return packet;
            await this.say('3');
        }
    }

    // A WebSocket that has its name, and says nothing yet.
    socket() {
        return this.engine.socket(`EIO=4&transport=websocket&sid=${this.settings.sid}`);
    }

    // It goes on with a WebSocket, as a client does that has no request under way.
    async upgrade() {
        const ws = this.socket();
        await opened(ws);
        ws.send('2probe');
        const answer = await ws.text();
        if (answer !== '3probe') throw new Error(`the probe was answered ${answer}`);
        ws.send('5');
        return ws;
    }

    // Until a packet for it is refused: it has ended.
    async ended() {
        const deadline = Date.now() + PATIENCE_MS;
        for (;;) {
            const { status, text } = await this.post('3');
            if (status === 400) return JSON.parse(text);
            if (Date.now() > deadline) throw new Error('the session goes on');
        }
    }
}
