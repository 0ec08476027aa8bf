/* SPDX-License-Identifier: MIT
 *
 * What comes past its time to live: not shown, waited for by nobody, and told to its author; and clocks that are wrong,
 * or are set, which must make nothing late that came in time.
 */
#include "tests/unit/peer/forge.h"

enum {
    MINUTE = 60000,
    HOUR = 60 * MINUTE,
    DAY = 24 * HOUR
};

static void leave(struct world *w, int node)
{
    feed(w, node, (struct peer_event){.type = PEER_LEAVE});
    run(w);
    memory_store_close(w->nodes[node].store);
    node_boot(w, node);
}

static void say(struct world *w, int node, const char *text)
{
    send_ref(w, node, NULL, 0, text, "");
    run(w);
}

static size_t shown(const struct world *w, int node)
{
    return count(&w->nodes[node], NOTICE_MESSAGE);
}

static uint64_t expired(const struct world *w, int node)
{
    return peer_stats(w->nodes[node].p)->expired_total;
}

/* Others have in their history what Bob was meant to read an hour ago; he reads what came after. */
static void test_history_is_late(void **state)
{
    (void)state;
    struct world *w = world_up(3);
    struct node *ann = &w->nodes[0], *bob = &w->nodes[1];
    say(w, 0, "in time");
    pass(w, 1000);
    leave(w, 1);
    say(w, 0, "late");
    say(w, 0, "late too");
    pass(w, HOUR + MINUTE);
    assert_int_equal(count(ann, NOTICE_FAILED), 2);
    start(w, 1);
    pass(w, 5000);
    assert_int_equal(shown(w, 1), 1);
    assert_int_equal(expired(w, 1), 2);
    say(w, 0, "and on");
    pass(w, 1000);
    assert_string_equal(notice(bob, NOTICE_MESSAGE, 1)->text, "and on");
    assert_int_equal(count(bob, NOTICE_MISSING), 0);
    assert_int_equal(count(ann, NOTICE_FAILED), 2);
    assert_int_equal(shown(w, 2), 4);
    world_end(w);
}

/* Her process was away for longer than her message lives: it says so and goes on. */
static void test_over_when_it_starts(void **state)
{
    (void)state;
    struct world *w = world_up(2);
    struct node *ann = &w->nodes[0];
    pass(w, 3000);
    leave(w, 1);
    send_direct(w, 0, 1, "for Bob");
    send_direct(w, 0, 1, "and again");
    run(w);
    leave(w, 0);
    pass(w, 2 * HOUR);
    start(w, 0);
    assert_int_equal(count(ann, NOTICE_FAILED), 2);
    assert_string_equal(notice(ann, NOTICE_FAILED, 0)->reason, "expired");
    start(w, 1);
    pass(w, 5000);
    assert_int_equal(shown(w, 1), 0);
    assert_int_equal(peer_stats(ann->p)->queued, 0);
    world_end(w);
}

/* As if it had come through others, who delayed it. */
static void through(struct world *w, struct talk *t, struct span route[2], int relay)
{
    route[0] = span_of(peer_id(w->nodes[t->from].p));
    route[1] = span_of(peer_id(w->nodes[relay].p));
    t->e.route = route;
    t->e.route_count = 2;
}

/* A copy of Ann's that rested with somebody for two hours comes to Cid; when she says it herself he tells her, over a
 * restart and without a link. What she says next does not wait. */
