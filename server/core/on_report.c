/* SPDX-License-Identifier: MIT
 *
 * report: how a call went, for the statistics. Nobody is answered, and nobody is believed for more than a count: the
 * metrics say what clients told.
 */
#include "server/core/on.h"
#include "server/core/say.h"

#include <assert.h>

const struct histogram_bounds CORE_ICE_BOUNDS = {
    .n = 12,
    .us = {50000, 100000, 200000, 300000, 500000, 750000, 1000000, 2000000, 3000000, 5000000, 10000000, 30000000},
};

const struct histogram_bounds CORE_RTT_BOUNDS = {
    .n = 12,
    .us = {1000, 2000, 5000, 10000, 20000, 50000, 100000, 200000, 300000, 500000, 1000000, 3000000},
};

static void apply(struct core *c, struct session *s, const struct asked *r)
{
    assert(r->request.report.outcome < OUTCOMES);
    say_done(c, s, r->request.ref);
    c->stats.ice_outcomes[r->request.report.outcome]++;
    if (r->request.report.outcome == OUTCOME_FAILED)
        return;
    if (r->request.report.connected)
        histogram_add(&c->stats.ice_connect, &CORE_ICE_BOUNDS, r->request.report.connect_ms * 1000, 1);
    if (r->request.report.measured)
        histogram_add(&c->stats.ice_rtt, &CORE_RTT_BOUNDS, r->request.report.rtt_ms * 1000, 1);
}

const struct handler on_report = {.apply = apply};
