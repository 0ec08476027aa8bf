/* SPDX-License-Identifier: MIT
 *
 * What the files of server/io share: the state behind struct io, and one turn of the loop.
 *
 *     poll:    sockets are read ─► io_step ─► effects queue frames, mark connections dirty or doomed
 *     check:   the ready queue has its share; if a time limit or the core's deadline has come: who is late is judged, after all that lay in the sockets
 *     prepare: dirty connections are written once, doomed ones ended, the timer is set
 */
#ifndef SERVER_IO_TURN_H
#define SERVER_IO_TURN_H

#include "server/io/conn.h"
#include "server/io/hosts.h"
#include "server/io/io.h"
#include "server/io/metrics.h"
#include "server/io/origins.h"
#include "server/io/poller.h"
#include "server/io/tls.h"
#include "server/io/malloc_trim.h"

enum {
    PROXY_MS = 5000,      /* from accept to a whole PROXY header, where one comes first */
    HANDSHAKE_MS = 10000, /* from accept, or that header, to an open WebSocket or a whole request */
    ANSWER_MS = 10000,    /* for a client to take a byte of its answer, and the next, and the next */
    REST_MS = 20000,      /* for what a client sent before it went to be read, where message_rate holds that back */
    CLOSE_MS = 5000,      /* for a client to read what is queued and answer our Close; again for it to end its side */
    POLL_MS = 60000,      /* for a client that polls to ask again, whatever server.ping_interval is */
    FAREWELL_MS = 2000,   /* for a client that polls to ask once more, and hear of its end: a handshake of TLS or two */
    ACCEPT_RETRY_MS = 1000, /* between looks for a free descriptor when there was none */
    SHARE_US = 25, /* of a turn, for accepting; for the ready queue; for ends: a message waits for each of them once */
    REFUSED_MAX = 32,             /* refused connections that are let in to ask for /health, at once */
    DIRTY_MAX = 8,                /* connections that wait to be written, and: */
    READS_MAX = 8,                /* sockets read since the last write; then it is written, within the turn */
    LATE_A_TURN = 4096,           /* connections found late */
    LATE_MS = 20,                 /* that the judgement of who is late waits for sockets to be read, under full load; */
    LATE_FROZEN_MS = 1000,        /* the same when the timer came more than LATE_MS too late: the process was stopped */
    OUT_BATCH = 64 * 1024,        /* bytes written to one socket at once */
    HTTP_A_TURN = 64 * 1024,      /* bytes of answers written in a turn, so that they delay no relay */
    FRAMINGS_MAX = 4,             /* that listeners have */
    FRAMES_AT_ONCE = 32,          /* frames of a WebSocket looked at, before others have their turn */
    READ_SIZE = 256 * 1024,       /* bytes read from one socket at once, at most, into a buffer that all share */
    CLOSING_MAX = 16 * 1024,      /* bytes looked at of a client that was told to close: more is thrown away unread */
    LINGER_MAX = 16 * 1024 * 1024 /* bytes thrown away of a client that does not end: more, and the socket is closed */
};

struct listener;
struct hashers;
struct store_work;
struct stun_socket;
struct web_root;
struct lws_context;
struct lws_vhost;

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
    uint64_t turn_began;     /* when the first read of this turn was, in ns; 0: none yet */
    uint64_t relayed_seen;   /* of core_stats, by the last write, */
    uint64_t relayed_before; /* and by the end of the turn before */

    struct lws_context *lws; /* owned; NULL: no TLS */
    struct lws_vhost *vhost;
    SSL_CTX *tls; /* owned; NULL: no TLS */
    struct poller poller;
    uv_prepare_t prepare;
    uv_check_t check;
    uv_idle_t idle; /* running: there is more to do, the loop does not wait */
    uv_timer_t timer;
    uint64_t unix_ms, unix_at;  /* the wall clock, and what the loop's clock showed when it was read */
    uint64_t timer_at, core_at; /* UINT64_MAX: none */
    bool late;                  /* the timer has come: who is late is judged once the sockets were read, */
    uint64_t late_end;          /* or at this time */

    struct malloc_trim trim;
    struct conn_table conns;
    unsigned refused_count; /* of those, the core refused so many at the door */
    struct core_effects effects;
    bool stepping;
    bool urgent;  /* a WebSocket is read ahead of the ready queue */
    bool put_off; /* the core has put off the frame of this step */
    unsigned dirty_count;
    unsigned reads_count;         /* sockets read since the dirty connections were written */
    uint32_t dirty, doomed, slow; /* lists through the slots; CONN_NONE: empty */
    uint32_t ready_first, ready_last;
    unsigned char *in; /* owned: READ_SIZE; what was read last */
    char *scratch;     /* owned: OUT_BATCH; where a batch is put together */
    size_t http_now;   /* bytes of answers written in this turn */
    bool deferred;     /* an answer waits for the next turn */

    struct log_pace proxy_refusals, origin_refusals; /* of PROXY headers, of pages */

    struct listener *listeners;                   /* owned */
    const struct framing *framings[FRAMINGS_MAX]; /* those that listeners have; the first is FRAMING_LISTENERS */
    int spare;          /* a descriptor given up when there are no more, so that a reload can still open its file */
    bool accepting;     /* the listeners are polled */
    bool exhausted;     /* descriptors ran out, and accepting has not gone well for a second since */
    uint64_t accept_at; /* while exhausted: when to look again */
    struct state_hold *state; /* borrowed: where rooms.json is */
    struct web_root *web;     /* owned */
    struct hashers *hashers;  /* owned */
    struct store_work *store; /* owned */
    bool freeing;

    struct hosts hosts;                   /* of the requests of all connections */
    uint64_t check_since;                 /* when the present minute of results of /check began, */
    unsigned check_taken;                 /* and how many came in it */
    struct webhooks *webhooks;            /* owned */
    uint64_t webhooks_until;              /* once the daemon drains: what they wait for at most */
    struct bus *bus;                      /* owned; NULL: no cluster */
    struct stun_socket *stun, *stun_next; /* owned; NULL: off. The second is bound and not in use, or the first */
};

