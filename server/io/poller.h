/* SPDX-License-Identifier: MIT
 *
 * The sockets of connections, in an epoll of our own that uv's loop watches as one descriptor. A uv_poll_t for
 * each would cost 160 bytes a connection; here a socket costs nothing but the kernel's own record. Level-triggered: what
 * a read leaves behind is told again.
 */
#ifndef SERVER_IO_POLLER_H
#define SERVER_IO_POLLER_H

#include <sys/epoll.h>
#include <uv.h>

#include "server/core/core.h"

enum {
    POLLER_READ = 1,
    POLLER_WRITE = 2,
    POLLER_BROKEN = 4,   /* reported whether asked for or not: the socket failed, or both of its sides are shut; */
    POLLER_END = 8,      /* of one that is asked for this alone, once: its client's side has ended */
    POLLER_EVENTS = 256, /* taken from the kernel at once */
};

/* On the loop, never from within another function of this file. */
typedef void poller_event(void *ctx, struct conn_id id, unsigned happened);

struct poller {
    int fd; /* -1: not open */
    uv_poll_t poll;
    bool polled;
    poller_event *event;
    void *ctx;
    bool more; /* the last look brought as many events as it could: there may be others */
    struct epoll_event events[POLLER_EVENTS];
};

/* False when out of memory or descriptors; poller_close ends it in any case. */
bool poller_open(struct poller *p, uv_loop_t *loop, poller_event *event, void *ctx);
/* The loop has to run once more. Takes one that was not opened, if its fd is -1. */
void poller_close(struct poller *p);
/* False when the kernel has no memory. */
bool poller_add(struct poller *p, int fd, struct conn_id id, unsigned interest);
void poller_set(struct poller *p, int fd, struct conn_id id, unsigned interest);
void poller_remove(struct poller *p, int fd);

#endif
