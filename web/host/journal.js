// SPDX-License-Identifier: MIT
//
// What was changed and is not in the tables yet. IndexedDB takes a row in some 0.4 ms, whatever is in it, and a message changes ten: so
// all changes of a turn are one record of a journal, and the rows follow when there is time, each as it was changed last. Until then
// whoever loads sees the tables with the journal's changes over them. Pure.

const GONE = 0xffffffff; // in place of a value's length
const HEAD = 9; // of a change: its table, the lengths of key and value

/** @typedef {{ table: number, key: string, value: Uint8Array | null }} Change value: null: the row is gone */
/** @typedef {[key: Uint8Array, value: Uint8Array]} Row */

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** @param {Change[]} changes @returns {Uint8Array} */
export function packChanges(changes) {
    const all = changes.map(({ table, key, value }) => ({ table, key: encoder.encode(key), value }));
    const out = new Uint8Array(all.reduce((n, { key, value }) => n + HEAD + key.length + (value?.length ?? 0), 0));
    const view = new DataView(out.buffer);
    let at = 0;
    for (const { table, key, value } of all) {
        out[at] = table;
        view.setUint32(at + 1, key.length, true);
        view.setUint32(at + 5, value ? value.length : GONE, true);
        out.set(key, at + HEAD);
        if (value) out.set(value, at + HEAD + key.length);
        at += HEAD + key.length + (value?.length ?? 0);
    }
    return out;
}

/** @param {Uint8Array} record @returns {Change[]} */
export function unpackChanges(record) {
    const view = new DataView(record.buffer, record.byteOffset, record.length);
    const changes = [];
    for (let at = 0; at < record.length;) {
        const keyLength = view.getUint32(at + 1, true);
        const valueLength = view.getUint32(at + 5, true);
        const value = at + HEAD + keyLength;
        const end = value + (valueLength === GONE ? 0 : valueLength);
        changes.push({ table: record[at], key: decoder.decode(record.subarray(at + HEAD, value)),
            value: valueLength === GONE ? null : record.slice(value, end) });
        at = end;
    }
    return changes;
}

/** @param {Uint8Array} a @param {Uint8Array} b as their bytes sort */
function compare(a, b) {
    const n = Math.min(a.length, b.length);
    for (let i = 0; i < n; i++) if (a[i] !== b[i]) return a[i] - b[i];
    return a.length - b.length;
}

/**
 * Rows of a table, with changes over them.
 * @param {Row[]} rows in order, or if lastFirst the other way round
 * @param {Change[]} changes
 * @param {number} limit
 * @param {boolean} lastFirst
 * @returns {Row[]}
 */
export function overlaid(rows, changes, limit, lastFirst) {
    const changed = new Set(changes.map(({ key }) => key));
    const kept = rows.filter(([key]) => !changed.has(decoder.decode(key)));
    for (const { key, value } of changes) if (value) kept.push([encoder.encode(key), value]);
    if (changes.length > 0) kept.sort(([a], [b]) => (lastFirst ? compare(b, a) : compare(a, b)));
    return kept.slice(0, limit);
}

/** The records that are not in the tables yet, the oldest first, and the last change of each row in them. */
export class Journal {
    /** @type {Map<string, Change & { record: number }>[]} of each table, by key */
    #last = [];
    /** @type {{ record: number, changes: Change[] }[]} */
    #records = [];
    #rows = 0;

    /** How many changes they have. */
    get rows() {
        return this.#rows;
    }

    /** @param {number} record counts up @param {Change[]} changes */
    add(record, changes) {
        this.#records.push({ record, changes });
        this.#rows += changes.length;
        for (const change of changes) (this.#last[change.table] ??= new Map()).set(change.key, { ...change, record });
    }

    /**
     * Changes of a table's rows with from <= key < to (empty: to the end).
     * @param {number} table
     * @param {string} from
     * @param {string} to
     * @returns {Change[]}
     */
    between(table, from, to) {
        const [first, end] = [encoder.encode(from), encoder.encode(to)];
        return [...(this.#last[table]?.values() ?? [])].filter(({ key }) => {
            const bytes = encoder.encode(key);
            return compare(bytes, first) >= 0 && (end.length === 0 || compare(bytes, end) < 0);
        });
    }

    /**
     * The oldest records, with at most about so many changes, and what of them is to be written: rows that a later record changes
     * again wait for that one. They stay until `drop`.
     * @param {number} most
     * @returns {{ records: number[], changes: Change[] }}
     */
    oldest(most) {
        const records = [];
        const changes = [];
        let seen = 0;
        for (const { record, changes: all } of this.#records) {
            if (records.length > 0 && seen + all.length > most) break;
            seen += all.length;
            records.push(record);
            for (const change of all) if (this.#last[change.table].get(change.key)?.record === record) changes.push(change);
        }
        return { records, changes };
    }

    /** They are in the tables. @param {number[]} records the oldest */
    drop(records) {
        for (const { record, changes } of this.#records.splice(0, records.length)) {
            this.#rows -= changes.length;
            for (const { table, key } of changes) if (this.#last[table].get(key)?.record === record) this.#last[table].delete(key);
        }
    }
}
