/* SPDX-License-Identifier: MIT
 *
 * Connections of listeners marked `proxy`, from accept until their PROXY header is read. Exactly its bytes are taken
 * from the socket, so what follows, TLS or HTTP, is there for libwebsockets. Each is open for the core already and
 * counts within max_connections, without an address; the one in the header is told by CORE_ADDRESS, and by then limits
 * of that address can refuse it. A silent one lasts GREETING_MS.
 *
 * Whoever connects to such a listener is believed: it has to be where only the proxy gets to.
 */
#include "server/io/greet.h"

#include <inttypes.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utlist.h>

enum {
    NOTICE_EVERY_MS = 1000
};

struct greeting {
    uv_poll_t poll;
    struct io *io;
    struct conn *conn;               /* borrowed; its slot lasts until greet_end */
    const struct listen_address *at; /* borrowed: the listener's */
    size_t n;
    uint8_t bytes[PROXY_HEADER_MAX];
    struct greeting *prev, *next;
};

static void freed(uv_handle_t *handle)
{
    free(handle->data);
}

/* The socket is the connection's again, with nothing of ours on the loop for it. */
static void detach(struct greeting *g)
{
    DL_DELETE(g->io->greetings, g);
    g->conn->greeting = NULL;
    uv_close((uv_handle_t *)&g->poll, freed);
}

void greet_end(struct io *io, struct conn *c)
{
    detach(c->greeting);
    close(c->fd);
    conn_gone(io, c);
    conn_release(&io->conns, c);
    if (io->exhausted && !io->freeing)
        listen_resume(io);
}

/* Once a second at most: whoever gets to the port can cause it at will. */
static void say(struct greeting *g, enum proxy_problem problem)
{
    struct io *io = g->io;
    io->stats.proxy_refused[problem]++;
    io->greet_unsaid++;
    if (uv_now(io->loop) < io->greet_quiet_until)
        return;
    struct log_record r;
    char at[LISTEN_TEXT_MAX];
    listen_address_format(g->at, at);
    log_record_init(&r, LOG_LEVEL_WARNING, "proxy-header-refused", proxy_problem_text(problem));
    log_record_add(&r, "listener", span_of(at));
    log_record_add(&r, "reason", span_of(proxy_problem_label(problem)));
    log_record_addf(&r, "count", "%" PRIu64, io->greet_unsaid);
    logger_write(io->logger, &r);
    io->greet_unsaid = 0;
    io->greet_quiet_until = uv_now(io->loop) + NOTICE_EVERY_MS;
}

static void finish(struct greeting *g, const struct proxy_header *h)
{
    struct io *io = g->io;
    struct conn *c = g->conn;
    detach(g);
    conn_unlimit(io, c);
    c->state = CONN_HANDSHAKE;
    conn_limit(io, c, &io->handshaking, HANDSHAKE_MS);
    c->fronted = h->command != PROXY_LOCAL;
    if (h->command == PROXY_CLIENT)
        c->address = h->client;
    c->proxied = cidr_list_has(&io->settings.trusted_proxies, &c->address);
    if (!c->proxied) {
        struct core_event e = io_event(io, CORE_ADDRESS, c);
        e.address = c->address;
        io_step(io, &e);
    }
    listen_take(io, c);
}

static void readable(uv_poll_t *poll, int status, int events)
{
    struct greeting *g = poll->data;
    (void)events;
    struct proxy_header h = {.command = PROXY_MORE, .length = PROXY_HEADER_LEAST};
    if (g->conn->doomed)
        return;
    if (g->n > 0)
        h = proxy_header_read(g->bytes, g->n);
    while (status == 0 && h.command == PROXY_MORE) {
        ssize_t got = recv(g->conn->fd, g->bytes + g->n, h.length - g->n, 0);
        if (got < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (got <= 0) {
            turn_kill(g->io, g->conn);
            return;
        }
        g->n += (size_t)got;
        h = proxy_header_read(g->bytes, g->n);
    }
    if (status < 0 || h.command == PROXY_BAD) {
        if (status == 0)
            say(g, h.problem);
        turn_kill(g->io, g->conn);
        return;
    }
    finish(g, &h);
}

bool greet(struct io *io, struct conn *c, const struct listen_address *at)
{
    struct greeting *g = calloc(1, sizeof *g);
    if (!g)
        return false;
    if (uv_poll_init(io->loop, &g->poll, c->fd) != 0) {
        free(g);
        return false;
    }
    g->io = io;
    g->conn = c;
    g->at = at;
    g->poll.data = g;
    c->greeting = g;
    DL_APPEND(io->greetings, g);
    c->state = CONN_GREETING;
    conn_limit(io, c, &io->greeting, GREETING_MS);
    uv_poll_start(&g->poll, UV_READABLE, readable);
    return true;
}

void greet_late(struct io *io, uint64_t now)
{
    while (io->greeting && io->greeting->deadline <= now) {
        say(io->greeting->greeting, PROXY_LATE);
        turn_kill(io, io->greeting);
    }
}

void greet_end_all(struct io *io)
{
    while (io->greetings)
        greet_end(io, io->greetings->conn);
}
