/* SPDX-License-Identifier: MIT
 *
 * jansson reads, our own writers write. Members that are not known are ignored in a request and refused in the file: a
 * newer daemon wrote it, and what it means by them could be what keeps the room closed.
 */
#include "protocol/roomfile.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>

#include "base/text.h"
#include "protocol/json_read.h"
#include "protocol/message.h"
#include "protocol/write.h"

enum {
    INCARNATION_CHARS = 16,
    FILE_MEMBERS = 7,
    FILE_MEMBERS_LOCKED = 9
};

/* ---- requests ---- */

static bool read_count(const json_t *value, uint32_t *out)
{
    json_int_t n = json_integer_value(value);
    if (!json_is_integer(value) || n < 0 || n > ROOM_PEERS_CEILING)
        return false;
    *out = (uint32_t)n;
    return true;
}

static bool read_text(const json_t *value, char *out, size_t max, size_t *n)
{
    if (!json_is_string(value) || json_string_length(value) > max)
        return false;
    *n = json_string_length(value);
    memcpy(out, json_string_value(value), *n);
    return true;
}

static bool read_name(const json_t *value, struct room_terms *t)
{
    size_t n = 0;
    bool ok = read_text(value, t->name, sizeof t->name, &n);
    t->name_n = (uint8_t)n;
    return ok;
}

static const char *parse_members(const json_t *tree, struct room_terms *t, char *password, size_t *password_n)
{
    const json_t *name = json_object_get(tree, "name"), *secret = json_object_get(tree, "password");
    const json_t *max = json_object_get(tree, "maxPeers"), *listed = json_object_get(tree, "listed");
    if (name && (!read_name(name, t) || t->name_n == 0))
        return "`name` must be a string of 1 to 128 bytes";
    if (secret && (!read_text(secret, password, PASSWORD_MAX, password_n) || *password_n == 0))
        return "`password` must be a string of 1 to 256 bytes";
    if (max && (!read_count(max, &t->max_peers) || t->max_peers == 0))
        return "`maxPeers` must be a whole number from 1 up";
    if (listed && !json_is_boolean(listed))
        return "`listed` must be true or false";
    t->listed = json_is_true(listed);
    return NULL;
}

/* What is wrong with a body that cannot be read: jansson's own sentences quote the body, a password with it. */
static const char *body_problem(const json_error_t *e)
{
    switch (json_error_code(e)) {
    case json_error_duplicate_key:
        return "a member of the body is there twice";
    case json_error_invalid_utf8:
        return "the body is not UTF-8";
    case json_error_null_character:
    case json_error_null_byte_in_key:
        return "a string of the body has \\u0000";
    case json_error_numeric_overflow:
        return "a number of the body is too large";
    case json_error_stack_overflow:
        return "the body is nested too deeply";
    default:
        return "the body must be a JSON object";
    }
}

const char *room_terms_parse(struct span body, struct room_terms *t, char password[PASSWORD_MAX], size_t *password_n)
{
    *t = (struct room_terms){0};
    *password_n = 0;
    if (body.n == 0) /* all of it is optional */
        return NULL;
    json_error_t e;
    json_t *tree = json_read(body, JSON_REJECT_DUPLICATES, &e);
    const char *problem = tree ? "the body must be a JSON object" : body_problem(&e);
    if (json_is_object(tree))
        problem = parse_members(tree, t, password, password_n);
    json_decref(tree);
    return problem;
}

/* ---- the file ---- */

static void add_base64(struct buf *out, const char *name, const uint8_t *bytes, size_t n)
{
    char text[BASE64_LEN(ROOM_HASH_BYTES) + 1];
    base64_encode(bytes, n, text);
    write_member_string(out, name, span_of(text));
}

void roomfile_begin(struct buf *out)
{
    buf_text(out, "{\"version\":1,\"rooms\":[");
}

void room_names_write(struct buf *out, struct span id, struct span name)
{
    write_member_string(out, "id", id);
    write_member_string(out, "name", name.n ? name : id);
}

