// SPDX-License-Identifier: MIT
//
// RFC 6455 as a table: what a client sends and what must come back. A case is data: { section, name, send, expect } and,
// where they matter, { request, behind, pieces, protocol, cut }.
//
//   request   the head of the handshake; a good one if it is missing
//   behind    bytes in the same write as the head
//   send      bytes once `welcome` is there (or without waiting for it, if the handshake is refused)
//   pieces    bytes of each write
//   cut       what is sent ends inside a frame, so that no Close can be answered
//   fails     the daemon begins to close
//   protocol  the subprotocol that must be chosen; null for none
//   expect    the status, if it is not 101 ("400|426": either); then, in order, the `type` of each text frame after
//             `welcome`, or the `code` of an error ("!" if it is fatal); "PONG payload" for pongs ("?" before one that
//             may be missing); "CLOSE code" last, if the server closes
//
// Texts and pongs are two orders of their own: RFC 6455 does not say which comes first. A connection that is not closed
// must answer one message and one ping more, so nothing can come late unseen. A ping may go without its pong if another
// comes before that is sent (section 5.5.3), so it is sent when all else has been answered.

export const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';
export const ACCEPT = 's3pPLMBiTxaQ9kYGzzhZRbK+xOo='; // section 1.3

const MASK = [0x37, 0xfa, 0x21, 0x3d];
const MESSAGE_MAX = 65536;
const FRAGMENTS_MAX = 1024;

// ---- frames ----

// length: 16 or 64 bits for it though fewer would do; masked: false leaves the mask out; promise: what the length says.
export function frame(first, payload = '', { length = 0, masked = true, mask = MASK, promise } = {}) {
    const body = Buffer.from(payload);
    const n = promise ?? BigInt(body.length);
    const bits = length || (n > 0xffffn ? 64 : n > 125n ? 16 : 0);
    const head = Buffer.alloc(2 + bits / 8);
    head[0] = first;
    head[1] = (masked ? 0x80 : 0) | (bits === 64 ? 127 : bits === 16 ? 126 : Number(n));
    if (bits === 16) head.writeUInt16BE(Number(n), 2);
    if (bits === 64) head.writeBigUInt64BE(n, 2);
    if (!masked) return Buffer.concat([head, body]);
    return Buffer.concat([head, Buffer.from(mask), body.map((byte, i) => byte ^ mask[i % 4])]);
}

const text = (payload, how) => frame(0x81, payload, how);
const first = (payload, how) => frame(0x01, payload, how);
const more = (payload, how) => frame(0x00, payload, how);
const last = (payload, how) => frame(0x80, payload, how);
const binary = (payload, how) => frame(0x82, payload, how);
const ping = (payload, how) => frame(0x89, payload, how);
const pong = (payload, how) => frame(0x8a, payload, how);
const code = (n, reason = '') => Buffer.concat([Buffer.from([n >> 8, n & 0xff]), Buffer.from(reason)]);
export const close = (n, reason, how) => frame(0x88, n === undefined ? '' : code(n, reason), how);

export const LAST_TEXT = text('{"type":"ping","ref":"the last"}');
export const LAST_PING = ping('the last');

const PING = '{"type":"ping"}';
// A text that is answered by `pong`, n bytes long.
const pingOf = (n) => `{"type":"ping","x":"${'x'.repeat(n - 22)}"}`;
const pingWith = (bytes) => Buffer.concat([Buffer.from('{"type":"ping","x":"'), Buffer.from(bytes), Buffer.from('"}')]);
const hex = (digits) => Buffer.from(digits.replaceAll(' ', ''), 'hex');
const x = (n) => 'x'.repeat(n);

// ---- frames: what they may be ----

const row = (section, name, send, expect, rest = {}) => ({ section, name, send: [send].flat(), expect: [expect].flat(), ...rest });
// The daemon begins to close: with an error that is final, for a frame that may not be, for a reason that is no UTF-8.
const fails = (section, name, send, expect, rest = {}) => row(section, name, send, expect, { fails: true, ...rest });
const tooLarge = (section, name, send, before = [], rest = {}) => fails(section, name, send, [before, 'too-large!', 'CLOSE 1009'].flat(), rest);
const violation = (section, name, send, before = [], rest = {}) => fails(section, name, send, [before, 'CLOSE 1002'].flat(), rest);

const LENGTHS = [22, 23, 24, 25, 26, 63, 64, 65, 124, 125, 126, 127, 128, 200, 255, 256, 1000, 1200, 2047, 2048, 2049, 4096, 16384,
    32768, 65535, MESSAGE_MAX].map((n) => row('5.2', `a text of ${n} bytes`, text(pingOf(n)), 'pong'));

const MASKS = [[0, 0, 0, 0], [255, 255, 255, 255], [1, 0, 0, 0], [0, 0, 0, 1], [0x80, 0x40, 0x20, 0x10], [0x7b, 0x7b, 0x7b, 0x7b]]
    .map((mask) => row('5.3', `the mask ${mask}`, [text(pingOf(203), { mask }), ping('masked', { mask })], ['pong', 'PONG masked']));

