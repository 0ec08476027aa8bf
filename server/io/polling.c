/* SPDX-License-Identifier: MIT
 *
 * A session without a socket. What is said to it waits in its queue, in frames that a WebSocket could write, until the end
 * of a turn in which a poll waits: that is answered with their texts, and the frames are gone. What its client says comes
 * as the body of a POST, and goes the way of bytes from a socket: a few packets at a time, none while message_rate holds
 * the client back. The POST is answered when all of them were taken, so that a client is as slow as it has to be.
 *
 * Whoever ends a poll before it was answered whole has lost what was in it, or may have: such a session ends. So do two
 * polls or two POSTs at once, and what is no packet. When we end a session, its next poll is told `1`, within FAREWELL_MS; a
 * client that was given up for its silence has none, and of that nothing is kept. What was said before has a poll of its
 * own: socket.io-client acts on a close packet at once, and on the events in front of it a moment later, when it has no
 * connection any more and keeps them back. If it does not ask again for the `1`, the session ends without it.
 */
#include "server/io/polling.h"

#include <assert.h>
#include <openssl/rand.h>
#include <stdlib.h>

#include "protocol/ws_reader.h"
#include "server/io/engineio.h"
#include "server/io/framing.h"
#include "server/io/ready.h"
#include "server/io/transport.h"

enum {
    OPEN_MAX = 512,
    SEPARATOR = 0x1e
};

static const char TEXT[] = "text/plain; charset=UTF-8";

/* ---- its beginning ---- */

static void count_client(struct io *io, struct conn *s, const struct conn *client)
{
    struct core_event belongs = io_event(io, CORE_BELONGS, client);
    io_step(io, &belongs);
    s->address = client->address;
    s->via_proxy = client->via_proxy;
    s->nameless = client->nameless;
    s->forwarded = client->forwarded;
    s->unproven = client->unproven;
    s->taken = true;
    struct core_event e = io_event(io, CORE_OPEN, s);
    e.address = s->address;
    io_step(io, &e);
}

struct conn *polling_open(struct http_request *r, const char **refused)
{
    struct io *io = r->io;
    struct polling *p = calloc(1, sizeof *p);
    struct conn *s = p && RAND_bytes(p->secret, sizeof p->secret) == 1 ? conn_open(&io->conns, -1) : NULL;
    *refused = error_code(ERROR_SERVER_FULL);
    if (!s) {
        free(p);
        return NULL;
    }
    count_client(io, s, r->conn);
    if (s->refused || !hosts_take(&io->hosts, r->asked->head.host, &s->host)) {
        *refused = s->refused ? s->refused : *refused;
        turn_kill(io, s);
        free(p);
        return NULL;
    }
    s->framing = FRAMING_POLLING;
    s->polling = p;
    s->state = CONN_OPEN;
    s->interest = POLLER_READ;
    return s;
}

void polling_begin(struct http_request *r, struct conn *s, const struct dialect *dialect)
{
    struct io *io = r->io;
    char sid[ENGINEIO_SID_MAX];
    struct buf text;
    buf_init(&text, OPEN_MAX);
    engineio_write_sid(s, sid);
    engineio_write_session(&text, io, sid, true);
    r->session = s->id;
    http_answer(r, &(struct http_answer){.status = text.failed ? 503 : 200, .type = TEXT, .body = buf_view(&text)});
    buf_done(&text);
    turn_limit(io, s, LIMIT_POLL);
    struct core_event e = io_event(io, CORE_READY, s);
    e.dialect = dialect;
    io_step(io, &e);
}

/* ---- its requests ---- */

static struct conn *waits(const struct io *io, struct conn_id id)
{
    struct conn *c = conn_find(&io->conns, id);
    bool is_request = c && (c->state == CONN_BODY || c->state == CONN_ANSWER) && c->http->session.generation != 0;
    return is_request && !c->http->answered ? c : NULL;
}

struct conn *polling_poll(const struct io *io, const struct conn *s)
{
    return waits(io, s->polling->poll);
}

struct conn *polling_post(const struct io *io, const struct conn *s)
{
    return waits(io, s->polling->post);
}

void polling_answer(struct conn *c, struct span text)
{
    c->held = false;
    http_answer(c->http, &(struct http_answer){.status = 200, .type = TEXT, .body = text});
}

void polling_posted(struct io *io, struct conn *s, enum engineio_error e)
{
    struct conn *c = polling_post(io, s);
    if (c && e == ENGINEIO_FINE) {
        polling_answer(c, SPAN("ok"));
    } else if (c) {
        c->held = false;
        engineio_refuse(c->http, e);
    }
}

void polling_request_gone(struct io *io, struct conn *c)
{
    bool asked = c->state == CONN_BODY || c->state == CONN_ANSWER;
    const struct http_request *r = asked ? c->http : NULL;
    struct conn *s = r && r->session.generation != 0 ? conn_find(&io->conns, r->session) : NULL;
    bool lost = r && (r->method == HTTP_GET || !r->answered);
    if (s && s->framing == FRAMING_POLLING && lost)
        turn_kill(io, s);
}

/* ---- what is said to it ---- */

void polling_say(struct io *io, struct conn *s, const char *packet)
{
    turn_queue(io, s, frame_of(span_of(packet)));
}

