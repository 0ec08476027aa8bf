/* SPDX-License-Identifier: MIT */
#include "server/adapters/cluster_id.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/text.h"

enum {
    NAME_BYTES = 16
};

bool cluster_id_make(struct span secret, char out[CLUSTER_ID_MAX + 1])
{
    static const unsigned char INFO[] = "usher cluster id\x01";
    unsigned char bytes[EVP_MAX_MD_SIZE];
    out[0] = '\0';
    if (!HMAC(EVP_sha256(), secret.p, (int)secret.n, INFO, sizeof INFO - 1, bytes, NULL))
        return false;
    base32_encode(bytes, NAME_BYTES, out);
    return true;
}
