/* SPDX-License-Identifier: MIT
 *
 * Messages of ours, from "accepted" to every reader's message_delivered. A message is made and signed once and shared by
 * its readers; each reader has a delivery, which wanders:
 *
 *     queue ─► flight (handed to the link) ─► done (acknowledged)
 *       ▲        │ ▲ 5 s without an answer: sent again, 3 times in all
 *       │        ▼
 *       └────── held ◄── given up on this link      all that is not done goes back to the queue, in order, at link-up
 *
 * At most FLIGHT_MAX are in flight on a link, and no more bytes than one step may hand to io, so an answer is never late
 * only because thousands wait before it. A plain
 * peer acknowledges nothing: what was handed to its open channel counts as delivered. After its time to live (one hour)
 * a message fails, by name, for every reader that has not answered.
 *
 * A sequence begins at the wall clock's milliseconds: it counts on in steps of one, and a sender that starts again
 * without its memory begins above what it used before, so that readers do not take its messages for old ones.
 */
#include <stdlib.h>
#include <utlist.h>

#include "base/utf8.h"
#include "peer/core/state.h"

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

static void outgoing_free(struct peer *p, struct outgoing *m)
{
    DL_DELETE(p->outgoing, m);
    p->outgoing_count--;
    p->queued_bytes -= m->n;
    free(m->text);
    free(m);
}

/* The delivery waits for nothing any more; its message goes with the last of them. */
static void detach(struct peer *p, struct delivery *d)
{
    struct outgoing *m = d->message;
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
    notice_add(
        p, &(struct notice){.type = NOTICE_FAILED, .id = id, .to = &reader, .to_count = 1, .reason = span_of(reason)});
}

static void delivered(struct peer *p, struct delivery *d)
{
    struct outbox *box = &d->reader->outbox;
    notice_add(p, &(struct notice){.type = NOTICE_DELIVERED, .id = span_of(d->id), .by = person_id(d->reader)});
    p->stats.delivered_total++;
    detach(p, d);
    place(d, DELIVERY_DONE);
    if (box->count[DELIVERY_DONE] > DONE_MAX || !d->reader->keyed)
        delivery_free(p, box->in[DELIVERY_DONE]);
}

/* ---- accepting ---- */

struct draft {
    const struct peer_event *ev;
    enum envelope_type type;
    struct person **readers;
    size_t reader_count;
    char id[ID_CHARS + 1];
    char conversation[ENVELOPE_CONVERSATION_MAX + 1];
};

static void refuse(struct peer *p, const struct peer_event *ev, const char *code, const char *text)
{
    notice_add(p, &(struct notice){.type = NOTICE_ERROR,
                      .code = span_of(code),
                      .text = span_of(text),
                      .ref = ev->send.ref.n ? ev->send.ref : (struct span){0}});
}

/* conversation: NULL for a ref that was accepted before. */
static void accept_notice(struct peer *p, struct span ref, const char *id, const char *conversation)
{
    notice_add(p, &(struct notice){.type = NOTICE_ACCEPTED,
                      .id = span_of(id),
                      .ref = ref.n ? ref : (struct span){0},
                      .conversation = span_of(conversation)});
}

static struct ref *ref_find(struct peer *p, struct span ref)
{
    struct ref *r = NULL;
    if (ref.n)
        HASH_FIND(hh, p->refs, ref.p, (unsigned)ref.n, r);
    return r;
}

static void ref_add(struct peer *p, struct span ref, const char *id)
{
    struct ref *r = ref.n ? calloc(1, sizeof *r) : NULL;
    if (!r)
        return;
    text_copy(r->ref, sizeof r->ref, ref);
    text_copy(r->id, sizeof r->id, span_of(id));
    if (HASH_COUNT(p->refs) >= REFS_MAX) {
        struct ref *oldest = p->refs;
        HASH_DEL(p->refs, oldest);
        free(oldest);
    }
    HASH_ADD_STR(p->refs, ref, r);
    if (!r->hh.tbl)
        free(r);
}

static bool check(struct peer *p, const struct peer_event *ev)
{
    struct span text = ev->send.text, ref = ev->send.ref;
    if (p->session.stopped && !p->people)
        refuse(p, ev, "not-in-room", "the room was left: nobody will ever read this");
    else if (text.n > PEER_TEXT_MAX || ev->send.to_count > ENVELOPE_TO_MAX)
        refuse(p, ev, "too-large", "a message has at most 65536 bytes of text and 256 readers");
    else if (!utf8_valid(text.p, text.n) || !utf8_valid(ref.p, ref.n) || ref.n > REF_MAX)
        refuse(p, ev, "bad-message", "text and ref must be UTF-8, and ref at most 64 bytes");
    else if (p->queued + HASH_COUNT(p->people) > QUEUE_MAX || p->queued_bytes + PEER_MESSAGE_MAX > QUEUE_BYTES_MAX)
        refuse(p, ev, "queue-full", "too much waits for its readers: try again later");
    else
        return true;
    return false;
}

