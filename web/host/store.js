// SPDX-License-Identifier: MIT
//
// The core's tables in IndexedDB: one database a state, one object store a table. Keys and values are bytes, so keys sort as
// the core has them. What a turn puts and deletes is one record of a journal (journal.js), in one transaction, on the disk before
// the commit is answered (`durability: 'strict'`); one transaction answers all commits that waited for it. Rows go from the journal
// into the tables when nothing else is to be done, or the journal is long; what an earlier page left in it is put there first.
import { Journal, overlaid, packChanges, unpackChanges } from './journal.js';
import { UsherError, sentence } from './errors.js';

const VERSION = 1;
const JOURNAL = 'host-journal';
const ROWS_AT_ONCE = 256; // from the journal into the tables: what asks for the store meanwhile waits for them
const JOURNAL_MAX = 4096; // changes, above which they go there though there is other work
const IDLE_MS = 100; // without work
/** Beside the core's tables. */
export const STORES = { meta: 'host-meta', known: 'host-known', files: 'host-files', parts: 'host-parts', blocks: 'host-blocks' };

/**
 * @typedef {import('./journal.js').Change} Change
 * @typedef {{ op: 'load', ticket: number, table: number, from: string, to: string, limit: number, lastFirst: boolean,
 *     over: Change[], rows: import('./journal.js').Row[] }} Load
 * @typedef {{ op: 'change', change: Change } | { op: 'commit', ticket: number } | Load} Job
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
            for (const table of [...tables, ...Object.values(STORES), JOURNAL]) request.result.createObjectStore(table);
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
    #journal = new Journal();
    #records = 0; // the number of the newest
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    #idle;
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
            const store = new Store(await openDatabase(name, tables), tables);
            await store.#replay();
            return store;
        } catch (error) {
            throw new UsherError('no-storage', `the browser's storage cannot be opened: ${sentence(error)}; a private window may not have one: use another, or allow it`);
        }
    }

    /** What an earlier page left in the journal. */
    async #replay() {
        const journal = this.db.transaction(JOURNAL).objectStore(JOURNAL);
        const [numbers, records] = await Promise.all([done(journal.getAllKeys()), done(journal.getAll())]);
        records.forEach((record, i) => this.#journal.add(Number(numbers[i]), unpackChanges(record)));
        this.#records = Number(numbers.at(-1) ?? 0);
        if (records.length > 0) await this.#settleRows(Infinity);
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
        this.#add({ op: 'change', change: { table, key, value } });
    }

    /** @param {number} table @param {string} key */
    delete(table, key) {
        this.#add({ op: 'change', change: { table, key, value: null } });
    }

    /** @param {number} ticket */
    commit(ticket) {
        this.#add({ op: 'commit', ticket });
    }

    /** @param {number} ticket @param {number} table @param {string} from @param {string} to @param {number} limit @param {boolean} lastFirst */
    load(ticket, table, from, to, limit, lastFirst) {
        this.#add({ op: 'load', ticket, table, from, to, limit, lastFirst, over: [], rows: [] });
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
        if (this.#running || this.#failed) return;
        clearTimeout(this.#idle);
        const jobs = this.#jobs;
        this.#jobs = [];
        if (this.#journal.rows > JOURNAL_MAX || (jobs.length === 0 && this.#journal.rows > 0)) {
            if (jobs.length === 0) this.#idle = setTimeout(() => this.#work(this.#settleRows(ROWS_AT_ONCE), []), IDLE_MS);
            else this.#work(this.#settleRows(ROWS_AT_ONCE).then(() => this.#transact(jobs)), jobs);
        } else if (jobs.length > 0) {
            this.#work(this.#transact(jobs), jobs);
        }
    }

    /** @param {Promise<unknown>} done @param {Job[]} jobs that it answers */
    #work(done, jobs) {
        this.#running = true;
        done.then(
            () => {
                this.#running = false;
                this.#answer(jobs);
                this.#pump();
            },
            (error) => this.#fail(storeProblem(error)));
    }

    /** @param {Job[]} jobs */
    async #transact(jobs) {
        /** @type {Map<string, Change>} the last of each row */
        const changes = new Map();
        const loads = [];
        for (const job of jobs) {
            if (job.op === 'change') changes.set(`${job.change.table} ${job.change.key}`, job.change);
            if (job.op !== 'load') continue;
            // What it is to see: the journal, and what stands before it here.
            const before = new Journal();
            before.add(0, [...changes.values()]);
            job.over = [...new Map([...this.#journal.between(job.table, job.from, job.to), ...before.between(job.table, job.from, job.to)]
                .map((change) => [change.key, change])).values()];
            loads.push(job);
        }
        const tables = new Set(loads.map((job) => this.tables[job.table]));
        if (changes.size > 0) tables.add(JOURNAL);
        if (tables.size === 0) return;
        const transaction = this.db.transaction([...tables], changes.size > 0 ? 'readwrite' : 'readonly', changes.size > 0 ? { durability: 'strict' } : {});
        if (changes.size > 0) {
            const all = [...changes.values()];
            this.#journal.add(++this.#records, all);
            transaction.objectStore(JOURNAL).put(packChanges(all), this.#records);
        }
        for (const job of loads) this.#read(transaction.objectStore(this.tables[job.table]), job);
        await settled(transaction);
        for (const job of loads) job.rows = overlaid(job.rows, job.over, job.limit, job.lastFirst);
    }

    /** The oldest of the journal go into the tables. @param {number} most */
    async #settleRows(most) {
        const { records, changes } = this.#journal.oldest(most);
        const transaction = this.db.transaction([...this.tables, JOURNAL], 'readwrite', { durability: 'relaxed' });
        for (const { table, key, value } of changes) {
            const store = transaction.objectStore(this.tables[table]);
            if (value) store.put(value, encoder.encode(key));
            else store.delete(encoder.encode(key));
        }
        transaction.objectStore(JOURNAL).delete(IDBKeyRange.upperBound(records.at(-1)));
        await settled(transaction);
        this.#journal.drop(records);
    }

    /** @param {IDBObjectStore} store @param {Load} job */
    #read(store, job) {
        const range = rangeOf(encoder.encode(job.from), encoder.encode(job.to));
        const limit = job.limit + job.over.length; // so many may be gone
        if (!range) return;
        if (!job.lastFirst) {
            const keys = store.getAllKeys(range, limit);
            const values = store.getAll(range, limit);
            values.onsuccess = () => (job.rows = values.result.map((value, i) => [bytesOf(keys.result[i]), value]));
            return;
        }
        const cursor = store.openCursor(range, 'prev');
        cursor.onsuccess = () => {
            const at = cursor.result;
            if (!at) return;
            job.rows.push([bytesOf(at.key), at.value]);
            if (job.rows.length < limit) at.continue();
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

    /** What was asked for and is not on the disk is dropped. */
    close() {
        this.#failed = true;
        clearTimeout(this.#idle);
        this.db.onclose = null;
        this.db.close();
    }
}

/** @param {Uint8Array} from @param {Uint8Array} to left out; empty: to the end. Null: there is nothing between them */
function rangeOf(from, to) {
    if (to.length === 0) return IDBKeyRange.lowerBound(from);
    return indexedDB.cmp(from, to) < 0 ? IDBKeyRange.bound(from, to, false, true) : null;
}
