/* SPDX-License-Identifier: MIT
 *
 * The client's side of the native dialect: what the daemon says, read into one struct, and what a client says, written
 * into a buffer. The typed offer, answer and ice-candidate and their forms inside `signal` come out alike; `wrapped`
 * tells which it was. Nothing read here is proved: the daemon and whoever it relays for may say anything, so every
 * member is checked for kind and bound, and a frame that does not hold is refused as a whole, except that a member of
 * the room without a usable id is skipped and unusable metadata makes a plain peer.
 */
#ifndef PROTOCOL_SIGNALING_H
#define PROTOCOL_SIGNALING_H

#include <stdint.h>

#include "base/buf.h"
#include "protocol/limits.h"

struct json_t; /* jansson's */

enum {
    SIGNALING_FRAME_MAX = 8 * 1024 * 1024, /* `peers` of a room of thousands */
    SIGNALING_CANDIDATE_MAX = 1024,        /* one candidate line */
    SIGNALING_KEY_BYTES = 32,
    SIGNALING_SIGNATURE_BYTES = 64,
    SIGNALING_CODE_MAX = 64
};

enum signaling_type {
    SIGNALING_IGNORED, /* of a later version, or an application's own `signal` */
    SIGNALING_WELCOME,
    SIGNALING_ICE_SERVERS,
    SIGNALING_PEERS,
    SIGNALING_RESUMED,
    SIGNALING_PEER_JOINED,
    SIGNALING_PEER_AWAY,
    SIGNALING_PEER_BACK,
    SIGNALING_PEER_LEFT,
    SIGNALING_OFFER,
    SIGNALING_ANSWER,
    SIGNALING_CANDIDATE,
    SIGNALING_CLAIM,
    SIGNALING_LEFT_ROOM,
    SIGNALING_ROOM_CLOSED,
    SIGNALING_DRAINING,
    SIGNALING_ERROR,
    SIGNALING_PONG,
    SIGNALING_TYPES
};

/* What a member of the room says of itself. */
struct signaling_member {
    struct span peer_id;
    struct span name; /* may be empty */
    bool dialect;     /* it speaks another dialect: `signal` is what it knows */
    bool away;        /* its socket is lost, its seat is kept */
    bool keyed; /* the metadata has key, box and sig in the right form; whether sig holds is the reader's matter */
    uint8_t key[SIGNALING_KEY_BYTES], box[SIGNALING_KEY_BYTES], sig[SIGNALING_SIGNATURE_BYTES];
};

/* Filled by signaling_parse; spans live until signaling_done. Which members are set stands behind the type. */
struct signaling_message {
    enum signaling_type type;
    struct span peer_id;                    /* welcome, peers, resumed: ours; peer-joined, -away, -back, -left */
    struct span previous;                   /* peer-back: the seat's name before, if it moved to another node */
    const struct signaling_member *members; /* peers, resumed: all; peer-joined, peer-back: one */
    size_t member_count;
    struct span from, link, sdp;            /* offer, answer; link may be empty */
    struct span claim;                      /* claim: the envelope of an identity_claim, as text */
    struct span candidate;                  /* ice-candidate; empty: the end of candidates */
    bool wrapped;                           /* it came as `signal` */
    char *ice_servers;                      /* welcome, ice-servers: a JSON array, owned; NULL if absent */
    uint64_t ping_interval_ms;              /* welcome; 0 if absent */
    struct span cluster;                    /* welcome; empty: it names none */
    struct span resume_token;               /* peers, resumed; empty: the seat is not kept */
    bool restarted, recovered;              /* resumed */
    uint64_t resume_grace_ms;               /* resumed; 0 if absent */
    struct span reason;                     /* peer-left */
    struct span code, message;              /* error */
    uint64_t retry_after_ms;                /* error, server-draining; 0 if absent */
    bool fatal;                             /* error */
    struct json_t *tree;                    /* owned */
    struct signaling_member *owned_members; /* owned */
};

/* False, with *m empty, for what is no frame of the daemon. */
bool signaling_parse(struct span frame, struct signaling_message *m);
/* Takes an empty one too. */
void signaling_done(struct signaling_message *m);

/* What we say of ourselves in join-room. */
struct signaling_join {
    struct span room, name, password, token; /* all but room may be empty */
    const uint8_t *key, *box, *sig;
};
void signaling_write_join(struct buf *out, const struct signaling_join *join);
void signaling_write_resume(struct buf *out, struct span token);
void signaling_write_leave(struct buf *out);
void signaling_write_ping(struct buf *out);
/* type: "offer" or "answer". wrapped: as `signal`. */
void signaling_write_description(
    struct buf *out, struct span to, struct span link, struct span type, struct span sdp, bool wrapped);
/* candidate.n = 0: the end. mid and line say which m= section it belongs to. */
struct signaling_candidate {
    struct span candidate, mid;
    unsigned line;
};
void signaling_write_candidate(
    struct buf *out, struct span to, struct span link, const struct signaling_candidate *candidate, bool wrapped);

/* `signal` with a signed identity_claim ([I-6]). */
void signaling_write_claim(struct buf *out, struct span to, struct span claim);

/* How a call went: the seat that was called, "direct", "stun", "turn" or "failed", and, unless it failed, how long it
 * took and the round trip (0: not known). */
void signaling_write_report(
    struct buf *out, struct span peer_id, const char *outcome, uint64_t connect_ms, uint64_t rtt_ms);

#endif
