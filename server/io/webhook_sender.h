/* SPDX-License-Identifier: MIT
 *
 * The thread of one receiver: it makes one try at a time and tells the loop of its end. The loop never waits for it.
 */
#ifndef SERVER_IO_WEBHOOK_SENDER_H
#define SERVER_IO_WEBHOOK_SENDER_H

#include "server/io/webhook_post.h"

struct webhook_sender;

/* Starts the thread. `event` is an eventfd that is written to when a try is over or the thread has ended; it must stay open
 * until webhook_sender_end was true. NULL with the sentence in e. */
struct webhook_sender *webhook_sender_new(const struct webhook_url *url, int event, struct err *e);
/* Begins a try; none is under way. Takes the body. */
void webhook_sender_try(
    struct webhook_sender *s, struct buf *body, const char *id, struct span secret, uint64_t unix_s);
/* Whether a try has ended since it was asked last; its result then. */
bool webhook_sender_over(struct webhook_sender *s, struct webhook_result *result);
/* Have the thread end: a try that is under way is given up at once. No other call but the next follows. */
void webhook_sender_retire(struct webhook_sender *s);
/* Whether the thread has ended within so many milliseconds; then the sender is freed. */
bool webhook_sender_end(struct webhook_sender *s, unsigned ms);

#endif
