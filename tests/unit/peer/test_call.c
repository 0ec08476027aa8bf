/* SPDX-License-Identifier: MIT
 *
 * Who calls, glare, trickle, liveness, restart and retry.
 */
#include "tests/unit/peer/forge.h"

static void test_two_meet(void **state)
{
    (void)state;
    struct world *w = world_up(2);
    struct node *ann = &w->nodes[0], *bob = &w->nodes[1];
    assert_int_equal(count(ann, NOTICE_PEER), 1);
    assert_int_equal(count(bob, NOTICE_PEER), 1);
    const struct peer_notice *up = notice(ann, NOTICE_PEER, 0);
    assert_true(up->up && up->verified);
    assert_string_equal(up->id, peer_id(bob->p));
    assert_string_equal(up->name, "bob");
    assert_string_equal(up->path, "direct");
    /* The smaller seat calls; candidates trickle with a null at the end. */
    assert_int_equal(signals(w, "n.a", "offer"), 1);
    assert_int_equal(signals(w, "n.b", "offer"), 0);
    assert_int_equal(signals(w, "n.b", "answer"), 1);
    assert_int_equal(signals(w, "n.a", "ice-candidate"), 2);
    assert_true(json_is_null(json_object_get(last_signal(w, "ice-candidate")->body, "candidate")));
    assert_string_equal(json_string_value(json_object_get(last_signal(w, "offer")->body, "link")),
        json_string_value(json_object_get(last_signal(w, "answer")->body, "link")));
    struct peer_person who;
    assert_int_equal(peer_people(ann->p, &who, 1), 1);
    assert_true(who.up && who.verified && who.in_room);
    assert_int_equal(peer_stats(ann->p)->links_up, 1);
    assert_int_equal(peer_stats(ann->p)->calls_total, 1);
    world_end(w);
}

static void test_the_order_of_joining_does_not_matter(void **state)
{
    (void)state;
    struct world *w = world_make(2);
    start(w, 1);
    start(w, 0);
    assert_int_equal(signals(w, "n.a", "offer"), 1);
    assert_int_equal(signals(w, "n.b", "offer"), 0);
    assert_int_equal(count(&w->nodes[1], NOTICE_PEER), 1);
    world_end(w);
}

static void test_a_full_mesh(void **state)
{
    (void)state;
    struct world *w = world_up(4);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(count(&w->nodes[i], NOTICE_PEER), 3);
        assert_int_equal(peer_stats(w->nodes[i].p)->calls_total, 3);
    }
    world_end(w);
}

/* Both offered: the larger seat gives way, and one link comes of it. */
static void test_glare(void **state)
{
    (void)state;
    struct world *w = world_make(2);
    struct node *ann = &w->nodes[0], *bob = &w->nodes[1];
    w->hold_signals = true;
    start(w, 0);
    start(w, 1);
    /* Ann's offer does not arrive in time, so Bob's patience ends. */
    pass(w, 3000);
    assert_int_equal(signals(w, "n.a", "offer"), 1);
    assert_int_equal(signals(w, "n.b", "offer"), 1);
    release_signals(w);
    assert_int_equal(count(ann, NOTICE_PEER), 1);
    assert_int_equal(count(bob, NOTICE_PEER), 1);
    assert_int_equal(live_rtcs(ann), 1);
    assert_int_equal(live_rtcs(bob), 1);
    assert_int_equal(signals(w, "n.a", "answer"), 0);
    assert_int_equal(signals(w, "n.b", "answer"), 1);
    assert_int_equal(peer_stats(ann->p)->refused_total, 0);
    world_end(w);
}

static void test_pings_measure_the_way(void **state)
{
    (void)state;
    struct world *w = world_up(2);
    struct peer_person who;
    peer_people(w->nodes[0].p, &who, 1);
    assert_int_equal(who.rtt_ms, 1); /* the first goes as soon as the link is up */
    pass(w, 60000);
    assert_int_equal(count(&w->nodes[0], NOTICE_LINK), 0);
    assert_int_equal(count(&w->nodes[0], NOTICE_PEER), 1);
    world_end(w);
}

