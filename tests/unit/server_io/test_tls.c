/* SPDX-License-Identifier: MIT
 *
 * The daemon's certificate: which files are refused, with which sentence; when it is warned of its end, and how often;
 * and what else of it clients would mind.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#include <openssl/dsa.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "server/io/tls.h"

enum {
    NOW = 1700000000, /* in the certificates; nothing here looks at the clock */
    DAY = 24 * 3600,
    PATH_ROOM = 128
};

struct world {
    char dir[64], certificate[PATH_ROOM], key[PATH_ROOM];
    EVP_PKEY *root_key, *key_pair, *other_pair, *rsa_pair; /* owned */
    X509 *root;                                            /* owned */
};

/* A certificate from `begin` to `end` for the name, signed by the issuer or, if NULL, by itself. */
static X509 *certify(
    const char *name, EVP_PKEY *pair, X509 *issuer, EVP_PKEY *by, int64_t begin, int64_t end, bool names)
{
    X509 *x = X509_new();
    X509_NAME *subject = X509_NAME_new();
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
    X509_set_version(x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x), 7);
    X509_set_subject_name(x, subject);
    X509_set_issuer_name(x, issuer ? X509_get_subject_name(issuer) : subject);
    ASN1_TIME_set(X509_getm_notBefore(x), begin);
    ASN1_TIME_set(X509_getm_notAfter(x), end);
    X509_set_pubkey(x, pair);
    X509_EXTENSION *san = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "DNS:app.example");
    X509_EXTENSION *ca = X509V3_EXT_conf_nid(NULL, NULL, NID_basic_constraints, "critical,CA:TRUE");
    if (names)
        X509_add_ext(x, san, -1);
    else
        X509_add_ext(x, ca, -1);
    X509_EXTENSION_free(san);
    X509_EXTENSION_free(ca);
    X509_NAME_free(subject);
    assert_true(X509_sign(x, by, EVP_sha256()) > 0);
    return x;
}

static EVP_PKEY *new_pair(void)
{
    EVP_PKEY *pair = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    assert_non_null(pair);
    return pair;
}

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    strcpy(w->dir, "/tmp/usher-tls-XXXXXX");
    assert_non_null(mkdtemp(w->dir));
    snprintf(w->certificate, sizeof w->certificate, "%s/cert.pem", w->dir);
    snprintf(w->key, sizeof w->key, "%s/key.pem", w->dir);
    w->root_key = new_pair();
    w->key_pair = new_pair();
    w->other_pair = new_pair();
    w->rsa_pair = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048);
    w->root = certify("root", w->root_key, NULL, w->root_key, NOW - 1000 * DAY, NOW + 1000 * DAY, false);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    unlink(w->certificate);
    unlink(w->key);
    assert_int_equal(rmdir(w->dir), 0);
    X509_free(w->root);
    EVP_PKEY_free(w->root_key);
    EVP_PKEY_free(w->key_pair);
    EVP_PKEY_free(w->other_pair);
    EVP_PKEY_free(w->rsa_pair);
    free(w);
    return 0;
}

static void write_key(const struct world *w, EVP_PKEY *pair, const char *passphrase)
{
    FILE *f = fopen(w->key, "we");
    assert_non_null(f);
    int n = passphrase ? (int)strlen(passphrase) : 0;
    assert_int_equal(PEM_write_PrivateKey(f, pair, passphrase ? EVP_aes_128_cbc() : NULL,
                         (const unsigned char *)passphrase, n, NULL, NULL),
        1);
    fclose(f);
}

