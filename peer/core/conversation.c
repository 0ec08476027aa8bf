/* SPDX-License-Identifier: MIT
 *
 * Sequences by conversation: how far we counted, or how far a sender did. The maps are bounded; when one is full the
 * entry that was made first goes. Ours may be made again at once, since they begin at the wall clock (see outbox.c).
 */
#include <assert.h>
#include <stdlib.h>

#include "peer/core/state.h"

struct conversation *conversation_get(struct conversation **map, const char *name, size_t max, uint64_t start)
{
    struct conversation *c;
    HASH_FIND_STR(*map, name, c);
    if (c)
        return c;
    c = malloc(sizeof *c);
    if (!c)
        return NULL;
    *c = (struct conversation){.last = start};
    bool fits = text_copy(c->name, sizeof c->name, span_of(name));
    assert(fits);
    if (HASH_COUNT(*map) >= max) {
        struct conversation *oldest = *map;
        HASH_DEL(*map, oldest);
        free(oldest);
    }
    HASH_ADD_STR(*map, name, c);
    if (c->hh.tbl)
        return c;
    free(c);
    return NULL;
}

void conversation_clear(struct conversation **map)
{
    struct conversation *c, *next;
    HASH_ITER (hh, *map, c, next) {
        HASH_DEL(*map, c);
        free(c);
    }
}
