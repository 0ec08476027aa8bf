/* SPDX-License-Identifier: MIT
 *
 * A client that means harm: from one address of its own it does as much of one thing as it can. Refusals, errors and
 * closed connections are what it expects, and it comes back at once.
 *
 *     frames       messages, back to back, faster than they are read
 *     controls     pongs that nobody asked for, which are no messages
 *     joins        join-room and leave-room in turns, back to back
 *     connections  connections that ask for a WebSocket and are dropped
 *     passwords    join-room into a locked room, each as soon as the one before was refused
 *     tokens       requests over HTTP to delete that room, with a bearer token that is wrong
 *
 * The first four do not wait for anything; what the server does not read is kept in its kernel's buffers.
 */
#include "bench/mode.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum {
    BATCH = 64 * 1024, /* bytes written at once */
    TEXT_MAX = 1024,
    PATIENCE_MS = 1000,
    RETRY_MS = 10 /* for a connection that was refused */
};

/* An address that no client of a fleet has (fleet.h). */
static const struct in_addr flooder_address = {0x6400007f}; /* 127.0.0.100, in network order */

struct flood {
    const struct load_options *options;
    const struct flood_kind *kind;
    struct ws_client *clients; /* owned */
    struct ws_scratch *scratch;
    struct rng_seeded seed;
    struct rng rng;
    uint64_t end;     /* ns */
    uint64_t done;    /* of what the kind counts */
    uint64_t refused; /* connections that ended against our will */
};

struct flood_kind {
    const char *name;
    bool (*run)(struct flood *f);
    void (*more)(struct flood *f, struct ws_client *c);                     /* its queue is empty */
    void (*answer)(struct flood *f, struct ws_client *c, struct span text); /* or NULL */
    bool locked;                                                            /* needs --room */
};

struct hearing {
    struct flood *flood;
    struct ws_client *client;
};

/* ---- over WebSocket ---- */

static void add_text(struct ws_client *c, const char *text)
{
    ws_frame(c, &c->out, (struct span){text, strlen(text)});
}

static void more_frames(struct flood *f, struct ws_client *c)
{
    while (c->out.len < BATCH) {
        add_text(c, "{\"type\":\"ping\"}");
        f->done++;
    }
}

static void more_controls(struct flood *f, struct ws_client *c)
{
    static const char pong[] = {(char)0x8a, (char)0x80, 0, 0, 0, 0}; /* FIN and opcode 10, masked, empty */
    while (c->out.len < BATCH) {
        buf_add(&c->out, pong, sizeof pong);
        f->done++;
    }
}

static void more_joins(struct flood *f, struct ws_client *c)
{
    while (c->out.len < BATCH) {
        add_text(c, "{\"type\":\"join-room\",\"roomId\":\"flood\",\"displayName\":\"somebody\"}");
        add_text(c, "{\"type\":\"leave-room\"}");
        f->done++;
    }
}

static void answer_password(struct flood *f, struct ws_client *c, struct span text)
{
    if (!span_starts(text, "{\"type\":\"welcome\"") && !span_starts(text, "{\"type\":\"error\""))
        return;
    char join[TEXT_MAX];
    snprintf(join, sizeof join, "{\"type\":\"join-room\",\"roomId\":\"%s\",\"password\":\"guess %" PRIu64 "\"}",
        f->options->room, f->done);
    add_text(c, join);
    f->done += span_starts(text, "{\"type\":\"error\"");
}

static void hear(void *ctx, struct span text)
{
    struct hearing *h = ctx;
    if (h->flood->kind->answer)
        h->flood->kind->answer(h->flood, h->client, text);
}

static bool serve(struct flood *f, struct ws_client *c, short events)
{
    struct hearing h = {f, c};
    if ((events & ~POLLOUT) && !ws_read(c, f->scratch, hear, &h))
        return false;
    if (c->state == WS_OPEN && f->kind->more && c->out.len == 0)
        f->kind->more(f, c);
    return ws_flush(c) && !c->out.failed;
}

