/* SPDX-License-Identifier: MIT */
#include "server/io/ready.h"

#include "server/io/transport.h"

void ready_add(struct io *io, struct conn *c)
{
    if (c->ready)
        return;
    c->ready = true;
    c->ready_next = CONN_NONE;
    c->ready_prev = io->ready_last;
    if (io->ready_last == CONN_NONE)
        io->ready_first = c->id.slot;
    else
        conn_at(&io->conns, io->ready_last)->ready_next = c->id.slot;
    io->ready_last = c->id.slot;
}

void ready_remove(struct io *io, struct conn *c)
{
    if (!c->ready)
        return;
    if (c->ready_prev == CONN_NONE)
        io->ready_first = c->ready_next;
    else
        conn_at(&io->conns, c->ready_prev)->ready_next = c->ready_next;
    if (c->ready_next == CONN_NONE)
        io->ready_last = c->ready_prev;
    else
        conn_at(&io->conns, c->ready_next)->ready_prev = c->ready_prev;
    c->ready = false;
}

enum {
    QUIET_SHARES = 10 /* when no message was relayed in this turn: more that a room hears of goes out in one write */
};

void ready_serve(struct io *io)
{
    bool quiet = core_stats(io->core)->relayed_total == io->relayed_before;
    uint64_t end = turn_share() + (quiet ? (QUIET_SHARES - 1) * SHARE_US * 1000 : 0);
    while (io->ready_first != CONN_NONE) {
        struct conn *c = conn_at(&io->conns, io->ready_first);
        ready_remove(io, c);
        plain_serve(io, c);
        turn_relieve(io); /* what a whole room hears of gathers: eight who join bring each member one write */
        if (turn_share_is_over(end))
            break;
    }
}
