/* SPDX-License-Identifier: MIT
 *
 * What the other end says about a connection, through the daemon or through other peers. The offerer chooses a random
 * `link`, and every frame of the connection carries it; a frame without one (a stranger's) belongs to the current
 * connection, one with another's is late and ignored. An offer with the link of a running connection, or without any
 * but with its certificate, is a renegotiation on the same connection: an ICE restart. Any other is a new connection.
 *
 * Glare: both sides offered. The larger roster entry is polite: it drops its own connection and answers; the other goes
 * on as if nothing had come (W3C WebRTC section 10.7, "perfect negotiation"). While a link is up, or about to be, a new
 * offer is answered beside it, as a rival, so that nobody who merely copied a name or a key out of the roster can break
 * a link.
 *
 * A late restart of a connection that ended here must not look like a new one: a fresh connection could not go on with
 * the other's DTLS state. So the link that ended last is remembered. What comes through other peers could be said again
 * at any later time: it carries its sender's time, which only grows, and has its effect once ([M-57]).
 */
#include <assert.h>

#include "peer/core/state.h"
#include "peer/core/link/negotiation.h"
#include "peer/core/port/effects.h"
#include "peer/core/people/guard.h"
#include "peer/core/people/roster.h"
#include "peer/core/link/connection.h"
#include "peer/core/link/link.h"
#include "peer/core/link/twin.h"
#include "protocol/body.h"
#include "protocol/signaling.h"

/* A frame that names no link is good from where the connection began only: a name or key can be copied, a roster
 * entry cannot. */
static struct connection *connection_of(const struct person *who, const struct roster_entry *entry, struct span name)
{
    const struct link *link = &who->link;
    if (name.n == 0)
        return link->connection && entry && strcmp(link->connection->peer_id, entry->id) == 0 ? link->connection : NULL;
    if (link->connection && span_is(name, link->connection->link))
        return link->connection;
    return link->rival && span_is(name, link->rival->link) ? link->rival : NULL;
}

static void remote(struct peer *p, struct connection *a, const char *type, struct span sdp)
{
    effect_rtc_remote(p, a->rtc, type, sdp);
    a->awaiting = false;
}

static bool is_polite(const struct peer *p, const struct person *who, const struct roster_entry *entry)
{
    return entry ? strcmp(p->session.peer_id, entry->id) > 0 : strcmp(p->id, who->id) > 0;
}

static void on_reoffer(struct peer *p, const struct roster_entry *entry, struct connection *a,
    const struct signaling_message *m, const struct sdp *sdp)
{
    if (a->awaiting && !is_polite(p, a->person, entry))
        return;
    if (strcmp(a->remote, sdp->fingerprint) != 0) {
        guard_refuse(p, a->person, "an offer for this connection with another certificate");
        return;
    }
    a->candidates = 0;
    a->through_peers = !entry;
    a->message_max = sdp->max_message_size;
    remote(p, a, "offer", m->sdp);
}

/* Whether a new connection of theirs may be answered now. */
static bool may_offer(struct peer *p, struct person *who, const struct roster_entry *entry)
{
    const struct link *link = &who->link;
    const struct connection *a = link->connection;
    bool calling = link_is_calling(who);
    if (calling && entry && a->peer_id[0] && strcmp(a->peer_id, entry->id) != 0) {
        guard_refuse(p, who, "an offer from another seat while one is being answered");
        return false;
    }
    /* Others may have dropped our offer; who calls us long after it has not heard of it. */
    bool lost = calling && (a->through_peers || a->unsure) && p->now >= a->began + GLARE_MS;
    if (calling && a->awaiting && !lost && !is_polite(p, who, entry))
        return false;
    if (p->now < link->next_offer_at) {
        guard_refuse(p, who, "offers too fast");
        return false;
    }
    return true;
}

static void refuse_offer(struct peer *p, struct person *who, const struct sdp *sdp)
{
    guard_refuse(p, who, sdp->no_data ? "an offer of audio or video only" : "an offer that cannot be read");
    if (sdp->no_data)
        link_calls(p, who);
}

/* roster entry: NULL if it came through other peers. */
static void on_offer(struct peer *p, struct person *who, struct roster_entry *entry, const struct signaling_message *m)
{
    struct connection *a = connection_of(who, entry, m->link);
    struct sdp sdp;
    struct err err;
    if (!sdp_parse(m->sdp, &sdp, &err)) {
        refuse_offer(p, who, &sdp);
        return;
    }
    who->link.calls = false;
    bool same = a && (m->link.n ? a->remote[0] != '\0' : a->open && strcmp(a->remote, sdp.fingerprint) == 0);
    if (same) {
        on_reoffer(p, entry, a, m, &sdp);
        return;
    }
    if ((m->link.n && span_is(m->link, who->link.ended)) || !may_offer(p, who, entry))
        return;
    a = connection_new(p, who, entry, m->link);
    if (!a)
        return;
    a->through_peers = !entry;
    a->message_max = sdp.max_message_size;
    text_copy(a->remote, sizeof a->remote, span_of(sdp.fingerprint));
    who->link.next_offer_at = p->now + OFFERS_MS;
    link_offered(p, who, a);
    remote(p, a, "offer", m->sdp);
}

