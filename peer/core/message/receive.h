/* SPDX-License-Identifier: MIT
 *
 * What comes in on a channel, and whose concern it is.
 *   owns     nothing: what came is borrowed until the call returns
 *   before   the message came on the open channel `usher` of that connection
 *   after    nothing of an envelope was believed whose signature does not hold; what was refused is counted
 */
#ifndef PEER_MESSAGE_RECEIVE_H
#define PEER_MESSAGE_RECEIVE_H

#include "peer/core/peer.h"

struct connection;

void receive_data(struct peer *p, struct connection *a, const struct peer_event *ev);
/* An envelope out of the store, as it came once. False if it cannot be read, or nobody knows its author. */
bool receive_again(struct peer *p, struct span text);

#endif
