/* SPDX-License-Identifier: MIT
 *
 * Plain bookkeeping, as seats.c.
 */
#include "tests/sim/pending.h"

#include <stdlib.h>

#include <utlist.h>

struct asked *pending_add(struct pending *d, struct conn_id conn, enum core_request_type type)
{
    struct asked *a = world_alloc(sizeof *a);
    a->conn = conn;
    a->type = type;
    DL_APPEND(d->asked, a);
    return a;
}

void pending_remove(struct pending *d, struct asked *a)
{
    DL_DELETE(d->asked, a);
    free(a);
}

void pending_may(struct asked *a, unsigned status)
{
    a->due = true;
    if (a->may_n < STATUSES_MAX)
        a->may[a->may_n++] = status;
}

void pending_file(struct file *f, const struct seats *seats)
{
    const struct room *r, *next;
    f->n = 0;
    HASH_ITER (hh, seats->rooms, r, next) {
        if (!r->made)
            continue;
        f->v = world_grow(f->v, f->n, &f->cap, sizeof *f->v);
        struct filed *to = &f->v[f->n++];
        *to = (struct filed){
            .incarnation = r->incarnation, .locked = r->locked, .listed = r->listed, .max_peers = r->max_peers};
        memcpy(to->id, r->id, sizeof to->id);
        memcpy(to->password, r->password, sizeof to->password);
    }
}

void pending_restore(struct pending *d, struct seats *seats, uint64_t now)
{
    for (size_t i = 0; i < d->disk.n; i++) {
        const struct filed *f = &d->disk.v[i];
        struct room *r = seats_room_new(seats, f->id, f->incarnation);
        r->made = true;
        r->locked = f->locked;
        r->listed = f->listed;
        r->max_peers = f->max_peers;
        r->empty_since = now;
        memcpy(r->password, f->password, sizeof r->password);
    }
}

void pending_reset(struct pending *d)
{
    while (d->asked)
        pending_remove(d, d->asked);
    d->changed = d->written_of = 0;
    d->storing = d->behind = d->answering = d->filing = false;
    d->closed_n = 0;
}

void pending_done(struct pending *d)
{
    pending_reset(d);
    struct owner *o, *next;
    HASH_ITER (hh, d->owners, o, next) {
        HASH_DEL(d->owners, o);
        free(o);
    }
    free(d->writing.v);
    free(d->disk.v);
    free(d->closed);
}
