/* SPDX-License-Identifier: MIT
 *
 * A WebSocket client (RFC 6455) for a load generator: text messages out, text messages in, nothing that a busy loop
 * would have to pay for. It owns a non-blocking socket and is driven by somebody else's epoll.
 */
#ifndef BENCH_WS_CLIENT_H
#define BENCH_WS_CLIENT_H

#include <netinet/in.h>

#include "base/buf.h"
#include "base/rng.h"

enum {
    WS_MESSAGE_MAX = 1 << 20, /* from the server: a `peers` of a very full room */
    WS_QUEUE_MAX = 4 << 20,   /* to the server, while its socket takes nothing */
    WS_READ_MAX = 256 * 1024, /* one recv(2) */
    WS_HEADER_MAX = 14,       /* RFC 6455 section 5.2: 2 + 8 + 4 */
};

enum ws_state {
    WS_CLOSED,    /* no socket */
    WS_UPGRADING, /* the request is on its way, the answer is not here */
    WS_OPEN,      /* frames flow */
};

struct ws_client {
    int fd;
    enum ws_state state;
    char mask[4];     /* one key for the connection's life: the server's work is the same, frames can be built ahead */
    struct buf in;    /* the start of a frame whose end has not come */
    struct buf out;   /* what the socket has not taken yet */
    bool stamped;     /* the kernel notes when what is read came: */
    uint64_t came_at; /* the last of what ws_read read: ns on the wall clock; 0: unknown */
    const char *problem; /* why the connection ended; static text */
};

struct ws_target {
    struct sockaddr_in address;
    const char *path;        /* with its query */
    const char *subprotocol; /* or NULL */
    bool stamped;
};

/* Shared by all clients of a thread: a socket is read into it and nothing stays in it. */
struct ws_scratch {
    char bytes[WS_MESSAGE_MAX + WS_HEADER_MAX + WS_READ_MAX];
};

/* A whole text message, borrowed for the call. */
typedef void ws_on_text(void *ctx, struct span text);

/* Connects from `from` and queues the request. False, with errno set, if there is no socket or no route. */
bool ws_open(struct ws_client *c, const struct in_addr *from, const struct ws_target *target, const struct rng *rng);
/* Resets the connection at once, so that a run leaves no thousands of sockets in TIME_WAIT. Takes a closed one too. */
void ws_close(struct ws_client *c);
/* Reads once and hands over every whole message. False: the connection is over and `problem` says why. */
bool ws_read(struct ws_client *c, struct ws_scratch *scratch, ws_on_text *on_text, void *ctx);
/* Writes what is queued as far as the socket takes it. False as above. */
bool ws_flush(struct ws_client *c);
/* Appends a masked text frame to `out`, which may be the client's queue or a frame to keep and send many times. */
bool ws_frame(const struct ws_client *c, struct buf *out, struct span text);

#endif
