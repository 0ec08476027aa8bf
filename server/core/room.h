/* SPDX-License-Identifier: MIT */
#ifndef SERVER_CORE_ROOM_H
#define SERVER_CORE_ROOM_H

#include "protocol/reply.h"
#include "server/core/state.h"

static inline struct span room_id_of(const struct room *room)
{
    return (struct span){room->id, room->id_n};
}
/* For the table of room ids. */
uint32_t room_hash(const void *item);
/* NULL if there is none. */
struct room *room_find(const struct core *c, struct span id);
/* An empty room under an id that is free; room_enter must follow. NULL when out of memory. */
struct room *room_new(struct core *c, struct span id, uint64_t incarnation, bool made_elsewhere);
/* An empty room with these terms, copied, under their id, which is free. NULL when out of memory. */
struct room *room_restore(struct core *c, const struct room_terms *t);
/* It goes on on another node, which tells the others, and webhooks. The room may be freed. */
void room_move_out(struct core *c, struct member *m);
/* Members are told room-closed and are out of it; the room is gone. */
void room_close(struct core *c, struct room *room);
/* Whether there are as many rooms as there may be. */
bool room_all_are_there(const struct core *c);
/* The terms of one that was made over HTTP, here or on another node; NULL: join-room made it. */
const struct room_terms *room_terms(const struct room *room);
/* How many members it takes; 0: any number. */
uint32_t room_capacity(const struct core *c, const struct room *room);
/* Whether one more may come into the room (NULL: into one that would be made), passwords aside; else the error, and its
 * sentence or NULL in *problem. */
enum error room_admits(const struct core *c, const struct room *room, const char **problem);
/* Frees empty rooms whose time is over, and when that is next. */
void room_tick(struct core *c);
uint64_t room_due(const struct core *c);
/* A member of another node's is in it, and is not any more; the last one takes the room along. Nobody is told. */
void room_link(struct core *c, struct room *room, struct member *m);
void room_unlink(struct core *c, struct member *m);
/* Nobody came into it after all. */
void room_abandon(struct core *c, struct room *room);
/* It is in no room. Nobody is told. */
void room_enter(struct core *c, struct room *room, struct member *m);
/* It leaves its room and the others are told why; the last one takes the room along. */
void room_leave(struct core *c, struct member *m, enum departure why);

#endif
