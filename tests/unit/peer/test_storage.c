/* SPDX-License-Identifier: MIT
 *
 * What is said only when it is on the disk: accepted, shown, acknowledged; and a disk that takes nothing more.
 */
#include "tests/unit/peer/forge.h"

static void test_accepted_and_sent_when_committed(void **state)
{
    (void)state;
    struct world *w = world_up(2);
    struct node *ann = &w->nodes[0], *bob = &w->nodes[1];
    pass(w, 3000);
    ann->slow_disk = true;
    uint64_t before = ann->sends;
    struct span to = span_of(peer_id(bob->p));
    send_ref(w, 0, &to, 1, "hello", "r");
    run(w);
    assert_int_equal(count(ann, NOTICE_ACCEPTED), 0);
    assert_int_equal(ann->sends, before);
    assert_true(memory_store_waiting(ann->store) > 0);
    ann->slow_disk = false;
    run(w);
    assert_int_equal(count(ann, NOTICE_ACCEPTED), 1);
    assert_int_equal(count(bob, NOTICE_MESSAGE), 1);
    world_end(w);
}

/* Of a disk that takes longer than a message has time, what was said to an empty room is no more when the disk answers. */
static void test_over_before_its_commit(void **state)
{
    (void)state;
    struct world *w = world_up(1);
    struct node *ann = &w->nodes[0];
    ann->slow_disk = true;
    send_ref(w, 0, NULL, 0, "to nobody", "");
    pass(w, ENVELOPE_TTL_DEFAULT_MS);
    assert_int_equal(peer_pending(ann->p), 0);
    ann->slow_disk = false;
    run(w);
    assert_int_equal(count(ann, NOTICE_ACCEPTED), 1);
    world_end(w);
}

static void test_shown_and_acknowledged_when_committed(void **state)
{
    (void)state;
    struct world *w = world_up(2);
    struct node *ann = &w->nodes[0], *bob = &w->nodes[1];
    bob->slow_disk = true;
    send_direct(w, 0, 1, "direct");
    send_ref(w, 0, NULL, 0, "group", "");
    pass(w, 4000);
    assert_int_equal(count(bob, NOTICE_MESSAGE), 0);
    assert_int_equal(count(ann, NOTICE_DELIVERED), 0);
    bob->slow_disk = false;
    pass(w, 300);
    assert_int_equal(count(bob, NOTICE_MESSAGE), 2);
    assert_int_equal(count(ann, NOTICE_DELIVERED), 2);
    world_end(w);
}

/* The process of `node` dies, and a new one of the same identity starts. */
static void crash(struct world *w, int node)
{
    daemon_left(w, node, "disconnected");
    w->drop_closes = true;
    node_boot(w, node);
    start(w, node);
    w->drop_closes = false;
}

/* The reader dies before its commit: it has shown and said nothing, so the message comes again, and is shown once. */
static void test_a_reader_that_dies_before_its_commit(void **state)
{
    (void)state;
    struct world *w = world_up(2);
    struct node *ann = &w->nodes[0], *bob = &w->nodes[1];
    pass(w, 3000);
    bob->slow_disk = true;
    send_direct(w, 0, 1, "once");
    run(w);
    assert_true(memory_store_waiting(bob->store) > 0);
    bob->slow_disk = false;
    crash(w, 1);
    pass(w, 20000);
    assert_int_equal(count(bob, NOTICE_MESSAGE), 1);
    assert_int_equal(count(ann, NOTICE_DELIVERED), 1);
    crash(w, 1);
    crash(w, 0);
    pass(w, 60000);
    assert_int_equal(count(bob, NOTICE_MESSAGE), 1);
    assert_int_equal(refusals(w, 1), 0);
    world_end(w);
}

/* The author dies: before the commit nothing was promised and the sequence is free again; after it the message goes. */
static void test_an_author_that_dies(void **state)
{
    (void)state;
    for (int durable = 0; durable < 2; durable++) {
        struct world *w = world_up(2);
        struct node *ann = &w->nodes[0], *bob = &w->nodes[1];
        uint64_t ticket;
        ann->slow_disk = true;
        send_direct(w, 0, 1, "perhaps");
        run(w);
        if (durable)
            assert_true(memory_store_sync(ann->store, &ticket));
        ann->slow_disk = false;
        crash(w, 0);
        send_direct(w, 0, 1, "certainly");
        pass(w, 20000);
        assert_int_equal(count(bob, NOTICE_MESSAGE), 1 + durable);
        assert_string_equal(notice(bob, NOTICE_MESSAGE, 0)->text, durable ? "perhaps" : "certainly");
        assert_int_equal(count(ann, NOTICE_DELIVERED), 1 + durable);
        assert_int_equal(refusals(w, 1), 0);
        world_end(w);
    }
}

