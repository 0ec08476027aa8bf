/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/samples.h"

static void test_none(void **state)
{
    (void)state;
    struct samples s = {0};
    assert_int_equal(samples_percentile(&s, 50), 0);
}

static void test_percentiles(void **state)
{
    (void)state;
    struct samples s = {0};
    for (unsigned i = 100; i > 0; i--)
        samples_add(&s, i);
    assert_int_equal(samples_percentile(&s, 1), 1);
    assert_int_equal(samples_percentile(&s, 50), 50);
    assert_int_equal(samples_percentile(&s, 99), 99);
    assert_int_equal(samples_percentile(&s, 100), 100);
}

static void test_of_few(void **state)
{
    (void)state;
    struct samples s = {0};
    samples_add(&s, 7);
    assert_int_equal(samples_percentile(&s, 1), 7);
    assert_int_equal(samples_percentile(&s, 99), 7);
    samples_add(&s, 3);
    assert_int_equal(samples_percentile(&s, 50), 3);
    assert_int_equal(samples_percentile(&s, 51), 7);
}

static void test_only_the_newest(void **state)
{
    (void)state;
    struct samples s = {0};
    samples_add(&s, UINT64_MAX);
    assert_int_equal(samples_percentile(&s, 100), UINT32_MAX);
    for (unsigned i = 1; i < SAMPLES_MAX; i++)
        samples_add(&s, 1);
    assert_int_equal(samples_percentile(&s, 100), UINT32_MAX);
    samples_add(&s, 1);
    assert_int_equal(samples_percentile(&s, 100), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_none),
        cmocka_unit_test(test_percentiles),
        cmocka_unit_test(test_of_few),
        cmocka_unit_test(test_only_the_newest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
