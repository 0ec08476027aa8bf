/* SPDX-License-Identifier: MIT
 *
 * Seven lines: If-Match, If-None-Match, If-Modified-Since, If-Unmodified-Since, If-Range, Range, Accept-Encoding; one that
 * begins with `!` is absent. What comes out is held against what is obvious: a range against a map of the bytes that a
 * slow reader of its own finds asked for, a tag that is found against the text, a date against itself, a coding against its
 * refusal.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "server/io/conditional.h"
#include "server/io/http_date.h"

#define ETAG "\"5-a\""
#define NOW INT64_C(1764457200)
#define MODIFIED INT64_C(784111777)

enum {
    LINES = 7,
    SIZE = 64
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

/* A copy of its own length, so that ASan sees whoever reads on. */
static struct span copy_of(struct span s)
{
    char *copy = malloc(s.n ? s.n : 1);
    if (!copy)
        abort();
    if (s.n)
        memcpy(copy, s.p, s.n);
    return (struct span){copy, s.n};
}

static bool contains(struct span text, const char *word)
{
    return text.n > 0 && memmem(text.p, text.n, word, strlen(word)) != NULL;
}

/* ---- tags and dates ---- */

static void check_tags(const struct conditions *all, const struct representation *file)
{
    const struct conditions none = {.if_none_match = all->if_none_match}, match = {.if_match = all->if_match};
    if (none.if_none_match.p && conditions_check(&none, file, NOW) == VERDICT_NOT_MODIFIED)
        must(contains(none.if_none_match, ETAG) || contains(none.if_none_match, "*"));
    /* What is found strongly is found weakly. */
    const struct conditions weakly = {.if_none_match = all->if_match};
    if (match.if_match.p && conditions_check(&match, file, NOW) == VERDICT_SEND)
        must(conditions_check(&weakly, file, NOW) == VERDICT_NOT_MODIFIED);
    if (!all->if_match.p && !all->if_unmodified_since.p)
        must(conditions_check(all, file, NOW) != VERDICT_FAILED);
    if (!all->if_none_match.p && !all->if_modified_since.p)
        must(conditions_check(all, file, NOW) != VERDICT_NOT_MODIFIED);
}

static void check_date(struct span text)
{
    int64_t date, again;
    char written[HTTP_DATE_LEN + 1];
    if (!http_date_read(text, NOW, &date))
        return;
    must(text.n >= sizeof "Sun Nov  6 08:49:37 1994" - 1);
    if (!http_date_write(date, written)) /* the leap second that ends the year 9999 */
        return;
    must(http_date_read(span_of(written), NOW, &again) && again == date);
}

/* ---- ranges ---- */

__extension__ typedef unsigned __int128 wide;

/* A number that is larger than any file counts as UINT64_MAX. */
static bool slow_number(struct span s, uint64_t *n)
{
    wide number = 0;
    for (size_t i = 0; i < s.n; i++) {
        if (!strchr("0123456789", s.p[i]) || s.p[i] == '\0')
            return false;
        number = number * 10 + (wide)(s.p[i] - '0');
        if (number > UINT64_MAX)
            number = UINT64_MAX;
    }
    *n = (uint64_t)number;
    return s.n > 0;
}

/* Marks one range's bytes. */
static bool slow_range(struct span s, bool map[SIZE])
{
    const char *dash = span_find(s, '-');
    if (!dash)
        return false;
    struct span left = {s.p, (size_t)(dash - s.p)}, right = {dash + 1, s.n - left.n - 1};
    uint64_t first, last;
    bool from = slow_number(left, &first), to = slow_number(right, &last);
    if ((left.n && !from) || (right.n && !to) || (!from && !to) || (from && to && first > last))
        return false;
    for (uint64_t at = 0; at < SIZE; at++)
        if (from ? at >= first && (!to || at <= last) : last >= SIZE - at)
            map[at] = true;
    return true;
}

