/* SPDX-License-Identifier: MIT
 *
 * Heads that are refused. Each row is a beginning that is sound, and what makes it bad with its first byte, or would if
 * it were not bad with it already: the verdict must come with that byte, no earlier, and no later byte may change it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "server/io/request_inner.h"
#include "tests/unit/server_io/request.h"

#define L "GET / HTTP/1.1\r\n"
#define H "GET / HTTP/1.1\r\nHost: a\r\n"
#define T(text)                  \
    {                            \
        (text), sizeof(text) - 1 \
    }

struct row {
    struct span sound, bad;
    enum problem problem;
};

static const struct row ROWS[] = {
    /* no HTTP at all */
    {T(""), T("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"), PROBLEM_TLS},
    {T("\r\n"), T("\x16\x03\x01"), PROBLEM_TLS},
    {T("\r\n\r\n"), T("\0\r\nQUIT\n\x21\x11\x00\x0c"), PROBLEM_PROXY},
    {T("PROXY TCP4 "), T("192.0.2.7 198.51.100.1 12345 443\r\n"), PROBLEM_PROXY},
    {T("PROXY UNKNOWN"), T("\r\nGET / HTTP/1.1\r\n"), PROBLEM_PROXY},
    {T(""), T("\0\0\0\0"), PROBLEM_BINARY},
    {T("\r\n"), T("\0\r\nQUIT"), PROBLEM_BINARY},
    {T("\r\n\r\n\r\n"), T("\0\r\nQUIT"), PROBLEM_BINARY},
    {T(""), T("\x81\x85\x37\xfa\x21\x3d"), PROBLEM_BINARY}, /* a WebSocket's frame */
    {T(""), T("\x80\x2e\x01\x00\x02"), PROBLEM_BINARY},     /* SSL 2 */
    {T(""),
        T("\x7f"
          "ELF"),
        PROBLEM_BINARY},
    {T("G"), T("\x16\x03\x01"), PROBLEM_BINARY},
    {T("SSH-2.0-OpenSSH_9.2"), T("\r\n"), PROBLEM_LINE},
    {T("*1"), T("\r\n$4\r\nPING\r\n"), PROBLEM_LINE},
    {T("EHLO mail.example"), T("\r\n"), PROBLEM_NO_VERSION},
    {T(""), T("{\"type\":\"join-room\"}"), PROBLEM_METHOD},
    /* empty lines before it */
    {T(""), T("\nGET / HTTP/1.1\r\n"), PROBLEM_BARE_LF},
    {T("\r"), T("\rGET"), PROBLEM_BARE_CR},
    {T("\r\n\r"), T("G"), PROBLEM_BARE_CR},
    {T("\r\n"), T("\n"), PROBLEM_BARE_LF},
    {T("\r\n\r\n\r\n\r\n"), T("\r\nGET / HTTP/1.1\r\n"), PROBLEM_EMPTY_LINES},
    {T("\r\n\r\n\r\n\r\n"), T("\nGET"), PROBLEM_EMPTY_LINES},
    {T(""), T(" GET / HTTP/1.1\r\n"), PROBLEM_LINE},
    {T("\r\n"), T("\tGET"), PROBLEM_LINE},
    /* the method */
    {T("GET"), T("\r\n\r\n"), PROBLEM_LINE},
    {T("GET"), T("\n"), PROBLEM_LINE},
    {T("GET"), T("\t/ HTTP/1.1\r\n"), PROBLEM_LINE},
    {T("GE"), T("\0T / HTTP/1.1\r\n"), PROBLEM_BINARY},
    {T("G"), T("(T / HTTP/1.1\r\n"), PROBLEM_METHOD},
    {T("G"), T("\xc3\x84 / HTTP/1.1\r\n"), PROBLEM_BINARY},
    {T("GET"), T(":/ HTTP/1.1\r\n"), PROBLEM_METHOD},
    {T(""), T("/ HTTP/1.1\r\n"), PROBLEM_METHOD},
    {T("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"), T("A / HTTP/1.1\r\n"), PROBLEM_METHOD_LONG},
    /* the target */
    {T("GET "), T(" / HTTP/1.1\r\n"), PROBLEM_LINE},
    {T("GET "), T("\t/ HTTP/1.1\r\n"), PROBLEM_TARGET_BYTE},
    {T("GET "), T("\r\n"), PROBLEM_NO_VERSION},
    {T("GET /a"), T("\tb HTTP/1.1\r\n"), PROBLEM_TARGET_BYTE},
    {T("GET /a"), T("\0 HTTP/1.1\r\n"), PROBLEM_TARGET_BYTE},
    {T("GET /a"), T("\x7f HTTP/1.1\r\n"), PROBLEM_TARGET_BYTE},
    {T("GET /caf"), T("\xc3\xa9 HTTP/1.1\r\n"), PROBLEM_TARGET_BYTE},
    {T("GET /a"), T("#b HTTP/1.1\r\n"), PROBLEM_TARGET_BYTE},
    {T("GET /a"), T("<script> HTTP/1.1\r\n"), PROBLEM_TARGET_BYTE},
    {T("GET /a"), T("> HTTP/1.1\r\n"), PROBLEM_TARGET_BYTE},
    {T("GET /a?"), T("\"b\" HTTP/1.1\r\n"), PROBLEM_TARGET_BYTE},
    {T("GET / HTTP/1.1\r"), T("\r\n"), PROBLEM_BARE_CR},
    {T("GET a HTTP/1.1\r"), T("\n"), PROBLEM_TARGET_FORM},
    {T("GET a.example:80 HTTP/1.1\r"), T("\n"), PROBLEM_TARGET_FORM},
    {T("GET ?a HTTP/1.1\r"), T("\n"), PROBLEM_TARGET_FORM},
    {T("GET http:/a HTTP/1.1\r"), T("\n"), PROBLEM_TARGET_FORM},
    {T("GET mailto:a@b.example HTTP/1.1\r"), T("\n"), PROBLEM_TARGET_FORM},
    {T("GET ftp://b.example/ HTTP/1.1\r"), T("\n"), PROBLEM_SCHEME},
    {T("GET ://b.example/ HTTP/1.1\r"), T("\n"), PROBLEM_SCHEME},
    {T("GET httpss://b.example/ HTTP/1.1\r"), T("\n"), PROBLEM_SCHEME},
    {T("GET a?http://b.example/ HTTP/1.1\r"), T("\n"), PROBLEM_SCHEME},
    {T("GET http://u@b.example/ HTTP/1.1\r"), T("\n"), PROBLEM_USERINFO},
    {T("GET http://u:p@b.example/ HTTP/1.1\r"), T("\n"), PROBLEM_USERINFO},
    {T("GET http://@/ HTTP/1.1\r"), T("\n"), PROBLEM_USERINFO},
    {T("GET http:// HTTP/1.1\r"), T("\n"), PROBLEM_AUTHORITY},
    {T("GET http:///a HTTP/1.1\r"), T("\n"), PROBLEM_AUTHORITY},
    {T("GET http://?a HTTP/1.1\r"), T("\n"), PROBLEM_AUTHORITY},
    {T("GET http://:80/ HTTP/1.1\r"), T("\n"), PROBLEM_AUTHORITY},
    {T("GET http://b.example:x/ HTTP/1.1\r"), T("\n"), PROBLEM_AUTHORITY},
    {T("GET http://b\\c/ HTTP/1.1\r"), T("\n"), PROBLEM_AUTHORITY},
    {T("GET * HTTP/1.1\r"), T("\n"), PROBLEM_ASTERISK},
    {T("options * HTTP/1.1\r"), T("\n"), PROBLEM_ASTERISK},
    {T("OPTIONS ** HTTP/1.1\r"), T("\n"), PROBLEM_TARGET_FORM},
    {T("CONNECT b.example:443 HTTP/1.1\r"), T("\n"), PROBLEM_CONNECT},
    {T("CONNECT / HTTP/1.1\r"), T("\n"), PROBLEM_CONNECT},
    /* the version */
    {T("GET /"), T("\r\n"), PROBLEM_NO_VERSION},
    {T("GET /"), T("\n"), PROBLEM_NO_VERSION},
    {T("GET / "), T("\r\n"), PROBLEM_LINE},
    {T("GET / "), T(" HTTP/1.1\r\n"), PROBLEM_LINE},
    {T("GET /a "), T("b HTTP/1.1\r\n"), PROBLEM_VERSION_CASE},
    {T("GET /a "), T("B HTTP/1.1\r\n"), PROBLEM_LINE},
    {T("GET / "), T("http/1.1\r\n"), PROBLEM_VERSION_CASE},
    {T("GET / HTT"), T("p/1.1\r\n"), PROBLEM_VERSION_CASE},
    {T("GET / HTTP"), T("S/1.1\r\n"), PROBLEM_LINE},
    {T("GET / HTTP/"), T("0.9\r\n"), PROBLEM_VERSION},
    {T("GET / HTTP/"), T("2\r\n"), PROBLEM_VERSION},
    {T("PRI * HTTP/"), T("2.0\r\n\r\nSM\r\n\r\n"), PROBLEM_VERSION},
    {T("GET / HTTP/"), T("x.1\r\n"), PROBLEM_LINE},
    {T("GET / HTTP/1"), T("1.1\r\n"), PROBLEM_LINE},
    {T("GET / HTTP/1"), T("\r\n"), PROBLEM_LINE},
    {T("GET / HTTP/1."), T("x\r\n"), PROBLEM_LINE},
    {T("GET / HTTP/1."), T("\r\n"), PROBLEM_LINE},
    {T("GET / HTTP/1.1"), T("0\r\n"), PROBLEM_LINE},
    {T("GET / HTTP/1.1"), T(" \r\n"), PROBLEM_LINE},
    {T("GET / HTTP/1.1"), T("\nHost: a\n\n"), PROBLEM_BARE_LF},
    /* line ends and folding */
    {T(L "Host: a"), T("\n\r\n"), PROBLEM_BARE_LF},
    {T(H), T("\n"), PROBLEM_BARE_LF},
    {T(H "X: a\r"), T("Y: b\r\n\r\n"), PROBLEM_BARE_CR},
    {T(H "X: a\r"), T("\r\n"), PROBLEM_BARE_CR},
    {T(H "\r"), T("X: a\r\n"), PROBLEM_BARE_CR},
    {T(L), T(" Host: a\r\n"), PROBLEM_FOLDED},
    {T(H), T("\tb\r\n\r\n"), PROBLEM_FOLDED},
    {T(H "X: a\r\n"), T(" b\r\n\r\n"), PROBLEM_FOLDED},
    {T(H "X:\r\n"), T(" \r\n\r\n"), PROBLEM_FOLDED},
    /* names */
    {T(H), T(": a\r\n"), PROBLEM_NAME_ABSENT},
    {T(H "X"), T(" : a\r\n"), PROBLEM_NAME_BLANK},
    {T(L "Host"), T("\t: a\r\n"), PROBLEM_NAME_BLANK},
    {T(H "Transfer-Encoding"), T(" : chunked\r\n"), PROBLEM_NAME_BLANK},
    {T(H "X"), T("\r\n"), PROBLEM_NAME_ALONE},
    {T(H "X"), T("\n"), PROBLEM_NAME_ALONE},
    {T(H "X"), T("\0: a\r\n"), PROBLEM_NAME_BYTE},
    {T(H "X"), T("(: a\r\n"), PROBLEM_NAME_BYTE},
    {T(H), T("\"X\": a\r\n"), PROBLEM_NAME_BYTE},
    {T(H), T("\xef\xbb\xbfX: a\r\n"), PROBLEM_NAME_BYTE},
    {T(H "X"), T("/Y: a\r\n"), PROBLEM_NAME_BYTE},
    /* values */
    {T(H "X: a"), T("\0\r\n"), PROBLEM_VALUE_BYTE},
    {T(H "X: a"),
        T("\x0b"
          "chunked\r\n"),
        PROBLEM_VALUE_BYTE},
    {T(H "X: a"), T("\x7f\r\n"), PROBLEM_VALUE_BYTE},
    {T(H "X:"), T("\x1b[2J\r\n"), PROBLEM_VALUE_BYTE},
    /* Host */
    {T(L "\r"), T("\n"), PROBLEM_HOST_ABSENT},
    {T(L "X: a\r\n\r"), T("\n"), PROBLEM_HOST_ABSENT},
    {T("GET http://b.example/ HTTP/1.1\r\n\r"), T("\n"), PROBLEM_HOST_ABSENT},
    {T("GET / HTTP/1.9\r\n\r"), T("\n"), PROBLEM_HOST_ABSENT},
    {T(H "Host: a\r"), T("\n"), PROBLEM_HOST_TWICE},
    {T(H "X: b\r\nhOST:\r"), T("\n"), PROBLEM_HOST_TWICE},
    {T("GET / HTTP/1.0\r\nHost: a\r\nHost: b\r"), T("\n"), PROBLEM_HOST_TWICE},
    {T("GET http://b.example/ HTTP/1.1\r\nHost: a\r\nHost: b\r"), T("\n"), PROBLEM_HOST_TWICE},
    {T(L "Host: a b\r"), T("\n"), PROBLEM_HOST_BAD},
    {T(L "Host: a/b\r"), T("\n"), PROBLEM_HOST_BAD},
    {T(L "Host: http://a\r"), T("\n"), PROBLEM_HOST_BAD},
    {T(L "Host: u@a\r"), T("\n"), PROBLEM_HOST_BAD},
    {T(L "Host: a?b\r"), T("\n"), PROBLEM_HOST_BAD},
    {T(L "Host: a:b\r"), T("\n"), PROBLEM_HOST_BAD},
    {T(L "Host: a:80:90\r"), T("\n"), PROBLEM_HOST_BAD},
    {T(L "Host: a:65536\r"), T("\n"), PROBLEM_HOST_BAD},
    {T(L "Host: a:000080\r"), T("\n"), PROBLEM_HOST_BAD},
    {T(L "Host: a:-1\r"), T("\n"), PROBLEM_HOST_BAD},
    {T(L "Host: ::1\r"), T("\n"), PROBLEM_HOST_BAD},
    {T(L "Host: [::1\r"), T("\n"), PROBLEM_HOST_BAD},
    {T(L "Host: []\r"), T("\n"), PROBLEM_HOST_BAD},
    {T(L "Host: [\r"), T("\n"), PROBLEM_HOST_BAD},
    {T(L "Host: ::1]\r"), T("\n"), PROBLEM_HOST_BAD},
    {T(L "Host: [::1]80\r"), T("\n"), PROBLEM_HOST_BAD},
    {T(L "Host: [::1%25eth0]\r"), T("\n"), PROBLEM_HOST_BAD},
    {T(L "Host: [127.0.0.1]\r"), T("\n"), PROBLEM_HOST_BAD},
    {T(L "Host: [v1.a]\r"), T("\n"), PROBLEM_HOST_BAD},
    {T(L "Host: [1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb]\r"), T("\n"), PROBLEM_HOST_BAD},
    {T(L "Host: a%4\r"), T("\n"), PROBLEM_HOST_BAD},
    {T(L "Host: a%\r"), T("\n"), PROBLEM_HOST_BAD},
    {T(L "Host: %zz\r"), T("\n"), PROBLEM_HOST_BAD},
    {T(L "Host: \xc3\xa4.example\r"), T("\n"), PROBLEM_HOST_BAD},
    {T("GET / HTTP/1.0\r\nHost: a b\r"), T("\n"), PROBLEM_HOST_BAD},
    {T("GET http://b.example/ HTTP/1.1\r\nHost: a b\r"), T("\n"), PROBLEM_HOST_BAD},
    /* others that come once */
    {T(H "Content-Length: 5\r\nContent-Length: 5\r"), T("\n"), PROBLEM_CONTENT_LENGTH_TWICE},
    {T(H "Content-Length: 5\r\ncontent-length: 6\r"), T("\n"), PROBLEM_CONTENT_LENGTH_TWICE},
    {T(H "Authorization: a\r\nAuthorization: b\r"), T("\n"), PROBLEM_AUTHORIZATION_TWICE},
    {T(H "Origin: a\r\nX: y\r\nORIGIN: a\r"), T("\n"), PROBLEM_ORIGIN_TWICE},
    {T(H "Sec-WebSocket-Key: a\r\nSec-Websocket-Key: b\r"), T("\n"), PROBLEM_WS_KEY_TWICE},
    {T(H "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Version: 8\r"), T("\n"), PROBLEM_WS_VERSION_TWICE},
};

