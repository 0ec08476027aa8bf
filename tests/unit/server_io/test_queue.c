/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "server/io/queue.h"

static struct frame *frame(const char *text)
{
    struct frame *f = frame_raw(strlen(text));
    assert_non_null(f);
    memcpy(frame_payload(f), text, strlen(text));
    return f;
}

/* Takes what comes next, as far as `most` bytes of it. */
static size_t take(struct queue **q, size_t size, size_t most, char *out)
{
    char scratch[64];
    struct span next = queue_next(*q, scratch, size);
    size_t n = next.n < most ? next.n : most;
    memcpy(out, next.p, n);
    out[n] = '\0';
    queue_advance(q, n);
    return n;
}

static void test_keeps_order_over_the_rings_end(void **state)
{
    (void)state;
    struct queue *q = NULL;
    char text[2] = "a", out[64], all[64] = "";
    for (int i = 0; i < 26; i++) {
        text[0] = (char)('a' + i);
        assert_true(queue_push(&q, frame(text)));
        if (i % 3 == 2) { /* the head walks while the ring grows */
            assert_int_equal(take(&q, sizeof out, 1, out), 1);
            strcat(all, out);
        }
    }
    while (q) {
        take(&q, sizeof out, sizeof out, out);
        strcat(all, out);
    }
    assert_string_equal(all, "abcdefghijklmnopqrstuvwxyz");
}

static void test_puts_whole_frames_together(void **state)
{
    (void)state;
    struct queue *q = NULL;
    char out[64];
    queue_push(&q, frame("abc"));
    queue_push(&q, frame("defg"));
    queue_push(&q, frame("hij"));
    assert_int_equal(take(&q, 8, sizeof out, out), 7);
    assert_string_equal(out, "abcdefg");
    take(&q, 8, sizeof out, out);
    assert_string_equal(out, "hij");
    assert_null(q);
}

static void test_goes_on_where_the_socket_stopped(void **state)
{
    (void)state;
    const char *const whole = "onetwothreefour";
    for (size_t most = 1; most < 16; most++) {
        struct queue *q = NULL;
        char out[64], all[64] = "";
        queue_push(&q, frame("one"));
        queue_push(&q, frame("two"));
        queue_push(&q, frame("three"));
        queue_push(&q, frame("four"));
        while (q) {
            take(&q, 9, most, out);
            strcat(all, out);
        }
        assert_string_equal(all, whole);
    }
}

static void test_a_frame_larger_than_the_scratch_is_given_in_place(void **state)
{
    (void)state;
    struct queue *q = NULL;
    char out[64];
    queue_push(&q, frame("abcdefghij"));
    queue_push(&q, frame("k"));
    assert_int_equal(take(&q, 4, 6, out), 6);
    assert_int_equal(take(&q, 5, sizeof out, out), 5);
    assert_string_equal(out, "ghijk");
    assert_null(q);
}

static void test_counts_whole_frames_until_they_are_out(void **state)
{
    (void)state;
    struct queue *q = NULL;
    char out[64];
    assert_int_equal(queue_bytes(q), 0);
    queue_push(&q, frame("abcd"));
    queue_push(&q, frame("ef"));
    assert_int_equal(queue_bytes(q), 6);
    take(&q, 3, 3, out);
    assert_int_equal(queue_bytes(q), 6);
    take(&q, 3, 1, out);
    assert_int_equal(queue_bytes(q), 2);
    queue_free(&q);
    assert_null(q);
}

static void test_leaves_one_unlimited_frame_out(void **state)
{
    (void)state;
    struct queue *q = NULL;
    char out[64];
    struct frame *first = frame("roster"), *second = frame("another");
    first->unlimited = second->unlimited = true;
    queue_push(&q, first);
    queue_push(&q, second);
    assert_int_equal(queue_bytes(q), 7);
    take(&q, 6, 6, out);
    assert_int_equal(queue_bytes(q), 7);
    struct frame *third = frame("third");
    third->unlimited = true;
    queue_push(&q, third);
    assert_int_equal(queue_bytes(q), 7);
    queue_free(&q);
}

static void test_shares_frames(void **state)
{
    (void)state;
    struct queue *a = NULL, *b = NULL;
    struct frame *f = frame("shared");
    queue_push(&a, frame_ref(f));
    queue_push(&b, frame_ref(f));
    queue_free(&a);
    assert_int_equal(f->refs, 2);
    char out[64];
    take(&b, 64, 64, out);
    assert_int_equal(f->refs, 1);
    frame_unref(f);
}

static void test_a_cut_leaves_what_is_half_out(void **state)
{
    (void)state;
    struct queue *q = NULL;
    char out[64];
    queue_push(&q, frame("abcd"));
    queue_push(&q, frame("ef"));
    queue_push(&q, frame("gh"));
    take(&q, 3, 1, out);
    queue_cut(&q);
    assert_int_equal(queue_bytes(q), 4);
    queue_push(&q, frame("close"));
    take(&q, 64, 64, out);
    assert_string_equal(out, "bcdclose");
    queue_push(&q, frame("whole"));
    queue_cut(&q);
    assert_null(q);
}

static void test_joins(void **state)
{
    (void)state;
    struct queue *first = NULL, *then = NULL;
    char out[64];
    assert_null(queue_first(NULL));
    assert_true(queue_join(&first, &then));
    assert_null(first);
    queue_push(&then, frame("cd"));
    struct frame *unlimited = frame("efg");
    unlimited->unlimited = true;
    queue_push(&then, unlimited);
    assert_int_equal(queue_first(then)->len, 2);
    queue_push(&first, frame("ab"));
    take(&first, 1, 1, out);
    assert_true(queue_join(&first, &then));
    assert_null(then);
    assert_int_equal(queue_bytes(first), 4);
    take(&first, sizeof out, sizeof out, out);
    assert_string_equal(out, "bcdefg");
    assert_null(first);
    queue_push(&then, frame("h"));
    assert_true(queue_join(&first, &then));
    take(&first, sizeof out, sizeof out, out);
    assert_string_equal(out, "h");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keeps_order_over_the_rings_end),
        cmocka_unit_test(test_puts_whole_frames_together),
        cmocka_unit_test(test_goes_on_where_the_socket_stopped),
        cmocka_unit_test(test_a_frame_larger_than_the_scratch_is_given_in_place),
        cmocka_unit_test(test_counts_whole_frames_until_they_are_out),
        cmocka_unit_test(test_leaves_one_unlimited_frame_out),
        cmocka_unit_test(test_a_cut_leaves_what_is_half_out),
        cmocka_unit_test(test_joins),
        cmocka_unit_test(test_shares_frames),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
