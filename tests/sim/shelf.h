/* SPDX-License-Identifier: MIT
 *
 * The simulated disk of a peer: the core's tables in order of their keys, and what of them a crash would take. Pure;
 * ends the process where there is no memory.
 */
#ifndef SIM_SHELF_H
#define SIM_SHELF_H

#include "peer/core/peer.h"

struct shelf;

struct shelf *shelf_new(void);
void shelf_free(struct shelf *s); /* takes NULL */

/* PEER_FX_PUT, _DELETE or _COMMIT; nothing of them is durable yet. */
void shelf_effect(struct shelf *s, const struct peer_effect *effect);
/* Commits that are asked for and not durable. */
size_t shelf_waiting(const struct shelf *s);
/* Makes them durable and says the ticket of the last; false if none waits or the disk is broken. */
bool shelf_sync(struct shelf *s, uint64_t *ticket);
/* An orderly end: all is durable, asked for or not, unless the disk is broken. */
void shelf_close(struct shelf *s);
/* Takes back all but what is durable and the first `survivors` of the commits that wait. */
void shelf_crash(struct shelf *s, size_t survivors);
/* From now on it takes nothing and syncs nothing, until it is mended: between two lives. */
void shelf_break(struct shelf *s, bool broken);

/* The row is there after a crash that takes all that a crash may take. */
bool shelf_survives(const struct shelf *s, enum peer_table table, struct span key);

/* What of the row a crash leaves; false: nothing. *value lives until the next change. */
bool shelf_value(const struct shelf *s, enum peer_table table, struct span key, struct span *value);

/* What a copy of the files shows at this moment: all that a crash would leave. Owned by the caller. */
struct shelf *shelf_copy(const struct shelf *s);
/* Between two lives: the files are replaced by that copy, or are gone (NULL). */
void shelf_put_back(struct shelf *s, const struct shelf *copy);

struct shelf_rows {
    struct peer_row *rows; /* owned, and what they point to */
    size_t n;
};
/* What PEER_FX_LOAD asks for, as it stands now. An empty end is no end. */
struct shelf_rows shelf_load(const struct shelf *s, const struct peer_effect *effect);
void shelf_rows_free(struct shelf_rows *rows);

typedef void shelf_fn(void *user, enum peer_table table, const struct peer_row *row);
/* In the order of PEER_RESTORE; all: the other tables' rows too. each must not change the shelf. */
void shelf_each(const struct shelf *s, bool all, shelf_fn *each, void *user);

#endif
