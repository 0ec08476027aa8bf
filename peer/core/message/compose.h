/* SPDX-License-Identifier: MIT
 *
 * What the application sends, from its words to a message on the disk.
 *   owns     the application's idempotency keys, at most REFS_MAX
 *   before   nothing: what cannot be sent is refused by a notice that says why
 *   after    `accepted` is told, and the message leaves, when its rows are on the disk
 */
#ifndef PEER_MESSAGE_COMPOSE_H
#define PEER_MESSAGE_COMPOSE_H

#include "peer/core/peer.h"
#include "peer/core/order/hash.h"
#include "protocol/envelope.h"

struct ref {
    char ref[REF_MAX + 1];
    char id[ID_CHARS + 1];
    uint64_t order; /* of the message in the record; 0: not known, and old */
    UT_hash_handle hh;
};

/* With these attachments, in place of the paths of the event. False: it was refused, and that was told. */
bool compose_message(
    struct peer *p, const struct peer_event *ev, const struct envelope_attachment *attachments, size_t n);
/* A message with that key was accepted before, and that is told again. */
bool compose_repeats(struct peer *p, struct span ref);
/* Out of its row. */
void compose_ref_restored(struct peer *p, struct span ref, struct span value);
/* All rows were read. */
void compose_restored(struct peer *p);
void compose_clear(struct peer *p);

#endif
