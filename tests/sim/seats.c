/* SPDX-License-Identifier: MIT
 *
 * Arrays and searches from end to end: slow, and hard to get wrong.
 */
#include "tests/sim/seats.h"

#include <stdlib.h>

#include <utlist.h>

const char *const MOVE_TYPES[MOVES] = {"peer-joined", "peer-away", "peer-back", "peer-left"};

/* ---- connections ---- */

struct caller *seats_at(const struct seats *all, struct conn_id conn)
{
    if (conn.slot >= all->n)
        return NULL;
    struct caller *c = all->v[conn.slot];
    return c->live && c->generation == conn.generation ? c : NULL;
}

struct caller *seats_open(struct seats *all, struct conn_id conn, uint64_t now)
{
    while (conn.slot >= all->n) {
        all->v = world_grow(all->v, all->n, &all->cap, sizeof(struct caller *));
        all->v[all->n++] = world_alloc(sizeof(struct caller));
    }
    struct caller *c = all->v[conn.slot];
    free(c->owed);
    *c = (struct caller){
        .slot = conn.slot, .generation = conn.generation, .live = true, .last_life = now, .outside_since = now};
    all->live++;
    return c;
}

void seats_gone(struct seats *all, struct caller *c)
{
    seats_forgive(all, c);
    claim_done(&c->waiting);
    c->waiting = (struct claim){0};
    c->live = false;
    all->live -= !c->refused;
}

/* ---- rooms ---- */

struct room *seats_room(const struct seats *all, const char *id)
{
    struct room *r = NULL;
    if (id)
        HASH_FIND_STR(all->rooms, id, r);
    return r;
}

struct room *seats_room_new(struct seats *all, const char *id, uint64_t incarnation)
{
    struct room *r = world_alloc(sizeof *r);
    snprintf(r->id, sizeof r->id, "%s", id);
    r->incarnation = incarnation ? incarnation : ++all->incarnations;
    r->empty_number = ++all->moves;
    HASH_ADD_STR(all->rooms, id, r);
    return r;
}

void seats_room_free(struct seats *all, struct room *r)
{
    HASH_DEL(all->rooms, r);
    free(r->v);
    free(r);
}

/* ---- seats ---- */

struct seat *seats_by_id(const struct seats *all, const char *id)
{
    struct seat *s = NULL;
    if (id)
        HASH_FIND_STR(all->by_id, id, s);
    return s;
}

struct seat *seats_enter(struct seats *all, struct room *r, struct caller *c, const char *id, json_t *self)
{
    struct seat *s = world_alloc(sizeof *s);
    *s = (struct seat){.room = r, .caller = c, .self = self, .stay = ++all->stays};
    snprintf(s->id, sizeof s->id, "%s", id);
    HASH_ADD_STR(all->by_id, id, s);
    r->v = world_grow(r->v, r->n, &r->cap, sizeof(struct seat *));
    r->v[r->n++] = s;
    c->seat = s;
    all->members++;
    return s;
}

void seats_away(struct seats *all, struct seat *s)
{
    struct caller *c = s->caller;
    s->lost = c->relayed != c->proved;
    s->away_number = ++all->moves;
    c->seat = NULL;
    s->caller = NULL;
    c->id[0] = '\0';
    all->away++;
}

void seats_back(struct seats *all, struct seat *s, struct caller *c)
{
    s->caller = c;
    c->seat = s;
    all->away--;
}

void seats_leave(struct seats *all, struct seat *s, uint64_t now)
{
    struct room *r = s->room;
    size_t i = 0;
    while (r->v[i] != s)
        i++;
    r->v[i] = r->v[--r->n];
    r->empty_since = now;
    r->empty_number = ++all->moves;
    if (s->caller) {
        s->caller->seat = NULL;
        s->caller->outside_since = now;
    } else {
        all->away--;
    }
    while (s->kept)
        json_decref(seats_unkeep(all, s));
    HASH_DEL(all->by_id, s);
    json_decref(s->self);
    free(s);
    all->members--;
}

void seats_keep(struct seats *all, struct seat *s, json_t *frame, size_t bytes)
{
    struct kept *k = world_alloc(sizeof *k);
    k->frame = frame;
    k->bytes = bytes;
    DL_APPEND(s->kept, k);
    s->kept_n++;
    s->kept_bytes += bytes;
    all->kept_bytes += bytes;
}

json_t *seats_unkeep(struct seats *all, struct seat *s)
{
    struct kept *k = s->kept;
    json_t *frame = k->frame;
    DL_DELETE(s->kept, k);
    s->kept_n--;
    s->kept_bytes -= k->bytes;
    all->kept_bytes -= k->bytes;
    free(k);
    return frame;
}

/* ---- what is owed ---- */

void seats_owe(struct seats *all, const struct seat *about, enum move move, const char *reason)
{
    for (size_t i = 0; i < about->room->n; i++) {
        struct caller *c = about->room->v[i]->caller;
        if (about->room->v[i] == about || !c || c->closing)
            continue;
        c->owed = world_grow(c->owed, c->owed_n, &c->owed_cap, sizeof *c->owed);
        struct notice *n = &c->owed[c->owed_n++];
        *n = (struct notice){.move = move, .reason = reason};
        memcpy(n->id, about->id, sizeof n->id);
        n->self = move == MOVE_JOINED || move == MOVE_BACK ? about->self : NULL;
        all->owed++;
    }
}

bool seats_paid(struct seats *all, struct caller *c, enum move move, const char *id, struct notice *notice)
{
    for (size_t i = 0; id && i < c->owed_n; i++)
        if (c->owed[i].move == move && strcmp(c->owed[i].id, id) == 0) {
            *notice = c->owed[i];
            memmove(&c->owed[i], &c->owed[i + 1], (--c->owed_n - i) * sizeof *c->owed);
            all->owed--;
            return true;
        }
    return false;
}

void seats_forgive(struct seats *all, struct caller *c)
{
    all->owed -= c->owed_n + (c->expelled[0] != '\0');
    c->owed_n = 0;
    c->expelled[0] = '\0';
}

/* ---- all of it ---- */

void seats_reset(struct seats *all)
{
    struct seat *s, *next;
    HASH_ITER (hh, all->by_id, s, next)
        seats_leave(all, s, 0);
    struct room *r, *after;
    HASH_ITER (hh, all->rooms, r, after)
        seats_room_free(all, r);
    for (size_t i = 0; i < all->n; i++)
        if (all->v[i]->live)
            seats_gone(all, all->v[i]);
}

void seats_done(struct seats *all)
{
    seats_reset(all);
    for (size_t i = 0; i < all->n; i++) {
        free(all->v[i]->owed);
        free(all->v[i]);
    }
    free(all->v);
}
