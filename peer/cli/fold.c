/* SPDX-License-Identifier: MIT */
#include "peer/cli/fold.h"

#include <string.h>

#define EMOJI_STYLE 0xfe0f /* draws the character before it in two columns */

static long width_of(gunichar c)
{
    if (c == EMOJI_STYLE)
        return 1;
    return g_unichar_iszerowidth(c) ? 0 : g_unichar_iswide(c) ? 2 : 1;
}

long fold_width(const char *text, size_t n)
{
    long width = 0;
    for (const char *p = text; p < text + n; p = g_utf8_next_char(p))
        width += width_of(g_utf8_get_char(p));
    return width;
}

static void begin_row(GString *out, long *column)
{
    g_string_append(out, "\n" FOLD_INDENT);
    *column = (long)strlen(FOLD_INDENT);
}

/* A word and the spaces before it; the spaces are left out where a row ends. */
static void add_word(GString *out, const char *word, size_t spaces, size_t n, long columns, long *column)
{
    long width = fold_width(word, n);
    if (*column + width <= columns) {
        g_string_append_len(out, word, (gssize)n);
        *column += width;
        return;
    }
    word += spaces;
    n -= spaces;
    if (spaces > 0 && *column > (long)strlen(FOLD_INDENT))
        begin_row(out, column);
    for (const char *p = word, *next; p < word + n; p = next) {
        next = g_utf8_next_char(p);
        long w = width_of(g_utf8_get_char(p));
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
