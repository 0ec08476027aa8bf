/* SPDX-License-Identifier: MIT
 *
 * Writers of what the server says to its clients, one function a message: each appends one JSON object to the buffer.
 * Messages between native clients are not here: they are spliced (protocol/message.h). What clients gave as JSON text (`ref`,
 * the display name, the metadata) is copied as it came, never decoded and encoded again. Memory is the buffer's
 * matter: the caller asks `failed` once, at the end.
 */
#ifndef PROTOCOL_REPLY_H
#define PROTOCOL_REPLY_H

#include <stdint.h>

#include "base/buf.h"
#include "protocol/error.h"
#include "protocol/message.h"

/* `peers` of the largest room that can be named; every other reply is under 8 KiB. */
enum {
    REPLY_MAX = 64 * 1024 * 1024
};

/* Why a peer left, the `reason` of peer-left. A client must take a reason it does not know as "disconnected". */
#define DEPARTURE_TABLE(X)                                                             \
    X(LEFT, "left")                 /* said leave-room, or closed with 1000 or 1001 */ \
    X(DISCONNECTED, "disconnected") /* the socket ended otherwise */                   \
    X(TIMEOUT, "timeout")           /* did not answer our ping */                      \
    X(SLOW, "slow")                 /* did not read what was sent to it */             \
    X(FLOOD, "flood")               /* sent too many bad frames */                     \
    X(TOO_LARGE, "too-large")       /* sent a message over the limit */                \
    X(VIOLATION, "violation")       /* broke RFC 6455, or its dialect's grammar */

enum departure {
#define X(name, reason) DEPARTURE_##name,
    DEPARTURE_TABLE(X)
#undef X
    DEPARTURES
};

/* The `reason` of peer-left. Static. */
const char *departure_reason(enum departure why);

struct reply_welcome {
    struct span peer_id, pid; /* the second: of dialects that `connect`; n = 0: no seat is kept */
    struct span ice_servers;  /* a JSON array */
    uint64_t ping_interval_ms;
    uint32_t max_frame, max_room_members, message_rate, message_burst; /* 0: no limit */
    struct span server;
    struct span cluster; /* n = 0: it is alone */
};

struct reply_error {
    enum error error;
    const char *problem;     /* a sentence more exact than the table's, or NULL */
    struct span ref;         /* JSON text; n = 0: none */
    uint64_t retry_after_ms; /* 0: not said */
    bool fatal;              /* the connection is closed after it */
};

void reply_welcome(struct buf *out, const struct reply_welcome *w);
void reply_ice_servers(struct buf *out, struct span ice_servers); /* a JSON array */
void reply_error(struct buf *out, const struct reply_error *e);
void reply_pong(struct buf *out, struct span ref);
void reply_left_room(struct buf *out, struct span ref);
void reply_room_closed(struct buf *out, struct span room_id);
void reply_server_draining(struct buf *out, uint64_t reconnect_after_ms);

/* What a member says of itself, as JSON texts: of a string and of an object. n = 0: nothing. */
struct introduction {
    struct span display_name, metadata;
};
/* dialect: the name of the one that the peer speaks; NULL: this one. */
void reply_peer_joined(struct buf *out, struct span peer_id, const struct introduction *i, const char *dialect);
void reply_peer_left(struct buf *out, struct span peer_id, enum departure why);
void reply_peer_away(struct buf *out, struct span peer_id);
/* previous: the id that it had, on another node; n = 0: this one. */
void reply_peer_back(
    struct buf *out, struct span peer_id, struct span previous, const struct introduction *i, const char *dialect);

/* One's own stay in a room. */
struct reply_stay {
    struct span ref; /* JSON text; n = 0: none */
    struct span room_id, peer_id;
    struct span resume_token; /* n = 0: none */
};

/* `peers` and `resumed` are written in steps: either begin, one add for each other member, end. */
void reply_peers_begin(struct buf *out, const struct reply_stay *stay);
void reply_resumed_begin(
    struct buf *out, const struct reply_stay *stay, bool restarted, bool recovered, uint64_t resume_grace_ms);
void reply_peers_add(
    struct buf *out, struct span peer_id, const struct introduction *i, const char *dialect, bool away);
void reply_peers_end(struct buf *out);

/* An offer, answer, ice-candidate or signal that was not said in this dialect. The value is JSON text: `sdp`, `candidate`
 * or `data`; so is the link, n = 0: none. */
void reply_relayed(struct buf *out, enum message_type type, struct span from, struct span value, struct span link);

/* ---- members of an object that is begun: also what other dialects and webhooks say of the same ---- */

/* dialect: as above. */
void reply_introduction_members(
    struct buf *out, struct span peer_id, const struct introduction *i, const char *dialect);
/* But for `ref` and `fatal`. */
void reply_error_members(struct buf *out, const struct reply_error *e);
void reply_relayed_members(
    struct buf *out, enum message_type type, struct span from, struct span value, struct span link);

#endif
