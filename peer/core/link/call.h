/* SPDX-License-Identifier: MIT
 *
 * Our half of what the two ends of a connection say about it.
 *   owns     nothing: what is said of a connection stands in struct connection
 *   before   the connection is the current one of its person's link, or its rival
 *   after    what is said goes to the daemon, or sealed through others; `unsure` if it may not have arrived
 */
#ifndef PEER_LINK_CALL_H
#define PEER_LINK_CALL_H

#include "peer/core/peer.h"

struct person;
struct connection;
struct roster_entry;

/* A new connection with an offer of ours; NULL as connection_new. */
struct connection *call_begin(struct peer *p, struct person *who, const struct roster_entry *entry);
/* Restarts ICE on it. */
void call_restart(struct peer *p, struct connection *a);
/* io's description is to be sent. False: it cannot be read, and the connection is of no use. */
bool call_describe(struct peer *p, struct connection *a, struct span type, struct span sdp);
/* io's candidate; n = 0 at the end. */
void call_candidate(struct peer *p, struct connection *a, struct span candidate);

#endif
