/* SPDX-License-Identifier: MIT
 *
 * Crypto of a real peer, for the few seeds that have it. A build without OpenSSL (web/sim) has another realcrypto_new.
 */
#ifndef SIM_REALCRYPTO_H
#define SIM_REALCRYPTO_H

#include "peer/io/crypto.h"

/* What was drawn for the public keys serves as the private ones, and is replaced by them. Never NULL: it ends the process. */
struct crypto *realcrypto_new(uint8_t key[KEY_BYTES], uint8_t box[KEY_BYTES]);

#endif
