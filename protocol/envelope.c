/* SPDX-License-Identifier: MIT
 *
 * Writing an envelope, and the small change around it. A sender's members become a tree; a parsed envelope has its
 * tree already, and only the five members that may change in between are laid over a copy of it. The tree is read
 * back before it is written: whatever breaks a bound is refused here as it would be at the reader's. Canonical form
 * serves for the wire too, so there is one form.
 */
#include "protocol/envelope.h"

#include <assert.h>
#include <jansson.h>
#include <stdlib.h>

#include "protocol/canonical.h"
#include "protocol/envelope_tree.h"
#include "protocol/json_read.h"

/* First what may change in between and is not signed, then what a header does not have either. */
static const char *const UNSIGNED[] = {"route", "retryCount", "hops", "keys", "signature", "content", "encrypted"};
enum {
    UNSIGNED_COUNT = 5,
    NOT_HEADER_COUNT = sizeof UNSIGNED / sizeof UNSIGNED[0]
};

static const char *const TYPE_NAMES[ENVELOPE_TYPES] = {[ENVELOPE_UNKNOWN] = "",
#define X(name, text) [ENVELOPE_##name] = text,
    ENVELOPE_TABLE(X)
#undef X
};

const char *envelope_type_name(enum envelope_type t)
{
    return TYPE_NAMES[t];
}

bool envelope_is_talk(enum envelope_type t)
{
    return t == ENVELOPE_DIRECT_MESSAGE || t == ENVELOPE_GROUP_MESSAGE || t == ENVELOPE_PRIVATE_MESSAGE;
}

/* ---- parsed ---- */

bool envelope_parse(struct span text, struct envelope *e, const char **problem)
{
    const char *why = "a message is at most 256 KiB";
    json_t *tree = NULL;
    *e = (struct envelope){0};
    if (text.n <= PEER_MESSAGE_MAX) {
        why = "a message is JSON in UTF-8 without repeated names";
        tree = json_read(text, JSON_REJECT_DUPLICATES, NULL);
    }
    bool ok = tree && envelope_read(tree, e, &why);
    json_decref(tree);
    if (problem)
        *problem = ok ? NULL : why;
    return ok;
}

void envelope_done(struct envelope *e)
{
    struct envelope_owned *own = e->owned;
    if (own) {
        json_decref(own->tree);
        json_decref(own->opened);
        free(own->to);
        free(own->route);
        free(own->attachments);
        free(own->clock);
        free(own->since);
        free(own->keys);
        buf_done(&own->metadata);
        free(own);
    }
    *e = (struct envelope){0};
}

static const json_t *metadata_of(const struct envelope *e, const char *name)
{
    const json_t *content = NULL;
    if (e->owned)
        content = e->owned->opened ? e->owned->opened : json_object_get(e->owned->tree, "content");
    return json_object_get(json_object_get(content, "metadata"), name);
}

bool envelope_string(const struct envelope *e, const char *name, struct span *text)
{
    const json_t *value = metadata_of(e, name);
    if (!json_is_string(value))
        return false;
    *text = (struct span){json_string_value(value), json_string_length(value)};
    return true;
}

bool envelope_number(const struct envelope *e, const char *name, uint64_t *number)
{
    const json_t *value = metadata_of(e, name);
    if (!json_is_integer(value) || json_integer_value(value) < 0)
        return false;
    *number = (uint64_t)json_integer_value(value);
    return true;
}

size_t envelope_strings(const struct envelope *e, const char *name, struct span *texts, size_t max)
{
    const json_t *array = metadata_of(e, name);
    size_t i;
    json_t *item;
    json_array_foreach(array, i, item)
    {
        if (!json_is_string(item))
            return 0;
        if (i < max)
            texts[i] = (struct span){json_string_value(item), json_string_length(item)};
    }
    return json_array_size(array);
}

