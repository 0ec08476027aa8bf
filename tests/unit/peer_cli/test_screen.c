/* SPDX-License-Identifier: MIT
 *
 * The bottom of the terminal, drawn on a small one: what is above it stays, and the cursor stands where the next character goes.
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

#include "peer/cli/screen.h"
#include "tests/unit/peer_cli/tiny_terminal.h"

struct pair {
    struct screen screen;
    struct tiny_terminal terminal;
};

static void begin(struct pair *p, long columns, long rows)
{
    screen_init(&p->screen, STYLE_NONE);
    p->screen.columns = columns;
    p->screen.rows = rows;
    tiny_init(&p->terminal, columns, rows);
}

static void end(struct pair *p)
{
    screen_done(&p->screen);
    tiny_done(&p->terminal);
}

/* Erases, prints a line if there is one, and draws. */
static void show(struct pair *p, const char *line, const struct screen_view *view)
{
    GString *out = g_string_new(NULL);
    screen_erase(&p->screen, out);
    if (line)
        g_string_append_printf(out, "%s\n", line);
    screen_draw(&p->screen, view, out);
    tiny_write(&p->terminal, out->str);
    g_string_free(out, TRUE);
}

static void row_is(const struct pair *p, long y, const char *expected)
{
    gchar *text = tiny_text(&p->terminal, y);
    assert_string_equal(text, expected);
    g_free(text);
}

static void cursor_is(const struct pair *p, long x, long y)
{
    assert_int_equal(p->terminal.x, x);
    assert_int_equal(p->terminal.y, y);
}

static void test_one_row(void **state)
{
    struct pair p;
    (void)state;
    begin(&p, 20, 6);
    show(&p, NULL, &(struct screen_view){.prompt = "ben> ", .text = "hello", .cursor = 5});
    row_is(&p, 0, "ben> hello");
    cursor_is(&p, 10, 0);
    show(&p, "<ann> hi", &(struct screen_view){.prompt = "ben> ", .text = "hello", .cursor = 2});
    row_is(&p, 0, "<ann> hi");
    row_is(&p, 1, "ben> hello");
    cursor_is(&p, 7, 1);
    show(&p, NULL,
        &(struct screen_view){.status = "typing: <ann>", .prompt = "ben> ", .text = "田e\xcc\x81x", .cursor = 6});
    row_is(&p, 1, "typing: <ann>");
    cursor_is(&p, 8, 2);
    show(&p, NULL, &(struct screen_view){.prompt = "ben> ", .text = "", .cursor = 0});
    row_is(&p, 1, "ben> ");
    row_is(&p, 2, "");
    end(&p);
}

static void test_several_rows(void **state)
{
    struct pair p;
    (void)state;
    begin(&p, 11, 8); /* rows of 10 */
    struct screen_view view = {.prompt = "b> ", .text = "1234567890abcdefghij", .cursor = 20};
    show(&p, NULL, &view);
    row_is(&p, 0, "b> 1234567");
    row_is(&p, 1, "890abcdefg");
    row_is(&p, 2, "hij");
    cursor_is(&p, 3, 2);
    view.cursor = 7; /* the first of the second row */
    show(&p, "<a> hi", &view);
    row_is(&p, 0, "<a> hi");
    row_is(&p, 3, "hij");
    cursor_is(&p, 0, 2);
    view.cursor = 2;
    show(&p, "<a> ho", &view);
    row_is(&p, 1, "<a> ho");
    row_is(&p, 2, "b> 1234567");
    cursor_is(&p, 5, 2);
    view = (struct screen_view){.prompt = "b> ", .text = "one\ntwo", .cursor = 7};
    show(&p, NULL, &view);
    row_is(&p, 2, "b> one↵");
    row_is(&p, 3, "two");
    row_is(&p, 4, "");
    view = (struct screen_view){.prompt = "b> ", .text = "123456田", .cursor = 9}; /* it would stand in two rows */
    show(&p, NULL, &view);
    row_is(&p, 2, "b> 123456");
    row_is(&p, 3, "田");
    end(&p);
}

static void test_more_rows_than_there_is_place_for(void **state)
{
    struct pair p;
    gchar *text = g_strnfill(95, 'x');
    (void)state;
    begin(&p, 11, 8);
    struct screen_view view = {.status = "typing: <a>", .prompt = "b> ", .text = text, .cursor = 95};
    show(&p, "<a> hi", &view); /* 10 rows, of which 4 are shown */
    row_is(&p, 0, "<a> hi");
    row_is(&p, 1, "typing: <…");
    row_is(&p, 5, "xxxxxxxx");
    cursor_is(&p, 8, 5);
    view.cursor = 0;
    show(&p, NULL, &view);
    row_is(&p, 2, "b> xxxxxxx");
    row_is(&p, 5, "xxxxxxxxxx");
    cursor_is(&p, 3, 2);
    end(&p);
    g_free(text);
}

