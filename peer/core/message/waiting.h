/* SPDX-License-Identifier: MIT
 *
 * What waits in a conversation for its predecessors (causal.h holds it).
 *   owns     what is needed of a message when its turn comes: one that is for us was opened when it came, and is neither parsed
 *            nor opened again
 *   before   its author's signature holds; if it is for us it was opened
 *   after    waiting_said gives what `waiting_new` was given, without what has been judged already: keys, clock, signature
 */
#ifndef PEER_MESSAGE_WAITING_H
#define PEER_MESSAGE_WAITING_H

#include "protocol/envelope.h"

struct waiting {
    enum envelope_type type;
    struct span id, from;  /* owned, as all spans here */
    struct span text;      /* of one that is for us */
    const struct span *to; /* to_count */
    size_t to_count;
    const struct envelope_attachment *attachments; /* attachment_count */
    size_t attachment_count;
    size_t size; /* bytes of all this */
    uint64_t sequence, timestamp, ttl_ms;
    bool requires_ack;
    bool ours; /* it is sealed to us */
    bool kept; /* a custodian handed it over */
};

/* NULL when out of memory. */
struct waiting *waiting_new(const struct envelope *e, bool ours, bool kept);
void waiting_free(struct waiting *w); /* takes NULL */
/* Its spans live as long as w. */
struct envelope waiting_said(const struct waiting *w);

#endif
