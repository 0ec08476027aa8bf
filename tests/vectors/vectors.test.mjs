// SPDX-License-Identifier: MIT
//
// The vectors from Node: an implementation of protocol/README.md that shares nothing with the C one, on JSON.parse
// and node:crypto. Where both agree with the vectors, the page says enough to write a client by.
import assert from 'node:assert/strict';
import { createCipheriv, createDecipheriv, createHash, createPrivateKey, createPublicKey, diffieHellman, hkdfSync, sign, verify } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

const here = (path) => new URL(path, import.meta.url);
const load = (name) => JSON.parse(readFileSync(here(`./${name}.json`), 'utf8'));
const readme = readFileSync(here('../../protocol/README.md'), 'utf8');
const FILES = ['frames', 'splices', 'errors', 'canonical', 'ids', 'envelopes', 'bodies', 'seals'];
const vectors = Object.fromEntries(FILES.map((name) => [name, load(name)]));
const title = (v) => `[${v.clause}] ${v.name}`;

/** `in` and `expect` as bytes: a text, or the concatenation of texts, {hex} and {repeat, times}. */
const bytes = (parts) => Buffer.concat([parts].flat().map((part) =>
  typeof part === 'string' ? Buffer.from(part)
    : part.hex ? Buffer.from(part.hex, 'hex') : Buffer.from(part.repeat.repeat(part.times))));

// ---- JSON text

const TOKENS = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s"{}[\],:]+/gs;

/** What JSON.parse does not show: nesting, names as written, numbers as written. The text must be sound. */
function survey(text) {
  const found = { depth: 0, names: [], numbers: [], repeated: false };
  const open = [];
  const tokens = text.match(TOKENS) ?? [];
  tokens.forEach((token, i) => {
    if (token === '{' || token === '[') {
      open.push(new Set());
      found.depth = Math.max(found.depth, open.length);
    } else if (token === '}' || token === ']') {
      open.pop();
    } else if (token.startsWith('"') && tokens[i + 1] === ':') {
      const name = JSON.parse(token);
      if (open.at(-1).has(name)) found.repeated = true;
      open.at(-1).add(name);
      if (open.length === 1) found.names.push(token);
    } else if (/^[-0-9]/.test(token)) {
      found.numbers.push(token);
    }
  });
  return found;
}

/** With the u flag a surrogate matches only where it is not one of a pair. */
const LONE_SURROGATE = /\p{Surrogate}/u;

function* strings(value) {
  if (typeof value === 'string') yield value;
  if (value && typeof value === 'object') {
    for (const [name, item] of Object.entries(value)) {
      yield name;
      yield* strings(item);
    }
  }
}

function parse(raw) {
  const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(raw);
  const value = JSON.parse(text);
  if (value === null || typeof value !== 'object' || Array.isArray(value)) throw new Error('no object');
  for (const s of strings(value)) if (LONE_SURROGATE.test(s)) throw new Error('half a surrogate pair');
  return { text, value, ...survey(text) };
}

const size = (text) => Buffer.byteLength(text);
const isObject = (v) => typeof v === 'object' && v !== null && !Array.isArray(v);
const isText = (max, min = 0) => (v) => typeof v === 'string' && size(v) >= min && size(v) <= max;
const isMatch = (pattern) => (v) => typeof v === 'string' && pattern.test(v);
const isCount = (min = 0, max = 2 ** 53 - 1) => (v) => Number.isInteger(v) && v >= min && v <= max;
const any = () => true;
const must = (holds) => ({ holds, must: true });
const may = (holds) => ({ holds, must: false });
const obeys = (rules, value) => Object.entries(rules).every(([name, rule]) =>
  Object.hasOwn(value, name) ? rule.holds(value[name]) : !rule.must);

// ---- frames (sections 1 to 3)

const ROOM_ID = /^[A-Za-z0-9_-]{1,64}$/;
const TO = { to: must(isText(59, 1)), link: may(isText(64)) };
const isDuration = (v) => typeof v === 'number' && v >= 0 && !Object.is(v, -0);
const OUTCOMES = ['direct', 'stun', 'turn', 'relay', 'failed'];
const isReadable = (v) => isObject(v) && survey(JSON.stringify(v)).depth <= 8 &&
  ![...strings(v)].some((s) => s.includes('\0')) && JSON.stringify(v, (_, x) => (Math.abs(x) === Infinity ? '\0' : x)) === JSON.stringify(v);
