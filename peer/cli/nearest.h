/* SPDX-License-Identifier: MIT
 *
 * What somebody who mistyped a word may have meant.
 */
#ifndef PEER_CLI_NEAREST_H
#define PEER_CLI_NEAREST_H

#include <stddef.h>

/* The word of n that is meant by `typed`, the first of several: one that begins with it, or one that is 2 at most from it, which
 * must be less than its length. NULL: none. */
const char *nearest_word(const char *typed, const char *const *words, size_t n);
/* Those of n that may be meant, the nearest first: that begin with it in any case, or are at most a third of its length and 2
 * from it. Their count, at most max; borrowed. */
size_t nearest_words(const char *typed, const char *const *words, size_t n, const char **out, size_t max);

#endif
