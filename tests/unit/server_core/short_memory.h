/* SPDX-License-Identifier: MIT
 *
 * A story told again and again, each time with one allocation more before memory runs out once: the invariants hold after
 * every step of it, and when all of its clients have gone nothing is left.
 */
#ifndef TESTS_UNIT_SERVER_CORE_SHORT_MEMORY_H
#define TESTS_UNIT_SERVER_CORE_SHORT_MEMORY_H

#include "tests/faults.h"
#include "tests/unit/server_core/harness.h"

enum {
    STORY_CLIENTS = 3 /* at connections 0, 1, 2, each of generation 1 */
};

/* A step of a story: what it leads to is nobody's to look at. */
static inline void happens(struct harness *h, struct core_event e)
{
    e.now = h->now;
    core_step(h->core, &e, &h->fx);
    core_check(h->core);
    core_effects_clear(&h->fx);
}

static inline void memory_runs_out(
    void (*tell)(struct harness *h), void (*check_nothing_left)(const struct core_stats *s))
{
    long failed = 0;
    for (long k = 0; failed == k; k++) {
        struct harness h;
        start(&h, no_limits());
        long live = faults.live;
        faults.failed = 0;
        faults.countdown = k;
        tell(&h);
        faults.countdown = -1;
        failed += faults.failed;
        for (uint32_t i = 0; i < STORY_CLIENTS; i++)
            happens(&h, (struct core_event){.type = CORE_GONE, .conn = {i, 1}});
        check_nothing_left(core_stats(h.core));
        stop(&h);
        assert_true(faults.live < live);
    }
    assert_true(failed > 20);
}

#endif
