/* SPDX-License-Identifier: MIT
 *
 * Comparing what a stranger sent with what nobody may guess, in a time that does not tell how much of it was right; and
 * leaving no key behind in memory.
 */
#ifndef BASE_SECRET_H
#define BASE_SECRET_H

#include <stdbool.h>
#include <stddef.h>

static inline bool secret_equal(const void *a, const void *b, size_t n)
{
    const volatile unsigned char *x = a, *y = b;
    unsigned char different = 0;
    for (size_t i = 0; i < n; i++)
        different |= (unsigned char)(x[i] ^ y[i]);
    return different == 0;
}

/* Overwrites what is not read again, which a compiler would leave out of a memset. */
static inline void secret_wipe(void *secret, size_t n)
{
    volatile unsigned char *p = secret;
    while (n-- > 0)
        *p++ = 0;
}

#endif
