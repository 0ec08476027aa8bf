/* SPDX-License-Identifier: MIT
 *
 * A message costs one signature on one side and one verification on the other, so keys are kept as OpenSSL wants them:
 * making an EVP_PKEY and a fetch of its algorithm for each would double the price. Verifying keys live in a small table
 * that a hash of the key indexes; two keys that meet in a slot take turns, which costs time and nothing else.
 */
#include "peer/io/crypto.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <stdlib.h>
#include <string.h>

enum {
    VERIFIERS = 256 /* a power of two; four full rooms */
};

struct verifier {
    uint8_t key[KEY_BYTES];
    EVP_PKEY *pkey; /* owned; NULL: the slot is free */
};

struct shared {
    uint8_t box[KEY_BYTES], secret[KEY_BYTES];
    bool used;
};

struct crypto {
    EVP_PKEY *own, *box;
    EVP_CIPHER *gcm;
    EVP_CIPHER_CTX *cipher;
    EVP_KDF_CTX *hkdf;
    struct shared shared[VERIFIERS];
    EVP_MD_CTX *ctx;
    EVP_MD *sha256;
    struct verifier verifiers[VERIFIERS];
};

static EVP_KDF_CTX *hkdf_new(void)
{
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
    EVP_KDF_CTX *ctx = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
    EVP_KDF_free(kdf);
    return ctx;
}

struct crypto *crypto_new(const uint8_t seed[KEY_BYTES], const uint8_t box_seed[KEY_BYTES])
{
    struct crypto *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->box = EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, box_seed, KEY_BYTES);
    c->gcm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    c->cipher = EVP_CIPHER_CTX_new();
    c->hkdf = hkdf_new();
    c->own = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, KEY_BYTES);
    c->ctx = EVP_MD_CTX_new();
    c->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    if (!c->own || !c->ctx || !c->sha256 || !c->box || !c->gcm || !c->cipher || !c->hkdf)
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
    EVP_PKEY_free(c->box);
    EVP_CIPHER_free(c->gcm);
    EVP_CIPHER_CTX_free(c->cipher);
    EVP_KDF_CTX_free(c->hkdf);
    OPENSSL_cleanse(c->shared, sizeof c->shared);
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

/* RFC 7748 section 6.1; EVP_PKEY_derive refuses an all-zero secret. */
static bool x25519(const struct crypto *c, const uint8_t box[KEY_BYTES], uint8_t out[KEY_BYTES])
{
    EVP_PKEY *theirs = EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, NULL, box, KEY_BYTES);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(c->box, NULL);
    size_t n = KEY_BYTES;
    bool ok = theirs && ctx && EVP_PKEY_derive_init(ctx) == 1 && EVP_PKEY_derive_set_peer(ctx, theirs) == 1 &&
              EVP_PKEY_derive(ctx, out, &n) == 1 && n == KEY_BYTES;
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(theirs);
    return ok;
}

static bool derive(const struct crypto *c, uint8_t raw[KEY_BYTES], uint8_t out[KEY_BYTES])
{
    char digest[] = "SHA256", info[] = "usher-wrap-1";
    OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, raw, KEY_BYTES),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, info, sizeof info - 1), OSSL_PARAM_construct_end()};
    EVP_KDF_CTX_reset(c->hkdf);
    return EVP_KDF_derive(c->hkdf, out, KEY_BYTES, params) == 1;
}

static bool agree(void *ctx, const uint8_t box[KEY_BYTES], uint8_t secret[KEY_BYTES])
{
    struct crypto *c = ctx;
    struct shared *s = &c->shared[box[0] & (VERIFIERS - 1)];
    uint8_t raw[KEY_BYTES];
    if (!s->used || memcmp(s->box, box, KEY_BYTES) != 0) {
        s->used = x25519(c, box, raw) && derive(c, raw, s->secret);
        OPENSSL_cleanse(raw, sizeof raw);
        memcpy(s->box, box, KEY_BYTES);
    }
    if (s->used)
        memcpy(secret, s->secret, KEY_BYTES);
    return s->used;
}

static void seal(void *ctx, const uint8_t key[KEY_BYTES], const uint8_t nonce[NONCE_BYTES], struct span aad,
    struct span plain, uint8_t *sealed)
{
    struct crypto *c = ctx;
    int n = 0, m = 0;
    if (EVP_EncryptInit_ex2(c->cipher, c->gcm, key, nonce, NULL) != 1 ||
        EVP_EncryptUpdate(c->cipher, NULL, &n, (const uint8_t *)aad.p, (int)aad.n) != 1 ||
        EVP_EncryptUpdate(c->cipher, sealed, &n, (const uint8_t *)plain.p, (int)plain.n) != 1 ||
        EVP_EncryptFinal_ex(c->cipher, sealed + n, &m) != 1 ||
        EVP_CIPHER_CTX_ctrl(c->cipher, EVP_CTRL_AEAD_GET_TAG, TAG_BYTES, sealed + plain.n) != 1)
        abort();
}

static bool open(void *ctx, const uint8_t key[KEY_BYTES], const uint8_t nonce[NONCE_BYTES], struct span aad,
    struct span sealed, uint8_t *plain)
{
    struct crypto *c = ctx;
    int n = 0, m = 0;
    if (sealed.n < TAG_BYTES)
        return false;
    size_t size = sealed.n - TAG_BYTES;
    return EVP_DecryptInit_ex2(c->cipher, c->gcm, key, nonce, NULL) == 1 &&
           EVP_DecryptUpdate(c->cipher, NULL, &n, (const uint8_t *)aad.p, (int)aad.n) == 1 &&
           EVP_DecryptUpdate(c->cipher, plain, &n, (const uint8_t *)sealed.p, (int)size) == 1 &&
           EVP_CIPHER_CTX_ctrl(c->cipher, EVP_CTRL_AEAD_SET_TAG, TAG_BYTES, (void *)(sealed.p + size)) == 1 &&
           EVP_DecryptFinal_ex(c->cipher, plain + n, &m) == 1;
}

struct peer_crypto crypto_ports(struct crypto *c)
{
    return (struct peer_crypto){
        .ctx = c, .sign = sign, .verify = verify, .sha256 = sha256, .agree = agree, .seal = seal, .open = open};
}
