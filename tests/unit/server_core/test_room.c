/* SPDX-License-Identifier: MIT
 *
 * Coming, joining, leaving, going: what everybody hears, and in which order.
 */
#include "tests/unit/server_core/harness.h"

#define JOIN(members) "{\"type\":\"join-room\",\"roomId\":\"lobby\"" members "}"

static void one_server(void *ctx, struct conn_id conn, struct span peer_id, uint64_t unix_seconds, struct buf *out)
{
    (void)conn;
    (void)ctx;
    (void)peer_id;
    (void)unix_seconds;
    buf_text(out, "[{\"urls\":\"stun:a\"}]");
}

static void test_welcome(void **state)
{
    (void)state;
    struct harness h;
    struct core_settings set = no_limits();
    set.ping_interval_ms = 25000;
    set.max_frame = 65536;
    set.max_room_members = 64;
    set.message_rate = 100;
    set.message_burst = 1000;
    set.ports.ice_servers = one_server;
    start(&h, set);
    open_from(&h, 0, (struct address){{0}});
    quiet(&h);
    happen(&h, 0, CORE_READY);
    const char *said = heard(&h, 0);
    assert_memory_equal(said, "{\"type\":\"welcome\",\"peerId\":\"n1.", 31);
    assert_int_equal(strspn(said + 31, "abcdefghijklmnopqrstuvwxyz234567"), 26);
    assert_string_equal(said + 31 + 26,
        "\",\"iceServers\":[{\"urls\":\"stun:a\"}],\"pingInterval\":25000,"
        "\"limits\":{\"maxFrame\":65536,\"maxRoomMembers\":64,\"messageRate\":100,\"messageBurst\":1000,"
        "\"maxDisplayName\":128,\"maxMetadata\":1024},\"server\":\"usherd/test\"}");
    quiet(&h);
    happen(&h, 0, CORE_READY); /* a second time: not heard */
    quiet(&h);
    stop(&h);
}

static void test_ids_differ_and_stay(void **state)
{
    (void)state;
    struct harness h;
    start(&h, no_limits());
    enter_room(&h, 0, "a");
    enter_room(&h, 1, "a");
    assert_string_not_equal(h.id[0], h.id[1]);
    say(&h, 0, "{\"type\":\"leave-room\"}");
    say(&h, 0, JOIN());
    hears(&h, 0, "{\"type\":\"peers\",\"roomId\":\"lobby\",\"peerId\":\"%s\",\"peers\":[]}", h.id[0]);
    char before[PEER_ID_MAX + 1];
    memcpy(before, h.id[1], sizeof before);
    gone(&h, 1, 1000);
    enter(&h, 1);
    assert_string_not_equal(before, h.id[1]);
    stop(&h);
}

/* A reload cannot rename the node: ids that were given out carry its name. */
static void test_the_node_stays(void **state)
{
    (void)state;
    struct harness h;
    struct core_settings set = no_limits();
    start(&h, set);
    enter_room(&h, 0, "a");
    strcpy(set.node, "another");
    core_configure(h.core, &set);
    enter_room(&h, 1, "a");
    assert_memory_equal(h.id[1], "n1.", 3);
    signal_to(&h, 0, h.id[1]);
    assert_non_null(strstr(heard(&h, 1), h.id[0]));
    stop(&h);
}

