/* SPDX-License-Identifier: MIT
 *
 * OpenSSL behind peer/core's crypto ports.
 */
#ifndef PEER_IO_CRYPTO_H
#define PEER_IO_CRYPTO_H

#include "peer/core/peer.h"

struct crypto;

/* Signs with this Ed25519 private key and opens with this X25519 one (copied). NULL when OpenSSL or memory fails. */
struct crypto *crypto_new(const uint8_t seed[KEY_BYTES], const uint8_t box_seed[KEY_BYTES]);
/* Takes NULL. */
void crypto_free(struct crypto *c);
/* The ports; their ctx is c, which must outlive them. */
struct peer_crypto crypto_ports(struct crypto *c);

#endif
