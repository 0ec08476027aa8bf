/* SPDX-License-Identifier: MIT
 *
 * What a client's frame claims to be, read with jansson: the server oracle's own reading of the specification, so that the
 * core's scanner and message table are not judged by themselves.
 */
#ifndef SIM_CLAIM_H
#define SIM_CLAIM_H

#include <jansson.h>

#include "base/span.h"
#include "protocol/error.h"

enum claim_type {
    CLAIM_BAD,
    CLAIM_JOIN,
    CLAIM_LEAVE,
    CLAIM_RELAY,
    CLAIM_RESUME,
    CLAIM_REPORT,
    CLAIM_PING
};

struct claim {
    enum claim_type type;
    uint32_t errors;  /* CLAIM_BAD: 1 << enum error of the answers that are right */
    json_t *body;     /* owned; NULL if it could not be read */
    const char *room; /* CLAIM_JOIN */
    const char *to;   /* CLAIM_RELAY */
};

struct claim claim_read(struct span frame);
void claim_done(struct claim *c);
/* The error whose wire code this is; ERRORS if none. */
enum error claim_error(const char *code);

#endif
