/* SPDX-License-Identifier: MIT
 *
 * What message_parse fills in and whom it blames; the bounds of every member are in the vectors.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "protocol/message.h"

static void test_join(void **state)
{
    (void)state;
    struct message m;
    assert_int_equal(
        message_parse(SPAN("{\"type\":\"join-room\",\"roomId\":\"demo\",\"ref\":\"\\u0041\"}"), &m), ERROR_NONE);
    assert_int_equal(m.type, MESSAGE_JOIN_ROOM);
    assert_true(span_is(m.room_id, "demo"));
    assert_true(span_is(m.ref, "\"\\u0041\""));
    assert_int_equal(m.to.n, 0);
    assert_null(m.problem);
    assert_int_equal(m.member, MEMBERS);
}

static void test_decoded_into_its_own_room(void **state)
{
    (void)state;
    struct message m;
    assert_int_equal(message_parse(SPAN("{\"type\":\"join-room\",\"roomId\":\"d\\u0065mo\"}"), &m), ERROR_NONE);
    assert_true(span_is(m.room_id, "demo"));
    assert_ptr_equal(m.room_id.p, m.room_space);
    assert_int_equal(message_parse(SPAN("{\"type\":\"signal\",\"to\":\"n\\u002ea\",\"data\":0}"), &m), ERROR_NONE);
    assert_true(span_is(m.to, "n.a"));
    assert_ptr_equal(m.to.p, m.to_space);
}

static void test_who_is_to_blame(void **state)
{
    (void)state;
    static const struct {
        const char *frame;
        enum error error;
        enum member_name member;
        const char *named; /* in the sentence */
    } CASES[] = {
        {"", ERROR_BAD_JSON, MEMBERS, "object"},
        {"{\"a\":\"\xff\"}", ERROR_BAD_JSON, MEMBERS, "UTF-8"},
        {"{}", ERROR_BAD_MESSAGE, MEMBER_TYPE, "`type`"},
        {"{\"type\":\"x\"}", ERROR_UNKNOWN_TYPE, MEMBER_TYPE, "join-room"},
        {"{\"type\":\"ping\",\"ref\":1}", ERROR_BAD_MESSAGE, MEMBER_REF, "64 bytes"},
        {"{\"type\":\"ping\",\"from\":1}", ERROR_BAD_MESSAGE, MEMBERS, "`from`"},
        {"{\"type\":\"ping\",\"type\":1}", ERROR_BAD_MESSAGE, MEMBER_TYPE, "only once"},
        {"{\"type\":\"join-room\"}", ERROR_BAD_MESSAGE, MEMBER_ROOM_ID, "1 to 64"},
        {"{\"type\":\"join-room\",\"roomId\":\"a\",\"metadata\":1}", ERROR_BAD_MESSAGE, MEMBER_METADATA, "1024"},
        {"{\"type\":\"join-room\",\"roomId\":\"a\",\"displayName\":1}", ERROR_BAD_MESSAGE, MEMBER_DISPLAY_NAME, "128"},
        {"{\"type\":\"join-room\",\"roomId\":\"a\",\"password\":1}", ERROR_BAD_MESSAGE, MEMBER_PASSWORD, "256"},
        {"{\"type\":\"join-room\",\"roomId\":\"a\",\"token\":1}", ERROR_BAD_MESSAGE, MEMBER_TOKEN, "8192"},
        {"{\"type\":\"offer\",\"sdp\":\"\"}", ERROR_BAD_MESSAGE, MEMBER_TO, "peer id"},
        {"{\"type\":\"offer\",\"to\":\"a\"}", ERROR_BAD_MESSAGE, MEMBER_SDP, "string"},
        {"{\"type\":\"answer\",\"to\":\"a\",\"sdp\":\"\",\"link\":1}", ERROR_BAD_MESSAGE, MEMBER_LINK, "64"},
        {"{\"type\":\"ice-candidate\",\"to\":\"a\"}", ERROR_BAD_MESSAGE, MEMBER_CANDIDATE, "null"},
        {"{\"type\":\"signal\",\"to\":\"a\"}", ERROR_BAD_MESSAGE, MEMBER_DATA, "`data`"},
        {"{\"type\":\"resume\"}", ERROR_BAD_MESSAGE, MEMBER_RESUME_TOKEN, "4096"},
        {"{\"type\":\"report\",\"peerId\":\"a\",\"outcome\":\"x\"}", ERROR_BAD_MESSAGE, MEMBER_OUTCOME, "relay"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct message m;
        assert_int_equal(message_parse(span_of(CASES[i].frame), &m), CASES[i].error);
        assert_int_equal(m.member, CASES[i].member);
        assert_non_null(m.problem);
        assert_non_null(strstr(m.problem, CASES[i].named));
    }
}

