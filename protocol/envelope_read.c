/* SPDX-License-Identifier: MIT
 *
 * Reading an envelope: jansson makes the tree, this file checks each known member once and points into it. The rules
 * that hold only for signed envelopes stand apart, because a plain peer may leave out what it has no use for.
 * The content has a file of its own (envelope_content.c). The writer reads its own tree back through here, so that a bound is
 * written down once.
 */
#include <jansson.h>
#include <stdlib.h>

#include "protocol/canonical.h"
#include "protocol/envelope_shape.h"
#include "protocol/message.h"

/* ---- shapes ---- */

static bool chars_valid(struct span s, const char *marks)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool alnum = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!alnum && (c == '\0' || !strchr(marks, c)))
            return false;
    }
    return s.n > 0;
}

bool person_id_valid(struct span id)
{
    return id.n <= ENVELOPE_PERSON_MAX && chars_valid(id, "._-");
}

bool envelope_id_valid(struct span id)
{
    return id.n <= ENVELOPE_ID_MAX && chars_valid(id, "._:-");
}

bool envelope_conversation_valid(struct span c)
{
    uint8_t hash[ID_BYTES];
    if (c.n > 5 && memcmp(c.p, "room:", 5) == 0)
        return room_id_valid((struct span){c.p + 5, c.n - 5});
    return c.n > 2 && memcmp(c.p, "p:", 2) == 0 && base32_decode((struct span){c.p + 2, c.n - 2}, hash, ID_BYTES);
}

/* ---- members; each function leaves what is absent at zero ---- */

static bool get_people(const json_t *tree, const char *name, size_t max, struct span **list, size_t *n)
{
    const json_t *array = json_object_get(tree, name);
    if (!array)
        return true;
    size_t size = json_array_size(array);
    if (!json_is_array(array) || size > max || !(*list = calloc(size + 1, sizeof **list)))
        return false;
    for (; *n < size; ++*n) {
        const json_t *item = json_array_get(array, *n);
        if (!is_person(item))
            return false;
        (*list)[*n] = text_of(item);
    }
    return true;
}

static enum envelope_type find_type(struct span name)
{
#define X(id, text)          \
    if (span_is(name, text)) \
        return ENVELOPE_##id;
    ENVELOPE_TABLE(X)
#undef X
    return ENVELOPE_UNKNOWN;
}

static bool read_head(struct reader *r, const json_t *tree)
{
    struct envelope *e = r->e;
    uint64_t version = 0, retries = 0, hops = 0;
    const json_t *ack = json_object_get(tree, "requiresAck");
    if (!is_id(json_object_get(tree, "id")) || !get_text(tree, "id", &e->id))
        return bad(r, "`id` must be 1 to 64 of A-Z a-z 0-9 . _ : -");
    if (!is_within(json_object_get(tree, "type"), 1, ENVELOPE_TYPE_MAX) || !get_text(tree, "type", &e->type_name))
        return bad(r, "`type` must be a string of 1 to 32 bytes");
    if (!get_number(tree, "version", ENVELOPE_VERSION, ENVELOPE_VERSION, &version))
        return bad(r, "`version` must be 1");
    if (!get_text(tree, "from", &e->from) || (e->from.p && !person_id_valid(e->from)))
        return bad(r, "`from` must be an id: 1 to 59 of A-Z a-z 0-9 . _ -");
    if (!get_text(tree, "conversation", &e->conversation) ||
        (e->conversation.p && !envelope_conversation_valid(e->conversation)))
        return bad(r, "`conversation` must be room: and a room id, or p: and 26 characters of base32");
    if (!get_number(tree, "timestamp", 1, ENVELOPE_NUMBER_MAX, &e->timestamp))
        return bad(r, "`timestamp` must be milliseconds since 1970");
    if (!get_number(tree, "ttl", 1, ENVELOPE_TTL_MAX_MS, &e->ttl_ms))
        return bad(r, "`ttl` must be milliseconds, at least 1 and at most 30 days");
    if (!get_number(tree, "retryCount", 0, ENVELOPE_RETRIES_MAX, &retries))
        return bad(r, "`retryCount` must be 0 to 1000000");
    if (!get_number(tree, "hops", 1, ENVELOPE_HOPS_MAX, &hops))
        return bad(r, "`hops` must be 1 to 1024");
    e->hops = (uint32_t)hops;
    if (ack && !json_is_boolean(ack))
        return bad(r, "`requiresAck` must be true or false");
    e->type = find_type(e->type_name);
    e->version = (uint32_t)version;
    e->retry_count = (uint32_t)retries;
    e->requires_ack = json_is_true(ack);
    return true;
}

