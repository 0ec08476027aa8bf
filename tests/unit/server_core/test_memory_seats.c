/* SPDX-License-Identifier: MIT
 *
 * Memory that runs out while seats are kept: a story of members of two dialects who lose their connections, come back,
 * take over from one another and survive a restart is played over and over, each time with one more allocation
 * succeeding before one fails (and, in a second round, all after it). The core keeps its invariants, frees all, and a
 * member comes back when there is memory again.
 */
#include "tests/faults.h"
#include "tests/unit/server_core/lines.h"
#include "tests/unit/server_core/seat.h"

#include "server/core/state.h"

enum {
    STORIES_MAX = 2000,
    LINE_MAX = RESUME_TOKEN_MAX + 128
};

struct story {
    struct core *core;
    struct core_effects fx;
    struct core_settings settings;
    struct rng_seeded seed;
    struct rng rng;
    uint64_t now;
    uint64_t resumed; /* in both lives */
    bool open[CLIENTS];
    char ids[CLIENTS][PEER_ID_MAX + 1];
    struct token tokens[CLIENTS]; /* the last that this client was given */
};

/* What stands in quotes behind `before`; `out` stays as it is if the text has no such place. */
static void find_text(struct span text, const char *before, char *out, size_t size)
{
    const char *at = memmem(text.p, text.n, before, strlen(before));
    if (!at)
        return;
    at += strlen(before);
    const char *end = memchr(at, '"', text.n - (size_t)(at - text.p));
    if (end)
        snprintf(out, size, "%.*s", (int)(end - at), at);
}

static void hear(struct story *t, const struct core_effect *e)
{
    struct span text = frame_text(e->frame);
    unsigned i = e->conn.slot;
    if (memmem(text.p, text.n, "\"welcome\"", 9))
        find_text(text, "\"peerId\":\"", t->ids[i], sizeof t->ids[i]);
    find_text(text, "{\"you\":\"", t->ids[i], sizeof t->ids[i]);
    find_text(text, "\"resumeToken\":\"", t->tokens[i].text, sizeof t->tokens[i].text);
    find_text(text, "\"token\":\"", t->tokens[i].text, sizeof t->tokens[i].text);
}

static void happens(struct story *t, struct core_event e)
{
    e.now = t->now;
    e.unix_ms = t->now;
    core_step(t->core, &e, &t->fx);
    core_check(t->core);
    for (size_t i = 0; i < t->fx.n; i++)
        if (t->fx.v[i].type == CORE_SEND)
            hear(t, &t->fx.v[i]);
    core_effects_clear(&t->fx);
}

static void comes(struct story *t, unsigned i, const struct dialect *dialect)
{
    t->open[i] = true;
    happens(t, (struct core_event){.type = CORE_OPEN, .conn = {i, 1}});
    happens(t, (struct core_event){.type = CORE_READY, .conn = {i, 1}, .dialect = dialect});
}

static void says(struct story *t, unsigned i, const char *text)
{
    happens(t, (struct core_event){.type = CORE_FRAME, .conn = {i, 1}, .bytes = span_of(text)});
}

static void goes(struct story *t, unsigned i)
{
    t->open[i] = false;
    happens(t, (struct core_event){.type = CORE_GONE, .conn = {i, 1}});
}

static void time_passes(struct story *t, uint64_t ms)
{
    t->now += ms;
    happens(t, (struct core_event){.type = CORE_TIME});
}

static void signals(struct story *t, unsigned i, unsigned whom)
{
    char line[LINE_MAX];
    snprintf(line, sizeof line, "{\"type\":\"signal\",\"to\":\"%s\",\"data\":[1]}", t->ids[whom]);
    says(t, i, line);
}

static void comes_back(struct story *t, unsigned i, const struct dialect *dialect, unsigned whose)
{
    char line[LINE_MAX];
    comes(t, i, dialect);
    snprintf(line, sizeof line,
        dialect == &LINES ? "{\"back\":\"%s\"}" : "{\"type\":\"resume\",\"resumeToken\":\"%s\"}",
        t->tokens[whose].text);
    says(t, i, line);
}

