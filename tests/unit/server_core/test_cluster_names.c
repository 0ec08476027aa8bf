/* SPDX-License-Identifier: MIT
 *
 * Names that clients chose, topics, and dialects, across nodes.
 */
#include "tests/unit/server_core/cluster.h"

const struct dialect *const NET_DIALECTS[] = {
    &dialect_native, &dialect_socketio, &dialect_peerjs, &dialect_ywebrtc, NULL};

static void name_as(struct net *t, unsigned node, unsigned slot, const char *id, const char *secret)
{
    struct client_name name = {SPAN("peerjs"), span_of(id), span_of(secret), NULL};
    t->generation[node][slot]++;
    t->closed[node][slot] = 0;
    nodes_step(t->nodes, node, (struct core_event){.type = CORE_OPEN, .conn = net_conn(t, node, slot)});
    nodes_step(t->nodes, node,
        (struct core_event){
            .type = CORE_READY, .conn = net_conn(t, node, slot), .dialect = &dialect_peerjs, .name = &name});
    net_say(t, node, slot, "{\"type\":\"OFFER\",\"dst\":\"nobody\"}"); /* too early, if its name is asked for */
}

static void test_a_name_on_another_node(void **state)
{
    (void)state;
    struct net t;
    net_start(&t, 2, clustered());
    name_as(&t, 0, 0, "alice", "s1");
    net_expect(&t, 0, 0, "{\"type\":\"OPEN\"}");
    name_as(&t, 1, 0, "bob", "s2");
    net_expect(&t, 1, 0, "{\"type\":\"OPEN\"}");
    name_as(&t, 1, 1, "alice", "s3");
    assert_non_null(strstr(net_hears(&t, 1, 1), "ID-TAKEN"));
    net_say(&t, 0, 0, "{\"type\":\"OFFER\",\"payload\":{\"x\":1},\"dst\":\"bob\"}");
    net_expect(&t, 1, 0, "{\"type\":\"OFFER\",\"src\":\"alice\",\"dst\":\"bob\",\"payload\":{\"x\":1}}");
    name_as(&t, 1, 2, "alice", "s1"); /* the same client, elsewhere */
    net_expect(&t, 1, 2, "{\"type\":\"OPEN\"}");
    assert_int_equal(t.closed[0][0], 4001);
    net_gone(&t, 0, 0, 4001);
    net_say(&t, 1, 0, "{\"type\":\"OFFER\",\"dst\":\"carol\"}");
    net_silent(&t);
    pass(&t, 5000);
    assert_non_null(strstr(net_hears(&t, 1, 0), "EXPIRE"));
    pass(&t, 1000);
    nodes_kill(t.nodes, 1);
    name_as(&t, 0, 1, "bob", "s9");
    assert_non_null(strstr(net_hears(&t, 0, 1), "ID-TAKEN"));
    pass(&t, 2 * LEASE_MS);
    name_as(&t, 0, 2, "bob", "s9");
    net_expect(&t, 0, 2, "{\"type\":\"OPEN\"}");
    net_stop(&t);
}

static void test_names_after_the_bus_was_gone(void **state)
{
    (void)state;
    struct net t;
    net_start(&t, 2, clustered());
    name_as(&t, 0, 0, "alice", "s1");
    net_hears(&t, 0, 0);
    for (unsigned i = 0; i < 2; i++)
        nodes_link(t.nodes, i, false);
    bus_forget_all(nodes_bus(t.nodes));
    name_as(&t, 1, 0, "alice", "s2"); /* nobody can know */
    net_expect(&t, 1, 0, "{\"type\":\"OPEN\"}");
    for (unsigned i = 0; i < 2; i++) {
        nodes_link(t.nodes, i, true);
        settle(&t);
    }
    assert_non_null(strstr(net_hears(&t, 1, 0), "ID-TAKEN"));
    assert_int_equal(t.closed[1][0], 1008);
    assert_int_equal(t.closed[0][0], 0);
    net_stop(&t);
}

