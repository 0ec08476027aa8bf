/* SPDX-License-Identifier: MIT */
#include "server/adapters/cluster_key.h"

#include <assert.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/text.h"

enum {
    INFO_MAX = 62,
    NAME_BYTES = 16
};

bool cluster_key_make(struct span secret, const char *info, uint8_t key[CLUSTER_KEY_BYTES])
{
    unsigned char text[INFO_MAX + 1];
    size_t n = strlen(info);
    assert(n <= INFO_MAX);
    memcpy(text, info, n);
    text[n++] = 1; /* the number of the block */
    return HMAC(EVP_sha256(), secret.p, (int)secret.n, text, n, key, NULL) != NULL;
}

bool cluster_id_make(struct span secret, char out[CLUSTER_ID_MAX + 1])
{
    uint8_t key[CLUSTER_KEY_BYTES];
    out[0] = '\0';
    if (!cluster_key_make(secret, "usher cluster id", key))
        return false;
    base32_encode(key, NAME_BYTES, out);
    return true;
}
