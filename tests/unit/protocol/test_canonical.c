/* SPDX-License-Identifier: MIT
 *
 * What the vectors do not reach: depth, order of many names, and buffers too small.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <jansson.h>

#include "protocol/canonical.h"
#include "protocol/limits.h"

static void test_depth(void **state)
{
    (void)state;
    json_t *value = json_loads("{\"a\":[[1]]}", 0, NULL);
    assert_true(canonical_holds(value, 3));
    assert_false(canonical_holds(value, 2));
    assert_true(canonical_holds(json_object_get(value, "a"), 2));
    json_decref(value);
    value = json_loads("1", JSON_DECODE_ANY, NULL);
    assert_true(canonical_holds(value, 0));
    json_decref(value);
}

static void test_text_depth(void **state)
{
    (void)state;
    char text[2 * (PEER_DEPTH_MAX + 1) + 1];
    for (size_t n = PEER_DEPTH_MAX; n <= PEER_DEPTH_MAX + 1; n++) {
        memset(text, '[', n);
        memset(text + n, ']', n);
        struct buf out;
        buf_init(&out, 100);
        assert_int_equal(canonical_text((struct span){text, 2 * n}, &out), n == PEER_DEPTH_MAX);
        buf_done(&out);
    }
}

static void test_many_names(void **state)
{
    (void)state;
    struct buf in, out;
    buf_init(&in, 100000);
    buf_init(&out, 100000);
    buf_byte(&in, '{');
    for (int i = 999; i >= 0; i--)
        buf_printf(&in, "\"%03d\":%d%s", i, i, i ? "," : "}");
    assert_true(canonical_text(buf_view(&in), &out));
    assert_int_equal(in.len, out.len);
    assert_memory_equal(out.p, "{\"000\":0,\"001\":1,", 17);
    buf_done(&in);
    buf_done(&out);
}

static void test_no_json(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 100);
    assert_false(canonical_text((struct span){NULL, 0}, &out));
    assert_false(canonical_text(SPAN("{"), &out));
    assert_false(canonical_text(SPAN("1 2"), &out));
    assert_int_equal(out.len, 0);
    buf_done(&out);
}

static void test_too_little_room(void **state)
{
    (void)state;
    const struct span text = SPAN("{\"b\":[\"x\",true],\"a\":null}");
    for (size_t max = 0; max <= text.n; max++) {
        struct buf out;
        buf_init(&out, max);
        assert_int_equal(canonical_text(text, &out), max == text.n);
        buf_done(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_text_depth),
        cmocka_unit_test(test_many_names),
        cmocka_unit_test(test_no_json),
        cmocka_unit_test(test_too_little_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
