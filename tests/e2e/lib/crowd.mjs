// SPDX-License-Identifier: MIT
//
// Many members that keep what they hear of each other, and come back by themselves to whichever daemon a proxy gives them.
import WebSocket from 'ws';
import { until } from './cluster.mjs';

const RETRY_MS = 100;

export class Member {
    constructor(url, room) {
        Object.assign(this, { url, room, view: new Set(), heard: [], ways: [], gone: false, resumes: 0, waits: [] });
        this.#open();
    }

    #open() {
        this.ready = false;
        this.opened = performance.now();
        this.ws = new WebSocket(this.url, 'usher.v1', { perMessageDeflate: false });
        this.ws.on('message', (data) => this.#take(JSON.parse(data.toString())));
        this.ws.on('error', () => {});
        this.ws.on('close', (code) => {
            this.last = `closed ${code}`;
            this.ready = false;
            if (!this.gone && !this.stays) setTimeout(() => this.#open(), RETRY_MS);
        });
    }

    #sit(message) {
        if (message.type === 'resumed') this.waits.push(performance.now() - this.opened);
        this.resumes += message.type === 'resumed';
        Object.assign(this, { peerId: message.peerId, token: message.resumeToken, ready: true });
        this.view = new Set(message.peers.map((p) => p.peerId));
    }

    #take(message) {
        this.last = message.type;
        switch (message.type) {
            case 'welcome':
                this.send(this.token ? { type: 'resume', resumeToken: this.token } : { type: 'join-room', roomId: this.room });
                break;
            case 'peers':
            case 'resumed':
                this.#sit(message);
                break;
            case 'peer-joined':
                this.view.add(message.peerId);
                break;
            case 'peer-back':
                if (message.previousPeerId) {
                    this.view.delete(message.previousPeerId);
                    this.ways.push([message.previousPeerId, message.peerId]);
                }
                this.view.add(message.peerId);
                break;
            case 'peer-left':
                this.view.delete(message.peerId);
                break;
            case 'signal':
                this.heard.push(message);
                break;
            case 'error':
                if (message.code === 'resume-failed') {
                    this.token = undefined;
                    this.send({ type: 'join-room', roomId: this.room });
                } else {
                    this.refused = [...this.refused ?? [], message];
                }
                break;
            default:
        }
    }

    send(message) {
        if (this.ws.readyState === WebSocket.OPEN) this.ws.send(JSON.stringify(message));
    }

    signal(to, data) {
        this.send({ type: 'signal', to: to.peerId, data });
    }

    get node() {
        return this.peerId?.split('.')[0];
    }

    // For good, and without a word.
    vanish() {
        this.gone = true;
        this.ws.terminate();
    }
}

// rooms x size members, all in; they come in a few at a time.
export async function gather(url, rooms, size, name = 'crowd') {
    const all = [];
    for (let i = 0; i < rooms * size; i++) {
        all.push(new Member(typeof url === 'function' ? url(i) : url, `${name}-${i % rooms}`));
        if (i % 50 === 49) await until(() => all.filter((m) => !m.ready).length < 50, 'they do not come in', 30000);
    }
    await until(() => all.every((m) => m.ready), 'not all came in', 30000);
    return all;
}

// What is wrong with what they believe of each other; null: everybody knows all others of its room, and nobody else.
export function disagreement(all) {
    const rooms = Map.groupBy ? Map.groupBy(all.filter((m) => !m.gone), (m) => m.room)
        : all.filter((m) => !m.gone).reduce((map, m) => map.set(m.room, [...map.get(m.room) ?? [], m]), new Map());
    for (const [room, members] of rooms) {
        const ids = new Set(members.map((m) => m.peerId));
        for (const m of members) {
            if (!m.ready) return `${room}: ${m.peerId} is not there: ${m.last}, ${JSON.stringify(m.refused)}`;
            const missing = [...ids].filter((id) => id !== m.peerId && !m.view.has(id));
            const ghosts = [...m.view].filter((id) => !ids.has(id));
            if (missing.length + ghosts.length) return `${room}: ${m.peerId} lacks ${missing} and sees ${ghosts}`;
        }
    }
    return null;
}

export const agree = (all, ms) => until(() => disagreement(all) === null, () => disagreement(all), ms);

// The distance of each to the next member of its room, once around.
export function circles(all) {
    const rooms = new Map();
    for (const m of all) if (!m.gone) rooms.set(m.room, [...rooms.get(m.room) ?? [], m]);
    return [...rooms.values()].flatMap((members) => members.map((m, i) => [m, members[(i + 1) % members.length]]));
}
