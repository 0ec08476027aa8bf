/* SPDX-License-Identifier: MIT
 *
 * libedit edits, without eyes and ears (docs/decisions/0016). What it would draw goes to /dev/null: it knows nothing of
 * accents, which take no column, and of what is printed above the line. What it would read comes from here, one key at a
 * time that stands for one of its commands: it waits for the rest of a key, and of a search, with the whole program.
 *
 * libedit's native interface rather than its readline one: that has no user pointer, and needs a global. Its wide
 * characters rather than its bytes: el_gets copies the whole line at each key, which made a long one cost its square.
 */
#include "peer/cli/edit.h"

#include <glib.h>
#include <histedit.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "peer/cli/width.h"

/* glibc's and musl's wchar_t is UCS-4. */
_Static_assert(sizeof(wchar_t) == sizeof(gunichar), "a wchar_t is not a code point here");

struct edit {
    EditLine *edit;
    HistoryW *history;
    FILE *nowhere;
    wchar_t command; /* that libedit reads next; 0: none */
};

enum {
    NEW_LINE = 21
};

/* Which command of libedit a key is; it is bound to a control character of its own. */
static const struct {
    enum key key;
    wchar_t code;
    const wchar_t *bound, *name;
} COMMANDS[] = {
    {KEY_LEFT, 1, L"^A", L"ed-prev-char"},
    {KEY_RIGHT, 2, L"^B", L"ed-next-char"},
    {KEY_WORD_LEFT, 3, L"^C", L"ed-prev-word"},
    {KEY_WORD_RIGHT, 4, L"^D", L"em-next-word"},
    {KEY_HOME, 5, L"^E", L"ed-move-to-beg"},
    {KEY_END, 6, L"^F", L"ed-move-to-end"},
    {KEY_UP, 7, L"^G", L"ed-prev-history"},
    {KEY_DOWN, 8, L"^H", L"ed-next-history"},
    {KEY_BACKSPACE, 11, L"^K", L"em-delete-prev-char"},
    {KEY_DELETE, 12, L"^L", L"ed-delete-next-char"},
    {KEY_DELETE_OR_LEAVE, 12, L"^L", L"ed-delete-next-char"},
    {KEY_WORD_BACKSPACE, 14, L"^N", L"ed-delete-prev-word"},
    {KEY_WORD_DELETE, 15, L"^O", L"em-delete-next-word"},
    {KEY_KILL_END, 16, L"^P", L"ed-kill-line"},
    {KEY_KILL_BEGIN, 17, L"^Q", L"vi-kill-line-prev"},
    {KEY_YANK, 18, L"^R", L"em-yank"},
    {KEY_TRANSPOSE, 20, L"^T", L"ed-transpose-chars"},
    {KEY_CANCEL, NEW_LINE, L"^U", L"ed-start-over"},
};

static int next_command(EditLine *edit, wchar_t *c)
{
    struct edit *e = NULL;
    el_wget(edit, EL_CLIENTDATA, &e);
    *c = e->command;
    e->command = 0;
    return *c ? 1 : 0;
}

static wchar_t *no_prompt(EditLine *edit)
{
    static wchar_t NOTHING[] = L"";
    (void)edit;
    return NOTHING;
}

static void do_command(struct edit *e, wchar_t code)
{
    int n;
    e->command = code;
    el_wgets(e->edit, &n);
}

/* libedit takes one code point at a time. How many of them make what a person takes for one character (width.h), before the
 * cursor or behind it. */
static size_t points_of_character(const struct edit *e, bool before)
{
    size_t cursor, n = 0;
    long width;
    gchar *text = edit_text(e, &cursor);
    const char *from = text, *to = text;
    while (*to && (before ? to < text + cursor : to <= text + cursor)) {
        from = to;
        to += width_next(to, &width);
    }
    if (before)
        to = text + cursor;
    else
        from = text + cursor;
    if (to > from)
        n = (size_t)g_utf8_strlen(from, to - from);
    g_free(text);
    return n;
}

void edit_key(struct edit *e, enum key key)
{
    size_t times = 1;
    if (key == KEY_BACKSPACE || key == KEY_LEFT)
        times = points_of_character(e, true);
    else if (key == KEY_DELETE || key == KEY_DELETE_OR_LEAVE || key == KEY_RIGHT)
        times = points_of_character(e, false);
    for (size_t i = 0; i < G_N_ELEMENTS(COMMANDS); i++)
        if (COMMANDS[i].key == key)
            for (size_t k = 0; k < times; k++)
                do_command(e, COMMANDS[i].code);
}

