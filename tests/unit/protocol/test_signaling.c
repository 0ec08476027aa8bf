/* SPDX-License-Identifier: MIT
 *
 * The client's side of the native dialect: what the daemon says, and what we say, byte by byte.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "protocol/message.h"
#include "protocol/signaling.h"

static struct signaling_message parsed(const char *text)
{
    struct signaling_message m;
    assert_true(signaling_parse(span_of(text), &m));
    return m;
}

static void is(struct span s, const char *text)
{
    assert_true(span_is(s, text));
}

static void test_welcome(void **state)
{
    (void)state;
    struct signaling_message m =
        parsed("{\"type\":\"welcome\",\"peerId\":\"n1.a\",\"iceServers\":[{\"urls\":\"stun:s\"}],"
               "\"pingInterval\":25000,\"limits\":{},\"server\":\"usherd/0.1.0\"}");
    assert_int_equal(m.type, SIGNALING_WELCOME);
    is(m.peer_id, "n1.a");
    assert_string_equal(m.ice_servers, "[{\"urls\":\"stun:s\"}]");
    assert_int_equal(m.ping_interval_ms, 25000);
    assert_int_equal(m.cluster.n, 0);
    signaling_done(&m);
    m = parsed("{\"type\":\"welcome\",\"peerId\":\"n1.a\",\"cluster\":\"c1\"}");
    is(m.cluster, "c1");
    signaling_done(&m);
}

/* A cluster that cannot be one is none, and the welcome counts. */
static void test_welcome_of_a_wrong_cluster(void **state)
{
    (void)state;
    char longest[CLUSTER_ID_MAX + 2], text[256];
    memset(longest, 'x', sizeof longest);
    longest[CLUSTER_ID_MAX + 1] = '\0';
    for (int n = CLUSTER_ID_MAX; n <= CLUSTER_ID_MAX + 1; n++) {
        snprintf(text, sizeof text, "{\"type\":\"welcome\",\"peerId\":\"n1.a\",\"cluster\":\"%.*s\"}", n, longest);
        struct signaling_message m = parsed(text);
        assert_int_equal(m.cluster.n, n == CLUSTER_ID_MAX ? CLUSTER_ID_MAX : 0);
        signaling_done(&m);
    }
    static const char *const kinds[] = {"null", "1", "[]", "{}", "true", "[\"c\"]"};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        snprintf(text, sizeof text, "{\"type\":\"welcome\",\"peerId\":\"n1.a\",\"cluster\":%s}", kinds[i]);
        struct signaling_message m = parsed(text);
        assert_int_equal(m.type, SIGNALING_WELCOME);
        assert_int_equal(m.cluster.n, 0);
        signaling_done(&m);
    }
}

static void test_ice_servers(void **state)
{
    (void)state;
    struct signaling_message m = parsed("{\"type\":\"ice-servers\",\"iceServers\":[{\"urls\":\"stun:s\"}]}");
    assert_int_equal(m.type, SIGNALING_ICE_SERVERS);
    assert_string_equal(m.ice_servers, "[{\"urls\":\"stun:s\"}]");
    signaling_done(&m);
    assert_false(signaling_parse(SPAN("{\"type\":\"ice-servers\"}"), &m));
    signaling_done(&m);
}

