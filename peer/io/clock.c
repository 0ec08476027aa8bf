/* SPDX-License-Identifier: MIT
 *
 * A timer of the kernel's (timerfd_create(2)) on the same clock: after a sleep it fires at once if its time came meanwhile.
 */
#include "peer/io/clock.h"

#include <glib-unix.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

struct clock_alarm {
    int fd;
    GSource *source;
    void (*fn)(void *user);
    void *user;
};

uint64_t clock_now(void)
{
    struct timespec t;
    int failed = clock_gettime(CLOCK_BOOTTIME, &t);
    g_assert(!failed); /* Linux has had it since 2.6.39 */
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static gboolean on_timer(gint fd, GIOCondition condition, gpointer user)
{
    struct clock_alarm *a = user;
    uint64_t times;
    (void)condition;
    if (read(fd, &times, sizeof times) == sizeof times) /* else it was set anew meanwhile */
        a->fn(a->user);
    return G_SOURCE_CONTINUE;
}

struct clock_alarm *clock_alarm_new(GMainContext *context, void (*fn)(void *user), void *user)
{
    int fd = timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC);
    if (fd < 0)
        return NULL;
    struct clock_alarm *a = g_new0(struct clock_alarm, 1);
    *a = (struct clock_alarm){.fd = fd, .source = g_unix_fd_source_new(fd, G_IO_IN), .fn = fn, .user = user};
    g_source_set_callback(a->source, G_SOURCE_FUNC(on_timer), a, NULL);
    g_source_attach(a->source, context);
    return a;
}

void clock_alarm_free(struct clock_alarm *a)
{
    if (!a)
        return;
    g_source_destroy(a->source);
    g_source_unref(a->source);
    close(a->fd);
    g_free(a);
}

void clock_alarm_set(struct clock_alarm *a, uint64_t at)
{
    struct itimerspec when = {0};
    if (at <= INT64_MAX) {
        when.it_value.tv_sec = (time_t)(at / 1000);
        when.it_value.tv_nsec = (long)(at % 1000) * 1000000;
        when.it_value.tv_nsec += at == 0; /* all zero would mean never */
    }
    int failed = timerfd_settime(a->fd, TFD_TIMER_ABSTIME, &when, NULL);
    g_assert(!failed);
}
