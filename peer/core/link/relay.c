/* SPDX-License-Identifier: MIT
 *
 * Through others to somebody without a link: at most RELAYS_MAX of them. Everybody tells everybody who it is linked
 * with and how far that is (presence_gossip.c), and a link counts when both its ends tell of it, so nobody can draw
 * messages to itself by claims alone. From that follows, for each person, the quickest way within the allowed number of
 * steps; it is worked out when something has changed and somebody asks.
 *
 * A relay knows the path so far (`route`), never the rest: each step is chosen with what is known there. Who finds
 * itself in the route, or would be one relay too many, drops the message; its sender sends it again or, when the link
 * tables have changed, another way.
 */
#include <assert.h>
#include <stdlib.h>

#include "peer/core/state.h"
#include "peer/core/link/relay.h"
#include "peer/core/port/notice.h"
#include "peer/core/people/facts.h"
#include "peer/core/people/guard.h"
#include "peer/core/people/roster.h"
#include "peer/core/link/connection.h"
#include "peer/core/link/link.h"

static uint64_t rtt(uint64_t ms)
{
    return ms ? ms : 1;
}

/* Everybody's first step and cost over at most so many relays, one more with each round. */
static void widen(struct peer *p, size_t relays)
{
    for (struct person *x = p->people; x; x = x->hh.next) {
        x->way.ms = x->way.next_ms;
        x->way.first[relays] = x->way.next_first;
    }
    for (struct person *x = p->people; x; x = x->hh.next) {
        if (!x->way.first[relays])
            continue;
        for (size_t i = 0; i < x->presence.link_count; i++) {
            struct person *y = x->presence.links[i].person;
            uint64_t ms = x->way.ms + rtt(x->presence.links[i].rtt_ms);
            if (!y || (y->way.next_first && y->way.next_ms <= ms))
                continue;
            y->way.next_ms = ms;
            y->way.next_first = x->way.first[relays];
        }
    }
}

/* Which links both ends tell of. */
static void match_links(struct peer *p)
{
    for (struct person *x = p->people; x; x = x->hh.next)
        for (size_t i = 0; i < x->presence.link_count; i++) {
            struct person *y = roster_find(p, span_of(x->presence.links[i].id));
            x->presence.links[i].person = y && y != x && relay_names(y, x->id) ? y : NULL;
        }
}

static void find_ways(struct peer *p)
{
    p->ways_known = true;
    match_links(p);
    for (struct person *x = p->people; x; x = x->hh.next) {
        bool linked = x->keyed && x->link.state == LINK_UP;
        x->way.next_ms = rtt(x->link.rtt_ms);
        x->way.next_first = linked ? x : NULL;
    }
    for (size_t relays = 0; relays <= RELAYS_MAX; relays++)
        widen(p, relays);
}

static struct person *first_step(const struct peer *p, const struct person *who, size_t relays)
{
    if (!p->ways_known)
        find_ways((struct peer *)p);
    return who->way.first[relays];
}

bool relay_reaches(const struct peer *p, const struct person *who)
{
    return who->keyed && first_step(p, who, RELAYS_MAX) != NULL;
}

/* Anybody linked with both of us. */
static struct person *friend_of(const struct peer *p, const struct person *who, const struct span *avoid, size_t n)
{
    for (struct person *x = p->people; x; x = x->hh.next)
        if (x != who && x->keyed && link_can_send(x) && !span_is_among(x->id, avoid, n) && relay_names(x, who->id) &&
            relay_names(who, x->id))
            return x;
    return NULL;
}

/* The first step of the quickest way over the relays that are left, of which those to be avoided have had a part; if
 * that is one of them, a friend. */
static struct person *step_to(const struct peer *p, struct person *who, const struct span *avoid, size_t n)
{
    assert(n <= RELAYS_MAX);
    if (link_can_send(who) || n == RELAYS_MAX)
        return who;
    struct person *first = first_step(p, who, RELAYS_MAX - n);
    if (first && !span_is_among(first->id, avoid, n))
        return first;
    return friend_of(p, who, avoid, n);
}

struct person *relay_first(struct peer *p, struct person *who)
{
    assert(who->keyed);
    /* What is said about a link goes around it, while it may be dead. */
    struct person *around = link_is_up(who) ? friend_of(p, who, NULL, 0) : NULL;
    struct person *first = around ? around : step_to(p, who, NULL, 0);
    return first && link_can_send(first) ? first : NULL;
}

bool relay_send(struct peer *p, struct person *who, struct span text)
{
    struct person *first = relay_first(p, who);
    assert(text.p);
    if (!first)
        return false;
    p->stats.relayed_out_total++;
    connection_send(p, first->link.connection, text);
    return true;
}

/* As it goes on to `next`. False: there is no memory, or the next takes no message of that size. */
static bool write_on(const struct peer *p, const struct envelope *e, const struct person *next, struct buf *text)
{
    struct span route[ENVELOPE_ROUTE_MAX];
    struct envelope copy = *e;
    memcpy(route, e->route, e->route_count * sizeof *route);
    route[e->route_count] = span_of(p->id);
    copy.route = route;
    copy.route_count = e->route_count + 1;
    return envelope_write(&copy, text) && link_fits(next, text->len);
}

struct person *relay_next(
    struct peer *p, struct person *from, const struct envelope *e, struct span reader, struct buf *text)
{
    assert(from->keyed && reader.n > 0);
    struct person *who = roster_find(p, reader);
    struct person *next = NULL;
    if (e->route_count == 0 || span_is_among(p->id, e->route, e->route_count)) {
        guard_refuse(p, from, "a message for somebody else that goes in circles");
        return NULL;
    }
    /* The route names its sender and the relays before us. */
    if (e->route_count <= RELAYS_MAX && who && who->keyed)
        next = step_to(p, who, e->route, e->route_count);
    if (next && next != from && link_can_send(next) && write_on(p, e, next, text))
        return next;
    p->stats.relay_dropped_total++;
    return NULL;
}

void relay_pass(struct peer *p, struct person *from, const struct envelope *e, struct span reader)
{
    struct buf text;
    buf_init(&text, PEER_MESSAGE_MAX);
    const struct person *next = relay_next(p, from, e, reader, &text);
    if (next) {
        p->stats.relayed_total++;
        connection_send(p, next->link.connection, buf_view(&text));
    }
    buf_done(&text);
}

/* Static; NULL if nothing leads there. */
static const char *path_to(const struct peer *p, const struct person *who)
{
    if (link_is_up(who))
        return link_path(who);
    return relay_reaches(p, who) ? "relay" : NULL;
}

void relay_show(struct peer *p)
{
    p->routes_changed = false;
    for (struct person *who = p->people; who; who = who->hh.next) {
        const char *path = path_to(p, who);
        if (path == who->shown || (path && who->shown && strcmp(path, who->shown) == 0))
            continue;
        if (path && !who->shown)
            fact_add(p, who, FACT_REACHED);
        who->shown = path;
        fact_add(p, who, FACT_PATH);
        notice_add(p, &(struct notice){.type = NOTICE_PEER,
                          .id = person_id(who),
                          .name = span_of(who->name),
                          .up = path != NULL,
                          .path = path ? path : link_path(who),
                          .verified = who->keyed});
    }
}

bool relay_names(const struct person *who, const char *id)
{
    for (size_t i = 0; i < who->presence.link_count; i++)
        if (strcmp(who->presence.links[i].id, id) == 0)
            return true;
    return false;
}

void relay_forget(struct peer *p, struct person *who)
{
    who->presence.link_count = 0;
    p->ways_known = false;
    p->routes_changed = true;
}
