/* SPDX-License-Identifier: MIT
 *
 * Daemons that share rooms: members, signals, presence, seats that go on elsewhere, and what becomes of all that when the bus,
 * or a daemon, is gone for a while.
 */
#include "protocol/bus.h"
#include "tests/unit/server_core/cluster.h"

const struct dialect *const NET_DIALECTS[] = {&dialect_native, &dialect_socketio, NULL};

static void test_a_room_on_two_nodes(void **state)
{
    (void)state;
    struct net t;
    net_start(&t, 2, clustered());
    net_enter_room(&t, 0, 0, "a");
    net_enter(&t, 1, 0);
    net_join(&t, 1, 0, "a");
    const char *peers = net_hears(&t, 1, 0);
    assert_non_null(strstr(peers, t.id[0][0]));
    assert_non_null(strstr(peers, "\"displayName\":\"c0.0\""));
    net_expect(&t, 0, 0, "{\"type\":\"peer-joined\",\"peerId\":\"%s\",\"displayName\":\"c1.0\"}", t.id[1][0]);
    net_signal(&t, 0, 0, t.id[1][0]);
    net_expect(&t, 1, 0, "{\"type\":\"signal\",\"from\":\"%s\",\"data\":1}", t.id[0][0]);
    net_signal(&t, 1, 0, t.id[0][0]);
    net_expect(&t, 0, 0, "{\"type\":\"signal\",\"from\":\"%s\",\"data\":1}", t.id[1][0]);
    net_say(&t, 1, 0, "{\"type\":\"leave-room\"}");
    net_expect(&t, 1, 0, "{\"type\":\"left-room\"}");
    net_expect(&t, 0, 0, "{\"type\":\"peer-left\",\"peerId\":\"%s\",\"reason\":\"left\"}", t.id[1][0]);
    net_signal(&t, 0, 0, t.id[1][0]);
    assert_non_null(strstr(net_hears(&t, 0, 0), "no-such-peer"));
    net_silent(&t);
    assert_int_equal(core_stats(nodes_core(t.nodes, 1))->rooms, 0);
    assert_int_equal(core_stats(nodes_core(t.nodes, 1))->remote_members, 0);
    net_gone(&t, 0, 0, 1000);
    assert_int_equal(bus_members(nodes_bus(t.nodes), SPAN("a")), 0);
    net_stop(&t);
}

static void test_presence(void **state)
{
    (void)state;
    struct net t;
    net_start(&t, 2, clustered());
    struct token token = net_enter_room(&t, 0, 0, "a");
    net_enter_room(&t, 1, 0, "a");
    net_hears(&t, 0, 0);
    net_gone(&t, 0, 0, 0);
    net_expect(&t, 1, 0, "{\"type\":\"peer-away\",\"peerId\":\"%s\"}", t.id[0][0]);
    net_signal(&t, 1, 0, t.id[0][0]);
    net_enter(&t, 1, 1);
    net_join(&t, 1, 1, "a");
    assert_non_null(strstr(net_hears(&t, 1, 1), "\"displayName\":\"c0.0\",\"away\":true}"));
    net_hears(&t, 1, 0);
    char id[PEER_ID_MAX + 1];
    strcpy(id, t.id[0][0]);
    net_enter(&t, 0, 0);
    net_resume(&t, 0, 0, &token);
    assert_non_null(strstr(net_hears(&t, 0, 0), "\"recovered\":true"));
    net_expect(&t, 0, 0, "{\"type\":\"signal\",\"from\":\"%s\",\"data\":1}", t.id[1][0]);
    net_expect(&t, 1, 0, "{\"type\":\"peer-back\",\"peerId\":\"%s\",\"displayName\":\"c0.0\"}", id);
    net_expect(&t, 1, 1, "{\"type\":\"peer-back\",\"peerId\":\"%s\",\"displayName\":\"c0.0\"}", id);
    net_gone(&t, 0, 0, 0);
    net_hears(&t, 1, 0);
    net_hears(&t, 1, 1);
    pass(&t, GRACE_MS);
    net_expect(&t, 1, 0, "{\"type\":\"peer-left\",\"peerId\":\"%s\",\"reason\":\"disconnected\"}", id);
    net_stop(&t);
}

