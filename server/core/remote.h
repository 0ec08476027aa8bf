/* SPDX-License-Identifier: MIT
 *
 * Members of our rooms that are other nodes': a room sees them as any other, but they have neither session nor seat here
 * (PLACE_NODE), and what is said to them goes to their node.
 */
#ifndef SERVER_CORE_REMOTE_H
#define SERVER_CORE_REMOTE_H

#include "protocol/bus.h"
#include "server/core/state.h"

/* The one with this peer id; NULL if there is none. */
struct member *remote_find(const struct core *c, struct span peer_id);
/* "<node>.<random>" in `space`, as a span. */
struct span remote_id(const struct member *m, char space[PEER_ID_MAX]);
/* Whether that is the form of a peer id, which *node is the node of. */
bool remote_parse(struct span peer_id, struct span *node);
/* It is in the room from now on, and nobody is told. NULL when out of memory, or if its dialect is none of ours. */
struct member *remote_enter(struct core *c, struct room *room, struct span peer_id, const struct bus_entry *e);
/* What it says of itself has changed; false when out of memory. */
bool remote_changes(struct member *m, const struct bus_entry *e);
/* It is in no room any more, and freed; nobody is told. The last one takes the room along. */
void remote_leave(struct core *c, struct member *m);
/* What a client says to it goes to its node. */
struct asked;
void remote_relay(struct core *c, struct session *s, const struct asked *r);

#endif
