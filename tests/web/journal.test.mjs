// SPDX-License-Identifier: MIT
//
// The journal of the browser's store against a plain table: whatever is changed, moved and loaded in whatever order.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Journal, overlaid, packChanges, unpackChanges } from '../../web/host/journal.js';

const encoder = new TextEncoder();
const TABLES = 2;
const KEYS = Array.from({ length: 24 }, (_, i) => `k${i % 3}${[...'é\u{1f600}z'].slice(0, i % 4).join('')}${i}`);

// Numbers that are the same in each run (mulberry32).
function numbers(seed) {
    return (below) => {
        seed = (seed + 0x6d2b79f5) | 0;
        let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
        t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
        return ((t ^ (t >>> 14)) >>> 0) % below;
    };
}

const byBytes = ([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b));
const rowsOf = (table, from, to) => [...table].map(([key, value]) => [encoder.encode(key), value]).sort(byBytes)
    .filter(([key]) => Buffer.compare(key, Buffer.from(from)) >= 0 && (to === '' || Buffer.compare(key, Buffer.from(to)) < 0));
const plain = (rows) => rows.map(([key, value]) => [Buffer.from(key).toString(), Buffer.from(value).toString()]);

function write(table, { key, value }) {
    if (value) table.set(key, value);
    else table.delete(key);
}

test('what is packed is unpacked', () => {
    const changes = [{ table: 3, key: 'ä', value: encoder.encode('text') }, { table: 0, key: '', value: null }, { table: 11, key: 'k', value: new Uint8Array(0) }];
    assert.deepEqual(unpackChanges(packChanges(changes)), changes);
    assert.deepEqual(unpackChanges(packChanges([])), []);
});

test('tables with a journal over them are as if each change had been made at once', () => {
    for (let seed = 1; seed <= 40; seed++) {
        const below = numbers(seed);
        const model = Array.from({ length: TABLES }, () => new Map());
        const disk = Array.from({ length: TABLES }, () => new Map());
        const journal = new Journal();
        for (let record = 1; record <= 120; record++) {
            const changes = new Map();
            for (let i = below(6); i >= 0; i--) {
                const change = { table: below(TABLES), key: KEYS[below(KEYS.length)], value: below(3) ? encoder.encode(`${record}.${i}`) : null };
                changes.set(`${change.table} ${change.key}`, change);
                write(model[change.table], change);
            }
            journal.add(record, [...changes.values()]);
            if (below(4) === 0) {
                const { records, changes: moved } = journal.oldest(1 + below(12));
                for (const change of moved) write(disk[change.table], change);
                journal.drop(records);
            }
            const table = below(TABLES);
            const [from, to] = [KEYS[below(KEYS.length)], below(2) ? '' : KEYS[below(KEYS.length)]];
            const [limit, lastFirst] = [1 + below(8), below(2) === 1];
            const over = journal.between(table, from, to);
            const order = (rows) => (lastFirst ? rows.reverse() : rows);
            const found = overlaid(order(rowsOf(disk[table], from, to)).slice(0, limit + over.length), over, limit, lastFirst);
            assert.deepEqual(plain(found), plain(order(rowsOf(model[table], from, to)).slice(0, limit)), `seed ${seed}, record ${record}`);
        }
        const { records, changes } = journal.oldest(Infinity);
        for (const change of changes) write(disk[change.table], change);
        journal.drop(records);
        assert.deepEqual(disk, model);
        assert.equal(journal.rows, 0);
    }
});