static void test_peers(void **state)
{
    (void)state;
    struct signaling_message m =
        parsed("{\"type\":\"peers\",\"roomId\":\"r\",\"peerId\":\"n.me\",\"peers\":["
               "{\"peerId\":\"n.a\",\"displayName\":\"ann\",\"metadata\":{\"usher\":1,"
               "\"key\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE=\",\"box\":"
               "\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAI=\","
               "\"sig\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==\"}},"
               "{\"peerId\":\"n.b\",\"dialect\":\"socketio\",\"metadata\":{\"usher\":1,\"key\":\"short\"}},"
               "{\"peerId\":\"not an id\"},7,{\"peerId\":\"n.c\",\"displayName\":5}]}");
    assert_int_equal(m.type, SIGNALING_PEERS);
    is(m.peer_id, "n.me");
    assert_int_equal(m.member_count, 3);
    is(m.members[0].peer_id, "n.a");
    is(m.members[0].name, "ann");
    assert_true(m.members[0].keyed);
    assert_int_equal(m.members[0].key[31], 1);
    assert_int_equal(m.members[0].box[31], 2);
    assert_false(m.members[0].dialect);
    assert_true(m.members[1].dialect);
    assert_false(m.members[1].keyed);
    assert_int_equal(m.members[2].name.n, 0);
    signaling_done(&m);
}

static void test_comings_and_goings(void **state)
{
    (void)state;
    struct signaling_message m = parsed("{\"type\":\"peer-joined\",\"peerId\":\"n.a\",\"displayName\":\"ann\"}");
    assert_int_equal(m.type, SIGNALING_PEER_JOINED);
    assert_int_equal(m.member_count, 1);
    signaling_done(&m);
    m = parsed("{\"type\":\"peer-left\",\"peerId\":\"n.a\",\"reason\":\"left\"}");
    assert_int_equal(m.type, SIGNALING_PEER_LEFT);
    is(m.reason, "left");
    signaling_done(&m);
    m = parsed("{\"type\":\"server-draining\",\"reconnectAfterMs\":1234}");
    assert_int_equal(m.type, SIGNALING_DRAINING);
    assert_int_equal(m.retry_after_ms, 1234);
    signaling_done(&m);
    m = parsed("{\"type\":\"error\",\"code\":\"room-full\",\"message\":\"full\",\"retryAfterMs\":5,\"fatal\":true}");
    is(m.code, "room-full");
    is(m.message, "full");
    assert_true(m.fatal);
    assert_int_equal(m.retry_after_ms, 5);
    signaling_done(&m);
}

static void test_seats(void **state)
{
    (void)state;
    struct signaling_message m =
        parsed("{\"type\":\"resumed\",\"roomId\":\"r\",\"peerId\":\"n.a\",\"resumeToken\":\"t\",\"restarted\":true,"
               "\"recovered\":true,\"resumeGrace\":30000,\"peers\":[{\"peerId\":\"n.b\",\"away\":true},{\"peerId\":\"n."
               "c\"}]}");
    assert_int_equal(m.type, SIGNALING_RESUMED);
    is(m.peer_id, "n.a");
    is(m.resume_token, "t");
    assert_true(m.restarted && m.recovered);
    assert_int_equal(m.resume_grace_ms, 30000);
    assert_int_equal(m.member_count, 2);
    assert_true(m.members[0].away);
    assert_false(m.members[1].away);
    signaling_done(&m);
    m = parsed("{\"type\":\"peer-away\",\"peerId\":\"n.b\"}");
    assert_int_equal(m.type, SIGNALING_PEER_AWAY);
    is(m.peer_id, "n.b");
    signaling_done(&m);
    m = parsed("{\"type\":\"peer-back\",\"peerId\":\"n.b\",\"previousPeerId\":\"m.b\",\"displayName\":\"bob\"}");
    assert_int_equal(m.type, SIGNALING_PEER_BACK);
    is(m.previous, "m.b");
    is(m.members[0].name, "bob");
    signaling_done(&m);
    /* A token that could not be sent back is none; the list is good all the same. */
    char text[RESUME_TOKEN_MAX + 100];
    int at = snprintf(text, sizeof text, "{\"type\":\"peers\",\"peerId\":\"n.a\",\"peers\":[],\"resumeToken\":\"");
    memset(text + at, 't', RESUME_TOKEN_MAX + 1);
    memcpy(text + at + RESUME_TOKEN_MAX, "\"}", 3);
    m = parsed(text);
    assert_int_equal(m.resume_token.n, RESUME_TOKEN_MAX);
    signaling_done(&m);
    memcpy(text + at + RESUME_TOKEN_MAX, "t\"}", 4);
    m = parsed(text);
    assert_int_equal(m.type, SIGNALING_PEERS);
    assert_int_equal(m.resume_token.n, 0);
    signaling_done(&m);
}