static bool is_in(struct person *const *readers, size_t n, const struct person *who)
{
    for (size_t i = 0; i < n; i++)
        if (readers[i] == who)
            return true;
    return false;
}

static bool find_readers(struct peer *p, struct draft *d)
{
    const struct peer_event *ev = d->ev;
    size_t max = ev->send.to_count ? ev->send.to_count : HASH_COUNT(p->people);
    d->readers = calloc(max ? max : 1, sizeof(struct person *));
    if (!d->readers)
        return false;
    for (size_t i = 0; i < ev->send.to_count; i++) {
        struct person *who = roster_find(p, ev->send.to[i]);
        if (!who) {
            refuse(p, ev, "no-such-peer", "nobody of that id has been seen in this room");
            return false;
        }
        if (!is_in(d->readers, d->reader_count, who))
            d->readers[d->reader_count++] = who;
    }
    if (ev->send.to_count == 0)
        for (struct person *who = p->people; who; who = who->hh.next)
            if (roster_there(who))
                d->readers[d->reader_count++] = who;
    d->type = ev->send.to_count == 0 ? ENVELOPE_GROUP_MESSAGE
              : d->reader_count == 1 ? ENVELOPE_DIRECT_MESSAGE
                                     : ENVELOPE_PRIVATE_MESSAGE;
    return true;
}

/* The envelope, ticking the conversation's clock. */
static bool compose(struct peer *p, struct draft *d, struct buf *out)
{
    struct span to[ENVELOPE_TO_MAX];
    size_t n = d->type == ENVELOPE_GROUP_MESSAGE ? 0 : d->reader_count;
    for (size_t i = 0; i < n; i++)
        to[i] = person_id(d->readers[i]);
    say_conversation(p, span_of(p->id), to, n, d->conversation);
    struct conversation *c = conversation_get(&p->conversations, d->conversation, CONVERSATIONS_MAX, p->unix_ms);
    if (!c)
        return false;
    struct envelope_tick tick = {span_of(p->id), ++c->last};
    struct span text = d->ev->send.text.n ? d->ev->send.text : SPAN("");
    struct envelope e = {.type = d->type,
        .to = to,
        .to_count = n,
        .text = text,
        .sequence = tick.count,
        .clock = &tick,
        .clock_count = 1,
        .requires_ack = true,
        .conversation = span_of(d->conversation)};
    return say_envelope(p, &e, d->id, out);
}

static void deliver_to(struct peer *p, struct outgoing *m, struct person *who)
{
    struct outbox *box = &who->outbox;
    struct delivery *d = outbox_waiting(who) < QUEUE_READER_MAX ? calloc(1, sizeof *d) : NULL;
    if (d) {
        memcpy(d->id, m->id, sizeof d->id);
        HASH_ADD_STR(box->by_id, id, d);
    }
    if (!d || !d->hh.tbl) {
        free(d);
        fail(p, span_of(m->id), person_id(who), "queue-full");
        return;
    }
    d->message = m;
    d->n = m->n;
    d->reader = who;
    DL_APPEND2(m->deliveries, d, of_prev, of_next);
    put(d, DELIVERY_QUEUE);
    p->queued++;
}

static struct outgoing *outgoing_new(struct peer *p, const struct draft *d, struct buf *text)
{
    struct outgoing *m = calloc(1, sizeof *m);
    if (!m)
        return NULL;
    memcpy(m->id, d->id, sizeof m->id);
    m->text = buf_take(text, &m->n);
    m->order = ++p->order;
    m->expires = p->now + ENVELOPE_TTL_DEFAULT_MS;
    DL_APPEND(p->outgoing, m);
    p->outgoing_count++;
    p->queued_bytes += m->n;
    effect_wake(p, m->expires);
    return m;
}

static void accept_draft(struct peer *p, struct draft *d)
{
    struct buf text;
    buf_init(&text, PEER_MESSAGE_MAX);
    struct outgoing *m = find_readers(p, d) && compose(p, d, &text) ? outgoing_new(p, d, &text) : NULL;
    if (m) {
        p->stats.sent_total++;
        ref_add(p, d->ev->send.ref, d->id);
        accept_notice(p, d->ev->send.ref, d->id, d->conversation);
        for (size_t i = 0; i < d->reader_count; i++)
            deliver_to(p, m, d->readers[i]);
        /* Nobody there, or nobody with room for it. */
        if (!m->deliveries)
            outgoing_free(p, m);
        for (size_t i = 0; i < d->reader_count; i++)
            outbox_flush(p, d->readers[i]);
    }
    buf_done(&text);
    free(d->readers);
}

