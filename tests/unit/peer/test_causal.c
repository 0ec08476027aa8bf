/* SPDX-License-Identifier: MIT
 *
 * One conversation's order. Messages are written as in "a3 b2": author and sequence, then the clock.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/rng.h"
#include "peer/core/order/causal.h"

#define LAST ENVELOPE_NUMBER_MAX

static unsigned freed;

static void count_free(void *ctx, void *item)
{
    (void)ctx;
    (void)item;
    freed++;
}

static struct causal *fresh(void)
{
    freed = 0;
    struct causal *c = causal_new(SPAN("me"), count_free, NULL);
    assert_non_null(c);
    return c;
}

/* "b7": letters and a number. */
static struct envelope_tick parsed(const char **text)
{
    struct envelope_tick t = {{*text, strcspn(*text, "0123456789")}, 0};
    char *end;
    t.count = strtoull(*text + t.who.n, &end, 10);
    *text = *end ? end + 1 : end;
    return t;
}

static enum causal_verdict offer_at(struct causal *c, const char *message, uint64_t now)
{
    struct envelope_tick clock[8];
    size_t n = 0;
    const char *at = message;
    while (*at)
        clock[n++] = parsed(&at);
    return causal_offer(c, clock[0].who, clock[0].count, clock, n, (void *)(uintptr_t)message, strlen(message), now);
}

static enum causal_verdict offer(struct causal *c, const char *message)
{
    return offer_at(c, message, 0);
}

#define assert_next(c, text)                \
    do {                                    \
        const char *next_ = causal_next(c); \
        assert_non_null(next_);             \
        assert_string_equal(next_, (text)); \
    } while (0)

static void assert_gap(const struct causal_gap *gap, const char *author, uint64_t from, uint64_t to, bool proved)
{
    assert_string_equal(gap->author, author);
    assert_int_equal(gap->from, from);
    assert_int_equal(gap->to, to);
    assert_int_equal(gap->proved, proved);
}

static void test_in_order(void **state)
{
    (void)state;
    struct causal *c = fresh();
    assert_int_equal(offer(c, "a1"), CAUSAL_DELIVER);
    assert_int_equal(offer(c, "a2"), CAUSAL_DELIVER);
    assert_int_equal(offer(c, "b1 a2"), CAUSAL_DELIVER);
    assert_int_equal(offer(c, "a2"), CAUSAL_OLD);
    assert_int_equal(offer(c, "a1"), CAUSAL_OLD);
    assert_int_equal(causal_get(c, SPAN("a")), 2);
    assert_int_equal(causal_get(c, SPAN("z")), 0);
    assert_false(causal_known(c, SPAN("z")));
    assert_int_equal(causal_due(c), CAUSAL_NEVER);
    assert_null(causal_next(c));
    causal_free(c);
    assert_int_equal(freed, 0);
}

static void test_waits_for_its_author(void **state)
{
    (void)state;
    struct causal *c = fresh();
    assert_int_equal(offer(c, "a3"), CAUSAL_WAIT);
    assert_int_equal(offer(c, "a2"), CAUSAL_WAIT);
    assert_int_equal(offer(c, "a3"), CAUSAL_OLD);
    assert_null(causal_next(c));
    assert_int_equal(offer(c, "a1"), CAUSAL_DELIVER);
    assert_int_equal(offer(c, "a2"), CAUSAL_OLD);
    assert_next(c, "a2");
    assert_next(c, "a3");
    assert_null(causal_next(c));
    assert_int_equal(causal_waiting(c), 0);
    assert_int_equal(causal_waiting_bytes(c), 0);
    causal_free(c);
    assert_int_equal(freed, 0);
}

static void test_waits_for_others(void **state)
{
    (void)state;
    struct causal *c = fresh();
    assert_int_equal(offer(c, "d1 b1 a2"), CAUSAL_WAIT);
    assert_int_equal(offer(c, "b1 a1"), CAUSAL_WAIT);
    assert_int_equal(offer(c, "a2"), CAUSAL_WAIT);
    assert_false(causal_known(c, SPAN("a")));
    assert_int_equal(offer(c, "a1"), CAUSAL_DELIVER);
    assert_next(c, "b1 a1");
    assert_int_equal(offer(c, "a3"), CAUSAL_WAIT);
    assert_next(c, "a2");
    assert_next(c, "d1 b1 a2");
    assert_next(c, "a3");
    assert_null(causal_next(c));
    causal_free(c);
}

