/* SPDX-License-Identifier: MIT
 *
 * The message table of the native dialect: one row per client message with its members, their kinds and bounds.
 * Nothing else in the project compares type names.
 */
#ifndef PROTOCOL_MESSAGE_H
#define PROTOCOL_MESSAGE_H

#include "protocol/frame.h"
#include "protocol/limits.h"
#include "protocol/scan.h"

enum {
    MESSAGE_DURATION_MAX_MS = 60 * 60 * 1000 /* an hour: what a client says above it is no measurement */
};

/* clang-format off */
#define MESSAGE_TABLE(X) \
    X(JOIN_ROOM, "join-room") \
    X(LEAVE_ROOM, "leave-room") \
    X(OFFER, "offer") \
    X(ANSWER, "answer") \
    X(ICE_CANDIDATE, "ice-candidate") \
    X(SIGNAL, "signal") \
    X(RESUME, "resume") \
    X(REPORT, "report") \
    X(PING, "ping")
/* clang-format on */

enum message_type {
    MESSAGE_NONE,
#define X(name, text) MESSAGE_##name,
    MESSAGE_TABLE(X)
#undef X
    /* No native messages: */
    MESSAGE_SUBSCRIBE, /* to topics, which are no rooms: whoever publishes there reaches all who have subscribed */
    MESSAGE_UNSUBSCRIBE,
    MESSAGE_PUBLISH,
    MESSAGE_FORWARD, /* to a client by the name that it chose */
    MESSAGE_CONNECT, /* to be welcomed, as somebody new or as the one that it was; and its end, on the same connection */
    MESSAGE_DISCONNECT,
    MESSAGE_ALIVE, /* the answer to a dialect's own question; counted nowhere, as a pong is */
    MESSAGES
};

/* How a call went, as `report` tells it. */
#define OUTCOME_TABLE(X) X(DIRECT, "direct") X(STUN, "stun") X(TURN, "turn") X(RELAY, "relay") X(FAILED, "failed")

enum outcome {
#define X(name, text) OUTCOME_##name,
    OUTCOME_TABLE(X)
#undef X
    OUTCOMES
};

struct message {
    enum message_type type;
    struct scan scan;    /* spans into the frame */
    struct span ref;     /* `ref` as JSON text with its quotes, n = 0 if absent: echoed byte for byte */
    struct span to;      /* relayed types: decoded; points into the frame or into to_space */
    struct span room_id; /* join-room: decoded and checked */
    char to_space[PEER_ID_MAX];
    char room_space[ROOM_ID_MAX];
    const char *problem;     /* on an error: a static sentence more exact than the table's, or NULL */
    enum member_name member; /* on an error: the member at fault, MEMBERS if none */
};

/* Scans the frame, finds its row, checks every member of the row. On an error `ref` is still set when it could be
 * read, so that the answer can echo it. The frame is borrowed for as long as `m` is used. */
enum error message_parse(struct span frame, struct message *m);

/* The same for a message whose type was told elsewhere and whose members are in m->scan, as the scanner found them sound. */
enum error message_read(enum message_type type, struct message *m);
/* The type of that name; MESSAGE_NONE if no native message has it. */
enum message_type message_find(struct span name);

/* The frame that a relayed message becomes for its reader: "to":… replaced by "from":"<from>", all other bytes the
 * same. `from` is a peer id and needs no escaping. One reference, owned by the caller; NULL when out of memory. */
struct frame *message_splice(const struct message *m, struct span from);

/* Of a `report` that holds. */
enum outcome message_outcome(const struct message *m);
/* The report's connectMs and rttMs, cut at MESSAGE_DURATION_MAX_MS; false if it tells none. */
bool message_connect_ms(const struct message *m, uint64_t *ms);
bool message_rtt_ms(const struct message *m, uint64_t *ms);
const char *outcome_name(enum outcome o);

bool message_is_relayed(enum message_type t);
const char *message_name(enum message_type t);
/* 1 to ROOM_ID_MAX of A-Za-z0-9_- */
bool room_id_valid(struct span id);

#endif
