/* SPDX-License-Identifier: MIT
 *
 * Colours: the same for an id, readable, and none where there shall be none.
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

#include "peer/cli/style.h"

static void renders(const char *text, enum style_depth depth, const char *expected)
{
    char *out = style_render(text, depth);
    assert_string_equal(out, expected);
    g_free(out);
}

static void test_tags(void **state)
{
    (void)state;
    renders("\001a<ann>\002 hello", STYLE_NONE, "<ann> hello");
    renders("\001a<ann>\002 hello", STYLE_FEW, "\033[31m<ann>\033[m hello");
    renders("\001a<ann>\002 hello", STYLE_CHOSEN, "\033[38;5;130m<ann>\033[m hello");
    renders(STYLE_BOLD "x" STYLE_DIM "y" STYLE_PLAIN, STYLE_FEW, "\033[1mx\033[2my\033[m");
    renders("broken off\001", STYLE_FEW, "broken off");
    renders("broken off\001", STYLE_NONE, "broken off");
}

/* The 6 steps of each part of a colour, made linear: 0, 95, 135, 175, 215 and 255 of sRGB. */
static const double LINEAR[] = {0, 0.1144, 0.2423, 0.4287, 0.6795, 1};

/* WCAG 2.1: relative luminance, and the contrast of it with black and with white. */
static void test_readable_on_dark_and_light(void **state)
{
    (void)state;
    for (char letter = 'a'; letter < 'a' + STYLE_NAMES; letter++) {
        int colour = style_colour(letter) - 16;
        assert_in_range(colour, 0, 215);
        double y = 0.2126 * LINEAR[colour / 36] + 0.7152 * LINEAR[colour / 6 % 6] + 0.0722 * LINEAR[colour % 6];
        assert_true((y + 0.05) / 0.05 >= 3.9);
        assert_true(1.05 / (y + 0.05) >= 3.9);
        for (char other = 'a'; other < letter; other++)
            assert_int_not_equal(style_colour(other), style_colour(letter));
    }
}

static void test_a_colour_for_an_id(void **state)
{
    int used[STYLE_NAMES] = {0};
    (void)state;
    assert_int_equal(style_letter("k3f9xz2aabcdefghijklmnopqr"), style_letter("k3f9xz2aabcdefghijklmnopqr"));
    for (int i = 0; i < 1200; i++) {
        gchar *id = g_strdup_printf("aaaaaaaaaaaaaaaaaaaaaa%04d", i);
        char letter = style_letter(id);
        assert_in_range(letter, 'a', 'a' + STYLE_NAMES - 1);
        used[letter - 'a']++;
        g_free(id);
    }
    for (int i = 0; i < STYLE_NAMES; i++)
        assert_in_range(used[i], 50, 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tags),
        cmocka_unit_test(test_readable_on_dark_and_light),
        cmocka_unit_test(test_a_colour_for_an_id),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
