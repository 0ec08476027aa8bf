/* SPDX-License-Identifier: MIT
 *
 * Messages of ours, from the disk to every reader's message_delivered. A message is made, sealed and signed once and
 * shared by its readers; each reader has a delivery, which wanders:
 *
 *     queue ─► flight (handed to a link) ─► done (acknowledged)
 *       ▲        │ ▲ 5 s without an answer: sent again, 3 times in all
 *       │        ▼
 *       └───── paused ◄─ given up for now      all that is not done goes back to the queue, in order, at link-up
 *
 * A group message is handed to the tree once (tree.h), for everybody who can be reached then or later: whoever was
 * away, or did not get it, sees that it lacks it and asks for it (history.c), and often has it from others before
 * its author knows. So it is sent again to a reader that for 5 s acknowledged nothing the room was sent, and then the
 * oldest and the newest only, in copies of its own, marked as sent again, which travel on no tree: the newest shows the
 * reader all that it lacks. Where no link comes up within a second, messages go through others (relay.c); where nobody
 * leads there, others keep copies (store_and_forward.c).
 *
 * At most FLIGHT_MAX are in flight on a link, and no more bytes than one step may hand to io, so an answer is never
 * late only because thousands wait before it. A plain peer acknowledges nothing: what was handed to its open channel
 * counts as delivered. After its time to live (one hour) a message fails, by name, for every reader that has not
 * answered.
 */
#include <assert.h>
#include <stdlib.h>
#include <utlist.h>

#include "peer/core/message/outbox_inner.h"
#include "peer/core/state.h"
#include "peer/core/message/outbox.h"
#include "peer/core/order/tree.h"
#include "peer/core/port/after_commit.h"
#include "peer/core/port/effects.h"
#include "peer/core/port/notice.h"
#include "peer/core/people/guard.h"
#include "peer/core/link/connection.h"
#include "peer/core/link/link.h"
#include "peer/core/link/relay.h"
#include "peer/core/message/broadcast.h"
#include "peer/core/message/conversation.h"
#include "peer/core/message/message_log.h"
#include "peer/core/message/receipt.h"
#include "peer/core/message/status.h"
#include "peer/core/message/store_and_forward.h"

enum way {
    WAY_NONE,
    WAY_LINK,
    WAY_RELAY
};

/* ---- which way ---- */

static enum way way_to(const struct peer *p, const struct person *who)
{
    if (link_can_send(who))
        return WAY_LINK;
    if (!who->keyed || link_is_up(who) || p->now < who->outbox.stuck_at || !relay_reaches(p, who))
        return WAY_NONE;
    return WAY_RELAY;
}

/* Something waits for a person who is not linked: others are asked in a while. */
static void mind(struct peer *p, struct person *who)
{
    struct outbox *box = &who->outbox;
    if (link_is_up(who) || !who->keyed)
        return;
    if (box->stuck_at == NEVER)
        box->stuck_at = p->now + RELAY_AFTER_MS;
    if (box->copies_at == NEVER)
        box->copies_at = p->now + COPIES_AFTER_MS;
    if (box->stuck_at > p->now)
        effect_wake(p, box->stuck_at);
    effect_wake(p, box->copies_at);
    /* What the room is sent goes through others as well. */
    if (!relay_reaches(p, who) || !box->in[DELIVERY_QUEUE] ||
        box->in[DELIVERY_QUEUE]->message->type != ENVELOPE_GROUP_MESSAGE)
        link_wanted(p, who);
}

/* ---- sending ---- */

/* False: its reader does not take so large a message. */
static bool send_copy(struct peer *p, struct delivery *d, enum way way)
{
    assert(d->reader->keyed && d->message->text);
    struct buf text;
    buf_init(&text, PEER_MESSAGE_MAX);
    bool ok = outbox_copy(p, d, way == WAY_RELAY, &text), fits = way == WAY_RELAY || link_fits(d->reader, text.len);
    if (ok && way == WAY_RELAY)
        relay_send(p, d->reader, buf_view(&text));
    else if (ok && fits)
        connection_send(p, d->reader->link.connection, buf_view(&text));
    buf_done(&text);
    return fits;
}

/* Handed to a link. */
static void flies(struct peer *p, struct delivery *d)
{
    assert(d->message->committed && d->reader->keyed);
    p->stats.retransmitted_total += d->sent;
    d->sent = true;
    d->tries++;
    d->sent_at = p->now;
    delivery_move(d, DELIVERY_FLIGHT);
    effect_wake(p, p->now + ACK_TIMEOUT_MS);
}

