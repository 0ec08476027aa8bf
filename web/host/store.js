// SPDX-License-Identifier: MIT
//
// The core's tables in IndexedDB: one database a state, one object store a table. Keys and values are bytes, so keys sort as
// the core has them. What a turn puts, deletes and loads is one transaction, in order; a commit is answered when it is on the
// disk (`durability: 'strict'`), and one transaction answers all commits that waited for it. Of several changes of one row in a
// transaction the last is made: a busy turn would else write the same few rows hundreds of times.
import { UsherError, sentence } from './errors.js';

const VERSION = 1;
/** Beside the core's tables. */
export const STORES = { meta: 'host-meta', known: 'host-known', files: 'host-files', parts: 'host-parts', blocks: 'host-blocks' };

/**
 * @typedef {{ op: 'put', table: string, key: string, value: Uint8Array } | { op: 'delete', table: string, key: string }
 *     | { op: 'commit', ticket: number }
 *     | { op: 'load', ticket: number, table: string, from: string, to: string, limit: number, lastFirst: boolean, rows: [Uint8Array, Uint8Array][] }} Job
 * @typedef {{ committed(ticket: number): void, loaded(ticket: number, rows: Uint8Array): void, failed(why: string): void }} StoreEvents
 */

/**
 * @template T
 * @param {IDBRequest<T>} request
 * @returns {Promise<T>}
 */
export const done = (request) => new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
});

/**
 * @param {IDBTransaction} transaction
 * @returns {Promise<void>}
 */
export const settled = (transaction) => new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(transaction.error ?? new DOMException('the transaction was ended', 'AbortError'));
});

/** @param {unknown} error */
export function storeProblem(error) {
    const name = error instanceof DOMException ? error.name : '';
    if (name === 'QuotaExceededError')
        return "the browser's storage for this page is full: free some, for example by removing files that were received; what was accepted is kept, and goes on after a reload";
    return `the browser's storage fails: ${sentence(error)}; what was accepted is kept, and goes on after a reload`;
}

/** @param {string} name @param {string[]} tables @returns {Promise<IDBDatabase>} */
function openDatabase(name, tables) {
    return new Promise((resolve, reject) => {
        const request = indexedDB.open(name, VERSION);
        request.onupgradeneeded = () => {
            for (const table of [...tables, ...Object.values(STORES)]) request.result.createObjectStore(table);
        };
        request.onsuccess = () => resolve(request.result);
        request.onerror = () => reject(request.error);
        request.onblocked = () => reject(new DOMException('an older page has it open', 'InvalidStateError'));
    });
}

/** @param {[Uint8Array, Uint8Array][]} rows as web_loaded takes them */
function packed(rows) {
    const out = new Uint8Array(rows.reduce((sum, [key, value]) => sum + 8 + key.length + value.length, 0));
    const view = new DataView(out.buffer);
    let at = 0;
    for (const [key, value] of rows) {
        view.setUint32(at, key.length, true);
        view.setUint32(at + 4, value.length, true);
        out.set(key, at + 8);
        out.set(value, at + 8 + key.length);
        at += 8 + key.length + value.length;
    }
    return out;
}

const encoder = new TextEncoder();

/** @param {any} key */
const bytesOf = (key) => new Uint8Array(key);

export class Store {
    /** @type {Job[]} */
    #jobs = [];
    #running = false;
    #failed = false;
    #begin = false;
    /** @type {StoreEvents | null} */
    #events = null;

    /**
     * @param {IDBDatabase} db
     * @param {string[]} tables
     */
    constructor(db, tables) {
        this.db = db;
        this.tables = tables;
        db.onclose = () => this.#fail('the browser took the storage of this page away');
        db.onversionchange = () => db.close();
    }

    /**
     * @param {string} name
     * @param {string[]} tables
     */
    static async open(name, tables) {
        if (typeof indexedDB !== 'object' || !indexedDB)
            throw new UsherError('no-storage', 'this browser keeps nothing for this page (IndexedDB is missing or switched off): messages could be lost; allow it, or use another window');
        try {
            return new Store(await openDatabase(name, tables), tables);
        } catch (error) {
            throw new UsherError('no-storage', `the browser's storage cannot be opened: ${sentence(error)}; a private window may not have one: use another, or allow it`);
        }
    }

    /** @param {StoreEvents} events */
    tell(events) {
        this.#events = events;
    }

    /**
     * Each row of these tables, in the order of the tables and of their keys.
     * @param {number[]} tables
     * @param {(table: number, key: Uint8Array, value: Uint8Array) => void} each
     */
    async restore(tables, each) {
        const transaction = this.db.transaction(tables.map((t) => this.tables[t]));
        const read = tables.map((t) => {
            const store = transaction.objectStore(this.tables[t]);
            return Promise.all([done(store.getAllKeys()), done(store.getAll())]);
        });
        for (const [i, [keys, values]] of (await Promise.all(read)).entries())
            keys.forEach((key, k) => each(tables[i], bytesOf(key), values[k]));
    }

    /**
     * A row of the host's own.
     * @param {string} store
     * @param {IDBValidKey} key
     */
    get(store, key) {
        return done(this.db.transaction(store).objectStore(store).get(key));
    }

    /**
     * @param {string} store
     * @returns {Promise<[IDBValidKey, any][]>}
     */
    async all(store) {
        const from = this.db.transaction(store).objectStore(store);
        const [keys, values] = await Promise.all([done(from.getAllKeys()), done(from.getAll())]);
        return keys.map((key, i) => [key, values[i]]);
    }

