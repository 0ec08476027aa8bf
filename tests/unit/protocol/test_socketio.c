/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "protocol/dialect.h"

static const struct dialect *const IO = &dialect_socketio;
static const char PID[] = "abcdefghijklmnopqrstuvwxya";

static enum error reads(const char *text, struct request *r)
{
    return IO->read(span_of(text), r);
}

/* ---- what a client may send ---- */

static void test_connect(void **state)
{
    (void)state;
    struct request r;
    char text[RESUME_TOKEN_MAX + 128], offset[RESUME_TOKEN_MAX + 2];
    static const char *const NEWCOMERS[] = {"0", "0{}", "0/,", "0/", "0{\"token\":\"123\",\"from\":1}",
        "0{\"pid\":\"abcdefghijklmnopqrstuvwxya\"}", "0{\"offset\":\"t\"}", "0{\"pid\":1,\"offset\":\"t\"}",
        "0{\"pid\":\"abcdefghijklmnopqrstuvwxya\",\"offset\":{}}",
        "0{\"pid\":\"OPk8qOBIOxRG8Z5aAAAB\",\"offset\":\"t\"}",
        "0{\"pid\":\"abcdefghijklmnopqrstuvwx\\\"a\",\"offset\":\"t\"}", "0 {} "};
    for (size_t i = 0; i < sizeof NEWCOMERS / sizeof *NEWCOMERS; i++) {
        assert_int_equal(reads(NEWCOMERS[i], &r), ERROR_NONE);
        assert_int_equal(r.type, MESSAGE_CONNECT);
        assert_true(r.connect.token.n == 0 && !r.connect.problem && r.ref.n == 0);
    }
    snprintf(text, sizeof text, "0{\"pid\":\"%s\",\"offset\":\"t\\u006fken\"}", PID);
    assert_int_equal(reads(text, &r), ERROR_NONE);
    assert_true(span_is(r.connect.pid, PID) && span_is(r.connect.token, "token"));
    for (int more = 0; more < 2; more++) {
        snprintf(offset, sizeof offset, "%0*d", RESUME_TOKEN_MAX + more, 0);
        snprintf(text, sizeof text, "0{\"pid\":\"%s\",\"offset\":\"%s\"}", PID, offset);
        assert_int_equal(reads(text, &r), ERROR_NONE);
        assert_int_equal(r.connect.token.n, more ? 0 : RESUME_TOKEN_MAX);
    }
}

static void test_namespaces(void **state)
{
    (void)state;
    static const char *const ELSEWHERE[] = {"0/admin", "0/admin,", "0/admin,{\"token\":\"abc\"}"};
    struct request r;
    for (size_t i = 0; i < sizeof ELSEWHERE / sizeof *ELSEWHERE; i++) {
        assert_int_equal(reads(ELSEWHERE[i], &r), ERROR_NONE);
        assert_int_equal(r.type, MESSAGE_CONNECT);
        assert_string_equal(r.connect.problem, "Invalid namespace");
        assert_true(span_is(r.ref, "/admin"));
    }
    assert_int_equal(reads("2/,[\"ping\"]", &r), ERROR_NONE);
    assert_int_equal(r.type, MESSAGE_PING);
    for (int more = 0; more < 2; more++) {
        char text[160];
        snprintf(text, sizeof text, "0/%0*d", 127 + more, 0);
        assert_int_equal(reads(text, &r), more ? ERROR_BAD_MESSAGE : ERROR_NONE);
        assert_int_equal(r.final, more);
    }
}

