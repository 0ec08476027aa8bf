/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <string.h>

#include "base/err.h"

static void test_sets_the_sentence(void **state)
{
    (void)state;
    struct err e;
    assert_false(err_set(&e, "%s: line %d", "a.conf", 3));
    assert_string_equal(e.text, "a.conf: line 3");
}

static void test_cuts_at_the_end(void **state)
{
    (void)state;
    struct err e;
    char longer[sizeof e.text + 10];
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    err_set(&e, "%s", longer);
    assert_int_equal(strlen(e.text), sizeof e.text - 1);
}

static void test_nobody_asks(void **state)
{
    (void)state;
    assert_false(err_set(NULL, "lost"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sets_the_sentence),
        cmocka_unit_test(test_cuts_at_the_end),
        cmocka_unit_test(test_nobody_asks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
