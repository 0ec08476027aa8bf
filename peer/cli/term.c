/* SPDX-License-Identifier: MIT
 *
 * The main loop says that there are keys, one read(2) takes what is there, keys.c takes it apart, edit.c edits, and screen.c
 * draws the bottom again once for all of them. To print above, the bottom is erased, the line is written, and the bottom is
 * drawn again, all in one write.
 *
 * Pasted text is marked by the terminal (its mode 2004): a newline in it does not send the line.
 */
#include "peer/cli/term.h"

#include <errno.h>
#include <glib-unix.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "peer/cli/edit.h"
#include "peer/cli/fold.h"
#include "peer/cli/keys.h"
#include "peer/cli/plain.h"
#include "peer/cli/screen.h"
#include "peer/cli/suspend.h"
#include "peer/cli/terminfo.h"

#define PASTES_ARE_MARKED "\033[?2004h"
#define PASTES_ARE_NOT "\033[?2004l"
#define CLEAR "\033[H\033[2J"
#define BELL "\a"
enum {
    READ_BYTES = 4096
};

struct term {
    struct term_callbacks callbacks;
    void *user;
    struct edit *edit;
    struct screen screen;
    gchar *prompt, *status; /* g_free */
    GString *wanted;        /* words that are searched for; NULL: no search */
    gchar *unsearched;      /* g_free; what was being typed before */
    unsigned skip;          /* what was found before them, in the search */
    struct suspend *suspend;
    guint source, resize;
    gboolean busy;              /* keys are being handled: the bottom is drawn when they are */
    gboolean pasting, after_cr; /* in marked text; a CR was its last byte */
    gboolean changed, ended;
    char keys[READ_BYTES + KEYS_BYTES_MAX];
    size_t n; /* of them */
};

static void write_out(GString *out)
{
    fwrite(out->str, 1, out->len, stdout);
    fflush(stdout);
    g_string_free(out, TRUE);
}

static void measure(struct term *t)
{
    struct winsize size;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 && size.ws_row > 0) {
        t->screen.columns = size.ws_col;
        t->screen.rows = size.ws_row;
    }
}

static void draw(struct term *t, GString *out)
{
    struct screen_view view = {.status = t->status, .prompt = t->prompt};
    gchar *text = edit_text(t->edit, &view.cursor), *prompt = NULL;
    view.text = text;
    if (t->wanted)
        view.prompt = prompt = g_strdup_printf("(search: %s) ", t->wanted->str);
    screen_draw(&t->screen, &view, out);
    g_free(prompt);
    g_free(text);
}

static void redraw(struct term *t)
{
    if (t->busy || t->ended)
        return;
    GString *out = g_string_new(NULL);
    measure(t);
    screen_erase(&t->screen, out);
    draw(t, out);
    write_out(out);
}

void term_print(struct term *t, const char *line)
{
    GString *out = g_string_new(NULL);
    measure(t);
    screen_erase(&t->screen, out);
    gchar *rows = fold_lines(line, t->screen.columns), *bytes = style_render(rows, t->screen.depth);
    g_string_append_printf(out, "%s\n", bytes);
    g_free(bytes);
    g_free(rows);
    if (!t->busy && !t->ended)
        draw(t, out);
    write_out(out);
}

long term_columns(const struct term *t)
{
    return t->screen.columns;
}

void term_status(struct term *t, const char *status)
{
    if (g_strcmp0(t->status, status) == 0)
        return;
    g_free(t->status);
    t->status = g_strdup(status);
    redraw(t);
}

/* ---- keys ---- */

static void beep(void)
{
    fputs(BELL, stdout);
}

static void insert(struct term *t, const char *text, size_t n)
{
    if (!edit_insert(t->edit, text, n))
        beep();
    t->changed = TRUE;
}

/* The line goes up as it was typed, with its prompt, and something new is at the bottom. */
static void enter(struct term *t)
{
    gchar *line = edit_take(t->edit), *harmless = plain_text(line, TRUE);
    gchar *said = g_strconcat(t->prompt, harmless, NULL);
    t->changed = FALSE;
    term_print(t, said);
    t->callbacks.on_line(t->user, line);
    g_free(said);
    g_free(harmless);
    g_free(line);
}

