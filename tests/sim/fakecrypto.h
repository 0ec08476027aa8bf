/* SPDX-License-Identifier: MIT
 *
 * Signatures that cost nothing: a keyed hash under a secret that only the ring knows, so that within the simulation
 * nobody can sign for another, and every altered byte is seen. Not for any other use.
 */
#ifndef SIM_FAKECRYPTO_H
#define SIM_FAKECRYPTO_H

#include "peer/core/peer.h"
#include "tests/sim/world.h"

struct key_ring;
struct key_pair; /* one person's; its address is what peer_crypto.ctx holds */

struct key_ring *key_ring_new(void);
/* Pairs added from now on are real: OpenSSL's, by peer/io. */
void key_ring_real(struct key_ring *ring);
void key_ring_free(struct key_ring *ring); /* takes NULL */
/* A new key; borrowed, lives as long as the ring. */
struct key_pair *key_ring_add(struct key_ring *ring, const struct rng *rng);
struct peer_crypto key_pair_crypto(struct key_pair *k);
/* Fills key, box and box_signature. */
void key_pair_settings(struct key_pair *k, struct peer_settings *settings);

#endif
