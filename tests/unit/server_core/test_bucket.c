/* SPDX-License-Identifier: MIT
 *
 * Tokens to the millisecond, and arithmetic at its ends.
 */
#include "tests/unit/server_core/harness.h"

#include "server/core/bucket.h"

static bool ready_at(struct bucket *b, uint64_t now)
{
    return bucket_ready(b, 3, 2, now);
}

static void test_burst_then_rate(void **state)
{
    (void)state;
    struct bucket b;
    bucket_fill(&b, 2, 100);
    for (int i = 0; i < 2; i++) {
        assert_true(ready_at(&b, 100));
        bucket_take(&b);
    }
    assert_false(ready_at(&b, 100));
    assert_int_equal(bucket_wait(&b, 3), 334); /* a third of a second, rounded up */
    assert_false(ready_at(&b, 433));
    assert_true(ready_at(&b, 434));
    assert_int_equal(bucket_wait(&b, 3), 0);
}

/* However often it is asked, a rate that does not divide a second comes out exactly. */
static void test_nothing_is_rounded_away(void **state)
{
    (void)state;
    struct bucket b;
    bucket_fill(&b, 2, 0);
    unsigned taken = 0;
    for (uint64_t now = 0; now <= 100000; now++)
        if (ready_at(&b, now)) {
            bucket_take(&b);
            taken++;
        }
    assert_int_equal(taken, 2 + 300);
}

static void test_no_more_than_the_burst(void **state)
{
    (void)state;
    struct bucket b;
    bucket_fill(&b, 2, 0);
    ready_at(&b, 1000000);
    assert_int_equal(b.level, 2000);
    ready_at(&b, UINT64_MAX); /* elapsed times rate does not fit */
    assert_int_equal(b.level, 2000);
}

static void test_debt(void **state)
{
    (void)state;
    struct bucket b;
    bucket_fill(&b, 2, 0);
    for (int i = 0; i < 5; i++)
        bucket_take(&b);
    assert_int_equal(bucket_wait(&b, 1), 4000);
    assert_false(bucket_ready(&b, 1, 2, 3999));
    assert_true(bucket_ready(&b, 1, 2, 4000));
}

static void test_off(void **state)
{
    (void)state;
    struct bucket b;
    bucket_fill(&b, 0, 0);
    for (int i = 0; i < 10; i++) {
        assert_true(bucket_ready(&b, 0, 5, 0));
        bucket_take(&b);
        assert_true(bucket_ready(&b, 5, 0, 0));
        bucket_take(&b);
    }
}

static void test_a_smaller_burst_counts_at_once(void **state)
{
    (void)state;
    struct bucket b;
    bucket_fill(&b, 1000, 0);
    assert_true(bucket_ready(&b, 1, 2, 1));
    assert_int_equal(b.level, 2000);
}

static void test_refill(void **state)
{
    (void)state;
    assert_int_equal(bucket_refill(50, 500), 10000);
    assert_int_equal(bucket_refill(3, 1), 334);
    assert_int_equal(bucket_refill(0, 500), 0);
    assert_int_equal(bucket_refill(1, UINT32_MAX), (uint64_t)UINT32_MAX * 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_burst_then_rate),
        cmocka_unit_test(test_nothing_is_rounded_away),
        cmocka_unit_test(test_no_more_than_the_burst),
        cmocka_unit_test(test_debt),
        cmocka_unit_test(test_off),
        cmocka_unit_test(test_a_smaller_burst_counts_at_once),
        cmocka_unit_test(test_refill),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
