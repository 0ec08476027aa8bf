/* SPDX-License-Identifier: MIT */
#include "base/rng.h"

#include <assert.h>
#include <string.h>

uint64_t rng_u64(const struct rng *r)
{
    uint64_t v;
    r->fill(r->ctx, &v, sizeof v);
    return v;
}

uint32_t rng_below(const struct rng *r, uint32_t bound)
{
    assert(bound > 0);
    /* Values under 2^32 mod bound would make the low results likelier: draw again. */
    uint32_t reject = (uint32_t)-bound % bound;
    for (;;) {
        uint32_t v = (uint32_t)rng_u64(r);
        if (v >= reject)
            return v % bound;
    }
}

static uint64_t rotl(uint64_t x, int k)
{
    return (x << k) | (x >> (64 - k));
}

static uint64_t next(struct rng_seeded *g)
{
    uint64_t *s = g->s;
    uint64_t result = rotl(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotl(s[3], 45);
    return result;
}

void rng_seeded_init(struct rng_seeded *g, uint64_t seed)
{
    for (int i = 0; i < 4; i++) {
        uint64_t z = (seed += 0x9e3779b97f4a7c15u);
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
        g->s[i] = z ^ (z >> 31);
    }
}

static void seeded_fill(void *ctx, void *out, size_t n)
{
    unsigned char *p = out;
    while (n > 0) {
        uint64_t v = next(ctx);
        size_t k = n < sizeof v ? n : sizeof v;
        memcpy(p, &v, k);
        p += k;
        n -= k;
    }
}

struct rng rng_seeded_port(struct rng_seeded *g)
{
    return (struct rng){seeded_fill, g};
}
