/* SPDX-License-Identifier: MIT
 *
 * A WebSocket's frames as events of the core, and our control frames. What the client does against RFC 6455 ends the
 * connection, which is the core's to say; the core's Close goes out behind what is queued.
 *
 * Closing: a client's Close is answered behind all that it has coming, in CLOSE_MS. After our own Close the client has
 * CLOSE_MS to answer with its own. Once it has, the socket is closed as soon as ours is out: RFC 6455 section 7.1.1 has
 * the server close first. Who broke the protocol may still be sending, and is given the time to hear why.
 */
#include <assert.h>

#include "protocol/mask.h"
#include "protocol/ws_reader.h"
#include "server/io/engineio.h"
#include "server/io/polling.h"
#include "server/io/framing.h"
#include "server/io/ready.h"
#include "server/io/transport.h"

enum {
    OPCODE_CLOSE = 0x8,
    OPCODE_PING = 0x9,
    OPCODE_PONG = 0xa,
    MASKED = 0x80,                        /* in the second byte of a frame */
    MASK_HEADER_MAX = 10 + MASK_KEY_BYTES /* of a frame that a client sends */
};

/* A Close frame without a code counts as 1000: that is what close() in a browser sends. */
uint16_t ws_close_code(const struct conn *c)
{
    return c->close_code == WS_CODE_NONE ? WS_CODE_NORMAL : c->close_code;
}

/* ---- our control frames ---- */

/* RFC 6455 section 5.5: a control frame is one frame of at most 125 bytes, so its header is two. */
static void send_control(struct io *io, struct conn *c, unsigned char opcode, const void *payload, size_t n)
{
    assert(n <= CLOSE_REASON_MAX + 2);
    struct frame *f = frame_of((struct span){payload, n});
    if (f)
        f->bytes[0] = (char)(0x80 | opcode);
    turn_queue(io, c, f);
}

static void ping(struct io *io, struct conn *c, uint32_t number)
{
    const unsigned char payload[4] = {(unsigned char)(number >> 24), (unsigned char)(number >> 16),
        (unsigned char)(number >> 8), (unsigned char)number};
    send_control(io, c, OPCODE_PING, payload, sizeof payload);
}

static void send_close(struct io *io, struct conn *c, uint16_t code, struct span reason)
{
    unsigned char payload[2 + CLOSE_REASON_MAX];
    assert(reason.n <= CLOSE_REASON_MAX);
    payload[0] = (unsigned char)(code >> 8);
    payload[1] = (unsigned char)code;
    memcpy(payload + 2, reason.p, reason.n);
    send_control(io, c, OPCODE_CLOSE, payload, code ? reason.n + 2 : 0);
}

/* Section 5.5.1: the answer carries the code that came. */
void ws_close(struct io *io, struct conn *c, uint16_t code, const char *reason)
{
    uint16_t answer = c->close_code == WS_CODE_NONE ? 0 : c->close_code;
    c->state = CONN_CLOSING;
    c->thrown = 0;
    send_close(io, c, code ? code : answer, span_of(reason));
    if (c->doomed)
        return;
    turn_limit(io, c, LIMIT_CLOSE);
    if (c->left)
        framing_end(io, c);
    else
        transport_of(c)->read(io, c, true);
}

/* ---- what the client says ---- */

static uint32_t number_of(struct span payload)
{
    const unsigned char *p = (const unsigned char *)payload.p;
    return payload.n == 4 ? (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3] : 0;
}

static void on_ping(struct io *io, struct conn *c, struct span payload)
{
    send_control(io, c, OPCODE_PONG, payload.p, payload.n);
    if (!c->doomed)
        framing_control(io, c);
}

static void on_pong(struct io *io, const struct conn *c, struct span payload)
{
    struct core_event e = io_event(io, CORE_PONG, c);
    e.pong = number_of(payload);
    io_step(io, &e);
}

static void on_refused(struct io *io, const struct conn *c, enum ws_refusal refusal)
{
    struct core_event e = io_event(io, CORE_UNREADABLE, c);
    switch (refusal) {
    case WS_BINARY:
        e.unreadable.error = ERROR_BAD_MESSAGE;
        e.unreadable.problem = "messages are text: this one is binary";
        break;
    case WS_TOO_LARGE:
        e.unreadable.error = ERROR_TOO_LARGE;
        break;
    case WS_TOO_MANY_FRAGMENTS:
        e.unreadable.error = ERROR_TOO_LARGE;
        e.unreadable.problem = "the message comes in too many fragments";
        break;
    }
    io_step(io, &e);
}

