/* SPDX-License-Identifier: MIT
 *
 * The server oracle's model of the daemon: its connections, the seats in its rooms, which outlive connections, and what each
 * connection is still to be told of the others' moves. Plain bookkeeping; what is right and what is wrong is the
 * server oracle's.
 */
#ifndef SIM_SEATS_H
#define SIM_SEATS_H

#define HASH_FUNCTION HASH_OAT /* the default one falls through its cases, which clang warns of */
#include <jansson.h>
#include <uthash.h>

#include "server/core/core.h"
#include "tests/sim/claim.h"
#include "tests/sim/world.h"

struct room;
struct seat;

enum move {
    MOVE_JOINED,
    MOVE_AWAY,
    MOVE_BACK,
    MOVE_LEFT,
    MOVES
};
extern const char *const MOVE_TYPES[MOVES]; /* "peer-joined" … */

/* A move of another member that this connection is to be told of within the step. */
struct notice {
    enum move move;
    char id[PEER_ID_MAX + 1];
    const char *reason; /* of MOVE_LEFT; static */
    json_t *self;       /* borrowed from a seat or token that outlives the step; NULL where none is said */
};

struct caller { /* one connection */
    uint32_t slot, generation;
    bool live, ready, closing, paused, refused; /* the last: never let in */
    char id[PEER_ID_MAX + 1];                   /* what it was called last; empty before the welcome */
    struct seat *seat;                          /* NULL: in no room */
    uint64_t last_life, outside_since;
    /* frames relayed to it; how many of them the answer to the last ping will prove; how many are proved */
    uint64_t relayed, pinged, proved;
    uint32_t ping;  /* its number; 0: none is in flight */
    int64_t tokens; /* of message_rate, in thousandths, at: */
    uint64_t tokens_at;
    struct notice *owed;
    size_t owed_n, owed_cap;
    char expelled[ROOM_ID_MAX + 1]; /* from this room: owed its room-closed; empty: from none */
    uint64_t hash_job;              /* of the join that waits for its password; 0: none */
    struct claim waiting;           /* that join */
    uint64_t waiting_room;
    uint64_t ice_until,
        ice_told;        /* its TURN credentials: when they lapse, by the wall clock, and when it was told; 0: none */
    uint64_t ice_lapsed; /* since when it holds what has lapsed; 0: it does not */
};

/* A frame that waits for a seat's return. */
struct kept {
    json_t *frame;
    size_t bytes;
    struct kept *prev, *next;
};

struct seat {
    char id[PEER_ID_MAX + 1];
    struct room *room;
    struct caller *caller; /* NULL: away */
    json_t *self;          /* displayName and metadata as it gave them */
    bool returned;         /* from an earlier life of the daemon */
    uint64_t stay;         /* since this join-room; no other has this number */
    unsigned used;         /* how many resumes led to the token that was used last */
    uint64_t expires;      /* unix seconds: until when its tokens hold */
    uint64_t
        taken[2]; /* when it was taken over from a connection that looked alive: last, and last but one; 0: never */
    uint64_t away_since, away_number; /* the second counts up over all */
    const char *why;                  /* it is away */
    bool lost;                        /* while away: a frame for it may be lost */
    bool told_lost;                   /* in the last `resumed` */
    struct kept *kept;
    size_t kept_bytes, kept_n;
    uint64_t frames; /* frames for it in this stay, the kept ones as well */
    UT_hash_handle hh;
};

struct room {
    char id[ROOM_ID_MAX + 1];
    uint64_t incarnation; /* the server oracle's own count */
    struct seat **v;
    size_t n, cap;
    uint64_t empty_since, empty_number; /* the second counts up over all */
    bool made, locked, listed;          /* `made` over HTTP */
    uint32_t max_peers;                 /* 0: the server's limit */
    char password[PASSWORD_MAX + 1], name[DISPLAY_NAME_MAX + 1];
    UT_hash_handle hh;
};

struct seats {
    struct caller **v; /* by slot */
    size_t n, cap, live, members, away, owed, kept_bytes;
    struct seat *by_id; /* uthash */
    struct room *rooms; /* uthash */
    uint64_t incarnations, stays, moves;
};

void seats_done(struct seats *all);
/* The daemon is gone, with all that it knew. */
void seats_reset(struct seats *all);

struct caller *seats_open(struct seats *all, struct conn_id conn, uint64_t now);
void seats_gone(struct seats *all, struct caller *c);
/* NULL unless this generation lives. */
struct caller *seats_at(const struct seats *all, struct conn_id conn);

struct room *seats_room(const struct seats *all, const char *id);
struct room *seats_room_new(struct seats *all, const char *id, uint64_t incarnation);
void seats_room_free(struct seats *all, struct room *r); /* an empty one */

/* id may be NULL. */
struct seat *seats_by_id(const struct seats *all, const char *id);
/* A new seat for this connection; takes `self`. */
struct seat *seats_enter(struct seats *all, struct room *r, struct caller *c, const char *id, json_t *self);
/* The seat has no connection any more. */
void seats_away(struct seats *all, struct seat *s);
/* An absent seat has this connection now. */
void seats_back(struct seats *all, struct seat *s, struct caller *c);
/* Frees the seat; its connection stays. */
void seats_leave(struct seats *all, struct seat *s, uint64_t now);
void seats_keep(struct seats *all, struct seat *s, json_t *frame, size_t bytes); /* takes the frame */
json_t *seats_unkeep(struct seats *all, struct seat *s);                         /* the oldest, the caller's now */

/* Everybody else in the room who has a connection is to be told. */
void seats_owe(struct seats *all, const struct seat *about, enum move move, const char *reason);
/* Takes the notice of this move off what the connection is owed; false if it is owed none. */
bool seats_paid(struct seats *all, struct caller *c, enum move move, const char *id, struct notice *notice);
void seats_forgive(struct seats *all, struct caller *c);

#endif
