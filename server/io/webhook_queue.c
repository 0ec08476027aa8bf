/* SPDX-License-Identifier: MIT
 *
 * One list: the batch is its first `batch_n` events. A batch is made up when it is first sent and stays as it is, under
 * one id, so that a receiver that has it already can tell; only a receiver that calls it too large has it made up anew,
 * of half as much, since it took none of it.
 *
 * Where room is short the oldest goes, since what is new is what a receiver must know to be right in the end; and it
 * goes by whole batches, so that one that is tried again is never another than it was. What is under way cannot be called
 * back: then the batch behind it goes.
 */
#include "server/io/webhook_queue.h"

#include <assert.h>
#include <stdlib.h>

struct event {
    struct event *next;
    struct frame *frame; /* one reference */
    uint64_t at;         /* when it was put here */
};

struct webhook_queue {
    const struct rng *rng;
    struct event *first, *last;
    struct event *batch_last; /* of the batch; NULL: there is none */
    size_t batch_n, batch_limit;
    char id[ID_CHARS + 1]; /* of the batch */
    bool under_way, hurried;
    unsigned tries;       /* of the batch, that failed */
    uint64_t batch_since; /* its first try */
    uint64_t not_before;  /* the next try */
    struct webhook_counts counts;
};

struct webhook_queue *webhook_queue_new(const struct rng *rng)
{
    struct webhook_queue *q = calloc(1, sizeof *q);
    if (!q)
        return NULL;
    q->rng = rng;
    q->batch_limit = WEBHOOK_BATCH_BYTES;
    return q;
}

static size_t cost_of(const struct frame *frame)
{
    return frame->len + sizeof *frame + sizeof(struct event);
}

/* Frees the n events behind `before`, or the first n. */
static void cut(struct webhook_queue *q, struct event *before, size_t n)
{
    struct event **from = before ? &before->next : &q->first;
    for (; n > 0; n--) {
        struct event *e = *from;
        *from = e->next;
        q->counts.events--;
        q->counts.bytes -= cost_of(e->frame);
        frame_unref(e->frame);
        free(e);
    }
    if (!*from)
        q->last = before;
}

void webhook_queue_free(struct webhook_queue *q)
{
    if (!q)
        return;
    cut(q, NULL, q->counts.events);
    free(q);
}

/* How many events from this one on are a batch, and the last of them. At least one. */
static size_t measure(const struct webhook_queue *q, struct event *from, struct event **last)
{
    size_t n = 0, bytes = 0;
    for (struct event *e = from; e; e = e->next) {
        bytes += e->frame->len + 1;
        if (n > 0 && bytes > q->batch_limit)
            break;
        *last = e;
        n++;
    }
    return n;
}

static void end_batch(struct webhook_queue *q)
{
    q->batch_last = NULL;
    q->batch_n = q->tries = 0;
    q->under_way = false;
}

static void drop_batch(struct webhook_queue *q)
{
    q->counts.dropped += q->batch_n;
    cut(q, NULL, q->batch_n);
    end_batch(q);
}

static void drop_oldest(struct webhook_queue *q)
{
    assert(q->counts.events > q->batch_n || !q->under_way);
    if (q->batch_last && !q->under_way) {
        drop_batch(q);
        return;
    }
    struct event *from = q->batch_last ? q->batch_last->next : q->first, *last;
    size_t n = measure(q, from, &last);
    q->counts.dropped += n;
    cut(q, q->batch_last, n);
}

void webhook_queue_put(struct webhook_queue *q, struct frame *event, uint64_t now)
{
    struct event *e = malloc(sizeof *e);
    if (!e) {
        q->counts.dropped++;
        frame_unref(event);
        return;
    }
    size_t cost = cost_of(event);
    *e = (struct event){.frame = event, .at = now};
    while (q->counts.events >= WEBHOOK_QUEUE_EVENTS || q->counts.bytes + cost > WEBHOOK_QUEUE_BYTES)
        drop_oldest(q);
    if (q->last)
        q->last->next = e;
    else
        q->first = e;
    q->last = e;
    q->counts.events++;
    q->counts.bytes += cost;
}

uint64_t webhook_queue_due(const struct webhook_queue *q)
{
    if (q->under_way || !q->first)
        return UINT64_MAX;
    bool gathered = q->batch_last || q->hurried || q->counts.bytes >= q->batch_limit;
    uint64_t at = gathered ? 0 : q->first->at + WEBHOOK_GATHER_MS;
    return at > q->not_before ? at : q->not_before;
}

static void make_batch(struct webhook_queue *q, uint64_t now)
{
    q->batch_n = measure(q, q->first, &q->batch_last);
    q->batch_since = now;
    id_random(q->rng, q->id);
}

void webhook_queue_begin(struct webhook_queue *q, uint64_t now, struct buf *body, char id[ID_CHARS + 1])
{
    assert(q->first && !q->under_way);
    if (!q->batch_last)
        make_batch(q, now);
    q->under_way = true;
    memcpy(id, q->id, sizeof q->id);
    const struct event *e = q->first;
    for (size_t i = 0; i < q->batch_n; i++, e = e->next) {
        if (i > 0)
            buf_byte(body, ',');
        buf_span(body, frame_text(e->frame));
    }
}

/* Half of it is random, so that receivers of many daemons are not called by all of them at once. */
static uint64_t backoff(const struct webhook_queue *q)
{
    uint64_t ms = WEBHOOK_RETRY_LEAST_MS;
    for (unsigned i = 1; i < q->tries && ms < WEBHOOK_RETRY_MOST_MS && !q->hurried; i++)
        ms *= 2;
    ms = ms < WEBHOOK_RETRY_MOST_MS ? ms : WEBHOOK_RETRY_MOST_MS;
    return ms / 2 + rng_below(q->rng, (uint32_t)ms / 2 + 1);
}

static uint64_t wait_after(const struct webhook_queue *q, uint64_t asked)
{
    uint64_t own = backoff(q);
    asked = asked < WEBHOOK_RETRY_MOST_MS ? asked : WEBHOOK_RETRY_MOST_MS;
    return asked > own && !q->hurried ? asked : own;
}

/* Half of what was too large, from now on. */
static void make_smaller(struct webhook_queue *q)
{
    size_t bytes = 0;
    const struct event *e = q->first;
    for (size_t i = 0; i < q->batch_n; i++, e = e->next)
        bytes += e->frame->len + 1;
    q->batch_limit = bytes / 2;
    end_batch(q);
}

void webhook_queue_end(struct webhook_queue *q, enum webhook_outcome outcome, uint64_t retry_after_ms, uint64_t now)
{
    assert(q->under_way && q->batch_n > 0);
    q->under_way = false;
    if (outcome == WEBHOOK_DELIVERED) {
        q->counts.delivered += q->batch_n;
        cut(q, NULL, q->batch_n);
        end_batch(q);
        q->not_before = 0;
        return;
    }
    q->counts.failed++;
    q->tries++;
    q->not_before = now + wait_after(q, retry_after_ms);
    if (outcome == WEBHOOK_TOO_LARGE && q->batch_n > 1)
        make_smaller(q);
    else if (outcome != WEBHOOK_FAILED || now - q->batch_since >= WEBHOOK_KEPT_MS)
        drop_batch(q);
}

void webhook_queue_hurry(struct webhook_queue *q)
{
    q->hurried = true;
    q->not_before = 0;
}

struct webhook_counts webhook_queue_counts(const struct webhook_queue *q)
{
    return q->counts;
}