const REQUESTS = {
  'join-room': { roomId: must(isMatch(ROOM_ID)), displayName: may((v) => isText(128)(v) && !v.includes('\0')),
    metadata: may(isReadable), password: may(isText(256)), token: may(isText(8192)) },
  'leave-room': {},
  offer: { ...TO, sdp: must((v) => typeof v === 'string') },
  answer: { ...TO, sdp: must((v) => typeof v === 'string') },
  'ice-candidate': { ...TO, candidate: must((v) => v === null || isObject(v)) },
  signal: { ...TO, data: must(any) },
  resume: { resumeToken: must(isText(4096)) },
  report: { peerId: must(isText(59, 1)), outcome: must((v) => OUTCOMES.includes(v)), connectMs: may(isDuration), rttMs: may(isDuration) },
  ping: {},
};

function judge(raw) {
  let frame;
  try {
    frame = parse(raw);
  } catch {
    return { error: 'bad-json' };
  }
  const { value, names, text } = frame;
  if (frame.depth > 32) return { error: 'bad-json' };
  const ref = typeof value.ref === 'string' && size(value.ref) <= 64 ? rawMember(text, 'ref') : undefined;
  const refuse = (error) => (ref === undefined ? { error } : { error, ref });
  const twice = ['type', 'to', 'ref'].some((n) => names.filter((x) => x === `"${n}"`).length > 1);
  if (twice || names.some((n) => n.includes('\\') || n === '"from"')) return refuse('bad-message');
  if (Object.hasOwn(value, 'ref') && ref === undefined) return refuse('bad-message');
  if (typeof value.type !== 'string') return refuse('bad-message');
  if (!Object.hasOwn(REQUESTS, value.type)) return refuse('unknown-type');
  if (value.type === 'join-room' && isObject(value.metadata) && size(rawMember(text, 'metadata')) > 1024) return refuse('bad-message');
  if (!obeys(REQUESTS[value.type], value)) return refuse('bad-message');
  return ref === undefined ? { type: value.type } : { type: value.type, ref };
}

/** A top-level member's name or value as it stands in the text: [start, end) of both. */
function locate(text, wanted) {
  let depth = 0;
  let at;
  for (const m of text.matchAll(TOKENS)) {
    const end = m.index + m[0].length;
    if (at?.open && depth === 1 && (m[0] === ',' || m[0] === '}')) return at;
    if (at && m[0] !== ':') {
      at.value ??= m.index;
      at.end = end;
      at.open = true;
    }
    if (m[0] === '{' || m[0] === '[') depth++;
    if (m[0] === '}' || m[0] === ']') depth--;
    if (!at && depth === 1 && m[0] === `"${wanted}"` && /^\s*:/.test(text.slice(end))) at = { name: m.index };
  }
  return undefined;
}
function rawMember(text, name) {
  const { value, end } = locate(text, name);
  return text.slice(value, end);
}

for (const v of vectors.frames) {
  test(`frame ${title(v)}`, () => {
    const verdict = judge(bytes(v.in));
    const { ref, ...expect } = v.expect;
    assert.deepEqual({ error: verdict.error, type: verdict.type }, { error: undefined, type: undefined, ...expect });
    if (ref !== undefined || verdict.error) assert.equal(verdict.ref, ref);
  });
}

for (const v of vectors.splices) {
  test(`splice ${title(v)}`, () => {
    const text = bytes(v.in).toString();
    assert.equal(judge(bytes(v.in)).error, undefined);
    const { name, end } = locate(text, 'to');
    assert.equal(text.slice(0, name) + `"from":"${v.from}"` + text.slice(end), bytes(v.expect).toString());
  });
}

// ---- canonical form (section 7)

function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (!isObject(value)) return JSON.stringify(value);
  return `{${Object.keys(value).sort().map((k) => `${JSON.stringify(k)}:${canonical(value[k])}`).join(',')}}`;
}

