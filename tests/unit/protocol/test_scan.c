/* SPDX-License-Identifier: MIT
 *
 * Spans, kinds and decoding; the grammar itself is in the vectors and the fuzz target. Every frame is scanned from a
 * block of exactly its size, so that ASan sees a read past its end, and every prefix of a good frame is refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "protocol/limits.h"
#include "protocol/scan.h"

/* Scans a copy that ends where its block ends. The caller frees s->frame.p. */
static enum error scan_copy(struct span text, struct scan *s)
{
    char *p = malloc(text.n ? text.n : 1);
    assert_non_null(p);
    memcpy(p, text.p, text.n);
    return scan_frame((struct span){p, text.n}, s);
}

static void done(struct scan *s)
{
    free((char *)s->frame.p);
}

static void verdict(struct span text, enum error expected)
{
    struct scan s;
    assert_int_equal(scan_copy(text, &s), expected);
    assert_int_equal(s.problem == NULL, expected == ERROR_NONE);
    if (expected == ERROR_BAD_JSON)
        assert_int_equal(s.present, 0);
    done(&s);
}

static void test_spans_and_kinds(void **state)
{
    (void)state;
    static const struct {
        enum member_name member;
        const char *raw;
        enum json_kind kind;
    } EXPECT[] = {
        {MEMBER_TYPE, "\"signal\"", JSON_KIND_STRING},
        {MEMBER_TO, "\"n.a\"", JSON_KIND_STRING},
        {MEMBER_DATA, "{ \"a\" : [] }", JSON_KIND_OBJECT},
        {MEMBER_CANDIDATE, "null", JSON_KIND_NULL},
        {MEMBER_METADATA, "[1]", JSON_KIND_ARRAY},
        {MEMBER_CONNECT_MS, "-1.5e3", JSON_KIND_NUMBER},
        {MEMBER_RTT_MS, "true", JSON_KIND_TRUE},
        {MEMBER_OUTCOME, "false", JSON_KIND_FALSE},
    };
    struct scan s;
    assert_int_equal(
        scan_copy(SPAN("{\"type\" : \"signal\" , \"to\":\"n.a\",\"data\": { \"a\" : [] } ,\"candidate\":null,"
                       "\"metadata\":[1],\"connectMs\":-1.5e3 ,\"rttMs\":true,\"outcome\":false}"),
            &s),
        ERROR_NONE);
    uint32_t present = 0;
    for (size_t i = 0; i < sizeof EXPECT / sizeof EXPECT[0]; i++) {
        assert_true(span_is(scan_raw(&s, EXPECT[i].member), EXPECT[i].raw));
        assert_int_equal(s.m[EXPECT[i].member].kind, EXPECT[i].kind);
        present |= 1u << EXPECT[i].member;
    }
    assert_int_equal(s.present, present);
    assert_int_equal(s.frame.p[s.m[MEMBER_TO].key_at], '"');
    assert_memory_equal(s.frame.p + s.m[MEMBER_TO].key_at, "\"to\":", 5);
    done(&s);
}

static void test_every_name_is_found(void **state)
{
    (void)state;
    for (enum member_name m = 0; m < MEMBERS; m++) {
        char text[64];
        snprintf(text, sizeof text, "{\"%s\":1}", member_name(m));
        struct scan s;
        assert_int_equal(scan_copy(span_of(text), &s), ERROR_NONE);
        assert_int_equal(s.present, 1u << m);
        done(&s);
        snprintf(text, sizeof text, "{\"%sx\":1,\"%.*s\":2}", member_name(m), (int)strlen(member_name(m)) - 1,
            member_name(m));
        assert_int_equal(scan_copy(span_of(text), &s), ERROR_NONE);
        assert_int_equal(s.present, m == MEMBER_TOPICS ? 1u << MEMBER_TOPIC : 0); /* which begins as that one */
        done(&s);
    }
}

static void test_the_last_counts(void **state)
{
    (void)state;
    struct scan s;
    assert_int_equal(scan_copy(SPAN("{\"sdp\":\"a\",\"sdp\":2}"), &s), ERROR_NONE);
    assert_true(span_is(scan_raw(&s, MEMBER_SDP), "2"));
    done(&s);
}

