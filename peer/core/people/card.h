/* SPDX-License-Identifier: MIT
 *
 * A person on one line: key, box, signature (base64) and name, as the store keeps it and as peers tell each other of
 * third ones.
 *   owns     nothing: a card is a copy
 *   before   nothing: a card may come from anybody
 *   after    a card that was read has a signature that holds, and the id that follows from its key
 */
#ifndef PEER_PEOPLE_CARD_H
#define PEER_PEOPLE_CARD_H

#include "peer/core/peer.h"
#include "base/buf.h"

struct person;

enum {
    CARD_MAX = 3 * 96 + DISPLAY_NAME_MAX
};
struct card {
    char id[ID_CHARS + 1];
    uint8_t key[KEY_BYTES], box[KEY_BYTES], box_signature[SIGNATURE_BYTES];
    char name[DISPLAY_NAME_MAX + 1];
};
/* Of a person with a key. */
void card_write(struct buf *out, const struct person *who);
void card_write_ours(const struct peer *p, struct buf *out);
/* False unless the signature holds. */
bool card_read(const struct peer *p, struct span text, struct card *out);

#endif
