/* SPDX-License-Identifier: MIT */
#ifndef SERVER_CORE_SEAT_H
#define SERVER_CORE_SEAT_H

#include "server/core/state.h"

/* Whether seats are kept at all. */
bool seat_kept(const struct core *c);
/* The connection of a member that is in a room is lost: it is away from now on and without a session if seats are kept,
 * else it has left; the room is told. */
void seat_break(struct core *c, struct member *m, enum departure why);
/* A frame for a member that is away: kept if there is room for it, within the share of the sender's address; else it is
 * lost, which the log says and the member hears when it comes back. `from`: NULL if the sender is on another node. Takes the frame. */
void seat_hold(struct core *c, struct member *away, const struct session *from, struct frame *frame);
/* Whether all that was ever relayed to it has arrived for certain or is held. */
bool seat_is_whole(const struct member *m);
/* Whether it was taken over from a connection that looked alive so often lately that its present one keeps it for *wait_ms
 * more. */
bool seat_is_fought_over(const struct core *c, const struct member *m, uint64_t *wait_ms);
/* The member goes on with the connection `s`, which is in no room: the member that `s` had is freed. The connection that
 * it had itself, if any, is closed. Takes the frame `resumed`; what was held follows it. */
void seat_take(struct core *c, struct member *m, struct session *s, struct frame *resumed);
/* Tells the others in its room, and webhooks, that it is back; anew: its seat was made anew, and no list that they have shows it. */
void seat_tell_back(struct core *c, const struct member *m, bool anew);
/* It will not come back: it has left. What was held for it goes a batch at a time: with seat_tick. */
void seat_expire(struct core *c, struct member *away);
/* It went on on another node, and what was held for it with it. */
void seat_move_out(struct core *c, struct member *away);
/* Frees a member without a session, without a word, for when all members and rooms go. */
void seat_drop(struct core *c, struct member *m);
/* Ends what was away for too long, and frees what is held for nobody. */
void seat_tick(struct core *c);
/* When seat_tick has something to do, or UINT64_MAX. */
uint64_t seat_due(const struct core *c);
/* Frees what seat_tick would. */
void seat_done(struct core *c);

#endif
