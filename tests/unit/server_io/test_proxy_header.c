/* SPDX-License-Identifier: MIT
 *
 * PROXY protocol headers, byte by byte as section 2.2 of proxy-protocol.txt lays them out.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "server/io/proxy_header.h"

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define V4 "\xc0\x00\x02\x07\xc6\x33\x64\x01\x30\x39\x01\xbb" /* 192.0.2.7:12345 to 198.51.100.1:443 */
#define V6_CLIENT "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x07"
#define V6 V6_CLIENT "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\x30\x39\x01\xbb"
#define ZEROES_16 "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
#define ZEROES_108 ZEROES_16 ZEROES_16 ZEROES_16 ZEROES_16 ZEROES_16 ZEROES_16 "\0\0\0\0\0\0\0\0\0\0\0\0"
#define BYTES(text) (const uint8_t *)(text), sizeof(text) - 1

/* Gives it as little at a time as it can be given: what a slow sender does. */
static struct proxy_header read_all(const uint8_t *bytes, size_t n)
{
    struct proxy_header h = {.command = PROXY_MORE, .length = PROXY_HEADER_LEAST};
    for (size_t have = 1; have <= n && h.command == PROXY_MORE; have++) {
        assert_true(have <= h.length);
        h = proxy_header_read(bytes, have);
    }
    struct proxy_header whole = proxy_header_read(bytes, n < PROXY_HEADER_LEAST ? n : PROXY_HEADER_LEAST);
    if (whole.command == PROXY_MORE && n >= whole.length)
        whole = proxy_header_read(bytes, whole.length);
    assert_int_equal(whole.command, h.command);
    return h;
}

static void test_clients(void **state)
{
    (void)state;
    struct proxy_header h = read_all(BYTES(SIGNATURE "\x21\x11\x00\x0c" V4 "GET /"));
    assert_int_equal(h.command, PROXY_CLIENT);
    assert_int_equal(h.length, 28); /* what comes behind is not its own */
    assert_memory_equal(h.client.bytes, "\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\x00\x02\x07", 16);
    h = read_all(BYTES(SIGNATURE "\x21\x21\x00\x24" V6));
    assert_int_equal(h.command, PROXY_CLIENT);
    assert_int_equal(h.length, 52);
    assert_memory_equal(h.client.bytes, V6_CLIENT, 16);
    /* TLVs: NOOP, and one whose length lies beyond the header. They are skipped. */
    h = read_all(BYTES(SIGNATURE "\x21\x11\x00\x13" V4 "\x04\x00\x01x\xe0\xff\xff"));
    assert_int_equal(h.command, PROXY_CLIENT);
    assert_int_equal(h.length, 35);
}

static void test_no_client(void **state)
{
    (void)state;
    assert_int_equal(read_all(BYTES(SIGNATURE "\x20\x00\x00\x00")).command, PROXY_LOCAL);
    /* A family that nobody knows, and bytes: both are ignored, and skipped. */
    struct proxy_header h = read_all(BYTES(SIGNATURE "\x20\xff\x00\x03"
                                                     "abc"));
    assert_int_equal(h.command, PROXY_LOCAL);
    assert_int_equal(h.length, 19);
    assert_memory_equal(PROXY_HEADER_OF_OURSELVES, SIGNATURE "\x20\x00\x00\x00", PROXY_HEADER_LEAST);
    assert_int_equal(read_all(BYTES(SIGNATURE "\x21\x00\x00\x00")).command, PROXY_UNKNOWN);
    assert_int_equal(read_all(BYTES(SIGNATURE "\x21\x10\x00\x0c" V4)).command, PROXY_UNKNOWN);
    assert_int_equal(read_all(BYTES(SIGNATURE "\x21\x12\x00\x0c" V4)).command, PROXY_UNKNOWN);
    assert_int_equal(read_all(BYTES(SIGNATURE "\x21\x01\x00\x00")).command, PROXY_UNKNOWN);
    h = read_all(BYTES(SIGNATURE "\x21\x31\x00\xd8" ZEROES_108 ZEROES_108));
    assert_int_equal(h.command, PROXY_UNKNOWN);
    assert_int_equal(h.length, 232);
}

