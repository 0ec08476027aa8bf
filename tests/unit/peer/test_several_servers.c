/* SPDX-License-Identifier: MIT
 *
 * Several servers: away from one that fails, back to one that was named before it, to the nearest of a cluster; and what
 * a server can do wrong meanwhile. Links see nothing of it.
 */
#include "peer/core/bounds.h"
#include "tests/unit/peer/forge.h"

/* That a later server is left for an earlier one: until it is looked at, and the move. */
#define BACK_MS (EARLIER_MS + EARLIER_MS / 4 + 1)

static struct world *world_of_servers(int n, unsigned servers)
{
    struct world *w = world_make(n);
    w->grace = true;
    for (int i = 0; i < n; i++) {
        w->nodes[i].settings.servers = servers;
        node_boot(w, i);
    }
    return w;
}

/* Servers that have nothing in common. */
static struct world *world_apart(int n, unsigned servers)
{
    struct world *w = world_of_servers(n, servers);
    w->apart = w->split = true;
    for (int i = 0; i < n; i++)
        start(w, i);
    return w;
}

/* Addresses of one server, at these distances. */
static struct world *world_of_a_cluster(int n, unsigned servers, const uint64_t *ms)
{
    struct world *w = world_of_servers(n, servers);
    for (unsigned i = 0; i < servers; i++) {
        w->cluster[i] = "a";
        w->ms[i] = ms[i];
    }
    for (int i = 0; i < n; i++)
        start(w, i);
    return w;
}

static void server_dies(struct world *w, unsigned server)
{
    w->down[server] = true;
    for (int i = 0; i < w->n; i++) {
        struct node *n = &w->nodes[i];
        if (n->server != server || !n->open)
            continue;
        n->in_room = n->open = n->away = false;
        later(w, i, PEER_SIGNALING_CLOSED, 0, SPAN("gone"));
    }
    run(w);
}

static void all_are_on(const struct world *w, unsigned server)
{
    for (int i = 0; i < w->n; i++) {
        assert_int_equal(w->nodes[i].server, server);
        assert_true(w->nodes[i].open && w->nodes[i].in_room && !w->nodes[i].away);
    }
}

/* No link went, none was made anew, and nobody was told of an error. */
static void links_saw_nothing(const struct world *w)
{
    for (int i = 0; i < w->n; i++) {
        assert_int_equal(count(&w->nodes[i], NOTICE_PEER), (size_t)w->n - 1);
        assert_int_equal(count(&w->nodes[i], NOTICE_LINK), 0);
        assert_int_equal(count(&w->nodes[i], NOTICE_ERROR), 0);
        assert_int_equal(peer_stats(w->nodes[i].p)->calls_total, (uint64_t)w->n - 1);
        assert_int_equal(peer_stats(w->nodes[i].p)->links_up, (uint64_t)w->n - 1);
    }
}

static void all_hear(struct world *w, size_t messages)
{
    send_ref(w, 0, NULL, 0, "can you hear me?", "");
    pass(w, 1000);
    for (int i = 1; i < w->n; i++)
        assert_int_equal(count(&w->nodes[i], NOTICE_MESSAGE), messages);
}

static size_t states(const struct world *w, int node)
{
    return count(&w->nodes[node], NOTICE_STATE);
}

static unsigned probes(const struct world *w)
{
    unsigned n = 0;
    for (unsigned i = 0; i < SERVERS_MAX; i++)
        n += w->probes[i];
    return n;
}

static void test_one_server_is_never_probed(void **state)
{
    (void)state;
    struct world *w = world_of_a_cluster(2, 1, (uint64_t[]){50});
    pass(w, 3600000);
    daemon_dies(w);
    pass(w, 60000);
    w->daemon_up = true;
    pass(w, 60000);
    assert_int_equal(probes(w), 0);
    all_are_on(w, 0);
    world_end(w);
}

static void test_the_first_of_unrelated_ones_is_not_left(void **state)
{
    (void)state;
    struct world *w = world_apart(2, 3);
    w->ms[0] = 900;
    pass(w, 3600000);
    assert_int_equal(probes(w), 0);
    assert_int_equal(w->nodes[0].connects, 1);
    all_are_on(w, 0);
    world_end(w);
}

