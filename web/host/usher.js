// SPDX-License-Identifier: MIT
//
// A person in a room, in a browser: the core of `usher` as WebAssembly, and this page's WebSocket, RTCPeerConnections and
// IndexedDB. Events are those of `usher pipe` (usher(1)), as CustomEvents whose detail has the members.
//
//     const peer = await Usher.open({ room: 'demo', name: 'Ann' });
//     peer.addEventListener('message', ({ detail }) => console.log(detail.from, detail.text));
//     const sent = await peer.send('hello');
//     await sent.delivered;
import { Core, loadModule } from './core.js';
import { Alarm, now } from './clock.js';
import { UsherError, sentence } from './errors.js';
import { detailOf } from './events.js';
import { Files } from './files.js';
import { Links } from './links.js';
import { takeLock } from './lock.js';
import { Probes } from './probes.js';
import { Signaling, serverUrl } from './signaling.js';
import { STORES, Store } from './store.js';

export { UsherError };

const KEYS_BYTES = 64; // the private keys of an identity: Ed25519, then X25519
const HISTORY_LIMIT = 100;
const CLOSE_MS = 3000; // that a close waits for what is to be written
const REF_BYTES = 16;

/**
 * @typedef {{
 *     server?: string | string[], room?: string, code?: string, name?: string, password?: string, token?: string,
 *     state?: string, takeOver?: boolean, wasm?: string | URL | WebAssembly.Module, faults?: { noLink?: string, tamper?: boolean }
 * }} Options
 *   server: the daemon's address (ws, wss, http or https), or several, the first that works first; else where the page came from.
 *   room, or code: one of the two. state: which identity and history of this browser; else one of the room's own.
 *   takeOver: another tab that has that state ends. wasm: where usher.wasm is, if not beside this module. faults: for tests: a person with whom no
 *   link is made; what is sealed is sent with a wrong byte.
 * @typedef {{ id: string, name: string, state: 'up' | 'down', path?: string, verified: boolean, inRoom: boolean, rttMs: number }} Person
 * @typedef {{ id: string, from: string, to: string[], text: string, conversation: string, type: string, timestamp: number, attachments?: object[] }} Message
 * @typedef {{ id: string, delivered: Promise<string[]> }} Sent delivered: the ids of all readers; or an error with `to`, those who did
 *   not get it, `names`, and a code that is the reason.
 * @typedef {{ code: string, message: string }} Ending
 */

/** @param {number} n */
const randomText = (n) => Array.from(crypto.getRandomValues(new Uint8Array(n)), (b) => b.toString(16).padStart(2, '0')).join('');

/** @param {Options['wasm']} wasm */
const moduleOf = (wasm) => (wasm instanceof WebAssembly.Module ? Promise.resolve(wasm) : loadModule(wasm ?? Usher.PATHS.wasm));

/** A promise and what settles it; one that nobody looks at may fail. @template T */
class Later {
    constructor() {
        /** @type {(value: T) => void} */
        this.resolve = () => {};
        /** @type {(error: Error) => void} */
        this.reject = () => {};
        /** @type {Promise<T>} */
        this.promise = new Promise((resolve, reject) => {
            this.resolve = resolve;
            this.reject = reject;
        });
        this.promise.catch(() => {});
    }
}

export class Usher extends EventTarget {
    /** Where the program is. */
    static PATHS = { wasm: new URL('./usher.wasm', import.meta.url) };

