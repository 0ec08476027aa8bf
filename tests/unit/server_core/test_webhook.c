/* SPDX-License-Identifier: MIT
 *
 * What webhooks are told: each fact once, when it is true, in the order in which it happened; and nothing when off.
 */
#include "tests/unit/server_core/rest.h"
#include "tests/unit/server_core/seat.h"
#include "tests/unit/server_core/short_memory.h"

enum {
    WALL_MS = 1700000000
};

static struct core_settings told_of(struct core_settings set)
{
    set.webhooks = true;
    return set;
}

static void begin(struct harness *h, struct core_settings set)
{
    start(h, told_of(set));
    h->unix_ms = WALL_MS;
}

/* The next event of this step. Members that every event has need not be written: its end is. */
__attribute__((format(printf, 2, 3))) static void tells(struct harness *h, const char *format, ...)
{
    char expected[1024];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(expected, sizeof expected, format, args);
    va_end(args);
    snprintf(expected + n, sizeof expected - (size_t)n, ",\"at\":%d}", WALL_MS);
    const struct core_effect *e = took(h, CORE_WEBHOOK);
    assert_non_null(e);
    struct span text = frame_text(e->webhook);
    assert_int_equal(e->webhook->head, 0);
    snprintf(h->text, sizeof h->text, "%.*s", (int)text.n, text.p);
    assert_string_equal(h->text, expected);
}

static void tells_peer(struct harness *h, const char *type, const char *room, unsigned i)
{
    tells(h, "{\"type\":\"%s\",\"roomId\":\"%s\",\"peerId\":\"%s\"", type, room, h->id[i]);
}

static void tells_left(struct harness *h, const char *room, unsigned i, const char *reason)
{
    tells(h, "{\"type\":\"peer-left\",\"roomId\":\"%s\",\"peerId\":\"%s\",\"reason\":\"%s\"", room, h->id[i], reason);
}

static void tells_room(struct harness *h, const char *type, const char *room)
{
    tells(h, "{\"type\":\"%s\",\"roomId\":\"%s\"", type, room);
}

static void tells_no_more(struct harness *h)
{
    assert_null(took(h, CORE_WEBHOOK));
}

static void test_a_room_comes_and_goes(void **state)
{
    (void)state;
    struct harness h;
    begin(&h, no_limits());
    enter(&h, 0);
    enter(&h, 1);
    join(&h, 0, "a");
    tells_room(&h, "room-created", "a");
    tells_peer(&h, "peer-joined", "a", 0);
    tells_no_more(&h);
    say(&h, 1,
        "{\"type\":\"join-room\",\"roomId\":\"a\",\"displayName\":\"A\\u00e4 \\\"B\\\"\",\"metadata\":{\"k\":[1, 2]}}");
    tells(&h,
        "{\"type\":\"peer-joined\",\"roomId\":\"a\",\"peerId\":\"%s\",\"displayName\":\"A\\u00e4 "
        "\\\"B\\\"\",\"metadata\":"
        "{\"k\":[1, 2]}",
        h.id[1]);
    tells_no_more(&h);
    join(&h, 1, "a"); /* refused */
    tells_no_more(&h);
    signal_to(&h, 0, h.id[1]);
    tells_no_more(&h);
    say(&h, 0, "{\"type\":\"leave-room\"}");
    tells_left(&h, "a", 0, "left");
    tells_no_more(&h);
    gone(&h, 1, 0); /* no seat is kept */
    tells(&h,
        "{\"type\":\"peer-left\",\"roomId\":\"a\",\"peerId\":\"%s\",\"displayName\":\"A\\u00e4 "
        "\\\"B\\\"\",\"metadata\":"
        "{\"k\":[1, 2]},\"reason\":\"disconnected\"",
        h.id[1]);
    tells_room(&h, "room-closed", "a");
    tells_no_more(&h);
    assert_int_equal(core_stats(h.core)->webhooks_lost_total, 0);
    stop(&h);
}

static void test_nothing_when_off(void **state)
{
    (void)state;
    struct harness h;
    start(&h, with_seats());
    enter_room(&h, 0, "a");
    tells_no_more(&h);
    gone(&h, 0, 0);
    tells_no_more(&h);
    wake(&h, h.now + GRACE_MS);
    tells_no_more(&h);
    quiet(&h);
    stop(&h);
}

