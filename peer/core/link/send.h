/* SPDX-License-Identifier: MIT
 *
 * What is sent once and kept by nobody.
 *   owns     nothing, and so nothing of it is sent again from here
 *   before   the reader has a key: plain peers get none of it
 *   after    it is on the link, or goes through others, or is lost: docs/messaging.md ("A link that is full") says what brings
 *            it again. Who adds a caller adds a line there
 */
#ifndef PEER_LINK_SEND_H
#define PEER_LINK_SEND_H

#include "peer/core/peer.h"
#include "protocol/envelope.h"

struct person;

/* Over the link; nothing if that cannot take it. */
void send_to(struct peer *p, struct person *who, struct envelope *e);
/* Sealed and through others in any case. False if nobody leads there. */
bool send_relayed(struct peer *p, struct person *who, struct envelope *e);
/* Over the link, or else through others. False if neither is there. */
bool send_through(struct peer *p, struct person *who, struct envelope *e);
/* Whether send_through can say anything now. */
bool send_can(const struct peer *p, const struct person *who);
/* A ping with that number, or the pong to one. */
void send_heartbeat(struct peer *p, struct person *who, bool pong, uint64_t number);

#endif
