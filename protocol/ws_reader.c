/* SPDX-License-Identifier: MIT
 *
 * The usual input is one text message in one frame, whole: its header is judged where it lies, its payload is unmasked
 * where it lies and handed out. Nothing is copied or allocated.
 *
 * What the end of an input cuts is kept in a struct ws_partial: the bytes of a header, the payload of a control frame,
 * the payloads of a message so far. A cut frame takes only the bytes that it lacks, so that a client that sends a byte
 * at a time costs no more than another. The struct is freed as soon as nothing is unfinished.
 *
 * A header is judged byte by byte, in the order of its bytes, and a cut one again with each byte: so a frame that
 * breaks two rules fails by the same one however it comes.
 */
#include "protocol/ws_reader.h"

#include <assert.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/utf8.h"
#include "protocol/mask.h"

/* RFC 6455 section 5.2: the first two bytes of a frame. */
enum {
    FINAL = 0x80,
    RESERVED = 0x70,
    OPCODE = 0x0f,
    MASKED = 0x80,
    LENGTH = 0x7f,
    LENGTH_16 = 126,
    LENGTH_64 = 127,
    HEADER_MAX = 2 + 8 + MASK_KEY_BYTES
};

enum {
    CONTINUATION = 0x0,
    TEXT = 0x1,
    BINARY = 0x2,
    CLOSE = 0x8, /* and what is above it are control frames */
    PING = 0x9,
    PONG = 0xa
};

struct header {
    uint64_t length; /* of the payload */
    const char *problem;
    uint8_t size; /* of the header */
    uint8_t opcode;
    bool final;
    uint8_t key[MASK_KEY_BYTES];
};

struct ws_partial {
    struct buf message;  /* the payloads of a message's frames so far */
    struct header frame; /* while in_frame */
    uint64_t left;       /* bytes of its payload that did not come yet */
    size_t skipped;      /* of a message that is refused: bytes, and frames, since that was said last */
    unsigned frames;     /* of the message, the refused ones not counted */
    bool in_frame;
    bool in_message; /* the last data frame was not the message's last, or is this one */
    bool refused;    /* the message is */
    bool dead;
    uint8_t head_n;
    uint8_t control_n;
    uint8_t head[HEADER_MAX];
    uint8_t control[WS_CONTROL_MAX];
};

/* What a dead reader points to, so that it needs no memory to be dead. */
static const struct ws_partial DEAD = {.dead = true};

/* The arguments of ws_next. */
struct reader {
    struct ws_partial **partial;
    struct ws_input *in;
    const struct ws_limits *limits;
    struct ws_message *out;
};

void ws_partial_free(struct ws_partial *p)
{
    if (!p || p == &DEAD)
        return;
    buf_done(&p->message);
    free(p);
}

size_t ws_partial_bytes(const struct ws_partial *p)
{
    return !p || p == &DEAD ? 0 : sizeof *p + p->message.cap;
}

static bool is_control(uint8_t opcode)
{
    return opcode >= CLOSE;
}

static void skip(struct ws_input *in, size_t n)
{
    in->p += n;
    in->n -= n;
}

/* NULL when out of memory. */
static struct ws_partial *get_partial(struct reader *r)
{
    if (!*r->partial)
        *r->partial = calloc(1, sizeof **r->partial);
    return *r->partial;
}

/* Frees what was handed out by the call before, and what is of no use any more. */
static void tidy(struct ws_partial **partial)
{
    struct ws_partial *p = *partial;
    if (!p || p == &DEAD || (!p->dead && (p->in_frame || p->in_message || p->head_n)))
        return;
    *partial = p->dead ? (struct ws_partial *)&DEAD : NULL;
    ws_partial_free(p);
}

static enum ws_fact no_memory(struct reader *r)
{
    ws_partial_free(*r->partial);
    *r->partial = (struct ws_partial *)&DEAD;
    return WS_NO_MEMORY;
}

static enum ws_fact violation(struct reader *r, uint16_t code, const char *problem)
{
    ws_partial_free(*r->partial);
    *r->partial = (struct ws_partial *)&DEAD;
    r->out->code = code;
    r->out->problem = problem;
    return WS_VIOLATION;
}

/* ---- headers ---- */

static const char *judge_first(uint8_t first, bool in_message)
{
    uint8_t opcode = first & OPCODE;
    if (first & RESERVED)
        return "the reserved bits of a frame must be 0 (RFC 6455 section 5.2)";
    if (opcode > PONG || (opcode > BINARY && opcode < CLOSE))
        return "the opcodes 3 to 7 and B to F are not defined (RFC 6455 section 5.2)";
    if (is_control(opcode))
        return first & FINAL ? NULL : "control frames must not be fragmented (RFC 6455 section 5.5)";
    if (opcode == CONTINUATION && !in_message)
        return "a continuation frame needs a message that was begun (RFC 6455 section 5.4)";
    if (opcode != CONTINUATION && in_message)
        return "a message must end before the next begins (RFC 6455 section 5.4)";
    return NULL;
}

