// SPDX-License-Identifier: MIT
//
// What `make web` built, in Node: the vectors, crypto against Node's, the face against its host. $BUILD names the build folder,
// build if it is not set.
import assert from 'node:assert/strict';
import { createCipheriv, createHash, createHmac, createPrivateKey, createPublicKey, diffieHellman, generateKeyPairSync, hkdfSync, randomBytes, scryptSync, sign, verify } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { MEMBERS } from '../../web/host/events.js';
import { Usher } from '../../web/host/usher.js';
import { FILES, instantiate, runVectors } from './vectors.mjs';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
const build = path.resolve(root, process.env.BUILD ?? 'build');
const source = (name) => readFileSync(path.join(root, name), 'utf8');
const moduleOf = (name) => new WebAssembly.Module(readFileSync(path.join(build, name)));
const program = moduleOf('web/usher.wasm');
const vectors = moduleOf('web-obj/vectors.wasm');
const der = (prefix, raw) => Buffer.concat([Buffer.from(prefix, 'hex'), raw]);
const keyOf = (pair, type) => pair.export({ format: 'der', type }).subarray(-32);

test('the shared vectors hold in WebAssembly', (t) => {
    const files = Object.fromEntries(FILES.map((name) => [name, source(`tests/vectors/${name}.json`)]));
    const { groups, hashes, signatures, seals } = runVectors(vectors, files);
    t.diagnostic(`${groups} groups; ${hashes} hashes, ${signatures} signatures, ${seals} seals`);
    assert.ok(hashes >= 10 && signatures >= 16 && seals >= 3);
});

test('keys, signatures, secrets and seals are those of Node, for texts of any length', () => {
    const ports = instantiate(vectors);
    for (let n = 0; n < 200; n += 13) {
        const [seed, boxSeed, message] = [randomBytes(32), randomBytes(32), randomBytes(n * n)];
        const { key, box, boxSignature } = ports.identity(seed, boxSeed);
        const own = createPrivateKey({ key: der('302e020100300506032b657004220420', seed), format: 'der', type: 'pkcs8' });
        assert.deepEqual(Buffer.from(key), keyOf(createPublicKey(own), 'spki'));
        assert.deepEqual(Buffer.from(boxSignature), sign(null, box, own));
        assert.deepEqual(Buffer.from(ports.sign(message)), sign(null, message, own));
        assert.deepEqual(Buffer.from(ports.sha256(message)), createHash('sha256').update(message).digest());
        const other = generateKeyPairSync('ed25519');
        assert.ok(ports.verify(keyOf(other.publicKey, 'spki'), message, sign(null, message, other.privateKey)));
        assert.ok(!ports.verify(key, message, sign(null, message, other.privateKey)));
        const theirs = generateKeyPairSync('x25519');
        const boxKey = createPublicKey({ key: der('302a300506032b656e032100', Buffer.from(box)), format: 'der', type: 'spki' });
        const secret = diffieHellman({ privateKey: theirs.privateKey, publicKey: boxKey });
        const shared = ports.agree(keyOf(theirs.publicKey, 'spki'));
        assert.deepEqual(Buffer.from(shared), Buffer.from(hkdfSync('sha256', secret, '', 'usher-wrap-1', 32)));
        const nonce = randomBytes(12);
        const cipher = createCipheriv('aes-256-gcm', shared, nonce).setAAD(Buffer.from('header'));
        const sealed = Buffer.concat([cipher.update(message), cipher.final(), cipher.getAuthTag()]);
        assert.deepEqual(Buffer.from(ports.seal(shared, nonce, 'header', message)), sealed);
        assert.deepEqual(Buffer.from(ports.open(shared, nonce, 'header', sealed)), message);
        sealed[sealed.length - 1] ^= 1;
        assert.equal(ports.open(shared, nonce, 'header', sealed), null);
    }
});

test('a key that makes no secret is refused, and so are signatures that are not canonical', () => {
    const ports = instantiate(vectors);
    const { key } = ports.identity(randomBytes(32), randomBytes(32));
    assert.equal(ports.agree(new Uint8Array(32)), null);
    const order = Buffer.from('edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010', 'hex');
    const signature = Buffer.from(ports.sign('text'));
    let carry = 0;
    for (let i = 0; i < 32; i++) {
        const sum = signature[32 + i] + order[i] + carry;
        signature[32 + i] = sum & 255;
        carry = sum >> 8;
    }
    assert.ok(!ports.verify(key, 'text', signature), 's + L stands for the same point');
    assert.ok(!ports.verify(new Uint8Array(32), 'text', Buffer.alloc(64)));
});

test('a code leads to the room that usher goes to', async () => {
    const { code, room } = await Usher.code(undefined, program);
    const master = scryptSync(code, 'usher-code-1', 32, { N: 1 << 14, r: 8, p: 1, maxmem: 64 << 20 });
    const hash = createHmac('sha256', master).update('usher-code-1 room').digest().subarray(0, 16);
    const alphabet = 'abcdefghijklmnopqrstuvwxyz234567';
    const bits = [...hash].map((b) => b.toString(2).padStart(8, '0')).join('').padEnd(130, '0');
    assert.equal(room, bits.match(/.{5}/g).map((five) => alphabet[parseInt(five, 2)]).join(''));
    await assert.rejects(Usher.code('aple pie is not a code', program), /aple/);
});

test('what the module imports and exports is what the host has, with as many arguments', () => {
    const kinds = Object.fromEntries([...source('web/host/core.js').matchAll(/\b([a-z_]+): '([ntbB]*)'/g)].map(([, name, all]) => [name, all]));
    const declared = source('web/core/host.h').replaceAll(/\s+/g, ' ').matchAll(/HOST\((\w+)\) ?\(([^)]*)\)/g);
    const types = { n: 1, b: 1, t: 2, B: 2 };
    for (const [, name, args] of declared) {
        if (['panic', 'random', 'name'].includes(name)) continue;
        const count = args === 'void' ? 0 : args.split(',').length;
        assert.equal([...kinds[name]].reduce((n, kind) => n + types[kind], 0), count, name);
    }
    const imported = WebAssembly.Module.imports(program).filter(({ module }) => module === 'host').map(({ name }) => name);
    for (const name of imported) assert.ok(name in kinds || ['panic', 'random'].includes(name), name);
    const exported = new Set(WebAssembly.Module.exports(program).map(({ name }) => name));
    for (const file of ['usher', 'core', 'links', 'files'])
        for (const [, name] of source(`web/host/${file}.js`).matchAll(/'(web_\w+)'/g)) assert.ok(exported.has(name), name);
});

test('events have the members that usher pipe prints', () => {
    const names = Object.fromEntries([...source('peer/core/peer.h').matchAll(/^ {4}X\(([A-Z_]+), "([a-z-]+)"\)/gm)].map(([, name, text]) => [name, text]));
    const rows = [...source('peer/cli/pipe_events.c').matchAll(/\{USHER_(\w+), "(\w+)", (\w+), AT\((\w+)\), M\w+\}/g)];
    assert.ok(rows.length > 60);
    assert.deepEqual(MEMBERS, rows.map(([, event, member, value, from]) => [names[event], member, value, from]));
});
