/* SPDX-License-Identifier: MIT */
#include "server/io/conn.h"

#include <assert.h>
#include <stdlib.h>

#include "protocol/ws_reader.h"

void conn_table_init(struct conn_table *t)
{
    *t = (struct conn_table){.free = CONN_NONE};
    for (enum conn_limit l = 0; l < CONN_LIMITS; l++)
        t->limits[l] = (struct conn_list){CONN_NONE, CONN_NONE};
}

struct conn *conn_at(const struct conn_table *t, uint32_t slot)
{
    return &t->chunks[slot / CONN_CHUNK][slot % CONN_CHUNK];
}

static bool grow(struct conn_table *t)
{
    uint32_t chunk = t->made / CONN_CHUNK;
    if (chunk == CONN_CHUNKS)
        return false;
    t->chunks[chunk] = calloc(CONN_CHUNK, sizeof(struct conn));
    if (!t->chunks[chunk])
        return false;
    for (uint32_t i = CONN_CHUNK; i-- > 0;) {
        struct conn *c = &t->chunks[chunk][i];
        c->id.slot = t->made + i;
        c->next = t->free;
        t->free = c->id.slot;
    }
    t->made += CONN_CHUNK;
    return true;
}

struct conn *conn_open(struct conn_table *t, int fd)
{
    if (t->free == CONN_NONE && !grow(t))
        return NULL;
    struct conn *c = conn_at(t, t->free);
    t->free = c->next;
    t->open++;
    *c = (struct conn){
        .id = {.slot = c->id.slot, .generation = c->id.generation + 1},
        .fd = fd,
        .state = CONN_HEAD,
        .read_shift = READ_SHIFT,
        .prev = CONN_NONE,
        .next = CONN_NONE,
    };
    return c;
}

void conn_forget(struct conn *c)
{
    switch ((enum conn_state)c->state) {
    case CONN_PROXY:
        proxy_wait_done(c->proxy);
        c->proxy = NULL;
        break;
    case CONN_HEAD:
    case CONN_BODY:
    case CONN_ANSWER:
        http_done(c->http);
        c->http = NULL;
        break;
    case CONN_OPEN:
    case CONN_CLOSING:
        if (c->framing == FRAMING_POLLING)
            free(c->polling);
        else
            ws_partial_free(c->partial);
        c->partial = NULL;
        front_rest_free(c->rest);
        c->rest = NULL;
        break;
    case CONN_FREE:
    case CONN_TLS:
    case CONN_LINGER:
        break;
    }
}

void conn_forget_polling(struct conn *c)
{
    free(c->polling);
    c->partial = NULL;
}

void conn_release(struct conn_table *t, struct conn *c)
{
    assert(c->state != CONN_FREE);
    assert(!c->dirty && !c->doomed && !c->slow && !c->ready && !c->polled && !c->wsi);
    assert(c->host == 0);
    assert(c->limit == LIMIT_NONE && c->prev == CONN_NONE && c->next == CONN_NONE);
    conn_forget(c);
    queue_free(&c->queue);
    c->state = CONN_FREE;
    c->next = t->free;
    t->free = c->id.slot;
    t->open--;
}

struct conn *conn_find(const struct conn_table *t, struct conn_id id)
{
    if (id.slot >= t->made)
        return NULL;
    struct conn *c = conn_at(t, id.slot);
    return c->state != CONN_FREE && !c->doomed && c->id.generation == id.generation ? c : NULL;
}

void conn_unlimit(struct conn_table *t, struct conn *c)
{
    if (c->limit == LIMIT_NONE)
        return;
    struct conn_list *l = &t->limits[c->limit];
    if (c->prev == CONN_NONE)
        l->first = c->next;
    else
        conn_at(t, c->prev)->next = c->next;
    if (c->next == CONN_NONE)
        l->last = c->prev;
    else
        conn_at(t, c->next)->prev = c->prev;
    c->prev = c->next = CONN_NONE;
    c->limit = LIMIT_NONE;
}

void conn_limit(struct conn_table *t, struct conn *c, enum conn_limit limit, uint64_t deadline)
{
    assert(!c->doomed);
    conn_unlimit(t, c);
    struct conn_list *l = &t->limits[limit];
    c->limit = limit;
    c->deadline = deadline;
    c->prev = l->last;
    if (l->last == CONN_NONE)
        l->first = c->id.slot;
    else
        conn_at(t, l->last)->next = c->id.slot;
    l->last = c->id.slot;
}

struct conn *conn_first(const struct conn_table *t, enum conn_limit limit)
{
    uint32_t slot = t->limits[limit].first;
    return slot == CONN_NONE ? NULL : conn_at(t, slot);
}

void conn_table_done(struct conn_table *t)
{
    for (uint32_t slot = 0; slot < t->made; slot++) {
        struct conn *c = conn_at(t, slot);
        conn_forget(c);
        queue_free(&c->queue);
    }
    for (uint32_t i = 0; i < t->made / CONN_CHUNK; i++)
        free(t->chunks[i]);
    conn_table_init(t);
}