static void write_text(const char *path, const char *text)
{
    FILE *f = fopen(path, "we");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

/* Takes the certificates, up to the first NULL. */
static void write_chain(const struct world *w, X509 *first, X509 *second)
{
    FILE *f = fopen(w->certificate, "we");
    assert_non_null(f);
    assert_int_equal(PEM_write_X509(f, first), 1);
    if (second)
        assert_int_equal(PEM_write_X509(f, second), 1);
    fclose(f);
    X509_free(first);
    X509_free(second);
}

static SSL_CTX *load(const struct world *w)
{
    struct err e = {.text = ""};
    SSL_CTX *ctx = tls_new(w->certificate, w->key, &e);
    if (!ctx)
        fail_msg("%s", e.text);
    return ctx;
}

/* A certificate of the root's, with the root behind it. */
static SSL_CTX *serve(const struct world *w, int64_t begin, int64_t end)
{
    X509_up_ref(w->root);
    write_chain(w, certify("app", w->key_pair, w->root, w->root_key, begin, end, true), w->root);
    write_key(w, w->key_pair, NULL);
    return load(w);
}

/* ---- files ---- */

__attribute__((format(printf, 3, 4))) static void refuses(
    const char *certificate, const char *key, const char *format, ...)
{
    char sentence[512];
    struct err e = {.text = ""};
    assert_null(tls_new(certificate, key, &e));
    va_list args;
    va_start(args, format);
    vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    assert_string_equal(e.text, sentence);
}

static void test_files(void **state)
{
    const struct world *w = *state;
    SSL_CTX_free(serve(w, NOW - DAY, NOW + DAY));
    refuses(w->dir, w->key, "tls.certificate = %s: this is a folder: expected a PEM file", w->dir);
    refuses(w->certificate, w->dir, "tls.key = %s: this is a folder: expected a PEM file", w->dir);
    refuses("/nowhere/c", w->key,
        "tls.certificate = %s: the file cannot be read: No such file or directory: put it there, or correct the path",
        "/nowhere/c");
    refuses(w->certificate, "/nowhere/k",
        "tls.key = %s: the file cannot be read: No such file or directory: put it there, or correct the path",
        "/nowhere/k");
    refuses(w->key, w->key,
        "tls.certificate = %s: there is no certificate in it: expected PEM, with a line -----BEGIN CERTIFICATE-----",
        w->key);
    static const char NO_KEY[] = "tls.key = %s: there is no private key in it: expected PEM, with a line -----BEGIN "
                                 "PRIVATE KEY----- or the like";
    refuses(w->certificate, w->certificate, NO_KEY, w->certificate);
    refuses(w->certificate, "/dev/zero", "tls.key = %s: this is a device: expected a PEM file", "/dev/zero");
    write_text(w->key, "");
    refuses(w->certificate, w->key, NO_KEY, w->key);
    refuses(w->key, w->key,
        "tls.certificate = %s: there is no certificate in it: expected PEM, with a line -----BEGIN CERTIFICATE-----",
        w->key);
    write_text(w->key, "-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMG\n-----END PRIVATE KEY-----\n");
    struct err e;
    assert_null(tls_new(w->certificate, w->key, &e));
    assert_non_null(strstr(e.text, w->key));
}

static void test_pairs(void **state)
{
    const struct world *w = *state;
    static const char OTHER[] = "tls.key = %s: this is not the key of tls.certificate = %s: name the pair";
    SSL_CTX_free(serve(w, NOW - DAY, NOW + DAY));
    write_key(w, w->other_pair, NULL);
    refuses(w->certificate, w->key, OTHER, w->key, w->certificate);
    write_key(w, w->rsa_pair, NULL);
    refuses(w->certificate, w->key, OTHER, w->key, w->certificate);
    write_key(w, w->key_pair, "word");
    refuses(w->certificate, w->key,
        "tls.key = %s: the key is locked with a passphrase, which nobody is there to type: write it without one "
        "(openssl "
        "pkey -in FILE -out NEWFILE)",
        w->key);
}

/* ---- times ---- */

struct said {
    unsigned count;
    struct log_record last;
};

static void note(void *ctx, const struct log_record *r)
{
    struct said *said = ctx;
    said->count++;
    said->last = *r;
}

static void warns(struct tls_warned *w, SSL_CTX *served, int64_t now, const char *event, unsigned next)
{
    struct said said = {.count = 0};
    unsigned then = tls_warn(w, served, now, note, &said);
    if (said.count != (event != NULL) || (event && strcmp(said.last.event, event) != 0))
        fail_msg("at NOW%+lld: %s instead of %s", (long long)now - NOW, said.count ? said.last.event : "nothing",
            event ? event : "nothing");
    if (then != next)
        fail_msg("at NOW%+lld: again after %u s, not %u", (long long)now - NOW, then, next);
}

static const char EXPIRED[] = "certificate-expired", EARLY[] = "certificate-not-valid-yet",
                  SOON[] = "certificate-expires";

static void test_end(void **state)
{
    const struct world *w = *state;
    struct tls_warned warned = {0};
    SSL_CTX *served = serve(w, NOW - 60 * DAY, NOW + 15 * DAY);
    assert_true(tls_expiry(served) == NOW + 15 * DAY);
    warns(&warned, served, NOW, NULL, TLS_LOOK_S);
    warns(&warned, served, NOW + DAY - 100, NULL, 100);
    warns(&warned, served, NOW + DAY, NULL, TLS_LOOK_S);
    warns(&warned, served, NOW + DAY + 1, SOON, TLS_LOOK_S);
    for (int64_t s = DAY + 2; s < 2 * DAY; s += TLS_LOOK_S) /* once a day */
        warns(&warned, served, NOW + s, NULL, TLS_LOOK_S);
    warns(&warned, served, NOW + 2 * DAY + 1, SOON, TLS_LOOK_S);
    warns(&warned, served, NOW + 15 * DAY - 1, SOON, 1);
    warns(&warned, served, NOW + 15 * DAY, EXPIRED, TLS_LOOK_S);
    warns(&warned, served, NOW + 15 * DAY + 1, NULL, TLS_LOOK_S);
    warns(&warned, served, NOW + 16 * DAY, EXPIRED, TLS_LOOK_S);
    warns(&warned, served, NOW + 14 * DAY, SOON, TLS_LOOK_S); /* the clock was set back */
    warns(&warned, served, NOW + 13 * DAY, SOON, TLS_LOOK_S);
    warns(&warned, served, NOW, NULL, TLS_LOOK_S);
    warns(&warned, served, NOW + 2 * DAY, SOON, TLS_LOOK_S); /* and forward */
    SSL_CTX_free(served);
}

static void test_beginning(void **state)
{
    const struct world *w = *state;
    struct tls_warned warned = {0};
    SSL_CTX *served = serve(w, NOW + 100, NOW + 60 * DAY);
    warns(&warned, served, NOW, EARLY, 100);
    warns(&warned, served, NOW + 99, NULL, 1);
    warns(&warned, served, NOW + 100, NULL, TLS_LOOK_S);
    SSL_CTX_free(served);
}

static const char *field(const struct log_record *r, const char *key)
{
    for (unsigned i = 0; i < r->count; i++)
        if (strcmp(r->fields[i].key, key) == 0)
            return r->fields[i].value;
    return "";
}

/* What the record tells; and the end of one that the server's certificate rests on counts as well. */
static void test_record(void **state)
{
    const struct world *w = *state;
    struct said said = {.count = 0};
    SSL_CTX *served = serve(w, NOW - 60 * DAY, NOW + 3 * DAY + 1);
    tls_warn(&(struct tls_warned){0}, served, NOW, note, &said);
    assert_int_equal(said.last.level, LOG_LEVEL_WARNING);
    assert_string_equal(field(&said.last, "certificate"), "/CN=app");
    assert_string_equal(field(&said.last, "until"), "2023-11-17T22:13:21Z");
    assert_string_equal(field(&said.last, "days"), "3");
    SSL_CTX_free(served);
    served = serve(w, NOW - 60 * DAY, NOW + 2000 * DAY);
    assert_true(tls_expiry(served) == NOW + 1000 * DAY);
    tls_warn(&(struct tls_warned){0}, served, NOW + 1001 * DAY, note, &said);
    assert_int_equal(said.last.level, LOG_LEVEL_ERROR);
    assert_string_equal(field(&said.last, "certificate"), "/CN=root");
    tls_warn(&(struct tls_warned){0}, served, NOW - 61 * DAY, note, &said);
    assert_string_equal(said.last.event, EARLY);
    assert_string_equal(field(&said.last, "certificate"), "/CN=app");
    SSL_CTX_free(served);
}

/* ---- the rest ---- */

static void remarks(const struct world *w, const char *event)
{
    struct said said = {.count = 0};
    SSL_CTX *served = load(w);
    tls_remark(served, note, &said);
    if (said.count != (event != NULL) || (event && strcmp(said.last.event, event) != 0))
        fail_msg("%s instead of %s", said.count ? said.last.event : "nothing", event ? event : "nothing");
    SSL_CTX_free(served);
}

static void test_remarks(void **state)
{
    const struct world *w = *state;
    SSL_CTX_free(serve(w, NOW, NOW + DAY));
    remarks(w, NULL);
    write_chain(w, certify("app", w->key_pair, w->root, w->root_key, NOW, NOW + DAY, true), NULL);
    remarks(w, "certificate-chain"); /* its issuer is not there, nor known to this machine */
    setenv("SSL_CERT_FILE", w->certificate, 1);
    remarks(w, "certificate-chain");
    unsetenv("SSL_CERT_FILE");
    write_chain(w, certify("app", w->key_pair, NULL, w->key_pair, NOW, NOW + DAY, true), NULL);
    remarks(w, NULL); /* signed by itself: somebody's own choice */
    X509_up_ref(w->root);
    write_chain(w, certify("app", w->key_pair, NULL, w->key_pair, NOW, NOW + DAY, true), w->root);
    remarks(w, "certificate-chain"); /* one that has nothing to do with it */
    X509_up_ref(w->root);
    write_chain(w, certify("app", w->key_pair, w->root, w->root_key, NOW, NOW + DAY, false), w->root);
    remarks(w, "certificate-names");
}

/* Whom this machine trusts, its clients may trust, too. */
static void test_known_issuer(void **state)
{
    const struct world *w = *state;
    FILE *f = fopen(w->key, "we");
    assert_int_equal(PEM_write_X509(f, w->root), 1);
    fclose(f);
    char trusted[PATH_ROOM];
    snprintf(trusted, sizeof trusted, "%s/trusted.pem", w->dir);
    assert_int_equal(rename(w->key, trusted), 0);
    write_chain(w, certify("app", w->key_pair, w->root, w->root_key, NOW, NOW + DAY, true), NULL);
    write_key(w, w->key_pair, NULL);
    setenv("SSL_CERT_FILE", trusted, 1);
    remarks(w, NULL);
    unsetenv("SSL_CERT_FILE");
    remarks(w, "certificate-chain");
    unlink(trusted);
}

/* ---- who can use it ---- */

/* For a pair, with another extension or none (0). */
static X509 *certify_with(const struct world *w, EVP_PKEY *pair, int nid, const char *value)
{
    X509 *x = certify("app", pair, w->root, w->root_key, NOW, NOW + DAY, true);
    X509_EXTENSION *extension = nid ? X509V3_EXT_conf_nid(NULL, NULL, nid, value) : NULL;
    if (extension)
        X509_add_ext(x, extension, -1);
    X509_EXTENSION_free(extension);
    assert_true(X509_sign(x, w->root_key, EVP_sha256()) > 0);
    return x;
}

static void judges(X509 *taken, bool is_servers, enum tls_clients clients, const char *reason)
{
    char why[TLS_WHY_MAX] = "";
    unsigned char *der = NULL;
    int n = i2d_X509(taken, &der);
    const unsigned char *at = der;
    X509 *read = d2i_X509(NULL, &at, n); /* as from a file: how a key is written is seen then only */
    enum tls_clients found = tls_clients_of(read, is_servers, why);
    if (found != clients || (reason && !strstr(why, reason)))
        fail_msg("%d instead of %d: %s", (int)found, (int)clients, why);
    OPENSSL_free(der);
    X509_free(read);
    X509_free(taken);
}

static EVP_PKEY *generate(EVP_PKEY_CTX *taken)
{
    EVP_PKEY *key = NULL;
    assert_int_equal(EVP_PKEY_generate(taken, &key), 1);
    EVP_PKEY_CTX_free(taken);
    return key;
}

static EVP_PKEY *explicit_pair(void)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    assert_true(EVP_PKEY_keygen_init(ctx) == 1 && EVP_PKEY_CTX_set_group_name(ctx, "P-256") == 1);
    assert_true(EVP_PKEY_CTX_set_ec_param_enc(ctx, OPENSSL_EC_EXPLICIT_CURVE) == 1);
    return generate(ctx);
}

