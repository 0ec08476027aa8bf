/* SPDX-License-Identifier: MIT
 *
 * Rooms made over HTTP in a cluster: every node shows, guards and closes them.
 */
#include "tests/unit/server_core/cluster.h"
#include "tests/unit/server_core/rest.h"

const struct dialect *const NET_DIALECTS[] = {&dialect_native, NULL};

static unsigned net_ask(struct net *t, unsigned node, struct core_request r)
{
    t->status = 0;
    t->generation[node][7]++;
    nodes_step(t->nodes, node, (struct core_event){.type = CORE_OPEN, .conn = net_conn(t, node, 7)});
    nodes_step(t->nodes, node, (struct core_event){.type = CORE_REQUEST, .conn = net_conn(t, node, 7), .request = &r});
    settle(t);
    net_gone(t, node, 7, 0);
    return t->status;
}

static unsigned net_post(struct net *t, unsigned node, const char *body)
{
    return net_ask(t, node, (struct core_request){.type = REQUEST_CREATE, .body = span_of(body)});
}

static unsigned net_show(struct net *t, unsigned node, const char *room)
{
    return net_ask(t, node, (struct core_request){.type = REQUEST_ROOM, .room = span_of(room)});
}

static struct core_settings with_owners(void)
{
    struct core_settings set = clustered();
    set.ports.owner_token = token_port;
    set.webhooks = true;
    return set;
}

static void join_with(struct net *t, unsigned node, unsigned slot, const char *password)
{
    char text[256];
    snprintf(text, sizeof text, "{\"type\":\"join-room\",\"roomId\":\"club\"%s%s%s}",
        *password ? ",\"password\":\"" : "", password, *password ? "\"" : "");
    net_say(t, node, slot, text);
}

static void owner_in(const struct net *t, char token[64])
{
    const char *at = strstr(t->body, "\"ownerToken\":\"");
    assert_non_null(at);
    at += strlen("\"ownerToken\":\"");
    snprintf(token, 64, "%.*s", (int)strcspn(at, "\""), at);
}

static void test_made_here_and_closed_there(void **state)
{
    (void)state;
    struct net t;
    char token[64];
    net_start(&t, 2, with_owners());
    assert_int_equal(
        net_post(&t, 0, "{\"name\":\"club\",\"password\":\"geheim\",\"maxPeers\":2,\"listed\":true}"), 201);
    owner_in(&t, token);
    assert_int_equal(net_post(&t, 1, "{\"name\":\"club\"}"), 409);
    assert_int_equal(net_show(&t, 1, "club"), 200);
    assert_non_null(strstr(t.body, "\"maxPeers\":2,\"locked\":true"));
    net_enter(&t, 1, 0);
    join_with(&t, 1, 0, "");
    assert_non_null(strstr(net_hears(&t, 1, 0), "room-locked"));
    join_with(&t, 1, 0, "falsch");
    assert_non_null(strstr(net_hears(&t, 1, 0), "the password is wrong"));
    join_with(&t, 1, 0, "geheim");
    assert_non_null(strstr(net_hears(&t, 1, 0), "\"type\":\"peers\""));
    nodes_link(t.nodes, 1, false); /* who knows its lock guards it alone, too */
    net_enter(&t, 1, 1);
    join_with(&t, 1, 1, "");
    assert_non_null(strstr(net_hears(&t, 1, 1), "room-locked"));
    net_gone(&t, 1, 1, 1000);
    nodes_link(t.nodes, 1, true);
    settle(&t);
    net_enter(&t, 0, 0);
    join_with(&t, 0, 0, "geheim");
    assert_non_null(strstr(net_hears(&t, 0, 0), t.id[1][0]));
    net_hears(&t, 1, 0);
    net_enter(&t, 0, 1);
    join_with(&t, 0, 1, "geheim");
    assert_non_null(strstr(net_hears(&t, 0, 1), "room-full"));
    assert_int_equal(net_ask(&t, 1, (struct core_request){.type = REQUEST_ROOMS}), 200);
    assert_non_null(strstr(t.body, "\"name\":\"club\",\"peers\":2,\"maxPeers\":2"));
    assert_int_equal(net_ask(&t, 1, (struct core_request){.type = REQUEST_VALIDATE, .room = SPAN("club")}), 409);
    assert_int_equal(
        net_ask(&t, 1, (struct core_request){.type = REQUEST_CLOSE, .room = SPAN("club"), .token = SPAN("x")}), 403);
    assert_int_equal(
        net_ask(&t, 1, (struct core_request){.type = REQUEST_CLOSE, .room = SPAN("club"), .token = span_of(token)}),
        204);
    for (unsigned i = 0; i < 2; i++)
        net_expect(&t, i, 0, "{\"type\":\"room-closed\",\"roomId\":\"club\"}");
    assert_int_equal(net_show(&t, 0, "club"), 404);
    assert_int_equal(core_stats(nodes_core(t.nodes, 0))->rooms, 0);
    assert_int_equal(core_stats(nodes_core(t.nodes, 1))->rooms, 0);
    unsigned closed = 0, made = 0;
    for (const char *at = t.told; (at = strstr(at, "\"room-closed\",\"roomId\"")); at++)
        closed++;
    for (const char *at = t.told; (at = strstr(at, "\"room-created\"")); at++)
        made++;
    assert_int_equal(closed, 1);
    assert_int_equal(made, 1);
    net_stop(&t);
}

