/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "server/io/query.h"

#define T(text)                  \
    {                            \
        (text), sizeof(text) - 1 \
    }

static void test_paths(void **state)
{
    (void)state;
    static const struct {
        struct span raw;
        const char *path; /* NULL: refused */
    } CASES[] = {
        {T("/"), "/"},
        {T("/room/abc"), "/room/abc"},
        {T("/%72oom"), "/room"},
        {T("/a%20b+c"), "/a b+c"},
        {T("/%C3%bc"), "/\xc3\xbc"},
        {T("/a%2Fb"), "/a%2Fb"},
        {T("/a%2fb%2F"), "/a%2fb%2F"},
        {T("/%252F"), "/%2F"},
        {T("/%25"), "/%"},
        {T("/%2e%2E/%5c"), "/../\\"},
        {T("/%01%ff"), "/\x01\xff"},
        {T("/?%3f"), "/??"},
        {T(""), ""},
        {T("/%"), NULL},
        {T("/%2"), NULL},
        {T("/%g0"), NULL},
        {T("/%0g"), NULL},
        {T("/%%30"), NULL},
        {T("/%+1"), NULL},
        {T("/% 1"), NULL},
        {T("/%00"), NULL},
        {T("/a\0b"), NULL},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        char out[64];
        bool read = path_decode(CASES[i].raw, out, sizeof out);
        if (read != (CASES[i].path != NULL))
            fail_msg("\"%s\" was %s", CASES[i].raw.p, read ? "read" : "refused");
        if (read)
            assert_string_equal(out, CASES[i].path);
    }
}

/* It writes up to the size it was given, NUL and all, and not a byte more. */
static void test_path_sizes(void **state)
{
    (void)state;
    static const struct {
        struct span raw;
        size_t size; /* the least that holds it */
    } CASES[] = {{T(""), 1}, {T("/abc"), 5}, {T("/%61"), 3}, {T("/%2f"), 5}, {T("%2f/"), 5}};
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++)
        for (size_t size = 0; size < 8; size++) {
            char out[8];
            memset(out, 'x', sizeof out);
            assert_int_equal(path_decode(CASES[i].raw, out, size), size >= CASES[i].size);
            for (size_t at = size; at < sizeof out; at++)
                assert_int_equal(out[at], 'x');
        }
}

static void test_values(void **state)
{
    (void)state;
    static const struct {
        const char *query;
        struct span value; /* p == NULL: none; of n == 1, it is there and broken */
    } CASES[] = {
        {"room=abc", T("abc")},
        {"token=x&room=abc", T("abc")},
        {"room=abc&token=x", T("abc")},
        {"&&room=abc&&", T("abc")},
        {"room=", T("")},
        {"room", T("")},
        {"room&room=abc", T("")},
        {"room=a&room=b", T("a")},
        {"room=a=b", T("a=b")},
        {"room==", T("=")},
        {"room=a+b%2Bc%26d%3d", T("a b+c&d=")},
        {"room=%00", T("\0")},
        {"room=%C3%bC", T("\xc3\xbc")},
        {"room=a?b/c;d", T("a?b/c;d")},
        {"%72oo%6d=abc", T("abc")},
        {"%=1&%zz=2&x=%&room=abc", T("abc")},
        {"", {NULL, 0}},
        {"rooms=abc", {NULL, 0}},
        {"roo=abc", {NULL, 0}},
        {"Room=abc", {NULL, 0}},
        {"xroom=abc", {NULL, 0}},
        {"room%00=abc", {NULL, 0}},
        {"room+=abc", {NULL, 0}},
        {"x=room=abc", {NULL, 0}},
        {"x;room=abc", {NULL, 0}},
        {"roo%6=abc", {NULL, 0}},
        {"room=%", {NULL, 1}},
        {"room=abc%2&x=y", {NULL, 1}},
        {"room=%zz&room=abc", {NULL, 1}},
        {"room=%4&1", {NULL, 1}},
    };
    struct buf out;
    buf_init(&out, 8);
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        bool found = query_find(span_of(CASES[i].query), "room", &out);
        if (found != (CASES[i].value.p != NULL))
            fail_msg("\"%s\" was %s", CASES[i].query, found ? "found" : "not found");
        assert_int_equal(out.failed, !found && CASES[i].value.n == 1);
        if (found)
            assert_true(span_eq(buf_view(&out), CASES[i].value));
    }
    assert_false(query_find((struct span){NULL, 0}, "room", &out));
    assert_false(out.failed);
    buf_done(&out);
}

static void test_value_sizes(void **state)
{
    (void)state;
    struct buf query, out;
    buf_init(&query, 32 * 1024);
    buf_init(&out, 8192);
    for (unsigned i = 0; i < 1000; i++)
        buf_text(&query, "x=y&");
    buf_text(&query, "token=");
    for (unsigned i = 0; i < 8192; i++)
        buf_text(&query, i % 2 ? "%61" : "b");
    assert_true(query_find(buf_view(&query), "token", &out));
    assert_int_equal(out.len, 8192);
    assert_memory_equal(out.p + 8188, "baba", 4);
    buf_byte(&query, 'c');
    assert_false(query_find(buf_view(&query), "token", &out));
    assert_true(out.failed);
    assert_true(query_find(buf_view(&query), "x", &out) && span_is(buf_view(&out), "y")); /* usable again */
    buf_done(&query);
    buf_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paths),
        cmocka_unit_test(test_path_sizes),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_value_sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
