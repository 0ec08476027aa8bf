// SPDX-License-Identifier: MIT
//
// The WebSocket to the daemon. When to connect, to which server and when again is the core's to decide.

const PROTOCOL = 'usher.v1';
const DONE = 1000;
const MOVED = 4000; // any but 1000 and 1001 keeps the seat, for another server of the cluster or for the way back

/** @typedef {{ open(): void, frame(text: string): void, closed(code: number, why: string): void }} SignalingEvents */

export class Signaling {
    /** @type {WebSocket | null} */
    #socket = null;
    #urls;
    #events;

    /**
     * @param {string[]} urls
     * @param {SignalingEvents} events
     */
    constructor(urls, events) {
        this.#urls = urls;
        this.#events = events;
    }

    /** @param {number} server */
    connect(server) {
        this.#drop(MOVED);
        let socket;
        try {
            socket = new WebSocket(this.#urls[server], PROTOCOL);
        } catch (error) {
            this.#events.closed(0, String(error));
            return;
        }
        this.#socket = socket;
        const events = this.#events;
        const mine = () => this.#socket === socket;
        socket.onopen = () => mine() && events.open();
        socket.onmessage = ({ data }) => mine() && typeof data === 'string' && events.frame(data);
        socket.onclose = ({ code, reason }) => {
            if (!mine()) return;
            this.#socket = null;
            // 1005 and 1006 were never on the wire
            events.closed(code === 1005 || code === 1006 ? 0 : code, reason || `no connection with ${this.#urls[server]}`);
        };
    }

    /** @param {string} frame */
    send(frame) {
        if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(frame);
    }

    /** What is queued is still sent. */
    disconnect() {
        this.#drop(DONE);
    }

    /** @param {number} code */
    #drop(code) {
        const socket = this.#socket;
        this.#socket = null;
        socket?.close(code);
    }
}

/**
 * A server's address as people give it, as the WebSocket's: http is ws, https is wss, and /ws is where no path is named.
 * @param {string | undefined} given
 * @returns {string | null} null: it is none
 */
export function serverUrl(given) {
    const base = globalThis.location?.href;
    let url;
    try {
        url = new URL(given ?? '/ws', base);
    } catch {
        return null;
    }
    const scheme = { 'ws:': 'ws:', 'wss:': 'wss:', 'http:': 'ws:', 'https:': 'wss:' }[url.protocol];
    if (!scheme) return null;
    return `${scheme}//${url.host}${url.pathname === '/' ? '/ws' : url.pathname}`;
}
