/* SPDX-License-Identifier: MIT
 *
 * What stands percent-encoded (RFC 3986 section 2.1) in the target of a request: its path, and the values of its query.
 */
#ifndef SERVER_IO_QUERY_H
#define SERVER_IO_QUERY_H

#include "base/buf.h"

/* Decodes a path into out, with a NUL behind. `%2F` stays as it is, for it must not become a separator (so it reads
 * like `%252F`, which is none either). What comes out may have any byte but NUL, and `..` for `%2e%2e`: judge this, not
 * what went in. False if an escape is broken or stands for NUL, or if the path does not fit: with size > raw.n it does.
 */
bool path_decode(struct span raw, char *out, size_t size);

/* The decoded value of the first pair of that name, in place of what was in `out`: application/x-www-form-urlencoded
 * (WHATWG URL section 5), so `+` is a space, and names are decoded too. It may have any bytes; it is empty if there is
 * no `=`. False if the name is absent; also, with out->failed set, if an escape in the value is broken, or the value is
 * longer than out may be. What is broken elsewhere does not matter. */
bool query_find(struct span query, const char *name, struct buf *out);

#endif