static const char *judge_second(uint8_t first, uint8_t second)
{
    if (!(second & MASKED))
        return "the frames of a client must be masked (RFC 6455 section 5.1)";
    if (is_control(first & OPCODE) && (second & LENGTH) > WS_CONTROL_MAX)
        return "control frames have at most 125 bytes (RFC 6455 section 5.5)";
    return NULL;
}

/* The length in n bytes, the highest first. */
static const char *read_length(const uint8_t *p, size_t n, uint64_t *length)
{
    *length = 0;
    for (size_t i = 0; i < n; i++)
        *length = *length << 8 | p[i];
    if (*length >> 63)
        return "the top bit of a length must be 0 (RFC 6455 section 5.2)";
    if (*length < (n == 2 ? LENGTH_16 : UINT64_C(0x10000)))
        return "a length must take as few bytes as it can (RFC 6455 section 5.2)";
    return NULL;
}

/* Whether n bytes hold a whole and good header; if not, h->problem is set, or more bytes are needed. */
static bool read_header(const uint8_t *p, size_t n, bool in_message, struct header *h)
{
    h->problem = n >= 1 ? judge_first(p[0], in_message) : NULL;
    if (!h->problem && n >= 2)
        h->problem = judge_second(p[0], p[1]);
    if (h->problem || n < 2)
        return false;
    size_t size = 2;
    h->length = p[1] & LENGTH;
    if (h->length >= LENGTH_16) {
        size_t more = h->length == LENGTH_16 ? 2 : 8;
        size += more;
        if (n < size)
            return false;
        h->problem = read_length(p + 2, more, &h->length);
        if (h->problem)
            return false;
    }
    if (n < size + MASK_KEY_BYTES)
        return false;
    memcpy(h->key, p + size, MASK_KEY_BYTES);
    h->size = (uint8_t)(size + MASK_KEY_BYTES);
    h->opcode = p[0] & OPCODE;
    h->final = p[0] & FINAL;
    return true;
}

/* Keeps a header that the end of the input cuts. */
static enum ws_fact keep_header(struct reader *r)
{
    struct ws_partial *p = get_partial(r);
    if (!p)
        return no_memory(r);
    assert(r->in->n < HEADER_MAX);
    memcpy(p->head, r->in->p, r->in->n);
    p->head_n = (uint8_t)r->in->n;
    skip(r->in, r->in->n);
    return WS_MORE;
}

/* As read_header, for the rest of a header that was cut. */
static bool collect_header(struct reader *r, struct ws_partial *p, struct header *h)
{
    bool whole = false;
    do {
        p->head[p->head_n++] = *r->in->p;
        skip(r->in, 1);
        whole = read_header(p->head, p->head_n, p->in_message, h);
    } while (!whole && !h->problem && r->in->n > 0);
    if (whole)
        p->head_n = 0;
    return whole;
}

/* ---- whole frames ---- */

/* RFC 6455 section 7.4: what an endpoint may send, by the IANA's register up to 1014, and 3000 to 4999. 1004 has no
 * meaning yet; 1005, 1006 and 1015 are never sent. */
static bool code_may_be_sent(unsigned code)
{
    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
}

static enum ws_fact read_close(struct reader *r, struct span payload)
{
    if (payload.n == 1)
        return violation(
            r, WS_CODE_PROTOCOL, "a Close is empty or begins with a code of 2 bytes (RFC 6455 section 5.5.1)");
    r->out->code = WS_CODE_NONE;
    if (payload.n >= 2) {
        const uint8_t *p = (const uint8_t *)payload.p;
        unsigned code = (unsigned)p[0] << 8 | p[1];
        if (!code_may_be_sent(code))
            return violation(r, WS_CODE_PROTOCOL, "this close code must not be sent (RFC 6455 section 7.4)");
        r->out->code = (uint16_t)code;
        r->out->bytes = (struct span){payload.p + 2, payload.n - 2};
    }
    if (!utf8_valid(r->out->bytes.p, r->out->bytes.n))
        return violation(r, WS_CODE_NOT_UTF8, "the reason of a Close must be UTF-8 (RFC 6455 section 5.5.1)");
    if (*r->partial)
        (*r->partial)->dead = true; /* the reason may lie in it: it is freed by the next call */
    else
        *r->partial = (struct ws_partial *)&DEAD;
    return WS_CLOSE;
}

static enum ws_fact read_control(struct reader *r, uint8_t opcode, struct span payload)
{
    if (opcode == CLOSE)
        return read_close(r, payload);
    r->out->bytes = payload;
    return opcode == PING ? WS_PING : WS_PONG;
}

/* A frame that lies whole in the input and needs no other. */
static enum ws_fact read_in_place(struct reader *r, const struct header *h)
{
    size_t n = (size_t)h->length;
    struct span payload = {(const char *)r->in->p, n};
    mask_apply(r->in->p, n, h->key, 0);
    skip(r->in, n);
    tidy(r->partial); /* it had the header, at most */
    if (h->opcode != TEXT)
        return read_control(r, h->opcode, payload);
    r->out->bytes = payload;
    return WS_TEXT;
}

/* ---- frames that are cut, or of several ---- */

