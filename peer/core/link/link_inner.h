/* SPDX-License-Identifier: MIT
 *
 * What link.c (connections, one after another), link_pulse.c (whether it lives) and link_wish.c (with whom, and whose
 * turn) share. Nobody else includes this.
 */
#ifndef PEER_CORE_LINK_INNER_H
#define PEER_CORE_LINK_INNER_H

#include "peer/core/state.h"
#include "peer/core/people/roster.h"
#include "peer/core/link/link.h"

/* ---- link.c ---- */
void link_move(struct peer *p, struct person *who, enum link_state to, uint64_t at);
void link_begin(
    struct peer *p, struct person *who); /* from the beginning: whose turn it is the roster entries decide */
void link_retry(struct peer *p, struct person *who); /* ends the current connection and sets the time of the next */

/* ---- link_pulse.c ---- */
void link_ping(struct peer *p, struct person *who);
void link_pulse(struct peer *p, struct person *who); /* of a link that is up */
void link_offer_restart(struct peer *p, struct person *who);
/* Another process has that roster entry, and knows nothing of this connection. */
void link_probe_unanswered(struct peer *p, struct person *who);

/* ---- link_wish.c ---- */
bool link_is_wanted(const struct peer *p, const struct person *who);
bool link_is_our_turn(const struct peer *p, const struct person *who, const struct roster_entry *entry);
/* Others can carry our signals to this person. */
bool link_has_friends(const struct peer *p, const struct person *who);
/* When one of this person's roster entries may be called again; NEVER if there is none, or all are away. */
uint64_t link_callable_at(const struct person *who);

#endif
