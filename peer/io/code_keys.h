/* SPDX-License-Identifier: MIT
 *
 * What two people who know one code share: where they meet, and a secret by which they know each other. The room's id is
 * told to the server, the secret to nobody, and neither can be found from the other.
 */
#ifndef PEER_IO_CODE_KEYS_H
#define PEER_IO_CODE_KEYS_H

#include "base/err.h"
#include "base/text.h"
#include "peer/core/peer.h"

struct code_keys {
    char room[ID_CHARS + 1];
    uint8_t secret[SECRET_BYTES];
};

/* Of a code as words_code_parse writes it. Takes some 50 ms and 16 MiB, by intent: scrypt (RFC 7914), N = 2^14, r = 8,
 * p = 1. False, with a sentence in err, if there is no memory. */
bool code_keys_derive(const char *code, struct code_keys *keys, struct err *err);
/* Forgets them. */
void code_keys_wipe(struct code_keys *keys);

#endif
