/* SPDX-License-Identifier: MIT
 *
 * What dialects share whose messages are JSON objects with a `type`, and whose requests bring no `ref`.
 */
#ifndef PROTOCOL_DIALECT_JSON_H
#define PROTOCOL_DIALECT_JSON_H

#include "protocol/dialect.h"

enum {
    DIALECT_TYPE_MAX = 16 /* bytes of the longest name of a type, and more */
};

static inline enum error dialect_refuse(struct request *r, enum error e, const char *problem)
{
    r->type = MESSAGE_NONE;
    r->problem = problem;
    r->final = false;
    r->attachments = 0;
    return e;
}

/* Scans the message into r->codec.scan, and clears what every request has. */
static inline enum error dialect_scan(struct span bytes, struct request *r)
{
    struct scan *s = &r->codec.scan;
    r->bytes = bytes;
    r->ref = (struct span){NULL, 0};
    r->problem = NULL;
    enum error e = scan_frame(bytes, s);
    return e == ERROR_NONE ? e : dialect_refuse(r, e, s->problem);
}

/* Its type, in `space` if it was escaped; empty if it has none, or one that is longer. */
static inline struct span dialect_type(const struct scan *s, char space[DIALECT_TYPE_MAX])
{
    struct span name = {NULL, 0};
    scan_text(s, MEMBER_TYPE, space, DIALECT_TYPE_MAX, &name);
    return name;
}

/* A member of 1 to max bytes as text, in the request's space if it was escaped; false if it is none. */
static inline bool dialect_text(struct request *r, enum member_name m, size_t max, struct span *text)
{
    return scan_text(&r->codec.scan, m, r->space, sizeof r->space, text) && text->n >= 1 && text->n <= max;
}

#endif
