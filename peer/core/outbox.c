/* SPDX-License-Identifier: MIT
 *
 * Messages of ours, from the disk to every reader's message_delivered. A message is made, sealed and signed once and
 * shared by its readers; each reader has a delivery, which wanders:
 *
 *     queue ─► flight (handed to a link) ─► done (acknowledged)
 *       ▲        │ ▲ 5 s without an answer: sent again, 3 times in all
 *       │        ▼
 *       └────── held ◄── given up for now      all that is not done goes back to the queue, in order, at link-up
 *
 * A group message is handed to the tree once (tree.h) and then counts as in flight to everybody who can be reached;
 * whoever does not answer gets a copy of its own, marked as sent again, which travels on no tree. Where no link comes up
 * within a second, messages go through others (relay.c); where nobody leads there, others keep copies (custody.c).
 *
 * At most FLIGHT_MAX are in flight on a link, and no more bytes than one step may hand to io, so an answer is never late
 * only because thousands wait before it. A plain peer acknowledges nothing: what was handed to its open channel counts
 * as delivered. After its time to live (one hour) a message fails, by name, for every reader that has not answered.
 */
#include <stdlib.h>
#include <utlist.h>

#include "peer/core/state.h"

enum way {
    WAY_NONE,
    WAY_LINK,
    WAY_RELAY
};

static void put(struct delivery *d, enum delivery_place where)
{
    struct outbox *box = &d->reader->outbox;
    d->place = where;
    DL_APPEND(box->in[where], d);
    box->count[where]++;
    box->flight_bytes += where == DELIVERY_FLIGHT ? d->n : 0;
}

static void take(struct delivery *d)
{
    struct outbox *box = &d->reader->outbox;
    DL_DELETE(box->in[d->place], d);
    box->count[d->place]--;
    box->flight_bytes -= d->place == DELIVERY_FLIGHT ? d->n : 0;
}

static void place(struct delivery *d, enum delivery_place to)
{
    take(d);
    put(d, to);
}

/* Nobody needs it any more: a message to few is kept by its author only, and only so long. */
static void forget_rows(struct peer *p, const struct outgoing *m)
{
    struct buf key;
    storage_delete(p, TABLE_OUTGOING, span_of(m->id));
    if (m->type == ENVELOPE_GROUP_MESSAGE)
        return;
    buf_init(&key, ROW_KEY_MAX);
    storage_message_key(&key, m->conversation, span_of(p->id), m->sequence);
    storage_delete(p, TABLE_MESSAGE, buf_view(&key));
    buf_done(&key);
}

static void outgoing_free(struct peer *p, struct outgoing *m)
{
    DL_DELETE(p->outgoing, m);
    HASH_DELETE(hh, p->outgoing_by_id, m);
    p->outgoing_count--;
    p->queued_bytes -= m->n + m->plain_n;
    if (m->text)
        forget_rows(p, m);
    free(m->text);
    free(m->plain);
    free(m);
}

static void row_key(char key[ID_CHARS + PERSON_MAX + 2], const struct delivery *d)
{
    memcpy(key, d->id, ID_CHARS);
    key[ID_CHARS] = '/';
    memcpy(key + ID_CHARS + 1, d->reader->id, PERSON_MAX + 1);
}

/* The delivery waits for nothing any more; its message goes with the last of them. */
static void detach(struct peer *p, struct delivery *d)
{
    struct outgoing *m = d->message;
    char key[ID_CHARS + PERSON_MAX + 2];
    row_key(key, d);
    if (d->reader->keyed)
        storage_delete(p, TABLE_DELIVERY, span_of(key));
    DL_DELETE2(m->deliveries, d, of_prev, of_next);
    d->message = NULL;
    p->queued--;
    if (!m->deliveries)
        outgoing_free(p, m);
}

static void delivery_free(struct peer *p, struct delivery *d)
{
    struct outbox *box = &d->reader->outbox;
    if (d->message)
        detach(p, d);
    take(d);
    HASH_DEL(box->by_id, d);
    free(d);
}

