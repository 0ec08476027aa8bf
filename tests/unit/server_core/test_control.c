/* SPDX-License-Identifier: MIT
 *
 * WebSocket control frames: what they cost, and what becomes of those who break RFC 6455.
 */
#include "tests/unit/server_core/seat.h"

static struct core_settings paced(void)
{
    struct core_settings set = no_limits();
    set.message_rate = 10;
    set.message_burst = 5;
    return set;
}

static void is_paused(struct harness *h, unsigned i)
{
    hears_error(h, i, ERROR_RATE_LIMITED, false);
    does(h, i, CORE_PAUSE);
    assert_string_equal(logged(h)->event, "connection-paced");
    quiet(h);
}

static void test_pings_are_paced(void **state)
{
    (void)state;
    struct harness h;
    start(&h, paced());
    enter(&h, 0);
    for (int i = 0; i < 5; i++) {
        happen(&h, 0, CORE_CONTROL);
        quiet(&h);
    }
    happen(&h, 0, CORE_CONTROL);
    is_paused(&h, 0);
    happen(&h, 0, CORE_CONTROL); /* what io had read already is owed too */
    quiet(&h);
    wake(&h, h.now + 200);
    quiet(&h);
    wake(&h, h.now + 100);
    does(&h, 0, CORE_RESUME);
    stop(&h);
}

static void test_pongs_are_paced(void **state)
{
    (void)state;
    struct harness h;
    start(&h, paced());
    enter(&h, 0);
    for (int i = 0; i < 5; i++) {
        pong(&h, 0, i % 2 ? 0 : 77);
        quiet(&h);
    }
    pong(&h, 0, 0);
    is_paused(&h, 0);
    stop(&h);
}

/* The answer to our own ping is free, once. */
static void test_the_asked_pong_is_free(void **state)
{
    (void)state;
    struct harness h;
    struct core_settings set = paced();
    set.ping_interval_ms = 1000;
    set.message_rate = 1; /* so that a token a second comes back */
    set.message_burst = 1;
    start(&h, set);
    enter(&h, 0);
    for (int i = 0; i < 3; i++) {
        wake(&h, h.now + 1000);
        pings(&h, 0);
        pong(&h, 0, h.ping);
        quiet(&h);
    }
    happen(&h, 0, CORE_CONTROL);
    quiet(&h);
    pong(&h, 0, h.ping); /* the same again answers nothing */
    is_paused(&h, 0);
    stop(&h);
}

/* Before the handshake is done and after the close nobody is listened to. */
static void test_out_of_turn(void **state)
{
    (void)state;
    struct harness h;
    start(&h, paced());
    open_from(&h, 0, ipv4(1));
    for (int i = 0; i < 10; i++) {
        pong(&h, 0, 0);
        happen(&h, 0, CORE_CONTROL);
    }
    quiet(&h);
    ready(&h, 0);
    happen(&h, 0, CORE_SLOW);
    closes(&h, 0, 1008, "slow reader");
    assert_non_null(logged(&h));
    for (int i = 0; i < 10; i++) {
        pong(&h, 0, 0);
        happen(&h, 0, CORE_CONTROL);
        step(&h, (struct core_event){.type = CORE_VIOLATION, .conn = conn_of(&h, 0), .violation = {"late", 1002}});
    }
    quiet(&h);
    stop(&h);
}

static void violate(struct harness *h, unsigned i, uint16_t code, const char *problem)
{
    step(h, (struct core_event){.type = CORE_VIOLATION, .conn = conn_of(h, i), .violation = {problem, code}});
}

