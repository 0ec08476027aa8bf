// SPDX-License-Identifier: MIT
//
// What a cluster is compared with: one of several Socket.IO servers on one Redis, with its own adapter, that do the same
// work for the same clients as its documentation shows it. $REDIS is the URL. A signal goes to the room that each
// socket has for itself, whoever may be in it: looking whether both are in one room would cost a question to all servers.
import { createServer } from 'node:http';
import { Server } from 'socket.io';
import { createAdapter } from '@socket.io/redis-adapter';
import { createClient } from 'redis';

const publisher = createClient({ url: process.env.REDIS });
const subscriber = publisher.duplicate();
await Promise.all([publisher.connect(), subscriber.connect()]);

const http = createServer();
const io = new Server(http, {
    transports: ['websocket'], serveClient: false, perMessageDeflate: false, adapter: createAdapter(publisher, subscriber),
});

io.on('connection', (socket) => {
    socket.on('join-room', async ({ roomId, displayName }) => {
        const members = await io.in(roomId).fetchSockets(); // of all servers
        const participants = members.map((m) => ({ peerId: m.id, displayName: m.data.displayName }));
        socket.data.displayName = displayName;
        socket.data.roomId = roomId;
        await socket.join(roomId);
        socket.to(roomId).emit('peer-joined', { peerId: socket.id, displayName });
        socket.emit('peers', { peers: participants.map((p) => p.peerId), participants });
    });
    socket.on('signal', ({ to, data }) => io.to(to).emit('signal', { from: socket.id, data }));
    socket.on('disconnect', () => {
        if (socket.data.roomId) io.to(socket.data.roomId).emit('peer-left', { peerId: socket.id });
    });
});

http.listen(0, '127.0.0.1', () => console.log(`listening on 127.0.0.1:${http.address().port}`));
process.once('SIGTERM', () => process.exit(0));
