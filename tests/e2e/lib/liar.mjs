// SPDX-License-Identifier: MIT
//
// A signaling server that lies: it stands between peers and a real daemon, and may change whatever passes. The middleman
// is the worst of its kind, which also ends both handshakes.
import wrtc from '@roamhq/wrtc';
import { once } from 'node:events';
import { after } from 'node:test';
import WebSocket, { WebSocketServer } from 'ws';

// A test that failed leaves its liars to this.
const open = new Set();
const middlemen = new Set();
after(() => Promise.all([...middlemen, ...open].map((one) => one.close())));

export class Liar {
    // What a client is told, or says, instead of the message; null: nothing at all.
    down = (message) => message;
    up = (message) => message;
    clients = new Set(); // each with `name`, `card` (its metadata) and `seat` as they become known

    constructor(server, daemon) {
        this.server = server;
        this.url = `ws://127.0.0.1:${server.address().port}/ws`;
        server.on('connection', (ws) => this.#serve(ws, daemon));
    }

    #serve(ws, daemon) {
        const way = new WebSocket(daemon, 'usher.v1');
        const early = [];
        const client = { tell: (message) => ws.readyState === WebSocket.OPEN && ws.send(JSON.stringify(message)) };
        const pass = (message) => (way.readyState === WebSocket.OPEN ? way.send(message) : early.push(message));
        this.clients.add(client);
        ws.on('message', (text) => {
            const message = JSON.parse(text);
            if (message.type === 'join-room') Object.assign(client, { name: message.displayName, card: message.metadata });
            const said = this.up(message, client);
            if (said) pass(JSON.stringify(said));
        });
        way.on('open', () => early.splice(0).forEach((message) => way.send(message)));
        way.on('message', (text) => {
            const message = JSON.parse(text);
            if (message.type === 'welcome') client.seat = message.peerId;
            const told = this.down(message, client);
            if (told) client.tell(told);
        });
        for (const [from, to] of [[ws, way], [way, ws]]) {
            from.on('error', () => {});
            from.on('close', (code) => {
                this.clients.delete(client);
                code === 1000 || code === 1001 || code >= 4000 ? to.close(code) : to.terminate();
            });
        }
    }

    // The client with this name, or in this seat.
    client(by) {
        return [...this.clients].find((client) => client.name === by || client.seat === by);
    }

    async close() {
        if (!open.delete(this)) return;
        this.server.clients.forEach((ws) => ws.terminate());
        this.server.close();
        await once(this.server, 'close');
    }
}

export async function startLiar(daemon) {
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false });
    await once(server, 'listening');
    const liar = new Liar(server, daemon.url);
    open.add(liar);
    return liar;
}

// Changes what the reader is told of a member: in `peers`, `peer-joined` and `peer-back`.
export const about = (name, change) => (message) => {
    const tell = (member) => (member.displayName === name ? change({ ...member }) : member);
    return message.peers ? { ...message, peers: message.peers.map(tell) } : message.displayName ? tell(message) : message;
};

// The fingerprints in a description, each replaced.
export const withFingerprint = (message, change) =>
    ({ ...message, sdp: message.sdp.replace(/(?<=a=fingerprint:sha-256 )[0-9A-F:]+/g, change) });

// Answers every offer in the name of the other, calls the other in the name of the first, and passes on what either
// says over the channel. `heard` keeps it: { from: a name, text }.
export class Middleman {
    heard = [];
    #calls = new Map(); // link → { offerer, answerer }, the two connections by the client at their other end

    constructor(liar) {
        this.liar = liar;
        middlemen.add(this);
        liar.up = (message, client) => (message.sdp || message.candidate !== undefined ? this.#take(message, client) : message);
    }

    #take(message, client) {
        if (message.type === 'offer') this.#call(message, client);
        const ends = this.#calls.get(message.link);
        const end = ends?.find((e) => e.client === client);
        if (message.type === 'answer') this.#describe(end, message);
        else if (message.candidate && end.described) end.pc.addIceCandidate(message.candidate).catch(() => {});
        else if (message.candidate) end.early.push(message.candidate);
        return null;
    }

    async #call(offer, offerer) {
        const answerer = this.liar.client(offer.to);
        const ends = [this.#end(offerer, answerer, offer.link), this.#end(answerer, offerer, offer.link)];
        this.#calls.get(offer.link)?.forEach(({ pc }) => pc.close());
        this.#calls.set(offer.link, ends);
        ends[0].pc.ondatachannel = ({ channel }) => this.#pass(channel, ends[0], ends[1]);
        this.#pass(ends[1].pc.createDataChannel('usher'), ends[1], ends[0]);
        await this.#describe(ends[0], offer);
        for (const [end, make] of [[ends[0], 'createAnswer'], [ends[1], 'createOffer']]) {
            await end.pc.setLocalDescription(await end.pc[make]());
            const { type, sdp } = end.pc.localDescription;
            end.client.tell({ type, from: end.other.seat, link: offer.link, sdp });
        }
    }

    #end(client, other, link) {
        const pc = new wrtc.RTCPeerConnection({ iceServers: [] });
        pc.onicecandidate = ({ candidate }) => candidate && client.tell({ type: 'ice-candidate', from: other.seat, link, candidate });
        return { client, other, pc, early: [], described: false, queue: [] };
    }

    async #describe(end, { type, sdp }) {
        await end.pc.setRemoteDescription({ type, sdp });
        end.described = true;
        for (const candidate of end.early.splice(0)) await end.pc.addIceCandidate(candidate);
    }

    #pass(channel, from, to) {
        from.channel = channel;
        channel.onopen = () => from.queue.splice(0).forEach((text) => channel.send(text));
        channel.onmessage = ({ data }) => {
            this.heard.push({ from: from.client.name, text: data });
            if (to.channel?.readyState === 'open') to.channel.send(data);
            else to.queue.push(data);
        };
    }

    close() {
        for (const ends of this.#calls.values()) ends.forEach(({ pc }) => pc.close());
    }
}
