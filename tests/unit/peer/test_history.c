/* SPDX-License-Identifier: MIT
 *
 * What was said while somebody was away comes from whoever has it: gaps, newcomers, much, and what is no more; and
 * receipts, which are gathered.
 */
#include "tests/unit/peer/forge.h"

static void leave(struct world *w, int node)
{
    feed(w, node, (struct peer_event){.type = PEER_LEAVE});
    run(w);
    memory_store_close(w->nodes[node].store);
    node_boot(w, node);
}

static void say_many(struct world *w, int node, int first, int n)
{
    char text[32];
    for (int i = 0; i < n; i++) {
        snprintf(text, sizeof text, "%d", first + i);
        send_ref(w, node, NULL, 0, text, "");
        run(w);
    }
}

/* Every text once and in order. */
static void heard_many(const struct node *n, int first, int many)
{
    int next = first;
    for (size_t i = 0; i < n->notice_n; i++)
        if (n->notices[i]->type == NOTICE_MESSAGE)
            assert_int_equal(atoi(n->notices[i]->text), next++);
    assert_int_equal(next, first + many);
}

static void test_group_receipts_are_gathered(void **state)
{
    (void)state;
    struct world *w = world_up(2);
    char text[16];
    pass(w, 1000);
    w->watch = "\"message_delivered\"";
    for (int i = 0; i < 50; i++) {
        snprintf(text, sizeof text, "%d", i);
        send_ref(w, 0, NULL, 0, text, "");
        pass(w, 20);
    }
    pass(w, 250);
    assert_int_equal(count(&w->nodes[0], NOTICE_DELIVERED), 50);
    assert_true(w->watched[1] <= 7); /* one in 200 ms */
    w->watched[1] = 0;
    send_direct(w, 0, 1, "direct");
    pass(w, 10);
    assert_int_equal(w->watched[1], 1);
    world_end(w);
}

/* 600 messages while Bob was away, more than one answer holds; their author is gone, so Cid, who heard them, tells. */
static void test_what_was_missed_comes_from_others(void **state)
{
    (void)state;
    enum {
        MISSED = 600
    };
    struct world *w = world_up(3);
    say_many(w, 0, 0, 1);
    pass(w, 1000);
    leave(w, 1);
    say_many(w, 0, 1, MISSED);
    pass(w, 1000);
    leave(w, 0);
    start(w, 1);
    pass(w, 20000);
    heard_many(&w->nodes[1], 0, 1 + MISSED);
    heard_many(&w->nodes[2], 0, 1 + MISSED);
    assert_int_equal(refusals(w, 1) + refusals(w, 2), 0);
    assert_true(peer_stats(w->nodes[2].p)->replies_total >= 3);
    assert_int_equal(
        peer_stats(w->nodes[2].p)->handed_total, MISSED); /* the rest is asked for when an answer has come */
    start(w, 0);
    pass(w, 20000);
    assert_int_equal(count(&w->nodes[0], NOTICE_DELIVERED), 2 * (1 + MISSED));
    world_end(w);
}

/* Less what was lacked. */
static uint64_t handed_in_vain(const struct world *w)
{
    uint64_t n = 0;
    for (int i = 0; i < w->n; i++)
        n += peer_stats(w->nodes[i].p)->handed_total - peer_stats(w->nodes[i].p)->filled_total;
    return n;
}

static uint64_t alone(const struct world *w)
{
    uint64_t n = 0;
    for (int i = 0; i < w->n; i++)
        n += peer_stats(w->nodes[i].p)->alone_total;
    return n;
}

/* Three have all that Bob missed, two of them as its authors: each message comes to him once, and so does to the three what
 * the tree, which led through him, did not bring. */
static void test_what_was_missed_comes_once(void **state)
{
    (void)state;
    enum {
        MISSED = 100
    };
    struct world *w = world_up(4);
    say_many(w, 1, 0, 1);
    say_many(w, 0, 1, 1);
    pass(w, 1000);
    leave(w, 1);
    for (int i = 0; i < MISSED / 2; i++) {
        say_many(w, 0, 2 + 2 * i, 1);
        say_many(w, 2, 3 + 2 * i, 1);
    }
    pass(w, 1000);
    start(w, 1);
    pass(w, 5000);
    assert_int_equal(count(&w->nodes[3], NOTICE_MESSAGE), 2 + MISSED);
    assert_int_equal(count(&w->nodes[1], NOTICE_MESSAGE), 1 + MISSED);
    assert_int_equal(peer_stats(w->nodes[1].p)->filled_total, MISSED);
    assert_int_equal(handed_in_vain(w), 0);
    assert_int_equal(alone(w), 0);
    assert_int_equal(count(&w->nodes[0], NOTICE_DELIVERED), 3 * (1 + MISSED / 2));
    world_end(w);
}