static void test_nothing_is_erased_that_is_not_drawn(void **state)
{
    struct screen s;
    GString *out = g_string_new(NULL);
    (void)state;
    screen_init(&s, STYLE_NONE);
    screen_erase(&s, out);
    assert_int_equal(out->len, 0);
    screen_draw(&s, &(struct screen_view){.prompt = "b> ", .text = ""}, out);
    screen_erase(&s, out);
    size_t n = out->len;
    screen_erase(&s, out);
    assert_int_equal(out->len, n);
    g_string_free(out, TRUE);
    screen_done(&s);
}

/* When there are fewer columns, rows that were wider have become several. */
static void test_a_window_that_shrinks(void **state)
{
    struct screen s;
    GString *out = g_string_new(NULL);
    (void)state;
    screen_init(&s, STYLE_NONE);
    s.columns = 81;
    screen_draw(&s, &(struct screen_view){.status = "typing: <ann>", .prompt = "b> ", .text = "x", .cursor = 1}, out);
    g_string_truncate(out, 0);
    screen_erase(&s, out);
    assert_string_equal(out->str, "\033[1A\r\033[J");
    gchar *text = g_strnfill(100, 'x');
    screen_draw(&s, &(struct screen_view){.prompt = "b> ", .text = text, .cursor = 100}, out);
    s.columns = 40; /* 80 are 2 rows, 23 one */
    g_string_truncate(out, 0);
    screen_erase(&s, out);
    assert_string_equal(out->str, "\033[2A\r\033[J");
    g_free(text);
    g_string_free(out, TRUE);
    screen_done(&s);
}

static void test_colours(void **state)
{
    struct screen s;
    GString *out = g_string_new(NULL);
    (void)state;
    screen_init(&s, STYLE_FEW);
    screen_draw(
        &s, &(struct screen_view){.prompt = STYLE_BOLD "b>" STYLE_PLAIN " ", .text = "\033[2J", .cursor = 4}, out);
    assert_string_equal(out->str, "\033[1mb>\033[m ?[2J");
    g_string_free(out, TRUE);
    screen_done(&s);
}

/* Whatever is printed and typed, in whatever window: every line that was printed is there, in order, and the bottom below. */
static void test_what_was_printed_stays(void **state)
{
    static const char *const PIECES[] = {"a", "word ", "田", "🦊", "e\xcc\x81", "\n", "🇩🇪", "xxxxxxxxxxxxxxxxxxxx"};
    GRand *random = g_rand_new_with_seed(11);
    (void)state;
    for (int round = 0; round < 300; round++) {
        struct pair p;
        long printed = 0;
        begin(&p, g_rand_int_range(random, 12, 60), g_rand_int_range(random, 4, 20));
        for (int step = 0; step < 30; step++) {
            GString *text = g_string_new(NULL);
            size_t cursor = 0;
            for (int n = g_rand_int_range(random, 0, 30); n > 0; n--) {
                cursor = g_rand_boolean(random) ? text->len : cursor;
                g_string_append(text, PIECES[g_rand_int_range(random, 0, G_N_ELEMENTS(PIECES))]);
            }
            gchar *line = g_rand_boolean(random) ? g_strdup_printf("line %ld", printed++) : NULL;
            struct screen_view view = {.status = g_rand_boolean(random) ? "typing: <ann>" : NULL,
                .prompt = "ben> ",
                .text = text->str,
                .cursor = cursor};
            show(&p, line, &view);
            for (long y = 0; y < printed; y++) {
                gchar *expected = g_strdup_printf("line %ld", y);
                row_is(&p, y, expected);
                g_free(expected);
            }
            GString *out = g_string_new(NULL);
            screen_erase(&p.screen, out);
            tiny_write(&p.terminal, out->str);
            cursor_is(&p, 0, printed);
            for (long y = printed; y < (long)p.terminal.lines->len; y++)
                row_is(&p, y, "");
            g_string_free(out, TRUE);
            g_free(line);
            g_string_free(text, TRUE);
        }
        end(&p);
    }
    g_rand_free(random);
}

int main(void)
{
    setlocale(LC_CTYPE, "C.UTF-8");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_row),
        cmocka_unit_test(test_several_rows),
        cmocka_unit_test(test_more_rows_than_there_is_place_for),
        cmocka_unit_test(test_nothing_is_erased_that_is_not_drawn),
        cmocka_unit_test(test_a_window_that_shrinks),
        cmocka_unit_test(test_colours),
        cmocka_unit_test(test_what_was_printed_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
