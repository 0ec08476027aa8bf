/* SPDX-License-Identifier: MIT
 *
 * Differential fuzzing of the WebSocket reader: a second reader, slow and plain, takes one byte at a time and keeps all
 * it saw. Both get the same bytes, the fast one in pieces of any size, each a block of its own; after every piece they
 * must have said the same, and the fast one may keep memory only if the slow one is in the middle of something.
 *
 * An input is limits, a seed for the sizes of pieces, and the bytes: as they are, or frames made of the rest as choices,
 * so that most of them are sound.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/rng.h"
#include "protocol/ws_reader.h"
#include "tests/fuzz/input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    STREAM_MAX = 256 * 1024,
    LOG_MAX = 8 * STREAM_MAX * (int)sizeof(size_t),
    LOOK_AHEAD = 64,
    PARTIAL_STRUCT_MAX = 512
};

/* The slow reader and what makes frames work byte by byte: they are not what is explored, so they leave no trace. */
#define UNTRACED __attribute__((no_sanitize("coverage"), noinline))

static void must(bool holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "fuzz_ws: %s\n", what);
        abort();
    }
}

/* ---- what was said, as bytes that can be compared ---- */

static void said(struct buf *log, char what, unsigned number, struct span bytes)
{
    const size_t numbers[] = {(size_t)what, number, bytes.n};
    must(buf_add(log, numbers, sizeof numbers) && buf_span(log, bytes), "the log is too short");
}

/* ---- the slow reader ---- */

struct slow {
    struct ws_limits limits;
    struct buf log;
    uint8_t head[16]; /* of the frame: what came of its header */
    size_t head_n, head_size;
    uint64_t length, came; /* bytes of its payload */
    uint8_t *payload;      /* of STREAM_MAX, as the next: what is kept of it */
    uint8_t *message;
    size_t message_n;
    bool in_payload, in_message, refused, dead;
    unsigned frames;
    size_t skipped;
};

UNTRACED static void slow_violation(struct slow *s, unsigned code, const char *section)
{
    said(&s->log, 'V', code, span_of(section));
    s->dead = true;
}