/* Of a body: heads that are whole. */
static const struct row BODIES[] = {
    {T("Content-Length:\r\n"), T(""), PROBLEM_LENGTH_BAD},
    {T("Content-Length: 5, 5\r\n"), T(""), PROBLEM_LENGTH_BAD},
    {T("Content-Length: 5,6\r\n"), T(""), PROBLEM_LENGTH_BAD},
    {T("Content-Length: 5 5\r\n"), T(""), PROBLEM_LENGTH_BAD},
    {T("Content-Length: +5\r\n"), T(""), PROBLEM_LENGTH_BAD},
    {T("Content-Length: -5\r\n"), T(""), PROBLEM_LENGTH_BAD},
    {T("Content-Length: 0x5\r\n"), T(""), PROBLEM_LENGTH_BAD},
    {T("Content-Length: 5.0\r\n"), T(""), PROBLEM_LENGTH_BAD},
    {T("Content-Length: five\r\n"), T(""), PROBLEM_LENGTH_BAD},
    {T("Content-Length: 99999999999999999999x\r\n"), T(""), PROBLEM_LENGTH_BAD},
    {T("Content-Length: 18446744073709551616\r\n"), T(""), PROBLEM_LENGTH_HUGE},
    {T("Content-Length: 36893488147419103232\r\n"), T(""), PROBLEM_LENGTH_HUGE},
    {T("Content-Length: 99999999999999999999999999\r\n"), T(""), PROBLEM_LENGTH_HUGE},
    {T("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"), T(""), PROBLEM_LENGTH_CODED},
    {T("Transfer-Encoding: identity\r\nContent-Length: 0\r\n"), T(""), PROBLEM_LENGTH_CODED},
    {T("Transfer-Encoding:\r\n"), T(""), PROBLEM_CODING_BAD},
    {T("Transfer-Encoding: identity\r\n"), T(""), PROBLEM_CODING_BAD},
    {T("Transfer-Encoding: chunked, gzip\r\n"), T(""), PROBLEM_CODING_BAD},
    {T("Transfer-Encoding: chunked, chunked\r\n"), T(""), PROBLEM_CODING_BAD},
    {T("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), T(""), PROBLEM_CODING_BAD},
    {T("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n"), T(""), PROBLEM_CODING_BAD},
    {T("Transfer-Encoding: , chunked\r\n"), T(""), PROBLEM_CODING_BAD},
    {T("Transfer-Encoding: chunked,\r\n"), T(""), PROBLEM_CODING_BAD},
    {T("Transfer-Encoding: chunked;a=b\r\n"), T(""), PROBLEM_CODING_BAD},
    {T("Transfer-Encoding: xchunked\r\n"), T(""), PROBLEM_CODING_BAD},
    {T("Transfer-Encoding: \"chunked\"\r\n"), T(""), PROBLEM_CODING_BAD},
    {T("Transfer-Encoding: a;b=\", chunked\r\n"), T(""), PROBLEM_CODING_BAD},
    {T("Transfer-Encoding: gzip, chunked\r\n"), T(""), PROBLEM_CODING_UNKNOWN},
    {T("Transfer-Encoding: gzip\r\nX: y\r\nTransfer-Encoding: CHUNKED\r\n"), T(""), PROBLEM_CODING_UNKNOWN},
};

static const struct {
    unsigned status;
    const char *code, *text;
} PROBLEMS[] = {
#define X(name, status, code, text) [PROBLEM_##name] = {status, code, text},
    PROBLEM_TABLE(X)
#undef X
#define X(name, text) [PROBLEM_##name##_TWICE] = {400, "bad-request", "the header " text " came more than once"},
        ONCE_TABLE(X)
#undef X
};
enum {
    PROBLEMS_COUNT = sizeof PROBLEMS / sizeof *PROBLEMS
};

static void expect_problem(const struct request_head *h, enum problem problem, struct span text)
{
    if (strcmp(h->problem, PROBLEMS[problem].text) != 0)
        fail_msg("%.*s: \"%s\", not \"%s\"", (int)text.n, text.p, h->problem, PROBLEMS[problem].text);
    assert_string_equal(h->code, PROBLEMS[problem].code);
    assert_int_equal(h->status, PROBLEMS[problem].status);
}

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
        const struct row *row = &ROWS[i];
        char text[256];
        struct request_head h;
        size_t sound = row->sound.n, all = sound + row->bad.n + 4;
        assert_true(all <= sizeof text);
        memcpy(text, row->sound.p, sound);
        memcpy(text + sound, row->bad.p, row->bad.n);
        memcpy(text + all - 4, "\r\n\r\n", 4);
        for (size_t n = 0; n <= sound; n++)
            if (request_head_read((struct span){text, n}, 0, &h) != HEAD_MORE)
                fail_msg("row %zu is not to be judged after %zu bytes", i, n);
        for (size_t n = sound + 1; n <= all; n++)
            for (size_t first = 0; first < n; first++) {
                assert_int_equal(request_read_in_two((struct span){text, n}, first, &h), HEAD_BAD);
                expect_problem(&h, row->problem, (struct span){text, n});
            }
    }
}

