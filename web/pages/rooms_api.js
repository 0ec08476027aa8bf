// SPDX-License-Identifier: MIT
//
// Rooms over HTTP. The key with which a room can be closed is shown once by the server, and kept in this browser.
import { kept, siteUrl } from './place.js';

const PATIENCE_MS = 10000;

export class RoomsError extends Error {
    /** @param {number} status 0: no answer @param {string} code @param {string} message */
    constructor(status, code, message) {
        super(message);
        this.status = status;
        this.code = code;
    }
}

async function ask(path, options = {}) {
    let answer;
    try {
        answer = await fetch(siteUrl(path), { ...options, cache: 'no-store', signal: AbortSignal.timeout(PATIENCE_MS) });
    } catch {
        throw new RoomsError(0, 'no-answer', 'no answer');
    }
    const body = answer.status === 204 ? {} : await answer.json().catch(() => ({}));
    if (!answer.ok) throw new RoomsError(answer.status, body.error?.code ?? '', body.error?.message ?? String(answer.status));
    return body;
}

const keys = () => JSON.parse(kept.get('owner') ?? '{}');

/** @returns {Promise<{ id: string, name: string, peers: number, maxPeers: number, locked: boolean, createdAt: number }[]>} */
export const listRooms = async () => (await ask('api/rooms')).rooms;
/** The answer, or undefined if there is no such room. @param {string} id */
export const findRoom = (id) => ask(`api/rooms/${id}`).catch((error) => {
    if (error.status === 404) return undefined;
    throw error;
});

/** The new room's id. @param {{ name?: string, password?: string, listed: boolean }} room */
export async function createRoom({ name, password, listed }) {
    const body = JSON.stringify({ ...(name ? { name } : {}), ...(password ? { password } : {}), listed });
    const { id, ownerToken } = await ask('api/rooms', { method: 'POST', headers: { 'content-type': 'application/json' }, body });
    kept.set('owner', JSON.stringify({ ...keys(), [id]: ownerToken }));
    return id;
}

/** Whether this browser has opened the room. @param {string} id */
export const isOurs = (id) => Object.hasOwn(keys(), id);
/** The rooms that this browser has opened. */
export const ourRooms = () => Object.keys(keys());

/** @param {string} id */
export function forgetRoom(id) {
    const { [id]: gone, ...others } = keys();
    kept.set('owner', JSON.stringify(others));
}

/** @param {string} id */
export async function closeRoom(id) {
    await ask(`api/rooms/${id}`, { method: 'DELETE', headers: { authorization: `Bearer ${keys()[id]}` } });
    forgetRoom(id);
}
