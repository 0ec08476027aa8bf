/* SPDX-License-Identifier: MIT
 *
 * What causal.c (the order) and causal_gap.c (what is missing, and for how long) share. Nobody else includes this.
 *
 *     struct causal ─► author (by id) ─► held: its waiting messages, by sequence
 *                                     └► claims: what waiting messages of others need of it, by count
 */
#ifndef PEER_CORE_CAUSAL_STATE_H
#define PEER_CORE_CAUSAL_STATE_H

#include <utlist.h>

#include "peer/core/order/causal.h"
#include "peer/core/order/hash.h"

struct claim {
    struct author *author; /* NULL: met, or given up */
    struct item *item;
    uint64_t need;
    struct claim *prev, *next;
};

struct item {
    struct author *author;
    uint64_t sequence, since;
    void *item; /* the caller's */
    size_t cost;
    bool ready;
    struct item *prev, *next;             /* held by its author */
    struct item *all_prev, *all_next;     /* in order of arrival */
    struct item *ready_prev, *ready_next; /* in the order in which they became ready */
    size_t unmet, claim_count;
    struct claim claims[];
};

struct author {
    char id[ENVELOPE_PERSON_MAX + 1];
    bool known, changed;
    uint64_t count;
    uint64_t filled; /* when something came that was needed */
    struct item *held;
    size_t held_count, held_bytes;
    struct claim *claims;
    uint64_t mark;              /* of the last walk that came by */
    struct author *prev, *next; /* among the changed */
    UT_hash_handle hh;
};

/* What is to be given up next. */
struct closing {
    uint64_t at;           /* CAUSAL_NEVER: nothing */
    struct author *author; /* whose sequence is jumped over; NULL: the claim is dropped */
    struct claim *claim;
    bool tied; /* by a message that waits for the claim's own */
};

struct causal {
    void (*item_free)(void *ctx, void *item);
    void *ctx;
    struct author *authors, *self;
    struct author **known; /* room for everybody in `authors`, up to CAUSAL_AUTHORS_MAX */
    size_t known_count, known_cap;
    struct author *changed; /* since our last message; without ourselves */
    size_t changed_count;
    struct item *items, *ready;
    size_t item_count, bytes;
    uint64_t walk;
    struct closing closing;
    bool closing_is_stale;
};

/* Its message waits for this claim no more. Its author may be gone then. */
void causal_settle(struct causal *c, struct claim *claim);
/* The first held message of the author may have become ready. */
void causal_judge(struct causal *c, const struct author *a);
/* False: there are too many. */
bool causal_make_known(struct causal *c, struct author *a);
/* The clock of a known author moves on. */
void causal_advance(struct causal *c, struct author *a, uint64_t count);

#endif
