/* SPDX-License-Identifier: MIT
 *
 * Seats that outlive their sockets: ours, taken again with the token; the others', away and back; what was being said
 * meanwhile. And what the daemon is told of calls.
 */
#include "tests/unit/peer/forge.h"

static struct world *world_of_seats(int n)
{
    struct world *w = world_make(n);
    w->grace = true;
    for (int i = 0; i < n; i++) {
        w->nodes[i].settings.servers = 1;
        node_boot(w, i);
        start(w, i);
    }
    return w;
}

static bool in_room(struct world *w, int node, int other)
{
    struct peer_person people[NODES_MAX];
    size_t n = peer_people(w->nodes[node].p, people, NODES_MAX);
    for (size_t i = 0; i < n; i++)
        if (strcmp(people[i].id, peer_id(w->nodes[other].p)) == 0)
            return people[i].in_room;
    return false;
}

/* Nobody's application was told of anything since the room was full, and nobody was called again. */
static void nothing_happened(struct world *w)
{
    for (int i = 0; i < w->n; i++) {
        assert_int_equal(count(&w->nodes[i], NOTICE_JOINED), 1);
        assert_int_equal(count(&w->nodes[i], NOTICE_PEER), (size_t)w->n - 1);
        assert_int_equal(count(&w->nodes[i], NOTICE_LINK), 0);
        assert_int_equal(count(&w->nodes[i], NOTICE_ERROR), 0);
        assert_int_equal(peer_stats(w->nodes[i].p)->calls_total, (uint64_t)w->n - 1);
    }
}

static void ice_lost(struct world *w, int node)
{
    struct event *e = later(w, node, PEER_ICE_STATE, live_rtc(&w->nodes[node]), SPAN(""));
    e->ev.ice.connected = false;
    run(w);
}

static void test_a_lost_socket_keeps_its_seat(void **state)
{
    (void)state;
    struct world *w = world_of_seats(3);
    struct node *bob = &w->nodes[1];
    char seat[sizeof bob->seat];
    for (unsigned times = 1; times <= 3; times++) {
        memcpy(seat, bob->seat, sizeof seat);
        break_socket(w, 1);
        run(w);
        assert_true(in_room(w, 0, 1));
        pass(w, 1250);
        assert_string_equal(bob->seat, seat);
        assert_int_equal(bob->resumes, times);
        assert_int_equal(bob->server, 0); /* the one that has the seat */
    }
    assert_int_equal(bob->joins, 1);
    nothing_happened(w);
    world_end(w);
}

static void test_everybody_keeps_their_seat_over_a_restart(void **state)
{
    (void)state;
    struct world *w = world_of_seats(3);
    daemon_dies(w);
    pass(w, 5000);
    w->daemon_up = true;
    pass(w, 60000);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(w->nodes[i].resumes, 1);
        assert_int_equal(w->nodes[i].joins, 1);
        for (int j = 0; j < 3; j++)
            assert_int_equal(in_room(w, i, j), i != j);
    }
    nothing_happened(w);
    world_end(w);
}

static void test_who_is_not_back_after_a_restart_has_left(void **state)
{
    (void)state;
    struct world *w = world_of_seats(3);
    daemon_dies(w);
    run(w);
    w->nodes[2].still = true;
    w->cut = true;
    w->daemon_up = true;
    pass(w, 1250);
    assert_true(in_room(w, 0, 1));
    assert_true(in_room(w, 0, 2));
    pass(w, 30000);
    assert_true(in_room(w, 0, 1));
    assert_false(in_room(w, 0, 2));
    world_end(w);
}

static void test_who_left_meanwhile_is_not_in_the_list(void **state)
{
    (void)state;
    struct world *w = world_of_seats(3);
    break_socket(w, 0);
    daemon_left(w, 2, "disconnected");
    pass(w, 1250);
    assert_int_equal(w->nodes[0].resumes, 1);
    assert_true(in_room(w, 0, 1));
    assert_false(in_room(w, 0, 2));
    world_end(w);
}

static void test_a_refused_token_joins_on_the_same_connection(void **state)
{
    (void)state;
    struct world *w = world_of_seats(2);
    struct node *bob = &w->nodes[1];
    break_socket(w, 1);
    daemon_left(w, 1, "timeout");
    pass(w, 1250);
    assert_int_equal(bob->connects, 2);
    assert_int_equal(bob->resumes, 1);
    assert_int_equal(bob->joins, 2);
    assert_int_equal(count(bob, NOTICE_JOINED), 2);
    assert_int_equal(count(bob, NOTICE_ERROR), 0);
    assert_int_equal(count(bob, NOTICE_PEER), 1);
    world_end(w);
}

