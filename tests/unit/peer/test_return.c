/* SPDX-License-Identifier: MIT
 *
 * Links that end and come back, and what waited meanwhile.
 */
#include "tests/unit/peer/forge.h"

/* Both ends of the one link fail, and the path is there again. */
static void come_back(struct world *w)
{
    w->cut = true; /* neither end hears of the other's */
    later(w, 0, PEER_RTC_FAILED, live_rtc(&w->nodes[0]), SPAN("ice"));
    later(w, 1, PEER_RTC_FAILED, live_rtc(&w->nodes[1]), SPAN("ice"));
    run(w);
    w->cut = false;
    pass(w, 1500);
}

/* Who says good-bye is gone, though the connection is not closed. */
static void test_a_goodbye_ends_the_link(void **state)
{
    (void)state;
    struct world *w = world_up(2);
    struct node *bob = &w->nodes[1];
    w->drop_closes = true;
    daemon_left(w, 0, "left");
    run(w);
    assert_int_equal(live_rtcs(bob), 0);
    assert_int_equal(count(bob, NOTICE_PEER), 2);
    assert_false(notice(bob, NOTICE_PEER, 1)->up);
    world_end(w);
}

/* The link brings Ann's messages in the order in which they were said. */
static void comes_in_order(struct world *w, const struct event *e)
{
    static const char sequence[] = "\"sequence\":";
    struct span frame = e->ev.data.bytes;
    if (e->node != 1 || e->ev.type != PEER_DATA || !memmem(frame.p, frame.n, "direct_message", 14))
        return;
    const char *at = memmem(frame.p, frame.n, sequence, sizeof sequence - 1);
    assert_non_null(at);
    assert_int_equal(strtoull(at + sizeof sequence - 1, NULL, 10), ++w->counted);
}

/* More than may be in flight at once is lost with the link: sent again, the first comes first. */
static void test_the_order_outlives_the_link(void **state)
{
    (void)state;
    enum {
        MESSAGES = 300
    };
    struct world *w = world_up(2);
    struct node *bob = &w->nodes[1];
    char text[16];
    w->cut = true;
    for (int i = 0; i < MESSAGES; i++) {
        snprintf(text, sizeof text, "%d", i);
        send_direct(w, 0, 1, text);
    }
    run(w);
    w->counted = 0;
    w->sees = comes_in_order;
    come_back(w);
    assert_int_equal(w->counted, MESSAGES);
    assert_int_equal(count(bob, NOTICE_MESSAGE), MESSAGES);
    for (int i = 0; i < MESSAGES; i++) {
        snprintf(text, sizeof text, "%d", i);
        assert_string_equal(notice(bob, NOTICE_MESSAGE, (size_t)i)->text, text);
    }
    assert_int_equal(peer_stats(bob->p)->refused_total, 0);
    assert_int_equal(count(&w->nodes[0], NOTICE_DELIVERED), MESSAGES);
    world_end(w);
}

/* A process dies and another of the same identity takes a seat before anybody missed the first: whoever's turn it is to
 * call, they are linked again in two seconds. */
static void test_another_process_is_linked_at_once(void **state)
{
    (void)state;
    for (int dies = 0; dies < 2; dies++) {
        struct world *w = world_up(2);
        struct node *other = &w->nodes[1 - dies];
        pass(w, 10000);
        daemon_left(w, dies, "disconnected");
        w->drop_closes = true;
        node_boot(w, dies);
        start(w, dies);
        pass(w, 2000);
        assert_int_equal(peer_stats(w->nodes[dies].p)->links_up, 1);
        assert_int_equal(live_rtcs(other), 1);
        send_direct(w, 1 - dies, dies, "welcome back");
        pass(w, 100);
        assert_int_equal(count(other, NOTICE_DELIVERED), 1);
        world_end(w);
    }
}

/* Ann hears that Bob sits somewhere else, too. */
static void sits_elsewhere(struct world *w)
{
    struct node *bob = &w->nodes[1];
    char card[1024], text[1200], seat[sizeof bob->seat];
    memcpy(seat, bob->seat, sizeof seat);
    strcpy(bob->seat, "n.z999");
    write_card(bob, card, sizeof card);
    memcpy(bob->seat, seat, sizeof seat);
    snprintf(text, sizeof text, "{\"type\":\"peer-joined\",%s}", card);
    frame_to(w, 0, text);
}