static void test_the_first_dies_and_returns(void **state)
{
    (void)state;
    struct world *w = world_apart(3, 2);
    pass(w, 10000);
    all_hear(w, 1);
    server_dies(w, 0);
    all_hear(w, 2);
    pass(w, 3000);
    all_are_on(w, 1);
    all_hear(w, 3);
    pass(w, 300000);
    all_are_on(w, 1);
    size_t shown[3] = {states(w, 0), states(w, 1), states(w, 2)};
    w->down[0] = false;
    all_hear(w, 4);
    pass(w, BACK_MS);
    all_are_on(w, 0);
    all_hear(w, 5);
    links_saw_nothing(w);
    for (int i = 0; i < 3; i++)
        assert_int_equal(states(w, i), shown[i]); /* the application has nothing to do with it */
    world_end(w);
}

/* For half a minute at most the two are in different rooms: the key says that it is the same person. */
static void test_two_on_different_servers_stay_linked_and_are_one_person(void **state)
{
    (void)state;
    struct world *w = world_apart(2, 2);
    pass(w, 10000);
    server_dies(w, 0);
    pass(w, 3000);
    all_are_on(w, 1);
    w->nodes[1].blocked = 1;
    w->down[0] = false;
    pass(w, BACK_MS);
    assert_int_equal(w->nodes[0].server, 0);
    assert_int_equal(w->nodes[1].server, 1);
    all_hear(w, 1);
    w->nodes[1].blocked = 0;
    pass(w, BACK_MS);
    all_are_on(w, 0);
    assert_int_equal(peer_people(w->nodes[0].p, NULL, 0), 1);
    links_saw_nothing(w);
    all_hear(w, 2);
    world_end(w);
}

static void test_earlier_ones_are_probed_every_half_minute(void **state)
{
    (void)state;
    struct world *w = world_apart(1, 3);
    server_dies(w, 0);
    w->down[1] = true;
    pass(w, 20000);
    all_are_on(w, 2);
    unsigned before = w->probes[0], later_one = w->probes[2];
    pass(w, 3600000);
    assert_in_range(w->probes[0] - before, 3600000 / (EARLIER_MS * 5 / 4), 3600000 / EARLIER_MS);
    assert_int_equal(w->probes[2], later_one);
    w->down[1] = false;
    pass(w, BACK_MS);
    all_are_on(w, 1);
    world_end(w);
}

static void test_a_server_that_drains_is_left(void **state)
{
    (void)state;
    struct world *w = world_apart(2, 2);
    for (int i = 0; i < 2; i++) {
        frame_to(w, i, "{\"type\":\"server-draining\",\"reconnectAfterMs\":4321}");
        break_socket(w, i);
    }
    pass(w, 4320);
    assert_int_equal(w->nodes[0].connects, 1);
    pass(w, 1);
    all_are_on(w, 1);
    pass(w, DRAIN_AVOID_MS + BACK_MS);
    all_are_on(w, 0);
    links_saw_nothing(w);
    world_end(w);
}

static void test_a_node_that_drains_is_left_with_the_seat(void **state)
{
    (void)state;
    struct world *w = world_of_a_cluster(2, 2, (uint64_t[]){5, 50});
    struct node *ann = &w->nodes[0];
    char seat[sizeof ann->seat];
    memcpy(seat, ann->seat, sizeof seat);
    frame_to(w, 0, "{\"type\":\"server-draining\",\"reconnectAfterMs\":100}");
    break_socket(w, 0);
    pass(w, 101);
    assert_int_equal(ann->server, 1);
    assert_string_equal(ann->seat, seat);
    assert_int_equal(ann->joins, 1);
    pass(w, SETTLE_MS + MEASURE_MS * 5 / 4 + DRAIN_AVOID_MS);
    all_are_on(w, 0);
    links_saw_nothing(w);
    world_end(w);
}

