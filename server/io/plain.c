/* SPDX-License-Identifier: MIT
 *
 * Plain sockets. The poller tells when one can be read; it is read once, into the buffer that all share, and what it
 * still holds is told again in the next turn. A WebSocket is read at once, a little; whoever sends more than that, and
 * all that is no WebSocket, waits in the ready queue (ready.h).
 *
 * How much one read brings follows what it costs: a page of pongs is as much work as a megabyte of one large message.
 *
 * The rules hold for TLS as well: its sockets are read by libwebsockets (secure.c), but when it is told to from here.
 *
 * Before a socket is a plain one it may wait here for its PROXY header, and where TLS is spoken for its first byte: so
 * a connection that says nothing never costs more than its slot, and its end no more than a close(2).
 */
#include "server/io/transport.h"

#include <assert.h>
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/io/http.h"
#include "server/io/polling.h"
#include "server/io/proxy_protocol.h"
#include "server/io/ready.h"

enum {
    READ_SHIFT_MAX = 8,      /* READ_SIZE */
    READ_GROW_NS = 8 * 1000, /* a read that brought as much as it could, and cost less: the next one may bring more */
    READ_SHRINK_NS = 25 * 1000, /* and cost more: less */
    READ_OTHER = 4 * 1024,      /* where there are no frames: heads and bodies */
    READ_THROWN = 64 * 1024,    /* what is thrown away */
};

/* What a paused client sends lies in the socket until its time comes, also when it goes meanwhile: its end is told once,
 * or it would be told in each turn. */
static bool is_paused(const struct conn *c)
{
    return c->interest == 0 && ((c->state == CONN_OPEN && !c->left) || (c->state == CONN_ANSWER && c->held));
}

static void arm(struct io *io, struct conn *c, unsigned armed)
{
    if (is_paused(c))
        armed = POLLER_END;
    else if (c->rest)
        armed &= ~(unsigned)POLLER_READ;
    if (!c->polled || c->armed == armed)
        return;
    c->armed = armed & 15;
    poller_set(&io->poller, c->fd, c->id, armed);
}

/* What the poller has told of one in the ready queue need not be told again. */
void plain_interest(struct io *io, struct conn *c, unsigned interest)
{
    unsigned more = interest & ~(unsigned)c->interest;
    if (!c->polled)
        return;
    c->interest = interest & 3;
    arm(io, c, c->ready ? (c->armed | more) & interest : interest);
    if (c->rest && interest & POLLER_READ)
        ready_add(io, c);
}

void plain_wait(struct io *io, struct conn *c)
{
    c->bulk = true;
    if (c->framing == FRAMING_POLLING)
        transport_polling.read(io, c, c->interest & POLLER_READ);
    else
        plain_interest(io, c, c->interest);
}

bool plain_start(struct io *io, struct conn *c)
{
    assert(!c->polled);
    if (!poller_add(&io->poller, c->fd, c->id, POLLER_READ))
        return false;
    c->polled = true;
    c->armed = POLLER_READ;
    c->interest = POLLER_READ;
    return true;
}

void plain_stop(struct io *io, struct conn *c)
{
    if (c->polled)
        poller_remove(&io->poller, c->fd);
    c->polled = false;
}

