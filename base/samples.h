/* SPDX-License-Identifier: MIT
 *
 * The newest of many numbers, for exact percentiles of what happened lately. Nothing is allocated.
 */
#ifndef BASE_SAMPLES_H
#define BASE_SAMPLES_H

#include <stddef.h>
#include <stdint.h>

enum {
    SAMPLES_MAX = 256 /* a percentile of 99 still has two above it */
};

/* All zero: none yet. */
struct samples {
    uint32_t v[SAMPLES_MAX];
    size_t n; /* counts up, over SAMPLES_MAX too */
};

/* What does not fit counts as the largest that does. */
void samples_add(struct samples *s, uint64_t value);
/* The smallest sample that at least percent (1 to 100) of the newest ones do not exceed; 0 if there is none. */
uint64_t samples_percentile(const struct samples *s, unsigned percent);

#endif
