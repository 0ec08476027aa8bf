/* SPDX-License-Identifier: MIT */
#include "server/limits.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/os_thread.h"

enum {
    DESCRIPTORS_MAX = 1024 * 1024, /* libwebsockets keeps a table as long as the limit */
    DESCRIPTORS_LEAST = 24,        /* the loop's, the log's, files that are read or written, and a few clients */
    POOL_DEFAULT = 4,              /* threads of libuv's pool, which aborts when it gets none */
    POOL_MAX = 1024,
    POOL_STACK = 8 * 1024 * 1024,
    THREADS = 3, /* of our own: two that hash, and the log's; and one for each receiver of webhooks */
};

static struct rlimit raise_descriptors(void)
{
    struct rlimit limit = {0, 0};
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max < DESCRIPTORS_MAX ? limit.rlim_max : DESCRIPTORS_MAX;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
    return limit;
}

/* What was inherited counts against the limit too, so only trying tells. */
static bool check_descriptors(size_t wanted, const struct rlimit *limit, struct err *e)
{
    int *fds = calloc(wanted, sizeof *fds);
    size_t got = 0;
    if (!fds)
        return err_memory(e);
    while (got < wanted && (fds[got] = dup(STDERR_FILENO)) >= 0)
        got++;
    for (size_t i = 0; i < got; i++)
        close(fds[i]);
    free(fds);
    return got == wanted ||
           err_set(e,
               "%zu descriptors are free, of a limit of %llu: expected %zu at least: raise the limit (ulimit -n, "
               "LimitNOFILE=)",
               got, (unsigned long long)limit->rlim_cur, wanted);
}

/* As libuv reads it. */
static unsigned pool_size(void)
{
    const char *text = getenv("UV_THREADPOOL_SIZE");
    long n = text ? strtol(text, NULL, 10) : POOL_DEFAULT;
    if (n < 1)
        return 1;
    return n < POOL_MAX ? (unsigned)n : POOL_MAX;
}

bool limits_prepare(size_t listeners, size_t webhooks, struct err *e)
{
    struct rlimit limit = raise_descriptors();
    /* of a receiver, its socket and the word to stop; and what wakes the loop */
    size_t descriptors = listeners + 2 * webhooks + (webhooks > 0);
    return check_descriptors(DESCRIPTORS_LEAST + descriptors, &limit, e) &&
           os_thread_probe(pool_size() + THREADS + (unsigned)webhooks, POOL_STACK, e);
}
