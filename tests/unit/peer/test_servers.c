/* SPDX-License-Identifier: MIT
 *
 * The table of servers: which is next, which is better.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "peer/core/bounds.h"
#include "peer/core/link/servers.h"

static struct servers table;
static uint64_t now = 100000;

/* Servers whose clusters are these letters; '.': none; '?': it was not heard. */
static void table_of(const char *clusters)
{
    servers_init(&table, (unsigned)strlen(clusters));
    for (unsigned i = 0; i < table.n; i++)
        if (clusters[i] != '?')
            servers_welcomed(&table, i, (struct span){&clusters[i], clusters[i] != '.'});
}

static void answers(unsigned i, unsigned samples, uint64_t ms)
{
    servers_probe(&table, i, samples, now);
    assert_true(servers_probed(&table, i, ms, now));
}

static void test_the_order_given_is_the_order_of_tries(void **state)
{
    (void)state;
    table_of("????");
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(servers_next(&table, now), i);
        assert_false(servers_all_tried(&table));
        servers_failed(&table, i, now);
    }
    assert_true(servers_all_tried(&table));
    servers_new_round(&table);
    assert_int_equal(servers_next(&table, now), 0);
}

static void test_one_that_is_well_is_tried_before_the_unknown_and_the_dead(void **state)
{
    (void)state;
    table_of("?????");
    answers(0, 1, 0);
    answers(3, 1, 20);
    answers(4, 1, 5);
    assert_int_equal(servers_next(&table, now), 3);
    servers_failed(&table, 3, now);
    assert_int_equal(servers_next(&table, now), 4);
    servers_failed(&table, 4, now);
    assert_int_equal(servers_next(&table, now), 1);
    servers_failed(&table, 1, now);
    servers_failed(&table, 2, now);
    assert_int_equal(servers_next(&table, now), 0);
}

static void test_what_is_known_of_health_grows_old(void **state)
{
    (void)state;
    table_of("??");
    answers(0, 1, 0);
    assert_int_equal(servers_next(&table, now + HEALTH_FRESH_MS - 1), 1);
    assert_int_equal(servers_next(&table, now + HEALTH_FRESH_MS), 0);
    answers(1, 1, 7);
    assert_true(servers_is_well(&table, 1, now + HEALTH_FRESH_MS - 1));
    assert_false(servers_is_well(&table, 1, now + HEALTH_FRESH_MS));
}

static void test_one_that_is_avoided_comes_last(void **state)
{
    (void)state;
    table_of("??");
    servers_avoid(&table, 0, now + 1000);
    answers(1, 1, 0);
    assert_int_equal(servers_next(&table, now), 1);
    assert_int_equal(servers_next(&table, now + 1000), 0);
    answers(0, 1, 3);
    assert_false(servers_is_well(&table, 0, now + 999));
    assert_true(servers_is_well(&table, 0, now + 1000));
    assert_int_equal(servers_better(&table, 1, now + 999), 1);
    assert_int_equal(servers_better(&table, 1, now + 1000), 0);
}

static void test_waiting_is_for_the_first_that_may_be_tried(void **state)
{
    (void)state;
    table_of("??");
    servers_wait(&table, 0, now + 5000);
    assert_int_equal(servers_waits_until(&table), 0);
    servers_wait(&table, 1, now + 3000);
    assert_int_equal(servers_waits_until(&table), now + 3000);
    assert_true(servers_is_avoided(&table, 1, now + 2999));
}

static void test_an_earlier_one_is_better_if_it_is_well(void **state)
{
    (void)state;
    table_of("...");
    assert_int_equal(servers_better(&table, 2, now), 2);
    answers(1, 1, 500);
    assert_int_equal(servers_better(&table, 2, now), 1);
    answers(0, 1, 900); /* however far it is */
    assert_int_equal(servers_better(&table, 2, now), 0);
    answers(0, 1, 0);
    assert_int_equal(servers_better(&table, 2, now), 1);
    assert_int_equal(servers_better(&table, 0, now), 0);
}

