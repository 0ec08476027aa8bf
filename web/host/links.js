// SPDX-License-Identifier: MIT
//
// Connections by the core's numbers. What the core asks of one is done in order, one promise behind the other; what it tells
// comes as events. A channel is known by a number of ours. Channels with labels of the application's own are not the core's:
// they are handed to `onChannel` once they are open.
//
// Files leave most of the send buffer free, so that a message finds room at once, however much of files waits.

/** The channels that the core opens and hears of. */
const OF_THE_CORE = ['usher', 'usher-files'];

const CONGESTED = 1024 * 1024; // bytes that wait on a channel, above which the core is to wait
const WRITABLE = CONGESTED / 4; // and below which it goes on
const BULK = 256 * 1024; // bytes of files that may wait
const SPARE = BULK + 128 * 1024; // above which what may be lost is

/** @type {Record<string, number>} how far from direct a candidate type is */
const DISTANCE = { host: 0, prflx: 0, srflx: 1, relay: 2 };
const PATHS = ['direct', 'stun', 'turn'];

/**
 * @typedef {{ ticket: number, channel: number, id: string, block: number, offset: number, bytes: Uint8Array, done: number }} Giving
 * @typedef {{ number: number, pc: RTCPeerConnection, chain: Promise<void>, channels: Map<number, RTCDataChannel>, last: number,
 *     ever: boolean, up: boolean, path: string, ended: boolean, noMore: boolean, congested: boolean, givings: Giving[] }} Link
 * @typedef {(name: string, ...args: (string | number | boolean | Uint8Array)[]) => void} Tell
 */

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export class Links {
    /** @type {Map<number, Link>} */
    #links = new Map();
    /** @type {RTCIceServer[]} */
    #servers = [];
    #tell;
    #head;
    #chunk;
    #onChannel;
    #tamper;

    /**
     * @param {{ tell: Tell, head: (id: string, block: number, offset: number) => Uint8Array, chunk: number,
     *     onChannel: (rtc: number, channel: RTCDataChannel) => void, tamper: boolean }} host
     */
    constructor({ tell, head, chunk, onChannel, tamper }) {
        this.#tell = tell;
        this.#head = head;
        this.#chunk = chunk;
        this.#onChannel = onChannel;
        this.#tamper = tamper;
    }

    /** @param {string} list */
    servers(list) {
        this.#servers = JSON.parse(list);
    }

    /** @param {number} rtc */
    connection(rtc) {
        return this.#links.get(rtc)?.pc;
    }

    // ---- what the core asks for ----

    /** @param {number} number */
    create(number) {
        let pc;
        try {
            pc = new RTCPeerConnection({ iceServers: this.#servers });
        } catch {
            this.#tell('web_rtc_failed', number, 'closed');
            return;
        }
        /** @type {Link} */
        const link = { number, pc, chain: Promise.resolve(), channels: new Map(), last: 0, ever: false, up: false, path: '', ended: false,
            noMore: false, congested: false, givings: [] };
        this.#links.set(number, link);
        pc.onicecandidate = ({ candidate }) => this.#candidate(link, candidate);
        pc.ondatachannel = ({ channel }) => this.#adopt(link, channel);
        pc.onconnectionstatechange = () => this.#state(link);
        pc.oniceconnectionstatechange = () => this.#state(link);
    }

    /** @param {number} rtc @param {boolean} restart */
    offer(rtc, restart) {
        this.#then(rtc, 'ice', async (link) => {
            if (!restart) this.#adopt(link, link.pc.createDataChannel('usher'));
            await link.pc.setLocalDescription(await link.pc.createOffer({ iceRestart: restart }));
            this.#describe(link);
        });
    }

    /** @param {number} rtc @param {string} type @param {string} sdp */
    remote(rtc, type, sdp) {
        this.#then(rtc, 'sdp', async (link) => {
            await link.pc.setRemoteDescription({ type: /** @type {RTCSdpType} */ (type), sdp });
            if (type !== 'offer') return;
            await link.pc.setLocalDescription(await link.pc.createAnswer());
            this.#describe(link);
        });
    }

    /** One that cannot be used is never fatal. @param {number} rtc @param {string} candidate empty: there are no more */
    candidate(rtc, candidate) {
        this.#then(rtc, '', (link) => link.pc.addIceCandidate(candidate ? { candidate, sdpMLineIndex: 0 } : undefined));
    }

    /** @param {number} rtc @param {number} number @param {boolean} binary @param {boolean} spare @param {Uint8Array} bytes */
    send(rtc, number, binary, spare, bytes) {
        const link = this.#links.get(rtc);
        const channel = link?.channels.get(number);
        if (!link || channel?.readyState !== 'open' || (spare && channel.bufferedAmount > SPARE)) return;
        try {
            if (binary) channel.send(/** @type {any} */ (bytes));
            else channel.send(this.#tamper ? tampered(decoder.decode(bytes)) : decoder.decode(bytes));
        } catch {
            this.#fail(link, 'sctp'); // the two would disagree about what was sent
            return;
        }
        if (!link.congested && channel.label === 'usher' && channel.bufferedAmount > CONGESTED) {
            link.congested = true;
            this.#tell('web_congested', rtc);
        }
    }

    /** @param {number} rtc @param {string} label */
    channel(rtc, label) {
        this.#then(rtc, '', async (link) => this.#adopt(link, link.pc.createDataChannel(label)));
    }

    /** @param {number} rtc */
    free(rtc) {
        const link = this.#links.get(rtc);
        if (!link) return;
        this.#links.delete(rtc);
        link.ended = true;
        for (const channel of link.channels.values()) channel.onclose = null;
        link.pc.close();
    }

    freeAll() {
        for (const rtc of [...this.#links.keys()]) this.free(rtc);
    }

    /**
     * Bytes of a file, in frames, behind those that were given before.
     * @param {number} rtc
     * @param {Omit<Giving, 'done'>} giving
     */
    give(rtc, giving) {
        const link = this.#links.get(rtc);
        if (!link) return;
        link.givings.push({ ...giving, done: 0 });
        this.#giveMore(link);
    }

    /** They are not to be had. @param {number} rtc @param {number} ticket */
    giveNothing(rtc, ticket) {
        if (this.#links.has(rtc)) this.#tell('web_file_given', rtc, ticket, false);
    }

    /** A channel of the application's. @param {number} rtc @param {string} label */
    open(rtc, label) {
        return this.#links.get(rtc)?.pc.createDataChannel(label);
    }

    // ---- steps of one connection ----

    /**
     * @param {number} rtc
     * @param {string} reason of its failure; empty: that is none of the connection
     * @param {(link: Link) => Promise<void>} step
     */
    #then(rtc, reason, step) {
        const link = this.#links.get(rtc);
        if (!link) return;
        link.chain = link.chain.then(() => (link.ended ? undefined : step(link))).catch(() => {
            if (reason) this.#fail(link, reason);
        });
    }

    /** @param {Link} link @param {string} reason */
    #fail(link, reason) {
        if (!link.ended) this.#tell('web_rtc_failed', link.number, reason);
    }

    /** @param {Link} link */
    #describe(link) {
        const description = link.pc.localDescription;
        if (link.ended || !description) return;
        link.noMore = false;
        this.#tell('web_description', link.number, description.type, description.sdp);
    }

    /** Some browsers end candidates with an empty one, some with none, some with both. @param {Link} link @param {RTCIceCandidate | null} candidate */
    #candidate(link, candidate) {
        const text = candidate?.candidate ?? '';
        if (link.ended || (text === '' && link.noMore)) return;
        link.noMore = text === '';
        // Behind the description that it belongs to.
        link.chain = link.chain.then(() => {
            if (!link.ended) this.#tell('web_candidate', link.number, text);
        });
    }

    /** @param {Link} link */
    #state(link) {
        if (link.ended) return;
        const { connectionState, iceConnectionState } = link.pc;
        if (connectionState === 'connected' && ['connected', 'completed'].includes(iceConnectionState)) {
            link.ever = true;
            if (!link.up) this.#found(link);
        } else if (connectionState === 'failed' || iceConnectionState === 'failed') {
            if (!link.ever) this.#fail(link, iceConnectionState === 'failed' ? 'ice' : 'dtls');
            else if (link.up) this.#tell('web_ice', link.number, '');
            link.up = false;
        }
    }

    /** @param {Link} link */
    #found(link) {
        link.up = true;
        link.chain = link.chain.then(async () => {
            const path = await pathOf(link.pc);
            if (!link.ended && link.up) this.#tell('web_ice', link.number, path);
        });
    }

    // ---- channels ----

    /** @param {Link} link @param {RTCDataChannel} channel */
    #adopt(link, channel) {
        channel.binaryType = 'arraybuffer';
        if (!OF_THE_CORE.includes(channel.label)) {
            this.#onChannel(link.number, channel);
            return;
        }
        const number = ++link.last & 0xffff;
        link.channels.set(number, channel);
        let isTold = false;
        const tellOpen = () => {
            if (!link.ended && !isTold) this.#tell('web_channel_open', link.number, number, channel.label);
            isTold = true;
        };
        if (channel.readyState === 'open') tellOpen();
        else channel.onopen = tellOpen;
        channel.onclose = () => {
            link.channels.delete(number);
            if (!link.ended) this.#tell('web_channel_closed', link.number, number);
        };
        channel.onmessage = ({ data }) => {
            tellOpen(); // the core hears nothing on a channel that it was not told of
            this.#data(link, number, data);
        };
        channel.bufferedAmountLowThreshold = channel.label === 'usher' ? WRITABLE : BULK / 2;
        channel.onbufferedamountlow = () => this.#low(link, channel);
    }

    /** @param {Link} link @param {number} number @param {string | ArrayBuffer} data */
    #data(link, number, data) {
        if (link.ended) return;
        const binary = typeof data !== 'string';
        this.#tell('web_data', link.number, number, binary, binary ? new Uint8Array(data) : encoder.encode(data));
    }

    /** @param {Link} link @param {RTCDataChannel} channel */
    #low(link, channel) {
        if (link.ended) return;
        if (channel.label !== 'usher') {
            this.#giveMore(link);
        } else if (link.congested) {
            link.congested = false;
            this.#tell('web_writable', link.number);
        }
    }

    /** Who hears that one was given may free the link. @param {Link} link */
    #giveMore(link) {
        while (!link.ended && link.givings.length > 0) {
            const giving = link.givings[0];
            const channel = link.channels.get(giving.channel);
            if (channel?.readyState === 'open' && channel.bufferedAmount >= BULK) return; // #low goes on
            const ok = channel?.readyState === 'open' && this.#giveFrame(channel, giving);
            if (ok && giving.done < giving.bytes.length) continue;
            link.givings.shift();
            this.#tell('web_file_given', link.number, giving.ticket, Boolean(ok));
        }
    }

    /** @param {RTCDataChannel} channel @param {Giving} giving */
    #giveFrame(channel, giving) {
        const bytes = giving.bytes.subarray(giving.done, giving.done + this.#chunk);
        const head = this.#head(giving.id, giving.block, giving.offset + giving.done);
        const frame = new Uint8Array(head.length + bytes.length);
        frame.set(head);
        frame.set(bytes, head.length);
        try {
            channel.send(frame);
        } catch {
            return false;
        }
        giving.done += bytes.length;
        return true;
    }
}

/** What somebody in between, or the sender itself, could do to a sealed message. @param {string} text */
const tampered = (text) => text.replace(/("encrypted":")(.)/, (_, before, c) => before + (c === 'A' ? 'B' : 'A'));

/**
 * By the types of the candidates that are in use, the worse of both ends.
 * @param {RTCPeerConnection} pc
 */
async function pathOf(pc) {
    /** @type {Map<string, any>} */
    const stats = new Map(/** @type {any} */ (await pc.getStats().catch(() => [])));
    const all = [...stats.values()];
    const chosen = stats.get(all.find((s) => s.type === 'transport')?.selectedCandidatePairId)
        ?? all.find((s) => s.type === 'candidate-pair' && (s.selected || (s.nominated && s.state === 'succeeded')));
    const ends = [chosen?.localCandidateId, chosen?.remoteCandidateId].map((id) => DISTANCE[stats.get(id)?.candidateType] ?? 0);
    return PATHS[Math.max(...ends)];
}
