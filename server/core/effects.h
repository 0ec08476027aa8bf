/* SPDX-License-Identifier: MIT */
#ifndef SERVER_CORE_EFFECTS_H
#define SERVER_CORE_EFFECTS_H

#include "server/core/core.h"

/* Appends the effect. False when memory ran out: what the effect owned is freed, and the list is as before. */
bool effects_add(struct core_effects *fx, const struct core_effect *e);
/* Whether one more can be added. */
bool effects_reserve(struct core_effects *fx);

#endif
