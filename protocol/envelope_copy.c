/* SPDX-License-Identifier: MIT
 *
 * One reader's copy of a message that its author keeps as text. envelope_write made that text, so its members stand in the
 * order of their names, without white space between them, and no name needs an escape. Three members differ in a copy;
 * all others are copied byte for byte, and no tree is built.
 */
#include "protocol/envelope.h"

struct member {
    struct span name, value; /* the name without its quotes */
    struct span whole;
};

/* Behind the string whose opening quote is at `at`. */
static const char *behind_string(const char *at, const char *end)
{
    for (at++; at < end; at++) {
        if (*at == '"')
            return at + 1;
        if (*at == '\\' && ++at == end)
            break;
    }
    return end;
}

/* What ends the value that begins at `at`: the comma or brace of the object that it is in. */
static const char *behind_value(const char *at, const char *end)
{
    size_t depth = 0;
    while (at < end) {
        if (*at == '"') {
            at = behind_string(at, end);
            continue;
        }
        if (depth == 0 && (*at == ',' || *at == '}'))
            break;
        depth += *at == '{' || *at == '[';
        depth -= *at == '}' || *at == ']';
        at++;
    }
    return at;
}

/* The member behind the brace or comma at *at, which moves on to what ends it. False: there is none. */
static bool next_member(struct span object, size_t *at, struct member *m)
{
    const char *end = object.p + object.n, *name = object.p + *at + 1;
    if (name >= end || *name != '"')
        return false;
    const char *value = behind_string(name, end);
    if (value >= end || *value++ != ':')
        return false;
    const char *stop = behind_value(value, end);
    m->name = (struct span){name + 1, (size_t)(value - name) - 3};
    m->value = (struct span){value, (size_t)(stop - value)};
    m->whole = (struct span){name, (size_t)(stop - name)};
    *at = (size_t)(stop - object.p);
    return true;
}

static void write_key(struct span keys, struct span reader, struct buf *out)
{
    struct member m;
    for (size_t at = 0; next_member(keys, &at, &m);)
        if (span_eq(m.name, reader)) {
            buf_text(out, "\"keys\":{");
            buf_span(out, m.whole);
            buf_text(out, "},");
        }
}

static void write_tries_and_route(uint32_t retry_count, struct span route, struct buf *out)
{
    if (retry_count > 0) {
        buf_text(out, "\"retryCount\":");
        buf_number(out, retry_count);
        buf_byte(out, ',');
    }
    if (route.n > 0) {
        buf_text(out, "\"route\":[\"");
        buf_span(out, route);
        buf_text(out, "\"],");
    }
}

bool envelope_copy_for(struct span text, struct span reader, uint32_t retry_count, struct span route, struct buf *out)
{
    struct member m;
    size_t at = 0, from = out->len;
    bool numbered = false;
    buf_byte(out, '{');
    while (next_member(text, &at, &m)) {
        if (span_is(m.name, "keys")) {
            write_key(m.value, reader, out);
            continue;
        }
        if (span_is(m.name, "retryCount") || span_is(m.name, "route"))
            continue;
        if (span_is(m.name, "sequence")) { /* in the order of names the two stand right before it */
            write_tries_and_route(retry_count, route, out);
            numbered = true;
        }
        buf_span(out, m.whole);
        buf_byte(out, ',');
    }
    if (!numbered || out->failed || at + 1 != text.n || text.p[at] != '}')
        return false;
    out->p[out->len - 1] = '}';
    return out->len - from <= PEER_MESSAGE_MAX;
}