static void test_the_nearest_of_a_cluster(void **state)
{
    (void)state;
    struct world *w = world_of_a_cluster(2, 3, (uint64_t[]){200, 90, 20});
    size_t shown = states(w, 0);
    pass(w, SETTLE_MS - 1);
    assert_int_equal(probes(w), 0);
    pass(w, 2);
    all_are_on(w, 2);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(w->nodes[i].joins, 1);
        assert_int_equal(w->nodes[i].resumes, 1);
        assert_int_equal(w->nodes[i].connects, 2);
    }
    assert_int_equal(states(w, 0), shown);
    links_saw_nothing(w);
    pass(w, 3600000);
    assert_int_equal(w->nodes[0].connects, 2);
    assert_in_range(w->probes[0], 1, 2 * 8); /* by two */
    world_end(w);
}

/* Each to the one that is near to it; they meet all the same. */
static void test_distances_are_each_ones_own(void **state)
{
    (void)state;
    struct world *w = world_of_a_cluster(1, 2, (uint64_t[]){200, 20});
    pass(w, SETTLE_MS + 1);
    assert_int_equal(w->nodes[0].server, 1);
    w->ms[0] = 20;
    w->ms[1] = 200;
    pass(w, SETTLE_MS + MEASURE_MS * 5 / 4);
    assert_int_equal(w->nodes[0].server, 0);
    world_end(w);
}

static void test_a_member_of_the_cluster_that_was_dead_is_measured_sooner(void **state)
{
    (void)state;
    struct world *w = world_of_servers(1, 2);
    w->cluster[0] = w->cluster[1] = "a";
    w->ms[0] = 200;
    start(w, 0);
    pass(w, SETTLE_MS / 2);
    feed(w, 0, (struct peer_event){.type = PEER_NETWORK}); /* measured when that has settled */
    pass(w, SETTLE_MS);
    assert_int_equal(w->nodes[0].server, 1);
    w->ms[0] = 1;
    w->ms[1] = 200;
    server_dies(w, 1);
    pass(w, 10000);
    all_are_on(w, 0);
    w->ms[0] = 200;
    w->ms[1] = 1;
    w->down[1] = false;
    pass(w, MEASURE_LACKING_MS);
    all_are_on(w, 1);
    world_end(w);
}

static bool is_probed(const struct event *e, unsigned server)
{
    return e->ev.type == PEER_PROBED && e->ev.probed.server == server;
}

/* It was of our cluster when it was probed; at the welcome it is of another. */
static void lies_of_its_cluster(struct world *w, const struct event *e)
{
    if (is_probed(e, 1))
        w->cluster[1] = "b";
    if (e->ev.type == PEER_SIGNALING_FRAME)
        w->cluster[1] = "a";
}

static void test_one_that_names_another_cluster_at_the_welcome(void **state)
{
    (void)state;
    struct world *w = world_of_a_cluster(2, 2, (uint64_t[]){200, 20});
    w->sees = lies_of_its_cluster;
    pass(w, SETTLE_MS + 100);
    all_are_on(w, 0);
    assert_int_equal(w->nodes[0].connects, 3); /* there, and back at once, on the same seat */
    assert_int_equal(w->nodes[0].joins, 1);
    assert_int_equal(w->nodes[0].resumes, 1);
    pass(w, 24 * 3600000);
    all_are_on(w, 0);
    assert_in_range(w->nodes[0].connects, 3, 3 + 2 * FICKLE_MAX);
    links_saw_nothing(w);
    world_end(w);
}

static unsigned names;

static void another_name_each_time(struct world *w, const struct event *e)
{
    static char name[2][2];
    if (!is_probed(e, 0) && !is_probed(e, 1) && e->ev.type != PEER_SIGNALING_FRAME)
        return;
    name[names % 2][0] = (char)('a' + names % 26);
    w->cluster[names % 2] = name[names % 2];
    names++;
}

