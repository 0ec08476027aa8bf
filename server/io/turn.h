/* SPDX-License-Identifier: MIT
 *
 * What the files of server/io share: the state behind struct io, and one turn of the loop.
 *
 *     poll: sockets are read ─► io_step ─► effects queue frames, mark connections dirty or doomed
 *     prepare, before the next poll: doomed connections are killed, dirty ones written once, the timer set
 */
#ifndef SERVER_IO_TURN_H
#define SERVER_IO_TURN_H

#include "server/io/conn.h"
#include "server/io/io.h"
#include "server/io/metrics.h"
#include "server/io/origins.h"
#include "server/io/tls.h"
#include "server/io/trim.h"

enum {
    HTTP_ANSWER_MAX = 1024,
    GREETING_MS = 5000,     /* from accept to a whole PROXY header, where one comes first */
    HANDSHAKE_MS = 10000,   /* from accept, or that header, to an open WebSocket, or the end of HTTP */
    CLOSE_MS = 5000,        /* for a client to read what is queued and answer our Close */
    ACCEPT_RETRY_MS = 1000, /* between looks for a free descriptor when there was none */
    ACCEPTS_A_TURN = 4,     /* then the connections that are open get their turn */
    REFUSED_MAX = 32,       /* refused connections that are let in to ask for /health, at once */
    DIRTY_MAX = 64,         /* connections that wait to be written; then they are, within the turn */
    OUT_BATCH = 64 * 1024,  /* bytes written to one socket at once */
    RX_BUFFER = 2048, /* read at once, and owned by every connection: half of it loses a quarter of the relay rate */
};

struct listener;
struct hashers;
struct store_work;

struct io {
    uv_loop_t *loop;
    struct core *core;
    const struct logger *logger;
    struct io_settings settings;
    const char *version;
    void (*drained)(void *ctx);
    void *ctx;
    uint64_t started_at;
    double started_unix; /* seconds */

    struct io_stats stats;
    struct origin_refusals origin_refusals;
    uint64_t turn_began;   /* when the first read of this turn was, in ns; 0: none yet */
    uint64_t relayed_seen; /* of core_stats, by the last write */

    struct lws_context *lws;
    struct lws_vhost *vhost;
    SSL_CTX *tls; /* owned; NULL: no TLS */
    uv_prepare_t prepare;
    uv_timer_t timer;
    bool prepare_open, timer_open;
    uint64_t timer_at, core_at; /* UINT64_MAX: none */

    struct trim trim;
    struct conn_table conns;
    unsigned refused_count; /* of those, the core refused so many */
    struct core_effects effects;
    bool stepping;
    unsigned dirty_count;
    struct conn *dirty, *doomed, *slow;            /* singly linked */
    struct conn *greeting, *handshaking, *closing; /* oldest first: one time limit each, so appending keeps the order */
    unsigned char *scratch;                        /* LWS_PRE + OUT_BATCH: where a batch is put together */

    struct greeting *greetings; /* owned: those of the connections in `greeting`, and of doomed ones */
    uint64_t greet_unsaid;      /* refused PROXY headers since the last record of one */
    uint64_t greet_quiet_until;

    struct listener *listeners; /* owned */
    int spare;             /* a descriptor given up when there are no more, so that a reload can still open its file */
    bool accepting;        /* the listeners are polled */
    bool exhausted;        /* descriptors ran out, and accepting has not gone well for a second since */
    uint64_t accept_at;    /* while exhausted: when to look again */
    const char *state_dir; /* borrowed: where rooms.json is */
    struct hashers *hashers;  /* owned */
    struct store_work *store; /* owned */
    bool freeing;
};

/* The core's word on one event, done at once. */
void io_step(struct io *io, struct core_event *event);
struct core_event io_event(const struct io *io, enum core_event_type type, const struct conn *c);

/* Gives the connection a time limit: at the end of a list whose limits are all of that length, so the list stays in
 * order. It must be in the state that the list belongs to; leaving the state takes it off first. */
void conn_limit(struct io *io, struct conn *c, struct conn **list, uint64_t ms);
void conn_unlimit(struct io *io, struct conn *c);

/* Marks the connection for the end of the turn. */
void turn_write(struct io *io, struct conn *c);
void turn_kill(struct io *io, struct conn *c);
/* Drops what is queued for it. */
void turn_forget(struct io *io, struct conn *c);
/* Something was read: the time of what is relayed for it runs from here. */
void turn_read(struct io *io);
/* Writes early if many connections wait for it; not within a step. */
void turn_relieve(struct io *io);
/* What uv's prepare calls. */
void turn_end(uv_prepare_t *prepare);
void turn_timer(uv_timer_t *timer);

/* Writes what is queued, as far as the socket takes it; false if the socket is broken. */
bool flush(struct io *io, struct conn *c);

/* libwebsockets' callback for everything that happens to a connection (ws.c). */
int ws_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len);
/* Tells the core, and takes the connection off the lists; the slot stays until libwebsockets lets go of it. */
void conn_gone(struct io *io, struct conn *c);
/* A request's header came; its body, piece by piece, and its end. What ws_callback returns for each. */
int http_request(struct io *io, struct conn *c, const char *path);
int http_body(struct conn *c, struct span piece);
int http_body_end(struct conn *c);
/* Whether an upgrade may go on (0), or was answered and refused (1), or is to be hung up (-1). */
int http_upgrade(struct io *io, struct conn *c, const char *to);
/* Writes the answer to a socket that is refused at the door for this reason, one of the error table's codes, and a
 * NUL; returns its bytes. out has HTTP_ANSWER_MAX. */
size_t http_refusal(const char *reason, char *out);

/* The answer of the core to a connection's HTTP request. */
void http_respond(struct conn *c, unsigned status, struct span body, uint32_t retry_after_ms);

/* Hashes on a thread of its own (hash.c). Takes the password and ends in CORE_HASHED. hash_open may leave half of it
 * behind if it fails; hash_stop is for while the loop can still run, hash_free for when its handle is closed. Both take
 * what was not opened. */
bool hash_open(struct io *io);
void hash_password(struct io *io, struct core_hash *asked);
void hash_stop(struct io *io);
void hash_free(struct io *io);
/* Writes on uv's thread pool (work.c). Takes the frame and ends in CORE_STORED. */
void work_store(struct io *io, struct frame *frame);
bool work_open(struct io *io);
/* When no job is at work any more. Takes one that was not opened. */
void work_close(struct io *io);

/* An accepted connection is ready for libwebsockets, or, if it was refused, for its answer. */
void listen_take(struct io *io, struct conn *c);
/* Goes on accepting if that is paused and there is a descriptor. */
void listen_resume(struct io *io);
/* While exhausted, when accept_at has come: resumes, or sees that it is over. */
void listen_look(struct io *io);
/* The daemon drains: whoever comes to a passed socket waits for the next one. */
void listen_drain(struct io *io);
void listen_close(struct io *io);

#endif
