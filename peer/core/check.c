/* SPDX-License-Identifier: MIT
 *
 * Invariants, for tests: everything is walked and counted again.
 */
#include <assert.h>
#include <utlist.h>

#include "peer/core/state.h"
#include "peer/core/transfer/block_map.h"
#include "peer/core/order/causal.h"
#include "peer/core/order/tree.h"
#include "peer/core/port/after_commit.h"
#include "peer/core/port/effects.h"
#include "peer/core/people/roster.h"
#include "peer/core/people/trust.h"
#include "peer/core/link/connection.h"
#include "peer/core/link/link.h"
#include "peer/core/message/compose.h"
#include "peer/core/message/conversation.h"
#include "peer/core/message/outbox.h"
#include "peer/core/message/receipt.h"
#include "peer/core/message/store_and_forward.h"

static size_t check_connection(const struct peer *p, const struct person *who, const struct connection *a)
{
    if (!a)
        return 0;
    assert(a->person == who);
    assert(connection_find(p, a->rtc) == a);
    assert(a->candidates <= PEER_CANDIDATES_MAX);
    assert(!a->introduced || a->open);
    return 1;
}

static size_t check_link(const struct peer *p, const struct person *who)
{
    const struct link *link = &who->link;
    bool has_connection = link->state != LINK_IDLE && link->state != LINK_WAITING;
    assert((link->connection != NULL) == has_connection);
    assert(!link->rival || link_is_up(who) || link->state == LINK_INTRODUCING);
    assert(link->probe_at == NEVER || link->state >= LINK_INTRODUCING);
    assert(!link->rival || !link->rival->introduced);
    assert(!has_connection || link->connection->introduced == link_is_up(who));
    assert(link->state != LINK_INTRODUCING || (who->keyed && link->connection->open));
    return check_connection(p, who, link->connection) + check_connection(p, who, link->rival);
}

static void check_outbox(const struct person *who)
{
    const struct outbox *box = &who->outbox;
    size_t all = 0, flight = 0;
    for (int place = 0; place < DELIVERY_PLACES; place++) {
        size_t n = 0;
        for (const struct delivery *d = box->in[place]; d; d = d->next, n++) {
            assert(d->place == (enum delivery_place)place && d->reader == who);
            assert((d->message == NULL) == (place == DELIVERY_DONE));
            flight += place == DELIVERY_FLIGHT ? d->n : 0;
        }
        assert(n == box->count[place]);
        all += n;
    }
    assert(all == HASH_COUNT(box->by_id) && flight == box->flight_bytes);
    assert(who->waiting <= QUEUE_READER_MAX);
    assert(box->count[DELIVERY_FLIGHT] <= FLIGHT_MAX && box->count[DELIVERY_DONE] <= DONE_MAX);
}

/* Whatever waits for this person has somebody who looks after it: an answer in flight, or a time when it is tried
 * again. */
static void check_care(const struct peer *p, const struct person *who)
{
    const struct outbox *box = &who->outbox;
    const struct delivery *first = box->in[DELIVERY_QUEUE];
    bool may_go = link_can_send(who) && first && first->message->committed;
    assert(!may_go || !who->keyed || box->count[DELIVERY_FLIGHT] > 0);
    assert(box->count[DELIVERY_PAUSED] == 0 || (box->retry_at != NEVER && p->wake <= box->retry_at));
    assert(box->count[DELIVERY_FLIGHT] + box->count[DELIVERY_TREE] == 0 || p->wake <= p->now + ACK_TIMEOUT_MS);
    assert(
        !first || !first->message->committed || !who->keyed || link_is_up(who) || p->wake <= p->now + ACK_TIMEOUT_MS);
    assert(p->wake <= who->inbox.acks_at);
    assert(!who->inbox.acks || !who->keyed || link_is_up(who) || who->inbox.acks_at != NEVER);
}

static void check_inbox(const struct person *who)
{
    const struct inbox *box = &who->inbox;
    size_t n = 0;
    for (const struct seen *s = box->acks; s; s = s->ack_next, n++)
        assert(s->owes_ack);
    assert(n == box->ack_count);
    assert(HASH_COUNT(box->seen) <= SEEN_MAX && who->presence.link_count <= LINKS_TOLD_MAX);
}

static void check_conversation(const struct peer *p, const struct conversation *c)
{
    struct causal_gap gap;
    uint64_t due = causal_due(c->order);
    assert(conversation_find(p, span_of(c->name)) == c);
    assert(c->missing_count <= MISSING_MAX);
    for (size_t i = 0; i < c->missing_count; i++)
        assert(c->missing[i].from <= c->missing[i].to && (!c->missing[i].unreported || c->tell_at != NEVER));
    assert(p->wake <= c->tell_at);
    assert(causal_waiting(c->order) <= CAUSAL_WAITING_MAX && causal_waiting_bytes(c->order) <= CAUSAL_BYTES_MAX);
    /* Nothing is missing without somebody being asked, and nothing waits without an end. */
    assert(c->ask_at != NEVER || causal_gaps(c->order, &gap, 1) == 0);
    assert(causal_waiting(c->order) == 0 || due != CAUSAL_NEVER);
    assert(p->wake <= c->ask_at && (due <= p->now ? c->ask_at != NEVER : p->wake <= due));
}

