/* SPDX-License-Identifier: MIT
 *
 * What is written is JSON, comma by comma and escape by escape; jansson reads it back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <jansson.h>

#include "protocol/write.h"

static void test_members(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 1000);
    buf_byte(&b, '{');
    write_member_string(&b, "a", SPAN("x"));
    write_member_u64(&b, "b", UINT64_MAX);
    write_member_bool(&b, "c", true);
    write_member_bool(&b, "d", false);
    write_member_raw(&b, "e", SPAN("[1,null]"));
    write_name(&b, "f");
    buf_text(&b, "[{");
    write_member_u64(&b, "g", 0);
    buf_text(&b, "}]}");
    assert_string_equal(b.p, "{\"a\":\"x\",\"b\":18446744073709551615,\"c\":true,\"d\":false,\"e\":[1,null],"
                             "\"f\":[{\"g\":0}]}");
    buf_done(&b);
    write_name(&b, "first");
    assert_string_equal(b.p, "\"first\":");
    buf_done(&b);
}

static void test_escapes(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 1000);
    write_string(&b, SPAN("\"\\/\b\f\n\r\t\x01\x1f\x7f\0é😀"));
    assert_string_equal(b.p, "\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001f\x7f\\u0000é😀\"");
    buf_reset(&b);
    write_string(&b, SPAN(""));
    write_string(&b, (struct span){NULL, 0});
    assert_string_equal(b.p, "\"\"\"\"");
    buf_done(&b);
}

/* Each control character has its own escape, the one of RFC 8785 section 3.2.2.2. */
static void test_every_control_character(void **state)
{
    (void)state;
    for (int c = 0; c < 0x20; c++) {
        static const char SHORT[] = "\b\t\n\f\r";
        const char *at = memchr(SHORT, c, sizeof SHORT - 1), byte = (char)c;
        char expected[16];
        if (at)
            snprintf(expected, sizeof expected, "\"\\%c\"", "btnfr"[at - SHORT]);
        else
            snprintf(expected, sizeof expected, "\"\\u%04x\"", (unsigned)c);
        struct buf b;
        buf_init(&b, 1000);
        write_string(&b, (struct span){&byte, 1});
        assert_string_equal(b.p, expected);
        buf_done(&b);
    }
}

/* A text is looked at eight bytes at a time: what needs an escape is found wherever it stands. */
static void test_escapes_everywhere(void **state)
{
    (void)state;
    static const struct {
        char c;
        const char *escape;
    } ODD[] = {{'"', "\\\""}, {'\\', "\\\\"}, {'\0', "\\u0000"}, {0x1f, "\\u001f"}, {' ', " "}, {'\x80', "\x80"},
        {'\xff', "\xff"}};
    char text[20], expected[64];
    struct buf b;
    buf_init(&b, 1000);
    for (size_t k = 0; k < sizeof ODD / sizeof ODD[0]; k++)
        for (int at = 0; at < (int)sizeof text; at++) {
            memset(text, '!', sizeof text);
            text[at] = ODD[k].c;
            int rest = (int)sizeof text - 1 - at;
            snprintf(expected, sizeof expected, "\"%.*s%s%.*s\"", at, "!!!!!!!!!!!!!!!!!!!!", ODD[k].escape, rest,
                "!!!!!!!!!!!!!!!!!!!!");
            buf_reset(&b);
            write_string(&b, (struct span){text, sizeof text});
            assert_string_equal(b.p, expected);
        }
    buf_done(&b);
}

static void test_every_ascii_character_comes_back(void **state)
{
    (void)state;
    char text[128];
    for (int i = 0; i < 128; i++)
        text[i] = (char)i;
    struct buf b;
    buf_init(&b, 1000);
    write_string(&b, (struct span){text, sizeof text});
    json_t *value = json_loadb(b.p, b.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    assert_int_equal(json_string_length(value), sizeof text);
    assert_memory_equal(json_string_value(value), text, sizeof text);
    json_decref(value);
    buf_done(&b);
}

static void test_fits_exactly_or_fails(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 6);
    write_string(&b, SPAN("a\nb\"")); /* "a\nb\"": 8 bytes */
    assert_true(b.failed);
    buf_done(&b);
    buf_init(&b, 8);
    write_string(&b, SPAN("a\nb\""));
    assert_false(b.failed);
    assert_int_equal(b.len, 8);
    buf_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_members),
        cmocka_unit_test(test_escapes),
        cmocka_unit_test(test_every_control_character),
        cmocka_unit_test(test_escapes_everywhere),
        cmocka_unit_test(test_every_ascii_character_comes_back),
        cmocka_unit_test(test_fits_exactly_or_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