static void test_cut_off(void **state)
{
    (void)state;
    struct net t;
    char token[64];
    net_start(&t, 2, with_owners());
    assert_int_equal(net_post(&t, 0, "{\"name\":\"club\",\"password\":\"geheim\",\"listed\":true}"), 201);
    owner_in(&t, token);
    for (unsigned i = 0; i < 2; i++)
        nodes_link(t.nodes, i, false);
    assert_int_equal(net_post(&t, 0, "{\"name\":\"other\"}"), 503);
    assert_int_equal(
        net_ask(&t, 0, (struct core_request){.type = REQUEST_CLOSE, .room = SPAN("club"), .token = span_of(token)}),
        503);
    assert_int_equal(net_ask(&t, 0, (struct core_request){.type = REQUEST_ROOMS}), 200);
    assert_non_null(strstr(t.body, "\"name\":\"club\""));
    net_enter(&t, 1, 0); /* who knows nothing of it makes a room of its own */
    join_with(&t, 1, 0, "");
    assert_non_null(strstr(net_hears(&t, 1, 0), "\"type\":\"peers\""));
    bus_forget_all(nodes_bus(t.nodes));
    nodes_link(t.nodes, 1, true);
    settle(&t);
    nodes_link(t.nodes, 0, true);
    settle(&t);
    net_expect(&t, 1, 0, "{\"type\":\"room-closed\",\"roomId\":\"club\"}"); /* the one that has terms stays */
    join_with(&t, 1, 0, "");
    assert_non_null(strstr(net_hears(&t, 1, 0), "room-locked"));
    net_stop(&t);
}

static void test_a_locked_room_lets_nobody_slip_in(void **state)
{
    (void)state;
    struct net t;
    net_start(&t, 2, with_owners());
    assert_int_equal(net_post(&t, 0, "{\"name\":\"club\",\"password\":\"geheim\"}"), 201);
    nodes_link(t.nodes, 1, false);
    net_enter(&t, 1, 0);
    join_with(&t, 1, 0, "");
    assert_non_null(strstr(net_hears(&t, 1, 0), "\"type\":\"peers\""));
    nodes_link(t.nodes, 1, true);
    settle(&t);
    assert_non_null(strstr(net_hears(&t, 1, 0), "room-full"));
    net_expect(&t, 1, 0, "{\"type\":\"room-closed\",\"roomId\":\"club\"}");
    assert_int_equal(bus_members(nodes_bus(t.nodes), SPAN("club")), 0);
    net_stop(&t);
}

static void test_capacity_after_healing(void **state)
{
    (void)state;
    struct net t;
    struct core_settings set = with_owners();
    set.max_room_members = 2;
    net_start(&t, 2, set);
    nodes_link(t.nodes, 1, false);
    net_enter_room(&t, 0, 0, "a");
    net_enter_room(&t, 0, 1, "a");
    net_hears(&t, 0, 0);
    net_enter_room(&t, 1, 0, "a");
    nodes_link(t.nodes, 1, true);
    settle(&t);
    net_hears(&t, 1, 0);
    net_hears(&t, 1, 0);
    assert_non_null(strstr(net_hears(&t, 1, 0), "room-full"));
    net_expect(&t, 1, 0, "{\"type\":\"room-closed\",\"roomId\":\"a\"}");
    net_silent(&t);
    assert_int_equal(core_stats(nodes_core(t.nodes, 1))->rooms, 0);
    net_stop(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_made_here_and_closed_there),
        cmocka_unit_test(test_cut_off),
        cmocka_unit_test(test_a_locked_room_lets_nobody_slip_in),
        cmocka_unit_test(test_capacity_after_healing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