static void test_events(void **state)
{
    (void)state;
    struct request r;
    assert_int_equal(reads("2[\"join-room\",{\"roomId\":\"a\",\"displayName\":\"x\",\"metadata\":{\"k\":1},"
                           "\"password\":\"p\",\"token\":\"t\"}]",
                         &r),
        ERROR_NONE);
    assert_int_equal(r.type, MESSAGE_JOIN_ROOM);
    assert_true(span_is(r.join.room_id, "a") && span_is(r.join.password, "p") && span_is(r.join.token, "t"));
    assert_true(
        span_is(r.join.introduction.display_name, "\"x\"") && span_is(r.join.introduction.metadata, "{\"k\":1}"));
    assert_int_equal(
        reads("212[\"signal\",{\"to\":\"n1.x\",\"data\":{\"a\":[1e400]},\"link\":\"l\"}]", &r), ERROR_NONE);
    assert_int_equal(r.type, MESSAGE_SIGNAL);
    assert_true(span_is(r.ref, "12") && span_is(r.relay.to, "n1.x"));
    struct relay_payload p = IO->payload(&r);
    assert_true(span_is(p.value, "{\"a\":[1e400]}") && span_is(p.link, "\"l\""));
    assert_int_equal(reads(" 2[]", &r), ERROR_BAD_MESSAGE);
    assert_int_equal(reads("2 [ \"off\\u0065r\" , {\"to\":\"b\",\"sdp\":\"v=0\"} , 7 ] ", &r), ERROR_NONE);
    assert_int_equal(r.type, MESSAGE_OFFER);
    assert_true(span_is(IO->payload(&r).value, "\"v=0\""));
    static const struct {
        const char *text;
        enum message_type type;
    } OTHERS[] = {
        {"1", MESSAGE_DISCONNECT},
        {"1/,", MESSAGE_DISCONNECT},
        {"2[\"leave-room\"]", MESSAGE_LEAVE_ROOM},
        {"2[\"leave-room\",null]", MESSAGE_LEAVE_ROOM},
        {"2[\"leave-room\",\"lobby\"]", MESSAGE_LEAVE_ROOM},
        {"20[\"ping\",{}]", MESSAGE_PING},
        {"2[\"answer\",{\"to\":\"b\",\"sdp\":\"\"}]", MESSAGE_ANSWER},
        {"2[\"ice-candidate\",{\"to\":\"b\",\"candidate\":null}]", MESSAGE_ICE_CANDIDATE},
        {"2[\"report\",{\"peerId\":\"b\",\"outcome\":\"turn\"}]", MESSAGE_REPORT},
    };
    for (size_t i = 0; i < sizeof OTHERS / sizeof *OTHERS; i++) {
        assert_int_equal(reads(OTHERS[i].text, &r), ERROR_NONE);
        assert_int_equal(r.type, OTHERS[i].type);
    }
}

/* ---- what it may not ---- */

static void test_refuses(void **state)
{
    (void)state;
    static const struct {
        const char *text, *ref;
        enum error error;
        unsigned attachments;
    } CASES[] = {
        {"2[\"hello\"]", "", ERROR_UNKNOWN_TYPE, 0},
        {"27[\"resume\",{\"resumeToken\":\"t\"}]", "7", ERROR_UNKNOWN_TYPE, 0},
        {"2[\"subscribe\",{\"topics\":[]}]", "", ERROR_UNKNOWN_TYPE, 0},
        {"2[\"a name longer than any of ours\"]", "", ERROR_UNKNOWN_TYPE, 0},
        {"2[7]", "", ERROR_UNKNOWN_TYPE, 0},
        {"2[-1,{}]", "", ERROR_UNKNOWN_TYPE, 0},
        {"23[\"join-room\"]", "3", ERROR_BAD_MESSAGE, 0},
        {"23[\"join-room\",\"lobby\"]", "3", ERROR_BAD_MESSAGE, 0},
        {"2[\"join-room\",{\"roomId\":\"a b\"}]", "", ERROR_BAD_MESSAGE, 0},
        {"24[\"signal\",{\"to\":\"b\",\"data\":1,\"from\":\"c\"}]", "4", ERROR_BAD_MESSAGE, 0},
        {"2[\"signal\",{\"to\":\"b\",\"data\":1,\"to\":\"c\"}]", "", ERROR_BAD_MESSAGE, 0},
        {"2[\"signal\",{\"to\":\"b\",\"d\\u0061ta\":1}]", "", ERROR_BAD_MESSAGE, 0},
        {"2[\"offer\",{\"to\":\"b\",\"sdp\":{\"type\":\"offer\"}}]", "", ERROR_BAD_MESSAGE, 0},
        {"31[]", "", ERROR_BAD_MESSAGE, 0},
        {"31[\"disconnect\"]", "", ERROR_BAD_MESSAGE, 0},
        {"50-[\"hi\"]", "", ERROR_BAD_MESSAGE, 0},
        {"52-8[\"hi\",{\"_placeholder\":true,\"num\":0},{\"_placeholder\":true,\"num\":1}]", "8", ERROR_BAD_MESSAGE, 2},
        {"510-[\"signal\",{\"to\":\"b\",\"data\":1}]", "", ERROR_BAD_MESSAGE, 10},
        {"61-1[{\"_placeholder\":true,\"num\":0}]", "", ERROR_BAD_MESSAGE, 1},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        struct request r;
        assert_int_equal(reads(CASES[i].text, &r), CASES[i].error);
        assert_true(r.type == MESSAGE_NONE && r.problem && !r.final);
        assert_true(span_is(r.ref, CASES[i].ref));
        assert_int_equal(r.attachments, CASES[i].attachments);
    }
}