const PIECES = [
    ...[1, 2, 3, 5, 7].map((pieces) => row('5.2', `a text in writes of ${pieces} bytes`, text(pingOf(140)), 'pong', { pieces })),
    ...[1, 3].map((pieces) => row('5.4', `fragments and a ping in writes of ${pieces} bytes`,
        [first('{"type"'), ping('between'), last(':"ping"}')], ['PONG between', 'pong'], { pieces })),
    ...[1000, 1460, 16384].map((pieces) => row('5.2', `the longest text in writes of ${pieces} bytes`, text(pingOf(MESSAGE_MAX)), 'pong', { pieces })),
    row('5.5.1', 'a Close in writes of 1 byte', close(1000, 'goodbye'), 'CLOSE 1000', { pieces: 1 }),
    row('5.2', 'ten texts in one write', Array(10).fill(text(PING)), Array(10).fill('pong')),
    row('5.2', 'a hundred texts in one write', Array(100).fill(text(PING)), Array(100).fill('pong')),
    row('5.2', 'texts of all forms of length in one write', [text(PING), text(pingOf(200)), text(pingOf(65536)), text(PING)], Array(4).fill('pong')),
];

const NOT_MINIMAL = [[16, 25], [16, 125], [64, 25], [64, 125], [64, 126], [64, 200], [64, 65535]]
    .map(([length, n]) => violation('5.2', `${n} bytes with a length of ${length} bits`, text(pingOf(n), { length })));

const PROMISES = [
    violation('5.2', 'a length with its top bit', frame(0x81, 'x', { length: 64, promise: 1n << 63n }), [], { cut: true }),
    violation('5.2', 'a length with all bits', frame(0x81, 'x', { length: 64, promise: (1n << 64n) - 1n }), [], { cut: true }),
    tooLarge('7.4.1', 'a header that promises a byte too many', frame(0x81, '', { promise: 65537n }), [], { cut: true }),
    tooLarge('7.4.1', 'a header that promises 2^32 + 5 bytes', frame(0x81, x(5), { promise: (1n << 32n) + 5n }), [], { cut: true }),
    tooLarge('7.4.1', 'a header that promises 2^63 - 1 bytes', frame(0x81, 'x', { promise: (1n << 63n) - 1n }), [], { cut: true }),
];

const UNMASKED = [
    ['a text', text(PING, { masked: false })],
    ['an empty text', text('', { masked: false })],
    ['a text of 200 bytes', text(pingOf(200), { masked: false })],
    ['the longest text', text(pingOf(MESSAGE_MAX), { masked: false })],
    ['a fragment', first('{', { masked: false })],
    ['a continuation', [first('{'), last('}', { masked: false })]],
    ['a binary', binary('x', { masked: false })],
    ['a ping', ping('x', { masked: false })],
    ['a pong', pong('x', { masked: false })],
    ['a Close', close(1000, '', { masked: false })],
    ['an empty Close', close(undefined, '', { masked: false })],
].map(([what, send]) => violation('5.1', `${what} without a mask`, send));

const RESERVED = [0x40, 0x20, 0x10, 0x70].flatMap((bits) => [
    violation('5.2', `the reserved bits ${bits.toString(16)} of a text`, frame(0x81 | bits, PING)),
    violation('5.2', `the reserved bits ${bits.toString(16)} of a ping`, frame(0x89 | bits, 'x')),
    violation('5.2', `the reserved bits ${bits.toString(16)} of a Close`, frame(0x88 | bits, code(1000))),
    violation('5.2', `the reserved bits ${bits.toString(16)} of a continuation`, [first('{'), frame(0x80 | bits, '}')]),
]).concat([
    violation('5.2', 'a reserved bit behind a good text', [text(PING), frame(0xc1, PING)], 'pong'),
    violation('5.2', 'a reserved bit, and a good text behind it', [frame(0xc1, PING), text(PING)]),
]);

const OPCODES = [3, 4, 5, 6, 7, 0xb, 0xc, 0xd, 0xe, 0xf].flatMap((opcode) => [
    violation('5.2', `the opcode ${opcode.toString(16)}`, frame(0x80 | opcode, 'x')),
    violation('5.2', `the opcode ${opcode.toString(16)}, empty`, frame(0x80 | opcode)),
]).concat([
    violation('5.2', 'the opcode 3, not final', frame(0x03, 'x')),
    violation('5.2', 'the opcode b, not final', frame(0x0b, 'x')),
    violation('5.2', 'the opcode 4 between fragments', [first('{'), frame(0x84, 'x'), last('}')]),
    violation('5.2', 'the opcode c between fragments', [first('{'), frame(0x8c, 'x'), last('}')]),
    violation('5.2', 'the opcode 5 behind a good text', [text(PING), frame(0x85, 'x')], 'pong'),
]);

// ---- fragments ----

