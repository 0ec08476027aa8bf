/* SPDX-License-Identifier: MIT
 *
 * Silence, to the millisecond, and that the deadline is told no more often than it must be.
 */
#include "tests/unit/server_core/harness.h"

static struct core_settings watched(void)
{
    struct core_settings set = no_limits();
    set.ping_interval_ms = 1000;
    set.ping_timeout_ms = 300;
    return set;
}

static void test_silence(void **state)
{
    (void)state;
    struct harness h;
    start(&h, watched());
    enter_room(&h, 0, "a");
    assert_int_equal(h.deadline, 6000);
    h.now = 5500;
    enter_room(&h, 1, "a");
    wake(&h, 5999);
    quiet(&h);
    assert_int_equal(h.deadline, 6000);
    wake(&h, 6000);
    pings(&h, 0);
    quiet(&h);
    assert_int_equal(h.deadline, 6300);
    wake(&h, 6299);
    quiet(&h);
    wake(&h, 6300);
    closes(&h, 0, 1001, "no answer to ping");
    hears(&h, 1, "{\"type\":\"peer-left\",\"peerId\":\"%s\",\"reason\":\"timeout\"}", h.id[0]);
    quiet(&h);
    assert_int_equal(h.deadline, 6500);
    wake(&h, 6500);
    pings(&h, 1);
    gone(&h, 0, 0);
    quiet(&h);
    stop(&h);
}

static void test_a_pong_in_time(void **state)
{
    (void)state;
    struct harness h;
    start(&h, watched());
    enter(&h, 0);
    wake(&h, 6000);
    pings(&h, 0);
    h.now = 6299;
    pong(&h, 0, h.ping);
    quiet(&h);
    wake(&h, 6300);
    quiet(&h);
    assert_int_equal(h.deadline, 7299);
    wake(&h, 7298);
    quiet(&h);
    wake(&h, 7299);
    pings(&h, 0);
    stop(&h);
}

/* Any frame is a sign of life, the unreadable too, and so are pings and pongs that nobody asked for. */
static void test_frames_count(void **state)
{
    (void)state;
    struct harness h;
    start(&h, watched());
    enter(&h, 0);
    for (int i = 0; i < 5; i++) {
        h.now += 900;
        if (i % 4 == 3)
            happen(&h, 0, CORE_CONTROL);
        else if (i % 4 == 2)
            pong(&h, 0, 0);
        else if (i % 2)
            say(&h, 0, "{\"type\":\"ping\"}");
        else
            step(&h, (struct core_event){
                         .type = CORE_UNREADABLE, .conn = conn_of(&h, 0), .unreadable = {ERROR_BAD_JSON, NULL}});
        wake(&h, h.now);
        quiet(&h);
        assert_int_equal(h.deadline, h.now + 1000);
    }
    stop(&h);
}

/* Who was pinged late still has its whole time. */
static void test_a_late_wake(void **state)
{
    (void)state;
    struct harness h;
    start(&h, watched());
    enter(&h, 0);
    wake(&h, 60000);
    pings(&h, 0);
    quiet(&h);
    assert_int_equal(h.deadline, 60300);
    stop(&h);
}

static void test_who_talks_needs_no_ping(void **state)
{
    (void)state;
    struct harness h;
    start(&h, watched());
    enter_room(&h, 0, "a");
    enter_room(&h, 1, "a");
    for (int i = 0; i < 900; i++) {
        h.now++;
        signal_to(&h, 0, h.id[1]);
        assert_int_equal(h.fx.n, 1); /* CORE_SEND and nothing else */
        signal_to(&h, 1, h.id[0]);
        assert_int_equal(h.fx.n, 1);
    }
    assert_int_equal(h.deadline, 5900 + 1000);
    stop(&h);
}

static void test_switched_off(void **state)
{
    (void)state;
    struct harness h;
    start(&h, no_limits());
    enter(&h, 0);
    assert_int_equal(h.deadline, UINT64_MAX);
    wake(&h, 1000000000);
    quiet(&h);
    stop(&h);
}

/* No timeout: pings go out, as proxies like it, and nobody is closed for not answering. */
static void test_no_ping_timeout(void **state)
{
    (void)state;
    struct harness h;
    struct core_settings set = watched();
    set.ping_timeout_ms = 0;
    start(&h, set);
    enter(&h, 0);
    for (int i = 0; i < 5; i++) {
        wake(&h, h.deadline);
        pings(&h, 0);
        quiet(&h);
    }
    assert_int_equal(h.now, 10000);
    stop(&h);
}

