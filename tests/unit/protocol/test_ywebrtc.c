/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/protocol/dialect_cases.h"

static enum error reads(const char *text, struct request *r)
{
    return dialect_ywebrtc.read(span_of(text), r);
}

static void test_reads(void **state)
{
    (void)state;
    struct request r;
    assert_int_equal(reads("{\"type\":\"subscribe\",\"topics\":[\"a\",\"\\u00e4 b\",\"x\\u0000y\"]}", &r), ERROR_NONE);
    assert_int_equal(r.type, MESSAGE_SUBSCRIBE);
    assert_int_equal(r.topics.n, 3);
    assert_true(span_is(r.topics.v[0], "a") && span_is(r.topics.v[1], "\xc3\xa4 b"));
    assert_int_equal(r.topics.v[2].n, 3);
    assert_int_equal(reads("{\"topics\":[],\"type\":\"unsubscribe\"}", &r), ERROR_NONE);
    assert_true(r.type == MESSAGE_UNSUBSCRIBE && r.topics.n == 0);
    assert_int_equal(reads("{\"type\":\"publish\",\"topic\":\"\\u0062\",\"data\":[{}]}", &r), ERROR_NONE);
    assert_true(r.type == MESSAGE_PUBLISH && span_is(r.topic, "b"));
    assert_int_equal(reads("{\"type\":\"ping\"}", &r), ERROR_NONE);
    assert_int_equal(r.type, MESSAGE_PING);
}

static void test_refuses(void **state)
{
    (void)state;
    static const struct refused_case CASES[] = {
        {"", ERROR_BAD_JSON},
        {"[]", ERROR_BAD_JSON},
        {"{\"type\":\"ping\"", ERROR_BAD_JSON},
        {"{}", ERROR_UNKNOWN_TYPE},
        {"{\"type\":7}", ERROR_UNKNOWN_TYPE},
        {"{\"type\":\"signal\",\"to\":\"x\",\"data\":1}", ERROR_UNKNOWN_TYPE},
        {"{\"type\":\"subscribe\"}", ERROR_BAD_MESSAGE},
        {"{\"type\":\"subscribe\",\"topics\":\"a\"}", ERROR_BAD_MESSAGE},
        {"{\"type\":\"subscribe\",\"topics\":[\"a\",1]}", ERROR_BAD_MESSAGE},
        {"{\"type\":\"unsubscribe\",\"topics\":[\"\"]}", ERROR_BAD_MESSAGE},
        {"{\"type\":\"publish\"}", ERROR_BAD_MESSAGE},
        {"{\"type\":\"publish\",\"topic\":\"\"}", ERROR_BAD_MESSAGE},
        {"{\"type\":\"publish\",\"topic\":[\"a\"]}", ERROR_BAD_MESSAGE},
    };
    dialect_refuses(&dialect_ywebrtc, CASES, sizeof CASES / sizeof *CASES);
}

/* The largest that are allowed, and one more. */
static void test_bounds(void **state)
{
    (void)state;
    static char text[TOPIC_MAX * (TOPICS_MAX + 2) * 2];
    struct request r;
    for (int more = 0; more < 2; more++) {
        size_t n = (size_t)snprintf(text, sizeof text, "{\"type\":\"subscribe\",\"topics\":[");
        for (int i = 0; i < TOPICS_MAX + more; i++)
            n += (size_t)snprintf(text + n, sizeof text - n, "%s\"%0*d\"", i ? "," : "", TOPIC_MAX, i);
        snprintf(text + n, sizeof text - n, "]}");
        assert_int_equal(reads(text, &r), more ? ERROR_BAD_MESSAGE : ERROR_NONE);
        snprintf(text, sizeof text, "{\"type\":\"subscribe\",\"topics\":[\"%0*d\"]}", TOPIC_MAX + more, 0);
        assert_int_equal(reads(text, &r), more ? ERROR_BAD_MESSAGE : ERROR_NONE);
        snprintf(text, sizeof text, "{\"type\":\"publish\",\"topic\":\"%0*d\"}", TOPIC_MAX + more, 0);
        assert_int_equal(reads(text, &r), more ? ERROR_BAD_MESSAGE : ERROR_NONE);
        assert_true(more || r.topic.n == TOPIC_MAX);
    }
}

static void writes(const struct reply *r, const char *expected)
{
    struct buf out;
    buf_init(&out, 1024);
    dialect_ywebrtc.write(&out, r);
    assert_int_equal(out.len, strlen(expected));
    assert_memory_equal(out.p, expected, out.len);
    buf_done(&out);
}

static void test_writes(void **state)
{
    (void)state;
    writes(&(struct reply){.type = REPLY_PONG}, "{\"type\":\"pong\"}");
    writes(&(struct reply){.type = REPLY_PUBLISHED, .published = {span_of("{\"topic\":\"}\"}\n \t"), 3}},
        "{\"topic\":\"}\",\"clients\":3}");
    writes(&(struct reply){.type = REPLY_ERROR, .error = {.error = ERROR_BAD_MESSAGE, .problem = "no \"x\""}},
        "{\"type\":\"error\",\"code\":\"bad-message\",\"message\":\"no \\\"x\\\"\"}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads),
        cmocka_unit_test(test_refuses),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_writes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
