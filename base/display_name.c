/* SPDX-License-Identifier: MIT
 *
 * Unicode's data files would be 300 KB; these tables hold what matters for names: Default_Ignorable_Code_Point whole, the
 * spaces, the general combining marks, and of the confusables those letters of Greek, Cyrillic and Latin that most fonts
 * draw alike. What is not in them makes two names different that look alike, never two that differ the same.
 */
#include "base/display_name.h"

#include <stdbool.h>

#include "base/utf8.h"

struct range {
    unsigned first, last;
};

/* Nothing is drawn for these, or what stands around them is drawn elsewhere (DerivedCoreProperties.txt). */
static const struct range INVISIBLE[] = {
    {0xad, 0xad},
    {0x34f, 0x34f},
    {0x61c, 0x61c},
    {0x17b4, 0x17b5},
    {0x180b, 0x180f},
    {0x200b, 0x200f},
    {0x202a, 0x202e},
    {0x2060, 0x206f},
    {0xfe00, 0xfe0f},
    {0xfeff, 0xfeff},
    {0xfff0, 0xfffb},
    {0x1bca0, 0x1bca3},
    {0x1d173, 0x1d17a},
    {0xe0000, 0xe0fff},
};

/* Drawn as a space, a line's end, or as nothing of some width; C0, DEL and C1 are treated the same. */
static const struct range SPACES[] = {
    {0x0, 0x20},
    {0x7f, 0xa0},
    {0x115f, 0x1160},
    {0x1680, 0x1680},
    {0x2000, 0x200a},
    {0x2028, 0x2029},
    {0x202f, 0x202f},
    {0x205f, 0x205f},
    {0x2800, 0x2800},
    {0x3000, 0x3000},
    {0x3164, 0x3164},
    {0xffa0, 0xffa0},
};

/* Drawn above, below or across what stands before them. */
static const struct range MARKS[] = {
    {0x300, 0x36f},
    {0x483, 0x489},
    {0x1ab0, 0x1aff},
    {0x1dc0, 0x1dff},
    {0x20d0, 0x20ff},
    {0xfe20, 0xfe2f},
};

/* Brackets, and what looks like one. */
static const struct range BRACKETS[] = {
    {'<', '<'},
    {'>', '>'},
    {0x2c2, 0x2c3},
    {0x1433, 0x1433},
    {0x1438, 0x1438},
    {0x2039, 0x203a},
    {0x2329, 0x232a},
    {0x276c, 0x2771},
    {0x27e8, 0x27e9},
    {0x29fc, 0x29fd},
    {0x3008, 0x3009},
    {0xfe3f, 0xfe40},
    {0xfe64, 0xfe65},
    {0xff1c, 0xff1c},
    {0xff1e, 0xff1e},
};

#define COUNT(a) (sizeof(a) / sizeof(a)[0])
static bool is_in(unsigned c, const struct range *ranges, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (c >= ranges[i].first && c <= ranges[i].last)
            return true;
    return false;
}

enum {
    MARKS_MAX = 2 /* on one letter: Vietnamese needs two; more reach into the lines above and below */
};

