/* SPDX-License-Identifier: MIT
 *
 * A WebSocket that names a session which polls. It only probes (`2probe`, answered `3probe`) until its client has stopped
 * polling and says `5`: then its socket becomes the session's, and what is left, a connection without one, ends. The
 * session is the same to the core all the time; what was queued meanwhile goes out by the socket.
 *
 *     client                     WebSocket                           session
 *       2probe ──►                3probe ──►                          a poll that waits is answered `6`
 *       (ends its poll)
 *       5 ──►                     not read any more ─► ready queue ─► goes on with the socket, framing_engineio
 *
 * It has HANDSHAKE_MS for all of this from accept on, the upgrade's 10 s. Whatever else comes closes it, and the session
 * goes on polling; one that probes already or has a WebSocket is left alone by a second one.
 */
#include "protocol/ws_reader.h"
#include "server/io/engineio.h"
#include "server/io/framing.h"
#include "server/io/polling.h"
#include "server/io/ready.h"
#include "server/io/transport.h"

static struct conn *probe_of(const struct io *io, const struct conn *s)
{
    struct conn *c = conn_find(&io->conns, s->polling->probe);
    return c && c->framing == FRAMING_PROBE && c->state == CONN_OPEN ? c : NULL;
}

bool probe_is_there(const struct io *io, const struct conn *s)
{
    return probe_of(io, s);
}

/* The session that it probes, which may have ended. */
static struct conn *session_of(const struct io *io, const struct conn *c)
{
    struct conn *s = conn_at(&io->conns, c->session);
    bool polls = !s->doomed && s->state == CONN_OPEN && s->framing == FRAMING_POLLING && !s->left;
    return polls && probe_of(io, s) == c ? s : NULL;
}

/* The core hears no more of it than of any request. */
static void become_probe(struct io *io, struct conn *c)
{
    struct core_event e = io_event(io, CORE_HTTP, c);
    c->framing = FRAMING_PROBE;
    c->state = CONN_OPEN;
    c->partial = NULL;
    io_step(io, &e);
}

void probe_begin(struct io *io, struct conn *c, struct conn *s)
{
    become_probe(io, c);
    c->session = s->id.slot;
    s->polling->probe = c->id;
    s->polling->probed = false;
}

void probe_refuse(struct io *io, struct conn *c)
{
    become_probe(io, c);
    c->linger = true;
    ws_close(io, c, WS_CODE_NORMAL, "the session has a WebSocket");
}

void probe_drop(struct io *io, const struct conn *s)
{
    struct conn *c = probe_of(io, s);
    if (c)
        ws_close(io, c, WS_CODE_NORMAL, "the session has ended");
}

bool probe_text(struct io *io, struct conn *c, struct span text)
{
    struct conn *s = session_of(io, c);
    if (s && !s->polling->probed && span_is(text, "2probe")) {
        s->polling->probed = true;
        turn_queue(io, c, frame_of(SPAN("3probe")));
        if (polling_poll(io, s) && !s->queue)
            polling_say(io, s, "6");
        return !c->doomed;
    }
    if (s && s->polling->probed && span_is(text, "5")) {
        transport_of(c)->read(io, c, false);
        c->upgrades = true;
        ready_add(io, c);
        return true;
    }
    ws_violates(io, c, WS_CODE_PROTOCOL, "Engine.IO: no probe");
    return false;
}

/* ---- the session goes on with its socket ---- */

/* A client that has a request under way did not wait for its end: a poll has nothing more to bring, and of a POST is taken
 * what was taken. */
static void stop_polling(struct io *io, struct conn *s)
{
    struct conn *poll = polling_poll(io, s);
    uint32_t pinged = s->polling->pinged;
    if (poll)
        polling_answer(poll, SPAN("6"));
    polling_posted(io, s, ENGINEIO_ERROR_REQUEST);
    conn_unlimit(&io->conns, s);
    ready_remove(io, s);
    front_rest_free(s->rest);
    conn_forget_polling(s);
    s->pinged = pinged;
}

static void move_socket(struct conn *from, struct conn *to)
{
    to->fd = from->fd;
    to->secure = from->secure;
    to->reads = from->reads;
    to->handed = from->handed;
    to->shakes = from->shakes;
    to->shaken = from->shaken;
    to->bulk = from->bulk;
    to->read_shift = from->read_shift;
    to->deaf = from->deaf;
    to->partial = from->partial;
    to->rest = from->rest;
    secure_move(from, to);
    from->fd = -1;
    from->handed = 0;
    from->partial = NULL;
    from->rest = NULL;
}

static void take_over(struct io *io, struct conn *c, struct conn *s)
{
    bool heard = framing_is_heard(s);
    stop_polling(io, s);
    plain_stop(io, c);
    move_socket(c, s);
    s->framing = FRAMING_ENGINEIO;
    bool joined = queue_join(&c->queue, &s->queue);
    s->queue = c->queue;
    c->queue = NULL;
    if (!plain_start(io, s) || !joined) {
        turn_kill(io, s);
        return;
    }
    transport_of(s)->read(io, s, heard);
    if (s->rest)
        plain_wait(io, s);
    if (s->queue)
        turn_write(io, s);
}

void probe_ends(struct io *io, struct conn *c)
{
    struct conn *s = session_of(io, c);
    c->upgrades = false;
    if (!s) {
        ws_close(io, c, WS_CODE_NORMAL, "the session has ended");
        return;
    }
    struct core_event e = io_event(io, CORE_BELONGS, c);
    io_step(io, &e);
    take_over(io, c, s);
    turn_kill(io, c);
}

const struct framing framing_probe = {.bytes = ws_bytes, .close = ws_close};
