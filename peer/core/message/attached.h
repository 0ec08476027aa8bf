/* SPDX-License-Identifier: MIT
 *
 * Files that messages brought to our knowledge, on their way to the floor of files.
 *   owns     the list of them, from the message's delivery until they are handed on
 *   before   the message is for us, and its author signed it
 *   after    attached_next gives each out once, in order; those without a hash are none that can be fetched, and left out
 */
#ifndef PEER_MESSAGE_ATTACHED_H
#define PEER_MESSAGE_ATTACHED_H

#include "peer/core/peer.h"
#include "protocol/body.h"

struct person;

struct attached {
    struct attached *prev, *next;
    char from[PERSON_MAX + 1];
    char id[ENVELOPE_ID_MAX + 1], name[ENVELOPE_NAME_MAX + 1];
    bool room;
    struct body_file_offer offer; /* its spans are of the two above */
};

/* room: everybody there reads the message. */
void attached_add(struct peer *p, const struct person *author, const struct envelope *e, bool room);
/* Returned owned (free); NULL: there are no more. */
struct attached *attached_next(struct peer *p);
void attached_clear(struct peer *p);

#endif
