/* SPDX-License-Identifier: MIT
 *
 * The daemon's core, its one face: a pure state machine of connections, rooms and seats. An event comes in with its
 * time and its bytes; what is to be done goes out as effects, in order. The core reads no clock, no socket and no
 * file, and knows a connection by slot and generation only, so a whole server runs inside a test and replays from a
 * seed. What a client sends can never make a step fail: it gets an answer from the error table.
 *
 *     io: accept ──► CORE_OPEN ──► (CORE_CLOSE: refused)      handshake ────► CORE_READY ──► welcome
 *         frame ───► CORE_FRAME ─► CORE_SEND to one or many   CORE_PING ──► ping, its pong ──► CORE_PONG
 *         socket gone ──► CORE_GONE ──► peer-left, or peer-away while the seat is kept     timer ──► CORE_TIME
 *         its Close ───► CORE_CLOSED ─► what is owed to it, then CORE_CLOSE
 */
#ifndef SERVER_CORE_CORE_H
#define SERVER_CORE_CORE_H

#include <string.h>

#include "base/buf.h"
#include "base/histogram.h"
#include "base/log.h"
#include "base/rng.h"
#include "base/span.h"
#include "protocol/dialect.h"
#include "protocol/error.h"
#include "protocol/frame.h"
#include "protocol/limits.h"
#include "protocol/roomfile.h"
#include "server/core/bus.h"

struct core;

/* A connection: io chooses the slot (small, reused) and counts the generation up at each reuse. The core drops events
 * for a generation it does not hold; io drops effects for one that is gone. */
struct conn_id {
    uint32_t slot;
    uint32_t generation;
};

/* A client's address as 16 bytes (IPv4 mapped into ::ffff:0:0/96), for per-address limits. All zero for a unix
 * socket, which no per-address limit counts. */
struct address {
    uint8_t bytes[16];
};
enum {
    ADDRESS_IPV4_AT = 12 /* where the four bytes of an IPv4 address are */
};
static inline bool address_is_ipv4(const struct address *a)
{
    static const uint8_t MAPPED[ADDRESS_IPV4_AT] = {[10] = 0xff, [11] = 0xff};
    return memcmp(a->bytes, MAPPED, sizeof MAPPED) == 0;
}
/* What counts as one address: a provider hands an IPv6 customer a /64 at least. */
static inline struct address address_network(const struct address *a)
{
    struct address network = *a;
    if (!address_is_ipv4(a))
        memset(network.bytes + 8, 0, 8);
    return network;
}

/* What needs keys, done by the daemon and asked for by the core. */
enum {
    SEAL_EXTRA = 28
}; /* bytes that sealing adds */

struct core_crypto {
    /* n bytes become n + SEAL_EXTRA that nobody can read or change; false if it cannot be done. */
    bool (*seal)(void *ctx, const void *plain, size_t n, void *sealed);
    /* n bytes, at least SEAL_EXTRA, become n - SEAL_EXTRA; false if our key did not seal exactly them. */
    bool (*open)(void *ctx, const void *sealed, size_t n, void *plain);
    void *ctx; /* outlives the core */
};

/* What a verified token says. Zeroed members are claims that it does not make. */
enum {
    SUBJECT_MAX = 256
};
struct claims {
    char room[ROOM_ID_MAX + 2]; /* a room's id, or what it begins with and `*`; empty: no room */
    char name[DISPLAY_NAME_MAX + 1];
    char subject[SUBJECT_MAX + 1];
    uint64_t expires; /* unix seconds; UINT64_MAX: never */
    bool admin;
};

enum {
    OWNER_TOKEN_BYTES = 32
};

