/* SPDX-License-Identifier: MIT
 *
 * What ended in the first resume_grace after a start, and so must not come back by a token of an earlier boot.
 */
#ifndef SERVER_CORE_TOMBSTONES_H
#define SERVER_CORE_TOMBSTONES_H

#include "server/core/state.h"

/* For the table of them. */
uint32_t tombstone_hash(const void *item);
/* Whether tokens of an earlier boot still hold at all. */
bool tombstones_matter(const struct core *c);
/* The stay of the peer with this id (ID_CHARS characters), or the room of this incarnation, has ended. */
void tombstone_of_peer(struct core *c, const char *id);
void tombstone_of_room(struct core *c, uint64_t incarnation);
/* While they matter. */
bool tombstone_has(const struct core *c, const char *id, uint64_t incarnation);
/* Forgets all of them, a batch at a time, once tokens of an earlier boot hold no longer; and when that is, or UINT64_MAX. */
void tombstones_tick(struct core *c);
uint64_t tombstones_due(const struct core *c);
void tombstones_free(struct core *c);

#endif
