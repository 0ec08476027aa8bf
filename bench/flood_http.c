/* SPDX-License-Identifier: MIT
 *
 * Floods of connections that carry one request each: connected, sent, answered or not, and reset, so that no thousands
 * of sockets stay in TIME_WAIT; then the next. A connection that is refused or closed early is what a flood expects.
 */
#include "bench/flood.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    WAIT_MS = 100,
    UNREAD_MS = 50, /* how long an answer is left unread before its connection is reset and the next one comes */
    ANSWER_READ = 256 * 1024,
};

static const char PADDING[] = "X-Padding: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n";

struct asker {
    int fd; /* -1: none */
    size_t sent;
    uint64_t sent_at; /* when all of it was, ns; 0: it is not */
};

struct asking {
    struct flood *flood;
    struct buf request;
    struct asker *askers; /* owned */
    char *answer;         /* owned: ANSWER_READ, where answers are thrown away */
};

/* Resets the connection. */
static void hang_up(struct asker *a)
{
    const struct linger reset = {.l_onoff = 1};
    if (a->fd >= 0) {
        setsockopt(a->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
        close(a->fd);
    }
    *a = (struct asker){.fd = -1};
}

static void dial(const struct asking *all, struct asker *a, unsigned i)
{
    const struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr = flood_address(i)};
    const struct sockaddr_in *server = &all->flood->options->fleet.server;
    int on = 1;
    *a = (struct asker){.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
    if (a->fd < 0)
        return;
    setsockopt(a->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    setsockopt(a->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    bool dialled = bind(a->fd, (const struct sockaddr *)&from, sizeof from) == 0 &&
                   (connect(a->fd, (const struct sockaddr *)server, sizeof *server) == 0 || errno == EINPROGRESS);
    if (!dialled)
        hang_up(a);
}

/* False when the connection is over. */
static bool ask(struct asking *all, struct asker *a)
{
    const struct flood_kind *kind = all->flood->kind;
    size_t left = all->request.len - a->sent, n = kind->dribbled && left > 1 ? 1 : left;
    ssize_t sent = send(a->fd, all->request.p + a->sent, n, MSG_NOSIGNAL);
    if (sent < 0)
        return errno == EAGAIN;
    a->sent += (size_t)sent;
    all->flood->done += kind->dribbled ? (uint64_t)sent : 0;
    if (a->sent == all->request.len)
        a->sent_at = now_ns();
    return a->sent_at == 0 || !kind->dropped;
}

static bool serve(struct asking *all, struct asker *a, short events)
{
    const struct flood_kind *kind = all->flood->kind;
    if (kind->unread && a->sent_at && now_ns() > a->sent_at + UNREAD_MS * 1000000U)
        return false;
    if (events & POLLIN && !kind->unread) {
        ssize_t n = recv(a->fd, all->answer, ANSWER_READ, 0);
        if (n == 0 || (n < 0 && errno != EAGAIN))
            return false;
    } else if (events & (POLLERR | POLLHUP)) {
        return false;
    }
    return !(events & POLLOUT) || a->sent_at || ask(all, a);
}

static void turn(struct asking *all, struct pollfd *polled)
{
    struct flood *f = all->flood;
    unsigned n = f->options->fleet.clients;
    for (unsigned i = 0; i < n; i++) {
        struct asker *a = &all->askers[i];
        if (a->fd < 0)
            dial(all, a, i);
        polled[i] = (struct pollfd){.fd = a->fd, .events = (short)(POLLIN | (a->sent_at ? 0 : POLLOUT))};
    }
    int ready = poll(polled, n, f->kind->unread ? UNREAD_MS : WAIT_MS);
    for (unsigned i = 0; ready >= 0 && i < n; i++) {
        struct asker *a = &all->askers[i];
        if (a->fd >= 0 && !serve(all, a, polled[i].revents)) {
            f->refused += a->sent_at == 0;
            f->done += !f->kind->dribbled && a->sent_at != 0;
            hang_up(a);
        }
    }
}

/* `%s` becomes the room; the padding goes before the line that ends the head. */
static void write_request(struct buf *out, const struct flood_kind *kind, const char *room)
{
    struct span request = kind->request;
    const char *end = memmem(request.p, request.n, "\r\n\r\n", 4), *at = memmem(request.p, request.n, "%s", 2);
    const char *from = request.p;
    if (at) {
        buf_add(out, from, (size_t)(at - from));
        buf_text(out, room);
        from = at + 2;
    }
    if (kind->padding) {
        buf_add(out, from, (size_t)(end + 2 - from));
        from = end + 2;
    }
    for (size_t n = 0; n < kind->padding; n += sizeof PADDING - 1)
        buf_text(out, PADDING);
    buf_add(out, from, request.n - (size_t)(from - request.p));
}

bool flood_run_requests(struct flood *f)
{
    unsigned n = f->options->fleet.clients;
    struct pollfd *polled = calloc(n, sizeof *polled);
    struct asking all = {.flood = f, .askers = calloc(n, sizeof *all.askers), .answer = malloc(ANSWER_READ)};
    buf_init(&all.request, 2 * FLOOD_BATCH);
    write_request(&all.request, f->kind, f->options->room ? f->options->room : "");
    bool ok = polled && all.askers && all.answer && !all.request.failed;
    for (unsigned i = 0; ok && i < n; i++)
        all.askers[i].fd = -1;
    while (ok && now_ns() < f->end)
        turn(&all, polled);
    for (unsigned i = 0; ok && i < n; i++)
        hang_up(&all.askers[i]);
    buf_done(&all.request);
    free(polled);
    free(all.askers);
    free(all.answer);
    return ok;
}