static void test_servers_that_name_another_cluster_each_time(void **state)
{
    (void)state;
    struct world *w = world_of_servers(2, 2);
    w->sees = another_name_each_time;
    w->ms[0] = 200;
    start(w, 0);
    start(w, 1);
    pass(w, 24 * 3600000);
    all_are_on(w, w->nodes[0].server);
    for (int i = 0; i < 2; i++)
        assert_in_range(w->nodes[i].connects, 1, 1 + 2 * 2 * FICKLE_MAX);
    unsigned before = w->nodes[0].connects;
    pass(w, 24 * 3600000);
    assert_int_equal(w->nodes[0].connects, before);
    links_saw_nothing(w);
    world_end(w);
}

/* What is fatal where there is nothing else is no reason to leave a server that has us. */
static void test_an_earlier_one_that_refuses_us(void **state)
{
    (void)state;
    struct world *w = world_apart(2, 2);
    server_dies(w, 0);
    pass(w, 3000);
    w->refuses[0] = true;
    w->down[0] = false;
    pass(w, BACK_MS);
    all_are_on(w, 1);
    unsigned tried = w->nodes[0].connects, joins = w->nodes[0].joins;
    pass(w, 4 * 3600000);
    all_are_on(w, 1);
    assert_in_range(w->nodes[0].connects - tried, 2, 2 * 4 * 3600000 / (MOVE_AGAIN_MS << MOVE_AGAIN_DOUBLINGS) + 10);
    assert_true(w->nodes[0].joins > joins); /* on the seat that it had: those are joins elsewhere */
    assert_int_equal(w->nodes[0].seated, 1);
    links_saw_nothing(w);
    w->refuses[0] = false;
    pass(w, (MOVE_AGAIN_MS << MOVE_AGAIN_DOUBLINGS) + BACK_MS);
    all_are_on(w, 0);
    world_end(w);
}

static void test_where_nothing_else_is_a_refusal_is_fatal(void **state)
{
    (void)state;
    struct world *w = world_of_servers(1, 2);
    w->refuses[0] = true;
    start(w, 0);
    assert_true(notice(&w->nodes[0], NOTICE_ERROR, 0)->fatal);
    pass(w, 60000);
    assert_int_equal(w->nodes[0].connects, 1);
    world_end(w);
}

static void hangs_once_probed(struct world *w, const struct event *e)
{
    if (is_probed(e, 0) && e->ev.probed.ms)
        w->hangs[0] = true;
}

static void test_an_earlier_one_that_hangs_after_the_probe(void **state)
{
    (void)state;
    struct world *w = world_apart(2, 2);
    server_dies(w, 0);
    pass(w, 3000);
    w->sees = hangs_once_probed;
    w->down[0] = false;
    pass(w, BACK_MS + ANSWER_MS);
    all_are_on(w, 1);
    assert_int_equal(
        w->nodes[0].resumes, 2); /* with the first's token at the second, in vain; then with its own, back there */
    links_saw_nothing(w);
    world_end(w);
}

static void test_ten_servers_of_which_nine_are_dead(void **state)
{
    (void)state;
    for (int hang = 0; hang < 2; hang++) {
        struct world *w = world_of_servers(1, 10);
        for (unsigned i = 0; i < 9; i++)
            *(hang ? &w->hangs[i] : &w->down[i]) = true;
        start(w, 0);
        pass(w, hang ? HEDGE_MS : RETRY_FIRST_MS * 5 / 4);
        all_are_on(w, 9);
        assert_int_equal(w->nodes[0].connects, 2);
        assert_int_equal(count(&w->nodes[0], NOTICE_ERROR), 0);
        world_end(w);
    }
}

/* Without probes each is tried in turn. */
static void test_probes_that_are_never_answered(void **state)
{
    (void)state;
    struct world *w = world_of_servers(1, 10);
    w->keep_probes = true;
    for (unsigned i = 0; i < 9; i++)
        w->down[i] = true;
    start(w, 0);
    pass(w, 9 * RETRY_FIRST_MS * 5 / 4);
    all_are_on(w, 9);
    w->down[0] = false;
    pass(w, 3600000);
    all_are_on(w, 9);
    w->keep_probes = false;
    pass(w, BACK_MS);
    all_are_on(w, 0);
    world_end(w);
}

