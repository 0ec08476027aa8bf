/* SPDX-License-Identifier: MIT
 *
 * Connections and what is said about them through the daemon. The offerer chooses a random `link`, and every frame of the
 * connection carries it; a frame without one (a stranger's) belongs to the current connection, one with another's is late and
 * ignored. An offer with the link of a running connection, or without any but with its certificate, is a renegotiation on
 * the same connection: an ICE restart. Any other is a new connection.
 *
 * Glare: both sides offered. The larger roster entry is polite: it drops its own connection and answers; the other goes on as if
 * nothing had come (W3C WebRTC section 10.7, "perfect negotiation"). While a link is up, or about to be, a new offer is answered
 * beside it, as a rival, so that nobody who merely copied a name or a key out of the roster can break a link.
 *
 * A late restart of an connection that ended here must not look like a new one: a fresh connection could not go on with
 * the other's DTLS state. So the link that ended last is remembered. What comes through other peers could be said again
 * at any later time: it carries its sender's time, which only grows, and has its effect once ([M-57]).
 */
#include <stdlib.h>

#include "peer/core/state.h"
#include "protocol/write.h"

struct connection *connection_find(const struct peer *p, uint64_t rtc)
{
    struct connection *a;
    HASH_FIND(hh, p->connections, &rtc, sizeof rtc, a);
    return a;
}

struct connection *connection_new(
    struct peer *p, struct person *who, const struct roster_entry *entry, struct span link)
{
    struct connection *a = strcmp(who->id, p->settings.no_link) == 0 ? NULL : calloc(1, sizeof *a);
    if (!a)
        return NULL;
    a->rtc = ++p->last_rtc;
    HASH_ADD(hh, p->connections, rtc, sizeof a->rtc, a);
    struct peer_effect *effect = a->hh.tbl ? effect_add(p, PEER_FX_RTC_NEW) : NULL;
    if (!effect)
        goto fail;
    effect->rtc = a->rtc;
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
    if (!a)
        return;
    struct peer_effect *effect = effect_add(p, PEER_FX_RTC_FREE);
    if (effect)
        effect->rtc = a->rtc;
    if (a->introduced)
        connection_report(p, a, false);
    if (a->link[0])
        memcpy(a->person->link.ended, a->link, sizeof a->link);
    HASH_DEL(p->connections, a);
    free(a);
}

static void offer(struct peer *p, struct connection *a, bool restart)
{
    struct peer_effect *effect = effect_add(p, PEER_FX_RTC_OFFER);
    if (!effect)
        return;
    effect->rtc = a->rtc;
    effect->flag = restart;
    a->awaiting = true;
    a->candidates = 0;
}

struct connection *connection_call(struct peer *p, struct person *who, const struct roster_entry *entry)
{
    uint8_t random[ID_BYTES];
    char link[ID_CHARS + 1];
    p->rng.fill(p->rng.ctx, random, sizeof random);
    base32_encode(random, sizeof random, link);
    struct connection *a = connection_new(p, who, entry, span_of(link));
    if (!a)
        return NULL;
    a->offerer = true;
    /* Others first, if they can carry it, then by turns. */
    a->through_peers = relay_reaches(p, who) && (!entry || who->link.failures % 2 == 0);
    offer(p, a, false);
    return a;
}

void connection_restart(struct peer *p, struct connection *a)
{
    p->stats.restarts_total++;
    a->through_peers = relay_reaches(p, a->person);
    offer(p, a, true);
}

bool connection_fits(const struct connection *a, size_t n)
{
    return n <= a->message_max;
}

void connection_send(struct peer *p, struct connection *a, struct span text)
{
    if (a->congested)
        return;
    if (!connection_fits(a, text.n)) {
        effect_log(p, LOG_LEVEL_DEBUG, "message-too-large", "the other end takes smaller messages only", "peer",
            person_id(a->person));
        return;
    }
    struct peer_effect *effect = effect_text(p, PEER_FX_RTC_SEND, a->rtc, text);
    if (effect)
        effect->channel = a->channel;
}

/* ---- ours, to be sent ---- */

/* Where the other sits now: where the connection began, be it away, or anywhere else if that roster entry is gone. */
static struct roster_entry *entry_of(const struct peer *p, const struct connection *a)
{
    struct roster_entry *entry = roster_entry(p, span_of(a->peer_id));
    return entry && entry->person == a->person ? entry : roster_usable_entry(p, a->person);
}

/* Through the daemon, or sealed through other peers. */
static bool signal(struct peer *p, struct connection *a, struct buf *frame)
{
    if (!a->through_peers || frame->failed)
        return session_send(p, frame);
    struct buf metadata;
    buf_init(&metadata, FRAME_MAX_DEFAULT + 64);
    buf_byte(&metadata, '{');
    write_member_raw(&metadata, "signal", buf_view(frame));
    buf_byte(&metadata, '}');
    bool ok = !metadata.failed &&
              say_relayed(p, a->person,
                  &(struct envelope){.type = ENVELOPE_CONNECTION_REQUEST, .metadata = buf_view(&metadata)});
    buf_done(&metadata);
    return ok;
}

