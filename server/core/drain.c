/* SPDX-License-Identifier: MIT
 *
 * Stopping: every client hears `server-draining`, with a time of its own at which to come back, and is closed with 1012
 * (RFC 6455's registry: service restart) in the same step; io flushes the queues. They are told in order of their slots,
 * a batch at a time: so whoever is told last has been served until then, and his time counts from then. While it lasts no
 * slot is taken, and no seat moves to another. A thousand clients return each
 * second; if that took longer than RETURN_SPAN_MS all of them are spread over that time. drain_timeout 0 waits for the
 * last one however long it takes.
 *
 * Where webhooks are told what happens, the seats of those who are away end as well, behind all others, and rooms that
 * linger: nobody else will tell.
 */
#include "server/core/drain.h"

#include <assert.h>

#include "server/core/batch.h"
#include "server/core/cluster.h"
#include "server/core/effects.h"
#include "server/core/member.h"
#include "server/core/say.h"
#include "server/core/seat.h"
#include "server/core/session.h"

enum {
    RETURN_SPAN_MS = 10000,
    RETURNS_PER_MS = 1
};

static uint64_t return_after(uint64_t i, uint64_t total)
{
    assert(i < total || total == 0);
    return total <= RETURN_SPAN_MS * RETURNS_PER_MS ? i / RETURNS_PER_MS : i * RETURN_SPAN_MS / total;
}

/* Who has not said CONNECT yet would keep it, and show it when he is connected: to the next server. */
static bool is_told(const struct session *s)
{
    return s->state != SESSION_OPENED && s->expects != EXPECTS_CONNECT;
}

static void dismiss(struct core *c, struct session *s, uint64_t return_after_ms)
{
    assert(c->draining && s->state != SESSION_CLOSING);
    if (is_told(s))
        say(c, s, &(struct reply){.type = REPLY_DRAINING, .reconnect_after_ms = return_after_ms});
    session_end(c, s, error_close_code(ERROR_DRAINING), error_code(ERROR_DRAINING), DEPARTURE_DISCONNECTED);
}

static bool seats_end(const struct core *c)
{
    return c->settings.webhooks && waiting_first(&c->away);
}

/* Whether a seat or a room is still to be ended (room.c). */
static bool more_ends(const struct core *c)
{
    return seats_end(c) || (c->settings.webhooks && waiting_first(&c->lingering));
}

void drain_tick(struct core *c)
{
    if (!c->draining)
        return;
    uint32_t looked = batch_size(c) * BATCH_LIGHT, n = 0;
    for (; c->drain_slot < c->slot_cap && looked > 0 && batch_allows(c, n); c->drain_slot++, looked--) {
        struct session *s = c->slots[c->drain_slot];
        if (!s || s->state == SESSION_CLOSING)
            continue;
        dismiss(c, s, return_after(c->drain_told++, c->drain_total));
        n++;
    }
    for (; c->drain_slot == c->slot_cap && seats_end(c) && batch_allows(c, n); n++)
        seat_expire(c, WAIT_OF(waiting_first(&c->away), struct member, away));
}

void drain_begin(struct core *c)
{
    if (c->draining)
        return;
    c->draining = true;
    c->drain_end = c->settings.drain_timeout_ms ? c->now + c->settings.drain_timeout_ms : UINT64_MAX;
    c->drain_total = c->stats.connections;
    drain_tick(c);
}

void drain_settle(struct core *c)
{
    assert(c->draining);
    bool over = (c->stats.connections == 0 && !more_ends(c)) || c->now >= c->drain_end;
    if (!c->drained && over && c->cluster)
        cluster_leave(c);
    if (!c->drained && over)
        c->drained = effects_add(c->fx, &(struct core_effect){.type = CORE_DRAINED});
}

uint64_t drain_due(const struct core *c)
{
    if (!c->draining || c->drained)
        return UINT64_MAX;
    return c->drain_slot < c->slot_cap || seats_end(c) ? c->now : c->drain_end;
}
