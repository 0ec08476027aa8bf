/* SPDX-License-Identifier: MIT
 *
 * Group commit: carries out what the core asks of its tables, and commits once for all that a turn of the loop has
 * asked for. What the core is to hear of that waits here until the glue fetches it.
 */
#ifndef PEER_IO_KEEPER_H
#define PEER_IO_KEEPER_H

#include <glib.h>

#include "peer/io/store.h"

struct keeper;

enum {
    KEEPER_STEPS_MAX = 256, /* a commit waits for at most so many events of the peer ... */
    KEEPER_WAIT_US = 5000   /* ... or so long, while the loop has frames to read */
};

/* store is borrowed. due is called from the loop when keeper_next is to be asked. NULL when out of memory. */
struct keeper *keeper_new(GMainContext *context, struct store *store, void (*due)(void *user), void *user);
void keeper_free(struct keeper *k); /* takes NULL; commits nothing */
/* PEER_FX_PUT, _DELETE, _COMMIT or _LOAD. */
void keeper_effect(struct keeper *k, const struct peer_effect *effect);
/* The next event for the core: PEER_LOADED, PEER_COMMITTED, PEER_STORE_FAILED (once). False: none now. To be asked
 * after every event, for that is how it counts them. What event points to lives until the next call. */
bool keeper_next(struct keeper *k, struct peer_event *event);

#endif
