/* SPDX-License-Identifier: MIT
 *
 * The table is whole: every error has a code of its own, a sentence, and a close code that may be sent.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <string.h>

#include "protocol/error.h"
#include "protocol/limits.h"

static void test_every_row_is_whole(void **state)
{
    (void)state;
    for (enum error e = ERROR_NONE + 1; e < ERRORS; e++) {
        assert_true(strlen(error_code(e)) > 0);
        assert_in_range(strlen(error_text(e)), 1, CLOSE_REASON_MAX);
        assert_in_range(error_close_code(e), 1007, 1013);
        for (enum error other = ERROR_NONE; other < e; other++)
            assert_string_not_equal(error_code(e), error_code(other));
    }
}

static void test_none(void **state)
{
    (void)state;
    assert_string_equal(error_code(ERROR_NONE), "ok");
    assert_int_equal(error_close_code(ERROR_NONE), 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_row_is_whole),
        cmocka_unit_test(test_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
