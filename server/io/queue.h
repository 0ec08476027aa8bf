/* SPDX-License-Identifier: MIT
 *
 * The frames that wait for one connection: a ring of references, which owns no memory while it is empty (the queue is
 * NULL then). What the socket took of the first frame is remembered as an offset. `bytes` counts what the connection's
 * limit counts, whole frames until their last byte is out, and leaves out one frame marked `unlimited`: a room's roster
 * may be larger than the limit, but a client that asks for rosters and never reads must not grow the daemon.
 */
#ifndef SERVER_IO_QUEUE_H
#define SERVER_IO_QUEUE_H

#include "protocol/frame.h"

struct queue;

/* Takes the reference, also when it fails for want of memory. */
bool queue_push(struct queue **q, struct frame *f);
/* What is to be written next, at most `size` bytes of it unless a lone frame is longer: in place if that is one frame,
 * else put together in `scratch`. n = 0: nothing. Valid until the queue changes. */
struct span queue_next(const struct queue *q, char *scratch, size_t size);
/* The first n bytes are out. */
void queue_advance(struct queue **q, size_t n);
/* The frame that is to be written next, borrowed; NULL: nothing waits. */
const struct frame *queue_first(const struct queue *q);
/* All that waits in `then`, of which nothing is out, goes behind what waits in `first`; `then` is empty after it. False when
 * out of memory: some of it is lost. */
bool queue_join(struct queue **first, struct queue **then);
/* As the limit counts them. */
size_t queue_bytes(const struct queue *q);
/* Drops all, but for a first frame of which a part is out: its rest has to follow, or the client would take what comes
 * next for it. */
void queue_cut(struct queue **q);
void queue_free(struct queue **q);

#endif
