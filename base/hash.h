/* SPDX-License-Identifier: MIT
 *
 * What strangers choose (room ids, addresses, host names) is hashed under a secret key, or somebody would choose a thousand
 * that fall into one run.
 */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

enum {
    HASH_KEYS = 0x7ffffffe /* a key is 1 to this */
};

/* A polynomial over the field of 2^31 - 1 at a secret point: two texts of n bytes meet with a chance of n / 2^31. */
static inline uint32_t hash_keyed(uint32_t key, const void *bytes, size_t n)
{
    const unsigned char *p = bytes;
    uint64_t h = 1;
    for (size_t i = 0; i < n; i++)
        h = (h * key + p[i] + 1) % 0x7fffffff;
    return (uint32_t)h;
}

#endif
