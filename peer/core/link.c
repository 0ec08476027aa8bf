/* SPDX-License-Identifier: MIT
 *
 * The link to one person, over all its attempts. The normal path: the smaller seat calls, the channel opens, both
 * introduce themselves, the link is up; a ping every 2 s shows that it lives. After 6 s of silence whoever made the
 * offer restarts ICE on the same connection, once; who is told that ICE lost its pair does so at once, whoever it is,
 * since the other end may have nothing but the silence to go by. If that does not bring it back within 5 s, new attempts
 * follow: after 1, 2 and 4 s, then every 30 s, each and up to a quarter more by chance. The same goes for an attempt
 * that is not up in 15 s.
 *
 * The roles of the first offer stay for restarts and new attempts, whatever seats the two have by then. Whoever waits
 * for the other's call waits PATIENCE_MS longer and then calls: so two who disagree about their turn (one of them
 * began anew and remembers nothing) still meet, and a stranger that never calls is called.
 *
 * Who takes a new seat while its link looks alive may be another process, which knows nothing of the link: it is asked at
 * once, and if it does not answer in PROBE_MS the two begin anew, rather than after 6 s of silence and a restart in vain.
 *
 * A wrong introduction ends the attempt, not the person: the seat that gave it is left alone for 30 s. Plain peers are
 * not pinged, for their application would see it; ICE tells when they are gone.
 */
#include <assert.h>
#include <stdio.h>

#include "peer/core/state.h"

#define MOVE(to) (1u << LINK_##to)
static const unsigned LEGAL[LINK_STATES_COUNT] = {
    [LINK_IDLE] = MOVE(WAITING) | MOVE(CALLING),
    [LINK_WAITING] = MOVE(IDLE) | MOVE(WAITING) | MOVE(CALLING),
    [LINK_CALLING] = MOVE(IDLE) | MOVE(WAITING) | MOVE(CALLING) | MOVE(INTRODUCING) | MOVE(UP),
    [LINK_INTRODUCING] = MOVE(IDLE) | MOVE(WAITING) | MOVE(CALLING) | MOVE(INTRODUCING) | MOVE(UP),
    [LINK_UP] = MOVE(IDLE) | MOVE(WAITING) | MOVE(CALLING) | MOVE(INTRODUCING) | MOVE(UP) | MOVE(RESTARTING),
    [LINK_RESTARTING] = MOVE(IDLE) | MOVE(WAITING) | MOVE(CALLING) | MOVE(INTRODUCING) | MOVE(UP) | MOVE(RESTARTING),
};

static const char *const NAMES[LINK_STATES_COUNT] = {
#define X(name, sentence) [LINK_##name] = #name,
    LINK_STATES(X)
#undef X
};

bool link_is_up(const struct person *who)
{
    return who->link.state == LINK_UP || who->link.state == LINK_RESTARTING;
}

bool link_is_calling(const struct person *who)
{
    return who->link.state == LINK_CALLING;
}

bool link_can_send(const struct person *who)
{
    return who->link.state == LINK_UP && !who->link.attempt->congested;
}

const char *link_path(const struct person *who)
{
    return who->link.attempt && who->link.attempt->path == PEER_PATH_TURN ? "turn" : "direct";
}

static void move(struct peer *p, struct person *who, enum link_state to, uint64_t at)
{
    struct link *link = &who->link;
    bool was_up = link_is_up(who), was_way = link->state == LINK_UP;
    assert(LEGAL[link->state] & (1u << to));
    link->state = to;
    link->at = at;
    if (to == LINK_IDLE || to == LINK_WAITING || to == LINK_CALLING)
        link->probe_at = NEVER;
    effect_wake(p, at);
    effect_log(p, LOG_LEVEL_DEBUG, "link-state", NAMES[to], "peer", person_id(who));
    if (was_way != (to == LINK_UP) || link_is_up(who) != was_up) {
        p->ways_known = false;
        p->routes_changed = true;
    }
    if (link_is_up(who) == was_up)
        return;
    p->stats.links_up += was_up ? UINT64_MAX : 1;
    if (was_up) {
        tree_link_down(p->tree, person_id(who));
        outbox_link_down(p, who);
        news_changed(p);
    }
}

/* ---- calling ---- */

/* Without a seat the identities decide. */
static bool is_our_turn(const struct peer *p, const struct person *who, const struct seat *seat)
{
    if (who->link.has_role)
        return who->link.offerer;
    return seat ? strcmp(p->session.seat, seat->id) < 0 : strcmp(p->id, who->id) < 0;
}

