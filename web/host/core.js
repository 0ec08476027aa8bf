// SPDX-License-Identifier: MIT
//
// An instance of the core: a call goes in with its bytes, effects come out as calls of handlers. A step is never entered twice:
// what comes while one runs waits for its end. Handlers may throw; the core does not hear of it. A panic or a trap ends the
// instance for good: nothing is called any more, and `onPanic` is told once.
import { UsherError, sentence } from './errors.js';

// The arguments of each effect: n a number, b a truth, t a text, B bytes (copied). web/core/host.h has the names.
const EFFECTS = {
    connect: 'n', disconnect: '', probe: 'nn', signal: 't', ice_servers: 't', deadline: 'n',
    rtc_new: 'n', rtc_offer: 'nb', rtc_remote: 'ntt', rtc_candidate: 'nt', rtc_send: 'nnbbB', rtc_channel: 'nt', rtc_free: 'n',
    put: 'ntB', delete: 'nt', commit: 'n', load: 'nnttnb', remember: 'tt',
    file_open: 'nt', file_give: 'nnnntnnn', file_read: 'nnnnn', file_close: 'nb',
    part_open: 'nnttBb', part_hashes: 'nB', part_write: 'nnnB', part_verified: 'nn', part_finish: 'n',
    notice: 't', log: 'nt',
};

/** @typedef {Record<string, (...args: any[]) => void>} Effects */

const RANDOM_AT_ONCE = 65536; // what crypto.getRandomValues gives

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/**
 * @param {string | URL} url
 * @returns {Promise<WebAssembly.Module>}
 */
async function compile(url) {
    if (typeof WebAssembly !== 'object')
        throw new UsherError('no-webassembly', 'this browser has no WebAssembly, or it is switched off: use a newer one, or allow it');
    let response;
    try {
        response = await fetch(url);
    } catch (error) {
        throw new UsherError('not-loaded', `the program could not be loaded: ${sentence(error)}`);
    }
    if (!response.ok) throw new UsherError('not-loaded', `the program could not be loaded: the server answers ${response.status} for ${url}`);
    try {
        return await WebAssembly.compile(await response.arrayBuffer());
    } catch (error) {
        throw new UsherError('no-webassembly', `this browser does not take the program: ${sentence(error)}`);
    }
}

/** @type {Map<string, Promise<WebAssembly.Module>>} */
const compiled = new Map();

/**
 * The module of an address, compiled once.
 * @param {string | URL} url
 */
export function loadModule(url) {
    const key = String(url);
    let module = compiled.get(key);
    if (!module) {
        module = compile(url);
        compiled.set(key, module);
        module.catch(() => compiled.delete(key)); // the next try may find it
    }
    return module;
}

export class Core {
    /** @type {any} */
    #wasm;
    #memory = new Uint8Array(0);
    #stepping = false;
    #dead = false;
    /** @type {(() => void)[]} */
    #waiting = [];
    #effects;
    #now;
    #onPanic;
    #afterSteps;

    /**
     * @param {WebAssembly.Module} module
     * @param {{ effects: Effects, now: () => number, onPanic: (error: UsherError) => void, afterSteps: () => void }} host
     */
    constructor(module, { effects, now, onPanic, afterSteps }) {
        this.#effects = effects;
        this.#now = now;
        this.#onPanic = onPanic;
        this.#afterSteps = afterSteps;
        const none = () => 8; // EBADF: there is nothing to write to
        const instance = new WebAssembly.Instance(module, {
            host: this.#imports(),
            wasi_snapshot_preview1: { fd_write: none, fd_close: none, fd_seek: none },
        });
        this.#wasm = instance.exports;
        this.#wasm._initialize();
    }

    get dead() {
        return this.#dead;
    }

