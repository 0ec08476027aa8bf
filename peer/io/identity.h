/* SPDX-License-Identifier: MIT
 *
 * Who we are: an Ed25519 key that signs and an X25519 key that others seal to, kept in the state directory.
 */
#ifndef PEER_IO_IDENTITY_H
#define PEER_IO_IDENTITY_H

#include <stdint.h>

#include "base/err.h"
#include "base/text.h"
#include "peer/core/peer.h"

struct identity {
    uint8_t seed[KEY_BYTES];                /* Ed25519 private key, RFC 8032 section 5.1.5 */
    uint8_t box_seed[KEY_BYTES];            /* X25519 private key, RFC 7748 section 5 */
    uint8_t key[KEY_BYTES], box[KEY_BYTES]; /* the public ones */
    uint8_t box_signature[SIGNATURE_BYTES]; /* over box, by key */
    char id[ID_CHARS + 1];                  /* base32 of the first 128 bits of SHA-256 of key */
};

/* Reads the identity of a state directory. False with one sentence in err if it is damaged or open to others; *absent
 * if there is none yet. */
bool identity_load(const char *dir, struct identity *out, bool *absent, struct err *err);
/* Loads it, or makes one. The directory must be locked. */
bool identity_open(const char *dir, struct identity *out, struct err *err);
/* Overwrites the private keys. */
void identity_wipe(struct identity *identity);

#endif