static void test_what_may_stand_only_once(void **state)
{
    (void)state;
    struct scan s;
    assert_int_equal(scan_copy(SPAN("{\"ref\":1,\"from\":0,\"ref\":2,\"to\":3}"), &s), ERROR_BAD_MESSAGE);
    assert_int_equal(s.member, MEMBERS);
    assert_non_null(strstr(s.problem, "from"));
    assert_true(span_is(scan_raw(&s, MEMBER_REF), "1"));
    assert_true(scan_has(&s, MEMBER_TO));
    done(&s);
    assert_int_equal(scan_copy(SPAN("{\"to\":1,\"to\":2}"), &s), ERROR_BAD_MESSAGE);
    assert_int_equal(s.member, MEMBER_TO);
    done(&s);
}

static void test_every_prefix_is_refused(void **state)
{
    (void)state;
    const struct span whole =
        SPAN("{\"type\":\"a\\\"\\u00e9\\ud83d\\ude00\xc3\xa9\xf0\x9f\x98\x80 long enough for words\","
             "\"data\":[-0.5e+10,true,false,null,{\"x\":[]}]}");
    for (size_t n = 0; n < whole.n; n++)
        verdict((struct span){whole.p, n}, ERROR_BAD_JSON);
    verdict(whole, ERROR_NONE);
}

/* A special byte at every place of every alignment, seen by the fast loop and by its tail. */
static void test_special_bytes_anywhere(void **state)
{
    (void)state;
    static const unsigned char BAD[] = {0x00, 0x01, 0x1f, 0x80, 0xbf, 0xc0, 0xff};
    static const unsigned char GOOD[] = {0x20, 0x21, 0x23, 0x5b, 0x5d, 0x7e, 0x7f};
    for (size_t n = 1; n <= 40; n++) {
        for (size_t at = 0; at < n; at++) {
            char text[64] = "{\"x\":\"";
            memset(text + 6, 'a', n);
            memcpy(text + 6 + n, "\"}", 2);
            for (size_t i = 0; i < sizeof BAD; i++) {
                text[6 + at] = (char)BAD[i];
                verdict((struct span){text, n + 8}, ERROR_BAD_JSON);
                text[6 + at] = (char)GOOD[i];
                verdict((struct span){text, n + 8}, ERROR_NONE);
            }
            text[6 + at] = '"';
            verdict((struct span){text, n + 8}, ERROR_BAD_JSON);
            text[6 + at] = '\\';
            verdict((struct span){text, n + 8}, ERROR_BAD_JSON);
        }
    }
}

static void test_depth(void **state)
{
    (void)state;
    for (size_t n = FRAME_DEPTH_MAX - 1; n <= FRAME_DEPTH_MAX; n++) {
        char text[2 * FRAME_DEPTH_MAX + 16] = "{\"a\":";
        memset(text + 5, '[', n);
        memset(text + 5 + n, ']', n);
        text[5 + 2 * n] = '}';
        verdict(span_of(text), n < FRAME_DEPTH_MAX ? ERROR_NONE : ERROR_BAD_JSON);
    }
}

static void test_text(void **state)
{
    (void)state;
    struct scan s;
    struct span text;
    char room[16];
    assert_int_equal(scan_copy(SPAN("{\"to\":\"plain\",\"ref\":\"\\u00e9\\ud83d\\ude00\\n\\/\\u0000x\",\"sdp\":1,"
                                    "\"link\":\"\"}"),
                         &s),
        ERROR_NONE);
    assert_true(scan_text(&s, MEMBER_TO, NULL, 0, &text));
    assert_true(span_is(text, "plain"));
    assert_ptr_equal(text.p, s.frame.p + s.m[MEMBER_TO].value_at + 1);
    assert_true(scan_text(&s, MEMBER_REF, room, 10, &text));
    assert_true(span_eq(text, SPAN("é😀\n/\0x")));
    assert_false(scan_text(&s, MEMBER_REF, room, 9, &text));
    assert_false(scan_text(&s, MEMBER_SDP, room, sizeof room, &text));
    assert_false(scan_text(&s, MEMBER_TOKEN, room, sizeof room, &text));
    assert_true(scan_text(&s, MEMBER_LINK, room, sizeof room, &text));
    assert_int_equal(text.n, 0);
    done(&s);
}

static void test_no_bytes(void **state)
{
    (void)state;
    struct scan s;
    assert_int_equal(scan_frame((struct span){NULL, 0}, &s), ERROR_BAD_JSON);
    assert_non_null(s.problem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_spans_and_kinds),
        cmocka_unit_test(test_every_name_is_found),
        cmocka_unit_test(test_the_last_counts),
        cmocka_unit_test(test_what_may_stand_only_once),
        cmocka_unit_test(test_every_prefix_is_refused),
        cmocka_unit_test(test_special_bytes_anywhere),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_no_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
