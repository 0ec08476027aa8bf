/* SPDX-License-Identifier: MIT
 *
 * The daemon's dealings with the service manager that started it (sd_notify(3), sd_listen_fds(3)): readiness, a status
 * line that is kept fresh, the watchdog, reloads that somebody waits for, sockets that are passed. Where there is no
 * service manager nothing of it happens.
 */
#ifndef SERVER_IO_SERVICE_H
#define SERVER_IO_SERVICE_H

#include <sys/un.h>
#include <uv.h>

#include "base/err.h"
#include "server/core/core.h"

enum {
    SERVICE_SOCKETS_MAX = 16, /* as many as server.listen takes */
    SERVICE_STATUS_MAX = 96,
    SERVICE_TICK_MS = 1000, /* how old a status may be */
};

struct service {
    const struct core *core; /* borrowed */
    uv_timer_t timer;
    bool timer_open;
    bool watched;                    /* the service manager ends a daemon that falls silent */
    char status[SERVICE_STATUS_MAX]; /* as it was told last */
    int asker;                       /* who waits for this reload to end; -1: nobody */
};

/* False when out of memory; service_close ends it in any case. */
bool service_open(struct service *s, uv_loop_t *loop, const struct core *core);
/* Serving, from now on; the watchdog is fed by the loop. */
void service_ready(struct service *s);
/* Before the settings are read, and when they are in force, or refused for this problem (else NULL). */
void service_reloading(struct service *s);
void service_reloaded(struct service *s, const char *problem);
/* Seeing everybody off takes at most so long. */
void service_stopping(struct service *s, uint64_t patience_ms);
/* Closes the handle; the loop has to run once more. Takes what was not opened, if it is all zero. */
void service_close(struct service *s);

/* Where a reload's end is told to whoever waits for it: a datagram socket in $RUNTIME_DIRECTORY, made by the one who
 * asks. False if the variable does not name a folder. */
bool service_reload_address(struct sockaddr_un *address);

struct service_socket {
    int fd;     /* owned by the taker */
    bool proxy; /* FileDescriptorName=proxy: a PROXY header comes first on each connection */
};
/* The listening sockets that were passed to this process: their number, or -1 with the sentence in e. For before
 * anything else is opened, whose descriptors could be taken for them. */
int service_sockets(struct service_socket sockets[SERVICE_SOCKETS_MAX], struct err *e);

#endif
