/* SPDX-License-Identifier: MIT
 *
 * The store's thread, on a real store; a test stops it where it has an answer to tell. What waited meanwhile has one sync, is
 * bounded, and is done before the end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "peer/io/store_thread.h"
#include "tests/unit/peer_io/stored.h"

/* A door that the thread comes by each time it has an answer. */
struct door {
    pthread_mutex_t lock;
    pthread_cond_t moved;
    bool shut;
    unsigned came;
};

static void on_ready(void *user)
{
    struct door *d = user;
    pthread_mutex_lock(&d->lock);
    d->came++;
    pthread_cond_broadcast(&d->moved);
    while (d->shut)
        pthread_cond_wait(&d->moved, &d->lock);
    pthread_mutex_unlock(&d->lock);
}

static void set_door(struct door *d, bool shut)
{
    pthread_mutex_lock(&d->lock);
    d->shut = shut;
    pthread_cond_broadcast(&d->moved);
    pthread_mutex_unlock(&d->lock);
}

static void wait_at_door(struct door *d, unsigned came)
{
    pthread_mutex_lock(&d->lock);
    while (d->came < came)
        pthread_cond_wait(&d->moved, &d->lock);
    pthread_mutex_unlock(&d->lock);
}

struct desk {
    struct door door;
    struct store *store;
    struct store_thread *thread;
    struct store_jobs jobs;
    unsigned taken;
};

static void desk_open(struct desk *d, const struct scratch *at)
{
    struct err err = {.text = ""};
    *d = (struct desk){.door = {.lock = PTHREAD_MUTEX_INITIALIZER, .moved = PTHREAD_COND_INITIALIZER}};
    d->store = opened(at->path);
    d->thread = store_thread_new(d->store, on_ready, &d->door, &err);
    if (!d->thread)
        fail_msg("%s", err.text);
}

static void desk_close(struct desk *d)
{
    store_thread_free(d->thread);
    store_close(d->store);
}

static struct peer_effect put_of(unsigned number, size_t bytes)
{
    char key[32], *value = calloc(1, bytes + 1);
    snprintf(key, sizeof key, "%08u", number);
    memset(value, 'v', bytes);
    return (struct peer_effect){.type = PEER_FX_PUT, .put = {TABLE_REF, strdup(key), {value, bytes}}};
}

/* bytes: of what is put. */
static void want(struct desk *d, enum peer_effect_type type, unsigned number, size_t bytes)
{
    struct store_job *job = calloc(1, sizeof *job);
    char key[32];
    snprintf(key, sizeof key, "%08u", number);
    if (type == PEER_FX_PUT)
        job->what = put_of(number, bytes);
    else if (type == PEER_FX_DELETE)
        job->what = (struct peer_effect){.type = type, .delete = {TABLE_REF, strdup(key)}};
    else if (type == PEER_FX_LOAD)
        job->what = (struct peer_effect){.type = type, .load = {number, TABLE_REF, strdup(""), strdup(""), 1, false}};
    else
        job->what = (struct peer_effect){.type = type, .commit = {number}};
    store_jobs_add(&d->jobs, job);
}

static void give(struct desk *d)
{
    store_thread_give(d->thread, &d->jobs);
    assert_int_equal(d->jobs.n, 0);
    assert_null(d->jobs.first);
}

static struct store_answer *next_answer(struct desk *d)
{
    wait_at_door(&d->door, ++d->taken); /* each answer comes by once */
    struct store_answer *a = store_thread_take(d->thread);
    assert_non_null(a);
    return a;
}

static void assert_answer(struct desk *d, enum peer_event_type type, uint64_t ticket)
{
    struct store_answer *a = next_answer(d);
    assert_int_equal(a->type, type);
    assert_int_equal(a->ticket, ticket);
    store_answer_free(a);
}

/* The thread stands with the answer to a load in its hand. */
static void stop_thread(struct desk *d)
{
    set_door(&d->door, true);
    want(d, PEER_FX_LOAD, 1, 0);
    give(d);
    wait_at_door(&d->door, 1);
}

static void what_waited_is_synced_once(void **state)
{
    struct desk d;
    desk_open(&d, *state);
    stop_thread(&d);
    for (unsigned i = 2; i < 9; i++) {
        want(&d, PEER_FX_PUT, i, 10);
        want(&d, PEER_FX_COMMIT, i, 0);
        give(&d);
    }
    set_door(&d.door, false);
    assert_answer(&d, PEER_LOADED, 1);
    assert_answer(&d, PEER_COMMITTED, 8);
    desk_close(&d);
    assert_null(d.jobs.first);
}

