/* SPDX-License-Identifier: MIT
 *
 * The rows stand below the last line; the cursor stays behind the last of them. A line that is printed takes them away, and
 * draws them again below. A row is never as wide as the terminal, so that the terminal never breaks it.
 */
#include "peer/cli/show.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "peer/cli/page_link.h"
#include "peer/cli/style.h"

enum {
    ROWS_DEFAULT = 24,
    COLUMNS_DEFAULT = 80,
    QR_ROWS_LEFT = 5 /* for what stands below a QR code */
};

static struct winsize size_of_terminal(void)
{
    struct winsize size;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col <= 1)
        size = (struct winsize){.ws_row = ROWS_DEFAULT, .ws_col = COLUMNS_DEFAULT};
    return size;
}

static void flush(struct show *s)
{
    if (fflush(stdout) != 0 || ferror(stdout))
        s->broken = true;
}

static void take_away(struct show *s)
{
    for (size_t i = 0; i < s->drawn; i++)
        fputs(i + 1 < s->drawn ? "\r\033[K\033[1A" : "\r\033[K", stdout);
    s->drawn = 0;
}

static void draw(struct show *s)
{
    char *rows[SHOW_ROWS_MAX];
    if (!s->terminal || !s->rows)
        return;
    size_t n = s->rows(s->user, size_of_terminal().ws_col - 1, rows);
    take_away(s);
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            putchar('\n');
        fputs(rows[i], stdout);
        g_free(rows[i]);
    }
    s->drawn = n;
    s->drawn_at = g_get_monotonic_time();
    flush(s);
}

static gboolean on_timer(gpointer user)
{
    struct show *s = user;
    s->timer = 0;
    draw(s);
    return G_SOURCE_REMOVE;
}

void show_init(
    struct show *s, bool json, size_t (*rows)(void *user, long columns, char *rows[SHOW_ROWS_MAX]), void *user)
{
    const char *term = g_getenv("TERM");
    *s = (struct show){.json = json, .rows = rows, .user = user};
    s->terminal = !json && isatty(STDOUT_FILENO) && term && *term && strcmp(term, "dumb") != 0;
}

void show_done(struct show *s)
{
    if (s->timer)
        g_source_remove(s->timer);
    s->timer = 0;
    s->rows = NULL;
    take_away(s);
    flush(s);
}

void show_line(struct show *s, const char *format, ...)
{
    if (s->json)
        return;
    va_list args;
    va_start(args, format);
    take_away(s);
    vprintf(format, args);
    putchar('\n');
    va_end(args);
    flush(s);
    draw(s);
}

void show_remark(struct show *s, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    take_away(s);
    flush(s);
    fputs("usher: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    draw(s);
}

void show_qr(struct show *s, const char *text)
{
    struct winsize size = size_of_terminal();
    if (!s->terminal || size.ws_row <= QR_ROWS_LEFT)
        return;
    char *rows =
        page_link_qr(text, style_depth(STDOUT_FILENO) != STYLE_NONE, size.ws_row - QR_ROWS_LEFT, size.ws_col - 1u);
    if (rows) {
        take_away(s);
        fputs(rows, stdout);
        flush(s);
        draw(s);
    }
    g_free(rows);
}

void show_event(struct show *s, json_t *event)
{
    char *line = s->json && event ? json_dumps(event, JSON_COMPACT) : NULL;
    json_decref(event);
    if (line) {
        puts(line);
        flush(s);
    }
    free(line);
}

void show_changed(struct show *s)
{
    if (!s->terminal || s->timer)
        return;
    gint64 wait = SHOW_DRAW_MS - (g_get_monotonic_time() - s->drawn_at) / 1000;
    s->timer = g_timeout_add((guint)CLAMP(wait, 1, SHOW_DRAW_MS), on_timer, s);
}