static void test_left_is_told_after_the_grace_only(void **state)
{
    (void)state;
    struct harness h;
    begin(&h, with_seats());
    struct token t = enter_seat(&h, 0, "a");
    enter_room(&h, 1, "a");
    gone(&h, 0, 0);
    tells_peer(&h, "peer-away", "a", 0);
    tells_no_more(&h);
    wake(&h, h.now + GRACE_MS - 1);
    tells_no_more(&h);
    enter(&h, 2);
    resume(&h, 2, &t);
    tells_peer(&h, "peer-back", "a", 0);
    tells_no_more(&h);
    enter(&h, 3); /* over from a connection that looked alive: nobody was away */
    resume(&h, 3, &t);
    tells_no_more(&h);
    gone(&h, 3, 0);
    tells_peer(&h, "peer-away", "a", 0);
    wake(&h, h.now + GRACE_MS);
    tells_left(&h, "a", 0, "disconnected");
    tells_no_more(&h);
    gone(&h, 1, 0);
    tells_peer(&h, "peer-away", "a", 1);
    wake(&h, h.now + GRACE_MS);
    tells_left(&h, "a", 1, "disconnected");
    tells_room(&h, "room-closed", "a");
    tells_no_more(&h);
    stop(&h);
}

static void test_back_after_a_restart(void **state)
{
    (void)state;
    struct harness h;
    begin(&h, with_seats());
    struct token t = enter_seat(&h, 0, "a");
    restart(&h);
    h.unix_ms = WALL_MS;
    enter(&h, 1);
    resume(&h, 1, &t);
    tells_room(&h, "room-created", "a");
    tells_peer(&h, "peer-back", "a", 0);
    tells_no_more(&h);
    stop(&h);
}

static void test_a_room_of_http(void **state)
{
    (void)state;
    struct harness h;
    char owner[64];
    begin(&h, rest_settings());
    post(&h, 7, "{\"name\":\"a\"}");
    tells_room(&h, "room-created", "a");
    tells_no_more(&h);
    stores(&h);
    stored(&h, true);
    answers(&h, 7, 201);
    owner_of(&h, owner);
    gone(&h, 7, 0);
    enter(&h, 0);
    join(&h, 0, "a");
    tells_peer(&h, "peer-joined", "a", 0);
    tells_no_more(&h);
    ask(&h, 6, (struct core_request){.type = REQUEST_CLOSE, .room = SPAN("a"), .token = span_of(owner)});
    tells_left(&h, "a", 0, "room-closed");
    tells_room(&h, "room-closed", "a");
    tells_no_more(&h);
    stop(&h);
}

/* It was there in between, and somebody may have joined it. */
static void test_a_room_that_was_not_stored(void **state)
{
    (void)state;
    struct harness h;
    begin(&h, rest_settings());
    post(&h, 7, "{\"name\":\"a\"}");
    tells_room(&h, "room-created", "a");
    stores(&h);
    stored(&h, false);
    tells_room(&h, "room-closed", "a");
    tells_no_more(&h);
    stop(&h);
}

static void test_a_room_that_lingers(void **state)
{
    (void)state;
    struct harness h;
    struct core_settings set = no_limits();
    set.room_linger_ms = 1000;
    begin(&h, set);
    enter_room(&h, 0, "a");
    gone(&h, 0, 1000);
    tells_left(&h, "a", 0, "left");
    tells_no_more(&h);
    enter_room(&h, 0, "a");
    gone(&h, 0, 1000);
    tells_left(&h, "a", 0, "left");
    wake(&h, h.now + 999);
    tells_no_more(&h);
    wake(&h, h.now + 1);
    tells_room(&h, "room-closed", "a");
    tells_no_more(&h);
    stop(&h);
}

