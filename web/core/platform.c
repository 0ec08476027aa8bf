/* SPDX-License-Identifier: MIT
 *
 * What the libraries ask of a system. There is none: a failed assertion and running out of what cannot run out end the
 * instance, nothing is ever written to a descriptor, and randomness comes from the host.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "web/core/host.h"
#include "web/core/ports.h"

_Noreturn void ports_panic(const char *sentence)
{
    host_panic(sentence, strlen(sentence));
    __builtin_trap();
}

_Noreturn void web_assert_failed(const char *file, int line)
{
    char text[256];
    snprintf(text, sizeof text, "%s:%d", file, line);
    ports_panic(text);
}

_Noreturn void abort(void)
{
    ports_panic("abort");
}

static void fill(void *ctx, void *out, size_t n)
{
    (void)ctx;
    host_random(out, n);
}

struct rng ports_rng(void)
{
    return (struct rng){.fill = fill};
}

/* libsodium's. */
void randombytes_buf(void *out, size_t n);
void randombytes_buf(void *out, size_t n)
{
    host_random(out, n);
}

_Noreturn void sodium_misuse(void);
_Noreturn void sodium_misuse(void)
{
    ports_panic("libsodium was misused");
}

/* jansson's seed of its hash tables, in place of hashtable_seed.c: of a table that peers could fill with names that collide. */
extern volatile uint32_t hashtable_seed;
volatile uint32_t hashtable_seed = 0;
void json_object_seed(size_t seed);
void json_object_seed(size_t seed)
{
    while (hashtable_seed == 0) {
        uint32_t drawn = (uint32_t)seed;
        if (drawn == 0)
            host_random(&drawn, sizeof drawn);
        hashtable_seed = drawn;
    }
}