/* Whether it is a set of ranges, and which bytes they are. */
static bool slow_ranges(struct span s, bool map[SIZE], size_t *count)
{
    while (s.n && strchr(" \t", s.p[0]) && s.p[0])
        s = (struct span){s.p + 1, s.n - 1};
    if (s.n < 6 || (s.p[0] | 0x20) != 'b' || (s.p[1] | 0x20) != 'y' || (s.p[2] | 0x20) != 't' ||
        (s.p[3] | 0x20) != 'e' || (s.p[4] | 0x20) != 's' || s.p[5] != '=')
        return false;
    *count = 0;
    for (size_t from = 6, to; from <= s.n; from = to + 1) {
        for (to = from; to < s.n && s.p[to] != ',';)
            to++;
        size_t a = from, b = to;
        while (a < b && (s.p[a] == ' ' || s.p[a] == '\t'))
            a++;
        while (b > a && (s.p[b - 1] == ' ' || s.p[b - 1] == '\t'))
            b--;
        if (a == b)
            continue;
        (*count)++;
        if (!slow_range((struct span){s.p + a, b - a}, map))
            return false;
    }
    return *count > 0;
}

static void check_range(struct span text, const struct representation *file)
{
    bool map[SIZE] = {false};
    size_t count, asked = 0, runs = 0;
    struct byte_part part;
    const struct conditions c = {.range = text};
    enum range_verdict verdict = range_choose(&c, file, NOW, &part);
    if (!text.p || !slow_ranges(text, map, &count) || count > RANGES_MAX) {
        must(verdict == RANGE_WHOLE);
        return;
    }
    for (size_t i = 0; i < SIZE; i++) {
        asked += map[i];
        runs += map[i] && (i == 0 || !map[i - 1]);
    }
    must((verdict == RANGE_UNSATISFIABLE) == (asked == 0));
    must(!(runs == 1 && count <= 2) || verdict == RANGE_PART);
    must(!(runs > 1) || verdict == RANGE_WHOLE);
    if (verdict != RANGE_PART)
        return;
    must(part.count == asked && part.first < SIZE && map[part.first] && map[part.first + part.count - 1]);
}

/* Other sizes: what is promised lies within them. */
static void check_sizes(struct conditions c, struct representation file)
{
    static const uint64_t SIZES[] = {0, 1, 100, UINT64_MAX};
    struct byte_part part;
    for (size_t i = 0; i < sizeof SIZES / sizeof *SIZES; i++) {
        file.size = SIZES[i];
        if (range_choose(&c, &file, NOW, &part) == RANGE_PART)
            must(part.count > 0 && part.first < file.size && part.count <= file.size - part.first);
    }
}

/* ---- codings ---- */

static void check_codings(struct span text)
{
    static const char REFUSED[] = ",br;q=0";
    for (unsigned exist = 0; exist < 1u << CODING_IDENTITY; exist++) {
        enum coding got = coding_choose(text, exist);
        must(got == CODING_IDENTITY || exist & (1u << got));
        must(got == CODING_IDENTITY || contains(text, "*") || text.n >= 2);
    }
    char *refused = malloc(text.n + sizeof REFUSED - 1);
    if (!refused)
        abort();
    if (text.n)
        memcpy(refused, text.p, text.n);
    memcpy(refused + text.n, REFUSED, sizeof REFUSED - 1);
    must(coding_choose((struct span){refused, text.n + sizeof REFUSED - 1}, 1u << CODING_BR) == CODING_IDENTITY);
    free(refused);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span rest = {(const char *)data, size}, v[LINES];
    for (size_t i = 0; i < LINES; i++) {
        const char *end = span_find(rest, '\n');
        size_t n = end ? (size_t)(end - rest.p) : rest.n;
        bool absent = rest.n > 0 && rest.p[0] == '!';
        v[i] = absent ? (struct span){NULL, 0} : copy_of((struct span){rest.p, n});
        rest = end ? (struct span){end + 1, rest.n - n - 1} : (struct span){rest.p, 0};
    }
    const struct conditions all = {.if_match = v[0],
        .if_none_match = v[1],
        .if_modified_since = v[2],
        .if_unmodified_since = v[3],
        .if_range = v[4],
        .range = v[5]};
    const struct representation file = {.etag = SPAN(ETAG), .modified = MODIFIED, .dated = true, .size = SIZE};
    check_tags(&all, &file);
    for (size_t i = 2; i < 5; i++)
        check_date(v[i]);
    check_range(v[5], &file);
    check_sizes(all, file);
    check_codings(v[6]);
    for (size_t i = 0; i < LINES; i++)
        free((void *)(uintptr_t)v[i].p);
    return 0;
}
