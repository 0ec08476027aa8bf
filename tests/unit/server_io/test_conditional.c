/* SPDX-License-Identifier: MIT
 *
 * Preconditions, ranges and content codings, as RFC 9110 has them: a table for each.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "server/io/conditional.h"

#define COUNT(table) (sizeof(table) / sizeof *(table))
#define NOW INT64_C(1764457200)
#define MODIFIED INT64_C(784111777)
#define BEFORE "Sun, 06 Nov 1994 08:49:36 GMT"
#define EXACTLY "Sun, 06 Nov 1994 08:49:37 GMT"
#define AFTER "Sun, 06 Nov 1994 08:49:38 GMT"
#define ETAG "\"5-a\""

/* A copy that ends where the value ends, so that a reader that goes on is seen by ASan. */
static struct span value(const char *text)
{
    if (!text)
        return (struct span){NULL, 0};
    size_t n = strlen(text);
    char *copy = malloc(n ? n : 1);
    assert_non_null(copy);
    memcpy(copy, text, n);
    return (struct span){copy, n};
}

static void done(struct span s)
{
    free((void *)(uintptr_t)s.p);
}

static struct representation file_of(uint64_t size)
{
    return (struct representation){.etag = SPAN(ETAG), .modified = MODIFIED, .dated = true, .size = size};
}

/* ---- preconditions ---- */

static void test_conditions(void **state)
{
    static const struct {
        const char *match, *unmodified, *none_match, *modified;
        enum verdict verdict;
    } CASES[] = {
        {NULL, NULL, NULL, NULL, VERDICT_SEND},
        /* If-None-Match (13.1.2) */
        {NULL, NULL, ETAG, NULL, VERDICT_NOT_MODIFIED},
        {NULL, NULL, "W/" ETAG, NULL, VERDICT_NOT_MODIFIED},
        {NULL, NULL, "*", NULL, VERDICT_NOT_MODIFIED},
        {NULL, NULL, "\t * ", NULL, VERDICT_NOT_MODIFIED},
        {NULL, NULL, "\"other\"", NULL, VERDICT_SEND},
        {NULL, NULL, "\"5-A\"", NULL, VERDICT_SEND},
        {NULL, NULL, "\"5-a", NULL, VERDICT_SEND},
        {NULL, NULL, "5-a", NULL, VERDICT_SEND},
        {NULL, NULL, "w/" ETAG, NULL, VERDICT_SEND},
        {NULL, NULL,
            "W/"
            " " ETAG,
            NULL, VERDICT_SEND},
        {NULL, NULL, "", NULL, VERDICT_SEND},
        {NULL, NULL, ",", NULL, VERDICT_SEND},
        {NULL, NULL, "W/", NULL, VERDICT_SEND},
        {NULL, NULL, "\"", NULL, VERDICT_SEND},
        {NULL, NULL, "\"\"", NULL, VERDICT_SEND},
        {NULL, NULL, "\"a\", " ETAG, NULL, VERDICT_NOT_MODIFIED},
        {NULL, NULL, "\"a\"," ETAG ",\"b\"", NULL, VERDICT_NOT_MODIFIED},
        {NULL, NULL, "W/\"a\" ,\t,, W/" ETAG " ,", NULL, VERDICT_NOT_MODIFIED},
        {NULL, NULL, "\"a,b\", " ETAG, NULL, VERDICT_NOT_MODIFIED},
        {NULL, NULL, "\"a, " ETAG ", b\"", NULL, VERDICT_SEND}, /* behind a blank in a tag it is no list any more */
        {NULL, NULL, "\"x\xff\", " ETAG, NULL, VERDICT_NOT_MODIFIED},
        {NULL, NULL, "\"x\x7f\", " ETAG, NULL, VERDICT_SEND},
        {NULL, NULL, "\"a\" " ETAG, NULL, VERDICT_SEND},
        {NULL, NULL, ETAG "x", NULL, VERDICT_SEND},
        {NULL, NULL, ETAG ", broken", NULL, VERDICT_NOT_MODIFIED},
        {NULL, NULL, "broken, " ETAG, NULL, VERDICT_SEND},
        {NULL, NULL, "*, *", NULL, VERDICT_SEND},
        {NULL, NULL, "\"a\", *", NULL, VERDICT_SEND},
        /* If-Modified-Since (13.1.3): not beside If-None-Match */
        {NULL, NULL, NULL, BEFORE, VERDICT_SEND},
        {NULL, NULL, NULL, EXACTLY, VERDICT_NOT_MODIFIED},
        {NULL, NULL, NULL, AFTER, VERDICT_NOT_MODIFIED},
        {NULL, NULL, NULL, "Sunday, 06-Nov-94 08:49:37 GMT", VERDICT_NOT_MODIFIED},
        {NULL, NULL, NULL, "Sun Nov  6 08:49:37 1994", VERDICT_NOT_MODIFIED},
        {NULL, NULL, NULL, "tomorrow", VERDICT_SEND},
        {NULL, NULL, NULL, "", VERDICT_SEND},
        {NULL, NULL, NULL, EXACTLY ", " EXACTLY, VERDICT_SEND},
        {NULL, NULL, "\"other\"", AFTER, VERDICT_SEND},
        {NULL, NULL, ETAG, BEFORE, VERDICT_NOT_MODIFIED},
        {NULL, NULL, "", AFTER, VERDICT_SEND},
        /* If-Match (13.1.1): strong */
        {ETAG, NULL, NULL, NULL, VERDICT_SEND},
        {"*", NULL, NULL, NULL, VERDICT_SEND},
        {"\"a\", " ETAG, NULL, NULL, NULL, VERDICT_SEND},
        {"W/" ETAG, NULL, NULL, NULL, VERDICT_FAILED},
        {"W/" ETAG ", " ETAG, NULL, NULL, NULL, VERDICT_SEND},
        {"\"other\"", NULL, NULL, NULL, VERDICT_FAILED},
        {"broken", NULL, NULL, NULL, VERDICT_FAILED},
        {"", NULL, NULL, NULL, VERDICT_FAILED},
        /* If-Unmodified-Since (13.1.4): not beside If-Match */
        {NULL, BEFORE, NULL, NULL, VERDICT_FAILED},
        {NULL, EXACTLY, NULL, NULL, VERDICT_SEND},
        {NULL, AFTER, NULL, NULL, VERDICT_SEND},
        {NULL, "yesterday", NULL, NULL, VERDICT_SEND},
        {ETAG, BEFORE, NULL, NULL, VERDICT_SEND},
        {"\"other\"", AFTER, NULL, NULL, VERDICT_FAILED},
        /* their order (13.2.2) */
        {ETAG, NULL, ETAG, NULL, VERDICT_NOT_MODIFIED},
        {"\"other\"", NULL, ETAG, NULL, VERDICT_FAILED},
        {ETAG, NULL, NULL, EXACTLY, VERDICT_NOT_MODIFIED},
        {NULL, AFTER, NULL, AFTER, VERDICT_NOT_MODIFIED},
        {NULL, BEFORE, ETAG, NULL, VERDICT_FAILED},
    };
    (void)state;
    struct representation file = file_of(5);
    for (size_t i = 0; i < COUNT(CASES); i++) {
        const struct conditions c = {.if_match = value(CASES[i].match),
            .if_unmodified_since = value(CASES[i].unmodified),
            .if_none_match = value(CASES[i].none_match),
            .if_modified_since = value(CASES[i].modified)};
        if (conditions_check(&c, &file, NOW) != CASES[i].verdict)
            fail_msg("row %zu: %d", i, (int)conditions_check(&c, &file, NOW));
        done(c.if_match);
        done(c.if_unmodified_since);
        done(c.if_none_match);
        done(c.if_modified_since);
    }
}