static void fail(struct peer *p, struct span id, struct span reader, const char *reason)
{
    p->stats.failed_total++;
    notice_add(
        p, &(struct notice){.type = NOTICE_FAILED, .id = id, .to = &reader, .to_count = 1, .reason = span_of(reason)});
}

static void delivered(struct peer *p, struct delivery *d)
{
    struct outbox *box = &d->reader->outbox;
    notice_add(p, &(struct notice){.type = NOTICE_DELIVERED, .id = span_of(d->id), .by = person_id(d->reader)});
    d->reader->follows |= d->message->type == ENVELOPE_GROUP_MESSAGE;
    p->stats.delivered_total++;
    if (d->reader->keyed && d->message->began)
        samples_add(&p->deliveries, p->now - d->message->began);
    detach(p, d);
    place(d, DELIVERY_DONE);
    if (box->count[DELIVERY_DONE] > DONE_MAX || !d->reader->keyed)
        delivery_free(p, box->in[DELIVERY_DONE]);
}

/* ---- new ones ---- */

struct outgoing *outbox_find(const struct peer *p, struct span id)
{
    struct outgoing *m = NULL;
    if (id.n)
        HASH_FIND(hh, p->outgoing_by_id, id.p, (unsigned)id.n, m);
    return m;
}

struct outgoing *outbox_add(struct peer *p, const struct outgoing *like, struct buf *text, struct buf *plain)
{
    struct outgoing *m = calloc(1, sizeof *m);
    if (!m)
        return NULL;
    *m = *like;
    m->deliveries = NULL;
    HASH_ADD(hh, p->outgoing_by_id, id, ID_CHARS, m);
    if (!m->hh.tbl) {
        free(m);
        return NULL;
    }
    m->text = text->len ? buf_take(text, &m->n) : NULL;
    m->plain = plain->len ? buf_take(plain, &m->plain_n) : NULL;
    m->order = ++p->order;
    if (m->expires == 0)
        m->expires = p->now + ENVELOPE_TTL_DEFAULT_MS;
    DL_APPEND(p->outgoing, m);
    p->outgoing_count++;
    p->queued_bytes += m->n + m->plain_n;
    effect_wake(p, m->expires);
    if (m->text)
        storage_put(p, TABLE_OUTGOING, span_of(m->id), (struct span){m->text, m->n});
    return m;
}

bool outbox_add_reader(struct peer *p, struct outgoing *m, struct person *who)
{
    struct outbox *box = &who->outbox;
    char key[ID_CHARS + PERSON_MAX + 2];
    if (outbox_waiting(who) == 0)
        box->stuck_at = NEVER;
    struct delivery *d = outbox_waiting(who) < QUEUE_READER_MAX ? calloc(1, sizeof *d) : NULL;
    if (d) {
        memcpy(d->id, m->id, sizeof d->id);
        HASH_ADD_STR(box->by_id, id, d);
    }
    if (!d || !d->hh.tbl) {
        free(d);
        fail(p, span_of(m->id), person_id(who), "queue-full");
        return false;
    }
    d->message = m;
    d->n = who->keyed ? m->n : m->plain_n;
    d->reader = who;
    DL_APPEND2(m->deliveries, d, of_prev, of_next);
    put(d, DELIVERY_QUEUE);
    p->queued++;
    row_key(key, d);
    if (who->keyed && !who->stored)
        roster_store(p, who); /* the next start must know whom it is for */
    if (who->keyed)
        storage_put(p, TABLE_DELIVERY, span_of(key), SPAN(""));
    return true;
}

