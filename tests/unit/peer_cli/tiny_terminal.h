/* SPDX-License-Identifier: MIT
 *
 * A terminal as far as screen.h uses one: rows that scroll, CR, newline, cursor up, erase below. What scrolled off is kept.
 */
#ifndef TESTS_UNIT_PEER_CLI_TINY_TERMINAL_H
#define TESTS_UNIT_PEER_CLI_TINY_TERMINAL_H

#include <glib.h>
#include <stdlib.h>
#include <string.h>

#include "peer/cli/width.h"

struct tiny_terminal {
    long columns, rows;
    GPtrArray *lines; /* of GPtrArray of gchar *: cells; the second of a wide one is "" */
    long top;         /* the line that is the first row */
    long x, y;        /* of the cursor: column, line */
};

static inline void tiny_new_line(struct tiny_terminal *t)
{
    t->y++;
    t->x = 0;
    if (t->y == (long)t->lines->len)
        g_ptr_array_add(t->lines, g_ptr_array_new_with_free_func(g_free));
    if (t->y - t->top >= t->rows)
        t->top = t->y - t->rows + 1;
}

static inline GPtrArray *tiny_line(const struct tiny_terminal *t, long y)
{
    return g_ptr_array_index(t->lines, y);
}

static inline void tiny_put(struct tiny_terminal *t, const char *p, size_t n, long width)
{
    if (t->x + width > t->columns)
        tiny_new_line(t);
    GPtrArray *line = tiny_line(t, t->y);
    while ((long)line->len < t->x + width)
        g_ptr_array_add(line, g_strdup(" "));
    for (long i = 0; i < width; i++) {
        g_free(line->pdata[t->x + i]);
        line->pdata[t->x + i] = i == 0 ? g_strndup(p, n) : g_strdup("");
    }
    t->x += width;
}

static inline size_t tiny_escape(struct tiny_terminal *t, const char *p)
{
    char *end;
    long n = strtol(p + 2, &end, 10);
    if (*end == 'A')
        t->y = MAX(t->y - n, t->top);
    if (*end == 'J') {
        g_ptr_array_set_size(tiny_line(t, t->y), (gint)MIN(t->x, (long)tiny_line(t, t->y)->len));
        for (long y = t->y + 1; y < (long)t->lines->len; y++)
            g_ptr_array_set_size(tiny_line(t, y), 0);
    }
    return (size_t)(end + 1 - p);
}

static inline void tiny_write(struct tiny_terminal *t, const char *bytes)
{
    for (const char *p = bytes; *p;) {
        long width = 0;
        size_t n = 1;
        if (*p == '\033')
            n = tiny_escape(t, p);
        else if (*p == '\n')
            tiny_new_line(t);
        else if (*p == '\r')
            t->x = 0;
        else {
            n = width_next(p, &width);
            tiny_put(t, p, n, width);
        }
        p += n;
    }
}

/* The text of a line; for g_free. */
static inline gchar *tiny_text(const struct tiny_terminal *t, long y)
{
    GString *out = g_string_new(NULL);
    GPtrArray *line = tiny_line(t, y);
    for (guint i = 0; i < line->len; i++)
        g_string_append(out, line->pdata[i]);
    return g_string_free(out, FALSE);
}

static inline void tiny_init(struct tiny_terminal *t, long columns, long rows)
{
    *t = (struct tiny_terminal){.columns = columns, .rows = rows, .y = -1};
    t->lines = g_ptr_array_new_with_free_func((GDestroyNotify)g_ptr_array_unref);
    tiny_new_line(t);
}

static inline void tiny_done(struct tiny_terminal *t)
{
    g_ptr_array_unref(t->lines);
}

#endif
