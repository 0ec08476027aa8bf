/* SPDX-License-Identifier: MIT
 *
 * NIST SP 800-38D: a nonce of 96 random bits in front, a tag of 128 bits behind. Random nonces under one key are good
 * for 2^32 seals; at a thousand joins a second that is seven weeks of nothing else, and the worst of a repetition is
 * that two tokens are read and others forged, by somebody who kept them all. Deleting the key's file makes a new one.
 */
#include "server/adapters/seal.h"

#include <openssl/evp.h>
#include <stdlib.h>

enum {
    NONCE_BYTES = 12,
    TAG_BYTES = 16
};
_Static_assert(NONCE_BYTES + TAG_BYTES == SEAL_EXTRA, "what sealing adds");

struct seal {
    const struct rng *rng;
    EVP_CIPHER_CTX *sealing, *opening;
    struct core_crypto port;
};

static bool seal(void *ctx, const void *plain, size_t n, void *sealed)
{
    struct seal *s = ctx;
    unsigned char *nonce = sealed, *body = nonce + NONCE_BYTES;
    int done = 0, last = 0;
    s->rng->fill(s->rng->ctx, nonce, NONCE_BYTES);
    return EVP_EncryptInit_ex(s->sealing, NULL, NULL, NULL, nonce) == 1 &&
           EVP_EncryptUpdate(s->sealing, body, &done, plain, (int)n) == 1 &&
           EVP_EncryptFinal_ex(s->sealing, body + done, &last) == 1 &&
           EVP_CIPHER_CTX_ctrl(s->sealing, EVP_CTRL_AEAD_GET_TAG, TAG_BYTES, body + n) == 1;
}

static bool open_sealed(void *ctx, const void *sealed, size_t n, void *plain)
{
    struct seal *s = ctx;
    const unsigned char *nonce = sealed, *body = nonce + NONCE_BYTES;
    size_t body_n = n - SEAL_EXTRA;
    unsigned char tag[TAG_BYTES], *out = plain;
    memcpy(tag, body + body_n, TAG_BYTES);
    int done = 0, last = 0;
    return EVP_DecryptInit_ex(s->opening, NULL, NULL, NULL, nonce) == 1 &&
           EVP_DecryptUpdate(s->opening, out, &done, body, (int)body_n) == 1 &&
           EVP_CIPHER_CTX_ctrl(s->opening, EVP_CTRL_AEAD_SET_TAG, TAG_BYTES, tag) == 1 &&
           EVP_DecryptFinal_ex(s->opening, out + done, &last) == 1;
}

struct seal *seal_new(const uint8_t key[SEAL_KEY_BYTES], const struct rng *rng)
{
    struct seal *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->rng = rng;
    s->port = (struct core_crypto){.seal = seal, .open = open_sealed, .ctx = s};
    s->sealing = EVP_CIPHER_CTX_new();
    s->opening = EVP_CIPHER_CTX_new();
    if (!s->sealing || !s->opening || EVP_EncryptInit_ex(s->sealing, EVP_aes_256_gcm(), NULL, key, NULL) != 1 ||
        EVP_DecryptInit_ex(s->opening, EVP_aes_256_gcm(), NULL, key, NULL) != 1)
        goto fail;
    return s;
fail:
    seal_free(s);
    return NULL;
}

void seal_free(struct seal *s)
{
    if (!s)
        return;
    EVP_CIPHER_CTX_free(s->sealing);
    EVP_CIPHER_CTX_free(s->opening);
    free(s);
}

const struct core_crypto *seal_port(const struct seal *s)
{
    return &s->port;
}
