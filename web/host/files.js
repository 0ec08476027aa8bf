// SPDX-License-Identifier: MIT
//
// Files that are sent and received. A source is a Blob under a path of ours, kept until nobody is offered it any more, so that an
// offer outlives a reload. A part is a file that is being received: its blocks, the list of their hashes and the map of those
// that are there. The map is never believed: when a part is found again each block that it names is read and hashed.
//
// Blocks are hashed by the browser (WebCrypto, on threads of its own), or where a page may not have that, by the core.
import { STORES, storeProblem } from './store.js';
import { PartStore } from './parts.js';
import { sentence } from './errors.js';

const HASH = 32;
const WRITING_MAX = 8; // blocks that may wait for the disk before the core hears of the next one
const CACHED = 4; // blocks of a source that are kept, since they are asked for in pieces
const NAME_MAX = 255;
const PART_FOLDER = 'received';

/**
 * @typedef {{ number: number, blob: Blob, hashes: Uint8Array, cache: Map<number, Uint8Array>, closed: boolean }} Source
 * @typedef {{ number: number, root: string, size: number, name: string, closed: boolean, record: import('./parts.js').PartRecord, begun: Map<number, { bytes: Uint8Array, filled: number }>,
 *     whole: Map<number, Uint8Array>, writing: number, idle: (() => void)[], chain: Promise<void>, cache: Map<number, Uint8Array> }} Part
 * @typedef {{ tell: import('./links.js').Tell, sha256: (bytes: Uint8Array) => Uint8Array, block: number,
 *     log: (line: string) => void, store: import('./store.js').Store, links: import('./links.js').Links }} FilesHost
 */

/** @param {Uint8Array} bytes */
const hex = (bytes) => Array.from(bytes, (b) => b.toString(16).padStart(2, '0')).join('');

/** @param {Uint8Array} a @param {Uint8Array} b */
const same = (a, b) => a.length === b.length && a.every((byte, i) => byte === b[i]);

/** @param {Uint8Array} map @param {number} block */
const has = (map, block) => ((map[block >> 3] >> (block & 7)) & 1) === 1;

/** As a name can be offered: without control characters, not too long. @param {string} name */
export function offeredName(name) {
    // eslint-disable-next-line no-control-regex
    let safe = name.replace(/[\u0000-\u001f\u007f-\u009f]/g, '_') || 'file';
    while (new TextEncoder().encode(safe).length > NAME_MAX) safe = safe.slice(0, -1);
    return safe.isWellFormed?.() === false ? 'file' : safe;
}

