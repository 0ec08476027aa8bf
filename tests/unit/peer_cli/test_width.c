/* SPDX-License-Identifier: MIT
 *
 * Columns of characters, and what stays together.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <glib.h>
#include <locale.h>
#include <string.h>

#include "peer/cli/style.h"
#include "peer/cli/width.h"

static void test_columns(void **state)
{
    static const struct {
        const char *text;
        long columns;
    } TEXTS[] = {
        {"", 0},
        {"hello", 5},
        {"grüß", 4},
        {"e\xcc\x81", 1},     /* an accent of its own */
        {"田中", 4},          /* wide */
        {"ｶﾞ", 2},            /* narrow ones of theirs */
        {"🦊", 2},          /* an emoji */
        {"☎\xef\xb8\x8f", 2}, /* a sign that is made one */
        {"🇩🇪", 2},            /* a flag */
        {"\xe2\x80\x8b", 0},  /* a space without a width */
        {STYLE_BOLD "x" STYLE_PLAIN, 1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof TEXTS / sizeof *TEXTS; i++) {
        long columns = width_of(TEXTS[i].text, strlen(TEXTS[i].text));
        if (columns != TEXTS[i].columns)
            fail_msg("%s has %ld columns", TEXTS[i].text, columns);
    }
}

/* A terminal shows these in one column; counted as none they would let it break a row itself (see fold.h). */
static void test_marks_that_are_seen(void **state)
{
    (void)state;
    assert_int_equal(width_of("\xd8\x80", 2), 1); /* U+0600, an Arabic number sign */
    assert_int_equal(width_of("\xc2\xad", 2), 1); /* U+00AD, a soft hyphen */
}

static size_t first(const char *text)
{
    long width;
    return width_next(text, &width);
}

static void test_clusters(void **state)
{
    (void)state;
    assert_int_equal(first("ab"), 1);
    assert_int_equal(first("e\xcc\x81\xcc\xa3x"), 5);
    assert_int_equal(first("🇩🇪🇫🇷"), strlen("🇩🇪"));
    assert_int_equal(first("👍🏽!"), strlen("👍🏽"));
    assert_int_equal(first("👩‍👧x"), strlen("👩‍👧"));
    assert_int_equal(first("👩\xe2\x80\x8dx"), strlen("👩\xe2\x80\x8d")); /* a joiner joins no letters */
    assert_int_equal(first(STYLE_BOLD "x"), 2);
    assert_int_equal(first(STYLE_PLAIN "x"), 1);
    assert_int_equal(first("x" STYLE_PLAIN), 1);
}

/* What has no end is cut: rows can be broken in it. */
static void test_clusters_have_an_end(void **state)
{
    GString *family = g_string_new("👩"), *tower = g_string_new("e");
    long width;
    (void)state;
    for (int i = 0; i < 100; i++) {
        g_string_append(family, "\xe2\x80\x8d👩");
        g_string_append(tower, "\xcc\x81");
    }
    assert_true(width_next(family->str, &width) < 60);
    assert_true(width <= WIDTH_CLUSTER_MAX);
    assert_true(width_next(tower->str, &width) < 100);
    assert_int_equal(width_of(tower->str, tower->len), 1);
    g_string_free(family, TRUE);
    g_string_free(tower, TRUE);
}

static void cuts(const char *text, long columns, const char *expected)
{
    char *cut = width_cut(text, columns);
    assert_string_equal(cut, expected);
    g_free(cut);
}

static void test_cut(void **state)
{
    (void)state;
    cuts("hello", 5, "hello");
    cuts("hello!", 5, "hell…");
    cuts("田中田中", 5, "田中…");
    cuts("田中田中", 6, "田中…");
    cuts(STYLE_DIM "hello!" STYLE_PLAIN, 5, STYLE_DIM "hell…" STYLE_PLAIN);
    cuts("hello", 0, "…");
}

int main(void)
{
    setlocale(LC_CTYPE, "C.UTF-8");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_columns),
        cmocka_unit_test(test_marks_that_are_seen),
        cmocka_unit_test(test_clusters),
        cmocka_unit_test(test_clusters_have_an_end),
        cmocka_unit_test(test_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
