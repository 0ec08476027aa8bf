/* SPDX-License-Identifier: MIT
 *
 * Group messages along the tree (tree.h decides, this file says it): what is new goes on at once, before
 * anything else is done with it; what comes a second time tells its bringer to leave the tree; the links that are not
 * in the tree hear what there is, and who lacks something of it asks for it and takes that link into the tree.
 */
#include <assert.h>
#include <stdlib.h>

#include "peer/core/state.h"
#include "peer/core/message/broadcast.h"
#include "peer/core/order/causal.h"
#include "peer/core/order/tree.h"
#include "peer/core/port/effects.h"
#include "peer/core/people/roster.h"
#include "peer/core/link/connection.h"
#include "peer/core/link/link.h"
#include "peer/core/link/send.h"
#include "peer/core/message/conversation.h"
#include "peer/core/message/history.h"
#include "protocol/body.h"

static void say_about_room(struct peer *p, struct person *who, enum envelope_type type, struct span metadata)
{
    char name[ENVELOPE_CONVERSATION_MAX + 1];
    envelope_room_conversation(span_of(p->settings.room), name);
    send_to(p, who, &(struct envelope){.type = type, .metadata = metadata, .conversation = span_of(name)});
}

/* A prune or a graft of that author's tree. */
static void say_of_tree(struct peer *p, struct person *who, enum envelope_type type, struct span author)
{
    struct buf metadata;
    buf_init(&metadata, PERSON_MAX + 64);
    if (body_write_author(&metadata, author))
        say_about_room(p, who, type, buf_view(&metadata));
    buf_done(&metadata);
}

/* The same message one link further. `hops` stands first in what we pass on, so that it is changed without reading
 * it all again. */
static bool further(struct span raw, unsigned hops, struct buf *out)
{
    static const char begin[] = "{\"hops\":";
    size_t skip = 1;
    if (raw.n > sizeof begin && memcmp(raw.p, begin, sizeof begin - 1) == 0) {
        const char *comma = span_find(raw, ',');
        skip = comma ? (size_t)(comma - raw.p) + 1 : 1;
    }
    buf_printf(out, "%s%u,", begin, hops);
    return buf_add(out, raw.p + skip, raw.n - skip);
}

void broadcast_push(struct peer *p, const struct person *from, struct span author, struct span raw)
{
    assert(author.n > 0 && raw.n > 0);
    for (size_t i = 0; i < tree_links(p->tree); i++) {
        bool eager;
        struct person *who = roster_find(p, tree_link(p->tree, i, author, &eager));
        if (!who || who == from || !eager)
            continue;
        if (link_can_send(who)) {
            p->stats.pushed_total += link_fits(who, raw.n);
            connection_send(p, who->link.connection, raw);
        } else {
            who->behind = true;
        }
    }
    effect_wake(p, tree_due(p->tree));
}

static void announce(struct peer *p)
{
    static const size_t max = TREE_OWED_MAX;
    struct tree_newest *owed = calloc(max, sizeof *owed);
    struct body_announcement *newest = owed ? calloc(max, sizeof *newest) : NULL;
    struct span link;
    size_t n;
    while (newest && (n = tree_announcements(p->tree, p->now, &link, owed, max)) > 0) {
        struct person *who = roster_find(p, link);
        struct buf metadata;
        buf_init(&metadata, ENVELOPE_METADATA_MAX);
        for (size_t i = 0; i < n; i++)
            newest[i] = (struct body_announcement){owed[i].author, owed[i].sequence, owed[i].hops};
        if (who && !link_can_send(who)) {
            who->behind = true; /* our clock will tell it */
        } else if (who && body_write_announcements(&metadata, newest, n)) {
            p->stats.announced_total++;
            say_about_room(p, who, ENVELOPE_BROADCAST_ANNOUNCE, buf_view(&metadata));
        }
        buf_done(&metadata);
    }
    free(newest);
    free(owed);
}

