/* SPDX-License-Identifier: MIT
 *
 * What lower floors found out, handed on to the higher ones.
 *   owns     nothing: facts are people/facts.h's, what waits for a commit is port/after_commit.h's
 *   before   no call to a lower floor is in progress: peer.c calls it between its calls
 *   after    no fact, and nothing that a commit has let go, is left
 */
#ifndef PEER_CORE_HAND_ON_H
#define PEER_CORE_HAND_ON_H

#include "peer/core/peer.h"

void hand_on(struct peer *p);

#endif
