/* SPDX-License-Identifier: MIT */
#ifndef SERVER_CORE_ADDRESS_LIMITS_H
#define SERVER_CORE_ADDRESS_LIMITS_H

#include "server/core/state.h"

/* For the table of addresses. */
uint32_t address_limits_hash(const void *state);
/* Whether one more connection may come from the address. ERROR_NONE: it is counted from now on, and *state is where
 * (NULL: nowhere); give it back with address_limits_leave. */
enum error address_limits_admit(struct core *c, const struct address *address, struct address_state **state);
/* Likewise, of a connection that is counted among all already, by the limits of the address only. */
enum error address_limits_admit_named(struct core *c, const struct address *address, struct address_state **state);
/* The connection is gone. Takes NULL. */
void address_limits_leave(struct core *c, struct address_state *o);
/* The connection is none of its own, and does not count any more: neither among those that there are, nor for how fast they
 * come. Takes NULL. */
void address_limits_give_back(struct core *c, struct address_state *o);
/* A room was made from the address of a connection that there is, and is gone. Each takes NULL. */
void address_limits_room_made(struct address_state *o);
void address_limits_room_gone(struct core *c, struct address_state *o);
/* Likewise a topic. */
void address_limits_topic_made(struct address_state *o);
void address_limits_topic_gone(struct core *c, struct address_state *o);
/* A letter of so many bytes may be kept that is sent from the address, and is; and is kept no more. Each takes NULL. */
bool address_limits_letter_kept(struct address_state *o, uint32_t bytes);
void address_limits_letter_gone(struct core *c, struct address_state *o, uint32_t bytes);
/* A frame of so many bytes, sent from the address, may be held for a member that is away, and is; and is freed. Each takes
 * NULL. */
bool address_limits_frame_held(struct address_state *o, uint32_t bytes);
void address_limits_frame_gone(struct core *c, struct address_state *o, uint32_t bytes);
/* Whether the address may join or make one more room now, which is counted; else *wait_ms says when. Takes NULL. */
bool address_limits_join(struct core *c, struct address_state *o, uint64_t *wait_ms);
/* Forgets addresses that nothing is left to remember of. */
void address_limits_tick(struct core *c);
/* When address_limits_tick has something to do, or UINT64_MAX. */
uint64_t address_limits_due(const struct core *c);
void address_limits_free(struct core *c);

#endif
