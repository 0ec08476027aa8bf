/* SPDX-License-Identifier: MIT
 *
 * The names under which clients reached us: each kept once, for as long as somebody has it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "server/io/hosts.h"
#include "tests/faults.h"

enum {
    MANY = 1000
};

static void begin(struct hosts *h)
{
    struct rng_seeded seed;
    rng_seeded_init(&seed, 1);
    struct rng rng = rng_seeded_port(&seed);
    hosts_init(h, &rng);
}

static uint32_t take(struct hosts *h, const char *authority)
{
    uint32_t number;
    assert_true(hosts_take(h, span_of(authority), &number));
    return number;
}

static void is_named(const struct hosts *h, uint32_t number, const char *name)
{
    assert_true(span_is(hosts_name(h, number), name));
}

static void test_names(void **state)
{
    (void)state;
    struct hosts h;
    begin(&h);
    uint32_t a = take(&h, "Signal.Example:4000"), b = take(&h, "[2001:DB8:0::1]:4000");
    is_named(&h, a, "signal.example");
    is_named(&h, b, "[2001:db8::1]");
    assert_int_equal(take(&h, "signal.example"), a);
    static const char *const NONE[] = {
        "", ":4000", "a b", "signal.example:0", "signal.example:x", "[::1", "\"", "a_\xc3\xa9"};
    for (size_t i = 0; i < sizeof NONE / sizeof *NONE; i++)
        assert_int_equal(take(&h, NONE[i]), HOST_NONE);
    assert_int_equal(hosts_name(&h, HOST_NONE).n, 0);
    hosts_drop(&h, HOST_NONE);
    hosts_drop(&h, a);
    is_named(&h, a, "signal.example"); /* its other user's still */
    hosts_drop(&h, a);
    assert_int_equal(take(&h, "other.example"), a); /* the place that was free last */
    hosts_done(&h);
}

static void test_many(void **state)
{
    (void)state;
    struct hosts h;
    uint32_t numbers[MANY];
    char name[32];
    begin(&h);
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned i = 0; i < MANY; i++) {
            snprintf(name, sizeof name, "h%u.example", i);
            numbers[i] = take(&h, name);
        }
        for (unsigned i = 0; i < MANY; i++) {
            snprintf(name, sizeof name, "h%u.example", i);
            is_named(&h, numbers[i], name);
        }
        long live = faults.live;
        for (unsigned i = 0; i < MANY; i++)
            hosts_drop(&h, numbers[i]);
        assert_in_range(live - faults.live, MANY, MANY + 2); /* and the table behind them */
        assert_in_range(h.cap, MANY, 2 * MANY);              /* places are taken again */
    }
    hosts_done(&h);
}

/* Whatever allocation fails, nothing is kept of it, and the next try goes well. */
static void test_no_memory(void **state)
{
    (void)state;
    long failed = 1;
    for (long n = 0; failed > 0; n++) {
        struct hosts h;
        uint32_t number, kept;
        begin(&h);
        long live = faults.live, before = faults.failed;
        faults.countdown = n;
        bool taken = hosts_take(&h, SPAN("a.example"), &number);
        faults.countdown = -1;
        failed = faults.failed - before;
        assert_int_equal(taken, failed == 0);
        assert_int_equal(number != HOST_NONE, taken);
        kept = take(&h, "a.example");
        assert_true(!taken || kept == number);
        is_named(&h, kept, "a.example");
        hosts_done(&h);
        assert_int_equal(faults.live, live);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
