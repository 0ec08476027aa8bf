/* SPDX-License-Identifier: MIT
 *
 * Whether a message came in time, by its author's clock.
 *   owns     each person's clock estimate
 *   before   what was heard is signed by that person
 *   after    a message is over if its time to live had ended when it came, as far as what was heard shows; the rules stand in
 *            expiry.c
 */
#ifndef PEER_PEOPLE_EXPIRY_H
#define PEER_PEOPLE_EXPIRY_H

#include "peer/core/peer.h"
#include "protocol/envelope.h"

struct person;

/* Somebody's wall clock, as far as we know it (expiry.c). In milliseconds before our monotonic clock. */
struct clock_estimate {
    bool known, was_set;
    bool bounded;                 /* by heartbeats of a link, from above too */
    int64_t ahead;                /* at least; if it is bounded: and hardly more */
    int64_t was, until;           /* before it was set, and when we noticed, by our clock */
    uint32_t conversation;        /* hash of the one that its newest message belonged to */
    uint64_t sequence, timestamp; /* of that */
    bool has_gossip, vouched;
    int64_t presence; /* what its presence shows: at least so far ahead */
    uint64_t gossip_timestamp;
    int64_t vouch; /* what somebody says who hands over its messages */
};

/* They said on their link that it is so late; not before `since`, by our clock. */
void expiry_heartbeat_heard(struct peer *p, struct person *who, uint64_t timestamp, uint64_t since);
/* A message came that rested nowhere, of an author without a link. */
void expiry_message_heard(struct peer *p, struct person *author, const struct envelope *e);
/* Their presence came, newer than what we had. */
void expiry_gossip_heard(struct peer *p, struct person *who, uint64_t timestamp);
/* What their clock shows, for others to know; 0: we do not know. And what others say of it. */
uint64_t expiry_clock_of(const struct peer *p, const struct person *who);
void expiry_vouched(struct peer *p, struct person *who, uint64_t clock);
bool expiry_is_over(const struct peer *p, const struct person *author, const struct envelope *e);
/* How much of its time to live is left, in milliseconds; 0 if it is over. */
uint64_t expiry_left(const struct peer *p, const struct person *author, const struct envelope *e);
/* At the beginning of a step. True: our own clock was set, and everybody who is linked is to hear it. */
bool expiry_watch(struct peer *p);

#endif
