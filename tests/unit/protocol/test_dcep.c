/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "protocol/dcep.h"
#include "protocol/limits.h"

static void test_writes_what_it_reads(void **state)
{
    (void)state;
    for (int kind = DCEP_RELIABLE; kind <= DCEP_LIFETIME; kind++)
        for (int unordered = 0; unordered < 2; unordered++) {
            const struct dcep_open open = {
                .reliability = (enum dcep_reliability)kind,
                .unordered = unordered,
                .priority = 0x1234,
                .parameter = kind == DCEP_RELIABLE ? 0 : 0xdeadbeef,
                .label = SPAN("caf\xc3\xa9"),
                .protocol = SPAN("p"),
            };
            struct buf out;
            struct dcep_open again;
            buf_init(&out, 100);
            assert_true(dcep_build_open(&open, &out));
            assert_int_equal(dcep_parse(buf_view(&out), &again), DCEP_OPEN);
            assert_int_equal(again.reliability, open.reliability);
            assert_int_equal(again.unordered, open.unordered);
            assert_int_equal(again.priority, open.priority);
            assert_int_equal(again.parameter, open.parameter);
            assert_true(span_eq(again.label, open.label));
            assert_true(span_eq(again.protocol, open.protocol));
            buf_done(&out);
        }
}

/* The bytes of RFC 8832 section 5.1: type, channel type, priority, parameter, two lengths. */
static void test_layout(void **state)
{
    (void)state;
    const struct dcep_open open = {
        .unordered = true, .reliability = DCEP_LIFETIME, .parameter = 500, .label = SPAN("ab")};
    struct buf out;
    buf_init(&out, 100);
    assert_true(dcep_build_open(&open, &out));
    assert_int_equal(out.len, 14);
    assert_memory_equal(out.p, "\x03\x82\0\0\0\0\x01\xf4\0\2\0\0ab", 14);
    buf_reset(&out);
    assert_true(dcep_build_ack(&out));
    struct dcep_open unused;
    assert_int_equal(dcep_parse(buf_view(&out), &unused), DCEP_ACK);
    buf_done(&out);
}

static void check(const char *bytes, size_t n, enum dcep_type expected)
{
    char *exact = malloc(n ? n : 1); /* a sanitizer sees a read past the end */
    memcpy(exact, bytes, n);
    struct dcep_open open;
    assert_int_equal(dcep_parse((struct span){exact, n}, &open), expected);
    free(exact);
}

static void test_refuses(void **state)
{
    (void)state;
    static const char good[] = "\3\0\0\0\0\0\0\0\0\2\0\1abc";
    check(good, 15, DCEP_OPEN);
    for (size_t n = 0; n < 15; n++)
        check(good, n, DCEP_BAD);
    check("\3\0\0\0\0\0\0\0\0\2\0\1abcd", 16, DCEP_OPEN); /* bytes of a later version */
    check("\0", 1, DCEP_BAD);
    check("\3\3\0\0\0\0\0\0\0\0\0\0", 12, DCEP_BAD);         /* no such channel type */
    check("\3\0\0\0\0\0\0\0\xff\xff\xff\xff", 12, DCEP_BAD); /* lengths that wrap in 16 bits */
    check("\3\0\0\0\0\0\0\0\0\1\0\0\xff", 13, DCEP_BAD);     /* not UTF-8 */
    check("\3\0\0\0\0\0\0\0\0\0\0\1\xc3", 13, DCEP_BAD);
    char longest[12 + CHANNEL_LABEL_MAX + 1] = "\3";
    memset(longest + 12, 'x', CHANNEL_LABEL_MAX + 1);
    longest[9] = (char)CHANNEL_LABEL_MAX;
    check(longest, sizeof longest, DCEP_OPEN);
    longest[9]++;
    check(longest, sizeof longest, DCEP_BAD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_writes_what_it_reads),
        cmocka_unit_test(test_layout),
        cmocka_unit_test(test_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
