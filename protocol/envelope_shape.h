/* SPDX-License-Identifier: MIT
 *
 * Between envelope_read.c and envelope_content.c only: the shapes of members.
 */
#ifndef PROTOCOL_ENVELOPE_SHAPE_H
#define PROTOCOL_ENVELOPE_SHAPE_H

#include <jansson.h>

#include "protocol/envelope_tree.h"

#define NO_MEMORY "out of memory"

struct reader {
    struct envelope *e;
    struct envelope_owned *own;
    const char *problem;
};

static inline bool bad(struct reader *r, const char *problem)
{
    r->problem = problem;
    return false;
}

static inline struct span text_of(const json_t *value)
{
    return (struct span){json_string_value(value), json_string_length(value)};
}

static inline bool is_within(const json_t *value, size_t min, size_t max)
{
    size_t n = json_string_length(value);
    return json_is_string(value) && n >= min && n <= max;
}

static inline bool is_number(const json_t *value)
{
    return json_is_integer(value) && json_integer_value(value) >= 0;
}

static inline bool is_person(const json_t *value)
{
    return json_is_string(value) && person_id_valid(text_of(value));
}

static inline bool is_id(const json_t *value)
{
    return json_is_string(value) && envelope_id_valid(text_of(value));
}

/* Points *out at a string member; false if it is there and no string. */
static inline bool get_text(const json_t *object, const char *name, struct span *out)
{
    const json_t *value = json_object_get(object, name);
    if (json_is_string(value))
        *out = text_of(value);
    return !value || json_is_string(value);
}

static inline bool get_number(const json_t *object, const char *name, uint64_t min, uint64_t max, uint64_t *out)
{
    const json_t *value = json_object_get(object, name);
    if (!value)
        return true;
    if (!is_number(value))
        return false;
    *out = (uint64_t)json_integer_value(value);
    return *out >= min && *out <= max;
}

/* Text, attachments and metadata, out of `content`. */
bool envelope_read_parts(struct reader *r, const json_t *content);
/* What the type asks of its metadata (NULL: there is none). */
bool envelope_check_metadata(struct reader *r, const json_t *metadata);

#endif
