/* SPDX-License-Identifier: MIT
 *
 * The frames that wait for one connection: a ring of references, which owns no memory while it is empty. `bytes`
 * counts what the connection's limit counts, which leaves out one frame marked `unlimited`: a room's roster may be
 * larger than the limit, but a client that asks for rosters and never reads must not grow the daemon.
 */
#ifndef SERVER_IO_QUEUE_H
#define SERVER_IO_QUEUE_H

#include "protocol/frame.h"

struct queue {
    struct frame **ring; /* owned; NULL while empty */
    uint32_t head, count, cap;
    size_t bytes;
    const struct frame *exempt; /* the one that `bytes` leaves out; borrowed from the ring */
};

/* Takes the reference, also when it fails for want of memory. */
bool queue_push(struct queue *q, struct frame *f);
/* The oldest frame, borrowed; the queue is not empty. */
struct frame *queue_first(const struct queue *q);
/* Drops the oldest. */
void queue_pop(struct queue *q);
/* Copies whole frames, oldest first, as long as they fit, and drops them. Returns the bytes copied. */
size_t queue_take(struct queue *q, char *out, size_t size);
void queue_clear(struct queue *q);

#endif