static void expect_bad(const uint8_t *bytes, size_t n, enum proxy_problem problem)
{
    struct proxy_header h = read_all(bytes, n);
    assert_int_equal(h.command, PROXY_BAD);
    assert_int_equal(h.problem, problem);
}

static void test_bad(void **state)
{
    (void)state;
    expect_bad(BYTES("GET / HTTP/1.1\r\n\r\n"), PROXY_ABSENT);
    expect_bad(BYTES("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"), PROXY_ABSENT);
    expect_bad(BYTES("\r\n\r\n\0\r\nQUIT\r\x21\x11\x00\x0c"), PROXY_ABSENT);
    assert_int_equal(proxy_header_read(BYTES("PROXY TCP4 192.0")).problem, PROXY_VERSION);
    assert_int_equal(proxy_header_read(BYTES("PROXYTCP4 192.00")).problem, PROXY_ABSENT);
    expect_bad(BYTES(SIGNATURE "\x11\x11\x00\x0c" V4), PROXY_VERSION);
    expect_bad(BYTES(SIGNATURE "\x31\x11\x00\x0c" V4), PROXY_VERSION);
    expect_bad(BYTES(SIGNATURE "\x22\x11\x00\x0c" V4), PROXY_MALFORMED); /* a command that is none */
    expect_bad(BYTES(SIGNATURE "\x21\x41\x00\x0c" V4), PROXY_MALFORMED); /* a family that is none */
    expect_bad(BYTES(SIGNATURE "\x21\x13\x00\x0c" V4), PROXY_MALFORMED); /* a transport that is none */
    expect_bad(BYTES(SIGNATURE "\x21\x11\x00\x0b" V4), PROXY_MALFORMED); /* too short for its family */
    expect_bad(BYTES(SIGNATURE "\x21\x21\x00\x23" V6), PROXY_MALFORMED); /* likewise */
    expect_bad(BYTES(SIGNATURE "\x21\x11\x00\x00" V4), PROXY_MALFORMED); /* likewise */
    expect_bad(BYTES(SIGNATURE "\x21\x11\x03\xf1"), PROXY_MALFORMED);    /* 1025 bytes */
    assert_int_equal(proxy_header_read(BYTES(SIGNATURE "\x21\x11\x03\xf0")).command, PROXY_MORE); /* 1024 */
    /* From `::` nobody comes, and it would count as a unix socket. */
    expect_bad(BYTES(SIGNATURE "\x21\x21\x00\x24" ZEROES_16 ZEROES_16 "\0\0\0\0"), PROXY_MALFORMED);
}

/* Whatever cannot become a header any more is known at the first byte that shows it. */
static void test_prefixes(void **state)
{
    (void)state;
    static const char START[] = SIGNATURE "\x21\x11\x00\x0c";
    for (size_t n = 1; n <= 16; n++) {
        uint8_t bytes[16];
        memcpy(bytes, START, n);
        struct proxy_header h = proxy_header_read(bytes, n);
        assert_int_equal(h.command, PROXY_MORE);
        assert_int_equal(h.length, n < 16 ? 16 : 28);
        if (n > 13)
            continue;
        bytes[n - 1] ^= 0x80;
        assert_int_equal(proxy_header_read(bytes, n).command, PROXY_BAD);
    }
}

static void test_texts(void **state)
{
    (void)state;
    assert_string_equal(proxy_problem_label(PROXY_LATE), "late");
    assert_string_equal(proxy_problem_text(PROXY_ABSENT), "it does not begin with a PROXY protocol header");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clients),
        cmocka_unit_test(test_no_client),
        cmocka_unit_test(test_bad),
        cmocka_unit_test(test_prefixes),
        cmocka_unit_test(test_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
