/* SPDX-License-Identifier: MIT
 *
 * Web origins: which settings are taken, in which form, what is said of the others, whom they let in, and how refusals
 * are logged.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "server/io/origins.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static void test_good(void **state)
{
    (void)state;
    static const char *const GOOD[][2] = {
        {"https://app.example", "https://app.example"},
        {"http://localhost:3000", "http://localhost:3000"},
        {"HTTPS://App.Example", "https://app.example"},
        {" https://app.example ", "https://app.example"},
        {"https://app.example/", "https://app.example"},
        {"https://app.example:443", "https://app.example"},
        {"http://app.example:80/", "http://app.example"},
        {"https://app.example:80", "https://app.example:80"},
        {"http://app.example:443", "http://app.example:443"},
        {"https://app.example:08443", "https://app.example:8443"},
        {"https://192.0.2.1:8443", "https://192.0.2.1:8443"},
        {"https://[2001:DB8:0:0:0:0:0:1]:443", "https://[2001:db8::1]"},
        {"https://[::ffff:192.0.2.1]", "https://[::ffff:c000:201]"},
        {"https://[1:0:0:2:0:0:0:3]", "https://[1:0:0:2::3]"},
        {"https://[1:0:2:3:4:5:6:7]", "https://[1:0:2:3:4:5:6:7]"},
        {"https://[1:0:0:2:0:0:3:4]", "https://[1::2:0:0:3:4]"},
        {"https://[::]", "https://[::]"},
        {"https://[1::]", "https://[1::]"},
        {"https://xn--bcher-kva.example", "https://xn--bcher-kva.example"},
        {"chrome-extension://abcdefghijklmnopabcdefghijklmnop", "chrome-extension://abcdefghijklmnopabcdefghijklmnop"},
        {"capacitor://localhost", "capacitor://localhost"},
        {"app://-", "app://-"},
        {"file://", "file://"},
        {"file:///", "file://"},
        {"*", "*"},
        {"null", "null"},
        {"NULL", "null"},
    };
    for (size_t i = 0; i < COUNT(GOOD); i++) {
        char out[ORIGIN_MAX + 1], again[ORIGIN_MAX + 1];
        struct err e = {.text = ""};
        if (!origins_normalise(GOOD[i][0], out, &e))
            fail_msg("\"%s\" was refused: %s", GOOD[i][0], e.text);
        assert_string_equal(out, GOOD[i][1]);
        assert_true(origins_normalise(out, again, &e));
        assert_string_equal(again, out);
    }
}

#define SUCH ": expected an origin such as https://app.example"

static void test_refused(void **state)
{
    (void)state;
    static const char *const BAD[][2] = {
        {"app.example", "an origin begins with its scheme and ://: write https://app.example"},
        {"app.example:8443", "an origin begins with its scheme and ://: write https://app.example:8443"},
        {"localhost:3000", "an origin begins with its scheme and ://: write http://localhost:3000"},
        {"127.0.0.1:3000", "an origin begins with its scheme and ://: write http://127.0.0.1:3000"},
        {"//app.example", "an origin begins with its scheme and ://: write https://app.example"},
        {"://app.example", "an origin begins with its scheme and ://" SUCH},
        {"https:app.example", "an origin begins with its scheme and ://" SUCH},
        {"https:/app.example", "an origin begins with its scheme and ://" SUCH},
        {"1https://app.example", "an origin begins with its scheme and ://" SUCH},
        {"\"https://app.example\"", "an origin begins with its scheme and ://" SUCH},
        {"", "an origin begins with its scheme and ://" SUCH},
        {"wss://app.example/ws",
            "an origin is the address of the page, not of its WebSocket: write https://app.example"},
        {"ws://app.example:81",
            "an origin is the address of the page, not of its WebSocket: write http://app.example:81"},
        {"https://app.example/room", "an origin has no path: it is all pages of that host: write https://app.example"},
        {"https://app.example//", "an origin has no path: it is all pages of that host: write https://app.example"},
        {"https://app.example?x", "an origin has no path: it is all pages of that host: write https://app.example"},
        {"https://app.example#x", "an origin has no path: it is all pages of that host: write https://app.example"},
        {"https://app.example:443/*", "an origin has no path: it is all pages of that host: write https://app.example"},
        {"https://*.example", "* stands alone, for any page: name each origin, such as https://app.example"},
        {"https://app.example:*", "* stands alone, for any page: name each origin, such as https://app.example"},
        {"https://*", "* stands alone, for any page: name each origin, such as https://app.example"},
        {"*.example", "an origin begins with its scheme and ://" SUCH},
        {"https://me:secret@app.example", "an origin has no user name: write https://app.example"},
        {"https://a.example,https://b.example",
            "one origin a setting, which is repeated for more: write https://a.example"},
        {"https://a.example, https://b.example",
            "one origin a setting, which is repeated for more: write https://a.example"},
        {"https://a.example https://b.example", "nothing may stand behind an origin: write https://a.example"},
        {"a.example # the page", "nothing may stand behind an origin: write https://a.example"},
        {"https://app.example.",
            "with a dot at its end the host is another one to a browser: write https://app.example"},
        {"https://app.example.:81",
            "with a dot at its end the host is another one to a browser: write https://app.example:81"},
        {"https://b\xc3\xbc"
         "cher.example",
            "a name beyond ASCII is written in its xn-- form, which new URL(\"https://NAME\").host shows in a "
            "browser's "
            "console" SUCH},
        {"https://", "the host is missing" SUCH},
        {"https:///", "the host is missing" SUCH},
        {"https://:443", "the host is missing" SUCH},
        {"file:///srv/page.html", "an origin has no path: it is all pages of that host" SUCH},
        {"https://app.example:0", "a port is a number from 1 to 65535" SUCH},
        {"https://app.example:65536", "a port is a number from 1 to 65535" SUCH},
        {"https://app.example:", "a port is a number from 1 to 65535" SUCH},
        {"https://2001:db8::1", "an IPv6 address stands in brackets, as [2001:db8::1]" SUCH},
        {"https://127.1",
            "an IPv4 address is four numbers up to 255 with dots between them, without leading zeros" SUCH},
        {"https://app%2eexample", "a host has letters, digits, - and . only" SUCH},
        {"https://app.example\\", "a host has letters, digits, - and . only" SUCH},
        {"a-scheme-that-is-longer-than-others://app.example", "an origin begins with its scheme and ://" SUCH},
    };
    for (size_t i = 0; i < COUNT(BAD); i++) {
        char out[ORIGIN_MAX + 1];
        struct err e = {.text = ""};
        if (origins_normalise(BAD[i][0], out, &e))
            fail_msg("\"%s\" was taken, as %s", BAD[i][0], out);
        if (strcmp(e.text, BAD[i][1]) != 0)
            fail_msg("\"%s\": \"%s\" instead of \"%s\"", BAD[i][0], e.text, BAD[i][1]);
    }
}

/* The longest host with the longest scheme fits; a host of a byte more is refused. */
static void test_bounds(void **state)
{
    (void)state;
    for (int last = 60; last <= 62; last++) {
        char text[400], out[ORIGIN_MAX + 1];
        struct err e;
        snprintf(text, sizeof text, "a1234567890123456789012345678901://a%062d.a%062d.a%062d.a%0*d:65535", 0, 0, 0,
            last - 1, 0);
        bool fits = origins_normalise(text, out, &e);
        assert_true(fits == (last <= 61));
        if (fits)
            assert_string_equal(out, text);
    }
}