size_t envelope_ticks(const struct envelope *e, const char *name, struct envelope_tick *ticks, size_t max)
{
    json_t *object = (json_t *)metadata_of(e, name), *count;
    const char *who;
    size_t n = 0;
    json_object_foreach(object, who, count)
    {
        if (!person_id_valid(span_of(who)) || !json_is_integer(count) || json_integer_value(count) < 0)
            return 0;
        if (n < max)
            ticks[n] = (struct envelope_tick){span_of(who), (uint64_t)json_integer_value(count)};
        n++;
    }
    return n;
}

uint64_t envelope_ttl(const struct envelope *e)
{
    return e->ttl_ms ? e->ttl_ms : ENVELOPE_TTL_DEFAULT_MS;
}

uint64_t envelope_tick_of(const struct envelope_tick *ticks, size_t n, struct span who)
{
    for (size_t i = 0; i < n; i++)
        if (span_eq(ticks[i].who, who))
            return ticks[i].count;
    return 0;
}

bool envelope_member(const struct envelope *e, const char *name, struct buf *out)
{
    const json_t *value = metadata_of(e, name);
    return json_is_object(value) && canonical_write(value, out);
}

bool envelope_open_content(struct envelope *e, struct span content, const char **problem)
{
    json_t *tree = NULL;
    *problem =
        "content is JSON in UTF-8 without repeated names, at most 16 deep, whose numbers are integers below 2^53";
    if (e->owned && e->encrypted.p && !e->owned->opened && content.n <= PEER_MESSAGE_MAX)
        tree = json_read(content, JSON_REJECT_DUPLICATES, NULL);
    bool ok = tree && canonical_holds(tree, PEER_DEPTH_MAX - 1) && envelope_read_opened(tree, e, problem);
    json_decref(tree);
    if (ok)
        *problem = NULL;
    return ok;
}

/* ---- written ---- */

/* Sets a member, taking the value; a NULL one (out of memory, not UTF-8) fails. */
static bool set(json_t *object, const char *name, json_t *value)
{
    return json_object_set_new(object, name, value) == 0;
}

static json_t *text_value(struct span s)
{
    return json_stringn(s.n ? s.p : "", s.n);
}

static bool set_text(json_t *object, const char *name, struct span s)
{
    return !s.p || set(object, name, text_value(s));
}

static bool set_number(json_t *object, const char *name, uint64_t n)
{
    return n == 0 || (n <= ENVELOPE_NUMBER_MAX && set(object, name, json_integer((json_int_t)n)));
}

static bool set_people(json_t *object, const char *name, const struct span *people, size_t n)
{
    json_t *array = json_array();
    bool ok = array != NULL;
    for (size_t i = 0; ok && i < n; i++)
        ok = json_array_append_new(array, text_value(people[i])) == 0;
    if (ok && n > 0)
        ok = json_object_set(object, name, array) == 0;
    json_decref(array);
    return ok;
}

/* An id as a name; it is copied because spans have no NUL. */
static bool set_by_id(json_t *object, struct span who, json_t *value)
{
    char name[ENVELOPE_PERSON_MAX + 1];
    if (!person_id_valid(who)) {
        json_decref(value);
        return false;
    }
    memcpy(name, who.p, who.n);
    name[who.n] = '\0';
    return set(object, name, value);
}

static bool set_ticks(json_t *tree, const char *name, const struct envelope_tick *ticks, size_t n)
{
    if (n == 0)
        return true;
    json_t *object = json_object();
    bool ok = set(tree, name, object);
    for (size_t i = 0; ok && i < n; i++)
        ok = ticks[i].count <= ENVELOPE_NUMBER_MAX &&
             set_by_id(object, ticks[i].who, json_integer((json_int_t)ticks[i].count));
    return ok;
}

static bool set_keys(json_t *tree, const struct envelope *e)
{
    if (e->key_count == 0)
        return true;
    json_t *keys = json_object();
    bool ok = set(tree, "keys", keys);
    for (size_t i = 0; ok && i < e->key_count; i++)
        ok = set_by_id(keys, e->keys[i].who, text_value(e->keys[i].wrapped));
    return ok;
}