/* What the core asks for in the midst of a step, and is answered at once. Each may be NULL. */
struct core_ports {
    void *verify_ctx, *ice_ctx, *owner_ctx; /* borrowed until the core is freed or configured anew */
    /* Fills the claims and returns NULL, or returns a static sentence on why the token is none. */
    const char *(*verify)(void *ctx, struct span token, uint64_t unix_seconds, struct claims *claims);
    /* Appends the JSON array of ICE servers for this peer, at this connection, with credentials of its own. NULL: `[]`. */
    void (*ice_servers)(void *ctx, struct conn_id conn, struct span peer_id, uint64_t unix_seconds, struct buf *out);
    /* The secret that proves who made a room: a MAC over its id and incarnation. NULL: nobody can prove it. */
    bool (*owner_token)(void *ctx, struct span room_id, uint64_t incarnation, uint8_t token[OWNER_TOKEN_BYTES]);
};

/* ---- settings: a plain value, copied; 0 switches a limit off (a rate: with its burst) ---- */
struct core_settings {
    char node[NODE_MAX + 1];
    char server_name[32]; /* "usherd/0.1.0", told in welcome */
    char
        cluster_id[CLUSTER_ID_MAX + 1]; /* the same for all daemons of a cluster, told in welcome; empty: it is alone */
    uint64_t ping_interval_ms;
    uint64_t ping_timeout_ms;
    uint64_t join_timeout_ms;
    uint64_t drain_timeout_ms;
    uint64_t resume_grace_ms; /* how long the seat of a broken connection is kept; 0: not at all */
    uint32_t max_connections;
    uint32_t max_connections_per_address;
    uint32_t connection_rate; /* new connections a second and address */
    uint32_t connection_burst;
    uint32_t max_rooms;
    uint32_t max_room_members;
    uint32_t max_frame;    /* bytes; told in welcome (io enforces it and reports CORE_UNREADABLE) */
    uint32_t message_rate; /* frames a second and connection; above it reading pauses */
    uint32_t message_burst;
    uint32_t join_rate;     /* joins and rooms made over HTTP, a second and address; JOIN_BURST_SECONDS of it at once */
    uint32_t auth_failures; /* wrong passwords and tokens, a minute and address; at most 60,000 */
    bool auto_create;       /* join-room may create a room */
    bool list_joined;       /* GET /api/rooms shows rooms that join-room made */
    uint64_t room_linger_ms; /* how long an empty room that join-room made stays; 0: not at all */
    uint64_t room_ttl_ms;    /* how long an empty room that was made over HTTP stays; 0: for ever */
    bool token_required;     /* join-room needs a token */
    bool webhooks;           /* what happens in rooms is told: CORE_WEBHOOK */
    uint64_t
        ice_refresh_ms; /* what ports.ice_servers writes is told anew this often, and lapses by the wall clock a quarter of this later; 0: it does not lapse */
    bool cluster;       /* rooms are shared with other nodes, over the bus; fixed at core_new */
    uint64_t lease_ms;  /* of this node: renewed three times in it */
    const struct dialect *const
        *dialects;  /* of all that members on other nodes may speak, NULL behind the last; borrowed until
                                              the core is freed; NULL: without a cluster */
    uint32_t batch; /* of what is due at once, so much of each kind is done in one step; 0: BATCH_DEFAULT (batch.h) */
    struct core_ports ports;
    /* Borrowed alike; NULL: no seat is kept. */
    const struct core_crypto *crypto;
};

