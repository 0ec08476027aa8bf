/* SPDX-License-Identifier: MIT
 *
 * Group commit, on a real store and a real loop: when it commits, what it tells and in which order, and that a failure
 * is told once and ends it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "peer/io/keeper.h"
#include "tests/unit/peer_io/scratch.h"

struct desk {
    GMainContext *context;
    struct store *store;
    struct keeper *keeper;
    struct peer_event event; /* the newest that came out of the loop */
    unsigned dues, events;
};

static void on_due(void *user)
{
    struct desk *d = user;
    d->dues++;
    while (keeper_next(d->keeper, &d->event))
        d->events++;
}

static void desk_open(struct desk *d, const struct scratch *at)
{
    struct err err = {.text = ""};
    *d = (struct desk){.context = g_main_context_new(), .store = store_open(at->path, &err)};
    if (!d->store)
        fail_msg("%s", err.text);
    d->keeper = keeper_new(d->context, d->store, on_due, d);
    assert_non_null(d->keeper);
}

static void desk_close(struct desk *d)
{
    keeper_free(d->keeper);
    store_close(d->store);
    g_main_context_unref(d->context);
}

static void put(struct desk *d, const char *key, const char *value)
{
    char *k = strdup(key), *v = strdup(value);
    keeper_effect(d->keeper,
        &(struct peer_effect){.type = PEER_FX_PUT, .table = TABLE_REF, .kind = k, .text = v, .text_n = strlen(v)});
    free(k);
    free(v);
}

static void commit(struct desk *d, uint64_t ticket)
{
    keeper_effect(d->keeper, &(struct peer_effect){.type = PEER_FX_COMMIT, .ticket = ticket});
}

static void ask(struct desk *d, uint64_t ticket)
{
    char from[] = "", to[] = "zz";
    keeper_effect(d->keeper, &(struct peer_effect){.type = PEER_FX_LOAD,
                                 .ticket = ticket,
                                 .table = TABLE_REF,
                                 .kind = from,
                                 .text = to,
                                 .text_n = 2,
                                 .limit = 9});
}

static size_t rows_on_disk(const struct scratch *at)
{
    struct desk d;
    desk_open(&d, at);
    ask(&d, 1);
    assert_true(keeper_next(d.keeper, &d.event));
    size_t n = d.event.loaded.row_count;
    desk_close(&d);
    return n;
}

/* In a process of its own, which ends as a crash does. */
static void two_turns(const struct scratch *at)
{
    struct desk d;
    desk_open(&d, at);
    put(&d, "a", "1");
    commit(&d, 1);
    bool early = keeper_next(d.keeper, &d.event);
    put(&d, "b", "2");
    commit(&d, 2);
    early = early || keeper_next(d.keeper, &d.event);
    bool ran = g_main_context_iteration(d.context, FALSE);
    bool one = d.events == 1 && d.event.type == PEER_COMMITTED && d.event.ticket == 2;
    bool rests = !g_main_context_iteration(d.context, FALSE);
    put(&d, "c", "not committed");
    _exit(!early && ran && one && rests ? 0 : 1);
}

static void one_commit_for_a_turn_of_the_loop(void **state)
{
    int status;
    pid_t child = fork();
    if (child == 0)
        two_turns(*state);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(rows_on_disk(*state), 2);
}

static void a_flood_does_not_put_it_off(void **state)
{
    struct desk d;
    unsigned asked = 1;
    desk_open(&d, *state);
    put(&d, "a", "1");
    commit(&d, 1);
    while (!keeper_next(d.keeper, &d.event) && asked < 2 * KEEPER_STEPS_MAX)
        asked++;
    assert_in_range(asked, 1, KEEPER_STEPS_MAX); /* sooner on a machine that takes KEEPER_WAIT_US for less */
    assert_int_equal(d.event.type, PEER_COMMITTED);
    assert_false(g_main_context_iteration(d.context, FALSE));
    desk_close(&d);
    assert_int_equal(rows_on_disk(*state), 1);
}

static void loads_see_what_is_not_committed(void **state)
{
    struct desk d;
    desk_open(&d, *state);
    put(&d, "a", "1");
    ask(&d, 7);
    put(&d, "b", "2");
    ask(&d, 8);
    assert_true(keeper_next(d.keeper, &d.event));
    assert_int_equal(d.event.type, PEER_LOADED);
    assert_int_equal(d.event.ticket, 7);
    assert_int_equal(d.event.loaded.row_count, 1);
    assert_true(keeper_next(d.keeper, &d.event));
    assert_int_equal(d.event.ticket, 8);
    assert_int_equal(d.event.loaded.row_count, 2);
    assert_memory_equal(d.event.loaded.rows[1].value.p, "2", 1);
    assert_false(keeper_next(d.keeper, &d.event));
    ask(&d, 9); /* left unread: it goes with the keeper */
    desk_close(&d);
}

/* A limit on the size of files stands for a full disk. */
static void a_failure_is_told_once_and_is_the_end(void **state)
{
    static char large[512 * 1024];
    struct rlimit before, limit;
    struct desk d;
    desk_open(&d, *state);
    put(&d, "a", "1");
    commit(&d, 1);
    assert_true(g_main_context_iteration(d.context, FALSE));
    assert_int_equal(d.event.type, PEER_COMMITTED);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    limit = (struct rlimit){128 * 1024, before.rlim_max};
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    memset(large, 'x', sizeof large - 1);
    put(&d, "b", large);
    commit(&d, 2);
    g_main_context_iteration(d.context, FALSE);
    assert_int_equal(d.event.type, PEER_STORE_FAILED);
    assert_true(d.event.bytes.n > 0);
    assert_int_equal(d.events, 2);
    setrlimit(RLIMIT_FSIZE, &before);
    signal(SIGXFSZ, handler);
    put(&d, "c", "3");
    commit(&d, 3);
    ask(&d, 4);
    g_main_context_iteration(d.context, FALSE);
    assert_int_equal(d.events, 2);
    desk_close(&d);
    assert_int_equal(rows_on_disk(*state), 1);
}

int main(void)
{
#define IN_SCRATCH(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)
    const struct CMUnitTest tests[] = {
        IN_SCRATCH(one_commit_for_a_turn_of_the_loop),
        IN_SCRATCH(a_flood_does_not_put_it_off),
        IN_SCRATCH(loads_see_what_is_not_committed),
        IN_SCRATCH(a_failure_is_told_once_and_is_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