static void test_join_timeout(void **state)
{
    (void)state;
    struct harness h;
    struct core_settings set = no_limits();
    set.join_timeout_ms = 10000;
    start(&h, set);
    open_from(&h, 0, ipv4(1)); /* half a handshake and silence */
    assert_int_equal(h.deadline, 15000);
    h.now = 5001;
    enter(&h, 1);
    h.now = 5002;
    enter_room(&h, 2, "a");
    wake(&h, 14999);
    quiet(&h);
    wake(&h, 15000);
    closes(&h, 0, 1008, "not-in-room");
    assert_non_null(logged(&h));
    quiet(&h);
    happen(&h, 0, CORE_READY); /* too late */
    quiet(&h);
    wake(&h, 15001);
    hears_error(&h, 1, ERROR_NOT_IN_ROOM, true);
    closes(&h, 1, 1008, "not-in-room");
    quiet(&h);
    assert_int_equal(h.deadline, 16000); /* of this second's other one nothing was written yet */
    wake(&h, 16000);
    assert_string_equal(logged(&h)->fields[1].value, "1");
    quiet(&h);
    assert_int_equal(h.deadline, UINT64_MAX);
    wake(&h, 30000);
    quiet(&h);
    say(&h, 2, "{\"type\":\"leave-room\"}");
    hears(&h, 2, "{\"type\":\"left-room\"}");
    assert_int_equal(h.deadline, 40000);
    h.now = 39999;
    join(&h, 2, "b");
    wake(&h, 40000);
    assert_null(take(&h, 2));
    stop(&h);
}

static void test_a_request_over_http_joins_nothing(void **state)
{
    (void)state;
    struct harness h;
    struct core_settings set = no_limits();
    set.join_timeout_ms = 10000;
    start(&h, set);
    open_from(&h, 0, ipv4(1));
    happen(&h, 0, CORE_HTTP);
    happen(&h, 0, CORE_HTTP);
    quiet(&h);
    happen(&h, 0, CORE_READY); /* it is no WebSocket */
    quiet(&h);
    wake(&h, 60000);
    quiet(&h);
    gone(&h, 0, 0);
    quiet(&h);
    stop(&h);
}

/* A paused connection's pong is not read, so it is not asked for; silence counts again from when reading does. */
static void test_nobody_dies_of_a_pause(void **state)
{
    (void)state;
    struct harness h;
    struct core_settings set = watched();
    set.message_rate = 1;
    set.message_burst = 1;
    start(&h, set);
    enter(&h, 0);
    for (int i = 0; i < 6; i++)
        say(&h, 0, "{\"type\":\"ping\"}");
    uint64_t resumed = 0;
    while (!resumed) {
        wake(&h, h.deadline);
        const struct core_effect *e = take(&h, 0);
        if (!e)
            continue;
        assert_int_equal(e->type, CORE_RESUME);
        resumed = h.now;
    }
    assert_int_equal(resumed, 5000 + 6000);
    pong(&h, 0, h.ping);
    assert_int_equal(h.deadline, resumed + 1000);
    wake(&h, h.deadline);
    pings(&h, 0);
    stop(&h);
}

static void test_a_reload_counts_at_once(void **state)
{
    (void)state;
    struct harness h;
    start(&h, no_limits());
    enter(&h, 0);
    struct core_settings set = watched();
    core_configure(h.core, &set);
    pong(&h, 0, h.ping);
    assert_int_equal(h.deadline, 6000);
    stop(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_silence),
        cmocka_unit_test(test_a_pong_in_time),
        cmocka_unit_test(test_frames_count),
        cmocka_unit_test(test_a_late_wake),
        cmocka_unit_test(test_who_talks_needs_no_ping),
        cmocka_unit_test(test_switched_off),
        cmocka_unit_test(test_no_ping_timeout),
        cmocka_unit_test(test_join_timeout),
        cmocka_unit_test(test_a_request_over_http_joins_nothing),
        cmocka_unit_test(test_nobody_dies_of_a_pause),
        cmocka_unit_test(test_a_reload_counts_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
