// SPDX-License-Identifier: MIT
//
// Blocks of files that are being received, in IndexedDB: a block is a row, written in one transaction with the map that names
// it. So a part is found again after a crash at any moment, in every browser and window that has IndexedDB at all, and a file that
// is whole is made of its blocks without reading them.
import { STORES } from './store.js';

/** @typedef {{ size: number, name: string, hashes: Uint8Array | null, have: Uint8Array, complete: boolean, time: number }} PartRecord */

export class PartStore {
    /** @param {import('./store.js').Store} store */
    constructor(store) {
        this.store = store;
    }

    /** @param {string} root @returns {Promise<PartRecord | undefined>} */
    find(root) {
        return this.store.get(STORES.parts, root);
    }

    /** @param {string} root @param {PartRecord} record */
    note(root, record) {
        return this.store.set([[STORES.parts, root, { ...record, have: record.have.slice() }]], 'relaxed');
    }

    /** @param {string} root @param {number} block @param {Uint8Array} bytes @param {PartRecord} record */
    write(root, block, bytes, record) {
        return this.store.set([
            [STORES.blocks, [root, block], new Blob([/** @type {any} */ (bytes)])],
            [STORES.parts, root, { ...record, have: record.have.slice() }],
        ], 'relaxed');
    }

    /** @param {string} root @param {number} block @returns {Promise<Uint8Array | null>} */
    async read(root, block) {
        const blob = await this.store.get(STORES.blocks, [root, block]);
        return blob ? new Uint8Array(await blob.arrayBuffer()) : null;
    }

    /** @param {string} root @param {number} blocks @returns {Promise<Blob[]>} */
    async blobs(root, blocks) {
        const all = [];
        for (let block = 0; block < blocks; block++) all.push(await this.store.get(STORES.blocks, [root, block]));
        return all;
    }

    /** @param {string} root */
    remove(root) {
        return this.store.set([
            [STORES.blocks, IDBKeyRange.bound([root, 0], [root, Infinity]), undefined],
            [STORES.parts, root, undefined],
        ], 'relaxed');
    }
}
