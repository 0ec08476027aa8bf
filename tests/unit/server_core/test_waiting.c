/* SPDX-License-Identifier: MIT
 *
 * Queues of equal waits, and the keyed hash of what strangers choose.
 */
#include "tests/unit/server_core/harness.h"

#include "server/core/hash.h"
#include "server/core/waiting.h"

static void test_order(void **state)
{
    (void)state;
    struct waiting q;
    struct wait w[3] = {0};
    waiting_init(&q);
    assert_null(waiting_first(&q));
    assert_int_equal(waiting_due(&q, 10), UINT64_MAX);
    for (unsigned i = 0; i < 3; i++)
        waiting_add(&q, &w[i], 100 + i);
    assert_ptr_equal(waiting_first(&q), &w[0]);
    assert_int_equal(waiting_due(&q, 10), 110);
    assert_int_equal(waiting_due(&q, 0), UINT64_MAX); /* for ever */
    waiting_remove(&w[1]);
    waiting_remove(&w[0]);
    waiting_remove(&w[0]); /* in none: nothing happens */
    assert_ptr_equal(waiting_first(&q), &w[2]);
    waiting_add(&q, &w[0], 102);
    assert_ptr_equal(waiting_first(&q), &w[2]);
    waiting_remove(&w[2]);
    waiting_remove(&w[0]);
    assert_null(waiting_first(&q));
}

static void test_of(void **state)
{
    (void)state;
    struct thing {
        int before;
        struct wait wait;
    } thing;
    assert_ptr_equal(WAIT_OF(&thing.wait, struct thing, wait), &thing);
}

/* Names that meet under one key part under another. */
static void test_hash_depends_on_its_key(void **state)
{
    (void)state;
    enum {
        NAMES = 256,
        BUCKETS = 64
    };
    unsigned met = 0, met_again = 0;
    char name[16];
    for (unsigned i = 0; i < NAMES; i++) {
        int n = snprintf(name, sizeof name, "room-%u", i);
        bool meets = hash_keyed(12345678, name, (size_t)n) % BUCKETS == 0;
        met += meets;
        met_again += meets && hash_keyed(87654321, name, (size_t)n) % BUCKETS == 0;
    }
    assert_in_range(met, 1, 16);
    assert_true(met_again < met);
    assert_int_not_equal(hash_keyed(7, "a", 1), hash_keyed(7, "a\0", 2));
    assert_int_not_equal(hash_keyed(7, "", 0), hash_keyed(7, "\0", 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_of),
        cmocka_unit_test(test_hash_depends_on_its_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
