/* SPDX-License-Identifier: MIT
 *
 * How a delivery ends is on the disk before it is told, and until it was told: whatever crashes, the application hears one
 * end of it.
 */
#include "tests/unit/peer/forge.h"

enum {
    HOUR = 3600000
};

/* A crash of the process; `survives`: what it had asked the disk for is there, though it never heard so. */
static void crash(struct world *w, int node, bool survives)
{
    uint64_t ticket;
    if (survives)
        memory_store_sync(w->nodes[node].store, &ticket);
    w->nodes[node].slow_disk = false;
    node_boot(w, node);
}

/* Ann's message is with Bob, and his answer with her; her disk has not heard of that yet. */
static struct world *answered(void)
{
    struct world *w = world_up(2);
    struct node *ann = &w->nodes[0], *bob = &w->nodes[1];
    bob->slow_disk = true;
    send_direct(w, 0, 1, "hello");
    run(w);
    ann->slow_disk = true;
    bob->slow_disk = false;
    pass(w, 500);
    assert_int_equal(count(bob, NOTICE_MESSAGE), 1);
    assert_int_equal(peer_stats(ann->p)->queued, 0);
    assert_int_equal(count(ann, NOTICE_DELIVERED), 0);
    return w;
}

static void test_told_when_it_is_on_the_disk(void **state)
{
    (void)state;
    struct world *w = answered();
    w->nodes[0].slow_disk = false;
    run(w);
    assert_int_equal(count(&w->nodes[0], NOTICE_DELIVERED), 1);
    crash(w, 0, false);
    start(w, 0);
    pass(w, HOUR + 5000);
    assert_int_equal(count(&w->nodes[0], NOTICE_DELIVERED), 1);
    assert_int_equal(count(&w->nodes[0], NOTICE_FAILED), 0);
    world_end(w);
}

/* What a crash took was not told. Bob is not met again in time, so it has failed. */
static void test_a_crash_takes_what_was_not_told(void **state)
{
    (void)state;
    struct world *w = answered();
    struct node *ann = &w->nodes[0];
    crash(w, 0, false);
    part(w, 0, 1, true);
    start(w, 0);
    pass(w, HOUR + 5000);
    assert_int_equal(count(ann, NOTICE_DELIVERED), 0);
    assert_int_equal(count(ann, NOTICE_FAILED), 1);
    world_end(w);
}

/* What a crash left is told by the next process, and by that one only. */
static void test_a_crash_leaves_what_is_to_be_told(void **state)
{
    (void)state;
    struct world *w = answered();
    struct node *ann = &w->nodes[0];
    crash(w, 0, true);
    part(w, 0, 1, true);
    start(w, 0);
    assert_int_equal(count(ann, NOTICE_DELIVERED), 1);
    assert_string_equal(notice(ann, NOTICE_DELIVERED, 0)->by, peer_id(w->nodes[1].p));
    pass(w, HOUR + 5000);
    crash(w, 0, false);
    start(w, 0);
    pass(w, 5000);
    assert_int_equal(count(ann, NOTICE_DELIVERED), 1);
    assert_int_equal(count(ann, NOTICE_FAILED), 0);
    world_end(w);
}

/* A message for Bob, who is away, is over; Ann's next process has a clock by which it is not. */
static void over_and_not(bool survives)
{
    struct world *w = world_up(2);
    struct node *ann = &w->nodes[0], *bob = &w->nodes[1];
    pass(w, 1000);
    feed(w, 1, (struct peer_event){.type = PEER_LEAVE});
    run(w);
    node_boot(w, 1);
    send_direct(w, 0, 1, "hello");
    run(w);
    ann->slow_disk = true;
    pass(w, HOUR + 5000);
    assert_int_equal(peer_stats(ann->p)->queued, 0);
    assert_int_equal(count(ann, NOTICE_FAILED), 0);
    crash(w, 0, survives);
    ann->clock -= HOUR;
    start(w, 0);
    start(w, 1);
    pass(w, 10000);
    assert_int_equal(count(bob, NOTICE_MESSAGE), !survives);
    assert_int_equal(count(ann, NOTICE_DELIVERED), !survives);
    assert_int_equal(count(ann, NOTICE_FAILED), survives);
    if (survives)
        assert_string_equal(notice(ann, NOTICE_FAILED, 0)->reason, "expired");
    world_end(w);
}

static void test_failed_for_good(void **state)
{
    (void)state;
    over_and_not(true);
    over_and_not(false);
}

static size_t place_of(const struct node *n, enum peer_notice_type type)
{
    size_t i = 0;
    while (i < n->notice_n && n->notices[i]->type != type)
        i++;
    return i;
}

static void test_delivered_before_read(void **state)
{
    (void)state;
    struct world *w = answered();
    struct node *ann = &w->nodes[0], *bob = &w->nodes[1];
    feed(w, 1, (struct peer_event){.type = PEER_READ, .read = span_of(notice(bob, NOTICE_MESSAGE, 0)->id)});
    pass(w, 500);
    assert_int_equal(count(ann, NOTICE_READ), 0);
    ann->slow_disk = false;
    run(w);
    assert_int_equal(count(ann, NOTICE_READ), 1);
    assert_true(place_of(ann, NOTICE_DELIVERED) < place_of(ann, NOTICE_READ));
    world_end(w);
}

/* Rows that tell of no end: passed over, and told to nobody; the last does. */
static void test_no_end(void **state)
{
    (void)state;
    static const char *const keys[] = {"noslash", "/reader", "id/", "id/two readers", "\xff/reader"};
    struct world *w = world_make(1);
    struct peer_event e = {.type = PEER_RESTORE, .restore = {.table = TABLE_DELIVERY}};
    e.restore.row.value = SPAN("delivered");
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        e.restore.row.key = span_of(keys[i]);
        feed(w, 0, e);
        assert_int_equal(w->nodes[0].unreadable, i + 1);
    }
    static const char *const reasons[] = {"a-reason-that-is-longer-than-any-of-ours", "Expired", "ex\xffpired"};
    e.restore.row.key = SPAN("id/reader");
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++) {
        e.restore.row.value = span_of(reasons[i]);
        feed(w, 0, e);
        assert_int_equal(w->nodes[0].unreadable, sizeof keys / sizeof *keys + i + 1);
    }
    e.restore.row.value = SPAN("expired");
    feed(w, 0, e);
    start(w, 0);
    assert_int_equal(count(&w->nodes[0], NOTICE_DELIVERED), 0);
    assert_int_equal(count(&w->nodes[0], NOTICE_FAILED), 1);
    assert_int_equal(w->nodes[0].unreadable, sizeof keys / sizeof *keys + sizeof reasons / sizeof *reasons);
    world_end(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_told_when_it_is_on_the_disk),
        cmocka_unit_test(test_a_crash_takes_what_was_not_told),
        cmocka_unit_test(test_a_crash_leaves_what_is_to_be_told),
        cmocka_unit_test(test_failed_for_good),
        cmocka_unit_test(test_delivered_before_read),
        cmocka_unit_test(test_no_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