const cutAt = (bytes, ...at) => {
    const body = Buffer.from(bytes);
    const edges = [0, ...at, body.length];
    return edges.slice(1).map((end, i) => frame((i ? 0x00 : 0x01) | (end === body.length && i === at.length ? 0x80 : 0), body.subarray(edges[i], end)));
};
const pieces = (bytes, n) => {
    const body = Buffer.from(bytes);
    return cutAt(body, ...Array.from({ length: Math.ceil(body.length / n) - 1 }, (_, i) => (i + 1) * n));
};

const FRAGMENTS = [
    ...[0, 1, 7, 8, 14, 15].map((at) => row('5.4', `two fragments, cut at ${at}`, cutAt(PING, at), 'pong')),
    row('5.4', 'a fragment a byte', pieces(PING, 1), 'pong'),
    row('5.4', 'empty fragments only', [first(''), more(''), more(''), last('')], 'bad-json'),
    row('5.4', 'empty fragments between', [first(''), more(PING.slice(0, 5)), more(''), more(PING.slice(5)), last('')], 'pong'),
    row('5.4', 'two messages in fragments', [...cutAt(PING, 3), ...cutAt(PING, 9)], ['pong', 'pong']),
    row('5.4', 'a whole message behind fragments', [...cutAt(PING, 3), text(PING)], ['pong', 'pong']),
    row('5.4', 'fragments behind a whole message', [text(PING), ...cutAt(PING, 3)], ['pong', 'pong']),
    ...[100, 1000, 1460, 4096, 32768].map((n) => row('5.4', `the longest message in fragments of ${n}`, pieces(pingOf(MESSAGE_MAX), n), 'pong')),
    row('5.4', 'a ping between fragments', [first('{"type"'), ping('a'), last(':"ping"}')], ['PONG a', 'pong']),
    row('5.4', 'an empty ping between fragments', [first('{"type"'), ping(), last(':"ping"}')], ['PONG ', 'pong']),
    row('5.4', 'a ping of 125 bytes between fragments', [first('{"type"'), ping(x(125)), last(':"ping"}')], [`PONG ${x(125)}`, 'pong']),
    row('5.4', 'a pong between fragments', [first('{"type"'), pong('unasked'), last(':"ping"}')], 'pong'),
    row('5.4', 'pings between all fragments', pieces(PING, 5).flatMap((piece, i) => [ping(String(i)), piece]), ['?PONG 0', '?PONG 1', 'PONG 2', 'pong']),
    row('5.4', 'a Close between fragments', [first('{"type"'), close(1000), last(':"ping"}')], 'CLOSE 1000'),
    violation('5.4', 'a continuation of nothing', last(PING)),
    violation('5.4', 'an empty continuation of nothing', last('')),
    violation('5.4', 'a continuation of nothing, not final', more(PING)),
    violation('5.4', 'a continuation behind a whole message', [text(PING), last(PING)], 'pong'),
    violation('5.4', 'a continuation behind a message in fragments', [...cutAt(PING, 3), last(PING)], 'pong'),
    violation('5.4', 'a continuation behind a ping', [ping('a'), last(PING)], '?PONG a'),
    violation('5.4', 'a text within a message', [first('{'), text(PING)]),
    violation('5.4', 'a fragment of text within a message', [first('{'), first(PING)]),
    violation('5.4', 'a binary within a message', [first('{'), binary('x')]),
    violation('5.4', 'a fragment of binary within a message', [first('{'), frame(0x02, 'x')]),
    violation('5.4', 'a text within a message of three', [first('{'), more(' '), text(PING)]),
    violation('5.4', 'an empty text within a message', [first('{'), text('')]),
];

// ---- control frames ----

const CONTROL = [
    ...[0, 1, 2, 3, 4, 5, 15, 16, 17, 31, 32, 64, 100, 123, 124, 125].map((n) => row('5.5.2', `a ping of ${n} bytes`, ping(x(n)), `PONG ${x(n)}`)),
    row('5.5.2', 'a ping of bytes that are no text', ping(hex('00 ff fe fd 80 0d 0a')), `PONG ${hex('00 ff fe fd 80 0d 0a').toString('latin1')}`),
    row('5.5.2', 'a ping in writes of 1 byte', ping(x(60)), `PONG ${x(60)}`, { pieces: 1 }),
    row('5.5.2', 'ten pings in one write: the last is answered at least', Array.from({ length: 10 }, (_, i) => ping(`${i}`)),
        [...Array.from({ length: 9 }, (_, i) => `?PONG ${i}`), 'PONG 9']),
    row('5.5.2', 'a ping before and behind a text', [ping('a'), text(PING), ping('b')], ['?PONG a', 'pong', 'PONG b']),
    row('5.5.3', 'an empty pong that nobody asked for', pong(), []),
    row('5.5.3', 'a pong that nobody asked for', pong('unasked'), []),
    row('5.5.3', 'a pong of 125 bytes', pong(x(125)), []),
    row('5.5.3', 'ten pongs, and a text', [...Array(10).fill(pong('x')), text(PING)], 'pong'),
    ...[['ping', 0x89], ['pong', 0x8a], ['Close', 0x88]].flatMap(([what, opcode]) => [
        ...[126, 127, 200, 65535, 65536].map((n) => violation('5.5', `a ${what} of ${n} bytes`, frame(opcode, what === 'Close' ? code(1000, x(n - 2)) : x(n)))),
        violation('5.5', `a ${what} of 5 bytes with a length of 16 bits`, frame(opcode, code(1000, 'bye'), { length: 16 })),
        violation('5.5', `a ${what} of 5 bytes with a length of 64 bits`, frame(opcode, code(1000, 'bye'), { length: 64 })),
        violation('5.5', `a ${what} that is not final`, frame(opcode & 0x7f, code(1000))),
        violation('5.5', `an empty ${what} that is not final`, frame(opcode & 0x7f)),
    ]),
    violation('5.5', 'a ping of 126 bytes between fragments', [first('{'), ping(x(126))]),
    violation('5.5', 'a ping that is not final, and its continuation', [frame(0x09, 'x'), last('y')]),
];

