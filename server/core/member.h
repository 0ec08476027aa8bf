/* SPDX-License-Identifier: MIT
 *
 * A member is what a room sees of a peer. It is made when its connection is welcomed, is in a room or in none, and
 * outlives the connection as long as a seat is kept for it (seat.c).
 */
#ifndef SERVER_CORE_MEMBER_H
#define SERVER_CORE_MEMBER_H

#include "server/core/state.h"

/* For the table of peer ids. */
uint32_t member_hash(const void *item);
/* Whether it has the form of a peer id that this node gives. */
static inline bool member_id_is_ours(const struct core *c, struct span peer_id)
{
    return peer_id.n == (size_t)c->prefix_n + ID_CHARS && memcmp(peer_id.p, c->prefix, c->prefix_n) == 0;
}
/* The one of this node with this peer id; NULL if there is none. */
struct member *member_find(const struct core *c, struct span peer_id);
/* One under an id of these ID_CHARS characters that nobody has, without a connection and in no room; or under a random
 * id. NULL when out of memory. */
struct member *member_new(struct core *c, const char *id);
struct member *member_new_random(struct core *c);
/* It is in no room. Takes NULL. */
void member_free(struct core *c, struct member *m);
/* It goes on with this connection, which has none; and loses the one that it has: in a room, it is away from now on. */
void member_connect(struct member *m, struct session *s);
void member_disconnect(struct member *m);
static inline bool member_is_away(const struct member *m)
{
    return m->place == PLACE_AWAY;
}
/* Where a list shows it so. */
static inline bool member_seems_away(const struct member *m)
{
    return m->place == PLACE_AWAY || m->away_there;
}
/* It is another node's. */
static inline bool member_is_remote(const struct member *m)
{
    return m->place == PLACE_NODE;
}
/* Its connection is here. */
static inline bool member_is_here(const struct member *m)
{
    return m->place == PLACE_SESSION;
}
/* Keeps a copy of what it says of itself, while it says nothing; false when out of memory. */
bool member_introduce(struct member *m, const struct introduction *i);
/* The same of one that came from another node, where it had this id. */
bool member_introduce_moved(struct member *m, const struct introduction *i, struct span previous);
void member_forget_introduction(struct member *m);
/* The id that it had on another node; n = 0: it had none. */
struct span member_previous(const struct member *m);
/* What it says of itself. */
struct introduction member_introduction(const struct member *m);

#endif
