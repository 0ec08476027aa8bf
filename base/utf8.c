/* SPDX-License-Identifier: MIT */
#include "base/utf8.h"

static bool in(unsigned char c, unsigned low, unsigned high)
{
    return c >= low && c <= high;
}

/* The table of RFC 3629 section 4: the second byte's range depends on the first. */
size_t utf8_next(const unsigned char *p, size_t n)
{
    if (n == 0)
        return 0;
    unsigned char c = p[0];
    if (c < 0x80)
        return 1;
    size_t length = in(c, 0xc2, 0xdf) ? 2 : in(c, 0xe0, 0xef) ? 3 : in(c, 0xf0, 0xf4) ? 4 : 0;
    if (length == 0 || length > n)
        return 0;
    unsigned low = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80;
    unsigned high = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;
    if (!in(p[1], low, high))
        return 0;
    for (size_t i = 2; i < length; i++)
        if (!in(p[i], 0x80, 0xbf))
            return 0;
    return length;
}

bool utf8_valid(const void *bytes, size_t n)
{
    const unsigned char *p = bytes;
    for (size_t i = 0; i < n;) {
        size_t length = utf8_next(p + i, n - i);
        if (length == 0)
            return false;
        i += length;
    }
    return true;
}

size_t utf8_put(unsigned c, char *out)
{
    unsigned char *o = (unsigned char *)out;
    if (c < 0x80) {
        o[0] = (unsigned char)c;
        return 1;
    }
    if (c < 0x800) {
        o[0] = (unsigned char)(0xc0 | c >> 6);
        o[1] = (unsigned char)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c < 0x10000) {
        o[0] = (unsigned char)(0xe0 | c >> 12);
        o[1] = (unsigned char)(0x80 | (c >> 6 & 0x3f));
        o[2] = (unsigned char)(0x80 | (c & 0x3f));
        return 3;
    }
    o[0] = (unsigned char)(0xf0 | c >> 18);
    o[1] = (unsigned char)(0x80 | (c >> 12 & 0x3f));
    o[2] = (unsigned char)(0x80 | (c >> 6 & 0x3f));
    o[3] = (unsigned char)(0x80 | (c & 0x3f));
    return 4;
}