/* ---- events ---- */
enum core_event_type {
    CORE_OPEN, /* a socket was accepted (conn, address): counts against the limits; answered at once by CORE_CLOSE if refused */
    CORE_ADDRESS, /* a trusted proxy named the client of a connection that was opened without an address: counts against its limits; refused as CORE_OPEN is */
    CORE_READY,   /* its handshake is done, and what it speaks is known (dialect): the core welcomes it */
    CORE_FRAME,   /* one whole text message (bytes, borrowed for the step) */
    CORE_UNREADABLE, /* a message that io cannot hand over: `error` says which answer it gets (binary: BAD_MESSAGE, over max_frame or in too many fragments: TOO_LARGE); `problem` is the sentence or NULL */
    CORE_PONG, /* a WebSocket pong (pong); the answer to the ping of the last CORE_PING says that all that was sent before it has arrived, any other is a sign of life only */
    CORE_CONTROL, /* a WebSocket ping, which io answers, or new keys of TLS: a sign of life, and counted as a message is */
    CORE_VIOLATION, /* it broke RFC 6455 (violation), and what it sends cannot be read any more: the core closes it */
    CORE_CLOSED, /* its Close frame came (close_code): it says nothing more, and is answered by a CORE_CLOSE of code 0 once it has all answers that it is owed */
    CORE_SLOW,   /* its outgoing queue passed max_queue: the core closes it with a named reason */
    CORE_GONE,   /* the socket is closed (close_code as received, 0 if it broke): last event of this generation */
    CORE_TIME,   /* the deadline came (or any later moment). One as soon as io listens: resume_grace runs from there */
    CORE_HTTP,   /* it asks something over HTTP: it ends with its answer, and until then it is io's to bound in time */
    CORE_BELONGS, /* and what it asks is part of another connection, which counts already: it counts against no limit of its address any more */
    CORE_REQUEST, /* an HTTP request about rooms (conn, request); answered by one CORE_RESPONSE, now or later, unless the connection is gone */
    CORE_HASHED,  /* the answer to a CORE_HASH (hashed) */
    CORE_UNSTORED,    /* what was stored is not there any more: it is to be stored again */
    CORE_STORED,      /* the answer to a CORE_STORE: whether the file is on the disk (stored) */
    CORE_BUS_UP,      /* the bus is connected, and what is sent to our node will be heard (bus.h) */
    CORE_BUS_DOWN,    /* it is not any more */
    CORE_BUS_ANSWER,  /* to an operation (answer) */
    CORE_BUS_MESSAGE, /* what was sent to our node (bytes) */
    CORE_BUS_UNHEARD, /* nobody heard a BUS_SEND of conn */
    CORE_DRAIN,       /* stop: tell everybody, close everything */
};

enum core_request_type {
    REQUEST_ROOMS,    /* the list */
    REQUEST_CREATE,   /* a room, from the body */
    REQUEST_ROOM,     /* one room */
    REQUEST_CLOSE,    /* with a token */
    REQUEST_VALIDATE, /* what a join would be answered */
    REQUEST_ICE,      /* the ICE servers, with credentials */
    REQUEST_NAMES,    /* the names of clients under the key `room` */
};

/* Everything is borrowed for the step. */
struct core_request {
    enum core_request_type type;
    struct span room, token, body; /* as the client sent them; n = 0: absent */
};

struct core_event {
    enum core_event_type type;
    struct conn_id conn;
    uint64_t now; /* milliseconds on a clock that never goes back */
    uint64_t
        unix_ms; /* wall clock, which may be set: for what others signed or will check, never for our own deadlines */
    bool
        urgent; /* CORE_FRAME: messages of others wait behind it, so what a whole room hears of is put off: CORE_AGAIN */
    union {
        struct address address; /* CORE_OPEN, CORE_ADDRESS */
        struct {
            const struct dialect *dialect;  /* CORE_READY; lives as long as the core */
            const struct client_name *name; /* that its client chose; NULL: none */
        };
        struct span bytes; /* CORE_FRAME, CORE_BUS_MESSAGE */
        struct {
            enum error error;
            const char *problem; /* static text */
        } unreadable;            /* CORE_UNREADABLE */
        uint32_t pong;           /* CORE_PONG: the number in a payload of 4 bytes, big-endian; of any other payload 0 */
        struct {
            const char *problem; /* static text of at most CLOSE_REASON_MAX bytes: the close's reason */
            uint16_t code;       /* of RFC 6455 section 7.4.1: 1002, 1007, 1009 */
        } violation;             /* CORE_VIOLATION */
        uint16_t close_code;     /* CORE_CLOSED, CORE_GONE */
        const struct core_request *request;
        struct {
            uint64_t job;
            const uint8_t *hash; /* ROOM_HASH_BYTES; NULL: it could not be made */
        } hashed;
        bool stored;
        const struct core_bus_answer *answer;
    };
};

