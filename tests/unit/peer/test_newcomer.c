/* SPDX-License-Identifier: MIT
 *
 * Where a newcomer to the room begins, whatever comes in between: a crash before it knows all authors, or a link that is full
 * when it is to be answered.
 */
#include "tests/unit/peer/forge.h"

/* Ann and Bob have spoken; Cid is about to come. */
static struct world *world_that_spoke(void)
{
    struct world *w = world_make(3);
    start(w, 0);
    start(w, 1);
    for (int i = 0; i < 2; i++)
        send_ref(w, i, NULL, 0, "before", "");
    pass(w, 1000);
    return w;
}

static bool comes_with(const struct event *e, int node, const char *what)
{
    return e->node == node && e->ev.type == PEER_DATA &&
           memmem(e->ev.data.bytes.p, e->ev.data.bytes.n, what, strlen(what));
}

static void count_authors(void *user, enum peer_table table, const struct peer_row *row)
{
    size_t *n = user;
    *n += table == TABLE_CLOCK && !span_is(row->key, "log");
}

static void both_are_written(struct world *w, const struct event *e)
{
    size_t authors = 0;
    if (!comes_with(e, 2, "\"for\":\"start\""))
        return;
    memory_store_each(w->nodes[2].store, true, count_authors, &authors);
    assert_int_equal(authors, 2);
    w->sees = NULL;
}

/* What it shows before it knows all authors may come after what it passes by: where it begins is with that on its disk. */
static void test_where_it_begins_is_stored(void **state)
{
    (void)state;
    struct world *w = world_that_spoke();
    w->sees = both_are_written;
    start(w, 2);
    pass(w, 1000);
    assert_null(w->sees);
    world_end(w);
}

/* The question has come, and what answers it meets a link that is full. */
static void fill_the_link(struct world *w, const struct event *e)
{
    if (!comes_with(e, 0, "\"new\":1"))
        return;
    later(w, 0, PEER_CONGESTED, e->ev.rtc, SPAN(""));
    w->sees = NULL;
}

static void test_it_asks_again(void **state)
{
    (void)state;
    struct world *w = world_that_spoke();
    part(w, 1, 2, true);
    w->sees = fill_the_link;
    w->watch = "\"new\":1";
    start(w, 2);
    pass(w, 1000);
    assert_null(w->sees);
    assert_int_equal(w->watched[2], 1);
    feed(w, 0, (struct peer_event){.type = PEER_WRITABLE, .rtc = rtc_with(&w->nodes[0], 2)});
    pass(w, 30000);
    assert_int_equal(w->watched[2], 2);
    world_end(w);
}

/* Whoever has lost its tables is a newcomer again: that it told its clock once, and what it has read, counts no more. What is
 * said before it knows where it begins is for it, all of it. */
static void test_who_lost_its_state(void **state)
{
    (void)state;
    struct world *w = world_that_spoke();
    struct node *cid = &w->nodes[2];
    start(w, 2);
    for (int i = 0; i < 3; i++) {
        send_ref(w, i, NULL, 0, "known", "");
        pass(w, 1000);
    }
    part(w, 1, 2, true);
    daemon_left(w, 2, "disconnected");
    node_boot(w, 2);
    memory_store_put_back(cid->store, NULL);
    forget_notices(cid);
    w->sees = fill_the_link;
    start(w, 2);
    pass(w, 20000);
    assert_null(w->sees);
    send_ref(w, 0, NULL, 0, "one", "");
    send_ref(w, 0, NULL, 0, "two", "");
    pass(w, 1000);
    feed(w, 0, (struct peer_event){.type = PEER_WRITABLE, .rtc = rtc_with(&w->nodes[0], 2)});
    pass(w, 30000);
    assert_true(told(cid, NOTICE_MESSAGE, "one") && told(cid, NOTICE_MESSAGE, "two"));
    assert_int_equal(count(&w->nodes[0], NOTICE_FAILED), 0);
    world_end(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_where_it_begins_is_stored),
        cmocka_unit_test(test_it_asks_again),
        cmocka_unit_test(test_who_lost_its_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
