/* SPDX-License-Identifier: MIT
 *
 * A message costs one signature on one side and one verification on the other, so keys are kept as OpenSSL wants them:
 * making an EVP_PKEY and a fetch of its algorithm for each would double the price. Verifying keys live in a small table
 * that a hash of the key indexes; two keys that meet in a slot take turns, which costs time and nothing else.
 */
#include "peer/io/crypto.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

enum {
    VERIFIERS = 256 /* a power of two; four full rooms */
};

struct verifier {
    uint8_t key[KEY_BYTES];
    EVP_PKEY *pkey; /* owned; NULL: the slot is free */
};

struct crypto {
    EVP_PKEY *own;
    EVP_MD_CTX *ctx;
    EVP_MD *sha256;
    struct verifier verifiers[VERIFIERS];
};

struct crypto *crypto_new(const uint8_t seed[KEY_BYTES])
{
    struct crypto *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->own = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, KEY_BYTES);
    c->ctx = EVP_MD_CTX_new();
    c->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    if (!c->own || !c->ctx || !c->sha256)
        goto fail;
    return c;
fail:
    crypto_free(c);
    return NULL;
}

void crypto_free(struct crypto *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < VERIFIERS; i++)
        EVP_PKEY_free(c->verifiers[i].pkey);
    EVP_PKEY_free(c->own);
    EVP_MD_CTX_free(c->ctx);
    EVP_MD_free(c->sha256);
    free(c);
}

/* With a key that is there, signing fails only when memory does: a message with no signature must never leave. */
static void sign(void *ctx, struct span message, uint8_t signature[SIGNATURE_BYTES])
{
    struct crypto *c = ctx;
    size_t n = SIGNATURE_BYTES;
    if (EVP_MD_CTX_reset(c->ctx) != 1 || EVP_DigestSignInit(c->ctx, NULL, NULL, NULL, c->own) != 1 ||
        EVP_DigestSign(c->ctx, signature, &n, (const uint8_t *)message.p, message.n) != 1)
        abort();
}

static EVP_PKEY *verifier(struct crypto *c, const uint8_t key[KEY_BYTES])
{
    struct verifier *v = &c->verifiers[key[0] & (VERIFIERS - 1)];
    if (v->pkey && memcmp(v->key, key, KEY_BYTES) == 0)
        return v->pkey;
    EVP_PKEY_free(v->pkey);
    v->pkey = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, key, KEY_BYTES);
    memcpy(v->key, key, KEY_BYTES);
    return v->pkey;
}

static bool verify(
    void *ctx, const uint8_t key[KEY_BYTES], struct span message, const uint8_t signature[SIGNATURE_BYTES])
{
    struct crypto *c = ctx;
    EVP_PKEY *pkey = verifier(c, key);
    return pkey && EVP_MD_CTX_reset(c->ctx) == 1 && EVP_DigestVerifyInit(c->ctx, NULL, NULL, NULL, pkey) == 1 &&
           EVP_DigestVerify(c->ctx, signature, SIGNATURE_BYTES, (const uint8_t *)message.p, message.n) == 1;
}

static void sha256(void *ctx, struct span bytes, uint8_t hash[HASH_BYTES])
{
    struct crypto *c = ctx;
    if (EVP_Digest(bytes.p, bytes.n, hash, NULL, c->sha256, NULL) != 1)
        abort();
}

struct peer_crypto crypto_ports(struct crypto *c)
{
    return (struct peer_crypto){.ctx = c, .sign = sign, .verify = verify, .sha256 = sha256};
}
