/* SPDX-License-Identifier: MIT */
#ifndef SERVER_CORE_ADMIT_H
#define SERVER_CORE_ADMIT_H

#include "server/core/state.h"

/* For the table of addresses. */
uint32_t admit_hash(const void *origin);
/* Whether one more connection may come from the address. ERROR_NONE: it is counted from now on, and *origin is where
 * (NULL: nowhere); give it back with admit_leave. */
enum error admit(struct core *c, const struct address *address, struct origin **origin);
/* Likewise, of a connection that is counted among all already, by the limits of the address only. */
enum error admit_address(struct core *c, const struct address *address, struct origin **origin);
/* The connection is gone. Takes NULL. */
void admit_leave(struct core *c, struct origin *o);
/* A room was made from the address of a connection that there is, and is gone. Each takes NULL. */
void admit_keep_room(struct origin *o);
void admit_lose_room(struct core *c, struct origin *o);
/* Whether the address may join or make one more room now, which is counted; else *wait_ms says when. Takes NULL. */
bool admit_join(struct core *c, struct origin *o, uint64_t *wait_ms);
/* Forgets addresses that nothing is left to remember of. */
void admit_tick(struct core *c);
/* When admit_tick has something to do, or UINT64_MAX. */
uint64_t admit_due(const struct core *c);
void admit_free(struct core *c);

#endif
