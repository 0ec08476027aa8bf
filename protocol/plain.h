/* SPDX-License-Identifier: MIT
 *
 * Passes what needs no look in a JSON string (RFC 8259 section 7): ASCII that is no quote, no backslash and no control
 * character, which is most of a frame. By vectors of 16 bytes where the compiler may use SSE2, which is every x86-64,
 * and by words of 8 elsewhere. The build chooses; the twin in words is compiled everywhere, so that the tests can hold
 * the two together.
 */
#ifndef PROTOCOL_PLAIN_H
#define PROTOCOL_PLAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

static inline bool plain_byte(unsigned char c)
{
    return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

#define PLAIN_EVERY(c) (UINT64_C(0x0101010101010101) * (c))

static inline uint64_t plain_under(uint64_t word, unsigned limit)
{
    return (word - PLAIN_EVERY(limit)) & ~word;
}

/* The top bit of each byte tells; a borrow can raise it falsely only above a byte where it is right. */
static inline bool plain_word(uint64_t word)
{
    uint64_t quote = plain_under(word ^ PLAIN_EVERY('"'), 1);
    uint64_t backslash = plain_under(word ^ PLAIN_EVERY('\\'), 1);
    return ((plain_under(word, 0x20) | quote | backslash | word) & PLAIN_EVERY(0x80)) == 0;
}

static inline const unsigned char *plain_skip_words(const unsigned char *p, const unsigned char *end)
{
    for (uint64_t word; end - p >= 8; p += 8) {
        memcpy(&word, p, 8);
        if (!plain_word(word))
            break;
    }
    while (p < end && plain_byte(*p))
        p++;
    return p;
}

#ifdef __SSE2__
/* A bit for each of the 16 bytes at p: whether it is plain. */
static inline unsigned plain_vector(const unsigned char *p)
{
    const __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)p);
    /* XOR 2 makes a space of the quote, and a quote of the space. Then what is above a space is plain but for the
     * backslash; as signed numbers, bytes from 0x80 up are under it. */
    const __m128i above = _mm_cmpgt_epi8(_mm_xor_si128(bytes, _mm_set1_epi8(2)), _mm_set1_epi8(' '));
    return (unsigned)_mm_movemask_epi8(_mm_andnot_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\')), above));
}

static inline const unsigned char *plain_skip_vectors(const unsigned char *p, const unsigned char *end)
{
    for (; end - p >= 32; p += 32) {
        uint32_t other = ~(plain_vector(p) | plain_vector(p + 16) << 16);
        if (other)
            return p + __builtin_ctz(other);
    }
    return plain_skip_words(p, end);
}
#endif

/* The first byte from p on that is not plain, or end. */
static inline const unsigned char *plain_skip(const unsigned char *p, const unsigned char *end)
{
#ifdef __SSE2__
    return plain_skip_vectors(p, end);
#else
    return plain_skip_words(p, end);
#endif
}

/* As plain_skip, but it may give up behind some plain bytes: for what is probably short. */
static inline const unsigned char *plain_skip_one(const unsigned char *p, const unsigned char *end)
{
#ifdef __SSE2__
    return end - p >= 16 ? p + __builtin_ctz(~plain_vector(p)) : plain_skip_words(p, end);
#else
    return plain_skip_words(p, end);
#endif
}

#endif
