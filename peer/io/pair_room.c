/* SPDX-License-Identifier: MIT
 *
 * The label keeps these rooms apart from all else that is hashed of identities. There is no secret in it: who knows both
 * identities can find the room, and sees there who waits; docs/decisions/0019-codes.md says why that is enough.
 */
#include "peer/io/pair_room.h"

#include <openssl/evp.h>
#include <stdint.h>
#include <string.h>

#define LABEL "usher-pair-1 room"

bool pair_room(const char *a, const char *b, char room[ID_CHARS + 1], struct err *err)
{
    const char *parts[] = {LABEL, strcmp(a, b) < 0 ? a : b, strcmp(a, b) < 0 ? b : a};
    uint8_t hash[EVP_MAX_MD_SIZE];
    EVP_MD_CTX *sum = EVP_MD_CTX_new();
    bool ok = sum && EVP_DigestInit_ex(sum, EVP_sha256(), NULL) == 1;
    for (size_t i = 0; ok && i < sizeof parts / sizeof *parts; i++)
        ok = EVP_DigestUpdate(sum, parts[i], strlen(parts[i]) + 1) == 1;
    ok = ok && EVP_DigestFinal_ex(sum, hash, NULL) == 1;
    EVP_MD_CTX_free(sum);
    if (!ok)
        return err_memory(err);
    base32_encode(hash, ID_BYTES, room);
    return true;
}
