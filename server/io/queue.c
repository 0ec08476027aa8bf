/* SPDX-License-Identifier: MIT */
#include "server/io/queue.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
    FIRST_CAP = 8 /* the frames of a burst for one reader, without growing */
};

struct queue {
    uint32_t head, count, cap; /* cap is a power of two */
    uint32_t offset;           /* bytes of the first frame that are out */
    size_t bytes;
    const struct frame *exempt; /* the one that `bytes` leaves out; borrowed from the ring */
    struct frame *ring[];       /* owned references */
};

static struct queue *resize(struct queue *old, uint32_t cap)
{
    struct queue *q = malloc(sizeof *q + cap * sizeof(struct frame *));
    if (!q)
        return NULL;
    *q = old ? *old : (struct queue){.count = 0};
    q->head = 0;
    q->cap = cap;
    for (uint32_t i = 0; i < q->count; i++)
        q->ring[i] = old->ring[(old->head + i) & (old->cap - 1)];
    free(old);
    return q;
}

static struct frame *at(const struct queue *q, uint32_t i)
{
    return q->ring[(q->head + i) & (q->cap - 1)];
}

bool queue_push(struct queue **queue, struct frame *f)
{
    struct queue *q = *queue;
    if (!q || q->count == q->cap) {
        q = resize(q, q ? q->cap * 2 : FIRST_CAP);
        if (!q) {
            frame_unref(f);
            return false;
        }
        *queue = q;
    }
    q->ring[(q->head + q->count++) & (q->cap - 1)] = f;
    if (f->unlimited && !q->exempt)
        q->exempt = f;
    else
        q->bytes += f->len;
    return true;
}

struct span queue_next(const struct queue *q, char *scratch, size_t size)
{
    if (!q)
        return (struct span){NULL, 0};
    const struct frame *first = at(q, 0);
    struct span rest = {first->bytes + q->offset, first->len - q->offset};
    if (q->count == 1 || rest.n >= size || at(q, 1)->len > size - rest.n)
        return rest;
    size_t n = 0;
    for (uint32_t i = 0; i < q->count; i++) {
        const struct frame *f = at(q, i);
        size_t from = i == 0 ? q->offset : 0;
        if (f->len - from > size - n)
            break;
        memcpy(scratch + n, f->bytes + from, f->len - from);
        n += f->len - from;
    }
    return (struct span){scratch, n};
}

static void pop(struct queue *q)
{
    struct frame *f = at(q, 0);
    if (f == q->exempt)
        q->exempt = NULL;
    else
        q->bytes -= f->len;
    frame_unref(f);
    q->head = (q->head + 1) & (q->cap - 1);
    q->count--;
    q->offset = 0;
}

void queue_advance(struct queue **queue, size_t n)
{
    struct queue *q = *queue;
    while (n > 0) {
        size_t rest = at(q, 0)->len - q->offset;
        if (n < rest) {
            q->offset += (uint32_t)n;
            return;
        }
        n -= rest;
        pop(q);
    }
    if (q->count == 0) {
        assert(q->bytes == 0);
        free(q);
        *queue = NULL;
    }
}

const struct frame *queue_first(const struct queue *q)
{
    return q ? at(q, 0) : NULL;
}

bool queue_join(struct queue **first, struct queue **then)
{
    bool joined = true;
    assert(!*then || (*then)->offset == 0);
    for (uint32_t i = 0; *then && joined && i < (*then)->count; i++)
        joined = queue_push(first, frame_ref(at(*then, i)));
    queue_free(then);
    return joined;
}

size_t queue_bytes(const struct queue *q)
{
    return q ? q->bytes : 0;
}

void queue_cut(struct queue **queue)
{
    struct queue *q = *queue;
    if (!q || q->offset == 0) {
        queue_free(queue);
        return;
    }
    while (q->count > 1) {
        struct frame *last = at(q, --q->count);
        if (last == q->exempt)
            q->exempt = NULL;
        else
            q->bytes -= last->len;
        frame_unref(last);
    }
}

void queue_free(struct queue **queue)
{
    struct queue *q = *queue;
    while (q && q->count > 0)
        pop(q);
    free(q);
    *queue = NULL;
}
