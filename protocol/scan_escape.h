/* SPDX-License-Identifier: MIT
 *
 * Escapes in JSON strings (RFC 8259 section 7), for the scanner and for those who decode what it found.
 */
#ifndef PROTOCOL_SCAN_ESCAPE_H
#define PROTOCOL_SCAN_ESCAPE_H

#include <limits.h>
#include <stddef.h>

static inline int hex_digit(unsigned char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The code unit of "\uXXXX" at p, or -1. */
static inline int code_unit(const unsigned char *p, const unsigned char *end)
{
    if (end - p < 6 || p[0] != '\\' || p[1] != 'u')
        return -1;
    int unit = 0;
    for (int i = 2; i < 6; i++) {
        int digit = hex_digit(p[i]);
        if (digit < 0)
            return -1;
        unit = unit << 4 | digit;
    }
    return unit;
}

/* The Unicode scalar value of the \u escape at p (RFC 8259 section 7: twelve characters above the BMP, else six). -1 if
 * it is malformed or half a surrogate pair. */
static inline int unicode_escape(const unsigned char *p, const unsigned char *end)
{
    int unit = code_unit(p, end);
    if (unit < 0xd800 || unit > 0xdfff)
        return unit;
    int low = unit < 0xdc00 ? code_unit(p + 6, end) : -1;
    if (low < 0xdc00 || low > 0xdfff)
        return -1;
    return 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
}

static inline size_t unicode_escape_size(int value)
{
    return value < 0x10000 ? 6 : 12;
}

/* What the letter of a short escape stands for, or 0. */
static inline char short_escape(unsigned char letter)
{
    static const char MEANINGS[UCHAR_MAX + 1] = {
        ['"'] = '"',
        ['\\'] = '\\',
        ['/'] = '/',
        ['b'] = '\b',
        ['f'] = '\f',
        ['n'] = '\n',
        ['r'] = '\r',
        ['t'] = '\t',
    };
    return MEANINGS[letter];
}

#endif
