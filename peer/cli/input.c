/* SPDX-License-Identifier: MIT
 *
 * poll(2) says that there is something, one read(2) takes what is there: so the descriptor, which other processes may
 * share, need not be made non-blocking. A line that is too long is skipped up to its newline. The last line may lack
 * one.
 */
#include "peer/cli/input.h"

#include <errno.h>
#include <glib-unix.h>
#include <string.h>
#include <unistd.h>

enum {
    READ_BYTES = 64 * 1024
};

struct input {
    struct input_callbacks callbacks;
    void *user;
    int fd;
    guint source;   /* 0: not watched */
    size_t from, n; /* what waits in buf */
    bool skipping;  /* inside a line that is too long */
    bool ended, end_given;
    bool taking; /* callbacks are running */
    char buf[INPUT_LINE_MAX + READ_BYTES + 1];
};

static gboolean on_readable(gint fd, GIOCondition condition, gpointer user);

static void watch(struct input *in)
{
    bool wanted = !in->ended && in->n <= INPUT_LINE_MAX;
    if (wanted && !in->source)
        in->source = g_unix_fd_add(in->fd, G_IO_IN | G_IO_HUP | G_IO_ERR, on_readable, in);
    else if (!wanted && in->source) {
        g_source_remove(in->source);
        in->source = 0;
    }
}

static void drop(struct input *in, size_t n)
{
    in->from += n;
    in->n -= n;
}

/* False when the first line was not taken. */
static bool offer(struct input *in, size_t n, bool newline)
{
    char *line = in->buf + in->from, after = line[n];
    bool taken = true;
    if (!in->skipping && n > INPUT_LINE_MAX) {
        in->callbacks.on_too_long(in->user);
    } else if (!in->skipping) {
        line[n] = '\0';
        taken = in->callbacks.on_line(in->user, line, n);
        line[n] = after;
    }
    if (taken) {
        in->skipping = false;
        drop(in, n + newline);
    }
    return taken;
}

static void take(struct input *in)
{
    bool going = true;
    in->taking = true;
    while (going && in->n > 0) {
        char *start = in->buf + in->from, *end = memchr(start, '\n', in->n);
        if (end)
            going = offer(in, (size_t)(end - start), true);
        else if (in->ended)
            going = offer(in, in->n, false);
        else
            break;
    }
    in->taking = false;
    if (in->n > INPUT_LINE_MAX && !memchr(in->buf + in->from, '\n', in->n)) {
        if (!in->skipping)
            in->callbacks.on_too_long(in->user);
        in->skipping = true;
        in->n = 0;
    }
    watch(in);
    if (in->ended && in->n == 0 && !in->end_given) {
        in->end_given = true;
        in->callbacks.on_end(in->user);
    }
}

static gboolean on_readable(gint fd, GIOCondition condition, gpointer user)
{
    struct input *in = user;
    (void)condition;
    memmove(in->buf, in->buf + in->from, in->n);
    in->from = 0;
    ssize_t got = read(fd, in->buf + in->n, READ_BYTES);
    if (got < 0 && (errno == EINTR || errno == EAGAIN))
        return G_SOURCE_CONTINUE;
    if (got > 0) {
        in->n += (size_t)got;
    } else {
        in->ended = true;
        in->callbacks.on_end_seen(in->user);
    }
    guint source = in->source;
    take(in);
    return source == in->source ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
}

void input_resume(struct input *in)
{
    if (!in->taking)
        take(in);
}

struct input *input_new(int fd, const struct input_callbacks *callbacks, void *user)
{
    struct input *in = g_new0(struct input, 1);
    in->callbacks = *callbacks;
    in->user = user;
    in->fd = fd;
    watch(in);
    return in;
}

void input_free(struct input *in)
{
    if (!in)
        return;
    if (in->source)
        g_source_remove(in->source);
    g_free(in);
}