/* Somebody who copied a name and a key out of the roster costs a ping; the link lives. */
static void test_a_copied_key_ends_no_link(void **state)
{
    (void)state;
    struct world *w = world_up(2);
    struct node *ann = &w->nodes[0];
    pass(w, 10000);
    uint64_t rtc = live_rtc(ann);
    sits_elsewhere(w);
    pass(w, 5000);
    assert_true(live_rtc(ann) == rtc && live_rtcs(ann) == 1);
    assert_int_equal(count(ann, NOTICE_PEER), 1);
    assert_int_equal(peer_stats(ann->p)->calls_total, 1);
    world_end(w);
}

/* Three tries were in vain on a link that seemed well; the next link carries the message. */
static void test_given_up_on_one_link_sent_on_the_next(void **state)
{
    (void)state;
    struct world *w = world_up(2);
    struct node *ann = &w->nodes[0];
    struct span to = span_of(peer_id(ann->p));
    struct envelope beat = {.type = ENVELOPE_HEARTBEAT, .to = &to, .to_count = 1, .metadata = SPAN("{\"ping\":1}")};
    char *ping = forge(w, 1, &beat);
    w->cut = true;
    w->n = 1; /* Bob stands still */
    send_direct(w, 0, 1, "hear me");
    for (int second = 0; second < 20; second++) {
        pass(w, 1000);
        data_comes(w, 0, live_rtc(ann), ping);
    }
    assert_int_equal(peer_stats(ann->p)->retransmitted_total, 2);
    w->n = 2;
    come_back(w);
    assert_int_equal(count(&w->nodes[1], NOTICE_MESSAGE), 1);
    assert_int_equal(count(ann, NOTICE_DELIVERED), 1);
    free(ping);
    world_end(w);
}

/* A message waits for somebody who is gone and whom nobody reaches: pass() sees that no moment is asked for twice. */
static void test_waiting_for_nobody_is_quiet(void **state)
{
    (void)state;
    struct world *w = world_up(2);
    w->drop_closes = true;
    daemon_left(w, 1, "left");
    run(w);
    w->n = 1;
    send_direct(w, 0, 1, "when you are back");
    pass(w, 10000);
    w->now++; /* whatever wakes it next: what is past is not asked for again */
    feed(w, 0, (struct peer_event){.type = PEER_PRESENCE, .presence = SPAN("away")});
    assert_true(w->nodes[0].deadline > w->now);
    assert_int_equal(peer_pending(w->nodes[0].p), 0);
    assert_int_equal(peer_stats(w->nodes[0].p)->queued, 1);
    w->n = 2;
    world_end(w);
}

/* The other seat is gone before the ping is given up, and so is everybody: there is nowhere to begin anew. */
static void test_who_sat_elsewhere_is_gone(void **state)
{
    (void)state;
    struct world *w = world_up(2);
    pass(w, 10000);
    w->cut = w->drop_closes = true;
    sits_elsewhere(w);
    frame_to(w, 0, "{\"type\":\"peer-left\",\"peerId\":\"n.z999\",\"reason\":\"disconnected\"}");
    daemon_left(w, 1, "disconnected");
    pass(w, 2000);
    assert_int_equal(peer_stats(w->nodes[0].p)->links_up, 0);
    assert_int_equal(live_rtcs(&w->nodes[0]), 0);
    world_end(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_another_process_is_linked_at_once),
        cmocka_unit_test(test_a_copied_key_ends_no_link),
        cmocka_unit_test(test_who_sat_elsewhere_is_gone),
        cmocka_unit_test(test_a_goodbye_ends_the_link),
        cmocka_unit_test(test_the_order_outlives_the_link),
        cmocka_unit_test(test_given_up_on_one_link_sent_on_the_next),
        cmocka_unit_test(test_waiting_for_nobody_is_quiet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
