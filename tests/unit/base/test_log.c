/* SPDX-License-Identifier: MIT
 *
 * A record's bounds, and the three ways it is written; hostile values stay one line and valid JSON.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <string.h>

#include "base/log.h"

static const uint64_t WHEN = UINT64_C(1700000000123); /* 2023-11-14T22:13:20.123Z */

static struct log_record record(void)
{
    struct log_record r;
    log_record_init(&r, LOG_LEVEL_NOTICE, "listening", "listening on");
    return r;
}

static void writes(const struct log_record *r, enum log_format format, const char *expected)
{
    struct buf out;
    buf_init(&out, LOG_LINE_MAX);
    log_format(&out, r, format, WHEN);
    assert_false(out.failed);
    assert_string_equal(out.p, expected);
    buf_done(&out);
}

static void test_formats(void **state)
{
    (void)state;
    struct log_record r = record();
    log_record_add(&r, "address", SPAN("[::]:4000"));
    log_record_addf(&r, "n", "%d", 7);
    writes(&r, LOG_TEXT, "2023-11-14T22:13:20.123Z notice  listening on address=[::]:4000 n=7\n");
    writes(&r, LOG_JOURNAL, "<5>listening on address=[::]:4000 n=7\n");
    writes(&r, LOG_JSON,
        "{\"time\":\"2023-11-14T22:13:20.123Z\",\"level\":\"notice\",\"event\":\"listening\","
        "\"message\":\"listening on\",\"address\":\"[::]:4000\",\"n\":\"7\"}\n");
}

static void journals(const struct log_record *r, const char *expected)
{
    struct buf out;
    buf_init(&out, LOG_LINE_MAX);
    log_fields(&out, r);
    assert_string_equal(out.p, expected);
    buf_done(&out);
}

/* What a field says stands in the sentence too; nothing that a record quotes begins a field. */
static void test_journal_fields(void **state)
{
    (void)state;
    struct log_record r = record();
    journals(&r, "MESSAGE=listening on\nPRIORITY=5\nEVENT=listening\n");
    log_record_add(&r, "peer", SPAN("n1.x"));
    log_record_add(&r, "room-name", SPAN("two words\nROOM=forged"));
    r.message = "cannot read a\nPRIORITY=0";
    journals(&r, "MESSAGE=cannot read a?PRIORITY=0 peer=n1.x room-name=\"two words?ROOM=forged\"\nPRIORITY=5\n"
                 "EVENT=listening\nPEER=n1.x\nROOM_NAME=two words?ROOM=forged\n");
}

static void test_values_that_need_quotes(void **state)
{
    (void)state;
    struct log_record r = record();
    log_record_add(&r, "a", SPAN("two words"));
    log_record_add(&r, "b", SPAN("say \"hi\"\\"));
    log_record_add(&r, "c", SPAN(""));
    log_record_add(&r, "d", SPAN("x=y"));
    writes(&r, LOG_JOURNAL, "<5>listening on a=\"two words\" b=\"say \\\"hi\\\"\\\\\" c=\"\" d=\"x=y\"\n");
}

static void test_hostile_bytes(void **state)
{
    (void)state;
    struct log_record r = record();
    log_record_add(&r, "v", SPAN("a\nb\0c\x7f\x1b[0m\xff\xc3\xa9"));
    assert_string_equal(r.fields[0].value, "a?b?c??[0m?\xc3\xa9");
}

/* U+009B is ESC [ to a terminal, U+202E turns what follows around, U+2028 is a line's end to some; their neighbours stay. */
static void test_characters_that_mislead(void **state)
{
    (void)state;
    struct log_record r = record();
    log_record_add(&r, "c1", SPAN("\xc2\x80|\xc2\x9b|\xc2\x9f|\xc2\xa0"));
    log_record_add(
        &r, "bidi", SPAN("\xd8\x9c|\xe2\x80\x8e|\xe2\x80\x8f|\xe2\x80\xaa|\xe2\x80\xae|\xe2\x81\xa6|\xe2\x81\xa9"));
    log_record_add(&r, "ends", SPAN("\xe2\x80\xa8|\xe2\x80\xa9"));
    log_record_add(&r, "others",
        SPAN("\xd8\x9d\xe2\x80\x8d\xe2\x80\xa7\xe2\x80\xaf\xe2\x81\xa5\xe2\x81\xaa\xe2\x82\xac\xf0\x9f\x98\x80"));
    assert_string_equal(r.fields[0].value, "?|?|?|\xc2\xa0");
    assert_string_equal(r.fields[1].value, "?|?|?|?|?|?|?");
    assert_string_equal(r.fields[2].value, "?|?");
    assert_string_equal(r.fields[3].value,
        "\xd8\x9d\xe2\x80\x8d\xe2\x80\xa7\xe2\x80\xaf\xe2\x81\xa5\xe2\x81\xaa\xe2\x82\xac\xf0\x9f\x98\x80");
}

