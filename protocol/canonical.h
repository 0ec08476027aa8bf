/* SPDX-License-Identifier: MIT
 *
 * The canonical form of JSON (RFC 8785) that signatures are made over, for values whose numbers are integers below
 * 2^53: the form of other numbers depends on how a language prints doubles, and no message needs them.
 */
#ifndef PROTOCOL_CANONICAL_H
#define PROTOCOL_CANONICAL_H

#include "base/buf.h"

struct json_t; /* jansson's */

/* Whether value nests at most `depth` deep (a bare scalar is 0) and every number in it is an integer whose magnitude is
 * below 2^53. */
bool canonical_holds(const struct json_t *value, unsigned depth);
/* Appends the canonical form of a value that canonical_holds; false when out of memory or out is too small. */
bool canonical_write(const struct json_t *value, struct buf *out);
/* Likewise an object, without the members of these names. */
bool canonical_write_but(const struct json_t *object, const char *const *but, size_t but_n, struct buf *out);
/* The same for JSON text, at most PEER_DEPTH_MAX deep; false, too, if it is none or repeats a name. */
bool canonical_text(struct span json, struct buf *out);

#endif
