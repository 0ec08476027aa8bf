// SPDX-License-Identifier: MIT
//
// A plain peer: no key, no library, only what a browser has. The page beside this file runs it in Chromium, the tests
// run it in Node on @roamhq/wrtc. It calls whoever has the larger signaling id, and answers the others.

export class PlainPeer {
    #links = new Map(); // signaling id → { pc, channel, early }
    #next = 0;

    // mangle: may change a description before it is sent. on: called with (name, event) for all that happens. metadata
    // is shown to the room, introduce(connection) says what goes first over a channel, and files(id, channel) has the channel of
    // files that the other opens: for peers that are not plain.
    constructor({ RTCPeerConnection, WebSocket, url, name, metadata, introduce, files, mangle = (d) => d, on = () => {} }) {
        Object.assign(this, { RTCPeerConnection, name, metadata, introduce, files, mangle, on });
        this.ws = new WebSocket(url, 'usher.v1');
        this.ws.onmessage = ({ data }) => this.#signal(JSON.parse(data));
        this.welcomed = new Promise((resolve) => (this.onwelcome = resolve));
    }

    join(room) {
        this.#tell({ type: 'join-room', roomId: room, displayName: this.name, metadata: this.metadata });
    }

    #tell(message) {
        this.ws.send(JSON.stringify(message));
    }

    async #signal(m) {
        this.on('signal', m);
        const from = this.#links.get(m.from);
        if (m.type === 'welcome') this.onwelcome((this.id = m.peerId));
        else if (m.type === 'peers') for (const { peerId } of m.peers) this.#meet(peerId);
        else if (m.type === 'peer-joined') this.#meet(m.peerId);
        else if (m.type === 'peer-left') this.#drop(m.peerId);
        else if (m.type === 'offer') await this.#answer(m);
        else if (m.type === 'answer') await this.#described(from, m);
        else if (m.type === 'ice-candidate' && m.candidate) await this.#candidate(from, m.candidate);
    }

    async #meet(id) {
        if (this.id > id) return;
        const link = this.#link(id, `${this.id}-${++this.#next}`);
        this.#watch(id, link, link.pc.createDataChannel('usher'));
        await link.pc.setLocalDescription(await link.pc.createOffer());
        this.#tell(this.mangle({ type: 'offer', to: id, link: link.name, sdp: link.pc.localDescription.sdp }));
    }

    async #answer(m) {
        const link = this.#links.get(m.from) ?? this.#link(m.from, m.link);
        await this.#described(link, m);
        await link.pc.setLocalDescription(await link.pc.createAnswer());
        this.#tell(this.mangle({ type: 'answer', to: m.from, link: link.name, sdp: link.pc.localDescription.sdp }));
    }

    async #described(link, { type, sdp }) {
        await link.pc.setRemoteDescription({ type, sdp });
        link.described = true;
        for (const candidate of link.early.splice(0)) await link.pc.addIceCandidate(candidate);
    }

    async #candidate(link, candidate) {
        if (link?.described) await link.pc.addIceCandidate(candidate);
        else link?.early.push(candidate);
    }

    #link(id, name) {
        const pc = new this.RTCPeerConnection({ iceServers: [] });
        const link = { pc, name, early: [], described: false };
        pc.onicecandidate = ({ candidate }) =>
            this.#tell({ type: 'ice-candidate', to: id, link: name, candidate: candidate?.toJSON?.() ?? candidate });
        pc.ondatachannel = ({ channel }) =>
            channel.label === 'usher-files' ? this.files?.(id, channel) : this.#watch(id, link, channel);
        pc.onconnectionstatechange = () => this.on('connection', { id, state: pc.connectionState });
        this.#links.set(id, link);
        return link;
    }

    #watch(id, link, channel) {
        link.channel = channel;
        const introduce = () => {
            if (channel.readyState !== 'open') return; // refused and closed by the other side, before this was told
            if (this.introduce) channel.send(this.introduce(link.pc));
            else this.post(id, { type: 'peer_introduction', content: { metadata: { name: this.name } } });
            this.on('open', { id });
        };
        channel.onmessage = ({ data }) => this.#message(id, JSON.parse(data));
        channel.onclose = () => this.on('closed', { id });
        if (channel.readyState === 'open') introduce();
        else channel.onopen = introduce;
    }

    #message(id, m) {
        this.on('message', { ...m, link: id });
        if (this.#links.get(id)?.channel.readyState !== 'open') return;
        if (/^(direct|group|private)_message$/.test(m.type))
            this.post(id, { type: 'message_delivered', content: { metadata: { of: [m.id] } } });
        if (m.type === 'heartbeat' && m.content.metadata.ping !== undefined)
            this.post(id, { type: 'heartbeat', content: { metadata: { pong: m.content.metadata.ping } } });
    }

    // One message on the link to this peer; its id.
    post(to, message) {
        const id = `m${++this.#next}`;
        this.channel(to).send(JSON.stringify({ id, ...message }));
        return id;
    }

    // To everybody that there is a link to.
    say(text) {
        for (const [id, { channel }] of this.#links)
            if (channel?.readyState === 'open') this.post(id, { type: 'group_message', content: { text } });
    }

    channel(id) {
        return this.#links.get(id).channel;
    }

    #drop(id) {
        this.#links.get(id)?.pc.close();
        this.#links.delete(id);
    }

    close() {
        for (const id of [...this.#links.keys()]) this.#drop(id);
        this.ws.close(1000);
    }
}
