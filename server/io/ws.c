/* SPDX-License-Identifier: MIT
 *
 * What libwebsockets tells of a connection, as events of the core. The usual message comes in one piece and goes
 * through without a copy; a longer one is put together in a buffer that is freed with the message. What the dialect
 * does not know (binary, too large, in too many pieces) is refused once, and the rest of that message is dropped.
 *
 * RFC 6455 section 5.1 wants a connection closed whose frames are not masked. libwebsockets takes them and does not
 * tell; the mask protects proxies on the way, not us.
 *
 * A connection is let go of twice: when its socket is dead (the core is told) and when libwebsockets frees its own
 * state a turn later (the slot is free again).
 */
#include "server/io/turn.h"

#include <stdlib.h>
#include <utlist.h>

/* RFC 6455 section 7.4.1. A Close frame without a code counts as it: that is what close() in a browser sends. */
enum {
    NORMAL_CLOSURE = 1000
};

static void tell(struct io *io, enum core_event_type type, const struct conn *c)
{
    struct core_event e = io_event(io, type, c);
    io_step(io, &e);
}

static void tell_unreadable(struct io *io, const struct conn *c, enum error error, const char *problem)
{
    struct core_event e = io_event(io, CORE_UNREADABLE, c);
    e.unreadable.error = error;
    e.unreadable.problem = problem;
    io_step(io, &e);
}

static void tell_frame(struct io *io, const struct conn *c, struct span bytes)
{
    struct core_event e = io_event(io, CORE_FRAME, c);
    e.bytes = bytes;
    io_step(io, &e);
}

static void tell_pong(struct io *io, const struct conn *c, struct span payload)
{
    struct core_event e = io_event(io, CORE_PONG, c);
    for (size_t i = 0; payload.n == sizeof e.pong && i < payload.n; i++)
        e.pong = e.pong << 8 | (unsigned char)payload.p[i];
    io_step(io, &e);
}

static void discard(struct io *io, struct conn *c, enum error error, const char *problem)
{
    conn_forget_partial(c);
    c->discarding = true;
    c->discarded = 0;
    tell_unreadable(io, c, error, problem);
}

/* What is thrown away costs its sender nothing, so a message without end would be a way around message_rate. */
static void count_discarded(struct io *io, struct conn *c, size_t n)
{
    c->discarded += (uint32_t)n + 1;
    if (c->discarded > io->settings.max_frame)
        tell_unreadable(io, c, ERROR_TOO_LARGE, NULL);
}

static bool append(struct io *io, struct conn *c, struct span piece)
{
    if (!c->partial) {
        c->partial = malloc(sizeof *c->partial);
        if (!c->partial)
            return false;
        buf_init(c->partial, io->settings.max_frame);
    }
    return buf_span(c->partial, piece);
}

/* A piece of a message that is refused or not whole yet. */
static void receive_piece(struct io *io, struct conn *c, struct span piece, bool fragment_ends)
{
    size_t have = c->partial ? c->partial->len : 0;
    if (lws_frame_is_binary(c->wsi))
        discard(io, c, ERROR_BAD_MESSAGE, "messages are text: this one is binary");
    else if (piece.n > io->settings.max_frame - have)
        discard(io, c, ERROR_TOO_LARGE, NULL);
    else if (fragment_ends && ++c->fragments > FRAME_FRAGMENTS_MAX)
        discard(io, c, ERROR_TOO_LARGE, "the message comes in too many fragments");
    else if (!append(io, c, piece))
        turn_kill(io, c);
}

static void finish_message(struct io *io, struct conn *c)
{
    struct buf whole = *c->partial;
    free(c->partial);
    c->partial = NULL;
    c->fragments = 0;
    tell_frame(io, c, buf_view(&whole));
    buf_done(&whole);
}

static void receive(struct io *io, struct conn *c, struct span piece)
{
    if (c->state != CONN_OPEN || c->doomed)
        return;
    bool final = lws_is_final_fragment(c->wsi);
    bool whole = final && !c->partial && !c->discarding;
    if (whole && piece.n <= io->settings.max_frame && !lws_frame_is_binary(c->wsi)) {
        tell_frame(io, c, piece);
        return;
    }
    if (c->discarding)
        count_discarded(io, c, piece.n);
    else
        receive_piece(io, c, piece, lws_remaining_packet_payload(c->wsi) == 0);
    if (!final)
        return;
    c->discarding = false;
    if (c->partial && !c->doomed && c->state == CONN_OPEN)
        finish_message(io, c);
}

static void established(struct io *io, struct conn *c)
{
    conn_unlimit(io, c);
    c->state = CONN_OPEN;
    tell(io, CORE_READY, c);
}

