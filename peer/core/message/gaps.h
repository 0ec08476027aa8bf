/* SPDX-License-Identifier: MIT
 *
 * What is missing in a conversation.
 *   owns     each conversation's questions (ask_at, asks, hint) and what its authors are yet to hear (tell_at)
 *   before   nothing: it is called with every wake
 *   after    whoever may have what is missing was asked in turn; what nobody had is given up, and shown as missing
 */
#ifndef PEER_MESSAGE_GAPS_H
#define PEER_MESSAGE_GAPS_H

#include "peer/core/peer.h"

void gaps_due(struct peer *p);

#endif