/* Everybody who can be reached has the room's messages from whoever has them; but for who takes only what is
 * smaller: a copy for one may be. */
static bool rides(const struct peer *p, const struct delivery *d)
{
    const struct person *who = d->reader;
    if (d->message->type != ENVELOPE_GROUP_MESSAGE || d->alone || !who->keyed)
        return false;
    return link_is_up(who) ? link_fits(who, d->message->n) : relay_reaches(p, who);
}

static void ride(struct peer *p, struct delivery *d)
{
    assert(d->message->committed && d->place == DELIVERY_QUEUE);
    struct outbox *box = &d->reader->outbox;
    if (!box->in[DELIVERY_TREE])
        box->tree_at = p->now + ACK_TIMEOUT_MS;
    d->sent = true;
    d->tries = 1;
    d->sent_at = p->now;
    delivery_move(d, DELIVERY_TREE);
    /* What has to be sent again goes through others at once. */
    if (!link_is_up(d->reader) && box->stuck_at == NEVER)
        box->stuck_at = p->now;
    effect_wake(p, box->tree_at);
}

/* Nothing that comes later changes it: what a reader takes it says when the link begins. */
static void too_large(struct peer *p, struct delivery *d)
{
    delivery_failed(p, d, "too-large");
}

static bool send_plain(struct peer *p, struct delivery *d)
{
    assert(!d->reader->keyed && d->message->plain);
    const struct outgoing *m = d->message;
    if (!link_fits(d->reader, m->plain_n)) {
        too_large(p, d);
        return false;
    }
    connection_send(p, d->reader->link.connection, (struct span){m->plain, m->plain_n});
    delivery_done(p, d);
    return true;
}

/* False: it has failed, and nothing went. */
static bool send_delivery(struct peer *p, struct delivery *d, enum way way)
{
    const struct outgoing *m = d->message;
    bool fits = true;
    p->stats.alone_total++;
    if (!d->reader->keyed)
        return send_plain(p, d);
    if (way == WAY_LINK && m->type != ENVELOPE_GROUP_MESSAGE && d->tries == 0 && link_fits(d->reader, m->n))
        connection_send(p, d->reader->link.connection, (struct span){m->text, m->n});
    else
        fits = send_copy(p, d, way);
    if (fits)
        flies(p, d);
    else
        too_large(p, d);
    return fits;
}

void outbox_flush(struct peer *p, struct person *who)
{
    struct outbox *box = &who->outbox;
    enum way way = way_to(p, who);
    size_t max = way == WAY_RELAY ? RELAY_FLIGHT_MAX : FLIGHT_MAX;
    size_t bytes = box->flight_bytes, n = box->count[DELIVERY_FLIGHT];
    struct delivery *d;
    while ((d = box->in[DELIVERY_QUEUE]) && d->message->committed) {
        if (rides(p, d)) {
            ride(p, d);
            continue;
        }
        if (way == WAY_NONE || n >= max || bytes >= FLIGHT_BYTES_MAX)
            break;
        size_t size = d->n;
        if (send_delivery(p, d, way)) {
            n++;
            bytes += size;
        }
        way = way_to(p, who);
    }
    if (box->in[DELIVERY_QUEUE])
        mind(p, who);
    /* Nothing of a plain peer's comes back to make room: io says when it has enough, which it can do between steps. */
    if (!who->keyed && link_can_send(who) && box->in[DELIVERY_QUEUE])
        effect_wake(p, p->now + 1);
}

static void push(struct peer *p, struct outgoing *m)
{
    tree_received(p->tree,
        &(struct tree_message){
            .author = span_of(p->id), .sequence = m->sequence, .has = m->sequence, .is_new = true, .pushed = true},
        p->now);
    broadcast_push(p, NULL, span_of(p->id), (struct span){m->text, m->n});
    struct delivery *next;
    for (struct delivery *d = m->deliveries; d; d = next) {
        next = d->of_next;
        if (rides(p, d))
            ride(p, d);
    }
}

void outbox_release(struct peer *p, struct outgoing *m)
{
    assert(!m->committed);
    struct conversation *c = conversation_find(p, span_of(m->conversation));
    m->committed = true;
    if (c && c->released < m->sequence)
        c->released = m->sequence;
    if (!m->deliveries && m->type != ENVELOPE_GROUP_MESSAGE) {
        outgoing_free(p, m);
        return;
    }
    if (m->type == ENVELOPE_GROUP_MESSAGE && m->text)
        push(p, m);
    if (!m->deliveries) {
        outgoing_free(p, m);
        return;
    }
    struct delivery *next;
    for (struct delivery *d = m->deliveries; d; d = next) {
        /* A plain peer's delivery is done, and gone, once it is sent; the message with the last. */
        struct person *who = d->reader;
        next = d->of_next;
        outbox_flush(p, who);
    }
}

