/* SPDX-License-Identifier: MIT */
#include "server/io/trim.h"

#ifdef __GLIBC__
#include <malloc.h>
#endif

void trim_init(struct trim *t)
{
    *t = (struct trim){.at = UINT64_MAX};
}

void trim_freed(struct trim *t, size_t bytes, uint64_t now)
{
    t->freed += bytes;
    if (t->freed >= TRIM_BYTES && t->at == UINT64_MAX)
        t->at = now + TRIM_MS;
}

bool trim_due(struct trim *t, uint64_t now)
{
    if (now < t->at)
        return false;
    trim_init(t);
    return true;
}

void trim_memory(void)
{
#ifdef __GLIBC__
    malloc_trim(0);
#endif
}
