/* SPDX-License-Identifier: MIT
 *
 * Heads that are good, what is read from them, and how large they may be. Those that are not: test_request_bad.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>
#include <cmocka.h>

#include "tests/unit/server_io/request.h"

#define HOST "Host: a.example\r\n"
#define BROWSER                                                                                                  \
    "Host: signal.example\r\nConnection: keep-alive, Upgrade\r\nPragma: no-cache\r\nCache-Control: no-cache\r\n" \
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0\r\n"    \
    "Upgrade: websocket\r\nOrigin: https://signal.example\r\nSec-WebSocket-Version: 13\r\n"                      \
    "Accept-Encoding: gzip, deflate, br\r\nAccept-Language: de-DE,de;q=0.9,en;q=0.8\r\n"                         \
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"                                                            \
    "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\nSec-WebSocket-Protocol: usher.v1\r\n"

static const char GET[] = "GET", ROOT[] = "/", A[] = "a.example";

/* What is left out of a row: query and host are absent (NULL). */
static const struct {
    const char *text, *method, *path, *query, *host;
    unsigned minor;
    size_t headers;
} GOOD[] = {
    /* request lines */
    {"GET / HTTP/1.1\r\n" HOST "\r\n", GET, ROOT, NULL, A, 1, 1},
    {"GET / HTTP/1.0\r\n" HOST "\r\n", GET, ROOT, NULL, A, 0, 1},
    {"GET / HTTP/1.0\r\n\r\n", GET, ROOT, NULL, NULL, 0, 0},
    {"OPTIONS /ready HTTP/1.0\r\n\r\n", "OPTIONS", "/ready", NULL, NULL, 0, 0}, /* haproxy's check */
    {"GET / HTTP/1.2\r\n" HOST "\r\n", GET, ROOT, NULL, A, 1, 1},
    {"GET / HTTP/1.9\r\n" HOST "\r\n", GET, ROOT, NULL, A, 1, 1},
    {"get / HTTP/1.1\r\n" HOST "\r\n", "get", ROOT, NULL, A, 1, 1},
    {"M-SEARCH / HTTP/1.1\r\n" HOST "\r\n", "M-SEARCH", ROOT, NULL, A, 1, 1},
    {"!#$%&'*+-.^_`|~09azAZ / HTTP/1.1\r\n" HOST "\r\n", "!#$%&'*+-.^_`|~09azAZ", ROOT, NULL, A, 1, 1},
    {"UPDATEREDIRECTREFUPDATEREDIRECTR / HTTP/1.1\r\n" HOST "\r\n", "UPDATEREDIRECTREFUPDATEREDIRECTR", ROOT, NULL, A,
        1, 1},
    {"CONNECTS / HTTP/1.1\r\n" HOST "\r\n", "CONNECTS", ROOT, NULL, A, 1, 1},
    {"PRI / HTTP/1.1\r\n" HOST "\r\n", "PRI", ROOT, NULL, A, 1, 1},
    {"PROXY / HTTP/1.1\r\n" HOST "\r\n", "PROXY", ROOT, NULL, A, 1, 1},
    {"\r\nGET / HTTP/1.1\r\n" HOST "\r\n", GET, ROOT, NULL, A, 1, 1},
    {"\r\n\r\n\r\n\r\nGET / HTTP/1.1\r\n" HOST "\r\n", GET, ROOT, NULL, A, 1, 1},
    /* targets: origin form */
    {"GET /a/b.c HTTP/1.1\r\n" HOST "\r\n", GET, "/a/b.c", NULL, A, 1, 1},
    {"GET /a?b=c&d=e HTTP/1.1\r\n" HOST "\r\n", GET, "/a", "b=c&d=e", A, 1, 1},
    {"GET /a? HTTP/1.1\r\n" HOST "\r\n", GET, "/a", "", A, 1, 1},
    {"GET /a?? HTTP/1.1\r\n" HOST "\r\n", GET, "/a", "?", A, 1, 1},
    {"GET /a?b/c?d HTTP/1.1\r\n" HOST "\r\n", GET, "/a", "b/c?d", A, 1, 1},
    {"GET /health?% HTTP/1.1\r\n" HOST "\r\n", GET, "/health", "%", A, 1, 1},
    {"GET /% HTTP/1.1\r\n" HOST "\r\n", GET, "/%", NULL, A, 1, 1}, /* path_decode says that it is broken */
    {"GET /metrics;x HTTP/1.1\r\n" HOST "\r\n", GET, "/metrics;x", NULL, A, 1, 1},
    {"GET //metrics HTTP/1.1\r\n" HOST "\r\n", GET, "//metrics", NULL, A, 1, 1},
    {"GET /./metrics HTTP/1.1\r\n" HOST "\r\n", GET, "/./metrics", NULL, A, 1, 1},
    {"GET //b.example/x HTTP/1.1\r\n" HOST "\r\n", GET, "//b.example/x", NULL, A, 1, 1},
    {"GET /http://b.example/x HTTP/1.1\r\n" HOST "\r\n", GET, "/http://b.example/x", NULL, A, 1, 1},
    {"GET /*?[]{}|\\^`'=~ HTTP/1.1\r\n" HOST "\r\n", GET, "/*", "[]{}|\\^`'=~", A, 1, 1},
    {"GET /%2e%2E/%00%zz HTTP/1.1\r\n" HOST "\r\n", GET, "/%2e%2E/%00%zz", NULL, A, 1, 1},
    /* targets: absolute form */
    {"GET http://b.example/x?y HTTP/1.1\r\n" HOST "\r\n", GET, "/x", "y", "b.example", 1, 1},
    {"GET http://b.example:4000/x HTTP/1.1\r\n" HOST "\r\n", GET, "/x", NULL, "b.example:4000", 1, 1},
    {"GET http://b.example HTTP/1.1\r\n" HOST "\r\n", GET, ROOT, NULL, "b.example", 1, 1},
    {"GET http://b.example/ HTTP/1.1\r\n" HOST "\r\n", GET, ROOT, NULL, "b.example", 1, 1},
    {"GET http://b.example?y HTTP/1.1\r\n" HOST "\r\n", GET, ROOT, "y", "b.example", 1, 1},
    {"GET http://b.example?y=/@ HTTP/1.1\r\n" HOST "\r\n", GET, ROOT, "y=/@", "b.example", 1, 1},
    {"GET HTTPS://b.example/x HTTP/1.1\r\n" HOST "\r\n", GET, "/x", NULL, "b.example", 1, 1},
    {"GET ws://b.example/ws HTTP/1.1\r\n" HOST "\r\n", GET, "/ws", NULL, "b.example", 1, 1},
    {"GET wSs://[::1]:4000/ws HTTP/1.1\r\n" HOST "\r\n", GET, "/ws", NULL, "[::1]:4000", 1, 1},
    {"GET http://b.example/x HTTP/1.1\r\nHost:\r\n\r\n", GET, "/x", NULL, "b.example", 1, 1},
    {"GET http://b.example/x HTTP/1.0\r\n\r\n", GET, "/x", NULL, "b.example", 0, 0},
    {"OPTIONS http://b.example HTTP/1.1\r\n" HOST "\r\n", "OPTIONS", ROOT, NULL, "b.example", 1, 1},
    {"OPTIONS * HTTP/1.1\r\n" HOST "\r\n", "OPTIONS", "*", NULL, A, 1, 1},
    /* hosts */
    {"GET / HTTP/1.1\r\nHost: \r\n\r\n", GET, ROOT, NULL, "", 1, 1},
    {"GET / HTTP/1.1\r\nhOST:a.example\r\n\r\n", GET, ROOT, NULL, A, 1, 1},
    {"GET / HTTP/1.1\r\nHost: a.example:\r\n\r\n", GET, ROOT, NULL, "a.example:", 1, 1},
    {"GET / HTTP/1.1\r\nHost: a.example:65535\r\n\r\n", GET, ROOT, NULL, "a.example:65535", 1, 1},
    {"GET / HTTP/1.1\r\nHost: :80\r\n\r\n", GET, ROOT, NULL, ":80", 1, 1},
    {"GET / HTTP/1.1\r\nHost: 127.0.0.1:4000\r\n\r\n", GET, ROOT, NULL, "127.0.0.1:4000", 1, 1},
    {"GET / HTTP/1.1\r\nHost: [2001:db8::1]\r\n\r\n", GET, ROOT, NULL, "[2001:db8::1]", 1, 1},
    {"GET / HTTP/1.1\r\nHost: [::ffff:1.2.3.4]:80\r\n\r\n", GET, ROOT, NULL, "[::ffff:1.2.3.4]:80", 1, 1},
    {"GET / HTTP/1.1\r\nHost: my_service-1.%C3%BC~!$&'()*+,;=\r\n\r\n", GET, ROOT, NULL,
        "my_service-1.%C3%BC~!$&'()*+,;=", 1, 1},
    /* header lines */
    {"GET / HTTP/1.1\r\n" HOST "X:\r\n\r\n", GET, ROOT, NULL, A, 1, 2},
    {"GET / HTTP/1.1\r\n" HOST "X: :\r\n\r\n", GET, ROOT, NULL, A, 1, 2},
    {"GET / HTTP/1.1\r\n" HOST "!#$%&'*+-.^_`|~1: a\r\n\r\n", GET, ROOT, NULL, A, 1, 2},
    {"GET / HTTP/1.1\r\n" HOST "X: a\tb \"c\" \x80\xff\r\n\r\n", GET, ROOT, NULL, A, 1, 2},
    {"GET / HTTP/1.1\r\n" HOST "X-Forwarded-Fo: 1\r\nX-Forwarded-For: 1.2.3.4\r\n\r\n", GET, ROOT, NULL, A, 1, 3},
    {"GET / HTTP/1.1\r\n" HOST "If: x\r\nContent-Length: 2\r\n\r\n", GET, ROOT, NULL, A, 1, 3},
    {"GET / HTTP/1.1\r\n" HOST "X-Forwarded: 1\r\n\r\n", GET, ROOT, NULL, A, 1, 2},
    {"GET / HTTP/1.1\r\nHost-Name: b\r\nHos: c\r\n" HOST "\r\n", GET, ROOT, NULL, A, 1, 3},
    {"GET / HTTP/1.1\r\n" HOST "Cookie: a\r\nCookie: b\r\nX-Host: c\r\nOrigins: d\r\nOrigins: e\r\n\r\n", GET, ROOT,
        NULL, A, 1, 6},
    {"GET /ws HTTP/1.1\r\n" BROWSER "\r\n", GET, "/ws", NULL, "signal.example", 1, 13},
    {"GET /ws?token=abc HTTP/1.1\r\n" BROWSER "X-Forwarded-For: 203.0.113.7\r\nX-Forwarded-Proto: https\r\n\r\n", GET,
        "/ws", "token=abc", "signal.example", 1, 15},
};