void outbox_accept(struct peer *p, const struct peer_event *ev)
{
    const struct ref *r = ref_find(p, ev->send.ref);
    if (r)
        accept_notice(p, ev->send.ref, r->id, NULL);
    else if (check(p, ev))
        accept_draft(p, &(struct draft){.ev = ev});
}

/* ---- sending ---- */

static void send_delivery(struct peer *p, struct delivery *d)
{
    struct person *who = d->reader;
    attempt_send(p, who->link.attempt, (struct span){d->message->text, d->message->n});
    if (!who->keyed) {
        delivered(p, d);
        return;
    }
    p->stats.retransmitted_total += d->sent;
    d->sent = true;
    d->tries++;
    d->sent_at = p->now;
    place(d, DELIVERY_FLIGHT);
    effect_wake(p, p->now + ACK_TIMEOUT_MS);
}

void outbox_flush(struct peer *p, struct person *who)
{
    struct outbox *box = &who->outbox;
    size_t bytes = box->flight_bytes, n = box->count[DELIVERY_FLIGHT];
    while (link_can_send(who) && box->in[DELIVERY_QUEUE] && n < FLIGHT_MAX && bytes < FLIGHT_BYTES_MAX) {
        n++;
        bytes += box->in[DELIVERY_QUEUE]->n;
        send_delivery(p, box->in[DELIVERY_QUEUE]);
    }
    /* Nothing of a plain peer's comes back to make room: io says when it has enough, which it can do between steps. */
    if (!who->keyed && link_can_send(who) && box->in[DELIVERY_QUEUE])
        effect_wake(p, p->now + 1);
}

static int by_order(const struct delivery *a, const struct delivery *b)
{
    return a->message->order < b->message->order ? -1 : 1;
}

void outbox_link_up(struct peer *p, struct person *who)
{
    struct outbox *box = &who->outbox;
    bool returned = box->in[DELIVERY_FLIGHT] || box->in[DELIVERY_HELD];
    while (box->in[DELIVERY_FLIGHT])
        place(box->in[DELIVERY_FLIGHT], DELIVERY_QUEUE);
    while (box->in[DELIVERY_HELD])
        place(box->in[DELIVERY_HELD], DELIVERY_QUEUE);
    if (returned)
        DL_SORT(box->in[DELIVERY_QUEUE], by_order);
    for (struct delivery *d = box->in[DELIVERY_QUEUE]; returned && d; d = d->next)
        d->tries = 0;
    if (p->away)
        say_presence(p, who, SPAN("away"));
    if (p->status)
        say_status(p, who, span_of(p->status));
    inbox_settle(p, who);
    outbox_flush(p, who);
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

void outbox_was_read(struct peer *p, struct person *who, struct span id)
{
    outbox_acknowledged(p, who, id);
    struct delivery *d = find(who, id);
    if (!d || d->message)
        return;
    notice_add(p, &(struct notice){.type = NOTICE_READ, .id = id, .by = person_id(who)});
    delivery_free(p, d);
}

void outbox_due(struct peer *p, struct person *who)
{
    struct delivery *d;
    if (!link_can_send(who))
        return;
    /* A delivery that is sent again goes to the end, so the first is always the one that waits longest. */
    while ((d = who->outbox.in[DELIVERY_FLIGHT])) {
        if (d->sent_at + ACK_TIMEOUT_MS > p->now) {
            effect_wake(p, d->sent_at + ACK_TIMEOUT_MS);
            break;
        }
        if (d->tries < TRIES_MAX)
            send_delivery(p, d);
        else
            place(d, DELIVERY_HELD);
    }
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

size_t outbox_waiting(const struct person *who)
{
    const size_t *count = who->outbox.count;
    return count[DELIVERY_QUEUE] + count[DELIVERY_FLIGHT] + count[DELIVERY_HELD];
}

void outbox_drop(struct peer *p, struct person *who, const char *reason)
{
    struct delivery *d, *next;
    HASH_ITER (hh, who->outbox.by_id, d, next) {
        if (d->message)
            fail(p, span_of(d->id), person_id(who), reason);
        delivery_free(p, d);
    }
}

void outbox_clear(struct peer *p)
{
    struct ref *r, *next;
    HASH_ITER (hh, p->refs, r, next) {
        HASH_DEL(p->refs, r);
        free(r);
    }
    conversation_clear(&p->conversations);
    free(p->status);
    p->status = NULL;
}
