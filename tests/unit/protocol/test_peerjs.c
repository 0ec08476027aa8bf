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
    return dialect_peerjs.read(span_of(text), r);
}

static void test_reads(void **state)
{
    (void)state;
    static const struct {
        const char *type;
        bool kept;
    } TYPES[] = {{"OFFER", true}, {"ANSWER", true}, {"CANDIDATE", true}, {"LEAVE", false}, {"EXPIRE", false}};
    struct request r;
    for (size_t i = 0; i < sizeof TYPES / sizeof *TYPES; i++) {
        char text[96];
        snprintf(text, sizeof text, "{\"type\":\"%s\",\"payload\":{},\"dst\":\"\\u0062 c\"}", TYPES[i].type);
        assert_int_equal(reads(text, &r), ERROR_NONE);
        assert_int_equal(r.type, MESSAGE_FORWARD);
        assert_true(span_is(r.forward.to, "b c") && r.forward.kept == TYPES[i].kept);
    }
    assert_int_equal(reads("{\"type\":\"LEAVE\"}", &r), ERROR_NONE);
    assert_true(r.type == MESSAGE_FORWARD && r.forward.to.n == 0);
    assert_int_equal(reads("{\"type\":\"HEARTBEAT\",\"dst\":7}", &r), ERROR_NONE);
    assert_int_equal(r.type, MESSAGE_PING);
}

static void test_refuses(void **state)
{
    (void)state;
    static const struct refused_case CASES[] = {
        {"", ERROR_BAD_JSON},
        {"[]", ERROR_BAD_JSON},
        {"{}", ERROR_UNKNOWN_TYPE},
        {"{\"type\":null}", ERROR_UNKNOWN_TYPE},
        {"{\"type\":\"offer\",\"dst\":\"b\"}", ERROR_UNKNOWN_TYPE},
        {"{\"type\":\"OFFER\"}", ERROR_BAD_MESSAGE},
        {"{\"type\":\"LEAVE\",\"dst\":\"\"}", ERROR_BAD_MESSAGE},
        {"{\"type\":\"ANSWER\",\"dst\":{}}", ERROR_BAD_MESSAGE},
    };
    dialect_refuses(&dialect_peerjs, CASES, sizeof CASES / sizeof *CASES);
    for (int more = 0; more < 2; more++) {
        char text[CHOSEN_ID_MAX + 64];
        struct request r;
        snprintf(text, sizeof text, "{\"type\":\"OFFER\",\"dst\":\"%0*d\"}", CHOSEN_ID_MAX + more, 0);
        assert_int_equal(reads(text, &r), more ? ERROR_BAD_MESSAGE : ERROR_NONE);
    }
}

static void test_relays(void **state)
{
    (void)state;
    static const char SAID[] = " {\"dst\": \"b\" ,\"src\":\"x\",\"payload\": [1e400] ,\"other\":1,\"type\":\"OFFER\"}",
                      GOES[] = "{\"type\":\"OFFER\",\"src\":\"a\",\"dst\":\"b\",\"payload\":[1e400]}";
    struct request r;
    assert_int_equal(reads(SAID, &r), ERROR_NONE);
    struct frame *f = dialect_peerjs.relay(&r, SPAN("a"));
    assert_non_null(f);
    assert_true(span_is(frame_text(f), GOES));
    frame_unref(f);
}

static void writes(const struct reply *r, const char *expected)
{
    struct buf out;
    buf_init(&out, 1024);
    dialect_peerjs.write(&out, r);
    assert_true(span_is(buf_view(&out), expected));
    buf_done(&out);
}

static void test_writes(void **state)
{
    (void)state;
    writes(&(struct reply){.type = REPLY_NAMED}, "{\"type\":\"OPEN\"}");
    writes(&(struct reply){.type = REPLY_NAME_TAKEN}, "{\"type\":\"ID-TAKEN\",\"payload\":{\"msg\":\"ID is taken\"}}");
    writes(&(struct reply){.type = REPLY_UNNAMED, .problem = "no \"id\""},
        "{\"type\":\"ERROR\",\"payload\":{\"msg\":\"no \\\"id\\\"\"}}");
    writes(&(struct reply){.type = REPLY_EXPIRED, .expired = {SPAN("b"), SPAN("a")}},
        "{\"type\":\"EXPIRE\",\"src\":\"b\",\"dst\":\"a\"}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads),
        cmocka_unit_test(test_refuses),
        cmocka_unit_test(test_relays),
        cmocka_unit_test(test_writes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
