/* SPDX-License-Identifier: MIT
 *
 * Server addresses as people write them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "peer/io/url.h"

static void expect(const char *text, bool tls, const char *host, unsigned port, const char *path)
{
    struct url url;
    struct err err;
    assert_true(url_parse(text, &url, &err));
    assert_int_equal(url.tls, tls);
    assert_string_equal(url.host, host);
    assert_int_equal(url.port, port);
    assert_string_equal(url.path, path);
}

static void reads_what_people_write(void **state)
{
    (void)state;
    expect(URL_DEFAULT, false, "localhost", 4000, "/ws");
    expect("ws://localhost", false, "localhost", 4000, "/ws");
    expect("ws://localhost/", false, "localhost", 4000, "/ws");
    expect("wss://talk.example.org:4000", true, "talk.example.org", 4000, "/ws");
    expect("wss://example.org/usher/ws", true, "example.org", 443, "/usher/ws");
    expect("wss://example.org", true, "example.org", 443, "/ws");
    expect("ws://h:1/ws?token=a%20b", false, "h", 1, "/ws?token=a%20b");
    expect("ws://h:1?x=1", false, "h", 1, "/ws?x=1");
    expect("ws://[::1]:4000", false, "::1", 4000, "/ws");
    expect("WS://Localhost:4000", false, "Localhost", 4000, "/ws");
}

/* RFC 6874: the zone is this machine's own affair, and no part of what the server is called. */
static void reads_the_interface_of_a_link_local_address(void **state)
{
    (void)state;
    struct url url;
    struct err err;
    char name[URL_NAME_MAX + 1];
    expect("ws://[fe80::1%25eth0]:4000", false, "fe80::1", 4000, "/ws");
    assert_true(url_parse("wss://[fe80::1%25eth0.7]", &url, &err));
    assert_string_equal(url.zone, "eth0.7");
    url_name(&url, name);
    assert_string_equal(name, "[fe80::1]:443");
    assert_true(url_parse("ws://[2001:db8::1]", &url, &err));
    assert_string_equal(url.zone, "");
    assert_false(url_parse("ws://[fe80::1%eth0]:4000", &url, &err));
    assert_non_null(strstr(err.text, "behind %25"));
    assert_false(url_parse("ws://[fe80::1]:4000", &url, &err));
    assert_non_null(strstr(err.text, "goes with its interface, as in ws://[fe80::1%25eth0]:4000"));
}

static void refuses_what_is_no_address(void **state)
{
    static const char *const BAD[] = {"", "localhost:4000", "localhost", "http://localhost:4000", "ws://", "ws://:4000",
        "ws://host:0", "ws://host:65536", "ws://host:x", "ws://user@host", "ws://host/#part", "ws://[::1", "ws://a b",
        "ws://h/\r\nx: y", "ws://[fe80::1]", "ws://[fe80::1%25]", "ws://[fe80::1%25abcdefghijklmnop]",
        "ws://[::1%25lo]", "ws://[fe80::1%eth0]"};
    (void)state;
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        struct url url;
        struct err err = {.text = ""};
        if (url_parse(BAD[i], &url, &err))
            fail_msg("%s was taken", BAD[i]);
        assert_true(strlen(err.text) > 10);
    }
}

static void refuses_what_is_too_long(void **state)
{
    (void)state;
    char text[1000];
    struct url url;
    struct err err;
    memset(text, 'a', sizeof text);
    memcpy(text, "ws://", 5);
    text[5 + URL_HOST_MAX] = '\0';
    assert_true(url_parse(text, &url, &err));
    text[5 + URL_HOST_MAX] = 'a';
    text[5 + URL_HOST_MAX + 1] = '\0';
    assert_false(url_parse(text, &url, &err));
    memset(text, 'a', sizeof text);
    memcpy(text, "ws://h/", 7);
    text[6 + URL_PATH_MAX] = '\0';
    assert_true(url_parse(text, &url, &err));
    text[6 + URL_PATH_MAX] = 'a';
    text[6 + URL_PATH_MAX + 1] = '\0';
    assert_false(url_parse(text, &url, &err));
}

static void names_itself(void **state)
{
    (void)state;
    struct url url;
    char name[URL_NAME_MAX + 1];
    assert_true(url_parse("ws://[::1]:81", &url, NULL));
    url_name(&url, name);
    assert_string_equal(name, "[::1]:81");
    assert_true(url_parse("ws://example.org", &url, NULL));
    url_name(&url, name);
    assert_string_equal(name, "example.org:4000");
}

static void beside(const char *text, const char *expected)
{
    struct url url;
    char path[URL_PATH_MAX + 64];
    assert_true(url_parse(text, &url, NULL));
    assert_true(url_beside(&url, "api/rooms", path, sizeof path));
    assert_string_equal(path, expected);
}

/* What a proxy serves below a path is there whole: the WebSocket's neighbours too. */
static void finds_what_stands_beside_the_websocket(void **state)
{
    (void)state;
    beside("ws://localhost:4000", "/api/rooms");
    beside("ws://localhost:4000/", "/api/rooms");
    beside("wss://example.org/ws?a=b/c", "/api/rooms");
    beside("wss://example.org/usher/ws", "/usher/api/rooms");
    beside("wss://example.org/a/b/ws", "/a/b/api/rooms");
    beside("wss://example.org/usher", "/api/rooms");
    beside("wss://example.org/usher/", "/usher/api/rooms");
    struct url url;
    char path[10];
    assert_true(url_parse("ws://h", &url, NULL));
    assert_false(url_beside(&url, "api/rooms", path, sizeof path));
    assert_true(url_beside(&url, "api/room", path, sizeof path));
}

static void reads_several(void **state)
{
    (void)state;
    static const char *texts[URLS_MAX + 1];
    struct url urls[URLS_MAX];
    struct err err;
    unsigned n = 7;
    assert_true(urls_parse(NULL, 0, urls, &n, &err));
    assert_int_equal(n, 1);
    assert_string_equal(urls[0].host, "localhost");
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        texts[i] = i % 2 ? "wss://odd" : "ws://even:1";
    assert_true(urls_parse(texts, URLS_MAX, urls, &n, &err));
    assert_int_equal(n, URLS_MAX);
    assert_string_equal(urls[URLS_MAX - 1].host, "odd");
    assert_false(urls_parse(texts, URLS_MAX + 1, urls, &n, &err));
    assert_non_null(strstr(err.text, "at most 16"));
    texts[1] = "http://odd";
    assert_false(urls_parse(texts, 2, urls, &n, &err));
    assert_non_null(strstr(err.text, "http://odd"));
}

static bool loopback(const char *text)
{
    struct url url;
    assert_true(url_parse(text, &url, NULL));
    return url_is_loopback(&url);
}

static void knows_loopback(void **state)
{
    (void)state;
    assert_true(loopback("ws://localhost"));
    assert_true(loopback("ws://LOCALHOST"));
    assert_true(loopback("ws://127.0.0.1"));
    assert_true(loopback("ws://127.9.9.9"));
    assert_true(loopback("ws://[::1]"));
    assert_false(loopback("ws://192.0.2.1"));
    assert_false(loopback("ws://localhost.example.org"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_people_write),
        cmocka_unit_test(reads_the_interface_of_a_link_local_address),
        cmocka_unit_test(refuses_what_is_no_address),
        cmocka_unit_test(refuses_what_is_too_long),
        cmocka_unit_test(names_itself),
        cmocka_unit_test(finds_what_stands_beside_the_websocket),
        cmocka_unit_test(reads_several),
        cmocka_unit_test(knows_loopback),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