/** The value of JSON text that has a canonical form. */
function plainValue(text) {
  const value = JSON.parse(text);
  const { numbers, repeated } = survey(text);
  const all = [...strings(value)];
  if (repeated) throw new Error('a name stands twice');
  if (!numbers.every((n) => /^-?\d+$/.test(n) && Number.isSafeInteger(Number(n)))) throw new Error('no integer');
  if (all.some((s) => s.includes('\0') || LONE_SURROGATE.test(s))) throw new Error('no text');
  return value;
}

for (const v of vectors.canonical) {
  test(`canonical ${title(v)}`, () => {
    if (v.expect === null) assert.throws(() => plainValue(v.in));
    else assert.equal(canonical(plainValue(v.in)), v.expect);
  });
}

// ---- identities and conversations (section 6, M-6)

const sha256 = (data) => createHash('sha256').update(data).digest();
function shortHash(hash) {
  let n = BigInt(`0x${hash.subarray(0, 16).toString('hex')}`) << 2n; // 128 bits and two of padding: 26 digits
  let out = '';
  for (let i = 0; i < 26; i++, n >>= 5n) out = 'abcdefghijklmnopqrstuvwxyz234567'[Number(n & 31n)] + out;
  return out;
}
const byBytes = (a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b));
const conversation = (ids) => `p:${shortHash(sha256([...new Set(ids)].sort(byBytes).join('\n')))}`;

for (const v of vectors.ids) {
  test(`id ${title(v)}`, () => {
    assert.equal(Array.isArray(v.in) ? conversation(v.in) : shortHash(sha256(Buffer.from(v.in, 'hex'))), v.expect);
    assert.equal(v.sha256, sha256(Array.isArray(v.in) ? v.hashed : Buffer.from(v.in, 'hex')).toString('hex'));
  });
}

// ---- envelopes (sections 8 and 9)

const person = isMatch(/^[A-Za-z0-9._-]{1,59}$/);
const id = isMatch(/^[A-Za-z0-9._:-]{1,64}$/);
const list = (holds, max, min = 0) => (v) => Array.isArray(v) && v.length >= min && v.length <= max && v.every(holds);
const map = (holds, max) => (v) => isObject(v) && Object.keys(v).length <= max && Object.entries(v).every(([k, x]) => person(k) && holds(x));
const base64 = (n) => (v) => typeof v === 'string' && Buffer.from(v, 'base64').toString('base64') === v && Buffer.from(v, 'base64').length === n;
const MEMBERS = {
  id: must(id), type: must(isText(32, 1)), version: may((v) => v === 1), from: may(person), to: may(list(person, 256)),
  route: may(list(person, 4)), content: may(isObject), timestamp: may(isCount(1)), sequence: may(isCount(1)),
  vectorClock: may(map(isCount(), 1024)), since: may(map(isCount(1), 1024)), requiresAck: may((v) => typeof v === 'boolean'), ttl: may(isCount(1, 30 * 86400000)),
  retryCount: may(isCount(0, 1000000)), keys: may(map(isText(128, 1), 1024)), signature: may(base64(64)),
  encrypted: may(isText(Infinity, 1)), conversation: may(isMatch(/^(room:[A-Za-z0-9_-]{1,64}|p:[a-z2-7]{25}[aeimquy4])$/)),
};
const ATTACHMENT = { fileId: must(id), name: must(isText(255, 1)), size: must(isCount()), mediaType: may(isText(127)), hash: may(base64(32)) };
const CONTENT = { text: may(isText(65536)), metadata: may((v) => isObject(v) && size(canonical(v)) <= 196608),
  attachments: may(list((a) => isObject(a) && obeys(ATTACHMENT, a), 16)) };
const OF = { of: must(list(id, 256, 1)) };
const FILE = { fileId: must(id) };
const introduction = (rule) => ({ context: rule((v) => v === 'usher-intro-1'), room: rule(isMatch(ROOM_ID)), reader: rule(person),
  fingerprint: rule(isText(128, 1)), readerFingerprint: rule(isText(128, 1)), key: may(base64(32)), box: may(base64(32)), mac: may(base64(32)),
  name: may(isText(255)) });