// ---- closing ----

const MAY_BE_SENT = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3001, 3999, 4000, 4001, 4999];
const MAY_NOT = [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 1999, 2000, 2999, 5000, 5001, 9999, 32768, 65535];
const GOOD_REASONS = [['of 1 byte', 'x'], ['of 122 bytes', x(122)], ['of 123 bytes', x(123)], ['of two-byte characters', 'äöü'],
    ['of three-byte characters', '€uro'], ['of four-byte characters', '😀😀'], ['with a NUL', 'a\0b']];
const BAD_REASONS = ['ff', 'fe', '80', 'c3', 'c0 80', 'c1 bf', 'e2 82', 'ed a0 80', 'ed bf bf', 'f0 9f 98', 'f4 90 80 80', 'f8 88 80 80 80', '62 79 65 ff'];

const CLOSING = [
    row('5.5.1', 'a Close without a code', close(), 'CLOSE none|1000'),
    ...MAY_BE_SENT.map((n) => row('7.4', `the code ${n}`, close(n), `CLOSE ${n}`)),
    ...MAY_NOT.map((n) => violation('7.4', `the code ${n}`, close(n))),
    violation('5.5.1', 'a Close of 1 byte', frame(0x88, hex('03'))),
    violation('5.5.1', 'a Close of a zero byte', frame(0x88, hex('00'))),
    ...GOOD_REASONS.map(([what, reason]) => row('5.5.1', `a reason ${what}`, close(1000, reason), 'CLOSE 1000')),
    ...BAD_REASONS.map((bytes) => fails('8.1', `the reason ${bytes}`, close(1000, hex(bytes)), 'CLOSE 1007')),
    row('5.5.1', 'a text behind a Close is not read', [close(1000), text(PING)], 'CLOSE 1000'),
    row('5.5.1', 'a ping behind a Close is not read', [close(1000), ping('late')], 'CLOSE 1000'),
    row('5.5.1', 'a second Close is not read', [close(1000), close(1001)], 'CLOSE 1000'),
    row('5.5.1', 'a broken frame behind a Close is not read', [close(1000), frame(0xff, 'x', { masked: false })], 'CLOSE 1000'),
    row('5.5.1', '64 KiB behind a Close are not read', [close(1000), ...Array(64).fill(text(x(1000)))], 'CLOSE 1000'),
    row('5.5.1', 'a text, and a Close', [text(PING), close(1000)], ['?pong', 'CLOSE 1000']),
    row('5.5.1', 'a Close behind half a message', [first('{'), close(1001)], 'CLOSE 1001'),
];

// ---- UTF-8: section 8.1, and the dialect's gentler answer ----

const CHARACTERS = ['7f', 'c2 80', 'c3 a4', 'df bf', 'e0 a0 80', 'e2 82 ac', 'ed 9f bf', 'ee 80 80', 'ef bb bf', 'ef bf bd', 'ef bf be', 'ef bf bf',
    'f0 90 80 80', 'f0 9f 98 80', 'f0 9f bf be', 'f3 b0 80 80', 'f4 8f bf bf', 'ce ba e1 bd b9 cf 83 ce bc ce b5'];
const NOT_UTF8 = ['80', 'bf', '80 bf', '80 bf 80 bf', 'c0', 'c1', 'c2', 'df', 'e0', 'e0 80', 'e0 a0', 'ef bf', 'f0', 'f0 80 80', 'f0 90 80', 'f4 8f bf', 'f5 80 80 80',
    'f7 bf bf bf', 'f8 88 80 80 80', 'fb bf bf bf bf', 'fc 84 80 80 80 80', 'fd', 'fe', 'ff', 'fe fe ff ff', 'c0 af', 'e0 80 af', 'f0 80 80 af', 'c1 bf',
    'e0 9f bf', 'f0 8f bf bf', 'c0 80', 'e0 80 80', 'f0 80 80 80', 'ed a0 80', 'ed ad bf', 'ed ae 80', 'ed af bf', 'ed b0 80', 'ed bf bf', 'ed a0 80 ed b0 80',
    'f4 90 80 80', 'c3 28', 'e2 28 a1', 'e2 82 28', 'f0 28 8c bc'];

