/* SPDX-License-Identifier: MIT
 *
 * The table beside a plain array that knows what is in it; with good hashes, with hashes that all fall into few runs,
 * while it grows, and when memory runs out. And what the dearest single call costs while it grows.
 */
#include <dlfcn.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "server/core/table.h"

static bool no_memory;

void *calloc(size_t n, size_t size)
{
    static void *(*next)(size_t, size_t);
    void *found = next ? NULL : dlsym(RTLD_NEXT, "calloc");
    if (found)
        memcpy(&next, &found, sizeof found); /* ISO C has no cast from dlsym's pointer to a function's */
    return no_memory ? NULL : next(n, size);
}

enum {
    ITEMS = 3000,
    CROWD = 100000
};

struct item {
    uint32_t key, hash;
    bool in;
};

static uint64_t hashed; /* calls of item_hash: what a table's call costs */

static uint32_t item_hash(const void *item)
{
    hashed++;
    return ((const struct item *)item)->hash;
}

static bool has_key(const void *item, const void *key)
{
    return ((const struct item *)item)->key == *(const uint32_t *)key;
}

static uint32_t mixed(uint32_t key)
{
    return (uint32_t)((key * 0x9e3779b97f4a7c15u) >> 32);
}

static struct item *make_items(uint32_t n, uint32_t keep_bits)
{
    struct item *items = calloc(n, sizeof *items);
    assert_non_null(items);
    for (uint32_t i = 0; i < n; i++)
        items[i] = (struct item){.key = i, .hash = mixed(i + 1) & keep_bits};
    return items;
}

/* All that is in it is found, once, and nothing else. */
static void agrees(const struct table *t, const struct item *items, uint32_t n)
{
    uint32_t in = 0, seen = 0;
    for (uint32_t i = 0; i < n; i++) {
        in += items[i].in;
        assert_ptr_equal(table_find(t, items[i].hash, has_key, &items[i].key), items[i].in ? &items[i] : NULL);
    }
    assert_int_equal(t->count, in);
    const struct item *item;
    for (uint64_t at = 0; (item = table_next(t, &at)); seen++)
        assert_true(item->in);
    assert_int_equal(seen, in);
    assert_true(!t->slots || t->count <= (t->mask + 1) / 4 * 3);
}

static void play(uint64_t seed, uint32_t keep_bits)
{
    struct rng_seeded generator;
    rng_seeded_init(&generator, seed);
    struct rng rng = rng_seeded_port(&generator);
    struct item *items = make_items(ITEMS, keep_bits);
    struct table t;
    table_init(&t, item_hash);
    for (int i = 0; i < 20000; i++) {
        /* It fills, empties and fills again: every size is passed in both directions. */
        uint32_t permille = i / 5000 % 2 ? 250 : 750;
        struct item *item = &items[rng_below(&rng, ITEMS)];
        bool add = rng_below(&rng, 1000) < permille;
        if (add && !item->in)
            assert_true(table_add(&t, item));
        else if (!add && item->in)
            table_remove(&t, item);
        item->in = add;
        if (i % 7 == 0 || t.old)
            assert_ptr_equal(table_find(&t, item->hash, has_key, &item->key), item->in ? item : NULL);
        if (i % 499 == 0)
            agrees(&t, items, ITEMS);
    }
    agrees(&t, items, ITEMS);
    table_done(&t);
    free(items);
}

static void test_random(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 6; seed++)
        play(seed, UINT32_MAX);
}

/* Long runs, that go round the end of the array. */
static void test_bad_hashes(void **state)
{
    (void)state;
    play(1, 0xf);
    play(2, 0x3f00ff);
    play(3, ~UINT32_C(0xf8));
}

/* Every entry is looked at after each single add, while it is spread over two arrays. */
static void test_each_moment_of_growing(void **state)
{
    (void)state;
    struct item *items = make_items(200, UINT32_MAX);
    struct table t;
    table_init(&t, item_hash);
    unsigned growing = 0;
    for (uint32_t i = 0; i < 200; i++) {
        assert_true(table_add(&t, &items[i]));
        items[i].in = true;
        agrees(&t, items, 200);
        growing += t.old != NULL;
        if (i % 3 == 2) {
            table_remove(&t, &items[i - 1]);
            items[i - 1].in = false;
            agrees(&t, items, 200);
        }
    }
    assert_true(growing > 10);
    table_done(&t);
    free(items);
}

static void test_no_memory(void **state)
{
    (void)state;
    struct item *items = make_items(30, UINT32_MAX);
    struct table t;
    table_init(&t, item_hash);
    no_memory = true;
    assert_false(table_add(&t, &items[0]));
    agrees(&t, items, 30);
    no_memory = false;
    for (uint32_t i = 0; i < 12; i++) {
        assert_true(table_add(&t, &items[i]));
        items[i].in = true;
    }
    no_memory = true;
    assert_false(table_add(&t, &items[12]));
    agrees(&t, items, 30);
    table_remove(&t, &items[3]);
    items[3].in = false;
    assert_true(table_add(&t, &items[12])); /* there is room for one again */
    items[12].in = true;
    agrees(&t, items, 30);
    no_memory = false;
    table_done(&t);
    agrees(&t, items, 0);
    free(items);
}

/* Growing to 100,000: no call moves more than a few dozen entries, where all at once would be 98,304. */
static void test_no_call_is_dear(void **state)
{
    (void)state;
    struct item *items = make_items(CROWD, UINT32_MAX);
    struct table t;
    table_init(&t, item_hash);
    uint64_t most = 0;
    for (uint32_t i = 0; i < CROWD; i++) {
        hashed = 0;
        assert_true(table_add(&t, &items[i]));
        most = hashed > most ? hashed : most;
    }
    print_message("the dearest of %d adds moved %llu entries\n", CROWD, (unsigned long long)most);
    assert_true(most < 400);
    for (uint32_t i = 0; i < CROWD; i++) {
        hashed = 0;
        table_remove(&t, &items[i]);
        most = hashed > most ? hashed : most;
    }
    assert_true(most < 400);
    assert_int_equal(t.count, 0);
    table_done(&t);
    free(items);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random),
        cmocka_unit_test(test_bad_hashes),
        cmocka_unit_test(test_each_moment_of_growing),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_no_call_is_dear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