    /** @type {Core} */
    #core;
    /** @type {Store} */
    #store;
    /** @type {Signaling} */
    #signaling;
    /** @type {Probes} */
    #probes;
    /** @type {Links} */
    #links;
    /** @type {Files} */
    #files;
    /** @type {Alarm} */
    #alarm;
    /** @type {import('./lock.js').Lock | null} */
    #lock = null;
    /** @type {import('./events.js').Notice[]} */
    #notices = [];
    #opened = false;
    #delivering = false;
    #leaving = false;
    /** @type {Ending | null} */
    #end = null;
    /** @type {Later<Ending>} */
    #ended = new Later();
    /** @type {Later<void>} */
    #left = new Later();
    /** @type {Map<string, Later<any>>} by ref: what was asked for and is not answered */
    #asked = new Map();
    /** @type {Map<string, { waiting: Set<string>, by: string[], later: Later<string[]> }>} by id: messages of ours */
    #sent = new Map();
    /** @type {Map<string, Later<File>>} by fileId: those that we receive */
    #receiving = new Map();
    /** @type {Set<string>} fileIds that were accepted and are not there, over reloads */
    #accepted = new Set();
    /** @type {Map<number, RTCDataChannel[]>} by connection: channels of somebody who is not verified yet */
    #early = new Map();
    #onNetwork = () => this.#core.event('web_network');

    /** What this browser knows of the person whom it is. */
    id = '';
    name = '';
    room = '';
    /** Of the code that was given, as it is written; empty: none was. */
    code = '';

    /**
     * Joins a room, and goes on joining it for ever. Rejects with an UsherError: `bad-options`, `in-use`, `no-storage`, `no-webassembly`,
     * `no-webrtc`, `not-loaded`. What the server refuses comes as an `error` event, and as `ended` if it is final.
     * @param {Options} options
     */
    static async open(options) {
        const peer = new Usher();
        try {
            await peer.#open(options);
        } catch (error) {
            peer.#release();
            throw error instanceof UsherError ? error : new UsherError('failed', sentence(error));
        }
        return peer;
    }

    /**
     * A code as people type it: as it is written, and the room that it leads to. Without one: a new code. Rejects with `bad-code`.
     * @param {string} [typed]
     * @param {Options['wasm']} [wasm]
     * @returns {Promise<{ code: string, room: string }>}
     */
    static async code(typed, wasm) {
        const none = () => {};
        const effects = new Proxy({}, { get: () => none });
        const core = new Core(await moduleOf(wasm), { effects, now, onPanic: none, afterSteps: none });
        const answer = JSON.parse(core.askText('web_code', typed === undefined ? '' : typed || ' ') ?? '{}');
        if (answer.problem) throw new UsherError('bad-code', answer.problem);
        return answer;
    }

    get ended() {
        return this.#ended.promise;
    }

    // ---- opening ----

