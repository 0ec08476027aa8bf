/* SPDX-License-Identifier: MIT
 *
 * Who is behind a request: the socket's address, or the one that a trusted proxy names.
 */
#ifndef SERVER_IO_CLIENT_H
#define SERVER_IO_CLIENT_H

#include "server/io/request_head.h"
#include "server/io/turn.h"

/* Settles the connection's address from the head of its request, and has the core count it. False if the core refuses
 * it: c->refused says why. */
bool client_identify(struct io *io, struct conn *c, const struct request_head *h);
/* Nobody names its client: it counts as the socket's address; through a unix socket, which has none, as one that all such
 * have in common. */
void client_is_nobody(struct conn *c);
/* Whether it may read what is for this machine and for `allowed`. */
bool client_is_near(const struct conn *c, const struct cidr_list *allowed);

#endif
