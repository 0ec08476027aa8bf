/* SPDX-License-Identifier: MIT */
#ifndef SERVER_CORE_DRAIN_H
#define SERVER_CORE_DRAIN_H

#include "server/core/state.h"

/* Tells everybody and closes everything; from now on nobody is admitted. */
void drain_begin(struct core *c);
/* Says CORE_DRAINED, once, when all are gone or the time is up. */
void drain_settle(struct core *c);
/* When the time is up, or UINT64_MAX. */
uint64_t drain_due(const struct core *c);

#endif
