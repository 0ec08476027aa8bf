/* SPDX-License-Identifier: MIT
 *
 * Our own listeners, so that one mechanism serves TCP, unix sockets and those that are passed: accept4 in a loop, the core
 * decides on the door, then the poller waits for the first bytes.
 *
 * Out of descriptors, accept would fail in a tight loop for as long as somebody waits in the backlog. So accepting
 * pauses, which is said once, and goes on when a connection has closed or a second has passed. Meanwhile a spare
 * descriptor is given up, so that a reload can open its file; accepting resumes only once there is a spare again. It is
 * over when accepting went on for a second without a failure: a crowd that takes every descriptor that comes free is
 * one shortage, not many.
 *
 * A few of those that the core refuses are let in all the same, to hear so when they have asked: /health must not fail
 * because a server is full or drains, or whoever watches it would restart it then.
 *
 * A socket that the service manager passed outlives us: while the daemon drains nobody is taken from it, and whoever
 * comes waits for the next one.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utlist.h>

#include "server/io/framing.h"
#include "server/io/http.h"
#include "server/io/proxy_protocol.h"
#include "server/io/transport.h"

struct listener {
    uv_poll_t poll;
    struct io *io;
    int fd;
    bool passed;          /* by the service manager, which holds it too */
    unsigned framing : 3; /* enum conn_framing */
    struct listen_address address;
    struct stat file; /* of a unix socket that we bound: what we put at its path; all zero: none */
    struct listener *next;
};

