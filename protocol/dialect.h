/* SPDX-License-Identifier: MIT
 *
 * What clients ask and are told, whatever the language they say it in. The server's core knows requests and replies only;
 * a dialect turns the bytes of one kind of client into the first, and the second into bytes.
 *
 * The members of a request are spans into its bytes or into its own space: both are to be there as long as it is used.
 */
#ifndef PROTOCOL_DIALECT_H
#define PROTOCOL_DIALECT_H

#include "base/text.h"
#include "protocol/message.h"
#include "protocol/reply.h"

/* What an offer, answer, ice-candidate or signal carries, as JSON texts. */
struct relay_payload {
    struct span value; /* the SDP, as a string; the candidate, or null; anything */
    struct span link;  /* n = 0: none */
};

struct request {
    enum message_type type;
    struct span bytes;   /* as they came */
    struct span ref;     /* as the dialect's answer brings it back; n = 0: none */
    const char *problem; /* on an error: a static sentence more exact than the table's, or NULL */
    bool final;          /* on an error: the client cannot be understood any more, and is closed */
    uint8_t attachments; /* on an error: so many binary messages follow that belong to it */
    union {
        struct {
            struct span room_id;              /* room_id_valid */
            struct span password, token;      /* decoded; p = NULL: absent */
            struct introduction introduction; /* of at most DISPLAY_NAME_MAX and METADATA_MAX */
        } join;
        struct {
            struct span to; /* decoded: a peer id, or what might be one */
        } relay;            /* offer, answer, ice-candidate, signal: see payload */
        struct {
            struct span token; /* decoded */
        } resume;
        struct {
            struct span pid,
                token;           /* decoded, of a client that was here before: PID_CHARS, a resume token; n = 0: none */
            const char *problem; /* it asks for what nobody has here: a static sentence; NULL: it does not */
        } connect;
        struct {
            enum outcome outcome;
            bool connected, measured; /* whether it tells: */
            uint64_t connect_ms, rtt_ms;
        } report;
        struct {
            size_t n;
            struct span v[TOPICS_MAX]; /* each of 1 to TOPIC_MAX bytes, decoded */
        } topics;                      /* subscribe, unsubscribe */
        struct span topic;             /* publish: likewise; what is published is `bytes`, a JSON object */
        struct {
            struct span to; /* decoded, of 1 to CHOSEN_ID_MAX bytes; n = 0: the client says farewell */
            bool kept;      /* for a while, if nobody has that name */
        } forward;
        uint32_t alive; /* the number of the question that it answers */
    };
    union {
        struct message native;
        struct {
            struct message message; /* without its type */
            struct span argument;   /* that its members are in, as sent; n = 0: there is none */
        } event;
        struct scan scan;
        struct relay_payload payload; /* of dialects that find it at once */
    } codec;                          /* what a dialect keeps for its `relay` and `payload`: nobody else looks at it */
    char space[TOKEN_MAX + PASSWORD_MAX];
};

enum reply_type {
    REPLY_WELCOME,
    REPLY_ICE_SERVERS,
    REPLY_ERROR,
    REPLY_PONG,
    REPLY_LEFT_ROOM,
    REPLY_ROOM_CLOSED,
    REPLY_DRAINING,
    REPLY_PEERS,
    REPLY_RESUMED,
    REPLY_PEER_JOINED,
    REPLY_PEER_LEFT,
    REPLY_PEER_AWAY,
    REPLY_PEER_BACK,
    REPLY_PEER_RETURNED, /* likewise, after a restart of the server: no list of those who are here has it */
    REPLY_RELAYED,       /* what a client of another dialect sent */
    REPLY_PUBLISHED,     /* to all who have subscribed to its topic */
    REPLY_NAMED,         /* the client has the name that it chose */
    REPLY_NAME_TAKEN,
    REPLY_UNNAMED,    /* it has no name, and will get none */
    REPLY_EXPIRED,    /* what it said to somebody was kept, and nobody came for it */
    REPLY_DONE,       /* its request, which brought a `ref`, was done; behind the reply that shows what came of it */
    REPLY_TAKEN_OVER, /* another connection has its seat now */
    REPLIES
};

struct dialect;

