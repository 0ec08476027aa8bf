/* SPDX-License-Identifier: MIT
 *
 * Which command, or whose name, was meant.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <string.h>

#include "base/edit_distance.h"
#include "peer/cli/nearest.h"
#include "peer/include/usher.h"

/* As libusher has it, which is not linked here. */
unsigned usher_word_distance(const char *a, const char *b)
{
    return edit_distance(a, b);
}

static const char *const WORDS[] = {"/msg", "/history", "/sent", "/who", "/peers", "/help", "/quit"};

static const char *meant(const char *typed)
{
    return nearest_word(typed, WORDS, sizeof WORDS / sizeof *WORDS);
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

/* The names in their order, with a comma between them. */
static const char *near_names(const char *typed, char out[64])
{
    static const char *const NAMES[] = {"cay", "Benno", "ben", "anna", "ann", "somebody else"};
    const char *found[3];
    size_t n = nearest_words(typed, NAMES, sizeof NAMES / sizeof *NAMES, found, 3);
    out[0] = '\0';
    for (size_t i = 0; i < n; i++)
        snprintf(out + strlen(out), 64 - strlen(out), "%s%s", i ? "," : "", found[i]);
    return out;
}

static void test_names(void **state)
{
    char out[64];
    (void)state;
    assert_string_equal(near_names("Be", out), "Benno,ben");
    assert_string_equal(near_names("bem", out), "ben");
    assert_string_equal(near_names("an", out), "anna,ann");
    assert_string_equal(near_names("anm", out), "ann,anna"); /* the nearest first */
    assert_string_equal(near_names("sombody else", out), "somebody else");
    assert_string_equal(near_names("zoe", out), "");
    assert_string_equal(near_names("x", out), "");
    assert_string_equal(near_names("", out), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_meant),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
