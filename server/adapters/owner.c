/* SPDX-License-Identifier: MIT */
#include "server/adapters/owner.h"

#include <assert.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

bool owner_token(void *ctx, struct span room_id, uint64_t incarnation, uint8_t token[OWNER_TOKEN_BYTES])
{
    const struct owner_key *key = ctx;
    uint8_t text[sizeof incarnation + ROOM_ID_MAX];
    unsigned n = 0;
    assert(room_id.n <= ROOM_ID_MAX);
    for (size_t i = 0; i < sizeof incarnation; i++)
        text[i] = (uint8_t)(incarnation >> (8 * (sizeof incarnation - 1 - i)));
    memcpy(text + sizeof incarnation, room_id.p, room_id.n);
    return HMAC(EVP_sha256(), key->bytes, sizeof key->bytes, text, sizeof incarnation + room_id.n, token, &n) &&
           n == OWNER_TOKEN_BYTES;
}