static void test_our_clock(void **state)
{
    (void)state;
    struct causal *c = fresh();
    struct envelope_tick out[CAUSAL_AUTHORS_MAX];
    assert_int_equal(causal_clock(c, false, out, CAUSAL_AUTHORS_MAX), 1);
    assert_true(span_is(out[0].who, "me"));
    assert_int_equal(out[0].count, 1);
    causal_tick(c);
    assert_int_equal(causal_get(c, SPAN("me")), 1);
    assert_int_equal(offer(c, "a1 me1"), CAUSAL_DELIVER);
    assert_int_equal(offer(c, "b1"), CAUSAL_DELIVER);
    assert_int_equal(offer(c, "a2"), CAUSAL_DELIVER);
    assert_int_equal(causal_clock(c, false, out, 2), 0);
    assert_int_equal(causal_clock(c, false, out, 3), 3);
    assert_int_equal(out[0].count, 2);
    assert_true(span_is(out[1].who, "a"));
    assert_int_equal(out[1].count, 2);
    assert_true(span_is(out[2].who, "b"));
    /* Asked again without a tick: the message was not made. */
    assert_int_equal(causal_clock(c, false, out, 3), 3);
    causal_tick(c);
    assert_int_equal(causal_clock(c, false, out, 3), 1);
    assert_int_equal(offer(c, "b2"), CAUSAL_DELIVER);
    assert_int_equal(causal_clock(c, false, out, 3), 2);
    /* All of it, but for whom nothing was delivered from. */
    assert_true(causal_set(c, SPAN("c"), 0));
    assert_int_equal(causal_clock(c, true, out, 3), 0);
    assert_int_equal(causal_clock(c, true, out, 4), 3);
    assert_int_equal(out[0].count, 3);
    assert_true(span_is(out[1].who, "a"));
    assert_int_equal(out[1].count, 2);
    assert_true(span_is(out[2].who, "b"));
    assert_int_equal(out[2].count, 2);
    assert_int_equal(causal_size(c), 4);
    assert_true(span_is(causal_at(c, 0).who, "me"));
    assert_int_equal(causal_at(c, 2).count, 2);
    assert_true(causal_set(c, SPAN("me"), LAST));
    assert_int_equal(causal_clock(c, false, out, 3), 0);
    causal_free(c);
}

static void test_set(void **state)
{
    (void)state;
    struct causal *c = fresh();
    assert_int_equal(offer(c, "a7"), CAUSAL_WAIT);
    assert_int_equal(offer(c, "a9"), CAUSAL_WAIT);
    assert_int_equal(offer(c, "b1 a8"), CAUSAL_WAIT);
    assert_true(causal_set(c, SPAN("a"), 8));
    assert_int_equal(freed, 1);
    assert_next(c, "b1 a8");
    assert_next(c, "a9");
    assert_true(causal_set(c, SPAN("a"), 3));
    assert_int_equal(causal_get(c, SPAN("a")), 9);
    assert_true(causal_set(c, SPAN("e"), 0));
    assert_true(causal_known(c, SPAN("e")));
    assert_int_equal(offer(c, "f2"), CAUSAL_WAIT);
    causal_free(c);
    assert_int_equal(freed, 2);
}

/* Deliverable, not yet taken, and then passed by. */
static void test_set_passes_what_is_ready(void **state)
{
    (void)state;
    struct causal *c = fresh();
    assert_int_equal(offer(c, "a2"), CAUSAL_WAIT);
    assert_int_equal(offer(c, "a1"), CAUSAL_DELIVER);
    assert_true(causal_set(c, SPAN("a"), 2));
    assert_null(causal_next(c));
    assert_int_equal(freed, 1);
    causal_free(c);
}