uint64_t outbox_first_unheard(const struct person *who, const struct conversation *c)
{
    uint64_t first = 0;
    for (int place = 0; place < DELIVERY_DONE; place++)
        for (const struct delivery *d = who->outbox.in[place]; d; d = d->next)
            if (strcmp(d->message->conversation, c->name) == 0 && (first == 0 || d->message->sequence < first))
                first = d->message->sequence;
    return first;
}

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
    if (box->custody_at == NEVER)
        box->custody_at = p->now + CUSTODY_AFTER_MS;
    if (box->stuck_at > p->now)
        effect_wake(p, box->stuck_at);
    effect_wake(p, box->custody_at);
    /* What the room is told goes through others as well. */
    if (!relay_reaches(p, who) || !box->in[DELIVERY_QUEUE] ||
        box->in[DELIVERY_QUEUE]->message->type != ENVELOPE_GROUP_MESSAGE)
        link_wanted(p, who);
}

/* ---- sending ---- */

bool outbox_copy(const struct peer *p, const struct delivery *d, bool relayed, struct buf *out)
{
    struct envelope e;
    struct span us = span_of(p->id);
    if (!envelope_parse((struct span){d->message->text, d->message->n}, &e, NULL))
        return false;
    e.retry_count = d->tries > 0 ? d->tries : d->message->type == ENVELOPE_GROUP_MESSAGE;
    e.route = relayed ? &us : NULL;
    e.route_count = relayed ? 1 : 0;
    bool ok = envelope_write_for(&e, person_id(d->reader), out);
    envelope_done(&e);
    return ok;
}

static bool send_copy(struct peer *p, struct delivery *d, enum way way)
{
    struct buf text;
    buf_init(&text, PEER_MESSAGE_MAX);
    bool ok = outbox_copy(p, d, way == WAY_RELAY, &text);
    if (ok && way == WAY_RELAY)
        ok = relay_send(p, d->reader, buf_view(&text));
    else if (ok)
        attempt_send(p, d->reader->link.attempt, buf_view(&text));
    buf_done(&text);
    return ok;
}

/* Handed to a link, by itself or with the tree. */
static void flies(struct peer *p, struct delivery *d)
{
    p->stats.retransmitted_total += d->sent;
    d->sent = true;
    d->tries++;
    d->sent_at = p->now;
    place(d, DELIVERY_FLIGHT);
    /* With the tree it may go to somebody without a link: what is sent again goes through others. */
    if (!link_is_up(d->reader) && d->reader->outbox.stuck_at == NEVER)
        d->reader->outbox.stuck_at = p->now;
    effect_wake(p, p->now + ACK_TIMEOUT_MS);
}

static void send_delivery(struct peer *p, struct delivery *d, enum way way)
{
    struct outgoing *m = d->message;
    p->stats.alone_total++;
    if (!d->reader->keyed) {
        attempt_send(p, d->reader->link.attempt, (struct span){m->plain, m->plain_n});
        delivered(p, d);
        return;
    }
    if (way == WAY_LINK && m->type != ENVELOPE_GROUP_MESSAGE && d->tries == 0)
        attempt_send(p, d->reader->link.attempt, (struct span){m->text, m->n});
    else
        send_copy(p, d, way);
    flies(p, d);
}

void outbox_flush(struct peer *p, struct person *who)
{
    struct outbox *box = &who->outbox;
    enum way way = way_to(p, who);
    size_t max = way == WAY_RELAY ? RELAY_FLIGHT_MAX : FLIGHT_MAX;
    size_t bytes = box->flight_bytes, n = box->count[DELIVERY_FLIGHT];
    struct delivery *d;
    while ((d = box->in[DELIVERY_QUEUE]) && d->message->committed && way != WAY_NONE && n < max &&
           bytes < FLIGHT_BYTES_MAX) {
        n++;
        bytes += d->n;
        send_delivery(p, d, way);
        way = way_to(p, who);
    }
    if (box->in[DELIVERY_QUEUE])
        mind(p, who);
    /* Nothing of a plain peer's comes back to make room: io says when it has enough, which it can do between steps. */
    if (!who->keyed && link_can_send(who) && box->in[DELIVERY_QUEUE])
        effect_wake(p, p->now + 1);
}