static void turn(struct flood *f, struct pollfd *polled)
{
    const struct load_options *o = f->options;
    const struct ws_target target = {
        .address = o->fleet.server, .path = o->fleet.dialect->path, .subprotocol = o->fleet.dialect->subprotocol};
    unsigned n = o->fleet.clients;
    int wait_ms = PATIENCE_MS;
    for (unsigned i = 0; i < n; i++) {
        struct ws_client *c = &f->clients[i];
        if (c->state == WS_CLOSED && !ws_open(c, &flooder_address, &target, &f->rng))
            wait_ms = RETRY_MS;
        short writing = c->out.len || (c->state == WS_OPEN && f->kind->more) ? POLLOUT : 0;
        polled[i] = (struct pollfd){.fd = c->fd, .events = (short)(POLLIN | writing)};
    }
    if (poll(polled, n, wait_ms) <= 0)
        return;
    for (unsigned i = 0; i < n; i++)
        if (polled[i].revents && !serve(f, &f->clients[i], polled[i].revents)) {
            ws_close(&f->clients[i]);
            f->refused++;
        }
}

static bool run_clients(struct flood *f)
{
    unsigned n = f->options->fleet.clients;
    struct pollfd *polled = calloc(n, sizeof *polled);
    f->clients = calloc(n, sizeof *f->clients);
    f->scratch = malloc(sizeof *f->scratch);
    bool ok = polled && f->clients && f->scratch;
    for (unsigned i = 0; ok && i < n; i++)
        f->clients[i].fd = -1;
    while (ok && now_ns() < f->end)
        turn(f, polled);
    for (unsigned i = 0; ok && i < n; i++)
        ws_close(&f->clients[i]);
    free(polled);
    free(f->clients);
    free(f->scratch);
    return ok;
}

/* ---- connections of their own ---- */

/* A blocking socket that nothing keeps waiting for long, reset when it is closed. */
static int dial(const struct flood *f)
{
    const struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr = flooder_address};
    const struct timeval patience = {.tv_sec = PATIENCE_MS / 1000};
    const struct linger reset = {.l_onoff = 1};
    int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (bind(fd, (const struct sockaddr *)&from, sizeof from) == 0 &&
        connect(fd, (const struct sockaddr *)&f->options->fleet.server, sizeof f->options->fleet.server) == 0)
        return fd;
    close(fd);
    return -1;
}

static bool run_connections(struct flood *f)
{
    static const char request[] = "GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                                  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
    while (now_ns() < f->end) {
        int fd = dial(f);
        f->refused += fd < 0;
        if (fd < 0)
            continue;
        (void)!send(fd, request, sizeof request - 1, MSG_NOSIGNAL);
        close(fd);
        f->done++;
    }
    return true;
}

static bool run_tokens(struct flood *f)
{
    char request[TEXT_MAX], answer[4096];
    int n = snprintf(request, sizeof request,
        "DELETE /api/rooms/%s HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer "
        "bm9ib2R5LXdvdWxkLWd1ZXNzLXRoaXMtdG9rZW4tZXZlcg\r\nConnection: close\r\n\r\n",
        f->options->room);
    while (now_ns() < f->end) {
        int fd = dial(f);
        f->refused += fd < 0;
        if (fd < 0)
            continue;
        (void)!send(fd, request, (size_t)n, MSG_NOSIGNAL);
        while (recv(fd, answer, sizeof answer, 0) > 0)
            ;
        close(fd);
        f->done++;
    }
    return true;
}

static const struct flood_kind kinds[] = {
    {"frames", run_clients, more_frames, NULL, false},
    {"controls", run_clients, more_controls, NULL, false},
    {"joins", run_clients, more_joins, NULL, false},
    {"connections", run_connections, NULL, NULL, false},
    {"passwords", run_clients, NULL, answer_password, true},
    {"tokens", run_tokens, NULL, NULL, true},
};

bool mode_flood(const struct load_options *o)
{
    struct flood f = {.options = o, .end = now_ns() + (uint64_t)(o->seconds * 1e9)};
    for (size_t i = 0; o->kind && i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(o->kind, kinds[i].name) == 0)
            f.kind = &kinds[i];
    if (!f.kind || (f.kind->locked && !o->room)) {
        fputs("load: flood needs a --kind that it knows, and --room where that is about a locked room\n", stderr);
        return false;
    }
    rng_seeded_init(&f.seed, 2);
    f.rng = rng_seeded_port(&f.seed);
    if (!f.kind->run(&f)) {
        fputs("load: out of memory\n", stderr);
        return false;
    }
    printf("flood kind=%s clients=%u seconds=%.2f done=%" PRIu64 " per_second=%.0f refused=%" PRIu64 "\n", o->kind,
        o->fleet.clients, o->seconds, f.done, (double)f.done / o->seconds, f.refused);
    return true;
}
