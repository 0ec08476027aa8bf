/* SPDX-License-Identifier: MIT
 *
 * What the other end says about a connection: perfect negotiation (W3C WebRTC section 10.7).
 *   owns     struct requests: what was heard through others, so that it has its effect once
 *   before   through others: the request is signed by that person
 *   after    an offer is answered, by a new connection or the one it belongs to, or refused; nothing that is late, recorded or
 *            meant for another connection has an effect
 */
#ifndef PEER_LINK_NEGOTIATION_H
#define PEER_LINK_NEGOTIATION_H

#include "peer/core/bounds.h"
#include "protocol/envelope.h"

struct person;
struct signaling_message;

/* The connection requests heard from somebody: each has its effect once, and a relay may have recorded it. */
struct requests {
    struct {
        uint64_t timestamp;
        uint32_t id;
    } heard[REQUESTS_HEARD_MAX]; /* a ring; of each id a hash */
    size_t next;
    uint64_t floor; /* what is this old or older is refused */
    uint64_t offer; /* the newest offer or introduction */
};

void negotiation_signal(struct peer *p, const struct signaling_message *m); /* offer, answer or candidate */
/* The same through other peers. */
void negotiation_requested(struct peer *p, struct person *who, const struct envelope *e);
/* They proved to be here, at that time by their clock: what they offered before is over, whatever that clock said
 * then. */
void negotiation_introduced(struct person *who, uint64_t timestamp);

#endif