/* A full disk: the peer ends with an error that names it; nothing is accepted or acknowledged any more. */
static void test_a_disk_that_takes_no_more(void **state)
{
    (void)state;
    struct world *w = world_up(2);
    struct node *ann = &w->nodes[0], *bob = &w->nodes[1];
    send_direct(w, 0, 1, "safe");
    pass(w, 3000);
    bob->slow_disk = true;
    send_direct(w, 1, 0, "never accepted");
    send_direct(w, 0, 1, "never acknowledged");
    run(w);
    size_t accepted = count(bob, NOTICE_ACCEPTED);
    feed(w, 1, (struct peer_event){.type = PEER_STORE_FAILED, .why = SPAN("database or disk is full")});
    run(w);
    const struct peer_notice *error = notice(bob, NOTICE_ERROR, 0);
    assert_string_equal(error->code, "storage-failed");
    assert_string_equal(error->text, "database or disk is full");
    assert_true(error->fatal);
    assert_int_equal(live_rtcs(bob), 0);
    send_direct(w, 1, 0, "too late");
    pass(w, 10000);
    assert_int_equal(count(bob, NOTICE_ACCEPTED), accepted);
    assert_int_equal(count(bob, NOTICE_ERROR), 2);
    assert_int_equal(count(bob, NOTICE_MESSAGE), 1);
    assert_int_equal(count(ann, NOTICE_DELIVERED), 1);
    /* With room on the disk the next start goes on. */
    bob->slow_disk = false;
    crash(w, 1);
    pass(w, 60000);
    assert_int_equal(count(bob, NOTICE_MESSAGE), 2);
    assert_int_equal(count(ann, NOTICE_DELIVERED), 2);
    world_end(w);
}

/* What waits for its commit is not taken for what was restored. */
static void test_begun_twice(void **state)
{
    (void)state;
    struct world *w = world_up(2);
    w->nodes[0].slow_disk = true;
    send_direct(w, 0, 1, "not on the disk");
    feed(w, 0, (struct peer_event){.type = PEER_START});
    pass(w, 10000);
    assert_int_equal(count(&w->nodes[1], NOTICE_MESSAGE), 0);
    w->nodes[0].slow_disk = false;
    pass(w, 1000);
    assert_int_equal(count(&w->nodes[1], NOTICE_MESSAGE), 1);
    world_end(w);
}

/* Whoever leaves hears what became of what it asked for before; a disk that fails keeps nobody. */
static void test_the_last_word(void **state)
{
    (void)state;
    for (int fails = 0; fails < 2; fails++) {
        struct world *w = world_up(1);
        struct node *ann = &w->nodes[0];
        run(w);
        forget_notices(ann);
        ann->slow_disk = true;
        send_ref(w, 0, NULL, 0, "anybody?", "r");
        feed(w, 0, (struct peer_event){.type = PEER_LEAVE});
        run(w);
        assert_int_equal(count(ann, NOTICE_ACCEPTED) + count(ann, NOTICE_LEFT), 0);
        if (fails)
            feed(w, 0, (struct peer_event){.type = PEER_STORE_FAILED, .why = SPAN("full")});
        ann->slow_disk = false;
        if (!fails)
            run(w);
        assert_int_equal(count(ann, NOTICE_ACCEPTED), !fails);
        assert_int_equal(ann->notices[ann->notice_n - 1]->type, NOTICE_LEFT);
        assert_int_equal(count(ann, NOTICE_LEFT), 1);
        world_end(w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_begun_twice),
        cmocka_unit_test(test_the_last_word),
        cmocka_unit_test(test_accepted_and_sent_when_committed),
        cmocka_unit_test(test_over_before_its_commit),
        cmocka_unit_test(test_shown_and_acknowledged_when_committed),
        cmocka_unit_test(test_a_reader_that_dies_before_its_commit),
        cmocka_unit_test(test_an_author_that_dies),
        cmocka_unit_test(test_a_disk_that_takes_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