unsigned display_next(struct span s, size_t *n)
{
    const unsigned char *p = (const unsigned char *)s.p;
    static const unsigned char FIRST[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    *n = utf8_next(p, s.n);
    if (*n == 0) {
        *n = 1;
        return '_';
    }
    unsigned c = p[0] & FIRST[*n];
    for (size_t i = 1; i < *n; i++)
        c = c << 6 | (p[i] & 0x3fu);
    return c;
}

enum display_kind display_kind(unsigned c)
{
    if (c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x2028 || c == 0x2029 || is_in(c, INVISIBLE, COUNT(INVISIBLE)))
        return DISPLAY_UNSEEN;
    return is_in(c, SPACES, COUNT(SPACES)) ? DISPLAY_SPACE : DISPLAY_SEEN;
}

size_t display_name_clean(struct span name, char *out)
{
    size_t used = 0, marks = MARKS_MAX, n; /* none before the first letter: it would be drawn on our own bracket */
    bool space = false;
    for (; name.n > 0; name.p += n, name.n -= n) {
        unsigned c = display_next(name, &n);
        if (is_in(c, INVISIBLE, COUNT(INVISIBLE)))
            continue;
        if (is_in(c, SPACES, COUNT(SPACES))) {
            space = used > 0;
            continue;
        }
        marks = is_in(c, MARKS, COUNT(MARKS)) ? marks + 1 : 0;
        if (marks > MARKS_MAX || (marks > 0 && space))
            continue;
        if (space)
            out[used++] = ' ';
        space = false;
        used += utf8_put(is_in(c, BRACKETS, COUNT(BRACKETS)) ? '_' : c, out + used);
    }
    out[used] = '\0';
    return used;
}

/* U+00C0 to U+017F without their accents and in lower case; a dot: the letter is its own. */
static const char LATIN[] = "aaaaaa.ceeeeiiii.nooooo.ouuuuy..aaaaaa.ceeeeiiii.nooooo.ouuuuy.y"
                            "aaaaaaccccccccddddeeeeeeeeeegggggggghhhhiiiiiiiiii..jjkk.lllllll"
                            "lllnnnnnn...oooooo..rrrrrrssssssssttttttuuuuuuuuuuuuwwyyyzzzzzzs";

/* Each with its other case, so that "VERA" in Cyrillic is like "vera". */
static const struct {
    unsigned c, like;
} CONFUSABLES[] = {
    /* Greek */
    {0x391, 'a'},
    {0x392, 'b'},
    {0x395, 'e'},
    {0x396, 'z'},
    {0x397, 'h'},
    {0x399, 'i'},
    {0x39a, 'k'},
    {0x39c, 'm'},
    {0x39d, 'n'},
    {0x39f, 'o'},
    {0x3a1, 'p'},
    {0x3a4, 't'},
    {0x3a5, 'y'},
    {0x3a7, 'x'},
    {0x3b1, 'a'},
    {0x3b2, 'b'},
    {0x3b5, 'e'},
    {0x3b6, 'z'},
    {0x3b7, 'h'},
    {0x3b9, 'i'},
    {0x3ba, 'k'},
    {0x3bc, 'm'},
    {0x3bd, 'n'},
    {0x3bf, 'o'},
    {0x3c1, 'p'},
    {0x3c4, 't'},
    {0x3c5, 'y'},
    {0x3c7, 'x'},
    {0x386, 'a'},
    {0x388, 'e'},
    {0x389, 'h'},
    {0x38a, 'i'},
    {0x38c, 'o'},
    {0x38e, 'y'},
    {0x3ac, 'a'},
    {0x3ad, 'e'},
    {0x3ae, 'h'},
    {0x3af, 'i'},
    {0x3cc, 'o'},
    {0x3cd, 'y'},
    {0x3f2, 'c'},
    {0x3f3, 'j'},
    /* Cyrillic */
    {0x401, 'e'},
    {0x405, 's'},
    {0x406, 'i'},
    {0x407, 'i'},
    {0x408, 'j'},
    {0x410, 'a'},
    {0x412, 'b'},
    {0x415, 'e'},
    {0x41a, 'k'},
    {0x41c, 'm'},
    {0x41d, 'h'},
    {0x41e, 'o'},
    {0x420, 'p'},
    {0x421, 'c'},
    {0x422, 't'},
    {0x423, 'y'},
    {0x425, 'x'},
    {0x430, 'a'},
    {0x432, 'b'},
    {0x435, 'e'},
    {0x43a, 'k'},
    {0x43c, 'm'},
    {0x43d, 'h'},
    {0x43e, 'o'},
    {0x440, 'p'},
    {0x441, 'c'},
    {0x442, 't'},
    {0x443, 'y'},
    {0x445, 'x'},
    {0x451, 'e'},
    {0x455, 's'},
    {0x456, 'i'},
    {0x457, 'i'},
    {0x458, 'j'},
    {0x4ae, 'y'},
    {0x4af, 'y'},
    {0x4bb, 'h'},
    {0x4c0, 'i'},
    {0x4cf, 'i'},
    {0x501, 'd'},
    {0x51b, 'q'},
    {0x51d, 'w'},
    /* Latin of other shapes */
    {0x251, 'a'},
    {0x261, 'g'},
    {0x1c0, 'i'},
    /* Letters of their own, and marks */
    {0x3c2, 0x3c3},
    {0x419, 0x438},
    {0x439, 0x438},
    {0x2010, '-'},
    {0x2011, '-'},
    {0x2012, '-'},
    {0x2013, '-'},
    {0x2014, '-'},
    {0x2212, '-'},
    {0x2018, '\''},
    {0x2019, '\''},
};

/* Capital letters of Greek and Cyrillic, and how far their small ones are. */
static const struct {
    struct range capitals;
    unsigned distance;
} CASES[] = {{{0x391, 0x3a9}, 32}, {{0x400, 0x40f}, 80}, {{0x410, 0x42f}, 32}, {{0x531, 0x556}, 48}};

static unsigned fold(unsigned c)
{
    if (c >= 0xff01 && c <= 0xff5e) /* the full width forms of ASCII */
        c -= 0xff01 - '!';
    if (c >= 0xc0 && c - 0xc0 < sizeof LATIN - 1 && LATIN[c - 0xc0] != '.')
        c = (unsigned char)LATIN[c - 0xc0];
    for (size_t i = 0; i < COUNT(CONFUSABLES); i++)
        if (CONFUSABLES[i].c == c)
            c = CONFUSABLES[i].like;
    if (c >= 'A' && c <= 'Z')
        return c == 'I' ? 'l' : c - 'A' + 'a';
    if (c == 'i' || c == '1' || c == '|')
        return 'l';
    if (c == '0')
        return 'o';
    for (size_t i = 0; i < COUNT(CASES); i++)
        if (is_in(c, &CASES[i].capitals, 1))
            return c + CASES[i].distance;
    return c;
}

size_t display_name_skeleton(struct span name, char *out)
{
    size_t used = 0, n;
    for (; name.n > 0; name.p += n, name.n -= n) {
        unsigned c = display_next(name, &n);
        if (is_in(c, INVISIBLE, COUNT(INVISIBLE)) || is_in(c, SPACES, COUNT(SPACES)) || is_in(c, MARKS, COUNT(MARKS)))
            continue;
        used += utf8_put(is_in(c, BRACKETS, COUNT(BRACKETS)) ? '_' : fold(c), out + used);
    }
    out[used] = '\0';
    return used;
}
