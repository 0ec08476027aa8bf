/* SPDX-License-Identifier: MIT
 *
 * Webhooks on the loop: what the core tells goes into a queue for each receiver (webhook_queue.h), whose batches a thread
 * of its own sends (webhook_sender.h). A receiver that is slow or dead costs its own queue, and nobody else anything.
 */
#ifndef SERVER_IO_WEBHOOKS_H
#define SERVER_IO_WEBHOOKS_H

#include <uv.h>

#include "base/err.h"
#include "server/adapters/logger.h"
#include "server/io/webhook_queue.h"

enum {
    WEBHOOK_URLS_MAX = 8
};

struct webhooks;

struct webhook_settings {
    const char *const *urls; /* of at most WEBHOOK_URLS_MAX; borrowed for the call, as all here */
    size_t urls_count;
    struct span secret; /* 1 to WEBHOOK_SECRET_MAX bytes if there are URLs */
};

/* Both are borrowed, the node's name is copied. Without receivers at first. NULL when out of memory. */
struct webhooks *webhooks_new(uv_loop_t *loop, const struct logger *logger, const char *node);
/* Makes ready what these settings need, and changes nothing before webhooks_switch. A URL that is there keeps its queue.
 * False with the sentence in e, and no switch is needed. */
bool webhooks_prepare(struct webhooks *w, const struct webhook_settings *settings, struct err *e);
/* What was prepared is in force from now on; what waits for a URL that is gone is dropped, and logged. Or it is forgotten,
 * unless `take`. */
void webhooks_switch(struct webhooks *w, bool take);
/* One event for all receivers, as the core wrote it. Takes the frame. */
void webhooks_put(struct webhooks *w, struct frame *event);
/* No more events come: calls done(ctx), now or later, once all are delivered or dropped, or it is `until` on the loop's
 * clock. */
void webhooks_drain(struct webhooks *w, uint64_t until, void (*done)(void *ctx), void *ctx);
/* The counts of each receiver, in the order of the settings; returns how many there are. */
size_t webhooks_counts(const struct webhooks *w, struct webhook_counts counts[WEBHOOK_URLS_MAX]);
/* Drops what waits, and logs it. The loop has to run once more before webhooks_free. Both take NULL. */
void webhooks_stop(struct webhooks *w);
void webhooks_free(struct webhooks *w);

#endif
