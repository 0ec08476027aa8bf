/* SPDX-License-Identifier: MIT
 *
 * The first message on a channel, which proves who is at its other end.
 *   owns     nothing: what was proved stands in struct connection
 *   before   the channel is open, and both descriptions are known
 *   after    an introduction that holds was made by the person, for us, for this room and these two certificates
 */
#ifndef PEER_LINK_INTRODUCTION_H
#define PEER_LINK_INTRODUCTION_H

#include "peer/core/peer.h"
#include "protocol/envelope.h"

struct connection;

void introduction_send(struct peer *p, struct connection *a);
/* NULL if the introduction holds, else why not (static). Its signature was checked before. */
const char *introduction_check(struct peer *p, const struct connection *a, const struct envelope *e);

#endif
