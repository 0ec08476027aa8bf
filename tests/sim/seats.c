/* SPDX-License-Identifier: MIT
 *
 * Plain bookkeeping; what is right and what is wrong is the judge's.
 */
#include "tests/sim/seats.h"

#include <stdlib.h>

struct seat *seats_at(const struct seats *all, struct conn_id conn)
{
    if (conn.slot >= all->n || !all->v[conn.slot])
        return NULL;
    struct seat *s = all->v[conn.slot];
    return s->live && s->generation == conn.generation ? s : NULL;
}

struct seat *seats_by_id(const struct seats *all, const char *id)
{
    struct seat *s = NULL;
    if (id)
        HASH_FIND_STR(all->by_id, id, s);
    return s;
}

struct room *seats_room(const struct seats *all, const char *id)
{
    struct room *r;
    HASH_FIND_STR(all->rooms, id, r);
    return r;
}

void seats_enter(struct seats *all, const char *id, struct seat *s)
{
    struct room *r = seats_room(all, id);
    if (!r) {
        r = world_alloc(sizeof *r);
        snprintf(r->id, sizeof r->id, "%s", id);
        HASH_ADD_STR(all->rooms, id, r);
    }
    r->slots = world_grow(r->slots, r->n, &r->cap, sizeof *r->slots);
    r->slots[r->n++] = s->slot;
    s->room = r;
    all->members++;
}

void seats_leave(struct seats *all, struct seat *s, uint64_t now)
{
    struct room *r = s->room;
    size_t i = 0;
    while (r->slots[i] != s->slot)
        i++;
    r->slots[i] = r->slots[--r->n];
    s->room = NULL;
    s->outside_since = now;
    all->members--;
    if (r->n > 0)
        return;
    HASH_DEL(all->rooms, r);
    free(r->slots);
    free(r);
}

void seats_gone(struct seats *all, struct seat *s)
{
    if (s->room)
        seats_leave(all, s, s->last_life);
    if (s->ready)
        HASH_DEL(all->by_id, s);
    s->live = false;
    all->live--;
}

void seats_open(struct seats *all, struct conn_id conn, uint64_t now)
{
    while (conn.slot >= all->n) {
        all->v = world_grow(all->v, all->n, &all->cap, sizeof(struct seat *));
        all->v[all->n++] = world_alloc(sizeof(struct seat));
    }
    *all->v[conn.slot] = (struct seat){
        .slot = conn.slot, .generation = conn.generation, .live = true, .last_life = now, .outside_since = now};
    all->live++;
}

void seats_name(struct seats *all, struct seat *s, const char *id)
{
    snprintf(s->id, sizeof s->id, "%s", id);
    HASH_ADD_STR(all->by_id, id, s);
    s->ready = true;
}

void seats_reset(struct seats *all)
{
    for (size_t i = 0; i < all->n; i++)
        if (all->v[i]->live)
            seats_gone(all, all->v[i]);
}

void seats_done(struct seats *all)
{
    seats_reset(all);
    for (size_t i = 0; i < all->n; i++)
        free(all->v[i]);
    free(all->v);
}
