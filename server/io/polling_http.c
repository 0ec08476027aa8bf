/* SPDX-License-Identifier: MIT
 *
 * The requests of sessions that poll. One that names its session costs its address nothing: a room full of people behind
 * one address asks more often than that address may knock. So what the door has counted for it is given back, and where
 * the door had refused it, it is served all the same. A session has one poll and one POST at a time, and each brings
 * something or waits: so they are bounded by what counts for the session. A wrong name costs what any request costs.
 */
#include "server/io/engineio.h"
#include "server/io/framing.h"
#include "server/io/polling.h"
#include "server/io/transport.h"

bool polling_admits(struct http_request *r)
{
    struct conn *s, *c = r->conn;
    if (!r->io->settings.socketio || strcmp(r->asked->path, ENGINEIO_PATH) != 0)
        return false;
    bool websocket = upgrade_wanted(&r->asked->head);
    if (engineio_look(r, websocket, &s) != ENGINEIO_FINE || !s || s->framing != FRAMING_POLLING)
        return false;
    r->io->refused_count -= c->uncounted;
    c->uncounted = false;
    return true;
}

static void belongs(struct http_request *r, const struct conn *s)
{
    struct core_event e = io_event(r->io, CORE_BELONGS, r->conn);
    r->session = s->id;
    io_step(r->io, &e);
}

/* It waits, and its client's end is noticed. */
static void hold(struct http_request *r)
{
    r->conn->held = true;
    transport_of(r->conn)->read(r->io, r->conn, false);
}

/* ---- GET ---- */

static void shake_hands(struct http_request *r)
{
    const char *refused;
    if (!http_origin_allowed(r->io, &r->asked->head)) {
        http_count_foreign(r);
        engineio_refuse(r, ENGINEIO_ERROR_FORBIDDEN);
        return;
    }
    struct conn *s = polling_open(r, &refused);
    if (s)
        polling_begin(r, s, &dialect_socketio);
    else
        http_turn_away(r, refused);
}

/* While a WebSocket probes, a poll is not held: the client goes on when it is answered. */
static void poll(struct http_request *r, struct conn *s)
{
    struct io *io = r->io;
    if (polling_poll(io, s)) {
        polling_violates(io, s, "Engine.IO: two polls at once");
        engineio_refuse(r, ENGINEIO_ERROR_REQUEST);
        return;
    }
    bool probed = s->polling->probed && probe_is_there(io, s);
    if (probed && !s->queue)
        r->session = s->id;
    else
        belongs(r, s);
    s->polling->poll = r->conn->id;
    if (s->limit == LIMIT_POLL)
        conn_unlimit(&io->conns, s);
    hold(r);
    if (probed && !s->queue)
        polling_say(io, s, "6");
    else if (s->queue)
        turn_write(io, s);
}

/* ---- POST ---- */

static bool is_binary(const struct http_request *r)
{
    static const char BINARY[] = "application/octet-stream";
    struct span type;
    return request_head_find(&r->asked->head, "Content-Type", &type) && type.n >= sizeof BINARY - 1 &&
           strncasecmp(type.p, BINARY, sizeof BINARY - 1) == 0;
}

/* False if it is refused, with its session. */
static bool may_post(struct http_request *r, struct conn *s)
{
    const char *problem = NULL;
    if (is_binary(r))
        problem = "Engine.IO: a body that is not text";
    if (polling_post(r->io, s))
        problem = "Engine.IO: two POSTs at once";
    if (!problem)
        return true;
    polling_violates(r->io, s, problem);
    engineio_refuse(r, ENGINEIO_ERROR_REQUEST);
    return false;
}

static bool await_body(struct http_request *r, size_t *max)
{
    struct conn *s;
    *max = r->io->settings.max_frame;
    if (r->method == HTTP_GET)
        return true;
    enum engineio_error e = engineio_look(r, false, &s);
    if (e == ENGINEIO_FINE && s->state != CONN_OPEN)
        e = ENGINEIO_ERROR_SESSION;
    if (e != ENGINEIO_FINE) {
        engineio_refuse(r, e);
        return false;
    }
    if (!may_post(r, s))
        return false;
    belongs(r, s);
    s->polling->post = r->conn->id;
    return true;
}

static void post(struct http_request *r)
{
    struct io *io = r->io;
    struct conn *s = conn_find(&io->conns, r->session);
    if (!s || s->framing != FRAMING_POLLING || s->state != CONN_OPEN || s->left) {
        engineio_refuse(r, ENGINEIO_ERROR_SESSION);
        return;
    }
    char *body = r->asked->in.p + r->asked->head.n;
    size_t n = r->asked->body_n;
    const char *problem = engineio_check((struct span){body, n});
    if (problem) {
        polling_posted(io, s, ENGINEIO_ERROR_REQUEST);
        polling_violates(io, s, "Engine.IO: a body that is no payload");
        return;
    }
    hold(r);
    front_bytes(io, s, (unsigned char *)body, n);
}

/* ---- the route ---- */

static void handle(struct http_request *r)
{
    struct conn *s;
    if (r->method == HTTP_POST) {
        post(r);
        return;
    }
    enum engineio_error e = engineio_look(r, false, &s);
    if (e != ENGINEIO_FINE)
        engineio_refuse(r, e);
    else if (s)
        poll(r, s);
    else
        shake_hands(r);
}

const struct route *polling_route(const struct io_settings *s, const char *path)
{
    static const struct route ROUTE = {"", HTTP_GET | HTTP_POST | HTTP_OTHER, await_body, handle};
    return s->socketio && strcmp(path, ENGINEIO_PATH) == 0 ? &ROUTE : NULL;
}
