/* SPDX-License-Identifier: MIT
 *
 * Each address has its place in one set of a few, by a keyed hash. Where a set is full, the one that was heard of longest
 * ago makes room: whoever floods is heard of all the time and keeps his empty bucket, however many others come. To share
 * the buckets instead of giving places away was rejected: a neighbour would pay for whoever shares his.
 */
#include "server/io/stun_limit.h"

#include <string.h>

#include "base/hash.h"

enum {
    WHOLE = 1000 /* a datagram, in the level's unit: so a rate a second is a level a millisecond */
};

void stun_limit_init(struct stun_limit *l, const struct rng *rng)
{
    memset(l, 0, sizeof *l);
    l->key = rng_below(rng, HASH_KEYS) + 1;
}

/* Never 0. Of what begins with zeros nothing is anybody's but loopback and IPv4 (RFC 4291 section 2.5). */
static uint64_t network_of(const struct address *from)
{
    uint64_t network;
    memcpy(&network, from->bytes + (address_is_ipv4(from) ? 8 : 0), sizeof network);
    return network ? network : 1;
}

static struct stun_limit_entry *find_place(struct stun_limit *l, uint64_t network, uint32_t now)
{
    struct stun_limit_entry *set = l->sets[hash_keyed(l->key, &network, sizeof network) % STUN_LIMIT_SETS];
    struct stun_limit_entry *place = set;
    for (size_t i = 0; i < STUN_LIMIT_WAYS; i++) {
        if (set[i].network == network)
            return &set[i];
        if (place->network && (!set[i].network || now - set[i].at > now - place->at))
            place = &set[i];
    }
    *place = (struct stun_limit_entry){.network = network, .at = now, .level = STUN_BURST * WHOLE};
    return place;
}

bool stun_limit_allows(struct stun_limit *l, const struct address *from, uint64_t now_ms)
{
    uint32_t now = (uint32_t)now_ms;
    struct stun_limit_entry *e = find_place(l, network_of(from), now);
    uint64_t level = e->level + (uint64_t)(now - e->at) * STUN_RATE;
    e->level = level < STUN_BURST * WHOLE ? (uint32_t)level : STUN_BURST * WHOLE;
    e->at = now;
    if (e->level < WHOLE)
        return false;
    e->level -= WHOLE;
    return true;
}