/* Others can carry our signals to this person. */
static bool has_friends(const struct peer *p, const struct person *who)
{
    return !link_is_up(who) && relay_reaches(p, who);
}

static bool is_wanted(const struct peer *p, const struct person *who)
{
    return !who->keyed || overlay_wants(p->overlay, person_id(who)) || who->link.wanted_until > p->now;
}

/* Nobody asks for a link: it waits for a wish, or for the other's call. */
static void park(struct peer *p, struct person *who)
{
    if (who->link.state != LINK_IDLE || who->seats)
        move(p, who, who->seats ? LINK_WAITING : LINK_IDLE, NEVER);
}

static void call(struct peer *p, struct person *who, const struct seat *seat)
{
    struct link *link = &who->link;
    link->attempt = attempt_call(p, who, seat);
    if (!link->attempt) {
        move(p, who, LINK_WAITING, p->now + RETRY_LAST_MS);
        return;
    }
    link->has_role = link->offerer = true;
    move(p, who, LINK_CALLING, p->now + CONNECT_MS);
}

static void ping(struct peer *p, struct person *who)
{
    struct link *link = &who->link;
    link->ping_number = p->now;
    link->ping_at = p->now + PING_MS;
    effect_wake(p, link->ping_at);
    /* Counted on a congested link too, where none can be sent: the other's own pings tell that it lives. */
    link->pings++;
    say_heartbeat(p, who, "ping", p->now);
}

/* When one of this person's seats may be called again; NEVER if there is none, or all are away. */
static uint64_t seats_usable_at(const struct person *who)
{
    uint64_t at = NEVER;
    for (const struct seat *seat = who->seats; seat; seat = seat->next)
        if (!seat->away && seat->refused_until < at)
            at = seat->refused_until;
    return at;
}

static void offer_restart(struct peer *p, struct person *who)
{
    struct link *link = &who->link;
    if (link->offerer || link->attempt->lost)
        attempt_restart(p, link->attempt);
}

/* From the beginning: whose turn it is the seats decide. */
static void begin(struct peer *p, struct person *who)
{
    struct link *link = &who->link;
    struct seat *seat = roster_usable_seat(p, who);
    attempt_free(p, link->attempt);
    link->attempt = NULL;
    link->has_role = false;
    link->failures = 0;
    if (link_is_up(who)) /* moved first: what ends is no way to itself */
        move(p, who, LINK_WAITING, NEVER);
    p->sweep = true;
    if (!is_wanted(p, who) || (!who->seats && !has_friends(p, who)))
        park(p, who);
    else if (!seat && !has_friends(p, who))
        move(p, who, LINK_WAITING, seats_usable_at(who));
    else if (!seat) /* the other must have heard of us before it can answer */
        move(p, who, LINK_WAITING, p->now + FRIENDS_MS + (is_our_turn(p, who, NULL) ? 0 : PATIENCE_MS));
    else if (is_our_turn(p, who, seat))
        call(p, who, seat);
    else
        move(p, who, LINK_WAITING, p->now + PATIENCE_MS);
}

void link_reseated(struct peer *p, struct person *who)
{
    struct link *link = &who->link;
    link->next_offer_at = 0;
    if (link->state == LINK_UP || link->state == LINK_INTRODUCING)
        return;
    if (link->state == LINK_RESTARTING) {
        offer_restart(p, who);
        move(p, who, LINK_RESTARTING, p->now + RESTART_MS);
        return;
    }
    begin(p, who);
}

/* A name or key can be copied, so a new seat alone ends nothing that lives: the link is asked, and has a second to
 * answer. One that is silent already, or not introduced by then, is not waited for. */
void link_seated(struct peer *p, struct person *who)
{
    struct link *link = &who->link;
    link_reseated(p, who);
    if (!who->keyed || !link->attempt || link->state == LINK_CALLING || link->probe_at != NEVER)
        return;
    link->probe = p->now;
    link->probe_at = p->now + PROBE_MS;
    effect_wake(p, link->probe_at);
    if (link->state == LINK_UP)
        ping(p, who);
}

/* What waited for the room begins again. What is under way goes on, unless it lacks something: answers and candidates
 * that were held for us come yet. */
