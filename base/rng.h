/* SPDX-License-Identifier: MIT
 *
 * Randomness as a port: the cores take it from their maker. Daemons hand in the system's generator
 * (base/os_rng.h), tests a seeded one, so that every run can be repeated.
 */
#ifndef BASE_RNG_H
#define BASE_RNG_H

#include <stddef.h>
#include <stdint.h>

struct rng {
    void (*fill)(void *ctx, void *out, size_t n); /* never fails */
    void *ctx;                                    /* borrowed: outlives every holder of the port */
};

uint64_t rng_u64(const struct rng *r);
/* Uniform in 0 … bound-1 without modulo bias; bound > 0. */
uint32_t rng_below(const struct rng *r, uint32_t bound);

/* xoshiro256**, seeded through splitmix64: for tests and simulations, never for secrets. */
struct rng_seeded {
    uint64_t s[4];
};
void rng_seeded_init(struct rng_seeded *g, uint64_t seed);
struct rng rng_seeded_port(struct rng_seeded *g);

#endif
