/* SPDX-License-Identifier: MIT
 *
 * A token of an earlier boot makes its seat anew when nobody has it, so a seat that was made so and left again, or a
 * room that its owner closed, must be remembered for as long as such tokens hold. Only those can be brought back: a
 * seat that was first taken in this boot has tokens of this boot. Both are kept in one set, under the peer's id or the
 * incarnation's bytes behind zeros, which no id holds. When there is no room to remember one more, nobody returns any
 * more: a few join again who need not, and nobody is where he left.
 */
#include "server/core/tombstones.h"

#include <assert.h>
#include <stdlib.h>

#include "server/core/batch.h"

struct tombstone {
    char key[ID_CHARS];
};

uint32_t tombstone_hash(const void *item)
{
    return hash_random(((const struct tombstone *)item)->key);
}

static bool has_key(const void *item, const void *key)
{
    return memcmp(((const struct tombstone *)item)->key, key, ID_CHARS) == 0;
}

static bool over(const struct core *c)
{
    return c->returns_over || c->now - c->started_at >= c->settings.resume_grace_ms;
}

bool tombstones_matter(const struct core *c)
{
    return !over(c);
}

static void key_of(uint64_t incarnation, char key[ID_CHARS])
{
    memset(key, 0, ID_CHARS);
    memcpy(key, &incarnation, sizeof incarnation);
}

static bool find(const struct core *c, const char *key)
{
    return table_find(&c->tombstones, hash_random(key), has_key, key) != NULL;
}

static void add(struct core *c, const char *key)
{
    if (over(c) || find(c, key))
        return;
    struct tombstone *e = c->tombstones.count < TOMBSTONES_MAX ? malloc(sizeof *e) : NULL;
    if (e)
        memcpy(e->key, key, ID_CHARS);
    if (e && table_add(&c->tombstones, e))
        return;
    free(e);
    c->returns_over = true;
}

void tombstone_of_peer(struct core *c, const char *id)
{
    add(c, id);
}

void tombstone_of_room(struct core *c, uint64_t incarnation)
{
    char key[ID_CHARS];
    key_of(incarnation, key);
    add(c, key);
}

bool tombstone_has(const struct core *c, const char *id, uint64_t incarnation)
{
    assert(tombstones_matter(c));
    assert(!over(c)); /* else some of them are freed */
    char key[ID_CHARS];
    key_of(incarnation, key);
    return find(c, id) || find(c, key);
}

/* Frees n of them at most. */
static void forget(struct core *c, uint32_t n)
{
    struct tombstone *e = NULL;
    while (n-- > 0 && (e = table_next(&c->tombstones, &c->tombstones_at)))
        free(e);
    if (e)
        return;
    table_done(&c->tombstones);
    c->tombstones_at = 0;
}

/* For good: a reload that lengthens the grace finds nothing remembered. */
void tombstones_tick(struct core *c)
{
    if (!over(c))
        return;
    c->returns_over = true;
    forget(c, batch_size(c) * BATCH_LIGHT);
}

uint64_t tombstones_due(const struct core *c)
{
    if (c->tombstones.count == 0)
        return UINT64_MAX;
    return over(c) ? c->now : c->started_at + c->settings.resume_grace_ms;
}

void tombstones_free(struct core *c)
{
    forget(c, UINT32_MAX);
}