void link_resumed(struct peer *p, struct person *who, bool whole)
{
    const struct link *link = &who->link;
    const struct attempt *a = link->attempt;
    bool lacks = !whole || (a && (a->unsure || !roster_seat(p, span_of(a->seat))));
    if (link->state == LINK_IDLE || link->state == LINK_WAITING || lacks)
        link_reseated(p, who);
}

/* Whether an offer that crossed the news of their loss was held or went with the socket, an answer tells, or none. */
void link_returned(struct peer *p, struct person *who)
{
    const struct link *link = &who->link;
    uint64_t patience = p->now + PATIENCE_MS;
    if (link->state == LINK_IDLE || link->state == LINK_WAITING)
        link_reseated(p, who);
    else if (link->state == LINK_CALLING && link->attempt->unsure && patience < link->at)
        move(p, who, LINK_CALLING, patience);
}

void link_unsure(struct person *who, struct span seat)
{
    struct attempt *a = who->link.attempt;
    if (a && span_is(seat, a->seat))
        a->unsure = true;
}

void link_seat_renamed(struct person *who, struct span from, struct span to)
{
    struct attempt *attempts[] = {who->link.attempt, who->link.rival};
    for (size_t i = 0; i < 2; i++)
        if (attempts[i] && span_is(from, attempts[i]->seat))
            text_copy(attempts[i]->seat, sizeof attempts[i]->seat, to);
}

void link_offered(struct peer *p, struct person *who, struct attempt *a)
{
    struct link *link = &who->link;
    if (!link_is_calling(who) && link->attempt) {
        attempt_free(p, link->rival);
        link->rival = a;
        effect_wake(p, a->began + CONNECT_MS);
        return;
    }
    attempt_free(p, link->attempt);
    link->attempt = a;
    link->has_role = true;
    link->offerer = false;
    move(p, who, LINK_CALLING, p->now + CONNECT_MS);
}

/* ---- endings ---- */

static void promote_rival(struct peer *p, struct person *who)
{
    struct link *link = &who->link;
    struct attempt *a = link->rival;
    link->attempt = a;
    link->rival = NULL;
    link->offerer = false;
    move(p, who, a->open ? LINK_INTRODUCING : LINK_CALLING, a->began + CONNECT_MS);
}

/* Ends the current attempt and sets the time of the next. */
static void retry(struct peer *p, struct person *who)
{
    struct link *link = &who->link;
    struct seat *seat = roster_usable_seat(p, who);
    attempt_free(p, link->attempt);
    link->attempt = NULL;
    p->sweep = true;
    if (link->rival) {
        promote_rival(p, who);
        return;
    }
    if (!who->seats && !has_friends(p, who)) {
        move(p, who, LINK_IDLE, NEVER);
        return;
    }
    if (!is_wanted(p, who)) {
        move(p, who, who->seats ? LINK_WAITING : LINK_IDLE, NEVER);
        return;
    }
    uint64_t base = link->failures < 3 ? (uint64_t)RETRY_FIRST_MS << link->failures : RETRY_LAST_MS;
    link->failures++;
    uint64_t at = p->now + effect_jitter(p, base);
    if (!seat && !has_friends(p, who))
        at = seats_usable_at(who);
    else if (!is_our_turn(p, who, seat))
        at += PATIENCE_MS;
    move(p, who, LINK_WAITING, at);
}

static void drop_rival(struct peer *p, struct person *who)
{
    attempt_free(p, who->link.rival);
    who->link.rival = NULL;
}

static void count_failure(struct peer *p, struct attempt *a)
{
    p->stats.links_failed_total++;
    attempt_report(p, a, true);
}

void link_failed(struct peer *p, struct attempt *a, const char *reason)
{
    struct person *who = a->person;
    if (a == who->link.rival) {
        drop_rival(p, who);
        return;
    }
    if (!link_is_up(who))
        count_failure(p, a);
    char text[64 + CLOSE_REASON_MAX];
    snprintf(text, sizeof text, "retrying: %s", reason);
    notice_link(p, who, text);
    retry(p, who);
}

void link_refused(struct peer *p, struct attempt *a, const char *reason)
{
    struct person *who = a->person;
    struct seat *seat = roster_seat(p, span_of(a->seat));
    char text[64 + CLOSE_REASON_MAX];
    snprintf(text, sizeof text, "introduction refused: %s", reason);
    notice_link(p, who, text);
    inbox_refuse(p, who, reason);
    p->stats.links_failed_total++;
    if (seat && seat->person == who)
        seat->refused_until = p->now + REFUSED_MS;
    if (a == who->link.rival)
        drop_rival(p, who);
    else
        retry(p, who);
}

