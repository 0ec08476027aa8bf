/* SPDX-License-Identifier: MIT
 *
 * A growable buffer that demands a maximum. Appending past the maximum, or running out of memory, marks the
 * buffer as failed and changes nothing else: a writer may append a whole message and ask once at the end.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdint.h>

#include "base/span.h"

struct buf {
    char *p; /* owned; NULL until something was added. Always followed by a NUL that len does not count. */
    size_t len;
    size_t cap;
    size_t max; /* bytes that len may reach */
    bool failed;
};

/* An empty buffer of at most `max` bytes. Allocates nothing. */
void buf_init(struct buf *b, size_t max);
/* Frees the bytes; the buffer is empty and usable again. Takes a zeroed buffer too. */
void buf_done(struct buf *b);
/* Forgets the content and the failure, keeps the memory. */
void buf_reset(struct buf *b);

/* Each returns false, and leaves `failed` set, when the bytes do not fit. */
bool buf_add(struct buf *b, const void *bytes, size_t n);
bool buf_text(struct buf *b, const char *text);
bool buf_span(struct buf *b, struct span s);
bool buf_byte(struct buf *b, char c);
bool buf_number(struct buf *b, uint64_t n); /* in decimal */
bool buf_printf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Room for n bytes at the end without changing len; NULL when they do not fit. The caller adds what it wrote to len. */
char *buf_reserve(struct buf *b, size_t n);
/* Drops the first n bytes (n <= len). O(len). */
void buf_consume(struct buf *b, size_t n);
/* Hands the bytes over: the caller frees them with free(). NULL if failed. The buffer is empty after it. */
char *buf_take(struct buf *b, size_t *len);

static inline struct span buf_view(const struct buf *b)
{
    return (struct span){b->p, b->len};
}

#endif
