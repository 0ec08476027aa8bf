// SPDX-License-Identifier: MIT
//
// What a trace says of the picture: a pure fold over its lines. A state has plain data only, so that it can be copied.
//
//     peers    number → { id, host, state, up: ids of those it has a link to }
//     clients  number → { room, state }: of a run without peers
//     daemons  what the last line about one said; islands: host → island
const STATES = ['disconnected', 'connecting', 'connected', 'joining', 'in-room', 'discovering', 'p2p-connected'];
const EVERY = 500; // lines from one kept state to the next

export const emptyState = () => ({ at: 0, daemon: 'not started', peers: {}, clients: {}, islands: {} });

// { at, text } of a line of the trace, `at` in milliseconds of virtual time; undefined: it is another line.
export function parseLine(line) {
    const found = /^# +(\d+)\.(\d{3}) {2}(.*)$/.exec(line);
    return found ? { at: Number(found[1]) * 1000 + Number(found[2]), text: found[3] } : undefined;
}

const RULES = [
    [/^daemon (.*)$/, (state, what) => {
        state.daemon = what;
        if (what !== 'starts' && what !== 'drains') state.clients = {};
    }],
    [/^all hosts on one island$/, (state) => (state.islands = {})],
    [/^host (\d+) moves to island (\d+)$/, (state, host, island) => (state.islands[host] = Number(island))],
    [/^peer (\d+) starts as (\w+) on host (\d+)$/, (state, who, id, host) =>
        (state.peers[who] = { id, host: Number(host), state: 'starts', up: [] })],
    [/^peer (\d+) is gone$/, (state, who) => Object.assign(state.peers[who] ?? {}, { state: 'gone', up: [] })],
    [/^peer (\d+): ([\w-]+)$/, (state, who, word) => {
        if (state.peers[who] && STATES.includes(word)) state.peers[who].state = word;
    }],
    [/^peer (\d+): peer (up|down) id=(\S*) /, (state, who, word, id) => {
        const peer = state.peers[who];
        if (!peer) return;
        peer.up = peer.up.filter((other) => other !== id);
        if (word === 'up') peer.up.push(id);
    }],
    [/^conn (\d+): (ready|closed|gone)$/, (state, conn, word) => {
        if (word === 'ready') state.clients[conn] = { room: '' };
        else delete state.clients[conn];
    }],
    [/^ {2}-> conn (\d+): close /, (state, conn) => delete state.clients[conn]],
    [/^ {2}-> conn (\d+): \{"type":"(?:peers|resumed)","roomId":"([^"]+)"/, (state, conn, room) => {
        if (state.clients[conn]) state.clients[conn].room = room;
    }],
    [/^ {2}-> conn (\d+): \{"type":"(?:left-room|room-closed)"/, (state, conn) => {
        if (state.clients[conn]) state.clients[conn].room = '';
    }],
];

// Changes the state by one line.
export function fold(state, { at, text }) {
    state.at = at;
    for (const [pattern, change] of RULES) {
        const found = pattern.exec(text);
        if (found) return void change(state, ...found.slice(1));
    }
}

const byId = (state, id) => Object.keys(state.peers).find((who) => state.peers[who].id === id);

// What is drawn as a moving dot: { from, to } are numbers of peers or 'daemon'; to undefined: to all. undefined: nothing moves.
export function movement(state, text) {
    let found = /^peer (\d+) sends \S+ to (\d+)$/.exec(text);
    if (found) return { kind: 'said', from: found[1] };
    found = /^peer (\d+): message id=\S* from=(\S*) /.exec(text);
    if (found) return { kind: 'message', from: byId(state, found[2]), to: found[1] };
    found = /^peer (\d+): (delivered|failed) id=\S* from=\S* by=(\S*) /.exec(text);
    if (found) return { kind: found[2], from: byId(state, found[3]) ?? found[1], to: found[1] };
    return undefined;
}

// All lines of a run, and the state behind any of them.
export class History {
    #kept = [];

    constructor(lines) {
        this.lines = lines.map(parseLine).filter(Boolean);
        const state = emptyState();
        this.lines.forEach((line, i) => {
            if (i % EVERY === 0) this.#kept.push(structuredClone(state));
            fold(state, line);
        });
        if (this.#kept.length === 0) this.#kept.push(state);
    }

    // Behind the first n lines.
    state(n) {
        const from = Math.min(Math.floor(n / EVERY), this.#kept.length - 1);
        const state = structuredClone(this.#kept[from]);
        for (let i = from * EVERY; i < n; i++) fold(state, this.lines[i]);
        return state;
    }

    // How many lines there are up to and including this time.
    until(at) {
        let [low, high] = [0, this.lines.length];
        while (low < high) {
            const middle = (low + high) >> 1;
            if (this.lines[middle].at <= at) low = middle + 1;
            else high = middle;
        }
        return low;
    }
}
