/* SPDX-License-Identifier: MIT
 *
 * Which clients can use a certificate. OpenSSL serves with many that nobody can talk to: each handshake would fail, with a
 * sentence in the client's log that names neither the certificate nor the reason. Mainstream clients are browsers, and
 * programs with OpenSSL or the libraries of Go and Rust; what these take was tried or is in their sources.
 */
#include "server/io/tls.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>

enum {
    CURVE_MAX = 64,
    /* RFC 5280 section 4.2.1.3; OpenSSL's KU_TLS: none of these, and no key exchange is left. */
    USAGE_OF_TLS = KU_DIGITAL_SIGNATURE | KU_KEY_ENCIPHERMENT | KU_KEY_AGREEMENT
};

static const char MAKE_ANOTHER[] = "make one on P-256 (openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256)";

static enum tls_clients judge_curve(const EVP_PKEY *key, char why[TLS_WHY_MAX])
{
    char curve[CURVE_MAX] = "";
    int is_explicit = 0;
    EVP_PKEY_get_group_name(key, curve, sizeof curve, NULL);
    EVP_PKEY_get_int_param(key, OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS, &is_explicit);
    if (is_explicit) { /* RFC 5480 section 2.1.1 */
        snprintf(why, TLS_WHY_MAX, "its key spells its curve out, where clients expect a name: %s", MAKE_ANOTHER);
        return TLS_CLIENTS_NONE;
    }
    if (strcmp(curve, "prime256v1") == 0 || strcmp(curve, "secp384r1") == 0)
        return TLS_CLIENTS_ALL;
    if (strcmp(curve, "secp521r1") == 0) {
        snprintf(why, TLS_WHY_MAX, "its key is on the curve P-521, which not all browsers know: %s", MAKE_ANOTHER);
        return TLS_CLIENTS_SOME;
    }
    snprintf(why, TLS_WHY_MAX, "its key is on the curve %s, which clients do not know: %s",
        *curve ? curve : "of no name", MAKE_ANOTHER);
    return TLS_CLIENTS_NONE;
}

static enum tls_clients judge_key(const X509 *x, char why[TLS_WHY_MAX])
{
    const EVP_PKEY *key = X509_get0_pubkey(x);
    switch (key ? EVP_PKEY_get_base_id(key) : EVP_PKEY_NONE) {
    case EVP_PKEY_RSA:
        return TLS_CLIENTS_ALL;
    case EVP_PKEY_EC:
        return judge_curve(key, why);
    case EVP_PKEY_DSA: /* RFC 8446 section 4.2.3 */
        snprintf(why, TLS_WHY_MAX, "its key is one of DSA, which clients do not take any more: %s", MAKE_ANOTHER);
        return TLS_CLIENTS_NONE;
    default: /* Ed25519, Ed448, RSA-PSS, and what is newer than this */
        snprintf(why, TLS_WHY_MAX, "its key is of a type that browsers do not take: %s", MAKE_ANOTHER);
        return TLS_CLIENTS_SOME;
    }
}

/* RFC 5280 section 4.2.1.12. */
static enum tls_clients judge_purpose(X509 *x, char why[TLS_WHY_MAX])
{
    uint32_t purposes = X509_get_extended_key_usage(x);
    if (purposes & XKU_SSL_SERVER) /* as all are without the extension */
        return TLS_CLIENTS_ALL;
    snprintf(why, TLS_WHY_MAX, "it is not for a server: its extendedKeyUsage lacks serverAuth");
    return purposes & XKU_ANYEKU ? TLS_CLIENTS_SOME : TLS_CLIENTS_NONE;
}

/* RFC 8446 section 4.4.2.2 wants digitalSignature; clients with OpenSSL are content with any use in TLS. */
static enum tls_clients judge_usage(X509 *x, char why[TLS_WHY_MAX])
{
    uint32_t usage = X509_get_key_usage(x);
    if (usage & KU_DIGITAL_SIGNATURE)
        return TLS_CLIENTS_ALL;
    snprintf(why, TLS_WHY_MAX, "its key may not sign handshakes: its keyUsage lacks digitalSignature");
    return usage & USAGE_OF_TLS ? TLS_CLIENTS_SOME : TLS_CLIENTS_NONE;
}

enum tls_clients tls_clients_of(X509 *x, bool is_servers, char why[TLS_WHY_MAX])
{
    char one[TLS_WHY_MAX];
    enum tls_clients (*const judges[])(X509 *, char *) = {judge_purpose, judge_usage};
    enum tls_clients fewest = judge_key(x, why);
    for (size_t i = 0; is_servers && i < sizeof judges / sizeof *judges; i++) {
        enum tls_clients these = judges[i](x, one);
        if (these < fewest) {
            snprintf(why, TLS_WHY_MAX, "%s", one);
            fewest = these;
        }
    }
    ERR_clear_error();
    return fewest;
}
