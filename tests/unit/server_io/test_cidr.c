/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "server/io/cidr.h"

static struct address address(const char *text)
{
    struct address a;
    assert_true(address_parse(span_of(text), &a));
    return a;
}

static bool same(const char *a, const char *b)
{
    struct address x = address(a), y = address(b);
    return memcmp(&x, &y, sizeof x) == 0;
}

static void test_addresses(void **state)
{
    (void)state;
    assert_true(same("10.1.2.3", "10.1.2.3:80"));
    assert_true(same("10.1.2.3", "::ffff:10.1.2.3"));
    assert_true(same("2001:db8::1", "[2001:db8::1]"));
    assert_true(same("2001:db8::1", "[2001:db8:0::1]:65535"));
    static const char *const BAD[] = {"", "x", "unknown", "_hidden", "10.1.2", "10.1.2.3:", "10.1.2.3:x",
        "10.1.2.3:123456", "[::1", "[::1]x", "[::1]:", "::1]", "[]", "::", "10.1.2.3 ", "1.2.3.4.5", "010.1.1.1",
        "\"1.2.3.4\"", "1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc:dddd"};
    struct address a;
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++)
        if (address_parse(span_of(BAD[i]), &a))
            fail_msg("\"%s\" passed", BAD[i]);
}

static void test_local(void **state)
{
    (void)state;
    struct address local[] = {address("127.0.0.1"), address("127.9.9.9"), address("::1"), {{0}}};
    for (size_t i = 0; i < sizeof local / sizeof *local; i++)
        assert_true(address_is_local(&local[i]));
    struct address foreign[] = {address("128.0.0.1"), address("126.255.255.255"), address("::2"), address("7f00::")};
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++)
        assert_false(address_is_local(&foreign[i]));
}

static struct cidr_list list_of(const char *const *entries, size_t n)
{
    struct cidr_list list;
    struct err e = {.text = ""};
    if (!cidr_list_parse(entries, n, &list, &e))
        fail_msg("%s", e.text);
    return list;
}

static bool has(const struct cidr_list *list, const char *text)
{
    struct address a = address(text);
    return cidr_list_has(list, &a);
}

static void test_networks(void **state)
{
    (void)state;
    static const char *const ENTRIES[] = {
        "10.0.0.0/8", "192.168.1.128/25", "2001:db8:8000::/33", "127.0.0.1", "fe80::1"};
    struct cidr_list list = list_of(ENTRIES, 5);
    assert_true(has(&list, "10.255.0.1") && has(&list, "::ffff:10.0.0.1"));
    assert_false(has(&list, "11.0.0.0"));
    assert_true(has(&list, "192.168.1.128") && has(&list, "192.168.1.255"));
    assert_false(has(&list, "192.168.1.127"));
    assert_true(has(&list, "2001:db8:8000::5") && has(&list, "2001:db8:ffff::"));
    assert_false(has(&list, "2001:db8:7fff::5"));
    assert_true(has(&list, "127.0.0.1"));
    assert_false(has(&list, "127.0.0.2") || has(&list, "fe80::2"));
    struct address socket_file = {{0}};
    assert_false(cidr_list_has(&list, &socket_file));
    static const char *const ALL[] = {"0.0.0.0/0", "unix"};
    list = list_of(ALL, 2);
    assert_true(has(&list, "8.8.8.8") && cidr_list_has(&list, &socket_file));
    assert_false(has(&list, "2001:db8::1"));
    static const char *const BAD[] = {
        "10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/8x", "10/8", "host", "10.0.0.1:80", "/8", "*"};
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        struct err e = {.text = ""};
        if (cidr_list_parse(&BAD[i], 1, &list, &e))
            fail_msg("\"%s\" passed", BAD[i]);
        assert_non_null(strstr(e.text, "expected an address or a network"));
    }
}

static void test_forwarded(void **state)
{
    (void)state;
    static const char *const ENTRIES[] = {"127.0.0.1", "10.0.0.0/8"};
    struct cidr_list trusted = list_of(ENTRIES, 2);
    static const struct {
        const char *header, *client; /* NULL: refused */
    } CASES[] = {
        {"6.6.6.6", "6.6.6.6"},
        {"6.6.6.6,  127.0.0.1", "6.6.6.6"},
        {"127.0.0.1, 6.6.6.6", "6.6.6.6"},
        {"1.1.1.1, 6.6.6.6, 10.0.0.1,10.2.0.1", "6.6.6.6"},
        {"nonsense, 6.6.6.6:5000, 10.0.0.1", "6.6.6.6"},
        {"[2001:db8::1]:99\t, 10.0.0.1", "2001:db8::1"},
        {"10.0.0.2, 10.0.0.1", "10.0.0.2"},
        {"", NULL},
        {"6.6.6.6,", NULL},
        {"6.6.6.6, unknown", NULL},
        {"unknown, 10.0.0.1", NULL},
        {",", NULL},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        struct address client;
        bool read = forwarded_client(span_of(CASES[i].header), &trusted, &client);
        if (read != (CASES[i].client != NULL))
            fail_msg("\"%s\" was %s", CASES[i].header, read ? "read" : "refused");
        if (!read)
            continue;
        struct address expected = address(CASES[i].client);
        assert_memory_equal(&client, &expected, sizeof client);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_local),
        cmocka_unit_test(test_networks),
        cmocka_unit_test(test_forwarded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