/* The address of the signal: a roster entry, or the person itself. */
static struct span address(const struct connection *a, const struct roster_entry *entry)
{
    return a->through_peers ? person_id(a->person) : span_of(entry->id);
}

void connection_report(struct peer *p, struct connection *a, bool failed)
{
    static const char *const OUTCOMES[] = {
        [PEER_PATH_DIRECT] = "direct", [PEER_PATH_STUN] = "stun", [PEER_PATH_TURN] = "turn"};
    const struct roster_entry *entry = entry_of(p, a);
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

void connection_description(struct peer *p, struct connection *a, struct span type, struct span text)
{
    struct sdp sdp;
    struct err err;
    struct roster_entry *entry = entry_of(p, a);
    if (!sdp_parse(text, &sdp, &err) || !text_copy(a->mid, sizeof a->mid, sdp.media[sdp.data].mid)) {
        link_failed(p, a, "our own description could not be read");
        return;
    }
    a->line = (unsigned)sdp.data;
    text_copy(a->local, sizeof a->local, span_of(sdp.fingerprint));
    if (!entry && !a->through_peers)
        return;
    struct buf frame;
    buf_init(&frame, FRAME_MAX_DEFAULT);
    signaling_write_description(
        &frame, address(a, entry), span_of(a->link), type, text, !a->through_peers && entry->dialect);
    a->unsure = !signal(p, a, &frame);
    buf_done(&frame);
}

void connection_candidate(struct peer *p, struct connection *a, struct span candidate)
{
    struct roster_entry *entry = entry_of(p, a);
    if (!entry && !a->through_peers)
        return;
    struct signaling_candidate c = {.candidate = candidate, .mid = span_of(a->mid), .line = a->line};
    struct buf frame;
    buf_init(&frame, FRAME_MAX_DEFAULT);
    signaling_write_candidate(&frame, address(a, entry), span_of(a->link), &c, !a->through_peers && entry->dialect);
    a->unsure |= !signal(p, a, &frame);
    buf_done(&frame);
}

/* ---- theirs ---- */

/* A frame that names no link is good from where the connection began only: a name or key can be copied, a roster entry cannot. */
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
    struct peer_effect *effect = effect_text(p, PEER_FX_RTC_REMOTE, a->rtc, sdp);
    if (effect)
        effect->kind = strdup(type);
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

/* roster entry: NULL if it came through other peers. */
static void on_offer(struct peer *p, struct person *who, struct roster_entry *entry, const struct signaling_message *m)
{
    struct connection *a = connection_of(who, entry, m->link);
    struct sdp sdp;
    struct err err;
    if (!sdp_parse(m->sdp, &sdp, &err)) {
        guard_refuse(p, who, "an offer that cannot be read");
        return;
    }
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
        guard_refuse(p, who, "an answer that cannot be read");
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
    effect_text(p, PEER_FX_RTC_CANDIDATE, a->rtc, m->candidate);
}

static void take(struct peer *p, struct person *who, struct roster_entry *entry, const struct signaling_message *m)
{
    if (m->type == SIGNALING_OFFER)
        on_offer(p, who, entry, m);
    else if (m->type == SIGNALING_ANSWER)
        on_answer(p, who, entry, m);
    else if (m->type == SIGNALING_CANDIDATE)
        on_candidate(p, who, entry, m);
}

void connection_signal(struct peer *p, const struct signaling_message *m)
{
    struct roster_entry *entry = roster_entry(p, m->from);
    if (!entry)
        return;
    if (twin_doubts(p))
        return;
    if (entry->refused_until > p->now) {
        guard_refuse(p, entry->person, "a signal from a seat whose introduction was refused");
        return;
    }
    take(p, entry->person, entry, m);
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

void connection_introduced(struct person *who, uint64_t timestamp)
{
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
        take(p, who, NULL, m);
}

void connection_requested(struct peer *p, struct person *who, const struct envelope *e)
{
    struct signaling_message m;
    struct buf signal, frame;
    buf_init(&signal, FRAME_MAX_DEFAULT);
    buf_init(&frame, FRAME_MAX_DEFAULT + PERSON_MAX + 16);
    if (envelope_member(e, "signal", &signal) && signal.len > 2) {
        buf_byte(&frame, '{');
        write_member_string(&frame, "from", person_id(who));
        buf_byte(&frame, ',');
        buf_add(&frame, signal.p + 1, signal.len - 1);
    }
    if (frame.len > 0 && !frame.failed && signaling_parse(buf_view(&frame), &m)) {
        if (m.link.n > 0)
            requested(p, who, e, &m);
        signaling_done(&m);
    } else {
        guard_refuse(p, who, "a connection request that cannot be read");
    }
    buf_done(&signal);
    buf_done(&frame);
}
