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
#include <unistd.h>

#include "peer/io/keeper.h"
#include "tests/unit/peer_io/scratch.h"

struct desk {
    GMainContext *context;
    struct store *store;
    struct keeper *keeper;
    struct peer_event event; /* the newest */
    unsigned dues, frames;
    bool answered, told;
};

static void on_due(void *user)
{
    struct desk *d = user;
    d->dues++;
}

static void desk_open(struct desk *d, const struct scratch *at)
{
    struct err err = {.text = ""};
    *d = (struct desk){.context = g_main_context_new(), .store = store_open(at->path, &err)};
    if (!d->store)
        fail_msg("%s", err.text);
    d->keeper = keeper_new(d->context, d->store, on_due, d, &err);
    if (!d->keeper)
        fail_msg("%s", err.text);
}

static void desk_close(struct desk *d)
{
    keeper_free(d->keeper);
    store_close(d->store);
    g_main_context_unref(d->context);
}

/* What the keeper does not take is freed. */
static void want(struct desk *d, struct peer_effect e)
{
    keeper_effect(d->keeper, &e);
    peer_effect_done(&e);
}

static void put(struct desk *d, const char *key, const char *value)
{
    want(d, (struct peer_effect){.type = PEER_FX_PUT, .put = {TABLE_REF, strdup(key), {strdup(value), strlen(value)}}});
}

static void commit(struct desk *d, uint64_t ticket)
{
    want(d, (struct peer_effect){.type = PEER_FX_COMMIT, .commit = {ticket}});
}

static void ask(struct desk *d, uint64_t ticket)
{
    want(
        d, (struct peer_effect){.type = PEER_FX_LOAD, .load = {ticket, TABLE_REF, strdup(""), strdup("zz"), 9, false}});
}

/* The next event, which the thread brings; alarm() bounds the wait. */
static void wait_for_event(struct desk *d)
{
    while (!keeper_next(d->keeper, &d->event))
        g_main_context_iteration(d->context, TRUE);
}