    #imports() {
        /** @type {Record<string, Function>} */
        const imports = {
            panic: (/** @type {number} */ p, /** @type {number} */ n) => {
                throw new UsherError('panic', `the program ended by a fault of its own: ${this.#text(p, n)}`);
            },
            random: (/** @type {number} */ p, /** @type {number} */ n) => {
                const bytes = this.#view().subarray(p, p + n);
                for (let at = 0; at < n; at += RANDOM_AT_ONCE) crypto.getRandomValues(bytes.subarray(at, Math.min(n, at + RANDOM_AT_ONCE)));
            },
        };
        for (const [name, kinds] of Object.entries(EFFECTS)) imports[name] = this.#import(name, kinds);
        return imports;
    }

    /**
     * @param {string} name
     * @param {string} kinds
     */
    #import(name, kinds) {
        return (/** @type {number[]} */ ...raw) => {
            let at = 0;
            const args = Array.from(kinds, (kind) => {
                const value = raw[at++];
                if (kind === 'n') return value;
                if (kind === 'b') return value !== 0;
                const n = raw[at++];
                return kind === 't' ? this.#text(value, n) : this.#view().slice(value, value + n);
            });
            try {
                this.#effects[name](...args);
            } catch (error) {
                console.error(error); // nothing may unwind the core's frames
            }
        };
    }

    /** Made again when the memory has grown. */
    #view() {
        if (this.#memory.length === 0) this.#memory = new Uint8Array(this.#wasm.memory.buffer);
        return this.#memory;
    }

    /**
     * @param {number} p
     * @param {number} n
     */
    #text(p, n) {
        return decoder.decode(this.#view().subarray(p, p + n));
    }

    /**
     * Texts and bytes are put into the module's room, one behind the other, and become pointer and length.
     * @param {(string | number | boolean | Uint8Array)[]} args
     */
    #put(args) {
        const bytes = args.map((a) => (typeof a === 'string' ? encoder.encode(a) : a));
        const all = bytes.reduce((/** @type {number} */ sum, a) => sum + (a instanceof Uint8Array ? a.length : 0), 0);
        let at = all > 0 ? this.#wasm.web_room(all) >>> 0 : 0;
        return bytes.flatMap((a) => {
            if (!(a instanceof Uint8Array)) return [Number(a)];
            this.#view().set(a, at);
            at += a.length;
            return [at - a.length, a.length];
        });
    }

    /**
     * @param {string} name
     * @param {(string | number | boolean | Uint8Array)[]} args
     */
    #run(name, args) {
        try {
            this.#wasm.web_clock(this.#now(), Date.now());
            return this.#wasm[name](...this.#put(args));
        } catch (error) {
            this.#dead = true;
            this.#waiting = [];
            this.#onPanic(error instanceof UsherError ? error : new UsherError('panic', `the program ended by a fault of its own: ${sentence(error)}`));
            throw error;
        }
    }

    /**
     * A question, or a call that makes no step. Not from within an effect.
     * @param {string} name
     * @param {(string | number | boolean | Uint8Array)[]} args
     * @returns {any}
     */
    ask(name, ...args) {
        if (this.#dead) throw new UsherError('ended', 'this peer has ended');
        if (this.#stepping) throw new Error(`${name} was asked from within a step`);
        return this.#run(name, args);
    }

    /**
     * The text that a call answers with; null: it has none.
     * @param {string} name
     * @param {(string | number | boolean | Uint8Array)[]} args
     * @returns {string | null}
     */
    askText(name, ...args) {
        const p = this.ask(name, ...args) >>> 0;
        return p === 0 ? null : this.#text(p, this.#view().indexOf(0, p) - p);
    }

    /**
     * Bytes at an address that a call answered with, copied.
     * @param {number} p
     * @param {number} n
     */
    bytes(p, n) {
        return this.#view().slice(p >>> 0, (p >>> 0) + n);
    }

    /**
     * Something happened: at once, or behind the step that runs.
     * @param {string} name
     * @param {(string | number | boolean | Uint8Array)[]} args
     */
    event(name, ...args) {
        this.step(() => this.#run(name, args));
    }

    /**
     * A step that its caller makes by `run`, which may be called once.
     * @param {() => void} run
     */
    step(run) {
        if (this.#dead) return;
        this.#waiting.push(run);
        if (this.#stepping) return;
        this.#stepping = true;
        try {
            for (let next = this.#waiting.shift(); next && !this.#dead; next = this.#waiting.shift()) next();
        } catch {
            // #run has told of it
        } finally {
            this.#stepping = false;
        }
        this.#afterSteps();
    }

    /**
     * A command of the application. Null, or one sentence that says what is wrong with it.
     * @param {object} command
     * @returns {string | null}
     */
    command(command) {
        /** @type {string | null} */
        let problem = null;
        this.step(() => {
            const p = this.#run('web_do', [JSON.stringify(command)]) >>> 0;
            if (p !== 0) problem = this.#text(p, this.#view().indexOf(0, p) - p);
        });
        return problem;
    }
}