/* It is closed with what io says, and its peer's seat is kept: most likely a broken middlebox has done it. */
static void test_a_violation(void **state)
{
    (void)state;
    static const char PROBLEM[] = "a client's frame must be masked";
    struct harness h;
    start(&h, with_seats());
    struct token t = enter_seat(&h, 0, "a");
    enter_room(&h, 1, "a");
    heard(&h, 0);
    violate(&h, 0, 1002, PROBLEM);
    closes(&h, 0, 1002, PROBLEM);
    hears(&h, 1, "{\"type\":\"peer-away\",\"peerId\":\"%s\"}", h.id[0]);
    const struct log_record *r = logged(&h);
    assert_string_equal(r->event, "connection-failed");
    assert_string_equal(r->fields[0].value, PROBLEM);
    quiet(&h);
    assert_int_equal(core_stats(h.core)->ended[DEPARTURE_VIOLATION], 1);
    gone(&h, 0, 0);
    enter(&h, 2);
    resume(&h, 2, &t);
    resumed(&h, 2, 0, false, true);
    hears(&h, 1, "{\"type\":\"peer-back\",\"peerId\":\"%s\"}", h.id[0]);
    quiet(&h);
    violate(&h, 2, 1007, "text that is not UTF-8");
    closes(&h, 2, 1007, "text that is not UTF-8");
    assert_non_null(strstr(heard(&h, 1), "peer-away"));
    wake(&h, h.now + GRACE_MS);
    hears(&h, 1, "{\"type\":\"peer-left\",\"peerId\":\"%s\",\"reason\":\"violation\"}", h.id[0]);
    stop(&h);
}

static void test_a_violation_without_seats(void **state)
{
    (void)state;
    struct harness h;
    start(&h, no_limits());
    enter_room(&h, 0, "a");
    enter_room(&h, 1, "a");
    violate(&h, 0, 1009, "too long");
    closes(&h, 0, 1009, "too long");
    hears(&h, 1, "{\"type\":\"peer-left\",\"peerId\":\"%s\",\"reason\":\"violation\"}", h.id[0]);
    stop(&h);
}

static void say_urgently(struct harness *h, unsigned i, const char *text, bool urgent)
{
    step(h, (struct core_event){.type = CORE_FRAME, .conn = conn_of(h, i), .bytes = span_of(text), .urgent = urgent});
}

static void is_put_off(struct harness *h, unsigned i)
{
    const struct core_effect *e = take(h, i);
    assert_true(e && e->type == CORE_AGAIN);
    quiet(h);
}

/* Nothing has become of it and nothing is counted, until it is handed in again. Messages are not put off. */
static void test_what_a_room_hears_of_is_put_off(void **state)
{
    (void)state;
    struct harness h;
    start(&h, no_limits());
    enter(&h, 0);
    enter_room(&h, 1, "a");
    uint64_t frames = core_stats(h.core)->frames_in[MESSAGE_JOIN_ROOM];
    say_urgently(&h, 0, "{\"type\":\"join-room\",\"roomId\":\"a\"}", true);
    is_put_off(&h, 0);
    assert_false(core_is_member(h.core, conn_of(&h, 0)));
    assert_int_equal(core_stats(h.core)->frames_in[MESSAGE_JOIN_ROOM], frames);
    say_urgently(&h, 0, "{\"type\":\"join-room\",\"roomId\":\"a\"}", false);
    assert_non_null(strstr(heard(&h, 0), "\"type\":\"peers\""));
    assert_non_null(strstr(heard(&h, 1), "peer-joined"));
    assert_true(core_is_member(h.core, conn_of(&h, 0)));
    char signal[128];
    snprintf(signal, sizeof signal, "{\"type\":\"signal\",\"to\":\"%s\",\"data\":1}", h.id[1]);
    say_urgently(&h, 0, signal, true);
    assert_non_null(strstr(heard(&h, 1), "\"data\":1"));
    say_urgently(&h, 0, "{\"type\":\"resume\",\"resumeToken\":\"x\"}", true);
    is_put_off(&h, 0);
    say_urgently(&h, 0, "{\"type\":\"leave-room\"}", true);
    is_put_off(&h, 0);
    say_urgently(&h, 0, "{\"type\":\"leave-room\"}", false);
    hears(&h, 0, "{\"type\":\"left-room\"}");
    assert_non_null(strstr(heard(&h, 1), "peer-left"));
    quiet(&h);
    stop(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pings_are_paced),
        cmocka_unit_test(test_pongs_are_paced),
        cmocka_unit_test(test_the_asked_pong_is_free),
        cmocka_unit_test(test_out_of_turn),
        cmocka_unit_test(test_a_violation),
        cmocka_unit_test(test_a_violation_without_seats),
        cmocka_unit_test(test_what_a_room_hears_of_is_put_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
