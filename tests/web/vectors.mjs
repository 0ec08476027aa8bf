// SPDX-License-Identifier: MIT
//
// The shared vectors through the core and its crypto as WebAssembly: in Node (wasm.test.mjs) and in a browser
// (tests/e2e/web_vectors.test.mjs). Nothing here is either's own.

export const FILES = ['frames', 'splices', 'socketio', 'errors', 'canonical', 'ids', 'envelopes', 'bodies', 'seals'];
const GROUPS = 9; // of test_vectors.c

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const fromHex = (text) => Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));
const fromBase64 = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
const toHex = (bytes) => Array.from(bytes, (b) => b.toString(16).padStart(2, '0')).join('');

/** The ports of one instance. files: the text of each vector file, by name. */
export function instantiate(module, files = {}) {
    let wasm;
    const view = () => new Uint8Array(wasm.memory.buffer);
    const text = (p, n) => decoder.decode(view().subarray(p, p + n));
    const fileOf = (p, n) => encoder.encode(files[text(p, n).replace(/^.*\/|\.json$/g, '')] ?? '');
    const own = {
        host: { panic: (p, n) => { throw new Error(text(p, n)); }, random: (p, n) => crypto.getRandomValues(view().subarray(p, p + n)) },
        vectors: { size: (p, n) => fileOf(p, n).length, read: (p, n, out) => view().set(fileOf(p, n), out) },
    };
    const imports = {};
    for (const { module: from, name } of WebAssembly.Module.imports(module)) (imports[from] ??= {})[name] = own[from]?.[name] ?? (() => 8);
    wasm = new WebAssembly.Instance(module, imports).exports;
    wasm._initialize();
    const call = (name, ...args) => {
        const bytes = args.map((a) => (typeof a === 'string' ? encoder.encode(a) : a));
        let at = wasm.web_room(bytes.reduce((sum, a) => sum + a.length, 1));
        return wasm[name](...bytes.flatMap((a) => {
            view().set(a, at);
            at += a.length;
            return [at - a.length, a.length];
        }));
    };
    const out = (n) => view().slice(wasm.port_out(), wasm.port_out() + n);
    return {
        run: () => wasm.vectors_run(),
        identity(seed, boxSeed) {
            call('port_identity', seed, boxSeed);
            return { key: out(32), box: out(64).slice(32), boxSignature: out(128).slice(64) };
        },
        sign: (message) => (call('port_sign', message), out(64)),
        verify: (key, message, signature) => call('port_verify', key, message, signature) !== 0,
        sha256: (message) => (call('port_sha256', message), out(32)),
        agree: (box) => (call('port_agree', box) !== 0 ? out(32) : null),
        seal: (key, nonce, aad, plain) => (call('port_seal', key, nonce, aad, plain), out((typeof plain === 'string' ? encoder.encode(plain) : plain).length + 16)),
        open: (key, nonce, aad, sealed) => (call('port_open', key, nonce, aad, sealed) !== 0 ? out(sealed.length - 16) : null),
    };
}

const must = (holds, sentence) => {
    if (!holds) throw new Error(sentence);
};

function checkEnvelope(ports, v) {
    if (!v.seed || !v.expect?.canonical) return 0;
    const { key } = ports.identity(fromHex(v.seed), new Uint8Array(32));
    const signature = fromBase64(v.expect.signature);
    if (v.key) must(toHex(key) === toHex(fromBase64(v.key)), `${v.name}: another key`);
    must(ports.verify(key, v.expect.canonical, signature), `${v.name}: its signature is not accepted`);
    must(!ports.verify(key, `${v.expect.canonical} `, signature), `${v.name}: the signature of something else is accepted`);
    must(toHex(ports.sign(v.expect.canonical)) === toHex(signature), `${v.name}: another signature`);
    return 1;
}

function checkSeal(ports, v) {
    const m = JSON.parse(v.in);
    ports.identity(new Uint8Array(32), fromHex(v.readerSeed));
    const wrap = ports.agree(fromBase64(v.box));
    const wrapped = fromBase64(m.keys[v.reader]);
    const name = `usher-key-1\n${m.id}\n${m.from}\n${v.reader}`;
    const key = ports.open(wrap, wrapped.subarray(0, 12), name, wrapped.subarray(12));
    must(key && toHex(key) === v.contentKey, `${v.name}: another key of its content`);
    const zero = new Uint8Array(12);
    const encrypted = fromBase64(m.encrypted);
    must(decoder.decode(ports.open(key, zero, v.expect.header, encrypted)) === v.expect.content, `${v.name}: another content`);
    must(toHex(ports.seal(key, zero, v.expect.header, v.expect.content)) === toHex(encrypted), `${v.name}: sealed otherwise`);
    must(ports.open(key, zero, `${v.expect.header} `, encrypted) === null, `${v.name}: another header is accepted`);
    return 1;
}

/** Throws at the first that does not hold. How many of each there were. */
export function runVectors(module, files) {
    const ports = instantiate(module, files);
    const groups = ports.run();
    must(groups === GROUPS, `${groups} groups of vectors ran, not ${GROUPS}`);
    const all = (name) => JSON.parse(files[name]);
    let hashes = 0;
    for (const v of all('ids')) {
        const hashed = typeof v.in === 'string' ? fromHex(v.in) : v.hashed;
        must(toHex(ports.sha256(hashed)) === v.sha256, `${v.name}: another hash`);
        hashes++;
    }
    const sum = (name, check) => all(name).reduce((n, v) => n + check(ports, v), 0);
    return { groups, hashes, signatures: sum('envelopes', checkEnvelope), seals: sum('seals', checkSeal) };
}
