/* SPDX-License-Identifier: MIT
 *
 * uthash as this core uses it: an add that finds no memory leaves the element out (its handle's `tbl` stays NULL)
 * instead of ending the process, and the hash is FNV-1a. It needs no secret: ids of people are hashes already, seats
 * are the daemon's choice, and message ids fill a bounded table of their own sender only.
 *
 *   owns     nothing
 *   before   whoever adds looks at the handle's `tbl`
 *   after    an element that was not added is the caller's as before, and no process ends for want of memory
 */
#ifndef PEER_CORE_HASH_H
#define PEER_CORE_HASH_H

#include <stddef.h>
#include <stdint.h>

#define HASH_NONFATAL_OOM 1
#define HASH_FUNCTION(key, n, value) ((value) = hash_bytes((key), (n)))
#include <uthash.h>

static inline uint32_t hash_bytes(const void *bytes, size_t n)
{
    const unsigned char *p = bytes;
    uint32_t h = 2166136261u;
    for (size_t i = 0; i < n; i++)
        h = (h ^ p[i]) * 16777619u;
    /* The buckets are chosen by the low bits: let the high ones count. */
    return h ^ (h >> 15);
}

#endif
