// SPDX-License-Identifier: MIT
//
// One person in one room, as the page shows it: who is here, what was said with how far it got, and the files. It turns events of usher.js into these and tells which
// of them has changed: `state`, `people`, `messages` (detail: { added: 'end' | 'start' | undefined, item }), `files`, `typing`, `warning`, `ended`.
import { fileEvents, Files } from './transfers.js';

const PAGE = 200; // messages of the history at once
const TYPING_MS = 6000;
const TYPING_EVERY_MS = 2500;
const PEOPLE_EVERY_MS = 3000;

/** @typedef {{ id?: string, ref?: string, from: string, name: string, own: boolean, text: string, timestamp: number, type: string, to: string[], verified: boolean,
 *   mark: 'sending' | 'accepted' | 'failed' | '', by: Set<string>, readBy: Set<string>, problems: { to: string, reason: string }[], attachments: any[], note?: string }} Message */
/** @typedef {{ id: string, name: string, up: boolean, path?: string, verified: boolean, rttMs?: number, away: boolean, warning?: string, inRoom: boolean }} Person */

export class Session extends EventTarget {
    /** @param {any} peer of usher.js */
    constructor(peer) {
        super();
        this.peer = peer;
        this.me = peer.id;
        /** @type {Map<string, Person>} */ this.people = new Map();
        /** Names of all who were here: what they said stays. @type {Map<string, string>} */ this.names = new Map([[peer.id, peer.name]]);
        /** @type {Message[]} */ this.messages = [];
        /** @type {Map<string, Message>} */ this.byId = new Map();
        /** @type {Map<string, number>} until when each writes */ this.writers = new Map();
        this.state = 'connecting';
        this.reachedStart = false;
        this.loading = false;
        this.files = new Files(this);
        this.#listen();
    }

