/* SPDX-License-Identifier: MIT
 *
 * Reading an envelope's content, as it came or as it was opened: one judge for both, so that sealing hides nothing that
 * would have been refused. Each type's content.metadata has its rows in one table.
 */
#include <stdlib.h>

#include "base/text.h"
#include "protocol/canonical.h"
#include "protocol/envelope_shape.h"
#include "protocol/message.h"

/* ---- shapes ---- */

static bool is_object(const json_t *value)
{
    return json_is_object(value);
}

static bool is_array(const json_t *value)
{
    return json_is_array(value);
}

static bool is_ids(const json_t *value)
{
    size_t i;
    json_t *item;
    json_array_foreach(value, i, item) if (!is_id(item)) return false;
    return json_array_size(value) >= 1 && json_array_size(value) <= ENVELOPE_OF_MAX;
}

static bool is_room(const json_t *value)
{
    return json_is_string(value) && room_id_valid(text_of(value));
}

static bool is_name(const json_t *value)
{
    return is_within(value, 0, ENVELOPE_NAME_MAX);
}

static bool is_file_name(const json_t *value)
{
    return is_within(value, 1, ENVELOPE_NAME_MAX);
}

static bool is_fingerprint(const json_t *value)
{
    return is_within(value, 1, ENVELOPE_FINGERPRINT_MAX);
}

static bool is_base64_32(const json_t *value)
{
    uint8_t bytes[32];
    return json_is_string(value) && base64_decode(text_of(value), bytes, sizeof bytes);
}

static bool is_map(const json_t *value)
{
    return is_within(value, 0, BASE64_LEN(ENVELOPE_FILE_MAP_MAX));
}

static bool is_frame(const json_t *value)
{
    return is_within(value, 1, BASE64_LEN(ENVELOPE_FILE_FRAME_MAX));
}

static bool is_presence(const json_t *value)
{
    struct span text = text_of(value);
    return json_is_string(value) && (span_is(text, "online") || span_is(text, "away") || span_is(text, "gone"));
}

static bool is_context(const json_t *value)
{
    return json_is_string(value) && span_is(text_of(value), ENVELOPE_INTRODUCTION_CONTEXT);
}

/* ---- content.metadata by type ---- */

enum need {
    OPTIONAL,
    IF_SIGNED,
    ALWAYS
};

struct meta_rule {
    enum envelope_type type;
    const char *name;
    bool (*holds)(const json_t *value);
    enum need need;
    const char *problem;
};

#define META(type, name, holds, need, what)                                             \
    {                                                                                   \
        ENVELOPE_##type, name, holds, need, "`content.metadata." name "` must be " what \
    }

