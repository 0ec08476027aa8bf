/* SPDX-License-Identifier: MIT
 *
 * Who is in the room, as the daemon tells it.
 *   owns     nothing: entries are people/roster.h's, and links link/link.h's
 *   before   we are in the room (but for membership_due and membership_clear)
 *   after    each member has an entry of its person, and the person's link knows of it; what a member shows of its key is
 *            believed only with a signature that holds
 */
#ifndef PEER_LINK_MEMBERSHIP_H
#define PEER_LINK_MEMBERSHIP_H

#include "peer/core/peer.h"

struct signaling_member;
struct signaling_message;

/* The list of who is there; the application is told. */
void membership_list(struct peer *p, const struct signaling_message *m);
/* We have our place again: this is who is there. */
void membership_resumed(struct peer *p, const struct signaling_message *m);
void membership_joined(struct peer *p, const struct signaling_member *m);
void membership_left(struct peer *p, struct span peer_id, bool said_goodbye);
void membership_away(struct peer *p, struct span peer_id);
void membership_back(struct peer *p, const struct signaling_message *m);
void membership_due(struct peer *p);
/* Begins the links with all who are there. */
void membership_call_all(struct peer *p);
/* We go without a word: everybody is as if not in the room, and no link is left. */
void membership_withdraw(struct peer *p);
/* At the end: no entries and no links. */
void membership_clear(struct peer *p);

#endif