static void test_a_seat_goes_on_elsewhere(void **state)
{
    (void)state;
    struct net t;
    net_start(&t, 3, clustered());
    struct token token = net_enter_room(&t, 0, 0, "a");
    net_enter_room(&t, 0, 1, "a");
    net_enter_room(&t, 2, 0, "a");
    net_hears(&t, 0, 0);
    net_hears(&t, 0, 0);
    net_hears(&t, 0, 1);
    net_gone(&t, 0, 0, 0);
    net_expect(&t, 2, 0, "{\"type\":\"peer-away\",\"peerId\":\"%s\"}", t.id[0][0]);
    net_expect(&t, 0, 1, "{\"type\":\"peer-away\",\"peerId\":\"%s\"}", t.id[0][0]);
    net_signal(&t, 2, 0, t.id[0][0]); /* held on the first, and sent on */
    net_enter(&t, 1, 0);
    net_resume(&t, 1, 0, &token);
    const char *resumed = net_hears(&t, 1, 0);
    assert_non_null(strstr(resumed, "{\"type\":\"resumed\""));
    assert_non_null(strstr(resumed, "\"restarted\":false,\"recovered\":false"));
    assert_non_null(strstr(resumed, t.id[1][0]));
    assert_null(strstr(resumed, t.id[0][0]));
    assert_non_null(strstr(resumed, t.id[0][1]));
    struct token next = net_token(resumed);
    net_expect(&t, 1, 0, "{\"type\":\"signal\",\"from\":\"%s\",\"data\":1}", t.id[2][0]);
    for (unsigned i = 0; i <= 2; i += 2)
        net_expect(&t, i, i == 0,
            "{\"type\":\"peer-back\",\"peerId\":\"%s\",\"displayName\":\"c0.0\",\"previousPeerId\":\"%s\"}", t.id[1][0],
            t.id[0][0]);
    net_silent(&t);
    assert_int_equal(bus_members(nodes_bus(t.nodes), SPAN("a")), 3);
    assert_int_equal(core_stats(nodes_core(t.nodes, 0))->away, 0);
    net_signal(&t, 2, 0, t.id[1][0]);
    net_expect(&t, 1, 0, "{\"type\":\"signal\",\"from\":\"%s\",\"data\":1}", t.id[2][0]);
    /* While the connection looks alive, back on the first. */
    net_enter(&t, 0, 2);
    net_resume(&t, 0, 2, &next);
    assert_non_null(strstr(net_hears(&t, 0, 2), "{\"type\":\"resumed\""));
    assert_int_equal(t.closed[1][0], 4001);
    net_enter(&t, 2, 1);
    net_resume(&t, 2, 1, &token); /* an old one */
    assert_non_null(strstr(net_hears(&t, 2, 1), "resume-failed"));
    assert_int_equal(bus_members(nodes_bus(t.nodes), SPAN("a")), 3);
    net_stop(&t);
}

static void test_capacity_is_the_clusters(void **state)
{
    (void)state;
    struct core_settings set = clustered();
    struct net t;
    set.max_room_members = 2;
    net_start(&t, 3, set);
    net_enter_room(&t, 0, 0, "a");
    net_enter_room(&t, 1, 0, "a");
    net_enter(&t, 2, 0);
    net_join(&t, 2, 0, "a");
    assert_non_null(strstr(net_hears(&t, 2, 0), "room-full"));
    assert_int_equal(core_stats(nodes_core(t.nodes, 2))->rooms, 0);
    net_stop(&t);
}

