/* SPDX-License-Identifier: MIT
 *
 * Messages of people: into the order of their conversation, onto the disk, before the application.
 *   owns     the place of each message in the order of its conversation, until it is shown
 *   before   the author's signature holds
 *   after    a message is shown once and in causal order, or its author hears that it will not be
 */
#ifndef PEER_MESSAGE_DELIVER_H
#define PEER_MESSAGE_DELIVER_H

#include "peer/core/peer.h"
#include "protocol/envelope.h"

struct person;
struct conversation;
struct load;

enum arrival {
    ARRIVED_BY_TREE,      /* pushed along the tree */
    ARRIVED_ALONE,        /* to us alone: direct, sent again, or out of our own store */
    ARRIVED_FROM_HISTORY, /* out of somebody's history */
    ARRIVED_AS_HEAD       /* the last of its author: where a newcomer begins */
};

/* from: whose link it came on, NULL out of the store; raw: as it came. */
void deliver_message(struct peer *p, struct person *from, struct person *author, struct envelope *e, struct span raw,
    enum arrival arrival);
/* The clock moved otherwise: what waited for that is delivered. */
void deliver_waiting_messages(struct peer *p, struct conversation *c);
/* Whether the log has what message_log_had looked for, from that author. */
void deliver_had(struct peer *p, const struct load *load, bool had);

#endif
