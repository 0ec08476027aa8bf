/* SPDX-License-Identifier: MIT
 *
 * What lapses by the wall clock: ICE servers with credentials, told anew in time however the clock is set, and the rights
 * that tokens give.
 */
#include "tests/unit/server_core/seat.h"

enum {
    REFRESH_MS = 16000,
    SLACK_MS = 1000, /* a 16th of that: so much a clock may be set forward unnoticed */
    HOUR_MS = 3600 * 1000
};

static const uint64_t NOON_MS = UINT64_C(1790000000000);

/* Whom, where, and when. */
static void servers(void *ctx, struct conn_id conn, struct span peer_id, uint64_t unix_seconds, struct buf *out)
{
    (void)ctx;
    buf_printf(out, "[\"%.*s %u %llu\"]", (int)peer_id.n, peer_id.p, conn.slot, (unsigned long long)unix_seconds);
}

static struct core_settings lapsing(void)
{
    struct core_settings set = no_limits();
    set.ports.ice_servers = servers;
    set.ice_refresh_ms = REFRESH_MS;
    return set;
}

static void begin(struct harness *h, struct core_settings set)
{
    start(h, set);
    h->unix_ms = NOON_MS;
    happen(h, 0, CORE_TIME);
}

/* Both clocks go on; what is due meanwhile is done and must be nothing. */
static void pass(struct harness *h, uint64_t ms)
{
    uint64_t end = h->now + ms;
    while (h->now < end) {
        uint64_t to = h->deadline < end ? h->deadline : end;
        h->unix_ms += to - h->now;
        wake(h, to);
        if (h->now < end)
            quiet(h);
    }
}

static void told(struct harness *h, unsigned i)
{
    hears(h, i, "{\"type\":\"ice-servers\",\"iceServers\":[\"%s %u %llu\"]}", h->id[i], i,
        (unsigned long long)(h->unix_ms / 1000));
}

static void test_in_time(void **state)
{
    (void)state;
    struct harness h;
    struct core_settings set = lapsing();
    begin(&h, set);
    enter(&h, 0);
    pass(&h, 4000);
    enter(&h, 1);
    pass(&h, REFRESH_MS - 4001);
    quiet(&h);
    pass(&h, 1);
    told(&h, 0);
    quiet(&h);
    gone(&h, 1, 1000);
    pass(&h, REFRESH_MS);
    told(&h, 0);
    quiet(&h);
    set.ice_refresh_ms = 0; /* a reload: they do not lapse any more */
    core_configure(h.core, &set);
    h.unix_ms += HOUR_MS;
    wake(&h, h.now + HOUR_MS);
    quiet(&h);
    assert_int_equal(h.deadline, UINT64_MAX);
    stop(&h);
}

/* The clock was wrong, or the machine slept: whatever happens next, all are told anew, and once. */
static void test_set_forward(void **state)
{
    (void)state;
    struct harness h;
    struct core_settings set = lapsing();
    set.batch = 2;
    begin(&h, set);
    for (unsigned i = 0; i < 3; i++)
        enter(&h, i);
    pass(&h, 1000);
    h.unix_ms += HOUR_MS;
    pong(&h, 1, 0);
    quiet(&h);
    assert_int_equal(h.deadline, h.now);
    enter(&h, 3); /* after it: is told by the new clock at once */
    wake(&h, h.now);
    told(&h, 0);
    told(&h, 1);
    quiet(&h);
    assert_int_equal(h.deadline, h.now);
    wake(&h, h.now);
    told(&h, 2);
    quiet(&h);
    assert_true(h.deadline > h.now);
    pass(&h, REFRESH_MS - 1);
    quiet(&h);
    pass(&h, 1);
    told(&h, 3);
    told(&h, 0);
    stop(&h);
}

/* Whoever leaves or comes back between the jump and his turn is in no queue of the dead. */
static void test_set_forward_while_they_move(void **state)
{
    (void)state;
    struct harness h;
    struct core_settings set = with_seats();
    set.ports.ice_servers = servers;
    set.ice_refresh_ms = REFRESH_MS;
    begin(&h, set);
    struct token t = enter_seat(&h, 0, "a");
    enter(&h, 1);
    enter(&h, 2);
    h.unix_ms += HOUR_MS;
    gone(&h, 1, 1000);
    gone(&h, 0, 0);
    resume(&h, 2, &t); /* on a connection that was told before the jump */
    resumed(&h, 2, 0, false, true);
    wake(&h, h.now);
    hears(&h, 2, "{\"type\":\"ice-servers\",\"iceServers\":[\"%s 2 %llu\"]}", h.id[0],
        (unsigned long long)(h.unix_ms / 1000));
    quiet(&h);
    stop(&h);
}

