// SPDX-License-Identifier: MIT
//
// Both ends of bench/webhooks.sh:
//     node webhooks.mjs receive MS       a receiver that answers after so long; prints its port, and at its end (SIGTERM) how many
//                                        events came, each once, and whether any room's were out of order
//     node webhooks.mjs join URL RATE    joins a room of its own and leaves it so often a second, until its end (SIGTERM);
//                                        prints how often
import { once } from 'node:events';
import { createServer } from 'node:http';

const SOCKETS = 50;
const TICK_MS = 10;
const OURS = /^\d+-\d+$/; // rooms that `join` makes
const NEXT = { 'room-created': 'peer-joined', 'peer-joined': 'peer-left', 'peer-left': 'room-closed' };

async function receive(ms) {
    const seen = new Set();
    const rooms = new Map(); // the last event of each
    let events = 0;
    let again = 0;
    let disorder = 0;
    const server = createServer(async (request, response) => {
        const parts = [];
        for await (const part of request) parts.push(part);
        setTimeout(() => response.writeHead(204).end(), ms);
        const id = request.headers['x-usher-delivery'];
        if (seen.has(id)) return again++;
        seen.add(id);
        for (const { type, roomId } of JSON.parse(Buffer.concat(parts)).events) {
            events++;
            if (!OURS.test(roomId)) continue; // the pairs that are measured
            const before = rooms.get(roomId);
            if (before ? NEXT[before] !== type : type !== 'room-created') disorder++;
            if (type === 'room-closed') rooms.delete(roomId);
            else rooms.set(roomId, type);
        }
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    console.log(server.address().port);
    await once(process, 'SIGTERM');
    console.log(`received events=${events} deliveries=${seen.size} again=${again} out_of_order=${disorder}`);
    process.exit();
}

async function join(url, rate) {
    const { default: WebSocket } = await import('ws');
    const sockets = Array.from({ length: SOCKETS }, () => new WebSocket(url, 'usher.v1', { perMessageDeflate: false }));
    await Promise.all(sockets.map((socket) => once(socket, 'open')));
    const start = performance.now();
    let joins = 0;
    let rooms = 0;
    for (const socket of sockets)
        socket.on('message', (text) => {
            if (text.includes('"type":"peers"')) {
                joins++;
                socket.send('{"type":"leave-room"}');
            }
        });
    const timer = setInterval(() => {
        for (const due = ((performance.now() - start) / 1000) * rate; rooms < due; rooms++)
            sockets[rooms % SOCKETS].send(JSON.stringify({ type: 'join-room', roomId: `${process.pid}-${rooms}` }));
    }, TICK_MS);
    await once(process, 'SIGTERM');
    clearInterval(timer);
    setTimeout(() => {
        console.log(`joined joins=${joins} asked=${rooms} seconds=${((performance.now() - start) / 1000).toFixed(1)}`);
        process.exit();
    }, 500);
}

const [what, ...args] = process.argv.slice(2);
await (what === 'receive' ? receive(Number(args[0])) : join(args[0], Number(args[1])));
