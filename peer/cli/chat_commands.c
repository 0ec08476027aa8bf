/* SPDX-License-Identifier: MIT
 *
 * A line goes to everybody, unless it begins with a slash. A name may hold spaces: /msg takes the longest name that the
 * line begins with, with or without the part of the id that is shown behind it, or the beginning of an id.
 */
#include <string.h>

#include "peer/cli/chat.h"

#define HISTORY_LINES 20
enum {
    TEXT_MAX = 64 * 1024, /* as usher.h has it */
    HISTORY_MAX = 1024    /* as usher.h has it */
};

static void who(struct chat *c, const char *nothing)
{
    (void)nothing;
    const struct usher_person *people;
    size_t n = usher_people(c->client.usher, &people);
    const char *us = usher_id(c->client.usher);
    chat_say(c, "* %s (you, %s)", names_call(c->names, us), us);
    for (size_t i = 0; i < n; i++) {
        const char *name = names_call(c->names, people[i].id), *doubt = people[i].verified ? "" : ", no key";
        if (!people[i].up)
            chat_say(c, "* %s (%s): not connected", name, people[i].id);
        else if (people[i].rtt_ms > 0)
            chat_say(c, "* %s (%s): %s, %" G_GUINT64_FORMAT " ms%s", name, people[i].id, chat_path(people[i].path),
                people[i].rtt_ms, doubt);
        else
            chat_say(c, "* %s (%s): %s%s", name, people[i].id, chat_path(people[i].path), doubt);
    }
}

static void send_text(struct chat *c, const char *const *to, size_t count, const char *text)
{
    if (!usher_send(c->client.usher, to, count, text, NULL))
        chat_say(c, "! That was not sent: a message is UTF-8 text of at most %d bytes.", TEXT_MAX);
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
        send_text(c, &found, 1, text);
}

/* The answer is an event, which chat_events.c shows. */
static void history(struct chat *c, const char *count)
{
    guint64 n = HISTORY_LINES;
    if (*count && !g_ascii_string_to_unsigned(count, 10, 1, HISTORY_MAX, &n, NULL))
        chat_say(c, "! /history wants a number from 1 to %d, or nothing.", HISTORY_MAX);
    else
        usher_history(c->client.usher, NULL, (unsigned)n, NULL);
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
    const char *what;            /* NULL: /help says nothing of it */
    void (*run)(struct chat *c, const char *argument);
} COMMANDS[] = {
    {"/msg", " NAME text", "to one person only", message},
    {"/history", " N", "the last N messages (" G_STRINGIFY(HISTORY_LINES) ")", history},
    {"/who", "", "who is here, and how you are linked", who},
    {"/quit", "", "leave (also control-D)", quit},
    {"/help", "", NULL, help},
};

static void help(struct chat *c, const char *nothing)
{
    (void)nothing;
    chat_say(c, "* What you type goes to everybody in the room.");
    for (size_t i = 0; i < G_N_ELEMENTS(COMMANDS); i++) {
        gchar *form = g_strconcat(COMMANDS[i].name, COMMANDS[i].argument, NULL);
        if (COMMANDS[i].what)
            chat_say(c, "*   %-16s %s", form, COMMANDS[i].what);
        g_free(form);
    }
}

/* What stands behind the name of that command; NULL: the line is another. */
static const char *argument_of(const char *line, size_t command)
{
    size_t n = strlen(COMMANDS[command].name);
    if (strncmp(line, COMMANDS[command].name, n) != 0)
        return NULL;
    bool alone = line[n] == '\0', more = line[n] == ' ' && *COMMANDS[command].argument;
    return alone || more ? line + n + strspn(line + n, " ") : NULL;
}

static void command(struct chat *c, const char *line)
{
    for (size_t i = 0; i < G_N_ELEMENTS(COMMANDS); i++) {
        const char *argument = argument_of(line, i);
        if (argument) {
            COMMANDS[i].run(c, argument);
            return;
        }
    }
    chat_say(c, "! No such command; /help lists them. A text that begins with a slash is typed with two.");
}

void chat_line(struct chat *c, char *line)
{
    g_strchomp(line);
    if (!*line || c->client.leaving)
        return;
    if (*line == '/' && line[1] != '/')
        command(c, line);
    else
        send_text(c, NULL, 0, *line == '/' ? line + 1 : line);
}
