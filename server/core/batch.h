/* SPDX-License-Identifier: MIT
 *
 * Where much may be due at once (seats whose grace is over, rooms to be written, a drain), a step deals with a batch of
 * each kind and leaves the rest due: the deadline is then now, io wakes the core again at once, and what came in
 * meanwhile has its turn in between. A batch is short, since its end costs no more than a look at the sockets.
 */
#ifndef SERVER_CORE_BATCH_H
#define SERVER_CORE_BATCH_H

#include "server/core/state.h"

enum {
    BATCH_DEFAULT = 64,
    BATCH_EFFECTS_MAX = 4096, /* in one step, for batches: a room has max_room_members who hear of one that leaves */
    BATCH_LIGHT = 16,         /* what is freed or looked at, and nobody hears of, is so much lighter */
};

static inline uint32_t batch_size(const struct core *c)
{
    return c->settings.batch ? c->settings.batch : BATCH_DEFAULT;
}

/* Whether one more of a kind may be dealt with in this step, after n of them. The first always may, or a kind could wait
 * for ever for another. */
static inline bool batch_allows(const struct core *c, uint32_t n)
{
    return n == 0 || (n < batch_size(c) && c->fx->n - c->fx_before < BATCH_EFFECTS_MAX);
}

#endif