/* The seat's own server refused: the token is spent, whatever becomes of the join. */
static void test_a_refused_token_is_not_shown_again(void **state)
{
    (void)state;
    struct world *w = world_of_seats(1);
    struct node *ann = &w->nodes[0];
    break_socket(w, 0);
    daemon_left(w, 0, "timeout");
    w->full = true;
    pass(w, 1250);
    assert_int_equal(ann->resumes, 1);
    assert_int_equal(ann->joins, 2);
    w->full = false;
    pass(w, 10000);
    assert_int_equal(ann->resumes, 1);
    assert_int_equal(ann->joins, 3);
    world_end(w);
}

/* Another server knows nothing of the seat, and has no room: back at the first it is still there. */
static void test_another_server_does_not_cost_the_seat(void **state)
{
    (void)state;
    struct world *w = world_make(1);
    struct node *ann = &w->nodes[0];
    char seat[sizeof ann->seat];
    w->grace = true;
    start(w, 0);
    w->apart = w->full = true;
    memcpy(seat, ann->seat, sizeof seat);
    break_socket(w, 0);
    w->daemon_up = false;
    pass(w, 1250);
    assert_int_equal(ann->connects, 2);
    w->daemon_up = true;
    while (ann->server == 0)
        pass(w, 1);
    assert_int_equal(ann->resumes, 1);
    assert_int_equal(ann->joins, 2);
    pass(w, 5000);
    assert_int_equal(ann->server, 0);
    assert_int_equal(ann->resumes, 2);
    assert_int_equal(ann->joins, 2);
    assert_string_equal(ann->seat, seat);
    world_end(w);
}

static void test_a_server_that_never_heard_of_seats(void **state)
{
    (void)state;
    struct world *w = world_of_seats(1);
    struct node *ann = &w->nodes[0];
    break_socket(w, 0);
    run(w);
    while (ann->resumes == 0) {
        assert_true(ann->deadline != UINT64_MAX);
        w->now = ann->deadline;
        feed(w, 0, (struct peer_event){.type = PEER_TIME});
        struct event *e;
        while (ann->resumes == 0 && (e = w->queue)) {
            DL_DELETE(w->queue, e);
            feed(w, 0, e->ev);
            event_free(e);
        }
    }
    struct event *answer = w->queue;
    DL_DELETE(w->queue, answer);
    event_free(answer);
    frame_to(w, 0, "{\"type\":\"error\",\"code\":\"unknown-type\",\"message\":\"m\",\"fatal\":false}");
    run(w);
    assert_int_equal(ann->joins, 2);
    assert_int_equal(ann->connects, 2);
    world_end(w);
}

static void test_who_is_away_is_not_called(void **state)
{
    (void)state;
    struct world *w = world_make(2);
    struct node *ann = &w->nodes[0], *bob = &w->nodes[1];
    w->grace = true;
    start(w, 1);
    break_socket(w, 1);
    w->daemon_up = false;
    run(w);
    w->daemon_up = true;
    bob->still = true;
    start(w, 0);
    pass(w, 20000);
    assert_int_equal(count(ann, NOTICE_JOINED), 1);
    assert_int_equal(peer_stats(ann->p)->calls_total, 0);
    bob->still = false;
    pass(w, 2000);
    assert_int_equal(bob->resumes, 1);
    assert_int_equal(peer_stats(ann->p)->calls_total, 1);
    assert_int_equal(count(ann, NOTICE_PEER), 1);
    world_end(w);
}

/* Ann's offer finds Bob away: the daemon keeps it, and no second one is made. */
static void test_an_offer_waits_for_its_reader(void **state)
{
    (void)state;
    struct world *w = world_make(2);
    struct node *ann = &w->nodes[0], *bob = &w->nodes[1];
    w->grace = true;
    start(w, 0);
    feed(w, 1, (struct peer_event){.type = PEER_START});
    while (!bob->in_room) {
        struct event *e = w->queue;
        DL_DELETE(w->queue, e);
        feed(w, e->node, e->ev);
        event_free(e);
    }
    while (!peer_stats(ann->p)->calls_total) {
        struct event *e = w->queue;
        DL_DELETE(w->queue, e);
        feed(w, e->node, e->ev);
        event_free(e);
    }
    break_socket(w, 1);
    run(w);
    assert_non_null(w->mail);
    pass(w, 1500);
    assert_int_equal(bob->resumes, 1);
    assert_int_equal(count(ann, NOTICE_PEER), 1);
    assert_int_equal(count(bob, NOTICE_PEER), 1);
    assert_int_equal(peer_stats(ann->p)->calls_total, 1);
    assert_int_equal(peer_stats(bob->p)->calls_total, 1);
    world_end(w);
}

