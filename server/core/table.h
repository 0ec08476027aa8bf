/* SPDX-License-Identifier: MIT
 *
 * A set of things that are found by a hash: one array of pointers, at most three quarters full, open addressing with
 * linear probing. Nothing of it is in the things themselves, and of what is removed nothing stays (the gap is closed, so
 * there are no tombstones). It doubles when it must, and never shrinks: who came once in such a number comes again.
 *
 * Doubling is spread: entries stay in the old array until a few of them are moved at each later add and remove. So no
 * call costs more than TABLE_MOVES slots and the longest run of full ones, however large the table is, while to move a
 * million entries at once would stop the loop for tens of milliseconds. What remains is the new array's allocation.
 */
#ifndef SERVER_CORE_TABLE_H
#define SERVER_CORE_TABLE_H

#include <stdbool.h>
#include <stdint.h>

enum {
    TABLE_FIRST = 16,         /* slots of the first array; each later one has twice as many */
    TABLE_MOVES = 16,         /* slots of the old array dealt with at each add and remove; 2 would be enough */
    TABLE_SLOTS_MAX = 1 << 28 /* more is no process's connections */
};

struct table {
    void **slots, **old; /* owned; NULL: none yet; not growing */
    uint32_t mask, old_mask;
    uint32_t count;            /* entries in both */
    uint32_t old_at, old_left; /* the slot of `old` that is next, and how many are to come: those before are empty */
    uint32_t (*hash)(const void *item);
};

/* Allocates nothing. The hash of a thing does not change while it is in the table. */
void table_init(struct table *t, uint32_t (*hash)(const void *item));
/* Frees the arrays, not what is in them; the table is empty after it. */
void table_done(struct table *t);
/* Borrows the item, which is in no slot yet. False when out of memory. */
bool table_add(struct table *t, void *item);
/* The item, which is in the table, is in it no more. */
void table_remove(struct table *t, const void *item);
/* The item with this hash of which `is` says that it has the key; NULL if there is none. */
void *table_find(const struct table *t, uint32_t hash, bool (*is)(const void *item, const void *key), const void *key);
/* One item after the other, in no order: *at is 0 before the first; NULL after the last. Nothing is added or removed
 * meanwhile. */
void *table_next(const struct table *t, uint64_t *at);

#endif
