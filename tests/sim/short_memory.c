/* SPDX-License-Identifier: MIT */
#include "tests/sim/short_memory.h"

#include <limits.h>

#include "tests/faults.h"

static struct {
    long first, left;
} memory = {LONG_MAX, LONG_MAX};

void short_memory_begin(uint64_t number)
{
    faults.failed = 0;
    memory.first = memory.left = number ? (long)number - 1 : LONG_MAX;
}

void short_memory_core(bool entered)
{
    if (entered) {
        faults.countdown = memory.left;
    } else {
        memory.left = faults.countdown < 0 ? LONG_MAX : faults.countdown;
        faults.countdown = -1;
    }
}

bool short_memory_failed(void)
{
    return faults.failed > 0;
}

uint64_t short_memory_count(void)
{
    return (uint64_t)(memory.first - memory.left);
}

long short_memory_live(void)
{
    return faults.live;
}
