/* SPDX-License-Identifier: MIT
 *
 * What the outbox keeps: messages by their number and in the order of their end, deliveries by reader and place, and
 * the rows of both. A message goes with the last delivery that waits for it; what is delivered is remembered for a
 * while longer, since it may yet be read.
 *
 * How a delivery ended is written into its row, told once that is on the disk, and then the row goes. Rejected: to delete
 * the row and tell in the same step, as was done: a crash took back the one and not the other, and who had heard
 * "delivered" heard "failed" an hour later; and to tell when the row's end is on the disk: a crash then told nothing.
 */
#include <assert.h>
#include <stdlib.h>
#include <utlist.h>

#include "peer/core/message/outbox_inner.h"
#include "peer/core/state.h"
#include "peer/core/port/after_commit.h"
#include "peer/core/port/effects.h"
#include "peer/core/port/notice.h"
#include "peer/core/port/storage.h"
#include "peer/core/people/roster.h"
#include "peer/core/link/connection.h"
#include "peer/core/message/conversation.h"
#include "peer/core/message/outbox.h"

static void put(struct delivery *d, enum delivery_place where)
{
    struct outbox *box = &d->reader->outbox;
    d->place = where;
    d->reader->waiting += where != DELIVERY_DONE;
    DL_APPEND(box->in[where], d);
    box->count[where]++;
    box->flight_bytes += where == DELIVERY_FLIGHT ? d->n : 0;
}

static void take(struct delivery *d)
{
    struct outbox *box = &d->reader->outbox;
    DL_DELETE(box->in[d->place], d);
    d->reader->waiting -= d->place != DELIVERY_DONE;
    box->count[d->place]--;
    box->flight_bytes -= d->place == DELIVERY_FLIGHT ? d->n : 0;
}

void delivery_move(struct delivery *d, enum delivery_place to)
{
    assert((to == DELIVERY_DONE) == !d->message);
    take(d);
    put(d, to);
}

/* Nobody needs it any more: a message to few is kept by its author only, and only so long. */
static void forget_rows(struct peer *p, const struct outgoing *m)
{
    storage_delete(p, TABLE_OUTGOING, span_of(m->id));
    if (m->type == ENVELOPE_GROUP_MESSAGE)
        return;
    struct row_key key = storage_message_key(m->conversation, span_of(p->id), m->sequence);
    storage_delete(p, TABLE_MESSAGE, span_of(key.text));
}