static void test_the_author_is_told(void **state)
{
    (void)state;
    struct world *w = world_in_line(3, 10000);
    struct node *ann = &w->nodes[0], *cid = &w->nodes[2];
    struct talk copy = talk_direct(w, 0, 2, "m1", 1);
    struct span route[2];
    copy.e.timestamp = unix_of(w, 0) - 2 * HOUR;
    through(w, &copy, route, 1);
    part(w, 0, 1, true);
    pass(w, 15000);
    talk_comes(w, 1, &copy);
    assert_int_equal(shown(w, 2), 0);
    assert_int_equal(expired(w, 2), 1);
    pass(w, 5000);
    leave(w, 2);
    start(w, 2);
    send_direct(w, 0, 2, "the same");
    send_direct(w, 0, 2, "the next");
    part(w, 0, 1, false);
    pass(w, 40000);
    assert_int_equal(count(ann, NOTICE_FAILED), 1);
    assert_string_equal(notice(ann, NOTICE_FAILED, 0)->reason, "expired");
    assert_string_equal(notice(ann, NOTICE_FAILED, 0)->to[0], peer_id(cid->p));
    assert_int_equal(peer_stats(ann->p)->queued, 0);
    assert_int_equal(shown(w, 2), 1);
    assert_string_equal(notice(cid, NOTICE_MESSAGE, 0)->text, "the next");
    assert_int_equal(refusals(w, 0) + refusals(w, 2), 0);
    world_end(w);
}

/* Told at once, of many together, and again only when one comes again. */
static void test_told_once(void **state)
{
    (void)state;
    struct world *w = world_up(2);
    pass(w, 5000);
    w->watch = "\"expired\":[\"";
    char *first = NULL;
    for (uint64_t i = 1; i <= 20; i++) {
        char id[8];
        snprintf(id, sizeof id, "m%u", (unsigned)i);
        struct talk t = talk_direct(w, 0, 1, id, i);
        t.e.timestamp = unix_of(w, 0) - 2 * HOUR;
        char *text = talk_text(w, &t);
        data_comes(w, 1, rtc_with(&w->nodes[1], 0), text);
        if (first)
            free(text);
        else
            first = text;
    }
    pass(w, 10000);
    assert_int_equal(expired(w, 1), 20);
    assert_int_equal(w->watched[1], 1);
    for (int i = 0; i < 50; i++) {
        data_comes(w, 1, rtc_with(&w->nodes[1], 0), first);
        pass(w, 100);
    }
    free(first);
    assert_in_range(w->watched[1], 2, 4);
    world_end(w);
}

/* The clock of Ann jumps while a message is on its way, and she speaks before anything else is heard of her. */
static void jumps(int64_t by)
{
    struct world *w = world_up(3);
    pass(w, 5000);
    part(w, 0, 1, true);
    send_direct(w, 0, 1, "before");
    run(w);
    part(w, 0, 1, false);
    w->nodes[0].clock += by;
    send_direct(w, 0, 1, "after");
    say(w, 0, "to all");
    pass(w, 6000);
    assert_int_equal(shown(w, 1), 3);
    assert_int_equal(shown(w, 2), 1);
    assert_int_equal(expired(w, 1) + expired(w, 2), 0);
    assert_int_equal(count(&w->nodes[0], NOTICE_DELIVERED), 4);
    world_end(w);
}

static void test_a_clock_is_set(void **state)
{
    (void)state;
    static const int64_t steps[] = {-100LL * DAY, -2 * HOUR, -MINUTE, MINUTE, 2 * HOUR, 100LL * DAY};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        jumps(steps[i]);
}

/* A clock that is wrong from the beginning, by however much: the hour is an hour by it. */
static void wrong(int64_t by)
{
    struct world *w = world_make(3);
    w->nodes[0].clock = by;
    for (int i = 0; i < 3; i++)
        start(w, i);
    say(w, 0, "in time");
    pass(w, 1000);
    leave(w, 1);
    say(w, 0, "late");
    pass(w, 10 * MINUTE);
    say(w, 0, "early enough");
    pass(w, 55 * MINUTE);
    start(w, 1);
    pass(w, 5000);
    assert_int_equal(shown(w, 1), 2);
    assert_string_equal(notice(&w->nodes[1], NOTICE_MESSAGE, 1)->text, "early enough");
    assert_int_equal(expired(w, 1), 1);
    world_end(w);
}