/* The client's Close: libwebsockets answers it, unless it is the answer to ours. */
static int peer_closes(struct io *io, struct conn *c, const unsigned char *payload, size_t n)
{
    if (c->state != CONN_OPEN || c->doomed)
        return -1;
    c->close_code = n >= 2 ? (uint16_t)((unsigned)payload[0] << 8 | payload[1]) : NORMAL_CLOSURE;
    c->state = CONN_CLOSING;
    conn_forget_partial(c);
    turn_forget(io, c);
    conn_limit(io, c, &io->closing, CLOSE_MS);
    return 0;
}

void conn_gone(struct io *io, struct conn *c)
{
    if (c->gone)
        return;
    turn_leave(io, c);
    c->gone = true;
    io->refused_count -= c->refused != NULL;
    turn_forget(io, c);
    if (io->freeing)
        return;
    struct core_event e = io_event(io, CORE_GONE, c);
    e.close_code = c->close_code;
    io_step(io, &e);
}

static void released(struct io *io, struct conn *c)
{
    conn_gone(io, c);
    trim_freed(&io->trim, TRIM_CONNECTION + c->handed, uv_now(io->loop));
    conn_release(&io->conns, c);
    if (io->exhausted && !io->freeing)
        listen_resume(io);
}

/* A backlog shrinks. */
static void writeable(struct io *io, struct conn *c)
{
    size_t waiting = conn_waiting(c);
    if (!flush(io, c))
        turn_kill(io, c);
    trim_freed(&io->trim, waiting - conn_waiting(c), uv_now(io->loop));
}

static int on_socket(struct io *io, struct conn *c, enum lws_callback_reasons reason, struct span in)
{
    switch (reason) {
    case LWS_CALLBACK_RECEIVE:
        turn_read(io);
        receive(io, c, in);
        turn_relieve(io);
        return 0;
    case LWS_CALLBACK_RECEIVE_PONG:
        if (c->state == CONN_OPEN)
            tell_pong(io, c, in);
        return 0;
    case LWS_CALLBACK_SERVER_WRITEABLE:
        if (!c->doomed)
            writeable(io, c);
        return 0;
    case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
        return peer_closes(io, c, (const unsigned char *)in.p, in.n);
    case LWS_CALLBACK_HTTP_BODY:
        return http_body(c, in);
    case LWS_CALLBACK_HTTP_BODY_COMPLETION:
        return http_body_end(c);
    case LWS_CALLBACK_HTTP_FILE_COMPLETION:
    case LWS_CALLBACK_HTTP_WRITEABLE: /* asked for when an answer is written: it is out now */
        return -1;
    default:
        return 0;
    }
}

static bool is_request(enum lws_callback_reasons reason)
{
    return reason == LWS_CALLBACK_HTTP_CONFIRM_UPGRADE || reason == LWS_CALLBACK_HTTP ||
           reason == LWS_CALLBACK_ESTABLISHED || reason == LWS_CALLBACK_HTTP_BODY ||
           reason == LWS_CALLBACK_HTTP_BODY_COMPLETION;
}

int ws_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
    struct io *io = lws_context_user(lws_get_context(wsi));
    struct conn *c;
    switch (reason) {
    case LWS_CALLBACK_SERVER_NEW_CLIENT_INSTANTIATED:
        c = lws_get_opaque_user_data(wsi);
        c->wsi = wsi;
        return 0;
    case LWS_CALLBACK_OPENSSL_LOAD_EXTRA_SERVER_VERIFY_CERTS:
        tls_attach(user, &io->tls);
        return 0;
    case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
    case LWS_CALLBACK_HTTP:
    case LWS_CALLBACK_ESTABLISHED:
    case LWS_CALLBACK_RECEIVE:
    case LWS_CALLBACK_RECEIVE_PONG:
    case LWS_CALLBACK_SERVER_WRITEABLE:
    case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
    case LWS_CALLBACK_HTTP_BODY:
    case LWS_CALLBACK_HTTP_BODY_COMPLETION:
    case LWS_CALLBACK_HTTP_WRITEABLE:
    case LWS_CALLBACK_HTTP_FILE_COMPLETION:
    case LWS_CALLBACK_CLOSED:
    case LWS_CALLBACK_CLOSED_HTTP:
    case LWS_CALLBACK_WSI_DESTROY:
        break;
    default:
        return 0;
    }
    c = lws_get_opaque_user_data(wsi);
    if (!c || c->wsi != wsi || (c->gone && reason != LWS_CALLBACK_WSI_DESTROY))
        return 0;
    if (c->doomed && is_request(reason))
        return -1;
    if (reason == LWS_CALLBACK_HTTP_CONFIRM_UPGRADE)
        return http_upgrade(io, c, in);
    if (reason == LWS_CALLBACK_HTTP)
        return http_request(io, c, in);
    if (reason == LWS_CALLBACK_ESTABLISHED)
        established(io, c);
    else if (reason == LWS_CALLBACK_WSI_DESTROY)
        released(io, c);
    else if (reason == LWS_CALLBACK_CLOSED || reason == LWS_CALLBACK_CLOSED_HTTP)
        conn_gone(io, c);
    else
        return on_socket(io, c, reason, (struct span){in, len});
    return 0;
}
