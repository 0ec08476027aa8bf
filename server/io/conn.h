/* SPDX-License-Identifier: MIT
 *
 * Connections: what the io side knows of each, and the table of their slots. A slot's memory is reused and never
 * given back, so a pointer that libwebsockets still holds is compared with, never chased into freed memory.
 *
 *     CONN_FREE ─► CONN_HANDSHAKE ─► CONN_OPEN ─► CONN_CLOSING ─► CONN_FREE
 *           │            ▲ └────────────────────────────┴─► doomed: killed at the end of this turn or a later one
 *           └─► CONN_GREETING ─► doomed
 */
#ifndef SERVER_IO_CONN_H
#define SERVER_IO_CONN_H

#include <libwebsockets.h>

#include "base/buf.h"
#include "server/core/core.h"
#include "server/io/queue.h"

enum conn_state {
    CONN_FREE,      /* the slot waits for its next connection */
    CONN_GREETING,  /* accepted where a PROXY header comes first, which is not whole yet */
    CONN_HANDSHAKE, /* accepted; HTTP so far */
    CONN_OPEN,      /* speaks WebSocket */
    CONN_CLOSING,   /* a Close frame was queued or received: nothing more is taken from it */
};

struct http_request;
struct greeting;

struct conn {
    struct lws *wsi; /* NULL until libwebsockets has adopted the socket */
    struct conn_id id;
    int fd;
    uint16_t close_code; /* as the client sent it */
    uint16_t fragments;  /* of the message that is being assembled */
    uint32_t discarded;  /* bytes of it, each piece counted as one more */
    unsigned state : 3;
    bool dirty : 1;         /* on the list of those to be written this turn */
    bool doomed : 1;        /* to be killed at the end of a turn, or already being */
    bool slow : 1;          /* over max_queue: on the list of those to be judged, or told to the core */
    bool discarding : 1;    /* the rest of this message is refused already */
    bool gone : 1;          /* the core was told CORE_GONE */
    bool secure : 1;        /* it speaks TLS */
    bool fronted : 1;       /* a PROXY header says that its socket is not the client's */
    bool proxied : 1;       /* its socket, or the client of its PROXY header, is a trusted proxy */
    bool identified : 1;    /* the header of its first request was read: the three around this are settled */
    bool forwarded : 1;     /* that header names a client */
    bool unproven : 1;      /* and is not to be believed, or not to be read */
    struct address address; /* the client's; all zero for a unix socket */
    const char
        *refused; /* the core closed it at the door, before libwebsockets had it, and knows it no more: why. Static */
    struct buf *partial;       /* owned; the pieces of a message so far, NULL between messages */
    struct greeting *greeting; /* owned; while CONN_GREETING */
    struct http_request *http; /* owned; NULL before the header of a request is whole, and for WebSockets */
    struct queue queue;
    size_t handed; /* bytes of the queue's last that libwebsockets may still keep, as its limit counts them */
    struct conn *prev_dirty, *next_dirty, *next_slow;
    struct conn *prev, *next; /* a list of those with one time limit, of the doomed, or of free slots */
    uint64_t deadline;
};

enum {
    CONN_CHUNK = 256,
    CONN_CHUNKS = 4096
}; /* so 1,048,576 connections, as many as descriptors are asked for */

struct conn_table {
    struct conn *chunks[CONN_CHUNKS]; /* owned */
    uint32_t made;                    /* slots that have memory */
    struct conn *free;                /* through next */
};

/* A slot of the next generation in CONN_HANDSHAKE; NULL when out of memory or slots. */
struct conn *conn_open(struct conn_table *t, int fd);
/* Frees what the connection owns and gives its slot back. It is `gone`, and in no list any more. */
void conn_release(struct conn_table *t, struct conn *c);
/* The connection that an effect of the core names. NULL if there is nobody to answer any more: its slot is free or
 * somebody else's, its socket is dead and libwebsockets has yet to let go of it, or it is about to be killed. */
struct conn *conn_find(const struct conn_table *t, struct conn_id id);
void conn_forget_partial(struct conn *c);
/* Bytes that wait for the client, as max_queue counts them. */
static inline size_t conn_waiting(const struct conn *c)
{
    return c->queue.bytes + c->handed;
}
/* Takes NULL (http.c). */
void http_done(struct http_request *r);
void conn_table_done(struct conn_table *t);

#endif
