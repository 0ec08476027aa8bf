/* SPDX-License-Identifier: MIT
 *
 * Puts and deletes go into the open transaction at once, loads are answered out of it, and a commit is remembered: a
 * source whose priority is just below that of sockets and timers runs when nothing more is readable, so its one sync
 * covers every frame of the turn. Under a flood that moment never comes; then KEEPER_STEPS_MAX and KEEPER_WAIT_US end
 * the wait.
 */
#include "peer/io/keeper.h"

#include <stdlib.h>
#include <utlist.h>

struct answer { /* to a load */
    struct answer *next;
    uint64_t ticket;
    struct store_rows rows;
};

struct keeper {
    struct store *store; /* borrowed */
    GSource *source;     /* ready while a commit is wanted */
    void (*due)(void *user);
    void *user;
    struct answer *answers; /* in order */
    struct answer *told;    /* what the last event points to */
    uint64_t ticket;        /* the last one that was asked for */
    bool wanted, now;       /* a commit; and this instant */
    unsigned steps;         /* since it was wanted */
    gint64 since;
    bool failed, failure_told;
    struct err why;
};

/* A ready time that has passed would fire again at once. */
static gboolean dispatch(GSource *source, GSourceFunc run, gpointer user)
{
    g_source_set_ready_time(source, -1);
    return run(user);
}

static gboolean on_idle(gpointer user)
{
    struct keeper *k = user;
    k->now = k->wanted;
    k->due(k->user);
    return G_SOURCE_CONTINUE;
}

struct keeper *keeper_new(GMainContext *context, struct store *store, void (*due)(void *user), void *user)
{
    static const GSourceFuncs FUNCS = {.dispatch = dispatch};
    struct keeper *k = calloc(1, sizeof *k);
    if (!k)
        return NULL;
    k->store = store;
    k->due = due;
    k->user = user;
    k->source = g_source_new((GSourceFuncs *)&FUNCS, sizeof(GSource));
    g_source_set_priority(k->source, G_PRIORITY_DEFAULT + 1);
    g_source_set_callback(k->source, on_idle, k, NULL);
    g_source_attach(k->source, context);
    return k;
}

static void answer_free(struct answer *a)
{
    if (a)
        store_rows_free(&a->rows);
    g_free(a);
}

void keeper_free(struct keeper *k)
{
    if (!k)
        return;
    g_source_destroy(k->source);
    g_source_unref(k->source);
    struct answer *a, *next;
    LL_FOREACH_SAFE(k->answers, a, next)
    answer_free(a);
    answer_free(k->told);
    free(k);
}

static void load(struct keeper *k, const struct peer_effect *e)
{
    struct answer *a = g_new0(struct answer, 1);
    a->ticket = e->ticket;
    struct span from = span_of(e->kind), to = {e->text, e->text_n};
    if (store_load(k->store, e->table, from, to, e->limit, e->flag, &a->rows, &k->why)) {
        LL_APPEND(k->answers, a);
        return;
    }
    k->failed = true;
    answer_free(a);
}

void keeper_effect(struct keeper *k, const struct peer_effect *e)
{
    struct span value = {e->text, e->text_n};
    if (k->failed)
        return;
    switch (e->type) {
    case PEER_FX_PUT:
        k->failed = !store_put(k->store, e->table, span_of(e->kind), value, &k->why);
        break;
    case PEER_FX_DELETE:
        k->failed = !store_delete(k->store, e->table, span_of(e->kind), &k->why);
        break;
    case PEER_FX_LOAD:
        load(k, e);
        break;
    default:
        k->ticket = e->ticket;
        if (k->wanted)
            break;
        k->wanted = true;
        k->steps = 0;
        k->since = g_get_monotonic_time();
        g_source_set_ready_time(k->source, 0);
        break;
    }
}

static bool is_due(struct keeper *k)
{
    return k->wanted &&
           (k->now || ++k->steps >= KEEPER_STEPS_MAX || g_get_monotonic_time() - k->since >= KEEPER_WAIT_US);
}

bool keeper_next(struct keeper *k, struct peer_event *event)
{
    answer_free(k->told);
    k->told = NULL;
    if (!k->failed && k->answers) {
        struct answer *a = k->answers;
        LL_DELETE(k->answers, a);
        k->told = a;
        *event = (struct peer_event){.type = PEER_LOADED, .ticket = a->ticket, .loaded = {a->rows.rows, a->rows.n}};
        return true;
    }
    if (!k->failed && is_due(k)) {
        k->wanted = k->now = false;
        g_source_set_ready_time(k->source, -1);
        k->failed = !store_commit(k->store, &k->why);
        if (!k->failed) {
            *event = (struct peer_event){.type = PEER_COMMITTED, .ticket = k->ticket};
            return true;
        }
    }
    if (!k->failed || k->failure_told)
        return false;
    k->failure_told = true;
    *event = (struct peer_event){.type = PEER_STORE_FAILED, .bytes = span_of(k->why.text)};
    return true;
}