static bool read_people(struct reader *r, const json_t *tree)
{
    struct envelope *e = r->e;
    bool to = get_people(tree, "to", ENVELOPE_TO_MAX, &r->own->to, &e->to_count);
    bool route = to && get_people(tree, "route", ENVELOPE_ROUTE_MAX, &r->own->route, &e->route_count);
    e->to = r->own->to;
    e->route = r->own->route;
    if (!to)
        return bad(r, "`to` must be an array of at most 256 ids");
    return route || bad(r, "`route` must be an array of at most 4 ids");
}

static bool read_clock(struct reader *r, const json_t *tree)
{
    struct envelope *e = r->e;
    const char *problem = "`vectorClock` must be an object of at most 1024 ids with integers from 0 up";
    if (!get_number(tree, "sequence", 1, ENVELOPE_NUMBER_MAX, &e->sequence))
        return bad(r, "`sequence` must be an integer from 1 up");
    json_t *clock = json_object_get(tree, "vectorClock"), *count;
    if (!clock)
        return e->sequence == 0 || bad(r, "`sequence` goes with a `vectorClock`");
    if (!json_is_object(clock) || json_object_size(clock) > ENVELOPE_CLOCK_MAX)
        return bad(r, problem);
    e->clock = r->own->clock = calloc(json_object_size(clock) + 1, sizeof *r->own->clock);
    if (!e->clock)
        return bad(r, NO_MEMORY);
    uint64_t own = 0;
    const char *who;
    json_object_foreach(clock, who, count)
    {
        if (!person_id_valid(span_of(who)) || !is_number(count))
            return bad(r, problem);
        struct envelope_tick tick = {span_of(who), (uint64_t)json_integer_value(count)};
        r->own->clock[e->clock_count++] = tick;
        if (span_eq(tick.who, e->from))
            own = tick.count;
    }
    return (e->sequence > 0 && own == e->sequence) || bad(r, "`sequence` must be the `vectorClock` of `from`");
}

static bool read_since(struct reader *r, const json_t *tree)
{
    struct envelope *e = r->e;
    json_t *since = json_object_get(tree, "since"), *count;
    const char *who, *problem = "`since` must be an object of at most 1024 ids with integers from 1 up";
    if (!since)
        return true;
    if (!json_is_object(since) || json_object_size(since) > ENVELOPE_CLOCK_MAX)
        return bad(r, problem);
    e->since = r->own->since = calloc(json_object_size(since) + 1, sizeof *r->own->since);
    if (!e->since)
        return bad(r, NO_MEMORY);
    json_object_foreach(since, who, count)
    {
        if (!person_id_valid(span_of(who)) || !is_number(count) || json_integer_value(count) == 0)
            return bad(r, problem);
        r->own->since[e->since_count++] = (struct envelope_tick){span_of(who), (uint64_t)json_integer_value(count)};
    }
    return true;
}

static bool read_keys(struct reader *r, const json_t *tree)
{
    struct envelope *e = r->e;
    json_t *keys = json_object_get(tree, "keys"), *wrapped;
    const char *problem = "`keys` must be an object of at most 1024 ids with base64 of at most 128 characters";
    if (!keys)
        return true;
    if (!json_is_object(keys) || json_object_size(keys) > ENVELOPE_KEYS_MAX)
        return bad(r, problem);
    e->keys = r->own->keys = calloc(json_object_size(keys) + 1, sizeof *r->own->keys);
    if (!e->keys)
        return bad(r, NO_MEMORY);
    const char *who;
    json_object_foreach(keys, who, wrapped)
    {
        if (!person_id_valid(span_of(who)) || !is_within(wrapped, 1, ENVELOPE_KEY_CHARS_MAX))
            return bad(r, problem);
        r->own->keys[e->key_count++] = (struct envelope_key){span_of(who), text_of(wrapped)};
    }
    return true;
}

