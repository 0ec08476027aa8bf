// SPDX-License-Identifier: MIT
//
// A process of its own full of members that stop reading once they are in their room. Prints their peer ids, a line of
// JSON with a list for each room, and goes when its input ends.   usage: stopped_readers.mjs SOCKET ROOMS MEMBERS
import { frame, openRaw, TEXT } from './raw.mjs';

const [door, rooms, members] = [process.argv[2], ...process.argv.slice(3).map(Number)];

async function stopped(room) {
    const raw = await openRaw(door);
    const [, peerId] = /"peerId":"([^"]+)"/.exec(raw.received.toString('latin1'));
    await raw.write(frame(TEXT, JSON.stringify({ type: 'join-room', roomId: room })));
    await raw.until(/"type":"peers"/);
    raw.socket.pause();
    return peerId;
}

async function fill(room) {
    const peers = [];
    while (peers.length < members) peers.push(await stopped(room));
    return peers;
}

process.stdin.on('end', () => process.exit(0)).resume();
console.log(JSON.stringify(await Promise.all(Array.from({ length: rooms }, (_, n) => fill(`room-${n}`)))));