static void requeue_paused(struct outbox *box)
{
    for (struct delivery *d; (d = box->in[DELIVERY_PAUSED]);) {
        d->tries = 0;
        delivery_move(d, DELIVERY_QUEUE);
    }
    delivery_sort(box);
}

/* All that is not done begins again, in order; but what the room was sent may have come through others. */
static void requeue(struct outbox *box, bool reached)
{
    struct delivery *d, *next;
    DL_FOREACH_SAFE (box->in[DELIVERY_FLIGHT], d, next)
        if (!reached || d->message->type != ENVELOPE_GROUP_MESSAGE)
            delivery_move(d, DELIVERY_QUEUE);
    while (!reached && box->in[DELIVERY_TREE])
        delivery_move(box->in[DELIVERY_TREE], DELIVERY_QUEUE);
    requeue_paused(box);
    DL_FOREACH (box->in[DELIVERY_QUEUE], d)
        d->tries = 0;
}

void outbox_link_up(struct peer *p, struct person *who)
{
    assert(link_is_up(who));
    struct outbox *box = &who->outbox;
    box->stuck_at = box->retry_at = box->copies_at = box->passed_at = NEVER;
    requeue(box, false);
    status_tell(p, who);
    receipt_settle(p, who);
    outbox_flush(p, who);
}

void outbox_link_down(struct peer *p, struct person *who)
{
    assert(!link_is_up(who));
    struct outbox *box = &who->outbox;
    if (who->waiting == 0 || !who->keyed)
        return;
    requeue(box, relay_reaches(p, who));
    box->stuck_at = p->now + RELAY_AFTER_MS;
    box->copies_at = p->now + COPIES_AFTER_MS;
    effect_wake(p, box->stuck_at);
}

void outbox_reached(struct peer *p, struct person *who)
{
    struct outbox *box = &who->outbox;
    struct delivery *d;
    DL_FOREACH (box->in[DELIVERY_FLIGHT], d)
        d->tries = 0;
    if (!box->in[DELIVERY_PAUSED])
        return;
    box->retry_at = p->now;
    effect_wake(p, p->now);
}

static struct delivery *find(struct person *who, struct span id)
{
    struct delivery *d;
    HASH_FIND(hh, who->outbox.by_id, id.p, (unsigned)id.n, d);
    return d;
}

void outbox_acknowledged(struct peer *p, struct person *who, struct span id)
{
    struct delivery *d = find(who, id);
    /* What was never sent cannot have been delivered; what is done has been told. */
    if (d && d->message && d->sent)
        delivery_done(p, d);
}

/* Nobody has delivered it yet, but it is safe: no more is sent until something changes. */
void outbox_stored(struct peer *p, struct person *who, struct span id)
{
    struct delivery *d = find(who, id);
    if (d && d->message && d->place == DELIVERY_FLIGHT) {
        delivery_move(d, DELIVERY_PAUSED);
        if (who->outbox.retry_at == NEVER)
            who->outbox.retry_at = p->now + PAUSED_RETRY_MS;
        effect_wake(p, who->outbox.retry_at);
    }
}

void outbox_was_read(struct peer *p, struct person *who, struct span id)
{
    outbox_acknowledged(p, who, id);
    struct delivery *d = find(who, id);
    if (!d && guard_affords(p, &who->inbox.reads_at, READS_MS, READS_BURST))
        message_log_read(p, id, person_id(who));
    if (!d || d->message)
        return;
    /* Not before it is told to be delivered. */
    after_commit_follow(p, &(struct notice){.type = NOTICE_READ, .id = id, .by = person_id(who)});
    delivery_free(p, d);
}

void outbox_never_shown(struct peer *p, struct person *who, struct span id)
{
    struct delivery *d = find(who, id);
    if (!d || !d->message || !d->sent)
        return;
    delivery_failed(p, d, "missed");
}

