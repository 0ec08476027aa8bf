/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "server/io/queue.h"

static struct frame *frame(const char *text)
{
    struct frame *f = frame_of(span_of(text));
    assert_non_null(f);
    return f;
}

static void test_keeps_order_over_the_rings_end(void **state)
{
    (void)state;
    struct queue q = {0};
    char text[2] = "a";
    for (int i = 0; i < 26; i++) {
        text[0] = (char)('a' + i);
        assert_true(queue_push(&q, frame(text)));
        if (i % 3 == 2) /* the head walks while the ring grows */
            queue_pop(&q);
    }
    char out[64];
    size_t n = queue_take(&q, out, sizeof out);
    assert_int_equal(n, 18 * 3);
    for (size_t i = 0; i < 18; i++)
        assert_int_equal(out[i * 3 + 2], 'i' + (int)i);
    assert_int_equal(q.bytes, 0);
    assert_null(q.ring);
}

static void test_takes_whole_frames_only(void **state)
{
    (void)state;
    struct queue q = {0};
    queue_push(&q, frame("12345678"));
    queue_push(&q, frame("12345678"));
    char out[19];
    assert_int_equal(queue_take(&q, out, sizeof out), 10);
    assert_int_equal(q.count, 1);
    assert_int_equal(queue_take(&q, out, 9), 0);
    queue_clear(&q);
    assert_null(q.ring);
}

static void test_one_unlimited_frame_is_free(void **state)
{
    (void)state;
    struct queue q = {0};
    struct frame *roster = frame("12345678");
    roster->unlimited = true;
    queue_push(&q, frame_ref(roster));
    assert_int_equal(q.bytes, 0);
    queue_push(&q, frame_ref(roster));
    assert_int_equal(q.bytes, 10);
    queue_pop(&q);
    assert_int_equal(q.bytes, 10);
    queue_pop(&q);
    assert_int_equal(q.bytes, 0);
    assert_int_equal(roster->refs, 1);
    frame_unref(roster);
}

static void test_shares_frames(void **state)
{
    (void)state;
    struct frame *f = frame("all");
    struct queue q[3] = {{0}};
    for (int i = 0; i < 3; i++)
        queue_push(&q[i], frame_ref(f));
    assert_int_equal(f->refs, 4);
    for (int i = 0; i < 3; i++)
        queue_clear(&q[i]);
    assert_int_equal(f->refs, 1);
    frame_unref(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keeps_order_over_the_rings_end),
        cmocka_unit_test(test_takes_whole_frames_only),
        cmocka_unit_test(test_one_unlimited_frame_is_free),
        cmocka_unit_test(test_shares_frames),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