static void test_a_dead_link_is_noticed_and_restarted_once(void **state)
{
    (void)state;
    struct world *w = world_up(2);
    struct node *ann = &w->nodes[0], *bob = &w->nodes[1];
    pass(w, 2500);
    w->cut = true;
    pass(w, 5400);
    assert_int_equal(count(ann, NOTICE_LINK), 0);
    pass(w, 600);
    assert_true(told(ann, NOTICE_LINK, "restarting"));
    assert_true(told(bob, NOTICE_LINK, "restarting"));
    /* Only the offerer restarts; nobody is told that the peer is down. */
    assert_int_equal(ann->restarts, 1);
    assert_int_equal(bob->restarts, 0);
    assert_int_equal(count(ann, NOTICE_PEER), 1);
    assert_int_equal(peer_stats(ann->p)->restarts_total, 1);
    world_end(w);
}

static void test_a_restart_brings_the_same_link_back(void **state)
{
    (void)state;
    struct world *w = world_up(2);
    struct node *ann = &w->nodes[0], *bob = &w->nodes[1];
    uint64_t rtc = live_rtc(ann);
    w->cut = true;
    w->hold_signals = true;
    pass(w, 7000);
    assert_int_equal(ann->restarts, 1);
    w->cut = false;
    release_signals(w);
    assert_int_equal(live_rtc(ann), rtc);
    send_direct(w, 0, 1, "still here");
    run(w);
    assert_int_equal(count(bob, NOTICE_MESSAGE), 1);
    assert_int_equal(count(bob, NOTICE_PEER), 1);
    pass(w, 30000);
    assert_int_equal(peer_stats(ann->p)->calls_total, 1);
    assert_int_equal(count(ann, NOTICE_PEER), 1);
    world_end(w);
}

/* The calls of a node by time: its attempts' beginnings, from the offers that the daemon saw. */
static size_t offers_by(struct world *w, uint64_t at)
{
    if (w->now < at)
        pass(w, at - w->now);
    return signals(w, "n.a", "offer");
}

static void test_new_attempts_after_1_2_4_and_then_every_30_s(void **state)
{
    (void)state;
    struct world *w = world_up(2);
    struct node *ann = &w->nodes[0];
    w->cut = true;
    w->daemon_up = true;
    /* Bob's machine is gone without a word: from now on nobody answers Ann. */
    w->n = 1;
    pass(w, 6000);
    uint64_t dead = w->now;
    assert_int_equal(offers_by(w, dead), 2); /* the first call and the restart */
    assert_int_equal(count(ann, NOTICE_PEER), 1);
    assert_int_equal(offers_by(w, dead + 5000), 2);
    assert_int_equal(count(ann, NOTICE_PEER), 2);
    assert_false(notice(ann, NOTICE_PEER, 1)->up);
    assert_true(told(ann, NOTICE_LINK, "the restart did not help"));
    uint64_t pauses[] = {1000, 2000, 4000, 30000, 30000};
    uint64_t from = dead + 5000;
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(offers_by(w, from + pauses[i] - 1), 2 + i);
        while (signals(w, "n.a", "offer") == 2 + i)
            pass(w, 1);
        assert_true(w->now <= from + pauses[i] + pauses[i] / 4);
        from = w->now + 15000;
        assert_int_equal(offers_by(w, from - 1), 3 + i);
        forget_notices(ann);
        pass(w, 1);
        assert_true(told(ann, NOTICE_LINK, "not up in 15 s"));
    }
    w->n = 2;
    world_end(w);
}

static void test_a_failed_connection_is_tried_again(void **state)
{
    (void)state;
    struct world *w = world_up(2);
    struct node *ann = &w->nodes[0], *bob = &w->nodes[1];
    later(w, 0, PEER_RTC_FAILED, live_rtc(ann), SPAN("dtls"));
    run(w);
    assert_true(told(ann, NOTICE_LINK, "retrying: dtls"));
    assert_int_equal(count(ann, NOTICE_PEER), 2);
    assert_int_equal(count(bob, NOTICE_PEER), 2);
    pass(w, 1250);
    assert_int_equal(count(ann, NOTICE_PEER), 3);
    assert_int_equal(signals(w, "n.a", "offer"), 2);
    assert_int_equal(signals(w, "n.b", "offer"), 0);
    world_end(w);
}

