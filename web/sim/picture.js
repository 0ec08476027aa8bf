// SPDX-License-Identifier: MIT
//
// A state as a picture (SVG): people or clients in a circle, the daemon beside it. A full line is a link that both ends have, a dashed
// one a link of one end; a thin one is signaling. Colours of the rings are islands.
const SVG = 'http://www.w3.org/2000/svg';
const [SIZE, RADIUS] = [640, 250];
const DAEMON = { x: 66, y: 44 };
const IN_ROOM = ['in-room', 'discovering', 'p2p-connected'];

function draw(parent, name, attributes = {}, text) {
    const made = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    if (text !== undefined) made.textContent = text;
    parent.append(made);
    return made;
}

function place(i, count) {
    const angle = (2 * Math.PI * i) / Math.max(count, 1) - Math.PI / 2;
    return { x: SIZE / 2 + 20 + RADIUS * Math.cos(angle), y: SIZE / 2 + 10 + RADIUS * Math.sin(angle) };
}

const line = (svg, a, b, kind) => draw(svg, 'line', { x1: a.x, y1: a.y, x2: b.x, y2: b.y, class: kind });

function drawPeers(svg, state) {
    const numbers = Object.keys(state.peers);
    const places = Object.fromEntries(numbers.map((who, i) => [who, place(i, numbers.length)]));
    const ids = Object.fromEntries(numbers.map((who) => [state.peers[who].id, who]));
    for (const who of numbers) {
        const peer = state.peers[who];
        if (IN_ROOM.includes(peer.state)) line(svg, places[who], DAEMON, 'signaling');
        for (const id of peer.up) {
            const other = ids[id];
            const both = other !== undefined && state.peers[other].up.includes(peer.id);
            if (other !== undefined && (!both || who < other)) line(svg, places[who], places[other], both ? 'link' : 'link half');
        }
    }
    for (const who of numbers) {
        const { state: word, host } = state.peers[who];
        const group = draw(svg, 'g', { class: `peer ${word} island-${(state.islands[host] ?? 0) % 4}`, transform: `translate(${places[who].x} ${places[who].y})` });
        draw(group, 'circle', { r: 19 });
        draw(group, 'text', { 'text-anchor': 'middle', dy: 5 }, who);
        draw(group, 'text', { 'text-anchor': 'middle', dy: 36, class: 'small' }, word);
    }
    return places;
}

function drawClients(svg, state) {
    const order = Object.entries(state.clients).sort(([a, one], [b, two]) => one.room.localeCompare(two.room) || a - b);
    const rooms = [...new Set(order.map(([, { room }]) => room))].sort();
    order.forEach(([conn, { room }], i) => {
        const at = place(i, order.length);
        line(svg, at, DAEMON, 'signaling');
        const group = draw(svg, 'g', { class: `client room-${room ? rooms.indexOf(room) % 8 : 'none'}`, transform: `translate(${at.x} ${at.y})` });
        draw(group, 'circle', { r: order.length > 60 ? 6 : 14 });
        if (order.length <= 60) draw(group, 'text', { 'text-anchor': 'middle', dy: 4, class: 'small' }, conn);
        draw(group, 'title', {}, room ? `connection ${conn}, in ${room}` : `connection ${conn}`);
    });
}

// Draws it anew; `moves` are what history.js calls movements, each drawn once, on its way.
export function drawState(svg, state, moves = []) {
    svg.setAttribute('viewBox', `0 0 ${SIZE} ${SIZE}`);
    svg.replaceChildren();
    const people = Object.keys(state.peers).length > 0;
    const places = people ? drawPeers(svg, state) : (drawClients(svg, state), {});
    const daemon = draw(svg, 'g', { class: state.daemon === 'starts' || state.daemon === 'drains' ? 'daemon' : 'daemon dead', transform: `translate(${DAEMON.x} ${DAEMON.y})` });
    draw(daemon, 'rect', { x: -44, y: -22, width: 88, height: 44, rx: 8 });
    draw(daemon, 'text', { 'text-anchor': 'middle', dy: 5 }, 'usherd');
    for (const { kind, from, to } of moves) {
        const [a, b] = [places[from], places[to]];
        if (a && b) line(svg, a, b, `move ${kind}`);
        else if (a) draw(svg, 'circle', { cx: a.x, cy: a.y, r: 27, class: `move ${kind}` });
    }
}
