/* SPDX-License-Identifier: MIT
 *
 * A token bucket in whole numbers: `rate` tokens a second, at most `burst` saved up. Rate or burst 0 is no limit.
 * Rate and burst come with each call, so a reload changes all buckets at once and none has to remember them.
 */
#ifndef SERVER_CORE_BUCKET_H
#define SERVER_CORE_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

struct bucket {
    int64_t level; /* thousandths of a token; below 0 after taking more than there was */
    uint64_t at;   /* when the level was right */
};

void bucket_fill(struct bucket *b, uint32_t burst, uint64_t now);
/* Brings the level up to now; true if a whole token is there. */
bool bucket_ready(struct bucket *b, uint32_t rate, uint32_t burst, uint64_t now);
/* Takes a token, there or not: what was taken too much is a debt. */
void bucket_take(struct bucket *b);
/* Gives one back that was taken. */
void bucket_give(struct bucket *b, uint32_t burst);
/* Milliseconds from b->at until a whole token is there. */
uint64_t bucket_wait(const struct bucket *b, uint32_t rate);
/* Milliseconds from an empty bucket to a full one. */
uint64_t bucket_refill(uint32_t rate, uint32_t burst);

#endif