/* Bob's socket swallowed Ann's offer before the daemon noticed; or ours was lost before we could speak. */
static void test_what_was_lost_is_said_again(void **state)
{
    (void)state;
    for (int broken = 0; broken < 2; broken++) {
        struct world *w = world_make(2);
        w->grace = true;
        w->hold_signals = true;
        start(w, 0);
        start(w, 1);
        struct event *e, *next;
        DL_FOREACH_SAFE (w->delayed, e, next) {
            DL_DELETE(w->delayed, e);
            event_free(e);
        }
        w->hold_signals = false;
        w->lossy = broken == 0;
        assert_int_equal(peer_stats(w->nodes[0].p)->calls_total, 1);
        break_socket(w, broken);
        pass(w, broken == 0 ? 2000 : 5000);
        assert_int_equal(count(&w->nodes[0], NOTICE_PEER), 1);
        assert_int_equal(signals(w, "n.a", "offer"), 2);
        world_end(w);
    }
}

/* Bob is there, but the room is not ours to speak in when our offer is ready. */
static void test_what_could_not_be_said_is_said_in_the_room(void **state)
{
    (void)state;
    struct world *w = world_make(2);
    struct node *ann = &w->nodes[0];
    w->grace = true;
    start(w, 0);
    feed(w, 1, (struct peer_event){.type = PEER_START});
    while (!peer_stats(ann->p)->calls_total) {
        struct event *e = w->queue;
        DL_DELETE(w->queue, e);
        feed(w, e->node, e->ev);
        event_free(e);
    }
    feed(w, 0, (struct peer_event){.type = PEER_SIGNALING_CLOSED, .closed = {0, SPAN("broken")}});
    run(w);
    assert_int_equal(signals(w, "n.a", "offer"), 0);
    pass(w, 1300);
    assert_int_equal(ann->resumes, 1);
    assert_int_equal(count(ann, NOTICE_PEER), 1);
    assert_int_equal(peer_stats(ann->p)->calls_total, 2);
    world_end(w);
}

/* Whoever has our token may have it from us: he is not fought, and our application is told. */
static void test_a_seat_taken_over_is_not_taken_back(void **state)
{
    (void)state;
    struct world *w = world_of_seats(2);
    struct node *bob = &w->nodes[1];
    char seat[sizeof bob->seat];
    memcpy(seat, bob->seat, sizeof seat);
    bob->open = false;
    struct event *e = later(w, 1, PEER_SIGNALING_CLOSED, 0, SPAN("taken"));
    e->ev.closed.code = 4001;
    run(w);
    assert_string_equal(notice(bob, NOTICE_ERROR, 0)->code, "taken-over");
    assert_false(notice(bob, NOTICE_ERROR, 0)->fatal);
    daemon_left(w, 1, "left");
    pass(w, 3000);
    assert_int_equal(bob->resumes, 0);
    assert_int_equal(bob->joins, 2);
    assert_string_not_equal(bob->seat, seat);
    e = later(w, 1, PEER_SIGNALING_CLOSED, 0, SPAN("broken")); /* any other end: it comes back to its seat */
    bob->open = false;
    e->ev.closed.code = 1008;
    run(w);
    pass(w, 3000);
    assert_int_equal(bob->resumes, 1);
    assert_int_equal(bob->joins, 2);
    assert_int_equal(count(bob, NOTICE_ERROR), 1);
    world_end(w);
}

static void test_a_restart_reaches_who_is_away(void **state)
{
    (void)state;
    struct world *w = world_of_seats(2);
    struct node *ann = &w->nodes[0];
    break_socket(w, 1);
    run(w);
    ice_lost(w, 0);
    assert_int_equal(ann->restarts, 1);
    assert_non_null(w->mail);
    pass(w, 2000);
    assert_int_equal(ann->restarts, 1);
    assert_int_equal(count(ann, NOTICE_PEER), 1);
    assert_int_equal(peer_stats(ann->p)->calls_total, 1);
    world_end(w);
}

