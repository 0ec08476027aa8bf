/* SPDX-License-Identifier: MIT */
#include "base/samples.h"

#include <stdlib.h>
#include <string.h>

void samples_add(struct samples *s, uint64_t value)
{
    s->v[s->n++ % SAMPLES_MAX] = value < UINT32_MAX ? (uint32_t)value : UINT32_MAX;
}

static int compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

uint64_t samples_percentile(const struct samples *s, unsigned percent)
{
    uint32_t sorted[SAMPLES_MAX];
    size_t n = s->n < SAMPLES_MAX ? s->n : SAMPLES_MAX;
    if (n == 0)
        return 0;
    memcpy(sorted, s->v, n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, compare);
    return sorted[(n * percent + 99) / 100 - 1];
}
