/* SPDX-License-Identifier: MIT
 *
 * What waits for one receiver of webhooks: events in the order in which they happened, of which the oldest are a batch
 * while they are sent. One batch is under way at a time, so the order holds; it is tried until it is delivered, refused
 * for good, or too old. Pure: time comes with each call, in milliseconds on a clock that never goes back.
 *
 *     put ─► waits ─► begin ─► under way ─► end: delivered, or refused ─► gone
 *                       ▲                    │
 *                       └── later, the same ◄┘ failed
 */
#ifndef SERVER_IO_WEBHOOK_QUEUE_H
#define SERVER_IO_WEBHOOK_QUEUE_H

#include "base/buf.h"
#include "base/rng.h"
#include "base/text.h"
#include "protocol/frame.h"

enum {
    WEBHOOK_QUEUE_EVENTS = 50000,
    WEBHOOK_QUEUE_BYTES = 8 * 1024 * 1024,               /* of events and what keeping them takes */
    WEBHOOK_BATCH_BYTES = 256 * 1024,                    /* of events; a receiver that finds it too large gets less */
    WEBHOOK_BODY_MAX = WEBHOOK_BATCH_BYTES + 128 * 1024, /* one event alone may be longer than a batch */
    WEBHOOK_GATHER_MS = 100,                             /* an event waits so long for others of its batch */
    WEBHOOK_RETRY_LEAST_MS = 1000,                       /* after a failure, doubled with each further one up to */
    WEBHOOK_RETRY_MOST_MS = 60000,
    WEBHOOK_KEPT_MS = 3600000, /* a batch is tried for so long */
};

/* What became of a try. */
enum webhook_outcome {
    WEBHOOK_DELIVERED,
    WEBHOOK_FAILED,    /* it may go well later */
    WEBHOOK_REFUSED,   /* it never will */
    WEBHOOK_TOO_LARGE, /* fewer events may */
};

struct webhook_counts {
    uint64_t delivered, dropped; /* events */
    uint64_t failed;             /* tries */
    uint64_t events, bytes;      /* that wait now */
};

struct webhook_queue;

/* The rng is borrowed; NULL when out of memory. */
struct webhook_queue *webhook_queue_new(const struct rng *rng);
void webhook_queue_free(struct webhook_queue *q); /* takes NULL */
/* Takes the event. If there is no room for it the oldest batch that is not under way goes, whole, as often as it takes;
 * without memory the event itself is dropped. */
void webhook_queue_put(struct webhook_queue *q, struct frame *event, uint64_t now);
/* When webhook_queue_begin has something to send; UINT64_MAX: nothing waits, or a batch is under way. */
uint64_t webhook_queue_due(const struct webhook_queue *q);
/* When that has come: the next batch, or the same again, is under way. Its events, with commas between, are added to
 * the body; its id, the same at each try, is written to `id`. */
void webhook_queue_begin(struct webhook_queue *q, uint64_t now, struct buf *body, char id[ID_CHARS + 1]);
/* The try is over. retry_after_ms: what the receiver asked for after a failure, at most WEBHOOK_RETRY_MOST_MS of it; 0:
 * nothing. */
void webhook_queue_end(struct webhook_queue *q, enum webhook_outcome outcome, uint64_t retry_after_ms, uint64_t now);
/* The daemon stops: nothing is gathered any more, and tries follow each other in WEBHOOK_RETRY_LEAST_MS. */
void webhook_queue_hurry(struct webhook_queue *q);
struct webhook_counts webhook_queue_counts(const struct webhook_queue *q);

#endif