const UTF8 = [
    ...CHARACTERS.map((bytes) => row('8.1', `the characters ${bytes}`, text(pingWith(hex(bytes))), 'pong')),
    ...CHARACTERS.slice(1).map((bytes) => row('8.1', `the characters ${bytes}, a fragment a byte`, pieces(pingWith(hex(bytes)), 1), 'pong')),
    ...NOT_UTF8.map((bytes) => row('8.1', `the bytes ${bytes}`, text(pingWith(hex(bytes))), 'bad-json')),
    row('8.1', 'bytes that are no UTF-8, in the second fragment', cutAt(pingWith(hex('c3 ff')), 21), 'bad-json'),
    row('8.1', 'half a character at the end', text(hex('7b 7d c3')), 'bad-json'),
    row('8.1', 'a good text behind one that is no UTF-8', [text(hex('ff')), text(PING)], ['bad-json', 'pong']),
    row('5.6', 'an empty text', text(''), 'bad-json'),
    row('5.6', 'a NUL', text('\0'), 'bad-json'),
];

// ---- limits and what is not taken ----

const LIMITS = [
    tooLarge('7.4.1', 'a text of one byte too many', text(pingOf(MESSAGE_MAX + 1))),
    tooLarge('7.4.1', 'a text of 200,000 bytes', text(x(200000))),
    tooLarge('7.4.1', 'two fragments of one byte too many', cutAt(pingOf(MESSAGE_MAX + 1), 30000)),
    tooLarge('7.4.1', 'the limit is full, and one byte', cutAt(pingOf(MESSAGE_MAX + 1), MESSAGE_MAX)),
    row('7.4.1', 'the limit is full, and an empty end', [...cutAt(pingOf(MESSAGE_MAX), MESSAGE_MAX)], 'pong'),
    row('5.4', 'as many fragments as there may be', pieces(pingOf(FRAGMENTS_MAX), 1), 'pong'),
    tooLarge('5.4', 'one fragment too many', pieces(pingOf(FRAGMENTS_MAX + 1), 1)),
    tooLarge('5.4', 'one empty fragment too many', [first(''), ...Array(FRAGMENTS_MAX - 1).fill(more('')), last('')]),
    row('5.4', 'control frames are no fragments', pieces(pingOf(FRAGMENTS_MAX), 1).flatMap((piece) => [piece, pong()]).slice(0, -1), 'pong'),
    row('5.6', 'a binary', binary(PING), 'bad-message'),
    row('5.6', 'an empty binary', binary(''), 'bad-message'),
    row('5.6', 'a binary of 60,000 bytes', binary(x(60000)), 'bad-message'),
    row('5.6', 'a binary of 65,536 bytes', binary(x(MESSAGE_MAX)), 'bad-message'),
    tooLarge('5.6', 'a binary of 200,000 bytes', binary(x(200000)), 'bad-message'),
    row('5.6', 'a binary in fragments is refused once', [frame(0x02, 'a'), more('b'), last('c')], 'bad-message'),
    row('5.6', 'a text behind a binary', [binary('x'), text(PING)], ['bad-message', 'pong']),
    row('5.6', 'two binaries', [binary('x'), binary('y')], ['bad-message', 'bad-message']),
    row('5.6', 'a ping within a binary', [frame(0x02, 'a'), ping('within'), last('c'), text(PING)], ['bad-message', 'PONG within', 'pong']),
    violation('5.4', 'a text within a binary', [frame(0x02, 'a'), text(PING)], 'bad-message'),
    violation('5.4', 'a continuation behind a binary', [binary('a'), last('b')], 'bad-message'),
];

// ---- handshakes ----

const GOOD = [['Host', 'localhost'], ['Upgrade', 'websocket'], ['Connection', 'Upgrade'], ['Sec-WebSocket-Key', KEY], ['Sec-WebSocket-Version', '13']];
const head = (lines, request = 'GET /ws HTTP/1.1') => `${request}\r\n${lines.map((line) => `${line}\r\n`).join('')}\r\n`;
const lines = (fields) => fields.map(([name, value]) => `${name}: ${value}`);
// A good head, with values changed (undefined: the field is left out), and lines added.
const asks = (changed = {}, added = [], request) =>
    head([...lines(GOOD.map(([name, value]) => [name, name in changed ? changed[name] : value]).filter(([, value]) => value !== undefined)), ...added], request);
const shake = (section, name, request, expect, rest = {}) => row(section, name, [], expect, { request, ...rest });
const accepted = (section, name, request, rest = {}) => shake(section, name, request, [], rest);

