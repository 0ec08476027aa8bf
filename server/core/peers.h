/* SPDX-License-Identifier: MIT
 *
 * The frames that show somebody its stay in a room: which room, who one is, the token to come back with, and who else
 * is there. A new token is a new generation; the one before it is good until this one is used.
 */
#ifndef SERVER_CORE_PEERS_H
#define SERVER_CORE_PEERS_H

#include "server/core/state.h"

struct stay {
    const struct member *self;
    const struct room *room; /* NULL: it will be made, and self alone be in it */
    struct span room_id;
    uint64_t incarnation;
    uint32_t generation; /* of the token */
    uint64_t expires;
    struct span ref;
};

/* Each NULL when out of memory. Both are as long as the room is full: max_room_members bounds them, and without that
 * limit an operator has chosen that a join costs what thousands of members cost. */
struct frame *peers_joined(struct core *c, const struct stay *p);
struct frame *peers_resumed(struct core *c, const struct stay *p, bool restarted, bool recovered);

#endif