/* Somebody in a room, as the others see it. */
struct reply_peer {
    struct span peer_id;
    struct introduction introduction; /* not told of REPLY_PEER_LEFT and REPLY_PEER_AWAY; */
    const struct dialect *dialect;    /* nor is this: the one that it speaks */
    struct span previous;             /* in REPLY_PEER_BACK: the id that it had; n = 0: this one */
    bool away;                        /* in REPLY_PEERS and REPLY_RESUMED */
    enum departure why;               /* in REPLY_PEER_LEFT */
};

struct reply {
    enum reply_type type;
    union {
        struct span ref; /* REPLY_PONG, REPLY_LEFT_ROOM, REPLY_DONE: of the request that is answered; n = 0: none */
        struct reply_welcome welcome;
        struct span ice_servers; /* a JSON array */
        struct reply_error error;
        struct span room_id;         /* REPLY_ROOM_CLOSED */
        uint64_t reconnect_after_ms; /* REPLY_DRAINING */
        struct {
            struct reply_stay stay;
            bool restarted, recovered;                           /* REPLY_RESUMED */
            uint64_t resume_grace_ms;                            /* the same */
            bool (*next)(void *others, struct reply_peer *peer); /* one after the other; false: that was the last */
            void *others;
        } peers; /* REPLY_PEERS, REPLY_RESUMED */
        struct reply_peer peer;
        struct {
            enum message_type type;
            struct span from;
            struct relay_payload payload;
        } relayed;
        struct {
            struct span bytes; /* a JSON object, as it came */
            uint32_t clients;  /* who hear of it */
        } published;
        const char *problem; /* REPLY_UNNAMED: a static sentence */
        struct {
            struct span to, from; /* names */
        } expired;
    };
};

struct dialect {
    const char *name;
    char mark; /* in resume tokens: never changed, and no other dialect's */
    /* What it can say, a bit (dialect_bit) for each: the requests that its clients have, and the replies that they are
     * told. A client is not told what its dialect has no words for; where it is to be relayed something, that is
     * refused. */
    uint32_t requests; /* of enum message_type */
    uint32_t replies;  /* of enum reply_type */
    bool connects;    /* its clients are welcomed when they say MESSAGE_CONNECT; then they may be in no room for ever */
    bool joins_again; /* a join of the room that it is in is answered by its list, and is no error */
    bool asks_always; /* its clients wait for our pings: one comes each ping_interval, whatever they say meanwhile */
    /* One of its requests, or an error: of those `ref`, `problem`, `final` and `attachments` are set all the same. */
    enum error (*read)(struct span bytes, struct request *r);
    /* Appends the text of one of its replies to an empty buffer. Whether memory ran out is the buffer's to say. */
    void (*write)(struct buf *out, const struct reply *reply);
    /* A text as its transport wants it; NULL when out of memory. */
    struct frame *(*frame)(struct span text);
    /* What a request of the same dialect becomes for its reader; NULL when out of memory. */
    struct frame *(*relay)(const struct request *r, struct span from);
    /* The same for a reader of another dialect, who gets a REPLY_RELAYED. */
    struct relay_payload (*payload)(const struct request *r);
    /* Appends the question whether somebody is still there; it is answered by a request of MESSAGE_ALIVE. NULL: the
     * transport asks by its own means (a WebSocket's ping). */
    void (*ask_alive)(struct buf *out, uint32_t number);
};

static inline uint32_t dialect_bit(unsigned type)
{
    return UINT32_C(1) << type;
}
_Static_assert(MESSAGES <= 32 && REPLIES <= 32, "each has a bit");

enum {
    PID_CHARS = ID_CHARS /* of what shows a client of a dialect that `connects` that it is the one that it was */
};

/* The language of protocol/README.md, over a WebSocket. */
extern const struct dialect dialect_native;
/* What the clients of npm's y-webrtc say, over a WebSocket: topics in place of rooms, and no peers. */
extern const struct dialect dialect_ywebrtc;
/* What npm's peerjs says, over a WebSocket: clients that chose their names, and no rooms. */
extern const struct dialect dialect_peerjs;
/* What npm's socket.io-client 4 says, in messages of Engine.IO: `4` stands before each text that it makes, and no more
 * before one that it reads. */
extern const struct dialect dialect_socketio;

/* A name that a client chose, as its address brings it: decoded, and not looked at but for the key. */
struct client_name {
    struct span key;        /* of at most CHOSEN_KEY_MAX bytes */
    struct span id, secret; /* p = NULL: absent */
    const char *problem;    /* why it gets no name, a static sentence; NULL: none is known yet */
};

#endif
