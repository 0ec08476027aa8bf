/* SPDX-License-Identifier: MIT
 *
 * Group messages along the tree (order/tree.h decides, this says it).
 *   owns     the tree's links: those of the people with keys whose link is up
 *   before   the author's signature holds
 *   after    what is new goes on before anything else is done with it; the links that are not in the tree hear of it
 */
#ifndef PEER_MESSAGE_BROADCAST_H
#define PEER_MESSAGE_BROADCAST_H

#include "peer/core/peer.h"
#include "protocol/envelope.h"

struct person;
struct conversation;

/* Sends an author's group message to the links of its tree, but to `from` (NULL: it is ours). */
void broadcast_push(struct peer *p, const struct person *from, struct span author, struct span raw);
/* One came along the tree: it goes on if it is the first of its kind, else its bringer is to leave the tree. */
void broadcast_pass_on(struct peer *p, const struct conversation *c, struct person *from, const struct envelope *e,
    struct span raw, bool is_new);
/* The tree hears of what came otherwise, from `from` (NULL: out of our own store): nobody needs to be asked for it,
 * and the links hear of it. */
void broadcast_pass_by(
    struct peer *p, const struct conversation *c, const struct person *from, const struct envelope *e);
void broadcast_announced(struct peer *p, struct person *from, const struct envelope *e);
/* They named otherwise, not by an announcement, messages of the room up to this one. */
void broadcast_lacked(struct peer *p, const struct person *from, struct span author, uint64_t sequence);
/* They have sent all that they have of what they were asked for. */
void broadcast_answered(struct peer *p, const struct person *who);
void broadcast_due(struct peer *p);
void broadcast_link_up(struct peer *p, const struct person *who);
void broadcast_link_down(struct peer *p, const struct person *who);

#endif
