/* SPDX-License-Identifier: MIT
 *
 * Memory: what an idle connection costs, and what happens when there is none. A whole story is played over and over,
 * each time with one more allocation succeeding before one fails (and, in a second round, all after it): the core must
 * survive each, keep its invariants, and be of use again when memory is back.
 */
#include <malloc.h>

#include "tests/faults.h"
#include "tests/unit/server_core/rest.h"
#include "tests/unit/server_core/seat.h"

/* ---- a story without expectations: the harness's helpers assert, this must not ---- */

struct story {
    struct core *core;
    struct core_effects fx;
    struct rng_seeded seed;
    struct rng rng;
    uint64_t now;
    char ids[CLIENTS][PEER_ID_MAX + 1];
    unsigned answers, stores;
    bool closed[CLIENTS];
};

static void note_effects(struct story *t)
{
    for (size_t i = 0; i < t->fx.n; i++) {
        const struct core_effect *e = &t->fx.v[i];
        if (e->type == CORE_CLOSE)
            t->closed[e->conn.slot] = true;
        t->answers += e->type == CORE_RESPONSE;
        t->stores += e->type == CORE_STORE;
        if (e->type != CORE_SEND)
            continue;
        struct span text = frame_text(e->frame);
        static const char WELCOME[] = "{\"type\":\"welcome\",\"peerId\":\"";
        if (text.n > sizeof WELCOME && memcmp(text.p, WELCOME, sizeof WELCOME - 1) == 0)
            memcpy(t->ids[e->conn.slot], text.p + sizeof WELCOME - 1, 3 + 26);
    }
}

static void play(struct story *t, unsigned i, enum core_event_type type, const char *text)
{
    struct core_event e = {.type = type, .conn = {i, 1}, .now = t->now};
    if (type == CORE_OPEN)
        e.address = ipv4((uint8_t)(i + 1));
    else if (type == CORE_READY)
        e.dialect = &dialect_native;
    else if (type == CORE_FRAME)
        e.bytes = span_of(text);
    else if (type == CORE_UNREADABLE)
        e.unreadable.error = ERROR_BAD_JSON;
    core_step(t->core, &e, &t->fx);
    core_check(t->core);
    note_effects(t);
    core_effects_clear(&t->fx);
}

static const char *verify(void *ctx, struct span token, uint64_t unix_seconds, struct claims *claims)
{
    (void)ctx;
    (void)token;
    (void)unix_seconds;
    (void)claims;
    return "the token is not valid";
}

static struct core_settings story_settings(void)
{
    struct core_settings set = no_limits();
    set.ping_interval_ms = 1000;
    set.ping_timeout_ms = 500;
    set.join_timeout_ms = 3000;
    set.max_connections_per_address = 5;
    set.connection_rate = 5;
    set.connection_burst = 5;
    set.max_rooms = 3;
    set.message_rate = 10;
    set.message_burst = 5;
    set.join_rate = 1;
    set.auth_failures = 5;
    set.ports.verify = verify;
    set.ports.owner_token = token_port;
    return set;
}

static void tell(struct story *t)
{
    static const char *const ROOMS[CLIENTS] = {"a", "a", "a", "b", "b", "c", "d", "a"};
    char text[512];
    for (unsigned i = 0; i < CLIENTS; i++) {
        t->now++;
        play(t, i, CORE_OPEN, NULL);
        play(t, i, CORE_READY, NULL);
        snprintf(text, sizeof text,
            "{\"type\":\"join-room\",\"roomId\":\"%s\",\"displayName\":\"client\",\"metadata\":{}}", ROOMS[i]);
        play(t, i, CORE_FRAME, text);
    }
    snprintf(text, sizeof text, "{\"type\":\"signal\",\"to\":\"%s\",\"data\":1}", t->ids[1]);
    play(t, 0, CORE_FRAME, text);
    play(t, 2, CORE_FRAME, "{\"type\":\"leave-room\"}");
    play(t, 2, CORE_UNREADABLE, NULL);
    for (int k = 0; k < 4; k++) /* the last of them waits */
        play(t, 2, CORE_FRAME, "{\"type\":\"join-room\",\"roomId\":\"a\",\"token\":\"bad\"}");
    for (int k = 0; k < 7; k++)
        play(t, 1, CORE_FRAME, "{\"type\":\"ping\"}");
    play(t, 0, CORE_SLOW, NULL);
    play(t, 3, CORE_GONE, NULL);
    for (int k = 0; k < 40; k++) {
        t->now += 100;
        play(t, 0, CORE_TIME, NULL);
        if (k == 12)
            play(t, 4, CORE_PONG, NULL);
    }
}

