/* SPDX-License-Identifier: MIT
 *
 * A line stands in the queue of lines while it has jobs and no thread is at it; so two threads never do one file at
 * once, and what was done by one is seen by the other, for both held the lock between.
 */
#include "peer/io/file_pool.h"

#include <stdlib.h>

#include "base/os_thread.h"

struct file_pool {
    enum file_pool_result (*step)(void *user, struct file_job *job);
    void (*ready)(void *user);
    void *user;
    pthread_t threads[FILE_POOL_THREADS];
    unsigned started;
    pthread_mutex_t lock;
    pthread_cond_t given, taken;
    struct file_line *first, *last; /* under the lock, as what follows */
    struct file_job *answers, *last_answer;
    size_t bytes;
    unsigned at_work;
    bool ending;
};

/* ---- on a thread ---- */

static void line_up(struct file_pool *p, struct file_line *line)
{
    line->next = NULL;
    line->waits = true;
    if (p->last)
        p->last->next = line;
    else
        p->first = line;
    p->last = line;
    pthread_cond_signal(&p->given);
}

static struct file_line *next_line(struct file_pool *p)
{
    while (!p->first && !(p->ending && p->at_work == 0))
        pthread_cond_wait(&p->given, &p->lock);
    struct file_line *line = p->first;
    if (!line)
        return NULL;
    p->first = line->next;
    if (!p->first)
        p->last = NULL;
    p->at_work++;
    return line;
}

static void add_answer(struct file_pool *p, struct file_job *job)
{
    job->next = NULL;
    if (p->last_answer)
        p->last_answer->next = job;
    else
        p->answers = job;
    p->last_answer = job;
}

static void job_done(struct file_pool *p, struct file_line *line, struct file_job *job, bool silent)
{
    line->first = job->next;
    if (!line->first)
        line->last = NULL;
    p->bytes -= job->bytes;
    pthread_cond_signal(&p->taken);
    if (silent)
        free(job);
    else
        add_answer(p, job);
}

static void *run(void *ctx)
{
    struct file_pool *p = ctx;
    pthread_mutex_lock(&p->lock);
    for (struct file_line *line; (line = next_line(p));) {
        struct file_job *job = line->first;
        pthread_mutex_unlock(&p->lock);
        enum file_pool_result result = p->step(p->user, job);
        pthread_mutex_lock(&p->lock);
        if (result != FILE_JOB_GOES_ON)
            job_done(p, line, job, result == FILE_JOB_SILENT);
        line->waits = false;
        if (line->first)
            line_up(p, line);
        p->at_work--;
        bool last = p->ending && p->at_work == 0 && !p->first;
        if (last)
            pthread_cond_broadcast(&p->given);
        if (result == FILE_JOB_DONE)
            p->ready(p->user);
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

/* ---- on the loop ---- */

struct file_pool *file_pool_new(enum file_pool_result (*step)(void *user, struct file_job *job),
    void (*ready)(void *user), void *user, struct err *err)
{
    struct file_pool *p = calloc(1, sizeof *p);
    if (!p) {
        err_memory(err);
        return NULL;
    }
    p->step = step;
    p->ready = ready;
    p->user = user;
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->given, NULL);
    pthread_cond_init(&p->taken, NULL);
    while (p->started < FILE_POOL_THREADS && os_thread_start(&p->threads[p->started], run, p, err))
        p->started++;
    if (p->started == FILE_POOL_THREADS)
        return p;
    file_pool_end(p);
    file_pool_free(p);
    return NULL;
}

void file_pool_end(struct file_pool *p)
{
    if (!p)
        return;
    pthread_mutex_lock(&p->lock);
    p->ending = true;
    pthread_cond_broadcast(&p->given);
    pthread_mutex_unlock(&p->lock);
    while (p->started > 0)
        pthread_join(p->threads[--p->started], NULL);
}

void file_pool_free(struct file_pool *p)
{
    if (!p)
        return;
    pthread_cond_destroy(&p->taken);
    pthread_cond_destroy(&p->given);
    pthread_mutex_destroy(&p->lock);
    free(p);
}

void file_pool_give(struct file_pool *p, struct file_line *line, struct file_job *job)
{
    job->next = NULL;
    job->line = line;
    pthread_mutex_lock(&p->lock);
    while (job->bytes > 0 && p->bytes > FILE_POOL_BYTES_MAX)
        pthread_cond_wait(&p->taken, &p->lock);
    p->bytes += job->bytes;
    if (line->last)
        line->last->next = job;
    else
        line->first = job;
    line->last = job;
    if (!line->waits)
        line_up(p, line);
    pthread_mutex_unlock(&p->lock);
}

void file_pool_say(struct file_pool *p, struct file_job *answer)
{
    pthread_mutex_lock(&p->lock);
    add_answer(p, answer);
    p->ready(p->user);
    pthread_mutex_unlock(&p->lock);
}

struct file_job *file_pool_take(struct file_pool *p)
{
    pthread_mutex_lock(&p->lock);
    struct file_job *a = p->answers;
    if (a)
        p->answers = a->next;
    if (!p->answers)
        p->last_answer = NULL;
    pthread_mutex_unlock(&p->lock);
    return a;
}
