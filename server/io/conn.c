/* SPDX-License-Identifier: MIT */
#include "server/io/conn.h"

#include <assert.h>
#include <stdlib.h>
#include <utlist.h>

static struct conn *at(const struct conn_table *t, uint32_t slot)
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
        LL_PREPEND(t->free, c);
    }
    t->made += CONN_CHUNK;
    return true;
}

struct conn *conn_open(struct conn_table *t, int fd)
{
    if (!t->free && !grow(t))
        return NULL;
    struct conn *c = t->free;
    LL_DELETE(t->free, c);
    *c = (struct conn){
        .id = {.slot = c->id.slot, .generation = c->id.generation + 1}, .fd = fd, .state = CONN_HANDSHAKE};
    return c;
}

void conn_release(struct conn_table *t, struct conn *c)
{
    assert(c->state != CONN_FREE && c->gone && !c->prev && !c->dirty && !c->greeting);
    conn_forget_partial(c);
    http_done(c->http);
    c->http = NULL;
    queue_clear(&c->queue);
    c->wsi = NULL;
    c->state = CONN_FREE;
    LL_PREPEND(t->free, c);
}

struct conn *conn_find(const struct conn_table *t, struct conn_id id)
{
    if (id.slot >= t->made)
        return NULL;
    struct conn *c = at(t, id.slot);
    bool there = c->state != CONN_FREE && c->id.generation == id.generation && !c->gone && !c->doomed;
    return there ? c : NULL;
}

void conn_forget_partial(struct conn *c)
{
    if (c->partial)
        buf_done(c->partial);
    free(c->partial);
    c->partial = NULL;
    c->fragments = 0;
}

void conn_table_done(struct conn_table *t)
{
    for (uint32_t slot = 0; slot < t->made; slot++) {
        struct conn *c = at(t, slot);
        conn_forget_partial(c);
        http_done(c->http);
        queue_clear(&c->queue);
    }
    for (uint32_t i = 0; i < t->made / CONN_CHUNK; i++)
        free(t->chunks[i]);
    *t = (struct conn_table){.made = 0};
}
