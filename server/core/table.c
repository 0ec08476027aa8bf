/* SPDX-License-Identifier: MIT
 *
 * While the table grows, an entry is in either of two arrays. The old one is emptied run by run (a run: full slots
 * between two empty ones, round the end of the array), beginning behind an empty slot: so every run of it is there as a
 * whole or not at all, and looking a thing up in it works as ever.
 */
#include "server/core/table.h"

#include <assert.h>
#include <stdlib.h>

void table_init(struct table *t, uint32_t (*hash)(const void *item))
{
    *t = (struct table){.hash = hash};
}

void table_done(struct table *t)
{
    free(t->slots);
    free(t->old);
    table_init(t, t->hash);
}

/* ---- one array ---- */

static void put(void **slots, uint32_t mask, uint32_t hash, void *item)
{
    uint32_t i = hash & mask;
    while (slots[i])
        i = (i + 1) & mask;
    slots[i] = item;
}

/* Whether the item was there. What stands behind it in its run moves up if that brings it nearer to where its hash
 * wants it (Knuth, The Art of Computer Programming, volume 3, algorithm 6.4 R). */
static bool take_out(const struct table *t, void **slots, uint32_t mask, const void *item)
{
    uint32_t gap = t->hash(item) & mask;
    while (slots[gap] != item) {
        if (!slots[gap])
            return false;
        gap = (gap + 1) & mask;
    }
    for (uint32_t i = (gap + 1) & mask; slots[i]; i = (i + 1) & mask) {
        uint32_t home = t->hash(slots[i]) & mask;
        if (((i - home) & mask) < ((i - gap) & mask))
            continue;
        slots[gap] = slots[i];
        gap = i;
    }
    slots[gap] = NULL;
    return true;
}

static void *look(
    void *const *slots, uint32_t mask, uint32_t hash, bool (*is)(const void *item, const void *key), const void *key)
{
    for (uint32_t i = hash & mask; slots[i]; i = (i + 1) & mask)
        if (is(slots[i], key))
            return slots[i];
    return NULL;
}

/* ---- growing ---- */

static bool is_full(const struct table *t)
{
    return !t->slots || t->count >= (t->mask + 1) / 4 * 3;
}

/* Empties some of the old array, up to the end of a run. */
static void move_some(struct table *t)
{
    for (uint32_t n = 0; t->old_left > 0 && (n < TABLE_MOVES || t->old[t->old_at]); n++) {
        void *item = t->old[t->old_at];
        if (item)
            put(t->slots, t->mask, t->hash(item), item);
        t->old[t->old_at] = NULL;
        t->old_at = (t->old_at + 1) & t->old_mask;
        t->old_left--;
    }
    if (t->old_left > 0)
        return;
    free(t->old);
    t->old = NULL;
}

static bool grow(struct table *t)
{
    uint32_t cap = t->slots ? (t->mask + 1) * 2 : TABLE_FIRST;
    assert(!t->old); /* three quarters of the array were added since, and emptied the one before */
    void **slots = cap <= TABLE_SLOTS_MAX ? calloc(cap, sizeof(void *)) : NULL;
    if (!slots)
        return false;
    if (t->slots) {
        t->old = t->slots;
        t->old_mask = t->mask;
        t->old_left = t->mask + 1;
        t->old_at = 0;
        while (t->old[t->old_at])
            t->old_at++;
    }
    t->slots = slots;
    t->mask = cap - 1;
    return true;
}

/* ---- what is asked of it ---- */

bool table_add(struct table *t, void *item)
{
    if (t->old)
        move_some(t);
    if (is_full(t) && !grow(t))
        return false;
    put(t->slots, t->mask, t->hash(item), item);
    t->count++;
    return true;
}

void table_remove(struct table *t, const void *item)
{
    bool found = take_out(t, t->slots, t->mask, item) || (t->old && take_out(t, t->old, t->old_mask, item));
    assert(found);
    t->count--;
    if (t->old)
        move_some(t);
}

void *table_find(const struct table *t, uint32_t hash, bool (*is)(const void *item, const void *key), const void *key)
{
    void *item = t->slots ? look(t->slots, t->mask, hash, is, key) : NULL;
    return item || !t->old ? item : look(t->old, t->old_mask, hash, is, key);
}

void *table_next(const struct table *t, uint64_t *at)
{
    uint64_t slots = t->slots ? (uint64_t)t->mask + 1 : 0, old = t->old ? (uint64_t)t->old_mask + 1 : 0;
    while (*at < slots + old) {
        uint64_t i = (*at)++;
        void *item = i < slots ? t->slots[i] : t->old[i - slots];
        if (item)
            return item;
    }
    return NULL;
}
