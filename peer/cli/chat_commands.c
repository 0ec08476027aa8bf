/* SPDX-License-Identifier: MIT
 *
 * A line goes to everybody, unless it begins with a slash. A name may hold spaces: /msg takes the longest name that the
 * line begins with, with or without the part of the id that is shown behind it, or the beginning of an id.
 */
#include <string.h>

#include "peer/cli/chat.h"
#include "peer/cli/chat_files.h"
#include "peer/cli/nearest.h"
#include "peer/cli/plain.h"
#include "peer/cli/width.h"

#define HISTORY_LINES 20
#define SENT_LINES 5
enum {
    HISTORY_MAX = 1024, /* as usher.h has it */
    TEXT_COLUMNS = 30   /* of a message, where it stands beside something else */
};

/* A number from 1 to most, or usual if there is none. False, and it was said, if it is neither. */
static bool read_count(struct chat *c, const char *command, const char *text, guint64 usual, guint64 most, guint64 *n)
{
    *n = usual;
    if (!*text || g_ascii_string_to_unsigned(text, 10, 1, most, n, NULL))
        return true;
    chat_say(c, "! %s wants a number from 1 to %" G_GUINT64_FORMAT ", or nothing.", command, most);
    return false;
}

static void who(struct chat *c, const char *nothing)
{
    (void)nothing;
    const struct usher_person *people;
    size_t n = usher_people(c->client.usher, &people);
    const char *us = usher_id(c->client.usher);
    chat_say(c, "* %s (you, %s)%s", chat_call(c, us), us, c->is_away ? ": away" : "");
    for (size_t i = 0; i < n; i++) {
        gchar *id = plain_text(people[i].id, FALSE);
        const char *how = !people[i].up                                  ? "not connected"
                          : g_hash_table_contains(c->away, people[i].id) ? "away"
                                                                         : "here";
        chat_say(c, "* %s (%s): %s%s", chat_call(c, people[i].id), id, how, people[i].verified ? "" : ", no key");
        g_free(id);
    }
}

/* Spaces after what is shown in so many columns, up to `columns` and two more. */
static gchar *pad(const char *shown, long columns)
{
    return g_strnfill((gsize)(MAX(columns - width_of(shown, strlen(shown)), 0) + 2), ' ');
}

static void say_peer(struct chat *c, const struct usher_person *person, long columns)
{
    gchar *id = plain_text(person->id, FALSE), *space = pad(names_call(c->names, person->id), columns);
    gchar *id_space = pad(id, 26), *rtt = NULL; /* an identity's columns */
    const char *path = person->up ? chat_path(person->path) : "not connected";
    if (person->up && person->rtt_ms > 0)
        rtt = g_strdup_printf("%5" G_GUINT64_FORMAT " ms", person->rtt_ms);
    gchar *path_space = pad(path, 21);
    chat_say(c, "* %s%s%s%s%s%s%s", chat_call(c, person->id), space, id, id_space, path, rtt ? path_space : "",
        rtt ? rtt : "");
    g_free(path_space);
    g_free(rtt);
    g_free(id_space);
    g_free(space);
    g_free(id);
}

static void peers(struct chat *c, const char *nothing)
{
    (void)nothing;
    const struct usher_person *people;
    size_t n = usher_people(c->client.usher, &people);
    long columns = 0;
    for (size_t i = 0; i < n; i++) {
        const char *called = names_call(c->names, people[i].id);
        columns = MAX(columns, width_of(called, strlen(called)));
    }
    if (n == 0)
        chat_say(c, "* Nobody else is here.");
    for (size_t i = 0; i < n; i++)
        say_peer(c, &people[i], columns);
}

static void message(struct chat *c, const char *line)
{
    const struct usher_person *people;
    const char *found = NULL;
    size_t longest = 0, same = 0, n = usher_people(c->client.usher, &people);
    for (size_t i = 0; i < n; i++) {
        size_t matched = names_match(c->names, people[i].id, line);
        if (matched > longest)
            same = 0;
        if (matched > 0 && matched >= longest) {
            longest = matched;
            found = people[i].id;
            same++;
        }
    }
    const char *text = line + longest + strspn(line + longest, " ");
    if (!found)
        chat_say(c, "! Nobody here has that name; /who lists everybody.");
    else if (same > 1)
        chat_say(c, "! Several people have that name: write name#id as /who shows it, or the beginning of the id.");
    else if (!*text)
        chat_say(c, "! /msg wants a name and a text.");
    else
        chat_send(c, &found, 1, text);
}

/* By what follows the tag of their colour. */
static gint compare_called(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *)a + 2, *(const char *const *)b + 2);
}

static void say_readers(struct chat *c, GHashTable *ids, const char *what)
{
    GHashTableIter all;
    gpointer id;
    GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
    g_hash_table_iter_init(&all, ids);
    while (g_hash_table_iter_next(&all, &id, NULL))
        g_ptr_array_add(names, g_strdup(chat_call(c, id)));
    g_ptr_array_sort(names, compare_called);
    g_ptr_array_add(names, NULL);
    if (names->len > 1) {
        gchar *list = g_strjoinv(", ", (gchar **)names->pdata);
        chat_say(c, "*     %s %s", what, list);
        g_free(list);
    }
    g_ptr_array_unref(names);
}