static void test_allow(void **state)
{
    (void)state;
    static const char *const LIST[] = {"https://app.example", "http://localhost:3000", "https://[2001:db8::1]"};
    static const char *const ANY[] = {"https://app.example", "*"}, *const OPAQUE[] = {"null", "file://"};
    static const char *const IN[] = {"https://app.example", "HTTPS://App.EXAMPLE", "https://app.example:443",
        "http://localhost:3000", "https://[2001:db8::1]", "https://[2001:DB8:0::1]"};
    static const char *const OUT[] = {"", "null", "*", "http://app.example", "https://app.example:8443",
        "https://app.example.evil", "https://evil.example", "https://xapp.example", "app.example",
        "https://app.example https://evil.example", "https://evil.example, https://app.example",
        "https://app.example@evil.example", "https://app.example/room", "https://app.example\\", "https://app.exampl"};
    for (size_t i = 0; i < COUNT(IN); i++)
        if (!origins_allow(LIST, COUNT(LIST), span_of(IN[i])))
            fail_msg("%s may not", IN[i]);
    for (size_t i = 0; i < COUNT(OUT); i++) {
        if (origins_allow(LIST, COUNT(LIST), span_of(OUT[i])))
            fail_msg("%s may", OUT[i]);
        assert_true(origins_allow(ANY, COUNT(ANY), span_of(OUT[i])));
        assert_false(origins_allow(NULL, 0, span_of(OUT[i])));
    }
    assert_false(origins_allow(LIST, COUNT(LIST), SPAN("https://app.example\0.evil")));
    assert_false(origins_allow(LIST, COUNT(LIST), SPAN("https://app.example\0")));
    assert_true(origins_allow(OPAQUE, COUNT(OPAQUE), SPAN("null")));
    assert_true(origins_allow(OPAQUE, COUNT(OPAQUE), SPAN("file://")));
    assert_false(origins_allow(OPAQUE, COUNT(OPAQUE), SPAN("https://app.example")));
}

