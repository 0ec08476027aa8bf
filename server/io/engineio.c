/* SPDX-License-Identifier: MIT
 *
 * Who knocks names the version, the transport and, once it has one, its session (EIO, transport, sid); whatever else the
 * query has does not matter. The checks come in the order in which the reference server makes them, so that its clients
 * are told the same of the same fault.
 */
#include "server/io/engineio.h"

#include <openssl/rand.h>

#include "base/text.h"
#include "protocol/engineio.h"
#include "server/io/framing.h"
#include "server/io/query.h"

enum {
    VALUE_MAX = 64, /* bytes of a value in the query; a longer one is none that we know */
    ANSWER_MAX = 512,
    SECRET_BYTES = 16,
    SID_CHARS = BASE32_LEN(SECRET_BYTES),
    CODE_PROTOCOL = 1002, /* RFC 6455 section 7.4.1 */
    CODE_NORMAL = 1000
};

/* ---- the door ---- */

static bool query_is(const struct http_request *r, const char *name, const char *value)
{
    struct buf text;
    buf_init(&text, VALUE_MAX);
    bool is = query_find(r->asked->head.query, name, &text) && span_is(buf_view(&text), value);
    buf_done(&text);
    return is;
}

/* An empty one is none. */
static bool names_session(const struct http_request *r)
{
    struct buf text;
    buf_init(&text, VALUE_MAX);
    bool names = (query_find(r->asked->head.query, "sid", &text) && text.len > 0) || text.failed;
    buf_done(&text);
    return names;
}

static enum engineio_error look(const struct http_request *r)
{
    if (!query_is(r, "transport", "websocket"))
        return query_is(r, "transport", "polling") ? ENGINEIO_ERROR_REQUEST : ENGINEIO_ERROR_TRANSPORT;
    if (names_session(r))
        return ENGINEIO_ERROR_SESSION;
    return query_is(r, "EIO", "4") ? ENGINEIO_FINE : ENGINEIO_ERROR_VERSION;
}

static void refuse(struct http_request *r, enum engineio_error e)
{
    struct buf body;
    buf_init(&body, ANSWER_MAX);
    engineio_write_error(&body, e);
    http_answer(r, &(struct http_answer){.status = engineio_status(e), .body = buf_view(&body)});
    buf_done(&body);
}

bool engineio_ask(struct http_request *r)
{
    enum engineio_error e = look(r);
    if (e != ENGINEIO_FINE)
        refuse(r, e);
    return e == ENGINEIO_FINE;
}

/* Nothing is asked by that id later: the session lives and dies with its socket. */
static struct frame *open_packet(const struct io *io)
{
    unsigned char secret[SECRET_BYTES];
    char sid[SID_CHARS + 1];
    struct buf text;
    if (RAND_bytes(secret, sizeof secret) != 1)
        return NULL;
    base32_encode(secret, sizeof secret, sid);
    buf_init(&text, ANSWER_MAX);
    engineio_write_open(&text, &(struct engineio_open){.sid = span_of(sid),
                                   .ping_interval_ms = io->settings.ping_interval_ms,
                                   .ping_timeout_ms = io->settings.ping_timeout_ms,
                                   .max_payload = io->settings.max_frame});
    struct frame *f = text.failed ? NULL : frame_of(buf_view(&text));
    buf_done(&text);
    return f;
}

void engineio_enter(struct http_request *r, const struct dialect *dialect)
{
    struct conn *c = r->conn;
    turn_queue(r->io, c, open_packet(r->io));
    if (c->doomed)
        return;
    c->framing = FRAMING_ENGINEIO;
    c->pinged = 0;
    framing_open(r->io, c, dialect, NULL);
}

/* ---- packets over a WebSocket ---- */

static void on_pong(struct io *io, struct conn *c, uint32_t *pinged)
{
    struct core_event e = io_event(io, CORE_PONG, c);
    e.pong = *pinged;
    *pinged = 0;
    io_step(io, &e);
}

bool engineio_text(struct io *io, struct conn *c, struct span text)
{
    const struct engineio_packet p = engineio_read(text);
    switch (p.type) {
    case ENGINEIO_MESSAGE:
        framing_text(io, c, p.data);
        break;
    case ENGINEIO_PONG:
        on_pong(io, c, &c->pinged);
        break;
    case ENGINEIO_NOOP:
        framing_control(io, c);
        break;
    case ENGINEIO_CLOSE:
        c->linger = true; /* its WebSocket may say more */
        ws_leaves(io, c, CODE_NORMAL);
        return false;
    case ENGINEIO_OPEN:
    case ENGINEIO_PING:
    case ENGINEIO_UPGRADE:
    case ENGINEIO_BINARY:
    case ENGINEIO_BAD:
        ws_violates(io, c, CODE_PROTOCOL, "Engine.IO: a packet that no client may send here");
        return false;
    }
    return !c->doomed;
}

static void ping(struct io *io, struct conn *c, uint32_t number)
{
    c->pinged = number;
    turn_queue(io, c, frame_of(SPAN("2")));
}

const struct framing framing_engineio = {.bytes = ws_bytes, .ping = ping, .close = ws_close};