/* Bytes that all of them begin with. */
static size_t in_common(const GPtrArray *found)
{
    const char *first = g_ptr_array_index(found, 0);
    size_t n = strlen(first);
    for (guint i = 1; i < found->len; i++) {
        size_t same = 0;
        const char *other = g_ptr_array_index(found, i);
        while (same < n && first[same] == other[same])
            same++;
        n = same;
    }
    while (n > 0 && (first[n] & 0xc0) == 0x80)
        n--; /* not into a character */
    return n;
}

static void list(struct term *t, const struct term_completion *c)
{
    GString *line = g_string_new("*");
    for (guint i = 0; i < c->found->len; i++)
        g_string_append_printf(line, c->of_others ? "  <%s>" : "  %s", (const char *)g_ptr_array_index(c->found, i));
    term_print(t, line->str);
    g_string_free(line, TRUE);
}

static void complete(struct term *t)
{
    size_t cursor;
    gchar *text = edit_text(t->edit, &cursor);
    text[cursor] = '\0';
    struct term_completion c = {.found = g_ptr_array_new_with_free_func(g_free), .from = cursor, .suffix = ""};
    t->callbacks.on_tab(t->user, text, &c);
    size_t typed = (size_t)g_utf8_strlen(text + c.from, -1);
    if (c.found->len > 0) {
        const char *first = g_ptr_array_index(c.found, 0);
        size_t n = in_common(c.found);
        if (c.found->len > 1 && (size_t)g_utf8_strlen(first, (gssize)n) <= typed) {
            list(t, &c);
        } else {
            edit_erase(t->edit, typed);
            insert(t, first, n);
            if (c.found->len == 1)
                insert(t, c.suffix, strlen(c.suffix));
        }
    } else {
        beep();
    }
    g_ptr_array_unref(c.found);
    g_free(text);
}

static void end_search(struct term *t)
{
    g_string_free(t->wanted, TRUE);
    t->wanted = NULL;
    g_clear_pointer(&t->unsearched, g_free);
}

static void begin_search(struct term *t)
{
    size_t cursor;
    t->wanted = g_string_new(NULL);
    t->unsearched = edit_text(t->edit, &cursor);
    t->skip = 0;
}

static void search(struct term *t)
{
    gchar *found = t->wanted->len > 0 ? edit_find(t->edit, t->wanted->str, t->skip) : NULL;
    if (found)
        edit_replace(t->edit, found);
    else if (t->wanted->len > 0)
        beep();
    if (!found && t->skip > 0)
        t->skip--;
    g_free(found);
}

/* Whether the search took this key; any other key ends it and acts on what was found. */
static gboolean search_key(struct term *t, enum key key, const char *bytes, size_t n)
{
    if (key == KEY_TEXT) {
        g_string_append_len(t->wanted, bytes, (gssize)n);
        t->skip = 0;
    } else if (key == KEY_SEARCH) {
        t->skip++;
    } else if (key == KEY_BACKSPACE && t->wanted->len > 0) {
        const char *last = g_utf8_prev_char(t->wanted->str + t->wanted->len);
        g_string_truncate(t->wanted, (gsize)(last - t->wanted->str));
        t->skip = 0;
    } else {
        if (key == KEY_CANCEL)
            edit_replace(t->edit, t->unsearched);
        end_search(t);
        return key == KEY_CANCEL;
    }
    search(t);
    return TRUE;
}

/* The end of the last line of what is pasted is no line more. */
static void end_paste(struct term *t)
{
    size_t cursor;
    gchar *text = edit_text(t->edit, &cursor);
    if (cursor > 0 && text[cursor - 1] == '\n')
        edit_erase(t->edit, 1);
    g_free(text);
    t->pasting = FALSE;
}

/* Terminals paste a newline as CR, LF or both. */
static void paste_key(struct term *t, enum key key, const char *bytes, size_t n)
{
    gboolean second = *bytes == '\n' && t->after_cr;
    t->after_cr = *bytes == '\r';
    if (key == KEY_TEXT)
        insert(t, bytes, n);
    else if ((*bytes == '\r' || *bytes == '\n') && !second)
        insert(t, "\n", 1);
    else if (key == KEY_TAB)
        insert(t, " ", 1);
    else if (key == KEY_PASTE_END)
        end_paste(t);
}

static void leave(struct term *t)
{
    GString *out = g_string_new(NULL);
    screen_erase(&t->screen, out);
    write_out(out);
    t->ended = TRUE;
    t->callbacks.on_end(t->user);
}

