/* SPDX-License-Identifier: MIT
 *
 * The wait for the PROXY header of a connection that was accepted by a listener marked `proxy`.
 */
#ifndef SERVER_IO_GREET_H
#define SERVER_IO_GREET_H

#include "server/io/listen_address.h"
#include "server/io/turn.h"

/* Waits for the header, then goes on with listen_take. `at` is the listener's, borrowed until the connection was greeted
 * or ended. False when out of memory; nothing has changed then. */
bool greet(struct io *io, struct conn *c, const struct listen_address *at);
/* Kills those whose time is up. */
void greet_late(struct io *io, uint64_t now);
/* Ends a connection that still waits: closes its socket, tells the core, gives the slot back. */
void greet_end(struct io *io, struct conn *c);
void greet_end_all(struct io *io);

#endif
