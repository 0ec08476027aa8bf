// SPDX-License-Identifier: MIT
//
// A plain peer in Node, on @roamhq/wrtc: a WebRTC stack that is not ours.
import { after } from 'node:test';
import wrtc from '@roamhq/wrtc';
import WebSocket from 'ws';
import { PlainPeer } from '../pages/plain.js';
import { connect } from './client.mjs';
import { within } from './daemon.mjs';

const PATIENCE_MS = 15000;
const TRIES = 64; // beside a seat in the middle each has a chance of 7 in 32: all fail once in 7 million runs

// What a test that failed leaves behind would keep the process.
const made = new Set();
after(() => made.forEach((peer) => peer.close()));

class Node extends PlainPeer {
    constructor(options) {
        super({ RTCPeerConnection: wrtc.RTCPeerConnection, WebSocket, ...options, on: (name, event) => this.take(name, event) });
    }

    take(name, event) {
        const thing = { name, ...event };
        (this.seen ??= []).push(thing);
        this.asking = (this.asking ?? []).filter(({ accept, resolve }) => !accept(thing) || resolve(thing));
    }

    // The first thing seen, before or after now, that is accepted.
    until(accept, what = 'it') {
        const found = (this.seen ?? []).find(accept);
        if (found) return Promise.resolve(found);
        const thing = new Promise((resolve) => (this.asking ??= []).push({ accept, resolve }));
        return within(PATIENCE_MS, thing, () => `${what} did not come: ${JSON.stringify((this.seen ?? []).slice(-10))}`);
    }
}

// The signaling id of the one member of a room.
export async function seatOf(url, room) {
    const client = await connect(url);
    const { peers } = await client.join(room);
    await client.close(1000);
    return peers[0].peerId;
}

// Joins somebody as the first in a room until that seat has enough ids on either side of it: { peer, seat }.
export async function seatInTheMiddle(url, room, join) {
    for (;;) {
        const peer = await join();
        const seat = await seatOf(url, room);
        if (/\.[g-s]/.test(seat)) return { peer, seat };
        await peer.stop();
    }
}

// A plain peer whose signaling id is smaller than the given one (it calls), or larger (it is called); not joined yet.
export async function plainPeer({ url, than, smaller, ...options }) {
    for (let i = 0; i < TRIES; i++) {
        const peer = new Node({ url, name: 'plain', ...options });
        made.add(peer);
        const id = await within(PATIENCE_MS, peer.welcomed, 'no welcome');
        if (than === undefined || id < than === smaller) return peer;
        peer.close();
    }
    throw new Error('no such signaling id');
}
