/* SPDX-License-Identifier: MIT
 *
 * Floods over WebSockets. A client writes what its kind has ready whenever its socket takes something, and reads what
 * comes; one that is closed opens the next connection at once. What the server does not read is kept in the kernel's
 * buffers.
 */
#include "bench/flood.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    PATIENCE_MS = 1000,
    RETRY_MS = 10,   /* for a connection that was refused */
    FRAGMENTS = 512, /* of a message: fewer than the server takes for too many */
    LARGE = 60000,   /* bytes: just below max_frame as shipped */
};

struct flooding {
    struct flood *flood;
    struct ws_client *clients; /* owned */
    struct ws_scratch *scratch;
};

struct hearing {
    struct flood *flood;
    struct ws_client *client;
};

/* ---- what is sent ---- */

static void add_text(struct ws_client *c, const char *text)
{
    ws_frame(c, &c->out, (struct span){text, strlen(text)});
}

/* A frame that is ready for the wire, masked with zeros. */
static void add_raw(struct ws_client *c, unsigned char first, const char *payload, size_t n)
{
    const char head[] = {(char)first, (char)(0x80 | n), 0, 0, 0, 0};
    buf_add(&c->out, head, sizeof head);
    buf_add(&c->out, payload, n);
}

void flood_more_frames(struct flood *f, struct ws_client *c)
{
    for (; c->out.len < FLOOD_BATCH; f->done++)
        add_text(c, "{\"type\":\"ping\"}");
}

void flood_more_signals(struct flood *f, struct ws_client *c)
{
    for (; c->out.len < FLOOD_BATCH; f->done++)
        add_text(c, "{\"type\":\"signal\",\"to\":\"n1.abcdefghijklmnopqrstuvwxyz\",\"data\":{\"candidate\":null}}");
}

void flood_more_pongs(struct flood *f, struct ws_client *c)
{
    for (; c->out.len < FLOOD_BATCH; f->done++)
        add_raw(c, 0x8a, "", 0);
}

void flood_more_pings(struct flood *f, struct ws_client *c)
{
    static const char payload[125];
    for (; c->out.len < FLOOD_BATCH; f->done++)
        add_raw(c, 0x89, payload, sizeof payload);
}

/* A message whose every byte is a frame. */
void flood_more_slivers(struct flood *f, struct ws_client *c)
{
    static const char text[] = "{\"type\":\"ping\"}";
    enum {
        LAST = sizeof text - 2
    };
    for (; c->out.len < FLOOD_BATCH; f->done++)
        for (size_t i = 0; i <= LAST; i++)
            add_raw(c, (unsigned char)((i == LAST ? 0x80 : 0) | (i == 0 ? 0x01 : 0x00)), text + i, 1);
}

/* A message and many empty frames behind it, of which the last ends it. */
void flood_more_fragments(struct flood *f, struct ws_client *c)
{
    static const char text[] = "{\"type\":\"ping\"}";
    for (; c->out.len < FLOOD_BATCH; f->done++) {
        add_raw(c, 0x01, text, sizeof text - 1);
        for (int i = 2; i < FRAGMENTS; i++)
            add_raw(c, 0x00, "", 0);
        add_raw(c, 0x80, "", 0);
    }
}

/* A message of many small tokens, which is as much work as its size allows. */
void flood_more_large(struct flood *f, struct ws_client *c)
{
    static char text[LARGE + 64];
    if (!*text) {
        size_t n = (size_t)sprintf(text, "{\"type\":\"ping\",\"x\":[0");
        while (n < LARGE)
            n += (size_t)sprintf(text + n, ",[]");
        sprintf(text + n, "]}");
    }
    add_text(c, text);
    f->done++;
}

/* Messages that are none. After some of them the server closes; who does not listen goes on. */
void flood_more_garbage(struct flood *f, struct ws_client *c)
{
    for (; c->out.len < FLOOD_BATCH; f->done++)
        add_raw(c, 0x81, "x", 1);
}

void flood_more_joins(struct flood *f, struct ws_client *c)
{
    for (; c->out.len < FLOOD_BATCH; f->done++) {
        add_text(c, "{\"type\":\"join-room\",\"roomId\":\"flood\",\"displayName\":\"somebody\"}");
        add_text(c, "{\"type\":\"leave-room\"}");
    }
}

void flood_answer_password(struct flood *f, struct ws_client *c, struct span text)
{
    if (!span_starts(text, "{\"type\":\"welcome\"") && !span_starts(text, "{\"type\":\"error\""))
        return;
    char join[FLOOD_TEXT_MAX];
    snprintf(join, sizeof join, "{\"type\":\"join-room\",\"roomId\":\"%s\",\"password\":\"guess %" PRIu64 "\"}",
        f->options->room, f->done);
    add_text(c, join);
    f->done += span_starts(text, "{\"type\":\"error\"");
}

/* ---- the loop ---- */

static void hear(void *ctx, struct span text)
{
    struct hearing *h = ctx;
    if (h->flood->kind->answer)
        h->flood->kind->answer(h->flood, h->client, text);
}

static bool serve(struct flooding *all, struct ws_client *c, short events)
{
    const struct flood_kind *kind = all->flood->kind;
    struct hearing h = {all->flood, c};
    bool deaf = kind->unread && c->state == WS_OPEN;
    if (!deaf && (events & ~POLLOUT) && !ws_read(c, all->scratch, hear, &h))
        return false;
    if (deaf && events & (POLLERR | POLLHUP))
        return false;
    if (c->state == WS_OPEN && kind->more && c->out.len == 0)
        kind->more(all->flood, c);
    return ws_flush(c) && !c->out.failed;
}

static void turn(struct flooding *all, struct pollfd *polled)
{
    struct flood *f = all->flood;
    const struct load_options *o = f->options;
    const struct ws_target target = {
        .address = o->fleet.server, .path = o->fleet.dialect->path, .subprotocol = o->fleet.dialect->subprotocol};
    unsigned n = o->fleet.clients;
    int wait_ms = PATIENCE_MS;
    for (unsigned i = 0; i < n; i++) {
        struct ws_client *c = &all->clients[i];
        const struct in_addr from = flood_address(i);
        if (c->state == WS_CLOSED && !ws_open(c, &from, &target, &f->rng))
            wait_ms = RETRY_MS;
        short writing = c->out.len || (c->state == WS_OPEN && f->kind->more) ? POLLOUT : 0;
        short reading = f->kind->unread && c->state == WS_OPEN ? 0 : POLLIN;
        polled[i] = (struct pollfd){.fd = c->fd, .events = (short)(reading | writing)};
    }
    if (poll(polled, n, wait_ms) <= 0)
        return;
    for (unsigned i = 0; i < n; i++)
        if (polled[i].revents && !serve(all, &all->clients[i], polled[i].revents)) {
            ws_close(&all->clients[i]);
            f->refused++;
        }
}

bool flood_run_ws(struct flood *f)
{
    unsigned n = f->options->fleet.clients;
    struct pollfd *polled = calloc(n, sizeof *polled);
    struct flooding all = {f, calloc(n, sizeof *all.clients), malloc(sizeof *all.scratch)};
    bool ok = polled && all.clients && all.scratch;
    for (unsigned i = 0; ok && i < n; i++)
        all.clients[i].fd = -1;
    while (ok && now_ns() < f->end)
        turn(&all, polled);
    for (unsigned i = 0; ok && i < n; i++)
        ws_close(&all.clients[i]);
    free(polled);
    free(all.clients);
    free(all.scratch);
    return ok;
}
