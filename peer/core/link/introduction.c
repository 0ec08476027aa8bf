/* SPDX-License-Identifier: MIT
 *
 * Introductions. The first message on a channel proves who is at its other end: a peer_introduction, signed like any
 * message of ours (Ed25519 over the canonical form, RFC 8785), whose content.metadata names
 *
 *     context             "usher-intro-1": no other signature can be taken for one, nor this for another
 *     room                where we meet
 *     reader              the identity it is made for; `from` is the signer's
 *     fingerprint         of the signer's DTLS certificate, from its own description
 *     readerFingerprint   of the reader's, from the description that the signer received
 *
 * and for whoever has not seen the roster: key, box and name. DTLS proved that the other end holds the certificate that
 * the description named; this proves that the person of the key made and saw the same two descriptions. A daemon that
 * put itself in between gave each side a certificate of its own, so the fingerprints differ; a recorded introduction
 * names other certificates; one made for somebody else names another reader.
 */
#include "peer/core/state.h"
#include "peer/core/link/introduction.h"
#include "peer/core/people/say.h"
#include "peer/core/link/connection.h"
#include "protocol/write.h"

static void write_key(struct buf *out, const char *name, const uint8_t *key)
{
    char text[BASE64_LEN(KEY_BYTES) + 1];
    base64_encode(key, KEY_BYTES, text);
    write_member_string(out, name, span_of(text));
}

void introduction_send(struct peer *p, struct connection *a)
{
    struct buf metadata, text;
    buf_init(&metadata, METADATA_MAX + 1024);
    buf_init(&text, PEER_MESSAGE_MAX);
    buf_byte(&metadata, '{');
    write_key(&metadata, "box", p->settings.box);
    write_member_string(&metadata, "context", SPAN(ENVELOPE_INTRODUCTION_CONTEXT));
    write_member_string(&metadata, "fingerprint", span_of(a->local));
    write_key(&metadata, "key", p->settings.key);
    if (p->settings.name[0])
        write_member_string(&metadata, "name", span_of(p->settings.name));
    write_member_string(&metadata, "reader", person_id(a->person));
    write_member_string(&metadata, "readerFingerprint", span_of(a->remote));
    write_member_string(&metadata, "room", span_of(p->settings.room));
    buf_byte(&metadata, '}');
    struct span to = person_id(a->person);
    struct envelope e = {.type = ENVELOPE_PEER_INTRODUCTION, .to = &to, .to_count = 1, .metadata = buf_view(&metadata)};
    char id[ID_CHARS + 1];
    if (!metadata.failed && say_envelope(p, &e, id, &text))
        connection_send(p, a, buf_view(&text));
    buf_done(&metadata);
    buf_done(&text);
}

static bool names(const struct envelope *e, const char *member, const char *value)
{
    struct span text;
    return envelope_string(e, member, &text) && span_is(text, value);
}

const char *introduction_check(struct peer *p, const struct connection *a, const struct envelope *e)
{
    uint8_t key[KEY_BYTES];
    struct span text;
    if (!names(e, "context", ENVELOPE_INTRODUCTION_CONTEXT))
        return "of another kind";
    if (!names(e, "room", p->settings.room))
        return "for another room";
    if (!names(e, "reader", p->id))
        return "for another reader";
    if (!names(e, "fingerprint", a->remote))
        return "for another certificate of its own";
    if (!names(e, "readerFingerprint", a->local))
        return "for another certificate of ours";
    if (envelope_string(e, "key", &text) &&
        !(base64_decode(text, key, sizeof key) && memcmp(key, a->person->key, sizeof key) == 0))
        return "with another key";
    return NULL;
}