/* The client cannot be understood any more. */
static void test_ends(void **state)
{
    (void)state;
    static const char *const CASES[] = {"", "abc", "7", "9[\"ping\"]", "-1", "2", "2{}", "2\"ping\"", "2[]", "2[null]",
        "2[{}]", "2[[\"ping\"]]", "2[\"ping\"", "2[\"ping\"]x", "2[\"ping\",]", "2[\"p\x80\"]", "2[\"ping\"]2",
        "2abc[\"message-with-ack\",1]", "2-1[\"ping\"]", "21.5[\"ping\"]", "212345678901234567[\"ping\"]",
        "2[\"connect\"]", "2[\"connect_error\"]", "2[\"disconnect\"]", "2[\"disconnecting\"]", "2[\"newListener\"]",
        "2[\"removeListener\"]", "2[\"c\\u006fnnect\",{}]", "2/admin,[\"ping\"]", "1/admin", "1{}", "11", "1[]", "01{}",
        "0[]", "0null", "0\"x\"", "0{", "0/admin,[]", "0/ad\x01min", "0/\xff", "3[]", "3", "31", "31{}", "4", "4{}",
        "4{\"message\":\"x\"}", "5[\"hi\"]", "5-[\"hi\"]", "51[\"hi\"]", "511-[\"hi\"]", "599999999999-[\"hi\"]", "51-",
        "51-{}", "51-/admin,[\"hi\"]", "51-[\"connect\"]", "61-[]", "6"};
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        struct request r;
        enum error e = reads(CASES[i], &r);
        if (e == ERROR_NONE || !r.final)
            fail_msg("%s does not end it", CASES[i]);
        assert_true(r.type == MESSAGE_NONE && r.problem && r.ref.n == 0 && r.attachments == 0);
    }
    char deep[128] = "2[\"signal\",{\"to\":\"b\",\"data\":";
    struct request r;
    size_t n = strlen(deep);
    for (int depth = 0; depth < FRAME_DEPTH_MAX - 1; depth++)
        deep[n++] = '[';
    assert_int_equal(IO->read((struct span){deep, n}, &r), ERROR_BAD_JSON);
    assert_true(r.final);
}

/* ---- the relay ---- */

static void relays(const char *said, const char *expected)
{
    struct request r;
    assert_int_equal(reads(said, &r), ERROR_NONE);
    struct frame *f = IO->relay(&r, SPAN("n1.me"));
    assert_non_null(f);
    assert_true(span_is(frame_text(f), expected));
    frame_unref(f);
}

static void test_relays(void **state)
{
    (void)state;
    relays("2[\"signal\",{\"to\":\"n1.x\",\"data\":{\"\\u0061\":1e400}}]",
        "42[\"signal\",{\"from\":\"n1.me\",\"data\":{\"\\u0061\":1e400}}]");
    relays("2/,9[ \"off\\u0065r\", { \"k\":[ ] , \"sdp\":\"v\", \"to\" : \"n1.x\" , \"link\":\"l\"},8 ]",
        "42[\"offer\",{ \"k\":[ ] , \"sdp\":\"v\", \"from\":\"n1.me\" , \"link\":\"l\"}]");
}