/* What one of them asks for holds for it. */
static void test_a_server_that_is_full_is_left_alone(void **state)
{
    (void)state;
    struct world *w = world_of_servers(1, 2);
    w->hangs[0] = true;
    start(w, 0);
    frame_to(
        w, 0, "{\"type\":\"error\",\"code\":\"server-full\",\"message\":\"m\",\"fatal\":true,\"retryAfterMs\":60000}");
    pass(w, RETRY_FIRST_MS * 5 / 4);
    all_are_on(w, 1);
    assert_int_equal(w->nodes[0].connects, 2);
    world_end(w);
}

static void test_where_all_are_full_the_first_that_may_is_tried(void **state)
{
    (void)state;
    struct world *w = world_of_servers(1, 2);
    w->hangs[0] = w->hangs[1] = true;
    w->keep_probes = true;
    start(w, 0);
    frame_to(
        w, 0, "{\"type\":\"error\",\"code\":\"server-full\",\"message\":\"m\",\"fatal\":true,\"retryAfterMs\":60000}");
    pass(w, RETRY_FIRST_MS * 5 / 4);
    assert_int_equal(w->nodes[0].server, 1);
    frame_to(
        w, 0, "{\"type\":\"error\",\"code\":\"server-full\",\"message\":\"m\",\"fatal\":true,\"retryAfterMs\":20000}");
    pass(w, 19999);
    assert_int_equal(w->nodes[0].connects, 2);
    pass(w, 1);
    assert_int_equal(w->nodes[0].connects, 3);
    assert_int_equal(w->nodes[0].server, 1);
    world_end(w);
}

/* The token of one cluster is a secret that another has no business with. */
static void test_another_cluster_is_not_shown_the_token(void **state)
{
    (void)state;
    struct world *w = world_of_servers(1, 2);
    w->cluster[0] = "a";
    w->cluster[1] = "b";
    w->apart = true;
    start(w, 0);
    server_dies(w, 0);
    pass(w, 3000);
    all_are_on(w, 1);
    assert_int_equal(w->nodes[0].resumes, 0);
    assert_int_equal(w->nodes[0].joins, 2);
    world_end(w);
}

static void test_leaving_ends_it(void **state)
{
    (void)state;
    struct world *w = world_apart(1, 2);
    server_dies(w, 0);
    pass(w, 3000);
    feed(w, 0, (struct peer_event){.type = PEER_LEAVE});
    run(w);
    w->down[0] = false;
    unsigned before = probes(w);
    pass(w, 600000);
    assert_int_equal(probes(w), before);
    assert_int_equal(w->nodes[0].open, false);
    world_end(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_server_is_never_probed),
        cmocka_unit_test(test_the_first_of_unrelated_ones_is_not_left),
        cmocka_unit_test(test_the_first_dies_and_returns),
        cmocka_unit_test(test_two_on_different_servers_stay_linked_and_are_one_person),
        cmocka_unit_test(test_earlier_ones_are_probed_every_half_minute),
        cmocka_unit_test(test_a_server_that_drains_is_left),
        cmocka_unit_test(test_a_node_that_drains_is_left_with_the_seat),
        cmocka_unit_test(test_the_nearest_of_a_cluster),
        cmocka_unit_test(test_distances_are_each_ones_own),
        cmocka_unit_test(test_a_member_of_the_cluster_that_was_dead_is_measured_sooner),
        cmocka_unit_test(test_one_that_names_another_cluster_at_the_welcome),
        cmocka_unit_test(test_servers_that_name_another_cluster_each_time),
        cmocka_unit_test(test_an_earlier_one_that_refuses_us),
        cmocka_unit_test(test_where_nothing_else_is_a_refusal_is_fatal),
        cmocka_unit_test(test_an_earlier_one_that_hangs_after_the_probe),
        cmocka_unit_test(test_ten_servers_of_which_nine_are_dead),
        cmocka_unit_test(test_probes_that_are_never_answered),
        cmocka_unit_test(test_a_server_that_is_full_is_left_alone),
        cmocka_unit_test(test_where_all_are_full_the_first_that_may_is_tried),
        cmocka_unit_test(test_another_cluster_is_not_shown_the_token),
        cmocka_unit_test(test_leaving_ends_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
