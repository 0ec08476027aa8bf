/* SPDX-License-Identifier: MIT
 *
 * What ended in the first resume_grace after a start, and so must not come back by a token of an earlier boot.
 */
#ifndef SERVER_CORE_ENDED_H
#define SERVER_CORE_ENDED_H

#include "server/core/state.h"

/* For the table of them. */
uint32_t ended_hash(const void *item);
/* Whether tokens of an earlier boot still hold at all. */
bool ended_matters(const struct core *c);
/* The stay of the peer with this id (ID_CHARS characters), or the room of this incarnation, has ended. */
void ended_stay(struct core *c, const char *id);
void ended_room(struct core *c, uint64_t incarnation);
/* While they matter. */
bool ended_has(const struct core *c, const char *id, uint64_t incarnation);
/* Forgets all of them, a batch at a time, once tokens of an earlier boot hold no longer; and when that is, or UINT64_MAX. */
void ended_tick(struct core *c);
uint64_t ended_due(const struct core *c);
void ended_free(struct core *c);

#endif
