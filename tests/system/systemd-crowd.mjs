// SPDX-License-Identifier: MIT
//
// Pairs of clients that send to each other all the time, come back when they are told to, and count what arrives: each
// signal has a number; one that is refused (its reader is not back yet) is told so and is sent again.
import { Client, connect } from '../e2e/lib/client.mjs';

const EVERY_MS = 400;

class Member {
    constructor(crowd, url, room) {
        Object.assign(this, { crowd, url, room, number: 0, life: 0, partner: null, open: new Map(), retryMs: 0, back: false });
    }

    async join() {
        this.client = await connect(this.url);
        const answer = await this.client.join(this.room);
        Object.assign(this, { id: this.client.peerId, token: answer.resumeToken, partner: answer.peers[0]?.peerId ?? null });
        this.listen();
    }

    async listen() {
        const { client } = this;
        client.closed.then(() => this.lost());
        for (;;) {
            const message = await client.next().catch((error) => (/in time/.test(error.message) ? {} : null));
            if (!message || this.client !== client) return;
            this.heard(message);
        }
    }

    heard(message) {
        if (message.type === 'peer-joined' || message.type === 'peer-back') this.partner = message.peerId;
        if (message.type === 'peer-away' || message.type === 'peer-left') this.partner = null;
        if (message.type === 'server-draining') this.retryMs = message.reconnectAfterMs;
        if (message.type === 'signal') this.crowd.arrived.add(message.data);
        if (message.type === 'error') this.crowd.refusedSignals.add(message.ref);
    }

    lost() {
        this.partner = null;
        this.life++;
        if (!this.crowd.left) setTimeout(() => this.comeBack(), this.retryMs);
    }

    async comeBack() {
        if (this.crowd.left) return;
        this.client = new Client(this.url);
        const refused = this.client.failed.then((error) => Promise.reject(error));
        refused.catch(() => {});
        let answer;
        try {
            await Promise.race([this.client.next(), refused]);
            answer = await this.client.ask({ type: 'resume', resumeToken: this.token });
        } catch (error) {
            this.crowd.refused++;
            console.error(`a client: ${error.message}`);
            setTimeout(() => this.comeBack(), 50);
            return;
        }
        if (answer.type !== 'resumed') {
            this.crowd.lostSeats++;
            console.error(`a client: ${JSON.stringify(answer)}`);
        }
        this.token = answer.resumeToken;
        this.partner = answer.peers?.[0]?.peerId ?? null;
        this.listen();
        this.crowd.isBack(this);
    }

    say() {
        if (!this.partner || this.client.ws.readyState !== 1) return;
        const ref = `${this.id}/${this.life}/${++this.number}`;
        this.client.send({ type: 'signal', to: this.partner, data: ref, ref });
        if (this.life > 0) this.crowd.sent.push(ref);
    }
}

export class Crowd {
    arrived = new Set();
    refusedSignals = new Set();
    sent = [];
    refused = 0;
    lostSeats = 0;
    #back = 0;

    static async gather(url, count) {
        const crowd = new Crowd();
        crowd.members = Array.from({ length: count }, (_, i) => new Member(crowd, url, `pair${i >> 1}`));
        for (let i = 0; i < count; i += 25) await Promise.all(crowd.members.slice(i, i + 25).map((member) => member.join()));
        crowd.all = new Promise((resolve) => (crowd.resolveAll = resolve));
        crowd.members.forEach((member, i) => {
            setTimeout(() => (member.timer = setInterval(() => member.say(), EVERY_MS)), (EVERY_MS * i) / count);
        });
        return crowd;
    }

    // Everybody sends for so long.
    talk(ms) {
        return new Promise((resolve) => setTimeout(resolve, ms));
    }

    isBack() {
        if (++this.#back === this.members.length) this.resolveAll(performance.now());
    }

    // When the last one had its seat again.
    allBack() {
        return this.all;
    }

    told() {
        return `${this.#back} of ${this.members.length} back, ${this.refused} refused, ${this.lostSeats} without their seat`;
    }

    // Nobody sends any more; what was sent since the resume has arrived or was refused aloud, or is lost.
    async settle() {
        for (const member of this.members) clearInterval(member.timer);
        const missing = () => this.sent.filter((ref) => !this.arrived.has(ref) && !this.refusedSignals.has(ref));
        const end = Date.now() + 5000;
        while (missing().length > 0 && Date.now() < end) await this.talk(50);
        const told = this.sent.filter((ref) => this.refusedSignals.has(ref)).length;
        return { sent: this.sent.length - told, told, lost: missing().length };
    }

    leave() {
        this.left = true;
        for (const member of this.members) member.client.destroy();
    }
}
