/* SPDX-License-Identifier: MIT
 *
 * Between the core's effects of files, the disks (files.h) and the connections (links.h): what is to be given to somebody is
 * read first, then sent; what comes is written. What the disks answer becomes events.
 */
#ifndef PEER_IO_TRANSFERS_H
#define PEER_IO_TRANSFERS_H

#include <glib.h>

#include "peer/core/peer.h"
#include "peer/io/links.h"

struct transfers;

struct transfers_callbacks {
    void (*on_event)(
        void *user, struct peer_event *event);           /* from the loop; what it borrows is borrowed for the call */
    void (*on_notice)(void *user, const char *sentence); /* from the loop: for a person */
};

/* links and callbacks are borrowed. NULL with one sentence in err. */
struct transfers *transfers_new(GMainContext *context, struct links *links, const struct transfers_callbacks *callbacks,
    void *user, struct err *err);
/* Waits for the disk's step in hand. Before links_free; takes NULL; not from inside a callback. */
void transfers_free(struct transfers *t);
/* PEER_FX_FILE_* and PEER_FX_PART_*; takes what it has to keep. */
void transfers_effect(struct transfers *t, struct peer_effect *effect);
/* The next event that effects gave rise to at once. False: none. */
bool transfers_next(struct transfers *t, struct peer_event *event);

#endif
