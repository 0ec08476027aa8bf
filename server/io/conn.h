/* SPDX-License-Identifier: MIT
 *
 * Connections: what the io side knows of each, and the table of their slots. A slot's memory is reused and never given
 * back. Whatever outlives one call names a connection by slot and generation, and conn_find proves that it is there.
 *
 *     CONN_FREE ─► CONN_PROXY ─► CONN_TLS ─► CONN_HEAD ─► CONN_OPEN ─► CONN_CLOSING ─► CONN_FREE
 *                  (where a PROXY  (where TLS    │                           │
 *                  header is due)  is spoken)    ├─► CONN_BODY ─┐            │
 *                                                └──────────────┴─► CONN_ANSWER ─► CONN_LINGER ─► CONN_FREE
 *
 * From any state a connection may be doomed: it is ended when the turn ends, and nothing is done for it until then. An
 * idle one has to be small: what only some need is allocated when they need it, and lists are linked by slot.
 */
#ifndef SERVER_IO_CONN_H
#define SERVER_IO_CONN_H

#include "server/core/core.h"
#include "server/io/queue.h"

enum conn_state {
    CONN_FREE,    /* the slot waits for its next connection */
    CONN_PROXY,   /* accepted where a PROXY header comes first, which is not whole yet */
    CONN_TLS,     /* accepted where TLS is spoken; nothing came yet */
    CONN_HEAD,    /* the head of an HTTP request is due, or not whole yet */
    CONN_BODY,    /* its body is */
    CONN_ANSWER,  /* the request is whole: its answer is worked on or sent, and nothing more is read */
    CONN_OPEN,    /* speaks WebSocket, or what else its framing is */
    CONN_CLOSING, /* a Close frame was queued or received: nothing more is taken from it */
    CONN_LINGER,  /* all is out and our side is shut: what still comes is thrown away until the client ends */
};

/* The time limits. All of one list have the same length, so that the oldest is first. */
enum conn_limit {
    LIMIT_NONE,
    LIMIT_PROXY,     /* PROXY_MS: a PROXY header */
    LIMIT_HANDSHAKE, /* HANDSHAKE_MS: TLS, and the whole request or the WebSocket's handshake */
    LIMIT_ANSWER,    /* ANSWER_MS since the client last took a part of its answer */
    LIMIT_REST,      /* REST_MS: what a client that is gone sent last */
    LIMIT_CLOSE,     /* CLOSE_MS: the end, one way or the other */
    LIMIT_POLL,      /* POLL_MS: the next poll */
    LIMIT_FAREWELL,  /* FAREWELL_MS: a last one */
    CONN_LIMITS,
};

/* How its messages lie in its bytes: framing.h. */
enum conn_framing {
    FRAMING_WEBSOCKET, /* of every connection that began as an HTTP request, unless it is told otherwise */
    FRAMING_ENGINEIO,  /* a WebSocket with packets of Engine.IO (engineio.h) */
    FRAMING_POLLING,   /* a session of Engine.IO without a socket (polling.h) */
    FRAMING_PROBE,     /* the WebSocket that such a session may go on with */
    FRAMING_LISTENERS  /* and from here on those that listeners have */
};

struct http_request;
struct front_rest;
struct polling;
struct proxy_wait;
struct lws;

enum {
    READ_LEAST = 1024, /* bytes read from a WebSocket at once: READ_LEAST << read_shift */
    READ_SHIFT = 2     /* at first */
};

/* "No slot", in lists. */
#define CONN_NONE UINT32_MAX