/* Between servers that have nothing in common nearness is nothing: people would never meet. */
static void test_distance_does_not_count_between_unrelated_ones(void **state)
{
    (void)state;
    table_of("a.b?");
    for (unsigned i = 0; i < 4; i++)
        answers(i, MEASURE_SAMPLES, i == 0 ? 300 : 1);
    assert_int_equal(servers_better(&table, 0, now), 0);
    assert_false(servers_is_before(&table, 1, 0));
    assert_true(servers_is_before(&table, 0, 1));
}

static void test_the_nearest_of_a_cluster(void **state)
{
    (void)state;
    table_of("aaaa");
    answers(0, MEASURE_SAMPLES, 100);
    answers(1, MEASURE_SAMPLES, 60);
    answers(2, MEASURE_SAMPLES, 20);
    answers(3, MEASURE_SAMPLES, 0);
    assert_int_equal(servers_better(&table, 0, now), 2);
    assert_int_equal(servers_better(&table, 3, now), 3); /* its own distance is not known */
    for (unsigned i = 0; i < 4; i++)
        assert_false(servers_is_before(&table, i, 3));
}

/* 10 ms, and a fifth of the way: two measurements of one server differ by so much. */
static void test_a_little_nearer_is_not_nearer(void **state)
{
    (void)state;
    static const struct {
        uint64_t here, there;
        bool moves;
    } cases[] = {{12, 1, true}, {11, 1, false}, {100, 81, false}, {100, 80, false}, {100, 79, true}, {40, 30, false},
        {40, 29, true}, {5, 300, false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        table_of("aa");
        answers(0, MEASURE_SAMPLES, cases[i].here);
        answers(1, MEASURE_SAMPLES, cases[i].there);
        assert_int_equal(servers_better(&table, 0, now), cases[i].moves);
    }
}

/* One sample tells that it is there, not how far it is. */
static void test_distance_is_that_of_several_samples(void **state)
{
    (void)state;
    table_of("aa");
    answers(0, MEASURE_SAMPLES, 200);
    answers(1, 1, 1);
    assert_int_equal(servers_better(&table, 0, now), 0);
    answers(1, MEASURE_SAMPLES, 1);
    assert_int_equal(servers_better(&table, 0, now), 1);
    servers_settled(&table, 1, now);
    assert_int_equal(servers_better(&table, 1, now), 1);
    assert_int_equal(table.v[0].distance_ms, 0);
}

/* A cluster stands where its first member stands, whichever of it is in use. */
static void test_a_cluster_has_one_place_in_the_order(void **state)
{
    (void)state;
    table_of(".a.a");
    assert_false(servers_is_before(&table, 2, 3));
    assert_true(servers_is_before(&table, 3, 2));
    assert_true(servers_is_before(&table, 0, 3));
    answers(3, 1, 9); /* 1 does not answer */
    assert_int_equal(servers_better(&table, 2, now), 3);
    answers(1, 1, 9);
    assert_int_equal(servers_better(&table, 2, now), 1);
    assert_int_equal(servers_better(&table, 3, now), 3);
    answers(0, 1, 9);
    assert_int_equal(servers_better(&table, 3, now), 0);
}

static void test_one_that_changes_its_cluster_stands_alone(void **state)
{
    (void)state;
    table_of("aa");
    const char *names[] = {"b", "a"};
    for (unsigned i = 0; i + 1 < FICKLE_MAX; i++) {
        servers_welcomed(&table, 1, span_of(names[i % 2]));
        assert_int_equal(servers_are_one(&table, 0, 1), i % 2);
    }
    servers_welcomed(&table, 1, SPAN("c"));
    servers_welcomed(&table, 1, SPAN("a"));
    assert_false(servers_are_one(&table, 0, 1));
    assert_false(servers_are_one(&table, 1, 0));
    assert_true(servers_are_one(&table, 1, 1));
    assert_true(servers_are_one(&table, 0, 0));
    answers(0, MEASURE_SAMPLES, 100);
    answers(1, MEASURE_SAMPLES, 1);
    assert_int_equal(servers_better(&table, 0, now), 0);
    assert_int_equal(servers_better(&table, 1, now), 0);
}

static void test_the_longest_name_of_a_cluster(void **state)
{
    (void)state;
    char name[CLUSTER_ID_MAX + 2];
    memset(name, 'x', sizeof name);
    table_of("??");
    for (unsigned i = 0; i < 2; i++)
        servers_welcomed(&table, i, (struct span){name, CLUSTER_ID_MAX});
    assert_true(servers_are_one(&table, 0, 1));
    for (unsigned i = 0; i < 2; i++)
        servers_welcomed(&table, i, (struct span){name, CLUSTER_ID_MAX + 1});
    assert_false(servers_are_one(&table, 0, 1));
}

static void test_a_seat_is_known_within_a_cluster_or_where_none_is_named(void **state)
{
    (void)state;
    table_of("aab..");
    assert_true(servers_may_share(&table, 0, 1));
    assert_false(servers_may_share(&table, 0, 2));
    assert_false(servers_may_share(&table, 0, 3));
    assert_false(servers_may_share(&table, 3, 0));
    assert_true(servers_may_share(&table, 3, 4));
}

static void test_a_move_that_was_refused_is_tried_later_each_time(void **state)
{
    (void)state;
    uint64_t pause = MOVE_AGAIN_MS;
    table_of("..");
    for (unsigned i = 0; i <= MOVE_AGAIN_DOUBLINGS + 2; i++) {
        servers_failed_move(&table, 0, false, now); /* it may work any moment */
        assert_false(servers_is_avoided(&table, 0, now + MOVE_AGAIN_MS));
        pause *= i < MOVE_AGAIN_DOUBLINGS ? 2 : 1;
        servers_failed_move(&table, 0, true, now);
        assert_true(servers_is_avoided(&table, 0, now + pause - 1));
        assert_false(servers_is_avoided(&table, 0, now + pause));
    }
    servers_settled(&table, 0, now);
    assert_false(servers_is_avoided(&table, 0, now));
    servers_failed_move(&table, 0, true, now);
    assert_false(servers_is_avoided(&table, 0, now + 2 * MOVE_AGAIN_MS));
}

static void test_an_answer_counts_once_and_one_that_is_lost_ends(void **state)
{
    (void)state;
    table_of("..");
    assert_false(servers_probed(&table, 1, 5, now));
    servers_probe(&table, 1, 1, now);
    assert_true(servers_any_probed(&table, now));
    assert_true(servers_is_probed(&table, 1, now + PROBE_LOST_MS - 1));
    assert_false(servers_is_probed(&table, 1, now + PROBE_LOST_MS));
    assert_false(servers_is_probed(&table, 0, now));
    assert_true(servers_probed(&table, 1, 5, now));
    assert_false(servers_probed(&table, 1, 5, now));
    assert_false(servers_any_probed(&table, now));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_order_given_is_the_order_of_tries),
        cmocka_unit_test(test_one_that_is_well_is_tried_before_the_unknown_and_the_dead),
        cmocka_unit_test(test_what_is_known_of_health_grows_old),
        cmocka_unit_test(test_one_that_is_avoided_comes_last),
        cmocka_unit_test(test_waiting_is_for_the_first_that_may_be_tried),
        cmocka_unit_test(test_an_earlier_one_is_better_if_it_is_well),
        cmocka_unit_test(test_distance_does_not_count_between_unrelated_ones),
        cmocka_unit_test(test_the_nearest_of_a_cluster),
        cmocka_unit_test(test_a_little_nearer_is_not_nearer),
        cmocka_unit_test(test_distance_is_that_of_several_samples),
        cmocka_unit_test(test_a_cluster_has_one_place_in_the_order),
        cmocka_unit_test(test_one_that_changes_its_cluster_stands_alone),
        cmocka_unit_test(test_the_longest_name_of_a_cluster),
        cmocka_unit_test(test_a_seat_is_known_within_a_cluster_or_where_none_is_named),
        cmocka_unit_test(test_a_move_that_was_refused_is_tried_later_each_time),
        cmocka_unit_test(test_an_answer_counts_once_and_one_that_is_lost_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