/* A date that was never said proves nothing. */
static void test_undated(void **state)
{
    (void)state;
    struct representation file = file_of(5);
    struct byte_part part;
    struct conditions c = {.if_modified_since = SPAN(EXACTLY), .range = SPAN("bytes=0-0"), .if_range = SPAN(EXACTLY)};
    assert_int_equal(conditions_check(&c, &file, NOW), VERDICT_NOT_MODIFIED);
    assert_int_equal(range_choose(&c, &file, NOW, &part), RANGE_PART);
    file.dated = false;
    assert_int_equal(conditions_check(&c, &file, NOW), VERDICT_SEND);
    assert_int_equal(range_choose(&c, &file, NOW, &part), RANGE_WHOLE);
    assert_true(http_dated(NOW - 1, NOW));
    assert_true(http_dated(0, NOW));
    assert_false(http_dated(NOW, NOW)); /* its second is not over */
    assert_false(http_dated(NOW + 1, NOW));
    assert_false(http_dated(-1, NOW));
}

/* ---- ranges ---- */

#define TOP "18446744073709551615"  /* 2^64 - 1 */
#define OVER "18446744073709551616" /* 2^64 */
#define FIVE_RANGES "0-,0-,0-,0-,0-,"

static void test_ranges(void **state)
{
    static const struct {
        const char *range;
        uint64_t size;
        enum range_verdict verdict;
        uint64_t first, count;
    } CASES[] = {
        {NULL, 100, RANGE_WHOLE, 0, 0},
        {"bytes=0-0", 100, RANGE_PART, 0, 1},
        {"bytes=0-99", 100, RANGE_PART, 0, 100},
        {"bytes=0-100", 100, RANGE_PART, 0, 100},
        {"bytes=10-19", 100, RANGE_PART, 10, 10},
        {"bytes=0-", 100, RANGE_PART, 0, 100},
        {"bytes=99-", 100, RANGE_PART, 99, 1},
        {"bytes=-1", 100, RANGE_PART, 99, 1},
        {"bytes=-100", 100, RANGE_PART, 0, 100},
        {"bytes=-101", 100, RANGE_PART, 0, 100},
        {"bytes=-" OVER, 100, RANGE_PART, 0, 100},
        {"bytes=99-" OVER "0", 100, RANGE_PART, 99, 1},
        {"bytes=0-" TOP, 100, RANGE_PART, 0, 100},
        {"bytes=00000000000000000000000000000001-02", 100, RANGE_PART, 1, 2},
        {"BYTES=1-2", 100, RANGE_PART, 1, 2},
        {" bytes=1-2\t", 100, RANGE_PART, 1, 2},
        {"bytes= 1-2 ", 100, RANGE_PART, 1, 2},
        /* not satisfiable (14.1.2) */
        {"bytes=100-", 100, RANGE_UNSATISFIABLE, 0, 0},
        {"bytes=100-200", 100, RANGE_UNSATISFIABLE, 0, 0},
        {"bytes=" OVER "-", 100, RANGE_UNSATISFIABLE, 0, 0},
        {"bytes=" OVER "-" OVER "9", 100, RANGE_UNSATISFIABLE, 0, 0},
        {"bytes=" TOP "-" TOP, 100, RANGE_UNSATISFIABLE, 0, 0},
        {"bytes=-0", 100, RANGE_UNSATISFIABLE, 0, 0},
        {"bytes=-0, 100-", 100, RANGE_UNSATISFIABLE, 0, 0},
        {"bytes=0-", 0, RANGE_UNSATISFIABLE, 0, 0},
        {"bytes=0-0", 0, RANGE_UNSATISFIABLE, 0, 0},
        {"bytes=-0", 0, RANGE_UNSATISFIABLE, 0, 0},
        {"bytes=-1", 0, RANGE_WHOLE, 0, 0}, /* satisfiable, but by nothing */
        {"bytes=" TOP "-", UINT64_MAX, RANGE_UNSATISFIABLE, 0, 0},
        {"bytes=18446744073709551614-", UINT64_MAX, RANGE_PART, UINT64_MAX - 1, 1},
        {"bytes=18446744073709551614-" TOP, UINT64_MAX, RANGE_PART, UINT64_MAX - 1, 1},
        /* several: one run of bytes, or the whole */
        {"bytes=0-9,10-19", 100, RANGE_PART, 0, 20},
        {"bytes=10-19,0-9", 100, RANGE_PART, 0, 20},
        {"bytes=0-9,5-14", 100, RANGE_PART, 0, 15},
        {"bytes=0-99,5-14", 100, RANGE_PART, 0, 100},
        {"bytes=5-14,0-99", 100, RANGE_PART, 0, 100},
        {"bytes=0-9, ,\t10-19,", 100, RANGE_PART, 0, 20},
        {"bytes=90-,-10", 100, RANGE_PART, 90, 10},
        {"bytes=0-9,100-", 100, RANGE_PART, 0, 10}, /* what cannot be satisfied is left out */
        {"bytes=200-,0-9", 100, RANGE_PART, 0, 10},
        {"bytes=0-9,11-19", 100, RANGE_WHOLE, 0, 0},
        {"bytes=0-0,-1", 100, RANGE_WHOLE, 0, 0},
        {"bytes=11-19,0-9", 100, RANGE_WHOLE, 0, 0},
        {"bytes=" FIVE_RANGES FIVE_RANGES FIVE_RANGES "0-", 100, RANGE_PART, 0, 100},
        {"bytes=" FIVE_RANGES FIVE_RANGES FIVE_RANGES "0-,0-", 100, RANGE_WHOLE, 0, 0},
        /* no range of bytes */
        {"", 100, RANGE_WHOLE, 0, 0},
        {"bytes", 100, RANGE_WHOLE, 0, 0},
        {"bytes=", 100, RANGE_WHOLE, 0, 0},
        {"bytes=,", 100, RANGE_WHOLE, 0, 0},
        {"bytes=-", 100, RANGE_WHOLE, 0, 0},
        {"bytes=--1", 100, RANGE_WHOLE, 0, 0},
        {"bytes=1", 100, RANGE_WHOLE, 0, 0},
        {"bytes=1-2-3", 100, RANGE_WHOLE, 0, 0},
        {"bytes=2-1", 100, RANGE_WHOLE, 0, 0},
        {"bytes=200-100", 100, RANGE_WHOLE, 0, 0},
        {"bytes=a-b", 100, RANGE_WHOLE, 0, 0},
        {"bytes=0x1-2", 100, RANGE_WHOLE, 0, 0},
        {"bytes=+1-2", 100, RANGE_WHOLE, 0, 0},
        {"bytes=1 - 2", 100, RANGE_WHOLE, 0, 0},
        {"bytes =1-2", 100, RANGE_WHOLE, 0, 0},
        {"bytes=0-9,x", 100, RANGE_WHOLE, 0, 0},
        {"bytes=0-9,2-1", 100, RANGE_WHOLE, 0, 0},
        {"bytes=0-9;10-19", 100, RANGE_WHOLE, 0, 0},
        {"bytes=0-1, bytes=2-3", 100, RANGE_WHOLE, 0, 0}, /* two lines */
        {"items=0-1", 100, RANGE_WHOLE, 0, 0},
        {"none", 100, RANGE_WHOLE, 0, 0},
        {"0-1", 100, RANGE_WHOLE, 0, 0},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(CASES); i++) {
        const struct conditions c = {.range = value(CASES[i].range)};
        struct representation file = file_of(CASES[i].size);
        struct byte_part part = {0, 0};
        enum range_verdict verdict = range_choose(&c, &file, NOW, &part);
        if (verdict != CASES[i].verdict || part.first != CASES[i].first || part.count != CASES[i].count)
            fail_msg("row %zu, %s: %d, %llu, %llu", i, CASES[i].range, (int)verdict, (unsigned long long)part.first,
                (unsigned long long)part.count);
        done(c.range);
    }
}