static void test_join(void **state)
{
    (void)state;
    struct harness h;
    start(&h, no_limits());
    enter(&h, 0);
    enter(&h, 1);
    enter(&h, 2);
    say(&h, 0, JOIN(",\"displayName\":\"B\\u00f6\",\"metadata\":{ \"n\" : 1e2 },\"ref\":\"r1\""));
    hears(&h, 0, "{\"type\":\"peers\",\"ref\":\"r1\",\"roomId\":\"lobby\",\"peerId\":\"%s\",\"peers\":[]}", h.id[0]);
    quiet(&h);
    say(&h, 1, JOIN());
    hears(&h, 1,
        "{\"type\":\"peers\",\"roomId\":\"lobby\",\"peerId\":\"%s\",\"peers\":[{\"peerId\":\"%s\","
        "\"displayName\":\"B\\u00f6\",\"metadata\":{ \"n\" : 1e2 }}]}",
        h.id[1], h.id[0]);
    hears(&h, 0, "{\"type\":\"peer-joined\",\"peerId\":\"%s\"}", h.id[1]);
    quiet(&h);
    say(&h, 2, JOIN(",\"metadata\":{}"));
    hears(&h, 2,
        "{\"type\":\"peers\",\"roomId\":\"lobby\",\"peerId\":\"%s\",\"peers\":[{\"peerId\":\"%s\","
        "\"displayName\":\"B\\u00f6\",\"metadata\":{ \"n\" : 1e2 }},{\"peerId\":\"%s\"}]}",
        h.id[2], h.id[0], h.id[1]);
    hears(&h, 0, "{\"type\":\"peer-joined\",\"peerId\":\"%s\",\"metadata\":{}}", h.id[2]);
    hears(&h, 1, "{\"type\":\"peer-joined\",\"peerId\":\"%s\",\"metadata\":{}}", h.id[2]);
    quiet(&h);
    assert_int_equal(core_stats(h.core)->rooms, 1);
    assert_int_equal(core_stats(h.core)->members, 3);
    assert_int_equal(core_stats(h.core)->joins_total, 3);
    stop(&h);
}

static void test_peers_are_unlimited_and_shared(void **state)
{
    (void)state;
    struct harness h;
    start(&h, no_limits());
    enter_room(&h, 0, "a");
    enter_room(&h, 1, "a");
    enter(&h, 2);
    join(&h, 2, "a");
    const struct core_effect *peers = take(&h, 2), *first = take(&h, 0), *second = take(&h, 1);
    assert_true(peers->frame->unlimited);
    assert_false(first->frame->unlimited);
    assert_ptr_equal(first->frame, second->frame);
    assert_int_equal(first->frame->refs, 2);
    stop(&h);
}

/* `peers` of a full room is longer than any client's frame. */
static void test_a_large_room(void **state)
{
    (void)state;
    enum {
        CROWD = 100
    };
    struct harness h;
    start(&h, no_limits());
    char text[METADATA_MAX + 100];
    int n = snprintf(text, sizeof text, "{\"type\":\"join-room\",\"roomId\":\"a\",\"metadata\":{\"x\":\"%0*d\"}}",
        METADATA_MAX - 8, 0);
    for (uint32_t i = 0; i < CROWD; i++) {
        struct core_event e = {.type = CORE_OPEN, .conn = {i, 1}, .now = h.now};
        core_step(h.core, &e, &h.fx);
        e.type = CORE_READY;
        e.dialect = &dialect_native;
        core_step(h.core, &e, &h.fx);
        core_effects_clear(&h.fx);
        e.type = CORE_FRAME;
        e.bytes = (struct span){text, (size_t)n};
        core_step(h.core, &e, &h.fx);
        assert_int_equal(h.fx.n, i + 1);
        struct span peers = frame_text(h.fx.v[0].frame);
        assert_in_range(peers.n, i * METADATA_MAX, i * (METADATA_MAX + 100) + 100);
        assert_memory_equal(peers.p + peers.n - 2, "]}", 2);
        core_effects_clear(&h.fx);
    }
    core_check(h.core);
    assert_int_equal(core_stats(h.core)->members, CROWD);
    stop(&h);
}

static void test_second_join(void **state)
{
    (void)state;
    struct harness h;
    start(&h, no_limits());
    enter_room(&h, 0, "a");
    say(&h, 0, JOIN(",\"ref\":\"x\""));
    hears(&h, 0,
        "{\"type\":\"error\",\"ref\":\"x\",\"code\":\"bad-message\",\"message\":\"already in a room: leave first\","
        "\"fatal\":false}");
    quiet(&h);
    assert_int_equal(core_stats(h.core)->rooms, 1);
    stop(&h);
}