/* By whoever noticed: the other end of an address that is gone would hear nothing for 6 s. */
static void test_ice_that_lost_its_pair_is_restarted_at_once(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct world *w = world_up(2);
        struct node *who = &w->nodes[i], *other = &w->nodes[1 - i];
        struct event *e = later(w, i, PEER_ICE_STATE, live_rtc(who), SPAN(""));
        e->ev.ice.connected = false;
        run(w);
        assert_int_equal(who->restarts, 1);
        assert_int_equal(other->restarts, 0);
        assert_true(told(who, NOTICE_LINK, "restarting"));
        send_direct(w, 0, 1, "back");
        run(w);
        assert_int_equal(count(&w->nodes[1], NOTICE_MESSAGE), 1);
        assert_int_equal(count(who, NOTICE_PEER), 1);
        world_end(w);
    }
}

/* It is not known for good: the next silence is the offerer's again. */
static void test_who_lost_its_pair_once_restarts_once(void **state)
{
    (void)state;
    struct world *w = world_up(2);
    struct node *ann = &w->nodes[0], *bob = &w->nodes[1];
    struct event *e = later(w, 1, PEER_ICE_STATE, live_rtc(bob), SPAN(""));
    e->ev.ice.connected = false;
    pass(w, 3000);
    assert_int_equal(bob->restarts, 1);
    w->cut = true;
    pass(w, 8000);
    assert_int_equal(bob->restarts, 1);
    assert_int_equal(ann->restarts, 1);
    world_end(w);
}

static void test_a_late_frame_of_a_dead_attempt_is_ignored(void **state)
{
    (void)state;
    struct world *w = world_up(2);
    struct node *bob = &w->nodes[1];
    char *old = strdup(json_string_value(json_object_get(last_signal(w, "offer")->body, "link")));
    later(w, 1, PEER_RTC_FAILED, live_rtc(bob), SPAN("sctp"));
    run(w);
    assert_int_equal(live_rtcs(bob), 0);
    stranger_offers(w, 1, w->nodes[0].seat, old, w->nodes[0].fingerprint);
    assert_int_equal(live_rtcs(bob), 0);
    pass(w, 1250);
    assert_int_equal(live_rtcs(bob), 1);
    uint64_t calls = peer_stats(bob->p)->calls_total;
    stranger_offers(w, 1, w->nodes[0].seat, old, w->nodes[0].fingerprint);
    assert_int_equal(peer_stats(bob->p)->calls_total, calls);
    free(old);
    world_end(w);
}

/* A process that died and came back: its new offer takes the place of the old link when it is introduced. */
static void test_a_peer_that_began_anew_replaces_its_link(void **state)
{
    (void)state;
    struct world *w = world_up(2);
    struct node *ann = &w->nodes[0], *bob = &w->nodes[1];
    pass(w, 5000);
    w->drop_closes = true;
    daemon_left(w, 0, "disconnected");
    node_boot(w, 0);
    make_fingerprint(ann->fingerprint, 9);
    start(w, 0);
    assert_int_equal(live_rtcs(bob), 1);
    send_direct(w, 1, 0, "welcome back");
    send_direct(w, 0, 1, "I am back");
    pass(w, 100);
    assert_int_equal(count(ann, NOTICE_MESSAGE), 1);
    assert_int_equal(count(bob, NOTICE_MESSAGE), 1);
    assert_int_equal(count(bob, NOTICE_PEER), 1);
    world_end(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_meet),
        cmocka_unit_test(test_the_order_of_joining_does_not_matter),
        cmocka_unit_test(test_a_full_mesh),
        cmocka_unit_test(test_glare),
        cmocka_unit_test(test_pings_measure_the_way),
        cmocka_unit_test(test_a_dead_link_is_noticed_and_restarted_once),
        cmocka_unit_test(test_a_restart_brings_the_same_link_back),
        cmocka_unit_test(test_new_attempts_after_1_2_4_and_then_every_30_s),
        cmocka_unit_test(test_a_failed_connection_is_tried_again),
        cmocka_unit_test(test_ice_that_lost_its_pair_is_restarted_at_once),
        cmocka_unit_test(test_who_lost_its_pair_once_restarts_once),
        cmocka_unit_test(test_a_late_frame_of_a_dead_attempt_is_ignored),
        cmocka_unit_test(test_a_peer_that_began_anew_replaces_its_link),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
