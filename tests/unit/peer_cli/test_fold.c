/* SPDX-License-Identifier: MIT
 *
 * Rows: broken between words, indented, and never wider than the terminal.
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

#include "peer/cli/fold.h"
#include "peer/cli/plain.h"
#include "peer/cli/style.h"
#include "peer/cli/width.h"

static void folds(const char *text, long columns, const char *expected)
{
    char *rows = fold_lines(text, columns);
    assert_string_equal(rows, expected);
    g_free(rows);
}

static void test_words(void **state)
{
    (void)state;
    folds("", 20, "");
    folds("<ann> exactly twenty", 20, "<ann> exactly twenty");
    folds("<ann> one more than it", 20, "<ann> one more than\n    it");
    folds("a  b   c", 20, "a  b   c");
    folds("<ann> first\n    second line of it, longer", 20, "<ann> first\n    second line of\n    it, longer");
    folds("<ann> a\nb", 20, "<ann> a\n    b");
}

static void test_words_longer_than_a_row(void **state)
{
    (void)state;
    folds("<ann> abcdefghijklmnopqrstuvwxyzabcdefgh", 20, "<ann>\n    abcdefghijklmnop\n    qrstuvwxyzabcdef\n    gh");
    folds("<ann> 田中田中田中田中田", 21, "<ann>\n    田中田中田中田中\n    田"); /* none in halves */
}

static void test_what_belongs_together(void **state)
{
    (void)state;
    folds("aaaaaaaaaaaaaaaaaaae\xcc\x81x", 20, "aaaaaaaaaaaaaaaaaaae\xcc\x81\n    x");
    folds("aaaaaaaaaaaaaaaaaaa🇩🇪🇩🇪", 20, "aaaaaaaaaaaaaaaaaaa\n    🇩🇪🇩🇪");
}

static void test_tags_take_no_place(void **state)
{
    (void)state;
    folds("\001a<ann>\002 exactly twenty", 20, "\001a<ann>\002 exactly twenty");
    folds("\001a<ann>\002 one more than it", 20, "\001a<ann>\002 one more than\n    it");
}

static void test_narrow_terminals(void **state)
{
    (void)state;
    folds("<ann> one more than it", 3, "<ann> one more than\n    it");
}

/* Whatever somebody writes: no row is wider than the terminal, and none but the first begins in its first column. */
static void test_rows_of_anything(void **state)
{
    static const char *const PIECES[] = {"a", "word", " ", "  ", "\n", "* ann is gone.", "田", "🦊", "e\xcc\x81",
        "\xcc\x81", "\xe2\x80\x8d", "👩", "🇩", "\xef\xb8\x8f", "\xd8\x80", "\033[2J", "\001", "\002", "\t",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
    GRand *random = g_rand_new_with_seed(7);
    (void)state;
    for (int round = 0; round < 3000; round++) {
        GString *text = g_string_new(NULL);
        long columns = g_rand_int_range(random, FOLD_COLUMNS_MIN, 60);
        for (int n = g_rand_int_range(random, 0, 60); n > 0; n--)
            g_string_append(text, PIECES[g_rand_int_range(random, 0, G_N_ELEMENTS(PIECES))]);
        char *plain = plain_text(text->str, TRUE), *rows = fold_lines(plain, columns);
        assert_null(strpbrk(rows, "\001\002\033\t"));
        gchar **each = g_strsplit(rows, "\n", -1);
        for (size_t i = 0; each[i]; i++) {
            if (i > 0)
                assert_true(g_str_has_prefix(each[i], FOLD_INDENT));
            if (width_of(each[i], strlen(each[i])) > columns)
                fail_msg("round %d: on %ld columns: %s", round, columns, each[i]);
        }
        g_strfreev(each);
        g_free(rows);
        g_free(plain);
        g_string_free(text, TRUE);
    }
    g_rand_free(random);
}

int main(void)
{
    setlocale(LC_CTYPE, "C.UTF-8");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_words_longer_than_a_row),
        cmocka_unit_test(test_what_belongs_together),
        cmocka_unit_test(test_tags_take_no_place),
        cmocka_unit_test(test_narrow_terminals),
        cmocka_unit_test(test_rows_of_anything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
