/* SPDX-License-Identifier: MIT
 *
 * The threads that files are done by (file_pool.c), with jobs that wait at a door: what may wait is bounded and told,
 * a file's jobs are done in order, and a long one lets others go ahead.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdlib.h>

#include "peer/io/file_pool.h"

enum {
    MIB = 1024 * 1024,
    DONE_MAX = 64
};

struct job {
    struct file_job job; /* first */
    int number;
    int steps; /* that it takes */
    bool silent;
};

/* Who is at work waits here while it is shut; and what was done, step by step. */
struct door {
    pthread_mutex_t lock;
    pthread_cond_t moved;
    bool shut;
    int waiting, answers;
    int first_steps; /* that are done before the job number 0 may go on */
    int done[DONE_MAX];
    int n;
};

static enum file_pool_result step(void *user, struct file_job *j)
{
    struct door *d = user;
    struct job *job = (struct job *)j;
    pthread_mutex_lock(&d->lock);
    d->waiting++;
    pthread_cond_broadcast(&d->moved);
    while (d->shut || (job->number == 0 && d->n < d->first_steps))
        pthread_cond_wait(&d->moved, &d->lock);
    d->waiting--;
    if (d->n < DONE_MAX)
        d->done[d->n++] = job->number;
    pthread_cond_broadcast(&d->moved);
    pthread_mutex_unlock(&d->lock);
    if (--job->steps > 0)
        return FILE_JOB_GOES_ON;
    return job->silent ? FILE_JOB_SILENT : FILE_JOB_DONE;
}

static void ready(void *user)
{
    struct door *d = user;
    pthread_mutex_lock(&d->lock);
    d->answers++;
    pthread_cond_broadcast(&d->moved);
    pthread_mutex_unlock(&d->lock);
}

static void set_door(struct door *d, bool shut)
{
    pthread_mutex_lock(&d->lock);
    d->shut = shut;
    pthread_cond_broadcast(&d->moved);
    pthread_mutex_unlock(&d->lock);
}

static void wait_until(struct door *d, const int *what, int wanted)
{
    pthread_mutex_lock(&d->lock);
    while (*what < wanted)
        pthread_cond_wait(&d->moved, &d->lock);
    pthread_mutex_unlock(&d->lock);
}

static struct file_pool *pool_of(struct door *d)
{
    struct err err = {.text = ""};
    *d = (struct door){.lock = PTHREAD_MUTEX_INITIALIZER, .moved = PTHREAD_COND_INITIALIZER, .shut = true};
    struct file_pool *p = file_pool_new(step, ready, d, &err);
    if (!p)
        fail_msg("%s", err.text);
    return p;
}

static void give(struct file_pool *p, struct file_line *line, int number, int steps, size_t bytes)
{
    struct job *job = calloc(1, sizeof *job);
    *job = (struct job){.job = {.bytes = bytes}, .number = number, .steps = steps};
    file_pool_give(p, line, &job->job);
}

static int taken(struct file_pool *p)
{
    int n = 0;
    for (struct file_job *j; (j = file_pool_take(p)); n++)
        free(j);
    return n;
}

struct giver {
    struct file_pool *p;
    struct file_line *line;
    struct door *d;
    int back; /* under the door's lock */
};

static void *give_one_more(void *ctx)
{
    struct giver *g = ctx;
    give(g->p, g->line, 99, 1, MIB);
    pthread_mutex_lock(&g->d->lock);
    g->back = 1;
    pthread_cond_broadcast(&g->d->moved);
    pthread_mutex_unlock(&g->d->lock);
    return NULL;
}

static void test_bounds(void **state)
{
    struct door d;
    struct file_line line = {0}, other = {0};
    struct file_pool *p = pool_of(&d);
    pthread_t thread;
    (void)state;
    for (int i = 0; i <= FILE_POOL_BYTES_MAX / MIB; i++)
        give(p, &line, i, 1, MIB);
    give(p, &other, 98, 1, 0); /* what has no bytes does not wait */
    struct giver g = {p, &other, &d, 0};
    assert_int_equal(pthread_create(&thread, NULL, give_one_more, &g), 0);
    wait_until(&d, &d.waiting, 2);
    pthread_mutex_lock(&d.lock);
    assert_int_equal(g.back, 0);
    pthread_mutex_unlock(&d.lock);
    set_door(&d, false);
    wait_until(&d, &g.back, 1);
    pthread_join(thread, NULL);
    file_pool_end(p);
    assert_int_equal(taken(p), FILE_POOL_BYTES_MAX / MIB + 3);
    file_pool_free(p);
}

/* One thread has a step that takes long; the other does a step of each of two files in turn. */
static void test_turns(void **state)
{
    struct door d;
    struct file_line lines[3] = {{0}};
    struct file_pool *p = pool_of(&d);
    (void)state;
    d.first_steps = 22;
    give(p, &lines[0], 0, 1, 0);
    give(p, &lines[1], 1, 20, 0);
    wait_until(&d, &d.waiting, FILE_POOL_THREADS);
    give(p, &lines[2], 2, 1, 0);
    give(p, &lines[2], 3, 1, 0);
    set_door(&d, false);
    file_pool_end(p);
    assert_int_equal(d.n, 23);
    assert_int_equal(d.done[0], 1);
    assert_int_equal(d.done[1], 2);
    assert_int_equal(d.done[2], 1);
    assert_int_equal(d.done[3], 3);
    assert_int_equal(d.done[22], 0);
    assert_int_equal(taken(p), 4);
    file_pool_free(p);
}

/* What has nothing to tell is freed, and wakes nobody; the end waits for all that was given. */
static void test_silent(void **state)
{
    struct door d;
    struct file_line line = {0};
    struct file_pool *p = pool_of(&d);
    (void)state;
    for (int i = 0; i < 5; i++) {
        struct job *job = calloc(1, sizeof *job);
        *job = (struct job){.number = i, .steps = 1, .silent = true};
        file_pool_give(p, &line, &job->job);
    }
    give(p, &line, 5, 1, 0);
    set_door(&d, false);
    file_pool_end(p);
    assert_int_equal(d.n, 6);
    for (int i = 0; i < 6; i++)
        assert_int_equal(d.done[i], i);
    assert_int_equal(d.answers, 1);
    assert_int_equal(taken(p), 1);
    file_pool_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_turns),
        cmocka_unit_test(test_silent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
