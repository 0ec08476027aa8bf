/* SPDX-License-Identifier: MIT */
#include "peer/core/state.h"
#include "peer/core/link/files_relay.h"
#include "peer/core/link/link.h"
#include "peer/core/people/roster.h"
#include "peer/core/port/effects.h"
#include "peer/core/port/notice.h"
#include "peer/core/transfer/download.h"
#include "peer/core/transfer/fetch.h"
#include "peer/core/transfer/stall.h"

void stall_wanted(struct peer *p, struct download *d)
{
    if (d->wanted_at == 0)
        d->wanted_at = p->now;
    effect_wake(p, d->wanted_at + (d->stalled ? STALL_END_MS : STALLED_MS));
}

void stall_heard(struct peer *p, struct download *d, struct person *who)
{
    who->gave_at = p->now;
    d->wanted_at = p->now;
    d->stalled = false;
}

void stall_reset(struct download *d)
{
    d->wanted_at = 0;
    d->stalled = false;
}

/* What has come and is not written yet waits for our disk; what nobody is asked for, for its share. */
static bool is_awaited(const struct download *d)
{
    const struct fetch *f = d->fetches;
    while (f && f->awaited)
        f = f->next;
    return !f;
}

/* Whoever gives another file that was asked for before gives this one next. */
static uint64_t silent_since(const struct download *d, const struct person *from)
{
    return from->gave_at > d->wanted_at ? from->gave_at : d->wanted_at;
}

bool stall_due(struct peer *p, struct download *d)
{
    const struct person *from = roster_find(p, span_of(d->from));
    if (!from || !files_reach(p, from) || d->paused || d->sender_paused || !is_awaited(d))
        stall_reset(d);
    if (d->wanted_at == 0)
        return false;
    uint64_t since = silent_since(d, from), end = since + (link_is_up(from) ? STALL_END_MS : STALL_RELAYED_MS);
    if (p->now >= end)
        return true;
    if (p->now >= since + STALLED_MS && !d->stalled) {
        d->stalled = true;
        notice_add(p, &(struct notice){.type = NOTICE_FILE_STALLED,
                          .id = span_of(d->id),
                          .from = span_of(d->from),
                          .name = span_of(d->name),
                          .text = SPAN("nothing of it comes, while its sender can be reached: it is asked for again")});
    }
    effect_wake(p, d->stalled ? end : since + STALLED_MS);
    return false;
}
