/* SPDX-License-Identifier: MIT
 *
 * What became of messages, in words.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <glib.h>
#include <string.h>

#include "peer/cli/marks.h"

static void says(const struct marks *m, size_t i, const char *expected)
{
    char *words = marks_words(marks_at(m, i));
    assert_string_equal(words, expected);
    g_free(words);
}

static void test_to_several(void **state)
{
    struct marks *m = marks_new();
    const char *cay = "cay";
    (void)state;
    marks_add(m, "r1", "hello", 3);
    says(m, 0, "sending");
    assert_true(marks_accepted(m, "r1", "m1"));
    says(m, 0, "sent");
    assert_true(marks_delivered(m, "m1", "ann"));
    says(m, 0, "delivered to 1 of 3");
    marks_delivered(m, "m1", "ann");
    says(m, 0, "delivered to 1 of 3");
    marks_read(m, "m1", "ann");
    says(m, 0, "delivered to 1 of 3, read by 1 of 3");
    marks_delivered(m, "m1", "ben");
    marks_failed(m, "m1", &cay, 1);
    says(m, 0, "delivered to 2 of 3, read by 1 of 3, failed for 1 of 3");
    marks_free(m);
}

static void test_to_all(void **state)
{
    struct marks *m = marks_new();
    (void)state;
    marks_add(m, "r1", "hello", 2);
    marks_accepted(m, "r1", "m1");
    marks_delivered(m, "m1", "ann");
    marks_delivered(m, "m1", "ben");
    says(m, 0, "delivered to all");
    marks_read(m, "m1", "ann");
    says(m, 0, "delivered to all, read by 1 of 2");
    marks_read(m, "m1", "ben");
    says(m, 0, "read by all");
    marks_delivered(m, "m1", "cay"); /* who was away, and came back */
    says(m, 0, "delivered to all, read by 2 of 3");
    marks_free(m);
}

static void test_to_one_and_to_nobody(void **state)
{
    struct marks *m = marks_new();
    const char *ann = "ann";
    (void)state;
    marks_add(m, "r1", "hello", 1);
    marks_accepted(m, "r1", "m1");
    says(m, 0, "sent");
    marks_delivered(m, "m1", "ann");
    says(m, 0, "delivered");
    marks_read(m, "m1", "ann");
    says(m, 0, "read");
    marks_add(m, "r2", "hello", 1);
    marks_accepted(m, "r2", "m2");
    marks_failed(m, "m2", &ann, 1);
    says(m, 0, "failed");
    marks_add(m, "r3", "hello", 0);
    marks_accepted(m, "r3", "m3");
    says(m, 0, "sent, nobody else was here");
    marks_add(m, "r4", "hello", 1);
    assert_true(marks_refused(m, "r4"));
    says(m, 0, "not sent");
    says(m, 3, "read");
    marks_free(m);
}

static void test_of_others_and_unknown(void **state)
{
    struct marks *m = marks_new();
    (void)state;
    assert_null(marks_at(m, 0));
    assert_false(marks_accepted(m, "r1", "m1"));
    assert_false(marks_accepted(m, NULL, "m1"));
    assert_false(marks_refused(m, NULL));
    marks_add(m, "r1", "one", 1);
    assert_false(marks_read(m, NULL, "ann")); /* not of one that has no id yet */
    marks_accepted(m, "r1", "m1");
    marks_add(m, "r2", "two", 1);
    assert_false(marks_delivered(m, "m1", "ann")); /* not the newest */
    says(m, 1, "delivered");
    assert_false(marks_delivered(m, "m9", "ann"));
    assert_string_equal(marks_find(m, "m1")->text, "one");
    assert_null(marks_find(m, "m9"));
    marks_free(m);
}

static void test_only_so_many(void **state)
{
    struct marks *m = marks_new();
    (void)state;
    for (int i = 0; i < MARKS_MAX + 10; i++) {
        gchar *ref = g_strdup_printf("r%d", i);
        marks_add(m, ref, "hello", 1);
        g_free(ref);
    }
    assert_string_equal(marks_at(m, MARKS_MAX - 1)->ref, "r10");
    assert_null(marks_at(m, MARKS_MAX));
    marks_free(m);
    marks_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_to_several),
        cmocka_unit_test(test_to_all),
        cmocka_unit_test(test_to_one_and_to_nobody),
        cmocka_unit_test(test_of_others_and_unknown),
        cmocka_unit_test(test_only_so_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