/* The core's word on one event, done at once. */
void io_step(struct io *io, struct core_event *event);
struct core_event io_event(struct io *io, enum core_event_type type, const struct conn *c);

/* ---- a connection within the turn (turn.c) ---- */

/* Gives the connection a time limit, counted from now. */
void turn_limit(struct io *io, struct conn *c, enum conn_limit limit);
/* Puts the frame behind what waits for the connection. Takes it. */
void turn_queue(struct io *io, struct conn *c, struct frame *f);
/* Marks the connection for the end of the turn: to be written, to be ended. */
void turn_write(struct io *io, struct conn *c);
void turn_kill(struct io *io, struct conn *c);
/* The client has ended its side, or the socket broke. True if what it sent before is still to be read, in REST_MS: of a
 * WebSocket whose Close has not come yet. */
bool turn_rest(struct io *io, struct conn *c);
/* The socket can take more of what waits for the connection. */
void turn_writeable(struct io *io, struct conn *c);
/* All is out: our side ends, and the socket is closed when the client has ended its own. Closed on unread bytes it would
 * reset the connection, and what was sent last could be lost with it. */
void turn_linger(struct io *io, struct conn *c);
/* Something was read: the time of what is relayed for it runs from here. */
void turn_read(struct io *io);
/* Writes early if many connections wait for it; not within a step. */
void turn_relieve(struct io *io);
/* The same for all that wait. */
void turn_write_all(struct io *io);
/* A share of the turn that begins now: its end, and whether that has come. */
uint64_t turn_share(void);
bool turn_share_is_over(uint64_t end);
/* The loop comes round again without waiting. */
void turn_again(struct io *io);
/* What uv calls. */
void turn_end(uv_prepare_t *prepare);
void turn_check(uv_check_t *check);
void turn_timer(uv_timer_t *timer);

/* ---- bytes in and out ---- */

/* Writes what is queued, as far as the socket takes it and the turn allows; false if the socket is broken, and nothing is
 * to be read from it either (flush.c). */
bool flush(struct io *io, struct conn *c);
/* Whether the client has taken something of its answer since the last write, or since this was asked (flush.c). */
bool flush_taken(struct conn *c);
/* Bytes came, to be changed at will; or the client's side ended (front.c). */
void front_bytes(struct io *io, struct conn *c, unsigned char *bytes, size_t n);
void front_end(struct io *io, struct conn *c);
/* What came where TLS is spoken is none: it is read as plain HTTP, to be answered that it should be. */
void front_no_tls(struct io *io, struct conn *c);
/* Goes on with what was read (c->rest). */
void front_rest(struct io *io, struct conn *c);
/* A message that is to be handed in later, as it came, and what was read behind it wait in the ready queue. */
void front_put_off(struct io *io, struct conn *c, const struct span *parts, size_t parts_n);
/* The core hears of a Close frame that was put off (c->untold). */
void ws_left(struct io *io, struct conn *c);
/* The code of the Close frame that came, as the core reads it; 0: none came (ws.c). */
uint16_t ws_close_code(const struct conn *c);
/* All that was queued is out (answer.c; of framings see framing.h). */
void http_sent(struct io *io, struct conn *c);
/* The answer of the core to a connection's HTTP request. Takes the body, which may be NULL. */
void http_respond(struct io *io, struct conn *c, unsigned status, struct frame *body, uint32_t retry_after_ms);

/* ---- what else there is ---- */

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
/* Nothing is begun by itself any more; what is under way ends on the loop. Before the loop runs for the last time. */
void work_stop(struct io *io);
/* When no job is at work any more. Takes one that was not opened. */
void work_close(struct io *io);

/* The connection's address is known and counted: its bytes are read from now on, or it is refused (listen.c). */
void listen_take(struct io *io, struct conn *c);
/* Goes on accepting if that is paused and there is a descriptor. */
void listen_resume(struct io *io);
/* While exhausted, when accept_at has come: resumes, or sees that it is over. */
void listen_look(struct io *io);
/* The daemon drains: whoever comes to a passed socket waits for the next one. */
void listen_drain(struct io *io);
void listen_close(struct io *io);

#endif
