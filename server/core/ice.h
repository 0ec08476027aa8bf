/* SPDX-License-Identifier: MIT */
#ifndef SERVER_CORE_ICE_H
#define SERVER_CORE_ICE_H

#include "server/core/state.h"

/* Initialises `out` and fills it with the servers for this session, whose member is m or is about to be, from now on to be
 * told again in time. The caller frees it; its `failed` says that memory ran out. */
void ice_take(struct core *c, struct session *s, const struct member *m, struct buf *out);
/* Looks at the wall clock; at the beginning of each step. */
void ice_clock(struct core *c);
/* Tells those their servers anew whose credentials are about to lapse. */
void ice_tick(struct core *c);
/* When ice_tick has something to do, or UINT64_MAX. */
uint64_t ice_due(const struct core *c);

#endif
