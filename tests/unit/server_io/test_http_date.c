/* SPDX-License-Identifier: MIT
 *
 * HTTP dates (RFC 9110 section 5.6.7): the three forms, and what is none of them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <locale.h>

#include "server/io/http_date.h"

#define NOW INT64_C(1764457200) /* 2025-11-29 */

static void test_read(void **state)
{
    static const struct {
        const char *text;
        int64_t unix_s;
    } CASES[] = {
        {"Sun, 06 Nov 1994 08:49:37 GMT", 784111777},
        {"Sunday, 06-Nov-94 08:49:37 GMT", 784111777},
        {"Sun Nov  6 08:49:37 1994", 784111777},
        {"Thu, 01 Jan 1970 00:00:00 GMT", 0},
        {"Wed, 31 Dec 1969 23:59:59 GMT", -1},
        {"Thu, 29 Feb 2024 23:59:59 GMT", 1709251199},
        {"Thu Feb 29 23:59:59 2024", 1709251199},
        {"Sat, 31 Dec 2016 23:59:60 GMT", 1483228800}, /* a leap second */
        {"Mon, 06 Nov 1994 08:49:37 GMT", 784111777},  /* a Sunday, really */
        {"Fri, 31 Dec 9999 23:59:59 GMT", 253402300799},
        {"Sat, 01 Jan 0000 00:00:00 GMT", -62167219200},
        /* Two digits of a year: up to 50 years ahead of 2025-11-29. */
        {"Friday, 29-Nov-75 00:00:00 GMT", 3342211200},
        {"Monday, 30-Dec-75 00:00:00 GMT", 189129600},
        {"Monday, 30-Dec-76 00:00:00 GMT", 220752000},
        {"Saturday, 01-Jan-00 00:00:00 GMT", 946684800},
    };
    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        int64_t got = 42;
        if (!http_date_read(span_of(CASES[i].text), NOW, &got) || got != CASES[i].unix_s)
            fail_msg("%s is %lld, not %lld", CASES[i].text, (long long)got, (long long)CASES[i].unix_s);
    }
}

static void test_refuse(void **state)
{
    static const char *const TEXTS[] = {
        "",
        "0",
        "784111777",
        "Sun, 06 Nov 1994 08:49:37",
        "Sun, 06 Nov 1994 08:49:37 UTC",
        "Sun, 06 Nov 1994 08:49:37 +0000",
        "Sun, 06 Nov 1994 08:49:37 GMT ",
        " Sun, 06 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT",
        "sun, 06 nov 1994 08:49:37 gmt",
        "Sun,  6 Nov 1994 08:49:37 GMT",
        "Sun, 6 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 94 08:49:37 GMT",
        "Sun, 06-Nov-1994 08:49:37 GMT",
        "Sunday, 06-Nov-1994 08:49:37 GMT",
        "Sunday, 06 Nov 1994 08:49:37 GMT",
        "Sun Nov 6 08:49:37 1994",
        "Sun Nov   6 08:49:37 1994",
        "Sun Nov  6 08:49:37 1994 GMT",
        "Sun, 06 Nov 1994 24:00:00 GMT",
        "Sun, 06 Nov 1994 08:60:37 GMT",
        "Sun, 06 Nov 1994 08:49:61 GMT",
        "Sun, 00 Nov 1994 08:49:37 GMT",
        "Sun, 31 Nov 1994 08:49:37 GMT",
        "Tue, 29 Feb 2023 08:49:37 GMT",
        "Sun, 06 Nvm 1994 08:49:37 GMT",
        "Sun, 06 Nov -994 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:-9:37 GMT",
        "1994-11-06T08:49:37Z",
    };
    (void)state;
    int64_t got;
    for (size_t i = 0; i < sizeof TEXTS / sizeof *TEXTS; i++)
        if (http_date_read(span_of(TEXTS[i]), NOW, &got))
            fail_msg("\"%s\" is taken for a date", TEXTS[i]);
    /* Every beginning of a date is none, and none is read beyond. */
    static const char WHOLE[] = "Sunday, 06-Nov-94 08:49:37 GMT";
    for (size_t n = 0; n < sizeof WHOLE - 1; n++)
        assert_false(http_date_read((struct span){WHOLE, n}, NOW, &got));
}

static void test_write(void **state)
{
    char out[HTTP_DATE_LEN + 1];
    (void)state;
    setlocale(LC_ALL, "de_DE.UTF-8"); /* where it is installed; it must not matter */
    assert_true(http_date_write(784111777, out));
    assert_string_equal(out, "Sun, 06 Nov 1994 08:49:37 GMT");
    assert_true(http_date_write(-1, out));
    assert_string_equal(out, "Wed, 31 Dec 1969 23:59:59 GMT");
    assert_true(http_date_write(253402300799, out));
    assert_string_equal(out, "Fri, 31 Dec 9999 23:59:59 GMT");
    assert_false(http_date_write(253402300800, out));
    assert_string_equal(out, "");
    assert_false(http_date_write(INT64_MAX, out));
    assert_false(http_date_write(INT64_MIN, out));
    /* What is written is read. */
    for (int64_t at = -62167219200, step = 86399 * 97; at < 253402300800; at += step) {
        int64_t again;
        assert_true(http_date_write(at, out));
        assert_true(http_date_read(span_of(out), NOW, &again));
        assert_int_equal(again, at);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read),
        cmocka_unit_test(test_refuse),
        cmocka_unit_test(test_write),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
