/* SPDX-License-Identifier: MIT
 *
 * Errands are a plain list: those that wait for a hash are at most HASHES_MAX, those that wait for the disk are one for
 * each open HTTP request. An errand outlives its connection: its result is then for nobody.
 */
#include "server/core/errand.h"

#include <stdlib.h>
#include <utlist.h>

#include "server/core/effects.h"

static struct errand *errand_new(const struct errand *why)
{
    struct errand *e = malloc(sizeof *e);
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

void errand_free(struct errand *e)
{
    if (!e)
        return;
    frame_unref(e->answer);
    free(e->bytes);
    free(e);
}

enum error errand_hash(struct core *c, const struct errand *why, struct span password, const uint8_t *salt)
{
    if (c->hashing >= HASHES_MAX)
        return ERROR_RATE_LIMITED;
    struct errand *e = errand_new(why);
    struct core_hash *hash = malloc(sizeof *hash);
    if (!e || !hash)
        goto fail;
    e->job = hash->job = ++c->last_job;
    memcpy(hash->salt, salt, sizeof hash->salt);
    memcpy(hash->password, password.p, password.n);
    hash->password_n = (uint16_t)password.n;
    if (!effects_add(c->fx, &(struct core_effect){.type = CORE_HASH, .conn = why->conn, .hash = hash})) {
        hash = NULL; /* the list owned it already */
        goto fail;
    }
    DL_APPEND(c->errands, e);
    c->hashing++;
    return ERROR_NONE;
fail:
    free(hash);
    errand_free(e);
    return ERROR_SERVER_FULL;
}

void errand_store(struct core *c, const struct errand *why)
{
    struct errand *e = errand_new(why);
    if (!e) { /* the client hears nothing, and io's own time for HTTP ends it */
        frame_unref(why->answer);
        return;
    }
    e->job = c->keep_changed;
    DL_APPEND(c->errands, e);
}

bool errand_waits(const struct core *c, struct conn_id conn)
{
    for (const struct errand *e = c->errands; e; e = e->next)
        if (e->kind != ERRAND_STORE && e->conn.slot == conn.slot && e->conn.generation == conn.generation)
            return true;
    return false;
}

struct errand *errand_take_hashed(struct core *c, uint64_t job)
{
    for (struct errand *e = c->errands; e; e = e->next)
        if (e->kind != ERRAND_STORE && e->job == job) {
            DL_DELETE(c->errands, e);
            c->hashing--;
            return e;
        }
    return NULL;
}

struct errand *errand_take_stored(struct core *c)
{
    for (struct errand *e = c->errands; e; e = e->next)
        if (e->kind == ERRAND_STORE && e->job <= c->keep_asked) {
            DL_DELETE(c->errands, e);
            return e;
        }
    return NULL;
}
