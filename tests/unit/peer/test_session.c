/* SPDX-License-Identifier: MIT
 *
 * The signaling session and the roster: states, reconnects, errors, rejoining without calling anybody twice.
 */
#include "tests/unit/peer/forge.h"

static void states_are(const struct node *n, const char *const *states, size_t n_states)
{
    assert_int_equal(count(n, NOTICE_STATE), n_states);
    for (size_t i = 0; i < n_states; i++)
        assert_string_equal(notice(n, NOTICE_STATE, i)->text, states[i]);
}

static void test_states_and_ready(void **state)
{
    (void)state;
    struct world *w = world_up(2);
    states_are(&w->nodes[0],
        (const char *[]){"connecting", "connected", "joining", "in-room", "discovering", "p2p-connected"}, 6);
    assert_int_equal(count(&w->nodes[1], NOTICE_JOINED), 1);
    const struct peer_notice *joined = notice(&w->nodes[1], NOTICE_JOINED, 0);
    assert_string_equal(joined->room, "demo");
    assert_int_equal(joined->to_count, 1);
    assert_string_equal(joined->to[0], peer_id(w->nodes[0].p));
    assert_string_equal(joined->names[0], "ann");
    assert_string_equal(notice(&w->nodes[1], NOTICE_READY, 0)->id, peer_id(w->nodes[1].p));
    world_end(w);
}

/* Each server once, a second apart; then all again, later each time. */
static void test_reconnects_after_1_2_4_8_16_30_s_in_turn(void **state)
{
    (void)state;
    struct world *w = world_make(1);
    struct node *n = &w->nodes[0];
    w->daemon_up = false;
    start(w, 0);
    uint64_t pauses[] = {1000, 1000, 1000, 2000, 1000, 4000, 1000, 8000, 1000, 16000, 1000, 30000, 1000, 30000};
    for (unsigned i = 0; i < sizeof pauses / sizeof *pauses; i++) {
        assert_int_equal(n->connects, i + 1);
        assert_int_equal(n->server, i % 2);
        uint64_t at = w->now;
        pass(w, pauses[i] - 1);
        assert_int_equal(n->connects, i + 1);
        while (n->connects == i + 1)
            pass(w, 1);
        assert_true(w->now - at <= pauses[i] + pauses[i] / 4);
    }
    w->daemon_up = true;
    pass(w, 40000);
    assert_int_equal(count(n, NOTICE_READY), 1);
    assert_int_equal(peer_stats(n->p)->reconnects_total, n->connects - 1);
    world_end(w);
}

static void test_a_daemon_that_says_nothing_is_given_up(void **state)
{
    (void)state;
    struct world *w = world_make(1);
    w->keep_probes = true;
    struct node *n = &w->nodes[0];
    feed(w, 0, (struct peer_event){.type = PEER_START});
    struct event *e, *next;
    DL_FOREACH_SAFE (w->queue, e, next) {
        DL_DELETE(w->queue, e);
        event_free(e);
    }
    w->daemon_up = false;
    pass(w, 14999);
    assert_int_equal(n->connects, 1);
    pass(w, 1 + 1250);
    assert_int_equal(n->connects, 2);
    world_end(w);
}

static void test_silence_is_asked_about(void **state)
{
    (void)state;
    struct world *w = world_up(1);
    struct node *n = &w->nodes[0];
    pass(w, 300000);
    assert_int_equal(n->connects, 1);
    w->hold_signals = w->keep_probes = true;
    n->open = false; /* the daemon hears and says nothing more */
    pass(w, 25000 + 10000 + 1250 + 25000);
    assert_int_equal(n->connects, 2);
    world_end(w);
}