static void test_leave(void **state)
{
    (void)state;
    struct harness h;
    start(&h, no_limits());
    enter(&h, 0);
    say(&h, 0, "{\"type\":\"leave-room\",\"ref\":\"l\"}");
    hears_error(&h, 0, ERROR_NOT_IN_ROOM, false);
    assert_non_null(strstr(h.text, "\"ref\":\"l\""));
    join(&h, 0, "a");
    enter_room(&h, 1, "a");
    enter_room(&h, 2, "b");
    say(&h, 0, "{\"type\":\"leave-room\",\"ref\":\"l\"}");
    hears(&h, 0, "{\"type\":\"left-room\",\"ref\":\"l\"}");
    hears(&h, 1, "{\"type\":\"peer-left\",\"peerId\":\"%s\",\"reason\":\"left\"}", h.id[0]);
    quiet(&h);
    say(&h, 1, "{\"type\":\"leave-room\"}");
    hears(&h, 1, "{\"type\":\"left-room\"}");
    quiet(&h);
    assert_int_equal(core_stats(h.core)->rooms, 1); /* b */
    assert_int_equal(core_stats(h.core)->leaves_total, 2);
    stop(&h);
}

/* The introduction belongs to the join, not to the connection. */
static void test_join_again_under_another_name(void **state)
{
    (void)state;
    struct harness h;
    start(&h, no_limits());
    enter(&h, 0);
    say(&h, 0, JOIN(",\"displayName\":\"one\""));
    say(&h, 0, "{\"type\":\"leave-room\"}");
    join(&h, 0, "lobby");
    enter(&h, 1);
    join(&h, 1, "lobby");
    hears(&h, 1, "{\"type\":\"peers\",\"roomId\":\"lobby\",\"peerId\":\"%s\",\"peers\":[{\"peerId\":\"%s\"}]}", h.id[1],
        h.id[0]);
    stop(&h);
}

static void left_with(uint16_t code, const char *reason)
{
    struct harness h;
    start(&h, no_limits());
    enter_room(&h, 0, "a");
    enter_room(&h, 1, "a");
    gone(&h, 0, code);
    hears(&h, 1, "{\"type\":\"peer-left\",\"peerId\":\"%s\",\"reason\":\"%s\"}", h.id[0], reason);
    quiet(&h);
    assert_int_equal(core_stats(h.core)->connections, 1);
    gone(&h, 1, code);
    quiet(&h);
    assert_int_equal(core_stats(h.core)->connections, 0);
    assert_int_equal(core_stats(h.core)->rooms, 0);
    stop(&h);
}

static void test_reasons_of_close_codes(void **state)
{
    (void)state;
    left_with(1000, "left");
    left_with(1001, "left");
    left_with(0, "disconnected");
    left_with(1002, "disconnected");
    left_with(1005, "disconnected");
    left_with(1006, "disconnected");
    left_with(4000, "disconnected");
}

static void test_room_full(void **state)
{
    (void)state;
    struct harness h;
    struct core_settings set = no_limits();
    set.max_room_members = 2;
    start(&h, set);
    enter_room(&h, 0, "a");
    enter_room(&h, 1, "a");
    enter(&h, 2);
    join(&h, 2, "a");
    hears_error(&h, 2, ERROR_ROOM_FULL, false);
    assert_string_equal(logged(&h)->event, "room-full");
    quiet(&h);
    gone(&h, 0, 1000);
    join(&h, 2, "a");
    assert_non_null(strstr(heard(&h, 2), "\"type\":\"peers\""));
    stop(&h);
}

static void test_max_rooms(void **state)
{
    (void)state;
    struct harness h;
    struct core_settings set = no_limits();
    set.max_rooms = 2;
    start(&h, set);
    enter_room(&h, 0, "a");
    enter_room(&h, 1, "b");
    enter(&h, 2);
    join(&h, 2, "c");
    hears_error(&h, 2, ERROR_SERVER_FULL, false);
    const struct log_record *r = logged(&h);
    assert_non_null(r);
    assert_string_equal(r->event, "server-full");
    quiet(&h);
    join(&h, 2, "b");
    assert_non_null(strstr(heard(&h, 2), "\"type\":\"peers\""));
    stop(&h);
}

static void test_no_auto_create(void **state)
{
    (void)state;
    struct harness h;
    struct core_settings set = no_limits();
    start(&h, set);
    enter_room(&h, 0, "a");
    set.auto_create = false;
    core_configure(h.core, &set);
    enter(&h, 1);
    join(&h, 1, "b");
    hears_error(&h, 1, ERROR_FORBIDDEN, false);
    quiet(&h);
    join(&h, 1, "a");
    assert_non_null(strstr(heard(&h, 1), "\"type\":\"peers\""));
    stop(&h);
}

