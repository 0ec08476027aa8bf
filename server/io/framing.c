/* SPDX-License-Identifier: MIT */
#include "server/io/framing.h"

#include "server/io/transport.h"

_Static_assert(FRAMING_LISTENERS + FRAMINGS_MAX <= 1 << 3, "it fits into conn.framing");

const struct framing *framing_of(const struct io *io, const struct conn *c)
{
    static const struct framing *const OURS[FRAMING_LISTENERS] = {[FRAMING_WEBSOCKET] = &framing_websocket,
        [FRAMING_ENGINEIO] = &framing_engineio,
        [FRAMING_POLLING] = &framing_polling,
        [FRAMING_PROBE] = &framing_probe};
    return c->framing < FRAMING_LISTENERS ? OURS[c->framing] : io->framings[c->framing - FRAMING_LISTENERS];
}

void framing_open(struct io *io, struct conn *c, const struct dialect *dialect, const struct client_name *name)
{
    struct core_event e = io_event(io, CORE_READY, c);
    e.dialect = dialect;
    e.name = name;
    conn_unlimit(&io->conns, c);
    c->state = CONN_OPEN;
    c->partial = NULL;
    io_step(io, &e);
}

void framing_end(struct io *io, struct conn *c)
{
    if (c->doomed)
        return;
    c->end_sent = true;
    transport_of(c)->read(io, c, false);
    turn_write(io, c);
}

void framing_stop(struct io *io, struct conn *c)
{
    c->linger = true;
    framing_end(io, c);
}

void framing_sent(struct io *io, struct conn *c)
{
    if (c->end_sent && c->linger)
        turn_linger(io, c);
    else if (c->end_sent)
        turn_kill(io, c);
}
