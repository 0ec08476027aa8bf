/* SPDX-License-Identifier: MIT
 *
 * What outlives a peer's process: its tables, on a memory store that answers in the world's time, and the names it knows.
 */
#ifndef SIM_DISK_H
#define SIM_DISK_H

#include "tests/sim/memory_store.h"
#include "tests/sim/world.h"

struct disk;

/* answer: PEER_COMMITTED, PEER_LOADED or PEER_STORE_FAILED, later, whose times are not set. */
typedef void disk_answer(void *who, struct peer_event event);

struct disk *disk_new(struct world *w, disk_answer *answer, void *who);
void disk_free(struct disk *d); /* takes NULL */
/* PEER_FX_PUT, _DELETE, _COMMIT, _LOAD or _REMEMBER. */
void disk_effect(struct disk *d, const struct peer_effect *effect);
/* What a life begins with, by answer: every PEER_RESTORE, then every PEER_KNOWN. */
void disk_restore(struct disk *d);
/* The process ends. orderly: what is open is committed; else some commits that were not yet answered survive. */
void disk_end(struct disk *d, bool orderly);
/* Full from now on, or with room again. */
void disk_fill(struct disk *d, bool full);
/* Somebody copies the files as they are now; an older copy is replaced. */
void disk_copy(struct disk *d);
/* Between two lives: the files are gone, or the last copy is put in their place. What names are known stays. */
void disk_lose(struct disk *d, bool put_back);
/* Between two lives of `d`: its files are what a copy of the other's shows now. */
void disk_take_copy(struct disk *d, const struct disk *of);
const struct memory_store *disk_memory_store(const struct disk *d);

#endif