static EVP_PKEY *dsa_pair(void)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "DSA", NULL);
    EVP_PKEY *parameters = NULL;
    assert_true(EVP_PKEY_paramgen_init(ctx) == 1 && EVP_PKEY_CTX_set_dsa_paramgen_bits(ctx, 1024) == 1);
    assert_int_equal(EVP_PKEY_paramgen(ctx, &parameters), 1);
    EVP_PKEY_CTX_free(ctx);
    ctx = EVP_PKEY_CTX_new_from_pkey(NULL, parameters, NULL);
    assert_int_equal(EVP_PKEY_keygen_init(ctx), 1);
    EVP_PKEY_free(parameters);
    return generate(ctx);
}

static void test_keys(void **state)
{
    const struct world *w = *state;
    static const struct {
        const char *curve;
        enum tls_clients clients;
        const char *reason;
    } CURVES[] = {
        {"P-256", TLS_CLIENTS_ALL, NULL},
        {"P-384", TLS_CLIENTS_ALL, NULL},
        {"P-521", TLS_CLIENTS_SOME, "the curve P-521"},
        {"P-224", TLS_CLIENTS_NONE, "the curve secp224r1"},
        {"secp256k1", TLS_CLIENTS_NONE, "the curve secp256k1"},
        {"brainpoolP256r1", TLS_CLIENTS_NONE, "the curve brainpoolP256r1"},
        {"brainpoolP384r1", TLS_CLIENTS_NONE, "the curve brainpoolP384r1"},
    };
    for (size_t i = 0; i < sizeof CURVES / sizeof *CURVES; i++) {
        EVP_PKEY *pair = EVP_PKEY_Q_keygen(NULL, NULL, "EC", CURVES[i].curve);
        judges(certify_with(w, pair, 0, NULL), true, CURVES[i].clients, CURVES[i].reason);
        judges(certify_with(w, pair, 0, NULL), false, CURVES[i].clients, CURVES[i].reason);
        EVP_PKEY_free(pair);
    }
    EVP_PKEY *const pairs[] = {EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048),
        EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), EVP_PKEY_Q_keygen(NULL, NULL, "ED448"), explicit_pair(), dsa_pair()};
    static const enum tls_clients CLIENTS[] = {
        TLS_CLIENTS_ALL, TLS_CLIENTS_SOME, TLS_CLIENTS_SOME, TLS_CLIENTS_NONE, TLS_CLIENTS_NONE};
    for (size_t i = 0; i < sizeof CLIENTS / sizeof *CLIENTS; i++) {
        judges(certify_with(w, pairs[i], 0, NULL), true, CLIENTS[i], i > 0 ? "its key " : NULL);
        EVP_PKEY_free(pairs[i]);
    }
}

