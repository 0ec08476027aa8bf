/* SPDX-License-Identifier: MIT
 *
 * Normal path of a client: socket, upgrade, the dialect's greeting, join-room, the room's list; then signals. A client
 * asks for its room as soon as it knows its own id, as real ones do. Level-triggered epoll with one read and one write
 * per wake-up; interest in writability is asked for only while a socket is full, so a relayed message costs the
 * generator one recv(2) and one send(2) at most.
 */
#include "bench/fleet.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
    EVENTS = 512,
    TEXT_MAX = 1024,
    SPARE_DESCRIPTORS = 16
};

static const uint64_t second_ns = 1000000000;

bool fleet_fail(struct fleet *f, const char *format, ...)
{
    if (f->problem[0])
        return false;
    va_list args;
    va_start(args, format);
    vsnprintf(f->problem, sizeof f->problem, format, args);
    va_end(args);
    return false;
}

static bool enough_descriptors(unsigned clients)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return false;
    limit.rlim_cur = limit.rlim_max;
    return setrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur >= clients + SPARE_DESCRIPTORS;
}

struct fleet *fleet_new(const struct fleet_options *options)
{
    struct fleet *f = calloc(1, sizeof *f);
    if (!f)
        goto fail;
    f->options = *options;
    f->epoll = epoll_create1(EPOLL_CLOEXEC);
    f->clients = calloc(options->clients, sizeof *f->clients);
    f->scratch = malloc(sizeof *f->scratch);
    f->tls = options->tls ? ws_tls_new() : NULL;
    if (options->tls && !f->tls)
        goto fail;
    if (f->epoll < 0 || !f->clients || !f->scratch || !enough_descriptors(options->clients))
        goto fail;
    for (unsigned i = 0; i < options->clients; i++)
        f->clients[i] = (struct client){.fleet = f, .index = i, .ws = {.fd = -1}};
    rng_seeded_init(&f->seed, 1);
    f->rng = rng_seeded_port(&f->seed);
    return f;
fail:
    fprintf(stderr, "load: %u clients need more memory or descriptors than there are (ulimit -n)\n", options->clients);
    fleet_free(f);
    return NULL;
}

void fleet_free(struct fleet *f)
{
    if (!f)
        return;
    for (unsigned i = 0; f->clients && i < f->opened; i++)
        ws_close(&f->clients[i].ws);
    if (f->epoll >= 0)
        close(f->epoll);
    free(f->clients);
    free(f->scratch);
    SSL_CTX_free(f->tls);
    free(f);
}

bool fleet_flush(struct fleet *f, struct client *c)
{
    if (!ws_flush(&c->ws))
        return fleet_fail(f, "client %u: %s", c->index, c->ws.problem);
    if (c->ws.out.failed)
        return fleet_fail(f, "client %u: the server takes nothing more", c->index);
    unsigned interest = c->ws.out.len ? EPOLLIN | EPOLLOUT : EPOLLIN;
    if (interest == c->interest)
        return true;
    struct epoll_event event = {.events = interest, .data.ptr = c};
    if (epoll_ctl(f->epoll, c->interest ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, c->ws.fd, &event) != 0)
        return fleet_fail(f, "epoll_ctl: %s", strerror(errno));
    c->interest = interest;
    return true;
}

struct in_addr fleet_address(unsigned index, unsigned sources)
{
    return (struct in_addr){htonl(INADDR_LOOPBACK + index % sources)};
}

static bool open_next(struct fleet *f)
{
    struct client *c = &f->clients[f->opened];
    unsigned turn = c->index % (f->options.also_n + 1);
    char header[64];
    snprintf(header, sizeof header, "X-Forwarded-For: 10.0.%u.%u\r\n", c->index / 250, c->index % 250 + 1);
    const struct ws_target target = {
        .address = turn ? f->options.also[turn - 1] : f->options.server,
        .path = f->options.dialect->path,
        .subprotocol = f->options.dialect->subprotocol,
        .headers = f->options.proxied ? header : NULL,
        .tls = f->tls,
        .stamped = f->options.stamped,
    };
    struct in_addr from = {htonl(INADDR_LOOPBACK + c->index / FLEET_CLIENTS_PER_SOURCE)};
    if (f->options.sources)
        from = fleet_address(c->index, f->options.sources);
    c->opened_at = now_ns();
    if (!ws_open(&c->ws, &from, &target, &f->rng))
        return fleet_fail(f, "client %u cannot connect: %s", c->index, strerror(errno));
    f->opened++;
    return fleet_flush(f, c);
}