static void answers_come_in_order(void **state)
{
    struct desk d;
    desk_open(&d, *state);
    stop_thread(&d);
    want(&d, PEER_FX_PUT, 2, 10);
    want(&d, PEER_FX_LOAD, 3, 0);
    want(&d, PEER_FX_COMMIT, 4, 0);
    want(&d, PEER_FX_DELETE, 2, 0);
    want(&d, PEER_FX_LOAD, 5, 0);
    give(&d);
    set_door(&d.door, false);
    assert_answer(&d, PEER_LOADED, 1);
    struct store_answer *a = next_answer(&d);
    assert_int_equal(a->rows.n, 1);
    store_answer_free(a);
    a = next_answer(&d);
    assert_int_equal(a->ticket, 5);
    assert_int_equal(a->rows.n, 0);
    store_answer_free(a);
    assert_answer(&d, PEER_COMMITTED, 4);
    desk_close(&d);
}

static void *give_more(void *user)
{
    struct desk *d = user;
    want(d, PEER_FX_PUT, 3, 10);
    want(d, PEER_FX_COMMIT, 3, 0);
    give(d);
    return NULL;
}

/* Half of what may wait is much: the application is told. With all of it, who gives more waits. */
static void what_waits_is_bounded(void **state)
{
    struct desk d;
    struct timespec soon;
    pthread_t giver;
    desk_open(&d, *state);
    stop_thread(&d);
    want(&d, PEER_FX_PUT, 2, STORE_BYTES_MAX / 2 - 1);
    give(&d);
    assert_false(store_thread_is_behind(d.thread));
    want(&d, PEER_FX_PUT, 2, 1);
    give(&d);
    assert_true(store_thread_is_behind(d.thread));
    for (unsigned i = 2; i < STORE_JOBS_MAX; i++)
        want(&d, PEER_FX_DELETE, 7, 0);
    give(&d);
    assert_int_equal(pthread_create(&giver, NULL, give_more, &d), 0);
    clock_gettime(CLOCK_REALTIME, &soon);
    soon.tv_sec += 1; /* it has nothing to wait for but the thread, so it would have been done long ago */
    assert_int_equal(pthread_timedjoin_np(giver, NULL, &soon), ETIMEDOUT);
    set_door(&d.door, false);
    assert_int_equal(pthread_join(giver, NULL), 0);
    assert_answer(&d, PEER_LOADED, 1);
    assert_answer(&d, PEER_COMMITTED, 3);
    assert_false(store_thread_is_behind(d.thread));
    desk_close(&d);
}

/* A limit on the size of files stands for a full disk: what waits behind it is not even tried, nor told of. */
static void a_failure_is_the_last_answer(void **state)
{
    struct rlimit before, limit;
    struct desk d;
    desk_open(&d, *state);
    stop_thread(&d);
    want(&d, PEER_FX_PUT, 2, 512 * 1024);
    want(&d, PEER_FX_COMMIT, 2, 0);
    want(&d, PEER_FX_PUT, 3, 10);
    want(&d, PEER_FX_LOAD, 4, 0);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    limit = (struct rlimit){128 * 1024, before.rlim_max};
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    /* The thread takes only what it is given at once together, so the load is answered before the sync fails. */
    give(&d);
    want(&d, PEER_FX_PUT, 5, 10);
    want(&d, PEER_FX_COMMIT, 5, 0);
    set_door(&d.door, false);
    assert_answer(&d, PEER_LOADED, 1);
    assert_answer(&d, PEER_LOADED, 4);
    struct store_answer *a = next_answer(&d);
    assert_int_equal(a->type, PEER_STORE_FAILED);
    assert_non_null(strstr(a->why.text, "a quota or a limit"));
    store_answer_free(a);
    give(&d);
    store_thread_free(d.thread);
    assert_int_equal(d.door.came, d.taken);
    setrlimit(RLIMIT_FSIZE, &before);
    signal(SIGXFSZ, handler);
    store_close(d.store);
}

static void the_end_comes_behind_all(void **state)
{
    struct scratch *at = *state;
    struct desk d;
    desk_open(&d, at);
    for (unsigned i = 0; i < 300; i++)
        want(&d, PEER_FX_PUT, i, 100);
    want(&d, PEER_FX_COMMIT, 1, 0);
    give(&d);
    store_thread_free(d.thread);
    struct store_rows rows;
    struct err err;
    assert_true(store_load(d.store, TABLE_REF, SPAN(""), SPAN(""), 500, false, &rows, &err));
    assert_int_equal(rows.n, 300);
    store_rows_free(&rows);
    store_close(d.store);
}

int main(void)
{
#define IN_SCRATCH(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)
    const struct CMUnitTest tests[] = {
        IN_SCRATCH(what_waited_is_synced_once),
        IN_SCRATCH(answers_come_in_order),
        IN_SCRATCH(what_waits_is_bounded),
        IN_SCRATCH(a_failure_is_the_last_answer),
        IN_SCRATCH(the_end_comes_behind_all),
    };
    alarm(20); /* for what never comes */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
