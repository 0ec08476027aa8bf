/* SPDX-License-Identifier: MIT
 *
 * One sync runs at a time and covers all that was asked for until it ends, as in peer/io. The number of the
 * life is the argument of its timers, so a dead one's fire into nothing.
 */
#include "tests/sim/disk.h"

#include <limits.h>
#include <stdlib.h>

enum {
    SYNC_MS = 20,
    LOAD_MS = 3,
    KNOWN_MAX = 256
};

struct known {
    char name[DISPLAY_NAME_MAX + 1], id[PERSON_MAX + 1];
};

struct load {
    struct load *next;
    uint64_t ticket;
    struct memory_store_rows rows;
};

struct disk {
    struct world *w;
    disk_answer *answer;
    void *who;
    struct memory_store *store, *copy; /* copy: NULL if there is none */
    struct known known[KNOWN_MAX];
    size_t known_n;
    /* one life */
    uint64_t life, ticket;
    struct load *loads, **last; /* in order */
    bool syncing, failed;
};

struct disk *disk_new(struct world *w, disk_answer *answer, void *who)
{
    struct disk *d = world_alloc(sizeof *d);
    *d = (struct disk){.w = w, .answer = answer, .who = who, .store = memory_store_new()};
    d->last = &d->loads;
    return d;
}

static struct load *take_load(struct disk *d)
{
    struct load *l = d->loads;
    d->loads = l->next;
    if (!d->loads)
        d->last = &d->loads;
    return l;
}

static void load_free(struct load *l)
{
    memory_store_rows_free(&l->rows);
    free(l);
}

static void on_sync(void *who, uint64_t life)
{
    struct disk *d = who;
    struct peer_event e = {.type = PEER_COMMITTED};
    if (life != d->life)
        return;
    d->syncing = false;
    if (!memory_store_sync(d->store, &e.committed)) {
        d->failed = true;
        e = (struct peer_event){.type = PEER_STORE_FAILED, .why = SPAN("the disk is full")};
    }
    d->answer(d->who, e);
}

static void on_loaded(void *who, uint64_t life)
{
    struct disk *d = who;
    if (life != d->life)
        return;
    struct load *l = take_load(d);
    d->answer(d->who, (struct peer_event){.type = PEER_LOADED, .loaded = {l->ticket, l->rows.rows, l->rows.n}});
    load_free(l);
}

static void later(struct disk *d, uint32_t most, world_fn *fn)
{
    world_at(d->w, world_now(d->w) + world_below(d->w, most + 1), fn, d, d->life);
}

static void remember(struct disk *d, const char *name, const char *id)
{
    size_t i = 0;
    while (i < d->known_n && strcmp(d->known[i].name, name) != 0)
        i++;
    world_check(d->w, i < KNOWN_MAX, "too many names are remembered");
    snprintf(d->known[i].name, sizeof d->known[i].name, "%s", name);
    snprintf(d->known[i].id, sizeof d->known[i].id, "%s", id);
    d->known_n += i == d->known_n;
}

static void start_load(struct disk *d, const struct peer_effect *e)
{
    struct load *l = world_alloc(sizeof *l);
    world_check(d->w, e->load.limit > 0 && e->load.limit <= ROWS_MAX, "a load of %u rows", e->load.limit);
    *l = (struct load){NULL, e->load.ticket, memory_store_load(d->store, e)};
    *d->last = l;
    d->last = &l->next;
    later(d, LOAD_MS, on_loaded);
}

void disk_effect(struct disk *d, const struct peer_effect *e)
{
    if (e->type == PEER_FX_REMEMBER) {
        remember(d, e->remember.name, e->remember.id);
        return;
    }
    if (d->failed)
        return;
    if (e->type == PEER_FX_LOAD) {
        start_load(d, e);
        return;
    }
    memory_store_effect(d->store, e);
    if (e->type != PEER_FX_COMMIT) {
        const char *key = e->type == PEER_FX_PUT ? e->put.key : e->delete.key;
        world_check(d->w, strlen(key) <= ROW_KEY_MAX, "a long key: %s", key);
        return;
    }
    uint64_t ticket = e->commit.ticket;
    world_check(
        d->w, ticket > d->ticket, "ticket %llu after %llu", (unsigned long long)ticket, (unsigned long long)d->ticket);
    d->ticket = ticket;
    if (!d->syncing)
        later(d, SYNC_MS, on_sync);
    d->syncing = true;
}

/* What a table holds is read before its rows are handed over: the core may answer them with changes. */
static void restore(struct disk *d, enum peer_table table)
{
    char first[] = "", end[] = "";
    struct peer_effect all = {.type = PEER_FX_LOAD, .load = {0, table, first, end, UINT_MAX, false}};
    struct memory_store_rows rows = memory_store_load(d->store, &all);
    for (size_t i = 0; i < rows.n; i++)
        d->answer(d->who, (struct peer_event){.type = PEER_RESTORE, .restore = {table, rows.rows[i]}});
    memory_store_rows_free(&rows);
}

void disk_restore(struct disk *d)
{
    static const bool restored[PEER_TABLES] = {
#define X(name, text, restored) [TABLE_##name] = restored,
        PEER_TABLE_LIST(X)
#undef X
    };
    for (enum peer_table t = 0; t < PEER_TABLES; t++)
        if (restored[t])
            restore(d, t);
    for (size_t i = 0; i < d->known_n; i++)
        d->answer(d->who,
            (struct peer_event){.type = PEER_KNOWN, .known = {span_of(d->known[i].name), span_of(d->known[i].id)}});
}

void disk_end(struct disk *d, bool orderly)
{
    size_t waiting = memory_store_waiting(d->store);
    size_t survivors = waiting && !orderly ? world_below(d->w, (uint32_t)waiting + 1) : waiting;
    if (survivors < waiting)
        world_note(d->w, WORLD_UNSYNCED);
    if (orderly)
        memory_store_close(d->store);
    else
        memory_store_crash(d->store, survivors);
    while (d->loads)
        load_free(take_load(d));
    d->life++;
    d->ticket = 0;
    d->syncing = d->failed = false;
}

void disk_fill(struct disk *d, bool full)
{
    memory_store_break(d->store, full);
}

void disk_copy(struct disk *d)
{
    memory_store_free(d->copy);
    d->copy = memory_store_copy(d->store);
}

void disk_lose(struct disk *d, bool put_back)
{
    memory_store_put_back(d->store, put_back ? d->copy : NULL);
}

void disk_take_copy(struct disk *d, const struct disk *of)
{
    memory_store_free(d->copy);
    d->copy = memory_store_copy(of->store);
    memory_store_put_back(d->store, d->copy);
    memcpy(d->known, of->known, sizeof d->known);
    d->known_n = of->known_n;
}

const struct memory_store *disk_memory_store(const struct disk *d)
{
    return d->store;
}

void disk_free(struct disk *d)
{
    if (!d)
        return;
    while (d->loads)
        load_free(take_load(d));
    memory_store_free(d->store);
    memory_store_free(d->copy);
    free(d);
}
