// SPDX-License-Identifier: MIT
//
// Stands in for usher.js where a test is about what the page does with what it is told: nobody is there but who the test makes, and every event is the test's (window.fake).
class Peer extends EventTarget {
    constructor({ name, room, code }) {
        super();
        Object.assign(this, { id: 'a'.repeat(26), name, room: room ?? code, said: [], records: [], people: [] });
        this.ended = new Promise((resolve) => (this.end = resolve));
    }
    tell(type, detail) {
        this.dispatchEvent(new CustomEvent(type, { detail }));
    }
    async send(text, options) {
        this.said.push({ do: 'send', text, ...options });
        return { id: `own-${this.said.filter((one) => one.do === 'send').length}`, delivered: new Promise(() => {}) };
    }
    note(name) {
        return (...args) => this.said.push({ do: name, args });
    }
    async peers() {
        return this.people;
    }
    async history({ limit, before }) {
        const end = before ? this.records.findIndex(({ id }) => id === before) : this.records.length;
        return this.records.slice(Math.max(0, end - limit), end);
    }
    async sendFile(file) {
        this.said.push({ do: 'send-file', name: file.name });
        return { fileId: `file-${this.said.length}` };
    }
    accept(fileId) {
        this.said.push({ do: 'accept', fileId });
        return new Promise((resolve) => (this.got = resolve));
    }
    async close() {}
}
for (const name of ['read', 'typing', 'status', 'presence', 'decline', 'pause', 'resume', 'cancel'])
    Peer.prototype[name] = function (...args) {
        this.said.push({ do: name, args });
    };

export const Usher = {
    async open(options) {
        const refuse = window.fakeRefusal?.(options);
        if (refuse) throw Object.assign(new Error(refuse.message), { code: refuse.code });
        window.fake = new Peer(options);
        window.fakeReady?.(window.fake);
        return window.fake;
    },
};
