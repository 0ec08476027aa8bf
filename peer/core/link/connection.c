/* SPDX-License-Identifier: MIT
 *
 * Connections of io's, by number: made, sent on, freed, and reported to the daemon when they have ended. What the two
 * ends say about one stands in call.c (ours) and negotiation.c (theirs); what becomes of a link over all its
 * connections in link.c.
 */
#include <assert.h>
#include <stdlib.h>

#include "peer/core/state.h"
#include "peer/core/link/connection.h"
#include "peer/core/port/effects.h"
#include "peer/core/port/memory.h"
#include "peer/core/people/roster.h"
#include "peer/core/link/session.h"
#include "protocol/signaling.h"

struct connection *connection_find(const struct peer *p, uint64_t rtc)
{
    struct connection *a;
    HASH_FIND(hh, p->connections, &rtc, sizeof rtc, a);
    return a;
}

struct connection *connection_new(
    struct peer *p, struct person *who, const struct roster_entry *entry, struct span link)
{
    assert(who && !who->left);
    struct connection *a = strcmp(who->id, p->settings.no_link) == 0 ? NULL : calloc(1, sizeof *a);
    if (!a)
        return NULL;
    a->rtc = ++p->last_rtc;
    HASH_ADD(hh, p->connections, rtc, sizeof a->rtc, a);
    if (!a->hh.tbl || !effect_rtc_new(p, a->rtc))
        goto fail;
    a->person = who;
    a->message_max = SDP_MESSAGE_DEFAULT;
    a->began = p->now;
    text_copy(a->link, sizeof a->link, link);
    if (entry)
        text_copy(a->peer_id, sizeof a->peer_id, span_of(entry->id));
    p->stats.calls_total++;
    return a;
fail:
    if (a->hh.tbl)
        HASH_DEL(p->connections, a);
    free(a);
    return NULL;
}

void connection_free(struct peer *p, struct connection *a)
{
    assert(!a || connection_find(p, a->rtc) == a);
    if (!a)
        return;
    effect_rtc_free(p, a->rtc);
    if (a->introduced)
        connection_report(p, a, false);
    if (a->link[0])
        memcpy(a->person->link.ended, a->link, sizeof a->link);
    HASH_DEL(p->connections, a);
    free(a);
}

bool connection_fits(const struct connection *a, size_t n)
{
    return n <= a->message_max;
}

void connection_send(struct peer *p, struct connection *a, struct span text)
{
    assert(a->open);
    if (a->congested)
        return;
    if (!connection_fits(a, text.n)) {
        effect_log(p, LOG_LEVEL_DEBUG, "message-too-large", "the other end takes smaller messages only", "peer",
            person_id(a->person));
        return;
    }
    bool before = memory_short(p);
    effect_rtc_send(p, a->rtc, a->channel, text);
    memory_spared(p, before);
}

/* Where the other sits now: where the connection began, be it away, or anywhere else if that roster entry is gone. */
struct roster_entry *connection_entry(const struct peer *p, const struct connection *a)
{
    struct roster_entry *entry = roster_entry(p, span_of(a->peer_id));
    return entry && entry->person == a->person ? entry : roster_usable_entry(p, a->person);
}

void connection_report(struct peer *p, struct connection *a, bool failed)
{
    assert(a && a->person);
    static const char *const OUTCOMES[] = {
        [PEER_PATH_DIRECT] = "direct", [PEER_PATH_STUN] = "stun", [PEER_PATH_TURN] = "turn"};
    const struct roster_entry *entry = connection_entry(p, a);
    if (!entry || a->reported)
        return;
    struct buf frame;
    buf_init(&frame, FRAME_MAX_DEFAULT);
    a->reported = true;
    signaling_write_report(
        &frame, span_of(entry->id), failed ? "failed" : OUTCOMES[a->path], a->took_ms, a->person->link.rtt_ms);
    session_send(p, &frame);
    buf_done(&frame);
}
