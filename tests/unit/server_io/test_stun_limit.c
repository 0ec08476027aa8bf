/* SPDX-License-Identifier: MIT
 *
 * How many datagrams of one address are looked at: its rate, who shares it, and what others can do about it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/io/stun_limit.h"

static struct stun_limit limit;

static void begin(void)
{
    struct rng_seeded seed;
    rng_seeded_init(&seed, 1);
    struct rng rng = rng_seeded_port(&seed);
    stun_limit_init(&limit, &rng);
}

static struct address ipv4(uint32_t n)
{
    return (struct address){.bytes = {[10] = 0xff,
                                [11] = 0xff,
                                [12] = (uint8_t)(n >> 24),
                                [13] = (uint8_t)(n >> 16),
                                [14] = (uint8_t)(n >> 8),
                                [15] = (uint8_t)n}};
}

/* 2001:db8:0:net::host */
static struct address ipv6(uint8_t net, uint8_t host)
{
    return (struct address){.bytes = {0x20, 0x01, 0x0d, 0xb8, [7] = net, [15] = host}};
}

static bool allows(struct address from, uint64_t now)
{
    return stun_limit_allows(&limit, &from, now);
}

/* How many of so many come through. */
static unsigned through(struct address from, uint64_t now, unsigned n)
{
    unsigned passed = 0;
    while (n-- > 0)
        passed += allows(from, now);
    return passed;
}

static void test_rate(void **state)
{
    (void)state;
    begin();
    assert_int_equal(through(ipv4(1), 5000, STUN_BURST + 50), STUN_BURST);
    assert_int_equal(through(ipv4(1), 5000 + 1000 / STUN_RATE - 1, 1), 0);
    assert_int_equal(through(ipv4(1), 5000 + 1000 / STUN_RATE, 2), 1);
    assert_int_equal(through(ipv4(1), 6000 + 1000 / STUN_RATE, 2 * STUN_RATE), STUN_RATE);
    assert_int_equal(through(ipv4(1), 3600000, 2 * STUN_BURST), STUN_BURST); /* no more is saved up */
    /* The time is kept in 32 bits. */
    assert_int_equal(through(ipv4(2), UINT32_MAX, STUN_BURST + 1), STUN_BURST);
    assert_int_equal(through(ipv4(2), (uint64_t)UINT32_MAX + 1000, 2 * STUN_RATE), STUN_RATE);
}

static void test_who_shares(void **state)
{
    (void)state;
    begin();
    assert_int_equal(through(ipv6(1, 1), 0, STUN_BURST), STUN_BURST);
    assert_false(allows(ipv6(1, 2), 0)); /* of the same /64 */
    assert_true(allows(ipv6(2, 1), 0));
    assert_int_equal(through(ipv4(1), 0, STUN_BURST), STUN_BURST);
    assert_false(allows(ipv4(1), 0));
    assert_true(allows(ipv4(2), 0));
    assert_true(allows(ipv4(0x01000000), 0));
    struct address loopback = {.bytes = {[15] = 1}};
    assert_int_equal(through(loopback, 0, STUN_BURST + 1), STUN_BURST);
}

/* However many others come, who floods keeps his empty bucket, and each of the others has one of its own. */
static void test_others(void **state)
{
    (void)state;
    enum {
        OTHERS = 4 * STUN_LIMIT_SETS * STUN_LIMIT_WAYS
    };
    begin();
    assert_int_equal(through(ipv4(7), 0, STUN_BURST), STUN_BURST);
    unsigned flooder = 0;
    for (uint32_t i = 0; i < OTHERS; i++) {
        uint64_t now = 1 + i / 1000;
        assert_true(allows(ipv4(0x0a000000 + i), now));
        flooder += allows(ipv4(7), now);
    }
    assert_in_range(flooder, 0, (1 + OTHERS / 1000) * STUN_RATE / 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rate),
        cmocka_unit_test(test_who_shares),
        cmocka_unit_test(test_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