static size_t rows_on_disk(const struct scratch *at)
{
    struct desk d;
    desk_open(&d, at);
    ask(&d, 1);
    wait_for_event(&d);
    assert_int_equal(d.event.type, PEER_LOADED);
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
    wait_for_event(&d);
    bool one = d.event.type == PEER_COMMITTED && d.event.committed == 2;
    unsigned turns = 0; /* the thread may wake the loop for what was there already; then it rests */
    while (turns < 3 && g_main_context_iteration(d.context, FALSE))
        turns++;
    bool rests = turns < 3 && !keeper_next(d.keeper, &d.event);
    put(&d, "c", "not committed");
    _exit(!early && one && rests ? 0 : 1);
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

/* A source that is always ready, as a socket is in a flood. */
static gboolean on_frame(gpointer user)
{
    struct desk *d = user;
    d->frames++;
    d->answered = d->answered || keeper_next(d->keeper, &d->event);
    return G_SOURCE_CONTINUE;
}

static gboolean on_told(gpointer user)
{
    struct desk *d = user;
    d->told = d->dues == 0 && d->frames == 0;
    return G_SOURCE_REMOVE;
}

static GSource *attach(struct desk *d, int priority, GSourceFunc run)
{
    GSource *source = g_idle_source_new();
    g_source_set_priority(source, priority);
    g_source_set_callback(source, run, d, NULL);
    g_source_attach(source, d->context);
    return source;
}

static void detach(GSource *source)
{
    g_source_destroy(source);
    g_source_unref(source);
}

static void a_flood_does_not_put_it_off(void **state)
{
    struct desk d;
    desk_open(&d, *state);
    put(&d, "a", "1");
    commit(&d, 1);
    GSource *flood = attach(&d, G_PRIORITY_DEFAULT, on_frame);
    while (!d.answered)
        g_main_context_iteration(d.context, TRUE);
    assert_int_equal(d.event.type, PEER_COMMITTED);
    detach(flood);
    desk_close(&d);
    assert_int_equal(rows_on_disk(*state), 1);
}

/* What a step said and then deleted would be lost if the process ended between. */
static void a_late_commit_begins_behind_the_notices(void **state)
{
    struct desk d;
    desk_open(&d, *state);
    put(&d, "a", "1");
    commit(&d, 1);
    for (unsigned i = 0; i < 2 * KEEPER_STEPS_MAX; i++)
        assert_false(keeper_next(d.keeper, &d.event));
    GSource *notices = attach(&d, G_PRIORITY_HIGH, on_told), *flood = attach(&d, G_PRIORITY_DEFAULT, on_frame);
    g_main_context_iteration(d.context, TRUE);
    assert_true(d.told);
    g_main_context_iteration(d.context, TRUE);
    assert_int_equal(d.dues, 1);
    assert_int_equal(d.frames, 0);
    detach(notices);
    detach(flood);
    wait_for_event(&d);
    assert_int_equal(d.event.type, PEER_COMMITTED);
    desk_close(&d);
}

static void loads_see_what_is_not_committed(void **state)
{
    struct desk d;
    desk_open(&d, *state);
    put(&d, "a", "1");
    ask(&d, 7);
    put(&d, "b", "2");
    ask(&d, 8);
    commit(&d, 9);
    for (uint64_t ticket = 7; ticket <= 9; ticket++) {
        wait_for_event(&d);
        assert_int_equal(d.event.type, ticket < 9 ? PEER_LOADED : PEER_COMMITTED);
        assert_int_equal(ticket < 9 ? d.event.loaded.ticket : d.event.committed, ticket);
        if (ticket < 9)
            assert_int_equal(d.event.loaded.row_count, ticket - 6);
        if (ticket == 8)
            assert_memory_equal(d.event.loaded.rows[1].value.p, "2", 1);
    }
    ask(&d, 10); /* left unread: it goes with the keeper */
    desk_close(&d);
}

/* Half of a step is in nobody's transaction, whatever is committed meanwhile; the child ends as a crash does. */
static void a_step_and_a_half(const struct scratch *at)
{
    struct desk d;
    desk_open(&d, at);
    put(&d, "a", "1");
    commit(&d, 1);
    put(&d, "b", "of a step that goes on");
    wait_for_event(&d);
    _exit(d.event.type == PEER_COMMITTED && d.event.committed == 1 ? 0 : 1);
}

static void half_a_step_is_not_committed(void **state)
{
    int status;
    pid_t child = fork();
    if (child == 0)
        a_step_and_a_half(*state);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(rows_on_disk(*state), 1);
}

/* What was asked for last is done, too: nobody waits for an answer any more. */
static void the_end_waits_for_what_was_asked(void **state)
{
    struct desk d;
    char key[32];
    desk_open(&d, *state);
    for (int i = 0; i < 9; i++) {
        snprintf(key, sizeof key, "%d", i);
        put(&d, key, "v");
        commit(&d, (uint64_t)i + 1);
        keeper_next(d.keeper, &d.event);
    }
    desk_close(&d);
    assert_int_equal(rows_on_disk(*state), 9);
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
    wait_for_event(&d);
    assert_int_equal(d.event.type, PEER_COMMITTED);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    limit = (struct rlimit){128 * 1024, before.rlim_max};
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    memset(large, 'x', sizeof large - 1);
    put(&d, "b", large);
    commit(&d, 2);
    wait_for_event(&d);
    assert_int_equal(d.event.type, PEER_STORE_FAILED);
    assert_true(d.event.why.n > 0);
    setrlimit(RLIMIT_FSIZE, &before);
    signal(SIGXFSZ, handler);
    put(&d, "c", "3");
    commit(&d, 3);
    ask(&d, 4);
    assert_false(keeper_next(d.keeper, &d.event));
    while (g_main_context_iteration(d.context, FALSE))
        continue;
    assert_false(keeper_next(d.keeper, &d.event));
    desk_close(&d);
    assert_int_equal(rows_on_disk(*state), 1);
}

int main(void)
{
#define IN_SCRATCH(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)
    const struct CMUnitTest tests[] = {
        IN_SCRATCH(one_commit_for_a_turn_of_the_loop),
        IN_SCRATCH(a_flood_does_not_put_it_off),
        IN_SCRATCH(a_late_commit_begins_behind_the_notices),
        IN_SCRATCH(loads_see_what_is_not_committed),
        IN_SCRATCH(half_a_step_is_not_committed),
        IN_SCRATCH(the_end_waits_for_what_was_asked),
        IN_SCRATCH(a_failure_is_told_once_and_is_the_end),
    };
    alarm(20);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