static void test_the_bus_is_gone(void **state)
{
    (void)state;
    struct net t;
    net_start(&t, 2, clustered());
    net_enter_room(&t, 0, 0, "a");
    net_enter_room(&t, 1, 0, "a");
    net_hears(&t, 0, 0);
    nodes_link(t.nodes, 0, false);
    nodes_link(t.nodes, 1, false);
    bus_forget_all(nodes_bus(t.nodes));
    settle(&t);
    assert_false(core_clustered(nodes_core(t.nodes, 0)));
    net_signal(&t, 0, 0, t.id[1][0]);
    const char *error = net_hears(&t, 0, 0);
    assert_non_null(strstr(error, "no-such-peer"));
    assert_non_null(strstr(error, "\"retryAfterMs\":2000"));
    net_enter_room(&t, 0, 1, "a"); /* here rooms go on, and show all that were there */
    net_expect(&t, 0, 0, "{\"type\":\"peer-joined\",\"peerId\":\"%s\",\"displayName\":\"c0.1\"}", t.id[0][1]);
    net_signal(&t, 0, 0, t.id[0][1]);
    net_expect(&t, 0, 1, "{\"type\":\"signal\",\"from\":\"%s\",\"data\":1}", t.id[0][0]);
    net_silent(&t);
    nodes_link(t.nodes, 0, true);
    settle(&t);
    nodes_link(t.nodes, 1, true);
    settle(&t);
    net_expect(&t, 1, 0, "{\"type\":\"peer-joined\",\"peerId\":\"%s\",\"displayName\":\"c0.1\"}", t.id[0][1]);
    pass(&t, 10000);
    net_silent(&t);
    net_signal(&t, 1, 0, t.id[0][1]);
    net_expect(&t, 0, 1, "{\"type\":\"signal\",\"from\":\"%s\",\"data\":1}", t.id[1][0]);
    assert_int_equal(bus_members(nodes_bus(t.nodes), SPAN("a")), 3);
    net_stop(&t);
}

static void test_who_left_meanwhile_is_missed(void **state)
{
    (void)state;
    struct net t;
    net_start(&t, 2, clustered());
    net_enter_room(&t, 0, 0, "a");
    net_enter_room(&t, 1, 0, "a");
    net_hears(&t, 0, 0);
    nodes_link(t.nodes, 0, false);
    net_gone(&t, 1, 0, 1000);
    net_silent(&t);
    nodes_link(t.nodes, 0, true);
    settle(&t);
    pass(&t, 4000);
    net_expect(&t, 0, 0, "{\"type\":\"peer-left\",\"peerId\":\"%s\",\"reason\":\"disconnected\"}", t.id[1][0]);
    net_stop(&t);
}

static void test_a_node_dies(void **state)
{
    (void)state;
    struct net t;
    net_start(&t, 3, clustered());
    struct token token = net_enter_room(&t, 0, 0, "a");
    net_enter_room(&t, 0, 1, "a");
    net_enter_room(&t, 1, 0, "a");
    net_enter_room(&t, 2, 0, "a");
    for (unsigned i = 0; i < 3; i++)
        while (*net_hears(&t, i, 0))
            ;
    nodes_kill(t.nodes, 0);
    net_signal(&t, 1, 0, t.id[0][0]);
    const char *error = net_hears(&t, 1, 0);
    assert_non_null(strstr(error, "no-such-peer"));
    assert_non_null(strstr(error, "\"retryAfterMs\":2000"));
    net_enter(&t, 1, 1);
    net_resume(&t, 1, 1, &token);
    assert_non_null(strstr(net_hears(&t, 1, 1), "{\"type\":\"resumed\""));
    net_expect(&t, 2, 0,
        "{\"type\":\"peer-back\",\"peerId\":\"%s\",\"displayName\":\"c0.0\",\"previousPeerId\":\"%s\"}", t.id[1][1],
        t.id[0][0]);
    net_hears(&t, 1, 0);
    pass(&t, LEASE_MS + LEASE_MS / 3);
    for (unsigned i = 1; i < 3; i++)
        net_expect(&t, i, 0, "{\"type\":\"peer-left\",\"peerId\":\"%s\",\"reason\":\"disconnected\"}", t.id[0][1]);
    net_hears(&t, 1, 1);
    net_silent(&t);
    assert_int_equal(bus_members(nodes_bus(t.nodes), SPAN("a")), 3);
    assert_int_equal(
        core_stats(nodes_core(t.nodes, 1))->bus_cleared_total + core_stats(nodes_core(t.nodes, 2))->bus_cleared_total,
        1);
    net_stop(&t);
}