static void test_usages(void **state)
{
    const struct world *w = *state;
    static const struct {
        int nid;
        const char *value;
        enum tls_clients clients;
        const char *reason;
    } USAGES[] = {
        {NID_ext_key_usage, "serverAuth", TLS_CLIENTS_ALL, NULL},
        {NID_ext_key_usage, "clientAuth,serverAuth", TLS_CLIENTS_ALL, NULL},
        {NID_ext_key_usage, "clientAuth", TLS_CLIENTS_NONE, "extendedKeyUsage lacks serverAuth"},
        {NID_ext_key_usage, "codeSigning", TLS_CLIENTS_NONE, "extendedKeyUsage lacks serverAuth"},
        {NID_ext_key_usage, "anyExtendedKeyUsage", TLS_CLIENTS_SOME, "extendedKeyUsage lacks serverAuth"},
        {NID_key_usage, "digitalSignature", TLS_CLIENTS_ALL, NULL},
        {NID_key_usage, "digitalSignature,keyCertSign", TLS_CLIENTS_ALL, NULL},
        {NID_key_usage, "keyCertSign", TLS_CLIENTS_NONE, "keyUsage lacks digitalSignature"},
        {NID_key_usage, "nonRepudiation,cRLSign", TLS_CLIENTS_NONE, "keyUsage lacks digitalSignature"},
        {NID_key_usage, "keyEncipherment", TLS_CLIENTS_SOME, "keyUsage lacks digitalSignature"},
        {NID_key_usage, "keyAgreement", TLS_CLIENTS_SOME, "keyUsage lacks digitalSignature"},
    };
    for (size_t i = 0; i < sizeof USAGES / sizeof *USAGES; i++) {
        judges(certify_with(w, w->key_pair, USAGES[i].nid, USAGES[i].value), true, USAGES[i].clients, USAGES[i].reason);
        judges(certify_with(w, w->key_pair, USAGES[i].nid, USAGES[i].value), false, TLS_CLIENTS_ALL, NULL);
    }
}

