/* SPDX-License-Identifier: MIT */
#include "server/io/malloc_trim.h"

#ifdef __GLIBC__
#include <malloc.h>
#endif

void malloc_trim_init(struct malloc_trim *t)
{
    *t = (struct malloc_trim){.at = UINT64_MAX};
}

void malloc_trim_freed(struct malloc_trim *t, size_t bytes, uint64_t now)
{
    t->freed += bytes;
    if (t->freed >= TRIM_BYTES && t->at == UINT64_MAX)
        t->at = now + TRIM_MS;
}

bool malloc_trim_due(struct malloc_trim *t, uint64_t now)
{
    if (now < t->at)
        return false;
    malloc_trim_init(t);
    return true;
}

void malloc_trim_memory(void)
{
#ifdef __GLIBC__
    malloc_trim(0);
#endif
}
