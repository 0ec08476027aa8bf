/* SPDX-License-Identifier: MIT
 *
 * Facts about people: what order they are told in, and that each is told once; and what waits for a commit, beside them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "peer/core/state.h"
#include "peer/core/people/facts.h"
#include "peer/core/port/after_commit.h"

static struct peer *new_peer(void)
{
    struct peer *p = calloc(1, sizeof *p);
    assert_non_null(p);
    return p;
}

static void expect(struct peer *p, const struct person *who, enum fact wanted)
{
    enum fact fact;
    assert_ptr_equal(fact_next(p, &fact), who);
    assert_int_equal(fact, wanted);
}

static void test_facts_of_one_person_come_in_order(void **state)
{
    struct peer *p = new_peer();
    struct person ann = {.id = "ann"};
    enum fact fact;
    (void)state;
    assert_null(fact_next(p, &fact));
    fact_add(p, &ann, FACT_LEFT);
    fact_add(p, &ann, FACT_LINK_UP);
    fact_add(p, &ann, FACT_LINK_DOWN);
    fact_add(p, &ann, FACT_LINK_UP); /* told once, however often it is found */
    expect(p, &ann, FACT_LINK_DOWN);
    expect(p, &ann, FACT_LINK_UP);
    expect(p, &ann, FACT_LEFT);
    assert_null(fact_next(p, &fact));
    free(p);
}

static void test_people_wait_their_turn(void **state)
{
    struct peer *p = new_peer();
    struct person ann = {.id = "ann"}, ben = {.id = "ben"}, cid = {.id = "cid"};
    enum fact fact;
    (void)state;
    fact_add(p, &ben, FACT_LINK_UP);
    fact_add(p, &ann, FACT_LINK_DOWN);
    fact_add(p, &ben, FACT_PATH);
    expect(p, &ben, FACT_LINK_UP);
    /* What is found while a fact is told comes behind those who wait, unless it is about somebody who waits. */
    fact_add(p, &cid, FACT_REACHED);
    fact_add(p, &ben, FACT_REACHED);
    expect(p, &ben, FACT_REACHED);
    expect(p, &ben, FACT_PATH);
    fact_add(p, &ben, FACT_LINK_DOWN);
    expect(p, &ann, FACT_LINK_DOWN);
    expect(p, &cid, FACT_REACHED);
    expect(p, &ben, FACT_LINK_DOWN);
    assert_null(fact_next(p, &fact));
    free(p);
}

static void test_what_waits_for_a_commit(void **state)
{
    struct peer *p = new_peer();
    struct after_commit t;
    (void)state;
    after_commit_kept(p, "ann", SPAN("m0")); /* no commit is awaited: ready at once */
    assert_true(after_commit_next(p, &t));
    assert_int_equal(t.type, AFTER_COMMIT_KEPT);
    assert_string_equal(t.kept.id, "m0");
    after_commit_done(&t);
    p->dirty = true; /* a row was put: the commit that ends this step is the third ticket */
    p->ticket = 2;
    after_commit_receipt(p, "ann", SPAN("m1"), true);
    p->dirty = false;
    p->commit = p->ticket = 3;
    after_commit_missed(p, "ben", SPAN("m2"));
    assert_false(after_commit_next(p, &t));
    p->committed = 3;
    assert_true(after_commit_next(p, &t));
    assert_int_equal(t.type, AFTER_COMMIT_RECEIPT);
    assert_string_equal(t.receipt.id, "m1");
    assert_true(t.receipt.group);
    after_commit_done(&t);
    assert_true(after_commit_next(p, &t));
    assert_int_equal(t.type, AFTER_COMMIT_MISSED);
    assert_string_equal(t.missed.id, "m2");
    assert_string_equal(t.missed.who, "ben");
    after_commit_done(&t);
    assert_false(after_commit_next(p, &t));
    after_commit_clear(p);
    free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_facts_of_one_person_come_in_order),
        cmocka_unit_test(test_people_wait_their_turn),
        cmocka_unit_test(test_what_waits_for_a_commit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