const ACCEPTED = [
    accepted('4.2.1', 'a handshake', asks()),
    accepted('4.2.1', 'names in lower case', head(lines(GOOD).map((line) => line.toLowerCase().replace(KEY.toLowerCase(), KEY)))),
    accepted('4.2.1', 'names in upper case', head(GOOD.map(([name, value]) => `${name.toUpperCase()}: ${value}`))),
    accepted('4.2.1', 'the fields in the other order', head(lines(GOOD).reverse())),
    accepted('4.2.1', 'no space behind the colons', head(GOOD.map(([name, value]) => `${name}:${value}`))),
    accepted('4.2.1', 'white space around values', head(GOOD.map(([name, value]) => `${name}: \t ${value} \t `))),
    accepted('4.2.1', 'Upgrade: WebSocket', asks({ Upgrade: 'WebSocket' })),
    accepted('4.2.1', 'Upgrade: WEBSOCKET', asks({ Upgrade: 'WEBSOCKET' })),
    accepted('4.2.1', 'websocket behind another word of Upgrade', asks({ Upgrade: 'h2c, websocket' })),
    accepted('4.2.1', 'websocket before another word of Upgrade', asks({ Upgrade: 'websocket, h2c' })),
    accepted('4.2.1', 'Connection: upgrade', asks({ Connection: 'upgrade' })),
    accepted('4.2.1', 'Connection: keep-alive, Upgrade', asks({ Connection: 'keep-alive, Upgrade' })),
    accepted('4.2.1', 'Connection: Upgrade,keep-alive', asks({ Connection: 'Upgrade,keep-alive' })),
    accepted('4.2.1', 'Connection twice', asks({}, ['Connection: keep-alive'])),
    accepted('4.2.1', 'Connection twice, the other order', asks({ Connection: 'keep-alive' }, ['Connection: Upgrade'])),
    accepted('4.2.1', 'a query', asks({}, [], 'GET /ws?token=abc&room=r HTTP/1.1')),
    accepted('4.2.1', 'an empty query', asks({}, [], 'GET /ws? HTTP/1.1')),
    accepted('4.2.1', 'an absolute target', asks({}, [], 'GET http://localhost/ws HTTP/1.1')),
    accepted('4.2.1', 'an empty line before the request', `\r\n${asks()}`),
    accepted('4.2.1', 'an origin', asks({}, ['Origin: https://example.org'])),
    accepted('4.2.1', 'the origin null', asks({}, ['Origin: null'])),
    accepted('4.2.1', 'what a browser sends', asks({}, ['Pragma: no-cache', 'Cache-Control: no-cache', 'User-Agent: Mozilla/5.0 (X11; Linux x86_64)',
        'Origin: http://localhost', 'Accept-Encoding: gzip, deflate, br', 'Accept-Language: en-US,en;q=0.9', 'Cookie: a=b; c=d',
        'Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits', 'Sec-WebSocket-Protocol: usher.v1']), { protocol: 'usher.v1' }),
    accepted('4.2.1', 'a cookie of 4,000 bytes', asks({}, [`Cookie: a=${x(3998)}`])),
    accepted('4.2.1', 'forty fields of others', asks({}, Array.from({ length: 40 }, (_, i) => `X-Other-${i}: ${i}`))),
    accepted('4.2.1', 'a field without a value', asks({}, ['X-Empty:'])),
    accepted('4.2.1', 'Content-Length: 0', asks({}, ['Content-Length: 0'])),
    accepted('9.1', 'an extension is not taken', asks({}, ['Sec-WebSocket-Extensions: permessage-deflate'])),
    accepted('9.1', 'extensions that nobody knows', asks({}, ['Sec-WebSocket-Extensions: a; b="c", d'])),
    accepted('4.2.1', 'a handshake in writes of 1 byte', asks(), { pieces: 1 }),
    accepted('4.2.1', 'a handshake in writes of 7 bytes', asks(), { pieces: 7 }),
];

