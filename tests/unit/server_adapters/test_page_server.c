/* SPDX-License-Identifier: MIT
 *
 * Entries of server.web_servers: brought into one form that is safe in a header and in JSON, or refused with a sentence.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "server/adapters/page_server.h"

static void test_good(void **state)
{
    (void)state;
    static const struct {
        const char *text, *normal, *sources;
    } cases[] = {
        {"wss://b.example", "wss://b.example/ws", " wss://b.example https://b.example"},
        {" WSS://B.Example/ ", "wss://b.example/ws", " wss://b.example https://b.example"},
        {"ws://127.0.0.1:4001", "ws://127.0.0.1:4001/ws", " ws://127.0.0.1:4001 http://127.0.0.1:4001"},
        {"wss://b.example:8443/usher/ws", "wss://b.example:8443/usher/ws",
            " wss://b.example:8443 https://b.example:8443"},
        {"ws://[2001:DB8:0::1]:80/~a_b.c-d", "ws://[2001:db8::1]:80/~a_b.c-d",
            " ws://[2001:db8::1]:80 http://[2001:db8::1]:80"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char normal[PAGE_SERVER_MAX + 1];
        struct err e;
        struct buf sources;
        if (!page_server_normalise(cases[i].text, normal, &e))
            fail_msg("%s: %s", cases[i].text, e.text);
        assert_string_equal(normal, cases[i].normal);
        buf_init(&sources, 1024);
        page_server_sources(normal, &sources);
        char *text = buf_take(&sources, NULL);
        assert_string_equal(text, cases[i].sources);
        free(text);
    }
}

static void test_bad(void **state)
{
    (void)state;
    static const char *const cases[] = {"", "b.example", "https://b.example", "wss://", "ws://", "wss:///ws",
        "wss://b.example:0", "wss://b.example:65536", "wss://a@b.example", "wss://a:b@b.example",
        "wss://b.example/ws?a", "wss://b.example/ws#a", "wss://b.example?a", "wss://b.example/a b",
        "wss://b.example/a;script-src", "wss://b.example/\"", "wss://b.example/\\", "wss://b.example/%20",
        "wss://b.example/\r\nX: y", "wss://b ex", "wss://b.example;script-src", "wss://*",
        "wss://b.example/'unsafe-inline'", "wss://b.example/\xc3\xa4"};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char normal[PAGE_SERVER_MAX + 1];
        struct err e = {.text = ""};
        if (page_server_normalise(cases[i], normal, &e))
            fail_msg("%s was taken as %s", cases[i], normal);
        assert_non_null(strstr(e.text, "such as wss://b.example"));
    }
}

static void test_the_longest(void **state)
{
    (void)state;
    char text[PAGE_SERVER_MAX + 2] = "wss://b.example/", normal[PAGE_SERVER_MAX + 1];
    struct err e;
    size_t n = strlen(text);
    memset(text + n, 'a', PAGE_SERVER_MAX - n);
    assert_true(page_server_normalise(text, normal, &e));
    assert_string_equal(normal, text);
    text[PAGE_SERVER_MAX] = 'a';
    assert_false(page_server_normalise(text, normal, &e));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_bad),
        cmocka_unit_test(test_the_longest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
