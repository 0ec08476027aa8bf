/* SPDX-License-Identifier: MIT
 *
 * HMAC-SHA-256 (RFC 2104) of the sha256 port.
 *   owns     nothing
 *   before   nothing
 *   after    who does not know the key can neither make nor guess what comes out
 */
#ifndef PEER_PEOPLE_HMAC_H
#define PEER_PEOPLE_HMAC_H

#include "peer/core/peer.h"

/* False if there is no memory. */
bool hmac_sha256(const struct peer_crypto *crypto, struct span key, struct span message, uint8_t mac[HASH_BYTES]);
/* Whether they are equal, in a time that does not tell where they differ. */
bool hmac_equal(const uint8_t a[HASH_BYTES], const uint8_t b[HASH_BYTES]);

#endif