static bool set_attachments(json_t *content, const struct envelope *e)
{
    if (e->attachment_count == 0)
        return true;
    json_t *array = json_array();
    bool ok = set(content, "attachments", array);
    for (size_t i = 0; ok && i < e->attachment_count; i++) {
        const struct envelope_attachment *a = &e->attachments[i];
        json_t *item = json_object();
        ok = json_array_append_new(array, item) == 0 && set_text(item, "fileId", a->file_id) &&
             set_text(item, "name", a->name) && a->size <= ENVELOPE_NUMBER_MAX &&
             set(item, "size", json_integer((json_int_t)a->size)) && set_text(item, "mediaType", a->media_type) &&
             set_text(item, "hash", a->hash);
    }
    return ok;
}

static bool set_content(json_t *tree, const struct envelope *e)
{
    if (!e->text.p && e->attachment_count == 0 && e->metadata.n == 0)
        return true;
    json_t *content = json_object();
    return set(tree, "content", content) && set_text(content, "text", e->text) && set_attachments(content, e) &&
           (e->metadata.n == 0 || set(content, "metadata", json_read(e->metadata, JSON_REJECT_DUPLICATES, NULL)));
}

static bool set_signature(json_t *tree, const struct envelope *e)
{
    char text[BASE64_LEN(ENVELOPE_SIGNATURE_BYTES) + 1];
    base64_encode(e->signature, sizeof e->signature, text);
    return !e->is_signed || set(tree, "signature", json_string(text));
}

/* A copy of the tree that came, without what is not signed. New reference or NULL. */
static json_t *came_signed(const json_t *came)
{
    json_t *tree = json_copy((json_t *)came);
    if (json_object_size(tree) != json_object_size(came)) { /* jansson does not tell when memory ran out meanwhile */
        json_decref(tree);
        return NULL;
    }
    for (int i = 0; i < UNSIGNED_COUNT; i++)
        json_object_del(tree, UNSIGNED[i]);
    return tree;
}

/* The members that are signed: as they came, or built of what the sender filled in. New reference or NULL. */
static json_t *signed_tree(const struct envelope *e)
{
    if (e->owned)
        return came_signed(e->owned->tree);
    json_t *tree = json_object();
    struct span type = e->type == ENVELOPE_UNKNOWN ? e->type_name : span_of(envelope_type_name(e->type));
    if (set_text(tree, "id", e->id) && set_text(tree, "type", type) &&
        set_number(tree, "version", e->version ? e->version : ENVELOPE_VERSION) && set_text(tree, "from", e->from) &&
        set_people(tree, "to", e->to, e->to_count) && set_content(tree, e) &&
        set_number(tree, "timestamp", e->timestamp) && set_number(tree, "sequence", e->sequence) &&
        set_ticks(tree, "vectorClock", e->clock, e->clock_count) &&
        set_ticks(tree, "since", e->since, e->since_count) &&
        (!e->requires_ack || set(tree, "requiresAck", json_true())) && set_number(tree, "ttl", e->ttl_ms) &&
        set_text(tree, "encrypted", e->encrypted) && set_text(tree, "conversation", e->conversation))
        return tree;
    json_decref(tree);
    return NULL;
}

/* Whether a reader would take the tree. */
static bool sound(json_t *tree)
{
    struct envelope again;
    const char *problem;
    bool ok = envelope_read(tree, &again, &problem);
    envelope_done(&again);
    return ok;
}

/* Lays what is not signed over the signed members, and appends all. Takes the tree. */
static bool write_whole(json_t *tree, const struct envelope *e, struct buf *out)
{
    size_t from = out->len;
    bool ok = tree && set_people(tree, "route", e->route, e->route_count) &&
              set_number(tree, "retryCount", e->retry_count) && set_number(tree, "hops", e->hops) &&
              set_keys(tree, e) && set_signature(tree, e) && sound(tree) && canonical_write(tree, out) &&
              out->len - from <= PEER_MESSAGE_MAX;
    json_decref(tree);
    return ok;
}

bool envelope_write(const struct envelope *e, struct buf *out)
{
    return write_whole(signed_tree(e), e, out);
}

