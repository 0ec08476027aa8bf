/* SPDX-License-Identifier: MIT
 *
 * The front door: what a client's bytes are, by the state of its connection. A request's head is kept until it is
 * whole; then it is answered, or becomes a WebSocket, whose first frames may lie behind it in the same read.
 *
 * Frames cost what they are, not how long: a page of them is hundreds. Of one read a few are looked at; the rest waits
 * in the ready queue, or for the time when message_rate lets the client be heard again, and nothing is read meanwhile.
 */
#include <stdlib.h>

#include "server/io/framing.h"
#include "server/io/http.h"
#include "server/io/transport.h"

/* Owned by its connection, of at most READ_SIZE bytes, and one message before them. */
struct front_rest {
    size_t at, n; /* looked at so far, of so many */
    bool put_off; /* it is here for what it said, not for how much */
    unsigned char bytes[];
};

void front_rest_free(struct front_rest *rest)
{
    free(rest);
}

static void frames(struct io *io, struct conn *c, unsigned char *bytes, size_t n)
{
    size_t used = framing_of(io, c)->bytes(io, c, bytes, n);
    if (used == n)
        return;
    n -= used;
    c->rest = malloc(sizeof *c->rest + n);
    if (!c->rest) {
        turn_kill(io, c);
        return;
    }
    *c->rest = (struct front_rest){.n = n};
    memcpy(c->rest->bytes, bytes + used, n);
    plain_wait(io, c);
}

void front_rest(struct io *io, struct conn *c)
{
    struct front_rest *rest = c->rest;
    turn_read(io);
    c->rest = NULL;
    rest->at += framing_of(io, c)->bytes(io, c, rest->bytes + rest->at, rest->n - rest->at);
    if (rest->at == rest->n) {
        c->bulk = c->bulk && !rest->put_off;
        free(rest);
        return;
    }
    c->rest = rest;
    plain_wait(io, c);
}

void front_put_off(struct io *io, struct conn *c, const struct span *parts, size_t parts_n)
{
    size_t n = 0;
    for (size_t i = 0; i < parts_n; i++)
        n += parts[i].n;
    c->rest = malloc(sizeof *c->rest + n);
    if (!c->rest) {
        turn_kill(io, c);
        return;
    }
    *c->rest = (struct front_rest){.put_off = true, .n = n};
    unsigned char *at = c->rest->bytes;
    for (size_t i = 0; i < parts_n; at += parts[i].n, i++)
        if (parts[i].n)
            memcpy(at, parts[i].p, parts[i].n);
    plain_wait(io, c);
}

static void refuse_head(struct http_request *r)
{
    r->conn->state = CONN_ANSWER;
    r->is_head =
        span_is(r->asked->head.method, "HEAD"); /* which has no body whatever it hears (RFC 9110 section 9.3.2) */
    http_error(r, r->asked->head.status, NULL, r->asked->head.code, r->asked->head.problem);
}

void front_no_tls(struct io *io, struct conn *c)
{
    c->state = CONN_ANSWER;
    c->http = NULL;
    if (http_new(io, c))
        http_error(c->http, 400, NULL, "not-tls", "this port speaks TLS: use https:// or wss://");
    else
        turn_kill(io, c);
}

/* The wait for an answer, and its way out, may be long: only what they need is kept. */
static void let_request_go(struct conn *c)
{
    if (c->state == CONN_ANSWER)
        http_handled(c->http);
}

/* The request has become a WebSocket, and `r` is nobody's any more. */
static void go_on_as_websocket(struct io *io, struct conn *c, struct http_request *r)
{
    size_t rest = r->asked->in.len - r->asked->head.n;
    if (rest > 0)
        frames(io, c, (unsigned char *)r->asked->in.p + r->asked->head.n, rest);
    http_done(r);
}

static void head_bytes(struct io *io, struct conn *c, struct span bytes)
{
    struct http_request *r = c->http ? c->http : http_new(io, c);
    size_t seen = r ? r->asked->in.len : 0;
    if (!r || !buf_span(&r->asked->in, bytes)) {
        turn_kill(io, c);
        return;
    }
    switch (request_head_read(buf_view(&r->asked->in), seen, &r->asked->head)) {
    case HEAD_MORE:
        break;
    case HEAD_BAD:
        refuse_head(r);
        break;
    case HEAD_WHOLE:
        http_request(r);
        if (c->state == CONN_OPEN || c->state == CONN_CLOSING)
            go_on_as_websocket(io, c, r);
        break;
    }
    let_request_go(c);
}

/* What stands behind the body is no part of the request: it is not looked at. */
static void body_bytes(struct io *io, struct conn *c, struct span bytes)
{
    struct http_request *r = c->http;
    size_t due = r->asked->head.n + r->asked->body_n - r->asked->in.len;
    if (bytes.n > due)
        bytes.n = due;
    if (buf_span(&r->asked->in, bytes))
        http_body(r);
    else
        turn_kill(io, c);
    let_request_go(c);
}

void front_bytes(struct io *io, struct conn *c, unsigned char *bytes, size_t n)
{
    struct span view = {(const char *)bytes, n};
    if (c->doomed)
        return;
    switch ((enum conn_state)c->state) {
    case CONN_HEAD:
        head_bytes(io, c, view);
        break;
    case CONN_BODY:
        body_bytes(io, c, view);
        break;
    case CONN_CLOSING:
        c->thrown += (uint32_t)n;
        if (c->thrown > CLOSING_MAX)
            framing_stop(io, c);
        else
            frames(io, c, bytes, n);
        break;
    case CONN_OPEN:
        frames(io, c, bytes, n);
        break;
    case CONN_LINGER:
        c->thrown += (uint32_t)n;
        if (c->thrown > LINGER_MAX)
            turn_kill(io, c);
        break;
    case CONN_ANSWER: /* not read any more; what came before that took effect */
    case CONN_FREE:
    case CONN_PROXY:
    case CONN_TLS:
        break;
    }
}

/* RFC 9112 section 9.6 allows a client to end its side once its request is whole: it gets its answer all the same. */
void front_end(struct io *io, struct conn *c)
{
    if (c->state == CONN_ANSWER)
        transport_of(c)->read(io, c, false);
    else
        turn_kill(io, c);
}
