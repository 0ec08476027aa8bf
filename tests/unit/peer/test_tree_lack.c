/* SPDX-License-Identifier: MIT
 *
 * What did not come along the tree: who is asked for it, and when.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/unit/peer/tree_message.h"

static void announces(struct tree *t, const char *from, uint64_t sequence, uint64_t now)
{
    struct tree_newest news = {SPAN("a"), sequence, 1};
    struct tree_swap swap;
    assert_false(tree_announced(t, span_of(from), &news, 2, now, &swap));
}

static void tells(struct tree *t, const char *from, const char *author, uint64_t sequence, uint64_t now)
{
    tree_lacked(t, &(struct tree_lack){span_of(from), span_of(author), sequence, 0, false}, now);
}

/* At that moment, and not before, this link is asked for all that these authors (one letter each) are said to have. */
static void asks(struct tree *t, uint64_t at, const char *link, const char *authors)
{
    struct tree_graft out[4];
    struct span whom;
    size_t n = strlen(authors);
    assert_int_equal(tree_due(t), at);
    assert_int_equal(tree_grafts(t, at - 1, &whom, out, 4), 0);
    assert_int_equal(tree_grafts(t, at, &whom, out, 4), n);
    assert_true(n == 0 || span_is(whom, link));
    for (size_t i = 0; i < n; i++)
        assert_true(out[i].author.n == 1 && out[i].author.p[0] == authors[i]);
}

static struct tree *with_links(void)
{
    struct tree *t = tree_new();
    assert_true(tree_link_up(t, SPAN("x")) && tree_link_up(t, SPAN("y")) && tree_link_up(t, SPAN("z")));
    return t;
}

/* Announcers are asked in turn, each when the one before had nothing, said nothing or is gone, until it is there. */
static void test_asks_in_turn(void **state)
{
    (void)state;
    struct tree *t = with_links();
    struct tree_message first = message("y", 1, true), third = message("z", 3, true);
    struct tree_graft out[4];
    struct span whom;
    bool eager;
    tree_received(t, &first, 500);
    tree_pruned(t, SPAN("x"), SPAN("a"));
    announces(t, "x", 3, 1000);
    announces(t, "y", 3, 1100);
    announces(t, "z", 3, 1100);
    asks(t, 1000 + TREE_WAIT_MS, "x", "a");
    tree_link(t, 0, SPAN("a"), &eager);
    assert_true(eager);
    /* Silent. */
    asks(t, 1000 + TREE_WAIT_MS + TREE_ANSWER_MS, "y", "a");
    tree_link_down(t, SPAN("y"));
    assert_int_equal(tree_grafts(t, 4000, &whom, out, 4), 1);
    assert_true(span_is(whom, "z") && out[0].announced && out[0].sequence == 3);
    assert_int_equal(tree_received(t, &third, 4001), TREE_NEW);
    assert_int_equal(tree_due(t), TREE_NEVER);
    /* Had nothing, and there is nobody else. */
    tells(t, "x", "b", 9, 10000);
    asks(t, 10000 + TREE_WAIT_MS, "x", "b");
    tree_answered(t, SPAN("x"), 10300);
    asks(t, 10300, "", "");
    assert_int_equal(tree_due(t), TREE_NEVER);
    tree_free(t);
}

/* What comes is waited for, be it along the tree or as an answer; what an answer did not hold is asked for at once. */
static void test_waits_for_what_comes(void **state)
{
    (void)state;
    struct tree *t = with_links();
    struct tree_message m = message("y", 1, true);
    tells(t, "x", "a", 9, 1000);
    tree_received(t, &m, 1100);
    asks(t, 1100 + TREE_WAIT_MS, "x", "a");
    m.sequence = m.has = 2;
    tree_received(t, &m, 3000);
    assert_int_equal(tree_due(t), 3000 + TREE_ANSWER_MS);
    /* A message behind a gap is no progress. */
    m.sequence = 5;
    tree_received(t, &m, 3001);
    assert_int_equal(tree_due(t), 3000 + TREE_ANSWER_MS);
    tree_answered(t, SPAN("x"), 3100);
    asks(t, 3100, "x", "a");
    /* It answers faster than we ask. */
    m.sequence = m.has = 6;
    tree_received(t, &m, 3101);
    tree_answered(t, SPAN("x"), 3101);
    asks(t, 3100 + TREE_PACE_MS, "x", "a");
    /* All that it was asked for is there; what was told of since may be on its way. */
    tells(t, "y", "a", 12, 3200);
    m.sequence = m.has = 9;
    tree_received(t, &m, 3300);
    tree_answered(t, SPAN("x"), 3300);
    asks(t, 3300 + TREE_WAIT_MS, "x", "a");
    tree_free(t);
}

/* One link is asked for all authors together, and nothing more before it has answered; another may be asked meanwhile. */
static void test_asks_one_thing_at_a_time(void **state)
{
    (void)state;
    struct tree *t = with_links();
    tells(t, "x", "a", 9, 1000);
    tells(t, "x", "b", 9, 1000);
    tells(t, "x", "c", 9, 1050);
    asks(t, 1000 + TREE_WAIT_MS, "x", "ab");
    assert_true(tree_asks(t, SPAN("a")) && !tree_asks(t, SPAN("c")));
    tells(t, "x", "d", 9, 1050);
    tells(t, "y", "d", 9, 1060);
    struct tree_graft out[4];
    struct span whom;
    assert_int_equal(tree_grafts(t, 1050 + TREE_WAIT_MS, &whom, out, 4), 1);
    assert_true(span_is(whom, "y") && out[0].author.p[0] == 'd' && !out[0].announced);
    tree_answered(t, SPAN("x"), 1300);
    assert_int_equal(tree_grafts(t, 1300, &whom, out, 4), 1);
    assert_true(span_is(whom, "x") && out[0].author.p[0] == 'c');
    /* It goes with its link. */
    tree_link_down(t, SPAN("x"));
    assert_int_equal(tree_grafts(t, 1301, &whom, out, 4), 0);
    assert_true(!tree_asks(t, SPAN("c")) && tree_asks(t, SPAN("d")));
    tree_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_asks_in_turn),
        cmocka_unit_test(test_waits_for_what_comes),
        cmocka_unit_test(test_asks_one_thing_at_a_time),
    };
    return cmocka_run_group_tests_name("tree_lack", tests, NULL, NULL);
}