static void test_ref_is_echoed_on_errors(void **state)
{
    (void)state;
    struct message m;
    assert_int_equal(message_parse(SPAN("{\"ref\":\"r\",\"type\":\"offer\",\"to\":1}"), &m), ERROR_BAD_MESSAGE);
    assert_true(span_is(m.ref, "\"r\""));
    assert_int_equal(m.type, MESSAGE_OFFER);
    assert_int_equal(message_parse(SPAN("{\"ref\":\"r\",\"type\":\"wave\"}"), &m), ERROR_UNKNOWN_TYPE);
    assert_true(span_is(m.ref, "\"r\""));
    assert_int_equal(message_parse(SPAN("{\"ref\":\"r\",\"from\":1}"), &m), ERROR_BAD_MESSAGE);
    assert_true(span_is(m.ref, "\"r\""));
    assert_int_equal(message_parse(SPAN("{\"ref\":\"r\","), &m), ERROR_BAD_JSON);
    assert_int_equal(m.ref.n, 0);
}

static void test_types(void **state)
{
    (void)state;
    static const char *const NAMES[MESSAGES] = {"", "join-room", "leave-room", "offer", "answer", "ice-candidate",
        "signal", "resume", "report", "ping", "subscribe", "unsubscribe", "publish", "forward", "connect", "disconnect",
        "alive"};
    for (enum message_type t = MESSAGE_NONE; t < MESSAGES; t++) {
        assert_string_equal(message_name(t), NAMES[t]);
        assert_int_equal(message_is_relayed(t), t >= MESSAGE_OFFER && t <= MESSAGE_SIGNAL);
    }
}

static void test_room_ids(void **state)
{
    (void)state;
    char id[ROOM_ID_MAX + 1];
    memset(id, 'a', sizeof id);
    assert_true(room_id_valid((struct span){id, ROOM_ID_MAX}));
    assert_false(room_id_valid((struct span){id, ROOM_ID_MAX + 1}));
    assert_false(room_id_valid(SPAN("")));
    assert_true(room_id_valid(SPAN("azAZ09_-")));
    for (int c = 0; c < 256; c++) {
        id[0] = (char)c;
        bool allowed =
            (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
        assert_int_equal(room_id_valid((struct span){id, 1}), allowed);
    }
}

static void test_splice_is_one_frame(void **state)
{
    (void)state;
    struct message m;
    assert_int_equal(message_parse(SPAN("{\"type\":\"signal\", \"to\" : \"n.a\" ,\"data\":0}"), &m), ERROR_NONE);
    struct frame *f = message_splice(&m, SPAN("n.b"));
    assert_int_equal(f->refs, 1);
    assert_int_equal(f->head, 2);
    assert_true(span_is(frame_text(f), "{\"type\":\"signal\", \"from\":\"n.b\" ,\"data\":0}"));
    frame_unref(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_join),
        cmocka_unit_test(test_decoded_into_its_own_room),
        cmocka_unit_test(test_who_is_to_blame),
        cmocka_unit_test(test_ref_is_echoed_on_errors),
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_room_ids),
        cmocka_unit_test(test_splice_is_one_frame),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
