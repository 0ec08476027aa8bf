/* SPDX-License-Identifier: MIT
 *
 * Writing: whole frames, put together in the one scratch buffer, in one write. What the socket does not take stays in
 * the queue. Answers over HTTP share HTTP_A_TURN bytes of each turn: a large one costs its reader time, not others.
 *
 * A socket says that it takes more when a third of its buffer is free, which can be more than a slow reader takes in
 * ANSWER_MS. So whether he takes anything is asked of the kernel.
 */
#include <linux/sockios.h>
#include <sys/ioctl.h>

#include "server/io/framing.h"
#include "server/io/polling.h"
#include "server/io/transport.h"

static bool is_answer(const struct conn *c)
{
    return c->state == CONN_ANSWER;
}

/* Bytes that were written and that the client's machine does not have yet. */
static uint32_t look_at_socket(const struct conn *c)
{
    int n = 0;
    return ioctl(c->fd, SIOCOUTQ, &n) == 0 && n > 0 ? (uint32_t)n : 0;
}

bool flush_taken(struct conn *c)
{
    uint32_t before = c->untaken;
    c->untaken = look_at_socket(c);
    return c->untaken < before;
}

/* What may be written now, of `bytes`. */
static struct span allowed(const struct io *io, const struct conn *c, struct span bytes)
{
    size_t left = io->http_now < HTTP_A_TURN ? HTTP_A_TURN - io->http_now : 0;
    size_t most = left < OUT_BATCH ? left : OUT_BATCH;
    if (is_answer(c) && bytes.n > most)
        bytes.n = most;
    return bytes;
}

/* Whether there may be more to write. */
static bool write_some(struct io *io, struct conn *c, struct span bytes, bool *broken)
{
    const struct transport *transport = transport_of(c);
    struct span now = allowed(io, c, bytes);
    if (now.n == 0) {
        io->deferred = true;
        transport->again(io, c);
        return false;
    }
    ssize_t n = transport->write(io, c, now);
    *broken = n < 0;
    if (n <= 0)
        return false;
    queue_advance(&c->queue, (size_t)n);
    if (is_answer(c)) {
        io->http_now += (size_t)n;
        c->untaken = look_at_socket(c);
        turn_limit(io, c, LIMIT_ANSWER);
        if (c->queue)
            transport->again(io, c);
        return false;
    }
    return (size_t)n == now.n;
}

/* Who went in the midst may have said more before, its Close above all; that is read as if it were still there. */
static bool deafen(struct io *io, struct conn *c)
{
    if (!turn_rest(io, c))
        return false;
    c->deaf = true;
    queue_free(&c->queue);
    if (c->handed > 0) {
        c->handed = 0;
        transport_of(c)->read(io, c, c->reads);
    }
    return true;
}

bool flush(struct io *io, struct conn *c)
{
    bool broken = false;
    if (c->framing == FRAMING_POLLING)
        return polling_flush(io, c);
    while (c->queue && write_some(io, c, queue_next(c->queue, io->scratch, OUT_BATCH), &broken))
        continue;
    if (broken)
        return deafen(io, c);
    if (c->queue || (!c->deaf && !transport_of(c)->is_out(io, c)))
        return true;
    if (is_answer(c))
        http_sent(io, c);
    else if (c->state == CONN_CLOSING)
        framing_sent(io, c);
    return true;
}
