/* SPDX-License-Identifier: MIT
 *
 * Sessions of Engine.IO that have no socket: their client asks for what is queued (GET, a poll, which is answered when there
 * is something) and brings what it says (POST), each over a connection of its own. To the core a session is a connection
 * as any; here it is one without a descriptor, of framing_polling:
 *
 *     handshake ─► CONN_OPEN ─► polls take its queue, POSTs are read like bytes of a socket ─► CONN_CLOSING ─► gone
 *                      └─► a WebSocket with its sid probes it, and becomes its socket: framing_engineio
 *
 * A sid names slot and generation, so no table is needed, and holds 128 random bits.
 */
#ifndef SERVER_IO_POLLING_H
#define SERVER_IO_POLLING_H

#include "protocol/engineio.h"
#include "server/io/http.h"

enum {
    POLL_SECRET_BYTES = 16,
    POLL_ANSWER_MAX = 256 * 1024 /* bytes that one poll is answered with, unless a lone packet is longer */
};

/* Owned by its conn. The requests are those that wait: a generation of 0, or one that is gone, is none. */
struct polling {
    unsigned char secret[POLL_SECRET_BYTES];
    struct conn_id poll, post; /* the requests */
    struct conn_id probe;      /* the WebSocket that may take its place */
    uint32_t pinged;           /* the number of the ping that is not answered; 0: none */
    bool probed;               /* by that WebSocket: polls do not wait any more */
};

/* ---- over HTTP (polling_http.c) ---- */

/* The route at this path; NULL if it is none of Engine.IO's, or that is switched off. */
const struct route *polling_route(const struct io_settings *s, const char *path);
/* Whether the request is part of a session: then it is served, although its connection found no place. */
bool polling_admits(struct http_request *r);

/* ---- the session (polling.c) ---- */

/* For the client of this request. NULL: it may have none, and *refused says why, one of the error table's codes. */
struct conn *polling_open(struct http_request *r, const char **refused);
/* Answers the handshake with the open packet, then the core hears of the session. */
void polling_begin(struct http_request *r, struct conn *s, const struct dialect *dialect);
/* The poll and the POST that wait; NULL: none does. */
struct conn *polling_poll(const struct io *io, const struct conn *s);
struct conn *polling_post(const struct io *io, const struct conn *s);
/* Answers one that waits. */
void polling_answer(struct conn *c, struct span text);
/* The POST that waits, if any, is answered: ENGINEIO_FINE says that all of it was taken. */
void polling_posted(struct io *io, struct conn *s, enum engineio_error e);
/* Puts a packet of one letter behind what waits. */
void polling_say(struct io *io, struct conn *s, const char *packet);
/* The client broke the protocol: the session ends at once. The sentence is static, of at most CLOSE_REASON_MAX bytes. */
void polling_violates(struct io *io, struct conn *s, const char *problem);
/* Answers the poll that waits, if something is queued; false if memory ran out. */
bool polling_flush(struct io *io, struct conn *s);
/* A connection ends: if it was a request of a session, and not answered whole, that ends too. */
void polling_request_gone(struct io *io, struct conn *c);

/* ---- the WebSocket that it may go on with (probe.c) ---- */

/* Whether one is under way. */
bool probe_is_there(const struct io *io, const struct conn *s);
/* The 101 of that WebSocket is queued. */
void probe_begin(struct io *io, struct conn *c, struct conn *s);
/* It is told to close before anything: its session has a WebSocket, or another probes it. */
void probe_refuse(struct io *io, struct conn *c);
/* A text frame came over it (text.p = NULL: another one). False if nothing more is to be read. */
bool probe_text(struct io *io, struct conn *c, struct span text);
/* From the ready queue: its session goes on with its socket. */
void probe_ends(struct io *io, struct conn *c);
/* The session ends without it. */
void probe_drop(struct io *io, const struct conn *s);

#endif
