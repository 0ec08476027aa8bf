/* SPDX-License-Identifier: MIT
 *
 * The link to one person, over all its connections. The normal path: the smaller roster entry calls, the channel opens,
 * both introduce themselves, the link is up, and its pulse is watched (link_pulse.c). If it is lost, or a connection is
 * not up in 15 s, new connections follow: after 1, 2 and 4 s, then every 30 s, each and up to a quarter more by chance.
 *
 * Whoever waits for the other's call (link_wish.c) waits PATIENCE_MS longer and then calls: so two who disagree about
 * their turn (one of them began anew and remembers nothing) still meet, and a stranger that never calls is called.
 *
 * A wrong introduction ends the connection, not the person: the roster entry that gave it is left alone for 30 s.
 */
#include <assert.h>
#include <stdio.h>

#include "peer/core/link/link_inner.h"
#include "peer/core/state.h"
#include "peer/core/link/link.h"
#include "peer/core/port/effects.h"
#include "peer/core/people/facts.h"
#include "peer/core/people/guard.h"
#include "peer/core/people/roster.h"
#include "peer/core/people/trust.h"
#include "peer/core/link/call.h"
#include "peer/core/link/connection.h"
#include "peer/core/link/introduction.h"

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

/* To its person's link, as the connection or as its rival. */
static bool belongs(const struct connection *a)
{
    return a == a->person->link.connection || a == a->person->link.rival;
}

void link_move(struct peer *p, struct person *who, enum link_state to, uint64_t at)
{
    struct link *link = &who->link;
    bool was_up = link_is_up(who), was_way = link->state == LINK_UP;
    assert(LEGAL[link->state] & (1u << to));
    assert((to == LINK_IDLE || to == LINK_WAITING) == !link->connection);
    link->state = to;
    link->at = at;
    who->engaged = to != LINK_IDLE;
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
    if (was_up)
        fact_add(p, who, FACT_LINK_DOWN);
}

/* ---- calling ---- */

/* Nobody asks for a link: it waits for a wish, or for the other's call. */
static void park(struct peer *p, struct person *who)
{
    if (who->link.state != LINK_IDLE || who->entries)
        link_move(p, who, who->entries ? LINK_WAITING : LINK_IDLE, NEVER);
}

static void call(struct peer *p, struct person *who, const struct roster_entry *entry)
{
    struct link *link = &who->link;
    link->connection = call_begin(p, who, entry);
    if (!link->connection) {
        link_move(p, who, LINK_WAITING, p->now + RETRY_LAST_MS);
        return;
    }
    link->has_role = link->offerer = true;
    link_move(p, who, LINK_CALLING, p->now + CONNECT_MS);
}

/* From the beginning: whose turn it is the roster entries decide. */
void link_begin(struct peer *p, struct person *who)
{
    struct link *link = &who->link;
    struct roster_entry *entry = roster_usable_entry(p, who);
    connection_free(p, link->connection);
    link->connection = NULL;
    link->has_role = false;
    link->failures = 0;
    if (link_is_up(who)) /* before anybody asks what leads there: a link that ends does not */
        link_move(p, who, LINK_WAITING, NEVER);
    p->sweep = true;
    if (!link_is_wanted(p, who) || (!who->entries && !link_has_friends(p, who)))
        park(p, who);
    else if (!entry && !link_has_friends(p, who))
        link_move(p, who, LINK_WAITING, link_callable_at(who));
    else if (!entry) /* the other must have heard of us before it can answer */
        link_move(p, who, LINK_WAITING, p->now + FRIENDS_MS + (link_is_our_turn(p, who, NULL) ? 0 : PATIENCE_MS));
    else if (link_is_our_turn(p, who, entry))
        call(p, who, entry);
    else
        link_move(p, who, LINK_WAITING, p->now + PATIENCE_MS);
}

void link_entry_changed(struct peer *p, struct person *who)
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

/* What waited for the room begins again. What was begun goes on, unless it lacks something: answers and candidates
 * that the daemon kept for us come yet. */
void link_resumed(struct peer *p, struct person *who, bool whole)
{
    const struct link *link = &who->link;
    const struct connection *a = link->connection;
    bool lacks = !whole || (a && (a->unsure || !roster_entry(p, span_of(a->peer_id))));
    if (link->state == LINK_IDLE || link->state == LINK_WAITING || lacks)
        link_entry_changed(p, who);
}

/* Whether an offer that crossed the word of their loss was kept or went with the socket, an answer tells, or none. */
void link_returned(struct peer *p, struct person *who)
{
    const struct link *link = &who->link;
    uint64_t patience = p->now + PATIENCE_MS;
    if (link->state == LINK_IDLE || link->state == LINK_WAITING)
        link_entry_changed(p, who);
    else if (link->state == LINK_CALLING && link->connection->unsure && patience < link->at)
        link_move(p, who, LINK_CALLING, patience);
}

void link_unsure(struct person *who, struct span entry)
{
    struct connection *a = who->link.connection;
    if (a && span_is(entry, a->peer_id))
        a->unsure = true;
}

void link_entry_renamed(struct person *who, struct span from, struct span to)
{
    struct connection *connections[] = {who->link.connection, who->link.rival};
    for (size_t i = 0; i < 2; i++)
        if (connections[i] && span_is(from, connections[i]->peer_id))
            text_copy(connections[i]->peer_id, sizeof connections[i]->peer_id, to);
}

void link_offered(struct peer *p, struct person *who, struct connection *a)
{
    assert(a->person == who && !a->open);
    struct link *link = &who->link;
    if (!link_is_calling(who) && link->connection) {
        connection_free(p, link->rival);
        link->rival = a;
        effect_wake(p, a->began + CONNECT_MS);
        return;
    }
    connection_free(p, link->connection);
    link->connection = a;
    link->has_role = true;
    link->offerer = false;
    link_move(p, who, LINK_CALLING, p->now + CONNECT_MS);
}

