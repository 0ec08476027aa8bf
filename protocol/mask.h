/* SPDX-License-Identifier: MIT
 *
 * The mask of a client's frames (RFC 6455 section 5.3): byte i of a payload is XORed with byte i mod 4 of the key. By
 * vectors of 16 bytes where the compiler may use SSE2, which is every x86-64, and by words of 8 elsewhere. The build
 * chooses; the twin in words is compiled everywhere, so that the tests can hold the two together.
 */
#ifndef PROTOCOL_MASK_H
#define PROTOCOL_MASK_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum {
    MASK_KEY_BYTES = 4
};

/* The key as it falls on a piece of a payload that begins at byte `at` of it. */
static inline uint32_t mask_turned(const uint8_t key[MASK_KEY_BYTES], size_t at)
{
    uint8_t turned[MASK_KEY_BYTES];
    for (size_t i = 0; i < MASK_KEY_BYTES; i++)
        turned[i] = key[(at + i) % MASK_KEY_BYTES];
    uint32_t k;
    memcpy(&k, turned, sizeof k);
    return k;
}

static inline void mask_words(uint8_t *p, size_t n, uint32_t k)
{
    const uint64_t twice = (uint64_t)k << 32 | k; /* both halves are alike, so the order of bytes does not matter */
    for (; n >= sizeof twice; p += sizeof twice, n -= sizeof twice) {
        uint64_t word;
        memcpy(&word, p, sizeof word);
        word ^= twice;
        memcpy(p, &word, sizeof word);
    }
    uint8_t rest[sizeof k];
    memcpy(rest, &k, sizeof rest);
    for (size_t i = 0; i < n; i++)
        p[i] ^= rest[i % sizeof rest];
}

#ifdef __SSE2__
static inline void mask_vector(uint8_t *p, __m128i four_times)
{
    __m128i *at = (__m128i *)(void *)p;
    _mm_storeu_si128(at, _mm_xor_si128(_mm_loadu_si128(at), four_times));
}

static inline void mask_vectors(uint8_t *p, size_t n, uint32_t k)
{
    const __m128i four_times = _mm_set1_epi32((int)k);
    for (; n >= 2 * sizeof four_times; p += 2 * sizeof four_times, n -= 2 * sizeof four_times) {
        mask_vector(p, four_times);
        mask_vector(p + sizeof four_times, four_times);
    }
    mask_words(p, n, k);
}
#endif

/* Masks or unmasks n bytes in place, which are those from `at` on of their payload. */
static inline void mask_apply(uint8_t *p, size_t n, const uint8_t key[MASK_KEY_BYTES], size_t at)
{
#ifdef __SSE2__
    mask_vectors(p, n, mask_turned(key, at));
#else
    mask_words(p, n, mask_turned(key, at));
#endif
}

#endif
