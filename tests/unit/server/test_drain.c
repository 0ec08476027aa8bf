/* SPDX-License-Identifier: MIT
 *
 * Stopping: what everybody hears, who is still let in, and when it is over.
 */
#include "tests/unit/server/harness.h"

static void drain(struct harness *h)
{
    step(h, (struct core_event){.type = CORE_DRAIN});
}

static void test_everybody_is_told_and_closed(void **state)
{
    (void)state;
    struct harness h;
    start(&h, no_limits());
    enter_room(&h, 0, "a");
    enter_room(&h, 1, "a");
    enter(&h, 2);
    open_from(&h, 3, ipv4(1));
    enter_room(&h, 4, "a");
    happen(&h, 4, CORE_SLOW);
    assert_false(core_draining(h.core));
    drain(&h);
    assert_true(core_draining(h.core));
    for (unsigned i = 0; i < 3; i++) {
        hears(&h, i, "{\"type\":\"server-draining\",\"reconnectAfterMs\":%u}", i);
        closes(&h, i, 1012, "draining");
    }
    closes(&h, 3, 1012, "draining");
    quiet(&h); /* nobody hears of anybody's leaving; who was closing is not closed again */
    drain(&h);
    quiet(&h);
    for (unsigned i = 0; i < 4; i++) {
        gone(&h, i, 1012);
        quiet(&h);
    }
    gone(&h, 4, 0);
    assert_true(drained(&h));
    quiet(&h);
    drain(&h);
    quiet(&h);
    stop(&h);
}

static void test_nobody_is_there(void **state)
{
    (void)state;
    struct harness h;
    start(&h, no_limits());
    drain(&h);
    assert_true(drained(&h));
    quiet(&h);
    stop(&h);
}

static void test_nobody_is_let_in(void **state)
{
    (void)state;
    struct harness h;
    start(&h, no_limits());
    enter(&h, 0);
    drain(&h);
    open_from(&h, 1, ipv4(1));
    closes(&h, 1, 1012, "draining");
    assert_non_null(logged(&h));
    quiet(&h);
    join(&h, 0, "a"); /* told to close: not heard */
    assert_null(take(&h, 0));
    stop(&h);
}

static void test_the_time_is_up(void **state)
{
    (void)state;
    struct harness h;
    struct core_settings set = no_limits();
    set.drain_timeout_ms = 10000;
    start(&h, set);
    enter(&h, 0);
    drain(&h);
    hears(&h, 0, "{\"type\":\"server-draining\",\"reconnectAfterMs\":0}");
    closes(&h, 0, 1012, "draining");
    assert_int_equal(h.deadline, 15000);
    wake(&h, 14999);
    quiet(&h);
    wake(&h, 15000);
    assert_true(drained(&h));
    quiet(&h);
    gone(&h, 0, 0);
    quiet(&h);
    stop(&h);
}

/* Returns are a thousand a second up to ten thousand clients; more are spread over the same ten seconds. */
static void test_returns_are_spread(void **state)
{
    (void)state;
    static const unsigned TOTALS[] = {1000, 20000};
    static const char *const LASTS[] = {"\"reconnectAfterMs\":999}", "\"reconnectAfterMs\":9999}"};
    for (int k = 0; k < 2; k++) {
        struct harness h;
        start(&h, no_limits());
        for (uint32_t i = 0; i < TOTALS[k]; i++) {
            struct core_event e = {.type = CORE_OPEN, .conn = {i, 1}, .now = h.now};
            core_step(h.core, &e, &h.fx);
            e.type = CORE_READY;
            core_step(h.core, &e, &h.fx);
            core_effects_clear(&h.fx);
        }
        drain(&h);
        assert_int_equal(h.fx.n, 2 * TOTALS[k]);
        struct span last = frame_text(h.fx.v[h.fx.n - 2].frame);
        size_t n = strlen(LASTS[k]);
        assert_memory_equal(last.p + last.n - n, LASTS[k], n);
        stop(&h);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_everybody_is_told_and_closed),
        cmocka_unit_test(test_nobody_is_there),
        cmocka_unit_test(test_nobody_is_let_in),
        cmocka_unit_test(test_the_time_is_up),
        cmocka_unit_test(test_returns_are_spread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
