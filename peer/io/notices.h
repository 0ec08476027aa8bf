/* SPDX-License-Identifier: MIT
 *
 * What the application is told waits here for a source of its own, so that it hears nothing from inside its own call.
 */
#ifndef PEER_IO_NOTICES_H
#define PEER_IO_NOTICES_H

#include <glib.h>

#include "peer/core/peer.h"

struct notices;
typedef void notices_fn(void *user, const struct peer_notice *notice); /* from the loop only */

struct notices *notices_new(GMainContext *context, notices_fn *tell, void *user); /* NULL when out of memory */
void notices_free(struct notices *n);                                             /* takes NULL */
void notices_add(struct notices *n, struct peer_notice *notice);                  /* taken */
/* To be called when the core has been stepped: what was added is told soon. */
void notices_arm(struct notices *n);
/* All that waits, now; not from within a step. */
void notices_deliver(struct notices *n);
/* While `hold`, NOTICE_LEFT waits, and what comes after it: the last frames to the daemon go out first. */
void notices_hold_left(struct notices *n, bool hold);
size_t notices_waiting(const struct notices *n);

#endif