static void test_if_range(void **state)
{
    static const struct {
        const char *if_range;
        enum range_verdict verdict;
    } CASES[] = {
        {NULL, RANGE_PART},
        {ETAG, RANGE_PART},
        {" " ETAG " ", RANGE_PART},
        {EXACTLY, RANGE_PART},
        {"Sun Nov  6 08:49:37 1994", RANGE_PART},
        {"W/" ETAG, RANGE_WHOLE},
        {"\"other\"", RANGE_WHOLE},
        {"\"other\", " ETAG, RANGE_WHOLE}, /* it is no list */
        {ETAG ", " ETAG, RANGE_WHOLE},
        {"*", RANGE_WHOLE},
        {"", RANGE_WHOLE},
        {"5-a", RANGE_WHOLE},
        {BEFORE, RANGE_WHOLE},
        {AFTER, RANGE_WHOLE}, /* exactly, or not at all */
        {"yesterday", RANGE_WHOLE},
    };
    (void)state;
    struct representation file = file_of(100);
    struct byte_part part;
    for (size_t i = 0; i < COUNT(CASES); i++) {
        const struct conditions c = {.range = SPAN("bytes=0-9"), .if_range = value(CASES[i].if_range)};
        if (range_choose(&c, &file, NOW, &part) != CASES[i].verdict)
            fail_msg("row %zu, %s", i, CASES[i].if_range);
        done(c.if_range);
    }
    /* Of another version nobody says that there is nothing; and without Range it means nothing (13.1.5). */
    const struct conditions other = {.range = SPAN("bytes=100-"), .if_range = SPAN("\"other\"")};
    assert_int_equal(range_choose(&other, &file, NOW, &part), RANGE_WHOLE);
    const struct conditions same = {.range = SPAN("bytes=100-"), .if_range = SPAN(ETAG)};
    assert_int_equal(range_choose(&same, &file, NOW, &part), RANGE_UNSATISFIABLE);
    const struct conditions alone = {.if_range = SPAN(ETAG)};
    assert_int_equal(range_choose(&alone, &file, NOW, &part), RANGE_WHOLE);
}

