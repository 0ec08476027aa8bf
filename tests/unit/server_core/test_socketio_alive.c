/* SPDX-License-Identifier: MIT
 *
 * Clients of Socket.IO wait for the server's pings, and for nothing else: they come whatever such a client says, and
 * though it is read slower for a while.
 */
#include "tests/unit/server_core/socketio.h"

enum {
    PING_MS = 1000,
    PONG_MS = 500,
    TALK_MS = 100
};

static struct core_settings pinging(uint32_t rate)
{
    struct core_settings set = with_seats();
    set.join_timeout_ms = 10000;
    set.ping_interval_ms = PING_MS;
    set.ping_timeout_ms = PONG_MS;
    set.message_rate = rate;
    set.message_burst = rate;
    return set;
}

/* Its client waits for pings, and for nothing else. */
static void test_who_talks_is_pinged(void **state)
{
    (void)state;
    struct harness h;
    start(&h, pinging(0));
    enter_io(&h, 0);
    enter_room(&h, 1, "a");
    unsigned asked = 0;
    for (unsigned ms = TALK_MS; ms <= 5 * PING_MS; ms += TALK_MS) {
        h.now += TALK_MS;
        say(&h, 1, "{\"type\":\"ping\"}");
        say(&h, 0, "2[\"ping\"]");
        hears(&h, 0, "42[\"pong\",{}]");
        step(&h, (struct core_event){.type = CORE_TIME});
        const struct core_effect *e = take(&h, 0);
        if (e) {
            assert_int_equal(e->type, CORE_PING);
            asked++;
            assert_int_equal(ms, asked * PING_MS);
            pong(&h, 0, e->ping);
        }
        quiet(&h); /* who talks in the native dialect is not asked */
    }
    assert_int_equal(asked, 5);
    wake(&h, h.now + PING_MS);
    pings(&h, 0);
    wake(&h, h.now + PONG_MS);
    closes(&h, 0, 1001, "no answer to ping");
    stop(&h);
}

/* Its pong is not read meanwhile, so none is waited for. */
static void test_who_is_read_slower_is_pinged(void **state)
{
    (void)state;
    struct harness h;
    unsigned asked = 0, pauses = 0;
    start(&h, pinging(2));
    enter_io(&h, 0);
    for (int i = 0; i < 12; i++) { /* some of them were read before it was paused */
        say(&h, 0, "2[\"report\",{\"peerId\":\"b\",\"outcome\":\"turn\"}]");
        for (size_t k = 0; k < h.fx.n; k++)
            pauses += h.fx.v[k].type == CORE_PAUSE;
    }
    assert_int_equal(pauses, 1);
    uint64_t paused_at = h.now;
    bool reads = false;
    while (!reads && h.now < paused_at + 60000) {
        wake(&h, h.now + TALK_MS);
        for (const struct core_effect *e; (e = take(&h, 0));) {
            assert_true(e->type == CORE_PING || e->type == CORE_RESUME);
            asked += e->type == CORE_PING;
            reads |= e->type == CORE_RESUME;
        }
    }
    assert_true(reads && h.now > paused_at + 3 * PING_MS);
    assert_true(asked == (h.now - paused_at) / PING_MS);
    wake(&h, h.now + PING_MS);
    pings(&h, 0);
    wake(&h, h.now + PONG_MS);
    closes(&h, 0, 1001, "no answer to ping");
    stop(&h);
}

/* What ends while it is read slower is on no list any more. */
static void test_ends_while_it_is_read_slower(void **state)
{
    (void)state;
    for (int way = 0; way < 4; way++) {
        struct harness h;
        start(&h, pinging(2));
        enter_io(&h, 0);
        for (int i = 0; i < 12; i++)
            say(&h, 0, "2[\"report\",{\"peerId\":\"b\",\"outcome\":\"turn\"}]");
        if (way == 0)
            gone(&h, 0, 0);
        else if (way == 1)
            say(&h, 0, "abc");
        else if (way == 2)
            say(&h, 0, "1");
        else
            step(&h, (struct core_event){.type = CORE_CLOSED, .conn = conn_of(&h, 0), .close_code = 1000});
        for (int i = 0; i < 50; i++)
            wake(&h, h.now + TALK_MS);
        if (way == 2) {
            say(&h, 0, "0");
            for (int i = 0; i < 200; i++)
                wake(&h, h.now + TALK_MS);
        }
        stop(&h);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_who_talks_is_pinged),
        cmocka_unit_test(test_who_is_read_slower_is_pinged),
        cmocka_unit_test(test_ends_while_it_is_read_slower),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