static enum ws_fact refuse(struct reader *r, enum ws_refusal why)
{
    (*r->partial)->skipped = 0;
    r->out->refusal = why;
    return WS_REFUSED;
}

/* The header of a message's next frame, the first one included: whether there is room for what it promises. */
static enum ws_fact admit(struct reader *r, struct ws_partial *p)
{
    const struct header *h = &p->frame;
    size_t max = r->limits->message_max;
    if (p->refused)
        return ++p->skipped > max ? refuse(r, WS_TOO_LARGE) : WS_MORE;
    p->frames++;
    bool too_large = p->message.len > max || h->length > max - p->message.len;
    if (h->opcode != BINARY && !too_large && p->frames <= r->limits->fragments_max) {
        /* The last frame says how much memory the message needs; until then it may grow by doubling. */
        p->message.max = h->final ? p->message.len + (size_t)h->length : max;
        return WS_MORE;
    }
    p->refused = true;
    buf_done(&p->message);
    return refuse(r, h->opcode == BINARY ? WS_BINARY : too_large ? WS_TOO_LARGE : WS_TOO_MANY_FRAGMENTS);
}

static enum ws_fact begin_frame(struct reader *r, const struct header *h)
{
    struct ws_partial *p = get_partial(r);
    if (!p)
        return no_memory(r);
    p->frame = *h;
    p->left = h->length;
    p->in_frame = true;
    p->control_n = 0;
    if (is_control(h->opcode))
        return WS_MORE;
    p->in_message = true;
    return admit(r, p);
}

static enum ws_fact next_frame(struct reader *r)
{
    struct header h;
    struct ws_partial *p = *r->partial;
    bool cut = p && p->head_n > 0;
    bool whole = cut ? collect_header(r, p, &h) : read_header(r->in->p, r->in->n, p && p->in_message, &h);
    if (h.problem)
        return violation(r, WS_CODE_PROTOCOL, h.problem);
    if (!whole)
        return cut ? WS_MORE : keep_header(r);
    if (!cut)
        skip(r->in, h.size);
    bool alone = is_control(h.opcode) || (h.opcode == TEXT && h.final && h.length <= r->limits->message_max);
    return alone && h.length <= r->in->n ? read_in_place(r, &h) : begin_frame(r, &h);
}

static enum ws_fact end_frame(struct reader *r, struct ws_partial *p)
{
    p->in_frame = false;
    if (is_control(p->frame.opcode))
        return read_control(r, p->frame.opcode, (struct span){(const char *)p->control, p->control_n});
    if (!p->frame.final)
        return WS_MORE;
    p->in_message = false;
    if (p->refused)
        return WS_MORE;
    r->out->bytes = buf_view(&p->message);
    return WS_TEXT;
}

/* Skips at most n bytes of a refused message, and no byte behind the one that is to be reported. */
static enum ws_fact skip_refused(struct reader *r, struct ws_partial *p, size_t n)
{
    size_t max = r->limits->message_max;
    size_t free_of_cost = p->skipped < max ? max - p->skipped : 0;
    bool too_many = n > free_of_cost;
    if (too_many)
        n = free_of_cost + 1;
    p->skipped += n;
    p->left -= n;
    skip(r->in, n);
    return too_many ? refuse(r, WS_TOO_LARGE) : WS_MORE;
}

static bool keep_payload(struct reader *r, struct ws_partial *p, size_t n)
{
    mask_apply(r->in->p, n, p->frame.key, (size_t)((p->frame.length - p->left) % MASK_KEY_BYTES));
    if (is_control(p->frame.opcode)) {
        memcpy(p->control + p->control_n, r->in->p, n);
        p->control_n = (uint8_t)(p->control_n + n);
    } else if (!buf_add(&p->message, r->in->p, n)) {
        return false;
    }
    p->left -= n;
    skip(r->in, n);
    return true;
}

static enum ws_fact go_on(struct reader *r, struct ws_partial *p)
{
    size_t n = p->left < r->in->n ? (size_t)p->left : r->in->n;
    if (p->refused && !is_control(p->frame.opcode)) {
        enum ws_fact fact = skip_refused(r, p, n);
        if (fact != WS_MORE)
            return fact;
    } else if (n > 0 && !keep_payload(r, p, n)) {
        return no_memory(r);
    }
    return p->left == 0 ? end_frame(r, p) : WS_MORE;
}

enum ws_fact ws_next(
    struct ws_partial **partial, struct ws_input *in, const struct ws_limits *limits, struct ws_message *out)
{
    assert(limits->fragments_max > 0 && limits->message_max < SIZE_MAX);
    struct reader r = {partial, in, limits, out};
    *out = (struct ws_message){0};
    tidy(partial);
    if (*partial == &DEAD)
        skip(in, in->n);
    while (in->n > 0 || (*partial && (*partial)->in_frame && (*partial)->left == 0)) {
        struct ws_partial *p = *partial;
        enum ws_fact fact = p && p->in_frame ? go_on(&r, p) : next_frame(&r);
        if (fact != WS_MORE)
            return fact;
        tidy(partial);
    }
    return WS_MORE;
}