static void test_a_clock_is_wrong(void **state)
{
    (void)state;
    wrong(-400LL * DAY);
    wrong(400LL * DAY);
}

/* Ann has no link with Cid: that her clock was set back her later message shows by itself. */
static void test_set_back_behind_others(void **state)
{
    (void)state;
    struct world *w = world_in_line(3, 10000);
    say(w, 0, "first");
    pass(w, MINUTE);
    w->nodes[0].clock -= 10 * HOUR;
    say(w, 0, "second");
    pass(w, MINUTE);
    assert_int_equal(shown(w, 2), 2);
    /* And what rested somewhere is late by that clock. */
    struct talk old = talk_direct(w, 0, 2, "m1", 1);
    struct span route[2];
    old.e.timestamp = unix_of(w, 0) - HOUR - MINUTE;
    through(w, &old, route, 1);
    talk_comes(w, 1, &old);
    assert_int_equal(shown(w, 2), 2);
    assert_int_equal(expired(w, 2), 1);
    world_end(w);
}

/* Cid, who has no link with Ann, hears first what rested for forty minutes: her presence shows that her clock is ahead of
 * that, so it was not set when she is heard next, and what she wrote eighty minutes ago is late, be she heard again or not. */
static void first_heard_late(bool heard_again)
{
    struct world *w = world_in_line(3, 10000);
    struct span routes[3][2];
    pass(w, 15000);
    struct talk rested = talk_direct(w, 0, 2, "m1", 1), now = talk_direct(w, 0, 2, "m2", 2),
                late = talk_group(w, 0, 2, "m3", 1);
    rested.e.timestamp = unix_of(w, 0) - 40 * MINUTE;
    now.e.timestamp = unix_of(w, 0);
    late.e.timestamp = unix_of(w, 0) - 80 * MINUTE;
    through(w, &rested, routes[0], 1);
    through(w, &now, routes[1], 1);
    talk_comes(w, 1, &rested);
    if (heard_again)
        talk_comes(w, 1, &now);
    size_t before = shown(w, 2);
    assert_int_equal(before, heard_again ? 2 : 1);
    talk_comes(w, 1, &late);
    assert_int_equal(shown(w, 2), before);
    assert_int_equal(expired(w, 2), 1);
    world_end(w);
}

static void test_first_heard_late(void **state)
{
    (void)state;
    first_heard_late(true);
    first_heard_late(false);
}

/* Ann's clock is ten hours ahead: by all others her words of eighty minutes ago are to come yet. By her presence they are late. */
static void test_late_by_presence_alone(void **state)
{
    (void)state;
    struct world *w = world_make(3);
    world_line(w, 3);
    w->nodes[0].clock = 10 * HOUR;
    for (int i = 0; i < 3; i++)
        start(w, i);
    pass(w, 25000);
    struct talk late = talk_group(w, 0, 2, "m1", 1);
    late.e.timestamp = unix_of(w, 0) - 80 * MINUTE;
    talk_comes(w, 1, &late);
    assert_int_equal(shown(w, 2), 0);
    assert_int_equal(expired(w, 2), 1);
    world_end(w);
}

/* Cid comes when Ann's presence is 45 minutes old, and has no link with her. */
static struct world *cid_comes_late(void)
{
    struct world *w = world_make(3);
    world_line(w, 3);
    start(w, 0);
    start(w, 1);
    pass(w, 45 * MINUTE);
    start(w, 2);
    pass(w, 5000);
    return w;
}

/* What he hears first rested for forty minutes, of which her presence tells nothing. What comes next, over a link or through
 * Bob, shows her clock further ahead; it was not set, so what she wrote eighty minutes ago is late. */
