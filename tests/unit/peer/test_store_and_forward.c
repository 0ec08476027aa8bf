/* SPDX-License-Identifier: MIT
 *
 * Copies kept for those who cannot be reached: with two others, sealed, until the reader has acknowledged them or their
 * time is over; and how much of that somebody may ask of us.
 */
#include "tests/unit/peer/forge.h"

static void leave(struct world *w, int node)
{
    feed(w, node, (struct peer_event){.type = PEER_LEAVE});
    run(w);
    memory_store_close(w->nodes[node].store);
    node_boot(w, node);
}

static uint64_t kept(const struct world *w, int node)
{
    return peer_stats(w->nodes[node].p)->kept;
}

static uint64_t kept_by_all(const struct world *w)
{
    uint64_t n = 0;
    for (int i = 0; i < w->n; i++)
        n += kept(w, i);
    return n;
}

/* Ann's words for Bob, who is away: two of the three others keep them, Ann leaves, Bob comes back. */
static void test_delivered_when_the_sender_is_gone(void **state)
{
    (void)state;
    struct world *w = world_up(5);
    struct node *bob = &w->nodes[1];
    pass(w, 3000);
    leave(w, 1);
    w->watch = "for Bob alone";
    send_direct(w, 0, 1, "for Bob alone");
    pass(w, 5000);
    assert_int_equal(kept_by_all(w), 2);
    for (int i = 2; i < 5; i++)
        assert_int_equal(rows_with(&w->nodes[i], "for Bob alone"), 0);
    leave(w, 0);
    /* A custodian starts anew: it still has what it keeps. */
    for (int i = 2; i < 5; i++) {
        uint64_t before = kept(w, i);
        leave(w, i);
        start(w, i);
        assert_int_equal(kept(w, i), before);
    }
    pass(w, 5000);
    start(w, 1);
    pass(w, 5000);
    assert_int_equal(count(bob, NOTICE_MESSAGE), 1);
    assert_string_equal(notice(bob, NOTICE_MESSAGE, 0)->text, "for Bob alone");
    assert_int_equal(kept_by_all(w), 0); /* acknowledged to whoever kept it */
    start(w, 0);
    pass(w, 10000);
    assert_int_equal(count(&w->nodes[0], NOTICE_DELIVERED), 1);
    assert_int_equal(count(bob, NOTICE_MESSAGE), 1);
    assert_int_equal(w->watched[0] + w->watched[2] + w->watched[3] + w->watched[4], 0);
    world_end(w);
}

/* Bob is reached through Cid only, who loses him while Ann's words are in flight: they are left with Cid and Dot. */
static void test_what_was_lost_through_others(void **state)
{
    (void)state;
    struct world *w = world_up(4);
    part(w, 0, 1, true);
    part(w, 3, 1, true);
    pass(w, 20000);
    part(w, 2, 1, true);
    send_direct(w, 0, 1, "lost on the way");
    pass(w, 20000);
    assert_int_equal(kept(w, 2) + kept(w, 3), 2);
    world_end(w);
}

/* Ann dies before Cid's copy for Bob is on her disk, and calls Cid anew before he misses her: her new connection takes
 * the place of the old one, and the copy is left with her once more. */
static void test_a_custodian_that_began_anew(void **state)
{
    (void)state;
    struct world *w = world_up(3);
    struct node *ann = &w->nodes[0];
    pass(w, 3000);
    leave(w, 1);
    ann->slow_disk = true;
    w->watch = "direct_message";
    send_direct(w, 2, 1, "for Bob");
    pass(w, 4000);
    assert_int_equal(w->watched[2], 1);
    ann->slow_disk = false;
    w->drop_closes = true;
    daemon_left(w, 0, "disconnected");
    node_boot(w, 0);
    make_fingerprint(ann->fingerprint, 9);
    start(w, 0);
    pass(w, 5000);
    assert_int_equal(count(&w->nodes[2], NOTICE_PEER), 3); /* Ann was never down */
    assert_int_equal(w->watched[2], 2);
    assert_int_equal(kept(w, 0), 1);
    world_end(w);
}

