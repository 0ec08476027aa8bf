/* SPDX-License-Identifier: MIT */
#include "base/text.h"

#include <limits.h>
#include <stdint.h>

enum {
    NO_DIGIT = UCHAR_MAX
};

static const char B32[] = "abcdefghijklmnopqrstuvwxyz234567";
static const char B64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* Packs n bytes into digits of `bits` bits each, most significant first; returns how many digits. */
static size_t encode(const char *alphabet, unsigned bits, const unsigned char *in, size_t n, char *out)
{
    uint32_t acc = 0;
    unsigned held = 0;
    size_t made = 0;
    for (size_t i = 0; i < n; i++) {
        acc = (acc << 8) | in[i];
        held += 8;
        while (held >= bits) {
            held -= bits;
            out[made++] = alphabet[(acc >> held) & ((1u << bits) - 1)];
        }
        acc &= (1u << held) - 1;
    }
    if (held > 0)
        out[made++] = alphabet[(acc << (bits - held)) & ((1u << bits) - 1)];
    return made;
}

static bool decode(const char *alphabet, unsigned bits, struct span text, unsigned char *out, size_t n)
{
    unsigned char digits[UCHAR_MAX + 1];
    uint32_t acc = 0;
    unsigned held = 0;
    size_t made = 0;
    memset(digits, NO_DIGIT, sizeof digits);
    for (int i = 0; alphabet[i]; i++)
        digits[(unsigned char)alphabet[i]] = (unsigned char)i;
    for (size_t i = 0; i < text.n; i++) {
        unsigned digit = digits[(unsigned char)text.p[i]];
        if (digit == NO_DIGIT)
            return false;
        acc = (acc << bits) | digit;
        held += bits;
        if (held >= 8) {
            if (made == n)
                return false;
            held -= 8;
            out[made++] = (unsigned char)(acc >> held);
            acc &= (1u << held) - 1;
        }
    }
    return made == n && acc == 0;
}

void base32_encode(const void *bytes, size_t n, char *out)
{
    out[encode(B32, 5, bytes, n, out)] = '\0';
}

void id_random(const struct rng *r, char out[ID_CHARS + 1])
{
    uint8_t random[ID_BYTES];
    r->fill(r->ctx, random, sizeof random);
    base32_encode(random, sizeof random, out);
}

bool base32_decode(struct span text, void *out, size_t n)
{
    return text.n == BASE32_LEN(n) && decode(B32, 5, text, out, n);
}

void base64_encode(const void *bytes, size_t n, char *out)
{
    size_t made = encode(B64, 6, bytes, n, out);
    while (made % 4 != 0)
        out[made++] = '=';
    out[made] = '\0';
}

bool base64_decode(struct span text, void *out, size_t n)
{
    if (text.n != BASE64_LEN(n))
        return false;
    size_t pad = (3 - n % 3) % 3;
    for (size_t i = 0; i < pad; i++)
        if (text.p[--text.n] != '=')
            return false;
    return decode(B64, 6, text, out, n);
}

size_t base64_bytes(struct span text)
{
    if (text.n < 4 || text.n % 4 != 0)
        return 0;
    return text.n / 4 * 3 - (text.p[text.n - 1] == '=') - (text.p[text.n - 2] == '=');
}
