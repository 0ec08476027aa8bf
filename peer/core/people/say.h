/* SPDX-License-Identifier: MIT
 *
 * Envelopes of ours: what all of them have in common.
 *   owns     the time of the newest introduction or connection request
 *   before   type, and what is said, are filled in
 *   after    id, sender and time are; introductions and connection requests are each newer than the last, whatever the clock
 *            does ([M-57])
 */
#ifndef PEER_PEOPLE_SAY_H
#define PEER_PEOPLE_SAY_H

#include "peer/core/peer.h"
#include "protocol/envelope.h"

struct person;

/* Fills in what every message of ours has; id has ID_CHARS + 1 bytes, chosen here. */
void say_begin(struct peer *p, struct envelope *e, char *id);
/* Signs and appends it to out. */
bool say_sign(const struct peer *p, struct envelope *e, struct buf *out);
/* Both. */
bool say_envelope(struct peer *p, struct envelope *e, char *id, struct buf *out);
/* Sealed to one reader, to go through others; appended to out. False if it cannot be sealed to them. */
bool say_sealed(struct peer *p, const struct person *who, struct envelope *e, struct buf *out);
/* Why a text cannot be sent, as a sentence for the application: it is too large, as it is or as JSON. NULL: it can. */
const char *say_too_large(struct span text);

#endif