/* Our answer is the core's to give: it may owe this client others, which go first. */
void ws_leaves(struct io *io, struct conn *c, uint16_t code)
{
    if (c->state != CONN_OPEN) {
        framing_end(io, c);
        return;
    }
    c->left = true;
    c->close_code = code;
    if (c->framing == FRAMING_PROBE) {
        ws_close(io, c, 0, "");
        return;
    }
    transport_of(c)->read(io, c, false);
    turn_limit(io, c, LIMIT_CLOSE);
    c->untold = true;
    if (io->urgent && core_is_member(io->core, c->id)) /* its room hears of it */
        ready_add(io, c);
    else
        ws_left(io, c);
}

void ws_left(struct io *io, struct conn *c)
{
    struct core_event e = io_event(io, CORE_CLOSED, c);
    e.close_code = ws_close_code(c);
    c->untold = false;
    if (c->state == CONN_OPEN)
        io_step(io, &e);
}

void ws_violates(struct io *io, struct conn *c, uint16_t code, const char *problem)
{
    if (c->state == CONN_OPEN) {
        struct core_event e = io_event(io, CORE_VIOLATION, c);
        e.violation.code = code;
        e.violation.problem = problem;
        io_step(io, &e);
    }
    c->linger = true;
    if (c->state == CONN_OPEN) /* the core had no memory to say so */
        turn_kill(io, c);
    else
        framing_end(io, c);
}

/* False when nothing more is to be read. */
static bool take(struct io *io, struct conn *c, enum ws_fact fact, const struct ws_message *m)
{
    if (fact == WS_NO_MEMORY) {
        turn_kill(io, c);
        return false;
    }
    if (fact == WS_CLOSE || fact == WS_VIOLATION) {
        if (fact == WS_CLOSE)
            ws_leaves(io, c, m->code);
        else
            ws_violates(io, c, m->code, m->problem);
        return false;
    }
    if (c->state != CONN_OPEN) /* after our Close */
        return true;
    if (c->framing == FRAMING_PROBE)
        return probe_text(io, c, fact == WS_TEXT ? m->bytes : (struct span){NULL, 0});
    if (fact == WS_TEXT && c->framing == FRAMING_ENGINEIO)
        return engineio_text(io, c, m->bytes);
    if (fact == WS_TEXT)
        framing_text(io, c, m->bytes);
    else if (fact == WS_PING)
        on_ping(io, c, m->bytes);
    else if (fact == WS_PONG)
        on_pong(io, c, m->bytes);
    else
        on_refused(io, c, m->refusal);
    return !c->doomed;
}

/* As a client's frame again, masked with zeros (RFC 6455 section 5.3), so that it is read like what stands behind it. */
static void put_off(struct io *io, struct conn *c, struct span text, struct span behind)
{
    struct frame *f = frame_of(text);
    char header[MASK_HEADER_MAX] = {0};
    struct span head = {header, 0};
    if (f) {
        head.n = f->head + MASK_KEY_BYTES;
        memcpy(header, f->bytes, f->head);
        header[1] |= (char)MASKED;
    }
    if (f)
        front_put_off(io, c, (const struct span[]){head, text, behind}, 3);
    else
        turn_kill(io, c);
    frame_unref(f);
}

size_t ws_bytes(struct io *io, struct conn *c, unsigned char *bytes, size_t n)
{
    const struct ws_limits limits = {.message_max = io->settings.max_frame, .fragments_max = FRAME_FRAGMENTS_MAX};
    struct ws_input in = {bytes, n};
    struct ws_message m;
    if (c->end_sent || c->left)
        return n;
    const bool member = framing_is_member(io, c);
    /* Of who came or left a whole room heard: that ends the look. */
    for (unsigned i = 0; in.n == 0 || (i < FRAMES_AT_ONCE && framing_is_heard(c) && framing_is_member(io, c) == member);
         i++) {
        io->put_off = false;
        enum ws_fact fact = ws_next(&c->partial, &in, &limits, &m);
        if (fact == WS_MORE || !take(io, c, fact, &m))
            return n;
        if (io->put_off) {
            put_off(io, c, m.bytes, (struct span){(const char *)in.p, in.n});
            return n;
        }
    }
    return n - in.n;
}

const struct framing framing_websocket = {.bytes = ws_bytes, .ping = ping, .close = ws_close};
