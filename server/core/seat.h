/* SPDX-License-Identifier: MIT */
#ifndef SERVER_CORE_SEAT_H
#define SERVER_CORE_SEAT_H

#include "server/core/state.h"

/* Whether seats are kept at all. */
bool seat_kept(const struct core *c);
/* The connection of a session that is in a room is lost: its seat is kept, if seats are, and the room is told.
 * Returns the session that has the connection from now on: another one, in SESSION_CLOSING, if the seat was kept. */
struct session *seat_break(struct core *c, struct session *s, enum departure why);
/* A frame for a seat that is away: kept if there is room for it. Takes the frame. */
void seat_hold(struct core *c, struct session *away, struct frame *frame);
/* Whether all that was ever relayed to it has arrived for certain or is held. */
bool seat_is_whole(const struct session *s);
/* Whether it was taken over from a connection that looked alive so often lately that its present one keeps it for *wait_ms
 * more. */
bool seat_is_fought_over(const struct core *c, const struct session *seat, uint64_t *wait_ms);
/* The seat goes on with the connection of `s`, a session that is in no room and is not to be used after it. The
 * connection that the seat had, if any, is closed. Takes the frame `resumed`; what was held follows it. */
void seat_take(struct core *c, struct session *seat, struct session *s, struct frame *resumed);
/* Tells the others in its room that it is back. */
void seat_tell_back(struct core *c, const struct session *s);
/* The time of grace is over: its peer has left. */
void seat_expire(struct core *c, struct session *away);
/* Frees a seat that is away, without a word. What was held for it goes a batch at a time: with seat_tick. */
void seat_free(struct core *c, struct session *away);
/* The same for when the whole table of names goes: the name stays in it. */
void seat_drop(struct core *c, struct session *away);
void seat_tick(struct core *c);
/* When seat_tick has something to do, or UINT64_MAX. */
uint64_t seat_due(const struct core *c);
/* Frees what seat_free left. */
void seat_done(struct core *c);

#endif