static void tell_first_life(struct story *t)
{
    static const char JOIN[] =
        "{\"type\":\"join-room\",\"roomId\":\"a\",\"displayName\":\"somebody\",\"metadata\":{\"a\":1}}";
    char line[LINE_MAX];
    comes(t, 0, &dialect_native);
    says(t, 0, JOIN);
    comes(t, 1, &LINES);
    says(t, 1, "{\"join\":\"a\"}");
    comes(t, 2, &dialect_native);
    says(t, 2, JOIN);
    signals(t, 0, 1);
    snprintf(line, sizeof line, "{\"say\":[2],\"to\":\"%s\"}", t->ids[0]);
    says(t, 1, line);
    time_passes(t, 1000); /* they are asked whether they are there */
    goes(t, 1);
    goes(t, 2);
    signals(t, 0, 1); /* held for each in its dialect */
    signals(t, 0, 2);
    comes_back(t, 3, &LINES, 1);
    comes_back(t, 4, &dialect_native, 2);
    comes_back(t, 5, &dialect_native, 0); /* from a connection that looks alive */
    says(t, 3, "{\"leave\":true}");
    goes(t, 4);
    signals(t, 5, 2); /* and never fetched */
}

/* After a restart the tokens make the seats, and the room, anew. */
static void tell_second_life(struct story *t)
{
    comes_back(t, 6, &dialect_native, 4);
    comes_back(t, 7, &LINES, 3);
    signals(t, 6, 7);
    goes(t, 7);
}

static bool begin_life(struct story *t)
{
    t->core = core_new(&t->settings, &t->rng);
    if (t->core)
        happens(t, (struct core_event){.type = CORE_TIME});
    return t->core != NULL;
}

static void end_life(struct story *t)
{
    core_free(t->core);
    t->core = NULL;
}

/* With memory again: who is owed a close gets it; who lost its connection comes back. */
static void is_of_use(struct story *t)
{
    for (unsigned i = 0; i < CLIENTS; i++)
        if (t->open[i])
            goes(t, i);
    time_passes(t, GRACE_MS);
    assert_int_equal(core_stats(t->core)->connections, 0);
    assert_int_equal(core_stats(t->core)->members, 0);
    assert_int_equal(core_stats(t->core)->rooms, 0);
    assert_int_equal(core_stats(t->core)->held_bytes, 0);
    comes(t, 0, &LINES);
    says(t, 0, "{\"join\":\"b\"}");
    goes(t, 0);
    comes_back(t, 1, &LINES, 0);
    assert_int_equal(core_stats(t->core)->members, 1);
    assert_int_equal(core_stats(t->core)->away, 0);
    goes(t, 1);
}

static void tell(struct story *t)
{
    *t = (struct story){.now = 1000, .settings = with_seats()};
    t->settings.ping_interval_ms = 1000;
    t->settings.ping_timeout_ms = 5000;
    rng_seeded_init(&t->seed, 3);
    t->rng = rng_seeded_port(&t->seed);
    if (begin_life(t)) {
        tell_first_life(t);
        t->resumed = core_stats(t->core)->resumed_total;
        end_life(t);
        memset(t->open, 0, sizeof t->open);
        if (begin_life(t)) {
            tell_second_life(t);
            t->resumed += core_stats(t->core)->resumed_total;
        }
    }
    faults.countdown = -1;
}

static void fail_each(bool for_good)
{
    static struct story t;
    long n = 0;
    for (faults.failed = 1; faults.failed > 0; n++) {
        long live = faults.live;
        assert_true(n < STORIES_MAX);
        faults.failed = 0;
        faults.for_good = for_good;
        faults.countdown = n;
        tell(&t);
        if (t.core || begin_life(&t))
            is_of_use(&t);
        end_life(&t);
        core_effects_done(&t.fx);
        assert_int_equal(faults.live, live);
    }
    assert_true(n > 50);            /* the story does allocate, */
    assert_int_equal(t.resumed, 5); /* and its last telling lacks nothing */
}

static void test_one_allocation_fails(void **state)
{
    (void)state;
    fail_each(false);
}

static void test_all_allocations_fail_from_some_on(void **state)
{
    (void)state;
    fail_each(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_allocation_fails),
        cmocka_unit_test(test_all_allocations_fail_from_some_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
