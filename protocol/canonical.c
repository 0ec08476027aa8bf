/* SPDX-License-Identifier: MIT
 *
 * No white space, the shortest escapes (write_string), integers as they are, and members sorted by the UTF-16 code
 * units of their names (RFC 8785 section 3.2.3). Jansson's own sorted output was rejected: it sorts by bytes and
 * escapes by rules of its own.
 */
#include "protocol/canonical.h"

#include <jansson.h>
#include <stdlib.h>

#include "protocol/json_read.h"
#include "protocol/limits.h"
#include "protocol/write.h"

static bool integer_holds(json_int_t n)
{
    const json_int_t limit = (json_int_t)1 << 53;
    return n > -limit && n < limit;
}

bool canonical_holds(const struct json_t *value, unsigned depth)
{
    const char *name;
    json_t *item;
    size_t i;
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        if (depth == 0)
            return false;
        json_object_foreach((json_t *)value, name, item) if (!canonical_holds(item, depth - 1)) return false;
        return true;
    case JSON_ARRAY:
        if (depth == 0)
            return false;
        json_array_foreach(value, i, item) if (!canonical_holds(item, depth - 1)) return false;
        return true;
    case JSON_INTEGER:
        return integer_holds(json_integer_value(value));
    default:
        return !json_is_real(value);
    }
}

/* UTF-8 sorts as UTF-16 does, but for U+E000 … U+FFFF (first byte EE or EF), which UTF-16 has above the surrogates
 * that all characters beyond (first byte F0 to F4) are written with. */
static int rank(unsigned char c)
{
    return c == 0xee || c == 0xef ? c + 0x10 : c;
}

struct member {
    const char *name;
    const json_t *value;
};

static int compare_names(const void *a, const void *b)
{
    const unsigned char *p = (const unsigned char *)((const struct member *)a)->name;
    const unsigned char *q = (const unsigned char *)((const struct member *)b)->name;
    while (*p && *p == *q) {
        p++;
        q++;
    }
    return rank(*p) - rank(*q);
}

static bool is_among(const char *name, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

bool canonical_write_but(const struct json_t *object, const char *const *but, size_t but_n, struct buf *out)
{
    size_t n = 0;
    struct member *members = malloc((json_object_size(object) + 1) * sizeof *members);
    if (!members)
        return false;
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)object, name, value)
    {
        if (!is_among(name, but, but_n))
            members[n++] = (struct member){name, value};
    }
    qsort(members, n, sizeof *members, compare_names);
    bool ok = buf_byte(out, '{');
    for (size_t i = 0; ok && i < n; i++) {
        if (i > 0)
            buf_byte(out, ',');
        write_string(out, span_of(members[i].name));
        buf_byte(out, ':');
        ok = canonical_write(members[i].value, out);
    }
    free(members);
    return ok && buf_byte(out, '}');
}

static bool write_integer(json_int_t n, struct buf *out)
{
    if (n >= 0)
        return buf_number(out, (uint64_t)n);
    return buf_byte(out, '-') && buf_number(out, (uint64_t)-n);
}

static bool write_array(const json_t *array, struct buf *out)
{
    buf_byte(out, '[');
    for (size_t i = 0; i < json_array_size(array); i++) {
        if (i > 0)
            buf_byte(out, ',');
        if (!canonical_write(json_array_get(array, i), out))
            return false;
    }
    return buf_byte(out, ']');
}

bool canonical_write(const struct json_t *value, struct buf *out)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return canonical_write_but(value, NULL, 0, out);
    case JSON_ARRAY:
        return write_array(value, out);
    case JSON_STRING:
        write_string(out, (struct span){json_string_value(value), json_string_length(value)});
        break;
    case JSON_TRUE:
        buf_text(out, "true");
        break;
    case JSON_FALSE:
        buf_text(out, "false");
        break;
    case JSON_NULL:
        buf_text(out, "null");
        break;
    default:
        write_integer(json_integer_value(value), out);
    }
    return !out->failed;
}

bool canonical_text(struct span json, struct buf *out)
{
    json_t *value = json_read(json, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL);
    bool ok = value && canonical_holds(value, PEER_DEPTH_MAX) && canonical_write(value, out);
    json_decref(value);
    return ok;
}