void outgoing_free(struct peer *p, struct outgoing *m)
{
    assert(!m->deliveries);
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

/* ---- how a delivery ends ---- */

enum {
    ENDED_MAX = 32 /* bytes of a reason */
};

static const char DELIVERED[] = "delivered"; /* the value of a row; else it is the reason why it failed, or empty */

struct delivery_key {
    char text[ENVELOPE_ID_MAX + 1 + PERSON_MAX + 1];
};

static struct delivery_key delivery_key(struct span id, struct span reader)
{
    assert(id.n <= ENVELOPE_ID_MAX && reader.n <= PERSON_MAX);
    struct delivery_key key = {{0}};
    memcpy(key.text, id.p, id.n);
    key.text[id.n] = '/';
    memcpy(key.text + id.n + 1, reader.p, reader.n);
    return key;
}

static struct notice end_notice(struct span id, const struct span *reader, struct span how)
{
    if (span_is(how, DELIVERED))
        return (struct notice){.type = NOTICE_DELIVERED, .id = id, .by = *reader};
    return (struct notice){.type = NOTICE_FAILED, .id = id, .to = reader, .to_count = 1, .reason = how};
}

/* Of small letters and dashes. */
static bool is_end(struct span how)
{
    size_t i = 0;
    while (i < how.n && ((how.p[i] >= 'a' && how.p[i] <= 'z') || how.p[i] == '-'))
        i++;
    return i == how.n && how.n > 0 && how.n <= ENDED_MAX;
}

/* Behind `accepted`, which may still wait. To a plain peer nothing is kept, so nothing can be taken back. */
static void tell_end(struct peer *p, const struct person *who, struct span id, const char *how)
{
    struct span reader = person_id(who);
    struct notice n = end_notice(id, &reader, span_of(how));
    assert(is_end(span_of(how)));
    if (!who->keyed) {
        after_commit_follow(p, &n);
        return;
    }
    storage_put(p, TABLE_DELIVERY, span_of(delivery_key(id, reader).text), span_of(how));
    if (!after_commit_end(p, &n, id, reader))
        notice_add(p, &n);
}

bool outbox_ended(struct peer *p, struct span id, struct span reader, struct span how)
{
    struct notice n = end_notice(id, &reader, how);
    return envelope_id_valid(id) && person_id_valid(reader) && is_end(how) && after_commit_end(p, &n, id, reader);
}

void outbox_told(struct peer *p, struct span id, struct span reader)
{
    storage_delete(p, TABLE_DELIVERY, span_of(delivery_key(id, reader).text));
}

/* The delivery waits for nothing any more; its message goes with the last of them. */
static void detach(struct peer *p, struct delivery *d)
{
    assert(d->message && p->queued > 0);
    struct outgoing *m = d->message;
    DL_DELETE2(m->deliveries, d, of_prev, of_next);
    d->message = NULL;
    p->queued--;
    if (!m->deliveries)
        outgoing_free(p, m);
}

void delivery_free(struct peer *p, struct delivery *d)
{
    struct outbox *box = &d->reader->outbox;
    if (d->message)
        detach(p, d);
    take(d);
    HASH_DEL(box->by_id, d);
    free(d);
}

void delivery_failed(struct peer *p, struct delivery *d, const char *reason)
{
    assert(d->message && reason && *reason);
    p->stats.failed_total++;
    tell_end(p, d->reader, span_of(d->id), reason);
    delivery_free(p, d);
}

void delivery_done(struct peer *p, struct delivery *d)
{
    assert(d->message && d->place != DELIVERY_DONE);
    struct outbox *box = &d->reader->outbox;
    tell_end(p, d->reader, span_of(d->id), DELIVERED);
    if (d->message->type == ENVELOPE_GROUP_MESSAGE) {
        d->reader->follows = true;
        box->tree_at = p->now + ACK_TIMEOUT_MS;
    }
    p->stats.delivered_total++;
    if (d->reader->keyed && d->message->began)
        samples_add(&p->deliveries, p->now - d->message->began);
    detach(p, d);
    delivery_move(d, DELIVERY_DONE);
    if (box->count[DELIVERY_DONE] > DONE_MAX || !d->reader->keyed)
        delivery_free(p, box->in[DELIVERY_DONE]);
}

/* ---- messages ---- */

struct outgoing *outbox_find(const struct peer *p, struct span id)
{
    struct outgoing *m = NULL;
    if (id.n)
        HASH_FIND(hh, p->outgoing_by_id, id.p, (unsigned)id.n, m);
    return m;
}

/* In the order of their end, which is the order in which they come unless their times to live differ. Rows of an
 * earlier life come in any order, and are sorted when all were read (outbox_restored). */
static void list(struct peer *p, struct outgoing *m)
{
    struct outgoing *before = p->outgoing ? p->outgoing->prev : NULL;
    while (before && m->began > 0 && before->expires > m->expires)
        before = before == p->outgoing ? NULL : before->prev;
    if (before)
        DL_APPEND_ELEM(p->outgoing, before, m);
    else
        DL_PREPEND(p->outgoing, m);
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
    list(p, m);
    p->outgoing_count++;
    p->queued_bytes += m->n + m->plain_n;
    effect_wake(p, m->expires);
    if (m->text)
        storage_put(p, TABLE_OUTGOING, span_of(m->id), (struct span){m->text, m->n});
    return m;
}

void outbox_clear(struct peer *p)
{
    while (p->outgoing)
        outgoing_free(p, p->outgoing);
}

bool outbox_add_reader(struct peer *p, struct outgoing *m, struct person *who)
{
    assert(!who->left && (who->keyed ? m->text : m->plain));
    struct outbox *box = &who->outbox;
    if (who->waiting == 0)
        box->stuck_at = NEVER;
    struct delivery *d = who->waiting < QUEUE_READER_MAX ? calloc(1, sizeof *d) : NULL;
    if (d) {
        memcpy(d->id, m->id, sizeof d->id);
        HASH_ADD_STR(box->by_id, id, d);
    }
    if (!d || !d->hh.tbl) {
        free(d);
        p->stats.failed_total++;
        tell_end(p, who, span_of(m->id), "queue-full");
        return false;
    }
    d->message = m;
    d->n = who->keyed ? m->n : m->plain_n;
    d->reader = who;
    DL_APPEND2(m->deliveries, d, of_prev, of_next);
    put(d, DELIVERY_QUEUE);
    p->queued++;
    if (who->keyed && !who->stored)
        roster_store(p, who); /* the next start must know whom it is for */
    if (who->keyed)
        storage_put(p, TABLE_DELIVERY, span_of(delivery_key(span_of(m->id), person_id(who)).text), SPAN(""));
    return true;
}

static int by_order(const struct delivery *a, const struct delivery *b)
{
    return a->message->order < b->message->order ? -1 : 1;
}

void delivery_sort(struct outbox *box)
{
    DL_SORT(box->in[DELIVERY_QUEUE], by_order);
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

bool outbox_copy(const struct peer *p, const struct delivery *d, bool relayed, struct buf *out)
{
    assert(d->message && d->reader->keyed);
    const struct outgoing *m = d->message;
    unsigned tries = d->tries > 0 ? d->tries : m->type == ENVELOPE_GROUP_MESSAGE;
    struct span route = relayed ? span_of(p->id) : SPAN("");
    return envelope_copy_for((struct span){m->text, m->n}, person_id(d->reader), tries, route, out);
}

void outbox_expire(struct peer *p)
{
    while (p->outgoing && p->outgoing->expires <= p->now) {
        /* The message goes with its last delivery; at once if it is to nobody, and not on the disk yet. */
        struct delivery *d = p->outgoing->deliveries, *next;
        if (!d)
            outgoing_free(p, p->outgoing);
        for (; d; d = next) {
            next = d->of_next;
            delivery_failed(p, d, "expired");
        }
    }
    if (p->outgoing)
        effect_wake(p, p->outgoing->expires);
}

void outbox_missed(
    struct peer *p, struct person *who, const struct conversation *c, uint64_t from, uint64_t to, const char *reason)
{
    for (int place = 0; place < DELIVERY_DONE; place++) {
        struct delivery *d = who->outbox.in[place], *next;
        for (; d; d = next) {
            next = d->next;
            if (!d->message->committed || d->message->sequence < from || d->message->sequence > to ||
                strcmp(d->message->conversation, c->name) != 0)
                continue;
            delivery_failed(p, d, reason);
        }
    }
}

void outbox_drop(struct peer *p, struct person *who, const char *reason)
{
    assert(reason);
    struct delivery *d, *next;
    HASH_ITER (hh, who->outbox.by_id, d, next) {
        if (d->message && (!p->closing || !who->keyed))
            delivery_failed(p, d, reason);
        else
            delivery_free(p, d);
    }
}
