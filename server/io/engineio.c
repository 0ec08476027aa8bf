/* SPDX-License-Identifier: MIT
 *
 * Who knocks names the version, the transport and, once it has one, its session (EIO, transport, sid); whatever else the
 * query has does not matter. The checks come in the order in which the reference server makes them, so that its clients
 * are told the same of the same fault.
 *
 * A session that polls is found by its sid: slot and generation, and a secret that is compared in constant time. A WebSocket
 * that was opened without one needs no name, and a session that went on with one has thrown its secret away: of what is
 * asked by their sids only the answer differs.
 */
#include "server/io/engineio.h"

#include <openssl/rand.h>

#include "base/secret.h"
#include "base/text.h"
#include "protocol/ws_reader.h"
#include "server/io/framing.h"
#include "server/io/polling.h"
#include "server/io/query.h"

enum {
    ANSWER_MAX = 512
};

/* What a sid says, in base32. */
struct sid {
    struct conn_id id;
    unsigned char secret[POLL_SECRET_BYTES];
};

_Static_assert(sizeof(struct sid) == 24 && BASE32_LEN(24) < ENGINEIO_SID_MAX, "it has no holes, and fits");

/* ---- the query ---- */

/* Empty if it is absent, broken or longer than any that we know. */
static struct span value_of(const struct http_request *r, const char *name, struct buf *space)
{
    buf_init(space, ENGINEIO_SID_MAX);
    if (query_find(r->asked->head.query, name, space))
        return buf_view(space);
    return (struct span){NULL, 0};
}

static bool value_is(const struct http_request *r, const char *name, const char *value)
{
    struct buf space;
    bool is = span_is(value_of(r, name, &space), value);
    buf_done(&space);
    return is;
}

/* An empty one is none. */
static bool names_session(const struct http_request *r)
{
    struct buf space;
    bool names = value_of(r, "sid", &space).n > 0 || space.failed;
    buf_done(&space);
    return names;
}

static struct conn *find_session(const struct http_request *r)
{
    struct sid sid;
    struct buf space;
    bool read = base32_decode(value_of(r, "sid", &space), &sid, sizeof sid);
    buf_done(&space);
    struct conn *s = read ? conn_find(&r->io->conns, sid.id) : NULL;
    bool open = s && (s->state == CONN_OPEN || s->state == CONN_CLOSING);
    if (open && s->framing == FRAMING_ENGINEIO)
        return s;
    bool polls = open && s->framing == FRAMING_POLLING;
    return polls && secret_equal(sid.secret, s->polling->secret, sizeof sid.secret) ? s : NULL;
}

static enum engineio_error look_for_session(const struct http_request *r, bool websocket, struct conn **session)
{
    *session = find_session(r);
    if (!*session)
        return ENGINEIO_ERROR_SESSION;
    if (websocket)
        return (*session)->state == CONN_OPEN ? ENGINEIO_FINE : ENGINEIO_ERROR_SESSION;
    bool polls = (*session)->framing == FRAMING_POLLING && value_is(r, "transport", "polling");
    bool method = (r->method == HTTP_GET && !r->is_head) || r->method == HTTP_POST;
    return polls && method ? ENGINEIO_FINE : ENGINEIO_ERROR_REQUEST;
}

enum engineio_error engineio_look(const struct http_request *r, bool websocket, struct conn **session)
{
    bool names_websocket = value_is(r, "transport", "websocket");
    *session = NULL;
    if (!names_websocket && !value_is(r, "transport", "polling"))
        return ENGINEIO_ERROR_TRANSPORT;
    if (websocket && !names_websocket)
        return ENGINEIO_ERROR_REQUEST;
    if (names_session(r))
        return look_for_session(r, websocket, session);
    if (r->method != HTTP_GET || r->is_head)
        return ENGINEIO_ERROR_METHOD;
    if (websocket != names_websocket)
        return ENGINEIO_ERROR_REQUEST;
    return value_is(r, "EIO", "4") ? ENGINEIO_FINE : ENGINEIO_ERROR_VERSION;
}

void engineio_refuse(struct http_request *r, enum engineio_error e)
{
    struct buf body;
    buf_init(&body, ANSWER_MAX);
    engineio_write_error(&body, e);
    http_answer(r, &(struct http_answer){.status = engineio_status(e), .body = buf_view(&body)});
    buf_done(&body);
}

/* ---- the open packet ---- */

bool engineio_write_sid(const struct conn *session, char text[ENGINEIO_SID_MAX])
{
    struct sid sid = {{0, 0}, {0}};
    if (session) {
        sid.id = session->id;
        memcpy(sid.secret, session->polling->secret, sizeof sid.secret);
    } else if (RAND_bytes((unsigned char *)&sid, sizeof sid) != 1) {
        return false;
    }
    base32_encode(&sid, sizeof sid, text);
    return true;
}

void engineio_write_session(struct buf *out, const struct io *io, const char *sid, bool upgradable)
{
    engineio_write_open(out, &(struct engineio_open){.sid = span_of(sid),
                                 .upgradable = upgradable,
                                 .ping_interval_ms = io->settings.ping_interval_ms,
                                 .ping_timeout_ms = io->settings.ping_timeout_ms,
                                 .max_payload = io->settings.max_frame});
}

/* ---- the door of WebSockets ---- */

bool engineio_ask(struct http_request *r)
{
    struct conn *session;
    enum engineio_error e = engineio_look(r, true, &session);
    if (e != ENGINEIO_FINE)
        engineio_refuse(r, e);
    return e == ENGINEIO_FINE;
}

static void open_session(struct http_request *r, const struct dialect *dialect)
{
    struct conn *c = r->conn;
    char sid[ENGINEIO_SID_MAX];
    struct buf text;
    buf_init(&text, ANSWER_MAX);
    if (engineio_write_sid(NULL, sid))
        engineio_write_session(&text, r->io, sid, false);
    turn_queue(r->io, c, text.len > 0 && !text.failed ? frame_of(buf_view(&text)) : NULL);
    buf_done(&text);
    if (c->doomed)
        return;
    c->framing = FRAMING_ENGINEIO;
    c->pinged = 0;
    framing_open(r->io, c, dialect, NULL);
}

void engineio_enter(struct http_request *r, const struct dialect *dialect)
{
    struct conn *session;
    engineio_look(r, true, &session);
    if (!session)
        open_session(r, dialect);
    else if (session->framing == FRAMING_ENGINEIO || probe_is_there(r->io, session))
        probe_refuse(r->io, r->conn);
    else
        probe_begin(r->io, r->conn, session);
}

/* ---- packets over a WebSocket ---- */

void engineio_pong(struct io *io, const struct conn *c, uint32_t *pinged)
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
        engineio_pong(io, c, &c->pinged);
        break;
    case ENGINEIO_NOOP:
        framing_control(io, c);
        break;
    case ENGINEIO_CLOSE:
        c->linger = true; /* its WebSocket may say more */
        ws_leaves(io, c, WS_CODE_NORMAL);
        return false;
    case ENGINEIO_OPEN:
    case ENGINEIO_PING:
    case ENGINEIO_UPGRADE:
    case ENGINEIO_BINARY:
    case ENGINEIO_BAD:
        ws_violates(io, c, WS_CODE_PROTOCOL, "Engine.IO: a packet that no client may send here");
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
