/* SPDX-License-Identifier: MIT
 *
 * What header lines say: values, lists, and the length of the body. Framing that is refused: test_request_bad.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/server_io/request.h"

enum {
    TEXT_MAX = 1024
};

static void test_find(void **state)
{
    (void)state;
    char text[TEXT_MAX];
    struct request_head h;
    struct span value = {NULL, 0};
    request_read_lines("Range: bytes=0-1\r\nX: a\r\nX: b\r\nX-Forwarded-Fo: c\r\nEmpty:\r\n", text, sizeof text, &h);
    assert_true(request_head_find(&h, "rANGE", &value) && span_is(value, "bytes=0-1"));
    assert_true(request_head_find(&h, "Empty", &value) && value.n == 0);
    value = SPAN("kept");
    assert_false(request_head_find(&h, "X", &value)); /* twice: no one value is meant */
    assert_false(request_head_find(&h, "X-Forwarded-For", &value));
    assert_false(request_head_find(&h, "X-Forwarded", &value));
    assert_false(request_head_find(&h, "", &value));
    assert_true(span_is(value, "kept"));
}

static void test_case_is_of_letters(void **state)
{
    (void)state;
    char text[TEXT_MAX];
    struct request_head h;
    struct span value;
    request_read_lines("A^: 1\r\nA`: 2\r\nA_: 3\r\n", text, sizeof text, &h);
    assert_true(request_head_find(&h, "a^", &value) && span_is(value, "1"));
    assert_true(request_head_find(&h, "a`", &value) && span_is(value, "2"));
    assert_false(request_head_find(&h, "a~", &value)); /* ^ but for the bit that makes letters small */
    assert_false(request_head_find(&h, "a\x7f", &value));
}

static void test_join(void **state)
{
    (void)state;
    char text[TEXT_MAX];
    struct request_head h;
    struct buf out;
    buf_init(&out, 16);
    request_read_lines(
        "A: 1\r\nB:\r\na:\r\nA:  2, 3 \r\nC: 0123456789abcdef\r\nD: 0123456789abcdefg\r\n", text, sizeof text, &h);
    assert_true(request_head_join(&h, "A", &out) && span_is(buf_view(&out), "1, , 2, 3"));
    assert_true(request_head_join(&h, "B", &out) && out.len == 0);
    assert_true(request_head_join(&h, "C", &out) && out.len == 16);
    assert_false(request_head_join(&h, "D", &out));
    assert_false(request_head_join(&h, "E", &out));
    assert_false(out.failed);
    buf_done(&out);
}

static void test_lists(void **state)
{
    (void)state;
    static const struct {
        const char *lines, *word;
        bool fold, has;
    } CASES[] = {
        {"L: upgrade\r\n", "upgrade", true, true}, {"L: Upgrade\r\n", "upgrade", true, true},
        {"L: UPGRADE\r\n", "uPgRaDe", true, true}, {"L: Upgrade\r\n", "upgrade", false, false},
        {"l: keep-alive, Upgrade\r\n", "upgrade", true, true}, {"L: Upgrade , keep-alive\r\n", "upgrade", true, true},
        {"L: a,b,c\r\n", "b", false, true}, {"L:\ta\t,\tb\t,\tc\t\r\n", "b", false, true},
        {"L: ,, a ,,\r\n", "a", false, true}, {"L: a\r\nM: x\r\nL: b\r\n", "b", false, true},
        {"L:\r\nL: b\r\n", "b", false, true}, {"L: a\r\nM: x\r\nL: b\r\n", "x", false, false},
        {"L: a\r\n", "b", false, false}, {"M: a\r\n", "a", false, false}, {"L: upgraded\r\n", "upgrade", true, false},
        {"L: upgrad\r\n", "upgrade", true, false},
        {"L: keep-alive Upgrade\r\n", "upgrade", true, false}, /* one element, which has a space */
        {"L: upgrade;q=1\r\n", "upgrade", true, false}, {"L: websocket/13\r\n", "websocket", true, false},
        {"L: \"a\\\", b, c\"\r\n", "b", false, false}, {"L: \"a\\\\\", b, c\r\n", "b", false, true},
        {"L: \"a\", b\r\n", "b", false, true}, {"L: \"a, b\r\n", "b", false, false},
        {"L: \"a\\\r\n", "a", false, false},
        {"L: \"a\r\nL: b\r\n", "b", false, true}, /* what a line leaves open ends with it */
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        char text[TEXT_MAX];
        struct request_head h;
        request_read_lines(CASES[i].lines, text, sizeof text, &h);
        if (request_head_list_has(&h, "L", CASES[i].word, CASES[i].fold) != CASES[i].has)
            fail_msg("%sis said to %shave \"%s\"", CASES[i].lines, CASES[i].has ? "not " : "", CASES[i].word);
    }
}

/* A list may be as long as a head: `usher.v1` behind a token of kilobytes, or the last of thousands. */
static void test_long_lists(void **state)
{
    (void)state;
    struct buf text;
    struct request_head h;
    buf_init(&text, REQUEST_HEAD_MAX);
    buf_text(&text, "GET /ws HTTP/1.1\r\nHost: a\r\nSec-WebSocket-Protocol: ");
    for (unsigned i = 0; i < 3000; i++)
        buf_text(&text, "a, ");
    for (unsigned i = 0; i < 6000; i++)
        buf_byte(&text, 'b');
    buf_text(&text, ", usher.v1\r\n\r\n");
    assert_int_equal(request_head_read(buf_view(&text), 0, &h), HEAD_WHOLE);
    assert_true(request_head_list_has(&h, "Sec-WebSocket-Protocol", "usher.v1", false));
    assert_false(request_head_list_has(&h, "Sec-WebSocket-Protocol", "usher.v2", false));
    buf_done(&text);
}

static void test_bodies(void **state)
{
    (void)state;
    static const struct {
        const char *lines;
        enum body_framing framing;
        uint64_t length;
    } CASES[] = {
        {"", BODY_NONE, 0},
        {"Content-Lengt: 5\r\nTransfer-Encodin: chunked\r\n", BODY_NONE, 0},
        {"Content-Length: 0\r\n", BODY_LENGTH, 0},
        {"Content-Length: 5\r\n", BODY_LENGTH, 5},
        {"content-length:5\t \r\n", BODY_LENGTH, 5},
        {"Content-Length: 0000000000000000000000000000005\r\n", BODY_LENGTH, 5},
        {"Content-Length: 18446744073709551615\r\n", BODY_LENGTH, UINT64_MAX},
        {"Transfer-Encoding: chunked\r\n", BODY_CHUNKED, 0},
        {"transfer-encoding:\tCHUNKED \r\n", BODY_CHUNKED, 0},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        char text[TEXT_MAX];
        uint64_t length = 0;
        struct request_head h;
        request_read_lines(CASES[i].lines, text, sizeof text, &h);
        assert_int_equal(request_head_body(&h, &length), CASES[i].framing);
        assert_int_equal(length, CASES[i].length);
        assert_int_equal(h.status, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_find),
        cmocka_unit_test(test_case_is_of_letters),
        cmocka_unit_test(test_join),
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_long_lists),
        cmocka_unit_test(test_bodies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