static void test_a_seat_with_another_name(void **state)
{
    (void)state;
    struct world *w = world_of_seats(2);
    struct node *ann = &w->nodes[0], *bob = &w->nodes[1];
    char card[1024], text[1200], before[sizeof bob->seat];
    memcpy(before, bob->seat, sizeof before);
    strcpy(bob->seat, "m.bbb");
    write_card(bob, card, sizeof card);
    snprintf(text, sizeof text, "{\"type\":\"peer-back\",\"previousPeerId\":\"%s\",%s}", before, card);
    frame_to(w, 0, text);
    run(w);
    assert_int_equal(count(ann, NOTICE_PEER), 1);
    ice_lost(w, 0);
    assert_string_equal(last_signal(w, "offer")->to, "m.bbb");
    /* The old name is nobody's now. */
    snprintf(text, sizeof text, "{\"type\":\"peer-left\",\"peerId\":\"%s\",\"reason\":\"left\"}", before);
    frame_to(w, 0, text);
    run(w);
    assert_true(in_room(w, 0, 1));
    assert_int_equal(peer_stats(ann->p)->links_up, 1);
    world_end(w);
}

/* The name of Bob's seat is said to be somebody else's now: a new person, and Bob's seat is gone. */
static void test_a_seat_is_not_handed_to_another_person(void **state)
{
    (void)state;
    struct world *w = world_of_seats(2);
    struct node *ann = &w->nodes[0];
    char text[400];
    snprintf(text, sizeof text,
        "{\"type\":\"peer-back\",\"previousPeerId\":\"%s\",\"peerId\":\"m.eve\",\"displayName\":\"bob\"}",
        w->nodes[1].seat);
    frame_to(w, 0, text);
    run(w);
    assert_false(in_room(w, 0, 1));
    assert_int_equal(peer_people(ann->p, NULL, 0), 2);
    world_end(w);
}

static void test_calls_are_reported(void **state)
{
    (void)state;
    static const char *const outcomes[] = {
        [PEER_PATH_DIRECT] = "direct", [PEER_PATH_STUN] = "stun", [PEER_PATH_TURN] = "turn"};
    struct world *w = world_of_seats(2);
    struct node *ann = &w->nodes[0], *bob = &w->nodes[1];
    for (int i = 0; i < 2; i++) {
        assert_int_equal(w->nodes[i].reports, 1);
        assert_string_equal(w->nodes[i].outcome, "direct");
        assert_string_equal(w->nodes[i].reported, w->nodes[1 - i].seat);
        assert_int_equal(w->nodes[i].rtt_ms, 1);
    }
    world_end(w);
    for (enum peer_path path = PEER_PATH_DIRECT; path <= PEER_PATH_TURN; path++) {
        w = world_make(1);
        ann = &w->nodes[0];
        start(w, 0);
        stranger_joins(w, "n.zzz", "page", "");
        pass(w, 70);
        struct event *e = later(w, 0, PEER_ICE_STATE, live_rtc(ann), SPAN(""));
        e->ev.ice.connected = true;
        e->ev.ice.path = path;
        run(w);
        assert_int_equal(ann->reports, 0);
        channel_opens(w, 0, live_rtc(ann), 1, "usher");
        assert_int_equal(ann->reports, 1);
        assert_string_equal(ann->outcome, outcomes[path]);
        assert_string_equal(ann->reported, "n.zzz");
        assert_int_equal(ann->connect_ms, 70);
        world_end(w);
    }
    w = world_make(2);
    ann = &w->nodes[0];
    bob = &w->nodes[1];
    w->cut = true;
    start(w, 0);
    start(w, 1);
    pass(w, 15000);
    assert_int_equal(ann->reports, 1);
    assert_string_equal(ann->outcome, "failed");
    assert_string_equal(bob->outcome, "failed");
    world_end(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_lost_socket_keeps_its_seat),
        cmocka_unit_test(test_everybody_keeps_their_seat_over_a_restart),
        cmocka_unit_test(test_who_is_not_back_after_a_restart_has_left),
        cmocka_unit_test(test_who_left_meanwhile_is_not_in_the_list),
        cmocka_unit_test(test_a_refused_token_joins_on_the_same_connection),
        cmocka_unit_test(test_a_refused_token_is_not_shown_again),
        cmocka_unit_test(test_another_server_does_not_cost_the_seat),
        cmocka_unit_test(test_a_server_that_never_heard_of_seats),
        cmocka_unit_test(test_who_is_away_is_not_called),
        cmocka_unit_test(test_an_offer_waits_for_its_reader),
        cmocka_unit_test(test_what_was_lost_is_said_again),
        cmocka_unit_test(test_what_could_not_be_said_is_said_in_the_room),
        cmocka_unit_test(test_a_seat_taken_over_is_not_taken_back),
        cmocka_unit_test(test_a_restart_reaches_who_is_away),
        cmocka_unit_test(test_a_seat_with_another_name),
        cmocka_unit_test(test_a_seat_is_not_handed_to_another_person),
        cmocka_unit_test(test_calls_are_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
