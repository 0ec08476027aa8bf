/* SPDX-License-Identifier: MIT
 *
 * What the peer's core needs and WebAssembly has not: crypto in C, randomness of the browser's, the end of a program. One
 * instance of the module is one peer, so its keys and caches are there once.
 */
#ifndef WEB_CORE_PORTS_H
#define WEB_CORE_PORTS_H

#include "peer/core/peer.h"

/* The keys of an identity, from its two private ones. Before any port is used. */
struct web_identity {
    uint8_t key[KEY_BYTES], box[KEY_BYTES], box_signature[SIGNATURE_BYTES];
};
struct web_identity ports_identity(const uint8_t seed[KEY_BYTES], const uint8_t box_seed[KEY_BYTES]);
/* Ed25519, X25519 (libsodium's ref10), SHA-256, HKDF and AES-GCM (BearSSL, constant time). */
struct peer_crypto ports_crypto(void);
/* crypto.getRandomValues. */
struct rng ports_rng(void);
/* Ends the instance: the host throws, and calls nothing of it any more. */
_Noreturn void ports_panic(const char *sentence);

#endif
