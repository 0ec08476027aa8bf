/* SPDX-License-Identifier: MIT */
#include "server/io/query.h"

enum {
    ESCAPE = 3 /* bytes of %XX */
};

/* -1 if it is no digit. */
static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Takes one byte off text that is not empty, decoded; false if its escape is broken. */
static bool take_byte(struct span *text, char *c)
{
    size_t n = 1;
    *c = text->p[0];
    if (*c == '%') {
        int high = text->n < ESCAPE ? -1 : hex_value(text->p[1]), low = high < 0 ? -1 : hex_value(text->p[2]);
        if (low < 0)
            return false;
        *c = (char)(high << 4 | low);
        n = ESCAPE;
    }
    text->p += n;
    text->n -= n;
    return true;
}

bool path_decode(struct span raw, char *out, size_t size)
{
    size_t n = 0;
    while (raw.n > 0) {
        const char *from = raw.p;
        char c;
        if (!take_byte(&raw, &c) || c == '\0')
            return false;
        size_t keep = c == '/' ? (size_t)(raw.p - from) : 1; /* an escaped one stays escaped */
        if (n + keep >= size)
            return false;
        memcpy(out + n, keep == 1 ? &c : from, keep);
        n += keep;
    }
    if (n >= size)
        return false;
    out[n] = '\0';
    return true;
}

/* ---- pairs ---- */

static bool take_form_byte(struct span *text, char *c)
{
    bool space = text->p[0] == '+';
    if (!take_byte(text, c))
        return false;
    if (space)
        *c = ' ';
    return true;
}

static bool name_is(struct span raw, const char *name)
{
    char c;
    for (; raw.n > 0; name++)
        if (!take_form_byte(&raw, &c) || c == '\0' || c != *name)
            return false;
    return *name == '\0';
}

static bool decode_value(struct span raw, struct buf *out)
{
    char c;
    while (raw.n > 0 && !out->failed)
        if (take_form_byte(&raw, &c))
            buf_byte(out, c);
        else
            out->failed = true;
    return !out->failed;
}

/* Cuts what stands before the first `mark`, or all of it, off text; the rest is p == NULL if there was none. */
static struct span cut(struct span *text, char mark)
{
    const char *at = span_find(*text, mark);
    struct span before = {text->p, at ? (size_t)(at - text->p) : text->n};
    *text = at ? (struct span){at + 1, text->n - before.n - 1} : (struct span){NULL, 0};
    return before;
}

bool query_find(struct span query, const char *name, struct buf *out)
{
    buf_reset(out);
    while (query.p) {
        struct span value = cut(&query, '&'), found = cut(&value, '=');
        if (name_is(found, name))
            return decode_value(value, out);
    }
    return false;
}
