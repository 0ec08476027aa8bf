/* SPDX-License-Identifier: MIT
 *
 * A real redis-server of a test's own, on a unix socket in a folder of its own, gone with the test.
 */
#ifndef TESTS_UNIT_SERVER_IO_REDIS_SERVER_H
#define TESTS_UNIT_SERVER_IO_REDIS_SERVER_H

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <hiredis/hiredis.h>

struct redis_server {
    char dir[64], socket[96];
    pid_t pid;
};

enum {
    REDIS_SERVER_MS = 10000
};

/* Reads what it says until it serves. */
static bool redis_server_ready(int fd)
{
    char text[8192];
    size_t n = 0;
    struct pollfd p = {.fd = fd, .events = POLLIN};
    while (n < sizeof text - 1 && poll(&p, 1, REDIS_SERVER_MS) > 0) {
        ssize_t got = read(fd, text + n, sizeof text - 1 - n);
        if (got <= 0)
            return false;
        n += (size_t)got;
        text[n] = '\0';
        if (strstr(text, "connections at ") || strstr(text, "Ready to accept connections"))
            return true;
    }
    return false;
}

static void redis_server_start(struct redis_server *s)
{
    int out[2];
    snprintf(s->dir, sizeof s->dir, "/tmp/usher-redis-XXXXXX");
    assert_non_null(mkdtemp(s->dir));
    snprintf(s->socket, sizeof s->socket, "%s/redis.sock", s->dir);
    assert_int_equal(pipe(out), 0);
    s->pid = fork();
    if (s->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(out[1], STDOUT_FILENO);
        close(out[0]);
        execlp("redis-server", "redis-server", "--port", "0", "--unixsocket", s->socket, "--save", "", "--appendonly",
            "no", "--dir", s->dir, (char *)NULL);
        _exit(127);
    }
    close(out[1]);
    assert_true(redis_server_ready(out[0])); /* the pipe stays open: what it says later fits into it */
}

static redisContext *redis_server_connect(const struct redis_server *s)
{
    redisContext *c = redisConnectUnix(s->socket);
    assert_non_null(c);
    assert_int_equal(c->err, 0);
    redisSetTimeout(c, (struct timeval){.tv_sec = REDIS_SERVER_MS / 1000});
    return c;
}

static void redis_server_stop(struct redis_server *s)
{
    char command[128];
    kill(s->pid, SIGKILL);
    waitpid(s->pid, NULL, 0);
    unlink(s->socket);
    snprintf(command, sizeof command, "%s", s->dir);
    rmdir(command);
}

#endif
