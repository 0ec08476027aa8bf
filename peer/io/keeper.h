/* SPDX-License-Identifier: MIT
 *
 * Group commit: hands what the core asks of its tables to the store's thread (store_thread.h), step by step, and has it sync
 * once for all that a turn of the loop has asked for. What the core is to hear of that waits until the glue fetches it.
 */
#ifndef PEER_IO_KEEPER_H
#define PEER_IO_KEEPER_H

#include <glib.h>

#include "peer/io/store.h"

struct keeper;

enum {
    /* While the loop has frames to read, a commit waits for so many events of the peer, or so long. Then it is next, once the
     * application has heard what it is to hear. */
    KEEPER_STEPS_MAX = 256,
    KEEPER_WAIT_US = 5000
};

/* store is borrowed until keeper_free; the caller may use it until the first keeper_next. due is called from the loop when
 * keeper_next is to be asked. NULL with one sentence in err. */
struct keeper *keeper_new(
    GMainContext *context, struct store *store, void (*due)(void *user), void *user, struct err *err);
/* Waits until all is done that was asked for; commits nothing. Takes NULL. */
void keeper_free(struct keeper *k);
/* PEER_FX_PUT, _DELETE, _COMMIT or _LOAD, taken. What a step put comes before its commit. */
void keeper_effect(struct keeper *k, struct peer_effect *effect);
/* The next event for the core: PEER_LOADED, PEER_COMMITTED, PEER_STORE_FAILED (once). False: none now. To be asked
 * after every event, for that is how it counts them. What event points to lives until the next call. Waits for the disk
 * while more is asked for than may wait for it. */
bool keeper_next(struct keeper *k, struct peer_event *event);
/* The disk is slower than what is asked for: the application is to wait. */
bool keeper_is_behind(const struct keeper *k);

#endif