static void test_two_of_one_name(void **state)
{
    (void)state;
    struct net t;
    net_start(&t, 1, clustered());
    struct core_settings set = clustered();
    strcpy(set.node, "n1");
    nodes_start(t.nodes, 1, set);
    nodes_link(t.nodes, 1, true);
    settle(&t);
    assert_false(core_clustered(nodes_core(t.nodes, 1)));
    assert_true(core_clustered(nodes_core(t.nodes, 0)));
    pass(&t, 60000);
    assert_true(core_clustered(nodes_core(t.nodes, 0)));
    nodes_kill(t.nodes, 0);
    pass(&t, LEASE_MS + LEASE_MS / 3);
    assert_true(core_clustered(nodes_core(t.nodes, 1)));
    net_stop(&t);
}

static bool lose_one_announcement(struct net *t, const struct parcel *p)
{
    return t->lost == 0 && p->type == PARCEL_MESSAGE && p->node == 0;
}

static void test_an_announcement_is_lost(void **state)
{
    (void)state;
    struct net t;
    net_start(&t, 2, clustered());
    net_enter_room(&t, 0, 0, "a");
    pass(&t, 1000);
    t.lose = lose_one_announcement;
    net_enter_room(&t, 1, 0, "a");
    net_silent(&t);
    assert_int_equal(t.lost, 1);
    net_enter_room(&t, 1, 1, "a"); /* the next one shows it */
    char *both[] = {t.id[1][0], t.id[1][1]};
    for (unsigned i = 0; i < 2; i++)
        net_expect(&t, 0, 0, "{\"type\":\"peer-joined\",\"peerId\":\"%s\",\"displayName\":\"c1.%u\"}", both[i], i);
    net_hears(&t, 1, 0);
    assert_true(core_stats(nodes_core(t.nodes, 0))->bus_lost_total > 0);
    t.lost = 0;
    net_enter_room(&t, 1, 2, "a"); /* the last one: the renewals show it */
    net_hears(&t, 1, 0);
    net_hears(&t, 1, 1);
    net_silent(&t);
    pass(&t, LEASE_MS);
    net_expect(&t, 0, 0, "{\"type\":\"peer-joined\",\"peerId\":\"%s\",\"displayName\":\"c1.2\"}", t.id[1][2]);
    net_stop(&t);
}

static void test_a_drain(void **state)
{
    (void)state;
    struct net t;
    net_start(&t, 2, clustered());
    struct token token = net_enter_room(&t, 0, 0, "a");
    net_enter_room(&t, 1, 0, "a");
    nodes_step(t.nodes, 0, (struct core_event){.type = CORE_DRAIN});
    settle(&t);
    net_expect(&t, 1, 0, "{\"type\":\"peer-away\",\"peerId\":\"%s\"}", t.id[0][0]);
    net_gone(&t, 0, 0, 1012);
    while (*net_hears(&t, 0, 0))
        ;
    nodes_kill(t.nodes, 0);
    nodes_start(t.nodes, 0, clustered());
    nodes_link(t.nodes, 0, true);
    settle(&t);
    assert_true(core_clustered(nodes_core(t.nodes, 0))); /* at once: its lease was given back */
    net_enter(&t, 1, 1);
    net_resume(&t, 1, 1, &token);
    assert_non_null(strstr(net_hears(&t, 1, 1), "{\"type\":\"resumed\""));
    net_expect(&t, 1, 0,
        "{\"type\":\"peer-back\",\"peerId\":\"%s\",\"displayName\":\"c0.0\",\"previousPeerId\":\"%s\"}", t.id[1][1],
        t.id[0][0]);
    net_silent(&t);
    net_stop(&t);
}

