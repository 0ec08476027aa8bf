/* SPDX-License-Identifier: MIT
 *
 * Plain sockets. The poller tells when one can be read; it is read once, into the buffer that all share, and what it
 * still holds is told again in the next turn. A turn reads READS_A_TURN bytes at most: whoever sends much waits for
 * himself.
 *
 * Before a socket is a plain one it may wait here for its PROXY header, and where TLS is spoken for its first byte: so
 * a connection that says nothing never costs more than its slot, and its end no more than a close(2).
 */
#include "server/io/transport.h"

#include <assert.h>
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/io/proxy_protocol.h"

static void set_interest(struct io *io, struct conn *c, unsigned interest)
{
    if (!c->polled || c->interest == interest)
        return;
    c->interest = interest & 3;
    poller_set(&io->poller, c->fd, c->id, interest);
}

bool plain_start(struct io *io, struct conn *c)
{
    assert(!c->polled);
    if (!poller_add(&io->poller, c->fd, c->id, POLLER_READ))
        return false;
    c->polled = true;
    c->interest = POLLER_READ;
    return true;
}

static void again(struct io *io, struct conn *c)
{
    set_interest(io, c, c->interest | POLLER_WRITE);
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
        again(io, c);
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
    set_interest(io, c, (c->interest & POLLER_WRITE) | (on ? POLLER_READ : 0u));
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
    if (c->polled)
        poller_remove(&io->poller, c->fd);
    c->polled = false;
    if (c->fd >= 0) /* else libwebsockets has closed it */
        close(c->fd);
    c->fd = -1;
}

const struct transport transport_plain = {
    .write = write_socket, .is_out = is_out, .again = again, .read = read_socket, .shut = shut, .close = close_socket};

const struct transport *transport_of(const struct conn *c)
{
    return c->wsi ? &transport_secure : &transport_plain;
}

/* ---- what came ---- */

static void receive(struct io *io, struct conn *c)
{
    ssize_t n = recv(c->fd, io->in, READ_SIZE, MSG_DONTWAIT);
    if (n > 0) {
        turn_read(io, (size_t)n);
        front_bytes(io, c, io->in, (size_t)n);
    } else if (n == 0) {
        front_end(io, c);
    } else if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) {
        turn_kill(io, c);
    }
}

static void readable(struct io *io, struct conn *c)
{
    if (c->state == CONN_PROXY) {
        proxy_wait_read(io, c);
    } else if (c->state == CONN_TLS) {
        if (io->tls_now++ < TLS_A_TURN)
            secure_start(io, c);
    } else if (io->read_now < READS_A_TURN) {
        receive(io, c);
    } else {
        io->poller.more = true;
    }
}

void plain_event(void *ctx, struct conn_id id, unsigned happened)
{
    struct io *io = ctx;
    struct conn *c = conn_find(&io->conns, id);
    if (!c || !c->polled)
        return;
    if (happened & POLLER_READ && c->interest & POLLER_READ)
        readable(io, c);
    else if (happened & POLLER_BROKEN)
        turn_kill(io, c);
    if (happened & POLLER_WRITE && c->polled && !c->doomed) {
        set_interest(io, c, c->interest & POLLER_READ);
        turn_writeable(io, c);
    }
    turn_relieve(io);
}