static void rested_longer(bool linked)
{
    struct world *w = cid_comes_late();
    struct span routes[3][2];
    struct talk rested = talk_direct(w, 0, 2, "m1", 1), now = talk_direct(w, 0, 2, "m2", 2),
                late = talk_group(w, 0, 2, "m3", 1);
    rested.e.timestamp = unix_of(w, 0) - 40 * MINUTE;
    through(w, &rested, routes[0], 1);
    talk_comes(w, 1, &rested);
    assert_int_equal(shown(w, 2), 1);
    if (linked) {
        part(w, 0, 2, false);
        pass(w, MINUTE);
        assert_int_equal(peer_stats(w->nodes[2].p)->links_up, 2);
    } else {
        now.e.timestamp = unix_of(w, 0);
        through(w, &now, routes[1], 1);
        talk_comes(w, 1, &now);
    }
    size_t before = shown(w, 2);
    late.e.timestamp = unix_of(w, 0) - 80 * MINUTE;
    through(w, &late, routes[2], 1);
    talk_comes(w, 1, &late);
    assert_int_equal(shown(w, 2), before);
    assert_int_equal(expired(w, 2), 1);
    world_end(w);
}

static void test_rested_with_its_author(void **state)
{
    (void)state;
    rested_longer(false);
    rested_longer(true);
}

/* Her presence comes after what rested: it shows the same. */
static void test_presence_after_what_rested(void **state)
{
    (void)state;
    struct world *w = cid_comes_late();
    struct span routes[2][2];
    struct talk rested = talk_direct(w, 0, 2, "m1", 1), late = talk_group(w, 0, 2, "m2", 1);
    rested.e.timestamp = unix_of(w, 0) - 40 * MINUTE;
    late.e.timestamp = unix_of(w, 0) - 80 * MINUTE;
    through(w, &rested, routes[0], 1);
    talk_comes(w, 1, &rested);
    feed(w, 0, (struct peer_event){.type = PEER_PRESENCE, .presence = SPAN("away")});
    pass(w, 5000);
    through(w, &late, routes[1], 1);
    talk_comes(w, 1, &late);
    assert_int_equal(shown(w, 2), 1);
    assert_int_equal(expired(w, 2), 1);
    world_end(w);
}

/* Ann went; Bob, a new process, hears her words of `age` ago from Cid, and never heard her. Dot may be there too. */
static bool is_shown(uint64_t age, int64_t ann, int64_t bob, int64_t cid, bool dot)
{
    struct world *w = world_make(4);
    w->nodes[0].clock = ann;
    w->nodes[2].clock = cid;
    for (int i = 0; i < (dot ? 4 : 3); i++)
        start(w, i);
    say(w, 0, "hello");
    pass(w, 1000);
    leave(w, 1);
    say(w, 0, "how are you?");
    pass(w, 1000);
    leave(w, 0);
    pass(w, age);
    w->nodes[1].clock = bob;
    start(w, 1);
    pass(w, 5000);
    bool is = shown(w, 1) == 2;
    assert_int_equal(expired(w, 1), !is);
    world_end(w);
    return is;
}

static void test_an_author_never_heard(void **state)
{
    (void)state;
    assert_true(is_shown(HOUR + 4 * MINUTE, 0, 0, 0, false)); /* clocks may be five minutes apart */
    assert_false(is_shown(HOUR + 6 * MINUTE, 0, 0, 0, false));
    /* One wrong clock decides nothing. */
    assert_true(is_shown(10 * MINUTE, 0, 2 * HOUR, 0, false));
    assert_true(is_shown(10 * MINUTE, 0, 0, 2 * HOUR, false));
    assert_true(is_shown(10 * MINUTE, 0, 2 * DAY, 0, true));
    assert_false(is_shown(HOUR + 6 * MINUTE, 0, -3 * HOUR, 0, true));
    assert_false(is_shown(HOUR + 6 * MINUTE, 0, 0, -400LL * DAY, true));
    /* Cid has heard hers, which is. */
    assert_true(is_shown(10 * MINUTE, -3 * HOUR, 0, 0, true));
    assert_false(is_shown(HOUR + 6 * MINUTE, -3 * HOUR, 0, 0, true));
}

