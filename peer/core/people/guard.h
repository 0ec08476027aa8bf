/* SPDX-License-Identifier: MIT
 *
 * What every frame of somebody else must satisfy.
 *   owns     how much was refused, and when that was logged last
 *   before   nothing: frames may be anything that envelope_parse takes
 *   after    what is refused is counted, and logged once in LOG_REFUSED_MS; it never ends a link
 */
#ifndef PEER_PEOPLE_GUARD_H
#define PEER_PEOPLE_GUARD_H

#include "peer/core/peer.h"
#include "protocol/envelope.h"

struct person;

/* Whether the envelope is signed with that key. */
bool guard_signed_by(struct peer *p, const uint8_t key[KEY_BYTES], const struct envelope *e);
/* Opens what is sealed to us by that person. NULL, or a static reason. */
const char *guard_open(const struct peer *p, const struct person *who, struct envelope *e);
/* Whether one more of what somebody may do once in each_ms, or `burst` times at once, fits now; it is paid for then. */
bool guard_affords(const struct peer *p, uint64_t *paid_until, uint64_t each_ms, uint64_t burst);
/* A frame that broke a rule; why is static. */
void guard_refuse(struct peer *p, const struct person *who, const char *why);

#endif
