/* SPDX-License-Identifier: MIT
 *
 * What crosses a room, byte for byte, and who may not send to whom; the short answers; bad frames and how many.
 */
#include "tests/unit/server_core/harness.h"

static void crosses(struct harness *h, const char *before, const char *behind)
{
    char sent[1024], expected[1024];
    snprintf(sent, sizeof sent, "%s\"to\":\"%s\"%s", before, h->id[1], behind);
    snprintf(expected, sizeof expected, "%s\"from\":\"%s\"%s", before, h->id[0], behind);
    say(h, 0, sent);
    hears(h, 1, "%s", expected);
    quiet(h);
}

static void test_relay_is_byte_for_byte(void **state)
{
    (void)state;
    struct harness h;
    start(&h, no_limits());
    enter_room(&h, 0, "a");
    enter_room(&h, 1, "a");
    enter_room(&h, 2, "a");
    crosses(&h, "{\"type\":\"offer\",", ",\"sdp\":\"v=0\\r\\n\",\"link\":\"l1\"}");
    crosses(&h, "{ \"sdp\":\"\\u00e9\\u0000\" ,\t", "\n, \"type\" : \"answer\" , \"x\":1e999 } ");
    crosses(&h, "{\"type\":\"ice-candidate\",", ",\"candidate\":null}");
    crosses(&h, "{\"type\":\"ice-candidate\",",
        ",\"candidate\":{\"candidate\":\"candidate:1 1 udp 1 127.0.0.1 9 typ "
        "host\",\"sdpMid\":\"0\",\"sdpMLineIndex\":0}}");
    crosses(&h, "{\"type\":\"signal\",\"ref\":\"r\",", ",\"data\":[{\"to\":\"x\",\"from\":\"y\"}]}");
    assert_int_equal(core_stats(h.core)->relayed_total, 5);
    assert_int_equal(core_stats(h.core)->frames_in[MESSAGE_OFFER], 1);
    assert_int_equal(core_stats(h.core)->frames_in[MESSAGE_ICE_CANDIDATE], 2);
    stop(&h);
}

static void refused(struct harness *h, const char *to)
{
    char text[256];
    snprintf(text, sizeof text, "{\"type\":\"signal\",\"ref\":\"q\",\"to\":\"%s\",\"data\":0}", to);
    say(h, 0, text);
    hears(h, 0,
        "{\"type\":\"error\",\"ref\":\"q\",\"code\":\"no-such-peer\",\"message\":\"no such peer in this room\","
        "\"fatal\":false}");
    quiet(h);
}

static void test_no_such_peer(void **state)
{
    (void)state;
    struct harness h;
    start(&h, no_limits());
    enter_room(&h, 0, "a");
    enter_room(&h, 1, "b");
    enter(&h, 2);
    enter_room(&h, 3, "a");
    refused(&h, "x");
    refused(&h, "n1.");
    refused(&h, "n1.aaaaaaaaaaaaaaaaaaaaaaaaaa");
    refused(&h, h.id[1]); /* of another room */
    refused(&h, h.id[2]); /* of none */
    refused(&h, h.id[0]); /* itself */
    char other[PEER_ID_MAX + 1];
    memcpy(other, h.id[3], sizeof other);
    other[1] = '2'; /* another node's */
    refused(&h, other);
    happen(&h, 3, CORE_SLOW); /* closing */
    refused(&h, h.id[3]);
    gone(&h, 3, 0);
    refused(&h, h.id[3]);
    assert_int_equal(core_stats(h.core)->errors[ERROR_NO_SUCH_PEER], 9);
    assert_int_equal(core_stats(h.core)->relayed_total, 0);
    stop(&h);
}

static void test_not_in_room(void **state)
{
    (void)state;
    struct harness h;
    start(&h, no_limits());
    enter(&h, 0);
    enter_room(&h, 1, "a");
    signal_to(&h, 0, h.id[1]);
    hears_error(&h, 0, ERROR_NOT_IN_ROOM, false);
    quiet(&h);
    stop(&h);
}

