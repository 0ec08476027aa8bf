/* SPDX-License-Identifier: MIT
 *
 * Hashes for server/core/table.h. Peer ids are random, so a few of their bytes are hash enough. Room ids and addresses
 * are hashed under a secret key: base/hash.h.
 */
#ifndef SERVER_CORE_HASH_H
#define SERVER_CORE_HASH_H

#include <stdint.h>
#include <string.h>

#include "base/hash.h"

/* Eight characters of base32 are 40 random bits; the multiplication (the golden ratio's) spreads them. */
static inline uint32_t hash_random(const char *id)
{
    uint64_t x;
    memcpy(&x, id, sizeof x);
    return (uint32_t)((x * 0x9e3779b97f4a7c15u) >> 32);
}

#endif
