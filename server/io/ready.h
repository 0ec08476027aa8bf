/* SPDX-License-Identifier: MIT
 *
 * The ready queue: connections that have something to be done and are no WebSocket that talks at a moderate pace. Heads
 * of requests, beginnings of TLS, answers over HTTP, WebSockets that send more than a read takes or a look. Messages go
 * before: they are handled as the poller brings them, while this queue has a share of each turn, SHARE_US, and goes
 * round. So a crowd at the door, or a flood, costs a message one share, however large it is. In a turn that relayed no
 * message the share is QUIET_SHARES long, so that what a room hears of many who come gathers into few writes: 8,100 joins
 * a second into rooms of 64 instead of 4,600.
 */
#ifndef SERVER_IO_READY_H
#define SERVER_IO_READY_H

#include "server/io/turn.h"

/* Puts the connection at the end of the queue, unless it is in it. */
void ready_add(struct io *io, struct conn *c);
/* Takes it out. Takes one that is in no queue. */
void ready_remove(struct io *io, struct conn *c);
/* Has the first of them served (plain_serve), and the next, until the share of this turn is over; at least one. */
void ready_serve(struct io *io);

#endif
