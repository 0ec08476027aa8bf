/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "server/io/malloc_trim.h"

static void test_little_is_left_alone(void **state)
{
    (void)state;
    struct malloc_trim t;
    malloc_trim_init(&t);
    malloc_trim_freed(&t, TRIM_BYTES - 1, 10);
    assert_false(malloc_trim_due(&t, UINT64_MAX - 1));
    malloc_trim_freed(&t, 1, 10);
    assert_true(malloc_trim_due(&t, 10 + TRIM_MS));
}

static void test_once_for_all_of_a_fall(void **state)
{
    (void)state;
    struct malloc_trim t;
    malloc_trim_init(&t);
    for (unsigned i = 0; i < TRIM_MS; i++) {
        malloc_trim_freed(&t, TRIM_BYTES, i);
        assert_false(malloc_trim_due(&t, i));
    }
    assert_true(malloc_trim_due(&t, TRIM_MS));
    assert_false(malloc_trim_due(&t, 10 * TRIM_MS));
    malloc_trim_freed(&t, TRIM_BYTES, 20 * TRIM_MS);
    assert_false(malloc_trim_due(&t, 21 * TRIM_MS - 1));
    assert_true(malloc_trim_due(&t, 21 * TRIM_MS));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_little_is_left_alone),
        cmocka_unit_test(test_once_for_all_of_a_fall),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