static void test_gaps(void **state)
{
    (void)state;
    struct causal *c = fresh();
    struct causal_gap gap[4];
    assert_int_equal(causal_gaps(c, gap, 4), 0);
    assert_int_equal(offer_at(c, "a1 b2", 10), CAUSAL_WAIT);
    assert_int_equal(causal_gaps(c, gap, 4), 1);
    assert_gap(&gap[0], "b", 1, 2, false);
    assert_int_equal(gap[0].since, 10);
    /* a1 is held: missing is what lies behind it. */
    assert_int_equal(offer_at(c, "a4", 20), CAUSAL_WAIT);
    assert_int_equal(causal_gaps(c, gap, 4), 2);
    assert_gap(&gap[0], "a", 2, 3, true);
    assert_gap(&gap[1], "b", 1, 2, false);
    assert_int_equal(causal_gaps(c, gap, 1), 1);
    assert_int_equal(offer_at(c, "b1", 30), CAUSAL_DELIVER);
    assert_int_equal(causal_gaps(c, gap, 4), 2);
    assert_gap(&gap[1], "b", 2, 2, false);
    assert_int_equal(gap[1].since, 30);
    assert_int_equal(offer_at(c, "b2", 40), CAUSAL_DELIVER);
    assert_next(c, "a1 b2");
    assert_int_equal(causal_gaps(c, gap, 4), 1);
    assert_int_equal(gap[0].since, 20);
    causal_free(c);
}

static void test_gives_up_a_gap(void **state)
{
    (void)state;
    struct causal *c = fresh();
    struct causal_gap gap;
    assert_int_equal(offer_at(c, "a1", 0), CAUSAL_DELIVER);
    assert_int_equal(offer_at(c, "a6", 5), CAUSAL_WAIT);
    assert_int_equal(causal_due(c), 5 + CAUSAL_GAP_MS);
    /* Something fills in: patience begins anew. */
    assert_int_equal(offer_at(c, "a3", 10), CAUSAL_WAIT);
    assert_int_equal(causal_due(c), 10 + CAUSAL_GAP_MS);
    /* Something behind all of it is no progress. */
    assert_int_equal(offer_at(c, "a9", 20), CAUSAL_WAIT);
    assert_int_equal(causal_due(c), 10 + CAUSAL_GAP_MS);
    assert_false(causal_give_up(c, 9 + CAUSAL_GAP_MS, &gap));
    assert_true(causal_give_up(c, 10 + CAUSAL_GAP_MS, &gap));
    assert_gap(&gap, "a", 2, 2, true);
    assert_next(c, "a3");
    assert_true(causal_give_up(c, 10 + CAUSAL_GAP_MS, &gap));
    assert_gap(&gap, "a", 4, 5, true);
    assert_next(c, "a6");
    assert_false(causal_give_up(c, 10 + CAUSAL_GAP_MS, &gap));
    assert_int_equal(causal_due(c), 20 + CAUSAL_GAP_MS);
    assert_int_equal(offer(c, "a2"), CAUSAL_OLD);
    causal_free(c);
}

static void test_forged_claim_moves_no_clock(void **state)
{
    (void)state;
    struct causal *c = fresh();
    struct causal_gap gap;
    assert_int_equal(offer_at(c, "a1 b9007199254740991 x9007199254740991", 0), CAUSAL_WAIT);
    assert_int_equal(offer_at(c, "b1", 1), CAUSAL_DELIVER);
    assert_int_equal(causal_due(c), CAUSAL_GAP_MS);
    assert_true(causal_give_up(c, 1 + CAUSAL_GAP_MS, &gap));
    assert_gap(&gap, "x", 1, LAST, false);
    assert_true(causal_give_up(c, 1 + CAUSAL_GAP_MS, &gap));
    assert_gap(&gap, "b", 2, LAST, false);
    assert_next(c, "a1 b9007199254740991 x9007199254740991");
    assert_int_equal(causal_get(c, SPAN("b")), 1);
    assert_false(causal_known(c, SPAN("x")));
    assert_int_equal(offer(c, "b2"), CAUSAL_DELIVER);
    /* And a jump of one's own hurts oneself only. */
    assert_int_equal(offer_at(c, "z9007199254740991", 0), CAUSAL_WAIT);
    assert_true(causal_give_up(c, CAUSAL_GAP_MS, &gap));
    assert_gap(&gap, "z", 1, LAST - 1, true);
    assert_next(c, "z9007199254740991");
    assert_int_equal(causal_size(c), 4);
    causal_free(c);
}

