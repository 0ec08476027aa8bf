/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/histogram.h"

static void test_buckets(void **state)
{
    (void)state;
    static const struct histogram_bounds BOUNDS = {.n = 2, .us = {10, 100}};
    struct histogram h = {.sum_us = 0};
    histogram_add(&h, &BOUNDS, 0, 1);
    histogram_add(&h, &BOUNDS, 10, 2);
    histogram_add(&h, &BOUNDS, 11, 1);
    histogram_add(&h, &BOUNDS, 101, 3);
    histogram_add(&h, &BOUNDS, 1000, 0);
    assert_int_equal(h.counts[0], 3);
    assert_int_equal(h.counts[1], 1);
    assert_int_equal(h.counts[2], 3);
    assert_int_equal(h.sum_us, 20 + 11 + 303);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_buckets),
    };
    return cmocka_run_group_tests_name("histogram", tests, NULL, NULL);
}
