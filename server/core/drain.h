/* SPDX-License-Identifier: MIT */
#ifndef SERVER_CORE_DRAIN_H
#define SERVER_CORE_DRAIN_H

#include "server/core/state.h"

/* Begins to tell everybody and to close everything; from now on nobody is admitted. */
void drain_begin(struct core *c);
/* Goes on with it. */
void drain_tick(struct core *c);
/* Says CORE_DRAINED, once, when all are gone or the time is up. */
void drain_settle(struct core *c);
/* When drain_tick has something to do, or the time is up, or UINT64_MAX. */
uint64_t drain_due(const struct core *c);

#endif
