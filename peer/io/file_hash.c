/* SPDX-License-Identifier: MIT */
#include "peer/io/file_hash.h"

#include <openssl/evp.h>

bool file_hash(const void *bytes, size_t n, uint8_t out[FILE_HASH_BYTES])
{
    unsigned length = FILE_HASH_BYTES;
    return EVP_Digest(n ? bytes : "", n, out, &length, EVP_sha256(), NULL) == 1;
}