static const struct meta_rule META_RULES[] = {
    META(MESSAGE_ACK, "of", is_ids, ALWAYS, "1 to 256 message ids"),
    META(MESSAGE_DELIVERED, "of", is_ids, ALWAYS, "1 to 256 message ids"),
    META(MESSAGE_READ, "of", is_ids, ALWAYS, "1 to 256 message ids"),
    META(MESSAGE_MISSED, "of", is_ids, ALWAYS, "1 to 256 message ids"),
    META(MESSAGE_QUERY, "of", is_ids, ALWAYS, "1 to 256 message ids"),
    META(PRESENCE_UPDATE, "presence", is_presence, ALWAYS, "\"online\", \"away\" or \"gone\""),
    META(PRESENCE_DIGEST, "versions", is_object, ALWAYS, "an object"),
    META(HEARTBEAT, "ping", is_number, OPTIONAL, "an integer from 0 up"),
    META(HEARTBEAT, "pong", is_number, OPTIONAL, "an integer from 0 up"),
    META(PEER_INTRODUCTION, "context", is_context, IF_SIGNED, "\"" ENVELOPE_INTRODUCTION_CONTEXT "\""),
    META(PEER_INTRODUCTION, "room", is_room, IF_SIGNED, "a room id"),
    META(PEER_INTRODUCTION, "reader", is_person, IF_SIGNED, "the reader's id"),
    META(PEER_INTRODUCTION, "fingerprint", is_fingerprint, IF_SIGNED, "the signer's DTLS fingerprint"),
    META(PEER_INTRODUCTION, "readerFingerprint", is_fingerprint, IF_SIGNED, "the reader's DTLS fingerprint"),
    META(PEER_INTRODUCTION, "key", is_base64_32, OPTIONAL, "32 bytes in base64"),
    META(PEER_INTRODUCTION, "box", is_base64_32, OPTIONAL, "32 bytes in base64"),
    META(PEER_INTRODUCTION, "mac", is_base64_32, OPTIONAL, "32 bytes in base64"),
    META(PEER_INTRODUCTION, "name", is_name, OPTIONAL, "a string of at most 255 bytes"),
    META(CONNECTION_REQUEST, "signal", is_object, ALWAYS, "an object"),
    META(IDENTITY_CLAIM, "context", is_name, ALWAYS, "a string of at most 255 bytes"),
    META(IDENTITY_CLAIM, "room", is_room, ALWAYS, "a room id"),
    META(IDENTITY_CLAIM, "seat", is_person, ALWAYS, "the signaling id of who says it"),
    META(IDENTITY_CLAIM, "reader", is_person, ALWAYS, "the signaling id of its reader"),
    META(IDENTITY_CLAIM, "started", is_number, ALWAYS, "an integer from 0 up"),
    META(FILE_OFFER, "fileId", is_id, ALWAYS, "a file id"),
    META(FILE_OFFER, "name", is_file_name, ALWAYS, "a string of 1 to 255 bytes"),
    META(FILE_OFFER, "size", is_number, ALWAYS, "an integer from 0 up"),
    META(FILE_OFFER, "hash", is_base64_32, ALWAYS, "32 bytes in base64"),
    META(FILE_OFFER, "chunkSize", is_number, ALWAYS, "an integer from 0 up"),
    META(FILE_OFFER, "kind", is_name, OPTIONAL, "a string of at most 255 bytes"),
    META(FILE_OFFER, "paused", is_number, OPTIONAL, "an integer from 0 up"),
    META(FILE_ACCEPT, "fileId", is_id, ALWAYS, "a file id"),
    META(FILE_ACCEPT, "have", is_map, OPTIONAL, "a map of at most 32 KiB in base64"),
    META(FILE_ACCEPT, "paused", is_number, OPTIONAL, "an integer from 0 up"),
    META(FILE_DECLINE, "fileId", is_id, ALWAYS, "a file id"),
    META(FILE_DECLINE, "reason", is_name, OPTIONAL, "a string of at most 255 bytes"),
    META(FILE_CHUNK, "frame", is_frame, ALWAYS, "a frame of a file, at most 66 KiB, in base64"),
    META(FILE_COMPLETE, "fileId", is_id, ALWAYS, "a file id"),
    META(HISTORY_REQUEST, "clock", is_object, ALWAYS, "an object"),
    META(HISTORY_REQUEST, "new", is_number, OPTIONAL, "an integer from 0 up"),
    META(HISTORY_REQUEST, "missing", is_array, OPTIONAL, "an array"),
    META(HISTORY_REQUEST, "expired", is_array, OPTIONAL, "an array"),
    META(HISTORY_REQUEST, "want", is_object, OPTIONAL, "an object"),
    META(HISTORY_REQUEST, "past", is_object, OPTIONAL, "an object"),
    META(HISTORY_REPLY, "count", is_number, ALWAYS, "an integer from 0 up"),
    META(HISTORY_REPLY, "for", is_name, ALWAYS, "a string of at most 255 bytes"),
    META(HISTORY_REPLY, "people", is_array, OPTIONAL, "an array"),
    META(HISTORY_REPLY, "gone", is_number, OPTIONAL, "an integer from 0 up"),
    META(HISTORY_REPLY, "now", is_number, OPTIONAL, "an integer from 0 up"),
    META(BROADCAST_ANNOUNCE, "clock", is_object, ALWAYS, "an object"),
    META(BROADCAST_ANNOUNCE, "hops", is_object, OPTIONAL, "an object"),
    META(BROADCAST_GRAFT, "author", is_person, ALWAYS, "the id of an author"),
    META(BROADCAST_PRUNE, "author", is_person, ALWAYS, "the id of an author"),
};

/* ---- members ---- */

