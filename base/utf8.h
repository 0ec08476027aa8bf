/* SPDX-License-Identifier: MIT
 *
 * UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing above U+10FFFF.
 */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* Bytes of the well-formed character at p (1 to 4), or 0 if there is none within n bytes. */
size_t utf8_next(const unsigned char *p, size_t n);
bool utf8_valid(const void *bytes, size_t n);
/* Writes code point c (a Unicode scalar value) to out (4 bytes); returns how many. */
size_t utf8_put(unsigned c, char *out);

#endif