/* ---- content codings ---- */

static void test_codings(void **state)
{
    enum {
        PLAIN = 0,
        GZ = 1u << CODING_GZIP,
        BR = 1u << CODING_BR,
        BOTH = GZ | BR
    };
    static const struct {
        const char *accept;
        unsigned exist;
        enum coding coding;
    } CASES[] = {
        {NULL, BOTH, CODING_IDENTITY},
        {"", BOTH, CODING_IDENTITY},
        {"gzip, deflate, br", BOTH, CODING_BR},
        {"gzip, deflate, br, zstd", GZ, CODING_GZIP},
        {"gzip, deflate, br", PLAIN, CODING_IDENTITY},
        {"deflate, gzip", BOTH, CODING_GZIP},
        {"gzip", BR, CODING_IDENTITY},
        {"br", BOTH, CODING_BR},
        {"GZip", BOTH, CODING_GZIP},
        {"x-gzip", BOTH, CODING_GZIP},
        {"gzipped", BOTH, CODING_IDENTITY},
        {"gzi", BOTH, CODING_IDENTITY},
        {"identity", BOTH, CODING_IDENTITY},
        /* weights */
        {"gzip;q=1.0, br;q=0.5", BOTH, CODING_GZIP},
        {"gzip;q=0.5, br;q=0.501", BOTH, CODING_BR},
        {"gzip;q=0.5, br;q=0.5", BOTH, CODING_BR},
        {"br;q=0, gzip", BOTH, CODING_GZIP},
        {"br;q=0.000, gzip;q=0", BOTH, CODING_IDENTITY},
        {"br;q=0.001", BOTH, CODING_BR},
        {"br ; q=0.3 , gzip\t;\tQ=0.4", BOTH, CODING_GZIP},
        {"gzip;q=0.5, identity", BOTH, CODING_IDENTITY},
        {"gzip, identity", BOTH, CODING_GZIP},
        {"gzip;q=0.5, identity;q=0.4", BOTH, CODING_GZIP},
        {"gzip;q=0.1", BOTH, CODING_GZIP},
        {"br, br;q=0", BOTH, CODING_IDENTITY},
        {"gzip, x-gzip;q=0", BOTH, CODING_IDENTITY},
        {"identity;q=0, gzip;q=0.1", BOTH, CODING_GZIP},
        {"identity;q=0", BOTH, CODING_IDENTITY}, /* nothing that is acceptable exists: as if it were not asked */
        {"identity;q=0, br", GZ, CODING_IDENTITY},
        /* the rest */
        {"*", BOTH, CODING_IDENTITY},
        {"*;q=0", BOTH, CODING_IDENTITY},
        {"gzip, *;q=0", BOTH, CODING_GZIP},
        {"identity;q=0, *", BOTH, CODING_BR},
        {"identity;q=0, *", GZ, CODING_GZIP},
        {"identity;q=0.5, *", BOTH, CODING_BR},
        {"br;q=0, identity;q=0, *", BOTH, CODING_GZIP},
        {"gzip;q=0.5, *", BOTH, CODING_IDENTITY},
        {"gzip;q=0.5, *;q=0.4", BOTH, CODING_GZIP},
        {"identity, *;q=0", BOTH, CODING_IDENTITY},
        /* a coding whose weight cannot be read is not named */
        {"br;q=2, gzip", BOTH, CODING_GZIP},
        {"br;q=1.001, gzip", BOTH, CODING_GZIP},
        {"br;q=0.1234, gzip;q=0.1", BOTH, CODING_GZIP},
        {"br;q=, gzip;q=0.1", BOTH, CODING_GZIP},
        {"br;q, gzip;q=0.1", BOTH, CODING_GZIP},
        {"br;, gzip;q=0.1", BOTH, CODING_GZIP},
        {"br;q=-1, gzip;q=0.1", BOTH, CODING_GZIP},
        {"br;q=.5, gzip;q=0.1", BOTH, CODING_GZIP},
        {"br;q=0.x, gzip;q=0.1", BOTH, CODING_GZIP},
        {"br;level=9, gzip;q=0.1", BOTH, CODING_GZIP},
        {"br;q=0.9;q=0.8, gzip;q=0.1", BOTH, CODING_GZIP},
        {"br;q=1., gzip;q=0.1", BOTH, CODING_BR},
        {"br gzip", BOTH, CODING_IDENTITY},
        {",, br ,,", BOTH, CODING_BR},
        {";q=1, br", BOTH, CODING_BR},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(CASES); i++) {
        struct span accept = value(CASES[i].accept);
        enum coding got = coding_choose(accept, CASES[i].exist);
        if (got != CASES[i].coding)
            fail_msg("row %zu, %s: %d", i, CASES[i].accept, (int)got);
        done(accept);
    }
    assert_string_equal(coding_name(CODING_BR), "br");
    assert_string_equal(coding_name(CODING_GZIP), "gzip");
    assert_null(coding_name(CODING_IDENTITY));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_conditions),
        cmocka_unit_test(test_undated),
        cmocka_unit_test(test_ranges),
        cmocka_unit_test(test_if_range),
        cmocka_unit_test(test_codings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
