/* SPDX-License-Identifier: MIT
 *
 * SIGINT, SIGTERM and SIGHUP leave the room politely; a good-bye that takes too long, or a second SIGINT or SIGTERM, ends at
 * once. A terminal that is closed says so twice, with SIGHUP and with the end of its input. What
 * libusher logs at "notice" and above is for a person; a server that cannot be reached says the same sentence at each
 * try, so a sentence is repeated after REPEAT_SECONDS only.
 */
#include "peer/cli/client.h"

#include <glib-unix.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

enum {
    GOODBYE_SECONDS = 3,
    REPEAT_SECONDS = 60,
    REMARKS_MAX = 256 /* different ones that are kept in mind */
};

void client_quit(struct client *c, int status)
{
    c->leaving = true;
    c->status = status;
    g_main_loop_quit(c->loop);
}

static gboolean on_goodbye_timeout(gpointer user)
{
    struct client *c = user;
    client_quit(c, c->status);
    return G_SOURCE_REMOVE;
}

void client_leave(struct client *c, int status)
{
    if (c->leaving)
        return;
    if (c->left) {
        client_quit(c, status);
        return;
    }
    c->leaving = true;
    c->status = status;
    g_timeout_add_seconds(GOODBYE_SECONDS, on_goodbye_timeout, c);
    usher_leave(c->usher);
    for (guint i = 0; i < c->others->len; i++)
        usher_leave(g_ptr_array_index(c->others, i));
}

static void asked_to_end(struct client *c)
{
    if (c->on_interrupt)
        c->on_interrupt(c->user);
    else
        client_leave(c, EXIT_DONE);
}

static gboolean on_signal(gpointer user)
{
    struct client *c = user;
    if (c->leaving)
        client_quit(c, c->status);
    else
        asked_to_end(c);
    return G_SOURCE_CONTINUE;
}

static gboolean on_hangup(gpointer user)
{
    struct client *c = user;
    if (!c->leaving)
        asked_to_end(c);
    return G_SOURCE_CONTINUE;
}

/* Who was started to survive its terminal, by nohup(1), does. */
static bool is_ignored(int signal_number)
{
    struct sigaction now;
    return sigaction(signal_number, NULL, &now) == 0 && now.sa_handler == SIG_IGN;
}

static void on_event(struct usher *u, const struct usher_event *event, void *user)
{
    struct client *c = user;
    if (event->type == USHER_JOINED)
        c->joined = true;
    if (event->type == USHER_LEFT)
        c->left = ++c->gone > c->others->len;
    c->on_event(u, event, c->user);
    if (event->type == USHER_ERROR && event->fatal && !c->leaving)
        client_leave(c, EXIT_FAILED);
    if (c->left && c->leaving)
        client_quit(c, c->status);
}

static void on_log(void *user, int priority, const char *line)
{
    struct client *c = user;
    if (priority > LOG_NOTICE || c->leaving)
        return;
    gint64 now = g_get_monotonic_time();
    const gint64 *before = g_hash_table_lookup(c->said, line);
    if (before && now - *before < (gint64)REPEAT_SECONDS * G_USEC_PER_SEC)
        return;
    if (g_hash_table_size(c->said) >= REMARKS_MAX)
        g_hash_table_remove_all(c->said);
    g_hash_table_replace(c->said, g_strdup(line), g_memdup2(&now, sizeof now));
    c->say(c->user, line);
}

/* What a signal's handler may look at: nothing is allocated, or locked, there. */
static char early_words[256];

static void on_early_signal(int number)
{
    (void)number;
    ssize_t written = write(STDERR_FILENO, early_words, strlen(early_words));
    _exit(written < 0 ? EXIT_FAILED : EXIT_NO_CONNECTION);
}

void client_early_end(const char *words)
{
    struct sigaction end = {.sa_handler = on_early_signal};
    g_strlcpy(early_words, words, sizeof early_words);
    if (!is_ignored(SIGINT))
        sigaction(SIGINT, &end, NULL);
    sigaction(SIGTERM, &end, NULL);
}

static struct usher *open_one(struct client *c, const struct usher_options *o)
{
    char err[256];
    struct usher_options options = *o;
    options.log = on_log;
    options.log_user = c;
    struct usher *u = usher_new(&options, on_event, c, err, sizeof err);
    if (!u)
        fprintf(stderr, "usher: %s\n", err);
    return u;
}

bool client_open(struct client *c, const struct options *o)
{
    signal(SIGPIPE, SIG_IGN);
    c->said = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    c->loop = g_main_loop_new(NULL, FALSE);
    c->others = g_ptr_array_new_with_free_func((GDestroyNotify)usher_free);
    c->usher = open_one(c, &o->usher);
    return c->usher != NULL;
}

bool client_add(struct client *c, const struct usher_options *o)
{
    struct usher_options options = *o;
    options.beside = c->usher;
    struct usher *u = open_one(c, &options);
    if (u)
        g_ptr_array_add(c->others, u);
    return u != NULL;
}

int client_run(struct client *c)
{
    guint interrupt = g_unix_signal_add(SIGINT, on_signal, c), terminate = g_unix_signal_add(SIGTERM, on_signal, c);
    guint hangup = is_ignored(SIGHUP) ? 0 : g_unix_signal_add(SIGHUP, on_hangup, c);
    if (!c->leaving)
        g_main_loop_run(c->loop);
    g_source_remove(interrupt);
    g_source_remove(terminate);
    if (hangup)
        g_source_remove(hangup);
    return c->status;
}

void client_close(struct client *c)
{
    g_ptr_array_unref(c->others); /* which are beside the first */
    usher_free(c->usher);
    g_main_loop_unref(c->loop);
    g_hash_table_unref(c->said);
}
