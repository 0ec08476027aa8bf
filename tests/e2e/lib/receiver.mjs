// SPDX-License-Identifier: MIT
//
// A receiver of webhooks on a free port of loopback: npm-free Node, which knows nothing of our code. What was delivered
// is kept, and whoever waits for an event gets it in the order in which receivers see them.
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';
import https from 'node:https';
import { within } from './program.mjs';

export const SECRET = 'a secret of the tests, long enough';
const PATIENCE_MS = 15000;

// What its headers should say of this body.
export function signed(headers, body, secret = SECRET) {
    const mac = createHmac('sha256', secret).update(`${headers['x-usher-timestamp']}.`).update(body).digest('hex');
    return headers['x-usher-signature'] === `sha256=${mac}`;
}

export class Receiver {
    deliveries = []; // { id, time, headers, body, events, at }: every try that came whole
    #waiting = [];

    // answer(delivery, response): what it does with each; by default 204 at once.
    static async open({ answer = (_, response) => response.writeHead(204).end(), tls, path = '/hook' } = {}) {
        const receiver = new Receiver();
        receiver.answer = answer;
        receiver.server = tls ? https.createServer(tls) : http.createServer();
        receiver.server.on('request', (request, response) => receiver.#take(request, response));
        receiver.server.listen(0, '127.0.0.1').unref(); // a test that failed leaves it open
        await once(receiver.server, 'listening');
        receiver.port = receiver.server.address().port;
        receiver.url = `http${tls ? 's' : ''}://127.0.0.1:${receiver.port}${path}`;
        return receiver;
    }

    async #take(request, response) {
        const parts = [];
        for await (const part of request) parts.push(part);
        const body = Buffer.concat(parts);
        const { events, node, boot } = JSON.parse(body);
        const delivery = { id: request.headers['x-usher-delivery'], time: Number(request.headers['x-usher-timestamp']), method: request.method,
            path: request.url, headers: request.headers, body, events, node, boot, signed: signed(request.headers, body), at: Date.now() };
        this.deliveries.push(delivery);
        this.answer(delivery, response);
        this.#waiting = this.#waiting.filter(({ look, resolve }) => {
            const found = look();
            if (found) resolve(found);
            return !found;
        });
    }

    // All events, each delivery once, in the order in which it came first.
    get events() {
        const seen = new Set();
        return this.deliveries.flatMap(({ id, events }) => (seen.has(id) ? [] : (seen.add(id), events)));
    }

    // Resolves to what look() returns once that is something; it is called after each delivery.
    until(look, sentence = 'what was expected') {
        const found = look();
        if (found) return Promise.resolve(found);
        const came = new Promise((resolve) => this.#waiting.push({ look, resolve }));
        return within(PATIENCE_MS, came, () => `${sentence} did not come; there were ${JSON.stringify(this.events.slice(-20))}`);
    }

    // The first event like this.
    event(like) {
        return this.until(() => this.events.find((event) => Object.entries(like).every(([name, value]) => event[name] === value)), JSON.stringify(like));
    }

    async close() {
        this.server.closeAllConnections();
        await once(this.server.close(), 'close');
    }
}