static void test_errors(void **state)
{
    (void)state;
    static const struct {
        const char *code;
        bool fatal;
    } cases[] = {{"unauthorized", true}, {"forbidden", true}, {"room-locked", true}, {"room-full", false},
        {"server-full", false}, {"rate-limited", false}, {"draining", false}, {"bad-message", false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct world *w = world_make(1);
        struct node *n = &w->nodes[0];
        char text[128];
        n->settings.servers = 1;
        node_boot(w, 0);
        w->daemon_up = false;
        feed(w, 0, (struct peer_event){.type = PEER_START});
        struct event *e = w->queue;
        DL_DELETE(w->queue, e);
        event_free(e);
        later(w, 0, PEER_SIGNALING_OPEN, 0, SPAN(""));
        frame_to(w, 0, "{\"type\":\"welcome\",\"peerId\":\"n.x\"}");
        snprintf(text, sizeof text,
            "{\"type\":\"error\",\"code\":\"%s\",\"message\":\"m\",\"fatal\":false,\"retryAfterMs\":7000}",
            cases[i].code);
        frame_to(w, 0, text);
        run(w);
        assert_string_equal(notice(n, NOTICE_ERROR, 0)->code, cases[i].code);
        assert_int_equal(notice(n, NOTICE_ERROR, 0)->fatal, cases[i].fatal);
        pass(w, 6999);
        assert_int_equal(n->connects, 1);
        pass(w, 1);
        assert_int_equal(n->connects, cases[i].fatal ? 1 : 2);
        world_end(w);
    }
}

static void test_ice_servers_are_taken_anew(void **state)
{
    (void)state;
    struct world *w = world_up(2);
    assert_int_equal(w->nodes[0].ice_lists, 1); /* of welcome */
    frame_to(w, 0, "{\"type\":\"ice-servers\",\"iceServers\":[{\"urls\":\"stun:t\"}]}");
    frame_to(w, 0, "{\"type\":\"ice-servers\"}");
    run(w);
    assert_int_equal(w->nodes[0].ice_lists, 2);
    world_end(w);
}

/* Whose machine got another address need not wait out what the old one failed at. */
static void test_another_network_is_tried_at_once(void **state)
{
    (void)state;
    struct world *w = world_up(2);
    struct node *n = &w->nodes[0];
    feed(w, 0, (struct peer_event){.type = PEER_NETWORK});
    run(w);
    assert_int_equal(n->connects, 1);
    feed(w, 0, (struct peer_event){.type = PEER_NETWORK, .cut = true});
    run(w);
    assert_int_equal(n->connects, 2);
    assert_string_equal(notice(n, NOTICE_STATE, count(n, NOTICE_STATE) - 1)->text, "p2p-connected");
    w->daemon_up = false;
    break_socket(w, 0);
    pass(w, 10000);
    unsigned tried = n->connects;
    feed(w, 0, (struct peer_event){.type = PEER_NETWORK});
    assert_int_equal(n->connects, tried + 1);
    world_end(w);
}

static void test_draining_is_obeyed(void **state)
{
    (void)state;
    struct world *w = world_up(2);
    struct node *n = &w->nodes[0];
    frame_to(w, 0, "{\"type\":\"server-draining\",\"reconnectAfterMs\":4321}");
    break_socket(w, 0);
    pass(w, 4320);
    assert_int_equal(n->connects, 1);
    pass(w, 1);
    assert_int_equal(n->connects, 2);
    world_end(w);
}

/* Nor does another network bring it back before. */
static void test_draining_is_obeyed_on_another_network(void **state)
{
    (void)state;
    struct world *w = world_up(2);
    struct node *n = &w->nodes[0];
    frame_to(w, 0, "{\"type\":\"server-draining\",\"reconnectAfterMs\":4321}");
    run(w);
    feed(w, 0, (struct peer_event){.type = PEER_NETWORK, .cut = true});
    pass(w, 4320);
    assert_int_equal(n->connects, 1);
    pass(w, 1);
    assert_int_equal(n->connects, 2);
    world_end(w);
}

/* The daemon dies: links stay, people go on talking; it returns: everybody has a new seat and nobody is called. */
static void test_the_daemon_dies_and_returns(void **state)
{
    (void)state;
    struct world *w = world_up(3);
    daemon_dies(w);
    pass(w, 20000);
    for (int i = 0; i < 3; i++)
        assert_string_equal(notice(&w->nodes[i], NOTICE_STATE, 6)->text, "disconnected");
    send_ref(w, 0, NULL, 0, "still here?", "");
    pass(w, 10);
    assert_int_equal(count(&w->nodes[1], NOTICE_MESSAGE), 1);
    assert_int_equal(count(&w->nodes[2], NOTICE_MESSAGE), 1);
    w->daemon_up = true;
    pass(w, 60000);
    for (int i = 0; i < 3; i++) {
        assert_true(w->nodes[i].in_room);
        assert_int_equal(count(&w->nodes[i], NOTICE_PEER), 2);
        assert_int_equal(count(&w->nodes[i], NOTICE_READY), 1);
        assert_int_equal(count(&w->nodes[i], NOTICE_JOINED), 2);
        assert_int_equal(peer_stats(w->nodes[i].p)->calls_total, 2);
        assert_int_equal(count(&w->nodes[i], NOTICE_LINK), 0);
    }
    world_end(w);
}

/* A restart goes to the new seats, by the old roles; with somebody who is linked with both it goes through him. */
static void test_a_restart_after_the_daemons(void **state)
{
    (void)state;
    for (int n = 2; n <= 3; n++) {
        struct world *w = world_up(n);
        pass(w, 5000);
        daemon_dies(w);
        w->daemon_up = true;
        pass(w, 60000);
        size_t offers = signals(w, "n.a", "offer");
        struct event *e = later(w, 0, PEER_ICE_STATE, rtc_with(&w->nodes[0], 1), SPAN(""));
        e->ev.ice.connected = false;
        run(w);
        assert_int_equal(w->nodes[0].restarts, 1);
        assert_int_equal(signals(w, "n.a", "offer"), offers + (n == 2));
        if (n == 2) {
            assert_string_equal(last_signal(w, "offer")->from, w->nodes[0].seat);
            assert_string_equal(last_signal(w, "answer")->to, w->nodes[0].seat);
        } else {
            assert_int_equal(peer_stats(w->nodes[2].p)->relayed_total, 6); /* two descriptions, four candidates */
        }
        pass(w, 10000);
        assert_int_equal(count(&w->nodes[0], NOTICE_PEER), (size_t)n - 1);
        assert_int_equal(peer_stats(w->nodes[0].p)->calls_total, n - 1);
        world_end(w);
    }
}

/* The roles of the first offer stay when the order of the seats turns round. */
static void test_roles_outlive_seats(void **state)
{
    (void)state;
    struct world *w = world_up(2);
    struct node *ann = &w->nodes[0];
    break_socket(w, 0);
    strcpy(ann->seat, "n.zzz");
    pass(w, 1250);
    assert_string_equal(ann->seat, "n.zzz");
    w->cut = true;
    pass(w, 8000);
    assert_int_equal(w->nodes[1].restarts, 0);
    assert_int_equal(ann->restarts, 1);
    assert_int_equal(count(ann, NOTICE_PEER), 1);
    world_end(w);
}

static void test_leaving(void **state)
{
    (void)state;
    struct world *w = world_up(2);
    struct node *ann = &w->nodes[0], *bob = &w->nodes[1];
    feed(w, 1, (struct peer_event){.type = PEER_LEAVE});
    assert_int_equal(count(bob, NOTICE_LEFT), 1);
    assert_int_equal(live_rtcs(bob), 0);
    run(w);
    assert_int_equal(live_rtcs(ann), 0);
    assert_int_equal(count(ann, NOTICE_PEER), 2);
    assert_false(notice(ann, NOTICE_PEER, 1)->up);
    assert_string_equal(notice(ann, NOTICE_PRESENCE, 0)->text, "gone");
    assert_int_equal(count(ann, NOTICE_LINK), 0);
    assert_int_equal(peer_people(ann->p, NULL, 0), 0);
    pass(w, 120000);
    assert_int_equal(peer_stats(ann->p)->calls_total, 1);
    assert_int_equal(bob->connects, 1);
    feed(w, 1, (struct peer_event){.type = PEER_SEND, .send = {.text = SPAN("too late")}});
    assert_int_equal(count(bob, NOTICE_ACCEPTED), 0);
    assert_string_equal(notice(bob, NOTICE_ERROR, 0)->code, "not-in-room");
    world_end(w);
}

/* Bob says good-bye, and yet the daemon goes on showing him: the link ends without a complaint, and is made again. */
static void test_a_goodbye_that_was_none(void **state)
{
    (void)state;
    struct world *w = world_up(2);
    struct node *ann = &w->nodes[0];
    says(w, 1, 0,
        &(struct envelope){.type = ENVELOPE_PRESENCE_UPDATE,
            .metadata = SPAN("{\"presence\":\"gone\",\"version\":9007199254740991}")});
    assert_int_equal(count(ann, NOTICE_LINK), 0);
    assert_int_equal(count(ann, NOTICE_PEER), 2);
    assert_false(notice(ann, NOTICE_PEER, 1)->up);
    pass(w, 30000);
    assert_int_equal(peer_stats(ann->p)->links_up, 1);
    world_end(w);
}

static void test_a_seat_that_breaks_leaves_the_link(void **state)
{
    (void)state;
    struct world *w = world_up(2);
    struct node *ann = &w->nodes[0];
    w->daemon_up = false;
    break_socket(w, 1);
    run(w);
    assert_int_equal(count(ann, NOTICE_PEER), 1);
    struct peer_person who;
    assert_int_equal(peer_people(ann->p, &who, 1), 1);
    assert_true(who.up);
    assert_false(who.in_room);
    /* Gone from the room, and then the link dies: forgotten; but not what waits for it. */
    send_direct(w, 0, 1, "later");
    w->cut = true;
    later(w, 0, PEER_RTC_FAILED, live_rtc(ann), SPAN("ice"));
    send_direct(w, 0, 1, "later still");
    run(w);
    assert_int_equal(peer_people(ann->p, NULL, 0), 0);
    assert_int_equal(peer_pending(ann->p), 0);
    assert_int_equal(peer_stats(ann->p)->queued, 2);
    w->cut = false;
    w->daemon_up = true;
    pass(w, 40000);
    assert_int_equal(count(&w->nodes[1], NOTICE_MESSAGE), 2);
    assert_int_equal(peer_stats(ann->p)->queued, 0);
    world_end(w);
}

static void test_an_endless_roster(void **state)
{
    (void)state;
    struct world *w = world_up(1);
    w->data_n = 1 << 20;
    char text[128];
    for (int i = 0; i < 5000; i++) {
        snprintf(text, sizeof text, "{\"type\":\"peer-joined\",\"peerId\":\"m.%d\",\"displayName\":\"x\"}", i);
        later(w, 0, PEER_SIGNALING_FRAME, 0, span_of(text));
        struct event *e = w->queue;
        DL_DELETE(w->queue, e);
        struct peer_event ev = e->ev;
        ev.now = w->now;
        peer_step(w->nodes[0].p, &ev, &w->nodes[0].fx);
        peer_effects_clear(&w->nodes[0].fx);
        event_free(e);
    }
    peer_check(w->nodes[0].p);
    size_t n = peer_people(w->nodes[0].p, NULL, 0);
    assert_true(n >= 1024 && n <= 2048);
    world_end(w);
}

static void test_nonsense_from_the_daemon(void **state)
{
    (void)state;
    struct world *w = world_up(2);
    static const char *const frames[] = {"", "null", "[]", "{}", "{\"type\":7}", "{\"type\":\"later\"}",
        "{\"type\":\"peers\"}", "{\"type\":\"peer-joined\"}", "{\"type\":\"peer-left\",\"peerId\":\"nobody\"}",
        "{\"type\":\"offer\",\"from\":\"nobody\",\"sdp\":\"v=0\"}", "{\"type\":\"peer-joined\",\"peerId\":\"a b\"}",
        "{\"type\":\"signal\",\"from\":\"n.b002\",\"data\":{\"mine\":1}}", "{\"type\":\"pong\"}",
        "{\"type\":\"error\",\"code\":\"no-such-peer\"}",
        "{\"type\":\"peer-joined\",\"peerId\":\"aaaaaaaaaaaaaaaaaaaaaaaaaa\"}"};
    for (size_t i = 0; i < sizeof frames / sizeof frames[0]; i++)
        frame_to(w, 0, frames[i]);
    run(w);
    assert_int_equal(count(&w->nodes[0], NOTICE_PEER), 1);
    assert_int_equal(peer_people(w->nodes[0].p, NULL, 0), 1);
    assert_int_equal(count(&w->nodes[0], NOTICE_ERROR), 0);
    frame_to(w, 0, "{\"type\":\"room-closed\"}");
    run(w);
    assert_true(notice(&w->nodes[0], NOTICE_ERROR, 0)->fatal);
    world_end(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_states_and_ready),
        cmocka_unit_test(test_reconnects_after_1_2_4_8_16_30_s_in_turn),
        cmocka_unit_test(test_a_daemon_that_says_nothing_is_given_up),
        cmocka_unit_test(test_silence_is_asked_about),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_another_network_is_tried_at_once),
        cmocka_unit_test(test_draining_is_obeyed),
        cmocka_unit_test(test_draining_is_obeyed_on_another_network),
        cmocka_unit_test(test_the_daemon_dies_and_returns),
        cmocka_unit_test(test_a_restart_after_the_daemons),
        cmocka_unit_test(test_roles_outlive_seats),
        cmocka_unit_test(test_leaving),
        cmocka_unit_test(test_a_goodbye_that_was_none),
        cmocka_unit_test(test_a_seat_that_breaks_leaves_the_link),
        cmocka_unit_test(test_an_endless_roster),
        cmocka_unit_test(test_nonsense_from_the_daemon),
        cmocka_unit_test(test_ice_servers_are_taken_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
