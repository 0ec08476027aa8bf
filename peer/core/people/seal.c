/* SPDX-License-Identifier: MIT
 *
 * One content key a message, wrapped for each reader; every key is overwritten as soon as it was used.
 */
#include "base/secret.h"
#include "peer/core/state.h"
#include "peer/core/people/seal.h"

#include <stdlib.h>

enum {
    WRAPPED_BYTES = NONCE_BYTES + KEY_BYTES + TAG_BYTES,
    WRAPPED_CHARS = BASE64_LEN(WRAPPED_BYTES),
    CONTENT_MAX = PEER_MESSAGE_MAX / 4 * 3
};

/* The content key is used once, so its nonce may be anything. */
static const uint8_t CONTENT_NONCE[NONCE_BYTES];

/* What a wrapped key is bound to. */
static bool wrap_name(const struct envelope *e, struct span reader, struct buf *out)
{
    buf_reset(out);
    buf_text(out, "usher-key-1\n");
    buf_span(out, e->id);
    buf_byte(out, '\n');
    buf_span(out, e->from);
    buf_byte(out, '\n');
    return buf_span(out, reader) && !out->failed;
}

static bool wrap(const struct peer_crypto *crypto, const struct rng *rng, const struct envelope *e,
    const struct seal_reader *reader, const uint8_t content_key[KEY_BYTES], char out[WRAPPED_CHARS + 1])
{
    uint8_t secret[KEY_BYTES], bytes[WRAPPED_BYTES];
    struct buf name;
    buf_init(&name, 512);
    rng->fill(rng->ctx, bytes, NONCE_BYTES);
    bool ok = wrap_name(e, reader->id, &name) && crypto->agree(crypto->ctx, reader->box, secret);
    if (ok) {
        crypto->seal(crypto->ctx, secret, bytes, buf_view(&name), (struct span){(const char *)content_key, KEY_BYTES},
            bytes + NONCE_BYTES);
        base64_encode(bytes, sizeof bytes, out);
    }
    secret_wipe(secret, sizeof secret);
    buf_done(&name);
    return ok;
}

static bool encrypt(const struct peer_crypto *crypto, const struct envelope *e, const uint8_t key[KEY_BYTES],
    struct sealed *out, size_t *n)
{
    struct buf header, content;
    uint8_t *bytes = NULL;
    buf_init(&header, PEER_MESSAGE_MAX);
    buf_init(&content, CONTENT_MAX);
    bool ok = envelope_header_bytes(e, &header) && envelope_content(e, &content) && !content.failed;
    if (ok) {
        *n = content.len + TAG_BYTES;
        bytes = malloc(*n);
        out->encrypted = malloc(BASE64_LEN(*n) + 1);
        ok = bytes && out->encrypted;
    }
    if (ok) {
        crypto->seal(crypto->ctx, key, CONTENT_NONCE, buf_view(&header), buf_view(&content), bytes);
        base64_encode(bytes, *n, out->encrypted);
    }
    free(bytes);
    buf_done(&header);
    if (content.p)
        secret_wipe(content.p, content.len);
    buf_done(&content);
    return ok;
}

bool seal_envelope(const struct peer_crypto *crypto, const struct rng *rng, struct envelope *e,
    const struct seal_reader *readers, size_t n, struct sealed *out)
{
    uint8_t key[KEY_BYTES];
    size_t bytes = 0, good = 0;
    *out = (struct sealed){.keys = calloc(n + 1, sizeof *out->keys), .wrapped = malloc((n + 1) * (WRAPPED_CHARS + 1))};
    rng->fill(rng->ctx, key, sizeof key);
    bool ok = out->keys && out->wrapped && encrypt(crypto, e, key, out, &bytes);
    for (size_t i = 0; ok && i < n; i++) {
        char *wrapped = out->wrapped + good * (WRAPPED_CHARS + 1);
        if (wrap(crypto, rng, e, &readers[i], key, wrapped))
            out->keys[good++] = (struct envelope_key){readers[i].id, {wrapped, WRAPPED_CHARS}};
    }
    secret_wipe(key, sizeof key);
    if (!ok || good == 0) {
        sealed_done(out);
        return false;
    }
    e->encrypted = (struct span){out->encrypted, BASE64_LEN(bytes)};
    e->keys = out->keys;
    e->key_count = good;
    e->text = e->metadata = (struct span){0};
    e->attachment_count = 0;
    return true;
}

void sealed_done(struct sealed *s)
{
    free(s->encrypted);
    free(s->keys);
    free(s->wrapped);
    *s = (struct sealed){0};
}

static const struct envelope_key *key_of(const struct envelope *e, struct span who)
{
    for (size_t i = 0; i < e->key_count; i++)
        if (span_eq(e->keys[i].who, who))
            return &e->keys[i];
    return NULL;
}

static bool unwrap(const struct peer_crypto *crypto, const struct envelope *e, struct span me,
    const uint8_t box[KEY_BYTES], uint8_t key[KEY_BYTES])
{
    uint8_t secret[KEY_BYTES], bytes[WRAPPED_BYTES];
    const struct envelope_key *wrapped = key_of(e, me);
    struct buf name;
    buf_init(&name, 512);
    bool ok = base64_decode(wrapped->wrapped, bytes, sizeof bytes) && wrap_name(e, me, &name) &&
              crypto->agree(crypto->ctx, box, secret) &&
              crypto->open(crypto->ctx, secret, bytes, buf_view(&name),
                  (struct span){(const char *)bytes + NONCE_BYTES, WRAPPED_BYTES - NONCE_BYTES}, key);
    secret_wipe(secret, sizeof secret);
    buf_done(&name);
    return ok;
}

static bool decrypt(
    const struct peer_crypto *crypto, const struct envelope *e, const uint8_t key[KEY_BYTES], struct buf *content)
{
    size_t n = base64_bytes(e->encrypted);
    uint8_t *bytes = n > TAG_BYTES ? malloc(n) : NULL;
    char *room = bytes ? buf_reserve(content, n - TAG_BYTES) : NULL;
    struct buf header;
    buf_init(&header, PEER_MESSAGE_MAX);
    bool ok = room && base64_decode(e->encrypted, bytes, n) && envelope_header_bytes(e, &header) &&
              crypto->open(crypto->ctx, key, CONTENT_NONCE, buf_view(&header), (struct span){(const char *)bytes, n},
                  (uint8_t *)room);
    if (ok)
        content->len += n - TAG_BYTES;
    buf_done(&header);
    free(bytes);
    return ok;
}

const char *seal_open(const struct peer_crypto *crypto, const struct envelope *e, struct span me,
    const uint8_t box[KEY_BYTES], struct buf *content)
{
    uint8_t key[KEY_BYTES];
    if (!key_of(e, me))
        return "a message that is not sealed to us";
    if (!unwrap(crypto, e, me, box, key))
        return "a key that does not open";
    bool ok = decrypt(crypto, e, key, content);
    secret_wipe(key, sizeof key);
    return ok ? NULL : "sealed content that was altered";
}