static void say_sent(struct chat *c, const struct mark *mark)
{
    gchar *flat = plain_text(mark->text, FALSE), *text = width_cut(flat, TEXT_COLUMNS);
    gchar *space = pad(text, TEXT_COLUMNS), *words = marks_words(mark);
    chat_say(c, "*   %s%s%s", text, space, words);
    say_readers(c, mark->delivered, "delivered to");
    say_readers(c, mark->read, "read by");
    say_readers(c, mark->failed, "did not reach");
    g_free(words);
    g_free(space);
    g_free(text);
    g_free(flat);
}

static void sent(struct chat *c, const char *count)
{
    guint64 n;
    if (!read_count(c, "/sent", count, SENT_LINES, MARKS_MAX, &n))
        return;
    while (n > 0 && !marks_at(c->marks, n - 1))
        n--;
    if (n == 0)
        chat_say(c, "* You have sent nothing yet.");
    for (; n > 0; n--)
        say_sent(c, marks_at(c->marks, n - 1));
}

/* The answer is an event, which chat_events.c shows. */
static void history(struct chat *c, const char *count)
{
    guint64 n;
    if (read_count(c, "/history", count, HISTORY_LINES, HISTORY_MAX, &n))
        usher_history(c->client.usher, NULL, (unsigned)n, NULL);
}

static void away(struct chat *c, const char *nothing)
{
    (void)nothing;
    c->is_away = true;
    usher_presence(c->client.usher, "away");
    chat_say(c, "* The others see that you are away, until you write again.");
}

static void quit(struct chat *c, const char *nothing)
{
    (void)nothing;
    client_leave(&c->client, EXIT_DONE);
}

static void help(struct chat *c, const char *nothing);

/* In the order in which /help shows them; usher(1) tells of each. */
static const struct {
    const char *name, *argument; /* "": it takes none */
    const char *what;
    void (*run)(struct chat *c, const char *argument);
    const char *group; /* begins with this one; NULL: it goes on */
} COMMANDS[] = {
    {"/msg", "NAME text", "to one person only", message, "Talk"},
    {"/history", "N", "the last N messages (" G_STRINGIFY(HISTORY_LINES) ")", history, NULL},
    {"/sent", "N", "who has your last N messages, and saw them (" G_STRINGIFY(SENT_LINES) ")", sent, NULL},
    {"/send", "FILE NAME", "a file or a folder, to one person; without a name to everybody", chat_send_file, "Files"},
    {"/accept", "N", "take the file of that number, into the folder where usher was started", chat_accept, NULL},
    {"/decline", "N", "do not take it", chat_decline, NULL},
    {"/cancel", "N", "end one that is offered or under way", chat_cancel, NULL},
    {"/files", "", "those of this chat, with their numbers", chat_list_files, NULL},
    {"/who", "", "who is here", who, "People"},
    {"/peers", "", "how you are linked: path, round-trip time", peers, NULL},
    {"/away", "", "tell the others that you are, until you write again", away, NULL},
    {"/help", "", "this list", help, "The program"},
    {"/quit", "", "leave (also control-D)", quit, NULL},
};

const char *chat_command(size_t i)
{
    return i < G_N_ELEMENTS(COMMANDS) ? COMMANDS[i].name : NULL;
}

static void help(struct chat *c, const char *nothing)
{
    (void)nothing;
    chat_say(c, "* What you type goes to everybody in the room. Tab completes names and commands.");
    for (size_t i = 0; i < G_N_ELEMENTS(COMMANDS); i++) {
        gchar *form = g_strconcat(COMMANDS[i].name, *COMMANDS[i].argument ? " " : "", COMMANDS[i].argument, NULL);
        if (COMMANDS[i].group)
            chat_say(c, "* %s", COMMANDS[i].group);
        chat_say(c, "*   %-16s %s", form, COMMANDS[i].what);
        g_free(form);
    }
}

static void unknown(struct chat *c, const char *name)
{
    const char *names[G_N_ELEMENTS(COMMANDS)];
    for (size_t i = 0; i < G_N_ELEMENTS(COMMANDS); i++)
        names[i] = COMMANDS[i].name;
    gchar *harmless = plain_text(name, FALSE), *cut = width_cut(harmless, TEXT_COLUMNS);
    const char *meant = name[1] ? nearest_word(name, names, G_N_ELEMENTS(names)) : NULL;
    if (meant)
        chat_say(c, "! There is no command %s: did you mean %s?", cut, meant);
    else
        chat_say(
            c, "! There is no command %s; /help lists them. A text that begins with a slash is typed with two.", cut);
    g_free(cut);
    g_free(harmless);
}

static void command(struct chat *c, const char *line)
{
    size_t n = strcspn(line, " ");
    const char *argument = line + n + strspn(line + n, " ");
    gchar *name = g_strndup(line, n);
    size_t i = 0;
    while (i < G_N_ELEMENTS(COMMANDS) && strcmp(name, COMMANDS[i].name) != 0)
        i++;
    if (i == G_N_ELEMENTS(COMMANDS))
        unknown(c, name);
    else if (*argument && !*COMMANDS[i].argument)
        chat_say(c, "! %s takes nothing behind it.", name);
    else
        COMMANDS[i].run(c, argument);
    g_free(name);
}

void chat_line(struct chat *c, char *line)
{
    g_strchomp(line);
    if (!*line || c->client.leaving)
        return;
    if (*line == '/' && line[1] != '/')
        command(c, line);
    else
        chat_send(c, NULL, 0, *line == '/' ? line + 1 : line);
}