/* The reader does not answer: it gets the oldest and the newest again, alone, and asks for the rest. */
static void test_what_is_not_acknowledged(void **state)
{
    (void)state;
    struct world *w = world_up(2);
    pass(w, 1000);
    say_many(w, 0, 0, 1);
    pass(w, 300); /* acknowledged: the link is not taken for dead before the message is */
    part(w, 0, 1, true);
    say_many(w, 0, 1, 19);
    pass(w, 5100);
    assert_int_equal(alone(w), 2);
    part(w, 0, 1, false);
    pass(w, 20000);
    heard_many(&w->nodes[1], 0, 20);
    assert_int_equal(count(&w->nodes[0], NOTICE_DELIVERED), 20);
    world_end(w);
}

/* Who gets again, alone, what it has had says so with its clock, which is one receipt for all; not each time. */
static void test_what_comes_again_alone(void **state)
{
    (void)state;
    struct world *w = world_up(2);
    struct talk t = talk_group(w, 1, 0, "m1", 1);
    char *text = talk_text(w, &t), again[8192];
    uint64_t rtc = rtc_with(&w->nodes[0], 1), asked;
    pass(w, 5000);
    data_comes(w, 0, rtc, text);
    asked = peer_stats(w->nodes[0].p)->requests_total;
    data_comes(w, 0, rtc, text);
    assert_int_equal(peer_stats(w->nodes[0].p)->requests_total, asked);
    assert_in_range(snprintf(again, sizeof again, "{\"retryCount\":1,%s", text + 1), 1, sizeof again - 1);
    for (int i = 0; i < 3; i++)
        data_comes(w, 0, rtc, again);
    assert_int_equal(peer_stats(w->nodes[0].p)->requests_total, asked + 1);
    assert_int_equal(count(&w->nodes[0], NOTICE_MESSAGE), 1);
    assert_int_equal(refusals(w, 0), 0);
    free(text);
    world_end(w);
}

/* A newcomer hears nothing of what was said before it, and all that is said to it, though its clock begins elsewhere. */
static void test_a_newcomer(void **state)
{
    (void)state;
    struct world *w = world_make(3);
    start(w, 0);
    start(w, 1);
    say_many(w, 0, 0, 20);
    say_many(w, 1, 100, 20);
    pass(w, 1000);
    start(w, 2);
    say_many(w, 0, 20, 5);
    pass(w, 5000);
    say_many(w, 0, 25, 5);
    pass(w, 5000);
    heard_many(&w->nodes[2], 20, 10);
    assert_int_equal(count(&w->nodes[0], NOTICE_FAILED), 0);
    /* And the next newcomer learns from the first as well as from the authors. */
    leave(w, 0);
    leave(w, 1);
    w->n = 4;
    node_init(w, 3, "dot");
    node_boot(w, 3);
    start(w, 3);
    say_many(w, 2, 500, 3);
    pass(w, 5000);
    heard_many(&w->nodes[3], 500, 3);
    start(w, 0);
    pass(w, 5000);
    say_many(w, 0, 30, 1);
    pass(w, 1000);
    assert_int_equal(count(&w->nodes[3], NOTICE_MESSAGE), 4);
    world_end(w);
}

/* Ann knew Bob's message before she sent one that was not for Cid, who is new; her next lists it again, so that Cid shows
 * Bob's first, though it comes later. */
static void test_a_newcomer_sees_what_came_before(void **state)
{
    (void)state;
    struct world *w = world_make(3);
    struct node *cid = &w->nodes[2];
    part(w, 1, 2, true);
    start(w, 0);
    start(w, 1);
    struct talk known = talk_group(w, 1, 0, "m1", 1), late = talk_group(w, 1, 2, "m1", 1);
    known.e.retry_count = 1; /* a copy for Ann alone, which she cannot pass on */
    talk_comes(w, 1, &known);
    say_many(w, 0, 0, 1);
    pass(w, 1000);
    start(w, 2);
    say_many(w, 0, 1, 1);
    pass(w, 1000);
    assert_int_equal(count(cid, NOTICE_MESSAGE), 0);
    talk_comes(w, 0, &late);
    pass(w, 1000);
    assert_int_equal(count(cid, NOTICE_MESSAGE), 2);
    assert_string_equal(notice(cid, NOTICE_MESSAGE, 0)->text, "forged");
    assert_string_equal(notice(cid, NOTICE_MESSAGE, 1)->text, "1");
    world_end(w);
}

/* Who has delivered something of ours needs no more than what has changed. */
static void test_who_follows_is_told_changes(void **state)
{
    (void)state;
    struct world *w = world_up(2);
    char alone[80];
    snprintf(alone, sizeof alone, "\"vectorClock\":{\"%s\":3}", peer_id(w->nodes[0].p));
    w->watch = alone;
    say_many(w, 1, 0, 1);
    say_many(w, 0, 0, 2);
    pass(w, 1000);
    say_many(w, 0, 2, 1);
    assert_int_equal(w->watched[0], 1);
    world_end(w);
}