/* b goes on talking, so the claim about it looks as if it were being filled; not for ever. */
static void test_claim_about_a_talker(void **state)
{
    (void)state;
    struct causal *c = fresh();
    struct causal_gap gap;
    char text[16];
    assert_int_equal(offer_at(c, "a1 b1000000", 0), CAUSAL_WAIT);
    for (uint64_t i = 1; i * 10000 < CAUSAL_CLAIM_MS; i++) {
        snprintf(text, sizeof text, "b%u", (unsigned)i);
        assert_int_equal(offer_at(c, text, i * 10000), CAUSAL_DELIVER);
        assert_false(causal_give_up(c, i * 10000, &gap));
    }
    assert_true(causal_give_up(c, CAUSAL_CLAIM_MS, &gap));
    assert_next(c, "a1 b1000000");
    causal_free(c);
}

/* a lied about b, who gave that up and answered: the two now claim to come after each other. */
static void test_circle(void **state)
{
    (void)state;
    struct causal *c = fresh();
    struct causal_gap gap;
    assert_int_equal(offer_at(c, "a1 b1", 0), CAUSAL_WAIT);
    assert_int_equal(offer_at(c, "b1 d1", 1), CAUSAL_WAIT);
    assert_int_equal(offer_at(c, "d1 a1", 2), CAUSAL_WAIT);
    assert_int_equal(causal_due(c), CAUSAL_GAP_MS);
    assert_true(causal_give_up(c, CAUSAL_GAP_MS, &gap));
    assert_int_equal(gap.to, 0);
    assert_next(c, "a1 b1");
    assert_next(c, "d1 a1");
    assert_next(c, "b1 d1");
    causal_free(c);
}

static void number(char out[8], const char *prefix, unsigned i)
{
    snprintf(out, 8, "%s%u", prefix, i % 100000);
}

static enum causal_verdict far_ahead(struct causal *c, const char *author, uint64_t sequence, size_t bytes)
{
    return causal_offer(c, span_of(author), sequence, NULL, 0, NULL, bytes, 0);
}

static void test_bounds_of_waiting(void **state)
{
    (void)state;
    struct causal *c = fresh();
    char name[8];
    for (unsigned a = 0; a < 4; a++) {
        number(name, "a", a);
        for (unsigned i = 0; i < CAUSAL_AUTHOR_WAITING_MAX; i++)
            assert_int_equal(far_ahead(c, name, 1000 - i, 0), CAUSAL_WAIT);
        assert_int_equal(far_ahead(c, name, 2000, 0), CAUSAL_FULL);
    }
    assert_int_equal(causal_waiting(c), CAUSAL_WAITING_MAX);
    assert_int_equal(far_ahead(c, "z", 2, 0), CAUSAL_FULL);
    assert_int_equal(far_ahead(c, "z", 1, 0), CAUSAL_DELIVER);
    causal_free(c);
    assert_int_equal(freed, CAUSAL_WAITING_MAX);
    c = fresh();
    unsigned n = 0;
    while (far_ahead(c, "a", 1000 + n, 100000) == CAUSAL_WAIT)
        n++;
    assert_int_equal(n, CAUSAL_AUTHOR_BYTES_MAX / 100000);
    assert_int_equal(far_ahead(c, "b", 9, SIZE_MAX), CAUSAL_FULL);
    for (unsigned a = 0; a < 20; a++) {
        number(name, "b", a);
        for (unsigned i = 0; i < 4; i++)
            far_ahead(c, name, 1000 + i, 200000);
    }
    assert_true(causal_waiting_bytes(c) <= CAUSAL_BYTES_MAX);
    assert_true(causal_waiting_bytes(c) > CAUSAL_BYTES_MAX - 210000);
    causal_free(c);
}