/* Nobody who is there has heard Ann: Cid and Dot have her words from their disks. Then clocks are counted, and Bob's own
 * is one of three. */
static void test_an_author_nobody_heard(void **state)
{
    (void)state;
    struct world *w = world_make(4);
    for (int i = 0; i < 4; i++)
        start(w, i);
    say(w, 0, "hello");
    pass(w, 1000);
    leave(w, 1);
    say(w, 0, "how are you?");
    pass(w, 1000);
    leave(w, 0);
    leave(w, 2);
    leave(w, 3);
    pass(w, 10 * MINUTE);
    start(w, 2);
    start(w, 3);
    pass(w, 5000);
    w->nodes[1].clock = 2 * DAY;
    start(w, 1);
    pass(w, 5000);
    assert_int_equal(shown(w, 1), 2);
    assert_int_equal(expired(w, 1), 0);
    world_end(w);
}

/* From further in its author's future than a day: by a clock that was wrong, nobody knows when. */
static void test_from_the_future(void **state)
{
    (void)state;
    struct world *w = world_up(2);
    struct talk near = talk_direct(w, 0, 1, "m1", 1), far = talk_direct(w, 0, 1, "m2", 2);
    pass(w, 5000);
    near.e.timestamp = unix_of(w, 0) + 20 * HOUR;
    far.e.timestamp = unix_of(w, 0) + 25 * HOUR;
    talk_comes(w, 0, &near);
    assert_int_equal(shown(w, 1), 1);
    talk_comes(w, 0, &far);
    assert_int_equal(shown(w, 1), 1);
    assert_int_equal(expired(w, 1), 1);
    world_end(w);
}

/* Whoever comes half an hour later keeps a copy for the other half only, and none that is over. */
static void test_copies_are_kept_no_longer(void **state)
{
    (void)state;
    struct world *w = world_make(3);
    start(w, 0);
    start(w, 1);
    pass(w, 3000);
    leave(w, 1);
    send_direct(w, 0, 1, "for Bob");
    pass(w, 30 * MINUTE);
    start(w, 2);
    pass(w, 10000);
    assert_int_equal(peer_stats(w->nodes[2].p)->kept, 1);
    pass(w, 30 * MINUTE);
    assert_int_equal(peer_stats(w->nodes[2].p)->kept, 0);
    struct talk old = talk_direct(w, 0, 1, "m9", 9);
    old.e.timestamp = unix_of(w, 0) - HOUR - MINUTE;
    says(w, 0, 2,
        &(struct envelope){.type = ENVELOPE_HISTORY_REPLY,
            .conversation = SPAN("room:demo"),
            .metadata = SPAN("{\"count\":1,\"for\":\"custody\"}")});
    char *text = talk_text(w, &old);
    data_comes(w, 2, rtc_with(&w->nodes[2], 0), text);
    free(text);
    assert_int_equal(peer_stats(w->nodes[2].p)->kept, 0);
    assert_int_equal(refusals(w, 2), 0);
    world_end(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_history_is_late),
        cmocka_unit_test(test_over_when_it_starts),
        cmocka_unit_test(test_the_author_is_told),
        cmocka_unit_test(test_told_once),
        cmocka_unit_test(test_a_clock_is_set),
        cmocka_unit_test(test_a_clock_is_wrong),
        cmocka_unit_test(test_set_back_behind_others),
        cmocka_unit_test(test_first_heard_late),
        cmocka_unit_test(test_late_by_presence_alone),
        cmocka_unit_test(test_rested_with_its_author),
        cmocka_unit_test(test_presence_after_what_rested),
        cmocka_unit_test(test_an_author_never_heard),
        cmocka_unit_test(test_an_author_nobody_heard),
        cmocka_unit_test(test_from_the_future),
        cmocka_unit_test(test_copies_are_kept_no_longer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
