/* SPDX-License-Identifier: MIT
 *
 * libedit, unbuffered: each el_wgets takes the keys that are there and comes back, so the main loop goes on. To print
 * above, the rows of what is being typed are cleared, the line is written, and libedit draws its rows again.
 *
 * libedit's native interface rather than its readline one: that has no user pointer, and needs a global. Its wide
 * characters rather than its bytes: el_gets copies the whole line at each key, which made a long one cost its square.
 */
#include "peer/cli/term.h"

#include <glib-unix.h>
#include <histedit.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "peer/cli/fold.h"

enum {
    HISTORY_LINES = 500,
    COLUMNS_DEFAULT = 80
};

/* glibc's and musl's wchar_t is UCS-4. */
_Static_assert(sizeof(wchar_t) == sizeof(gunichar), "a wchar_t is not a code point here");

struct term {
    struct term_callbacks callbacks;
    void *user;
    EditLine *edit;
    HistoryW *history;
    wchar_t *prompt; /* g_free */
    long prompt_width;
    guint source, resize;
    gboolean taking; /* a line is being taken: nothing is being typed, and there is no prompt */
};

static wchar_t *prompt_of(EditLine *edit)
{
    struct term *t = NULL;
    el_wget(edit, EL_CLIENTDATA, &t);
    return t->prompt;
}

static long columns(void)
{
    struct winsize size;
    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : COLUMNS_DEFAULT;
}

static gchar *utf8(const wchar_t *text, long n)
{
    return g_ucs4_to_utf8((const gunichar *)text, n, NULL, NULL, NULL);
}

/* To the first column of the prompt's row, and clears from there on. */
static void clear_typed(struct term *t)
{
    const LineInfoW *line = el_wline(t->edit);
    gchar *before = utf8(line->buffer, line->cursor - line->buffer);
    long up = (t->prompt_width + (before ? fold_width(before, strlen(before)) : 0)) / columns();
    g_free(before);
    if (up > 0)
        printf("\033[%ldA", up);
    fputs("\r\033[J", stdout);
}

void term_print(struct term *t, const char *line)
{
    char *rows = fold_lines(line, columns());
    if (!t->taking)
        clear_typed(t);
    puts(rows);
    fflush(stdout);
    g_free(rows);
    if (!t->taking)
        el_wset(t->edit, EL_REFRESH);
}

static void take_line(struct term *t, const wchar_t *text, long n)
{
    HistEventW event;
    gchar *line = utf8(text, n);
    if (line && *line) {
        gunichar *kept = g_utf8_to_ucs4_fast(line, -1, NULL); /* ends with a NUL, as text does not */
        history_w(t->history, &event, H_ENTER, (const wchar_t *)kept);
        g_free(kept);
    }
    el_wset(t->edit, EL_UNBUFFERED, 0);
    t->taking = TRUE;
    if (line)
        t->callbacks.on_line(t->user, line);
    t->taking = FALSE;
    el_wset(t->edit, EL_UNBUFFERED, 1);
    g_free(line);
}

static gboolean on_key(gint fd, GIOCondition condition, gpointer user)
{
    (void)fd;
    struct term *t = user;
    int n = 0;
    const wchar_t *text = condition & G_IO_IN ? el_wgets(t->edit, &n) : NULL;
    if (text && n > 0 && (text[n - 1] == '\n' || text[n - 1] == '\r')) {
        take_line(t, text, n - 1);
    } else if ((!text && n <= 0) || (text && n == 1 && text[0] == 4)) {
        t->source = 0;
        t->callbacks.on_end(t->user);
        return G_SOURCE_REMOVE;
    }
    return G_SOURCE_CONTINUE;
}

static gboolean on_resize(gpointer user)
{
    struct term *t = user;
    el_resize(t->edit);
    return G_SOURCE_CONTINUE;
}

struct term *term_new(const char *prompt, const struct term_callbacks *callbacks, void *user)
{
    struct term *t = g_new0(struct term, 1);
    HistEventW event;
    t->callbacks = *callbacks;
    t->user = user;
    t->prompt = (wchar_t *)g_utf8_to_ucs4_fast(prompt, -1, NULL);
    t->prompt_width = fold_width(prompt, strlen(prompt));
    t->history = history_winit();
    t->edit = el_init("usher", stdin, stdout, stderr);
    if (!t->edit || !t->history) {
        term_free(t);
        return NULL;
    }
    history_w(t->history, &event, H_SETSIZE, HISTORY_LINES);
    el_wset(t->edit, EL_CLIENTDATA, t);
    el_wset(t->edit, EL_PROMPT, prompt_of);
    el_wset(t->edit, EL_EDITOR, L"emacs");
    el_wset(t->edit, EL_HIST, history_w, t->history);
    el_wset(t->edit, EL_SIGNAL, 0);
    el_wset(t->edit, EL_UNBUFFERED, 1); /* draws the prompt */
    t->source = g_unix_fd_add(STDIN_FILENO, G_IO_IN | G_IO_HUP | G_IO_ERR, on_key, t);
    t->resize = g_unix_signal_add(SIGWINCH, on_resize, t);
    return t;
}

void term_free(struct term *t)
{
    if (!t)
        return;
    if (t->source)
        g_source_remove(t->source);
    if (t->resize)
        g_source_remove(t->resize);
    if (t->edit) {
        clear_typed(t);
        fflush(stdout);
        el_wset(t->edit, EL_UNBUFFERED, 0);
        el_end(t->edit);
    }
    if (t->history)
        history_wend(t->history);
    g_free(t->prompt);
    g_free(t);
}
