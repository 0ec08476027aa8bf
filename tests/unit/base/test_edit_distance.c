/* SPDX-License-Identifier: MIT
 *
 * How far two words are from each other.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/edit_distance.h"

static void test_distance(void **state)
{
    (void)state;
    assert_int_equal(edit_distance("", ""), 0);
    assert_int_equal(edit_distance("", "abc"), 3);
    assert_int_equal(edit_distance("abc", ""), 3);
    assert_int_equal(edit_distance("peers", "peers"), 0);
    assert_int_equal(edit_distance("pers", "peers"), 1);
    assert_int_equal(edit_distance("peeers", "peers"), 1);
    assert_int_equal(edit_distance("pesrs", "peers"), 1);
    assert_int_equal(edit_distance("epers", "peers"), 1);
    assert_int_equal(edit_distance("kitten", "sitting"), 3);
    assert_int_equal(edit_distance("0123456789012345678901234567890123", "0"), EDIT_DISTANCE_FAR);
    assert_int_equal(edit_distance("0", "0123456789012345678901234567890123"), EDIT_DISTANCE_FAR);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_distance),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
