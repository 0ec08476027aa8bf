/* SPDX-License-Identifier: MIT
 *
 * The signal is blocked and read from a descriptor. Then it is let through, so that it does what it always does: it stops the
 * process, unless there is no shell that could have it go on.
 */
#include "peer/cli/suspend.h"

#include <glib-unix.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

struct suspend {
    void (*give_back)(void *user);
    void (*take_again)(void *user);
    void *user;
    int fd;
    guint source;
};

static void mask(int how)
{
    sigset_t stop;
    sigemptyset(&stop);
    sigaddset(&stop, SIGTSTP);
    pthread_sigmask(how, &stop, NULL);
}

void suspend_prepare(void)
{
    mask(SIG_BLOCK);
}

static gboolean on_signal(gint fd, GIOCondition condition, gpointer user)
{
    struct suspend *s = user;
    struct signalfd_siginfo info;
    (void)condition;
    if (read(fd, &info, sizeof info) != sizeof info)
        return G_SOURCE_CONTINUE;
    s->give_back(s->user);
    raise(SIGTSTP);
    mask(SIG_UNBLOCK); /* stops here, and goes on here */
    mask(SIG_BLOCK);
    s->take_again(s->user);
    return G_SOURCE_CONTINUE;
}

struct suspend *suspend_new(void (*give_back)(void *user), void (*take_again)(void *user), void *user)
{
    sigset_t stop;
    sigemptyset(&stop);
    sigaddset(&stop, SIGTSTP);
    int fd = signalfd(-1, &stop, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd < 0) {
        mask(SIG_UNBLOCK);
        return NULL;
    }
    struct suspend *s = g_new0(struct suspend, 1);
    *s = (struct suspend){.give_back = give_back, .take_again = take_again, .user = user, .fd = fd};
    s->source = g_unix_fd_add(fd, G_IO_IN, on_signal, s);
    return s;
}

void suspend_free(struct suspend *s)
{
    if (!s)
        return;
    g_source_remove(s->source);
    close(s->fd);
    mask(SIG_UNBLOCK);
    g_free(s);
}
