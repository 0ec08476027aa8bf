/* SPDX-License-Identifier: MIT
 *
 * `usher chat`: on a terminal a prompt at the bottom and the talk above it; otherwise, and on a terminal whose cursor cannot be
 * moved (TERM=dumb), lines in, lines out. Its input ends the chat as /quit does, once what was typed has arrived, or after
 * END_SECONDS.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "peer/cli/chat.h"
#include "peer/cli/chat_files.h"
#include "peer/cli/commands.h"
#include "peer/cli/plain.h"
#include "peer/cli/style.h"

enum {
    PENDING_MAX = 512, /* messages without an acknowledgement above which lines wait */
    END_SECONDS = 10
};

void chat_say(struct chat *c, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    gchar *line = g_strdup_vprintf(format, args);
    va_end(args);
    if (c->term) {
        term_print(c->term, line);
    } else {
        gchar *plain = style_render(line, STYLE_NONE);
        if (puts(plain) < 0 || fflush(stdout) != 0)
            client_leave(&c->client, EXIT_FAILED);
        g_free(plain);
    }
    g_free(line);
}

const char *chat_call(struct chat *c, const char *id)
{
    gchar *called = id ? g_strdup_printf("%c%c%s" STYLE_PLAIN, STYLE_BEGIN, style_letter(id), names_call(c->names, id))
                       : g_strdup(names_call(c->names, NULL));
    g_free(c->called);
    return c->called = called;
}

static void on_typed(void *user, char *line)
{
    chat_line(user, line);
}

static void on_typed_end(void *user)
{
    struct chat *c = user;
    client_leave(&c->client, EXIT_DONE);
}

static bool on_line(void *user, char *line, size_t n)
{
    struct chat *c = user;
    (void)n;
    if (!c->client.joined || usher_pending(c->client.usher) >= PENDING_MAX)
        return false;
    chat_line(c, line);
    return true;
}

static void on_too_long(void *user)
{
    chat_say(user, "! That line is too long.");
}

static gboolean on_end_timeout(gpointer user)
{
    struct chat *c = user;
    client_leave(&c->client, c->client.joined ? EXIT_DONE : EXIT_NO_CONNECTION);
    return G_SOURCE_REMOVE;
}

static void on_end_seen(void *user)
{
    g_timeout_add_seconds(END_SECONDS, on_end_timeout, user);
}

static void end_if_done(struct chat *c)
{
    /* Who was never in the room has not been refused yet. */
    if (c->ended && c->client.joined && !c->client.leaving && usher_pending(c->client.usher) == 0)
        client_leave(&c->client, EXIT_DONE);
}

static void on_end(void *user)
{
    struct chat *c = user;
    c->ended = true;
    end_if_done(c);
}

static void on_event(struct usher *u, const struct usher_event *event, void *user)
{
    struct chat *c = user;
    chat_on_event(u, event, c);
    if (c->input && !c->ended)
        input_resume(c->input);
    end_if_done(c);
}

static void say(void *user, const char *line)
{
    struct chat *c = user;
    gchar *harmless = plain_text(line, FALSE);
    chat_say(c, "! %s", harmless);
    g_free(harmless);
}

static void open_terminal(struct chat *c, bool on_terminal)
{
    static const struct term_callbacks TERM = {
        .on_line = on_typed, .on_end = on_typed_end, .on_typing = chat_typing, .on_tab = chat_complete};
    static const struct input_callbacks INPUT = {
        .on_line = on_line, .on_too_long = on_too_long, .on_end_seen = on_end_seen, .on_end = on_end};
    if (on_terminal) {
        gchar *name = plain_text(c->name ? c->name : "", FALSE);
        gchar *prompt = g_strconcat(STYLE_BOLD, name, ">", STYLE_PLAIN, " ", NULL);
        c->term = term_new(prompt, &TERM, c);
        g_free(prompt);
        g_free(name);
    }
    if (!c->term)
        c->input = input_new(STDIN_FILENO, &INPUT, c);
}

int chat_run(const struct options *o)
{
    struct chat c = {.client = {.on_event = on_event, .say = say}, .room = o->usher.room, .name = o->usher.name};
    c.client.user = &c;
    c.names = names_new();
    c.marks = marks_new();
    c.typists = typists_new();
    c.files = chat_files_new();
    c.away = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    bool on_terminal = term_prepare();
    int status = EXIT_FAILED;
    if (client_open(&c.client, o)) {
        names_learn(c.names, usher_id(c.client.usher), c.name);
        open_terminal(&c, on_terminal);
        status = client_run(&c.client);
    }
    term_free(c.term);
    input_free(c.input);
    client_close(&c.client);
    if (c.typists_timer)
        g_source_remove(c.typists_timer);
    g_hash_table_unref(c.away);
    chat_files_free(c.files);
    typists_free(c.typists);
    marks_free(c.marks);
    names_free(c.names);
    g_free(c.called);
    return status;
}