/* By the definition: the code point that the bytes give must be allowed and have no shorter form. */
UNTRACED static bool slow_utf8(const uint8_t *p, size_t n)
{
    static const uint32_t LEAST[] = {0, 0, 0x80, 0x800, 0x10000};
    for (size_t i = 0; i < n;) {
        size_t length = p[i] < 0x80 ? 1 : p[i] >> 5 == 6 ? 2 : p[i] >> 4 == 14 ? 3 : p[i] >> 3 == 30 ? 4 : 0;
        if (length == 0 || length > n - i)
            return false;
        uint32_t c = length == 1 ? p[i] : p[i] & (0x7fu >> length);
        for (size_t k = 1; k < length; k++) {
            if (p[i + k] >> 6 != 2)
                return false;
            c = c << 6 | (p[i + k] & 0x3fu);
        }
        if (c < LEAST[length] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
            return false;
        i += length;
    }
    return true;
}

UNTRACED static void slow_refuse(struct slow *s, char why)
{
    said(&s->log, why, 0, (struct span){0});
    s->skipped = 0;
}

UNTRACED static void slow_close(struct slow *s)
{
    const uint8_t *p = s->payload;
    size_t n = (size_t)s->length;
    if (n == 1) {
        slow_violation(s, 1002, "5.5.1");
        return;
    }
    unsigned code = n ? p[0] * 256u + p[1] : 1005;
    bool unknown =
        code < 1000 || code == 1004 || code == 1005 || code == 1006 || (code > 1014 && code < 3000) || code > 4999;
    if (n && unknown)
        slow_violation(s, 1002, "7.4");
    else if (n && !slow_utf8(p + 2, n - 2))
        slow_violation(s, 1007, "5.5.1");
    else
        said(&s->log, 'C', code, n ? (struct span){(const char *)p + 2, n - 2} : (struct span){0});
    s->dead = true;
}

/* A frame is whole. */
UNTRACED static void slow_frame(struct slow *s)
{
    unsigned opcode = s->head[0] & 15;
    s->head_n = 0;
    s->in_payload = false;
    if (opcode == 8) {
        slow_close(s);
    } else if (opcode > 8) {
        said(&s->log, opcode == 9 ? 'I' : 'O', 0, (struct span){(const char *)s->payload, (size_t)s->length});
    } else {
        if (!s->refused) {
            memcpy(s->message + s->message_n, s->payload, (size_t)s->length);
            s->message_n += (size_t)s->length;
        }
        s->in_message = !(s->head[0] & 0x80);
        if (!s->in_message && !s->refused)
            said(&s->log, 'T', 0, (struct span){(const char *)s->message, s->message_n});
    }
}

/* A header is whole and sound. */
UNTRACED static void slow_begin(struct slow *s)
{
    unsigned opcode = s->head[0] & 15;
    s->in_payload = true;
    s->came = 0;
    if (opcode >= 8)
        return;
    if (opcode != 0) {
        s->message_n = 0;
        s->in_message = true;
        s->refused = false;
        s->frames = 0;
    }
    if (s->refused) {
        if (++s->skipped > s->limits.message_max)
            slow_refuse(s, 'L');
        return;
    }
    s->frames++;
    char why = opcode == 2                                        ? 'B'
               : s->length > s->limits.message_max - s->message_n ? 'L'
               : s->frames > s->limits.fragments_max              ? 'F'
                                                                  : 0;
    s->refused = why != 0;
    if (why)
        slow_refuse(s, why);
}

UNTRACED static const char *slow_rule_of_first(const struct slow *s)
{
    unsigned first = s->head[0], opcode = first & 15;
    if (first & 0x70 || (opcode >= 3 && opcode <= 7) || opcode >= 11)
        return "5.2";
    if (opcode >= 8 && first < 0x80)
        return "5.5";
    return opcode < 8 && (opcode == 0) != s->in_message ? "5.4" : NULL;
}

UNTRACED static void slow_header(struct slow *s)
{
    const char *rule = NULL;
    if (s->head_n == 1)
        rule = slow_rule_of_first(s);
    if (s->head_n == 2) {
        unsigned n = s->head[1] & 127u;
        rule = s->head[1] < 128 ? "5.1" : (s->head[0] & 8) && n > 125 ? "5.5" : NULL;
        s->head_size = n < 126 ? 6 : n == 126 ? 8 : 14;
        s->length = n;
    }
    if (s->head_n > 2 && s->head_size > 6 && s->head_n == s->head_size - 4) {
        s->length = 0;
        for (size_t i = 2; i < s->head_n; i++)
            s->length = s->length * 256 + s->head[i];
        rule = s->length < (s->head_size == 8 ? 126 : 65536) || s->length > INT64_MAX ? "5.2" : NULL;
    }
    if (rule)
        slow_violation(s, 1002, rule);
    else if (s->head_n > 2 && s->head_n == s->head_size)
        slow_begin(s);
}

UNTRACED static void slow_payload(struct slow *s, uint8_t byte)
{
    bool data = (s->head[0] & 8) == 0;
    if (data && s->refused) {
        if (++s->skipped > s->limits.message_max)
            slow_refuse(s, 'L');
    } else {
        s->payload[s->came] = byte ^ s->head[s->head_size - 4 + s->came % 4];
    }
    s->came++;
}

UNTRACED static void slow_byte(struct slow *s, uint8_t byte)
{
    if (s->dead)
        return;
    if (s->in_payload) {
        slow_payload(s, byte);
    } else {
        s->head[s->head_n++] = byte;
        slow_header(s);
    }
    if (s->in_payload && s->came == s->length)
        slow_frame(s);
}

UNTRACED static void slow_piece(struct slow *s, const uint8_t *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        slow_byte(s, bytes[i]);
}

/* ---- the fast reader ---- */

struct fast {
    struct ws_limits limits;
    struct buf log;
    struct ws_partial *partial;
    size_t came;
};

static void note(struct buf *log, enum ws_fact fact, const struct ws_message *m)
{
    static const char WHAT[] = {
        [WS_TEXT] = 'T', [WS_PING] = 'I', [WS_PONG] = 'O', [WS_CLOSE] = 'C', [WS_VIOLATION] = 'V'};
    struct span bytes = m->bytes;
    char what = fact == WS_REFUSED ? "BLF"[m->refusal] : WHAT[fact];
    if (fact == WS_VIOLATION) {
        must(strlen(m->problem) <= WS_PROBLEM_MAX, "a sentence is too long");
        const char *section = strstr(m->problem, "(RFC 6455 section ");
        must(section != NULL, "a sentence names no section");
        bytes.p = section + strlen("(RFC 6455 section ");
        bytes.n = strlen(bytes.p) - 1;
    }
    said(log, what, m->code, bytes);
}

static void fast_piece(struct fast *f, const uint8_t *bytes, size_t n)
{
    uint8_t *block = malloc(n);
    must(block || n == 0, "out of memory");
    if (n)
        memcpy(block, bytes, n);
    struct ws_input in = {block, n};
    struct ws_message m;
    enum ws_fact fact;
    while ((fact = ws_next(&f->partial, &in, &f->limits, &m)) != WS_MORE) {
        must(fact != WS_NO_MEMORY, "out of memory");
        size_t next = in.n < LOOK_AHEAD ? in.n : LOOK_AHEAD;
        must(next == 0 || memcmp(in.p, bytes + (n - in.n), next) == 0, "what was not used up is changed");
        note(&f->log, fact, &m);
    }
    must(in.n == 0, "more is asked for before all is used up");
    f->came += n;
    must(ws_partial_bytes(f->partial) <= PARTIAL_STRUCT_MAX + 2 * f->came, "more is kept than came");
    free(block);
}

/* ---- inputs ---- */

static size_t choose_length(struct input *in)
{
    static const uint32_t EDGES[] = {0, 1, 2, 123, 124, 125, 126, 127, 128, 1200, 65535, 65536, 65537};
    uint8_t choice = input_byte(in);
    return choice < sizeof EDGES / sizeof EDGES[0] ? EDGES[choice] : choice % 40u;
}

UNTRACED static void make_frame(struct input *in, struct buf *stream)
{
    static const uint8_t FIRST[] = {0x81, 0x01, 0x00, 0x80, 0x82, 0x02, 0x89, 0x8a};
    uint8_t choice = input_byte(in);
    uint8_t first = choice < 0xf0 ? FIRST[choice % sizeof FIRST] : input_byte(in);
    uint8_t odd = input_byte(in); /* mostly nothing is */
    size_t n = choose_length(in);
    uint8_t key[4] = {input_byte(in), input_byte(in), odd, choice};
    unsigned more = odd == 0xff || n > 0xffff ? 8 : odd == 0xfe || n > 125 ? 2 : 0;
    buf_byte(stream, (char)first);
    buf_byte(stream, (char)((odd == 0xfd ? 0 : 0x80) | (more == 8 ? 127 : more == 2 ? 126 : n)));
    for (unsigned i = more; i-- > 0;)
        buf_byte(stream, (char)((uint64_t)n >> (8 * i)));
    buf_add(stream, key, sizeof key);
    struct span text = input_text(in);
    char *at = buf_reserve(stream, n);
    for (size_t i = 0; at && i < n; i++)
        at[i] = (char)((i < text.n ? text.p[i] : 'x') ^ key[i % 4]);
    stream->len += at ? n : 0;
}

static void make_close(struct input *in, struct buf *stream)
{
    static const uint16_t EDGES[] = {
        0, 999, 1000, 1003, 1004, 1005, 1006, 1007, 1011, 1014, 1015, 1016, 2999, 3000, 3999, 4000, 4999, 5000, 65535};
    uint8_t choice = input_byte(in);
    unsigned code = choice < 0xc0 ? EDGES[choice % (sizeof EDGES / sizeof EDGES[0])] : choice * 20u;
    struct span reason = input_text(in);
    size_t n = reason.n < 123 ? reason.n : 123;
    const char head[] = {(char)0x88, (char)(0x80 | (n + 2)), 0, 0, 0, 0, (char)(code >> 8), (char)code};
    buf_add(stream, head, sizeof head);
    buf_add(stream, reason.p, n);
}

static void make_stream(struct input *in, struct buf *stream)
{
    bool raw = input_byte(in) & 1;
    if (raw)
        buf_add(stream, in->p, in->n);
    while (!raw && in->n > 0 && !stream->failed) {
        uint8_t choice = input_byte(in);
        if (choice < 0xe0)
            make_frame(in, stream);
        else if (choice < 0xf0)
            make_close(in, stream);
        else
            buf_span(stream, input_text(in));
    }
}

/* Of a long stream no tiny pieces only: it would take all day. */
static size_t piece_size(const struct rng *r, size_t all, size_t left)
{
    static const uint32_t MOST[] = {2, 8, 20, 200, 2000, 70000};
    size_t n = all / 1000 + rng_below(r, MOST[rng_below(r, sizeof MOST / sizeof MOST[0])]);
    return n < left ? n : left;
}

static void both(struct slow *s, struct fast *f, struct span stream, uint64_t seed)
{
    struct rng_seeded state;
    rng_seeded_init(&state, seed);
    struct rng random = rng_seeded_port(&state);
    for (size_t at = 0, n; at < stream.n; at += n) {
        n = piece_size(&random, stream.n, stream.n - at);
        fast_piece(f, (const uint8_t *)stream.p + at, n);
        slow_piece(s, (const uint8_t *)stream.p + at, n);
        must(span_eq(buf_view(&f->log), buf_view(&s->log)), "the two readers differ");
        buf_reset(&f->log);
        buf_reset(&s->log);
        bool busy = !s->dead && (s->in_payload || s->in_message || s->head_n > 0);
        must((ws_partial_bytes(f->partial) > 0) == busy, "memory is kept for nothing, or nothing is kept");
        must(s->dead == (f->partial && !busy), "one is dead and the other is not");
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint32_t MAX[] = {0, 1, 8, 125, 126, 1000, 65535, 65536, 131072};
    struct input in = {data, size};
    struct ws_limits limits = {MAX[input_byte(&in) % (sizeof MAX / sizeof MAX[0])], 1 + input_byte(&in) % 12u};
    uint64_t seed = input_byte(&in);
    struct buf stream;
    buf_init(&stream, STREAM_MAX);
    make_stream(&in, &stream);
    static uint8_t payload[STREAM_MAX], message[STREAM_MAX];
    struct slow s = {.limits = limits, .payload = payload, .message = message};
    struct fast f = {.limits = limits};
    buf_init(&s.log, LOG_MAX);
    buf_init(&f.log, LOG_MAX);
    both(&s, &f, buf_view(&stream), seed);
    ws_partial_free(f.partial);
    buf_done(&s.log);
    buf_done(&f.log);
    buf_done(&stream);
    return 0;
}