/* It may quote a line of a file: in each format it stays one line, and JSON stays JSON. */
static void test_a_message_is_plain(void **state)
{
    (void)state;
    struct log_record r = record();
    r.message = "a\tb\nc \"\\\xff\xc2\x9b";
    writes(&r, LOG_JOURNAL, "<5>a?b?c \"\\??\n");
    writes(&r, LOG_JSON,
        "{\"time\":\"2023-11-14T22:13:20.123Z\",\"level\":\"notice\",\"event\":\"listening\","
        "\"message\":\"a?b?c \\\"\\\\??\"}\n");
}

static void test_values_are_cut_between_characters(void **state)
{
    (void)state;
    struct log_record r = record();
    char text[LOG_VALUE_MAX + 2];
    memset(text, 'x', sizeof text);
    log_record_add(&r, "exact", (struct span){text, LOG_VALUE_MAX});
    log_record_add(&r, "over", (struct span){text, LOG_VALUE_MAX + 1});
    memcpy(text + LOG_VALUE_MAX - 1, "\xc3\xa9", 2);
    log_record_add(&r, "between", (struct span){text, LOG_VALUE_MAX + 1});
    assert_int_equal(strlen(r.fields[0].value), LOG_VALUE_MAX);
    assert_int_equal(strlen(r.fields[1].value), LOG_VALUE_MAX);
    assert_int_equal(strlen(r.fields[2].value), LOG_VALUE_MAX - 1);
}

static void test_one_field_too_many(void **state)
{
    (void)state;
    struct log_record r = record();
    for (int i = 0; i <= LOG_FIELDS_MAX; i++)
        log_record_addf(&r, "n", "%d", i);
    assert_int_equal(r.count, LOG_FIELDS_MAX);
    assert_string_equal(r.fields[LOG_FIELDS_MAX - 1].value, "5");
}

/* The worst record that io may be handed still fits its line. */
static void test_the_longest_line(void **state)
{
    (void)state;
    struct log_record r = record();
    char text[LOG_VALUE_MAX];
    memset(text, '"', sizeof text);
    for (int i = 0; i < LOG_FIELDS_MAX; i++)
        log_record_add(&r, "key", (struct span){text, sizeof text});
    struct buf out;
    buf_init(&out, LOG_LINE_MAX);
    log_format(&out, &r, LOG_JSON, WHEN);
    assert_false(out.failed);
    assert_in_range(out.len, LOG_FIELDS_MAX * LOG_VALUE_MAX * 2, LOG_LINE_MAX);
    buf_done(&out);
}

static void test_levels(void **state)
{
    (void)state;
    for (int i = LOG_LEVEL_ERROR; i <= LOG_LEVEL_DEBUG; i++) {
        enum log_level level = LOG_LEVEL_ERROR;
        assert_true(log_level_parse(span_of(log_level_name((enum log_level)i)), &level));
        assert_int_equal(level, i);
    }
    enum log_level level;
    assert_false(log_level_parse(SPAN("warn"), &level));
    assert_false(log_level_parse(SPAN(""), &level));
    assert_false(log_level_parse(SPAN("INFO"), &level));
}

static void test_pace(void **state)
{
    (void)state;
    struct log_pace p = {.unsaid = 0};
    assert_int_equal(log_pace(&p, 5000, 1000), 1);
    for (uint64_t ms = 5000; ms < 6000; ms++)
        assert_int_equal(log_pace(&p, ms, 1000), 0);
    assert_int_equal(log_pace(&p, 6000, 1000), 1001);
    assert_int_equal(log_pace(&p, 9000, 1000), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_formats),
        cmocka_unit_test(test_journal_fields),
        cmocka_unit_test(test_values_that_need_quotes),
        cmocka_unit_test(test_hostile_bytes),
        cmocka_unit_test(test_characters_that_mislead),
        cmocka_unit_test(test_a_message_is_plain),
        cmocka_unit_test(test_values_are_cut_between_characters),
        cmocka_unit_test(test_one_field_too_many),
        cmocka_unit_test(test_the_longest_line),
        cmocka_unit_test(test_levels),
        cmocka_unit_test(test_pace),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
