/* SPDX-License-Identifier: MIT
 *
 * The client behind proxies, whom any line above the last may try to impersonate.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "server/io/forwarded.h"
#include "tests/unit/server_io/request.h"

enum {
    TEXT_MAX = 1024
};

#define F "X-Forwarded-For: "

static struct cidr_list trusted_hops(void)
{
    static const char *const ENTRIES[] = {"127.0.0.1", "10.0.0.0/8", "unix"};
    struct cidr_list list;
    struct err e;
    assert_true(cidr_list_parse(ENTRIES, 3, &list, &e));
    return list;
}

static void expect_client(const struct request_head *h, const char *lines, const char *expected)
{
    struct cidr_list trusted = trusted_hops();
    struct address client, address;
    bool read = forwarded_client_of(h, &trusted, &client);
    if (read != (expected != NULL))
        fail_msg("%s was %s", lines, read ? "read" : "refused");
    if (!read)
        return;
    assert_true(address_parse(span_of(expected), &address));
    assert_memory_equal(&client, &address, sizeof client);
}

static void test_clients(void **state)
{
    (void)state;
    static const struct {
        const char *lines, *client; /* NULL: none */
    } CASES[] = {
        {F "6.6.6.6\r\n", "6.6.6.6"},
        {"x-forwarded-FOR:6.6.6.6\r\n", "6.6.6.6"},
        {F "6.6.6.6:1234\r\n", "6.6.6.6"},
        {F "[2001:db8::1]:443\r\n", "2001:db8::1"},
        {F "6.6.6.6, 10.0.0.1\r\n", "6.6.6.6"},
        {F "1.1.1.1, 6.6.6.6, 10.0.0.1,\t10.0.0.2\r\n", "6.6.6.6"},
        {F "10.0.0.3, 10.0.0.2\r\n", "10.0.0.3"},
        /* lines are one list, in their order */
        {F "1.1.1.1\r\n" F "6.6.6.6\r\n", "6.6.6.6"},
        {F "6.6.6.6\r\n" F "10.0.0.1\r\n", "6.6.6.6"},
        {F "1.1.1.1\r\nX: y\r\n" F "6.6.6.6, 10.0.0.2\r\nX: z\r\n" F "10.0.0.1\r\n", "6.6.6.6"},
        {F "10.0.0.3\r\n" F "10.0.0.2\r\n" F "10.0.0.1\r\n", "10.0.0.3"},
        /* what a client claims is not looked at */
        {F "nonsense\r\n" F "6.6.6.6\r\n", "6.6.6.6"},
        {F "\r\n" F "6.6.6.6, 10.0.0.1\r\n", "6.6.6.6"},
        {F "127.0.0.1\r\n" F "6.6.6.6\r\n", "6.6.6.6"},
        {F "\"a, 6.6.6.6\r\n", "6.6.6.6"},
        {"X-Forwarded-Fo: 1\r\n" F "6.6.6.6\r\nX-Forwarded: 1\r\n", "6.6.6.6"},
        {"X-Real-IP: 1.1.1.1\r\nForwarded: for=1.1.1.1\r\n" F "6.6.6.6\r\n", "6.6.6.6"},
        /* no client */
        {"", NULL},
        {"X-Real-IP: 1.1.1.1\r\nForwarded: for=1.1.1.1\r\n", NULL},
        {"X-Forwarded-Fo: 1.1.1.1\r\n", NULL},
        {F "\r\n", NULL},
        {F ",\r\n", NULL},
        {F "6.6.6.6,\r\n", NULL},
        {F "6.6.6.6\r\n" F "\r\n", NULL},
        {F "6.6.6.6\r\n" F "unknown\r\n", NULL},
        {F "6.6.6.6\r\n" F "unknown, 10.0.0.1\r\n", NULL},
        {F "unknown\r\n" F "10.0.0.1\r\n", NULL},
        {F "\r\n" F "10.0.0.1\r\n", NULL},
        {F "::\r\n", NULL}, /* what stands for a unix socket is no address of anybody */
        {F "6.6.6.6 10.0.0.1\r\n", NULL},
        {F "fe80::1%eth0\r\n", NULL},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        char text[TEXT_MAX];
        struct request_head h;
        request_read_lines(CASES[i].lines, text, sizeof text, &h);
        expect_client(&h, CASES[i].lines, CASES[i].client);
    }
}

/* A header as long as the head may be, which a client made so that its end falls off, names the client all the same. */
static void test_any_length(void **state)
{
    (void)state;
    static const char START[] = "GET / HTTP/1.1\r\nHost: a\r\n" F, HOP[] = "10.255.255.1, ", END[] = "10.0.0.1\r\n\r\n";
    struct buf text;
    struct request_head h;
    buf_init(&text, REQUEST_HEAD_MAX);
    buf_text(&text, START);
    while (text.len + 64 < REQUEST_HEAD_MAX / 2)
        buf_text(&text, "junk, ");
    buf_text(&text, "6.6.6.6, ");
    while (text.len + sizeof HOP + sizeof END < REQUEST_HEAD_MAX)
        buf_text(&text, HOP);
    buf_text(&text, END);
    assert_false(text.failed);
    assert_int_equal(request_head_read(buf_view(&text), 0, &h), HEAD_WHOLE);
    expect_client(&h, "a long line", "6.6.6.6");
    buf_done(&text);
}

static void test_named(void **state)
{
    (void)state;
    static const struct {
        const char *lines;
        bool named;
    } CASES[] = {
        {"", false},
        {F "6.6.6.6\r\n", true},
        {"x-forwarded-for:\r\n", true},
        {"X-Real-IP: x\r\n", true},
        {"Forwarded: for=x\r\n", true},
        {"A: b\r\nFORWARDED:\r\n", true},
        {"X-Forwarded-Proto: https\r\n", true},
        {"a: b\r\nx-forwarded-Host: a\r\n", true},
        {"X-Forwarded-: x\r\n", true},
        {"via: 1.1 somewhere\r\n", true},
        {"X-Forwarded: x\r\nX: x\r\n", false},
        {"Forwarde: x\r\nX-Real-I: x\r\nVia-: x\r\n", false},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        char text[TEXT_MAX];
        struct request_head h;
        request_read_lines(CASES[i].lines, text, sizeof text, &h);
        assert_int_equal(forwarded_named(&h), CASES[i].named);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clients),
        cmocka_unit_test(test_any_length),
        cmocka_unit_test(test_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
