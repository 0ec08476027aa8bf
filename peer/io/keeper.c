/* SPDX-License-Identifier: MIT
 *
 * What a step puts and deletes waits here until the step asks for a commit: the thread must never have half of a step when it
 * syncs for the steps before. A commit is remembered: a source whose priority is just below that of sockets and timers runs
 * when nothing more is readable, so its one sync covers every frame of the turn. Under a flood that moment never comes; then
 * KEEPER_STEPS_MAX and KEEPER_WAIT_US end the wait, and the source goes ahead of sockets, but behind the notices
 * (notices.h): a step may say what it then deletes, and a crash must not find it deleted and unsaid. A load goes to the thread
 * at once, with all that was put before it.
 */
#include "peer/io/keeper.h"

#include <stdlib.h>

#include "peer/io/store_thread.h"

/* Of the source that commits. */
enum {
    AT_LEISURE = G_PRIORITY_DEFAULT + 1,
    LATE = G_PRIORITY_HIGH + 1 /* notices have G_PRIORITY_HIGH */
};

struct keeper {
    struct store_thread *thread;
    GSource *idle;    /* ready while a commit is wanted, and not yet begun */
    GSource *answers; /* made ready by the thread */
    void (*due)(void *user);
    void *user;
    struct store_jobs step;     /* of the step in hand, whose commit is still to come */
    struct store_jobs closed;   /* of whole steps, not given to the thread */
    struct store_answer *given; /* what the last event points to */
    uint64_t ticket;            /* the last one that was asked for */
    bool wanted, now;           /* a commit; and this instant */
    bool asked;                 /* a load is among the closed */
    unsigned steps;             /* since it was wanted */
    gint64 since;
    bool failed;
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

static gboolean on_answers(gpointer user)
{
    struct keeper *k = user;
    k->due(k->user);
    return G_SOURCE_CONTINUE;
}

/* From the thread; GLib wakes the loop. */
static void on_ready(void *user)
{
    struct keeper *k = user;
    g_source_set_ready_time(k->answers, 0);
}

static GSource *source_new(struct keeper *k, GMainContext *context, int priority, GSourceFunc run)
{
    static const GSourceFuncs FUNCS = {.dispatch = dispatch};
    GSource *source = g_source_new((GSourceFuncs *)&FUNCS, sizeof(GSource));
    g_source_set_priority(source, priority);
    g_source_set_callback(source, run, k, NULL);
    g_source_attach(source, context);
    return source;
}

struct keeper *keeper_new(
    GMainContext *context, struct store *store, void (*due)(void *user), void *user, struct err *err)
{
    struct keeper *k = calloc(1, sizeof *k);
    if (!k) {
        err_memory(err);
        return NULL;
    }
    k->due = due;
    k->user = user;
    k->idle = source_new(k, context, AT_LEISURE, on_idle);
    k->answers = source_new(k, context, G_PRIORITY_DEFAULT, on_answers);
    k->thread = store_thread_new(store, on_ready, k, err);
    if (k->thread)
        return k;
    keeper_free(k);
    return NULL;
}

static void source_free(GSource *source)
{
    g_source_destroy(source);
    g_source_unref(source);
}

void keeper_free(struct keeper *k)
{
    if (!k)
        return;
    if (k->thread && k->closed.first)
        store_thread_give(k->thread, &k->closed);
    store_thread_free(k->thread);
    source_free(k->idle);
    source_free(k->answers);
    store_jobs_free(&k->step);
    store_jobs_free(&k->closed);
    store_answer_free(k->given);
    free(k);
}

/* ---- asked for ---- */

static struct store_job *job_new(struct peer_effect *e)
{
    struct store_job *job = g_new(struct store_job, 1);
    *job = (struct store_job){.what = peer_effect_take(e)};
    return job;
}

static void close_step(struct keeper *k)
{
    for (struct store_job *job = k->step.first, *next; job; job = next) {
        next = job->next;
        store_jobs_add(&k->closed, job);
    }
    k->step = (struct store_jobs){0};
}

static void want_commit(struct keeper *k, uint64_t ticket)
{
    k->ticket = ticket;
    close_step(k);
    if (k->wanted)
        return;
    k->wanted = true;
    k->steps = 0;
    k->since = g_get_monotonic_time();
    g_source_set_ready_time(k->idle, 0);
}

void keeper_effect(struct keeper *k, struct peer_effect *e)
{
    if (k->failed)
        return;
    if (e->type == PEER_FX_COMMIT) {
        want_commit(k, e->commit.ticket);
        return;
    }
    bool load = e->type == PEER_FX_LOAD;
    k->asked |= load;
    store_jobs_add(k->step.first || !load ? &k->step : &k->closed, job_new(e));
}

/* ---- given ---- */

static bool is_late(struct keeper *k)
{
    return ++k->steps >= KEEPER_STEPS_MAX || g_get_monotonic_time() - k->since >= KEEPER_WAIT_US;
}

static void give(struct keeper *k)
{
    bool due = k->wanted && k->now;
    if (k->wanted && !due && is_late(k))
        g_source_set_priority(k->idle, LATE);
    if (due) {
        k->wanted = k->now = false;
        g_source_set_priority(k->idle, AT_LEISURE);
        store_jobs_add(&k->closed, job_new(&(struct peer_effect){.type = PEER_FX_COMMIT, .commit = {k->ticket}}));
    }
    if (due || (k->asked && k->closed.first))
        store_thread_give(k->thread, &k->closed);
    k->asked = k->asked && k->step.first;
}

bool keeper_next(struct keeper *k, struct peer_event *event)
{
    store_answer_free(k->given);
    k->given = NULL;
    if (k->failed)
        return false;
    give(k);
    struct store_answer *a = k->given = store_thread_take(k->thread);
    if (!a)
        return false;
    k->failed = a->type == PEER_STORE_FAILED;
    *event = (struct peer_event){.type = a->type};
    if (a->type == PEER_LOADED) {
        event->loaded.ticket = a->ticket;
        event->loaded.rows = a->rows.rows;
        event->loaded.row_count = a->rows.n;
    } else if (k->failed) {
        event->why = span_of(a->why.text);
    } else {
        event->committed = a->ticket;
    }
    return true;
}

bool keeper_is_behind(const struct keeper *k)
{
    return store_thread_is_behind(k->thread);
}