    /**
     * Changes of the host's own stores, in one transaction. A value that is undefined: the row goes.
     * @param {[store: string, key: IDBValidKey | IDBKeyRange, value: unknown][]} rows
     * @param {'strict' | 'relaxed'} durability
     */
    set(rows, durability = 'strict') {
        const transaction = this.db.transaction([...new Set(rows.map(([store]) => store))], 'readwrite', { durability });
        for (const [store, key, value] of rows) {
            if (value === undefined) transaction.objectStore(store).delete(key);
            else transaction.objectStore(store).put(value, /** @type {IDBValidKey} */ (key));
        }
        return settled(transaction);
    }

    // ---- what the core asks for ----

    /** @param {number} table @param {string} key @param {Uint8Array} value */
    put(table, key, value) {
        this.#add({ op: 'put', table: this.tables[table], key, value });
    }

    /** @param {number} table @param {string} key */
    delete(table, key) {
        this.#add({ op: 'delete', table: this.tables[table], key });
    }

    /** @param {number} ticket */
    commit(ticket) {
        this.#add({ op: 'commit', ticket });
    }

    /** @param {number} ticket @param {number} table @param {string} from @param {string} to @param {number} limit @param {boolean} lastFirst */
    load(ticket, table, from, to, limit, lastFirst) {
        this.#add({ op: 'load', ticket, table: this.tables[table], from, to, limit, lastFirst, rows: [] });
    }

    /** @param {Job} job */
    #add(job) {
        if (this.#failed) return;
        this.#jobs.push(job);
        if (this.#begin || this.#running) return;
        this.#begin = true;
        queueMicrotask(() => this.#pump()); // behind the step, and all that is told of it
    }

    #pump() {
        this.#begin = false;
        if (this.#running || this.#failed || this.#jobs.length === 0) return;
        const jobs = this.#jobs;
        this.#jobs = [];
        this.#running = true;
        this.#transact(jobs).then(
            () => {
                this.#running = false;
                this.#answer(jobs);
                this.#pump();
            },
            (error) => this.#fail(storeProblem(error)));
    }

    /** @param {Job[]} jobs */
    #transact(jobs) {
        const tables = new Set(jobs.flatMap((j) => (j.op === 'commit' ? [] : [j.table])));
        if (tables.size === 0) return Promise.resolve();
        try {
            const writes = jobs.some((j) => j.op === 'put' || j.op === 'delete');
            const transaction = this.db.transaction([...tables], writes ? 'readwrite' : 'readonly', writes ? { durability: 'strict' } : {});
            for (const job of lastChanges(jobs)) {
                if (job.op === 'put') transaction.objectStore(job.table).put(job.value, encoder.encode(job.key));
                else if (job.op === 'delete') transaction.objectStore(job.table).delete(encoder.encode(job.key));
                else if (job.op === 'load') this.#read(transaction.objectStore(job.table), job);
            }
            return settled(transaction);
        } catch (error) {
            return Promise.reject(error);
        }
    }

    /** @param {IDBObjectStore} store @param {Extract<Job, { op: 'load' }>} job */
    #read(store, job) {
        const range = rangeOf(encoder.encode(job.from), encoder.encode(job.to));
        if (!range) return;
        if (!job.lastFirst) {
            const keys = store.getAllKeys(range, job.limit);
            const values = store.getAll(range, job.limit);
            values.onsuccess = () => (job.rows = values.result.map((value, i) => [bytesOf(keys.result[i]), value]));
            return;
        }
        const cursor = store.openCursor(range, 'prev');
        cursor.onsuccess = () => {
            const at = cursor.result;
            if (!at) return;
            job.rows.push([bytesOf(at.key), at.value]);
            if (job.rows.length < job.limit) at.continue();
        };
    }

    /** @param {Job[]} jobs */
    #answer(jobs) {
        const last = jobs.findLast((j) => j.op === 'commit');
        for (const job of jobs) {
            if (job.op === 'load') this.#events?.loaded(job.ticket, packed(job.rows));
            else if (job === last) this.#events?.committed(job.ticket);
        }
    }

    /** @param {string} why */
    #fail(why) {
        if (this.#failed) return;
        this.#failed = true;
        this.#jobs = [];
        this.#events?.failed(why);
    }

    /** Waits for what was asked for. */
    async close() {
        this.db.onclose = null;
        this.db.close();
    }
}

/**
 * Without those whose row is changed again before anything is loaded.
 * @param {Job[]} jobs
 * @returns {Job[]}
 */
function lastChanges(jobs) {
    /** @type {Set<string>} */
    const changed = new Set();
    const kept = [];
    for (const job of jobs.toReversed()) {
        if (job.op === 'load') changed.clear();
        if (job.op === 'put' || job.op === 'delete') {
            const row = `${job.table} ${job.key}`;
            if (changed.has(row)) continue;
            changed.add(row);
        }
        kept.push(job);
    }
    return kept.reverse();
}

/** @param {Uint8Array} from @param {Uint8Array} to left out; empty: to the end. Null: there is nothing between them */
function rangeOf(from, to) {
    if (to.length === 0) return IDBKeyRange.lowerBound(from);
    return indexedDB.cmp(from, to) < 0 ? IDBKeyRange.bound(from, to, false, true) : null;
}
