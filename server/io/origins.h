/* SPDX-License-Identifier: MIT
 *
 * server.origins: web origins as operators write them and as browsers send them in the header Origin, and who may
 * connect. A setting that no browser would ever send is refused or brought into the form that they send, never left to
 * fail in silence.
 */
#ifndef SERVER_IO_ORIGINS_H
#define SERVER_IO_ORIGINS_H

#include <stdint.h>

#include "base/err.h"
#include "base/span.h"
#include "server/adapters/logger.h"

enum {
    ORIGIN_SCHEME_MAX = 32,
    ORIGIN_MAX = 296 /* bytes: scheme, `://`, host and port */
};

/* Brings an entry into the form of RFC 6454 section 6.2: scheme and host in lower case, no default port, no slash at the
 * end. `*` (any page) and `null` (what browsers send for a page without an origin of its own) stay. False with a
 * sentence that says what is wrong and, where that is clear, what to write. */
bool origins_normalise(const char *text, char out[ORIGIN_MAX + 1], struct err *e);

/* Whether a page of this origin, the value of the request's header Origin of whatever length, may connect. The list holds
 * what origins_normalise wrote. A request without that header comes from a program and is not asked about here. */
bool origins_allow(const char *const *list, size_t n, struct span origin);

/* Counts a refusal; true with a record of it, at most one a second: the origin (cut, without control characters), how many
 * there were since the last record, and which setting lets it in. now_ms never goes back. */
bool origins_refusal(struct log_pace *refusals, struct span origin, uint64_t now_ms, struct log_record *record);
/* The same, and the record is written. */
void origins_refused(struct log_pace *refusals, const struct logger *logger, struct span origin, uint64_t now_ms);

#endif
