/* SPDX-License-Identifier: MIT
 *
 * Headers of all three lengths at their edges (RFC 6455 section 5.2), and the reference count.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "protocol/frame.h"

static void header_is(size_t payload, const char *header, size_t n)
{
    struct frame *f = frame_new(payload);
    assert_non_null(f);
    assert_int_equal(f->head, n);
    assert_int_equal(f->len, n + payload);
    assert_memory_equal(f->bytes, header, n);
    assert_ptr_equal(frame_payload(f), f->bytes + n);
    assert_int_equal(frame_text(f).n, payload);
    assert_false(f->unlimited);
    frame_unref(f);
}

static void test_headers(void **state)
{
    (void)state;
    header_is(0, "\x81\x00", 2);
    header_is(125, "\x81\x7d", 2);
    header_is(126, "\x81\x7e\x00\x7e", 4);
    header_is(65535, "\x81\x7e\xff\xff", 4);
    header_is(65536, "\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00", 10);
}

static void test_raw(void **state)
{
    (void)state;
    struct frame *f = frame_raw(3);
    assert_non_null(f);
    memcpy(frame_payload(f), "abc", 3);
    assert_int_equal(f->len, 3);
    assert_ptr_equal(frame_payload(f), f->bytes);
    assert_true(span_is(frame_text(f), "abc"));
    assert_false(f->unlimited);
    frame_unref(f);
}

static void test_copies(void **state)
{
    (void)state;
    char text[] = "hello";
    struct frame *f = frame_of((struct span){text, 5});
    text[0] = 'x';
    assert_true(span_is(frame_text(f), "hello"));
    frame_unref(f);
    f = frame_of((struct span){NULL, 0});
    assert_int_equal(f->len, 2);
    frame_unref(f);
}

static void test_counts(void **state)
{
    (void)state;
    struct frame *f = frame_new(1);
    assert_ptr_equal(frame_ref(f), f);
    assert_int_equal(f->refs, 2);
    frame_unref(f);
    assert_int_equal(f->refs, 1);
    frame_unref(f);
    frame_unref(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_headers),
        cmocka_unit_test(test_raw),
        cmocka_unit_test(test_copies),
        cmocka_unit_test(test_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
