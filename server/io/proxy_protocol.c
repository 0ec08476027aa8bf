/* SPDX-License-Identifier: MIT
 *
 * Connections of listeners marked `proxy`, from accept until their PROXY header is read. Exactly its bytes are taken
 * from the socket, so what follows is TLS or HTTP from its first byte. Each is open for the core already and counts
 * within max_connections, without an address; the one in the header is told by CORE_ADDRESS, and by then limits of that
 * address can refuse it. A silent one lasts PROXY_MS.
 *
 * Whoever connects to such a listener is believed: it has to be where only the proxy gets to.
 */
#include "server/io/proxy_protocol.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "server/io/client.h"

enum {
    NOTICE_EVERY_MS = 1000
};

struct proxy_wait {
    const struct listen_address *at; /* borrowed: the listener's */
    size_t n;
    uint8_t bytes[PROXY_HEADER_MAX];
};

void proxy_wait_done(struct proxy_wait *w)
{
    free(w);
}

bool proxy_wait_start(struct io *io, struct conn *c, const struct listen_address *at)
{
    struct proxy_wait *w = calloc(1, sizeof *w);
    if (!w)
        return false;
    w->at = at;
    c->state = CONN_PROXY;
    c->proxy = w;
    turn_limit(io, c, LIMIT_PROXY);
    return true;
}

/* Once a second at most: whoever gets to the port can cause it at will. */
static void say(struct io *io, const struct proxy_wait *w, enum proxy_problem problem)
{
    io->stats.proxy_refused[problem]++;
    uint64_t n = log_pace(&io->proxy_refusals, uv_now(io->loop), NOTICE_EVERY_MS);
    if (n == 0)
        return;
    struct log_record r;
    char at[LISTEN_TEXT_MAX];
    listen_address_format(w->at, at);
    log_record_init(&r, LOG_LEVEL_WARNING, "proxy-header-refused", proxy_problem_text(problem));
    log_record_add(&r, "listener", span_of(at));
    log_record_add(&r, "reason", span_of(proxy_problem_label(problem)));
    log_record_addf(&r, "count", "%" PRIu64, n);
    logger_write(io->logger, &r);
}

void proxy_wait_late(struct io *io, struct conn *c)
{
    say(io, c->proxy, PROXY_LATE);
}

static void finish(struct io *io, struct conn *c, const struct proxy_header *h)
{
    conn_forget(c);
    c->state = CONN_HEAD;
    c->http = NULL;
    turn_limit(io, c, LIMIT_HANDSHAKE);
    c->via_proxy = true;
    c->nameless = h->command != PROXY_CLIENT;
    if (c->nameless)
        client_is_nobody(c);
    else
        c->address = h->client;
    c->trusted = !c->nameless && cidr_list_has(&io->settings.trusted_proxies, &c->address);
    if (!c->trusted) {
        struct core_event e = io_event(io, CORE_ADDRESS, c);
        e.address = c->address;
        io_step(io, &e);
    }
    if (!c->doomed)
        listen_take(io, c);
}

void proxy_wait_read(struct io *io, struct conn *c)
{
    struct proxy_wait *w = c->proxy;
    struct proxy_header h = {.command = PROXY_MORE, .length = PROXY_HEADER_LEAST};
    if (w->n > 0)
        h = proxy_header_read(w->bytes, w->n);
    while (h.command == PROXY_MORE) {
        ssize_t got = recv(c->fd, w->bytes + w->n, h.length - w->n, MSG_DONTWAIT);
        if (got < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (got <= 0) {
            turn_kill(io, c);
            return;
        }
        w->n += (size_t)got;
        h = proxy_header_read(w->bytes, w->n);
    }
    if (h.command == PROXY_BAD) {
        say(io, w, h.problem);
        turn_kill(io, c);
        return;
    }
    finish(io, c, &h);
}
