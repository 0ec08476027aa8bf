/* SPDX-License-Identifier: MIT */
#include "base/histogram.h"

void histogram_add(struct histogram *h, const struct histogram_bounds *bounds, uint64_t us, uint64_t n)
{
    size_t i = 0;
    while (i < bounds->n && us > bounds->us[i])
        i++;
    h->counts[i] += n;
    h->sum_us += us * n;
}
