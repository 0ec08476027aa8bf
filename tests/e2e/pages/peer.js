// SPDX-License-Identifier: MIT
import { Usher } from '/usher.js';
import { MEMBERS } from '/events.js';

const NAMES = [...new Set(MEMBERS.map(([event]) => event)), 'left', 'channel', 'log'];
const seen = [];
const waiting = [];
const matches = ({ name, detail }, wanted, members) => name === wanted && Object.entries(members).every(([key, value]) => detail[key] === value);

Object.assign(window, {
    Usher,
    seen,
    async join(options) {
        window.peer = await Usher.open(options);
        for (const name of NAMES)
            window.peer.addEventListener(name, ({ detail }) => {
                const thing = { name, detail, at: performance.now() };
                seen.push(thing);
                const i = waiting.findIndex((w) => matches(thing, w.wanted, w.members));
                if (i >= 0) waiting.splice(i, 1)[0].resolve(detail);
            });
        window.peer.ended.then((ending) => (window.ending = ending));
        return window.peer.id;
    },
    // The first event of this name with these members, from now or before; one that was waited for may be found again.
    event(wanted, members = {}) {
        const found = seen.find((thing) => matches(thing, wanted, members));
        return found ? found.detail : new Promise((resolve) => waiting.push({ wanted, members, resolve }));
    },
    count: (wanted, members = {}) => seen.filter((thing) => matches(thing, wanted, members)).length,
});
window.loaded = true;