/* ---- effects ---- */
enum core_effect_type {
    CORE_SEND, /* queue the frame for the connection; the effect owns one reference */
    CORE_CLOSE, /* flush what is queued, then close with code and reason; before CORE_READY: refuse with HTTP 503 / close(2) */
    CORE_PING, /* ask whether it is there, in the transport's way: a WebSocket ping with the payload `ping`, 4 bytes, big-endian */
    CORE_AGAIN,    /* the frame was put off: hand it in once more, not urgent, before the next of its connection */
    CORE_PAUSE,    /* stop reading this connection */
    CORE_RESUME,   /* read it again */
    CORE_LOG,      /* write the record; the effect owns it (free) */
    CORE_RESPONSE, /* answer the HTTP request of conn with `response`; the effect owns one reference to its body */
    CORE_HASH,     /* hash the password; the effect owns it (free). Wipe it after use */
    CORE_STORE, /* write these bytes as rooms.json, whole or not at all; the effect owns one reference. One at a time */
    CORE_WEBHOOK, /* something happened in a room: tell the receivers this JSON object; the effect owns one reference */
    CORE_BUS,     /* an operation on the bus (bus.h); the effect owns it (free) */
    CORE_DRAINED, /* every connection is gone after CORE_DRAIN: the process may end */
};

/* A password to be hashed away from the loop; at most HASHES_MAX are under way at once. */
enum {
    HASHES_MAX = 66
}; /* two at work, 64 waiting */
struct core_hash {
    uint64_t job;
    uint8_t salt[ROOM_SALT_BYTES];
    uint16_t password_n;
    char password[PASSWORD_MAX];
};

struct core_effect {
    enum core_effect_type type;
    struct conn_id conn;
    union {
        struct frame *frame;
        struct {
            const char *reason; /* static text of at most CLOSE_REASON_MAX bytes */
            uint16_t code;      /* 0: the code of the client's own Close */
        } close;
        uint32_t ping; /* never 0; nobody can guess it */
        struct log_record *log;
        struct {
            struct frame *body; /* its text; empty for 204 */
            uint16_t status;
            uint32_t retry_after_ms; /* when to ask again; 0: no time is told */
        } response;
        struct core_hash *hash;
        struct frame *store;
        struct core_bus *bus;
        struct frame *webhook; /* no WebSocket frame: its bytes alone */
    };
};

/* A list the caller owns and reuses: zero it once, execute and clear it after each step. */
struct core_effects {
    struct core_effect *v;
    size_t n, cap;
};
/* Frees what the effects own (frames, records) and empties the list, keeping its memory. */
void core_effects_clear(struct core_effects *fx);
/* core_effects_clear, and frees the list's memory. */
void core_effects_done(struct core_effects *fx);

/* ---- limits, as the metrics name them ---- */
#define LIMIT_TABLE(X)                                            \
    X(MAX_CONNECTIONS, "max_connections")                         \
    X(MAX_CONNECTIONS_PER_ADDRESS, "max_connections_per_address") \
    X(CONNECTION_RATE, "connection_rate")                         \
    X(MAX_ROOMS, "max_rooms")                                     \
    X(ROOMS_PER_ADDRESS, "rooms_per_address")                     \
    X(TOPICS_PER_ADDRESS, "topics_per_address")                   \
    X(MAX_ROOM_MEMBERS, "max_room_members")                       \
    X(MAX_FRAME, "max_frame")                                     \
    X(MAX_QUEUE, "max_queue")                                     \
    X(MESSAGE_RATE, "message_rate")                               \
    X(JOIN_RATE, "join_rate")                                     \
    X(JOIN_TIMEOUT, "join_timeout")                               \
    X(AUTH_FAILURES, "auth_failures")

enum limit {
#define X(name, text) LIMIT_##name,
    LIMIT_TABLE(X)
#undef X
    LIMITS
};

