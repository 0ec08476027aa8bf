/* SPDX-License-Identifier: MIT
 *
 * Where the clients of PeerJS knock: at any path that ends in /peerjs, for the WebSocket, and beside it over HTTP at
 * KEY/id, for a name, and KEY/peers, for those of the others. Paths of ours are never theirs: those of the table of routes,
 * and over HTTP, where the web client is served, the pages of rooms, one of which may be called peerjs.
 */
#ifndef SERVER_IO_PEERJS_H
#define SERVER_IO_PEERJS_H

#include "server/io/http.h"

/* Whether the path is that of their WebSocket. */
bool peerjs_is_door(const struct io_settings *s, const char *path);
/* The route that the path is for; NULL if it is none of theirs. */
const struct route *peerjs_route(const struct io_settings *s, const char *path);

/* The name that a request for the WebSocket chose. */
struct peerjs_name {
    struct client_name name; /* spans into the buffers */
    struct buf key, id, secret;
};
void peerjs_name_read(struct peerjs_name *n, const struct io_settings *s, const struct request_head *h);
void peerjs_name_done(struct peerjs_name *n);

#endif
