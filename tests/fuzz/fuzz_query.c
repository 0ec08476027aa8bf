/* SPDX-License-Identifier: MIT
 *
 * The first line is the name of a value, the rest is a path and a query. Both are decoded by a slow reader, too, which
 * decodes into memory first and compares then.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "server/io/query.h"

enum {
    NAME_MAX_BYTES = 32,
    PATH_MAX_BYTES = 64,
    VALUE_MAX = 100
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "fuzz_query: %s\n", what);
        abort();
    }
}

/* The byte of two hexadecimal digits; -1 if they are none. */
static int slow_escape(struct span s, size_t at)
{
    char digits[3] = "", *end;
    if (at + 2 >= s.n || !strchr("0123456789abcdefABCDEF", s.p[at + 1]) || s.p[at + 1] == '\0')
        return -1;
    memcpy(digits, s.p + at + 1, 2);
    long value = strtol(digits, &end, 16);
    return end == digits + 2 ? (int)value : -1;
}

/* Decodes into out, which has room for s.n bytes; how many they are, or -1. */
static long slow_decode(struct span s, bool form, bool path, char *out)
{
    long n = 0;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        int escaped = c == '%' ? slow_escape(s, i) : 0;
        if (escaped < 0 || (path && (c == '\0' || (c == '%' && escaped == 0))))
            return -1;
        if (form && c == '+')
            c = ' ';
        if (c == '%' && !(path && escaped == '/')) {
            c = (char)escaped;
            i += 2;
        }
        out[n++] = c;
    }
    return n;
}

static void check_path(struct span raw)
{
    char out[PATH_MAX_BYTES], *slow = malloc(raw.n + 1);
    must(slow != NULL, "out of memory");
    long n = slow_decode(raw, false, true, slow);
    for (size_t size = 0; size <= sizeof out; size += 1 + size / 4) {
        bool decoded = path_decode(raw, out, size);
        must(decoded == (n >= 0 && (size_t)n < size), "a path was decoded, or not");
        must(!decoded || (strlen(out) == (size_t)n && memcmp(out, slow, (size_t)n) == 0), "another path");
    }
    free(slow);
}

static size_t slow_index(struct span s, char c)
{
    size_t i = 0;
    while (i < s.n && s.p[i] != c)
        i++;
    return i;
}

static void check_query(struct span query, const char *name)
{
    struct buf out;
    buf_init(&out, VALUE_MAX);
    bool found = query_find(query, name, &out), there = false;
    char *slow = malloc(query.n + 1);
    must(slow != NULL, "out of memory");
    for (struct span rest = query; !there;) {
        size_t end = slow_index(rest, '&'), equals = slow_index((struct span){rest.p, end}, '=');
        long n = slow_decode((struct span){rest.p, equals}, true, false, slow);
        if (n == (long)strlen(name) && memcmp(slow, name, (size_t)n) == 0) {
            struct span value = {rest.p + equals, end - equals};
            if (value.n > 0)
                value = (struct span){value.p + 1, value.n - 1};
            n = slow_decode(value, true, false, slow);
            there = true;
            must(found == (n >= 0 && n <= VALUE_MAX) && out.failed != found, "a value was decoded, or not");
            must(!found || span_eq(buf_view(&out), (struct span){slow, (size_t)n}), "another value");
        }
        if (end == rest.n)
            break;
        rest = (struct span){rest.p + end + 1, rest.n - end - 1};
    }
    must(there || (!found && !out.failed), "a value out of nothing");
    free(slow);
    buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span text = {(const char *)data, size};
    size_t line = slow_index(text, '\n');
    char name[NAME_MAX_BYTES];
    snprintf(name, sizeof name, "%.*s", (int)line, text.p);
    struct span rest = line < size ? (struct span){text.p + line + 1, size - line - 1} : text;
    check_path(rest);
    check_query(rest, name);
    return 0;
}