/* ---- numbers, for /health, /metrics and tests ---- */
struct core_stats {
    uint64_t connections;           /* open now, handshaken or not */
    uint64_t rooms;                 /* now */
    uint64_t topics, subscriptions; /* now */
    uint64_t named;                 /* clients that chose a name, now */
    uint64_t members;               /* seats now, those away as well */
    uint64_t away;                  /* seats kept for their peer's return, now */
    uint64_t held_bytes;            /* of the frames kept for them */
    uint64_t letters, letter_bytes; /* what was said to names that nobody has, and waits now */
    uint64_t accepted_total, refused_total, joins_total, leaves_total;
    uint64_t frames_in[MESSAGES]; /* by type; MESSAGE_NONE counts the unreadable */
    uint64_t relayed_total;
    uint64_t resumed_total, unheld_total; /* seats taken again; frames that were not kept for want of room */
    uint64_t refused[ERRORS];             /* connections refused, by the error that they were told */
    uint64_t bytes_in[MESSAGES];          /* by type, as frames_in */
    uint64_t relayed[MESSAGES], relayed_bytes[MESSAGES]; /* as they went out, by type */
    uint64_t frames_out, bytes_out;                      /* to all connections, relayed ones included */
    uint64_t ended[DEPARTURES];                          /* connections that we closed, by reason */
    uint64_t ice_outcomes[OUTCOMES];                     /* as clients report them */
    struct histogram ice_connect, ice_rtt;               /* of reports that tell it and did not fail */
    uint64_t errors[ERRORS];                             /* errors sent, by code, over HTTP as well */
    uint64_t limited[LIMITS];                            /* times that a limit refused, closed or paused */
    uint64_t auth_failed_total, auth_delayed_total;      /* wrong passwords and tokens; attempts made to wait */
    uint64_t webhooks_lost_total;                        /* events that there was no memory to tell */
    bool bus_up;                              /* the node is registered, and what is said on the bus is heard */
    uint64_t remote_members, nodes;           /* of our rooms, on other nodes, now; nodes that were heard of */
    uint64_t bus_sent_total, bus_heard_total; /* signals to and from other nodes */
    uint64_t bus_unheard_total;               /* signals that could not be sent to another node */
    uint64_t bus_lost_total;                  /* signals and announcements from others that never came */
    uint64_t bus_synced_total;                /* rooms that were read again */
    uint64_t bus_bad_total;                   /* messages on our channel that nobody can read */
    uint64_t bus_cleared_total;               /* seats of dead nodes that this one cleared */
};

/* The buckets of ice_connect and ice_rtt. */
extern const struct histogram_bounds CORE_ICE_BOUNDS, CORE_RTT_BOUNDS;

/* Settings are copied; the rng is borrowed. NULL when out of memory. */
struct core *core_new(const struct core_settings *settings, const struct rng *rng);
void core_free(struct core *c);
/* One event in, effects appended. Everything the event points to is borrowed for the call. */
void core_step(struct core *c, const struct core_event *event, struct core_effects *fx);
/* When CORE_TIME must come at the latest; UINT64_MAX: it need not. Any step may change it. The time of the last event: there
 * is more to do; come again at once, but let other events have their turn first. */
uint64_t core_deadline(const struct core *c);
/* Takes the rooms of rooms.json in, before the first step: all at once, since nobody waits yet. NULL, or a static sentence on what is wrong with it. */
const char *core_restore(struct core *c, struct span text, uint64_t now);
/* Replaces the settings (a reload): they count from the next event on, so let a CORE_TIME follow. The node stays what it was: peer ids carry it. */
void core_configure(struct core *c, const struct core_settings *settings);
const struct core_stats *core_stats(const struct core *c);
bool core_draining(const struct core *c);
/* Whether it is in its cluster, or none is set: bus_up else. */
bool core_clustered(const struct core *c);
/* Whether this connection is in a room: others hear of its end. */
bool core_is_member(const struct core *c, struct conn_id conn);
/* Why a new connection would not be served: DRAINING, SERVER_FULL, or NONE. */
enum error core_ready(const struct core *c);
/* Walks everything and asserts that connections, seats, rooms and counters agree. For tests; O(n). */
void core_check(const struct core *c);

#endif
