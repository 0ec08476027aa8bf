// SPDX-License-Identifier: MIT
//
// ICE servers: what clients are told, and whether a real TURN server takes it. The relay is forced, so a link that
// comes up has gone through it.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import fs from 'node:fs/promises';
import path from 'node:path';
import { run, startDaemon } from './lib/daemon.mjs';
import { connect } from './lib/client.mjs';
import { joinPeer, scratch } from './lib/peer.mjs';
import { startTurn } from './lib/turn.mjs';

const SECRET = 'a secret of two';
const now = () => Math.floor(Date.now() / 1000);
const password = (username) => crypto.createHmac('sha1', SECRET).update(username).digest('base64');

let turn, daemon;
before(async () => {
    turn = await startTurn(SECRET);
    daemon = await startDaemon({
        args: ['--set', 'ice.stun=stun:127.0.0.1:9', '--set', `ice.turn=${turn.url}`, '--set', `ice.turn_secret=${SECRET}`],
    });
});
after(async () => {
    await daemon?.stop();
    await turn?.stop();
});

function checkEntry(entry, url, id, ttl) {
    assert.deepEqual(entry.urls, [url]);
    const [until, ...who] = entry.username.split(':');
    assert.ok(Math.abs(Number(until) - now() - ttl) <= 2, entry.username);
    assert.equal(who.join(':'), id);
    assert.equal(entry.credential, password(entry.username));
}

test('each connection is told credentials of its own', async () => {
    const a = await connect(daemon.url);
    const b = await connect(daemon.url);
    for (const client of [a, b]) {
        const [stun, entry] = client.welcome.iceServers;
        assert.deepEqual(stun, { urls: ['stun:127.0.0.1:9'] });
        checkEntry(entry, turn.url, client.welcome.peerId, 3600);
    }
    const answer = await fetch(`${daemon.http}/api/ice-servers`);
    assert.equal(answer.status, 200);
    checkEntry((await answer.json()).iceServers[1], turn.url, 'http', 3600);
    assert.ok(!daemon.log.includes(SECRET));
    await a.close();
    await b.close();
});

test('two peers that may only use the relay talk through it', async () => {
    const options = { server: daemon.url, room: 'relayed', args: ['--relay-only'] };
    const ann = await joinPeer({ ...options, name: 'ann' });
    const ben = await joinPeer({ ...options, name: 'ben' });
    assert.equal((await ann.linked(ben)).path, 'turn');
    assert.equal((await ben.linked(ann)).path, 'turn');
    ann.do({ do: 'send', to: [ben.id], text: 'through coturn', ref: '1' });
    assert.equal((await ben.event('message')).text, 'through coturn');
    await ann.event('delivered');
    assert.match(turn.log, /ALLOCATE processed, success/);
    assert.equal(await ann.stop(), 0);
    assert.equal(await ben.stop(), 0);
});

test('they are told anew before the credentials lapse', async () => {
    const brief = await startDaemon({
        args: ['--set', `ice.turn=${turn.url}`, '--set', `ice.turn_secret=${SECRET}`, '--set', 'ice.turn_ttl=1s'],
    });
    const a = await connect(brief.url);
    await a.join('r');
    for (let i = 0; i < 2; i++) {
        const fresh = await a.next();
        assert.equal(fresh.type, 'ice-servers');
        checkEntry(fresh.iceServers[0], turn.url, a.peerId, 1);
    }
    await brief.stop();
});

test('where joins need a token, so do credentials over HTTP', async () => {
    const file = path.join(await scratch(), 'key');
    await fs.writeFile(file, `alg: HS256\nkid: k\n\n${crypto.randomBytes(32).toString('base64')}\n`);
    const keys = ['--set', `auth.keys=${file}`];
    const closed = await startDaemon({ args: ['--set', 'auth.required=yes', ...keys] });
    const ask = async (headers) => (await fetch(`${closed.http}/api/ice-servers`, { headers })).status;
    const { stdout } = await run(['token', '--room', 'x', ...keys]);
    assert.equal(await ask({}), 401);
    assert.equal(await ask({ Authorization: 'Bearer garbage' }), 401);
    assert.equal(await ask({ Authorization: `Bearer ${stdout.trim()}` }), 200);
    await closed.stop();
});

test('the secret comes from a file, is never printed, and TURN without one refuses the start', async () => {
    const file = path.join(await scratch(), 'secret');
    await fs.writeFile(file, `${SECRET}\n`);
    const turnArgs = ['--set', `ice.turn=${turn.url}`];
    const other = await startDaemon({ args: [...turnArgs, '--set', `ice.turn_secret=@${file}`] });
    const a = await connect(other.url);
    checkEntry(a.welcome.iceServers[0], turn.url, a.welcome.peerId, 3600);
    await other.stop();
    const printed = await run([...turnArgs, '--set', `ice.turn_secret=${SECRET}`, '--print-config']);
    assert.match(printed.stdout, /turn_secret = \*{8}\n/);
    assert.ok(!printed.stdout.includes(SECRET));
    assert.match((await run(turnArgs)).stderr, /ice\.turn is set, but ice\.turn_secret is empty/);
    const absent = await run(['--listen', '127.0.0.1:0', ...turnArgs, '--set', 'ice.turn_secret=@/nowhere']);
    assert.equal(absent.code, 78);
    assert.match(absent.stderr, /the file "\/nowhere" cannot be read/);
});