/* Of the first giver: in time each of them is. */
static void check_copies(const struct peer *p)
{
    size_t copies = 0, of_one = 0, bytes_of_one = 0;
    for (const struct stored_copy *h = p->copies; h; h = h->hh.next) {
        bool one = strcmp(h->giver, p->copies->giver) == 0;
        copies += h->n;
        of_one += one;
        bytes_of_one += one ? h->n : 0;
        assert(p->wake <= h->expires);
    }
    assert(copies == p->copies_bytes && copies <= COPIES_BYTES_MAX);
    assert(of_one <= COPIES_GIVER_MAX && bytes_of_one <= COPIES_BYTES_MAX / COPIES_GIVER_PART);
}

static void check_conversations(const struct peer *p)
{
    size_t rooms = 0;
    for (const struct conversation *c = p->conversations; c; c = c->hh.next) {
        check_conversation(p, c);
        rooms += c->room;
    }
    assert(rooms <= 1 && (rooms == 1) == (p->room != NULL));
    assert(HASH_COUNT(p->conversations) <= CONVERSATIONS_MAX);
    assert(!p->facts.first && p->after_commits.n <= AFTER_COMMITS_MAX && p->load_count <= LOADS_MAX);
}

static void check_outgoing(const struct peer *p, size_t waiting)
{
    size_t n = 0, bytes = 0, deliveries = 0;
    for (const struct outgoing *m = p->outgoing; m; m = m->next, n++) {
        assert(m->deliveries || !m->committed);
        assert(!m->next || m->expires <= m->next->expires);
        assert(outbox_find(p, span_of(m->id)) == m);
        bytes += m->n + m->plain_n;
        for (const struct delivery *d = m->deliveries; d; d = d->of_next, deliveries++)
            assert(d->message == m);
    }
    assert(n == p->outgoing_count && bytes == p->queued_bytes && bytes <= QUEUE_BYTES_MAX);
    assert(!p->outgoing || p->wake <= p->outgoing->expires);
    assert(deliveries == p->queued && deliveries == waiting && p->queued <= QUEUE_MAX);
}

size_t peer_tree(const struct peer *p, struct span author, char (*ids)[PERSON_MAX + 1], size_t max)
{
    size_t n = 0;
    for (size_t i = 0; n < max && i < tree_links(p->tree); i++) {
        bool eager;
        struct span link = tree_link(p->tree, i, author, &eager);
        n += eager && text_copy(ids[n], sizeof ids[n], link);
    }
    return n;
}

/* What is awaited of people, and what is there. */
static void check_downloads(const struct peer *p)
{
    unsigned fetches = 0, awaited = 0;
    for (const struct download *d = p->downloads; d; d = d->hh.next) {
        assert(d->state == DOWNLOAD_FETCHING || !d->fetches);
        assert(!d->have || d->have_count == block_map_count(d->have, d->blocks));
        for (const struct fetch *f = d->fetches; f; f = f->next) {
            assert(block_map_has(d->asked, f->block) && !block_map_has(d->have, f->block));
            fetches++;
            awaited += f->awaited;
        }
    }
    assert(fetches == p->fetches && fetches <= FETCHES_MAX);
    for (const struct person *who = p->people; who; who = who->hh.next) {
        assert(who->fetching <= FETCH_MAX && who->fetching <= awaited);
        assert(serve_count(who->serving.given) <= SERVED_MAX &&
               serve_count(who->serving.queue) <= WANTED_MAX + SERVED_MAX);
        awaited -= who->fetching;
    }
    assert(awaited == 0);
}

void peer_check(const struct peer *p)
{
    size_t connections = 0, entries = 0, up = 0, waiting = 0;
    for (const struct person *who = p->people; who; who = who->hh.next) {
        assert(roster_find(p, person_id(who)) == who);
        for (const struct roster_entry *entry = who->entries; entry; entry = entry->next, entries++)
            assert(entry->person == who && roster_entry(p, span_of(entry->id)) == entry);
        assert(who->keyed || who->entries || who->link.state != LINK_IDLE);
        /* Without a roster entry friends may lead there: it is tried for as long as they do. */
        assert(who->entries || who->link.state == LINK_IDLE || who->link.connection ||
               (who->keyed && who->link.at != NEVER));
        connections += check_link(p, who);
        check_outbox(who);
        check_inbox(who);
        check_care(p, who);
        up += link_is_up(who);
        waiting += who->waiting;
    }
    assert(connections == HASH_COUNT(p->connections));
    assert(entries == HASH_COUNT(p->entries));
    assert(up == p->stats.links_up);
    assert(HASH_COUNT(p->people) <= PEOPLE_MAX && HASH_COUNT(p->entries) <= ENTRIES_MAX);
    assert(HASH_COUNT(p->refs) <= REFS_MAX && HASH_COUNT(p->known) <= NAMES_MAX);
    assert(p->wake <= tree_due(p->tree));
    check_outgoing(p, waiting);
    check_conversations(p);
    check_copies(p);
    check_downloads(p);
}
