/* SPDX-License-Identifier: MIT
 *
 * The link to one person, over all its attempts. The normal path: the smaller seat calls, the channel opens, both
 * introduce themselves, the link is up, and its pulse is watched (link_pulse.c). If it is lost, or an attempt is not up
 * in 15 s, new attempts follow: after 1, 2 and 4 s, then every 30 s, each and up to a quarter more by chance.
 *
 * Whoever waits for the other's call (link_wish.c) waits PATIENCE_MS longer and then calls: so two who disagree about
 * their turn (one of them began anew and remembers nothing) still meet, and a stranger that never calls is called.
 *
 * A wrong introduction ends the attempt, not the person: the seat that gave it is left alone for 30 s.
 */
#include <assert.h>
#include <stdio.h>

#include "peer/core/link_inner.h"

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

bool link_fits(const struct person *who, size_t n)
{
    return link_is_up(who) && attempt_fits(who->link.attempt, n);
}

const char *link_path(const struct person *who)
{
    return who->link.attempt && who->link.attempt->path == PEER_PATH_TURN ? "turn" : "direct";
}

void link_move(struct peer *p, struct person *who, enum link_state to, uint64_t at)
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
        effect_wake(p, tree_due(p->tree)); /* what it was asked for another is asked for */
        outbox_link_down(p, who);
        receipt_link_down(p, who);
        custody_link_down(p, who);
        news_changed(p);
    }
}

/* ---- calling ---- */

/* Nobody asks for a link: it waits for a wish, or for the other's call. */
static void park(struct peer *p, struct person *who)
{
    if (who->link.state != LINK_IDLE || who->seats)
        link_move(p, who, who->seats ? LINK_WAITING : LINK_IDLE, NEVER);
}

static void call(struct peer *p, struct person *who, const struct seat *seat)
{
    struct link *link = &who->link;
    link->attempt = attempt_call(p, who, seat);
    if (!link->attempt) {
        link_move(p, who, LINK_WAITING, p->now + RETRY_LAST_MS);
        return;
    }
    link->has_role = link->offerer = true;
    link_move(p, who, LINK_CALLING, p->now + CONNECT_MS);
}

/* From the beginning: whose turn it is the seats decide. */
void link_begin(struct peer *p, struct person *who)
{
    struct link *link = &who->link;
    struct seat *seat = roster_usable_seat(p, who);
    attempt_free(p, link->attempt);
    link->attempt = NULL;
    link->has_role = false;
    link->failures = 0;
    if (link_is_up(who)) /* moved first: what ends is no way to itself */
        link_move(p, who, LINK_WAITING, NEVER);
    p->sweep = true;
    if (!link_is_wanted(p, who) || (!who->seats && !link_has_friends(p, who)))
        park(p, who);
    else if (!seat && !link_has_friends(p, who))
        link_move(p, who, LINK_WAITING, link_seats_usable_at(who));
    else if (!seat) /* the other must have heard of us before it can answer */
        link_move(p, who, LINK_WAITING, p->now + FRIENDS_MS + (link_is_our_turn(p, who, NULL) ? 0 : PATIENCE_MS));
    else if (link_is_our_turn(p, who, seat))
        call(p, who, seat);
    else
        link_move(p, who, LINK_WAITING, p->now + PATIENCE_MS);
}

void link_reseated(struct peer *p, struct person *who)
{
    struct link *link = &who->link;
    link->next_offer_at = 0;
    if (link->state == LINK_UP || link->state == LINK_INTRODUCING)
        return;
    if (link->state == LINK_RESTARTING) {
        link_offer_restart(p, who);
        link_move(p, who, LINK_RESTARTING, p->now + RESTART_MS);
        return;
    }
    link_begin(p, who);
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
        link_move(p, who, LINK_CALLING, patience);
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
    link_move(p, who, LINK_CALLING, p->now + CONNECT_MS);
}

/* ---- endings ---- */

static void promote_rival(struct peer *p, struct person *who)
{
    struct link *link = &who->link;
    struct attempt *a = link->rival;
    link->attempt = a;
    link->rival = NULL;
    link->offerer = false;
    link_move(p, who, a->open ? LINK_INTRODUCING : LINK_CALLING, a->began + CONNECT_MS);
}

