// SPDX-License-Identifier: MIT
//
// What the daemon is compared with: a Socket.IO server that does the same work for the same clients as well as an
// experienced author would write it. WebSocket only, no compression, nothing logged per message; members are found in
// maps (io.to(id) would go through the adapter and be slower), and as in the daemon a signal reaches members of the
// sender's room only.
import { createServer } from 'node:http';
import { Server } from 'socket.io';

const http = createServer();
const io = new Server(http, { transports: ['websocket'], serveClient: false, perMessageDeflate: false });
const rooms = new Map(); // room id -> Map(peer id -> socket)

function leave(socket) {
    const members = rooms.get(socket.data.roomId);
    if (!members?.delete(socket.id)) return;
    if (members.size === 0) rooms.delete(socket.data.roomId);
    for (const member of members.values()) member.emit('peer-left', { peerId: socket.id });
}

io.on('connection', (socket) => {
    socket.on('join-room', ({ roomId, displayName }) => {
        leave(socket);
        let members = rooms.get(roomId);
        if (!members) rooms.set(roomId, (members = new Map()));
        const participants = [...members.values()].map((m) => ({ peerId: m.id, displayName: m.data.displayName }));
        for (const member of members.values()) member.emit('peer-joined', { peerId: socket.id, displayName });
        socket.data.roomId = roomId;
        socket.data.displayName = displayName;
        members.set(socket.id, socket);
        socket.emit('peers', { peers: participants.map((p) => p.peerId), participants });
    });
    socket.on('signal', ({ to, data }) => {
        const target = rooms.get(socket.data.roomId)?.get(to);
        if (target) target.emit('signal', { from: socket.id, data });
        else socket.emit('error', { code: 'no-such-peer' });
    });
    socket.on('disconnect', () => leave(socket));
});

http.listen(0, '127.0.0.1', () => console.log(`listening on 127.0.0.1:${http.address().port}`));
process.once('SIGTERM', () => process.exit(0));
