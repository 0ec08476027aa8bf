/* SPDX-License-Identifier: MIT
 *
 * Every reply, byte by byte: clients of other hands parse these texts.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "protocol/reply.h"

static const struct span NONE = {NULL, 0};
static const struct introduction NOTHING = {{NULL, 0}, {NULL, 0}}, METADATA = {{NULL, 0}, {"{}", 2}};

static void said(struct buf *b, const char *text)
{
    assert_false(b->failed);
    assert_string_equal(b->p, text);
    buf_reset(b);
}

static void test_welcome(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, REPLY_MAX);
    reply_welcome(&b, &(struct reply_welcome){.peer_id = SPAN("n1.abc"),
                          .ice_servers = SPAN("[]"),
                          .ping_interval_ms = 25000,
                          .max_frame = 65536,
                          .max_room_members = 64,
                          .message_rate = 100,
                          .message_burst = 1000,
                          .server = SPAN("usherd/0.1.0")});
    said(&b, "{\"type\":\"welcome\",\"peerId\":\"n1.abc\",\"iceServers\":[],\"pingInterval\":25000,"
             "\"limits\":{\"maxFrame\":65536,\"maxRoomMembers\":64,\"messageRate\":100,\"messageBurst\":1000,"
             "\"maxDisplayName\":128,\"maxMetadata\":1024},\"server\":\"usherd/0.1.0\"}");
    reply_welcome(
        &b, &(struct reply_welcome){
                .peer_id = SPAN("n.a"), .ice_servers = SPAN("[{\"urls\":\"stun:s\"}]"), .server = SPAN("a\"b")});
    assert_non_null(strstr(b.p, "\"iceServers\":[{\"urls\":\"stun:s\"}],\"pingInterval\":0,"));
    assert_non_null(strstr(b.p, "\"server\":\"a\\\"b\"}"));
    buf_reset(&b);
    reply_welcome(
        &b, &(struct reply_welcome){.peer_id = SPAN("n.a"), .ice_servers = SPAN("[]"), .cluster = SPAN("c1")});
    assert_non_null(strstr(b.p, ",\"cluster\":\"c1\"}"));
    buf_reset(&b);
    reply_ice_servers(&b, SPAN("[1]"));
    said(&b, "{\"type\":\"ice-servers\",\"iceServers\":[1]}");
    buf_done(&b);
}

static void test_error(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, REPLY_MAX);
    reply_error(&b, &(struct reply_error){.error = ERROR_NO_SUCH_PEER});
    said(
        &b, "{\"type\":\"error\",\"code\":\"no-such-peer\",\"message\":\"no such peer in this room\",\"fatal\":false}");
    reply_error(&b, &(struct reply_error){.error = ERROR_RATE_LIMITED,
                        .problem = "slower",
                        .ref = SPAN("\"\\u0041\""),
                        .retry_after_ms = 70,
                        .fatal = true});
    said(&b, "{\"type\":\"error\",\"ref\":\"\\u0041\",\"code\":\"rate-limited\",\"message\":\"slower\","
             "\"retryAfterMs\":70,\"fatal\":true}");
    for (enum error e = ERROR_NONE + 1; e < ERRORS; e++) {
        reply_error(&b, &(struct reply_error){.error = e});
        assert_non_null(strstr(b.p, error_code(e)));
        assert_non_null(strstr(b.p, error_text(e)));
        buf_reset(&b);
    }
    buf_done(&b);
}

static void test_short_answers(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, REPLY_MAX);
    reply_pong(&b, NONE);
    said(&b, "{\"type\":\"pong\"}");
    reply_pong(&b, SPAN("\"r\""));
    said(&b, "{\"type\":\"pong\",\"ref\":\"r\"}");
    reply_left_room(&b, SPAN("\"r\""));
    said(&b, "{\"type\":\"left-room\",\"ref\":\"r\"}");
    reply_server_draining(&b, 1234);
    said(&b, "{\"type\":\"server-draining\",\"reconnectAfterMs\":1234}");
    buf_done(&b);
}

static void test_presence(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, REPLY_MAX);
    const struct introduction whole = {SPAN("\"B\\u00f6\""), SPAN("{ \"a\":1e400 }")}, named = {SPAN("\"x\""), NONE};
    reply_peer_joined(&b, SPAN("n.a"), &whole, NULL);
    said(&b, "{\"type\":\"peer-joined\",\"peerId\":\"n.a\",\"displayName\":\"B\\u00f6\",\"metadata\":{ \"a\":1e400 }}");
    reply_peer_joined(&b, SPAN("n.a"), &named, NULL);
    said(&b, "{\"type\":\"peer-joined\",\"peerId\":\"n.a\",\"displayName\":\"x\"}");
    reply_peer_joined(&b, SPAN("n.a"), &NOTHING, NULL);
    said(&b, "{\"type\":\"peer-joined\",\"peerId\":\"n.a\"}");
    static const char *const REASONS[] = {"left", "disconnected", "timeout", "slow", "flood", "too-large", "violation"};
    assert_int_equal(DEPARTURES, sizeof REASONS / sizeof *REASONS);
    for (enum departure d = 0; d < DEPARTURES; d++) {
        char text[80];
        snprintf(text, sizeof text, "{\"type\":\"peer-left\",\"peerId\":\"n.a\",\"reason\":\"%s\"}", REASONS[d]);
        reply_peer_left(&b, SPAN("n.a"), d);
        said(&b, text);
    }
    buf_done(&b);
}

static const struct reply_stay HERE = {.room_id = {"lobby", 5}, .peer_id = {"n.me", 4}};

static void test_peers(void **state)
{
    (void)state;
    struct reply_stay asked = HERE;
    asked.ref = SPAN("\"r\"");
    struct buf b;
    buf_init(&b, REPLY_MAX);
    reply_peers_begin(&b, &HERE);
    reply_peers_end(&b);
    said(&b, "{\"type\":\"peers\",\"roomId\":\"lobby\",\"peerId\":\"n.me\",\"peers\":[]}");
    reply_peers_begin(&b, &asked);
    reply_peers_add(&b, SPAN("n.a"), &NOTHING, NULL, false);
    reply_peers_add(&b, SPAN("n.b"), &METADATA, NULL, true);
    reply_peers_end(&b);
    said(&b, "{\"type\":\"peers\",\"ref\":\"r\",\"roomId\":\"lobby\",\"peerId\":\"n.me\","
             "\"peers\":[{\"peerId\":\"n.a\"},{\"peerId\":\"n.b\",\"metadata\":{},\"away\":true}]}");
    buf_done(&b);
}

static void test_resumed(void **state)
{
    (void)state;
    struct buf b;
    struct reply_stay seat = HERE;
    seat.resume_token = SPAN("t+/=");
    buf_init(&b, REPLY_MAX);
    reply_peers_begin(&b, &seat);
    reply_peers_end(&b);
    said(&b, "{\"type\":\"peers\",\"roomId\":\"lobby\",\"peerId\":\"n.me\",\"resumeToken\":\"t+/=\",\"peers\":[]}");
    reply_resumed_begin(&b, &seat, false, true, 30000);
    reply_peers_add(&b, SPAN("n.a"), &NOTHING, NULL, false);
    reply_peers_end(&b);
    said(&b, "{\"type\":\"resumed\",\"roomId\":\"lobby\",\"peerId\":\"n.me\",\"resumeToken\":\"t+/=\","
             "\"restarted\":false,\"recovered\":true,\"resumeGrace\":30000,\"peers\":[{\"peerId\":\"n.a\"}]}");
    reply_peer_away(&b, SPAN("n.a"));
    said(&b, "{\"type\":\"peer-away\",\"peerId\":\"n.a\"}");
    reply_peer_back(&b, SPAN("n.a"), (struct span){NULL, 0}, &METADATA, NULL);
    said(&b, "{\"type\":\"peer-back\",\"peerId\":\"n.a\",\"metadata\":{}}");
    reply_peer_back(&b, SPAN("m.b"), SPAN("n.a"), &NOTHING, NULL);
    said(&b, "{\"type\":\"peer-back\",\"peerId\":\"m.b\",\"previousPeerId\":\"n.a\"}");
    buf_done(&b);
}

static void test_too_little_room(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 20);
    reply_peers_begin(&b, &HERE);
    reply_peers_add(&b, SPAN("n.a"), &NOTHING, NULL, false);
    reply_peers_end(&b);
    assert_true(b.failed);
    assert_true(b.len <= 20);
    buf_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_welcome),
        cmocka_unit_test(test_error),
        cmocka_unit_test(test_short_answers),
        cmocka_unit_test(test_presence),
        cmocka_unit_test(test_peers),
        cmocka_unit_test(test_resumed),
        cmocka_unit_test(test_too_little_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
