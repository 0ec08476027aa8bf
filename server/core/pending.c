/* SPDX-License-Identifier: MIT
 *
 * Plain lists: those that wait for a hash are at most HASHES_MAX and for their time DELAYED_MAX, so walks through them
 * are short; those that wait for the disk are one for each open HTTP request, in order of what they wait for, so the first
 * is always the next. What is pending outlives its connection: the result is then for nobody. Only what waits for its time
 * goes with it, or an address could hold all those places.
 */
#include "server/core/pending.h"

#include <assert.h>
#include <stdlib.h>
#include <utlist.h>

#include "server/core/effects.h"

static struct pending *pending_new(const struct pending *why)
{
    struct pending *e = malloc(sizeof *e);
    if (!e)
        return NULL;
    *e = *why;
    e->bytes = malloc(why->bytes_n + 1);
    if (!e->bytes) {
        free(e);
        return NULL;
    }
    if (why->bytes_n)
        memcpy(e->bytes, why->bytes, why->bytes_n);
    return e;
}

void pending_free(struct pending *e)
{
    if (!e)
        return;
    frame_unref(e->answer);
    free(e->bytes);
    free(e);
}

static void count_for(struct pending *e, const struct session *s)
{
    e->counted = s->address != NULL;
    if (e->counted)
        e->address = s->address->address;
}

enum error pending_hash(
    struct core *c, const struct session *s, const struct pending *why, struct span password, const uint8_t *salt)
{
    assert(why->kind == PENDING_JOIN || why->kind == PENDING_CREATE);
    assert(password.n <= PASSWORD_MAX);
    if (c->hashing >= HASHES_MAX)
        return ERROR_RATE_LIMITED;
    struct pending *e = pending_new(why);
    struct core_hash *hash = malloc(sizeof *hash);
    if (!e || !hash)
        goto fail;
    count_for(e, s);
    e->job = hash->job = ++c->last_job;
    memcpy(hash->salt, salt, sizeof hash->salt);
    memcpy(hash->password, password.p, password.n);
    hash->password_n = (uint16_t)password.n;
    if (!effects_add(c->fx, &(struct core_effect){.type = CORE_HASH, .conn = why->conn, .hash = hash})) {
        hash = NULL; /* the list owned it already */
        goto fail;
    }
    DL_APPEND(c->hashes, e);
    c->hashing++;
    return ERROR_NONE;
fail:
    free(hash);
    pending_free(e);
    return ERROR_SERVER_FULL;
}

void pending_store(struct core *c, const struct pending *why)
{
    assert(why->kind == PENDING_STORE);
    struct pending *e = pending_new(why);
    if (!e) { /* out of memory: an answer that needs none */
        frame_unref(why->answer);
        effects_add(c->fx, &(struct core_effect){.type = CORE_RESPONSE, .conn = why->conn, .response = {NULL, 503, 0}});
        return;
    }
    e->job = c->room_store.changed;
    DL_APPEND(c->stores, e);
}

uint32_t pending_of(const struct pending *list, const struct address_state *address)
{
    uint32_t n = 0;
    for (const struct pending *e = list; e; e = e->next) /* that of ::1 is all zero, as where there is none */
        n += e->counted && memcmp(&e->address, &address->address, sizeof e->address) == 0;
    return n;
}

/* An address has at most as many places as it leaves free: one alone half of them, n together n in n + 1, and whoever comes
 * next finds some. (As switches share the memory for their queues: Choudhury and Hahne's dynamic thresholds.) */
static bool may_wait(const struct core *c, const struct session *s)
{
    uint32_t left = DELAYED_MAX - c->delayed;
    return left > 0 && (!s->address || pending_of(c->delays, s->address) < left);
}

enum error pending_delay(struct core *c, const struct session *s, const struct pending *why, uint64_t ms)
{
    assert(why->kind == PENDING_FRAME || why->kind == PENDING_ASK);
    if (!may_wait(c, s))
        return ERROR_RATE_LIMITED;
    struct pending *e = pending_new(why);
    if (!e)
        return ERROR_SERVER_FULL;
    count_for(e, s);
    e->at = c->now + ms;
    DL_APPEND(c->delays, e);
    if (c->delayed++ == 0 || e->at < c->delayed_due)
        c->delayed_due = e->at;
    c->stats.auth_delayed_total++;
    return ERROR_NONE;
}

static void end_delay(struct core *c, struct pending *e)
{
    assert(c->delayed > 0);
    DL_DELETE(c->delays, e);
    c->delayed--;
    c->delayed_due = UINT64_MAX;
    for (const struct pending *left = c->delays; left; left = left->next)
        if (left->at < c->delayed_due)
            c->delayed_due = left->at;
}

struct pending *pending_take_due(struct core *c)
{
    for (struct pending *e = pending_due(c) <= c->now ? c->delays : NULL; e; e = e->next)
        if (e->at <= c->now) {
            end_delay(c, e);
            return e;
        }
    return NULL;
}

uint64_t pending_due(const struct core *c)
{
    return c->delayed ? c->delayed_due : UINT64_MAX;
}

static bool is_of(const struct pending *e, struct conn_id conn)
{
    return e->conn.slot == conn.slot && e->conn.generation == conn.generation;
}

void pending_forget(struct core *c, struct conn_id conn)
{
    for (struct pending *e = c->delays; e; e = e->next)
        if (is_of(e, conn)) {
            end_delay(c, e);
            pending_free(e);
            return;
        }
}

bool pending_waits(const struct core *c, struct conn_id conn)
{
    const struct pending *e = c->hashes;
    while (e && !is_of(e, conn))
        e = e->next;
    for (const struct pending *a = c->asked; a && !e; a = a->next)
        e = is_of(a, conn) ? a : NULL;
    for (const struct pending *d = c->delays; d && !e; d = d->next)
        e = is_of(d, conn) ? d : NULL;
    return e != NULL;
}

struct pending *pending_take_hashed(struct core *c, uint64_t job)
{
    struct pending *e = c->hashes;
    while (e && e->job != job)
        e = e->next;
    if (!e)
        return NULL;
    DL_DELETE(c->hashes, e);
    c->hashing--;
    return e;
}

enum error pending_bus(struct core *c, const struct pending *why, uint64_t *job)
{
    assert(why->kind >= PENDING_BUS_JOIN);
    if (c->asked_n >= ASKED_MAX)
        return ERROR_RATE_LIMITED;
    struct pending *e = pending_new(why);
    if (!e)
        return ERROR_SERVER_FULL;
    e->job = *job = ++c->last_job;
    e->at = c->now + ASKED_MS;
    DL_APPEND(c->asked, e);
    c->asked_n++;
    return ERROR_NONE;
}

struct pending *pending_take_asked(struct core *c, uint64_t job)
{
    struct pending *e = c->asked;
    while (e && e->job != job)
        e = e->next;
    if (!e)
        return NULL;
    DL_DELETE(c->asked, e);
    c->asked_n--;
    return e;
}

const struct pending *pending_stored(const struct core *c)
{
    return c->stores && c->stores->job <= c->room_store.asked ? c->stores : NULL;
}

struct pending *pending_take_stored(struct core *c)
{
    struct pending *e = pending_stored(c) ? c->stores : NULL;
    if (e)
        DL_DELETE(c->stores, e);
    return e;
}

static void free_all(struct pending *list)
{
    struct pending *e, *next;
    DL_FOREACH_SAFE (list, e, next)
        pending_free(e);
}

void pending_done(struct core *c)
{
    free_all(c->hashes);
    free_all(c->delays);
    free_all(c->stores);
    free_all(c->asked);
}