/* The link is lost with the copy in flight: it is left with Cid when he is back, and not again when that breaks. */
static void test_a_copy_that_is_lost(void **state)
{
    (void)state;
    struct world *w = world_up(3);
    pass(w, 3000);
    leave(w, 1);
    w->watch = "direct_message";
    send_direct(w, 0, 1, "for Bob");
    part(w, 0, 2, true);
    pass(w, 20000);
    assert_int_equal(w->watched[0], 1);
    assert_int_equal(kept(w, 2), 0);
    for (int i = 0; i < 2; i++) {
        part(w, 0, 2, false);
        pass(w, 60000);
        assert_int_equal(w->watched[0], 2);
        assert_int_equal(kept(w, 2), 1);
        part(w, 0, 2, true);
        pass(w, 20000);
    }
    world_end(w);
}

static void test_forgotten_in_its_time(void **state)
{
    (void)state;
    struct world *w = world_up(3);
    pass(w, 3000);
    leave(w, 1);
    send_direct(w, 0, 1, "in vain");
    pass(w, 5000);
    assert_int_equal(kept(w, 2), 1);
    pass(w, 3600000 - 10000);
    assert_int_equal(kept(w, 2), 1);
    pass(w, 12000);
    assert_int_equal(kept(w, 2), 0);
    assert_string_equal(notice(&w->nodes[0], NOTICE_FAILED, 0)->reason, "expired");
    leave(w, 2);
    start(w, 2);
    assert_int_equal(kept(w, 2), 0);
    world_end(w);
}

static void test_no_group_message_is_kept(void **state)
{
    (void)state;
    struct world *w = world_up(3);
    pass(w, 3000);
    leave(w, 1);
    send_ref(w, 0, NULL, 0, "to all", "");
    pass(w, 10000);
    assert_int_equal(kept(w, 2), 0);
    world_end(w);
}

/* ---- what a hostile giver may try ---- */

/* `giver` leaves a copy of that talk with Cid (node 2). */
static void gives(struct world *w, int giver, struct talk *t)
{
    says(w, giver, 2,
        &(struct envelope){.type = ENVELOPE_HISTORY_REPLY,
            .conversation = SPAN("room:demo"),
            .metadata = SPAN("{\"count\":1,\"for\":\"custody\"}")});
    char *text = talk_text(w, t);
    data_comes(w, 2, rtc_with(&w->nodes[2], giver), text);
    free(text);
}

static void test_a_flood_of_copies(void **state)
{
    (void)state;
    struct world *w = world_up(4);
    w->data_n = 1 << 20;
    char id[16];
    pass(w, 3000);
    leave(w, 1);
    for (unsigned i = 1; i <= 400; i++) {
        snprintf(id, sizeof id, "m%u", i);
        struct talk t = talk_direct(w, 0, 1, id, i);
        gives(w, 0, &t);
    }
    assert_int_equal(kept(w, 2), 256);
    assert_int_equal(refusals(w, 2), 400 - 256);
    /* There is room for what others leave. */
    send_direct(w, 3, 1, "mine");
    pass(w, 4000);
    assert_int_equal(kept(w, 2), 257);
    /* Large ones meet their bound in bytes. */
    struct talk t = talk_direct(w, 3, 1, "large", 5);
    char *large = calloc(1, PEER_TEXT_MAX + 1);
    memset(large, 'x', PEER_TEXT_MAX);
    t.e.text = span_of(large);
    for (unsigned i = 0; i < 100; i++) {
        snprintf(id, sizeof id, "l%u", i);
        t.e.id = span_of(id);
        gives(w, 3, &t);
    }
    assert_true(kept(w, 2) < 257 + 4 * 1024 * 1024 / PEER_TEXT_MAX);
    peer_check(w->nodes[2].p);
    free(large);
    world_end(w);
}

/* Four who leave all that they may: the fifth still finds a place. */
static void test_many_givers_leave_room(void **state)
{
    (void)state;
    struct world *w = world_up(7);
    char id[16], *large = calloc(1, PEER_TEXT_MAX + 1);
    w->data_n = 1 << 20;
    pass(w, 3000);
    leave(w, 1);
    memset(large, 'x', PEER_TEXT_MAX);
    for (int giver = 3; giver < 7; giver++)
        for (uint64_t i = 1, before = refusals(w, 2); refusals(w, 2) == before; i++) {
            snprintf(id, sizeof id, "%d-%u", giver, (unsigned)i);
            struct talk t = talk_direct(w, giver, 1, id, i);
            t.e.text = span_of(large);
            gives(w, giver, &t);
        }
    uint64_t before = kept(w, 2);
    struct talk t = talk_direct(w, 0, 1, "fifth", 1);
    t.e.text = span_of(large);
    gives(w, 0, &t);
    assert_int_equal(kept(w, 2), before + 1);
    peer_check(w->nodes[2].p);
    free(large);
    world_end(w);
}

