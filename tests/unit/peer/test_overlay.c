/* SPDX-License-Identifier: MIT
 *
 * Who is linked with whom, in rooms of random identities. Everybody asks an overlay of his own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/rng.h"
#include "base/text.h"
#include "peer/core/order/overlay.h"

enum {
    MEMBERS_MAX = 1024
};

struct room {
    size_t n;
    char ids[MEMBERS_MAX + 1][ID_CHARS + 1];
    struct span spans[MEMBERS_MAX + 1];
    struct overlay *views[MEMBERS_MAX + 1];
};

static struct rng_seeded seeded;
static struct rng rng;

static void add(struct room *r)
{
    uint8_t bytes[ID_BYTES];
    rng.fill(rng.ctx, bytes, sizeof bytes);
    base32_encode(bytes, sizeof bytes, r->ids[r->n]);
    r->spans[r->n] = span_of(r->ids[r->n]);
    r->views[r->n] = overlay_new(r->spans[r->n]);
    assert_non_null(r->views[r->n]);
    r->n++;
}

/* Everybody hears of everybody, in an order of his own. */
static void tell(struct room *r)
{
    for (size_t i = 0; i < r->n; i++) {
        struct span turned[MEMBERS_MAX + 1];
        for (size_t j = 0; j < r->n; j++)
            turned[j] = r->spans[(i + j) % r->n];
        assert_true(overlay_set(r->views[i], turned, r->n));
        assert_int_equal(overlay_members(r->views[i]), r->n);
    }
}

static struct room *room_of(size_t n)
{
    struct room *r = calloc(1, sizeof *r);
    assert_non_null(r);
    while (r->n < n)
        add(r);
    tell(r);
    return r;
}

static void room_free(struct room *r)
{
    for (size_t i = 0; i < r->n; i++)
        overlay_free(r->views[i]);
    free(r);
}

static bool linked(const struct room *r, size_t i, size_t j)
{
    return overlay_wants(r->views[i], r->spans[j]);
}

/* Edges to whoever is farthest from member i; SIZE_MAX if somebody is out of reach. */
static size_t farthest(const struct room *r, size_t i)
{
    size_t queue[MEMBERS_MAX], distance[MEMBERS_MAX], head = 0, n = 0, last = 0;
    memset(distance, 0xff, sizeof distance);
    distance[i] = 0;
    queue[n++] = i;
    for (; head < n; head++) {
        size_t at = queue[head];
        last = distance[at];
        for (size_t j = 0; j < r->n; j++)
            if (distance[j] == SIZE_MAX && linked(r, at, j)) {
                distance[j] = last + 1;
                queue[n++] = j;
            }
    }
    return n == r->n ? last : SIZE_MAX;
}

static size_t degree(const struct room *r, size_t i)
{
    size_t n = 0;
    for (size_t j = 0; j < r->n; j++)
        n += linked(r, i, j);
    return n;
}

static void test_small_rooms_are_meshes(void **state)
{
    (void)state;
    for (size_t n = 1; n <= OVERLAY_MESH_MAX; n++) {
        struct room *r = room_of(n);
        for (size_t i = 0; i < n; i++)
            assert_int_equal(degree(r, i), n - 1);
        room_free(r);
    }
}

static void test_both_ends_agree(void **state)
{
    (void)state;
    for (size_t n = 9; n <= 128; n += 7) {
        struct room *r = room_of(n);
        for (size_t i = 0; i < n; i++)
            for (size_t j = 0; j < n; j++)
                assert_int_equal(linked(r, i, j), linked(r, j, i));
        room_free(r);
    }
}

static void test_all_are_near(void **state)
{
    (void)state;
    for (size_t n = 9; n <= 128; n++) {
        struct room *r = room_of(n);
        size_t far = 0;
        for (size_t i = 0; i < n; i++) {
            size_t here = farthest(r, i);
            far = here > far ? here : far;
        }
        assert_in_range(far, 2, n <= 64 ? 3 : 4);
        room_free(r);
    }
}

static size_t log2_of(size_t n)
{
    size_t bits = 0;
    while ((size_t)1 << bits < n)
        bits++;
    return bits;
}

