/* SPDX-License-Identifier: MIT
 *
 * The cursor is put into its place by writing what stands before it once more, not by counting columns to the right: so it
 * is right where the terminal has another opinion of a width.
 */
#include "peer/cli/screen.h"

#include <string.h>

#include "peer/cli/width.h"

#define NEWLINE "↵"
#define ERASE_BELOW "\033[J"
enum {
    COLUMNS_MIN = 4 /* a prompt and a wide character */
};

/* One row: bytes of the line as it is shown. */
struct row {
    size_t from, to;
    long width;
};

/* The line as it is shown, and where the cursor is in it. */
struct shown {
    GString *text;
    size_t cursor;
    GArray *rows; /* of struct row */
    size_t cursor_row;
};

static struct row *row_at(const struct shown *shown, size_t i)
{
    return &g_array_index(shown->rows, struct row, i);
}

/* A newline is shown as an arrow, and ends its row. Other control characters cannot be typed. */
static void show_text(struct shown *shown, const struct screen_view *view)
{
    shown->text = g_string_new(view->prompt);
    for (const char *p = view->text; *p; p++) {
        if ((size_t)(p - view->text) == view->cursor)
            shown->cursor = shown->text->len;
        if (*p == '\n')
            g_string_append(shown->text, NEWLINE "\n");
        else if ((guchar)*p < ' ' || *p == '\177')
            g_string_append_c(shown->text, '?');
        else
            g_string_append_c(shown->text, *p);
    }
    if (view->cursor >= strlen(view->text))
        shown->cursor = shown->text->len;
}

static void break_rows(struct shown *shown, long columns)
{
    struct row row = {0};
    const char *text = shown->text->str;
    shown->rows = g_array_new(FALSE, FALSE, sizeof row);
    for (const char *p = text; *p;) {
        long width = 0;
        size_t n = *p == '\n' ? 1 : width_next(p, &width);
        if (*p == '\n' || row.width + width > columns) {
            g_array_append_val(shown->rows, row);
            row = (struct row){.from = row.to + (*p == '\n')};
            row.to = row.from;
        }
        if (*p != '\n') {
            row.to += n;
            row.width += width;
        }
        p += n;
    }
    g_array_append_val(shown->rows, row);
    for (size_t i = 0; i < shown->rows->len; i++)
        if (row_at(shown, i)->from <= shown->cursor)
            shown->cursor_row = i;
}

static void append_part(GString *out, const struct screen *s, const struct shown *shown, size_t from, size_t to)
{
    gchar *part = g_strndup(shown->text->str + from, to - from), *bytes = style_render(part, s->depth);
    g_string_append(out, bytes);
    g_free(bytes);
    g_free(part);
}

static void note_row(struct screen *s, long width)
{
    g_array_append_val(s->above, width);
}

static void draw_status_row(struct screen *s, const char *row, long columns, GString *out)
{
    gchar *cut = width_cut(row, columns), *bytes = style_render(cut, s->depth);
    g_string_append(out, bytes);
    g_string_append(out, "\n");
    note_row(s, width_of(cut, strlen(cut)));
    g_free(bytes);
    g_free(cut);
}

/* Of a low terminal the last rows are left out. */
static void draw_status(struct screen *s, const char *status, long columns, GString *out)
{
    gchar **rows = g_strsplit(status, "\n", -1);
    for (long i = 0; rows[i] && s->rows > 2 + i; i++)
        draw_status_row(s, rows[i], columns, out);
    g_strfreev(rows);
}

void screen_draw(struct screen *s, const struct screen_view *view, GString *out)
{
    struct shown shown = {0};
    long columns = MAX(s->columns - 1, (long)COLUMNS_MIN);
    g_array_set_size(s->above, 0);
    if (view->status)
        draw_status(s, view->status, columns, out);
    show_text(&shown, view);
    break_rows(&shown, columns);
    size_t most = (size_t)MAX(s->rows / 2, 1), all = shown.rows->len;
    size_t first = shown.cursor_row + 1 > most ? shown.cursor_row + 1 - most : 0, end = MIN(first + most, all);
    for (size_t i = first; i < end; i++) {
        const struct row *row = row_at(&shown, i);
        append_part(out, s, &shown, row->from, row->to);
        if (i + 1 < end)
            g_string_append(out, "\n");
        if (i < shown.cursor_row)
            note_row(s, row->width);
    }
    const struct row *row = row_at(&shown, shown.cursor_row);
    if (end - 1 > shown.cursor_row)
        g_string_append_printf(out, "\033[%zuA", end - 1 - shown.cursor_row);
    if (shown.cursor < row->to || end - 1 > shown.cursor_row) {
        g_string_append(out, "\r");
        append_part(out, s, &shown, row->from, shown.cursor);
    }
    s->cursor = width_of(shown.text->str + row->from, shown.cursor - row->from);
    s->drawn = TRUE;
    g_string_free(shown.text, TRUE);
    g_array_unref(shown.rows);
}

void screen_erase(struct screen *s, GString *out)
{
    if (!s->drawn)
        return;
    long columns = MAX(s->columns, 1), up = s->cursor / columns;
    for (size_t i = 0; i < s->above->len; i++)
        up += 1 + MAX(g_array_index(s->above, long, i) - 1, 0) / columns;
    if (up > 0)
        g_string_append_printf(out, "\033[%ldA", up);
    g_string_append(out, "\r" ERASE_BELOW);
    s->drawn = FALSE;
}

void screen_init(struct screen *s, enum style_depth depth)
{
    *s = (struct screen){.columns = 80, .rows = 24, .depth = depth};
    s->above = g_array_new(FALSE, FALSE, sizeof(long));
}

void screen_done(struct screen *s)
{
    if (s->above)
        g_array_unref(s->above);
    s->above = NULL;
}
