/* SPDX-License-Identifier: MIT
 *
 * The watchdog is fed by a timer of the loop that serves the connections, and by nothing else: a loop that hangs in one
 * callback, or never ends a turn, falls silent.
 *
 * A reload's end is told twice: to the service manager (READY=1), and to whoever waits for it. SIGHUP carries no
 * answer, so `usherd --reload` makes a socket first; the daemon looks for it before it reads the settings and answers
 * when they are in force. So an answer is always about files that were read after the question.
 *
 * A service manager that has stopped reading does not stop the loop: what it does not take is not told (notify.h), and
 * the status again a second later.
 */
#include "server/io/service.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <systemd/sd-daemon.h>
#include <time.h>
#include <unistd.h>

#include "server/io/notify.h"

enum {
    NOTIFY_MAX = SERVICE_STATUS_MAX + 96,
    PATIENCE_MS = 100 /* with a service manager that is told what it waits for, once a reload or an end */
};

static const char RELOAD_SOCKET[] = "reload", PROXY_NAME[] = "proxy";

static void write_status(const struct service *s, char *out)
{
    const struct core_stats *stats = core_stats(s->core);
    snprintf(out, SERVICE_STATUS_MAX, "%s%" PRIu64 " connections, %" PRIu64 " rooms",
        core_draining(s->core) ? "seeing everybody off: " : "", stats->connections, stats->rooms);
}

static void tick(uv_timer_t *timer)
{
    struct service *s = timer->data;
    char status[SERVICE_STATUS_MAX], line[NOTIFY_MAX];
    write_status(s, status);
    bool news = strcmp(status, s->status) != 0;
    snprintf(line, sizeof line, "STATUS=%s", status);
    if (news && notify(line, 0))
        memcpy(s->status, status, sizeof status);
    if (s->watched)
        notify("WATCHDOG=1", 0);
}

bool service_open(struct service *s, uv_loop_t *loop, const struct core *core)
{
    *s = (struct service){.core = core, .asker = -1};
    s->timer.data = s;
    s->timer_open = uv_timer_init(loop, &s->timer) == 0;
    return s->timer_open;
}

void service_ready(struct service *s)
{
    uint64_t limit_us = 0, period = SERVICE_TICK_MS;
    s->watched = sd_watchdog_enabled(0, &limit_us) > 0;
    if (s->watched && limit_us / 2000 < period)
        period = limit_us / 2000 ? limit_us / 2000 : 1;
    write_status(s, s->status);
    if (sd_notifyf(0, "READY=1\nSTATUS=%s", s->status) > 0)
        uv_timer_start(&s->timer, tick, period, period);
}

bool service_reload_address(struct sockaddr_un *address)
{
    const char *folder = getenv("RUNTIME_DIRECTORY");
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (!folder || *folder != '/')
        return false;
    int n = snprintf(
        address->sun_path, sizeof address->sun_path, "%.*s/%s", (int)strcspn(folder, ":"), folder, RELOAD_SOCKET);
    return n > 0 && (size_t)n < sizeof address->sun_path;
}

void service_reloading(struct service *s)
{
    struct sockaddr_un asker;
    struct timespec now;
    char state[NOTIFY_MAX];
    clock_gettime(CLOCK_MONOTONIC, &now);
    snprintf(state, sizeof state, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64,
        (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000);
    notify(state, PATIENCE_MS);
    if (!service_reload_address(&asker))
        return;
    s->asker = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (s->asker >= 0 && connect(s->asker, (const struct sockaddr *)&asker, sizeof asker) < 0) {
        close(s->asker);
        s->asker = -1;
    }
}

void service_reloaded(struct service *s, const char *problem)
{
    notify("READY=1", PATIENCE_MS);
    if (s->asker < 0)
        return;
    const char *answer = problem ? problem : "";
    (void)!send(s->asker, answer, strlen(answer), MSG_NOSIGNAL);
    close(s->asker);
    s->asker = -1;
}

void service_stopping(struct service *s, uint64_t patience_ms)
{
    char state[NOTIFY_MAX];
    write_status(s, s->status);
    snprintf(state, sizeof state, "STOPPING=1\nSTATUS=%s\nEXTEND_TIMEOUT_USEC=%" PRIu64, s->status, patience_ms * 1000);
    notify(state, PATIENCE_MS);
}

void service_close(struct service *s)
{
    if (s->timer_open)
        uv_close((uv_handle_t *)&s->timer, NULL);
    s->timer_open = false;
}

static bool take_socket(struct service_socket *out, int fd, const char *name, struct err *e)
{
    struct sockaddr_storage at = {.ss_family = AF_UNSPEC};
    socklen_t n = sizeof at;
    if (sd_is_socket(fd, AF_UNSPEC, SOCK_STREAM, 1) <= 0 || getsockname(fd, (struct sockaddr *)&at, &n) < 0 ||
        (at.ss_family != AF_INET && at.ss_family != AF_INET6 && at.ss_family != AF_UNIX))
        return err_set(e,
            "descriptor %d that the service manager passed is no listening stream socket: in the socket unit use "
            "ListenStream= and leave Accept=no",
            fd);
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
        return err_set_errno(e, errno, "descriptor %d: %s", fd, strerror(errno));
    *out = (struct service_socket){.fd = fd, .proxy = name && strcmp(name, PROXY_NAME) == 0};
    return true;
}

int service_sockets(struct service_socket sockets[SERVICE_SOCKETS_MAX], struct err *e)
{
    char **names = NULL;
    int count = sd_listen_fds_with_names(1, &names), taken = 0;
    if (count < 0)
        err_set(e,
            "LISTEN_PID, LISTEN_FDS or LISTEN_FDNAMES do not describe open descriptors from 3 on (%s): let the service "
            "manager set them, or remove them",
            strerror(-count));
    else if (count > SERVICE_SOCKETS_MAX)
        err_set(e, "%d sockets were passed: expected at most %d", count, SERVICE_SOCKETS_MAX);
    else
        while (
            taken < count && take_socket(&sockets[taken], SD_LISTEN_FDS_START + taken, names ? names[taken] : NULL, e))
            taken++;
    for (int i = 0; names && i < count; i++)
        free(names[i]);
    free(names);
    return taken == count ? taken : -1;
}
