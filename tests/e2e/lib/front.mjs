// SPDX-License-Identifier: MIT
//
// What stands before a daemon somewhere in the world: it is so many milliseconds away, and its daemon is one of a cluster. It can also be what it
// should not be. Several fronts of one daemon are the addresses of one server.
import http from 'node:http';
import { once } from 'node:events';
import WebSocket, { WebSocketServer } from 'ws';

/**
 * @param {number} port the daemon's
 * @param {{ away?: number, cluster?: () => string | undefined, health?: (answer: http.ServerResponse) => void, ports?: number }} options
 *   away: the way there takes so long. cluster: what its welcomes name. health: instead of the daemon's. ports: where to listen.
 */
export async function startFront(port, { away = 0, cluster = () => undefined, health, listen = 0 } = {}) {
    const front = { away, asked: 0, sockets: new Set(), welcomes: 0 };
    const later = (act) => setTimeout(act, front.away);
    const server = http.createServer((request, answer) => {
        front.asked++;
        if (health) return health(answer);
        return later(() => http.get({ port, host: '127.0.0.1', path: request.url }, (theirs) => {
            later(() => {
                answer.writeHead(theirs.statusCode, theirs.headers);
                theirs.pipe(answer);
            });
        }).on('error', () => answer.destroy()));
    });
    const sockets = new WebSocketServer({ server, handleProtocols: () => 'usher.v1' });
    sockets.on('connection', (theirs) => {
        const ours = new WebSocket(`ws://127.0.0.1:${port}/ws`, 'usher.v1');
        const held = [];
        front.sockets.add(theirs);
        theirs.on('message', (data) => later(() => (ours.readyState === WebSocket.OPEN ? ours.send(String(data)) : held.push(String(data)))));
        ours.on('open', () => held.splice(0).forEach((text) => ours.send(text)));
        ours.on('message', (data) => later(() => {
            const frame = JSON.parse(String(data));
            const named = frame.type === 'welcome' ? cluster() : undefined;
            front.welcomes += frame.type === 'welcome';
            theirs.send(named === undefined ? String(data) : JSON.stringify({ ...frame, cluster: named }));
        }));
        // A Close is passed on; what broke breaks.
        theirs.on('close', (code) => {
            front.sockets.delete(theirs);
            if (code === 1000) ours.close(1000);
            else ours.terminate();
        });
        ours.on('close', (code) => later(() => (code === 1005 || code === 1006 ? theirs.terminate() : theirs.close(code))));
        for (const socket of [ours, theirs]) socket.on('error', () => {});
    });
    server.listen(listen, '127.0.0.1');
    await once(server, 'listening');
    front.port = server.address().port;
    front.url = `ws://127.0.0.1:${front.port}`;
    front.stop = async () => {
        for (const socket of sockets.clients) socket.terminate();
        server.closeAllConnections();
        await once(server.close(), 'close');
    };
    return front;
}
