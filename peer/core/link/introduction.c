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
#include <assert.h>

#include "peer/core/state.h"
#include "peer/core/link/introduction.h"
#include "peer/core/people/say.h"
#include "peer/core/link/connection.h"
#include "protocol/body.h"

void introduction_send(struct peer *p, struct connection *a)
{
    assert(a->open && a->person->keyed);
    struct buf metadata, text;
    buf_init(&metadata, METADATA_MAX + 1024);
    buf_init(&text, PEER_MESSAGE_MAX);
    char key[BASE64_LEN(KEY_BYTES) + 1], box[BASE64_LEN(KEY_BYTES) + 1];
    base64_encode(p->settings.key, KEY_BYTES, key);
    base64_encode(p->settings.box, KEY_BYTES, box);
    bool ok =
        body_write_introduction(&metadata, &(struct body_introduction){.context = SPAN(ENVELOPE_INTRODUCTION_CONTEXT),
                                               .room = span_of(p->settings.room),
                                               .reader = person_id(a->person),
                                               .fingerprint = span_of(a->local),
                                               .reader_fingerprint = span_of(a->remote),
                                               .key = span_of(key),
                                               .box = span_of(box),
                                               .name = span_of(p->settings.name)});
    struct span to = person_id(a->person);
    struct envelope e = {.type = ENVELOPE_PEER_INTRODUCTION, .to = &to, .to_count = 1, .metadata = buf_view(&metadata)};
    char id[ID_CHARS + 1];
    if (ok && say_envelope(p, &e, id, &text))
        connection_send(p, a, buf_view(&text));
    buf_done(&metadata);
    buf_done(&text);
}

const char *introduction_check(struct peer *p, const struct connection *a, const struct envelope *e)
{
    assert(a->open && !a->introduced);
    uint8_t key[KEY_BYTES];
    struct body_introduction b;
    body_read_introduction(e, &b);
    if (!span_is(b.context, ENVELOPE_INTRODUCTION_CONTEXT))
        return "of another kind";
    if (!span_is(b.room, p->settings.room))
        return "for another room";
    if (!span_is(b.reader, p->id))
        return "for another reader";
    if (!span_is(b.fingerprint, a->remote))
        return "for another certificate of its own";
    if (!span_is(b.reader_fingerprint, a->local))
        return "for another certificate of ours";
    if (b.key.p && !(base64_decode(b.key, key, sizeof key) && memcmp(key, a->person->key, sizeof key) == 0))
        return "with another key";
    return NULL;
}
