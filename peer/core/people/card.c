/* SPDX-License-Identifier: MIT
 *
 * A person on one line (protocol/body.h), as the store keeps it and as peers tell each other of third ones. The id follows
 * from the key, and the signature ties the box key to it, so nobody can make a card for another.
 */
#include <assert.h>

#include "peer/core/state.h"
#include "peer/core/people/card.h"
#include "peer/core/port/effects.h"
#include "protocol/body.h"

void card_write(struct buf *out, const struct person *who)
{
    struct body_card card = {.name = span_of(who->name)};
    assert(who->keyed);
    memcpy(card.key, who->key, sizeof card.key);
    memcpy(card.box, who->box, sizeof card.box);
    memcpy(card.signature, who->box_signature, sizeof card.signature);
    body_write_card(out, &card);
}

void card_write_ours(const struct peer *p, struct buf *out)
{
    assert(p);
    struct body_card card = {.name = span_of(p->settings.name)};
    memcpy(card.key, p->settings.key, sizeof card.key);
    memcpy(card.box, p->settings.box, sizeof card.box);
    memcpy(card.signature, p->settings.box_signature, sizeof card.signature);
    body_write_card(out, &card);
}

bool card_read(const struct peer *p, struct span text, struct card *out)
{
    uint8_t hash[HASH_BYTES];
    struct body_card card;
    if (!body_read_card(text, &card) || !text_copy(out->name, sizeof out->name, card.name) ||
        !p->crypto.verify(p->crypto.ctx, card.key, (struct span){(const char *)card.box, KEY_BYTES}, card.signature))
        return false;
    memcpy(out->key, card.key, sizeof out->key);
    memcpy(out->box, card.box, sizeof out->box);
    memcpy(out->box_signature, card.signature, sizeof out->box_signature);
    p->crypto.sha256(p->crypto.ctx, (struct span){(const char *)out->key, KEY_BYTES}, hash);
    envelope_short_hash(hash, out->id);
    return true;
}
