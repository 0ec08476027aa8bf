/* SPDX-License-Identifier: MIT
 *
 * Which command was meant.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <string.h>

#include "peer/cli/nearest.h"

static const char *const WORDS[] = {"/msg", "/history", "/sent", "/who", "/peers", "/help", "/quit"};

static const char *meant(const char *typed)
{
    return nearest_word(typed, WORDS, sizeof WORDS / sizeof *WORDS);
}

static void test_distance(void **state)
{
    (void)state;
    assert_int_equal(nearest_distance("", ""), 0);
    assert_int_equal(nearest_distance("", "abc"), 3);
    assert_int_equal(nearest_distance("abc", ""), 3);
    assert_int_equal(nearest_distance("peers", "peers"), 0);
    assert_int_equal(nearest_distance("pers", "peers"), 1);
    assert_int_equal(nearest_distance("peeers", "peers"), 1);
    assert_int_equal(nearest_distance("pesrs", "peers"), 1);
    assert_int_equal(nearest_distance("epers", "peers"), 1);
    assert_int_equal(nearest_distance("kitten", "sitting"), 3);
    assert_int_equal(nearest_distance("0123456789012345678901234567890123", "0"), NEAREST_FAR);
    assert_int_equal(nearest_distance("0", "0123456789012345678901234567890123"), NEAREST_FAR);
}

static void test_meant(void **state)
{
    (void)state;
    assert_string_equal(meant("/pers"), "/peers");
    assert_string_equal(meant("/hlep"), "/help");
    assert_string_equal(meant("/his"), "/history");
    assert_string_equal(meant("/hystori"), "/history");
    assert_string_equal(meant("/wo"), "/who");
    assert_string_equal(meant("/h"), "/history");
    assert_null(meant("/nonsense"));
    assert_null(meant("/xyz"));
    assert_null(meant("/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_distance),
        cmocka_unit_test(test_meant),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