static void test_short_answers(void **state)
{
    (void)state;
    struct harness h;
    start(&h, no_limits());
    enter(&h, 0);
    say(&h, 0, "{\"type\":\"ping\"}");
    hears(&h, 0, "{\"type\":\"pong\"}");
    say(&h, 0, "{\"type\":\"ping\",\"ref\":\"a\\\"b\"}");
    hears(&h, 0, "{\"type\":\"pong\",\"ref\":\"a\\\"b\"}");
    say(&h, 0, "{\"type\":\"resume\",\"resumeToken\":\"t\",\"ref\":\"1\"}");
    hears_error(&h, 0, ERROR_RESUME_FAILED, false);
    assert_non_null(strstr(h.text, "\"ref\":\"1\""));
    say(&h, 0, "{\"type\":\"report\",\"peerId\":\"n1.x\",\"outcome\":\"direct\",\"connectMs\":40}");
    quiet(&h);
    assert_int_equal(core_stats(h.core)->frames_in[MESSAGE_REPORT], 1);
    assert_int_equal(core_stats(h.core)->frames_in[MESSAGE_PING], 2);
    stop(&h);
}

static void test_reports_are_counted(void **state)
{
    (void)state;
    struct harness h;
    start(&h, no_limits());
    enter(&h, 0);
    say(&h, 0, "{\"type\":\"report\",\"peerId\":\"n1.x\",\"outcome\":\"direct\",\"connectMs\":50}");
    say(&h, 0, "{\"type\":\"report\",\"peerId\":\"n1.x\",\"outcome\":\"turn\",\"connectMs\":2.5e2}");
    say(&h, 0, "{\"type\":\"report\",\"peerId\":\"n1.x\",\"outcome\":\"relay\",\"connectMs\":1e999}");
    say(&h, 0, "{\"type\":\"report\",\"peerId\":\"n1.x\",\"outcome\":\"failed\",\"connectMs\":15000}");
    say(&h, 0, "{\"type\":\"report\",\"peerId\":\"n1.x\",\"outcome\":\"stun\"}");
    say(&h, 0,
        "{\"type\":\"report\",\"peerId\":\"n1.x\",\"outcome\":\"stun\",\"connectMs\":"
        "1000000000000000000000000000000000000000}");
    quiet(&h);
    const struct core_stats *stats = core_stats(h.core);
    static const uint64_t EXPECTED[OUTCOMES] = {1, 2, 1, 1, 1};
    assert_memory_equal(stats->ice_outcomes, EXPECTED, sizeof EXPECTED);
    assert_int_equal(stats->ice_connect.counts[0], 1);
    assert_int_equal(stats->ice_connect.counts[3], 1);
    assert_int_equal(stats->ice_connect.counts[CORE_ICE_BOUNDS.n], 1);
    assert_int_equal(stats->ice_connect.sum_us, (50 + 250 + MESSAGE_DURATION_MAX_MS) * (uint64_t)1000);
    stop(&h);
}

static void test_bad_frames(void **state)
{
    (void)state;
    struct harness h;
    start(&h, no_limits());
    enter(&h, 0);
    say(&h, 0, "hello");
    hears_error(&h, 0, ERROR_BAD_JSON, false);
    say(&h, 0, "[]");
    hears_error(&h, 0, ERROR_BAD_JSON, false);
    say(&h, 0, "{\"type\":\"dance\",\"ref\":\"d\"}");
    hears_error(&h, 0, ERROR_UNKNOWN_TYPE, false);
    assert_non_null(strstr(h.text, "\"ref\":\"d\""));
    say(&h, 0, "{\"type\":\"join-room\",\"roomId\":\"no spaces\",\"ref\":\"j\"}");
    hears_error(&h, 0, ERROR_BAD_MESSAGE, false);
    assert_non_null(strstr(h.text, "\"ref\":\"j\""));
    assert_non_null(strstr(h.text, "`roomId`"));
    say(&h, 0, "{\"type\":\"signal\",\"to\":\"a\",\"from\":\"b\",\"data\":1}");
    hears_error(&h, 0, ERROR_BAD_MESSAGE, false);
    quiet(&h);
    assert_int_equal(core_stats(h.core)->frames_in[MESSAGE_NONE], 5);
    stop(&h);
}

