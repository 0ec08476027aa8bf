/* SPDX-License-Identifier: MIT
 *
 * What is of use at once or not at all.
 *   owns     the free text about ourselves
 *   before   a person that is named was not let go of
 *   after    who can be reached now has it; who links later is sent the text
 */
#ifndef PEER_MESSAGE_STATUS_H
#define PEER_MESSAGE_STATUS_H

#include "peer/core/peer.h"

struct person;

void status_typing(struct peer *p);
/* The text about ourselves, to everybody; refused by a notice if it is too large. */
void status_set(struct peer *p, struct span status);
/* That text, if there is one; again as soon as it can be said. */
void status_tell(struct peer *p, struct person *who);
void status_due(struct peer *p, struct person *who);
/* Others lead there now: a link that comes up tells it by itself. */
void status_path(struct peer *p, struct person *who);
void status_clear(struct peer *p);

#endif
