// SPDX-License-Identifier: MIT
//
// Engine.IO 4, plain and over TLS: the cases of the protocol's own suite (docs/protocols-conformance.md), under its names and
// with its settings; but where nothing is about pings there are none, and where they are answered there is time for it, or a
// busy machine would fail. Where the suite has an application echo, a CONNECT of Socket.IO is answered here.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { startBothWays } from './lib/ways.mjs';
import { EngineIo, SEPARATOR, opened } from './lib/engineio.mjs';

const PING_INTERVAL_MS = 300;
const PING_TIMEOUT_MS = 200;
const SETTINGS = ['limits.max_frame=1000000'];
const PINGS = [`server.ping_interval=${PING_INTERVAL_MS}ms`];
const SHORT = [...PINGS, `server.ping_timeout=${PING_TIMEOUT_MS}ms`];
const ANNOUNCED = '451-["file",{"_placeholder":true,"num":0}]'; // an event with a binary attachment
const CONNECTED = /^40\{"sid":"[^"]+"/;
const ERRORS = ['Transport unknown', 'Session ID unknown', 'Bad handshake method', 'Bad request', 'Forbidden', 'Unsupported protocol version'];

// The suite's daemons, those that wait longer for a pong, and those that ask for none as long as a test takes.
const all = {};
before(async () => {
    const options = { suite: [...SETTINGS, ...SHORT], patient: [...SETTINGS, ...PINGS], calm: SETTINGS };
    for (const [name, set] of Object.entries(options)) all[name] = await startBothWays(set.flatMap((option) => ['--set', option]));
});
after(() => Promise.all(Object.values(all).map((both) => both.stop())));

function refused({ status, text }, code) {
    assert.equal(status, 400);
    assert.deepEqual(JSON.parse(text), { code, message: ERRORS[code] });
}

function settingsAre(settings, upgrades) {
    assert.deepEqual(Object.keys(settings).sort(), ['maxPayload', 'pingInterval', 'pingTimeout', 'sid', 'upgrades']);
    assert.match(settings.sid, /^[a-z2-7]{39}$/);
    assert.deepEqual({ ...settings, sid: null },
        { sid: null, upgrades, pingInterval: PING_INTERVAL_MS, pingTimeout: PING_TIMEOUT_MS, maxPayload: 1000000 });
}

