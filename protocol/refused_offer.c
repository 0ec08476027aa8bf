/* SPDX-License-Identifier: MIT
 *
 * Read once more, and less strictly: with NUL in texts, and numbers of any size. Then the first member that breaks its bounds is
 * what is wrong; if none does, it is something of the envelope.
 */
#include "protocol/refused_offer.h"

#include <string.h>

#include "base/utf8.h"
#include "protocol/envelope_shape.h"
#include "protocol/json_read.h"

static bool is_bytes(const json_t *value, size_t min, size_t max)
{
    return is_within(value, min, max) && !memchr(json_string_value(value), '\0', json_string_length(value));
}

static bool is_name(const json_t *value)
{
    return is_bytes(value, 1, ENVELOPE_NAME_MAX);
}

static bool is_kind(const json_t *value)
{
    return is_bytes(value, 0, ENVELOPE_NAME_MAX);
}

/* Numbers were read as reals. */
static bool is_size(const json_t *value)
{
    double v = json_real_value(value);
    return json_is_real(value) && v >= 0 && v <= (double)ENVELOPE_NUMBER_MAX && v == (double)(uint64_t)v;
}

static bool is_hash(const json_t *value)
{
    uint8_t bytes[ENVELOPE_HASH_BYTES];
    return json_is_string(value) && base64_decode(text_of(value), bytes, sizeof bytes);
}

static const struct {
    const char *name, *code;
    bool (*holds)(const json_t *value);
    bool optional;
    const char *problem;
} RULES[] = {
    {"fileId", "bad-id", is_id, false, "its `fileId` must be 1 to 64 of A-Z a-z 0-9 . _ : -"},
    {"name", "bad-name", is_name, false, "its `name` must be 1 to 255 bytes of UTF-8 without NUL"},
    {"size", "bad-size", is_size, false, "its `size` must be an integer from 0 to 274877906944 (256 GiB)"},
    {"hash", "bad-hash", is_hash, false, "its `hash` must be 32 bytes in base64"},
    {"chunkSize", "bad-chunk-size", is_size, false, "its `chunkSize` must be an integer from 1 to 65536"},
    {"kind", "bad-kind", is_kind, true, "its `kind` must be a text of at most 255 bytes"},
    {"paused", "bad-paused", is_size, true, "its `paused` must be an integer from 0 up"},
};

static void judge(const json_t *metadata, struct refused_offer *r)
{
    r->code = "bad-offer";
    r->problem = "the message that offers it is not as it must be";
    for (size_t i = 0; i < sizeof RULES / sizeof *RULES; i++) {
        const json_t *value = json_object_get(metadata, RULES[i].name);
        if (value ? RULES[i].holds(value) : RULES[i].optional)
            continue;
        r->code = RULES[i].code;
        r->problem = RULES[i].problem;
        return;
    }
}

static void copy(char *out, struct span text)
{
    if (text.n)
        memcpy(out, text.p, text.n);
    out[text.n] = '\0';
}

/* As much as has room, whole characters; up to a NUL. */
static void copy_name(const json_t *value, char out[ENVELOPE_NAME_MAX + 1])
{
    struct span name = text_of(value);
    const char *end = name.n ? memchr(name.p, '\0', name.n) : NULL;
    name.n = end ? (size_t)(end - name.p) : name.n;
    name.n = name.n > ENVELOPE_NAME_MAX ? ENVELOPE_NAME_MAX : name.n;
    while (name.n > 0 && !utf8_valid(name.p, name.n))
        name.n--;
    copy(out, name);
}

bool refused_offer_read(struct span text, bool opened, struct refused_offer *r)
{
    *r = (struct refused_offer){.code = NULL};
    if (text.n > PEER_MESSAGE_MAX)
        return false;
    json_t *tree = json_read(text, JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL, NULL);
    const json_t *type = json_object_get(tree, "type");
    const json_t *content = opened ? tree : json_object_get(tree, "content");
    const json_t *metadata = json_object_get(content, "metadata");
    bool ok =
        opened ? tree != NULL : json_is_string(type) && span_is(text_of(type), envelope_type_name(ENVELOPE_FILE_OFFER));
    if (ok) {
        const json_t *id = json_object_get(metadata, "fileId"), *name = json_object_get(metadata, "name");
        if (is_id(id))
            copy(r->file_id, text_of(id));
        if (json_is_string(name))
            copy_name(name, r->name);
        judge(metadata, r);
    }
    json_decref(tree);
    return ok;
}
