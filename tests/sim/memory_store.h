/* SPDX-License-Identifier: MIT
 *
 * The simulated disk of a peer: the core's tables in order of their keys, and what of them a crash would take. Pure;
 * ends the process where there is no memory.
 */
#ifndef SIM_MEMORY_STORE_H
#define SIM_MEMORY_STORE_H

#include "peer/core/peer.h"

struct memory_store;

struct memory_store *memory_store_new(void);
void memory_store_free(struct memory_store *s); /* takes NULL */

/* PEER_FX_PUT, _DELETE or _COMMIT; nothing of them is durable yet. */
void memory_store_effect(struct memory_store *s, const struct peer_effect *effect);
/* Commits that are asked for and not durable. */
size_t memory_store_waiting(const struct memory_store *s);
/* Makes them durable and says the ticket of the last; false if none waits or the disk is broken. */
bool memory_store_sync(struct memory_store *s, uint64_t *ticket);
/* An orderly end: all is durable, asked for or not, unless the disk is broken. */
void memory_store_close(struct memory_store *s);
/* Takes back all but what is durable and the first `survivors` of the commits that wait. */
void memory_store_crash(struct memory_store *s, size_t survivors);
/* From now on it takes nothing and syncs nothing, until it is mended: between two lives. */
void memory_store_break(struct memory_store *s, bool broken);

/* The row is there after a crash that takes all that a crash may take. */
bool memory_store_survives(const struct memory_store *s, enum peer_table table, struct span key);

/* What of the row a crash leaves; false: nothing. *value lives until the next change. */
bool memory_store_value(const struct memory_store *s, enum peer_table table, struct span key, struct span *value);

/* What a copy of the files shows at this moment: all that a crash would leave. Owned by the caller. */
struct memory_store *memory_store_copy(const struct memory_store *s);
/* Between two lives: the files are replaced by that copy, or are gone (NULL). */
void memory_store_put_back(struct memory_store *s, const struct memory_store *copy);

struct memory_store_rows {
    struct peer_row *rows; /* owned, and what they point to */
    size_t n;
};
/* What PEER_FX_LOAD asks for, as it stands now. An empty end is no end. */
struct memory_store_rows memory_store_load(const struct memory_store *s, const struct peer_effect *effect);
void memory_store_rows_free(struct memory_store_rows *rows);

typedef void memory_store_fn(void *user, enum peer_table table, const struct peer_row *row);
/* In the order of PEER_RESTORE; all: the other tables' rows too. each must not change the memory store. */
void memory_store_each(const struct memory_store *s, bool all, memory_store_fn *each, void *user);

#endif