static struct story *story_new(void)
{
    static struct story t;
    t = (struct story){.now = 1000};
    rng_seeded_init(&t.seed, 3);
    t.rng = rng_seeded_port(&t.seed);
    struct core_settings set = story_settings();
    t.core = core_new(&set, &t.rng);
    return t.core ? &t : NULL;
}

static void story_done(struct story *t)
{
    core_free(t->core);
    core_effects_done(&t->fx);
}

/* With memory again: those that are owed a close get it, and newcomers are served. */
static void is_of_use(struct story *t)
{
    t->now += 100;
    play(t, 0, CORE_TIME, NULL);
    for (unsigned i = 0; i < CLIENTS; i++)
        play(t, i, CORE_GONE, NULL);
    assert_int_equal(core_stats(t->core)->connections, 0);
    assert_int_equal(core_stats(t->core)->rooms, 0);
    memset(t->ids, 0, sizeof t->ids);
    t->now += 1000;
    play(t, 0, CORE_OPEN, NULL);
    play(t, 0, CORE_READY, NULL);
    assert_int_equal(t->ids[0][2], '.');
    play(t, 0, CORE_FRAME, "{\"type\":\"join-room\",\"roomId\":\"a\"}");
    assert_int_equal(core_stats(t->core)->members, 1);
    t->now += 10;
    play(t, 0, CORE_DRAIN, NULL);
    play(t, 0, CORE_GONE, NULL);
}

