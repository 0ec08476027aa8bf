/* SPDX-License-Identifier: MIT
 *
 * What the native simulator has and a page has not: OpenSSL, whose crypto every fiftieth seed of the peers uses, and memory that
 * can be made to run out; and the seed of tables, which jansson would read from the system.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/sim/realcrypto.h"
#include "tests/sim/short_memory.h"

struct crypto *realcrypto_new(uint8_t key[KEY_BYTES], uint8_t box[KEY_BYTES])
{
    (void)key;
    (void)box;
    printf("# this seed has real crypto, which runs natively only: take another\n");
    fflush(stdout);
    _Exit(1);
}

void crypto_free(struct crypto *c)
{
    (void)c;
}

struct peer_crypto crypto_ports(struct crypto *c)
{
    (void)c;
    abort();
}

void short_memory_begin(uint64_t number)
{
    (void)number;
}

void short_memory_core(bool entered)
{
    (void)entered;
}

bool short_memory_failed(void)
{
    return false;
}

uint64_t short_memory_count(void)
{
    return 0;
}

long short_memory_live(void)
{
    return 0;
}

/* jansson's hash tables: always alike, as all else in a history. */
extern volatile uint32_t hashtable_seed;
volatile uint32_t hashtable_seed = 1;
void json_object_seed(size_t seed);
void json_object_seed(size_t seed)
{
    (void)seed;
}

/* What assert() of web/core/libc calls. */
_Noreturn void web_assert_failed(const char *file, int line)
{
    printf("# an assertion failed: %s:%d\n", file, line);
    fflush(stdout);
    _Exit(1);
}
