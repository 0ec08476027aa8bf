/* SPDX-License-Identifier: MIT
 *
 * Floods of datagrams, from one socket, in batches: of a pace, or as many as the system takes. What comes back is left
 * where it is.
 */
#include "bench/flood.h"

#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    AT_ONCE = 100,
    PAUSE_MS = 1
};

static int dial(const struct load_options *o)
{
    const struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr = flood_address(0)};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    if (bind(fd, (const struct sockaddr *)&from, sizeof from) == 0 &&
        connect(fd, (const struct sockaddr *)&o->fleet.server, sizeof o->fleet.server) == 0)
        return fd;
    close(fd);
    return -1;
}

/* How many are due by now. */
static uint64_t due(const struct flood *f, uint64_t began)
{
    uint64_t a_second = f->kind->a_second;
    return a_second ? (now_ns() - began) / 1000 * a_second / 1000000 : f->done + AT_ONCE;
}

bool flood_run_datagrams(struct flood *f)
{
    struct iovec bytes = {.iov_base = (void *)(uintptr_t)f->kind->request.p, .iov_len = f->kind->request.n};
    struct mmsghdr batch[AT_ONCE];
    for (size_t i = 0; i < AT_ONCE; i++)
        batch[i] = (struct mmsghdr){.msg_hdr = {.msg_iov = &bytes, .msg_iovlen = 1}};
    int fd = dial(f->options);
    if (fd < 0)
        return false;
    for (uint64_t began = now_ns(); now_ns() < f->end;) {
        uint64_t missing = due(f, began) - f->done;
        if (missing < AT_ONCE) {
            poll(NULL, 0, PAUSE_MS);
            continue;
        }
        int sent = sendmmsg(fd, batch, AT_ONCE, 0);
        f->done += sent > 0 ? (uint64_t)sent : 0;
        f->refused += sent <= 0;
    }
    close(fd);
    return true;
}