static void fail_each(bool for_good)
{
    long n = 0;
    for (;; n++) {
        faults.failed = 0;
        faults.for_good = for_good;
        faults.countdown = n;
        struct story *t = story_new();
        if (t)
            tell(t);
        faults.countdown = -1;
        if (!t)
            continue;
        is_of_use(t);
        story_done(t);
        if (faults.failed == 0)
            break;
    }
    assert_true(n > 50); /* the story does allocate */
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

/* Whoever misses something is closed: nobody goes on with a hole in what it was told. */
static void test_the_one_who_missed_something_is_closed(void **state)
{
    (void)state;
    struct story *t = story_new();
    play(t, 0, CORE_OPEN, NULL);
    play(t, 0, CORE_READY, NULL);
    faults.countdown = 0;
    faults.for_good = true;
    play(t, 0, CORE_FRAME, "{\"type\":\"ping\"}");
    faults.countdown = -1;
    assert_true(faults.failed > 0);
    assert_false(t->closed[0]);
    play(t, 1, CORE_OPEN, NULL);
    assert_true(t->closed[0]);
    assert_false(t->closed[1]);
    story_done(t);
}

/* A refused join leaves nothing behind. */
static void test_a_join_without_memory(void **state)
{
    (void)state;
    struct story *t = story_new();
    play(t, 0, CORE_OPEN, NULL);
    play(t, 0, CORE_READY, NULL);
    for (long n = 0;; n++) {
        faults.failed = 0;
        faults.for_good = false;
        faults.countdown = n;
        play(t, 0, CORE_FRAME, "{\"type\":\"join-room\",\"roomId\":\"a\",\"displayName\":\"x\"}");
        faults.countdown = -1;
        if (faults.failed == 0)
            break;
        t->now += 1000;
        assert_int_equal(core_stats(t->core)->rooms, 0);
        assert_int_equal(core_stats(t->core)->errors[ERROR_SERVER_FULL], (uint64_t)n + 1);
    }
    assert_int_equal(core_stats(t->core)->members, 1);
    story_done(t);
}

static void request(struct story *t, const struct core_request *r)
{
    struct core_request copy = *r;
    struct core_event e = {.type = CORE_REQUEST, .conn = {0, 1}, .now = t->now, .request = &copy};
    core_step(t->core, &e, &t->fx);
    note_effects(t);
    core_effects_clear(&t->fx);
}

/* io waits for the answer to a request without a limit: it comes whatever fails. */
static void test_a_request_without_memory(void **state)
{
    (void)state;
    for (long n = 0;; n++) {
        struct story *t = story_new();
        play(t, 0, CORE_OPEN, NULL);
        request(t, &(struct core_request){.type = REQUEST_ROOMS}); /* the list of effects has its memory then */
        assert_int_equal(t->answers, 1);
        faults.failed = 0;
        faults.for_good = false;
        faults.countdown = n;
        request(t, &(struct core_request){.type = REQUEST_CREATE, .body = SPAN("{\"name\":\"a\",\"listed\":true}")});
        faults.countdown = -1;
        play(t, 0, CORE_TIME, NULL);
        if (t->stores > 0)
            play(t, 0, CORE_STORED, NULL);
        assert_int_equal(t->answers, 2);
        story_done(t);
        if (faults.failed == 0)
            break;
        assert_true(n < 100);
    }
}

/* 18,000 idle members with short names in rooms of two; zero under ASan, whose malloc keeps no such count. */
static void test_bytes_per_connection(void **state)
{
    (void)state;
    enum {
        CROWD = 18000
    };
    struct rng_seeded seed;
    rng_seeded_init(&seed, 1);
    struct rng rng = rng_seeded_port(&seed);
    struct core_settings set = story_settings();
    set.max_rooms = 0;
    struct core *core = core_new(&set, &rng);
    struct core_effects fx = {0};
    size_t before = mallinfo2().uordblks;
    for (uint32_t i = 0; i < CROWD; i++) {
        struct core_event e = {.type = CORE_OPEN, .conn = {i, 1}, .now = 1};
        core_step(core, &e, &fx);
        e.type = CORE_READY;
        e.dialect = &dialect_native;
        core_step(core, &e, &fx);
        char text[96];
        int n = snprintf(
            text, sizeof text, "{\"type\":\"join-room\",\"roomId\":\"room%u\",\"displayName\":\"Alice\"}", i / 2);
        e.type = CORE_FRAME;
        e.bytes = (struct span){text, (size_t)n};
        core_step(core, &e, &fx);
        core_effects_clear(&fx);
    }
    assert_int_equal(core_stats(core)->members, CROWD);
    size_t bytes = (mallinfo2().uordblks - before) / CROWD;
    print_message("%zu bytes for each idle member\n", bytes);
    assert_true(bytes < 370);
    core_free(core);
    core_effects_done(&fx);
}

enum {
    AWAY = 200
};

static void live_with_seats_away(void)
{
    struct rng_seeded seed;
    rng_seeded_init(&seed, 1);
    struct rng rng = rng_seeded_port(&seed);
    const struct core_settings set = with_seats();
    struct core_effects fx = {0};
    struct core *core = core_new(&set, &rng);
    for (uint32_t i = 0; i < AWAY; i++) {
        static const enum core_event_type LIFE[] = {CORE_OPEN, CORE_READY, CORE_FRAME, CORE_GONE};
        for (size_t k = 0; k < sizeof LIFE / sizeof *LIFE; k++) {
            struct core_event e = {.type = LIFE[k], .conn = {i, 1}, .now = 1};
            if (e.type == CORE_READY)
                e.dialect = &dialect_native;
            else if (e.type == CORE_FRAME)
                e.bytes = span_of("{\"type\":\"join-room\",\"roomId\":\"a\"}");
            core_step(core, &e, &fx);
            core_effects_clear(&fx);
        }
    }
    assert_int_equal(core_stats(core)->away, AWAY);
    core_free(core);
    core_effects_done(&fx);
}

/* The second life takes hardly more than the first gave back: malloc counts what it keeps for later as in use. Under
 * ASan its leak check looks. */
static void test_seats_away_at_the_end(void **state)
{
    (void)state;
    live_with_seats_away();
    size_t before = mallinfo2().uordblks;
    live_with_seats_away();
    assert_true(mallinfo2().uordblks < before + AWAY * 16);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_allocation_fails),
        cmocka_unit_test(test_all_allocations_fail_from_some_on),
        cmocka_unit_test(test_the_one_who_missed_something_is_closed),
        cmocka_unit_test(test_a_join_without_memory),
        cmocka_unit_test(test_a_request_without_memory),
        cmocka_unit_test(test_bytes_per_connection),
        cmocka_unit_test(test_seats_away_at_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
