/* SPDX-License-Identifier: MIT
 *
 * A span is a borrowed run of bytes: whoever made it says how long the bytes live. It is never terminated by NUL.
 */
#ifndef BASE_SPAN_H
#define BASE_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct span {
    const char *p; /* borrowed; may be NULL only when n is 0 */
    size_t n;      /* bytes */
};

/* A span over a string literal. */
#define SPAN(literal) ((struct span){(literal), sizeof(literal) - 1})

static inline struct span span_of(const char *text)
{
    return (struct span){text, text ? strlen(text) : 0};
}

static inline bool span_eq(struct span a, struct span b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool span_is(struct span a, const char *text)
{
    return span_eq(a, span_of(text));
}

/* The first c in it, or NULL. */
static inline const char *span_find(struct span s, char c)
{
    return s.n ? memchr(s.p, c, s.n) : NULL;
}

static inline bool span_is_among(const char *text, const struct span *spans, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (span_is(spans[i], text))
            return true;
    return false;
}

#endif
