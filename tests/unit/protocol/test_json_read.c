/* SPDX-License-Identifier: MIT
 *
 * That memory ran out is not forgotten while something else is read.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "protocol/json_read.h"

static int errno_after(int before, struct span text, bool holds)
{
    errno = before;
    json_t *tree = json_read(text, 0, NULL);
    int after = errno;
    assert_int_equal(tree != NULL, holds);
    json_decref(tree);
    return after;
}

static void test_errno_outlives_a_number(void **state)
{
    (void)state;
    assert_int_equal(errno_after(ENOMEM, SPAN("{\"n\":1}"), true), ENOMEM);
    assert_int_equal(errno_after(ENOMEM, SPAN("{\"n\":1"), false), ENOMEM);
    assert_int_equal(errno_after(ENOMEM, (struct span){0}, false), ENOMEM);
    assert_int_not_equal(errno_after(0, SPAN("{\"n\":1}"), true), ENOMEM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_errno_outlives_a_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