/* Small steps count together, and what the clock is set back by counts against nothing. */
static void test_little_by_little(void **state)
{
    (void)state;
    struct harness h;
    begin(&h, lapsing());
    enter(&h, 0);
    h.unix_ms += SLACK_MS;
    wake(&h, h.now);
    quiet(&h);
    h.unix_ms += 1;
    wake(&h, h.now);
    told(&h, 0);
    quiet(&h);
    h.unix_ms -= HOUR_MS;
    pass(&h, REFRESH_MS - 1);
    quiet(&h);
    pass(&h, 1);
    told(&h, 0);
    pass(&h, 1000);
    h.unix_ms += HOUR_MS; /* it was right before */
    wake(&h, h.now);
    told(&h, 0);
    quiet(&h);
    stop(&h);
}

/* The clock is looked at though nobody says anything; but not for nobody. */
static void test_nothing_happens(void **state)
{
    (void)state;
    struct harness h;
    begin(&h, lapsing());
    assert_int_equal(h.deadline, UINT64_MAX);
    enter(&h, 0);
    h.unix_ms += HOUR_MS;
    assert_true(h.deadline <= h.now + SLACK_MS + 1);
    wake(&h, h.deadline);
    told(&h, 0);
    gone(&h, 0, 1000);
    assert_int_equal(h.deadline, UINT64_MAX);
    stop(&h);
}

/* A seat goes on with what its new connection was told, when that was told. */
static void test_over_a_resume(void **state)
{
    (void)state;
    for (int away = 0; away < 2; away++) {
        struct harness h;
        struct core_settings set = with_seats();
        set.ports.ice_servers = servers;
        set.ice_refresh_ms = REFRESH_MS;
        begin(&h, set);
        struct token t = enter_seat(&h, 0, "a");
        pass(&h, 5000);
        enter(&h, 1);
        pass(&h, 5000);
        if (away)
            gone(&h, 0, 0);
        resume(&h, 1, &t);
        if (!away)
            closes(&h, 0, 4001, "resumed on another connection");
        resumed(&h, 1, 0, false, true);
        pass(&h, REFRESH_MS - 5001);
        quiet(&h);
        pass(&h, 1);
        hears(&h, 1, "{\"type\":\"ice-servers\",\"iceServers\":[\"%s 1 %llu\"]}", h.id[0],
            (unsigned long long)(h.unix_ms / 1000));
        quiet(&h);
        stop(&h);
    }
}

/* ---- tokens ---- */

static const char *verify(void *ctx, struct span token, uint64_t unix_seconds, struct claims *claims)
{
    (void)ctx;
    (void)token;
    *claims = (struct claims){.room = "*", .expires = NOON_MS / 1000 + 60};
    return unix_seconds < claims->expires ? NULL : "the token has expired";
}

/* Forth and back: what counts is what the clock shows now. */
static void test_tokens_expire_by_the_wall_clock(void **state)
{
    (void)state;
    struct harness h;
    struct core_settings set = with_seats();
    set.ports.verify = verify;
    begin(&h, set);
    enter(&h, 0);
    say(&h, 0, "{\"type\":\"join-room\",\"roomId\":\"a\",\"token\":\"t\"}");
    assert_non_null(strstr(heard(&h, 0), "peers"));
    struct token t = token_in(&h);
    gone(&h, 0, 0);
    enter(&h, 1);
    h.unix_ms = NOON_MS + 60 * 1000;
    fails_to_resume(&h, 1, &t);
    say(&h, 1, "{\"type\":\"join-room\",\"roomId\":\"a\",\"token\":\"t\"}");
    hears_error(&h, 1, ERROR_UNAUTHORIZED, false);
    logged(&h);
    h.unix_ms = NOON_MS - HOUR_MS;
    resume(&h, 1, &t);
    resumed(&h, 1, 0, false, true);
    h.unix_ms = NOON_MS + 60 * 1000 - 1;
    h.now += 1000;
    enter(&h, 2);
    resume(&h, 2, &t);
    closes(&h, 1, 4001, "resumed on another connection");
    resumed(&h, 2, 0, false, true);
    stop(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_in_time),
        cmocka_unit_test(test_set_forward),
        cmocka_unit_test(test_set_forward_while_they_move),
        cmocka_unit_test(test_little_by_little),
        cmocka_unit_test(test_nothing_happens),
        cmocka_unit_test(test_over_a_resume),
        cmocka_unit_test(test_tokens_expire_by_the_wall_clock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