bool edit_insert(struct edit *e, const char *text, size_t n)
{
    const LineInfoW *line = el_wline(e->edit);
    glong got = 0, room = EDIT_MAX - (line->lastchar - line->buffer);
    gunichar *wide = g_utf8_to_ucs4_fast(text, (glong)n, &got);
    bool whole = got <= room;
    wide[whole ? got : MAX(room, 0)] = 0;
    bool inserted = *wide == 0 || el_winsertstr(e->edit, (const wchar_t *)wide) == 0;
    g_free(wide);
    return whole && inserted;
}

void edit_erase(struct edit *e, size_t n)
{
    el_wdeletestr(e->edit, (int)n);
}

static gchar *utf8(const wchar_t *text, glong n)
{
    gchar *out = g_ucs4_to_utf8((const gunichar *)text, n, NULL, NULL, NULL);
    return out ? out : g_strdup("");
}

char *edit_text(const struct edit *e, size_t *cursor)
{
    const LineInfoW *line = el_wline(e->edit);
    gchar *before = utf8(line->buffer, line->cursor - line->buffer);
    gchar *behind = utf8(line->cursor, line->lastchar - line->cursor);
    gchar *all = g_strconcat(before, behind, NULL);
    *cursor = strlen(before);
    g_free(before);
    g_free(behind);
    return all;
}

bool edit_is_empty(const struct edit *e)
{
    const LineInfoW *line = el_wline(e->edit);
    return line->lastchar == line->buffer;
}

void edit_replace(struct edit *e, const char *text)
{
    do_command(e, NEW_LINE);
    edit_insert(e, text, strlen(text));
}

static void remember(struct edit *e, const char *line)
{
    HistEventW event;
    gunichar *wide = g_utf8_to_ucs4_fast(line, -1, NULL);
    bool same = history_w(e->history, &event, H_FIRST) == 0 && wcscmp(event.str, (const wchar_t *)wide) == 0;
    if (*wide && !same)
        history_w(e->history, &event, H_ENTER, (const wchar_t *)wide);
    g_free(wide);
}

char *edit_take(struct edit *e)
{
    size_t cursor;
    gchar *line = edit_text(e, &cursor);
    remember(e, line);
    do_command(e, NEW_LINE);
    return line;
}

char *edit_find(struct edit *e, const char *words, unsigned skip)
{
    HistEventW event;
    gchar *found = NULL;
    gunichar *wide = g_utf8_to_ucs4_fast(words, -1, NULL);
    int rc = history_w(e->history, &event, H_FIRST);
    for (; rc == 0 && !found; rc = history_w(e->history, &event, H_NEXT))
        if (wcsstr(event.str, (const wchar_t *)wide) && skip-- == 0)
            found = utf8(event.str, (glong)wcslen(event.str));
    g_free(wide);
    return found;
}

void edit_suspend(struct edit *e)
{
    el_wset(e->edit, EL_PREP_TERM, 0);
}

void edit_resume(struct edit *e)
{
    el_wset(e->edit, EL_PREP_TERM, 1);
}

struct edit *edit_new(void)
{
    HistEventW event;
    struct edit *e = g_new0(struct edit, 1);
    e->nowhere = fopen("/dev/null", "w");
    e->history = history_winit();
    if (e->nowhere)
        e->edit = el_init_fd("usher", stdin, e->nowhere, e->nowhere, STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO);
    if (!e->edit || !e->history) {
        edit_free(e);
        return NULL;
    }
    history_w(e->history, &event, H_SETSIZE, EDIT_HISTORY);
    el_wset(e->edit, EL_CLIENTDATA, e);
    el_wset(e->edit, EL_PROMPT, no_prompt);
    el_wset(e->edit, EL_EDITOR, L"emacs");
    el_wset(e->edit, EL_HIST, history_w, e->history);
    el_wset(e->edit, EL_SIGNAL, 0);
    el_wset(e->edit, EL_GETCFN, next_command);
    for (size_t i = 0; i < G_N_ELEMENTS(COMMANDS); i++)
        el_wset(e->edit, EL_BIND, COMMANDS[i].bound, COMMANDS[i].name, NULL);
    /* A control-S would stop what is printed, and with it the whole program. */
    el_wset(e->edit, EL_SETTY, L"-d", L"-ixon", NULL);
    el_wset(e->edit, EL_UNBUFFERED, 1);
    return e;
}

void edit_free(struct edit *e)
{
    if (!e)
        return;
    if (e->edit) {
        el_wset(e->edit, EL_UNBUFFERED, 0);
        el_end(e->edit);
    }
    if (e->history)
        history_wend(e->history);
    if (e->nowhere)
        fclose(e->nowhere);
    g_free(e);
}
