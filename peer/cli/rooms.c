/* SPDX-License-Identifier: MIT
 *
 * `usher rooms`: one request to the server, printed for a person or, with --json, for a program. What a person reads of a list are
 * others' words, so a name is made harmless, and cut where it would push a row out of the terminal. Standard output has what was
 * asked for and nothing else; what is worth knowing beside it goes to standard error.
 *
 * Nothing has to be ended politely: SIGINT and SIGTERM end the process as they are.
 */
#include <glib.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "peer/cli/commands.h"
#include "peer/cli/fold.h"
#include "peer/cli/plain.h"
#include "peer/cli/width.h"

enum {
    NAME_COLUMNS = 40,
    COLUMNS = 5
};

struct rooms {
    const struct options *options;
    GMainLoop *loop;
    int status;
};

/* ---- a table ---- */

static long columns_of(const char *text)
{
    return width_of(text, strlen(text));
}

static gchar *date_of(uint64_t ms)
{
    GDateTime *at = ms / 1000 <= G_MAXINT64 ? g_date_time_new_from_unix_local((gint64)(ms / 1000)) : NULL;
    gchar *text = at ? g_date_time_format(at, "%Y-%m-%d %H:%M") : g_strdup("-");
    if (at)
        g_date_time_unref(at);
    return text;
}

/* The cells of one row, COLUMNS of them, each for g_free. */
static void fill_row(gchar **cells, const struct usher_room *room)
{
    gchar *name = plain_text(room->name, FALSE);
    cells[0] = g_strdup(room->id);
    cells[1] = width_cut(name, NAME_COLUMNS);
    cells[2] = room->max_peers
                   ? g_strdup_printf("%" G_GUINT64_FORMAT "/%" G_GUINT64_FORMAT, room->peers, room->max_peers)
                   : g_strdup_printf("%" G_GUINT64_FORMAT, room->peers);
    cells[3] = g_strdup(room->locked ? "yes" : "no");
    cells[4] = date_of(room->created);
    g_free(name);
}

/* Of the terminal that standard output is; 0: it is none. */
static long columns_of_terminal(void)
{
    struct winsize size = {.ws_col = 0};
    return isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

static void print_row(gchar *const *cells, const long *widths)
{
    long columns = columns_of_terminal();
    GString *row = g_string_new(NULL);
    for (int i = 0; i < COLUMNS; i++) {
        g_string_append(row, cells[i]);
        for (long w = columns_of(cells[i]); i + 1 < COLUMNS && w < widths[i] + 2; w++)
            g_string_append_c(row, ' ');
    }
    gchar *folded = columns ? fold_lines(row->str, columns) : g_strdup(row->str);
    puts(folded);
    g_free(folded);
    g_string_free(row, TRUE);
}

static void print_list(const struct usher_rooms_answer *a)
{
    static const char *const HEADS[COLUMNS] = {"ROOM", "NAME", "PEERS", "PASSWORD", "MADE"};
    long widths[COLUMNS] = {0};
    if (a->count == 0) {
        printf("No rooms are listed at %s.\n", a->server);
        return;
    }
    gchar **cells = g_new0(gchar *, (a->count + 1) * COLUMNS + 1);
    for (int i = 0; i < COLUMNS; i++)
        cells[i] = g_strdup(HEADS[i]);
    for (size_t i = 0; i < a->count; i++)
        fill_row(cells + (i + 1) * COLUMNS, &a->rooms[i]);
    for (size_t i = 0; i < (a->count + 1) * COLUMNS; i++)
        widths[i % COLUMNS] = MAX(widths[i % COLUMNS], columns_of(cells[i]));
    for (size_t i = 0; i <= a->count; i++)
        print_row(cells + i * COLUMNS, widths);
    g_strfreev(cells);
}

/* ---- what came ---- */

static void remark(const char *text)
{
    gchar *harmless = plain_text(text, FALSE);
    fprintf(stderr, "usher: %s\n", harmless);
    g_free(harmless);
}

static void say_kept(const struct usher_rooms_answer *a, bool json)
{
    if (a->kept && !json)
        printf("It is shown this once. It is kept in %s/rooms, so that \"usher rooms delete %s\" knows it.\n", a->kept,
            a->rooms[0].id);
    if (!a->kept) {
        gchar *text = g_strdup_printf(
            "the owner token, which is shown this once, is not kept here: %s", a->not_kept ? a->not_kept : "");
        remark(text);
        g_free(text);
    }
}

static void print_done(const struct options *o, const struct usher_rooms_answer *a)
{
    enum rooms_command command = o->rooms.command;
    if (command == ROOMS_DELETE)
        printf("deleted %s\n", o->rooms.room);
    else if (o->json)
        puts(a->json);
    else if (command == ROOMS_LIST)
        print_list(a);
    else
        printf("room         %s\nowner token  %s\n", a->rooms[0].id, a->owner_token);
    if (command == ROOMS_CREATE)
        say_kept(a, o->json);
}

static void on_answer(const struct usher_rooms_answer *a, void *user)
{
    static const int STATUS[] = {
        [USHER_ROOMS_DONE] = EXIT_DONE,
        [USHER_ROOMS_REFUSED] = EXIT_FAILED,
        [USHER_ROOMS_UNREACHABLE] = EXIT_NO_CONNECTION,
        [USHER_ROOMS_FAILED] = EXIT_FAILED,
    };
    struct rooms *r = user;
    r->status = STATUS[a->end];
    if (a->end == USHER_ROOMS_DONE)
        print_done(r->options, a);
    else
        remark(a->text);
    if (a->status == 401 && r->options->rooms.command == ROOMS_DELETE && !r->options->rooms.owner_token)
        remark("no owner token of that room is kept here: give it with --owner-token, or an admin's with --token");
    g_main_loop_quit(r->loop);
}

static struct usher_rooms *begin(struct rooms *r, char *err, size_t err_n)
{
    const struct options *o = r->options;
    struct usher_room_terms terms = o->rooms.terms;
    switch (o->rooms.command) {
    case ROOMS_LIST:
        return usher_rooms_list(&o->usher, on_answer, r, err, err_n);
    case ROOMS_CREATE:
        terms.name = o->usher.name;
        terms.password = o->usher.password;
        return usher_rooms_create(&o->usher, &terms, on_answer, r, err, err_n);
    case ROOMS_DELETE:
        return usher_rooms_delete(&o->usher, o->rooms.room, o->rooms.owner_token, on_answer, r, err, err_n);
    }
    return NULL;
}

int rooms_run(const struct options *o)
{
    char err[512];
    struct rooms r = {.options = o, .loop = g_main_loop_new(NULL, FALSE), .status = EXIT_FAILED};
    signal(SIGPIPE, SIG_IGN);
    struct usher_rooms *request = begin(&r, err, sizeof err);
    if (request)
        g_main_loop_run(r.loop);
    else
        remark(err);
    usher_rooms_free(request);
    g_main_loop_unref(r.loop);
    return r.status;
}
