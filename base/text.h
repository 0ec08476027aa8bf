/* SPDX-License-Identifier: MIT
 *
 * Encodings that ids and keys are written in: base32 (RFC 4648 section 6, lower case, no padding) and base64
 * (RFC 4648 section 4). Lengths are exact; decoders accept only what the encoders write.
 */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include "base/rng.h"
#include "base/span.h"

#define BASE32_LEN(n) (((n)*8 + 4) / 5)
#define BASE64_LEN(n) (((n) + 2) / 3 * 4)

enum {
    ID_BYTES = 16,
    ID_CHARS = 26
}; /* 128 bits in base32 */

/* Writes BASE32_LEN(n) characters and a NUL to out. */
void base32_encode(const void *bytes, size_t n, char *out);
/* Decodes exactly n bytes; false on another length, another alphabet or set padding bits. */
bool base32_decode(struct span text, void *out, size_t n);
/* Writes an id that nobody can guess, ID_BYTES of random bits in base32, and a NUL. */
void id_random(const struct rng *r, char out[ID_CHARS + 1]);
/* Writes BASE64_LEN(n) characters and a NUL to out. */
void base64_encode(const void *bytes, size_t n, char *out);
/* How many bytes a text in base64 stands for, if it is one. */
size_t base64_bytes(struct span text);
/* Decodes exactly n bytes, padding required; false otherwise. */
bool base64_decode(struct span text, void *out, size_t n);

#endif
