/* SPDX-License-Identifier: MIT
 *
 * Places of downloads: who may have one when all are taken, and whose it is.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <stdlib.h>

#include "server/io/web_share.h"
#include "tests/faults.h"

struct desk {
    struct web_share share;
    struct web_place places[WEB_DOWNLOADS_MAX];
};

static int set_up(void **state)
{
    struct desk *d = calloc(1, sizeof *d);
    struct rng_seeded seed;
    rng_seeded_init(&seed, 1);
    const struct rng rng = rng_seeded_port(&seed);
    if (!d)
        return -1;
    web_share_init(&d->share, &rng);
    *state = d;
    return 0;
}

/* Nothing is left of owners when nobody has a place. */
static int tear_down(void **state)
{
    struct desk *d = *state;
    for (size_t i = 0; i < WEB_DOWNLOADS_MAX; i++)
        web_share_give(&d->share, &d->places[i]);
    assert_int_equal(d->share.taken, 0);
    assert_int_equal(d->share.most, 0);
    assert_null(d->share.owners);
    free(d);
    return 0;
}

static struct address ipv4(unsigned n)
{
    return (struct address){.bytes = {[10] = 0xff, 0xff, 10, 0, (uint8_t)(n >> 8), (uint8_t)n}};
}

static struct address ipv6(unsigned network, unsigned host)
{
    return (struct address){.bytes = {0x20, 1, [6] = (uint8_t)(network >> 8), (uint8_t)network, [15] = (uint8_t)host}};
}

static void take(struct desk *d, size_t at, struct address whose)
{
    assert_true(web_share_take(&d->share, &whose, &d->places[at]));
}

static void take_and_hold(struct desk *d, size_t at, struct address whose)
{
    take(d, at, whose);
    web_share_hold(&d->places[at]);
}

static struct web_place *wants(const struct desk *d, struct address whose)
{
    return web_share_for(&d->share, &whose);
}

static void test_one_alone_has_all(void **state)
{
    struct desk *d = *state;
    struct web_place more = {.owner = NULL};
    const struct address one = ipv4(1), other = ipv4(2);
    for (size_t i = 0; i < WEB_DOWNLOADS_MAX; i++)
        take_and_hold(d, i, one);
    assert_false(web_share_take(&d->share, &other, &more));
    assert_null(wants(d, one));
    assert_ptr_equal(wants(d, other), &d->places[0]);
    web_share_give(&d->share, &more); /* that was not taken */
    assert_int_equal(d->share.taken, WEB_DOWNLOADS_MAX);
}

/* Five that have all: a sixth gets as many as they have, and no more. */
static void test_an_equal_share(void **state)
{
    struct desk *d = *state;
    const struct address sixth = ipv4(6);
    unsigned got = 0;
    for (size_t i = 0; i < WEB_DOWNLOADS_MAX; i++)
        take_and_hold(d, i, ipv4((unsigned)i % 5));
    for (struct web_place *p; (p = wants(d, sixth)); got++) {
        size_t at = (size_t)(p - d->places);
        assert_int_not_equal(p->owner, NULL);
        web_share_give(&d->share, p);
        take(d, at, sixth);
    }
    assert_in_range(got, WEB_DOWNLOADS_MAX / 6 - 1, WEB_DOWNLOADS_MAX / 6);
    for (unsigned i = 0; i < 5; i++)
        assert_null(wants(d, ipv4(i)));
    assert_non_null(wants(d, ipv4(7)));
}

static void test_the_longest_held(void **state)
{
    struct desk *d = *state;
    for (size_t i = 0; i < 4; i++)
        take_and_hold(d, i, ipv4(1));
    take_and_hold(d, 4, ipv4(2));
    assert_ptr_equal(wants(d, ipv4(3)), &d->places[0]);
    web_share_release(&d->places[0]);
    assert_ptr_equal(wants(d, ipv4(3)), &d->places[1]);
    web_share_hold(&d->places[0]);
    web_share_give(&d->share, &d->places[1]);
    assert_ptr_equal(wants(d, ipv4(3)), &d->places[2]);
    web_share_release(&d->places[2]);
    web_share_release(&d->places[3]);
    assert_ptr_equal(wants(d, ipv4(3)), &d->places[0]);
    web_share_release(&d->places[0]);
    assert_null(wants(d, ipv4(3))); /* of those that have most nobody waits for its client */
}

static void test_what_one_address_is(void **state)
{
    struct desk *d = *state;
    for (unsigned i = 0; i < 4; i++)
        take_and_hold(d, i, ipv6(1, i));
    take_and_hold(d, 4, ipv6(2, 0));
    assert_null(wants(d, ipv6(1, 9)));
    assert_ptr_equal(wants(d, ipv6(2, 9)), &d->places[0]);
    web_share_give(&d->share, &d->places[3]);
    assert_non_null(wants(d, ipv6(2, 9)));
    web_share_give(&d->share, &d->places[2]);
    assert_null(wants(d, ipv6(2, 9))); /* two and one: it would only be the other way round */
}

/* Who has no address shares with nobody: takes nobody's place, and loses none. */
static void test_no_address(void **state)
{
    struct desk *d = *state;
    const struct address nowhere = {.bytes = {0}};
    for (size_t i = 0; i < 10; i++)
        take_and_hold(d, i, nowhere);
    assert_int_equal(d->share.taken, 10);
    assert_null(wants(d, ipv4(1)));
    for (size_t i = 10; i < 15; i++)
        take_and_hold(d, i, ipv4(1));
    assert_null(wants(d, nowhere));
    assert_ptr_equal(wants(d, ipv4(2)), &d->places[10]);
}

static void test_no_memory(void **state)
{
    struct desk *d = *state;
    const struct address one = ipv4(1);
    long n = 0, failed = 1;
    for (; failed > 0 && n < 10; n++) {
        long live = faults.live, before = faults.failed;
        faults.countdown = n;
        bool taken = web_share_take(&d->share, &one, &d->places[0]);
        faults.countdown = -1;
        failed = faults.failed - before;
        assert_int_equal(taken, failed == 0);
        assert_int_equal(d->share.taken, taken);
        if (!taken)
            assert_int_equal(faults.live, live);
    }
    assert_in_range(n, 3, 9); /* the owner, and the table */
}

#define AT_DESK(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        AT_DESK(test_one_alone_has_all),
        AT_DESK(test_an_equal_share),
        AT_DESK(test_the_longest_held),
        AT_DESK(test_what_one_address_is),
        AT_DESK(test_no_address),
        AT_DESK(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