/* ---- endings ---- */

static void promote_rival(struct peer *p, struct person *who)
{
    assert(who->link.rival && !who->link.connection);
    struct link *link = &who->link;
    struct connection *a = link->rival;
    link->connection = a;
    link->rival = NULL;
    link->offerer = false;
    link_move(p, who, a->open ? LINK_INTRODUCING : LINK_CALLING, a->began + CONNECT_MS);
}

/* Ends the current connection and sets the time of the next. */
void link_retry(struct peer *p, struct person *who)
{
    struct link *link = &who->link;
    struct roster_entry *entry = roster_usable_entry(p, who);
    connection_free(p, link->connection);
    link->connection = NULL;
    p->sweep = true;
    if (link->rival) {
        promote_rival(p, who);
        return;
    }
    if (!who->entries && !link_has_friends(p, who)) {
        link_move(p, who, LINK_IDLE, NEVER);
        return;
    }
    if (!link_is_wanted(p, who)) {
        link_move(p, who, who->entries ? LINK_WAITING : LINK_IDLE, NEVER);
        return;
    }
    uint64_t base = link->failures < 3 ? (uint64_t)RETRY_FIRST_MS << link->failures : RETRY_LAST_MS;
    link->failures++;
    uint64_t at = p->now + effect_jitter(p, base);
    if (!entry && !link_has_friends(p, who))
        at = link_callable_at(who);
    else if (!link_is_our_turn(p, who, entry))
        at += PATIENCE_MS;
    link_move(p, who, LINK_WAITING, at);
}

static void drop_rival(struct peer *p, struct person *who)
{
    connection_free(p, who->link.rival);
    who->link.rival = NULL;
}

static void count_failure(struct peer *p, struct connection *a)
{
    p->stats.links_failed_total++;
    connection_report(p, a, true);
}

void link_failed(struct peer *p, struct connection *a, const char *reason)
{
    assert(belongs(a) && reason);
    struct person *who = a->person;
    if (a == who->link.rival) {
        drop_rival(p, who);
        return;
    }
    if (!link_is_up(who))
        count_failure(p, a);
    char text[64 + CLOSE_REASON_MAX];
    snprintf(text, sizeof text, "retrying: %s", reason);
    link_notice(p, who, text);
    link_retry(p, who);
}

void link_refused(struct peer *p, struct connection *a, const char *reason)
{
    assert(belongs(a) && reason);
    struct person *who = a->person;
    struct roster_entry *entry = roster_entry(p, span_of(a->peer_id));
    char text[64 + CLOSE_REASON_MAX];
    snprintf(text, sizeof text, "introduction refused: %s", reason);
    link_notice(p, who, text);
    guard_refuse(p, who, reason);
    p->stats.links_failed_total++;
    if (entry && entry->person == who)
        entry->refused_until = p->now + REFUSED_MS;
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
    connection_free(p, link->connection);
    link->connection = NULL;
    if (link->state != LINK_IDLE)
        link_move(p, who, LINK_IDLE, NEVER);
    *link = (struct link){.state = LINK_IDLE, .at = NEVER, .probe_at = NEVER};
}

/* ---- what the connection tells ---- */

void link_channel_open(struct peer *p, struct connection *a, uint16_t channel, struct span label)
{
    assert(belongs(a));
    struct person *who = a->person;
    if (a->open || !span_is(label, "usher"))
        return;
    a->open = true;
    a->channel = channel;
    if (!who->keyed) {
        link_introduced(p, a);
        return;
    }
    if (a == who->link.connection)
        link_move(p, who, LINK_INTRODUCING, a->began + CONNECT_MS);
    introduction_send(p, a);
}

void link_channel_closed(struct peer *p, struct connection *a, uint16_t channel)
{
    assert(belongs(a));
    if (a->open && a->channel == channel)
        link_failed(p, a, "closed");
}

void link_introduced(struct peer *p, struct connection *a)
{
    assert(belongs(a) && a->open && !a->introduced);
    struct person *who = a->person;
    struct link *link = &who->link;
    if (a == link->rival) {
        connection_free(p, link->connection);
        link->connection = a;
        link->rival = NULL;
        fact_add(p, who, FACT_LINK_REPLACED);
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
    fact_add(p, who, FACT_LINK_UP);
    if (!who->keyed) {
        connection_report(p, a, false);
        return;
    }
    link_ping(p, who);
    who->seen_unix = p->unix_ms;
    roster_store(p, who);
}

/* ---- time ---- */

static void waited(struct peer *p, struct person *who)
{
    struct roster_entry *entry = roster_usable_entry(p, who);
    /* Out of the room nothing can be said; the next list of peers begins again. */
    if (p->session.state != SESSION_JOINED)
        entry = NULL;
    if (link_is_wanted(p, who) && (entry || link_has_friends(p, who)))
        call(p, who, entry);
    else if (!who->entries)
        link_move(p, who, LINK_IDLE, NEVER);
    else
        link_move(p, who, LINK_WAITING, p->session.state == SESSION_JOINED ? link_callable_at(who) : NEVER);
}

void link_due(struct peer *p, struct person *who)
{
    assert(!who->left);
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
            link_failed(p, link->connection, "the restart did not help");
        } else if (p->now < link->connection->began + CONNECT_MS) {
            link_entry_changed(p, who);
        } else {
            link_notice(p, who, "not up in 15 s: of many networks, --ice-address names the one to use");
            count_failure(p, link->connection);
            link_retry(p, who);
        }
    }
    if (link_is_up(who))
        link_pulse(p, who);
    effect_wake(p, link->at);
}
