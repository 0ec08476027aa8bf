/* SPDX-License-Identifier: MIT
 *
 * Another process with our identity.
 *   owns     struct twin
 *   before   twin_start once, before the room is entered
 *   after    while there may be one nobody is called or answered; of two the later one rests
 */
#ifndef PEER_LINK_TWIN_H
#define PEER_LINK_TWIN_H

#include "peer/core/peer.h"

struct signaling_message;

struct twin {
    uint64_t started;              /* by the wall clock: the later one rests */
    uint64_t shown;                /* when the one began that the application was told of; 0: none */
    uint64_t claims_at;            /* claims are paid for up to then */
    uint64_t doubt_until;          /* our key sat there when we came: nobody is called before; NEVER: it did not */
    char claimed[PEER_ID_MAX + 1]; /* the roster entry that was announced of us last */
};

void twin_start(struct peer *p);
void twin_joined(struct peer *p); /* we have an entry; whom else the room has follows */
/* Somebody with our key sits there; was_there: before we came. */
void twin_seen(struct peer *p, struct span peer_id, bool was_there);
/* True: the claim holds, and we are the one that rests. */
bool twin_claimed(struct peer *p, const struct signaling_message *m);
/* There may be one: nobody is called or answered yet. */
bool twin_doubts(const struct peer *p);
/* True: nobody is in doubt, so the links may begin. */
bool twin_due(struct peer *p);

#endif
