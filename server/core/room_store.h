/* SPDX-License-Identifier: MIT */
#ifndef SERVER_CORE_ROOM_STORE_H
#define SERVER_CORE_ROOM_STORE_H

#include "server/core/state.h"

/* Notes how long its line will be; false when out of memory. */
bool room_store_measure(struct core *c, struct made *made);
/* A room made over HTTP, measured, is there; and is about to go. */
void room_store_comes(struct core *c, struct room *room);
void room_store_goes(struct core *c, const struct room *room);
/* Begins to write rooms.json when what it holds has changed and no writing is under way; at the end of each step. */
void room_store_settle(struct core *c);
/* Whether room_store_settle may have something to do: asked after each step, so without a call. */
static inline bool room_store_is_behind(const struct core *c)
{
    return c->room_store.changed != c->room_store.asked || c->room_store.failed;
}

/* io says whether the file is on the disk: begins to answer those who waited for it. */
void room_store_stored(struct core *c, bool stored);
/* io says that what is on the disk is there no more: all of it is written again. */
void room_store_lost(struct core *c);
/* Goes on with either. */
void room_store_tick(struct core *c);
/* When room_store_tick has something to do or the writing is to be tried again, or UINT64_MAX. */
uint64_t room_store_due(const struct core *c);

#endif
