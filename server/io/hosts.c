/* SPDX-License-Identifier: MIT
 *
 * Strangers choose the names, each connection one, so there are as many as connections at most, and they are found by a
 * keyed hash. What is full grows to twice its size: pointers, of which a million take 8 MiB.
 */
#include "server/io/hosts.h"

#include <assert.h>
#include <stdlib.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "base/hash.h"
#include "server/adapters/url_host.h"

enum {
    PLACES_FIRST = 16
};

struct host {
    UT_hash_handle hh;
    uint32_t number, users;
    uint16_t n;
    char name[];
};

struct host_place {
    struct host *host; /* NULL: free, and: */
    uint32_t next;     /* the next that is; HOST_NONE: it is the last */
};

void hosts_init(struct hosts *h, const struct rng *rng)
{
    *h = (struct hosts){.key = rng_below(rng, HASH_KEYS) + 1};
}

void hosts_done(struct hosts *h)
{
    struct host *host, *next;
    HASH_ITER (hh, h->named, host, next) {
        HASH_DEL(h->named, host);
        free(host);
    }
    free(h->places);
    *h = (struct hosts){.key = h->key};
}

static bool reserve(struct hosts *h)
{
    if (h->free != HOST_NONE)
        return true;
    uint32_t cap = h->cap ? h->cap * 2 : PLACES_FIRST;
    struct host_place *places = realloc(h->places, cap * sizeof *places);
    if (!places)
        return false;
    h->places = places;
    uint32_t first = h->cap > HOST_NONE ? h->cap : HOST_NONE + 1;
    for (uint32_t i = first; i < cap; i++)
        places[i] = (struct host_place){.next = i + 1 < cap ? i + 1 : HOST_NONE};
    h->free = first;
    h->cap = cap;
    return true;
}

static struct host *add(struct hosts *h, const char *name, uint16_t n, uint32_t hash)
{
    struct host *host = reserve(h) ? malloc(sizeof *host + n) : NULL;
    if (!host)
        return NULL;
    *host = (struct host){.number = h->free, .n = n};
    memcpy(host->name, name, n);
    HASH_ADD_KEYPTR_BYHASHVALUE(hh, h->named, host->name, n, hash, host);
    if (!host->hh.tbl) {
        free(host);
        return NULL;
    }
    h->free = h->places[host->number].next;
    h->places[host->number].host = host;
    return host;
}

bool hosts_take(struct hosts *h, struct span authority, uint32_t *number)
{
    char name[URL_HOST_MAX + 1];
    unsigned port;
    *number = HOST_NONE;
    if (authority.n == 0 || url_host_read(authority, name, &port))
        return true;
    uint16_t n = (uint16_t)strlen(name);
    uint32_t hash = hash_keyed(h->key, name, n);
    struct host *host;
    HASH_FIND_BYHASHVALUE(hh, h->named, name, n, hash, host);
    if (!host && !(host = add(h, name, n, hash)))
        return false;
    host->users++;
    *number = host->number;
    return true;
}

void hosts_drop(struct hosts *h, uint32_t number)
{
    if (number == HOST_NONE)
        return;
    struct host *host = h->places[number].host;
    assert(host && host->users > 0);
    if (--host->users > 0)
        return;
    h->places[number] = (struct host_place){.next = h->free};
    h->free = number;
    HASH_DEL(h->named, host);
    free(host);
}

struct span hosts_name(const struct hosts *h, uint32_t number)
{
    if (number == HOST_NONE)
        return (struct span){NULL, 0};
    const struct host *host = h->places[number].host;
    return (struct span){host->name, host->n};
}