struct conn {
    struct conn_id id;
    int fd;
    unsigned state : 4;      /* enum conn_state */
    unsigned limit : 4;      /* enum conn_limit */
    unsigned interest : 3;   /* what is waited for: POLLER_READ and, while the poller has the socket, POLLER_WRITE */
    unsigned armed : 4;      /* of that, what the poller tells: less while the connection is in the ready queue;
                              * of a paused one POLLER_END */
    unsigned polled : 1;     /* the poller has the socket */
    unsigned dirty : 1;      /* on the list of those to be written this turn */
    unsigned doomed : 1;     /* on the list of those to be ended at the end of the turn */
    unsigned ready : 1;      /* in the ready queue */
    unsigned bulk : 1;       /* CONN_OPEN: its last read brought as much as one may, and more is to come */
    unsigned reads : 1;      /* under TLS: what comes is wanted, though not as long as `handed` */
    unsigned read_shift : 4; /* how much that is (plain.c) */
    unsigned slow : 1;       /* over max_queue: on the list of those to be judged, or told to the core */
    unsigned deaf : 1;       /* CONN_OPEN and after: its socket takes nothing any more, but may still hold what came */
    unsigned left : 1;       /* its Close frame came: nothing more is taken from it */
    unsigned untold : 1;     /* in the ready queue, so that the core hears of that */
    unsigned end_sent : 1;   /* CONN_CLOSING: to be ended once the queue is empty */
    unsigned linger : 1;     /* with what the client is still sending read, so that it hears why */
    unsigned taken : 1;      /* past the door: its bytes are read. Before that it can be refused and still hear so */
    unsigned uncounted : 1;  /* refused at the door: REFUSED_MAX bounds it, no limit of the core */
    unsigned secure : 1;     /* it speaks TLS */
    unsigned framing : 3;    /* enum conn_framing */
    unsigned held : 1;       /* CONN_ANSWER: while it waits for its answer, its client's end is noticed */
    unsigned upgrades : 1;   /* FRAMING_PROBE: in the ready queue, so that its session goes on with it */
    unsigned shakes : 1;     /* under TLS: no byte came that is not of its handshake */
    unsigned via_proxy : 1;  /* a PROXY header came first: its socket is not the client's */
    unsigned nameless : 1;   /* and it names no client */
    unsigned trusted : 1;    /* its socket, or the client of its PROXY header, is a trusted proxy */
    unsigned forwarded : 1;  /* its request names a client, or came from a proxy that should have named one */
    unsigned unproven : 1;   /* and that is not to be believed, or not to be read */
    struct address address;  /* the client's; all zero for a unix socket */
    uint32_t host;           /* of io->hosts: the one that its request asked for */
    const char *refused;     /* why the core closed it before it spoke WebSocket. Static; NULL: it did not */
    struct lws *wsi;         /* under TLS, once libwebsockets has the socket; else NULL */
    union {
        struct proxy_wait *proxy;   /* owned; in CONN_PROXY */
        struct http_request *http;  /* owned; from CONN_HEAD to CONN_ANSWER, NULL until bytes came */
        struct polling *polling;    /* owned; in CONN_OPEN and CONN_CLOSING, of FRAMING_POLLING */
        struct ws_partial *partial; /* owned; in these, of all others: of an unfinished message */
    };
    struct front_rest *rest; /* owned; in CONN_OPEN and CONN_CLOSING: frames that were read and are not looked at yet */
    struct queue *queue;     /* owned; NULL while nothing waits to be written */
    uint64_t deadline;       /* while on the list of a limit */
    uint32_t handed;         /* bytes written of which TLS keeps a rest; 0: it keeps none */
    union {
        uint32_t untaken; /* in CONN_ANSWER: bytes in the socket when that was looked at last */
        uint32_t pinged;  /* in CONN_OPEN, of FRAMING_ENGINEIO: the number of the ping that is not answered; 0: none */
        uint32_t session; /* in CONN_OPEN, of FRAMING_PROBE: the slot of its session */
        uint32_t thrown;  /* in CONN_CLOSING and CONN_LINGER: bytes that came */
    };
    uint32_t dirty_next, doomed_next, slow_next;
    uint32_t prev, next; /* on the list of its limit; of free slots through next */
    uint32_t ready_prev, ready_next;
    uint16_t close_code; /* as the client sent it; 0: it did not, WS_CODE_NONE: without one */
    uint8_t shaken;      /* under TLS: messages of its handshake protocol that came since the last byte of ours */
};

enum {
    CONN_CHUNK = 256,
    CONN_CHUNKS = 4096
}; /* so 1,048,576 connections, as many as descriptors are asked for */

struct conn_list {
    uint32_t first, last;
};

struct conn_table {
    struct conn *chunks[CONN_CHUNKS]; /* owned */
    uint32_t made;                    /* slots that have memory */
    uint32_t open;                    /* slots that are not free */
    uint32_t free;                    /* the first free slot */
    struct conn_list limits[CONN_LIMITS];
};

void conn_table_init(struct conn_table *t);
/* Frees the memory of all slots and what connections own. Descriptors are the caller's. */
void conn_table_done(struct conn_table *t);
/* A slot of the next generation in CONN_HEAD; NULL when out of memory or slots. */
struct conn *conn_open(struct conn_table *t, int fd);
/* Frees what the connection owns and gives its slot back. It must be on no list. */
void conn_release(struct conn_table *t, struct conn *c);
/* Frees what it owns in its present state: a request, a part of a message, a wait for a PROXY header. */
void conn_forget(struct conn *c);
/* A session that polled does not any more: what it was is freed, and it has no part of a message. */
void conn_forget_polling(struct conn *c);
/* The connection of that generation; NULL if it is gone or about to be ended. The only way to one from whatever
 * comes late: an event of the poller, an effect of the core, a file's next piece. */
struct conn *conn_find(const struct conn_table *t, struct conn_id id);
/* The connection in a slot that has memory, whatever its state. */
struct conn *conn_at(const struct conn_table *t, uint32_t slot);
/* Gives the connection this time limit from now on, in place of the one it had. */
void conn_limit(struct conn_table *t, struct conn *c, enum conn_limit limit, uint64_t deadline);
void conn_unlimit(struct conn_table *t, struct conn *c);
/* The one whose limit ends first; NULL if there is none. */
struct conn *conn_first(const struct conn_table *t, enum conn_limit limit);

/* Bytes that wait for the client, as max_queue counts them. */
static inline size_t conn_waiting(const struct conn *c)
{
    return queue_bytes(c->queue) + c->handed;
}

/* Each takes NULL (http.c, front.c, proxy_protocol.c). */
void http_done(struct http_request *r);
void front_rest_free(struct front_rest *rest);
void proxy_wait_done(struct proxy_wait *w);

#endif
