/* SPDX-License-Identifier: MIT
 *
 * H(K ^ opad, H(K ^ ipad, message)), with K filled with zeros to a block of the hash, or hashed first if it is longer
 * (RFC 2104 section 2). The port hashes one stretch of bytes, so each of the two is put together first.
 */
#include "peer/core/people/hmac.h"

#include <assert.h>
#include <string.h>

#include "base/buf.h"

enum {
    BLOCK_BYTES = 64, /* of SHA-256 (FIPS 180-4) */
    INNER_PAD = 0x36,
    OUTER_PAD = 0x5c,
    HMAC_MESSAGE_MAX = 64 * 1024
};

static bool padded(const struct peer_crypto *crypto, const uint8_t key[BLOCK_BYTES], uint8_t pad, struct span message,
    uint8_t hash[HASH_BYTES])
{
    struct buf bytes;
    buf_init(&bytes, BLOCK_BYTES + HMAC_MESSAGE_MAX);
    for (size_t i = 0; i < BLOCK_BYTES; i++)
        buf_byte(&bytes, (char)(key[i] ^ pad));
    buf_span(&bytes, message);
    bool ok = !bytes.failed;
    if (ok)
        crypto->sha256(crypto->ctx, buf_view(&bytes), hash);
    buf_done(&bytes);
    return ok;
}

bool hmac_sha256(const struct peer_crypto *crypto, struct span key, struct span message, uint8_t mac[HASH_BYTES])
{
    uint8_t block[BLOCK_BYTES] = {0}, inner[HASH_BYTES];
    assert(message.n <= HMAC_MESSAGE_MAX);
    if (key.n > BLOCK_BYTES)
        crypto->sha256(crypto->ctx, key, block);
    else if (key.n > 0)
        memcpy(block, key.p, key.n);
    return padded(crypto, block, INNER_PAD, message, inner) &&
           padded(crypto, block, OUTER_PAD, (struct span){(const char *)inner, sizeof inner}, mac);
}

bool hmac_equal(const uint8_t a[HASH_BYTES], const uint8_t b[HASH_BYTES])
{
    uint8_t differs = 0;
    for (size_t i = 0; i < HASH_BYTES; i++)
        differs = (uint8_t)(differs | (a[i] ^ b[i]));
    return differs == 0;
}
