/* SPDX-License-Identifier: MIT
 *
 * Our half of what the two ends of a connection say about it: the offer, our description, our candidates. They go
 * through the daemon, or, sealed, through other peers.
 */
#include <assert.h>

#include "peer/core/state.h"
#include "peer/core/link/call.h"
#include "peer/core/port/effects.h"
#include "peer/core/people/roster.h"
#include "peer/core/link/connection.h"
#include "peer/core/link/relay.h"
#include "peer/core/link/send.h"
#include "peer/core/link/session.h"
#include "protocol/body.h"
#include "protocol/signaling.h"

static void offer(struct peer *p, struct connection *a, bool restart)
{
    if (!effect_rtc_offer(p, a->rtc, restart))
        return;
    a->awaiting = true;
    a->candidates = 0;
}

struct connection *call_begin(struct peer *p, struct person *who, const struct roster_entry *entry)
{
    assert(!who->link.connection);
    char link[ID_CHARS + 1];
    id_random(&p->rng, link);
    struct connection *a = connection_new(p, who, entry, span_of(link));
    if (!a)
        return NULL;
    a->offerer = true;
    /* Others first, if they can carry it, then by turns. */
    a->through_peers = relay_reaches(p, who) && (!entry || who->link.failures % 2 == 0);
    offer(p, a, false);
    return a;
}

void call_restart(struct peer *p, struct connection *a)
{
    assert(a == a->person->link.connection);
    p->stats.restarts_total++;
    a->through_peers = relay_reaches(p, a->person);
    offer(p, a, true);
}

/* Through the daemon, or sealed through other peers. */
static bool signal(struct peer *p, struct connection *a, struct buf *frame)
{
    if (!a->through_peers || frame->failed)
        return session_send(p, frame);
    struct buf metadata;
    buf_init(&metadata, FRAME_MAX_DEFAULT + 64);
    bool ok = body_write_signal(&metadata, buf_view(frame)) &&
              send_relayed(p, a->person,
                  &(struct envelope){.type = ENVELOPE_CONNECTION_REQUEST, .metadata = buf_view(&metadata)});
    buf_done(&metadata);
    return ok;
}

/* The address of the signal: a roster entry, or the person itself. */
static struct span address(const struct connection *a, const struct roster_entry *entry)
{
    return a->through_peers ? person_id(a->person) : span_of(entry->id);
}

bool call_describe(struct peer *p, struct connection *a, struct span type, struct span text)
{
    assert(a && a->person);
    struct sdp sdp;
    struct err err;
    struct roster_entry *entry = connection_entry(p, a);
    if (!sdp_parse(text, &sdp, &err) || !text_copy(a->mid, sizeof a->mid, sdp.media[sdp.data].mid)) {
        return false;
    }
    a->line = (unsigned)sdp.data;
    text_copy(a->local, sizeof a->local, span_of(sdp.fingerprint));
    if (!entry && !a->through_peers)
        return true;
    struct buf frame;
    buf_init(&frame, FRAME_MAX_DEFAULT);
    signaling_write_description(
        &frame, address(a, entry), span_of(a->link), type, text, !a->through_peers && entry->dialect);
    a->unsure = !signal(p, a, &frame);
    buf_done(&frame);
    return true;
}

void call_candidate(struct peer *p, struct connection *a, struct span candidate)
{
    assert(a && a->person);
    struct roster_entry *entry = connection_entry(p, a);
    if (!entry && !a->through_peers)
        return;
    struct signaling_candidate c = {.candidate = candidate, .mid = span_of(a->mid), .line = a->line};
    struct buf frame;
    buf_init(&frame, FRAME_MAX_DEFAULT);
    signaling_write_candidate(&frame, address(a, entry), span_of(a->link), &c, !a->through_peers && entry->dialect);
    a->unsure |= !signal(p, a, &frame);
    buf_done(&frame);
}
