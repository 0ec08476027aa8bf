/* SPDX-License-Identifier: MIT */
#include "base/buf.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    FIRST_CAP = 128
};

void buf_init(struct buf *b, size_t max)
{
    *b = (struct buf){.max = max};
}

void buf_done(struct buf *b)
{
    free(b->p);
    buf_init(b, b->max);
}

void buf_reset(struct buf *b)
{
    b->len = 0;
    b->failed = false;
    if (b->p)
        b->p[0] = '\0';
}

char *buf_reserve(struct buf *b, size_t n)
{
    if (b->failed)
        return NULL;
    if (n > b->max - b->len)
        goto fail;
    size_t need = b->len + n + 1;
    if (need > b->cap) {
        size_t cap = b->cap ? b->cap : FIRST_CAP;
        while (cap < need)
            cap *= 2;
        if (cap > b->max + 1)
            cap = b->max + 1;
        char *p = realloc(b->p, cap);
        if (!p)
            goto fail;
        b->p = p;
        b->cap = cap;
    }
    return b->p + b->len;
fail:
    b->failed = true;
    return NULL;
}

bool buf_add(struct buf *b, const void *bytes, size_t n)
{
    char *at = buf_reserve(b, n);
    if (!at)
        return false;
    if (n)
        memcpy(at, bytes, n);
    b->len += n;
    b->p[b->len] = '\0';
    return true;
}

bool buf_text(struct buf *b, const char *text)
{
    return buf_add(b, text, strlen(text));
}

bool buf_span(struct buf *b, struct span s)
{
    return buf_add(b, s.p, s.n);
}

bool buf_byte(struct buf *b, char c)
{
    return buf_add(b, &c, 1);
}

bool buf_number(struct buf *b, uint64_t n)
{
    char digits[20];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + n % 10);
        n /= 10;
    } while (n > 0);
    return buf_add(b, digits + at, sizeof digits - at);
}

bool buf_printf(struct buf *b, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    va_list again;
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    assert(n >= 0);
    char *at = buf_reserve(b, (size_t)n);
    if (at) {
        vsnprintf(at, (size_t)n + 1, format, again);
        b->len += (size_t)n;
    }
    va_end(again);
    return at != NULL;
}

void buf_consume(struct buf *b, size_t n)
{
    assert(n <= b->len);
    if (n == 0)
        return;
    memmove(b->p, b->p + n, b->len - n + 1);
    b->len -= n;
}

char *buf_take(struct buf *b, size_t *len)
{
    if (b->failed || !buf_reserve(b, 0))
        return NULL;
    b->p[b->len] = '\0';
    char *p = b->p;
    if (len)
        *len = b->len;
    buf_init(b, b->max);
    return p;
}