for (const way of ['plain', 'TLS'])
    describe(way, () => {
        let io, suite, patient;
        before(() => {
            const of = ({ daemons, ca }) => new EngineIo(daemons[way], way === 'TLS' ? ca : undefined);
            [io, suite, patient] = [all.calm, all.suite, all.patient].map(of);
        });
        const get = (query) => io.ask('GET', query);
        async function refusedSocket(query, code) {
            const ws = io.socket(query);
            const error = await ws.failed;
            assert.match(error.message, /Unexpected server response: 400/);
            refused(await io.ask('GET', query, { headers: { Connection: 'Upgrade', Upgrade: 'websocket', 'Sec-WebSocket-Version': '13',
                'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==' } }), code);
        }

        describe('handshake: HTTP long-polling', () => {
            test('successfully opens a session', async () => {
                const { status, headers, text } = await suite.ask('GET', 'EIO=4&transport=polling');
                assert.equal(status, 200);
                assert.equal(headers['content-type'], 'text/plain; charset=UTF-8');
                assert.equal(headers['cache-control'], 'no-store');
                assert.equal(text[0], '0');
                settingsAre(JSON.parse(text.slice(1)), ['websocket']);
            });
            test("fails with an invalid 'EIO' query parameter", async () => {
                for (const query of ['transport=polling', 'EIO=abc&transport=polling', 'EIO=3&transport=polling', 'EIO=44&transport=polling'])
                    refused(await get(query), 5);
            });
            test("fails with an invalid 'transport' query parameter", async () => {
                for (const query of ['EIO=4', 'EIO=4&transport=abc', 'EIO=4&transport=', ''])
                    refused(await get(query), 0);
                refused(await get('EIO=4&transport=websocket'), 3);
            });
            test('fails with an invalid request method', async () => {
                for (const method of ['POST', 'PUT', 'PATCH', 'BREW']) refused(await io.ask(method, 'EIO=4&transport=polling'), 2);
                assert.equal((await io.ask('HEAD', 'EIO=4&transport=polling')).status, 400);
            });
        });

        describe('handshake: WebSocket', () => {
            test('successfully opens a session', async () => {
                const ws = await suite.openSocket();
                settingsAre(ws.settings, []);
                await ws.close();
            });
            test("fails with an invalid 'EIO' query parameter", async () => {
                for (const query of ['transport=websocket', 'EIO=abc&transport=websocket', 'EIO=3&transport=websocket'])
                    await refusedSocket(query, 5);
            });
            test("fails with an invalid 'transport' query parameter", async () => {
                for (const query of ['EIO=4', 'EIO=4&transport=abc']) await refusedSocket(query, 0);
                await refusedSocket('EIO=4&transport=polling', 3);
            });
        });

        describe('message: HTTP long-polling', () => {
            test('sends and receives a payload containing one plain text packet', async () => {
                const session = await io.open();
                const { status, headers, text } = await session.post('40');
                assert.deepEqual([status, headers['content-type'], text], [200, 'text/plain; charset=UTF-8', 'ok']);
                assert.match((await session.poll()).text, CONNECTED);
            });
            test('sends and receives a payload containing several plain text packets', async () => {
                const session = await io.open();
                await session.say(['40', '421["ping"]', '422["ping"]'].join(SEPARATOR));
                const packets = (await session.poll()).text.split(SEPARATOR);
                assert.match(packets[0], CONNECTED);
                assert.deepEqual(packets.filter((p) => p.startsWith('43')).map((p) => p.slice(0, 3)), ['431', '432']);
            });
            // Binary attachments are refused by an error that the client can show, and it goes on.
            test('sends and receives a payload containing plain text and binary packets', async () => {
                const session = await io.open();
                await session.say(['40', ANNOUNCED, 'bAQIDBA==', '421["ping"]'].join(SEPARATOR));
                const packets = (await session.poll()).text.split(SEPARATOR);
                assert.match(packets[1], /^42\["error",\{"code":"bad-message",/);
                assert.match(packets.at(-1), /^431/);
            });
            test('closes the session upon invalid packet format', async () => {
                for (const body of ['abc', '', `40${SEPARATOR}`, `40${SEPARATOR}7`, '2', '5', '0{}', 'b=', Buffer.from('4\xff', 'latin1')]) {
                    const session = await io.open();
                    refused(await session.post(body), 3);
                    refused(await session.poll(), 1);
                }
            });
            test('closes the session upon duplicate poll requests', async () => {
                const session = await io.open();
                const answers = await Promise.all([session.poll(), session.poll()]);
                const [first, second] = answers.sort((a, b) => a.status - b.status);
                assert.deepEqual([first.status, first.text], [200, '1']);
                refused(second, 3);
                refused(await session.poll(), 1);
            });
            test('closes the session upon cancelled polling request', async () => {
                const session = await io.open();
                await session.say('40');
                assert.match((await session.poll()).text, CONNECTED);
                const controller = new AbortController();
                const poll = session.poll({ signal: controller.signal });
                await session.say('6');
                controller.abort();
                await assert.rejects(poll);
                assert.equal((await session.ended()).code, 1);
                refused(await session.poll(), 1);
            });
        });

        describe('message: WebSocket', () => {
            test('sends and receives a plain text packet', async () => {
                const ws = await io.openSocket();
                ws.send('40');
                assert.match(await ws.text(), CONNECTED);
                await ws.close();
            });
            test('sends and receives a binary packet', async () => {
                const ws = await io.openSocket();
                ws.send('40');
                assert.match(await ws.text(), CONNECTED);
                ws.send(ANNOUNCED);
                assert.match(await ws.text(), /^42\["error",\{"code":"bad-message",/);
                ws.ws.send(Buffer.from([1, 2, 3, 4]));
                ws.send('421["ping"]');
                assert.match(await ws.text(), /^42\["pong"/);
                await ws.close();
            });
            test('closes the session upon invalid packet format', async () => {
                for (const packet of ['abc', '', '0', '2', '2probe', '5', '7', 'bAQIDBA==']) {
                    const ws = await io.openSocket();
                    ws.send(packet);
                    assert.equal((await ws.end()).code, 1002);
                }
            });
        });

        describe('heartbeat: HTTP long-polling', () => {
            test('sends ping/pong packets', async () => {
                const session = await patient.open();
                for (let i = 0; i < 3; i++) {
                    const { status, text } = await session.poll();
                    assert.deepEqual([status, text], [200, '2']);
                    await session.say('3');
                }
            });
            // Who polls on and answers nothing is told; who does not even poll finds nothing there.
            test('closes the session upon ping timeout', async () => {
                const silent = await suite.open();
                const session = await suite.open();
                assert.equal((await session.poll()).text, '2');
                assert.equal((await session.poll()).text, '1');
                refused(await session.poll(), 1);
                refused(await silent.poll(), 1);
            });
        });

        describe('heartbeat: WebSocket', () => {
            test('sends ping/pong packets', async () => {
                const ws = await patient.openSocket();
                for (let i = 0; i < 3; i++) {
                    assert.equal(await ws.text(), '2');
                    ws.send('3');
                }
                await ws.close();
            });
            test('closes the session upon ping timeout', async () => {
                const ws = await suite.openSocket();
                assert.equal(await ws.text(), '2');
                assert.equal((await ws.end()).code, 1001);
            });
        });

        describe('close', () => {
            test('HTTP long-polling: forcefully closes the session', async () => {
                const session = await io.open();
                const [poll] = await Promise.all([session.poll(), session.say('1')]);
                assert.deepEqual([poll.status, poll.text], [200, '6']);
                refused(await session.poll(), 1);
            });
            test('WebSocket: forcefully closes the session', async () => {
                const ws = await io.openSocket();
                ws.send('1');
                assert.equal((await ws.end()).code, 1000);
            });
        });

        describe('upgrade', () => {
            test('successfully upgrades from HTTP long-polling to WebSocket', async () => {
                const session = await io.open();
                const ws = session.socket();
                await opened(ws);
                ws.send('2probe');
                assert.equal(await ws.text(), '3probe');
                const { status, text } = await session.poll();
                assert.deepEqual([status, text], [200, '6']);
                ws.send('5');
                ws.send('40');
                assert.match(await ws.text(), CONNECTED);
                await ws.close();
            });
            test('ignores HTTP requests with same sid after upgrade', async () => {
                const session = await io.open();
                const ws = await session.upgrade();
                ws.send('40');
                assert.match(await ws.text(), CONNECTED);
                refused(await session.poll(), 3);
                refused(await session.post('40'), 3);
                ws.send('421["ping"]');
                assert.match(await ws.text(), /^42\["pong"/);
                await ws.close();
            });
            test('ignores WebSocket connection with same sid after upgrade', async () => {
                const session = await io.open();
                const ws = await session.upgrade();
                ws.send('40');
                assert.match(await ws.text(), CONNECTED);
                const second = session.socket();
                assert.equal((await second.end()).code, 1000);
                ws.send('421["ping"]');
                assert.match(await ws.text(), /^42\["pong"/);
                await ws.close();
            });
        });
    });