static void test_the_same_node_starts_again(void **state)
{
    (void)state;
    struct net t;
    net_start(&t, 2, clustered());
    struct token token = net_enter_room(&t, 0, 0, "a");
    struct token lost = net_enter_room(&t, 0, 1, "a");
    (void)lost;
    net_enter_room(&t, 1, 0, "a");
    char id[PEER_ID_MAX + 1], other[PEER_ID_MAX + 1];
    strcpy(id, t.id[0][0]);
    strcpy(other, t.id[0][1]);
    nodes_step(t.nodes, 0, (struct core_event){.type = CORE_DRAIN});
    net_gone(&t, 0, 0, 1012);
    net_gone(&t, 0, 1, 1012);
    nodes_kill(t.nodes, 0);
    nodes_start(t.nodes, 0, clustered());
    nodes_link(t.nodes, 0, true);
    settle(&t);
    while (*net_hears(&t, 1, 0))
        ;
    net_enter(&t, 0, 0);
    net_resume(&t, 0, 0, &token);
    const char *resumed = net_hears(&t, 0, 0);
    while (!strstr(resumed, "resumed") && *resumed)
        resumed = net_hears(&t, 0, 0);
    assert_non_null(strstr(resumed, id));
    assert_non_null(strstr(resumed, other)); /* who may still come back is shown */
    net_expect(&t, 1, 0, "{\"type\":\"peer-back\",\"peerId\":\"%s\",\"displayName\":\"c0.0\"}", id);
    pass(&t, 2 * LEASE_MS);
    net_expect(&t, 1, 0, "{\"type\":\"peer-left\",\"peerId\":\"%s\",\"reason\":\"disconnected\"}", other);
    assert_int_equal(bus_members(nodes_bus(t.nodes), SPAN("a")), 2);
    net_stop(&t);
}

/* A signal on the channel of the first node. */
static void sent(struct net *t, uint64_t sequence, const char *from, const char *to)
{
    struct buf b;
    char text[160];
    int n = snprintf(text, sizeof text, "{\"type\":\"signal\",\"to\":\"%s\",\"data\":%u}", to, (unsigned)sequence);
    buf_init(&b, 4096);
    bus_record_write(&b, &(struct bus_record){.type = BUS_RECORD_SIGNAL,
                             .signal = {SPAN("n9"), 1, sequence, 'n', span_of(from), span_of(to), {text, (size_t)n}}});
    nodes_step(t->nodes, 0, (struct core_event){.type = CORE_BUS_MESSAGE, .bytes = buf_view(&b)});
    settle(t);
    buf_done(&b);
}

static void test_signals_that_must_not_arrive(void **state)
{
    (void)state;
    struct net t;
    net_start(&t, 2, clustered());
    net_enter_room(&t, 0, 0, "a");
    net_enter_room(&t, 0, 1, "b");
    net_enter_room(&t, 1, 0, "b");
    net_hears(&t, 0, 1);
    sent(&t, 1, t.id[1][0], t.id[0][1]);
    net_expect(&t, 0, 1, "{\"type\":\"signal\",\"from\":\"%s\",\"data\":1}", t.id[1][0]);
    sent(&t, 1, t.id[1][0], t.id[0][1]); /* twice */
    sent(&t, 2, t.id[1][0], t.id[0][0]); /* from another room */
    sent(&t, 3, t.id[1][0], "n1.nobodynobodynobodynobodyno");
    net_silent(&t);
    assert_int_equal(core_stats(nodes_core(t.nodes, 0))->bus_lost_total, 0);
    sent(&t, 6, t.id[1][0], t.id[0][1]);
    assert_int_equal(core_stats(nodes_core(t.nodes, 0))->bus_lost_total, 2);
    net_stop(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_room_on_two_nodes),
        cmocka_unit_test(test_presence),
        cmocka_unit_test(test_a_seat_goes_on_elsewhere),
        cmocka_unit_test(test_capacity_is_the_clusters),
        cmocka_unit_test(test_the_bus_is_gone),
        cmocka_unit_test(test_who_left_meanwhile_is_missed),
        cmocka_unit_test(test_a_node_dies),
        cmocka_unit_test(test_two_of_one_name),
        cmocka_unit_test(test_an_announcement_is_lost),
        cmocka_unit_test(test_a_drain),
        cmocka_unit_test(test_the_same_node_starts_again),
        cmocka_unit_test(test_signals_that_must_not_arrive),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