/* What is left for somebody who is there is handed over by itself, not with all that was left before. */
static void test_copies_for_who_is_there(void **state)
{
    (void)state;
    struct world *w = world_up(3);
    char id[16];
    pass(w, 3000);
    for (unsigned i = 1; i <= 20; i++) {
        snprintf(id, sizeof id, "m%u", i);
        struct talk t = talk_direct(w, 0, 1, id, i);
        gives(w, 0, &t);
    }
    assert_int_equal(peer_stats(w->nodes[2].p)->handed_total, 20);
    pass(w, 1000);
    assert_int_equal(count(&w->nodes[1], NOTICE_MESSAGE), 20);
    assert_int_equal(kept(w, 2), 0);
    world_end(w);
}

/* While Cid keeps what Ann left for Bob her clock is set on by two hours. Bob, who cannot link with her, hears of that from
 * Dot before Cid reaches him: by that clock it is late, by Cid's, which did not jump, it is in time. So is what came
 * first and waits for the other. */
static void test_a_clock_is_set_while_they_rest(void **state)
{
    (void)state;
    struct world *w = world_up(4);
    struct node *bob = &w->nodes[1];
    pass(w, 3000);
    leave(w, 1);
    struct talk second = talk_direct(w, 0, 1, "m2", 2), first = talk_direct(w, 0, 1, "m1", 1);
    gives(w, 0, &second);
    gives(w, 0, &first);
    assert_int_equal(kept(w, 2), 2);
    w->nodes[0].clock += 2 * 3600000;
    feed(w, 0, (struct peer_event){.type = PEER_PRESENCE, .presence = SPAN("away")});
    pass(w, 5000);
    part(w, 0, 1, true);
    part(w, 2, 1, true);
    start(w, 1);
    pass(w, 5000);
    assert_int_equal(count(bob, NOTICE_MESSAGE), 0);
    part(w, 2, 1, false);
    pass(w, 30000);
    assert_int_equal(count(bob, NOTICE_MESSAGE), 2);
    assert_int_equal(peer_stats(bob->p)->expired_total, 0);
    assert_int_equal(kept(w, 2), 0);
    world_end(w);
}

static void test_copies_that_are_not_taken(void **state)
{
    (void)state;
    struct world *w = world_up(4);
    pass(w, 3000);
    leave(w, 1);
    struct talk others = talk_direct(w, 0, 1, "m1", 1), ours = talk_direct(w, 0, 2, "m2", 1),
                group = talk_group(w, 0, 1, "m3", 1), open = talk_direct(w, 0, 1, "m4", 1);
    gives(w, 3, &others); /* Ann's, left by Dot */
    gives(w, 0, &ours);
    gives(w, 0, &group);
    open.plain = true;
    gives(w, 0, &open);
    /* Ann's, altered by Ann herself on the way. */
    says(w, 0, 2,
        &(struct envelope){.type = ENVELOPE_HISTORY_REPLY,
            .conversation = SPAN("room:demo"),
            .metadata = SPAN("{\"count\":1,\"for\":\"custody\"}")});
    char *text = talk_text(w, &others), *byte = strstr(text, "\"encrypted\":\"") + 20;
    *byte = *byte == 'A' ? 'B' : 'A';
    data_comes(w, 2, rtc_with(&w->nodes[2], 0), text);
    free(text);
    assert_int_equal(kept(w, 2), 0);
    assert_int_equal(refusals(w, 2), 5);
    gives(w, 0, &others);
    gives(w, 0, &others);
    assert_int_equal(kept(w, 2), 1);
    world_end(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_delivered_when_the_sender_is_gone),
        cmocka_unit_test(test_what_was_lost_through_others),
        cmocka_unit_test(test_a_custodian_that_began_anew),
        cmocka_unit_test(test_a_copy_that_is_lost),
        cmocka_unit_test(test_forgotten_in_its_time),
        cmocka_unit_test(test_no_group_message_is_kept),
        cmocka_unit_test(test_a_flood_of_copies),
        cmocka_unit_test(test_many_givers_leave_room),
        cmocka_unit_test(test_copies_for_who_is_there),
        cmocka_unit_test(test_a_clock_is_set_while_they_rest),
        cmocka_unit_test(test_copies_that_are_not_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