static void expect_span(struct span got, const char *expected)
{
    assert_int_equal(got.p == NULL, expected == NULL);
    if (expected && !span_is(got, expected))
        fail_msg("\"%.*s\" is not \"%s\"", (int)got.n, got.p, expected);
}

static void test_good(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof GOOD / sizeof *GOOD; i++) {
        struct request_head h;
        request_read(span_of(GOOD[i].text), &h);
        assert_int_equal(h.n, strlen(GOOD[i].text));
        expect_span(h.method, GOOD[i].method);
        expect_span(h.path, GOOD[i].path);
        expect_span(h.query, GOOD[i].query);
        expect_span(h.host, GOOD[i].host);
        assert_int_equal(h.minor, GOOD[i].minor);
        assert_int_equal(h.headers_count, GOOD[i].headers);
        assert_null(h.problem);
    }
}

/* What comes behind a head is not its own: a body, frames, another request, garbage. */
static void test_what_follows(void **state)
{
    (void)state;
    static const struct span AFTER[] = {{"GET / HTTP/1.1\r\n\r\n", 18}, {"\0\xff", 2}, {"\n", 1}, {"\r", 1}, {"x", 1}};
    for (size_t i = 0; i < sizeof AFTER / sizeof *AFTER; i++) {
        static const char HEAD[] = "POST /api/rooms HTTP/1.1\r\n" HOST "\r\n";
        char text[128];
        struct request_head h;
        memcpy(text, HEAD, sizeof HEAD - 1);
        memcpy(text + sizeof HEAD - 1, AFTER[i].p, AFTER[i].n);
        request_read((struct span){text, sizeof HEAD - 1 + AFTER[i].n}, &h);
        assert_int_equal(h.n, sizeof HEAD - 1);
        assert_true(span_is(h.path, "/api/rooms"));
    }
}

