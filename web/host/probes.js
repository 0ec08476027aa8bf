// SPDX-License-Identifier: MIT
//
// Whether servers are of use, and how far they are: /health, timed, then a WebSocket of its own that hears the welcome and ends. The core asks, and decides.

const PROTOCOL = 'usher.v1';
const PATIENCE_MS = 3500; // for one server
const HEALTH_MAX = 4096;
const CLUSTER_MAX = 64; // bytes, as protocol/limits.h has it

/** The address of /health beside a WebSocket's. @param {string} url */
export function healthUrl(url) {
    const health = new URL('health', url);
    health.protocol = health.protocol === 'wss:' ? 'https:' : 'http:';
    return health.href;
}

/** @param {string} url @param {AbortSignal} signal @returns {Promise<number>} milliseconds, rounded up */
async function sample(url, signal) {
    const began = performance.now();
    const answer = await fetch(url, { cache: 'no-store', credentials: 'omit', redirect: 'error', referrerPolicy: 'no-referrer', signal });
    const text = await answer.text();
    if (!answer.ok || text.length > HEALTH_MAX || JSON.parse(text).status !== 'ok') throw new Error('it is not well');
    return Math.ceil(performance.now() - began) || 1;
}

/** The cluster that its welcome names; "": none. @param {string} url @param {AbortSignal} signal @returns {Promise<string>} */
function welcome(url, signal) {
    return new Promise((resolve, reject) => {
        const socket = new WebSocket(url, PROTOCOL);
        const end = (/** @type {() => void} */ settle) => {
            socket.onmessage = socket.onclose = null;
            socket.close(1000);
            settle();
        };
        signal.addEventListener('abort', () => end(() => reject(signal.reason)));
        socket.onclose = () => end(() => reject(new Error('no connection')));
        socket.onmessage = ({ data }) => end(() => {
            try {
                const { type, cluster } = JSON.parse(data);
                if (type !== 'welcome') throw new Error('no welcome');
                const known = typeof cluster === 'string' && new TextEncoder().encode(cluster).length <= CLUSTER_MAX;
                resolve(known ? cluster : '');
            } catch (error) {
                reject(error);
            }
        });
    });
}

export class Probes {
    #urls;
    #answer;
    #ended = new AbortController();

    /**
     * @param {string[]} urls
     * @param {(server: number, ms: number, cluster: string) => void} answer once for each that was asked; 0 ms: the server is of no use now
     */
    constructor(urls, answer) {
        this.#urls = urls;
        this.#answer = answer;
    }

    /** @param {number} server @param {number} samples */
    ask(server, samples) {
        this.#probe(this.#urls[server], samples).then(
            ({ ms, cluster }) => this.#tell(server, ms, cluster),
            () => this.#tell(server, 0, ''));
    }

    end() {
        this.#ended.abort(new Error('it has ended'));
    }

    /** @param {number} server @param {number} ms @param {string} cluster */
    #tell(server, ms, cluster) {
        if (!this.#ended.signal.aborted) this.#answer(server, ms, cluster);
    }

    /** @param {string} url @param {number} samples */
    async #probe(url, samples) {
        const late = new AbortController();
        const abort = () => late.abort(new Error('it takes too long'));
        const timer = setTimeout(abort, PATIENCE_MS);
        this.#ended.signal.addEventListener('abort', abort, { once: true });
        try {
            let ms = Infinity;
            for (let i = 0; i < samples; i++) ms = Math.min(ms, await sample(healthUrl(url), late.signal));
            return { ms, cluster: await welcome(url, late.signal) };
        } finally {
            clearTimeout(timer);
            this.#ended.signal.removeEventListener('abort', abort);
        }
    }
}