static void test_a_drain_ends_all(void **state)
{
    (void)state;
    struct harness h;
    struct core_settings set = with_seats();
    set.room_linger_ms = 1000000;
    begin(&h, set);
    enter_room(&h, 0, "a");
    enter_room(&h, 1, "b");
    enter_room(&h, 2, "c");
    gone(&h, 1, 0);    /* away */
    gone(&h, 2, 1000); /* its room lingers */
    step(&h, (struct core_event){.type = CORE_DRAIN});
    tells_left(&h, "a", 0, "draining");
    tells_room(&h, "room-closed", "a");
    tells_left(&h, "b", 1, "draining");
    tells_room(&h, "room-closed", "b");
    tells_no_more(&h);
    gone(&h, 0, 1012);
    assert_false(drained(&h));
    assert_int_equal(h.deadline, h.now + 1);
    wake(&h, h.deadline);
    tells_room(&h, "room-closed", "c");
    assert_true(drained(&h));
    assert_int_equal(core_stats(h.core)->rooms, 0);
    stop(&h);
}

/* Whoever leaves by himself while the daemon stops. A batch of seats ends in a step. */
static void test_a_drain_in_batches(void **state)
{
    (void)state;
    struct harness h;
    struct core_settings set = with_seats();
    set.batch = 1;
    begin(&h, set);
    for (unsigned i = 0; i < 3; i++)
        enter_room(&h, i, "a");
    for (unsigned i = 1; i < 3; i++)
        gone(&h, i, 0);
    step(&h, (struct core_event){.type = CORE_DRAIN});
    tells_left(&h, "a", 0, "draining");
    tells_no_more(&h);
    gone(&h, 0, 1012);
    for (unsigned i = 1; i < 3; i++) {
        do { /* the slots are walked first */
            assert_false(drained(&h));
            assert_int_equal(h.deadline, h.now);
            wake(&h, h.now);
        } while (h.fx.n == 0);
        tells_left(&h, "a", i, "draining");
    }
    tells_room(&h, "room-closed", "a");
    tells_no_more(&h);
    assert_true(drained(&h));
    stop(&h);
}

/* A reload begins or ends it. */
static void test_it_is_switched(void **state)
{
    (void)state;
    struct harness h;
    start(&h, no_limits());
    h.unix_ms = WALL_MS;
    enter_room(&h, 0, "a");
    tells_no_more(&h);
    struct core_settings set = told_of(no_limits());
    core_configure(h.core, &set);
    say(&h, 0, "{\"type\":\"leave-room\"}");
    tells_left(&h, "a", 0, "left");
    tells_room(&h, "room-closed", "a");
    set.webhooks = false;
    core_configure(h.core, &set);
    join(&h, 0, "a");
    tells_no_more(&h);
    stop(&h);
}

/* Each that is lost is counted, and costs nobody a connection. */
static void test_no_memory(void **state)
{
    (void)state;
    uint64_t lost = 0;
    for (long k = 0; k < 60; k++) {
        struct harness h;
        begin(&h, no_limits());
        enter(&h, 0);
        enter(&h, 1);
        join(&h, 0, "a");
        core_effects_clear(&h.fx);
        faults.failed = 0;
        faults.countdown = k;
        happens(&h, (struct core_event){.type = CORE_FRAME,
                        .conn = conn_of(&h, 1),
                        .bytes = SPAN("{\"type\":\"join-room\",\"roomId\":\"b\"}")});
        faults.countdown = -1;
        lost += core_stats(h.core)->webhooks_lost_total;
        assert_true(core_stats(h.core)->webhooks_lost_total <= 1);
        if (core_stats(h.core)->webhooks_lost_total)
            assert_true(core_is_member(h.core, conn_of(&h, 1)));
        stop(&h);
    }
    assert_true(lost >= 2); /* room-created, peer-joined */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_room_comes_and_goes),
        cmocka_unit_test(test_nothing_when_off),
        cmocka_unit_test(test_left_is_told_after_the_grace_only),
        cmocka_unit_test(test_back_after_a_restart),
        cmocka_unit_test(test_a_room_of_http),
        cmocka_unit_test(test_a_room_that_was_not_stored),
        cmocka_unit_test(test_a_room_that_lingers),
        cmocka_unit_test(test_a_drain_ends_all),
        cmocka_unit_test(test_a_drain_in_batches),
        cmocka_unit_test(test_it_is_switched),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