static void test_bodies(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof BODIES / sizeof *BODIES; i++) {
        char text[256];
        uint64_t length = 0;
        struct request_head h;
        request_read_lines(BODIES[i].sound.p, text, sizeof text, &h);
        assert_int_equal(request_head_body(&h, &length), BODY_BAD);
        expect_problem(&h, BODIES[i].problem, BODIES[i].sound);
    }
    /* RFC 9112 section 6.1: not in HTTP/1.0, whatever it says. */
    static const char OLD[] = "POST / HTTP/1.0\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n";
    struct request_head h;
    uint64_t length;
    request_read(span_of(OLD), &h);
    assert_int_equal(request_head_body(&h, &length), BODY_BAD);
    expect_problem(&h, PROBLEM_CODING_OLD, span_of(OLD));
}

/* A problem that no row has, or two that read alike, would be a rule that nobody proved. Sizes are in
 * test_request_head.c, Transfer-Encoding of HTTP/1.0 above. */
static void test_each_problem(void **state)
{
    (void)state;
    bool had[PROBLEMS_COUNT] = {[PROBLEM_TARGET_LONG] = true,
        [PROBLEM_HEAD_LONG] = true,
        [PROBLEM_HEADERS_MANY] = true,
        [PROBLEM_CODING_OLD] = true};
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++)
        had[ROWS[i].problem] = true;
    for (size_t i = 0; i < sizeof BODIES / sizeof *BODIES; i++)
        had[BODIES[i].problem] = true;
    for (size_t i = 0; i < PROBLEMS_COUNT; i++) {
        if (!had[i])
            fail_msg("no row has \"%s\"", PROBLEMS[i].text);
        assert_true(strlen(PROBLEMS[i].text) <= 100);
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(PROBLEMS[i].text, PROBLEMS[j].text);
    }
}

/* What was read before the problem: an answer to HEAD has no body. */
static void test_method_is_known(void **state)
{
    (void)state;
    struct request_head h;
    static const char TEXT[] = "HEAD / HTTP/1.1\r\nHost: a b\r\n";
    assert_int_equal(request_head_read(span_of(TEXT), 0, &h), HEAD_BAD);
    assert_true(span_is(h.method, "HEAD"));
    assert_int_equal(request_head_read(SPAN("HEA("), 0, &h), HEAD_BAD);
    assert_null(h.method.p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_bodies),
        cmocka_unit_test(test_each_problem),
        cmocka_unit_test(test_method_is_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
