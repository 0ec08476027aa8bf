/* SPDX-License-Identifier: MIT
 *
 * What a request's header says about which representation of a file is wanted, and whether at all: preconditions
 * (RFC 9110 section 13), ranges (section 14) and content codings (section 12.5.3). Pure functions over header values.
 *
 * A value whose p is NULL stands for a header that is absent; one of no bytes is there and empty. Where a header came on
 * several lines, the value is theirs in order, with commas between (section 5.3).
 */
#ifndef SERVER_IO_CONDITIONAL_H
#define SERVER_IO_CONDITIONAL_H

#include <stdint.h>

#include "base/span.h"

struct conditions {
    struct span if_match, if_none_match, if_modified_since, if_unmodified_since;
    struct span range, if_range;
};

/* What would be sent. */
struct representation {
    struct span etag; /* with its quotes; strong */
    int64_t modified; /* Unix seconds */
    bool dated;       /* it says so in Last-Modified (http_dated); else nobody knows the date, and it proves nothing */
    uint64_t size;
};

enum verdict {
    VERDICT_SEND,
    VERDICT_NOT_MODIFIED, /* 304 */
    VERDICT_FAILED,       /* 412 */
};

/* Section 13.2.2, of a GET or HEAD. now: Unix seconds. */
enum verdict conditions_check(const struct conditions *c, const struct representation *r, int64_t now);

enum range_verdict {
    RANGE_WHOLE,         /* 200 */
    RANGE_PART,          /* 206: `part` of it */
    RANGE_UNSATISFIABLE, /* 416 */
};

struct byte_part {
    uint64_t first, count; /* count > 0, and all of it lies within the size */
};

enum {
    RANGES_MAX = 16 /* of one request; whoever names more gets the whole (section 17.15) */
};

/* Of a GET whose preconditions hold. What is no range of bytes, and ranges that are apart from each other, ask for the
 * whole: section 14.2 allows it, and whoever asked for several has them all at the price of one request. */
enum range_verdict range_choose(
    const struct conditions *c, const struct representation *r, int64_t now, struct byte_part *part);

/* In order of preference. */
enum coding {
    CODING_BR,
    CODING_GZIP,
    CODING_IDENTITY,
    CODINGS
};

/* The token of Content-Encoding; NULL of CODING_IDENTITY. Static. */
const char *coding_name(enum coding coding);
/* The best of those whose bit (1u << coding) is set; identity always exists, and is what remains if all is refused. */
enum coding coding_choose(struct span accept_encoding, unsigned exist);

/* Whether a file of this time may say Last-Modified now: once that second is over, so that the date names one content
 * only (section 8.8.2.2), and not before 1970. */
bool http_dated(int64_t modified, int64_t now);

#endif