static void unreadable(struct harness *h, unsigned i, enum error e, const char *problem)
{
    step(h, (struct core_event){.type = CORE_UNREADABLE, .conn = conn_of(h, i), .unreadable = {e, problem}});
}

static void test_unreadable(void **state)
{
    (void)state;
    struct harness h;
    start(&h, no_limits());
    enter_room(&h, 0, "a");
    enter_room(&h, 1, "a");
    unreadable(&h, 0, ERROR_BAD_MESSAGE, "binary messages are not spoken here");
    hears_error(&h, 0, ERROR_BAD_MESSAGE, false);
    assert_non_null(strstr(h.text, "binary messages are not spoken here"));
    unreadable(&h, 0, ERROR_BAD_JSON, NULL);
    hears_error(&h, 0, ERROR_BAD_JSON, false);
    quiet(&h);
    unreadable(&h, 0, ERROR_TOO_LARGE, NULL);
    hears_error(&h, 0, ERROR_TOO_LARGE, true);
    closes(&h, 0, 1009, "too-large");
    hears(&h, 1, "{\"type\":\"peer-left\",\"peerId\":\"%s\",\"reason\":\"too-large\"}", h.id[0]);
    const struct log_record *r = logged(&h);
    assert_non_null(r);
    assert_string_equal(r->event, "connection-failed");
    assert_string_equal(r->fields[0].value, "too-large");
    quiet(&h);
    unreadable(&h, 0, ERROR_TOO_LARGE, NULL);
    unreadable(&h, 0, ERROR_BAD_JSON, NULL);
    quiet(&h);
    stop(&h);
}

static void test_flood_of_bad_frames(void **state)
{
    (void)state;
    struct harness h;
    start(&h, no_limits());
    enter_room(&h, 0, "a");
    enter_room(&h, 1, "a");
    for (int i = 0; i < BAD_FRAMES_MAX - 1; i++) {
        say(&h, 0, "{");
        hears_error(&h, 0, ERROR_BAD_JSON, false);
        quiet(&h);
    }
    h.now += BAD_FRAMES_WINDOW_MS - 1;
    say(&h, 0, "{\"type\":\"x\",\"ref\":\"last\"}");
    hears_error(&h, 0, ERROR_RATE_LIMITED, true);
    assert_non_null(strstr(h.text, "\"ref\":\"last\""));
    closes(&h, 0, 1008, "rate-limited");
    hears(&h, 1, "{\"type\":\"peer-left\",\"peerId\":\"%s\",\"reason\":\"flood\"}", h.id[0]);
    assert_non_null(logged(&h));
    quiet(&h);
    say(&h, 0, "{");
    quiet(&h);
    stop(&h);
}

static void test_bad_frames_in_the_long_run(void **state)
{
    (void)state;
    struct harness h;
    start(&h, no_limits());
    enter(&h, 0);
    for (int window = 0; window < 3; window++) {
        for (int i = 0; i < BAD_FRAMES_MAX - 1; i++) {
            say(&h, 0, "{");
            hears_error(&h, 0, ERROR_BAD_JSON, false);
        }
        h.now += BAD_FRAMES_WINDOW_MS;
    }
    /* Errors that happen to good clients do not count. */
    for (int i = 0; i < 3 * BAD_FRAMES_MAX; i++) {
        signal_to(&h, 0, "n1.x");
        hears_error(&h, 0, ERROR_NOT_IN_ROOM, false);
    }
    quiet(&h);
    stop(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_relay_is_byte_for_byte),
        cmocka_unit_test(test_no_such_peer),
        cmocka_unit_test(test_not_in_room),
        cmocka_unit_test(test_short_answers),
        cmocka_unit_test(test_reports_are_counted),
        cmocka_unit_test(test_bad_frames),
        cmocka_unit_test(test_unreadable),
        cmocka_unit_test(test_flood_of_bad_frames),
        cmocka_unit_test(test_bad_frames_in_the_long_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
