/* SPDX-License-Identifier: MIT
 *
 * A person on one line, as the store keeps it and as peers tell each other of third ones: the keys, the signature that
 * ties the box key to the other, and the name. The id follows from the key, so nobody can make a card for another.
 */
#include <assert.h>

#include "peer/core/state.h"
#include "peer/core/people/card.h"
#include "peer/core/port/effects.h"

static void write_bytes(struct buf *out, const uint8_t *bytes, size_t n)
{
    char text[BASE64_LEN(SIGNATURE_BYTES) + 1];
    base64_encode(bytes, n, text);
    buf_text(out, text);
    buf_byte(out, ' ');
}

void card_write(struct buf *out, const struct person *who)
{
    assert(who->keyed);
    write_bytes(out, who->key, KEY_BYTES);
    write_bytes(out, who->box, KEY_BYTES);
    write_bytes(out, who->box_signature, SIGNATURE_BYTES);
    buf_text(out, who->name);
}

void card_write_ours(const struct peer *p, struct buf *out)
{
    write_bytes(out, p->settings.key, KEY_BYTES);
    write_bytes(out, p->settings.box, KEY_BYTES);
    write_bytes(out, p->settings.box_signature, SIGNATURE_BYTES);
    buf_text(out, p->settings.name);
}

/* The next word of exactly n bytes in base64. */
static bool read_bytes(struct span *text, void *out, size_t n)
{
    size_t chars = BASE64_LEN(n);
    if (text->n <= chars || text->p[chars] != ' ' || !base64_decode((struct span){text->p, chars}, out, n))
        return false;
    *text = (struct span){text->p + chars + 1, text->n - chars - 1};
    return true;
}

bool card_read(const struct peer *p, struct span text, struct card *out)
{
    uint8_t hash[HASH_BYTES];
    if (!read_bytes(&text, out->key, KEY_BYTES) || !read_bytes(&text, out->box, KEY_BYTES) ||
        !read_bytes(&text, out->box_signature, SIGNATURE_BYTES) || !text_copy(out->name, sizeof out->name, text) ||
        !p->crypto.verify(
            p->crypto.ctx, out->key, (struct span){(const char *)out->box, KEY_BYTES}, out->box_signature))
        return false;
    p->crypto.sha256(p->crypto.ctx, (struct span){(const char *)out->key, KEY_BYTES}, hash);
    envelope_short_hash(hash, out->id);
    return true;
}
