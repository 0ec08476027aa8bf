/* SPDX-License-Identifier: MIT
 *
 * All scalar values there and back, and each way of being no UTF-8 (RFC 3629 sections 3 and 4).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <string.h>

#include "base/utf8.h"

static bool valid(const char *text)
{
    return utf8_valid(text, strlen(text));
}

static void test_every_scalar_value(void **state)
{
    (void)state;
    for (unsigned c = 0; c <= 0x10ffff; c++) {
        if (c >= 0xd800 && c <= 0xdfff)
            continue;
        char bytes[4];
        size_t n = utf8_put(c, bytes);
        assert_int_equal(n, c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4);
        assert_int_equal(utf8_next((unsigned char *)bytes, n), n);
        for (size_t cut = 0; cut < n; cut++)
            assert_int_equal(utf8_next((unsigned char *)bytes, cut), 0);
    }
}

static void test_surrogates(void **state)
{
    (void)state;
    assert_true(valid("\xed\x9f\xbf"));
    assert_false(valid("\xed\xa0\x80"));
    assert_false(valid("\xed\xbf\xbf"));
    assert_true(valid("\xee\x80\x80"));
}

static void test_overlong(void **state)
{
    (void)state;
    assert_false(valid("\xc0\x80"));
    assert_false(valid("\xc1\xbf"));
    assert_true(valid("\xc2\x80"));
    assert_false(valid("\xe0\x9f\xbf"));
    assert_true(valid("\xe0\xa0\x80"));
    assert_false(valid("\xf0\x8f\xbf\xbf"));
    assert_true(valid("\xf0\x90\x80\x80"));
}

static void test_beyond_unicode(void **state)
{
    (void)state;
    assert_true(valid("\xf4\x8f\xbf\xbf"));
    assert_false(valid("\xf4\x90\x80\x80"));
    assert_false(valid("\xf5\x80\x80\x80"));
    assert_false(valid("\xff"));
}

static void test_pieces(void **state)
{
    (void)state;
    assert_true(utf8_valid("", 0));
    assert_true(utf8_valid("a\0b", 3));
    assert_false(valid("\x80"));
    assert_false(valid("a\xe2\x82"));
    assert_false(valid("\xe2\x28\xa1"));
    assert_false(valid("\xe2\x82\x28"));
    assert_false(valid("\xf0\x9f\x98\x28"));
    assert_false(valid("ok\xc3"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_scalar_value),
        cmocka_unit_test(test_surrogates),
        cmocka_unit_test(test_overlong),
        cmocka_unit_test(test_beyond_unicode),
        cmocka_unit_test(test_pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
