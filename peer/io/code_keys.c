/* SPDX-License-Identifier: MIT
 *
 * The server is told the room and may try codes against it, for as long as it likes: each try costs a scrypt, and there are
 * 2^66 codes. The salt is the same for all, since the two who derive have nothing else in common; a table of all codes
 * would cost as much as trying them. One scrypt makes a key, of which HMAC-SHA-256 (RFC 2104) with a label each makes the
 * room and the secret: who knows one of the two knows nothing of the other.
 */
#include "peer/io/code_keys.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

#define SALT "usher-code-1"
#define LABEL_ROOM "usher-code-1 room"
#define LABEL_SECRET "usher-code-1 secret"

enum {
    SCRYPT_N = 1 << 14,
    SCRYPT_R = 8,
    SCRYPT_P = 1,
    SCRYPT_MEMORY = 32 << 20, /* bytes that OpenSSL may take: 16 MiB and a little are needed */
    MASTER_BYTES = 32
};

static bool label(const uint8_t master[MASTER_BYTES], const char *text, uint8_t out[SECRET_BYTES])
{
    return HMAC(EVP_sha256(), master, MASTER_BYTES, (const uint8_t *)text, strlen(text), out, NULL) != NULL;
}

bool code_keys_derive(const char *code, struct code_keys *keys, struct err *err)
{
    uint8_t master[MASTER_BYTES], room[SECRET_BYTES];
    bool ok = EVP_PBE_scrypt(code, strlen(code), (const uint8_t *)SALT, strlen(SALT), SCRYPT_N, SCRYPT_R, SCRYPT_P,
                  SCRYPT_MEMORY, master, sizeof master) == 1 &&
              label(master, LABEL_ROOM, room) && label(master, LABEL_SECRET, keys->secret);
    OPENSSL_cleanse(master, sizeof master);
    if (!ok)
        return err_set(err, "the code's keys could not be made: 16 MiB of memory are needed for it");
    base32_encode(room, ID_BYTES, keys->room);
    return true;
}

void code_keys_wipe(struct code_keys *keys)
{
    OPENSSL_cleanse(keys, sizeof *keys);
}