const METADATA = {
  message_ack: OF, message_delivered: OF, message_read: OF, message_missed: OF, message_query: OF, heartbeat: { ping: may(isCount()), pong: may(isCount()) },
  presence_update: { presence: must((v) => ['online', 'away', 'gone'].includes(v)) }, connection_request: { signal: must(isObject) },
  identity_claim: { context: must(isText(255)), room: must(isMatch(ROOM_ID)), seat: must(person), reader: must(person), started: must(isCount()) },
  presence_digest: { versions: must(isObject) },
  file_offer: { ...FILE, paused: may(isCount()), name: must(isText(255, 1)), size: must(isCount()), hash: must(base64(32)), chunkSize: must(isCount()),
    kind: may(isText(255)) },
  file_accept: { ...FILE, paused: may(isCount()), have: may(isText(43692)) }, file_decline: { ...FILE, reason: may(isText(255)) }, file_chunk: { frame: must(isText(90112)) },
  file_complete: FILE, history_request: { clock: must(isObject), new: may(isCount()), missing: may(Array.isArray), expired: may(Array.isArray),
    want: may(isObject), past: may(isObject) },
  history_reply: { count: must(isCount()), for: must(isText(255)), people: may(Array.isArray), gone: may(isCount()), now: may(isCount()) },
  broadcast_announce: { clock: must(isObject), hops: may(isObject) },
  broadcast_graft: { author: must(person) }, broadcast_prune: { author: must(person) },
};

function checkTalk(m, signed) {
  const group = m.type === 'group_message';
  assert.ok(m.content?.text !== undefined || m.content?.attachments?.length || m.encrypted, 'nothing said');
  if (m.conversation) assert.equal(m.conversation.startsWith('room:'), group);
  assert.ok((m.to?.length ?? 0) <= { direct_message: 1, private_message: 256, group_message: 0 }[m.type]);
  if (!signed) return;
  assert.ok(group || m.to?.length);
  assert.ok(m.conversation && m.sequence);
}

/** The message, or an exception. */
function read(raw) {
  assert.ok(raw.length <= 262144);
  const { text, value: m, depth } = parse(raw);
  plainValue(text);
  assert.ok(depth <= 16);
  assert.ok(obeys(MEMBERS, m) && obeys(CONTENT, m.content ?? {}));
  const signed = 'signature' in m;
  if (signed) assert.ok(m.version && m.from && m.timestamp);
  assert.equal('sequence' in m, 'vectorClock' in m);
  if (m.sequence) assert.equal(m.vectorClock[m.from], m.sequence);
  if (m.encrypted) assert.ok(signed && !('content' in m));
  if (m.type === 'status_update' && !m.encrypted) assert.ok(typeof m.content?.text === 'string');
  if (/^(direct|group|private)_message$/.test(m.type)) checkTalk(m, signed);
  else if (!m.encrypted) {
    const rules = m.type === 'peer_introduction' ? introduction(signed ? must : may) : METADATA[m.type] ?? {};
    const metadata = m.content?.metadata ?? {};
    assert.ok(obeys(rules, metadata));
    if (m.type === 'heartbeat') assert.notEqual('ping' in metadata, 'pong' in metadata);
  }
  return m;
}

function signedBytes(message) {
  const { route, retryCount, keys, signature, ...rest } = message;
  return Buffer.from(canonical(rest));
}

const der = (prefix, raw) => Buffer.concat([Buffer.from(prefix, 'hex'), raw]);
const publicKey = (raw) => createPublicKey({ key: der('302a300506032b6570032100', raw), format: 'der', type: 'spki' });
const privateKey = (raw) => createPrivateKey({ key: der('302e020100300506032b657004220420', raw), format: 'der', type: 'pkcs8' });

// What a body may hold is judged above; what C makes of it, it writes again (tests/unit/protocol/test_vectors.c).
for (const v of vectors.bodies) {
  test(`body ${title(v)}`, () => {
    const message = (metadata) => Buffer.from(JSON.stringify({ id: '1', type: v.type, content: { metadata } }));
    assert.deepEqual(read(message(v.in)).content.metadata, v.in);
    const { missing = [], expired = [] } = read(message(v.expect ?? v.in)).content.metadata;
    for (const stretch of [...missing, ...expired]) assert.match(stretch, /^[A-Za-z0-9._-]+\/[0-9a-f]{16}\/[0-9a-f]{16}$/);
  });
}