static bool read_content(struct reader *r, const json_t *tree)
{
    struct envelope *e = r->e;
    const json_t *content = json_object_get(tree, "content");
    if (!get_text(tree, "encrypted", &e->encrypted) || (e->encrypted.p && e->encrypted.n == 0))
        return bad(r, "`encrypted` must be a string that is not empty");
    if (!content)
        return true;
    if (!json_is_object(content) || e->encrypted.p)
        return bad(r, "`content` must be an object, and not be there beside `encrypted`");
    return envelope_read_parts(r, content);
}

static bool read_signature(struct reader *r, const json_t *tree)
{
    const json_t *signature = json_object_get(tree, "signature");
    if (!signature)
        return true;
    r->e->is_signed = true;
    return (json_is_string(signature) && base64_decode(text_of(signature), r->e->signature, sizeof r->e->signature)) ||
           bad(r, "`signature` must be 64 bytes in base64");
}

/* ---- what members say together ---- */

static bool check_talk(struct reader *r)
{
    const struct envelope *e = r->e;
    bool in_room = e->conversation.p && e->conversation.p[0] == 'r';
    if (!e->text.p && e->attachment_count == 0 && !e->encrypted.p)
        return bad(r, "a message needs `content.text`, `content.attachments` or `encrypted`");
    if (e->conversation.p && in_room != (e->type == ENVELOPE_GROUP_MESSAGE))
        return bad(r, "a group message's `conversation` is a room, any other's is not");
    if (e->type == ENVELOPE_GROUP_MESSAGE ? e->to_count > 0 : e->type == ENVELOPE_DIRECT_MESSAGE && e->to_count > 1)
        return bad(r, "`to` names one reader of a direct message and none of a group message");
    if (!e->is_signed)
        return true;
    if (e->type != ENVELOPE_GROUP_MESSAGE && e->to_count == 0)
        return bad(r, "`to` must name the readers");
    return (e->conversation.p && e->sequence > 0) ||
           bad(r, "a signed message needs `conversation`, `sequence` and `vectorClock`");
}

static bool check_whole(struct reader *r, const json_t *tree)
{
    const struct envelope *e = r->e;
    if (e->is_signed && (e->version == 0 || !e->from.p || e->timestamp == 0))
        return bad(r, "a signed envelope needs `version`, `from` and `timestamp`");
    if (e->encrypted.p && !e->is_signed)
        return bad(r, "what is `encrypted` must be signed");
    if (e->type == ENVELOPE_STATUS_UPDATE && !e->text.p && !e->encrypted.p)
        return bad(r, "a status needs `content.text`");
    if (envelope_is_talk(e->type))
        return check_talk(r);
    return e->encrypted.p || envelope_check_metadata(r, json_object_get(json_object_get(tree, "content"), "metadata"));
}

bool envelope_read(struct json_t *tree, struct envelope *e, const char **problem)
{
    *e = (struct envelope){.owned = calloc(1, sizeof *e->owned)};
    struct reader r = {.e = e, .own = e->owned, .problem = NO_MEMORY};
    if (!r.own)
        goto fail;
    r.own->tree = json_incref(tree);
    if (!json_is_object(tree) || !canonical_holds(tree, PEER_DEPTH_MAX)) {
        r.problem = "a message is one object, at most 16 deep, whose numbers are integers below 2^53";
        goto fail;
    }
    if (read_head(&r, tree) && read_people(&r, tree) && read_clock(&r, tree) && read_since(&r, tree) &&
        read_keys(&r, tree) && read_content(&r, tree) && read_signature(&r, tree) && check_whole(&r, tree))
        return true;
fail:
    envelope_done(e);
    *problem = r.problem;
    return false;
}
