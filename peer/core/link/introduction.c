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
 * and for whoever has not seen the roster: key, box and name. With a secret (peer_settings) also
 *
 *     mac                 HMAC-SHA-256 under the secret over both identities, keys and fingerprints, the signer's first
 *
 * DTLS proved that the other end holds the certificate that
 * the description named; this proves that the person of the key made and saw the same two descriptions. A daemon that
 * put itself in between gave each side a certificate of its own, so the fingerprints differ; a recorded introduction
 * names other certificates; one made for somebody else names another reader.
 *
 * Against a daemon that shows keys of its own in place of both people's, signatures are no help: each side would be
 * introduced to the daemon, rightly. The secret is: who does not know it cannot make the mac, and one that was made for other
 * keys, other certificates or the other direction is none.
 */
#include <assert.h>

#include "peer/core/state.h"
#include "peer/core/link/introduction.h"
#include "peer/core/people/hmac.h"
#include "peer/core/people/say.h"
#include "peer/core/link/connection.h"
#include "protocol/body.h"

enum {
    MAC_TEXT_MAX = 4096
};

/* Who introduces himself, or is introduced to. */
struct party {
    struct span id, fingerprint;
    const uint8_t *key, *box;
};

static struct party us(const struct peer *p, const struct connection *a)
{
    return (struct party){span_of(p->id), span_of(a->local), p->settings.key, p->settings.box};
}

static struct party them(const struct connection *a)
{
    return (struct party){person_id(a->person), span_of(a->remote), a->person->key, a->person->box};
}

static void write_party(struct buf *out, const struct party *party)
{
    char key[BASE64_LEN(KEY_BYTES) + 1], box[BASE64_LEN(KEY_BYTES) + 1];
    base64_encode(party->key, KEY_BYTES, key);
    base64_encode(party->box, KEY_BYTES, box);
    buf_byte(out, '\n');
    buf_span(out, party->id);
    buf_printf(out, "\n%s\n%s\n", key, box);
    buf_span(out, party->fingerprint);
}

/* Lines of text, none of which can have a line end in it. False if there is no memory. */
static bool introduction_mac(
    const struct peer *p, const struct party *signer, const struct party *reader, uint8_t mac[HASH_BYTES])
{
    struct buf text;
    buf_init(&text, MAC_TEXT_MAX);
    buf_text(&text, ENVELOPE_INTRODUCTION_CONTEXT "\n");
    buf_text(&text, p->settings.room);
    write_party(&text, signer);
    write_party(&text, reader);
    struct span secret = {(const char *)p->settings.secret, SECRET_BYTES};
    bool ok = !text.failed && hmac_sha256(&p->crypto, secret, buf_view(&text), mac);
    buf_done(&text);
    return ok;
}

/* In base64; empty without a secret. */
static bool own_mac(const struct peer *p, const struct connection *a, char out[BASE64_LEN(HASH_BYTES) + 1])
{
    struct party signer = us(p, a), reader = them(a);
    uint8_t mac[HASH_BYTES];
    out[0] = '\0';
    if (!p->settings.has_secret)
        return true;
    if (!introduction_mac(p, &signer, &reader, mac))
        return false;
    base64_encode(mac, sizeof mac, out);
    return true;
}

static bool mac_holds(const struct peer *p, const struct connection *a, struct span said)
{
    struct party signer = them(a), reader = us(p, a);
    uint8_t expected[HASH_BYTES], mac[HASH_BYTES];
    return base64_decode(said, mac, sizeof mac) && introduction_mac(p, &signer, &reader, expected) &&
           hmac_equal(mac, expected);
}

void introduction_send(struct peer *p, struct connection *a)
{
    assert(a->open && a->person->keyed);
    struct buf metadata, text;
    buf_init(&metadata, METADATA_MAX + 1024);
    buf_init(&text, PEER_MESSAGE_MAX);
    char key[BASE64_LEN(KEY_BYTES) + 1], box[BASE64_LEN(KEY_BYTES) + 1], mac[BASE64_LEN(HASH_BYTES) + 1];
    base64_encode(p->settings.key, KEY_BYTES, key);
    base64_encode(p->settings.box, KEY_BYTES, box);
    bool ok = own_mac(p, a, mac) && body_write_introduction(&metadata,
                                        &(struct body_introduction){.context = SPAN(ENVELOPE_INTRODUCTION_CONTEXT),
                                            .room = span_of(p->settings.room),
                                            .reader = person_id(a->person),
                                            .fingerprint = span_of(a->local),
                                            .reader_fingerprint = span_of(a->remote),
                                            .key = span_of(key),
                                            .box = span_of(box),
                                            .name = span_of(p->settings.name),
                                            .mac = span_of(mac)});
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
    if (p->settings.has_secret && !mac_holds(p, a, b.mac))
        return "does not know the code";
    return NULL;
}
