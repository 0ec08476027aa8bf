/* SPDX-License-Identifier: MIT
 *
 * report: how a call went, for the statistics. Nobody is answered, and nobody is believed for more than a count: the
 * metrics say what clients told.
 */
#include "server/core/on.h"
#include "server/core/state.h"

const struct histogram_bounds CORE_ICE_BOUNDS = {
    .n = 12,
    .us = {50000, 100000, 200000, 300000, 500000, 750000, 1000000, 2000000, 3000000, 5000000, 10000000, 30000000},
};

const struct histogram_bounds CORE_RTT_BOUNDS = {
    .n = 12,
    .us = {1000, 2000, 5000, 10000, 20000, 50000, 100000, 200000, 300000, 500000, 1000000, 3000000},
};

static void apply(struct core *c, struct session *s, const struct request *r)
{
    (void)s;
    uint64_t ms;
    enum outcome outcome = message_outcome(&r->message);
    c->stats.ice_outcomes[outcome]++;
    if (outcome == OUTCOME_FAILED)
        return;
    if (message_connect_ms(&r->message, &ms))
        histogram_add(&c->stats.ice_connect, &CORE_ICE_BOUNDS, ms * 1000, 1);
    if (message_rtt_ms(&r->message, &ms))
        histogram_add(&c->stats.ice_rtt, &CORE_RTT_BOUNDS, ms * 1000, 1);
}

const struct handler on_report = {.apply = apply};
