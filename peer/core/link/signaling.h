/* SPDX-License-Identifier: MIT
 *
 * What the daemon says, frame by frame, and what has come due of it.
 *   owns     nothing
 *   before   the socket is open
 *   after    the session, the members of the room and the connections know
 */
#ifndef PEER_LINK_SIGNALING_H
#define PEER_LINK_SIGNALING_H

#include "peer/core/peer.h"

void signaling_frame(struct peer *p, struct span frame);
void signaling_due(struct peer *p);

#endif
