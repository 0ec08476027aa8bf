/* SPDX-License-Identifier: MIT
 *
 * --reload: what `systemctl reload` runs. A signal alone would return before the settings are read, and would not tell
 * that they were refused. So a socket for the answer is made first (io/service.h), then the signal is sent.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/app.h"
#include "server/adapters/logger.h"
#include "server/io/service.h"

enum {
    PATIENCE_MS = 20000
};

static bool read_pid(pid_t *pid)
{
    const char *text = getenv("MAINPID");
    char *end;
    errno = 0;
    long number = text && *text >= '0' && *text <= '9' ? strtol(text, &end, 10) : 0;
    *pid = (pid_t)number;
    return number > 1 && number == *pid && *end == '\0' && errno == 0;
}

/* A socket of ours that waits at this address, in place of one that was left behind; -1 with the sentence in e. */
static int wait_at(const struct sockaddr_un *address, struct err *e)
{
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const struct sockaddr *at = (const struct sockaddr *)address;
    if (fd >= 0 && connect(fd, at, sizeof *address) == 0) {
        err_set(e, "%.100s: another --reload is under way: wait for it", address->sun_path);
        close(fd);
        return -1;
    }
    unlink(address->sun_path);
    umask(0177);
    if (fd >= 0 && bind(fd, at, sizeof *address) == 0)
        return fd;
    err_set(
        e, "%.100s: %s: expected RUNTIME_DIRECTORY to name the daemon's folder", address->sun_path, strerror(errno));
    if (fd >= 0)
        close(fd);
    return -1;
}

static bool hear(int fd, int daemon, struct err *e)
{
    struct pollfd watched[] = {{.fd = fd, .events = POLLIN}, {.fd = daemon, .events = POLLIN}};
    char answer[sizeof e->text];
    int n = poll(watched, 2, PATIENCE_MS);
    if (n == 0)
        return err_set(e,
            "no word from the daemon in %d seconds: is it another usherd's RUNTIME_DIRECTORY, or does it hang?",
            PATIENCE_MS / 1000);
    if (!(watched[0].revents & POLLIN))
        return err_set(e, "the daemon ended before it had read its settings");
    ssize_t got = recv(fd, answer, sizeof answer - 1, 0);
    if (got == 0)
        return true;
    answer[got < 0 ? 0 : got] = '\0';
    return err_set(e, "the settings stay as they were: %s", got < 0 ? strerror(errno) : answer);
}

static bool reload(pid_t pid, const struct sockaddr_un *address, struct err *e)
{
    int daemon = pidfd_open(pid, 0);
    if (daemon < 0)
        return err_set(e, "MAINPID=%ld: %s", (long)pid, strerror(errno));
    int fd = wait_at(address, e);
    bool ok = false;
    if (fd >= 0) {
        if (pidfd_send_signal(daemon, SIGHUP, NULL, 0) < 0)
            err_set(e, "MAINPID=%ld: %s", (long)pid, strerror(errno));
        else
            ok = hear(fd, daemon, e);
        unlink(address->sun_path);
        close(fd);
    }
    close(daemon);
    return ok;
}

int reload_command(void)
{
    struct sockaddr_un address;
    pid_t pid;
    struct err e;
    if (!read_pid(&pid) || !service_reload_address(&address)) {
        logger_complain(
            "--reload is for ExecReload= of a service with a RuntimeDirectory=: expected a process in MAINPID and a "
            "folder in RUNTIME_DIRECTORY");
        return EXIT_USAGE;
    }
    if (reload(pid, &address, &e))
        return EXIT_SUCCESS;
    logger_complain(e.text);
    return EXIT_FAILURE;
}
