/* SPDX-License-Identifier: MIT
 *
 * Sealed copies for readers whom nobody can reach.
 *   owns     the copies that we keep for others, at most COPIES_GIVER_MAX of one giver, and their rows
 *   before   a copy to be kept comes from its author, on its own link
 *   after    a copy is kept until its reader has it or its time is over; it is given to the reader on every new link
 */
#ifndef PEER_MESSAGE_STORE_AND_FORWARD_H
#define PEER_MESSAGE_STORE_AND_FORWARD_H

#include "peer/core/peer.h"
#include "peer/core/order/hash.h"
#include "protocol/envelope.h"

struct person;
struct delivery;

/* A sealed copy that we keep for somebody else. */
struct stored_copy {
    char key[2 * PERSON_MAX + ENVELOPE_ID_MAX + 3]; /* reader/author/id */
    char id[ENVELOPE_ID_MAX + 1];
    char reader[PERSON_MAX + 1], giver[PERSON_MAX + 1];
    char *text; /* owned */
    size_t n;
    uint64_t expires;
    UT_hash_handle hh; /* by key */
};

void store_and_forward_give(struct peer *p, struct delivery *d);
void store_and_forward_take(struct peer *p, struct person *giver, const struct envelope *e, struct span raw);
/* A custodian says that a copy is on his disk. What he has not said so of when his link goes is given once more. */
void store_and_forward_kept(struct peer *p, const struct person *custodian, struct span id);
void store_and_forward_link_down(struct peer *p, const struct person *custodian);
void store_and_forward_link_up(struct peer *p, struct person *who);
/* The reader has it on his disk. */
void store_and_forward_delivered(struct peer *p, const struct person *reader, struct span id);
/* False if the row cannot be read. */
bool store_and_forward_restored(struct peer *p, struct span key, struct span value);
void store_and_forward_expire(struct peer *p);
void store_and_forward_clear(struct peer *p);

#endif
