/* SPDX-License-Identifier: MIT
 *
 * Reads the head of a receiver's answer (RFC 9112 section 4) as it comes, as far as anybody wants to know it: its status
 * and Retry-After. Whatever a receiver sends, it takes no more than WEBHOOK_HEAD_MAX bytes. Pure.
 */
#ifndef SERVER_IO_WEBHOOK_ANSWER_H
#define SERVER_IO_WEBHOOK_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/io/webhook_queue.h"

enum {
    WEBHOOK_HEAD_MAX = 16 * 1024 /* of interim answers (1xx) too */
};

struct webhook_answer {
    unsigned status;         /* 200 … 599 once it is whole; 0 before */
    uint64_t retry_after_ms; /* 0: not said, or not as a number of seconds */
    size_t n;
    char head[WEBHOOK_HEAD_MAX];
};

enum webhook_reading {
    WEBHOOK_MORE, /* is to come */
    WEBHOOK_WHOLE,
    WEBHOOK_BAD, /* this is no HTTP, or never ends */
};

/* Where the next bytes go: *room of them at most, never 0 before the head is whole or bad. */
char *webhook_answer_space(struct webhook_answer *a, size_t *room);
/* So many came there. */
enum webhook_reading webhook_answer_read(struct webhook_answer *a, size_t n);

/* What an answer of this status means for the batch. */
enum webhook_outcome webhook_answer_outcome(unsigned status);

#endif
