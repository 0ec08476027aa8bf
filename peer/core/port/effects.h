/* SPDX-License-Identifier: MIT
 *
 * What io is to do.
 *   owns     the list of effects of the step in hand, and the time at which the peer is woken
 *   before   a step is in hand: peer_step has set where effects go
 *   after    effects are done by io in the order in which they were added. One for which there is no memory is lost, and with
 *            it the step, unless the caller says that it may be (memory.h)
 */
#ifndef PEER_PORT_EFFECTS_H
#define PEER_PORT_EFFECTS_H

#include "peer/core/peer.h"

#define NEVER UINT64_MAX /* a time that does not come */

struct peer_effect *effect_add(struct peer *p, enum peer_effect_type type);
/* With a copy of the text. */
struct peer_effect *effect_text(struct peer *p, enum peer_effect_type type, uint64_t rtc, struct span text);
/* Wakes the peer at that time at the latest. */
void effect_wake(struct peer *p, uint64_t at);
/* A record with up to one field (key may be NULL). event and message are static. */
void effect_log(
    struct peer *p, enum log_level level, const char *event, const char *message, const char *key, struct span value);
/* The pause before the next try, in milliseconds: `base` and up to a quarter of it by chance. */
uint64_t effect_jitter(const struct peer *p, uint64_t base);

/* Copies into a member of n bytes with its NUL; false, with nothing done, if it does not fit. */
bool text_copy(char *out, size_t n, struct span text);

#endif