static bool is_close(const struct frame *f)
{
    return engineio_read(frame_text(f)).type == ENGINEIO_CLOSE;
}

/* Whether a poll that brings `out` may bring this too: a close packet comes alone. */
static bool has_room(const struct buf *out, const struct frame *f)
{
    return out->len == 0 || (out->len + f->len <= POLL_ANSWER_MAX && !is_close(f));
}

/* Takes from the queue what one poll may bring. */
static void take_packets(struct conn *s, struct buf *out)
{
    const struct frame *f;
    while ((f = queue_first(s->queue)) && has_room(out, f) && !out->failed) {
        if (out->len > 0)
            buf_byte(out, SEPARATOR);
        buf_span(out, frame_text(f));
        queue_advance(&s->queue, f->len);
    }
}

bool polling_flush(struct io *io, struct conn *s)
{
    struct conn *c = s->queue ? polling_poll(io, s) : NULL;
    if (c) {
        struct buf text;
        buf_init(&text, UINT32_MAX); /* as a frame, of which one is taken at least */
        take_packets(s, &text);
        bool made = !text.failed;
        if (made)
            polling_answer(c, buf_view(&text));
        buf_done(&text);
        if (!made)
            return false;
        if (s->state == CONN_OPEN && !s->left)
            turn_limit(io, s, LIMIT_POLL);
    }
    if (!s->queue && s->state == CONN_CLOSING)
        framing_sent(io, s);
    return true;
}

static void ping(struct io *io, struct conn *s, uint32_t number)
{
    s->polling->pinged = number;
    polling_say(io, s, "2");
}

/* ---- what it says ---- */

/* False if nothing more is to be read. */
static bool take_packet(struct io *io, struct conn *s, const struct engineio_packet *p)
{
    struct core_event e = io_event(io, CORE_UNREADABLE, s);
    switch (p->type) {
    case ENGINEIO_MESSAGE:
        framing_text(io, s, p->data);
        break;
    case ENGINEIO_PONG:
        engineio_pong(io, s, &s->polling->pinged);
        break;
    case ENGINEIO_BINARY:
        e.unreadable.error = ERROR_BAD_MESSAGE;
        e.unreadable.problem = "messages are text: this one is binary";
        io_step(io, &e);
        break;
    case ENGINEIO_CLOSE:
        ws_leaves(io, s, WS_CODE_NORMAL);
        break;
    default:
        framing_control(io, s);
        break;
    }
    return !s->doomed && !s->left && s->state == CONN_OPEN;
}

/* What is left of a body, which was checked. */
static size_t take_payload(struct io *io, struct conn *s, unsigned char *bytes, size_t n)
{
    struct span rest = {(const char *)bytes, n};
    const bool member = framing_is_member(io, s);
    for (unsigned i = 0; rest.n > 0 && i < FRAMES_AT_ONCE && framing_is_heard(s) && framing_is_member(io, s) == member;
         i++) {
        const struct engineio_packet p = engineio_next(&rest);
        if (!take_packet(io, s, &p))
            rest.n = 0;
    }
    if (rest.n == 0)
        polling_posted(io, s, ENGINEIO_FINE);
    return n - rest.n;
}

/* ---- its end ---- */

static void close_session(struct io *io, struct conn *s, uint16_t code, const char *reason)
{
    (void)reason;
    s->state = CONN_CLOSING;
    if (code == WS_CODE_GOING_AWAY && !polling_poll(io, s)) { /* no answer to a ping */
        turn_kill(io, s);
        return;
    }
    turn_limit(io, s, LIMIT_FAREWELL);
    polling_say(io, s, s->left ? "6" : "1");
    if (!s->doomed)
        framing_end(io, s);
}

void polling_violates(struct io *io, struct conn *s, const char *problem)
{
    struct core_event e = io_event(io, CORE_VIOLATION, s);
    e.violation.code = WS_CODE_PROTOCOL;
    e.violation.problem = problem;
    if (s->state == CONN_OPEN)
        io_step(io, &e);
    if (!s->doomed)
        polling_flush(io, s);
    turn_kill(io, s);
}

const struct framing framing_polling = {.bytes = take_payload, .ping = ping, .close = close_session};

/* ---- in place of a socket ---- */

static ssize_t write_nothing(struct io *io, struct conn *s, struct span bytes)
{
    (void)io;
    (void)s;
    (void)bytes;
    return 0;
}

static bool is_out(struct io *io, struct conn *s)
{
    (void)io;
    (void)s;
    return true;
}

static void do_nothing(struct io *io, struct conn *s)
{
    (void)io;
    (void)s;
}

static void read_posts(struct io *io, struct conn *s, bool on)
{
    s->interest = on ? POLLER_READ : 0;
    if (on && s->rest && !s->doomed)
        ready_add(io, s);
}

static void close_requests(struct io *io, struct conn *s)
{
    struct conn *c = io->freeing ? NULL : polling_poll(io, s);
    if (c)
        polling_answer(c, SPAN("1"));
    if (!io->freeing) {
        polling_posted(io, s, ENGINEIO_ERROR_SESSION);
        probe_drop(io, s);
    }
}

const struct transport transport_polling = {.write = write_nothing,
    .is_out = is_out,
    .again = do_nothing,
    .receive = do_nothing,
    .read = read_posts,
    .shut = do_nothing,
    .close = close_requests};
