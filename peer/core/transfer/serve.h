/* SPDX-License-Identifier: MIT
 *
 * What people asked for of the files that we have, or have blocks of.
 *   owns     struct serving: what one person waits for, in the order in which it asked, over all files
 *   before   the person's link is up when io is asked to give; to read it is asked for what goes through others
 *   after    io has at most SERVED_MAX stretches of one link in hand; what was wanted comes, or is refused, or its link is lost
 */
#ifndef PEER_TRANSFER_SERVE_H
#define PEER_TRANSFER_SERVE_H

#include "peer/core/peer.h"
#include "protocol/file_frame.h"

struct person;

struct wanted {
    struct wanted *prev, *next;
    char id[ENVELOPE_ID_MAX + 1]; /* of the file */
    bool refused;                 /* it cannot be read: that is still to be said */
    bool relayed;                 /* it was asked for through others, and goes there */
    uint64_t ticket;              /* of what io has in hand */
    uint32_t block, offset, n;
};

struct serving {
    struct wanted
        *queue; /* owned: in the order in which it asked; at most WANTED_MAX, and SERVED_MAX that are to be refused */
    struct wanted *given; /* owned: what io has in hand; at most SERVED_MAX */
};

/* How many are in one of its lists. */
unsigned serve_count(const struct wanted *list);
void serve_wanted(struct peer *p, struct person *who, const struct file_frame *f, bool relayed);
/* io has read what goes through others; n = 0: it could not. */
void serve_read(struct peer *p, uint64_t ticket, struct span bytes);
/* io has sent a stretch of this person, or cannot; those of several files may end in any order. */
void serve_given(struct peer *p, struct person *who, uint64_t ticket, bool ok);
/* What can be given now is; called when the channel opens, too. */
void serve_go(struct peer *p, struct person *who);
/* Nothing of that file is wanted any more. */
void serve_stop(struct person *who, struct span id);
/* All that was asked for through others, or over the link. */
void serve_clear(struct person *who, bool relayed);

#endif
