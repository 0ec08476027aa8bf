/* SPDX-License-Identifier: MIT
 *
 * Levels are thousandths of tokens and times milliseconds, so `rate` is also what one millisecond brings and nothing
 * is ever rounded. A clock in fractions of a token would drift for rates that do not divide a second.
 */
#include "server/core/bucket.h"

#include <assert.h>

enum {
    TOKEN = 1000
};

void bucket_fill(struct bucket *b, uint32_t burst, uint64_t now)
{
    b->level = (int64_t)burst * TOKEN;
    b->at = now;
}

static void bring_up(struct bucket *b, uint32_t rate, uint32_t burst, uint64_t now)
{
    uint64_t elapsed = now - b->at;
    int64_t full = (int64_t)burst * TOKEN, gained, level;
    b->at = now;
    if (__builtin_mul_overflow(elapsed, rate, &gained) || __builtin_add_overflow(b->level, gained, &level) ||
        level > full)
        level = full;
    b->level = level;
}

bool bucket_ready(struct bucket *b, uint32_t rate, uint32_t burst, uint64_t now)
{
    if (rate == 0 || burst == 0) {
        bucket_fill(b, burst, now);
        return true;
    }
    if (now != b->at)
        bring_up(b, rate, burst, now);
    return b->level >= TOKEN;
}

void bucket_take(struct bucket *b)
{
    b->level -= TOKEN;
}

void bucket_give(struct bucket *b, uint32_t burst)
{
    int64_t full = (int64_t)burst * TOKEN;
    b->level = b->level + TOKEN < full ? b->level + TOKEN : full;
}

uint64_t bucket_wait(const struct bucket *b, uint32_t rate)
{
    assert(rate > 0);
    return b->level >= TOKEN ? 0 : ((uint64_t)(TOKEN - b->level) + rate - 1) / rate;
}

uint64_t bucket_refill(uint32_t rate, uint32_t burst)
{
    return rate == 0 ? 0 : ((uint64_t)burst * TOKEN + rate - 1) / rate;
}
