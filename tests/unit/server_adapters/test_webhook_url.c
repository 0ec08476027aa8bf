/* SPDX-License-Identifier: MIT
 *
 * URLs of webhooks: taken apart, or refused with a sentence.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "server/adapters/webhook_url.h"

static void expect(const char *text, bool tls, const char *host, unsigned port, bool named, const char *target)
{
    struct webhook_url url;
    struct err e;
    if (!webhook_url_read(text, &url, &e))
        fail_msg("%s: %s", text, e.text);
    assert_int_equal(url.tls, tls);
    assert_string_equal(url.host, host);
    assert_int_equal(url.port, port);
    assert_int_equal(url.port_named, named);
    assert_string_equal(url.target, target);
}

static void test_good(void **state)
{
    (void)state;
    expect("https://app.example/usher", true, "app.example", 443, false, "/usher");
    expect(" HTTP://App.Example:80 ", false, "app.example", 80, false, "/");
    expect("http://app.example:443/a", false, "app.example", 443, true, "/a");
    expect("https://[2001:DB8:0::1]:8443/a/b?c=d&e=%20", true, "[2001:db8::1]", 8443, true, "/a/b?c=d&e=%20");
    expect("https://192.0.2.1?token=x", true, "192.0.2.1", 443, false, "/?token=x");
    expect("https://a/b@c:d", true, "a", 443, false, "/b@c:d");
}

static void test_bad(void **state)
{
    (void)state;
    static const struct {
        const char *text, *problem;
    } BAD[] = {
        {"app.example/usher", "expected a URL such as https://app.example/usher"},
        {"ftp://app.example/", "expected a URL such as https://app.example/usher"},
        {"https:/app.example", "expected a URL such as https://app.example/usher"},
        {"https://", "the host is missing"},
        {"https:///usher", "the host is missing"},
        {"https://?x", "the host is missing"},
        {"https://user:pass@app.example/", "a user and a password cannot be named in it"},
        {"https://app.example:0/", "a port is a number from 1 to 65535"},
        {"https://app.example:99999/", "a port is a number from 1 to 65535"},
        {"https://app.example:/", "a port is a number from 1 to 65535"},
        {"https://1.2.3.256/", "an IPv4 address is four numbers"},
        {"https://2001:db8::1/", "an IPv6 address stands in brackets"},
        {"https://app.example/a#b", "a fragment (#) is never sent"},
        {"https://app.example#b", "a fragment (#) is never sent"},
        {"https://app.example/a b", "the path or query has a character that a URL may not have"},
        {"https://app.example/a\r\nX: y", "the path or query has a character that a URL may not have"},
        {"https://app.example/\xc3\xa4", "the path or query has a character that a URL may not have"},
        {"https://app.example/?a={b}", "the path or query has a character that a URL may not have"},
        {"https://b\xc3\xbc"
         "cher.example/",
            "a name beyond ASCII is written in its xn-- form"},
    };
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        struct webhook_url url;
        struct err e;
        assert_false(webhook_url_read(BAD[i].text, &url, &e));
        if (!strstr(e.text, BAD[i].problem))
            fail_msg("%s: %s", BAD[i].text, e.text);
    }
}

static void test_length(void **state)
{
    (void)state;
    char text[WEBHOOK_URL_MAX + 2];
    struct webhook_url url;
    memset(text, 'a', sizeof text);
    memcpy(text, "https://a?", 10);
    text[WEBHOOK_URL_MAX] = '\0';
    assert_true(webhook_url_read(text, &url, NULL));
    assert_int_equal(strlen(url.target), WEBHOOK_URL_MAX - 9 + 1);
    text[WEBHOOK_URL_MAX] = 'a';
    text[WEBHOOK_URL_MAX + 1] = '\0';
    assert_false(webhook_url_read(text, &url, NULL));
}

static void test_open(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool open;
    } ALL[] = {{"http://app.example/", true}, {"https://app.example/", false}, {"http://localhost:1/", false},
        {"http://127.0.0.1/", false}, {"http://[::1]/", false}, {"http://192.0.2.1/", true},
        {"http://app.localhost/", false}, {"http://[::ffff:127.0.0.1]/", false}, {"http://0.0.0.0:1/", false},
        {"http://127.example/", true}};
    for (size_t i = 0; i < sizeof ALL / sizeof *ALL; i++) {
        struct webhook_url url;
        assert_true(webhook_url_read(ALL[i].text, &url, NULL));
        assert_int_equal(webhook_url_is_open(&url), ALL[i].open);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_bad),
        cmocka_unit_test(test_length),
        cmocka_unit_test(test_open),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
