/* SPDX-License-Identifier: MIT
 *
 * libedit, unbuffered: each el_gets takes the keys that are there and comes back, so the main loop goes on. To print
 * above, the rows of what is being typed are cleared, the line is written, and libedit draws its rows again.
 *
 * libedit's native interface rather than its readline one: that has no user pointer, and needs a global.
 */
#include "peer/cli/term.h"

#include <glib-unix.h>
#include <histedit.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum {
    HISTORY_LINES = 500,
    COLUMNS_DEFAULT = 80
};

struct term {
    struct term_callbacks callbacks;
    void *user;
    EditLine *edit;
    History *history;
    gchar *prompt;
    guint source, resize;
    gboolean taking; /* a line is being taken: nothing is being typed, and there is no prompt */
};

static char *prompt_of(EditLine *edit)
{
    struct term *t = NULL;
    el_get(edit, EL_CLIENTDATA, &t);
    return t->prompt;
}

static glong width_of(const char *text, size_t n)
{
    glong width = 0;
    for (const char *p = text; p < text + n; p = g_utf8_next_char(p)) {
        gunichar c = g_utf8_get_char(p);
        width += g_unichar_iszerowidth(c) ? 0 : g_unichar_iswide(c) ? 2 : 1;
    }
    return width;
}

static glong columns(void)
{
    struct winsize size;
    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : COLUMNS_DEFAULT;
}

/* To the first column of the prompt's row, and clears from there on. */
static void clear_typed(struct term *t)
{
    const LineInfo *line = el_line(t->edit);
    glong before =
        width_of(t->prompt, strlen(t->prompt)) + width_of(line->buffer, (size_t)(line->cursor - line->buffer));
    glong up = before / columns();
    if (up > 0)
        printf("\033[%ldA", up);
    fputs("\r\033[J", stdout);
}

void term_print(struct term *t, const char *line)
{
    if (!t->taking)
        clear_typed(t);
    puts(line);
    fflush(stdout);
    if (!t->taking)
        el_set(t->edit, EL_REFRESH);
}

static void take_line(struct term *t, const char *text, size_t n)
{
    gchar *line = g_strndup(text, n);
    HistEvent event;
    if (*line)
        history(t->history, &event, H_ENTER, line);
    el_set(t->edit, EL_UNBUFFERED, 0);
    t->taking = TRUE;
    t->callbacks.on_line(t->user, line);
    t->taking = FALSE;
    el_set(t->edit, EL_UNBUFFERED, 1);
    g_free(line);
}

static gboolean on_key(gint fd, GIOCondition condition, gpointer user)
{
    (void)fd;
    struct term *t = user;
    int n = 0;
    const char *text = condition & G_IO_IN ? el_gets(t->edit, &n) : NULL;
    if (text && n > 0 && (text[n - 1] == '\n' || text[n - 1] == '\r')) {
        take_line(t, text, (size_t)n - 1);
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
    HistEvent event;
    t->callbacks = *callbacks;
    t->user = user;
    t->prompt = g_strdup(prompt);
    t->history = history_init();
    t->edit = el_init("usher", stdin, stdout, stderr);
    if (!t->edit || !t->history) {
        term_free(t);
        return NULL;
    }
    history(t->history, &event, H_SETSIZE, HISTORY_LINES);
    el_set(t->edit, EL_CLIENTDATA, t);
    el_set(t->edit, EL_PROMPT, prompt_of);
    el_set(t->edit, EL_EDITOR, "emacs");
    el_set(t->edit, EL_HIST, history, t->history);
    el_set(t->edit, EL_SIGNAL, 0);
    el_set(t->edit, EL_UNBUFFERED, 1);
    t->source = g_unix_fd_add(STDIN_FILENO, G_IO_IN | G_IO_HUP | G_IO_ERR, on_key, t);
    t->resize = g_unix_signal_add(SIGWINCH, on_resize, t);
    el_set(t->edit, EL_REFRESH);
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
        el_set(t->edit, EL_UNBUFFERED, 0);
        el_end(t->edit);
    }
    if (t->history)
        history_end(t->history);
    g_free(t->prompt);
    g_free(t);
}
