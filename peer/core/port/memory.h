/* SPDX-License-Identifier: MIT
 *
 * Memory that could not be had.
 *   owns     whether the step in hand lacks something for that reason
 *   before   a step is in hand. Whatever allocates sets errno when it cannot, be it ours, uthash or jansson, which does not
 *            always tell; so nothing has to be handed up through those that only call others
 *   after    memory_short stays true until the step ends, or until what was lost is said to have been of the kind that may
 *            be lost: as a packet is, or by somebody who hears of that. A step that ends short is void (peer.h)
 */
#ifndef PEER_PORT_MEMORY_H
#define PEER_PORT_MEMORY_H

#include "peer/core/peer.h"

void memory_begin(struct peer *p); /* of a step */
/* Something of this step could not be had. */
bool memory_short(struct peer *p);
/* What was not to be had since memory_short said `before` may be lost. True if there was any of that. */
bool memory_spared(struct peer *p, bool before);

#endif
