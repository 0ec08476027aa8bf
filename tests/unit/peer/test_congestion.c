/* SPDX-License-Identifier: MIT
 *
 * What cannot be said because a link is full, and is kept by nobody: it is said again, or something brings it again
 * (docs/messaging.md, "A link that is full").
 */
#include "tests/unit/peer/forge.h"

enum {
    DAYS = 2 * 86400 * 1000
};

static void fill(struct world *w, int node, int other, bool full)
{
    feed(w, node,
        (struct peer_event){.type = full ? PEER_CONGESTED : PEER_WRITABLE, .rtc = rtc_with(&w->nodes[node], other)});
    run(w);
}

/* Bob judges what Ann writes by her clock as it is now, also if she could not tell him when it was set. */
static void test_a_clock_that_is_set(void **state)
{
    (void)state;
    for (int way = -1; way <= 1; way += 2) {
        struct world *w = world_up(2);
        pass(w, 10000);
        fill(w, 0, 1, true);
        w->nodes[0].clock += way * (int64_t)DAYS;
        send_direct(w, 0, 1, "hello");
        run(w);
        fill(w, 0, 1, false);
        assert_int_equal(count(&w->nodes[1], NOTICE_MESSAGE), 1);
        pass(w, 100);
        assert_int_equal(count(&w->nodes[0], NOTICE_DELIVERED), 1);
        assert_int_equal(count(&w->nodes[0], NOTICE_FAILED), 0);
        world_end(w);
    }
}

static void set_status(struct world *w, int node, const char *text)
{
    feed(w, node, (struct peer_event){.type = PEER_STATUS, .status = span_of(text)});
    run(w);
}

static void test_a_status(void **state)
{
    (void)state;
    struct world *w = world_up(2);
    struct node *bob = &w->nodes[1];
    fill(w, 0, 1, true);
    set_status(w, 0, "at lunch");
    assert_int_equal(count(bob, NOTICE_STATUS), 0);
    set_status(w, 0, "at work");
    fill(w, 0, 1, false);
    assert_int_equal(count(bob, NOTICE_STATUS), 1);
    assert_string_equal(notice(bob, NOTICE_STATUS, 0)->text, "at work");
    pass(w, 20000);
    assert_int_equal(count(bob, NOTICE_STATUS), 1);
    world_end(w);
}

/* Cid is reached through Bob, to whom the link is full. */
static void test_a_status_through_others(void **state)
{
    (void)state;
    struct world *w = world_in_line(3, 10000);
    struct node *cid = &w->nodes[2];
    fill(w, 0, 1, true);
    set_status(w, 0, "at lunch");
    fill(w, 0, 1, false);
    pass(w, 10000);
    assert_int_equal(count(cid, NOTICE_STATUS), 1);
    world_end(w);
}

/* Nobody asks for it again. */
static void test_a_message_that_was_read(void **state)
{
    (void)state;
    struct world *w = world_in_line(3, 10000);
    struct node *ann = &w->nodes[0], *cid = &w->nodes[2];
    send_direct(w, 0, 2, "hello");
    pass(w, 3000);
    assert_int_equal(count(cid, NOTICE_MESSAGE), 1);
    assert_int_equal(count(ann, NOTICE_DELIVERED), 1);
    fill(w, 2, 1, true);
    feed(w, 2, (struct peer_event){.type = PEER_READ, .read = span_of(notice(cid, NOTICE_MESSAGE, 0)->id)});
    run(w);
    fill(w, 2, 1, false);
    assert_int_equal(count(ann, NOTICE_READ), 0);
    pass(w, 6000);
    assert_int_equal(count(ann, NOTICE_READ), 1);
    pass(w, 20000);
    assert_int_equal(count(ann, NOTICE_READ), 1);
    world_end(w);
}

/* Receipts wait for the link that is full, and go as soon as it takes them: nothing is sent again for want of them. */
static void test_receipts(void **state)
{
    (void)state;
    struct world *w = world_up(2);
    struct node *ann = &w->nodes[0], *bob = &w->nodes[1];
    pass(w, 3000);
    fill(w, 1, 0, true);
    send_direct(w, 0, 1, "hello");
    run(w);
    feed(w, 1, (struct peer_event){.type = PEER_READ, .read = span_of(notice(bob, NOTICE_MESSAGE, 0)->id)});
    pass(w, 1000);
    assert_int_equal(count(ann, NOTICE_DELIVERED) + count(ann, NOTICE_READ), 0);
    fill(w, 1, 0, false);
    assert_int_equal(count(ann, NOTICE_DELIVERED), 1);
    assert_int_equal(count(ann, NOTICE_READ), 1);
    assert_int_equal(peer_stats(ann->p)->retransmitted_total, 0);
    world_end(w);
}