/* ---- what a client is told ---- */

static void writes(const struct reply *r, const char *expected)
{
    struct buf out;
    buf_init(&out, 4096);
    IO->write(&out, r);
    if (!span_is(buf_view(&out), expected))
        fail_msg("%.*s and not %s", (int)out.len, out.p, expected);
    struct frame *f = IO->frame(buf_view(&out));
    assert_non_null(f);
    assert_int_equal(frame_text(f).n, out.len + 1);
    assert_true(*frame_text(f).p == '4' && memcmp(frame_text(f).p + 1, out.p, out.len) == 0);
    frame_unref(f);
    buf_done(&out);
}

static bool next_peer(void *others, struct reply_peer *peer)
{
    static const struct reply_peer PEERS[] = {
        {.peer_id = {"n1.a", 4}, .introduction = {{"\"A\"", 3}, {"{\"k\":1}", 7}}, .dialect = &dialect_native},
        {.peer_id = {"n1.b", 4}, .dialect = &dialect_socketio, .away = true},
    };
    size_t *at = others;
    if (*at == sizeof PEERS / sizeof *PEERS)
        return false;
    *peer = PEERS[(*at)++];
    return true;
}

static void test_writes_stays(void **state)
{
    (void)state;
    size_t at = 0;
    struct reply r = {.type = REPLY_PEERS,
        .peers = {.stay = {.room_id = SPAN("a"), .peer_id = SPAN("n1.me"), .resume_token = SPAN("tok+n/==")},
            .next = next_peer,
            .others = &at}};
    static const char EXPECTED[] =
        "2[\"peers\",{\"peers\":[\"n1.a\",\"n1.b\"],\"participants\":[{\"peerId\":\"n1.a\",\"displayName\":\"A\","
        "\"metadata\":{\"k\":1},\"dialect\":\"native\"},{\"peerId\":\"n1.b\"}],\"roomId\":\"a\",\"peerId\":\"n1.me\"},"
        "\"tok+n/==\"]";
    writes(&r, EXPECTED);
    at = 0;
    r.type = REPLY_RESUMED;
    writes(&r, EXPECTED);
    at = 2;
    r.peers.stay.resume_token.n = 0;
    writes(&r, "2[\"peers\",{\"peers\":[],\"participants\":[],\"roomId\":\"a\",\"peerId\":\"n1.me\"}]");
    writes(&(struct reply){.type = REPLY_WELCOME, .welcome = {.peer_id = SPAN("n1.me"), .pid = span_of(PID)}},
        "0{\"sid\":\"n1.me\",\"pid\":\"abcdefghijklmnopqrstuvwxya\"}");
    writes(&(struct reply){.type = REPLY_WELCOME, .welcome = {.peer_id = SPAN("n1.me")}}, "0{\"sid\":\"n1.me\"}");
}

static void test_writes_others(void **state)
{
    (void)state;
    struct reply peer = {.type = REPLY_PEER_JOINED,
        .peer = {.peer_id = SPAN("n1.a"), .introduction = {SPAN("\"A\""), {NULL, 0}}, .dialect = &dialect_native}};
    static const char JOINED[] =
        "2[\"peer-joined\",{\"peerId\":\"n1.a\",\"displayName\":\"A\",\"dialect\":\"native\"}]";
    writes(&peer, JOINED);
    peer.type = REPLY_PEER_RETURNED;
    writes(&peer, JOINED);
    writes(&(struct reply){.type = REPLY_PEER_LEFT, .peer = {.peer_id = SPAN("n1.a"), .why = DEPARTURE_SLOW}},
        "2[\"peer-left\",{\"peerId\":\"n1.a\",\"reason\":\"slow\"}]");
    assert_false(IO->replies & dialect_bit(REPLY_PEER_AWAY));
    assert_false(IO->replies & dialect_bit(REPLY_PEER_BACK));
    static const struct {
        enum message_type type;
        const char *expected;
    } RELAYED[] = {
        {MESSAGE_SIGNAL, "2[\"signal\",{\"from\":\"n1.a\",\"data\":\"v\",\"link\":\"l\"}]"},
        {MESSAGE_OFFER, "2[\"offer\",{\"from\":\"n1.a\",\"sdp\":\"v\",\"link\":\"l\"}]"},
        {MESSAGE_ANSWER, "2[\"answer\",{\"from\":\"n1.a\",\"sdp\":\"v\",\"link\":\"l\"}]"},
        {MESSAGE_ICE_CANDIDATE, "2[\"ice-candidate\",{\"from\":\"n1.a\",\"candidate\":\"v\",\"link\":\"l\"}]"},
    };
    for (size_t i = 0; i < sizeof RELAYED / sizeof *RELAYED; i++)
        writes(&(struct reply){.type = REPLY_RELAYED,
                   .relayed = {RELAYED[i].type, SPAN("n1.a"), {SPAN("\"v\""), SPAN("\"l\"")}}},
            RELAYED[i].expected);
}