/* As long as a request's head may be, and more. */
static void test_any_length(void **state)
{
    (void)state;
    static const char *const LIST[] = {"https://app.example"};
    enum {
        LONG = 100000
    };
    char *origin = malloc(LONG);
    assert_non_null(origin);
    memset(origin, 'a', LONG);
    memcpy(origin, "https://app.example", 19);
    for (size_t n = 0; n < 1000; n++)
        assert_true(origins_allow(LIST, 1, (struct span){origin, n}) == (n == 19));
    assert_false(origins_allow(LIST, 1, (struct span){origin, LONG}));
    origin[7] = '/';
    memset(origin + 8, '.', LONG - 8);
    assert_false(origins_allow(LIST, 1, (struct span){origin, LONG}));
    free(origin);
}

static void says(const struct log_record *r, const char *origin, const char *count)
{
    assert_string_equal(r->event, "origin-refused");
    assert_non_null(strstr(r->message, "server.origins"));
    assert_int_equal(r->count, 2);
    assert_string_equal(r->fields[0].key, "origin");
    assert_string_equal(r->fields[0].value, origin);
    assert_string_equal(r->fields[1].key, "count");
    assert_string_equal(r->fields[1].value, count);
}

/* One record a second, with all that came since the last one; hostile bytes neither break it nor make it long. */
static void test_refusals(void **state)
{
    (void)state;
    struct log_pace r = {.unsaid = 0};
    struct log_record record;
    char longer[300], cut[LOG_VALUE_MAX + 1] = "";
    memset(longer, 'x', sizeof longer);
    memset(cut, 'x', sizeof cut - 1);
    assert_true(origins_refusal(&r, SPAN("https://a.example"), 5000, &record));
    says(&record, "https://a.example", "1");
    for (uint64_t ms = 5000; ms < 6000; ms++)
        assert_false(origins_refusal(&r, SPAN("https://b.example"), ms, &record));
    assert_true(origins_refusal(&r, SPAN("c\n\"d\x1b\xff"), 6000, &record));
    says(&record, "c?\"d??", "1001");
    assert_true(origins_refusal(&r, (struct span){longer, sizeof longer}, 9000, &record));
    says(&record, cut, "1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_allow),
        cmocka_unit_test(test_any_length),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