/* The daemon will say that they left; should it not, or should they stay after all, they are called again. */
void link_farewell(struct peer *p, struct person *who)
{
    if (link_is_up(who))
        retry(p, who);
}

void link_close(struct peer *p, struct person *who)
{
    struct link *link = &who->link;
    drop_rival(p, who);
    attempt_free(p, link->attempt);
    link->attempt = NULL;
    if (link->state != LINK_IDLE)
        move(p, who, LINK_IDLE, NEVER);
    *link = (struct link){.state = LINK_IDLE, .at = NEVER, .probe_at = NEVER};
}

/* ---- what the connection tells ---- */

void link_channel_open(struct peer *p, struct attempt *a, uint16_t channel, struct span label)
{
    struct person *who = a->person;
    if (a->open || !span_is(label, "usher"))
        return;
    a->open = true;
    a->channel = channel;
    if (!who->keyed) {
        link_introduced(p, a);
        return;
    }
    if (a == who->link.attempt)
        move(p, who, LINK_INTRODUCING, a->began + CONNECT_MS);
    intro_send(p, a);
}

void link_channel_closed(struct peer *p, struct attempt *a, uint16_t channel)
{
    if (a->open && a->channel == channel)
        link_failed(p, a, "closed");
}

/* Proved to be here: remembered, and again told what goes on in the room. */
static void see_link(struct peer *p, struct person *who)
{
    who->seen_unix = p->unix_ms;
    roster_store(p, who);
    /* Whoever links can keep copies for those who cannot be reached. */
    for (struct person *other = p->people; other; other = other->hh.next)
        if (other->keyed && !link_is_up(other) && outbox_waiting(other) > 0) {
            other->outbox.custody_at = p->now + CUSTODY_AFTER_MS;
            effect_wake(p, other->outbox.custody_at);
        }
}

/* They are told what went on meanwhile; as soon as the link can take it. */
static void catch_up(struct peer *p, struct person *who)
{
    who->behind = !link_can_send(who);
    if (who->behind)
        return;
    history_link_up(p, who);
    custody_link_up(p, who);
}

void link_introduced(struct peer *p, struct attempt *a)
{
    struct person *who = a->person;
    struct link *link = &who->link;
    if (a == link->rival) {
        attempt_free(p, link->attempt);
        link->attempt = a;
        link->rival = NULL;
    }
    a->introduced = true;
    link->has_role = true;
    link->offerer = a->offerer;
    link->failures = 0;
    link->heard_at = p->now;
    link->pings = 0;
    link->rtt_ms = 0;
    link->probe_at = NEVER;
    p->stats.links_up_total++;
    a->took_ms = p->stats.connect_ms_last = p->now - a->began;
    samples_add(&p->connects, a->took_ms);
    move(p, who, LINK_UP, NEVER);
    trust_meet(p, who);
    if (!who->keyed) {
        attempt_report(p, a, false);
        outbox_link_up(p, who);
        return;
    }
    ping(p, who);
    see_link(p, who);
    tree_link_up(p->tree, person_id(who));
    news_link_up(p, who);
    catch_up(p, who);
    outbox_link_up(p, who);
}

static void restart(struct peer *p, struct person *who)
{
    notice_link(p, who, "restarting");
    /* Moved first: what restarts is no way to itself. */
    move(p, who, LINK_RESTARTING, p->now + RESTART_MS);
    offer_restart(p, who);
}

/* Life on the current attempt. */
static void revive(struct peer *p, struct person *who)
{
    who->link.heard_at = p->now;
    who->link.pings = 0;
    if (who->link.state != LINK_RESTARTING)
        return;
    who->link.probe_at = NEVER;
    move(p, who, LINK_UP, NEVER);
    link_writable(p, who);
}

void link_writable(struct peer *p, struct person *who)
{
    receipt_settle(p, who);
    outbox_due(p, who);
    news_tell(p, who);
    if (who->behind)
        catch_up(p, who);
}

void link_wanted(struct peer *p, struct person *who)
{
    struct link *link = &who->link;
    bool parked = !link->attempt && link->at == NEVER;
    link->wanted_until = p->now + LINGER_MS;
    if (parked && (who->seats || has_friends(p, who)))
        link_reseated(p, who);
}

