/* SPDX-License-Identifier: MIT
 *
 * The seeded generator repeats itself for a seed and matches its published first values; bounds are met without bias.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <string.h>

#include "base/rng.h"

/* A port that hands out what it is told to. */
struct script {
    uint64_t values[4];
    int at;
};

static void script_fill(void *ctx, void *out, size_t n)
{
    struct script *s = ctx;
    memcpy(out, &s->values[s->at++], n);
}

static void test_a_seed_repeats(void **state)
{
    (void)state;
    struct rng_seeded a, b, c;
    rng_seeded_init(&a, 42);
    rng_seeded_init(&b, 42);
    rng_seeded_init(&c, 43);
    struct rng x = rng_seeded_port(&a), y = rng_seeded_port(&b), z = rng_seeded_port(&c);
    int differ = 0;
    for (int i = 0; i < 100; i++) {
        uint64_t v = rng_u64(&x);
        assert_true(v == rng_u64(&y));
        differ += v != rng_u64(&z);
    }
    assert_int_equal(differ, 100);
}

/* splitmix64 from 0 begins with e220a8397b1dcdaf (its authors' reference code). */
static void test_seeding_is_splitmix64(void **state)
{
    (void)state;
    struct rng_seeded g;
    rng_seeded_init(&g, 0);
    assert_true(g.s[0] == UINT64_C(0xe220a8397b1dcdaf));
    assert_true(g.s[1] == UINT64_C(0x6e789e6aa1b965f4));
}

/* xoshiro256** from the state 1, 2, 3, 4 begins with 11520, 0, 1509978240. */
static void test_numbers_are_xoshiro256(void **state)
{
    (void)state;
    struct rng_seeded g = {{1, 2, 3, 4}};
    struct rng r = rng_seeded_port(&g);
    assert_true(rng_u64(&r) == 11520);
    assert_true(rng_u64(&r) == 0);
    assert_true(rng_u64(&r) == 1509978240);
}

static void test_fills_every_length(void **state)
{
    (void)state;
    for (size_t n = 0; n < 40; n++) {
        struct rng_seeded g;
        rng_seeded_init(&g, 7);
        struct rng r = rng_seeded_port(&g);
        unsigned char bytes[48];
        memset(bytes, 0xa5, sizeof bytes);
        r.fill(r.ctx, bytes, n);
        for (size_t i = n; i < sizeof bytes; i++)
            assert_int_equal(bytes[i], 0xa5);
    }
}

static void test_below(void **state)
{
    (void)state;
    struct rng_seeded g;
    rng_seeded_init(&g, 1);
    struct rng r = rng_seeded_port(&g);
    unsigned seen[6] = {0};
    for (int i = 0; i < 60000; i++)
        seen[rng_below(&r, 6)]++;
    for (int i = 0; i < 6; i++)
        assert_in_range(seen[i], 9500, 10500);
    for (int i = 0; i < 100; i++)
        assert_int_equal(rng_below(&r, 1), 0);
}

/* 2^32 mod 3 is 1, so only 0 is drawn again. */
static void test_below_rejects_what_would_bias(void **state)
{
    (void)state;
    struct script s = {{0, 0, 1, UINT32_MAX}, 0};
    struct rng r = {script_fill, &s};
    assert_int_equal(rng_below(&r, 3), 1);
    assert_int_equal(s.at, 3);
    assert_int_equal(rng_below(&r, 3), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_seed_repeats),
        cmocka_unit_test(test_seeding_is_splitmix64),
        cmocka_unit_test(test_numbers_are_xoshiro256),
        cmocka_unit_test(test_fills_every_length),
        cmocka_unit_test(test_below),
        cmocka_unit_test(test_below_rejects_what_would_bias),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
