/* SPDX-License-Identifier: MIT
 *
 * Lists in the value of a header (RFC 9110 section 5.6.1): elements between commas, of which empty ones say nothing.
 */
#ifndef SERVER_IO_FIELD_LIST_H
#define SERVER_IO_FIELD_LIST_H

#include <stdbool.h>

#include "base/span.h"

static inline bool field_is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static inline struct span field_trim(struct span s)
{
    while (s.n > 0 && field_is_blank(s.p[0]))
        s = (struct span){s.p + 1, s.n - 1};
    while (s.n > 0 && field_is_blank(s.p[s.n - 1]))
        s.n--;
    return s;
}

/* The next element that is not empty, off the front. Not for elements with quotes: those may hold a comma. */
static inline bool field_next(struct span *list, struct span *element)
{
    while (list->n > 0) {
        const char *comma = span_find(*list, ',');
        size_t n = comma ? (size_t)(comma - list->p) : list->n, used = comma ? n + 1 : n;
        *element = field_trim((struct span){list->p, n});
        *list = (struct span){list->p + used, list->n - used};
        if (element->n > 0)
            return true;
    }
    return false;
}

#endif
