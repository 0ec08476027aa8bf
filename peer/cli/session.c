/* SPDX-License-Identifier: MIT
 *
 * SIGINT, SIGTERM and SIGHUP leave the room politely; a good-bye that takes too long, or a second SIGINT or SIGTERM, ends at
 * once. A terminal that is closed says so twice, with SIGHUP and with the end of its input. What
 * libusher logs at "notice" and above is for a person; a server that cannot be reached says the same sentence at each
 * try, so a sentence is repeated after REPEAT_SECONDS only.
 */
#include "peer/cli/session.h"

#include <glib-unix.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

enum {
    GOODBYE_SECONDS = 3,
    REPEAT_SECONDS = 60,
    REMARKS_MAX = 256 /* different ones that are kept in mind */
};

void session_quit(struct session *s, int status)
{
    s->leaving = true;
    s->status = status;
    g_main_loop_quit(s->loop);
}

static gboolean on_goodbye_timeout(gpointer user)
{
    struct session *s = user;
    session_quit(s, s->status);
    return G_SOURCE_REMOVE;
}

void session_leave(struct session *s, int status)
{
    if (s->leaving)
        return;
    if (s->left) {
        session_quit(s, status);
        return;
    }
    s->leaving = true;
    s->status = status;
    g_timeout_add_seconds(GOODBYE_SECONDS, on_goodbye_timeout, s);
    usher_leave(s->usher);
}

static gboolean on_signal(gpointer user)
{
    struct session *s = user;
    if (s->leaving)
        session_quit(s, s->status);
    else
        session_leave(s, EXIT_DONE);
    return G_SOURCE_CONTINUE;
}

static gboolean on_hangup(gpointer user)
{
    session_leave(user, EXIT_DONE);
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
    struct session *s = user;
    if (event->type == USHER_JOINED)
        s->joined = true;
    if (event->type == USHER_LEFT)
        s->left = true;
    s->on_event(u, event, s->user);
    if (event->type == USHER_ERROR && event->fatal && !s->leaving)
        session_leave(s, EXIT_FAILED);
    if (s->left && s->leaving)
        session_quit(s, s->status);
}

static void on_log(void *user, int priority, const char *line)
{
    struct session *s = user;
    if (priority > LOG_NOTICE || s->leaving)
        return;
    gint64 now = g_get_monotonic_time();
    const gint64 *before = g_hash_table_lookup(s->said, line);
    if (before && now - *before < (gint64)REPEAT_SECONDS * G_USEC_PER_SEC)
        return;
    if (g_hash_table_size(s->said) >= REMARKS_MAX)
        g_hash_table_remove_all(s->said);
    g_hash_table_replace(s->said, g_strdup(line), g_memdup2(&now, sizeof now));
    s->say(s->user, line);
}

bool session_open(struct session *s, const struct options *o)
{
    char err[256];
    struct usher_options options = o->usher;
    options.log = on_log;
    options.log_user = s;
    signal(SIGPIPE, SIG_IGN);
    s->said = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    s->loop = g_main_loop_new(NULL, FALSE);
    s->usher = usher_new(&options, on_event, s, err, sizeof err);
    if (!s->usher)
        fprintf(stderr, "usher: %s\n", err);
    return s->usher != NULL;
}

int session_run(struct session *s)
{
    guint interrupt = g_unix_signal_add(SIGINT, on_signal, s), terminate = g_unix_signal_add(SIGTERM, on_signal, s);
    guint hangup = is_ignored(SIGHUP) ? 0 : g_unix_signal_add(SIGHUP, on_hangup, s);
    if (!s->leaving)
        g_main_loop_run(s->loop);
    g_source_remove(interrupt);
    g_source_remove(terminate);
    if (hangup)
        g_source_remove(hangup);
    return s->status;
}

void session_close(struct session *s)
{
    usher_free(s->usher);
    g_main_loop_unref(s->loop);
    g_hash_table_unref(s->said);
}
