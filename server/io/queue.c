/* SPDX-License-Identifier: MIT */
#include "server/io/queue.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
    FIRST_CAP = 8
};

static bool grow(struct queue *q)
{
    uint32_t cap = q->cap ? q->cap * 2 : FIRST_CAP;
    struct frame **ring = malloc(cap * sizeof(struct frame *));
    if (!ring)
        return false;
    for (uint32_t i = 0; i < q->count; i++)
        ring[i] = q->ring[(q->head + i) & (q->cap - 1)];
    free(q->ring);
    q->ring = ring;
    q->head = 0;
    q->cap = cap;
    return true;
}

bool queue_push(struct queue *q, struct frame *f)
{
    if (q->count == q->cap && !grow(q)) {
        frame_unref(f);
        return false;
    }
    q->ring[(q->head + q->count++) & (q->cap - 1)] = f;
    if (f->unlimited && !q->exempt)
        q->exempt = f;
    else
        q->bytes += f->len;
    return true;
}

struct frame *queue_first(const struct queue *q)
{
    assert(q->count > 0);
    return q->ring[q->head];
}

void queue_pop(struct queue *q)
{
    struct frame *f = queue_first(q);
    if (f == q->exempt)
        q->exempt = NULL;
    else
        q->bytes -= f->len;
    frame_unref(f);
    q->head = (q->head + 1) & (q->cap - 1);
    if (--q->count == 0) {
        assert(q->bytes == 0);
        free(q->ring);
        *q = (struct queue){.count = 0};
    }
}

size_t queue_take(struct queue *q, char *out, size_t size)
{
    size_t n = 0;
    while (q->count > 0 && queue_first(q)->len <= size - n) {
        const struct frame *f = queue_first(q);
        memcpy(out + n, f->bytes, f->len);
        n += f->len;
        queue_pop(q);
    }
    return n;
}

void queue_clear(struct queue *q)
{
    while (q->count > 0)
        queue_pop(q);
}
