/* SPDX-License-Identifier: MIT
 *
 * Durations counted into buckets of fixed bounds, for whoever draws percentiles later. Counting is a few comparisons
 * and three additions; nothing is allocated.
 */
#ifndef BASE_HISTOGRAM_H
#define BASE_HISTOGRAM_H

#include <stddef.h>
#include <stdint.h>

enum {
    HISTOGRAM_BOUNDS_MAX = 16
};

/* Microseconds, growing. */
struct histogram_bounds {
    size_t n;
    uint64_t us[HISTOGRAM_BOUNDS_MAX];
};

struct histogram {
    uint64_t counts[HISTOGRAM_BOUNDS_MAX + 1]; /* of what is at most the bound; the last of what is above all bounds */
    uint64_t sum_us;
};

/* Counts n observations of the same duration. */
void histogram_add(struct histogram *h, const struct histogram_bounds *bounds, uint64_t us, uint64_t n);

#endif