    /** @param {Options} options */
    async #open(options) {
        if (typeof RTCPeerConnection !== 'function')
            throw new UsherError('no-webrtc', 'this browser has no WebRTC, or it is switched off: use another one, or allow it');
        const servers = [options.server].flat().map(serverUrl);
        if (servers.length === 0 || servers.includes(null))
            throw new UsherError('bad-options', `a server is ws://host:port or wss://host, not ${options.server}`);
        if (typeof WebAssembly !== 'object')
            throw new UsherError('no-webassembly', 'this browser has no WebAssembly, or it is switched off: use a newer one, or allow it');
        const module = await moduleOf(options.wasm);
        this.#core = new Core(module, { effects: this.#effects(), now, onPanic: (error) => this.#finish(error), afterSteps: () => this.#afterSteps() });
        if (options.code) ({ code: this.code, room: this.room } = await Usher.code(options.code, module));
        else this.room = options.room ?? '';
        const state = `usher:${options.state ?? this.room}`;
        this.#lock = await takeLock(state, { takeOver: options.takeOver ?? false, onTaken: () => this.#taken() });
        this.#store = await Store.open(state, this.#tables());
        await this.#begin(options, /** @type {string[]} */ (servers));
    }

    #tables() {
        const names = [];
        for (let name = this.#core.askText('web_table_name', 0); name; name = this.#core.askText('web_table_name', names.length)) names.push(name);
        return names;
    }

    /** @param {Options} options @param {string[]} servers */
    async #begin({ code, name = '', password, token, faults = {} }, servers) {
        const core = this.#core;
        const tell = this.#tell;
        this.#alarm = new Alarm(() => core.event('web_time'));
        this.#links = new Links({
            tell,
            head: (id, block, offset) => this.#head(id, block, offset),
            chunk: core.ask('web_chunk_bytes'),
            tamper: faults.tamper ?? false,
            onChannel: (rtc, channel) => this.#channelCame(rtc, channel),
        });
        this.#files = new Files({ tell, log: (line) => this.#log(4, line), store: this.#store, links: this.#links, block: core.ask('web_block_bytes'),
            sha256: (bytes) => core.bytes(core.ask('web_sha256', bytes), 32) });
        this.#signaling = new Signaling(servers, {
            open: () => core.event('web_signaling_open'),
            frame: (text) => core.event('web_signaling_frame', text),
            closed: (number, why) => core.event('web_signaling_closed', number, why),
        });
        this.#probes = new Probes(servers, (server, ms, cluster) => core.event('web_probed', server, ms, cluster));
        this.#store.tell({
            committed: (ticket) => core.event('web_committed', ticket),
            loaded: (ticket, rows) => core.event('web_loaded', ticket, rows),
            failed: (why) => core.event('web_store_failed', why),
        });
        const settings = { ...(code ? { code } : { room: this.room }), name, password, token, noLink: faults.noLink, servers: servers.length };
        const problem = core.askText('web_open', JSON.stringify(settings), await this.#keys());
        if (problem) throw new UsherError('bad-options', problem);
        this.id = core.askText('web_id') ?? '';
        this.name = name;
        await this.#restore();
        globalThis.addEventListener?.('online', this.#onNetwork);
        /** @type {any} */ (navigator).connection?.addEventListener?.('change', this.#onNetwork);
        core.event('web_start');
        // Whoever waits for open() can listen before the first event.
        setTimeout(() => {
            this.#opened = true;
            this.#deliver();
        });
    }

    /** The private keys of whom this state is. */
    async #keys() {
        const kept = await this.#store.get(STORES.meta, 'identity');
        if (kept instanceof Uint8Array && kept.length === KEYS_BYTES) return kept;
        const keys = crypto.getRandomValues(new Uint8Array(KEYS_BYTES));
        await this.#store.set([[STORES.meta, 'identity', keys]]);
        navigator.storage?.persist?.().catch(() => {});
        return keys;
    }

    async #restore() {
        const core = this.#core;
        /** @type {string[]} */
        const offers = [];
        const offer = this.#store.tables.indexOf('offer');
        const tables = this.#store.tables.map((_, i) => i).filter((i) => core.ask('web_table_restored', i));
        const decoder = new TextDecoder();
        await this.#store.restore(tables, (table, key, value) => {
            if (table === offer) offers.push(decoder.decode(value));
            core.event('web_restore', table, key, value);
        });
        for (const [name, id] of await this.#store.all(STORES.known)) core.event('web_known', String(name), id);
        for (const [key] of await this.#store.all(STORES.meta))
            if (String(key).startsWith('accepted:')) this.#accepted.add(String(key).slice('accepted:'.length));
        await this.#files.sweep(offers);
    }

    // ---- effects ----

    /** What happens outside becomes an event. @type {import('./links.js').Tell} */
    #tell = (name, ...args) => this.#core.event(name, ...args);

    /** @returns {import('./core.js').Effects} */
    #effects() {
        return {
            connect: (server) => this.#signaling.connect(server),
            disconnect: () => this.#signaling.disconnect(),
            probe: (server, samples) => this.#probes.ask(server, samples),
            signal: (frame) => this.#signaling.send(frame),
            ice_servers: (list) => this.#links.servers(list),
            deadline: (at) => this.#alarm.set(at),
            rtc_new: (rtc) => this.#links.create(rtc),
            rtc_offer: (rtc, restart) => this.#links.offer(rtc, restart),
            rtc_remote: (rtc, type, sdp) => this.#links.remote(rtc, type, sdp),
            rtc_candidate: (rtc, candidate) => this.#links.candidate(rtc, candidate),
            rtc_send: (rtc, channel, binary, spare, bytes) => this.#links.send(rtc, channel, binary, spare, bytes),
            rtc_channel: (rtc, label) => this.#links.channel(rtc, label),
            rtc_free: (rtc) => this.#freed(rtc),
            put: (table, key, value) => this.#store.put(table, key, value),
            delete: (table, key) => this.#store.delete(table, key),
            commit: (ticket) => this.#store.commit(ticket),
            load: (ticket, table, from, to, limit, lastFirst) => this.#store.load(ticket, table, from, to, limit, lastFirst),
            remember: (name, id) => this.#quietly(this.#store.set([[STORES.known, name, id]])),
            file_open: (file, path) => this.#files.open(file, path),
            file_give: (rtc, channel, file, ticket, id, block, offset, n) => this.#files.give(rtc, channel, file, ticket, id, block, offset, n),
            file_read: (file, ticket, block, offset, n) => this.#files.read(file, ticket, block, offset, n),
            file_close: (file, keep) => this.#files.close(file, keep),
            part_open: (file, size, folder, name, root, tree) => this.#files.partOpen(file, size, folder, name, root, tree),
            part_hashes: (file, hashes) => this.#files.partHashes(file, hashes),
            part_write: (file, block, offset, bytes) => this.#files.partWrite(file, block, offset, bytes),
            part_verified: (file, block) => this.#files.partVerified(file, block),
            part_finish: (file) => this.#files.partFinish(file),
            notice: (json) => this.#notices.push(JSON.parse(json)),
            log: (level, line) => this.#log(level, line),
        };
    }

    /** What is only remembered may be lost. @param {Promise<unknown>} promise */
    #quietly(promise) {
        promise.catch((error) => this.#log(4, sentence(error)));
    }

    /** @param {number} level as syslog has it @param {string} line */
    #log(level, line) {
        this.dispatchEvent(new CustomEvent('log', { detail: { level, line } }));
    }

    /** @param {string} id @param {number} block @param {number} offset */
    #head(id, block, offset) {
        const p = this.#core.ask('web_chunk_head', id, block, offset);
        return this.#core.bytes(p + 1, this.#core.bytes(p, 1)[0]);
    }

    // ---- what the core tells ----

    #afterSteps() {
        if (this.#opened) this.#deliver();
    }

    /** In order; what a listener asks for makes notices that come behind. */
    #deliver() {
        if (this.#delivering) return;
        this.#delivering = true;
        for (let notice = this.#notices.shift(); notice; notice = this.#notices.shift()) {
            try {
                this.#hear(notice, detailOf(notice));
            } catch (error) {
                console.error(error);
            }
        }
        this.#delivering = false;
    }

    /** @param {import('./events.js').Notice} notice @param {Record<string, any>} detail */
    #hear(notice, detail) {
        const early = this.#HEARD[notice.event]?.call(this, notice, detail);
        this.dispatchEvent(new CustomEvent(notice.event, { detail }));
        early?.();
    }

    /** @type {Record<string, (notice: import('./events.js').Notice, detail: Record<string, any>) => (() => void) | void>} what it returns runs behind the event */
    #HEARD = {
        accepted: (notice) => this.#heardAccepted(notice),
        delivered: (_, { id, by }) => this.#heardDelivered(id, by),
        failed: (_, { id, to, reason }) => this.#heardFailed(id, to, reason),
        history: (_, { ref, messages }) => this.#answer(ref)?.resolve(messages),
        error: ({ id }, { code, message, fatal, ref }) => {
            const error = new UsherError(code, message);
            this.#answer(ref)?.reject(error);
            if (id !== undefined) this.#receivingFailed(id, error);
            return fatal ? () => this.#finish(error) : undefined;
        },
        left: () => () => this.#left.resolve(),
        peer: (_, { id, state, verified }) => () => state === 'up' && verified && this.#releaseChannels(id),
        'file-offer': (_, detail) => this.#heardOffer(detail),
        'file-complete': (_, detail) => this.#heardComplete(detail),
        'file-failed': (_, detail) => this.#heardFileFailed(detail),
    };

    /** @param {string | undefined} ref */
    #answer(ref) {
        const later = ref === undefined ? undefined : this.#asked.get(ref);
        if (ref !== undefined) this.#asked.delete(ref);
        return later;
    }

    /** @param {import('./events.js').Notice} notice */
    #heardAccepted({ ref, id, readers = [] }) {
        /** @type {Later<string[]>} */
        const later = new Later();
        const sent = this.#sent.get(id) ?? { waiting: new Set(readers), by: [], later };
        this.#sent.set(id, sent);
        if (sent.waiting.size === 0) this.#sentEnded(id, sent);
        this.#answer(ref)?.resolve({ id, delivered: sent.later.promise });
    }

    /** @param {string} id @param {{ by: string[], later: Later<string[]> }} sent */
    #sentEnded(id, sent) {
        this.#sent.delete(id);
        sent.later.resolve(sent.by);
    }

    /** @param {string} id @param {string} by */
    #heardDelivered(id, by) {
        const sent = this.#sent.get(id);
        if (!sent) return;
        sent.waiting.delete(by);
        sent.by.push(by);
        if (sent.waiting.size === 0) this.#sentEnded(id, sent);
    }

    /** @param {string} id @param {string[]} to @param {string} reason */
    #heardFailed(id, to, reason) {
        const names = to.map((who) => this.#nameOf(who));
        this.#sent.get(id)?.later.reject(new UsherError(reason, `${names.join(', ')} did not get it: ${reason}`, { to, names }));
    }

    /** @param {string} id */
    #nameOf(id) {
        return this.#people().find((p) => p.id === id)?.name || id;
    }

    /** @param {Error} error */
    #finish(error) {
        this.#over({ code: error instanceof UsherError ? error.code : 'failed', message: error.message });
        if (this.#core.dead) this.dispatchEvent(new CustomEvent('error', { detail: { code: 'panic', message: error.message, fatal: true } }));
    }

    /** @param {Ending} ending */
    #over(ending) {
        if (this.#end) return;
        this.#end = ending;
        const error = new UsherError(ending.code, ending.message);
        for (const later of [...this.#asked.values(), ...this.#receiving.values()]) later.reject(error);
        for (const { later } of this.#sent.values()) later.reject(error);
        this.#asked.clear();
        this.#release();
        this.#ended.resolve(ending);
    }

    #release() {
        globalThis.removeEventListener?.('online', this.#onNetwork);
        /** @type {any} */ (navigator).connection?.removeEventListener?.('change', this.#onNetwork);
        this.#alarm?.set(Infinity);
        this.#links?.freeAll();
        this.#signaling?.disconnect();
        this.#probes?.end();
        this.#store?.close();
        this.#lock?.release();
        this.#lock = null;
    }

    #taken() {
        if (this.#end) return;
        this.dispatchEvent(new CustomEvent('error', { detail: { code: 'taken-over', message: 'another tab goes on with this room', fatal: true } }));
        this.#close({ code: 'taken-over', message: 'another tab goes on with this room' });
    }

    // ---- what the application asks for ----

    /** @param {object} command */
    #do(command) {
        if (this.#end) throw new UsherError('ended', `this peer has ended: ${this.#end.message}`);
        const problem = this.#core.command(command);
        if (problem) throw new UsherError('bad-command', problem);
    }

    /** A command whose answer carries its ref. @param {{ ref?: string } & Record<string, unknown>} command @returns {Promise<any>} */
    #ask(command) {
        const ref = command.ref ?? randomText(REF_BYTES);
        const later = new Later();
        this.#asked.set(ref, later);
        try {
            this.#do({ ...command, ref });
        } catch (error) {
            this.#asked.delete(ref);
            throw error;
        }
        return later.promise;
    }

    /**
     * To everybody in the room; to one; or to a few. Resolves when it is on the disk of this browser: from then on it is delivered,
     * over reloads and lost links, or reported failed.
     * @param {string} text
     * @param {{ to?: string[], ref?: string, ttl?: number, attachments?: Blob[] }} [options] ref: sent again with the same one it is the same message; ttl: milliseconds
     * @returns {Promise<Sent>}
     */
    async send(text, { to, ref, ttl, attachments = [] } = {}) {
        const paths = await Promise.all(attachments.map((file) => this.#files.register(file)));
        return this.#ask({ do: 'send', text, to, ref, ttl, attachments: paths });
    }

    /** A person saw this message. @param {string} id */
    read(id) {
        this.#do({ do: 'read', id });
    }

    /** Others show it for a moment: say it again while it goes on. @param {boolean} [on] */
    typing(on = true) {
        if (on) this.#do({ do: 'typing' });
    }

    /** @param {string} text */
    status(text) {
        this.#do({ do: 'status', text });
    }

    /** @param {'online' | 'away'} presence */
    presence(presence) {
        this.#do({ do: 'presence', presence });
    }

    #people() {
        return /** @type {(Person & { rtc: number })[]} */ (this.#core.dead ? [] : JSON.parse(this.#core.askText('web_people') ?? '[]'));
    }

    /** @returns {Promise<Person[]>} */
    async peers() {
        return this.#people().map(({ rtc: _, ...person }) => person);
    }

    /**
     * The record of what was said and heard, oldest first: the newest, those behind `after`, or the last before `before` (ids).
     * @param {{ after?: string, before?: string, limit?: number }} [options]
     * @returns {Promise<Message[]>}
     */
    async history({ after, before, limit = HISTORY_LIMIT } = {}) {
        return this.#ask({ do: 'history', after, before, limit });
    }

    /** Counters; names as `usher pipe` has them. @returns {Promise<Record<string, number>>} */
    async stats() {
        const raw = JSON.parse(this.#core.askText('web_stats') ?? '{}');
        return Object.fromEntries(Object.entries(raw).map(([name, n]) => [name.replace(/_(\w)/g, (_, c) => c.toUpperCase()), n]));
    }

    // ---- files ----

    /**
     * Offers a file to everybody who is or comes into the room, or to some. It is read once before. The offer stands over reloads.
     * @param {Blob} file
     * @param {{ to?: string[] }} [options]
     * @returns {Promise<{ fileId: string }>}
     */
    async sendFile(file, { to } = {}) {
        const path = await this.#files.register(file);
        const { id } = await this.#ask({ do: 'send-file', path, to });
        return { fileId: id };
    }

    /**
     * Receives one that was offered; asked again it is the same promise. One that was accepted and not finished before a reload is
     * accepted again by itself when it is offered again (its `file-offer` has `accepted`).
     * @param {string} fileId
     * @returns {Promise<File>}
     */
    accept(fileId) {
        const known = this.#receiving.get(fileId);
        if (known) return known.promise;
        /** @type {Later<File>} */
        const later = new Later();
        this.#receiving.set(fileId, later);
        try {
            this.#do({ do: 'accept', fileId, dir: 'received' });
        } catch (error) {
            this.#receiving.delete(fileId);
            throw error;
        }
        this.#accepted.add(fileId);
        this.#quietly(this.#store.set([[STORES.meta, `accepted:${fileId}`, Date.now()]], 'relaxed'));
        return later.promise;
    }

    /** @param {string} fileId */
    decline(fileId) {
        this.#do({ do: 'decline', fileId });
        this.#receivingFailed(fileId, new UsherError('declined', 'it was declined'));
    }

    /** @param {string} fileId */
    pause(fileId) {
        this.#do({ do: 'pause', fileId });
    }

    /** @param {string} fileId */
    resume(fileId) {
        this.#do({ do: 'resume', fileId });
    }

    /** @param {string} fileId */
    cancel(fileId) {
        this.#do({ do: 'cancel', fileId });
        this.#receivingFailed(fileId, new UsherError('cancelled', 'it was cancelled'));
    }

    /** Files that were received whole, and are kept in this browser. */
    files() {
        return this.#files.list();
    }

    /** One of them, by the path that `file-complete` or files() has. @param {string} path */
    file(path) {
        return this.#files.received(path);
    }

    /** Removes one of them from this browser. @param {string} path */
    forget(path) {
        return this.#files.forget(path);
    }

    /** @param {string} fileId */
    #notAccepted(fileId) {
        if (this.#accepted.delete(fileId)) this.#quietly(this.#store.set([[STORES.meta, `accepted:${fileId}`, undefined]], 'relaxed'));
    }

    /** @param {Record<string, any>} detail */
    #heardOffer(detail) {
        detail.accepted = this.#accepted.has(detail.fileId);
        return detail.accepted ? () => void this.accept(detail.fileId).catch(() => {}) : undefined;
    }

    /** @param {Record<string, any>} detail */
    #heardComplete({ fileId, from, path }) {
        const later = from === undefined ? undefined : this.#receiving.get(fileId);
        if (from !== undefined) this.#notAccepted(fileId);
        if (!later) return;
        this.#receiving.delete(fileId);
        this.#files.received(path).then(later.resolve, (error) => later.reject(new UsherError('io', sentence(error))));
    }

    /** @param {Record<string, any>} detail */
    #heardFileFailed({ fileId, ref, from, reason, message }) {
        const error = new UsherError(reason, message || reason);
        this.#answer(ref)?.reject(error);
        if (from !== undefined) this.#receivingFailed(fileId, error);
    }

    /** @param {string} fileId @param {Error} error */
    #receivingFailed(fileId, error) {
        this.#receiving.get(fileId)?.reject(error);
        this.#receiving.delete(fileId);
        this.#notAccepted(fileId);
    }

    // ---- connections, and channels of the application's ----

    /** @param {number} rtc */
    #freed(rtc) {
        this.#early.delete(rtc);
        this.#links.free(rtc);
    }

    /** Of the link to a person, while there is one. @param {string} id @returns {RTCPeerConnection | undefined} */
    connection(id) {
        const rtc = this.#people().find((p) => p.id === id)?.rtc;
        return rtc ? this.#links.connection(rtc) : undefined;
    }

    /**
     * A further channel on the link to a person who proved who it is; both ends get a `channel` event with id, label and channel.
     * @param {string} id
     * @param {string} label any but those of the link itself, `usher` and `usher-files`
     * @returns {RTCDataChannel}
     */
    channel(id, label) {
        const person = this.#people().find((p) => p.id === id);
        if (['usher', 'usher-files'].includes(label)) throw new UsherError('bad-options', `the label ${label} is the link's own`);
        if (!person?.rtc || !person.verified) throw new UsherError('no-link', `there is no verified link to ${person?.name || id} now`);
        const channel = /** @type {RTCDataChannel} */ (this.#links.open(person.rtc, label));
        channel.binaryType = 'arraybuffer';
        queueMicrotask(() => this.#showChannel(id, channel));
        return channel;
    }

    /** @param {string} id @param {RTCDataChannel} channel */
    #showChannel(id, channel) {
        this.dispatchEvent(new CustomEvent('channel', { detail: { id, label: channel.label, channel } }));
    }

    /** One that somebody opened waits until its link is verified. @param {number} rtc @param {RTCDataChannel} channel */
    #channelCame(rtc, channel) {
        this.#early.set(rtc, [...(this.#early.get(rtc) ?? []), channel]);
        queueMicrotask(() => {
            const person = this.#people().find((p) => p.rtc === rtc && p.verified);
            if (person) this.#releaseChannels(person.id);
        });
    }

    /** @param {string} id */
    #releaseChannels(id) {
        const rtc = this.#people().find((p) => p.id === id)?.rtc ?? 0;
        const channels = this.#early.get(rtc) ?? [];
        this.#early.delete(rtc);
        for (const channel of channels) this.#showChannel(id, channel);
    }

    // ---- the end ----

    /** Says good-bye and leaves; what is kept in this browser stays. */
    close() {
        return this.#close({ code: 'closed', message: 'it was closed' });
    }

    /** @param {Ending} ending */
    async #close(ending) {
        if (this.#end || this.#leaving) return void (await this.ended);
        this.#leaving = true;
        this.#core.command({ do: 'leave' });
        await Promise.race([this.#left.promise, new Promise((resolve) => setTimeout(resolve, CLOSE_MS))]);
        this.#over(ending);
    }
}