/* Pushed to the links of the tree; who cannot take it now, or has a full window, gets it by itself later. */
static void push(struct peer *p, struct outgoing *m)
{
    tree_received(p->tree,
        &(struct tree_message){
            .author = span_of(p->id), .sequence = m->sequence, .has = m->sequence, .is_new = true, .pushed = true},
        p->now);
    broadcast_push(p, NULL, span_of(p->id), (struct span){m->text, m->n});
    struct delivery *next;
    for (struct delivery *d = m->deliveries; d; d = next) {
        struct person *who = d->reader;
        next = d->of_next;
        bool queued_before = who->outbox.in[DELIVERY_QUEUE] != d;
        if (!who->keyed || queued_before || who->outbox.count[DELIVERY_FLIGHT] >= FLIGHT_MAX)
            continue;
        if (link_can_send(who) || (!link_is_up(who) && relay_reaches(p, who)))
            flies(p, d);
    }
}

void outbox_release(struct peer *p, struct outgoing *m)
{
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

static int by_order(const struct delivery *a, const struct delivery *b)
{
    return a->message->order < b->message->order ? -1 : 1;
}

/* All that is not done begins again, in order; but what the room was told may have come through others. */
static void requeue(struct outbox *box, bool reached)
{
    struct delivery *d, *next;
    DL_FOREACH_SAFE (box->in[DELIVERY_FLIGHT], d, next)
        if (!reached || d->message->type != ENVELOPE_GROUP_MESSAGE)
            place(d, DELIVERY_QUEUE);
    while (box->in[DELIVERY_HELD])
        place(box->in[DELIVERY_HELD], DELIVERY_QUEUE);
    DL_SORT(box->in[DELIVERY_QUEUE], by_order);
    DL_FOREACH (box->in[DELIVERY_QUEUE], d)
        d->tries = 0;
}

void outbox_link_up(struct peer *p, struct person *who)
{
    struct outbox *box = &who->outbox;
    box->stuck_at = box->retry_at = box->custody_at = NEVER;
    requeue(box, false);
    if (p->status)
        say_status(p, who, span_of(p->status));
    receipt_settle(p, who);
    outbox_flush(p, who);
}

void outbox_link_down(struct peer *p, struct person *who)
{
    struct outbox *box = &who->outbox;
    if (outbox_waiting(who) == 0 || !who->keyed)
        return;
    requeue(box, relay_reaches(p, who));
    box->stuck_at = p->now + RELAY_AFTER_MS;
    box->custody_at = p->now + CUSTODY_AFTER_MS;
    effect_wake(p, box->stuck_at);
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
        delivered(p, d);
}

/* Nobody has delivered it yet, but it is safe: no more is sent until something changes. */
void outbox_stored(struct peer *p, struct person *who, struct span id)
{
    struct delivery *d = find(who, id);
    if (d && d->message && d->place == DELIVERY_FLIGHT) {
        place(d, DELIVERY_HELD);
        if (who->outbox.retry_at == NEVER)
            who->outbox.retry_at = p->now + HELD_RETRY_MS;
        effect_wake(p, who->outbox.retry_at);
    }
}

void outbox_was_read(struct peer *p, struct person *who, struct span id)
{
    outbox_acknowledged(p, who, id);
    struct delivery *d = find(who, id);
    if (!d || d->message)
        return;
    notice_add(p, &(struct notice){.type = NOTICE_READ, .id = id, .by = person_id(who)});
    delivery_free(p, d);
}

void outbox_clock(struct peer *p, struct person *who, const struct conversation *c, uint64_t count)
{
    for (int place = 0; place < DELIVERY_DONE; place++) {
        struct delivery *d = who->outbox.in[place], *next;
        for (; d; d = next) {
            next = d->next;
            if (d->message->committed && d->message->sequence <= count &&
                strcmp(d->message->conversation, c->name) == 0)
                delivered(p, d);
        }
    }
}

void outbox_asked(struct peer *p, struct person *who, const struct conversation *c)
{
    static const enum delivery_place late[] = {DELIVERY_FLIGHT, DELIVERY_HELD};
    struct outbox *box = &who->outbox;
    for (size_t i = 0; i < sizeof late / sizeof *late; i++) {
        struct delivery *d, *next;
        DL_FOREACH_SAFE (box->in[late[i]], d, next) {
            if (d->sent_at + ASK_AGAIN_MS > p->now || strcmp(d->message->conversation, c->name) != 0)
                continue;
            d->tries = 0;
            place(d, DELIVERY_QUEUE);
        }
    }
    DL_SORT(box->in[DELIVERY_QUEUE], by_order);
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
        place(d, DELIVERY_HELD);
        if (who->outbox.retry_at == NEVER)
            who->outbox.retry_at = p->now + HELD_RETRY_MS;
    }
}