/* The members of the tree, which was read or is to be judged yet, but for the first n of UNSIGNED. */
static bool write_members(json_t *tree, bool was_read, size_t n, struct buf *out)
{
    return tree && (was_read || canonical_holds(tree, PEER_DEPTH_MAX)) && canonical_write_but(tree, UNSIGNED, n, out);
}

bool envelope_write_signed(struct envelope *e, envelope_sign_fn *sign, void *ctx, struct buf *out)
{
    json_t *tree = signed_tree(e);
    struct buf bytes;
    buf_init(&bytes, PEER_MESSAGE_MAX);
    e->is_signed = write_members(tree, false, 0, &bytes);
    if (e->is_signed)
        sign(ctx, buf_view(&bytes), e->signature);
    else
        json_decref(tree);
    buf_done(&bytes);
    return e->is_signed && write_whole(tree, e, out);
}

bool envelope_signed_bytes(const struct envelope *e, struct buf *out)
{
    if (e->owned)
        return write_members(e->owned->tree, true, UNSIGNED_COUNT, out);
    json_t *tree = signed_tree(e);
    bool ok = write_members(tree, false, 0, out);
    json_decref(tree);
    return ok;
}

bool envelope_header_bytes(const struct envelope *e, struct buf *out)
{
    if (e->owned)
        return write_members(e->owned->tree, true, NOT_HEADER_COUNT, out);
    struct envelope bare = *e;
    bare.text = bare.metadata = bare.encrypted = (struct span){0};
    bare.attachment_count = 0;
    return envelope_signed_bytes(&bare, out);
}

bool envelope_content(const struct envelope *e, struct buf *out)
{
    json_t *tree = signed_tree(e);
    const json_t *content = json_object_get(tree, "content");
    bool ok = tree && sound(tree) && (content ? canonical_write(content, out) : buf_text(out, "{}"));
    json_decref(tree);
    return ok;
}

/* ---- conversations and ids ---- */

void envelope_room_conversation(struct span room_id, char out[ENVELOPE_CONVERSATION_MAX + 1])
{
    assert(room_id.n <= ROOM_ID_MAX);
    memcpy(out, "room:", 5);
    memcpy(out + 5, room_id.p, room_id.n);
    out[5 + room_id.n] = '\0';
}

void envelope_short_hash(const uint8_t hash[ENVELOPE_HASH_BYTES], char out[ID_CHARS + 1])
{
    base32_encode(hash, ID_BYTES, out);
}

static int compare_ids(const void *a, const void *b)
{
    const struct span *x = a, *y = b;
    int order = memcmp(x->p, y->p, x->n < y->n ? x->n : y->n);
    return order != 0 ? order : (x->n > y->n) - (x->n < y->n);
}

void envelope_people_conversation(const struct span *ids, size_t n,
    void (*sha256)(void *ctx, struct span bytes, uint8_t hash[ENVELOPE_HASH_BYTES]), void *ctx,
    char out[ENVELOPE_CONVERSATION_MAX + 1])
{
    struct span sorted[ENVELOPE_TO_MAX + 1];
    char text[(ENVELOPE_TO_MAX + 1) * (ENVELOPE_PERSON_MAX + 1)];
    size_t text_n = 0;
    assert(n > 0 && n <= ENVELOPE_TO_MAX + 1);
    memcpy(sorted, ids, n * sizeof *ids);
    qsort(sorted, n, sizeof *sorted, compare_ids);
    for (size_t i = 0; i < n; i++) {
        if (i > 0 && span_eq(sorted[i], sorted[i - 1]))
            continue;
        assert(sorted[i].n <= ENVELOPE_PERSON_MAX);
        if (i > 0)
            text[text_n++] = '\n';
        memcpy(text + text_n, sorted[i].p, sorted[i].n);
        text_n += sorted[i].n;
    }
    uint8_t hash[ENVELOPE_HASH_BYTES];
    sha256(ctx, (struct span){text, text_n}, hash);
    memcpy(out, "p:", 2);
    envelope_short_hash(hash, out + 2);
}
