/* SPDX-License-Identifier: MIT
 *
 * The certificate of a factory: ECDSA on P-256, self-signed, with nothing in it that tells who we are (RFC 8827 section
 * 6.5). It vouches for nothing; its fingerprint in the signaling does. A new one each time: nothing to store or renew.
 */
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <string.h>

#include "peer/io/rtc_internal.h"

enum {
    DAY = 24 * 3600,
    VALID = 30 * DAY
};

static bool format(const X509 *x509, const EVP_MD *hash, const char *name, char out[SDP_FINGERPRINT_MAX + 1])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    if (!X509_digest(x509, hash, digest, &n))
        return false;
    char *p = out + sprintf(out, "%s ", name);
    for (unsigned i = 0; i < n; i++)
        p += sprintf(p, i ? ":%02X" : "%02X", digest[i]);
    return true;
}

bool rtc_certificate_is(const X509 *x509, const char *fingerprint)
{
    static const char *const names[] = {"sha-256", "sha-384", "sha-512"};
    const EVP_MD *const hashes[] = {EVP_sha256(), EVP_sha384(), EVP_sha512()};
    char text[SDP_FINGERPRINT_MAX + 1];
    for (size_t i = 0; i < 3; i++)
        if (strncmp(fingerprint, names[i], strlen(names[i])) == 0)
            return format(x509, hashes[i], names[i], text) && strcmp(text, fingerprint) == 0;
    return false;
}

static bool fill(X509 *x, EVP_PKEY *key)
{
    unsigned char random[16];
    if (RAND_bytes(random, sizeof random) != 1)
        return false;
    random[0] &= 0x7f; /* serial numbers are positive */
    BIGNUM *serial = BN_bin2bn(random, sizeof random, NULL);
    bool ok = serial && BN_to_ASN1_INTEGER(serial, X509_get_serialNumber(x));
    BN_free(serial);
    X509_NAME *name = X509_get_subject_name(x);
    return ok && X509_set_version(x, X509_VERSION_3) && X509_gmtime_adj(X509_getm_notBefore(x), -DAY) &&
           X509_gmtime_adj(X509_getm_notAfter(x), VALID) &&
           X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"WebRTC", -1, -1, 0) &&
           X509_set_issuer_name(x, name) && X509_set_pubkey(x, key) && X509_sign(x, key, EVP_sha256()) > 0;
}

bool rtc_certificate_init(struct rtc_certificate *c, struct err *err)
{
    c->key = EVP_EC_gen("P-256");
    c->x509 = X509_new();
    if (c->key && c->x509 && fill(c->x509, c->key) && format(c->x509, EVP_sha256(), "sha-256", c->fingerprint))
        return true;
    return err_set(err, "no certificate could be made: %s", ERR_reason_error_string(ERR_peek_last_error()));
}

void rtc_certificate_done(struct rtc_certificate *c)
{
    EVP_PKEY_free(c->key);
    X509_free(c->x509);
}
