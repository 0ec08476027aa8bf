/* SPDX-License-Identifier: MIT
 *
 * The door of Engine.IO 4, which carries Socket.IO, and its packets over a WebSocket (framing_engineio).
 */
#ifndef SERVER_IO_ENGINEIO_H
#define SERVER_IO_ENGINEIO_H

#include "server/io/http.h"

/* Where socket.io-client knocks unless it is told another path. */
#define ENGINEIO_PATH "/socket.io/"

/* Whether a request for a WebSocket may have one: its query is right, and names no session or one that may go on with it.
 * If not, it is answered. */
bool engineio_ask(struct http_request *r);
/* Its 101 is queued: what is spoken from now on. */
void engineio_enter(struct http_request *r, const struct dialect *dialect);

/* A text frame came over a WebSocket of framing_engineio. False if nothing more is to be read. */
bool engineio_text(struct io *io, struct conn *c, struct span text);

#endif
