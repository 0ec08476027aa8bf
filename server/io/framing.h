/* SPDX-License-Identifier: MIT
 *
 * How a connection's messages lie in its bytes, and how it asks and ends between them. A WebSocket has frames (ws.c);
 * who speaks another transport adds a face like this. What the messages say is a dialect's: protocol/dialect.h.
 */
#ifndef SERVER_IO_FRAMING_H
#define SERVER_IO_FRAMING_H

#include "server/io/turn.h"

struct framing {
    /* Of a listener that has this framing from the first byte: what is spoken there. NULL: an HTTP request says. */
    const struct dialect *dialect;
    /* Bytes came, to be changed at will; so many of them were used: of FRAMES_AT_ONCE messages at most, and of none while
     * the client is not heard. The rest comes again. */
    size_t (*bytes)(struct io *io, struct conn *c, unsigned char *bytes, size_t n);
    /* Asks whether the client is there; the answer becomes CORE_PONG. NULL: the dialect asks. */
    void (*ping)(struct io *io, struct conn *c, uint32_t number);
    /* Says farewell behind what is queued, and closes the connection with it (code 0: as the client's own did). */
    void (*close)(struct io *io, struct conn *c, uint16_t code, const char *reason);
};

extern const struct framing framing_websocket, framing_engineio, framing_polling, framing_probe;
const struct framing *framing_of(const struct io *io, const struct conn *c);
/* The connection speaks it from now on: the core hears that it is ready, and which name it chose (NULL: none). */
void framing_open(struct io *io, struct conn *c, const struct dialect *dialect, const struct client_name *name);
/* Listens on a socket that listens already, as io_listen_passed, for clients of this framing. */
bool framing_listen(struct io *io, int fd, const struct framing *framing, struct err *e);
/* A client that was told to close goes on sending: nothing of that is looked at any more. */
void framing_stop(struct io *io, struct conn *c);
/* All that was queued is out: an end that waits for that comes. */
void framing_sent(struct io *io, struct conn *c);

/* ---- for the framings ---- */

/* A message came. */
static inline void framing_text(struct io *io, const struct conn *c, struct span bytes)
{
    struct core_event e = io_event(io, CORE_FRAME, c);
    e.bytes = bytes;
    e.urgent = io->urgent;
    io_step(io, &e);
}

/* Not paused, by the core or for its transport. */
static inline bool framing_is_heard(const struct conn *c)
{
    return c->interest & POLLER_READ;
}

/* Whether it is in a room. Not asked while what comes and goes is put off: it cannot change then. */
static inline bool framing_is_member(const struct io *io, const struct conn *c)
{
    return !io->urgent && core_is_member(io->core, c->id);
}

/* A sign of life came, that counts as a message does. */
static inline void framing_control(struct io *io, const struct conn *c)
{
    struct core_event e = io_event(io, CORE_CONTROL, c);
    io_step(io, &e);
}

/* Nothing more is taken from the client: the socket closes when the queue is empty. */
void framing_end(struct io *io, struct conn *c);

/* ---- what a WebSocket's frames are, whatever their messages are (ws.c) ---- */

size_t ws_bytes(struct io *io, struct conn *c, unsigned char *bytes, size_t n);
void ws_close(struct io *io, struct conn *c, uint16_t code, const char *reason);
/* The client says farewell, with that code: in a Close frame, or in another way. Nothing more is to be read. */
void ws_leaves(struct io *io, struct conn *c, uint16_t code);
/* It broke the protocol, and is closed with this code and sentence (of at most CLOSE_REASON_MAX bytes, static). */
void ws_violates(struct io *io, struct conn *c, uint16_t code, const char *problem);

#endif
