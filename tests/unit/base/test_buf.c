/* SPDX-License-Identifier: MIT
 *
 * The buffer holds its maximum exactly, fails one byte past it, and stays failed until it is reset.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/buf.h"

static void test_starts_empty(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 10);
    assert_null(b.p);
    assert_int_equal(buf_view(&b).n, 0);
    buf_done(&b);
    struct buf zeroed = {0};
    buf_done(&zeroed);
}

static void test_adds_and_terminates(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 100);
    assert_true(buf_text(&b, "ab"));
    assert_true(buf_byte(&b, 'c'));
    assert_true(buf_span(&b, SPAN("de")));
    assert_true(buf_add(&b, "f", 1));
    assert_true(buf_add(&b, NULL, 0));
    assert_true(buf_printf(&b, "%d-%s", 7, "x"));
    assert_string_equal(b.p, "abcdef7-x");
    assert_int_equal(b.len, 9);
    assert_true(buf_number(&b, 0));
    assert_true(buf_number(&b, 10));
    assert_true(buf_number(&b, UINT64_MAX));
    assert_string_equal(b.p + 9, "01018446744073709551615");
    buf_done(&b);
    assert_null(b.p);
    assert_int_equal(b.max, 100);
}

static void test_reaches_its_maximum_and_no_more(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 4);
    assert_true(buf_text(&b, "abcd"));
    assert_string_equal(b.p, "abcd");
    assert_false(buf_byte(&b, 'e'));
    assert_true(b.failed);
    assert_string_equal(b.p, "abcd");
    assert_false(buf_text(&b, ""));
    buf_reset(&b);
    assert_false(b.failed);
    assert_string_equal(b.p, "");
    assert_true(buf_printf(&b, "%s", "wxyz"));
    assert_false(buf_printf(&b, "%s", "!"));
    buf_done(&b);
}

static void test_grows_through_many_sizes(void **state)
{
    (void)state;
    enum {
        N = 100000
    };
    struct buf b;
    buf_init(&b, N);
    for (int i = 0; i < N; i++)
        assert_true(buf_byte(&b, (char)('a' + i % 26)));
    assert_int_equal(b.len, N);
    for (int i = 0; i < N; i++)
        assert_int_equal(b.p[i], 'a' + i % 26);
    assert_false(buf_byte(&b, 'x'));
    buf_done(&b);
}

static void test_reserve(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 8);
    char *at = buf_reserve(&b, 8);
    assert_non_null(at);
    assert_int_equal(b.len, 0);
    memcpy(at, "12345678", 8);
    b.len += 8;
    assert_null(buf_reserve(&b, 1));
    assert_true(b.failed);
    buf_done(&b);
    buf_init(&b, 8);
    assert_null(buf_reserve(&b, SIZE_MAX));
    buf_done(&b);
}

static void test_consume(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 8);
    buf_consume(&b, 0);
    buf_text(&b, "abcdef");
    buf_consume(&b, 2);
    assert_string_equal(b.p, "cdef");
    buf_consume(&b, 4);
    assert_int_equal(b.len, 0);
    assert_string_equal(b.p, "");
    buf_done(&b);
}

static void test_take(void **state)
{
    (void)state;
    struct buf b;
    size_t n;
    buf_init(&b, 3);
    buf_text(&b, "abc");
    char *p = buf_take(&b, &n);
    assert_string_equal(p, "abc");
    assert_int_equal(n, 3);
    assert_null(b.p);
    free(p);
    p = buf_take(&b, NULL);
    assert_string_equal(p, "");
    free(p);
    buf_text(&b, "abcd");
    assert_null(buf_take(&b, &n));
    buf_done(&b);
}

static void test_spans(void **state)
{
    (void)state;
    assert_true(span_eq(SPAN("a"), span_of("a")));
    assert_false(span_eq(SPAN("a"), SPAN("ab")));
    assert_true(span_eq((struct span){NULL, 0}, SPAN("")));
    assert_int_equal(span_of(NULL).n, 0);
    assert_true(span_is(SPAN("to"), "to"));
    assert_false(span_is(SPAN("to"), "too"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_starts_empty),
        cmocka_unit_test(test_adds_and_terminates),
        cmocka_unit_test(test_reaches_its_maximum_and_no_more),
        cmocka_unit_test(test_grows_through_many_sizes),
        cmocka_unit_test(test_reserve),
        cmocka_unit_test(test_consume),
        cmocka_unit_test(test_take),
        cmocka_unit_test(test_spans),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
