/* SPDX-License-Identifier: MIT
 *
 * JSON into a tree, so that whoever looks at errno later still learns whether memory ran out: jansson sets it to 0 before it
 * reads a number.
 */
#ifndef PROTOCOL_JSON_READ_H
#define PROTOCOL_JSON_READ_H

#include <errno.h>
#include <jansson.h>

#include "base/span.h"

/* Returned owned; NULL: it is no JSON, or memory is short. flags and error as in json_loadb. */
static inline json_t *json_read(struct span text, size_t flags, json_error_t *error)
{
    int before = errno;
    json_t *tree = json_loadb(text.n ? text.p : "", text.n, flags, error);
    if (before == ENOMEM)
        errno = ENOMEM;
    return tree;
}

#endif
