/* SPDX-License-Identifier: MIT
 *
 * How long the server's loop pauses, seen from outside: a request for /health on a connection of its own every few
 * milliseconds, and what the slowest of them took until the kernel had the answer. Of that time the server's own part is
 * shown besides: without that for which other programs had its processor. It is asked from many addresses, so that no
 * limit of one counts.
 */
#include "bench/mode.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    PULSE_SOURCES = 200,
    PATIENCE_S = 20,
};

struct pulse {
    const struct load_options *options;
    int waiting; /* see process_waiting */
    struct histogram clock, own;
    uint64_t asked, refused;
};

static int dial(const struct pulse *p)
{
    const struct sockaddr_in *server = &p->options->fleet.server;
    const struct sockaddr_in from = {
        .sin_family = AF_INET, .sin_addr = fleet_address((unsigned)p->asked, PULSE_SOURCES)};
    const struct timeval patience = {.tv_sec = PATIENCE_S};
    const struct linger reset = {.l_onoff = 1};
    int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
    if (bind(fd, (const struct sockaddr *)&from, sizeof from) == 0 &&
        connect(fd, (const struct sockaddr *)server, sizeof *server) == 0)
        return fd;
    close(fd);
    return -1;
}

/* Whether the server answered. */
static bool ask(struct pulse *p)
{
    static const char request[] = "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n";
    char answer[4096];
    uint64_t waited = process_waited_ns(p->waiting), asked_at = wall_ns(), came_at;
    int fd = dial(p);
    p->asked++;
    bool answered = fd >= 0 && send(fd, request, sizeof request - 1, MSG_NOSIGNAL) > 0 &&
                    receive_stamped(fd, answer, sizeof answer, &came_at) > 0;
    if (answered) {
        came_at = came_at > asked_at ? came_at : wall_ns();
        uint64_t took = came_at - asked_at;
        waited = process_waited_ns(p->waiting) - waited;
        histogram_add(&p->clock, took);
        histogram_add(&p->own, waited < took ? took - waited : 0);
    }
    if (fd >= 0)
        close(fd);
    return answered;
}

bool mode_pulse(const struct load_options *o)
{
    static struct pulse p;
    p = (struct pulse){.options = o, .waiting = process_waiting(o->server)};
    /* As long as one socket wants stamps, the kernel need not begin to make them for each. */
    int on = 1, stamps = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(stamps, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
    uint64_t step = 1000000000U / o->rate, now = now_ns(), end = now + (uint64_t)(o->seconds * 1e9);
    for (uint64_t due = now; now < end; now = now_ns()) {
        if (!ask(&p) && kill(o->server, 0) != 0)
            break; /* the server has ended */
        now = now_ns();
        due = due + step > now ? due + step : now;
        poll(NULL, 0, (int)((due - now + 999999U) / 1000000U));
    }
    const struct histogram *c = &p.clock, *own = &p.own;
    printf("pulse rate=%u seconds=%.2f asked=%" PRIu64 " answered=%" PRIu64 " p50_us=%.0f p99_us=%.0f max_us=%.0f "
           "own_p50_us=%.0f own_p99_us=%.0f own_max_us=%.0f\n",
        o->rate, o->seconds, p.asked, c->total, histogram_us(c, 0.5), histogram_us(c, 0.99), histogram_us(c, 1),
        histogram_us(own, 0.5), histogram_us(own, 0.99), histogram_us(own, 1));
    close(stamps);
    close(p.waiting);
    return c->total > 0;
}
