/* SPDX-License-Identifier: MIT
 *
 * What may stand between the brackets of a name, and which names may be taken for each other.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/display_name.h"
#include "base/utf8.h"

static void is_shown(const char *name, const char *expected)
{
    char out[512];
    assert_int_equal(display_name_clean(span_of(name), out), strlen(expected));
    assert_string_equal(out, expected);
    memcpy(out, name, strlen(name) + 1);
    display_name_clean(span_of(out), out);
    assert_string_equal(out, expected);
}

static bool alike(const char *a, const char *b)
{
    char one[512], other[512];
    assert_true(display_name_skeleton(span_of(a), one) <= strlen(a));
    assert_true(display_name_skeleton(span_of(b), other) <= strlen(b));
    return strcmp(one, other) == 0;
}

static void test_what_is_shown(void **state)
{
    (void)state;
    is_shown("", "");
    is_shown("Zoë Grüß-Ωμέγα 田中 \xf0\x9f\xa6\x8a", "Zoë Grüß-Ωμέγα 田中 \xf0\x9f\xa6\x8a");
    is_shown("Ann\n* Ben is gone.", "Ann * Ben is gone.");
    is_shown("\x1b[2JAnn\x7f\xc2\x9b", "[2JAnn");
    is_shown("  Ann \t\xc2\xa0 \xe2\x80\x83 Lee\xe3\x80\x80", "Ann Lee");
    is_shown("Ann> hello", "Ann_ hello");
    is_shown("<Ann\xef\xbc\x9e\xe3\x80\x89", "_Ann__");
    is_shown(
        "A\xe2\x80\x8b\xe2\x80\x8dn\xe2\x80\xaen\xe2\x81\xa0\xef\xbb\xbf\xef\xb8\x8f\xf3\xa0\x81\x81\xc2\xad", "Ann");
    is_shown("\xe2\x80\x8b \xe3\x85\xa4", "");
    /* No mark before the first letter or on a space, and no tower of them. */
    is_shown("\xcc\xb8"
             "A\xcc\x81\xcc\x82\xcc\x83\xcc\x84 \xcc\xb8n",
        "A\xcc\x81\xcc\x82 n");
    is_shown("\xff\xc3(", "__(");
}

static void test_alike(void **state)
{
    (void)state;
    assert_true(alike("Alice", "alice"));
    assert_true(alike("Alice", "AIice"));
    assert_true(alike("Alice", "Al1ce"));
    assert_true(alike("Alice", " A lice\xe2\x80\x8b"));
    assert_true(alike("Alice", "\xd0\x90l\xd1\x96\xd1\x81\xd0\xb5")); /* Cyrillic */
    assert_true(alike("Bob", "B\xce\xbf"
                             "b"));                                 /* Greek omicron */
    assert_true(alike("Ann", "\xef\xbc\xa1nn"));                    /* full width */
    assert_true(alike("Zo\xc3\xab", "Zoe\xcc\x88"));                /* composed or not */
    assert_true(alike("\xd0\x92\xd0\x95\xd0\xa0\xd0\x90", "вера")); /* case in Cyrillic */
    assert_true(alike("Ann>", "Ann<"));
    assert_false(alike("Ann", "Anna"));
    assert_false(alike("Ann", "Ben"));
    assert_false(alike("田中", "田上"));
    assert_false(alike("guest1", "guest2"));
}

/* Whatever the bytes: no more of them come out, and what comes out is UTF-8 with no character that is not shown. */
static void test_any_character(void **state)
{
    (void)state;
    for (unsigned c = 1; c <= 0x10ffff; c++) {
        char name[8] = "a", out[16], again[16];
        if (c >= 0xd800 && c <= 0xdfff)
            continue;
        size_t n = 1 + utf8_put(c, name + 1);
        name[n] = 'b';
        struct span in = {name, n + 1};
        size_t shown = display_name_clean(in, out);
        assert_true(shown <= in.n && utf8_valid(out, shown) && out[0] == 'a' && out[shown - 1] == 'b');
        assert_int_equal(display_name_clean((struct span){out, shown}, again), shown);
        assert_memory_equal(out, again, shown);
        assert_null(strpbrk(out, "<>"));
        size_t folded = display_name_skeleton(in, again);
        assert_true(folded <= in.n && utf8_valid(again, folded));
    }
}

static void test_kinds(void **state)
{
    static const struct {
        unsigned c;
        enum display_kind kind;
    } CASES[] = {{'a', DISPLAY_SEEN}, {'<', DISPLAY_SEEN}, {0x300, DISPLAY_SEEN}, {0x10ffff, DISPLAY_SEEN},
        {' ', DISPLAY_SPACE}, {0xa0, DISPLAY_SPACE}, {0x3000, DISPLAY_SPACE}, {0, DISPLAY_UNSEEN},
        {'\n', DISPLAY_UNSEEN}, {0x7f, DISPLAY_UNSEEN}, {0x85, DISPLAY_UNSEEN}, {0x200b, DISPLAY_UNSEEN},
        {0x202e, DISPLAY_UNSEEN}, {0x2028, DISPLAY_UNSEEN}, {0xe0001, DISPLAY_UNSEEN}};
    size_t n;
    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++)
        assert_int_equal(display_kind(CASES[i].c), CASES[i].kind);
    assert_int_equal(display_next(SPAN("\xe2\x80\xaex"), &n), 0x202e);
    assert_int_equal(n, 3);
    assert_int_equal(display_next(SPAN("\xff"), &n), '_');
    assert_int_equal(n, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_shown),
        cmocka_unit_test(test_alike),
        cmocka_unit_test(test_any_character),
        cmocka_unit_test(test_kinds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
