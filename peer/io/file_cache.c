/* SPDX-License-Identifier: MIT */
#include "peer/io/file_cache.h"

#include <glib.h>
#include <pthread.h>
#include <stdlib.h>

struct slot {
    struct file_block *b; /* NULL: free */
    uint64_t file, used;
    uint32_t block;
};

struct file_cache {
    pthread_mutex_t lock;
    uint64_t uses;
    struct slot slots[FILE_CACHE_BLOCKS];
};

static struct file_block *block_new(void)
{
    struct file_block *b = malloc(sizeof *b + FILE_BLOCK_BYTES);
    if (b)
        *b = (struct file_block){.references = 1};
    return b;
}

struct file_block *file_block_ref(struct file_block *b)
{
    g_atomic_int_inc(&b->references);
    return b;
}

void file_block_unref(struct file_block *b)
{
    if (b && g_atomic_int_dec_and_test(&b->references))
        free(b);
}

struct file_cache *file_cache_new(void)
{
    struct file_cache *c = calloc(1, sizeof *c);
    if (c)
        pthread_mutex_init(&c->lock, NULL);
    return c;
}

void file_cache_free(struct file_cache *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < FILE_CACHE_BLOCKS; i++)
        file_block_unref(c->slots[i].b);
    pthread_mutex_destroy(&c->lock);
    free(c);
}

struct file_block *file_cache_find(struct file_cache *c, uint64_t file, uint32_t block)
{
    struct file_block *b = NULL;
    pthread_mutex_lock(&c->lock);
    for (size_t i = 0; i < FILE_CACHE_BLOCKS && !b; i++) {
        struct slot *s = &c->slots[i];
        if (!s->b || s->file != file || s->block != block)
            continue;
        s->used = ++c->uses;
        b = file_block_ref(s->b);
    }
    pthread_mutex_unlock(&c->lock);
    return b;
}

static struct slot *oldest_slot(struct file_cache *c)
{
    struct slot *oldest = &c->slots[0];
    for (size_t i = 1; i < FILE_CACHE_BLOCKS; i++)
        if (c->slots[i].used < oldest->used)
            oldest = &c->slots[i];
    return oldest;
}

/* A block of a megabyte that is freed and made anew each time costs its page faults, and more memory where two
 * threads do so. */
struct file_block *file_cache_room(struct file_cache *c)
{
    struct file_block *b = NULL;
    pthread_mutex_lock(&c->lock);
    struct slot *oldest = oldest_slot(c);
    if (oldest->b && g_atomic_int_get(&oldest->b->references) == 1) {
        b = oldest->b;
        b->n = 0;
        *oldest = (struct slot){0};
    }
    pthread_mutex_unlock(&c->lock);
    return b ? b : block_new();
}

void file_cache_add(struct file_cache *c, uint64_t file, uint32_t block, struct file_block *b)
{
    pthread_mutex_lock(&c->lock);
    struct slot *oldest = oldest_slot(c);
    file_block_unref(oldest->b);
    *oldest = (struct slot){file_block_ref(b), file, ++c->uses, block};
    pthread_mutex_unlock(&c->lock);
}

void file_cache_forget(struct file_cache *c, uint64_t file)
{
    pthread_mutex_lock(&c->lock);
    for (size_t i = 0; i < FILE_CACHE_BLOCKS; i++) {
        if (!c->slots[i].b || c->slots[i].file != file)
            continue;
        file_block_unref(c->slots[i].b);
        c->slots[i] = (struct slot){0};
    }
    pthread_mutex_unlock(&c->lock);
}