static void test_values(void **state)
{
    (void)state;
    static const struct {
        const char *line, *value;
    } CASES[] = {
        {"X:\r\n", ""},
        {"X: \t \r\n", ""},
        {"X:a\r\n", "a"},
        {"X: a\r\n", "a"},
        {"X:\t a \t\r\n", "a"},
        {"X:  a  b  \r\n", "a  b"},
        {"X: a: b\r\n", "a: b"},
        {"x: a\r\n", "a"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        char text[128];
        struct request_head h;
        struct span value;
        request_read_lines(CASES[i].line, text, sizeof text, &h);
        assert_true(request_head_find(&h, "X", &value));
        expect_span(value, CASES[i].value);
        assert_true(header_is(&h.headers[1], "x") && !header_is(&h.headers[1], "xx") && !header_is(&h.headers[1], ""));
    }
}

/* ---- characters, as the RFCs list them ---- */

static bool is_alphanumeric(int c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_one_of(int c, const char *list)
{
    return is_alphanumeric(c) || (c != 0 && strchr(list, c));
}

/* Whether a head with c in place of the `@` is taken. */
static bool taken(const char *text, int c)
{
    char copy[128];
    struct request_head h;
    size_t n = strlen(text);
    memcpy(copy, text, n);
    *(char *)memchr(copy, '@', n) = (char)c;
    return request_head_read((struct span){copy, n}, 0, &h) == HEAD_WHOLE;
}

static void test_characters(void **state)
{
    (void)state;
    static const char TOKEN[] = "!#$%&'*+-.^_`|~";
    for (int c = 0; c < 256; c++) {
        bool visible = c > 32 && c < 127;
        assert_int_equal(taken("G@T / HTTP/1.1\r\nHost: a\r\n\r\n", c), is_one_of(c, TOKEN));
        assert_int_equal(taken("GET / HTTP/1.1\r\nHost: a\r\nX@Y: b\r\n\r\n", c), is_one_of(c, TOKEN) || c == ':');
        assert_int_equal(
            taken("GET / HTTP/1.1\r\nHost: a\r\nX: b@c\r\n\r\n", c), visible || c == 9 || c == 32 || c > 127);
        assert_int_equal(taken("GET /a@b HTTP/1.1\r\nHost: a\r\n\r\n", c), visible && !strchr("\"#<>", c));
        assert_int_equal(taken("GET / HTTP/1.1\r\nHost: a@b\r\n\r\n", c), is_one_of(c, "-._~!$&'()*+,;="));
        assert_int_equal(taken("GET / HTTP/1.1@\nHost: a\r\n\r\n", c), c == 13);
        assert_int_equal(taken("GET / HTTP/1.1\r@Host: a\r\n\r\n", c), c == 10);
        assert_int_equal(taken("GET / HTTP/1.@\r\nHost: a\r\n\r\n", c), c >= '0' && c <= '9');
    }
}

/* ---- sizes ---- */

/* `before`, `fill` bytes of c, `after`, into a buffer that is freed by the caller. */
static struct span filled(const char *before, char c, size_t fill, const char *after)
{
    size_t front = strlen(before), back = strlen(after);
    char *text = malloc(front + fill + back);
    assert_non_null(text);
    memcpy(text, before, front);
    memset(text + front, c, fill);
    memcpy(text + front + fill, after, back);
    return (struct span){text, front + fill + back};
}

static const struct {
    const char *before, *after;
    unsigned status; /* of what is too long */
} LONG[] = {
    {"GET /", " HTTP/1.1\r\nHost: a\r\n\r\n", 414},
    {"GET /?", " HTTP/1.0\r\n\r\n", 414},
    {"GET / HTTP/1.1\r\nHost: a\r\nX: ", "\r\n\r\n", 431},
    {"GET / HTTP/1.1\r\nHost: a\r\nX", ":\r\n\r\n", 431},
    {"GET / HTTP/1.1\r\nHost: ", "\r\n\r\n", 431},
};

static void test_length(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof LONG / sizeof *LONG; i++) {
        struct request_head h;
        size_t room = REQUEST_HEAD_MAX - strlen(LONG[i].before) - strlen(LONG[i].after);
        struct span fits = filled(LONG[i].before, 'a', room, LONG[i].after);
        assert_int_equal(request_head_read(fits, 0, &h), HEAD_WHOLE);
        assert_int_equal(h.n, REQUEST_HEAD_MAX);
        free((void *)fits.p);
        struct span longer = filled(LONG[i].before, 'a', REQUEST_HEAD_MAX, LONG[i].after);
        assert_int_equal(request_head_read((struct span){longer.p, REQUEST_HEAD_MAX - 1}, 0, &h), HEAD_MORE);
        for (size_t n = REQUEST_HEAD_MAX; n <= longer.n; n++) {
            assert_int_equal(request_head_read((struct span){longer.p, n}, REQUEST_HEAD_MAX - 1, &h), HEAD_BAD);
            assert_int_equal(h.status, LONG[i].status);
            assert_non_null(strstr(h.problem, "16384"));
        }
        free((void *)longer.p);
    }
}

static void test_count(void **state)
{
    (void)state;
    struct buf text;
    struct request_head h;
    buf_init(&text, REQUEST_HEAD_MAX);
    buf_text(&text, "GET / HTTP/1.1\r\nHost: a\r\n");
    for (unsigned n = 1; n < REQUEST_HEADERS_MAX; n++)
        buf_text(&text, "X: y\r\n");
    assert_int_equal(request_head_read(buf_view(&text), 0, &h), HEAD_MORE);
    size_t full = text.len;
    buf_text(&text, "\r\n");
    assert_int_equal(request_head_read(buf_view(&text), full, &h), HEAD_WHOLE);
    assert_int_equal(h.headers_count, REQUEST_HEADERS_MAX);
    text.p[full] = 'X'; /* the first byte of one more */
    assert_int_equal(request_head_read((struct span){text.p, full + 1}, full, &h), HEAD_BAD);
    assert_int_equal(h.status, 431);
    buf_done(&text);
}

/* ---- cost ---- */

/* Processor time of a head that comes byte by byte. */
static clock_t cost(struct span head, bool hinted)
{
    struct request_head h;
    clock_t from = clock();
    for (size_t n = 1; n <= head.n; n++) {
        enum head_progress done = request_head_read((struct span){head.p, n}, hinted ? n - 1 : 0, &h);
        assert_int_equal(done, n < head.n ? HEAD_MORE : HEAD_WHOLE);
    }
    return clock() - from;
}

/* A head that comes byte by byte is not read anew with each byte: that would cost more than twenty times as much. */
static void test_cost(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof LONG / sizeof *LONG; i++) {
        size_t room = REQUEST_HEAD_MAX - strlen(LONG[i].before) - strlen(LONG[i].after);
        struct span head = filled(LONG[i].before, 'a', room, LONG[i].after);
        clock_t quick = cost(head, true), slow = cost(head, false);
        if (quick > slow / 4)
            fail_msg("row %zu: %ld of %ld", i, (long)quick, (long)slow);
        free((void *)head.p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_what_follows),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_characters),
        cmocka_unit_test(test_length),
        cmocka_unit_test(test_count),
        cmocka_unit_test(test_cost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