for (const v of vectors.envelopes) {
  test(`envelope ${title(v)}`, () => {
    if (v.expect === null) {
      assert.throws(() => read(bytes(v.in)));
      return;
    }
    const message = read(bytes(v.in));
    assert.equal(message.type, v.expect.type);
    if (!v.expect.canonical) return;
    const key = Buffer.from(v.key, 'base64');
    const signature = Buffer.from(message.signature, 'base64');
    assert.equal(signedBytes(message).toString(), v.expect.canonical);
    assert.equal(message.signature, v.expect.signature);
    assert.equal(message.from, shortHash(sha256(key)));
    assert.ok(verify(null, signedBytes(message), publicKey(key), signature));
    assert.deepEqual(sign(null, signedBytes(message), privateKey(Buffer.from(v.seed, 'hex'))), signature);
    assert.ok(!verify(null, signedBytes({ ...message, timestamp: message.timestamp + 1 }), publicKey(key), signature));
    if (message.conversation?.startsWith('p:')) assert.equal(message.conversation, conversation([message.from, ...message.to]));
  });
}

// ---- sealing (section 8)

const boxPublic = (raw) => createPublicKey({ key: der('302a300506032b656e032100', raw), format: 'der', type: 'spki' });
const boxPrivate = (raw) => createPrivateKey({ key: der('302e020100300506032b656e04220420', raw), format: 'der', type: 'pkcs8' });

function gcm(key, nonce, aad, plain) {
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(aad));
  return Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
}

function ungcm(key, nonce, aad, sealed) {
  const cipher = createDecipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(aad)).setAuthTag(sealed.subarray(-16));
  return Buffer.concat([cipher.update(sealed.subarray(0, -16)), cipher.final()]);
}

for (const v of vectors.seals) {
  test(`seal ${title(v)}`, () => {
    const m = read(bytes(v.in));
    const { encrypted, ...bare } = JSON.parse(signedBytes(m));
    const header = canonical(bare);
    assert.equal(header, v.expect.header);
    const secret = diffieHellman({ privateKey: boxPrivate(Buffer.from(v.readerSeed, 'hex')), publicKey: boxPublic(Buffer.from(v.box, 'base64')) });
    const wrap = Buffer.from(hkdfSync('sha256', secret, '', 'usher-wrap-1', 32));
    const wrapped = Buffer.from(m.keys[v.reader], 'base64');
    const name = `usher-key-1\n${m.id}\n${m.from}\n${v.reader}`;
    const key = ungcm(wrap, wrapped.subarray(0, 12), name, wrapped.subarray(12));
    assert.equal(key.toString('hex'), v.contentKey);
    assert.equal(ungcm(key, Buffer.alloc(12), header, Buffer.from(encrypted, 'base64')).toString(), v.expect.content);
    assert.equal(gcm(key, Buffer.alloc(12), header, v.expect.content).toString('base64'), encrypted);
    const nonce = Buffer.from(v.nonce, 'hex');
    assert.deepEqual(Buffer.concat([nonce, gcm(wrap, nonce, name, key)]), wrapped);
    assert.throws(() => ungcm(key, Buffer.alloc(12), header.replace('"m1"', '"m2"'), Buffer.from(encrypted, 'base64')));
  });
}

// ---- coverage

test('errors: the page, the vectors and their close codes agree', () => {
  const page = Object.fromEntries([...readme.matchAll(/^ {2}\| `([a-z-]+)` \|.*\| (\d{4}) \|$/gm)].map((m) => [m[1], Number(m[2])]));
  assert.deepEqual(Object.fromEntries(vectors.errors.map((v) => [v.in, v.expect.close])), page);
  assert.equal(Object.keys(page).length, 14);
  for (const v of vectors.frames) if (v.expect.error) assert.ok(v.expect.error in page, v.expect.error);
});

test('every clause of a vector stands on the page, once', () => {
  const clauses = [...readme.matchAll(/\*\*\[([A-Z]-\d+)\]\*\*/g)].map((m) => m[1]);
  assert.equal(new Set(clauses).size, clauses.length);
  for (const v of Object.values(vectors).flat()) assert.ok(clauses.includes(v.clause), title(v));
});

test('every vector has a name of its own', () => {
  for (const [file, cases] of Object.entries(vectors)) {
    const titles = cases.map(title);
    assert.equal(new Set(titles).size, titles.length, `${file}: ${titles.find((t, i) => titles.indexOf(t) !== i)}`);
  }
});
