/* SPDX-License-Identifier: MIT
 *
 * How far a file is, as it is written for people.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <glib.h>

#include "peer/cli/progress.h"
#include "peer/cli/width.h"

static void sizes(void **state)
{
    static const struct {
        uint64_t bytes;
        const char *text;
    } CASES[] = {{0, "0 B"}, {999, "999 B"}, {1000, "1.0 kB"}, {12345, "12.3 kB"}, {999949, "999.9 kB"},
        {999950, "1.0 MB"}, {27400000, "27.4 MB"}, {1500000000000, "1.5 TB"}, {UINT64_MAX, "18.4 EB"}};
    char out[PROGRESS_TEXT_MAX];
    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(CASES); i++) {
        progress_size(CASES[i].bytes, out);
        assert_string_equal(out, CASES[i].text);
    }
}

static void times(void **state)
{
    static const struct {
        uint64_t seconds;
        const char *text;
    } CASES[] = {{0, "0:00"}, {7, "0:07"}, {60, "1:00"}, {3599, "59:59"}, {3723, "1:02:03"}, {359999, "99:59:59"},
        {360000, "long"}, {UINT64_MAX, "long"}};
    char out[PROGRESS_TEXT_MAX];
    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(CASES); i++) {
        progress_time(CASES[i].seconds, out);
        assert_string_equal(out, CASES[i].text);
    }
}

static void all_is_100_and_nothing_else(void **state)
{
    (void)state;
    assert_int_equal(progress_percent(0, 0), 100);
    assert_int_equal(progress_percent(0, 10), 0);
    assert_int_equal(progress_percent(1, 3), 33);
    assert_int_equal(progress_percent(UINT64_MAX - 1, UINT64_MAX), 99);
    assert_int_equal(progress_percent(10, 10), 100);
}

static void an_average_that_forgets(void **state)
{
    (void)state;
    struct speed s = {0};
    uint64_t now = 5000, bytes = 70000;
    speed_add(&s, now, bytes); /* what was there before we looked is no speed */
    assert_int_equal(speed_now(&s), 0);
    speed_add(&s, now += 1000, bytes += 2000);
    assert_int_equal(speed_now(&s), 2000);
    speed_add(&s, now + 10, bytes + 1000000); /* too soon to tell */
    assert_int_equal(speed_now(&s), 2000);
    for (int i = 0; i < 60; i++)
        speed_add(&s, now += 1000, bytes += 8000);
    assert_in_range(speed_now(&s), 7900, 8000);
    speed_add(&s, now += 1000, bytes);
    assert_in_range(speed_now(&s), 6000, 7000); /* one pause is no end */
    speed_add(&s, now += 1000, 0);              /* begun anew */
    assert_int_equal(speed_now(&s), 0);
}

/* On any terminal a row is narrower than it, and begins with the name. */
static void rows_fit(void **state)
{
    static const char *const NAMES[] = {"a", "a rather long name of a file that goes on.tar.gz",
        "\xe5\x86\x99\xe7\x9c\x9f\xe5\x86\x99\xe7\x9c\x9f\xe5\x86\x99\xe7\x9c\x9f\xe5\x86\x99\xe7\x9c\x9f.png"};
    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(NAMES); i++)
        for (long columns = 20; columns < 200; columns++) {
            char *row = progress_row(NAMES[i], 12300000, 27400000, 3100000, columns);
            assert_true(width_of(row, strlen(row)) <= columns);
            assert_true(g_utf8_validate(row, -1, NULL));
            assert_int_equal(row[0], NAMES[i][0]);
            assert_non_null(strstr(row, "44%"));
            g_free(row);
        }
}

static void a_row(void **state)
{
    (void)state;
    char *row = progress_row("photo.jpg", 50, 100, 10, 79);
    assert_string_equal(row, "photo.jpg       [####----]  50%      50 B of    100 B      10 B/s     0:06 left");
    g_free(row);
    row = progress_row("photo.jpg", 100, 100, 10, 40);
    assert_string_equal(row, "photo.jpg     100%     100 B of    100 B");
    g_free(row);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes),
        cmocka_unit_test(times),
        cmocka_unit_test(all_is_100_and_nothing_else),
        cmocka_unit_test(an_average_that_forgets),
        cmocka_unit_test(rows_fit),
        cmocka_unit_test(a_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
