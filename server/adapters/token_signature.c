/* SPDX-License-Identifier: MIT
 *
 * OpenSSL's primitives, one for each algorithm that a key may name. The algorithm is the key's, never the token's.
 */
#include "server/adapters/token_signature.h"

#include <openssl/crypto.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/hmac.h>

enum {
    P256_BYTES = 32,    /* of each of the two numbers of a signature on that curve */
    ECDSA_DER_MAX = 128 /* the same two as ASN.1: at most 72 bytes */
};

static bool hmac_good(
    const struct token_key *k, const EVP_MD *hash, struct span text, const unsigned char *signature, size_t n)
{
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned made = 0;
    return HMAC(hash, k->bytes, k->n, (const unsigned char *)text.p, text.n, mac, &made) && made == n &&
           CRYPTO_memcmp(mac, signature, n) == 0;
}

static bool pair_good(const struct token_key *k, struct span text, const unsigned char *signature, size_t n)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool good = ctx && EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, k->pair) == 1 &&
                EVP_DigestVerify(ctx, signature, n, (const unsigned char *)text.p, text.n) == 1;
    EVP_MD_CTX_free(ctx);
    return good;
}

/* RFC 7518 section 3.4 has both numbers as they are, one behind the other; OpenSSL wants them as ASN.1. */
static bool ecdsa_good(const struct token_key *k, struct span text, const unsigned char *signature, size_t n)
{
    if (n != (size_t)2 * P256_BYTES)
        return false;
    unsigned char der[ECDSA_DER_MAX], *end = der;
    ECDSA_SIG *both = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(signature, P256_BYTES, NULL), *s = BN_bin2bn(signature + P256_BYTES, P256_BYTES, NULL);
    if (!both || !r || !s || ECDSA_SIG_set0(both, r, s) != 1) {
        BN_free(r);
        BN_free(s);
        ECDSA_SIG_free(both);
        return false;
    }
    int made = i2d_ECDSA_SIG(both, &end);
    ECDSA_SIG_free(both);
    return made > 0 && pair_good(k, text, der, (size_t)made);
}

bool token_signature_good(
    const struct token_key *k, struct span text, const unsigned char *signature, size_t signature_n)
{
    bool good = false;
    switch (k->alg) {
    case JWT_ALG_HS256:
        good = hmac_good(k, EVP_sha256(), text, signature, signature_n);
        break;
    case JWT_ALG_HS384:
        good = hmac_good(k, EVP_sha384(), text, signature, signature_n);
        break;
    case JWT_ALG_HS512:
        good = hmac_good(k, EVP_sha512(), text, signature, signature_n);
        break;
    case JWT_ALG_RS256:
        good = pair_good(k, text, signature, signature_n);
        break;
    case JWT_ALG_ES256:
        good = ecdsa_good(k, text, signature, signature_n);
        break;
    default:
        break;
    }
    ERR_clear_error(); /* what a bad signature leaves there is not for TLS to find */
    return good;
}
