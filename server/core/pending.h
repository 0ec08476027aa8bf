/* SPDX-License-Identifier: MIT
 *
 * What cannot be answered within its step: a password has to be hashed, or has to wait for having been wrong before,
 * or a change has to be on the disk first.
 */
#ifndef SERVER_CORE_PENDING_H
#define SERVER_CORE_PENDING_H

#include "server/core/state.h"

enum pending_kind {
    PENDING_JOIN,       /* a join-room with a password waits for its hash */
    PENDING_CREATE,     /* a POST with a password waits for its hash */
    PENDING_STORE,      /* an answer waits for the disk */
    PENDING_FRAME,      /* a message with a password or token waits for its time: see auth_throttle.c */
    PENDING_ASK,        /* an HTTP request likewise */
    PENDING_BUS_JOIN,   /* a join-room waits for the bus */
    PENDING_BUS_RESUME, /* a resume or connect likewise */
    PENDING_BUS_REST,   /* an HTTP request likewise */
    PENDING_BUS_NAME,   /* a client with a name of its own likewise */
};

struct pending {
    struct pending *prev, *next; /* in core->hashes, core->delays, core->stores or core->asked */
    enum pending_kind kind;
    struct conn_id conn;
    bool counted; /* but for PENDING_STORE: a per-address limit counts it, as of: */
    struct address address;
    uint64_t job; /* of the hash; or what room_store.changed has to be on the disk */
    char *bytes;  /* owned; PENDING_JOIN, PENDING_FRAME: the frame; PENDING_ASK: the request's room, token and body */
    size_t bytes_n;
    struct core_request request; /* PENDING_ASK; its spans tell lengths only */
    uint64_t at;                 /* PENDING_FRAME, PENDING_ASK: its time */
    struct room_terms
        terms;            /* PENDING_CREATE; PENDING_STORE: of the room that goes if it cannot be stored, else id_n 0 */
    struct frame *answer; /* owned; PENDING_STORE */
    uint16_t status;
    /* PENDING_BUS_JOIN, PENDING_BUS_RESUME: who it would be, in which room; and the newest that was announced of that room
     * meanwhile. */
    char peer[PEER_ID_MAX], room[ROOM_ID_MAX];
    uint8_t peer_n, room_n, step;
    uint64_t seen_life, seen;
};

/* Asks for a hash for the session, and remembers why. ERROR_RATE_LIMITED when too many wait, ERROR_SERVER_FULL when out of
 * memory. */
enum error pending_hash(
    struct core *c, const struct session *s, const struct pending *why, struct span password, const uint8_t *salt);
/* Takes the frame; it is the answer once what has changed so far is on the disk. */
void pending_store(struct core *c, const struct pending *why);
/* Remembers it for that long, for the session. ERROR_RATE_LIMITED when too many wait, or too many of its address: no more than
 * there are places free. ERROR_SERVER_FULL when out of memory. */
enum error pending_delay(struct core *c, const struct session *s, const struct pending *why, uint64_t ms);
/* Whether this connection waits for a hash or for its time. */
bool pending_waits(const struct core *c, struct conn_id conn);
/* How many of the list wait that count for this address. */
uint32_t pending_of(const struct pending *list, const struct address_state *address);
/* What waits for this hash, taken off the list: the caller frees it. NULL if there is none. */
struct pending *pending_take_hashed(struct core *c, uint64_t job);
/* The next one that waits for the disk no longer, if it is asked now; NULL if there is none. */
const struct pending *pending_stored(const struct core *c);
/* As pending_take_hashed: that one. */
struct pending *pending_take_stored(struct core *c);
/* As pending_take_hashed: one whose time has come. */
struct pending *pending_take_due(struct core *c);
/* Remembers it for the answer of an operation on the bus, whose job is set in *job: the caller asks at once. ERROR_RATE_LIMITED
 * when too many wait, ERROR_SERVER_FULL when out of memory. */
enum error pending_bus(struct core *c, const struct pending *why, uint64_t *job);
/* As pending_take_hashed. */
struct pending *pending_take_asked(struct core *c, uint64_t job);
/* When pending_take_due has one, or UINT64_MAX. */
uint64_t pending_due(const struct core *c);
/* The connection is gone: it need not wait for its time. */
void pending_forget(struct core *c, struct conn_id conn);
void pending_free(struct pending *e);
/* Frees all that wait. */
void pending_done(struct core *c);

#endif
