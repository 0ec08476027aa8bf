/* SPDX-License-Identifier: MIT
 *
 * How a connection's bytes travel: over a plain socket (plain.c), or through libwebsockets, which speaks TLS (secure.c).
 * Both hand what came to front_bytes and front_end; above this face nobody knows the difference.
 */
#ifndef SERVER_IO_TRANSPORT_H
#define SERVER_IO_TRANSPORT_H

#include "server/io/turn.h"

struct transport {
    /* Writes; returns how many bytes were taken, -1 if the socket is broken. Fewer than all: the connection's queue is
     * flushed again when more can be taken. */
    ssize_t (*write)(struct io *io, struct conn *c, struct span bytes);
    /* Whether the socket has all that was written. If not, the connection's queue is flushed again when it has. */
    bool (*is_out)(struct io *io, struct conn *c);
    /* Has the queue flushed again when the socket can take more, although it took all so far. */
    void (*again)(struct io *io, struct conn *c);
    /* Reads the socket once, and hands over what came. */
    void (*receive)(struct io *io, struct conn *c);
    /* Whether what comes is read. */
    void (*read)(struct io *io, struct conn *c, bool on);
    /* Our side of the connection ends; the client's may go on. */
    void (*shut)(struct io *io, struct conn *c);
    /* Closes the socket at once. */
    void (*close)(struct io *io, struct conn *c);
};

const struct transport *transport_of(const struct conn *c);

/* ---- plain.c ---- */

extern const struct transport transport_plain;
/* The poller waits for the socket from now on. False when the kernel has no memory; the socket is still the caller's. */
bool plain_start(struct io *io, struct conn *c);
/* It waits no more; nothing if it did not. */
void plain_stop(struct io *io, struct conn *c);
/* What the poller calls. */
void plain_event(void *ctx, struct conn_id id, unsigned happened);
/* What the poller tells of the connection's socket: POLLER_READ, POLLER_WRITE. */
void plain_interest(struct io *io, struct conn *c, unsigned interest);
/* Frames that were read wait (c->rest): nothing is read before they had their turn. */
void plain_wait(struct io *io, struct conn *c);
/* Does what it was in the ready queue for: reads its socket once, writes what waits. */
void plain_serve(struct io *io, struct conn *c);

/* ---- polling.c: of a session that has no socket ---- */

extern const struct transport transport_polling;

/* ---- secure.c ---- */

extern const struct transport transport_secure;
/* libwebsockets for TLS, with the certificate in io->tls. False with the sentence in e. */
bool secure_open(struct io *io, const char *certificate, const char *key, struct err *e);
/* Ends it and runs the loop until nothing is left on that: for when its connections and all our handles are closed.
 * Takes one that was not opened. */
void secure_close(struct io *io);
/* What libwebsockets has of one connection is the other's from now on; nothing if it has nothing. */
void secure_move(struct conn *from, struct conn *to);
/* The first bytes of a TLS connection lie in its socket: libwebsockets takes it over. */
void secure_start(struct io *io, struct conn *c);

#endif