/* Cid is away, and Bob, who would keep what is for him, cannot be given it. */
static void test_a_copy_to_be_kept(void **state)
{
    (void)state;
    struct world *w = world_up(3);
    pass(w, 10000);
    w->nodes[2].still = true;
    part(w, 0, 2, true);
    part(w, 1, 2, true);
    break_socket(w, 2);
    pass(w, 20000);
    fill(w, 0, 1, true);
    send_direct(w, 0, 2, "hello");
    pass(w, 4000);
    assert_int_equal(peer_stats(w->nodes[1].p)->kept, 0);
    fill(w, 0, 1, false);
    pass(w, 3000);
    assert_int_equal(peer_stats(w->nodes[1].p)->kept, 1);
    world_end(w);
}

static bool pushes_to(struct world *w, int node, int other, int author)
{
    char ids[NODES_MAX][PERSON_MAX + 1];
    size_t n = peer_tree(w->nodes[node].p, span_of(peer_id(w->nodes[author].p)), ids, NODES_MAX);
    while (n-- > 0)
        if (strcmp(ids[n], peer_id(w->nodes[other].p)) == 0)
            return true;
    return false;
}

/* Ann is linked with Bob and Dot, and both with Cid. What she says comes to him along the tree, by one of them; the other
 * would tell him of it, but its link is full. Then Ann is gone, and so is the one that should have brought it. */
static void test_an_announcement(void **state)
{
    (void)state;
    struct world *w = world_make(4);
    part(w, 0, 2, true);
    part(w, 1, 3, true);
    for (int i = 0; i < 4; i++)
        start(w, i);
    pass(w, 10000);
    for (int i = 0; i < 4; i++) {
        send_ref(w, 0, NULL, 0, "before", "");
        pass(w, 2000);
    }
    int brings = pushes_to(w, 1, 2, 0) ? 1 : 3, tells = 4 - brings;
    assert_false(pushes_to(w, tells, 2, 0));
    size_t heard = count(&w->nodes[2], NOTICE_MESSAGE);
    part(w, brings, 2, true);
    fill(w, tells, 2, true);
    send_ref(w, 0, NULL, 0, "now", "");
    pass(w, 500);
    assert_int_equal(count(&w->nodes[tells], NOTICE_MESSAGE), heard + 1);
    part(w, 0, 1, true);
    part(w, 0, 3, true);
    fill(w, tells, 2, false);
    assert_int_equal(count(&w->nodes[2], NOTICE_MESSAGE), heard);
    pass(w, 1000);
    assert_int_equal(count(&w->nodes[2], NOTICE_MESSAGE), heard + 1);
    world_end(w);
}

/* Ann has what Cid said while Bob was away, and Cid is gone. Bob and Ann link and would compare their clocks, but what
 * they ask waits for their disks, and then the link is full: they ask when it takes that. */
static void test_clocks_to_be_compared(void **state)
{
    (void)state;
    struct world *w = world_up(3);
    struct node *ann = &w->nodes[0], *bob = &w->nodes[1];
    pass(w, 3000);
    part(w, 1, 0, true);
    part(w, 1, 2, true);
    pass(w, 20000);
    send_ref(w, 2, NULL, 0, "said meanwhile", "");
    pass(w, 3000);
    assert_int_equal(count(ann, NOTICE_MESSAGE), 1);
    part(w, 0, 2, true);
    pass(w, 20000);
    ann->slow_disk = bob->slow_disk = true;
    part(w, 1, 0, false);
    for (int i = 0; i < 600 && (peer_stats(bob->p)->links_up == 0 || peer_stats(ann->p)->links_up == 0); i++)
        pass(w, 100);
    assert_int_equal(peer_stats(bob->p)->links_up, 1);
    assert_int_equal(peer_stats(ann->p)->links_up, 1);
    fill(w, 0, 1, true);
    fill(w, 1, 0, true);
    ann->slow_disk = bob->slow_disk = false;
    run(w);
    assert_int_equal(count(bob, NOTICE_MESSAGE), 0);
    fill(w, 0, 1, false);
    fill(w, 1, 0, false);
    pass(w, 3000);
    assert_int_equal(count(bob, NOTICE_MESSAGE), 1);
    world_end(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_clock_that_is_set),
        cmocka_unit_test(test_a_status),
        cmocka_unit_test(test_a_status_through_others),
        cmocka_unit_test(test_a_message_that_was_read),
        cmocka_unit_test(test_receipts),
        cmocka_unit_test(test_a_copy_to_be_kept),
        cmocka_unit_test(test_an_announcement),
        cmocka_unit_test(test_clocks_to_be_compared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