static bool read_attachment(const json_t *item, struct envelope_attachment *a)
{
    const json_t *media_type = json_object_get(item, "mediaType"), *hash = json_object_get(item, "hash");
    return is_id(json_object_get(item, "fileId")) && get_text(item, "fileId", &a->file_id) &&
           is_file_name(json_object_get(item, "name")) && get_text(item, "name", &a->name) &&
           is_number(json_object_get(item, "size")) && get_number(item, "size", 0, ENVELOPE_NUMBER_MAX, &a->size) &&
           (!media_type || is_within(media_type, 0, ENVELOPE_MEDIA_TYPE_MAX)) &&
           get_text(item, "mediaType", &a->media_type) && (!hash || is_base64_32(hash)) &&
           get_text(item, "hash", &a->hash);
}

static bool read_attachments(struct reader *r, const json_t *content)
{
    const json_t *array = json_object_get(content, "attachments");
    const char *problem =
        "`content.attachments` must be at most 16 objects with fileId, name, size, mediaType and hash";
    if (!array)
        return true;
    if (!json_is_array(array) || json_array_size(array) > ENVELOPE_ATTACHMENTS_MAX)
        return bad(r, problem);
    r->e->attachments = r->own->attachments = calloc(json_array_size(array) + 1, sizeof *r->own->attachments);
    if (!r->e->attachments)
        return bad(r, NO_MEMORY);
    size_t i;
    json_t *item;
    json_array_foreach(array, i,
        item) if (!read_attachment(item, &r->own->attachments[r->e->attachment_count++])) return bad(r, problem);
    return true;
}

static bool read_metadata(struct reader *r, const json_t *content)
{
    const json_t *metadata = json_object_get(content, "metadata");
    if (!metadata)
        return true;
    buf_init(&r->own->metadata, ENVELOPE_METADATA_MAX);
    if (!json_is_object(metadata) || !canonical_write(metadata, &r->own->metadata))
        return bad(r, "`content.metadata` must be an object of at most 192 KiB");
    r->e->metadata = buf_view(&r->own->metadata);
    return true;
}

bool envelope_read_parts(struct reader *r, const json_t *content)
{
    struct envelope *e = r->e;
    if (!get_text(content, "text", &e->text) || e->text.n > PEER_TEXT_MAX)
        return bad(r, "`content.text` must be a string of at most 64 KiB");
    return read_attachments(r, content) && read_metadata(r, content);
}

/* ---- what members say together ---- */

bool envelope_check_metadata(struct reader *r, const json_t *metadata)
{
    const struct envelope *e = r->e;
    for (size_t i = 0; i < sizeof META_RULES / sizeof META_RULES[0]; i++) {
        const struct meta_rule *rule = &META_RULES[i];
        if (rule->type != e->type)
            continue;
        const json_t *value = json_object_get(metadata, rule->name);
        bool needed = rule->need == ALWAYS || (rule->need == IF_SIGNED && e->is_signed);
        if (value ? !rule->holds(value) : needed)
            return bad(r, rule->problem);
    }
    if (e->type == ENVELOPE_HEARTBEAT && !json_object_get(metadata, "ping") == !json_object_get(metadata, "pong"))
        return bad(r, "a heartbeat carries either `ping` or `pong`");
    return true;
}

static bool check_opened(struct reader *r, const json_t *content)
{
    const struct envelope *e = r->e;
    if (e->type == ENVELOPE_STATUS_UPDATE && !e->text.p)
        return bad(r, "a status needs `content.text`");
    if (envelope_is_talk(e->type))
        return e->text.p || e->attachment_count > 0 || bad(r, "a message needs `text` or `attachments`");
    return envelope_check_metadata(r, json_object_get(content, "metadata"));
}

bool envelope_read_opened(struct json_t *content, struct envelope *e, const char **problem)
{
    struct reader r = {.e = e, .own = e->owned, .problem = "content must be an object"};
    if (json_is_object(content) && envelope_read_parts(&r, content) && check_opened(&r, content)) {
        e->owned->opened = json_incref(content);
        return true;
    }
    free(r.own->attachments);
    buf_done(&r.own->metadata);
    r.own->attachments = NULL;
    e->attachments = NULL;
    e->attachment_count = 0;
    e->text = e->metadata = (struct span){0};
    *problem = r.problem;
    return false;
}
