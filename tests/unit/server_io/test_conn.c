/* SPDX-License-Identifier: MIT
 *
 * The table of connections: slots and their generations, and the lists of those that have a time limit.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/io/conn.h"

enum {
    MANY = 3 * CONN_CHUNK + 5
};

static int set_up(void **state)
{
    static struct conn_table t;
    conn_table_init(&t);
    *state = &t;
    return 0;
}

static int tear_down(void **state)
{
    conn_table_done(*state);
    return 0;
}

static void test_generations(void **state)
{
    struct conn_table *t = *state;
    struct conn *c = conn_open(t, 7);
    struct conn_id first = c->id;
    assert_ptr_equal(conn_find(t, first), c);
    assert_null(conn_find(t, (struct conn_id){first.slot, first.generation + 1}));
    assert_null(conn_find(t, (struct conn_id){first.slot + 1, first.generation}));
    assert_null(conn_find(t, (struct conn_id){t->made, first.generation}));
    assert_null(conn_find(t, (struct conn_id){UINT32_MAX, first.generation}));
    conn_release(t, c);
    assert_null(conn_find(t, first));
    assert_ptr_equal(conn_open(t, 8), c); /* the slot that was free last */
    assert_int_equal(c->id.generation, first.generation + 1);
    assert_null(conn_find(t, first));
    assert_ptr_equal(conn_find(t, c->id), c);
    c->doomed = true; /* nothing is done any more for who is about to be ended */
    assert_null(conn_find(t, c->id));
    c->doomed = false;
    conn_release(t, c);
    assert_int_equal(t->open, 0);
}

static void test_many(void **state)
{
    static struct conn_id ids[MANY];
    struct conn_table *t = *state;
    for (uint32_t i = 0; i < MANY; i++)
        ids[i] = conn_open(t, (int)i)->id;
    assert_int_equal(t->open, MANY);
    for (uint32_t i = 0; i < MANY; i++) {
        struct conn *c = conn_find(t, ids[i]);
        assert_non_null(c);
        assert_int_equal(c->fd, i);
        assert_ptr_equal(conn_at(t, ids[i].slot), c);
    }
    uint32_t made = t->made;
    for (uint32_t i = 0; i < MANY; i += 2)
        conn_release(t, conn_find(t, ids[i]));
    for (uint32_t i = 0; i < MANY; i++)
        assert_int_equal(conn_find(t, ids[i]) != NULL, i % 2);
    for (uint32_t i = 0; i < MANY; i += 2)
        assert_non_null(conn_open(t, 0));
    assert_int_equal(t->made, made); /* slots are used again before there are more */
    for (uint32_t i = 0; i < MANY; i += 2)
        assert_null(conn_find(t, ids[i]));
}

/* The deadlines of a list, first to last; 0 ends them. */
static void list_is(const struct conn_table *t, enum conn_limit limit, const uint64_t *deadlines)
{
    uint32_t before = CONN_NONE;
    const struct conn *c = conn_first(t, limit);
    for (; *deadlines; deadlines++) {
        assert_non_null(c);
        assert_int_equal(c->limit, limit);
        assert_int_equal(c->deadline, *deadlines);
        assert_int_equal(c->prev, before);
        before = c->id.slot;
        c = c->next == CONN_NONE ? NULL : conn_at(t, c->next);
    }
    assert_null(c);
    assert_int_equal(t->limits[limit].last, before);
}

#define LIST_IS(limit, ...) list_is(t, limit, (const uint64_t[]){__VA_ARGS__, 0})

static void test_limits(void **state)
{
    struct conn_table *t = *state;
    struct conn *a = conn_open(t, 1), *b = conn_open(t, 2), *c = conn_open(t, 3);
    assert_null(conn_first(t, LIMIT_HANDSHAKE));
    conn_limit(t, a, LIMIT_HANDSHAKE, 10);
    conn_limit(t, b, LIMIT_HANDSHAKE, 11);
    conn_limit(t, c, LIMIT_HANDSHAKE, 12);
    LIST_IS(LIMIT_HANDSHAKE, 10, 11, 12);
    conn_limit(t, a, LIMIT_HANDSHAKE, 13); /* anew: it goes behind the others */
    LIST_IS(LIMIT_HANDSHAKE, 11, 12, 13);
    conn_limit(t, c, LIMIT_ANSWER, 14); /* another one, out of the middle */
    LIST_IS(LIMIT_HANDSHAKE, 11, 13);
    LIST_IS(LIMIT_ANSWER, 14);
    conn_unlimit(t, a);
    conn_unlimit(t, a);
    LIST_IS(LIMIT_HANDSHAKE, 11);
    conn_limit(t, a, LIMIT_ANSWER, 15);
    conn_unlimit(t, c);
    LIST_IS(LIMIT_ANSWER, 15);
    conn_unlimit(t, b);
    conn_unlimit(t, a);
    for (enum conn_limit l = LIMIT_NONE + 1; l < CONN_LIMITS; l++)
        assert_null(conn_first(t, l));
    conn_release(t, a);
    conn_release(t, b);
    conn_release(t, c);
}

#define WITH_TABLE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_TABLE(test_generations),
        WITH_TABLE(test_many),
        WITH_TABLE(test_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
