/* SPDX-License-Identifier: MIT
 *
 * `usher pipe`: JSON lines in, JSON lines out. The end of input means "when all is acknowledged, leave", or leave after
 * PIPE_END_SECONDS; if by then we never were in the room, the status says so. A closed stdout ends the process: nobody
 * would hear what it has to say.
 */
#include <glib-unix.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "peer/cli/commands.h"
#include "peer/cli/pipe.h"

static bool on_line(void *user, char *line, size_t n)
{
    return pipe_command(user, line, n);
}

static void on_too_long(void *user)
{
    pipe_say_error(user, "bad-json", "expected a line of at most %d bytes", INPUT_LINE_MAX);
}

static gboolean on_end_timeout(gpointer user)
{
    struct pipe *p = user;
    client_leave(&p->client, p->client.joined ? EXIT_DONE : EXIT_NO_CONNECTION);
    return G_SOURCE_REMOVE;
}

static void on_end_seen(void *user)
{
    struct pipe *p = user;
    if (!p->ready)
        g_timeout_add_seconds(PIPE_END_SECONDS, on_end_timeout, p);
}

static void on_end(void *user)
{
    struct pipe *p = user;
    if (p->client.leaving)
        return;
    p->ending = true;
    if (p->client.left || (p->ready && usher_pending(p->client.usher) == 0))
        client_leave(&p->client, EXIT_DONE);
    else if (p->ready)
        g_timeout_add_seconds(PIPE_END_SECONDS, on_end_timeout, p);
}

static gboolean on_stdout_closed(gint fd, GIOCondition condition, gpointer user)
{
    (void)fd;
    (void)condition;
    struct pipe *p = user;
    p->stdout_watch = 0;
    p->broken = true;
    client_leave(&p->client, EXIT_FAILED);
    return G_SOURCE_REMOVE;
}

static void say(void *user, const char *line)
{
    (void)user;
    fprintf(stderr, "usher: %s\n", line);
}

int pipe_run(const struct options *o)
{
    static const struct input_callbacks CALLBACKS = {
        .on_line = on_line,
        .on_too_long = on_too_long,
        .on_end_seen = on_end_seen,
        .on_end = on_end,
    };
    struct pipe p = {.client = {.on_event = pipe_on_event, .say = say}};
    p.client.user = &p;
    struct options keeping = *o;
    keeping.usher.keep_offers = true;
    int status = EXIT_FAILED;
    if (client_open(&p.client, &keeping)) {
        p.input = input_new(STDIN_FILENO, &CALLBACKS, &p);
        p.stdout_watch = g_unix_fd_add(STDOUT_FILENO, G_IO_ERR, on_stdout_closed, &p);
        status = client_run(&p.client);
    }
    if (p.stdout_watch)
        g_source_remove(p.stdout_watch);
    input_free(p.input);
    client_close(&p.client);
    return status;
}