/** As somebody else chose it: one name that names nothing but itself. @param {string} name */
export function safeName(name) {
    // eslint-disable-next-line no-control-regex
    const one = name.replace(/[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff/\\:*?"<>|]/g, '_').trim().replace(/^[.-]/, '_').replace(/[. ]+$/, '');
    return offeredName(one || 'file');
}

export class Files {
    /** @type {Map<number, Source>} */
    #sources = new Map();
    /** @type {Map<number, Part>} */
    #parts = new Map();
    /** @type {Map<string, Blob>} those of this page, by path */
    #blobs = new Map();
    #host;
    #disk;

    /** @param {FilesHost} host */
    constructor(host) {
        this.#host = host;
        this.#disk = new PartStore(host.store);
    }

    /**
     * A path for a file of the application's, kept over a reload if there is room for it.
     * @param {Blob} blob
     * @returns {Promise<string>}
     */
    async register(blob) {
        const name = offeredName(blob instanceof File ? blob.name : 'file');
        const path = `/${hex(crypto.getRandomValues(new Uint8Array(8)))}/${name.replaceAll('/', '_')}`;
        this.#blobs.set(path, blob);
        await this.#host.store.set([[STORES.files, path, blob]], 'relaxed').catch((error) => this.#host.log(
            `${name} is offered as long as this page is open, and not after a reload: ${storeProblem(error)}`));
        return path;
    }

    /** Those that no offer names are forgotten. @param {string[]} offers the rows of the table of offers, as texts */
    async sweep(offers) {
        for (const [path] of await this.#host.store.all(STORES.files))
            if (!offers.some((row) => row.includes(JSON.stringify(path).slice(1, -1)))) await this.#host.store.set([[STORES.files, path, undefined]], 'relaxed');
    }

    // ---- sources ----

    /** @param {number} number @param {string} path */
    open(number, path) {
        this.#hashAll(number, path).catch((error) => this.#fail(number, error));
    }

    /** @param {number} number @param {string} path */
    async #hashAll(number, path) {
        const blob = this.#blobs.get(path) ?? (await this.#host.store.get(STORES.files, path));
        if (!(blob instanceof Blob)) {
            this.#host.tell('web_file_failed', number, 'no-such-file', 'this file is not kept any more: offer it again');
            return;
        }
        const { block } = this.#host;
        /** @type {Source} */
        const source = { number, blob, hashes: new Uint8Array(Math.ceil(blob.size / block) * HASH), cache: new Map(), closed: false };
        this.#sources.set(number, source);
        for (let at = 0; at < blob.size && !source.closed; at += block)
            source.hashes.set(await this.#hash(await bytesOf(blob, at, block)), (at / block) * HASH);
        if (!source.closed) this.#host.tell('web_file_opened', number, blob.size, nameOf(path), source.hashes);
    }

    /** @param {number} rtc @param {number} channel @param {number} file @param {number} ticket @param {string} id @param {number} block @param {number} offset @param {number} n */
    give(rtc, channel, file, ticket, id, block, offset, n) {
        this.#block(file, block).then(
            (bytes) => {
                if (!bytes || offset + n > bytes.length) this.#host.links.giveNothing(rtc, ticket);
                else this.#host.links.give(rtc, { ticket, channel, id, block, offset, bytes: bytes.subarray(offset, offset + n) });
            },
            (error) => {
                this.#host.links.giveNothing(rtc, ticket);
                this.#fail(file, error);
            });
    }

    /** @param {number} file @param {number} ticket @param {number} block @param {number} offset @param {number} n */
    read(file, ticket, block, offset, n) {
        const none = new Uint8Array(0);
        this.#block(file, block).then(
            (bytes) => this.#host.tell('web_file_read', ticket, bytes && offset + n <= bytes.length ? bytes.subarray(offset, offset + n) : none),
            (error) => {
                this.#host.tell('web_file_read', ticket, none);
                this.#fail(file, error);
            });
    }

    /**
     * A block of a source, or a verified one of a part; its hash is checked each time. Null: it is not to be had.
     * @param {number} file
     * @param {number} block
     * @returns {Promise<Uint8Array | null>}
     */
    async #block(file, block) {
        const source = this.#sources.get(file);
        const part = this.#parts.get(file);
        const cache = (source ?? part)?.cache;
        const kept = cache?.get(block);
        if (kept) return kept;
        let bytes = null;
        if (source) {
            bytes = await bytesOf(source.blob, block * this.#host.block, this.#host.block);
            if (!same(await this.#hash(bytes), source.hashes.subarray(block * HASH, (block + 1) * HASH)))
                throw new DOMException('it has changed since it was offered', 'NotReadableError');
        } else if (part?.record.hashes && has(part.record.have, block)) {
            bytes = await this.#disk.read(part.root, block);
            if (!bytes || !same(await this.#hash(bytes), part.record.hashes.subarray(block * HASH, (block + 1) * HASH))) return null;
        }
        if (bytes && cache) {
            cache.set(block, bytes);
            if (cache.size > CACHED) cache.delete(/** @type {number} */ (cache.keys().next().value));
        }
        return bytes;
    }

    /** @param {number} number @param {boolean} keep */
    close(number, keep) {
        const source = this.#sources.get(number);
        const part = this.#parts.get(number);
        this.#sources.delete(number);
        this.#parts.delete(number);
        if (source) source.closed = true;
        if (!part) return;
        part.closed = true;
        if (!keep && !part.record.complete) part.chain = part.chain.then(() => this.#disk.remove(part.root)).catch(() => {});
    }

    /** @param {number} number @param {unknown} error */
    #fail(number, error) {
        if (!this.#sources.has(number) && !this.#parts.has(number)) return;
        this.close(number, true);
        const name = error instanceof DOMException ? error.name : '';
        if (name === 'QuotaExceededError') this.#host.tell('web_file_failed', number, 'disk-full', storeProblem(error));
        else if (name === 'NotReadableError' || name === 'NotFoundError')
            this.#host.tell('web_file_failed', number, 'file-changed', `it cannot be read as it was offered (${sentence(error)}): offer it again`);
        else this.#host.tell('web_file_failed', number, 'io', sentence(error));
    }

    // ---- parts ----

    /** @param {number} number @param {number} size @param {string} _folder @param {string} name @param {Uint8Array} root @param {boolean} tree */
    partOpen(number, size, _folder, name, root, tree) {
        /** @type {Part} */
        const part = { number, root: hex(root), size, name: safeName(tree ? `${name}.usher-tree` : name), closed: false,
            record: { size, name: '', hashes: null, have: new Uint8Array(0), complete: false, time: Date.now() }, begun: new Map(), whole: new Map(), writing: 0, idle: [], chain: Promise.resolve(), cache: new Map() };
        this.#parts.set(number, part);
        this.#find(part).catch((error) => this.#fail(number, error));
    }

    /** @param {Part} part */
    async #find(part) {
        const blocks = Math.ceil(part.size / this.#host.block);
        const found = await this.#disk.find(part.root);
        const record = found?.size === part.size && found.hashes?.length === blocks * HASH ? found
            : { size: part.size, name: part.name, hashes: null, have: new Uint8Array(Math.ceil(blocks / 8)), complete: false, time: Date.now() };
        record.name = part.name;
        part.record = record;
        if (record.hashes)
            for (let block = 0; block < blocks && !part.closed; block++)
                if (has(record.have, block) && !(await this.#sound(part, block))) record.have[block >> 3] &= ~(1 << (block & 7));
        if (part.closed) return;
        await this.#disk.note(part.root, record);
        const none = new Uint8Array(0);
        this.#host.tell('web_part_opened', part.number, record.hashes ?? none, record.hashes ? record.have : none);
    }

    /** @param {Part} part @param {number} block */
    async #sound(part, block) {
        const bytes = await this.#disk.read(part.root, block);
        const { hashes } = part.record;
        return bytes !== null && hashes !== null && same(await this.#hash(bytes), hashes.subarray(block * HASH, (block + 1) * HASH));
    }

    /** @param {number} number @param {Uint8Array} hashes */
    partHashes(number, hashes) {
        const part = this.#parts.get(number);
        if (!part) return;
        part.record.hashes = hashes;
        this.#later(part, () => this.#disk.note(part.root, part.record));
    }

    /** @param {number} number @param {number} block @param {number} offset @param {Uint8Array} bytes */
    partWrite(number, block, offset, bytes) {
        const part = this.#parts.get(number);
        if (!part) return;
        if (offset === 0) {
            part.record.have[block >> 3] &= ~(1 << (block & 7));
            part.whole.delete(block);
            part.begun.set(block, { bytes: new Uint8Array(Math.min(this.#host.block, part.size - block * this.#host.block)), filled: 0 });
        }
        const begun = part.begun.get(block);
        if (!begun || begun.filled !== offset || offset + bytes.length > begun.bytes.length) return;
        begun.bytes.set(bytes, offset);
        begun.filled += bytes.length;
        if (begun.filled < begun.bytes.length) return;
        part.begun.delete(block);
        part.whole.set(block, begun.bytes);
        this.#tellBlock(part, block, begun.bytes).catch((error) => this.#fail(number, error));
    }

    /** @param {Part} part @param {number} block @param {Uint8Array} bytes */
    async #tellBlock(part, block, bytes) {
        const hash = await this.#hash(bytes);
        while (part.writing >= WRITING_MAX) await new Promise((resolve) => part.idle.push(() => resolve(undefined)));
        if (!part.closed && part.whole.get(block) === bytes) this.#host.tell('web_part_block', part.number, block, hash);
    }

    /** @param {number} number @param {number} block */
    partVerified(number, block) {
        const part = this.#parts.get(number);
        const bytes = part?.whole.get(block);
        if (!part || !bytes) return;
        part.whole.delete(block);
        part.writing++;
        this.#later(part, async () => {
            part.record.have[block >> 3] |= 1 << (block & 7);
            await this.#disk.write(part.root, block, bytes, part.record);
            part.writing--;
            part.idle.splice(0).forEach((go) => go());
        });
    }

    /** @param {number} number */
    partFinish(number) {
        const part = this.#parts.get(number);
        if (!part) return;
        this.#later(part, async () => {
            part.record.complete = true;
            await this.#disk.note(part.root, part.record);
            if (!part.closed) this.#host.tell('web_part_done', number, `${PART_FOLDER}/${part.root}/${part.name}`);
        });
    }

    /** Behind what was begun of it. @param {Part} part @param {() => Promise<void>} step */
    #later(part, step) {
        part.chain = part.chain.then(() => step()).catch((error) => this.#fail(part.number, error));
    }

    // ---- what was received ----

    /**
     * The file of a path that `file-complete` told.
     * @param {string} path
     * @returns {Promise<File>}
     */
    async received(path) {
        const [folder, root] = path.split('/');
        const record = folder === PART_FOLDER ? await this.#disk.find(root) : undefined;
        if (!record?.complete) throw new DOMException(`there is no received file ${path}`, 'NotFoundError');
        const blobs = await this.#disk.blobs(root, Math.ceil(record.size / this.#host.block));
        return new File(blobs, record.name);
    }

    /** Those that are there, whole. @returns {Promise<{ path: string, name: string, bytes: number, time: number }[]>} */
    async list() {
        const all = await this.#host.store.all(STORES.parts);
        return all.filter(([, r]) => r.complete).map(([root, r]) => ({ path: `${PART_FOLDER}/${root}/${r.name}`, name: r.name, bytes: r.size, time: r.time }));
    }

    /** @param {string} path */
    async forget(path) {
        const [folder, root] = path.split('/');
        if (folder === PART_FOLDER) await this.#disk.remove(root);
    }

    /** @param {Uint8Array} bytes */
    async #hash(bytes) {
        if (!crypto.subtle) return this.#host.sha256(bytes);
        return new Uint8Array(await crypto.subtle.digest('SHA-256', /** @type {any} */ (bytes)));
    }
}

/** @param {string} path */
const nameOf = (path) => path.slice(path.lastIndexOf('/') + 1);

/** @param {Blob} blob @param {number} at @param {number} n */
const bytesOf = async (blob, at, n) => new Uint8Array(await blob.slice(at, at + n).arrayBuffer());
