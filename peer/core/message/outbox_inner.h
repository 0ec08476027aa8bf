/* SPDX-License-Identifier: MIT
 *
 * What outbox.c (which way, when, and what answers), outbox_keep.c (messages, deliveries and their rows) and
 * outbox_passed.c share. Nobody else includes this.
 */
#ifndef PEER_CORE_OUTBOX_INNER_H
#define PEER_CORE_OUTBOX_INNER_H

#include "peer/core/state.h"
#include "peer/core/message/outbox.h"

void delivery_move(struct delivery *d, enum delivery_place to); /* to the end there */
void delivery_sort(struct outbox *box);                         /* the queue, in the order in which it was accepted */
/* The reader has it: told, and kept for message_read. */
void delivery_done(struct peer *p, struct delivery *d);
/* Forgets it, and its message with the last; nobody is told. */
void delivery_free(struct peer *p, struct delivery *d);
/* Tells that this reader will not get it, and why; and forgets it. */
void delivery_failed(struct peer *p, struct delivery *d, const char *reason);
/* Those for which the reader had time enough to answer. */
void outbox_requeue_passed(const struct peer *p, struct outbox *box);
void outgoing_free(struct peer *p, struct outgoing *m); /* without deliveries */

#endif
