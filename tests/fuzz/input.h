/* SPDX-License-Identifier: MIT
 *
 * A fuzzer's bytes, read as the choices of a test. What is used up reads as 0 and as nothing.
 */
#ifndef TESTS_FUZZ_INPUT_H
#define TESTS_FUZZ_INPUT_H

#include <stdint.h>

#include "base/span.h"

struct input {
    const uint8_t *p;
    size_t n;
};

static inline uint8_t input_byte(struct input *in)
{
    if (in->n == 0)
        return 0;
    in->n--;
    return *in->p++;
}

/* As many bytes as the next byte says, borrowed. */
static inline struct span input_text(struct input *in)
{
    size_t n = input_byte(in);
    if (n > in->n)
        n = in->n;
    struct span s = {(const char *)in->p, n};
    in->p += n;
    in->n -= n;
    return s;
}

#endif