/* Rooms are told apart by all of their id. */
static void test_room_ids(void **state)
{
    (void)state;
    struct harness h;
    start(&h, no_limits());
    static const char *const IDS[] = {"a", "A", "a_", "a-", "0",
        "0123456789012345678901234567890123456789012345678901234567890123",
        "0123456789012345678901234567890123456789012345678901234567890124"};
    for (unsigned i = 0; i < 7; i++)
        enter_room(&h, i, IDS[i]);
    assert_int_equal(core_stats(h.core)->rooms, 7);
    stop(&h);
}

static void test_stale_generations(void **state)
{
    (void)state;
    struct harness h;
    start(&h, no_limits());
    enter_room(&h, 0, "a");
    enter_room(&h, 1, "a");
    h.generation[0]--;
    signal_to(&h, 0, h.id[1]);
    quiet(&h);
    gone(&h, 0, 1000);
    quiet(&h);
    happen(&h, 0, CORE_SLOW);
    quiet(&h);
    h.generation[0] += 2;
    happen(&h, 0, CORE_READY);
    quiet(&h);
    assert_int_equal(core_stats(h.core)->members, 2);
    /* a slot that was never used */
    say(&h, 7, "{}");
    step(&h, (struct core_event){.type = CORE_FRAME, .conn = {UINT32_MAX, 1}, .bytes = SPAN("{}")});
    quiet(&h);
    stop(&h);
}

static void test_frames_before_the_handshake_are_not_heard(void **state)
{
    (void)state;
    struct harness h;
    start(&h, no_limits());
    open_from(&h, 0, (struct address){{0}});
    join(&h, 0, "a");
    quiet(&h);
    pong(&h, 0, h.ping);
    quiet(&h);
    gone(&h, 0, 0);
    quiet(&h);
    stop(&h);
}

static void test_a_slow_reader(void **state)
{
    (void)state;
    struct harness h;
    start(&h, no_limits());
    enter_room(&h, 0, "a");
    enter_room(&h, 1, "a");
    happen(&h, 0, CORE_SLOW);
    closes(&h, 0, 1008, "slow reader");
    hears(&h, 1, "{\"type\":\"peer-left\",\"peerId\":\"%s\",\"reason\":\"slow\"}", h.id[0]);
    assert_non_null(logged(&h));
    quiet(&h);
    happen(&h, 0, CORE_SLOW); /* still slow, but told */
    signal_to(&h, 0, h.id[1]);
    quiet(&h);
    assert_int_equal(core_stats(h.core)->connections, 2);
    gone(&h, 0, 1000);
    quiet(&h);
    assert_int_equal(core_stats(h.core)->connections, 1);
    stop(&h);
}

static void test_free_with_everything_open(void **state)
{
    (void)state;
    struct harness h;
    struct core_settings set = no_limits();
    set.max_connections_per_address = 9;
    start(&h, set);
    enter(&h, 0);
    say(&h, 0, JOIN(",\"displayName\":\"x\""));
    enter_room(&h, 1, "b");
    open_from(&h, 2, ipv4(1));
    stop(&h);
    core_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_welcome),
        cmocka_unit_test(test_ids_differ_and_stay),
        cmocka_unit_test(test_the_node_stays),
        cmocka_unit_test(test_join),
        cmocka_unit_test(test_peers_are_unlimited_and_shared),
        cmocka_unit_test(test_a_large_room),
        cmocka_unit_test(test_second_join),
        cmocka_unit_test(test_leave),
        cmocka_unit_test(test_join_again_under_another_name),
        cmocka_unit_test(test_reasons_of_close_codes),
        cmocka_unit_test(test_room_full),
        cmocka_unit_test(test_max_rooms),
        cmocka_unit_test(test_no_auto_create),
        cmocka_unit_test(test_room_ids),
        cmocka_unit_test(test_stale_generations),
        cmocka_unit_test(test_frames_before_the_handshake_are_not_heard),
        cmocka_unit_test(test_a_slow_reader),
        cmocka_unit_test(test_free_with_everything_open),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