void outbox_asked(struct peer *p, struct person *who, const struct conversation *c)
{
    static const enum delivery_place late[] = {DELIVERY_FLIGHT, DELIVERY_PAUSED};
    struct outbox *box = &who->outbox;
    for (size_t i = 0; i < sizeof late / sizeof *late; i++) {
        struct delivery *d, *next;
        DL_FOREACH_SAFE (box->in[late[i]], d, next) {
            if (d->sent_at + ASK_AGAIN_MS > p->now || strcmp(d->message->conversation, c->name) != 0)
                continue;
            d->tries = 0;
            delivery_move(d, DELIVERY_QUEUE);
        }
    }
    delivery_sort(box);
    outbox_flush(p, who);
}

static void resend_late(struct peer *p, struct person *who, enum way way)
{
    struct delivery *d;
    /* A delivery that is sent again goes to the end, so the first is always the one that waits longest. */
    while ((d = who->outbox.in[DELIVERY_FLIGHT])) {
        if (d->sent_at + ACK_TIMEOUT_MS > p->now) {
            effect_wake(p, d->sent_at + ACK_TIMEOUT_MS);
            return;
        }
        if (d->tries < TRIES_MAX) {
            send_delivery(p, d, way);
            continue;
        }
        delivery_move(d, DELIVERY_PAUSED);
        if (who->outbox.retry_at == NEVER)
            who->outbox.retry_at = p->now + PAUSED_RETRY_MS;
    }
}

/* They were reached through others when it was sent, and are not now: whoever passed it on may have lost it, so what is
 * late waits again, for a link or for others who keep a copy. */
static void take_back_late(struct peer *p, struct person *who)
{
    struct delivery *d;
    bool any = false;
    while ((d = who->outbox.in[DELIVERY_FLIGHT]) && d->sent_at + ACK_TIMEOUT_MS <= p->now) {
        d->tries = 0;
        delivery_move(d, DELIVERY_QUEUE);
        any = true;
    }
    if (any)
        delivery_sort(&who->outbox);
}

/* Of what rides on the tree. */
static void resend_unheard(struct peer *p, struct person *who, enum way way)
{
    struct outbox *box = &who->outbox;
    struct delivery *oldest = box->in[DELIVERY_TREE];
    if (!oldest)
        return;
    if (p->now >= box->tree_at) {
        struct delivery *newest = oldest->prev;
        box->tree_at = p->now + ACK_TIMEOUT_MS;
        send_delivery(p, oldest, way);
        if (newest != oldest)
            send_delivery(p, newest, way);
    }
    effect_wake(p, box->tree_at);
}

static void seek_custodians(struct peer *p, struct person *who)
{
    who->outbox.copies_at = NEVER;
    if (relay_reaches(p, who))
        return;
    for (int place = 0; place < DELIVERY_DONE; place++)
        for (struct delivery *d = who->outbox.in[place]; d; d = d->next)
            if (d->message->committed && d->message->type != ENVELOPE_GROUP_MESSAGE)
                store_and_forward_give(p, d);
}

void outbox_due(struct peer *p, struct person *who)
{
    struct outbox *box = &who->outbox;
    enum way way;
    if (who->waiting == 0)
        return;
    if (p->now >= box->copies_at)
        seek_custodians(p, who);
    if (p->now >= box->retry_at) {
        box->retry_at = NEVER;
        requeue_paused(box);
    }
    if (p->now >= box->passed_at)
        outbox_requeue_passed(p, box);
    way = way_to(p, who);
    if (way != WAY_NONE) {
        resend_late(p, who, way);
        resend_unheard(p, who, way);
    } else {
        if (!link_is_up(who))
            take_back_late(p, who);
        effect_wake(p, box->stuck_at > p->now ? box->stuck_at : p->now + ACK_TIMEOUT_MS);
    }
    effect_wake(p, box->copies_at);
    effect_wake(p, box->retry_at);
    effect_wake(p, box->passed_at);
    outbox_flush(p, who);
}

/* The list is in order of expiry, which the rows are not; and what nobody waits for is done. */
static int by_expiry(const struct outgoing *a, const struct outgoing *b)
{
    if (a->expires != b->expires)
        return a->expires < b->expires ? -1 : 1;
    return a->sequence < b->sequence ? -1 : a->sequence > b->sequence;
}

void outbox_restored(struct peer *p)
{
    struct outgoing *m, *next;
    uint64_t order = 0;
    DL_SORT(p->outgoing, by_expiry);
    DL_FOREACH_SAFE (p->outgoing, m, next) {
        m->order = ++order;
        m->committed = true;
        if (!m->deliveries)
            outgoing_free(p, m);
    }
    p->order = order;
    for (struct person *who = p->people; who; who = who->hh.next) {
        delivery_sort(&who->outbox);
        if (who->waiting > 0)
            mind(p, who);
    }
}
