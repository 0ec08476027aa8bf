/* SPDX-License-Identifier: MIT
 *
 * Sealing: what may pass, or rest with, a third peer. A message's content is encrypted once under a key of its own;
 * that key is wrapped for each reader under the secret that sender and reader share. The signed header is the seal's
 * AAD, so content cannot be moved to another message; `encrypted` is signed, so nobody who reads it can alter it
 * either. `keys` is not signed, for relays pass on one reader's alone: a wrapped key names its message and its reader,
 * so it opens nothing else, and one that was changed opens nothing at all.
 *
 *   owns     nothing: struct sealed is the caller's, until sealed_done
 *   before   the sender's header is filled in whole; keys of readers may be any bytes
 *   after    who is not among the readers learns no more than type, sizes and readers; what opens was sealed by the sender of that very
 *            header, and is as it was
 */
#ifndef PEER_CORE_SEAL_H
#define PEER_CORE_SEAL_H

#include "peer/core/peer.h"
#include "protocol/envelope.h"

struct seal_reader {
    struct span id;
    const uint8_t *box; /* KEY_BYTES: their X25519 public key */
};

/* What a sealed envelope points to. */
struct sealed {
    char *encrypted;           /* owned */
    struct envelope_key *keys; /* owned */
    char *wrapped;             /* owned */
};

/* Puts the content of a sender's envelope (id, from and the rest of the header filled in) under seal: sets `encrypted`
 * and `keys`, takes text, attachments and metadata away. What it points to lives until sealed_done. False, with nothing
 * to be done, if memory is short or the content breaks its bounds. A reader whose key is no good gets no entry of
 * `keys`, so that nobody can silence a room by showing one; false if that leaves no reader. */
bool seal_envelope(const struct peer_crypto *crypto, const struct rng *rng, struct envelope *e,
    const struct seal_reader *readers, size_t n, struct sealed *out);
void sealed_done(struct sealed *s);

/* Appends the content of a parsed envelope that `me` is a reader of; box is its sender's. NULL, or a static reason. */
const char *seal_open(const struct peer_crypto *crypto, const struct envelope *e, struct span me,
    const uint8_t box[KEY_BYTES], struct buf *content);

#endif
