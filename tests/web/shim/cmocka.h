/* SPDX-License-Identifier: MIT
 *
 * As much of cmocka as tests/unit/protocol/test_vectors.c uses, where a test that fails ends the instance.
 */
#ifndef TESTS_WEB_CMOCKA_H
#define TESTS_WEB_CMOCKA_H

#include <stdio.h>

#include "web/core/ports.h"

struct CMUnitTest {
    const char *name;
    void (*run)(void **state);
    void *state;
};
#define cmocka_unit_test(f) \
    {                       \
#f, f, NULL         \
    }
#define cmocka_unit_test_prestate(f, s) \
    {                                   \
#f, f, s                        \
    }
#define fail_msg(...)                             \
    do {                                          \
        char said[1024];                          \
        snprintf(said, sizeof said, __VA_ARGS__); \
        ports_panic(said);                        \
    } while (0)
#define assert_true(x) ((x) ? (void)0 : ports_panic(#x))
#define assert_false(x) assert_true(!(x))
#define assert_int_equal(a, b) assert_true((a) == (b))
#define cmocka_run_group_tests(tests, setup, teardown) vectors_run_all(tests, sizeof(tests) / sizeof(tests)[0])

static int vectors_run_all(const struct CMUnitTest *tests, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        void *state = tests[i].state;
        tests[i].run(&state);
    }
    return (int)n;
}

#endif