void roomfile_add(struct buf *out, const struct room_terms *t, struct span names)
{
    buf_text(out, out->len > 0 && out->p[out->len - 1] == '[' ? "\n{" : ",\n{");
    if (t->name_n) {
        buf_span(out, names);
    } else {
        write_member_string(out, "id", (struct span){t->id, t->id_n});
        write_member_string(out, "name", SPAN(""));
    }
    write_name(out, "incarnation");
    buf_printf(out, "\"%0*" PRIx64 "\"", INCARNATION_CHARS, t->incarnation);
    write_member_u64(out, "createdAt", t->created_ms);
    write_member_u64(out, "maxPeers", t->max_peers);
    write_member_bool(out, "listed", t->listed);
    write_member_bool(out, "locked", t->locked);
    if (t->locked) {
        add_base64(out, "salt", t->salt, sizeof t->salt);
        add_base64(out, "hash", t->hash, sizeof t->hash);
    }
    buf_byte(out, '}');
}

void roomfile_end(struct buf *out)
{
    buf_text(out, "\n]}\n");
}

static bool read_incarnation(const json_t *value, uint64_t *out)
{
    const char *text = json_string_value(value);
    if (!text || strlen(text) != INCARNATION_CHARS || strspn(text, "0123456789abcdef") != INCARNATION_CHARS)
        return false;
    *out = strtoull(text, NULL, 16);
    return true;
}

static bool read_base64(const json_t *value, uint8_t *out, size_t n)
{
    return json_is_string(value) &&
           base64_decode((struct span){json_string_value(value), json_string_length(value)}, out, n);
}

static bool read_room(const json_t *room, struct room_terms *t)
{
    *t = (struct room_terms){0};
    size_t id_n = 0;
    const json_t *created = json_object_get(room, "createdAt"), *listed = json_object_get(room, "listed"),
                 *locked = json_object_get(room, "locked");
    bool whole = json_is_object(room) && read_text(json_object_get(room, "id"), t->id, sizeof t->id, &id_n) &&
                 room_id_valid((struct span){t->id, id_n}) && read_name(json_object_get(room, "name"), t) &&
                 read_incarnation(json_object_get(room, "incarnation"), &t->incarnation) && json_is_integer(created) &&
                 json_integer_value(created) >= 0 && read_count(json_object_get(room, "maxPeers"), &t->max_peers) &&
                 json_is_boolean(listed) && json_is_boolean(locked);
    if (!whole)
        return false;
    t->id_n = (uint8_t)id_n;
    t->created_ms = (uint64_t)json_integer_value(created);
    t->listed = json_is_true(listed);
    t->locked = json_is_true(locked);
    if (json_object_size(room) != (t->locked ? FILE_MEMBERS_LOCKED : FILE_MEMBERS))
        return false;
    return !t->locked || (read_base64(json_object_get(room, "salt"), t->salt, sizeof t->salt) &&
                             read_base64(json_object_get(room, "hash"), t->hash, sizeof t->hash));
}

static const char *read_rooms(const json_t *tree, bool (*take)(void *ctx, const struct room_terms *t), void *ctx)
{
    const json_t *rooms = json_object_get(tree, "rooms");
    if (json_integer_value(json_object_get(tree, "version")) != 1)
        return "it is not of version 1";
    if (!json_is_array(rooms) || json_array_size(rooms) > ROOMS_KEPT_MAX)
        return "`rooms` is no array of at most 10000";
    for (size_t i = 0; i < json_array_size(rooms); i++) {
        struct room_terms t;
        if (!read_room(json_array_get(rooms, i), &t))
            return "a room in it lacks something, or has something unknown";
        if (!take(ctx, &t))
            return "a room is in it twice, or memory ran out";
    }
    return NULL;
}

const char *roomfile_read(struct span text, bool (*take)(void *ctx, const struct room_terms *t), void *ctx)
{
    json_t *tree = json_read(text, JSON_REJECT_DUPLICATES, NULL);
    const char *problem = json_is_object(tree) ? read_rooms(tree, take, ctx) : "it is no JSON object";
    json_decref(tree);
    return problem;
}

/* ---- what is shown ---- */

void room_view_write(struct buf *out, const struct room_view *v)
{
    buf_byte(out, '{');
    buf_span(out, v->names);
    write_member_u64(out, "peers", v->peers);
    if (v->max_peers)
        write_member_u64(out, "maxPeers", v->max_peers);
    else
        write_member_raw(out, "maxPeers", SPAN("null"));
    write_member_bool(out, "locked", v->locked);
    write_member_u64(out, "createdAt", v->created_ms);
    buf_byte(out, '}');
}
