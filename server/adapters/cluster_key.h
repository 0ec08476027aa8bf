/* SPDX-License-Identifier: MIT
 *
 * What is made of cluster.node_secret: the same on all daemons that share it, and of no use to who wants to know it.
 */
#ifndef SERVER_ADAPTERS_CLUSTER_KEY_H
#define SERVER_ADAPTERS_CLUSTER_KEY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"
#include "protocol/limits.h"

enum {
    CLUSTER_KEY_BYTES = 32
};

/* HKDF-Expand (RFC 5869 section 2.3) for one block, since the secret is random as it stands. `info`, of at most 62 bytes, tells
 * keys for different uses apart. False: OpenSSL has no memory. */
bool cluster_key_make(struct span secret, const char *info, uint8_t key[CLUSTER_KEY_BYTES]);
/* The name that `welcome` has: 26 characters of base32, 128 bits of the key "usher cluster id". False, and out is "": likewise. */
bool cluster_id_make(struct span secret, char out[CLUSTER_ID_MAX + 1]);

#endif