const HTML = '400|426'; // GET /ws that asks for no WebSocket
const TURNED_AWAY = [
    shake('4.2.1', 'POST', asks({}, ['Content-Length: 0'], 'POST /ws HTTP/1.1'), '400|405'),
    shake('4.2.1', 'HEAD', asks({}, [], 'HEAD /ws HTTP/1.1'), '400|405'),
    shake('4.2.1', 'PUT', asks({}, ['Content-Length: 0'], 'PUT /ws HTTP/1.1'), '400|405'),
    shake('4.2.1', 'get', asks({}, [], 'get /ws HTTP/1.1'), '400|405|501'),
    shake('4.2.1', 'HTTP/1.0', asks({}, [], 'GET /ws HTTP/1.0'), '400|426|505'),
    shake('4.2.1', 'HTTP/0.9', 'GET /ws\r\n\r\n', '400|505'),
    shake('4.2.1', 'HTTP/2.0', asks({}, [], 'GET /ws HTTP/2.0'), '400|505'),
    shake('4.2.1', 'a version of HTTP that is none', asks({}, [], 'GET /ws HTTP/1.x'), '400|505'),
    shake('4.2.1', 'no Host', asks({ Host: undefined }), '400'),
    shake('4.2.1', 'two Hosts', asks({}, ['Host: localhost']), '400'),
    shake('4.2.1', 'two different Hosts', asks({}, ['Host: example.org']), '400'),
    shake('4.2.1', 'no Upgrade', asks({ Upgrade: undefined }), HTML),
    shake('4.2.1', 'Upgrade: h2c', asks({ Upgrade: 'h2c' }), HTML),
    shake('4.2.1', 'Upgrade: websockets', asks({ Upgrade: 'websockets' }), HTML),
    shake('4.2.1', 'Upgrade: web socket', asks({ Upgrade: 'web socket' }), HTML),
    shake('4.2.1', 'an empty Upgrade', asks({ Upgrade: '' }), HTML),
    shake('4.2.1', 'no Connection', asks({ Connection: undefined }), HTML),
    shake('4.2.1', 'Connection: keep-alive', asks({ Connection: 'keep-alive' }), HTML),
    shake('4.2.1', 'Connection: close', asks({ Connection: 'close' }), HTML),
    shake('4.2.1', 'Connection: upgrades', asks({ Connection: 'upgrades' }), HTML),
    shake('4.2.1', 'no key', asks({ 'Sec-WebSocket-Key': undefined }), '400'),
    shake('4.2.1', 'an empty key', asks({ 'Sec-WebSocket-Key': '' }), '400'),
    shake('4.2.1', 'a key of 15 bytes', asks({ 'Sec-WebSocket-Key': Buffer.alloc(15).toString('base64') }), '400'),
    shake('4.2.1', 'a key of 17 bytes', asks({ 'Sec-WebSocket-Key': Buffer.alloc(17).toString('base64') }), '400'),
    shake('4.2.1', 'a key of 24 bytes', asks({ 'Sec-WebSocket-Key': Buffer.alloc(24).toString('base64') }), '400'),
    shake('4.2.1', 'a key that is no base64', asks({ 'Sec-WebSocket-Key': '!!!!!!!!!!!!!!!!!!!!!!==' }), '400'),
    shake('4.2.1', 'a key without its padding', asks({ 'Sec-WebSocket-Key': KEY.slice(0, -2) }), '400'),
    shake('4.2.1', 'a key with a word behind it', asks({ 'Sec-WebSocket-Key': `${KEY} x` }), '400'),
    shake('11.3.1', 'two keys', asks({}, [`Sec-WebSocket-Key: ${KEY}`]), '400'),
    ...['8', '7', '0', '14', '130', '256', '1', 'abc', '-13', '13, 8', ''].map((version) =>
        shake('4.4', `the version "${version}"`, asks({ 'Sec-WebSocket-Version': version }), '400|426')),
    shake('4.4', 'no version', asks({ 'Sec-WebSocket-Version': undefined }), '400|426'),
    shake('11.3.5', 'two versions', asks({}, ['Sec-WebSocket-Version: 8']), '400|426'),
    ...['/', '/ws/', '/WS', '/wsx', '/w', '//ws', '/ws/ws', '/./ws', '/../ws', '/ws;x'].map((path) =>
        shake('4.2.2', `the path ${path}`, asks({}, [], `GET ${path} HTTP/1.1`), '400|404')),
    shake('4.2.1', 'a target without a slash', asks({}, [], 'GET ws HTTP/1.1'), '400'),
    shake('4.2.1', 'the target *', asks({}, [], 'GET * HTTP/1.1'), '400|404'),
    shake('4.2.1', 'a space within the target', asks({}, [], 'GET /ws /ws HTTP/1.1'), '400'),
    shake('4.2.1', 'a space before a colon', asks({ Upgrade: undefined }, ['Upgrade : websocket']), '400'),
    shake('4.2.1', 'a line without a colon', asks({}, ['no colon']), '400'),
    shake('4.2.1', 'a name that is empty', asks({}, [': x']), '400'),
    shake('4.2.1', 'a folded line', asks({}, ['X-Folded: a', ' b']), '400'),
    shake('4.2.1', 'a folded line first', head([' X: a', ...lines(GOOD)]), '400'),
    shake('4.2.1', 'a NUL in a value', asks({}, ['X-Nul: a\0b']), '400'),
    shake('4.2.1', 'a NUL in a name', asks({}, ['X\0Nul: a']), '400'),
    shake('4.2.1', 'a bare CR in a value', asks({}, ['X-Cr: a\rb']), '400'),
    shake('4.2.1', 'a space in a name', asks({}, ['X Space: a']), '400'),
    shake('4.2.1', 'a body', asks({}, ['Content-Length: 5']), '400|413', { behind: 'hello' }),
    shake('4.2.1', 'a body in chunks', asks({}, ['Transfer-Encoding: chunked']), '400|411|501', { behind: '0\r\n\r\n' }),
    shake('4.2.1', 'two lengths of a body', asks({}, ['Content-Length: 0', 'Content-Length: 5']), '400', { behind: 'hello' }),
];

