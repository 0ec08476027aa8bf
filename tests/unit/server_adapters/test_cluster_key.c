/* SPDX-License-Identifier: MIT
 *
 * The name of a cluster: made of its secret, and not telling it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "server/adapters/cluster_key.h"

#define SECRET "0123456789abcdef0123456789abcdef"

/* printf 'usher cluster id\1' | openssl dgst -sha256 -hmac 0123456789abcdef0123456789abcdef */
static void test_it_is_made_of_the_secret(void **state)
{
    (void)state;
    char id[CLUSTER_ID_MAX + 1], again[CLUSTER_ID_MAX + 1], other[CLUSTER_ID_MAX + 1];
    assert_true(cluster_id_make(SPAN(SECRET), id));
    assert_string_equal(id, "4pq2izxmo3muded4c6vig5yogu");
    assert_true(cluster_id_make(SPAN(SECRET), again));
    assert_string_equal(id, again);
    assert_true(cluster_id_make(SPAN(SECRET "0"), other));
    assert_string_not_equal(id, other);
    assert_int_equal(strlen(id), 26);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_is_made_of_the_secret),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
