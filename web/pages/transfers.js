// SPDX-License-Identifier: MIT
//
// The files of a room, ours and those that are offered to us, and how far each is.
import { kept } from './place.js';

const OFFERS_MAX = 64; // of ours that are kept
export const fileEvents = ['file-offer', 'file-progress', 'file-complete', 'file-failed', 'file-paused', 'file-resumed'];
const SPEED_MS = 5000; // the rate is that of the newest so much

/** @typedef {{ done: number, of: number, state: 'offered' | 'going' | 'paused' | 'done' | 'failed', reason?: string, pausedBy?: string, marks: [number, number][] }} Progress */
/** @typedef {{ fileId: string, name: string, bytes: number, from: string, own: boolean, state: 'offered' | 'hashing' | 'going' | 'paused' | 'done' | 'failed', reason?: string,
 *    progress: Map<string, Progress>, url?: string, file?: Blob }} FileItem */

export class Files {
    /** @param {import('./session.js').Session} session */
    constructor(session) {
        this.session = session;
        /** @type {Map<string, FileItem>} */ this.items = new Map();
        this.key = `offers.${session.peer.room}`;
        this.#restore();
    }

    // Offers of ours stand over a reload, and what was received stays in this browser.
    async #restore() {
        for (const { fileId, name, bytes } of JSON.parse(kept.get(this.key) ?? '[]'))
            this.items.set(fileId, { fileId, name, bytes, from: this.session.me, own: true, state: 'offered', progress: new Map() });
        for (const { path, name, bytes } of (await this.session.peer.files?.().catch(() => [])) ?? []) {
            const file = await this.session.peer.file(path).catch(() => undefined);
            if (file) this.items.set(path, { fileId: path, name, bytes, from: '', own: false, state: 'done', progress: new Map(), url: URL.createObjectURL(file), path });
        }
        this.#tell();
    }

    #keepOffers() {
        const ours = [...this.items.values()].filter(({ own, state }) => own && !['failed', 'hashing'].includes(state));
        kept.set(this.key, JSON.stringify(ours.slice(-OFFERS_MAX).map(({ fileId, name, bytes }) => ({ fileId, name, bytes }))));
    }

    #tell() {
        this.session.dispatchEvent(new CustomEvent('files'));
    }

    /** An event of usher.js. */
    hear(type, detail) {
        const { fileId } = detail;
        if (type === 'file-offer') this.#offered(detail);
        const item = this.items.get(fileId);
        if (!item) return;
        const who = item.own ? detail.by : item.from;
        if (type === 'file-progress') this.#moved(item, who, detail);
        else if (type === 'file-complete') this.#done(item, who, detail);
        else if (type === 'file-failed') this.#failed(item, who, detail);
        else if (type === 'file-paused' || type === 'file-resumed') this.#paused(item, detail.by, type === 'file-paused');
        this.#tell();
    }

    #offered({ fileId, from, name, bytes, accepted }) {
        const known = this.items.get(fileId);
        if (known && known.state !== 'failed') return;
        this.items.set(fileId, { fileId, name, bytes, from, own: false, state: 'offered', progress: new Map() });
        if (accepted) this.accept(fileId); // before the page was loaded anew
        else this.session.dispatchEvent(new CustomEvent('offered', { detail: { fileId, from, name, bytes } }));
    }

    #progress(item, who) {
        if (!item.progress.has(who)) item.progress.set(who, { done: 0, of: item.bytes, state: 'going', marks: [] });
        return item.progress.get(who);
    }

    #moved(item, who, { bytes, of }) {
        const progress = this.#progress(item, who);
        const now = performance.now();
        Object.assign(progress, { done: bytes, of, state: progress.state === 'paused' ? 'paused' : 'going' });
        progress.marks = [...progress.marks.filter(([at]) => now - at < SPEED_MS), [now, bytes]];
        if (item.state === 'offered') item.state = 'going';
    }

    #done(item, who, { bytes, path }) {
        const progress = this.#progress(item, who);
        Object.assign(progress, { done: bytes, of: bytes, state: 'done' });
        if (item.own) return;
        item.state = 'done';
        item.path = path;
    }

    #failed(item, who, { reason, message }) {
        if (item.own && who) {
            Object.assign(this.#progress(item, who), { state: 'failed', reason });
            return;
        }
        item.state = 'failed';
        item.reason = reason;
        item.message = message;
        this.#keepOffers();
    }

    #paused(item, by, paused) {
        for (const [who, progress] of item.progress)
            if (progress.state === 'going' || progress.state === 'paused')
                if (!item.own || by === who || by === this.session.me) Object.assign(progress, { state: paused ? 'paused' : 'going', pausedBy: by });
        if (!item.own || by === this.session.me) {
            item.state = paused ? 'paused' : 'going';
            item.pausedBy = paused ? by : undefined;
        }
    }

    /** A link came or went: rates begin anew. */
    link(id) {
        for (const item of this.items.values()) if (item.progress.has(id)) item.progress.get(id).marks = [];
    }

    // ---- what the person does ----

    /** @param {File} file @param {string[]} [to] */
    async send(file, to) {
        const temporary = `reading-${Math.random()}`;
        this.items.set(temporary, { fileId: temporary, name: file.name, bytes: file.size, from: this.session.me, own: true, state: 'hashing', progress: new Map() });
        this.#tell();
        try {
            const { fileId } = await this.session.peer.sendFile(file, to ? { to } : {});
            const early = this.items.get(fileId);
            this.items.set(fileId, { ...this.items.get(temporary), ...(early ?? {}), fileId, own: true, from: this.session.me, name: file.name, bytes: file.size, state: 'offered' });
            this.items.delete(temporary);
            this.#keepOffers();
        } catch (error) {
            Object.assign(this.items.get(temporary), { state: 'failed', reason: error.code, message: error.message });
        }
        this.#tell();
    }

    /** @param {string} fileId */
    async accept(fileId) {
        const item = this.items.get(fileId);
        if (!item || item.state !== 'offered') return;
        item.state = 'going';
        this.#progress(item, item.from);
        this.#tell();
        try {
            const got = await this.session.peer.accept(fileId);
            item.file = got;
            item.url = URL.createObjectURL(got);
            item.state = 'done';
        } catch (error) {
            if (item.state !== 'failed') Object.assign(item, { state: 'failed', reason: error.code, message: error.message });
        }
        this.#tell();
    }

    decline(fileId) {
        this.session.peer.decline(fileId);
        this.items.delete(fileId);
        this.#tell();
    }

    pause(fileId, paused) {
        const item = this.items.get(fileId);
        if (paused) this.session.peer.pause(fileId);
        else this.session.peer.resume(fileId);
        this.#paused(item, this.session.me, paused);
        this.#tell();
    }

    cancel(fileId) {
        this.session.peer.cancel(fileId);
        Object.assign(this.items.get(fileId), { state: 'failed', reason: 'cancelled' });
        this.#keepOffers();
        this.#tell();
    }

    /** Takes it off the list, and out of this browser's storage. */
    drop(fileId) {
        const { url, path } = this.items.get(fileId) ?? {};
        if (url) URL.revokeObjectURL(url);
        if (path) this.session.peer.forget(path).catch(() => {});
        this.items.delete(fileId);
        this.#tell();
    }
}

/** Seconds that are left, or undefined as long as nobody can say. @param {Progress} progress */
export function secondsLeft({ marks, done, of }) {
    if (marks.length < 2) return undefined;
    const [[since, from], [now, to]] = [marks[0], marks.at(-1)];
    const rate = now - since > 500 ? (to - from) / (now - since) : 0;
    return rate > 0 ? (of - done) / rate / 1000 : undefined;
}
