/* SPDX-License-Identifier: MIT
 *
 * Who types, and for how long.
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

#include "peer/cli/typists.h"

static const char *call(void *user, const char *id)
{
    (void)user;
    return id;
}

static void says(const struct typists *t, const char *expected)
{
    char *words = typists_words(t, call, NULL);
    if (expected)
        assert_string_equal(words, expected);
    else
        assert_null(words);
    g_free(words);
}

static void test_until_it_stops(void **state)
{
    struct typists *t = typists_new();
    (void)state;
    says(t, NULL);
    assert_int_equal(typists_pass(t, 5), 0);
    typists_heard(t, "ann", 1000);
    typists_heard(t, "ben", 2000);
    says(t, "typing: ann, ben");
    assert_int_equal(typists_pass(t, 2000), 1000 + TYPISTS_MS);
    typists_heard(t, "ann", 3000);
    assert_int_equal(typists_pass(t, 2000 + TYPISTS_MS - 1), 2000 + TYPISTS_MS);
    says(t, "typing: ann, ben");
    assert_int_equal(typists_pass(t, 2000 + TYPISTS_MS), 3000 + TYPISTS_MS);
    says(t, "typing: ann");
    assert_int_equal(typists_pass(t, 3000 + TYPISTS_MS), 0);
    says(t, NULL);
    typists_free(t);
}

static void test_until_it_wrote(void **state)
{
    struct typists *t = typists_new();
    (void)state;
    typists_heard(t, "ann", 1000);
    typists_stopped(t, "ben");
    typists_stopped(t, NULL);
    says(t, "typing: ann");
    typists_stopped(t, "ann");
    says(t, NULL);
    typists_free(t);
    typists_free(NULL);
}

static void test_many(void **state)
{
    struct typists *t = typists_new();
    (void)state;
    for (const char *const *id = (const char *const[]){"a", "b", "c", NULL}; *id; id++)
        typists_heard(t, *id, 1000);
    says(t, "typing: a, b, c");
    typists_heard(t, "d", 1000);
    says(t, "4 people are typing");
    typists_free(t);
}

/* Who goes on typing is told of before the others forget. */
static void test_rates_fit(void **state)
{
    (void)state;
    assert_true(TYPISTS_TELL_MS + 1000 < TYPISTS_MS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_until_it_stops),
        cmocka_unit_test(test_until_it_wrote),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_rates_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