static void test_typed_and_wrapped_alike(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum signaling_type type;
        bool wrapped;
        const char *content;
    } cases[] = {
        {"{\"type\":\"offer\",\"from\":\"n.a\",\"sdp\":\"s\",\"link\":\"l\"}", SIGNALING_OFFER, false, "s"},
        {"{\"type\":\"answer\",\"from\":\"n.a\",\"sdp\":\"s\"}", SIGNALING_ANSWER, false, "s"},
        {"{\"type\":\"signal\",\"from\":\"n.a\",\"data\":{\"type\":\"offer\",\"sdp\":\"s\"}}", SIGNALING_OFFER, true,
            "s"},
        {"{\"type\":\"signal\",\"from\":\"n.a\",\"data\":{\"type\":\"answer\",\"sdp\":\"s\"}}", SIGNALING_ANSWER, true,
            "s"},
        {"{\"type\":\"ice-candidate\",\"from\":\"n.a\",\"candidate\":{\"candidate\":\"c\",\"sdpMid\":\"0\"}}",
            SIGNALING_CANDIDATE, false, "c"},
        {"{\"type\":\"ice-candidate\",\"from\":\"n.a\",\"candidate\":null}", SIGNALING_CANDIDATE, false, ""},
        {"{\"type\":\"signal\",\"from\":\"n.a\",\"data\":{\"candidate\":{\"candidate\":\"c\"}}}", SIGNALING_CANDIDATE,
            true, "c"},
        {"{\"type\":\"signal\",\"from\":\"n.a\",\"data\":{\"candidate\":\"c\",\"sdpMid\":\"0\"}}", SIGNALING_CANDIDATE,
            true, "c"},
        {"{\"type\":\"signal\",\"from\":\"n.a\",\"data\":{\"candidate\":null}}", SIGNALING_CANDIDATE, true, ""},
        {"{\"type\":\"signal\",\"from\":\"n.a\",\"data\":[1]}", SIGNALING_IGNORED, true, ""},
        {"{\"type\":\"signal\",\"from\":\"n.a\",\"data\":{\"type\":\"renegotiate\"}}", SIGNALING_IGNORED, true, ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct signaling_message m = parsed(cases[i].text);
        assert_int_equal(m.type, cases[i].type);
        assert_int_equal(m.wrapped, cases[i].wrapped);
        is(m.from, "n.a");
        is(m.type == SIGNALING_CANDIDATE ? m.candidate : m.sdp, cases[i].content);
        signaling_done(&m);
    }
}

static void test_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "{", "[]", "\"x\"", "{}", "{\"type\":1}", "{\"type\":\"welcome\"}",
        "{\"type\":\"peers\",\"peerId\":\"n.a\"}", "{\"type\":\"peer-left\",\"peerId\":\"\"}",
        "{\"type\":\"peer-away\"}", "{\"type\":\"peer-back\",\"peerId\":\"n.a\",\"previousPeerId\":7}",
        "{\"type\":\"offer\",\"from\":\"n.a\"}", "{\"type\":\"offer\",\"sdp\":\"s\"}",
        "{\"type\":\"offer\",\"from\":\"n.a\",\"sdp\":\"s\",\"link\":7}",
        "{\"type\":\"ice-candidate\",\"from\":\"n.a\"}",
        "{\"type\":\"signal\",\"from\":\"n.a\",\"data\":{\"type\":\"offer\"}}", "{\"type\":\"error\"}"};
    struct signaling_message m;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_false(signaling_parse(span_of(texts[i]), &m));
    m = parsed("{\"type\":\"of-a-later-version\"}");
    assert_int_equal(m.type, SIGNALING_IGNORED);
    signaling_done(&m);
}