void link_overlay(struct peer *p)
{
    static const size_t more = 1;
    size_t n = 0;
    struct span *ids = calloc(HASH_COUNT(p->people) + more, sizeof *ids);
    if (!ids)
        return;
    p->overlay_stale = false;
    for (struct person *who = p->people; who; who = who->hh.next)
        if (who->keyed && (roster_there(who) || relay_reaches(p, who)))
            ids[n++] = person_id(who);
    overlay_set(p->overlay, ids, n);
    free(ids);
    for (struct person *who = p->people; who; who = who->hh.next) {
        struct link *link = &who->link;
        if (!link->attempt && link->at == NEVER && is_wanted(p, who) && (who->seats || has_friends(p, who)))
            link_reseated(p, who);
        if (link_is_up(who) && !is_wanted(p, who))
            link->wanted_until = p->now + LINGER_MS;
    }
}

void link_heard(struct peer *p, struct attempt *a)
{
    if (a->introduced && a == a->person->link.attempt)
        revive(p, a->person);
}

void link_ice(struct peer *p, struct attempt *a, bool connected, enum peer_path path)
{
    struct person *who = a->person;
    if (connected) {
        p->routes_changed |= a->path != path;
        a->path = path;
    }
    if (a != who->link.attempt || !a->introduced)
        return;
    a->lost = !connected;
    if (connected)
        revive(p, who);
    else if (who->link.state == LINK_UP)
        restart(p, who);
}

void link_pong(struct peer *p, struct attempt *a, uint64_t number)
{
    struct link *link = &a->person->link;
    if (a != link->attempt || number > p->now)
        return;
    if (number >= link->probe)
        link->probe_at = NEVER;
    if (number != link->ping_number)
        return;
    link->rtt_ms = p->now > number ? p->now - number : 1;
    attempt_report(p, a, false);
}

/* ---- time ---- */

static void up_due(struct peer *p, struct person *who)
{
    struct link *link = &who->link;
    if (!who->keyed)
        return;
    if (p->now >= link->ping_at)
        ping(p, who);
    effect_wake(p, link->ping_at);
    if (!is_wanted(p, who) && outbox_waiting(who) == 0) {
        retry(p, who);
        return;
    }
    /* Three pings must have gone: a machine that slept has sent none, and its links may well live. */
    if (link->state != LINK_UP || link->pings < PINGS_MAX)
        return;
    if (p->now >= link->heard_at + DEAD_MS)
        restart(p, who);
    else
        effect_wake(p, link->heard_at + DEAD_MS);
}

static void waited(struct peer *p, struct person *who)
{
    struct seat *seat = roster_usable_seat(p, who);
    /* Out of the room nothing can be said; the next list of peers begins again. */
    if (p->session.state != SESSION_JOINED)
        seat = NULL;
    if (is_wanted(p, who) && (seat || has_friends(p, who)))
        call(p, who, seat);
    else if (!who->seats)
        move(p, who, LINK_IDLE, NEVER);
    else
        move(p, who, LINK_WAITING, p->session.state == SESSION_JOINED ? seats_usable_at(who) : NEVER);
}

/* Another process has that seat, and knows nothing of this connection. */
static void probe_unanswered(struct peer *p, struct person *who)
{
    struct link *link = &who->link;
    link->probe_at = NEVER;
    notice_link(p, who, "retrying: it sits elsewhere and does not answer");
    if (link->rival)
        retry(p, who);
    else
        begin(p, who);
}

void link_due(struct peer *p, struct person *who)
{
    struct link *link = &who->link;
    if (link->rival && p->now >= link->rival->began + CONNECT_MS)
        drop_rival(p, who);
    if (link->rival)
        effect_wake(p, link->rival->began + CONNECT_MS);
    if (p->now >= link->probe_at)
        probe_unanswered(p, who);
    effect_wake(p, link->probe_at);
    if (p->now >= link->at) {
        if (link->state == LINK_WAITING) {
            waited(p, who);
        } else if (link->state == LINK_RESTARTING) {
            link_failed(p, link->attempt, "the restart did not help");
        } else if (p->now < link->attempt->began + CONNECT_MS) {
            link_reseated(p, who);
        } else {
            notice_link(p, who, "not up in 15 s");
            count_failure(p, link->attempt);
            retry(p, who);
        }
    }
    if (link_is_up(who))
        up_due(p, who);
    effect_wake(p, link->at);
}