static void test_a_topic_on_all_nodes(void **state)
{
    (void)state;
    struct net t;
    net_start(&t, 3, clustered());
    for (unsigned i = 0; i < 3; i++)
        net_enter_as(&t, i, 0, &dialect_ywebrtc);
    for (unsigned i = 0; i < 2; i++)
        net_say(&t, i, 0, "{\"type\":\"subscribe\",\"topics\":[\"a\"]}");
    net_say(&t, 2, 0, "{\"type\":\"publish\",\"topic\":\"a\",\"data\":1}");
    for (unsigned i = 0; i < 2; i++)
        net_expect(&t, i, 0, "{\"type\":\"publish\",\"topic\":\"a\",\"data\":1,\"clients\":1}");
    net_say(&t, 1, 0, "{\"type\":\"publish\",\"topic\":\"a\",\"data\":2}");
    for (unsigned i = 0; i < 2; i++)
        net_expect(&t, i, 0, "{\"type\":\"publish\",\"topic\":\"a\",\"data\":2,\"clients\":1}");
    net_say(&t, 0, 0, "{\"type\":\"unsubscribe\",\"topics\":[\"a\"]}");
    net_say(&t, 1, 0, "{\"type\":\"publish\",\"topic\":\"a\",\"data\":3}");
    net_hears(&t, 1, 0);
    net_silent(&t);
    bus_forget_all(nodes_bus(t.nodes));
    nodes_link(t.nodes, 1, false);
    nodes_link(t.nodes, 1, true);
    nodes_link(t.nodes, 2, false);
    nodes_link(t.nodes, 2, true);
    settle(&t);
    net_say(&t, 2, 0, "{\"type\":\"publish\",\"topic\":\"a\",\"data\":4}");
    net_expect(&t, 1, 0, "{\"type\":\"publish\",\"topic\":\"a\",\"data\":4,\"clients\":1}");
    net_stop(&t);
}

static void test_dialects_meet(void **state)
{
    (void)state;
    struct net t;
    net_start(&t, 2, clustered());
    net_enter_room(&t, 0, 0, "a");
    net_enter_as(&t, 1, 0, &dialect_socketio);
    net_say(&t, 1, 0, "0");
    const char *sid = strstr(net_hears(&t, 1, 0), "\"sid\":\"");
    assert_non_null(sid);
    char id[PEER_ID_MAX + 1];
    snprintf(id, sizeof id, "%.*s", (int)strcspn(sid + 7, "\""), sid + 7);
    net_say(&t, 1, 0, "2[\"join-room\",{\"roomId\":\"a\",\"displayName\":\"S\"}]");
    while (!strstr(t.heard[0][0], "peer-joined"))
        fail_msg("nobody is told");
    net_expect(
        &t, 0, 0, "{\"type\":\"peer-joined\",\"peerId\":\"%s\",\"displayName\":\"S\",\"dialect\":\"socket.io\"}", id);
    const char *peers = net_hears(&t, 1, 0);
    while (*peers && !strstr(peers, "\"peers\""))
        peers = net_hears(&t, 1, 0);
    assert_non_null(strstr(peers, t.id[0][0]));
    net_signal(&t, 0, 0, id);
    assert_non_null(strstr(net_hears(&t, 1, 0), "[\"signal\",{\"from\":\""));
    char text[160];
    snprintf(text, sizeof text, "2[\"signal\",{\"to\":\"%s\",\"data\":{\"a\":[1]}}]", t.id[0][0]);
    net_say(&t, 1, 0, text);
    net_expect(&t, 0, 0, "{\"type\":\"signal\",\"from\":\"%s\",\"data\":{\"a\":[1]}}", id);
    net_stop(&t);
}

static void test_garbage_on_the_channel(void **state)
{
    (void)state;
    struct net t;
    net_start(&t, 2, clustered());
    net_enter_room(&t, 0, 0, "a");
    static const struct span BAD[] = {{"", 0}, {"\0\0\0\5hello", 9}, {"\377\377\377\377x", 5}, {"\0\0\0\2\2A", 6},
        {"\0\0\0\2\1Q", 6}, {"x", 1}, {"\0\0\0\2\1A\0\0\0\2\1S", 12}};
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++)
        nodes_step(t.nodes, 0, (struct core_event){.type = CORE_BUS_MESSAGE, .bytes = BAD[i]});
    settle(&t);
    assert_int_equal(core_stats(nodes_core(t.nodes, 0))->bus_bad_total, 7);
    net_silent(&t);
    net_stop(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_name_on_another_node),
        cmocka_unit_test(test_names_after_the_bus_was_gone),
        cmocka_unit_test(test_a_topic_on_all_nodes),
        cmocka_unit_test(test_dialects_meet),
        cmocka_unit_test(test_garbage_on_the_channel),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
