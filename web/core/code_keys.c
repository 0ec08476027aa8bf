/* SPDX-License-Identifier: MIT
 *
 * As peer/io/code_keys.c, which has the story, on the libraries that the browser's build has.
 */
#include "peer/io/code_keys.h"

#include <bearssl.h>
#include <sodium/crypto_pwhash_scryptsalsa208sha256.h>
#include <sodium/utils.h>

#define SALT "usher-code-1"
#define LABEL_ROOM "usher-code-1 room"
#define LABEL_SECRET "usher-code-1 secret"

enum {
    SCRYPT_N = 1 << 14,
    SCRYPT_R = 8,
    SCRYPT_P = 1,
    MASTER_BYTES = 32
};

static void label(const uint8_t master[MASTER_BYTES], const char *text, uint8_t out[SECRET_BYTES])
{
    br_hmac_key_context key;
    br_hmac_context hmac;
    br_hmac_key_init(&key, &br_sha256_vtable, master, MASTER_BYTES);
    br_hmac_init(&hmac, &key, 0);
    br_hmac_update(&hmac, text, strlen(text));
    br_hmac_out(&hmac, out);
}

bool code_keys_derive(const char *code, struct code_keys *keys, struct err *err)
{
    uint8_t master[MASTER_BYTES], room[SECRET_BYTES];
    if (crypto_pwhash_scryptsalsa208sha256_ll((const uint8_t *)code, strlen(code), (const uint8_t *)SALT, strlen(SALT),
            SCRYPT_N, SCRYPT_R, SCRYPT_P, master, sizeof master) != 0)
        return err_set(err, "the code's keys could not be made: 16 MiB of memory are needed for it");
    label(master, LABEL_ROOM, room);
    label(master, LABEL_SECRET, keys->secret);
    sodium_memzero(master, sizeof master);
    base32_encode(room, ID_BYTES, keys->room);
    return true;
}

void code_keys_wipe(struct code_keys *keys)
{
    sodium_memzero(keys, sizeof *keys);
}
