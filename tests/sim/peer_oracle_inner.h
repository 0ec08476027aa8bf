/* SPDX-License-Identifier: MIT
 *
 * What the parts of the promises' server oracle share. Nobody else includes this.
 *
 *     peer_oracle.c          what was asked for, what stands on whose disk, and what is owed at the end
 *     peer_oracle_order.c    what must come before what, and who is excused from it
 *     peer_oracle_frames.c   what is said on links
 *     peer_oracle_notices.c  what applications are told
 */
#ifndef SIM_PEER_ORACLE_INNER_H
#define SIM_PEER_ORACLE_INNER_H

#define HASH_FUNCTION HASH_OAT /* the default one falls through its cases, which clang warns of */
#include <uthash.h>

#include "tests/sim/peer_oracle.h"

enum reader {
    NOT_ASKED,
    ASKED,
    DELIVERED,
    FAILED,
    MISSED /* failed because the reader said that it will never take it */
};

struct sent {
    unsigned sender;
    bool written, accepted, refused;
    char id[PEER_ID_MAX + 1], conversation[96];
    uint64_t sequence;
    uint64_t record; /* a digest of its row in the sender's record: its readers' rows are the same */
    uint64_t until;  /* when its time is over, unless a wall clock jumps */
    struct ask ask;
    bool expected[PEOPLE_MAX]; /* a message to the room: must be among its readers */
    uint8_t readers[PEOPLE_MAX];
    unsigned told_life[PEOPLE_MAX]; /* the sender's, when it was told the above */
    bool lost;                      /* with its sender's state: nothing is owed any more */
    bool stale[PEOPLE_MAX];         /* this reader lost its state since: what it said before may be heard yet */
    bool had[PEOPLE_MAX];           /* ... and had it in the record that it lost */
    struct marks before;            /* what its sender knew of the conversation, and what was before that */
    UT_hash_handle hh;              /* by id */
};

/* Of those messages `number` does not tell. */
struct excuse {
    size_t number;
    struct marks of;
};
struct excuses {
    struct excuse *v; /* owned */
    size_t n, cap;
};

struct person {
    char id[PEER_ID_MAX + 1];
    unsigned host;
    const struct memory_store *store;
    struct diary *diary;
    unsigned life;
    uint32_t message_max; /* 0: as large as any */
    uint64_t sequence;    /* of the message that it is writing; 0: it is for nobody */
    struct marks asked;   /* messages that are for it */
    struct marks lost;    /* given up: by those rows of its disk, */
    struct marks missed;  /* ... and its application was told, or its author had failed them */
    struct marks late;    /* had failed before it began behind them, a newcomer */
    struct excuses untied, charges;
    bool up[PEOPLE_MAX], met[PEOPLE_MAX];
    uint64_t since[PEOPLE_MAX]; /* when the former changed */
    const char *path[PEOPLE_MAX];
    unsigned flaps[PEOPLE_MAX];
};

struct peer_oracle {
    struct world *w;
    struct person people[PEOPLE_MAX];
    size_t people_count;
    struct sent **sent, *by_id;
    size_t n, cap;
    uint64_t delivered, failed;
    bool strangers, losses; /* losses: somebody lost its state */
    struct traffic traffic;
};

/* PEOPLE_MAX: nobody of the run's. */
unsigned peer_oracle_who(const struct peer_oracle *p, struct span id);
/* Its number is in *number; NULL: no such message. */
struct sent *peer_oracle_by_id(const struct peer_oracle *p, struct span id, size_t *number);
struct sent *peer_oracle_by_ref(const struct peer_oracle *p, struct span ref);
/* It is on the disk of `who`, whatever crashes. */
bool peer_oracle_keeps(const struct peer_oracle *p, unsigned who, size_t number);

/* It waits there for what comes before it, whatever crashes. */
bool peer_oracle_waits(const struct peer_oracle *p, unsigned who, const struct sent *s);

/* Whatever crashes, its sender still waits for this reader of it, or may: how that ended can be taken back. */
bool peer_oracle_is_open(const struct peer_oracle *p, size_t number, unsigned reader);

/* That disk's clock is past it, whatever crashes, and it is not in the record: it will never be shown. */
bool peer_oracle_passed(const struct peer_oracle *p, unsigned who, size_t number);

/* ---- peer_oracle_order.c ---- */
/* A message of ours gets its place: behind all that we know of this conversation. */
void order_spoken(struct peer_oracle *p, unsigned who, struct sent *s);
/* The row of a clock is on the disk, or about to be: what of an author was given up. */
void order_row(struct peer_oracle *p, unsigned who, struct span key, struct span value);
void order_recorded(struct peer_oracle *p, unsigned who, size_t number);
void order_shown(struct peer_oracle *p, unsigned who, size_t number);
void order_missing(struct peer_oracle *p, unsigned who, const struct peer_notice *n);
/* Its process ended; the rows of clocks that its disk has follow. */
void order_end(struct peer_oracle *p, unsigned who);
/* Its disk is another, whose rows of clocks follow. */
void order_lost(struct person *x);
void order_done(struct person *x);

#endif
