// SPDX-License-Identifier: MIT
//
// Tokens against the real daemon: made here with node:crypto, as an application's server would.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import fs from 'node:fs/promises';
import path from 'node:path';
import { run, startDaemon } from './lib/daemon.mjs';
import { connect } from './lib/client.mjs';
import { scratch } from './lib/peer.mjs';

const now = () => Math.floor(Date.now() / 1000);
const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
const text = (header, claims) => `${part(header)}.${part(claims)}`;

const secret = crypto.randomBytes(64);
const rsa = crypto.generateKeyPairSync('rsa', { modulusLength: 2048 });
const ec = crypto.generateKeyPairSync('ec', { namedCurve: 'P-256' });
const pem = (key) => key.export({ type: 'spki', format: 'pem' });

const hmac = (bits, key) => (data) => crypto.createHmac(`sha${bits}`, key).update(data).digest();
const SIGNERS = {
    h2: { alg: 'HS256', sign: hmac(256, secret) },
    h3: { alg: 'HS384', sign: hmac(384, secret) },
    h5: { alg: 'HS512', sign: hmac(512, secret) },
    r: { alg: 'RS256', sign: (data) => crypto.sign('sha256', Buffer.from(data), rsa.privateKey) },
    e: { alg: 'ES256', sign: (data) => crypto.sign('sha256', Buffer.from(data), { key: ec.privateKey, dsaEncoding: 'ieee-p1363' }) },
};

function token(claims, { kid = 'h2', header = {}, sign = SIGNERS[kid]?.sign } = {}) {
    const data = text({ alg: SIGNERS[kid]?.alg, kid, typ: 'JWT', ...header }, claims);
    return `${data}.${sign(data).toString('base64url')}`;
}

// Of texts that no JSON writer would write.
function signed(header, payload) {
    const data = [header, payload].map((text) => Buffer.from(text).toString('base64url')).join('.');
    return `${data}.${hmac(256, secret)(data).toString('base64url')}`;
}

let dir, files, daemon;
const keyArgs = () => Object.values(files).flatMap((file) => ['--set', `auth.keys=${file}`]);

before(async () => {
    dir = await scratch();
    files = {};
    for (const [kid, { alg }] of Object.entries(SIGNERS)) {
        files[kid] = path.join(dir, kid);
        const body = alg.startsWith('HS') ? secret.toString('base64') : pem(kid === 'r' ? rsa.publicKey : ec.publicKey);
        await fs.writeFile(files[kid], `alg: ${alg}\nkid: ${kid}\n\n${body}\n`);
    }
    daemon = await startDaemon({ args: ['--set', 'auth.required=yes', '--set', 'limits.auth_failures=0', ...keyArgs()] });
});
after(() => daemon?.stop());

const ask = async (client, room, shown) => client.ask({ type: 'join-room', roomId: room, ...(shown && { token: shown }) });

test('a token of each algorithm opens its room', async () => {
    for (const kid of Object.keys(SIGNERS)) {
        const a = await connect(daemon.url);
        assert.equal((await ask(a, 'team-1', token({ room: 'team-1', exp: now() + 60 }, { kid }))).type, 'peers', kid);
        await a.close();
    }
});

test('what is no valid token is unauthorized, and the connection lives on', async () => {
    const a = await connect(daemon.url);
    const good = { room: 'team-1', exp: now() + 60 };
    const bad = {
        none: undefined,
        garbage: 'garbage',
        'alg none': `${text({ alg: 'none', kid: 'h2' }, good)}.`,
        'alg none, signed': token(good, { header: { alg: 'none' } }),
        'public key as secret': token(good, { kid: 'r', header: { alg: 'HS256' }, sign: hmac(256, pem(rsa.publicKey)) }),
        'public key as secret, no kid': token(good, { header: { kid: undefined }, sign: hmac(256, pem(rsa.publicKey)) }),
        "another key's algorithm": token(good, { kid: 'h3', header: { kid: 'h2' } }),
        'unknown kid': token(good, { header: { kid: 'h9' } }),
        'another secret': token(good, { sign: hmac(256, 'x'.repeat(32)) }),
        expired: token({ ...good, exp: now() - 31 }),
        'exp as text': token({ ...good, exp: `${now() + 60}` }),
        'not yet valid': token({ ...good, nbf: now() + 60 }),
        'made later than now': token({ ...good, iat: now() + 60 }),
        'a claim twice': signed('{"alg":"HS256","kid":"h2"}', '{"room":"x","room":"team-1"}'),
        'cut off': token(good).slice(0, -5),
        'without a signature': token(good).replace(/[^.]*$/, ''),
    };
    for (const [why, shown] of Object.entries(bad)) {
        const answer = await ask(a, 'team-1', shown);
        assert.deepEqual([answer.type, answer.code, answer.fatal], ['error', 'unauthorized', false], why);
        if (shown) assert.ok(!JSON.stringify(answer).includes(shown.slice(0, 20)));
    }
    assert.equal((await ask(a, 'team-1', 'x'.repeat(8193))).code, 'bad-message');
    await a.alive();
    await a.close();
});