static void retry_held(struct person *who)
{
    struct outbox *box = &who->outbox;
    box->retry_at = NEVER;
    for (struct delivery *d; (d = box->in[DELIVERY_HELD]);) {
        d->tries = 0;
        place(d, DELIVERY_QUEUE);
    }
    DL_SORT(box->in[DELIVERY_QUEUE], by_order);
}

static void seek_custody(struct peer *p, struct person *who)
{
    who->outbox.custody_at = NEVER;
    if (relay_reaches(p, who))
        return;
    for (int place = 0; place < DELIVERY_DONE; place++)
        for (struct delivery *d = who->outbox.in[place]; d; d = d->next)
            if (d->message->committed && d->message->type != ENVELOPE_GROUP_MESSAGE)
                custody_give(p, d);
}

void outbox_due(struct peer *p, struct person *who)
{
    struct outbox *box = &who->outbox;
    enum way way;
    if (outbox_waiting(who) == 0)
        return;
    if (p->now >= box->custody_at)
        seek_custody(p, who);
    if (p->now >= box->retry_at)
        retry_held(who);
    way = way_to(p, who);
    if (way != WAY_NONE)
        resend_late(p, who, way);
    else
        effect_wake(p, box->stuck_at > p->now ? box->stuck_at : p->now + ACK_TIMEOUT_MS);
    effect_wake(p, box->custody_at);
    effect_wake(p, box->retry_at);
    outbox_flush(p, who);
}

void outbox_expire(struct peer *p)
{
    while (p->outgoing && p->outgoing->expires <= p->now) {
        /* The message goes with its last delivery. */
        struct delivery *d = p->outgoing->deliveries, *next;
        for (; d; d = next) {
            next = d->of_next;
            fail(p, span_of(d->id), person_id(d->reader), "expired");
            delivery_free(p, d);
        }
    }
    if (p->outgoing)
        effect_wake(p, p->outgoing->expires);
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
        DL_SORT(who->outbox.in[DELIVERY_QUEUE], by_order);
        if (outbox_waiting(who) > 0)
            mind(p, who);
    }
}

void outbox_missed(struct peer *p, struct person *who, const struct conversation *c, uint64_t from, uint64_t to)
{
    for (int place = 0; place < DELIVERY_DONE; place++) {
        struct delivery *d = who->outbox.in[place], *next;
        for (; d; d = next) {
            next = d->next;
            if (d->message->sequence < from || d->message->sequence > to ||
                strcmp(d->message->conversation, c->name) != 0)
                continue;
            fail(p, span_of(d->id), person_id(who), "missed");
            delivery_free(p, d);
        }
    }
}

size_t outbox_waiting(const struct person *who)
{
    const size_t *count = who->outbox.count;
    return count[DELIVERY_QUEUE] + count[DELIVERY_FLIGHT] + count[DELIVERY_HELD];
}

void outbox_drop(struct peer *p, struct person *who, const char *reason)
{
    struct delivery *d, *next;
    HASH_ITER (hh, who->outbox.by_id, d, next) {
        if (d->message && (!p->closing || !who->keyed))
            fail(p, span_of(d->id), person_id(who), reason);
        delivery_free(p, d);
    }
}