static void on_answer(
    struct peer *p, struct person *who, const struct roster_entry *entry, const struct signaling_message *m)
{
    struct connection *a = connection_of(who, entry, m->link);
    struct sdp sdp;
    struct err err;
    if (!a || !a->awaiting || a->local[0] == '\0')
        return;
    if (!sdp_parse(m->sdp, &sdp, &err)) {
        guard_refuse(p, who, sdp.no_data ? "an answer without a data channel" : "an answer that cannot be read");
        return;
    }
    if (a->remote[0] && strcmp(a->remote, sdp.fingerprint) != 0) {
        guard_refuse(p, who, "an answer for this connection with another certificate");
        return;
    }
    text_copy(a->remote, sizeof a->remote, span_of(sdp.fingerprint));
    a->message_max = sdp.max_message_size;
    remote(p, a, "answer", m->sdp);
}

static void on_candidate(
    struct peer *p, struct person *who, const struct roster_entry *entry, const struct signaling_message *m)
{
    struct connection *a = connection_of(who, entry, m->link);
    if (!a)
        return;
    if (a->candidates >= PEER_CANDIDATES_MAX) {
        guard_refuse(p, who, "too many candidates");
        return;
    }
    a->candidates++;
    effect_rtc_candidate(p, a->rtc, m->candidate);
}

static void negotiate(struct peer *p, struct person *who, struct roster_entry *entry, const struct signaling_message *m)
{
    if (m->type == SIGNALING_OFFER)
        on_offer(p, who, entry, m);
    else if (m->type == SIGNALING_ANSWER)
        on_answer(p, who, entry, m);
    else if (m->type == SIGNALING_CANDIDATE)
        on_candidate(p, who, entry, m);
}

void negotiation_signal(struct peer *p, const struct signaling_message *m)
{
    assert(p->session.state == SESSION_JOINED);
    struct roster_entry *entry = roster_entry(p, m->from);
    if (!entry)
        return;
    if (twin_doubts(p))
        return;
    if (entry->refused_until > p->now) {
        guard_refuse(p, entry->person, "a signal from a seat whose introduction was refused");
        return;
    }
    negotiate(p, entry->person, entry, m);
}

/* ---- through other peers ---- */

/* NULL if it was not heard before and may have its effect now; it is remembered then. Who carried it may have recorded
 * it, and say it again or late. */
static const char *replay_check(struct requests *r, const struct envelope *e, bool offer)
{
    uint32_t id = hash_bytes(e->id.p, e->id.n);
    for (size_t i = 0; i < REQUESTS_HEARD_MAX; i++)
        if (r->heard[i].timestamp == e->timestamp && r->heard[i].id == id)
            return "a connection request that was heard before";
    if (e->timestamp <= r->floor)
        return "a connection request that comes too late";
    if (offer && e->timestamp <= r->offer)
        return "an offer that is no newer than one that was heard";
    uint64_t forgotten = r->heard[r->next].timestamp;
    /* What was said before a clock was set back may stand there still, and bounds nothing. */
    if (forgotten < e->timestamp && forgotten > r->floor)
        r->floor = forgotten;
    if (e->timestamp > r->floor + OVERTAKEN_MS)
        r->floor = e->timestamp - OVERTAKEN_MS;
    if (offer)
        r->offer = e->timestamp;
    r->heard[r->next].timestamp = e->timestamp;
    r->heard[r->next].id = id;
    r->next = (r->next + 1) % REQUESTS_HEARD_MAX;
    return NULL;
}

void negotiation_introduced(struct person *who, uint64_t timestamp)
{
    assert(who->keyed);
    struct requests *r = &who->requests;
    r->offer = timestamp;
    if (r->floor > timestamp)
        r->floor = timestamp;
}

static void requested(struct peer *p, struct person *who, const struct envelope *e, const struct signaling_message *m)
{
    const char *wrong = replay_check(&who->requests, e, m->type == SIGNALING_OFFER);
    if (wrong)
        guard_refuse(p, who, wrong);
    else
        negotiate(p, who, NULL, m);
}

void negotiation_requested(struct peer *p, struct person *who, const struct envelope *e)
{
    assert(who->keyed && e->is_signed);
    struct signaling_message m;
    struct buf frame;
    buf_init(&frame, FRAME_MAX_DEFAULT + PERSON_MAX + 16);
    if (body_read_signal(e, person_id(who), &frame) && signaling_parse(buf_view(&frame), &m)) {
        if (m.link.n > 0)
            requested(p, who, e, &m);
        signaling_done(&m);
    } else {
        guard_refuse(p, who, "a connection request that cannot be read");
    }
    buf_done(&frame);
}