    #tell(type, detail = {}) {
        this.dispatchEvent(new CustomEvent(type, { detail }));
    }

    nameOf(id) {
        return this.names.get(id) || id.slice(0, 6);
    }

    get present() {
        return [...this.people.values()].filter(({ up, inRoom }) => up || inRoom);
    }

    // ---- what usher.js tells ----

    #listen() {
        const on = (type, act) => this.peer.addEventListener(type, ({ detail }) => act(detail));
        on('state', ({ state }) => {
            this.state = state;
            this.#tell('state');
        });
        on('joined', ({ peers }) => {
            for (const { id, name } of peers) this.#person(id, { name, inRoom: true });
            this.#tell('people');
            this.#refresh();
        });
        on('peer', (detail) => this.#onPeer(detail));
        on('message', (detail) => this.#onMessage(detail));
        on('delivered', ({ id, by }) => this.#mark(id, (message) => message.by.add(by)));
        on('read', ({ id, by }) => this.#mark(id, (message) => message.by.add(by) && message.readBy.add(by)));
        on('failed', ({ id, to, reason }) => this.#mark(id, (message) => {
            message.problems.push(...to.map((one) => ({ to: one, reason })));
            if (message.problems.length >= message.to.length) message.mark = 'failed';
        }));
        on('typing', ({ from }) => {
            this.writers.set(from, Date.now() + TYPING_MS);
            this.#tell('typing');
            setTimeout(() => this.#tell('typing'), TYPING_MS + 50);
        });
        on('presence', ({ from, presence }) => {
            if (presence === 'gone') this.#person(from, { up: false, inRoom: false });
            else this.#person(from, { away: presence === 'away' });
            this.#tell('people');
        });
        on('link', ({ id, text, code }) => {
            if (id && this.people.has(id)) this.#person(id, { warning: text });
            this.#tell('people');
            if (code) this.#tell('warning', { id, text, code });
        });
        on('missing', ({ from, count }) => this.#add({ ...blank(from), note: 'missing', text: String(count) }));
        on('error', (detail) => this.#tell('problem', detail));
        for (const type of fileEvents) on(type, (detail) => this.files.hear(type, detail));
        this.peer.ended.then((how) => this.#tell('ended', how));
        this.timer = setInterval(() => document.visibilityState === 'visible' && this.#refresh(), PEOPLE_EVERY_MS);
        this.onSight = () => this.peer.presence(document.visibilityState === 'visible' ? 'online' : 'away');
        document.addEventListener('visibilitychange', this.onSight);
    }

    /** @param {Partial<Person>} what */
    #person(id, what) {
        if (id === this.me) return;
        const person = this.people.get(id) ?? { id, name: '', up: false, verified: false, away: false, inRoom: false };
        Object.assign(person, what);
        if (person.name) this.names.set(id, person.name);
        this.people.set(id, person);
    }

    #onPeer({ id, name, state, path, verified }) {
        const before = this.people.get(id)?.up;
        const up = state === 'up';
        this.#person(id, { name, up, path: up ? path : undefined, verified, ...(up ? { inRoom: true, warning: undefined } : {}) });
        this.writers.delete(id);
        if (up !== Boolean(before)) this.#tell('came', { id, up });
        this.#tell('people');
        this.files.link(id, up);
    }

    // Round trips, and who has left.
    async #refresh() {
        let list;
        try {
            list = await this.peer.peers();
        } catch {
            return; // it has ended meanwhile
        }
        const found = new Set();
        for (const one of list.peers ?? list) {
            found.add(one.id);
            this.#person(one.id, { name: one.name, up: one.state === 'up', path: one.path, verified: one.verified, rttMs: one.rttMs, inRoom: one.inRoom ?? true });
        }
        for (const person of this.people.values()) if (!found.has(person.id)) Object.assign(person, { up: false, inRoom: false });
        this.#tell('people');
    }

    #onMessage(detail) {
        if (this.byId.has(detail.id)) return;
        this.writers.delete(detail.from);
        this.#tell('typing');
        this.#add(this.#fromRecord(detail));
    }

    #fromRecord({ id, from, to = [], text, timestamp, type, verified = true, attachments = [] }) {
        const own = from === this.me;
        return { ...blank(from), id, own, to, text, timestamp, type, verified: own || verified, attachments, mark: own ? 'accepted' : '' };
    }

    #add(message, at = 'end') {
        if (message.id) this.byId.set(message.id, message);
        if (at === 'end') this.messages.push(message);
        this.#tell('messages', { added: at, item: message });
    }

    #mark(id, change) {
        const message = this.byId.get(id);
        if (!message) {
            this.early ??= new Map(); // a reader may be faster than our own commit
            this.early.set(id, [...(this.early.get(id) ?? []), change]);
            return;
        }
        change(message);
        this.#tell('messages', { item: message });
    }

    // ---- what the person does ----

    /** Shows it at once; resolves when it is stored. @param {string} text @param {string[]} [to] */
    async send(text, to) {
        const readers = to ?? this.present.filter(({ verified }) => verified).map(({ id }) => id);
        const message = { ...blank(this.me), own: true, text, to: readers, verified: true, mark: 'sending', ref: newRef(), type: !to ? 'group_message' : to.length === 1 ? 'direct_message' : 'private_message' };
        this.#add(message);
        this.typingSaid = 0;
        try {
            const sent = await this.peer.send(text, { ref: message.ref, ...(to ? { to } : {}) });
            sent.delivered?.catch(() => {}); // who did not get it is told by `failed`
            message.id = sent.id;
            message.mark = 'accepted';
            this.byId.set(sent.id, message);
            for (const change of this.early?.get(sent.id) ?? []) change(message);
            this.early?.delete(sent.id);
        } catch (error) {
            message.mark = 'failed';
            message.problems.push({ to: '', reason: error.message });
        }
        this.#tell('messages', { item: message });
    }

    /** Others see that we write. */
    typing() {
        const now = Date.now();
        if (now - (this.typingSaid ?? 0) < TYPING_EVERY_MS) return;
        this.typingSaid = now;
        this.peer.typing(true);
    }

    /** Their authors are told that a person saw these. @param {Message[]} messages */
    seen(messages) {
        for (const message of messages) {
            if (message.own || !message.id || message.seen || !message.verified) continue;
            message.seen = true;
            this.peer.read(message.id);
        }
    }

    /** What was said before what is shown. */
    async loadEarlier() {
        if (this.loading || this.reachedStart) return;
        this.loading = true;
        const oldest = this.messages.find(({ id }) => id);
        try {
            const answer = await this.peer.history({ limit: PAGE, ...(oldest ? { before: oldest.id } : {}) });
            const records = answer.messages ?? answer;
            const older = records.filter(({ id }) => !this.byId.has(id)).map((record) => this.#fromRecord(record));
            for (const message of older) {
                this.byId.set(message.id, message);
                message.seen = true; // of an earlier visit
            }
            this.reachedStart = older.length === 0;
            this.messages = [...older, ...this.messages]; // another list: the view compares it with the one before
            this.#tell('messages', { added: 'start', count: older.length });
        } finally {
            this.loading = false;
        }
    }

    async close() {
        clearInterval(this.timer);
        document.removeEventListener('visibilitychange', this.onSight);
        await this.peer.close();
    }
}

function blank(from) {
    return { from, name: '', own: false, text: '', timestamp: Date.now(), type: '', to: [], verified: true, mark: '', by: new Set(), readBy: new Set(), problems: [], attachments: [] };
}

function newRef() {
    return [...crypto.getRandomValues(new Uint8Array(12))].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}