/* Bob spoke to Ann alone and went. What Ann says to Cid depends on that, and she can prove it: Cid need not wait. */
static void test_a_newcomer_waits_for_nobody_gone(void **state)
{
    (void)state;
    struct world *w = world_make(3);
    start(w, 0);
    start(w, 1);
    say_many(w, 1, 0, 3);
    say_many(w, 0, 3, 3);
    pass(w, 1000);
    leave(w, 1);
    start(w, 2);
    pass(w, 1000);
    say_many(w, 0, 6, 1);
    pass(w, 1000);
    heard_many(&w->nodes[2], 6, 1);
    world_end(w);
}

/* A direct message was given up by its author after an hour: the next one tells that it is no more, and is shown. */
static void test_what_is_no_more(void **state)
{
    (void)state;
    struct world *w = world_up(2);
    struct node *ann = &w->nodes[0], *bob = &w->nodes[1];
    send_direct(w, 0, 1, "first");
    pass(w, 1000);
    leave(w, 1);
    send_direct(w, 0, 1, "too late");
    pass(w, 3700000);
    assert_string_equal(notice(ann, NOTICE_FAILED, 0)->reason, "expired");
    send_direct(w, 0, 1, "in time");
    run(w);
    start(w, 1);
    pass(w, 10000);
    assert_int_equal(count(bob, NOTICE_MESSAGE), 2);
    assert_string_equal(notice(bob, NOTICE_MESSAGE, 1)->text, "in time");
    assert_int_equal(count(ann, NOTICE_DELIVERED), 2);
    world_end(w);
}

/* Nobody has what came before: after 30 s it is shown as missing, and what waited for it is shown. */
static void test_what_nobody_has(void **state)
{
    (void)state;
    struct world *w = world_up(2);
    struct node *ann = &w->nodes[0];
    struct talk third = talk_direct(w, 1, 0, "m3", 3), second = talk_direct(w, 1, 0, "m2", 2);
    talk_comes(w, 1, &third);
    pass(w, 29000);
    assert_int_equal(count(ann, NOTICE_MESSAGE), 0);
    pass(w, 2000);
    assert_int_equal(count(ann, NOTICE_MESSAGE), 1);
    assert_string_equal(notice(ann, NOTICE_MISSING, 0)->from, peer_id(w->nodes[1].p));
    assert_string_equal(notice(ann, NOTICE_MISSING, 0)->id, notice(ann, NOTICE_MESSAGE, 0)->id);
    assert_int_equal(notice(ann, NOTICE_MISSING, 0)->count, 2);
    assert_int_equal(peer_stats(ann->p)->missing_total, 1);
    /* What was given up is neither shown nor acknowledged when it comes after all. */
    pass(w, 1000);
    w->watch = "\"message_delivered\"";
    talk_comes(w, 1, &second);
    pass(w, 500);
    assert_int_equal(count(ann, NOTICE_MESSAGE), 1);
    assert_int_equal(w->watched[0], 0);
    world_end(w);
}

/* Whoever pushes our own message back to us is told to leave our tree: nobody else would. */
static void test_our_own_comes_back(void **state)
{
    (void)state;
    struct world *w = world_up(2);
    struct node *ann = &w->nodes[0];
    say_many(w, 0, 0, 1);
    pass(w, 1000);
    struct talk t = talk_group(w, 0, 0, "m1", 1);
    talk_comes(w, 1, &t);
    assert_int_equal(peer_stats(ann->p)->pruned_total, 1);
    assert_int_equal(count(ann, NOTICE_MESSAGE), 0);
    assert_int_equal(refusals(w, 0), 0);
    world_end(w);
}

/* ---- what a hostile peer may answer and ask ---- */

static void replies(struct world *w, const char *metadata)
{
    says(w, 1, 0,
        &(struct envelope){
            .type = ENVELOPE_HISTORY_REPLY, .conversation = SPAN("room:demo"), .metadata = span_of(metadata)});
}

/* Cid's first message is missing, and nobody has it. Bob says that he has more, for ever, and brings nothing: he is not
 * asked for it, and the gap is given up in its time. */
