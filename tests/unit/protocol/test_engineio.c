/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "protocol/engineio.h"
#include "protocol/limits.h"

static void test_frames(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum engineio_type type;
        const char *data;
    } CASES[] = {
        {"0{}", ENGINEIO_OPEN, "{}"},
        {"1", ENGINEIO_CLOSE, ""},
        {"2probe", ENGINEIO_PING, "probe"},
        {"3", ENGINEIO_PONG, ""},
        {"4hello", ENGINEIO_MESSAGE, "hello"},
        {"4", ENGINEIO_MESSAGE, ""},
        {"5", ENGINEIO_UPGRADE, ""},
        {"6", ENGINEIO_NOOP, ""},
        {"7", ENGINEIO_BAD, ""},
        {"/", ENGINEIO_BAD, ""},
        {"bAA==", ENGINEIO_BAD, "AA=="}, /* a WebSocket has binary frames */
        {"\xff", ENGINEIO_BAD, ""},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        struct engineio_packet p = engineio_read(span_of(CASES[i].text));
        assert_int_equal(p.type, CASES[i].type);
        assert_true(span_is(p.data, CASES[i].data));
    }
    assert_int_equal(engineio_read((struct span){NULL, 0}).type, ENGINEIO_BAD);
}

static void test_payloads(void **state)
{
    (void)state;
    struct span rest = SPAN("4a\x1e"
                            "bAQIDBA==\x1e"
                            "4\x1e"
                            "3\x1e"
                            "4 b");
    assert_null(engineio_check(rest));
    struct engineio_packet p = engineio_next(&rest);
    assert_true(p.type == ENGINEIO_MESSAGE && span_is(p.data, "a"));
    p = engineio_next(&rest);
    assert_true(p.type == ENGINEIO_BINARY && span_is(p.data, "AQIDBA=="));
    p = engineio_next(&rest);
    assert_true(p.type == ENGINEIO_MESSAGE && p.data.n == 0);
    assert_int_equal(engineio_next(&rest).type, ENGINEIO_PONG);
    p = engineio_next(&rest);
    assert_true(p.type == ENGINEIO_MESSAGE && span_is(p.data, " b"));
    assert_int_equal(rest.n, 0);
}

static void test_checks(void **state)
{
    (void)state;
    static const struct {
        const char *payload;
        const char *problem;
    } CASES[] = {
        {"1", NULL},
        {"3", NULL},
        {"6", NULL},
        {"4\xc3\xa4\x1e"
         "4\xf0\x9f\x98\x80",
            NULL},
        {"b", NULL},
        {"bAA==", NULL},
        {"bAAA=", NULL},
        {"b+/9z", NULL},
        {"", "an empty packet"},
        {"\x1e", "an empty packet"},
        {"4a\x1e", "an empty packet"},
        {"4a\x1e\x1e"
         "4b",
            "a packet of no type"},
        {"\x1e"
         "4a",
            "a packet of no type"},
        {"abc", "a packet of no type"},
        {"4a\x1e"
         "7",
            "a packet of no type"},
        {"0{}", "a packet that no client may send here"},
        {"4a\x1e"
         "2",
            "a packet that no client may send here"},
        {"2probe", "a packet that no client may send here"},
        {"5", "a packet that no client may send here"},
        {"bA", "a binary packet is not in base64"},
        {"bA===", "a binary packet is not in base64"},
        {"bA=AA", "a binary packet is not in base64"},
        {"bAA-_", "a binary packet is not in base64"},
        {"b====", "a binary packet is not in base64"},
        {"4\xff", "a payload that is not UTF-8"},
        {"4a\x1e"
         "4\xed\xa0\x80",
            "a payload that is not UTF-8"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        const char *problem = engineio_check(span_of(CASES[i].payload));
        if (CASES[i].problem)
            assert_string_equal(problem ? problem : "", CASES[i].problem);
        else
            assert_null(problem);
    }
}

static void is_written(struct buf *b, const char *text)
{
    assert_false(b->failed);
    assert_string_equal(b->p, text);
    buf_done(b);
}

static void test_errors(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 256);
    engineio_write_error(&b, ENGINEIO_ERROR_SESSION);
    is_written(&b, "{\"code\":1,\"message\":\"Session ID unknown\"}");
    engineio_write_error(&b, ENGINEIO_ERROR_VERSION);
    is_written(&b, "{\"code\":5,\"message\":\"Unsupported protocol version\"}");
    for (enum engineio_error e = 0; e < ENGINEIO_ERRORS; e++)
        assert_int_equal(engineio_status(e), e == ENGINEIO_ERROR_FORBIDDEN ? 403 : 400);
}

static void test_open(void **state)
{
    (void)state;
    struct buf b;
    struct engineio_open open = {
        .sid = SPAN("abc"), .upgradable = true, .ping_interval_ms = 300, .ping_timeout_ms = 200, .max_payload = 65536};
    buf_init(&b, 256);
    engineio_write_open(&b, &open);
    is_written(&b, "0{\"sid\":\"abc\",\"upgrades\":[\"websocket\"],\"pingInterval\":300,\"pingTimeout\":200,"
                   "\"maxPayload\":65536}");
    open.upgradable = false;
    open.ping_timeout_ms = 0;
    engineio_write_open(&b, &open);
    is_written(
        &b, "0{\"sid\":\"abc\",\"upgrades\":[],\"pingInterval\":300,\"pingTimeout\":20000,\"maxPayload\":65536}");
    open.ping_interval_ms = 0;
    engineio_write_open(&b, &open);
    is_written(&b, "0{\"sid\":\"abc\",\"upgrades\":[],\"pingInterval\":1000000000,\"pingTimeout\":1000000000,"
                   "\"maxPayload\":65536}");
    assert_true(2ULL * ENGINEIO_NEVER_MS <= INT32_MAX); /* setTimeout */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frames),
        cmocka_unit_test(test_payloads),
        cmocka_unit_test(test_checks),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_open),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
