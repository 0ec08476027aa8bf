// SPDX-License-Identifier: MIT
//
// Clients of Engine.IO that stay with long-polling: all join rooms of 32 and hold a poll; then they signal each other. What
// it takes of the daemon's memory and processor time, and whether anything was refused. The limits of one address are off.
//   usage: node bench/polling.mjs [CLIENTS=1000] [SIGNALS=8000]         after make build/usherd
import fs from 'node:fs';
import http from 'node:http';
import { startDaemon } from '../tests/e2e/lib/daemon.mjs';
import { SEPARATOR } from '../tests/e2e/lib/engineio.mjs';

const CLIENTS = Number(process.argv[2] ?? 1000);
const SIGNALS = Number(process.argv[3] ?? 8000);
const ROOM = 32;
const AT_ONCE = 50;
const OFF = ['connection_rate', 'max_connections_per_address', 'join_rate'].flatMap((limit) => ['--set', `limits.${limit}=0`]);

const daemon = await startDaemon({ args: OFF });
const of = (file) => fs.readFileSync(`/proc/${daemon.pid}/${file}`, 'utf8');
const memory = () => Number(/VmRSS:\s+(\d+)/.exec(of('status'))[1]) * 1024;
const seconds = () => {
    const fields = of('stat').split(') ')[1].split(' ');
    return (Number(fields[11]) + Number(fields[12])) / 100;
};

function ask(method, sid, body) {
    const where = { host: '127.0.0.1', port: daemon.port, method, agent: false, path: `/socket.io/?EIO=4&transport=polling${sid ? `&sid=${sid}` : ''}` };
    return new Promise((resolve, reject) => {
        const request = http.request(where, async (answer) => {
            const text = (await answer.setEncoding('utf8').toArray()).join('');
            if (answer.statusCode === 200) resolve(text);
            else reject(new Error(`${answer.statusCode} ${text}`));
        });
        request.on('error', reject).end(body);
    });
}

async function each(n, does) {
    let next = 0;
    await Promise.all(Array.from({ length: AT_ONCE }, async () => {
        while (next < n) await does(next++);
    }));
}

const clients = [];
let heard = 0;
let stopped = false;
let told = () => {};

// Until it is told that the daemon ends it.
async function poll(client) {
    while (!stopped)
        for (const packet of (await ask('GET', client.sid)).split(SEPARATOR)) {
            if (packet === '2') await ask('POST', client.sid, '3');
            if (packet.startsWith('42["signal"') && ++heard === SIGNALS) told();
            if (packet === '1') return;
        }
}

const start = memory();
await each(CLIENTS, async (i) => {
    const { sid } = JSON.parse((await ask('GET')).slice(1));
    await ask('POST', sid, '40');
    const { sid: id } = JSON.parse((await ask('GET', sid)).slice(2));
    await ask('POST', sid, `42["join-room",{"roomId":"room-${Math.floor(i / ROOM)}"}]`);
    clients[i] = { sid, id };
});
const polls = clients.map((client) => poll(client).catch((error) => stopped || console.log(`a poll: ${error.message}`)));
while ((await (await fetch(`${daemon.http}/health`)).json()).connections < 2 * CLIENTS + 1);
console.log(`${CLIENTS} idle clients: ${Math.round((memory() - start) / CLIENTS)} bytes each, the poll that it holds included`);

const before = seconds();
const all = new Promise((resolve) => (told = resolve));
await each(SIGNALS, async (i) => {
    const room = Math.floor((i % CLIENTS) / ROOM) * ROOM;
    const to = clients[room + ((i + 1) % Math.min(ROOM, CLIENTS - room))];
    const from = clients[i % CLIENTS];
    await ask('POST', from.sid, `42["signal",{"to":"${(to === from ? clients[room] : to).id}","data":"${'x'.repeat(200)}"}]`);
});
await all;
console.log(`${SIGNALS} signals: ${Math.round(((seconds() - before) * 1e6) / SIGNALS)} us of the daemon's time each, its poll included`);
stopped = true;
await daemon.stop();
await Promise.all(polls);