test('typ is the application\'s', async () => {
    const a = await connect(daemon.url);
    for (const typ of ['at+jwt', 'application/at+jwt', 'jwt', 'JOSE', undefined])
        for (const kid of Object.keys(SIGNERS)) {
            const answer = await ask(a, 'team-1', token({ room: 'team-1', exp: now() + 60 }, { kid, header: { typ } }));
            assert.equal(answer.type, 'peers', `${typ} ${kid}`);
            await a.ask({ type: 'leave-room' });
        }
    await a.close();
});

test('clocks may differ by auth.leeway, and so long a seat is good, too', async () => {
    const a = await connect(daemon.url);
    const late = { exp: now() - 10 };
    const early = { nbf: now() + 20, iat: now() + 20, exp: now() + 60 };
    for (const times of [late, early]) {
        assert.equal((await ask(a, 'team-1', token({ room: 'team-1', ...times }))).type, 'peers');
        await a.ask({ type: 'leave-room' });
    }
    const b = await connect(daemon.url);
    const { resumeToken } = await ask(b, 'team-1', token({ room: 'team-1', exp: now() - 10 }));
    b.destroy();
    const c = await connect(daemon.url);
    assert.equal((await c.ask({ type: 'resume', resumeToken })).type, 'resumed');
    await c.close();

    const conf = path.join(dir, 'leeway.conf');
    const write = (leeway) => fs.writeFile(conf, `[auth]\nrequired = yes\nleeway = ${leeway}\nkeys = ${files.h2}\n`);
    await write('1h');
    const other = await startDaemon({ args: ['--config', conf, '--set', 'limits.auth_failures=0'] });
    const d = await connect(other.url);
    const hour = token({ room: 'a', exp: now() - 3000 });
    assert.equal((await ask(d, 'a', hour)).type, 'peers');
    await write('0');
    other.kill('SIGHUP');
    await other.logged(/settings were read again/);
    await d.ask({ type: 'leave-room' });
    assert.equal((await ask(d, 'a', hour)).code, 'unauthorized');
    assert.equal((await ask(d, 'a', token({ room: 'a', exp: now() - 1 }))).code, 'unauthorized');
    assert.equal((await ask(d, 'a', token({ room: 'a', nbf: now() + 30 }))).code, 'unauthorized');
    assert.equal((await ask(d, 'a', token({ room: 'a', nbf: now() - 1, exp: now() + 60 }))).type, 'peers'); // by a clock with ticks
    await other.stop();
    await a.close();
});

test('a token of 8 KiB is read over HTTP wherever it stands, a longer one is not (fault 16)', async () => {
    const padded = (bytes) => token({ room: 'team-1', pad: 'x'.repeat((bytes - token({ room: 'team-1', pad: '' }).length) * 0.75) });
    const get = async (shown, query = '') => (await fetch(`${daemon.http}/api/validate?room=team-1${query}`,
        { headers: { ...(shown && { Authorization: `Bearer ${shown}` }), Cookie: 'c'.repeat(2000) } })).status;
    for (const good of [padded(7168), padded(8190)]) {
        assert.ok(good.length > 7000 && good.length <= 8192);
        assert.equal(await get(good), 200);
        assert.equal(await get(null, `&token=${good}`), 200);
        assert.equal(await get(`${good.slice(0, -43)}${'A'.repeat(43)}`), 401);
        assert.equal(await get(null, `&token=${good.slice(0, -43)}${'A'.repeat(43)}`), 401);
    }
    assert.equal(await get(padded(8300)), 401);
});

test('a token for another room is forbidden; a prefix opens all that begin with it', async () => {
    const a = await connect(daemon.url);
    assert.equal((await ask(a, 'team-2', token({ room: 'team-1' }))).code, 'forbidden');
    assert.equal((await ask(a, 'team-1', token({}))).code, 'forbidden');
    assert.equal((await ask(a, 'tea', token({ room: 'team-*' }))).code, 'forbidden');
    assert.equal((await ask(a, 'team-2', token({ room: 'team-*' }))).type, 'peers');
    await a.close();
});