static ssize_t write_socket(struct io *io, struct conn *c, struct span bytes)
{
    ssize_t n;
    do
        n = send(c->fd, bytes.p, bytes.n, MSG_DONTWAIT | MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    if (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != ENOBUFS && errno != ENOMEM)
        return -1;
    if (n < 0)
        n = 0;
    if ((size_t)n < bytes.n)
        plain_interest(io, c, c->interest | POLLER_WRITE);
    return n;
}

static bool is_out(struct io *io, struct conn *c)
{
    (void)io;
    (void)c;
    return true;
}

static void read_socket(struct io *io, struct conn *c, bool on)
{
    plain_interest(io, c, (c->interest & POLLER_WRITE) | (on ? POLLER_READ : 0u));
}

static void shut(struct io *io, struct conn *c)
{
    (void)io;
    shutdown(c->fd, SHUT_WR);
}

/* Without SO_LINGER the kernel would go on sending what a dead reader never reads. */
static void close_socket(struct io *io, struct conn *c)
{
    struct linger reset = {.l_onoff = 1, .l_linger = 0};
    if (c->queue && c->fd >= 0)
        setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    plain_stop(io, c);
    if (c->fd >= 0) /* else libwebsockets has closed it */
        close(c->fd);
    c->fd = -1;
}

const struct transport *transport_of(const struct conn *c)
{
    if (c->framing == FRAMING_POLLING)
        return &transport_polling;
    return c->wsi ? &transport_secure : &transport_plain;
}

/* ---- what came ---- */

static bool has_frames(const struct conn *c)
{
    return c->state == CONN_OPEN || c->state == CONN_CLOSING;
}

static size_t read_size(const struct conn *c)
{
    if (has_frames(c))
        return (size_t)READ_LEAST << c->read_shift;
    return c->state == CONN_LINGER ? READ_THROWN : READ_OTHER;
}

static void learn(struct conn *c, uint64_t took_ns)
{
    if (!c->rest && took_ns < READ_GROW_NS && c->read_shift < READ_SHIFT_MAX)
        c->read_shift++;
    else if ((c->rest || took_ns > READ_SHRINK_NS) && c->read_shift > 0)
        c->read_shift--;
}

/* It brought as much as a read may. */
static void take_full(struct io *io, struct conn *c, size_t n)
{
    uint64_t began = uv_hrtime();
    front_bytes(io, c, io->in, n);
    c->bulk = true;
    learn(c, uv_hrtime() - began);
}

static void receive_plain(struct io *io, struct conn *c)
{
    bool frames = has_frames(c);
    size_t size = read_size(c);
    ssize_t n = recv(c->fd, io->in, size, MSG_DONTWAIT);
    c->bulk = false;
    if (n > 0)
        turn_read(io);
    if (frames && (size_t)n == size)
        take_full(io, c, size);
    else if (n > 0)
        front_bytes(io, c, io->in, (size_t)n);
    else if (n == 0)
        front_end(io, c);
    else if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
        turn_kill(io, c);
}

const struct transport transport_plain = {.write = write_socket,
    .is_out = is_out,
    .again = ready_add,
    .receive = receive_plain,
    .read = read_socket,
    .shut = shut,
    .close = close_socket};

static void readable(struct io *io, struct conn *c)
{
    if (c->state == CONN_PROXY)
        proxy_wait_read(io, c);
    else if (c->state == CONN_TLS)
        secure_start(io, c);
    else
        transport_of(c)->receive(io, c);
}

/* A backlog shrinks. */
static void writeable(struct io *io, struct conn *c)
{
    plain_interest(io, c, c->interest & POLLER_READ);
    turn_writeable(io, c);
}

/* Messages of WebSockets go before all else; those that a whole room hears of are put off when they are known. */
static bool goes_first(const struct conn *c, unsigned happened)
{
    return c->state == CONN_OPEN && (happened & POLLER_WRITE || !c->bulk);
}

static void queue_event(struct io *io, struct conn *c, unsigned happened)
{
    if (c->ready)
        arm(io, c, c->armed & ~happened);
    ready_add(io, c);
}

static void receive_urgent(struct io *io, struct conn *c)
{
    io->urgent = true;
    transport_of(c)->receive(io, c);
    io->urgent = false;
}

/* Whether it goes on though its client's side has ended: what came before is still taken; of a POST, which is whole, all of it
 * before the answer. */
static bool outlives_its_end(struct io *io, struct conn *c, unsigned happened)
{
    bool is_post = c->state == CONN_ANSWER && c->http->method == HTTP_POST;
    return is_paused(c) && (is_post ? !(happened & POLLER_BROKEN) : turn_rest(io, c));
}

void plain_event(void *ctx, struct conn_id id, unsigned happened)
{
    struct io *io = ctx;
    struct conn *c = conn_find(&io->conns, id);
    unsigned wanted = c ? happened & c->interest : 0;
    if (!c || !c->polled)
        return;
    if (wanted & POLLER_WRITE && goes_first(c, POLLER_WRITE))
        writeable(io, c);
    else if (wanted & POLLER_WRITE)
        queue_event(io, c, POLLER_WRITE);
    if (c->doomed)
        return;
    if (wanted & POLLER_READ && goes_first(c, POLLER_READ))
        receive_urgent(io, c);
    else if (wanted & POLLER_READ)
        queue_event(io, c, POLLER_READ);
    else if (happened & (POLLER_BROKEN | POLLER_END) && !c->ready && !outlives_its_end(io, c, happened))
        turn_kill(io, c);
    turn_relieve(io);
}

void plain_serve(struct io *io, struct conn *c)
{
    if (c->upgrades) {
        probe_ends(io, c);
        return;
    }
    if (c->untold)
        ws_left(io, c);
    if (c->queue && c->state != CONN_OPEN)
        writeable(io, c);
    if (c->interest & POLLER_READ && !c->doomed && c->rest)
        front_rest(io, c);
    else if (c->interest & POLLER_READ && !c->doomed)
        readable(io, c);
    if (!c->doomed && !c->ready)
        arm(io, c, c->interest);
}
