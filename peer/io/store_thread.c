/* SPDX-License-Identifier: MIT
 *
 * The thread takes all that waits, does it in order, and then syncs once if any of it asked for that: what comes during a
 * sync has the next one together. Loads are answered out of the open transaction. After the first failure nothing more is
 * done, which is told once; what is given then is freed.
 *
 * Rejected: a second connection for loads, which would not see what is not committed.
 */
#include "peer/io/store_thread.h"

#include <glib.h>
#include <stdlib.h>
#include <utlist.h>

#include "base/os_thread.h"

struct store_thread {
    struct store *store; /* borrowed */
    void (*ready)(void *user);
    void *user;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t given, taken;
    struct store_jobs waiting;    /* under the lock, as what follows */
    struct store_answer *answers; /* in order */
    bool ending;
    bool failed; /* the thread's own */
};

void store_job_free(struct store_job *job)
{
    peer_effect_done(&job->what);
    free(job);
}

void store_jobs_add(struct store_jobs *jobs, struct store_job *job)
{
    job->next = NULL;
    if (jobs->last)
        jobs->last->next = job;
    else
        jobs->first = job;
    jobs->last = job;
    jobs->n++;
    jobs->bytes += job->what.type == PEER_FX_PUT ? job->what.put.value.n : 0;
}

void store_jobs_free(struct store_jobs *jobs)
{
    struct store_job *job, *next;
    LL_FOREACH_SAFE(jobs->first, job, next)
    store_job_free(job);
    *jobs = (struct store_jobs){0};
}

static void join(struct store_jobs *to, struct store_jobs *more)
{
    if (!more->first)
        return;
    if (to->last)
        to->last->next = more->first;
    else
        to->first = more->first;
    to->last = more->last;
    to->n += more->n;
    to->bytes += more->bytes;
    *more = (struct store_jobs){0};
}

void store_answer_free(struct store_answer *a)
{
    if (a)
        store_rows_free(&a->rows);
    free(a);
}

/* ---- on the thread ---- */

static void answer(struct store_thread *t, struct store_answer *a)
{
    pthread_mutex_lock(&t->lock);
    LL_APPEND(t->answers, a);
    pthread_mutex_unlock(&t->lock);
    t->ready(t->user);
}

static struct store_answer *answer_new(enum peer_event_type type, uint64_t ticket)
{
    struct store_answer *a = g_new0(struct store_answer, 1);
    a->type = type;
    a->ticket = ticket;
    return a;
}

static void fail(struct store_thread *t, const struct err *why)
{
    struct store_answer *a = answer_new(PEER_STORE_FAILED, 0);
    t->failed = true;
    a->why = *why;
    answer(t, a);
}

static void load(struct store_thread *t, const struct peer_effect *e)
{
    struct store_answer *a = answer_new(PEER_LOADED, e->load.ticket);
    struct err err;
    if (store_load(t->store, e->load.table, span_of(e->load.from), span_of(e->load.to), e->load.limit,
            e->load.last_first, &a->rows, &err)) {
        answer(t, a);
        return;
    }
    store_answer_free(a);
    fail(t, &err);
}

static void change(struct store_thread *t, const struct peer_effect *e)
{
    struct err err;
    bool ok = e->type == PEER_FX_PUT
                  ? store_put(t->store, e->put.table, span_of(e->put.key), peer_text_view(e->put.value), &err)
                  : store_delete(t->store, e->delete.table, span_of(e->delete.key), &err);
    if (!ok)
        fail(t, &err);
}

static void sync_all(struct store_thread *t, uint64_t ticket)
{
    struct err err;
    if (store_commit(t->store, &err))
        answer(t, answer_new(PEER_COMMITTED, ticket));
    else
        fail(t, &err);
}

static void work(struct store_thread *t, struct store_jobs *jobs)
{
    uint64_t ticket = 0;
    bool wanted = false;
    for (struct store_job *job = jobs->first, *next; job; job = next) {
        next = job->next;
        if (t->failed) {
            store_job_free(job);
            continue;
        }
        if (job->what.type == PEER_FX_LOAD) {
            load(t, &job->what);
        } else if (job->what.type == PEER_FX_COMMIT) {
            wanted = true;
            ticket = job->what.commit.ticket;
        } else {
            change(t, &job->what);
        }
        store_job_free(job);
    }
    if (wanted && !t->failed)
        sync_all(t, ticket);
}

static void *run(void *ctx)
{
    struct store_thread *t = ctx;
    for (bool ending = false; !ending;) {
        pthread_mutex_lock(&t->lock);
        while (!t->waiting.first && !t->ending)
            pthread_cond_wait(&t->given, &t->lock);
        struct store_jobs jobs = t->waiting;
        t->waiting = (struct store_jobs){0};
        ending = t->ending;
        pthread_cond_signal(&t->taken);
        pthread_mutex_unlock(&t->lock);
        work(t, &jobs);
    }
    return NULL;
}

/* ---- on the loop ---- */

struct store_thread *store_thread_new(struct store *store, void (*ready)(void *user), void *user, struct err *err)
{
    struct store_thread *t = calloc(1, sizeof *t);
    if (!t) {
        err_memory(err);
        return NULL;
    }
    t->store = store;
    t->ready = ready;
    t->user = user;
    pthread_mutex_init(&t->lock, NULL);
    pthread_cond_init(&t->given, NULL);
    pthread_cond_init(&t->taken, NULL);
    if (os_thread_start(&t->thread, run, t, err))
        return t;
    pthread_cond_destroy(&t->taken);
    pthread_cond_destroy(&t->given);
    pthread_mutex_destroy(&t->lock);
    free(t);
    return NULL;
}

void store_thread_free(struct store_thread *t)
{
    struct store_answer *a, *next;
    if (!t)
        return;
    pthread_mutex_lock(&t->lock);
    t->ending = true;
    pthread_cond_signal(&t->given);
    pthread_mutex_unlock(&t->lock);
    pthread_join(t->thread, NULL);
    LL_FOREACH_SAFE(t->answers, a, next)
    store_answer_free(a);
    pthread_cond_destroy(&t->taken);
    pthread_cond_destroy(&t->given);
    pthread_mutex_destroy(&t->lock);
    free(t);
}

static bool is_full(const struct store_jobs *jobs)
{
    return jobs->n >= STORE_JOBS_MAX || jobs->bytes >= STORE_BYTES_MAX;
}

void store_thread_give(struct store_thread *t, struct store_jobs *jobs)
{
    pthread_mutex_lock(&t->lock);
    while (is_full(&t->waiting))
        pthread_cond_wait(&t->taken, &t->lock);
    join(&t->waiting, jobs);
    pthread_cond_signal(&t->given);
    pthread_mutex_unlock(&t->lock);
}

bool store_thread_is_behind(struct store_thread *t)
{
    pthread_mutex_lock(&t->lock);
    bool behind = t->waiting.n >= STORE_JOBS_MAX / 2 || t->waiting.bytes >= STORE_BYTES_MAX / 2;
    pthread_mutex_unlock(&t->lock);
    return behind;
}

struct store_answer *store_thread_take(struct store_thread *t)
{
    pthread_mutex_lock(&t->lock);
    struct store_answer *a = t->answers;
    if (a)
        LL_DELETE(t->answers, a);
    pthread_mutex_unlock(&t->lock);
    return a;
}