static void ask_for_room(struct client *c, struct span id)
{
    struct fleet *f = c->fleet;
    if (id.n == 0 || id.n > FLEET_ID_MAX) {
        fleet_fail(f, "client %u was welcomed without an id", c->index);
        return;
    }
    memcpy(c->id, id.p, id.n);
    char room[32];
    char name[32];
    snprintf(room, sizeof room, "bench-%u", c->index / f->options.room_size);
    snprintf(name, sizeof name, "client %u", c->index);
    struct buf text;
    buf_init(&text, TEXT_MAX);
    f->options.dialect->write_join(&text, room, name);
    c->asked_at = now_ns();
    ws_frame(&c->ws, &c->ws.out, buf_view(&text));
    buf_done(&text);
}

static void on_text(void *ctx, struct span text)
{
    struct client *c = ctx;
    struct fleet *f = c->fleet;
    struct buf answer;
    buf_init(&answer, TEXT_MAX);
    struct span id = {NULL, 0};
    switch (f->options.dialect->read(text, &id, &answer)) {
    case DIALECT_NOTHING:
        break;
    case DIALECT_WELCOME:
        ask_for_room(c, id);
        break;
    case DIALECT_JOINED:
        if (!c->joined_at) {
            c->joined_at = now_ns();
            f->joined++;
        }
        break;
    case DIALECT_SIGNAL:
        if (f->on_signal)
            f->on_signal(f->signal_ctx, c, text);
        break;
    case DIALECT_ERROR:
        fleet_fail(f, "client %u was told: %.*s", c->index, (int)(text.n < 300 ? text.n : 300), text.p);
        break;
    }
    if (answer.len)
        ws_frame(&c->ws, &c->ws.out, buf_view(&answer));
    buf_done(&answer);
}

static int wait_for_events(struct fleet *f, struct epoll_event *events, int timeout_ms)
{
    if (!f->options.spin)
        return epoll_wait(f->epoll, events, EVENTS, timeout_ms);
    uint64_t began = process_cpu_ns(0);
    int n = epoll_wait(f->epoll, events, EVENTS, 0);
    f->spun_ns += n == 0 ? process_cpu_ns(0) - began : 0;
    return n;
}

bool fleet_turn(struct fleet *f, int timeout_ms)
{
    struct epoll_event events[EVENTS];
    int n = wait_for_events(f, events, timeout_ms);
    if (n < 0 && errno != EINTR)
        return fleet_fail(f, "epoll_wait: %s", strerror(errno));
    for (int i = 0; i < n; i++) {
        struct client *c = events[i].data.ptr;
        f->reads += (events[i].events & EPOLLIN) != 0;
        if ((events[i].events & ~(unsigned)EPOLLOUT) && !ws_read(&c->ws, f->scratch, on_text, c))
            return fleet_fail(f, "client %u: %s", c->index, c->ws.problem);
        if (!fleet_flush(f, c))
            return false;
    }
    if (n > 0)
        f->last_byte_at = now_ns();
    return f->problem[0] == '\0';
}

/* Whether the next may come in: a moment that was missed is made up for. */
static bool may_open(const struct fleet *f, uint64_t began)
{
    const struct fleet_options *o = &f->options;
    if (f->opened == o->clients || f->opened - f->joined >= o->handshakes)
        return false;
    return o->join_rate == 0 || f->opened <= (now_ns() - began) * o->join_rate / 1000000000U;
}

bool fleet_join(struct fleet *f)
{
    uint64_t began = now_ns();
    f->last_byte_at = now_ns();
    while (f->joined < f->options.clients) {
        while (may_open(f, began))
            if (!open_next(f))
                return false;
        if (!fleet_turn(f, f->options.join_rate ? 1 : 100))
            return false;
        if (now_ns() - f->last_byte_at > FLEET_STALL_SECONDS * second_ns)
            return fleet_fail(f, "stalled with %u of %u clients joined", f->joined, f->options.clients);
    }
    return true;
}

bool fleet_quiet(struct fleet *f, int quiet_ms)
{
    uint64_t quiet_ns = (uint64_t)quiet_ms * 1000000U;
    uint64_t began = now_ns();
    while (now_ns() - f->last_byte_at < quiet_ns) {
        if (!fleet_turn(f, quiet_ms))
            return false;
        if (now_ns() - began > FLEET_RESTLESS_SECONDS * second_ns)
            return fleet_fail(f, "the server never falls silent");
    }
    return true;
}