static void act(struct term *t, enum key key, const char *bytes, size_t n)
{
    if (t->pasting) {
        paste_key(t, key, bytes, n);
        return;
    }
    if (t->wanted && search_key(t, key, bytes, n))
        return;
    switch (key) {
    case KEY_TEXT:
        insert(t, bytes, n);
        return;
    case KEY_ENTER:
        enter(t);
        return;
    case KEY_TAB:
        complete(t);
        return;
    case KEY_SEARCH:
        begin_search(t);
        return;
    case KEY_REDRAW:
        fputs(CLEAR, stdout);
        t->screen.drawn = FALSE;
        return;
    case KEY_PASTE_BEGIN:
        t->pasting = TRUE;
        return;
    case KEY_DELETE_OR_LEAVE:
        if (edit_is_empty(t->edit)) {
            leave(t);
            return;
        }
        edit_key(t->edit, key);
        return;
    default:
        edit_key(t->edit, key);
        return;
    }
}

static void tell_typing(struct term *t)
{
    size_t cursor;
    gchar *text = edit_text(t->edit, &cursor);
    if (t->changed && *text)
        t->callbacks.on_typing(t->user, text);
    t->changed = FALSE;
    g_free(text);
}

static gboolean on_keys(gint fd, GIOCondition condition, gpointer user)
{
    struct term *t = user;
    (void)condition;
    g_assert(t->n < KEYS_BYTES_MAX);
    ssize_t got = read(fd, t->keys + t->n, READ_BYTES);
    if (got < 0 && (errno == EINTR || errno == EAGAIN))
        return G_SOURCE_CONTINUE;
    t->busy = TRUE;
    t->n += got > 0 ? (size_t)got : 0;
    size_t from = 0, used;
    enum key key;
    while (!t->ended && (used = keys_next(t->keys + from, t->n - from, &key)) > 0) {
        act(t, key, t->keys + from, used);
        from += used;
    }
    t->n -= from;
    memmove(t->keys, t->keys + from, t->n);
    if (got <= 0 && !t->ended)
        leave(t);
    t->busy = FALSE;
    if (t->ended) {
        t->source = 0;
        return G_SOURCE_REMOVE;
    }
    tell_typing(t);
    redraw(t);
    return G_SOURCE_CONTINUE;
}

static gboolean on_resize(gpointer user)
{
    struct term *t = user;
    redraw(t);
    return G_SOURCE_CONTINUE;
}

/* The bottom goes, so that the shell's prompt stands below what was said. */
static void give_back(void *user)
{
    struct term *t = user;
    GString *out = g_string_new(NULL);
    measure(t);
    screen_erase(&t->screen, out);
    g_string_append(out, PASTES_ARE_NOT);
    write_out(out);
    edit_suspend(t->edit);
}

static void take_again(void *user)
{
    struct term *t = user;
    edit_resume(t->edit);
    fputs(PASTES_ARE_MARKED, stdout);
    redraw(t);
}

/* ---- life ---- */

gboolean term_prepare(void)
{
    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO) || !terminfo_moves(STDOUT_FILENO))
        return FALSE;
    suspend_prepare();
    return TRUE;
}

struct term *term_new(const char *prompt, const struct term_callbacks *callbacks, void *user)
{
    struct term *t = g_new0(struct term, 1);
    t->suspend = suspend_new(give_back, take_again, t);
    t->edit = edit_new();
    if (!t->edit) {
        suspend_free(t->suspend);
        g_free(t);
        return NULL;
    }
    t->callbacks = *callbacks;
    t->user = user;
    t->prompt = g_strdup(prompt);
    screen_init(&t->screen, style_depth(STDOUT_FILENO));
    fputs(PASTES_ARE_MARKED, stdout);
    t->source = g_unix_fd_add(STDIN_FILENO, G_IO_IN | G_IO_HUP | G_IO_ERR, on_keys, t);
    t->resize = g_unix_signal_add(SIGWINCH, on_resize, t);
    redraw(t);
    return t;
}

void term_free(struct term *t)
{
    if (!t)
        return;
    if (t->source)
        g_source_remove(t->source);
    g_source_remove(t->resize);
    suspend_free(t->suspend);
    give_back(t);
    edit_free(t->edit);
    screen_done(&t->screen);
    if (t->wanted)
        end_search(t);
    g_free(t->prompt);
    g_free(t->status);
    g_free(t);
}