test('the name of a token is what others see, its subject is not', async () => {
    const a = await connect(daemon.url);
    const b = await connect(daemon.url);
    await a.join('hall', { token: token({ room: '*' }), displayName: 'plain' });
    await b.join('hall', { token: token({ room: 'hall', name: 'Zoë "Z"', sub: 'user-17' }), displayName: 'Admin' });
    assert.deepEqual(await a.next(), { type: 'peer-joined', peerId: b.peerId, displayName: 'Zoë "Z"' });
    assert.ok(!daemon.log.includes('user-17'));
    await a.close();
    await b.close();
});

test('keys change while the daemon runs; a bad one changes nothing', async () => {
    const first = path.join(dir, 'first');
    const conf = path.join(dir, 'usherd.conf');
    const key = (kid) => `alg: HS256\nkid: ${kid}\n\n${secret.toString('base64')}\n`;
    await fs.writeFile(first, key('old'));
    await fs.writeFile(conf, `[auth]\nrequired = yes\nkeys = ${first}\n`);
    const other = await startDaemon({ args: ['--config', conf] });
    const a = await connect(other.url);
    const with_ = (kid) => token({ room: 'a' }, { header: { kid } });
    assert.equal((await ask(a, 'b', with_('old'))).code, 'forbidden');
    assert.equal((await ask(a, 'b', with_('new'))).code, 'unauthorized');
    await fs.writeFile(first, 'alg: none\nkid: new\n');
    other.kill('SIGHUP');
    await other.logged(/expected `alg: `/);
    assert.equal((await ask(a, 'b', with_('old'))).code, 'forbidden');
    await fs.writeFile(first, key('new'));
    other.kill('SIGHUP');
    await other.logged(/settings were read again/);
    assert.equal((await ask(a, 'b', with_('old'))).code, 'unauthorized');
    assert.equal((await ask(a, 'a', with_('new'))).type, 'peers');
    assert.equal(await other.stop(), 0);
});

test('an open server says that it is, ignores tokens without keys, and checks them with', async () => {
    const open = await startDaemon();
    await open.logged(/this server is open/);
    const a = await connect(open.url);
    assert.equal((await ask(a, 'x', 'garbage')).type, 'peers');
    await open.stop();
    const lax = await startDaemon({ args: keyArgs() });
    const b = await connect(lax.url);
    assert.equal((await ask(b, 'x', 'garbage')).code, 'unauthorized');
    assert.equal((await ask(b, 'x')).type, 'peers');
    await lax.stop();
    assert.ok(!daemon.log.includes('this server is open'));
});

test('usherd token makes what the daemon takes', async () => {
    const made = await run(['token', '--room', 'team-*', '--name', 'Ann', '--ttl', '5m', ...keyArgs()]);
    assert.equal(made.code, 0, made.stderr);
    const claims = JSON.parse(Buffer.from(made.stdout.split('.')[1], 'base64url'));
    assert.ok(claims.exp > now() + 290 && claims.exp <= now() + 300);
    const a = await connect(daemon.url);
    assert.equal((await ask(a, 'team-9', made.stdout.trim())).type, 'peers');
    await a.close();

    const file = path.join(dir, 'private');
    await fs.writeFile(file, `alg: ES256\nkid: e\n\n${ec.privateKey.export({ type: 'pkcs8', format: 'pem' })}`);
    const signed = await run(['token', '--room', 'a', '--admin', '--key', file]);
    const b = await connect(daemon.url);
    assert.equal((await ask(b, 'a', signed.stdout.trim())).type, 'peers');
    await b.close();

    assert.equal((await run(['token'])).code, 2);
    assert.equal((await run(['token', '--room', 'no room'])).code, 2);
    assert.match((await run(['token', '--room', 'a'])).stderr, /no key for HS256/);
});

test('a key that is too weak or not allowed stops the start, and is not shown', async () => {
    const weak = path.join(dir, 'weak');
    await fs.writeFile(weak, 'alg: HS256\nkid: w\n\nc2VjcmV0\n');
    const short = await run(['--listen', '127.0.0.1:0', '--set', `auth.keys=${weak}`]);
    assert.equal(short.code, 78);
    assert.match(short.stderr, /weak: for HS256 expected base64 of a secret of at least 32 bytes/);
    assert.ok(!short.stderr.includes('c2VjcmV0'));
    const other = await run(['--listen', '127.0.0.1:0', '--set', `auth.keys=${files.h2}`, '--set', 'auth.algorithms=ES256']);
    assert.match(other.stderr, /HS256 is not among auth\.algorithms/);
});
