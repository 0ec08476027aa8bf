/* SPDX-License-Identifier: MIT
 *
 * Hashes for server/core/table.h. Peer ids are random, so a few of their bytes are hash enough. Room ids and addresses
 * are chosen by strangers: they are hashed under a secret key, or somebody would choose a thousand that fall into one
 * run.
 */
#ifndef SERVER_CORE_HASH_H
#define SERVER_CORE_HASH_H

#include <stdint.h>
#include <string.h>

/* A polynomial over the field of 2^31 - 1 at a secret point: two texts of n bytes meet with a chance of n / 2^31. */
static inline uint32_t hash_keyed(uint32_t key, const void *bytes, size_t n)
{
    const unsigned char *p = bytes;
    uint64_t h = 1;
    for (size_t i = 0; i < n; i++)
        h = (h * key + p[i] + 1) % 0x7fffffff;
    return (uint32_t)h;
}

/* Eight characters of base32 are 40 random bits; the multiplication (the golden ratio's) spreads them. */
static inline uint32_t hash_random(const char *id)
{
    uint64_t x;
    memcpy(&x, id, sizeof x);
    return (uint32_t)((x * 0x9e3779b97f4a7c15u) >> 32);
}

#endif