static void test_writes_the_rest(void **state)
{
    (void)state;
    writes(&(struct reply){.type = REPLY_ICE_SERVERS, .ice_servers = SPAN("[{}]")},
        "2[\"ice-servers\",{\"iceServers\":[{}]}]");
    writes(&(struct reply){.type = REPLY_PONG, .ref = SPAN("1")}, "2[\"pong\",{}]");
    writes(&(struct reply){.type = REPLY_LEFT_ROOM}, "2[\"left-room\",{}]");
    writes(&(struct reply){.type = REPLY_ROOM_CLOSED, .room_id = SPAN("a")}, "2[\"room-closed\",{\"roomId\":\"a\"}]");
    writes(&(struct reply){.type = REPLY_DRAINING, .reconnect_after_ms = 7},
        "2[\"server-draining\",{\"reconnectAfterMs\":7}]");
    writes(&(struct reply){.type = REPLY_DONE, .ref = SPAN("12")}, "312[{\"ok\":true}]");
    writes(&(struct reply){.type = REPLY_TAKEN_OVER}, "1");
    struct reply no = {.type = REPLY_ERROR, .error = {.error = ERROR_NOT_IN_ROOM, .retry_after_ms = 5}};
    writes(&no, "2[\"error\",{\"code\":\"not-in-room\",\"message\":\"join a room first\",\"retryAfterMs\":5}]");
    no.error = (struct reply_error){.error = ERROR_BAD_MESSAGE, .problem = "a \"b\"", .ref = SPAN("0")};
    writes(&no, "30[{\"ok\":false,\"error\":{\"code\":\"bad-message\",\"message\":\"a \\\"b\\\"\"}}]");
    no.error =
        (struct reply_error){.error = ERROR_UNKNOWN_TYPE, .problem = "Invalid namespace", .ref = SPAN("/random")};
    writes(&no, "4/random,{\"message\":\"Invalid namespace\"}");
}

/* A string at the end of an event would be taken for the offset. */
static void test_events_end_with_an_object(void **state)
{
    (void)state;
    for (unsigned type = 0; type < REPLIES; type++) {
        size_t at = 2;
        struct reply r = {.type = type};
        if (!(IO->replies & dialect_bit(type)) || type == REPLY_PEER_JOINED || type == REPLY_PEER_RETURNED)
            continue; /* above */
        if (type == REPLY_PEERS || type == REPLY_RESUMED) {
            r.peers.next = next_peer;
            r.peers.others = &at;
        } else if (type == REPLY_RELAYED) {
            r.relayed.type = MESSAGE_SIGNAL;
        }
        struct buf out;
        buf_init(&out, 4096);
        IO->write(&out, &r);
        assert_false(out.failed);
        assert_true(*out.p != '2' || (out.len > 2 && memcmp(out.p + out.len - 2, "}]", 2) == 0));
        buf_done(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_connect),
        cmocka_unit_test(test_namespaces),
        cmocka_unit_test(test_events),
        cmocka_unit_test(test_refuses),
        cmocka_unit_test(test_ends),
        cmocka_unit_test(test_relays),
        cmocka_unit_test(test_writes_stays),
        cmocka_unit_test(test_writes_others),
        cmocka_unit_test(test_writes_the_rest),
        cmocka_unit_test(test_events_end_with_an_object),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