/* Ends the current attempt and sets the time of the next. */
void link_retry(struct peer *p, struct person *who)
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
    if (!who->seats && !link_has_friends(p, who)) {
        link_move(p, who, LINK_IDLE, NEVER);
        return;
    }
    if (!link_is_wanted(p, who)) {
        link_move(p, who, who->seats ? LINK_WAITING : LINK_IDLE, NEVER);
        return;
    }
    uint64_t base = link->failures < 3 ? (uint64_t)RETRY_FIRST_MS << link->failures : RETRY_LAST_MS;
    link->failures++;
    uint64_t at = p->now + effect_jitter(p, base);
    if (!seat && !link_has_friends(p, who))
        at = link_seats_usable_at(who);
    else if (!link_is_our_turn(p, who, seat))
        at += PATIENCE_MS;
    link_move(p, who, LINK_WAITING, at);
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
    link_retry(p, who);
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
        link_retry(p, who);
}

/* The daemon will say that they left; should it not, or should they stay after all, they are called again. */
void link_farewell(struct peer *p, struct person *who)
{
    if (link_is_up(who))
        link_retry(p, who);
}

void link_close(struct peer *p, struct person *who)
{
    struct link *link = &who->link;
    drop_rival(p, who);
    attempt_free(p, link->attempt);
    link->attempt = NULL;
    if (link->state != LINK_IDLE)
        link_move(p, who, LINK_IDLE, NEVER);
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
        link_move(p, who, LINK_INTRODUCING, a->began + CONNECT_MS);
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
        custody_link_down(p, who); /* what the former link took is not known to have come */
    }
    a->introduced = true;
    link->has_role = true;
    link->offerer = a->offerer;
    link->failures = 0;
    link->heard_at = p->now;
    link->pings = 0;
    link->rtt_ms = 0;
    link->probe_at = link->idle_since = NEVER;
    p->stats.links_up_total++;
    a->took_ms = p->stats.connect_ms_last = p->now - a->began;
    samples_add(&p->connects, a->took_ms);
    link_move(p, who, LINK_UP, NEVER);
    trust_meet(p, who);
    if (!who->keyed) {
        attempt_report(p, a, false);
        outbox_link_up(p, who);
        return;
    }
    link_ping(p, who);
    see_link(p, who);
    tree_link_up(p->tree, person_id(who));
    news_link_up(p, who);
    catch_up(p, who);
    outbox_link_up(p, who);
}

void link_writable(struct peer *p, struct person *who)
{
    receipt_settle(p, who);
    outbox_due(p, who);
    news_tell(p, who);
    if (who->behind)
        catch_up(p, who);
}

/* ---- time ---- */

static void waited(struct peer *p, struct person *who)
{
    struct seat *seat = roster_usable_seat(p, who);
    /* Out of the room nothing can be said; the next list of peers begins again. */
    if (p->session.state != SESSION_JOINED)
        seat = NULL;
    if (link_is_wanted(p, who) && (seat || link_has_friends(p, who)))
        call(p, who, seat);
    else if (!who->seats)
        link_move(p, who, LINK_IDLE, NEVER);
    else
        link_move(p, who, LINK_WAITING, p->session.state == SESSION_JOINED ? link_seats_usable_at(who) : NEVER);
}

void link_due(struct peer *p, struct person *who)
{
    struct link *link = &who->link;
    if (link->rival && p->now >= link->rival->began + CONNECT_MS)
        drop_rival(p, who);
    if (link->rival)
        effect_wake(p, link->rival->began + CONNECT_MS);
    if (p->now >= link->probe_at)
        link_probe_unanswered(p, who);
    effect_wake(p, link->probe_at);
    if (p->now >= link->at) {
        if (link->state == LINK_WAITING) {
            waited(p, who);
        } else if (link->state == LINK_RESTARTING) {
            link_failed(p, link->attempt, "the restart did not help");
        } else if (p->now < link->attempt->began + CONNECT_MS) {
            link_reseated(p, who);
        } else {
            notice_link(p, who, "not up in 15 s: of many networks, --ice-address names the one to use");
            count_failure(p, link->attempt);
            link_retry(p, who);
        }
    }
    if (link_is_up(who))
        link_pulse(p, who);
    effect_wake(p, link->at);
}