/* What nobody can use refuses the start, and what some cannot is remarked; of one that it rests on, both. */
static void test_clients(void **state)
{
    const struct world *w = *state;
    EVP_PKEY *odd = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "secp256k1"),
             *modern = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    write_key(w, odd, NULL);
    write_chain(w, certify_with(w, odd, 0, NULL), NULL);
    refuses(w->certificate, w->key,
        "tls.certificate = %s: no client can use this certificate: its key is on the curve secp256k1, which clients do "
        "not know: make one on P-256 (openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256)",
        w->certificate);
    write_key(w, w->key_pair, NULL);
    write_chain(w, certify_with(w, w->key_pair, NID_ext_key_usage, "clientAuth"), NULL);
    refuses(w->certificate, w->key,
        "tls.certificate = %s: no client can use this certificate: it is not for a server: its extendedKeyUsage lacks "
        "serverAuth",
        w->certificate);
    X509_up_ref(w->root);
    write_chain(w, certify_with(w, w->key_pair, NID_key_usage, "keyAgreement"), w->root);
    remarks(w, "certificate-clients");
    X509_up_ref(w->root);
    write_key(w, modern, NULL);
    write_chain(w, certify_with(w, modern, 0, NULL), w->root);
    remarks(w, "certificate-clients");
    X509 *issuer = certify("odd", odd, NULL, odd, NOW, NOW + DAY, false);
    write_key(w, w->key_pair, NULL);
    write_chain(w, certify("app", w->key_pair, issuer, odd, NOW, NOW + DAY, true), issuer);
    remarks(w, "certificate-clients");
    issuer = certify_with(w, w->root_key, NID_key_usage, "keyCertSign"); /* as issuers have */
    write_chain(w, certify("app", w->key_pair, issuer, w->root_key, NOW, NOW + DAY, true), issuer);
    remarks(w, NULL);
    EVP_PKEY_free(odd);
    EVP_PKEY_free(modern);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_pairs),
        cmocka_unit_test(test_end),
        cmocka_unit_test(test_beginning),
        cmocka_unit_test(test_record),
        cmocka_unit_test(test_remarks),
        cmocka_unit_test(test_known_issuer),
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_usages),
        cmocka_unit_test(test_clients),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
