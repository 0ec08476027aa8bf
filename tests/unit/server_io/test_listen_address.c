/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "server/io/listen_address.h"

static void test_reads_and_writes(void **state)
{
    (void)state;
    static const char *const GOOD[][2] = {
        {"127.0.0.1:4000", "127.0.0.1:4000"},
        {"0.0.0.0:0", "0.0.0.0:0"},
        {"[::]:4000", "[::]:4000"},
        {"[2001:db8::1]:65535", "[2001:db8::1]:65535"},
        {"*:80", "[::]:80"},
        {"unix:/run/usherd.sock", "unix:/run/usherd.sock"},
        {"unix:relative:4000", "unix:relative:4000"},
        {"127.0.0.1:4000 proxy", "127.0.0.1:4000 proxy"},
        {"*:80   proxy", "[::]:80 proxy"},
        {"unix:/run/usherd.sock proxy", "unix:/run/usherd.sock proxy"},
        {"unix:/run/proxy", "unix:/run/proxy"},
    };
    for (size_t i = 0; i < sizeof GOOD / sizeof *GOOD; i++) {
        struct listen_address a;
        struct err e = {.text = ""};
        if (!listen_address_parse(GOOD[i][0], &a, &e))
            fail_msg("%s", e.text);
        char text[LISTEN_TEXT_MAX];
        listen_address_format(&a, text);
        assert_string_equal(text, GOOD[i][1]);
    }
}

/* 107 bytes: with the slash before it one more than a socket's address holds beside its NUL, unix(7). */
#define TEN "aaaaaaaaaa"
#define TOO_LONG TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN "aaaaaaa"

static void test_refuses(void **state)
{
    (void)state;
    static const char *const BAD[] = {"", ":", ":4000", "4000", "localhost:4000", "127.0.0.1",
        "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:1x", "::1:4000", "[::1]", "[::1:4000", "[]:1",
        "[:1", "256.0.0.1:1", "unix:", ("unix:/" TOO_LONG), "127.0.0.1:4000proxy", "127.0.0.1:4000 prox",
        "127.0.0.1:4000 proxy proxy", "127.0.0.1 proxy", " proxy", "unix: proxy", "127.0.0.1:4000 "};
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        struct listen_address a;
        struct err e = {.text = ""};
        if (listen_address_parse(BAD[i], &a, &e))
            fail_msg("\"%s\" was taken", BAD[i]);
        assert_non_null(strstr(e.text, "expected"));
    }
}

static void test_maps_ipv4(void **state)
{
    (void)state;
    struct listen_address a;
    assert_true(listen_address_parse("192.0.2.1:1", &a, NULL));
    struct sockaddr_storage from = {0};
    memcpy(&from, &a.at, a.len);
    static const uint8_t EXPECTED[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 1};
    struct address client = listen_address_of_client(&from);
    assert_memory_equal(client.bytes, EXPECTED, sizeof EXPECTED);
    from.ss_family = AF_UNIX;
    static const uint8_t NOBODY[16] = {0};
    client = listen_address_of_client(&from);
    assert_memory_equal(client.bytes, NOBODY, sizeof NOBODY);
}

/* A system without IPv6 serves [::] as 0.0.0.0, at the same port, and nothing else. */
static void test_without_ipv6(void **state)
{
    (void)state;
    struct listen_address a;
    char text[LISTEN_TEXT_MAX];
    assert_true(listen_address_parse("[::]:4000", &a, NULL));
    assert_true(listen_address_without_ipv6(&a));
    listen_address_format(&a, text);
    assert_string_equal(text, "0.0.0.0:4000");
    static const char *const OTHERS[] = {"[::1]:4000", "0.0.0.0:4000", "unix:/run/usherd.sock"};
    for (size_t i = 0; i < sizeof OTHERS / sizeof *OTHERS; i++) {
        assert_true(listen_address_parse(OTHERS[i], &a, NULL));
        assert_false(listen_address_without_ipv6(&a));
        assert_int_equal(errno, EAFNOSUPPORT);
    }
}

/* Pairs of which the second cannot be bound beside the first, in either order, and pairs that can. */
static void test_excludes(void **state)
{
    (void)state;
    static const struct {
        const char *one, *other;
        bool excludes;
    } PAIRS[] = {
        {"127.0.0.1:1", "127.0.0.1:1", true},
        {"127.0.0.1:1", "127.0.0.1:1 proxy", true},
        {"127.0.0.1:1", "127.0.0.1:2", false},
        {"127.0.0.1:0", "127.0.0.1:0", false},
        {"127.0.0.1:1", "127.0.0.2:1", false},
        {"127.0.0.1:1", "[::ffff:127.0.0.1]:1", true},
        {"127.0.0.1:1", "[::ffff:127.0.0.2]:1", false},
        {"127.0.0.1:1", "0.0.0.0:1", true},
        {"127.0.0.1:1", "[::ffff:0.0.0.0]:1", true},
        {"127.0.0.1:1", "[::]:1", true},
        {"127.0.0.1:1", "[::1]:1", false},
        {"[::1]:1", "[::]:1", true},
        {"[::1]:1", "[0::1]:1", true},
        {"[::1]:1", "0.0.0.0:1", false},
        {"[::1]:1", "[::ffff:0.0.0.0]:1", false},
        {"0.0.0.0:1", "[::ffff:0.0.0.0]:1", true},
        {"0.0.0.0:1", "[::]:1", true},
        {"unix:/run/a", "unix:/run/a proxy", true},
        {"unix:/run/a", "unix:/run/b", false},
        {"unix:/tmp/a", "unix:/tmp/./a", true},
        {"unix:/tmp/a", "unix://tmp/../tmp//a", true},
        {"unix:/a", "unix:/tmp/../a", true},
        {"unix:a", "unix:./a", true},
        {"unix:/tmp/a", "unix:/a", false},
        {"unix:/tmp/a", "unix:/tmp/./b", false},
        {"unix:/nowhere/a", "unix:/nowhere/./a", false}, /* nothing can be there */
        {"unix:/run/a", "[::]:1", false},
    };
    for (size_t i = 0; i < sizeof PAIRS / sizeof *PAIRS; i++) {
        struct listen_address a, b;
        assert_true(listen_address_parse(PAIRS[i].one, &a, NULL) && listen_address_parse(PAIRS[i].other, &b, NULL));
        if (listen_address_excludes(&a, &b) != PAIRS[i].excludes ||
            listen_address_excludes(&b, &a) != PAIRS[i].excludes)
            fail_msg("%s and %s", PAIRS[i].one, PAIRS[i].other);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_and_writes),
        cmocka_unit_test(test_refuses),
        cmocka_unit_test(test_maps_ipv4),
        cmocka_unit_test(test_without_ipv6),
        cmocka_unit_test(test_excludes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