/* What waits furthest ahead makes room for what is nearer, and only for that. */
static void test_nearer_takes_the_place(void **state)
{
    (void)state;
    struct causal *c = fresh();
    static char items[CAUSAL_AUTHOR_WAITING_MAX];
    char name[8];
    for (unsigned i = 0; i < CAUSAL_AUTHOR_WAITING_MAX; i++)
        assert_int_equal(causal_offer(c, SPAN("a"), 10 + i, NULL, 0, &items[i], 0, 0), CAUSAL_WAIT);
    assert_int_equal(far_ahead(c, "b", 9000, 0), CAUSAL_WAIT);
    assert_int_equal(far_ahead(c, "a", 5, 0), CAUSAL_FULL);
    assert_null(causal_evict(c, SPAN("a"), 9 + CAUSAL_AUTHOR_WAITING_MAX, 0));
    /* Who has its share gives of its own. */
    assert_ptr_equal(causal_evict(c, SPAN("a"), 5, 0), &items[CAUSAL_AUTHOR_WAITING_MAX - 1]);
    assert_int_equal(far_ahead(c, "a", 5, 0), CAUSAL_WAIT);
    assert_int_equal(causal_held_next(c, SPAN("a")), 5);
    assert_int_equal(far_ahead(c, "a", 1, 0), CAUSAL_DELIVER);
    assert_int_equal(causal_held_next(c, SPAN("a")), 5);
    assert_int_equal(causal_held_next(c, SPAN("nobody")), 0);
    for (unsigned i = 0; causal_waiting(c) < CAUSAL_WAITING_MAX; i++) {
        number(name, "c", i / 200);
        assert_int_equal(far_ahead(c, name, 100 + i, 0), CAUSAL_WAIT);
    }
    /* Else whoever is furthest, however little it has. */
    assert_int_equal(far_ahead(c, "z", 2, 0), CAUSAL_FULL);
    causal_evict(c, SPAN("z"), 2, 0);
    assert_int_equal(causal_held_next(c, SPAN("b")), 0);
    assert_int_equal(far_ahead(c, "z", 2, 0), CAUSAL_WAIT);
    causal_free(c);
}

/* Names in claims are charged to the message that brings them, and take nobody's place. */
static void test_bounds_of_authors(void **state)
{
    (void)state;
    struct causal *c = fresh();
    static char names[CAUSAL_AUTHORS_MAX][8];
    static struct envelope_tick clock[CAUSAL_AUTHORS_MAX];
    for (unsigned i = 0; i < CAUSAL_AUTHORS_MAX; i++) {
        number(names[i], "x", i);
        clock[i] = (struct envelope_tick){span_of(names[i]), 1};
    }
    unsigned n = 0;
    while (causal_offer(c, SPAN("liar"), 2 + n, clock, CAUSAL_AUTHORS_MAX, NULL, 0, 0) == CAUSAL_WAIT)
        n++;
    assert_in_range(n, 1, 4);
    assert_int_equal(causal_size(c), 1);
    assert_int_equal(offer(c, "late9"), CAUSAL_WAIT);
    char name[8];
    for (unsigned i = 1; i < CAUSAL_AUTHORS_MAX; i++) {
        number(name, "p", i);
        assert_int_equal(far_ahead(c, name, 1, 0), CAUSAL_DELIVER);
    }
    /* The last place was taken: who has none is not waited for. */
    assert_int_equal(causal_waiting(c), 0);
    assert_int_equal(freed, n + 1);
    assert_int_equal(far_ahead(c, "late", 1, 0), CAUSAL_FULL);
    assert_int_equal(far_ahead(c, "late", 2, 0), CAUSAL_FULL);
    assert_false(causal_set(c, SPAN("late"), 1));
    assert_true(causal_set(c, SPAN("p7"), 2));
    causal_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_in_order),
        cmocka_unit_test(test_waits_for_its_author),
        cmocka_unit_test(test_waits_for_others),
        cmocka_unit_test(test_our_clock),
        cmocka_unit_test(test_set),
        cmocka_unit_test(test_set_passes_what_is_ready),
        cmocka_unit_test(test_gaps),
        cmocka_unit_test(test_gives_up_a_gap),
        cmocka_unit_test(test_forged_claim_moves_no_clock),
        cmocka_unit_test(test_claim_about_a_talker),
        cmocka_unit_test(test_circle),
        cmocka_unit_test(test_bounds_of_waiting),
        cmocka_unit_test(test_nearer_takes_the_place),
        cmocka_unit_test(test_bounds_of_authors),
    };
    return cmocka_run_group_tests_name("causal", tests, NULL, NULL);
}