/* What we write is what the daemon takes, and says what it should. */
static void written(struct buf *b, const char *text)
{
    struct message m;
    assert_false(b->failed);
    assert_string_equal(b->p, text);
    assert_int_equal(message_parse(buf_view(b), &m), ERROR_NONE);
    buf_done(b);
}

static void test_writing(void **state)
{
    (void)state;
    struct buf b;
    uint8_t key[SIGNALING_KEY_BYTES] = {0}, sig[SIGNALING_SIGNATURE_BYTES] = {0};
    buf_init(&b, FRAME_MAX_DEFAULT);
    signaling_write_join(
        &b, &(struct signaling_join){
                .room = SPAN("r"), .name = SPAN("a\"b"), .password = SPAN("p"), .key = key, .box = key, .sig = sig});
    written(&b, "{\"type\":\"join-room\",\"roomId\":\"r\",\"displayName\":\"a\\\"b\",\"password\":\"p\",\"metadata\":{"
                "\"usher\":1,\"key\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\","
                "\"box\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\",\"sig\":\""
                "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==\"}}");
    signaling_write_leave(&b);
    written(&b, "{\"type\":\"leave-room\"}");
    signaling_write_resume(&b, SPAN("t"));
    written(&b, "{\"type\":\"resume\",\"resumeToken\":\"t\"}");
    signaling_write_report(&b, SPAN("n.a"), "stun", 70, 0);
    written(&b, "{\"type\":\"report\",\"peerId\":\"n.a\",\"outcome\":\"stun\",\"connectMs\":70}");
    signaling_write_report(&b, SPAN("n.a"), "turn", 70, 9);
    written(&b, "{\"type\":\"report\",\"peerId\":\"n.a\",\"outcome\":\"turn\",\"connectMs\":70,\"rttMs\":9}");
    signaling_write_report(&b, SPAN("n.a"), "failed", 70, 9);
    written(&b, "{\"type\":\"report\",\"peerId\":\"n.a\",\"outcome\":\"failed\"}");
    signaling_write_ping(&b);
    written(&b, "{\"type\":\"ping\"}");
    signaling_write_description(&b, SPAN("n.a"), SPAN("l"), SPAN("offer"), SPAN("v=0\r\n"), false);
    written(&b, "{\"type\":\"offer\",\"to\":\"n.a\",\"link\":\"l\",\"sdp\":\"v=0\\r\\n\"}");
    signaling_write_description(&b, SPAN("n.a"), SPAN(""), SPAN("answer"), SPAN("s"), true);
    written(&b, "{\"type\":\"signal\",\"to\":\"n.a\",\"data\":{\"type\":\"answer\",\"sdp\":\"s\"}}");
    struct signaling_candidate c = {.candidate = SPAN("candidate:1"), .mid = SPAN("data"), .line = 2};
    signaling_write_candidate(&b, SPAN("n.a"), SPAN("l"), &c, false);
    written(&b,
        "{\"type\":\"ice-candidate\",\"to\":\"n.a\",\"link\":\"l\",\"candidate\":{\"candidate\":\"candidate:1\","
        "\"sdpMid\":\"data\",\"sdpMLineIndex\":2}}");
    signaling_write_candidate(&b, SPAN("n.a"), SPAN("l"), &(struct signaling_candidate){0}, true);
    written(&b, "{\"type\":\"signal\",\"to\":\"n.a\",\"link\":\"l\",\"data\":{\"candidate\":null}}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_welcome),
        cmocka_unit_test(test_welcome_of_a_wrong_cluster),
        cmocka_unit_test(test_ice_servers),
        cmocka_unit_test(test_peers),
        cmocka_unit_test(test_comings_and_goings),
        cmocka_unit_test(test_seats),
        cmocka_unit_test(test_typed_and_wrapped_alike),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_writing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
