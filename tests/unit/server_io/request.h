/* SPDX-License-Identifier: MIT
 *
 * Heads read in every way they can come: whole, and after each of their beginnings.
 */
#ifndef TESTS_UNIT_SERVER_IO_REQUEST_H
#define TESTS_UNIT_SERVER_IO_REQUEST_H

#include <stdio.h>
#include <stdlib.h>

#include "server/io/request_head.h"

/* The head of bytes that come in two pieces, `first` of them first. On a copy of exactly n bytes, so that sanitizers
 * see a look behind them; it is freed, so of h only what does not point into it may be used. */
static inline enum head_progress request_read_in_two(struct span bytes, size_t first, struct request_head *h)
{
    char *copy = malloc(bytes.n + 1);
    assert_non_null(copy);
    char *exact = copy + 1; /* no byte behind it is ours */
    memcpy(exact, bytes.p, bytes.n);
    enum head_progress done = request_head_read((struct span){exact, first}, 0, h);
    if (done == HEAD_MORE)
        done = request_head_read((struct span){exact, bytes.n}, first, h);
    free(copy);
    return done;
}

/* Same verdict and, as far as numbers tell, the same content. */
static inline void request_expect_same(const struct request_head *a, const struct request_head *b)
{
    assert_int_equal(a->n, b->n);
    assert_int_equal(a->headers_count, b->headers_count);
    assert_int_equal(a->minor, b->minor);
    assert_int_equal(a->status, b->status);
    assert_ptr_equal(a->problem, b->problem);
    assert_ptr_equal(a->code, b->code);
    assert_int_equal(a->path.n, b->path.n);
    assert_int_equal(a->host.n, b->host.n);
}

/* Reads a head that is good: as it stands, and in two pieces, cut anywhere; and none of its beginnings is one. */
static inline void request_read(struct span bytes, struct request_head *h)
{
    struct request_head again;
    enum head_progress done = request_head_read(bytes, 0, h);
    if (done != HEAD_WHOLE)
        fail_msg("%s: %.*s", done == HEAD_BAD ? h->problem : "not whole", (int)bytes.n, bytes.p);
    for (size_t n = 0; n < h->n; n++)
        assert_int_equal(request_head_read((struct span){bytes.p, n}, 0, &again), HEAD_MORE);
    for (size_t n = 0; n < h->n; n++) {
        assert_int_equal(request_read_in_two(bytes, n, &again), HEAD_WHOLE);
        request_expect_same(h, &again);
    }
}

/* Reads GET / of HTTP/1.1 with these header lines, each of which ends with CR LF. The text goes to `out`. */
static inline void request_read_lines(const char *lines, char *out, size_t size, struct request_head *h)
{
    int n = snprintf(out, size, "GET / HTTP/1.1\r\nHost: usher.example\r\n%s\r\n", lines);
    assert_true(n > 0 && (size_t)n < size);
    request_read((struct span){out, (size_t)n}, h);
}

#endif
