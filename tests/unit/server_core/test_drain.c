/* SPDX-License-Identifier: MIT
 *
 * Stopping: what everybody hears, who is still let in, and when it is over.
 */
#include "tests/unit/server_core/harness.h"

enum {
    BATCH = 64
}; /* what is done in one step */

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

/* How many were told in this step: each is told and closed, in turn, at the time that is his. */
static uint64_t told(const struct harness *h, uint64_t first, uint64_t total)
{
    size_t n = 0;
    for (size_t i = 0; i < h->fx.n; i += 2) {
        uint64_t k = first + n++;
        char expected[64];
        snprintf(expected, sizeof expected, "\"reconnectAfterMs\":%llu}",
            (unsigned long long)(total <= 10000 ? k : k * 10000 / total));
        struct span said = frame_text(h->fx.v[i].frame);
        assert_int_equal(h->fx.v[i].conn.slot, k);
        assert_non_null(memmem(said.p, said.n, expected, strlen(expected)));
        assert_int_equal(h->fx.v[i + 1].type, CORE_CLOSE);
        assert_int_equal(h->fx.v[i + 1].conn.slot, k);
        assert_int_equal(h->fx.v[i + 1].close.code, 1012);
    }
    return n;
}

/* Returns are a thousand a second up to ten thousand clients; more are spread over the same ten seconds. They are told a
 * batch at a time, one batch directly after the other. */
static void test_returns_are_spread(void **state)
{
    (void)state;
    static const unsigned TOTALS[] = {1000, 20000};
    for (int k = 0; k < 2; k++) {
        struct harness h;
        start(&h, no_limits());
        for (uint32_t i = 0; i < TOTALS[k]; i++) {
            struct core_event e = {.type = CORE_OPEN, .conn = {i, 1}, .now = h.now};
            core_step(h.core, &e, &h.fx);
            e.type = CORE_READY;
            e.dialect = &dialect_native;
            core_step(h.core, &e, &h.fx);
            core_effects_clear(&h.fx);
        }
        drain(&h);
        uint64_t n = told(&h, 0, TOTALS[k]), steps = 1;
        for (; h.deadline == h.now; steps++) {
            core_effects_clear(&h.fx);
            core_step(h.core, &(struct core_event){.type = CORE_TIME, .now = h.now}, &h.fx);
            h.deadline = core_deadline(h.core);
            uint64_t more = told(&h, n, TOTALS[k]);
            assert_in_range(more, n + BATCH > TOTALS[k] ? 0 : BATCH, BATCH);
            n += more;
        }
        assert_int_equal(n, TOTALS[k]);
        assert_in_range(steps, TOTALS[k] / BATCH, TOTALS[k] / BATCH + 32); /* empty slots are looked at, too */
        core_check(h.core);
        stop(&h);
    }
}

/* Who is to be told yet is served until then; who came to its handshake's end meanwhile is told too. */
static void test_in_the_midst_of_a_drain(void **state)
{
    (void)state;
    struct harness h;
    struct core_settings set = no_limits();
    set.batch = 2;
    start(&h, set);
    for (unsigned i = 0; i < 5; i++)
        enter_room(&h, i, "a");
    open_from(&h, 5, ipv4(1));
    drain(&h);
    for (unsigned i = 0; i < 2; i++) {
        hears(&h, i, "{\"type\":\"server-draining\",\"reconnectAfterMs\":%u}", i);
        closes(&h, i, 1012, "draining");
    }
    quiet(&h);
    assert_int_equal(h.deadline, h.now);
    signal_to(&h, 3, h.id[4]);
    hears(&h, 4, "{\"type\":\"signal\",\"from\":\"%s\",\"data\":1}", h.id[3]);
    quiet(&h);
    ready(&h, 5);
    gone(&h, 2, 1000);
    quiet(&h);
    wake(&h, h.now);
    for (unsigned i = 3; i < 5; i++) {
        hears(&h, i, "{\"type\":\"server-draining\",\"reconnectAfterMs\":%u}", i - 1);
        closes(&h, i, 1012, "draining");
    }
    quiet(&h);
    for (unsigned i = 0; i < 2; i++)
        gone(&h, i, 1012);
    wake(&h, h.now);
    hears(&h, 5, "{\"type\":\"server-draining\",\"reconnectAfterMs\":4}");
    closes(&h, 5, 1012, "draining");
    while (h.deadline == h.now)
        wake(&h, h.now);
    for (unsigned i = 3; i < 6; i++)
        gone(&h, i, 1012);
    assert_true(drained(&h));
    stop(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_everybody_is_told_and_closed),
        cmocka_unit_test(test_nobody_is_there),
        cmocka_unit_test(test_nobody_is_let_in),
        cmocka_unit_test(test_the_time_is_up),
        cmocka_unit_test(test_returns_are_spread),
        cmocka_unit_test(test_in_the_midst_of_a_drain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
