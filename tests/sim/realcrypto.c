/* SPDX-License-Identifier: MIT
 *
 * OpenSSL's, by peer/io.
 */
#include "tests/sim/realcrypto.h"

#include <openssl/evp.h>
#include <stdlib.h>

static void public_of(int kind, uint8_t key[KEY_BYTES])
{
    size_t n = KEY_BYTES;
    EVP_PKEY *made = EVP_PKEY_new_raw_private_key(kind, NULL, key, KEY_BYTES);
    if (!made || EVP_PKEY_get_raw_public_key(made, key, &n) != 1)
        abort();
    EVP_PKEY_free(made);
}

struct crypto *realcrypto_new(uint8_t key[KEY_BYTES], uint8_t box[KEY_BYTES])
{
    struct crypto *made = crypto_new(key, box);
    if (!made)
        abort();
    public_of(EVP_PKEY_ED25519, key);
    public_of(EVP_PKEY_X25519, box);
    return made;
}
