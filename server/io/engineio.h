/* SPDX-License-Identifier: MIT
 *
 * The door of Engine.IO 4, which carries Socket.IO, and its packets over a WebSocket (framing_engineio). Sessions that poll
 * over HTTP are in polling.h.
 */
#ifndef SERVER_IO_ENGINEIO_H
#define SERVER_IO_ENGINEIO_H

#include "protocol/engineio.h"
#include "server/io/http.h"

/* Where socket.io-client knocks unless it is told another path. */
#define ENGINEIO_PATH "/socket.io/"

enum {
    ENGINEIO_SID_MAX = 64 /* bytes, with a NUL */
};

/* What its query asks for: nothing is wrong with it, and *session is the one that it names, or NULL: it wants a new one. That
 * session may have a WebSocket by now (framing_engineio) if `websocket`: the request is for one. */
enum engineio_error engineio_look(const struct http_request *r, bool websocket, struct conn **session);
/* Answers that it is refused. */
void engineio_refuse(struct http_request *r, enum engineio_error e);
/* Writes the name of a session that polls, or of one that never will (NULL); false if there are no random numbers. */
bool engineio_write_sid(const struct conn *session, char sid[ENGINEIO_SID_MAX]);
/* The open packet of a session. */
void engineio_write_session(struct buf *out, const struct io *io, const char *sid, bool upgradable);

/* Whether a request for a WebSocket may have one: its query is right, and names no session or one that may go on with it.
 * If not, it is answered. */
bool engineio_ask(struct http_request *r);
/* Its 101 is queued: what is spoken from now on. */
void engineio_enter(struct http_request *r, const struct dialect *dialect);

/* A text frame came over a WebSocket of framing_engineio. False if nothing more is to be read. */
bool engineio_text(struct io *io, struct conn *c, struct span text);
/* A pong came: the answer to *pinged, which is answered then. */
void engineio_pong(struct io *io, const struct conn *c, uint32_t *pinged);

#endif