const chosen = (name, ...values) =>
    accepted('4.2.2', name, asks({}, values.map((value) => `Sec-WebSocket-Protocol: ${value}`)), { protocol: 'usher.v1' });
const not = (name, value) => shake('4.2.2', name, asks({}, [`Sec-WebSocket-Protocol: ${value}`]), '400');
// A list of n bytes, with usher.v1 at its beginning, in its middle, at its end.
const listOf = (n, place) => {
    const before = Math.floor(((n - 'usher.v1'.length) * place) / 2);
    const behind = n - 'usher.v1'.length - before;
    const filler = (letter, m) => letter.repeat(Math.max(m - 2, 1));
    return [...(before > 2 ? [filler('a', before)] : []), 'usher.v1', ...(behind > 2 ? [filler('b', behind)] : [])].join(', ');
};

const SUBPROTOCOLS = [
    accepted('4.2.2', 'no subprotocol', asks(), { protocol: null }),
    chosen('usher.v1', 'usher.v1'),
    chosen('usher.v1 first', 'usher.v1, other'),
    chosen('usher.v1 last', 'other, usher.v1'),
    chosen('usher.v1 in the middle', 'other, usher.v1, another'),
    chosen('no spaces', 'other,usher.v1,another'),
    chosen('many spaces', '  other \t,\t usher.v1  ,  another '),
    chosen('empty elements', ',, usher.v1 ,,'),
    chosen('two fields', 'other', 'usher.v1'),
    chosen('two fields, the other order', 'usher.v1', 'other'),
    chosen('names that begin like it', 'usher, usher.v, usher.v10, usher.v1'),
    chosen('a token behind it', `usher.v1, ${Buffer.alloc(300, 'token').toString('base64url')}`),
    ...[100, 126, 127, 128, 129, 255, 256, 500, 1000, 2000, 4000].flatMap((n) =>
        ['at the beginning', 'in the middle', 'at the end'].map((where, place) => chosen(`a list of ${n} bytes, usher.v1 ${where} (fault 17)`, listOf(n, place)))),
    not('another one only', 'other'),
    not('a name that begins like it', 'usher.v10'),
    not('the beginning of its name', 'usher.v'),
    not('in upper case', 'USHER.V1'),
    not('a list of others', 'a, b, c'),
    not('a list of others of 1,000 bytes', listOf(1000, 1).replace('usher.v1', 'usher.v2')),
    not('its name within another', 'x-usher.v1-x'),
];

const BEHIND_SIZES = [23, 100, 125, 126, 200, 380, 400, 420, 800, 1000, 1400, 2000, 2048, 4000, 4096, 8192, 16384, 32768, 65500, 65536];
const BEHIND = [
    ...[1, 2, 3, 5, 6, 7, 20].map((n) => row('4.2.2', `the first ${n} bytes of a frame behind the handshake`, text(PING).subarray(n), 'pong',
        { behind: text(PING).subarray(0, n) })),
    ...BEHIND_SIZES.map((n) => row('4.2.2', `a text of ${n} bytes behind the handshake`, [], 'pong', { behind: text(pingOf(n)) })),
    row('4.2.2', 'ten texts behind the handshake', [], Array(10).fill('pong'), { behind: Buffer.concat(Array(10).fill(text(PING))) }),
    row('4.2.2', 'a thousand texts behind the handshake', [], Array(1000).fill('pong'), { behind: Buffer.concat(Array(1000).fill(text(PING))) }),
    row('4.2.2', 'a ping behind the handshake', [], 'PONG early', { behind: ping('early') }),
    row('4.2.2', 'a message in fragments behind the handshake', last(':"ping"}'), ['pong'], { behind: first('{"type"') }),
    row('4.2.2', 'half a text of 64 KiB behind the handshake', text(pingOf(65536)).subarray(30000), 'pong', { behind: text(pingOf(65536)).subarray(0, 30000) }),
    row('4.2.2', 'a Close behind the handshake', [], 'CLOSE 1000', { behind: close(1000) }),
    violation('4.2.2', 'a text without a mask behind the handshake', [], [], { behind: text(PING, { masked: false }) }),
    violation('4.2.2', 'a reserved bit behind the handshake', [], [], { behind: frame(0xc1, PING) }),
    violation('4.2.2', 'a second handshake behind the handshake', [], [], { behind: asks() }),
];

export const CASES = [LENGTHS, MASKS, PIECES, NOT_MINIMAL, PROMISES, UNMASKED, RESERVED, OPCODES, FRAGMENTS, CONTROL, CLOSING, UTF8, LIMITS,
    ACCEPTED, TURNED_AWAY, SUBPROTOCOLS, BEHIND].flat().map((c) => ({ request: asks(), behind: '', pieces: undefined, cut: false, fails: false, ...c }));
