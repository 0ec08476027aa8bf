/* SPDX-License-Identifier: MIT
 *
 * A room that members on several nodes are in. What is true of a member is its own node's to say: that one keeps an entry of
 * it on the bus, and hears nothing of it from others but that it moved. So each node says what becomes of its own, and
 * takes over what is announced of all others.
 *
 * What we know of a room has a version, and each announcement the next one. One that is not the next, or of another life of the
 * room, or that came while we were away, makes the room stale: it is brought in line by a BUS_SYNC, which registers those of
 * ours that are not there, and tells all that are. Nothing is kept of announcements that come meanwhile but the version: it
 * tells whether the list was new enough.
 */
#ifndef SERVER_CORE_SHARED_H
#define SERVER_CORE_SHARED_H

#include "protocol/bus.h"
#include "server/core/state.h"

/* The room, which is no cluster's so far, may be shared from now on; nothing where there is no cluster. False when out of
 * memory. And it is freed. */
bool shared_begin(struct core *c, struct room *room);
void shared_end(struct core *c, struct room *room);
/* The same when all is freed. Takes NULL. */
void shared_free(struct shared *sh);
/* The terms of a room made over HTTP on another node; NULL: it is none. */
const struct room_terms *shared_terms(const struct shared *sh);

/* ---- what becomes of ours ---- */

/* It is about to leave its room. */
void shared_leaves(struct core *c, const struct member *m, enum departure why);
/* One left: if none of ours is there any more, those of others are nobody's here. The room may be freed. */
void shared_thins(struct core *c, struct room *room);
/* It is away, or back, or has another generation. */
void shared_marks(struct core *c, const struct member *m);
/* Nobody is in it any more, though it stays for a while: what is announced of it is nothing to us. */
void shared_rests(struct core *c, struct room *room);
/* The room made here is about to be closed; only_empty: if nobody on another node is in it. */
void shared_closes(struct core *c, struct room *room, bool only_empty);

/* ---- what others say ---- */

void shared_announced(struct core *c, const struct bus_announce *a);
/* The room is to be brought in line. */
void shared_stale(struct core *c, struct shared *sh);
void shared_all_stale(struct core *c);
/* A list of the room as it is on the bus, which is taken over if it is newer than what we know. Members of other nodes that are
 * new to us are told to ours, and those gone. */
void shared_learn(struct core *c, struct room *room, const struct core_bus_answer *a);
/* Whether the room was made by whom this answers. */
bool shared_is_first(const struct core_bus_answer *a);
/* The same of the answer to somebody who is about to be in it. */
void shared_learn_for(struct core *c, struct room *room, const struct pending *e, const struct core_bus_answer *a);
/* The client of a member of ours is on the bus under this id now: what was held for it follows, its connection ends. The room may
 * be freed. */
void shared_goes_on(struct core *c, struct member *m, struct span to);
/* Sends out what is to be brought in line, a batch at a time; and whether there is something. */
void shared_tick(struct core *c);
bool shared_is_due(const struct core *c);
/* Whether this is the answer to a BUS_SYNC. */
bool shared_synced(struct core *c, const struct core_bus_answer *a);
/* No answer comes any more. */
void shared_forget_jobs(struct core *c);

/* ---- for joins ---- */

/* What a member of ours is, as it is kept. */
void shared_entry(const struct core *c, const struct member *m, bool away, struct buf *out);
/* The terms of a room as this node knows them. */
void shared_write_terms(const struct core *c, const struct room *room, struct buf *out);
/* A seat of ours is no more. */
void shared_take_off(struct core *c, struct span room, struct span peer, enum departure why);
/* The terms of a room that join-room makes. */
void shared_new_terms(const struct core *c, uint64_t incarnation, struct buf *out);
/* Those who hear of a member that came from another id: in its room, but for itself. */
void shared_tell_moved(struct core *c, const struct member *m, struct span previous, bool was_here);

#endif
