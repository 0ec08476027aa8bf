/* SPDX-License-Identifier: MIT */
#include "server/io/web_share.h"

#include <assert.h>
#include <stdlib.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>
#include <utlist.h>

#include "base/hash.h"
#include "server/io/cidr.h"

struct web_owner {
    UT_hash_handle hh;
    struct web_owner *prev, *next; /* in share->with[count] */
    struct web_place *held;        /* the first is held for the longest time */
    struct address network;
    uint32_t count;
};

void web_share_init(struct web_share *s, const struct rng *rng)
{
    *s = (struct web_share){.key = rng_below(rng, HASH_KEYS) + 1};
}

static struct web_owner *find(const struct web_share *s, const struct address *whose, uint32_t *hash)
{
    struct address network = address_network(whose);
    struct web_owner *o;
    *hash = hash_keyed(s->key, &network, sizeof network);
    HASH_FIND_BYHASHVALUE(hh, s->owners, &network, sizeof network, *hash, o);
    return o;
}

/* NULL when out of memory. */
static struct web_owner *owner_get(struct web_share *s, const struct address *whose)
{
    uint32_t hash;
    struct web_owner *o = find(s, whose, &hash);
    if (o)
        return o;
    o = calloc(1, sizeof *o);
    if (!o)
        return NULL;
    o->network = address_network(whose);
    HASH_ADD_KEYPTR_BYHASHVALUE(hh, s->owners, &o->network, sizeof o->network, hash, o);
    if (!o->hh.tbl) {
        free(o);
        return NULL;
    }
    DL_APPEND(s->with[0], o);
    return o;
}

static void recount(struct web_share *s, struct web_owner *o, uint32_t count)
{
    DL_DELETE(s->with[o->count], o);
    o->count = count;
    DL_APPEND(s->with[count], o);
    if (count > s->most)
        s->most = count;
    while (s->most > 0 && !s->with[s->most]) /* counts change by one, so it is one step */
        s->most--;
}

bool web_share_take(struct web_share *s, const struct address *whose, struct web_place *p)
{
    assert(!p->taken);
    if (s->taken >= WEB_DOWNLOADS_MAX)
        return false;
    struct web_owner *o = NULL;
    if (!address_is_nowhere(whose)) {
        o = owner_get(s, whose);
        if (!o)
            return false;
        recount(s, o, o->count + 1);
    }
    *p = (struct web_place){.owner = o, .taken = true};
    s->taken++;
    return true;
}

void web_share_give(struct web_share *s, struct web_place *p)
{
    if (!p->taken)
        return;
    struct web_owner *o = p->owner;
    web_share_release(p);
    *p = (struct web_place){.owner = NULL};
    s->taken--;
    if (!o)
        return;
    recount(s, o, o->count - 1);
    if (o->count > 0)
        return;
    DL_DELETE(s->with[0], o);
    HASH_DEL(s->owners, o);
    free(o);
}

void web_share_hold(struct web_place *p)
{
    assert(!p->held);
    p->held = p->taken && p->owner;
    if (p->held)
        DL_APPEND(p->owner->held, p);
}

void web_share_release(struct web_place *p)
{
    if (p->held)
        DL_DELETE(p->owner->held, p);
    p->held = false;
}

struct web_place *web_share_for(const struct web_share *s, const struct address *whose)
{
    uint32_t hash;
    if (s->most == 0 || address_is_nowhere(whose))
        return NULL;
    const struct web_owner *o = find(s, whose, &hash);
    return s->most >= (o ? o->count : 0) + 2 ? s->with[s->most]->held : NULL;
}
