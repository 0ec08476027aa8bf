/* SPDX-License-Identifier: MIT
 *
 * What somebody who mistyped a word may have meant.
 */
#ifndef PEER_CLI_NEAREST_H
#define PEER_CLI_NEAREST_H

#include <stddef.h>

/* How many letters must be put in, taken out, changed or swapped with their neighbour to make b of a (optimal string
 * alignment), of at most NEAREST_MAX bytes each; more than that: NEAREST_FAR. */
unsigned nearest_distance(const char *a, const char *b);
/* The word of n that is meant by `typed`, the first of several: one that begins with it, or one that is 2 at most from it, which
 * must be less than its length. NULL: none. */
const char *nearest_word(const char *typed, const char *const *words, size_t n);
enum {
    NEAREST_MAX = 32,
    NEAREST_FAR = 1000
};

#endif