static void test_endless_answers(void **state)
{
    (void)state;
    struct world *w = world_up(3);
    struct node *ann = &w->nodes[0];
    pass(w, 3000);
    struct talk second = talk_group(w, 2, 0, "c2", 2);
    talk_comes(w, 2, &second);
    uint64_t asked = peer_stats(ann->p)->requests_total;
    for (int i = 0; i < 320; i++) {
        pass(w, 100);
        replies(w, "{\"count\":0,\"for\":\"gap\"}");
    }
    assert_int_equal(count(ann, NOTICE_MISSING), 1);
    assert_true(peer_stats(ann->p)->requests_total - asked <= 32 / 2 + 1);
    /* The same with an old message as the answer. */
    struct talk first = talk_group(w, 1, 0, "m1", 1);
    char *old = talk_text(w, &first);
    asked = peer_stats(ann->p)->requests_total;
    for (int i = 0; i < 101; i++) {
        replies(w, "{\"count\":1,\"for\":\"part\"}");
        data_comes(w, 0, rtc_with(ann, 1), old);
        replies(w, "{\"count\":0,\"for\":\"gap\"}");
        pass(w, 100);
    }
    free(old);
    assert_true(peer_stats(ann->p)->requests_total - asked <= 1 + 10 / 2 + 1);
    assert_int_equal(peer_stats(ann->p)->links_up, 2);
    world_end(w);
}

/* News in each answer, as fast as they come, of a tale without end: whoever answers does not set the pace. */
static void test_answers_in_a_hurry(void **state)
{
    (void)state;
    struct world *w = world_up(2);
    struct node *ann = &w->nodes[0];
    pass(w, 3000);
    struct talk far = talk_group(w, 1, 0, "far", 1000);
    talk_comes(w, 1, &far);
    pass(w, 300);
    uint64_t asked = peer_stats(ann->p)->requests_total;
    for (unsigned i = 1; i <= 50; i++) {
        struct talk t = talk_group(w, 1, 0, "m", i);
        replies(w, "{\"count\":1,\"for\":\"part\"}");
        talk_comes(w, 1, &t);
        replies(w, "{\"count\":0,\"for\":\"gap\"}");
        pass(w, 1);
    }
    assert_int_equal(count(ann, NOTICE_MESSAGE), 50);
    assert_true(peer_stats(ann->p)->requests_total - asked <= 4);
    world_end(w);
}

/* Announcing more or fewer frames than come costs the liar's link, not the others'. */
static void test_answers_of_another_length(void **state)
{
    (void)state;
    struct world *w = world_up(3);
    struct node *ann = &w->nodes[0];
    pass(w, 3000);
    replies(w, "{\"count\":9007199254740991,\"for\":\"gap\"}");
    replies(w, "{\"count\":256,\"for\":\"custody\"}");
    replies(w, "{\"count\":3,\"for\":\"head\"}");
    struct talk t = talk_group(w, 1, 0, "m1", 1);
    talk_comes(w, 1, &t);
    assert_int_equal(count(ann, NOTICE_MESSAGE), 1);
    say_many(w, 2, 0, 3);
    pass(w, 500);
    assert_int_equal(count(ann, NOTICE_MESSAGE), 4);
    assert_int_equal(peer_stats(ann->p)->links_up, 2);
    world_end(w);
}

static void test_a_flood_of_requests(void **state)
{
    (void)state;
    struct world *w = world_up(2);
    struct node *ann = &w->nodes[0];
    say_many(w, 0, 0, 100);
    pass(w, 5000);
    uint64_t answers = peer_stats(ann->p)->replies_total, before = refusals(w, 0);
    for (int i = 0; i < 1000; i++)
        says(w, 1, 0,
            &(struct envelope){.type = ENVELOPE_HISTORY_REQUEST,
                .conversation = SPAN("room:demo"),
                .metadata = SPAN("{\"clock\":{}}")});
    assert_int_equal(refusals(w, 0) - before, 900);
    assert_true(peer_stats(ann->p)->replies_total - answers <= 200);
    /* In time it may ask again. */
    pass(w, 2100);
    before = refusals(w, 0);
    says(w, 1, 0,
        &(struct envelope){
            .type = ENVELOPE_HISTORY_REQUEST, .conversation = SPAN("room:demo"), .metadata = SPAN("{\"clock\":{}}")});
    assert_int_equal(refusals(w, 0), before);
    world_end(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_group_receipts_are_gathered),
        cmocka_unit_test(test_what_was_missed_comes_from_others),
        cmocka_unit_test(test_what_was_missed_comes_once),
        cmocka_unit_test(test_what_is_not_acknowledged),
        cmocka_unit_test(test_what_comes_again_alone),
        cmocka_unit_test(test_a_newcomer),
        cmocka_unit_test(test_a_newcomer_sees_what_came_before),
        cmocka_unit_test(test_who_follows_is_told_changes),
        cmocka_unit_test(test_a_newcomer_waits_for_nobody_gone),
        cmocka_unit_test(test_what_is_no_more),
        cmocka_unit_test(test_what_nobody_has),
        cmocka_unit_test(test_our_own_comes_back),
        cmocka_unit_test(test_endless_answers),
        cmocka_unit_test(test_answers_in_a_hurry),
        cmocka_unit_test(test_answers_of_another_length),
        cmocka_unit_test(test_a_flood_of_requests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