static void test_few_links(void **state)
{
    (void)state;
    static const size_t SIZES[] = {9, 16, 64, 256, 1024};
    for (size_t s = 0; s < sizeof SIZES / sizeof *SIZES; s++) {
        struct room *r = room_of(SIZES[s]);
        size_t sum = 0, most = 0, bits = log2_of(r->n);
        for (size_t i = 0; i < r->n; i++) {
            size_t d = degree(r, i);
            sum += d;
            most = d > most ? d : most;
            assert_true(d >= 2);
        }
        print_message("%zu members: %.1f links on average, %zu at most, %zu edges to the farthest\n", r->n,
            (double)sum / (double)r->n, most, farthest(r, 0));
        assert_true(sum <= (2 * bits + 2) * r->n);
        assert_true(most <= 10 * bits);
        room_free(r);
    }
}

/* Links between those who were there before and after. */
static void test_a_join_moves_few_links(void **state)
{
    (void)state;
    struct room *r = room_of(100);
    static bool before[MEMBERS_MAX][MEMBERS_MAX];
    size_t moved = 0, joined = 0;
    for (unsigned round = 0; round < 20; round++) {
        size_t n = r->n;
        for (size_t i = 0; i < n; i++)
            for (size_t j = 0; j < n; j++)
                before[i][j] = linked(r, i, j);
        add(r);
        tell(r);
        for (size_t i = 0; i < n; i++)
            for (size_t j = 0; j < i; j++)
                moved += before[i][j] != linked(r, i, j);
        joined += degree(r, n);
    }
    print_message(
        "a join among 100 to 120: %.1f new links, %.1f others moved\n", (double)joined / 20, (double)moved / 20);
    assert_in_range(joined / 20, 4, 3 * 7);
    assert_true(moved / 20 <= 2 * 7);
    room_free(r);
}

/* By hand, with the ids 0, 1, 2 … of sixteenths of the ring, ours being 0. */
static void test_fingers(void **state)
{
    (void)state;
    char ids[16][ID_CHARS + 1];
    struct span spans[16];
    for (unsigned i = 0; i < 16; i++) {
        uint8_t bytes[ID_BYTES] = {(uint8_t)(i << 4)};
        base32_encode(bytes, sizeof bytes, ids[i]);
        spans[i] = span_of(ids[i]);
    }
    struct overlay *o = overlay_new(spans[0]);
    assert_false(overlay_wants(o, spans[1]));
    assert_true(overlay_set(o, spans + 1, 15));
    /* Ours are 8, 4, 2 and 1; we are those of 8, 12, 14 and 15. */
    for (unsigned i = 0; i < 16; i++)
        assert_int_equal(overlay_wants(o, spans[i]), i == 1 || i == 2 || i == 4 || i == 8 || i == 12 || i >= 14);
    /* 5 and 9 stand for 4 and 8; whose fingers we were are gone, but for 15. */
    struct span some[] = {spans[1], spans[2], spans[3], spans[5], spans[6], spans[7], spans[9], spans[10], spans[15],
        spans[15], SPAN("nobody"), SPAN("")};
    assert_true(overlay_set(o, some, sizeof some / sizeof *some));
    assert_int_equal(overlay_members(o), 10);
    for (unsigned i = 0; i < 16; i++)
        assert_int_equal(overlay_wants(o, spans[i]), i == 1 || i == 2 || i == 5 || i == 9 || i == 15);
    assert_false(overlay_wants(o, SPAN("nobody")));
    overlay_free(o);
    assert_null(overlay_new(SPAN("nobody")));
}

/* Nearer than any finger reaches: the successor is linked, or the ring would fall apart. */
static void test_successor(void **state)
{
    (void)state;
    char ids[10][ID_CHARS + 1];
    struct span spans[10];
    for (unsigned i = 0; i < 10; i++) {
        uint8_t bytes[ID_BYTES] = {(uint8_t)(i == 1 ? 1 : i * 0x18)};
        base32_encode(bytes, sizeof bytes, ids[i]);
        spans[i] = span_of(ids[i]);
    }
    struct overlay *o = overlay_new(spans[0]);
    assert_true(overlay_set(o, spans, 10));
    assert_true(overlay_wants(o, spans[1]));
    overlay_free(o);
}

int main(void)
{
    rng_seeded_init(&seeded, 7);
    rng = rng_seeded_port(&seeded);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_small_rooms_are_meshes),
        cmocka_unit_test(test_both_ends_agree),
        cmocka_unit_test(test_all_are_near),
        cmocka_unit_test(test_few_links),
        cmocka_unit_test(test_a_join_moves_few_links),
        cmocka_unit_test(test_fingers),
        cmocka_unit_test(test_successor),
    };
    return cmocka_run_group_tests_name("overlay", tests, NULL, NULL);
}