static void graft(struct peer *p)
{
    struct tree_graft grafts[HISTORY_AUTHORS_MAX];
    struct span link;
    size_t n;
    for (const struct person *who = p->people; who; who = who->hh.next)
        if (link_is_up(who) && p->now < who->link.heard_at + TREE_ANSWER_MS)
            tree_lives(p->tree, person_id(who), p->now);
    while ((n = tree_grafts(p->tree, p->now, &link, grafts, HISTORY_AUTHORS_MAX)) > 0) {
        struct person *who = roster_find(p, link);
        if (!who || !p->room || !link_can_send(who) || !history_want(p, who, grafts, n)) {
            tree_answered(p->tree, link, p->now);
            continue;
        }
        for (size_t i = 0; i < n; i++)
            if (grafts[i].announced) {
                p->stats.grafted_total++;
                say_of_tree(p, who, ENVELOPE_BROADCAST_GRAFT, grafts[i].author);
            }
    }
}

/* The announcer is the shorter way to the author: its link takes the other's place. */
static void swap_links(struct peer *p, const struct tree_swap *swap, struct span author)
{
    struct person *better = roster_find(p, span_of(swap->graft)), *worse = roster_find(p, span_of(swap->prune));
    if (better)
        say_of_tree(p, better, ENVELOPE_BROADCAST_GRAFT, author);
    if (worse)
        say_of_tree(p, worse, ENVELOPE_BROADCAST_PRUNE, author);
}

void broadcast_lacked(struct peer *p, const struct person *from, struct span author, uint64_t sequence)
{
    assert(p->room && author.n > 0);
    if (span_is(author, p->id))
        return;
    tree_lacked(p->tree,
        &(struct tree_lack){
            .from = person_id(from), .author = author, .sequence = sequence, .has = causal_has(p->room->order, author)},
        p->now);
    effect_wake(p, tree_due(p->tree));
}

void broadcast_answered(struct peer *p, const struct person *who)
{
    tree_answered(p->tree, person_id(who), p->now);
    effect_wake(p, tree_due(p->tree));
}

void broadcast_announced(struct peer *p, struct person *from, const struct envelope *e)
{
    size_t n = 0;
    struct body_announcement *heard = p->room ? body_read_announcements(e, &n) : NULL;
    for (size_t i = 0; heard && i < n; i++) {
        struct tree_newest newest = {heard[i].author, heard[i].sequence, heard[i].hops};
        struct tree_swap swap;
        if (!span_is(newest.author, p->id) &&
            tree_announced(p->tree, person_id(from), &newest, causal_has(p->room->order, newest.author), p->now, &swap))
            swap_links(p, &swap, newest.author);
    }
    free(heard);
    effect_wake(p, tree_due(p->tree));
}

void broadcast_pass_on(struct peer *p, const struct conversation *c, struct person *from, const struct envelope *e,
    struct span raw, bool is_new)
{
    assert(c == p->room);
    struct tree_message m = {.from = person_id(from),
        .author = e->from,
        .sequence = e->sequence,
        .has = causal_has(c->order, e->from),
        .hops = e->hops + 1,
        .is_new = is_new,
        .pushed = true};
    struct buf text;
    switch (tree_received(p->tree, &m, p->now)) {
    case TREE_NEW:
        buf_init(&text, PEER_MESSAGE_MAX);
        if (m.hops <= ENVELOPE_HOPS_MAX && further(raw, m.hops, &text))
            broadcast_push(p, from, e->from, buf_view(&text));
        buf_done(&text);
        break;
    case TREE_PRUNE:
        p->stats.pruned_total++;
        say_of_tree(p, from, ENVELOPE_BROADCAST_PRUNE, e->from);
        break;
    case TREE_NOTHING:
        break;
    }
    effect_wake(p, tree_due(p->tree));
}

void broadcast_pass_by(
    struct peer *p, const struct conversation *c, const struct person *from, const struct envelope *e)
{
    assert(c == p->room);
    struct tree_message m = {.from = from ? person_id(from) : (struct span){0},
        .author = e->from,
        .sequence = e->sequence,
        .has = causal_has(c->order, e->from),
        .is_new = true};
    tree_received(p->tree, &m, p->now);
    effect_wake(p, tree_due(p->tree));
}

void broadcast_due(struct peer *p)
{
    if (p->now >= tree_due(p->tree)) {
        announce(p);
        graft(p);
    }
    effect_wake(p, tree_due(p->tree));
}

void broadcast_link_up(struct peer *p, const struct person *who)
{
    assert(who->keyed && link_is_up(who));
    tree_link_up(p->tree, person_id(who));
}

void broadcast_link_down(struct peer *p, const struct person *who)
{
    tree_link_down(p->tree, person_id(who));
    effect_wake(p, tree_due(p->tree)); /* what it was asked for another is asked for */
}
