/* SPDX-License-Identifier: MIT */
#include "peer/cli/fold.h"

#include <glib.h>
#include <string.h>

#include "peer/cli/width.h"

#define INDENT ((long)strlen(FOLD_INDENT))

static void begin_row(GString *out, long *column)
{
    g_string_append(out, "\n" FOLD_INDENT);
    *column = INDENT;
}

/* A word and the spaces before it; the spaces are left out where a row ends. */
static void add_word(GString *out, const char *word, size_t spaces, size_t n, long columns, long *column)
{
    long width = width_of(word, n);
    if (*column + width <= columns) {
        g_string_append_len(out, word, (gssize)n);
        *column += width;
        return;
    }
    word += spaces;
    n -= spaces;
    if (spaces > 0 && *column > INDENT)
        begin_row(out, column);
    for (const char *p = word, *next; p < word + n; p = next) {
        long w;
        next = p + width_next(p, &w);
        if (*column + w > columns)
            begin_row(out, column);
        g_string_append_len(out, p, next - p);
        *column += w;
    }
}

char *fold_lines(const char *text, long columns)
{
    GString *out = g_string_new(NULL);
    long column = 0;
    columns = MAX(columns, (long)FOLD_COLUMNS_MIN);
    for (const char *p = text; *p;) {
        if (*p == '\n') {
            begin_row(out, &column);
            p++;
            p += strncmp(p, FOLD_INDENT, strlen(FOLD_INDENT)) == 0 ? strlen(FOLD_INDENT) : 0;
            continue;
        }
        size_t spaces = strspn(p, " "), n = spaces + strcspn(p + spaces, " \n");
        add_word(out, p, spaces, n, columns, &column);
        p += n;
    }
    return g_string_free(out, FALSE);
}
