/* SPDX-License-Identifier: MIT
 *
 * The wait for the PROXY header of a connection that was accepted by a listener marked `proxy`.
 */
#ifndef SERVER_IO_PROXY_PROTOCOL_H
#define SERVER_IO_PROXY_PROTOCOL_H

#include "server/io/listen_address.h"
#include "server/io/turn.h"

/* Has the connection wait for its header; listen_take follows. `at` is the listener's, borrowed for as long as the
 * connection waits. False when out of memory; nothing has changed then. */
bool proxy_wait_start(struct io *io, struct conn *c, const struct listen_address *at);
/* The socket can be read. */
void proxy_wait_read(struct io *io, struct conn *c);
/* Its time is over: says so. */
void proxy_wait_late(struct io *io, struct conn *c);

#endif