static void take_spare(struct io *io)
{
    io->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void pause_accepting(struct io *io)
{
    struct listener *l;
    LL_FOREACH (io->listeners, l)
        uv_poll_stop(&l->poll);
    if (io->spare >= 0)
        close(io->spare);
    io->spare = -1;
    io->accepting = false;
    io->accept_at = uv_now(io->loop) + ACCEPT_RETRY_MS;
    io->stats.descriptor_shortages += !io->exhausted;
    if (!io->exhausted)
        logger_say(io->logger, LOG_LEVEL_WARNING, "descriptors-exhausted",
            "out of file descriptors: new connections wait until others close; raise the limit (ulimit -n, "
            "LimitNOFILE=)");
    io->exhausted = true;
}

/* What is refused may have sent its request already; reading it first keeps close(2) from resetting the answer. */
static void answer_refused(int fd, const char *reason)
{
    char text[HTTP_REFUSAL_MAX];
    (void)!recv(fd, text, sizeof text, MSG_DONTWAIT);
    size_t n = http_refusal(reason, text);
    (void)!send(fd, text, n, MSG_DONTWAIT | MSG_NOSIGNAL);
    shutdown(fd, SHUT_WR);
}

/* A connection that the poller never had. */
static void drop(struct io *io, struct conn *c)
{
    close(c->fd);
    conn_unlimit(&io->conns, c);
    struct core_event e = io_event(io, CORE_GONE, c);
    io_step(io, &e);
    io->refused_count -= c->uncounted;
    conn_release(&io->conns, c);
}

static bool turned_away(const struct io *io, const struct conn *c)
{
    return c->refused && io->refused_count > REFUSED_MAX;
}

void listen_take(struct io *io, struct conn *c)
{
    c->taken = true;
    if (c->secure)
        c->state = CONN_TLS;
    if (turned_away(io, c)) {
        answer_refused(c->fd, c->refused);
        turn_kill(io, c);
    } else if (c->framing != FRAMING_WEBSOCKET && c->refused) {
        turn_kill(io, c); /* it has no way to say why */
    } else if (c->framing != FRAMING_WEBSOCKET) {
        framing_open(io, c, framing_of(io, c)->dialect, NULL);
    }
}

/* It waits for its first bytes, or for those that a proxy puts before them. False when out of memory. */
static bool wait_for_bytes(struct io *io, struct conn *c, const struct listen_address *at)
{
    if (!plain_start(io, c))
        return false;
    if (!at->proxy || turned_away(io, c)) {
        turn_limit(io, c, LIMIT_HANDSHAKE);
        listen_take(io, c);
        return true;
    }
    return proxy_wait_start(io, c, at);
}

/* False if it was refused. Behind a proxy the core learns the address later (CORE_ADDRESS), from a header: of PROXY
 * (proxy_protocol.c) or HTTP (client.c). */
static bool admit(struct listener *l, int fd, const struct sockaddr_storage *from)
{
    struct io *io = l->io;
    int on = 1;
    if (from->ss_family != AF_UNIX)
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct conn *c = conn_open(&io->conns, fd);
    if (!c) {
        answer_refused(fd, error_code(ERROR_SERVER_FULL));
        close(fd);
        return false;
    }
    struct core_event e = io_event(io, CORE_OPEN, c);
    c->address = listen_address_of_client(from);
    c->secure = io->tls && from->ss_family != AF_UNIX &&
                l->framing == FRAMING_WEBSOCKET; /* who comes through a file is on this machine */
    c->framing = l->framing;
    c->trusted = cidr_list_has(&io->settings.trusted_proxies, &c->address);
    if (!c->trusted && !l->address.proxy)
        e.address = c->address;
    io_step(io, &e);
    bool welcome = !c->refused;
    if (wait_for_bytes(io, c, &l->address))
        return welcome;
    if (c->polled)
        turn_kill(io, c);
    else
        drop(io, c);
    return false;
}

static int accept_next(struct listener *l, struct sockaddr_storage *from)
{
    socklen_t len = sizeof *from;
    *from = (struct sockaddr_storage){.ss_family = AF_UNIX};
    int fd;
    do
        fd = accept4(l->fd, (struct sockaddr *)from, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
    while (fd < 0 && (errno == EINTR || errno == ECONNABORTED));
    return fd;
}

/* Everybody else waits for what is done here in one turn, so a refusal ends it: whoever comes back as fast as he is
 * refused has the daemon do little else, but only one at a time. */
static void accept_some(uv_poll_t *poll, int status, int events)
{
    struct listener *l = poll->data;
    (void)events;
    bool admitted = status == 0;
    uint64_t end = turn_share();
    for (int i = 0; admitted && (i == 0 || !turn_share_is_over(end)); i++) {
        struct sockaddr_storage from;
        int fd = accept_next(l, &from);
        if (fd < 0) {
            if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
                pause_accepting(l->io);
            return;
        }
        admitted = admit(l, fd, &from);
    }
}

void listen_resume(struct io *io)
{
    if (io->accepting)
        return;
    io->accept_at = uv_now(io->loop) + ACCEPT_RETRY_MS;
    if (io->spare < 0)
        take_spare(io);
    if (io->spare < 0)
        return;
    io->accepting = true;
    struct listener *l;
    LL_FOREACH (io->listeners, l)
        if (!l->passed || !core_draining(io->core))
            uv_poll_start(&l->poll, UV_READABLE, accept_some);
}

void listen_drain(struct io *io)
{
    struct listener *l;
    LL_FOREACH (io->listeners, l)
        if (l->passed)
            uv_poll_stop(&l->poll);
}

void listen_look(struct io *io)
{
    if (!io->accepting) {
        listen_resume(io);
        return;
    }
    io->exhausted = false;
    logger_say(io->logger, LOG_LEVEL_NOTICE, "descriptors-returned", "accepting connections again");
}

/* A socket file that nobody answers on is what a killed daemon left behind. Whatever else has that name is somebody's
 * file, and stays: connect(2) is refused there in the same way. Nor is it waited for whoever listens and accepts nobody
 * (EAGAIN). False with errno. */
static bool remove_stale(const struct listen_address *a)
{
    struct stat is;
    if (lstat(a->at.un.sun_path, &is) == 0 && !S_ISSOCK(is.st_mode)) {
        errno = EEXIST;
        return false;
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    bool stale = fd >= 0 && connect(fd, &a->at.any, a->len) < 0 && errno == ECONNREFUSED;
    if (fd >= 0)
        close(fd);
    errno = EADDRINUSE;
    return stale && unlink(a->at.un.sun_path) == 0;
}

static int bind_socket(const struct listen_address *a)
{
    int family = a->at.any.sa_family, on = 1, off = 0;
    int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    if (family != AF_UNIX)
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    int bound = bind(fd, &a->at.any, a->len);
    if (bound < 0 && family == AF_UNIX && errno == EADDRINUSE && remove_stale(a))
        bound = bind(fd, &a->at.any, a->len);
    if (bound == 0 && listen(fd, SOMAXCONN) == 0)
        return fd;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

static void say_listening(const struct io *io, const struct listener *l)
{
    char address[LISTEN_TEXT_MAX], message[LISTEN_TEXT_MAX + 16];
    listen_address_format(&l->address, address);
    snprintf(message, sizeof message, "listening on %s", address);
    logger_say(io->logger, LOG_LEVEL_NOTICE, "listening", message);
}

/* Takes the listener, whose socket listens; false, and it is gone, when out of memory. */
static bool watch(struct io *io, struct listener *l, struct err *e)
{
    getsockname(l->fd, &l->address.at.any, &l->address.len);
    if (l->address.at.any.sa_family == AF_UNIX && !l->passed && stat(l->address.at.un.sun_path, &l->file) != 0)
        l->file = (struct stat){0};
    if (uv_poll_init(io->loop, &l->poll, l->fd) != 0) {
        close(l->fd);
        free(l);
        return err_memory(e);
    }
    l->poll.data = l;
    LL_APPEND(io->listeners, l);
    io->accepting = true;
    uv_poll_start(&l->poll, UV_READABLE, accept_some);
    if (io->spare < 0)
        take_spare(io);
    say_listening(io, l);
    return true;
}

bool io_listen(struct io *io, const char *address, struct err *e)
{
    struct listener *l = calloc(1, sizeof *l);
    if (!l)
        return err_memory(e);
    *l = (struct listener){.io = io, .fd = -1};
    if (listen_address_parse(address, &l->address, e)) {
        l->fd = bind_socket(&l->address);
        if (l->fd < 0 && errno == EAFNOSUPPORT && listen_address_without_ipv6(&l->address))
            l->fd = bind_socket(&l->address);
        if (l->fd >= 0)
            return watch(io, l, e);
        int error = errno;
        err_set_errno(
            e, error, "cannot listen on %.100s: %s%s", address, strerror(error), listen_address_advice(error));
    }
    free(l);
    return false;
}

/* Takes fd. */
static struct listener *passed(struct io *io, int fd, struct err *e)
{
    struct listener *l = calloc(1, sizeof *l);
    if (!l) {
        close(fd);
        err_memory(e);
        return NULL;
    }
    *l = (struct listener){.io = io, .fd = fd, .passed = true};
    l->address.len = sizeof l->address.at;
    return l;
}

bool io_listen_passed(struct io *io, int fd, bool proxy, struct err *e)
{
    struct listener *l = passed(io, fd, e);
    if (!l)
        return false;
    l->address.proxy = proxy;
    return watch(io, l, e);
}

bool framing_listen(struct io *io, int fd, const struct framing *framing, struct err *e)
{
    unsigned i = 0;
    while (i < FRAMINGS_MAX && io->framings[i] && io->framings[i] != framing)
        i++;
    assert(i < FRAMINGS_MAX && framing->dialect);
    assert(framing->ping || framing->dialect->ask_alive);
    struct listener *l = passed(io, fd, e);
    if (!l)
        return false;
    io->framings[i] = framing;
    l->framing = (FRAMING_LISTENERS + i) & 7;
    return watch(io, l, e);
}

/* The path may be the next daemon's by now, if somebody removed our file to make room for it. */
static void remove_own(const struct listener *l)
{
    struct stat is;
    if (l->file.st_ino && lstat(l->address.at.un.sun_path, &is) == 0 && is.st_ino == l->file.st_ino &&
        is.st_dev == l->file.st_dev)
        unlink(l->address.at.un.sun_path);
}

static void closed(uv_handle_t *handle)
{
    struct listener *l = handle->data;
    remove_own(l); /* while we listen: an inode of this number is ours until then */
    close(l->fd);
    free(l);
}

void listen_close(struct io *io)
{
    while (io->listeners) {
        struct listener *l = io->listeners;
        io->listeners = l->next;
        uv_close((uv_handle_t *)&l->poll, closed);
    }
    if (io->spare >= 0)
        close(io->spare);
    io->spare = -1;
    io->exhausted = false;
}
