/* SPDX-License-Identifier: MIT */
#ifndef SERVER_CORE_ROOM_H
#define SERVER_CORE_ROOM_H

#include "protocol/reply.h"
#include "server/core/state.h"

/* NULL if there is none. */
struct room *room_find(const struct core *c, struct span id);
/* An empty room under an id that is free; room_enter must follow. NULL when out of memory. */
struct room *room_new(struct core *c, struct span id, uint64_t incarnation);
void room_enter(struct core *c, struct room *room, struct session *s);
/* The session leaves its room and the others are told why; the last one takes the room along. */
void room_leave(struct core *c, struct session *s, enum departure why);

#endif
