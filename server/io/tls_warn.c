/* SPDX-License-Identifier: MIT
 *
 * A certificate that lapses takes the service down for everybody at one moment that was known for months. So it is
 * warned of two weeks before, every day until it is renewed. The end that counts is the earliest in the file: clients
 * build their chain from what is sent.
 */
#include "server/io/tls.h"

#include <inttypes.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <time.h>

enum {
    SUBJECT_TEXT_MAX = 256,
    TIME_TEXT_MAX = 32,
    DAY_S = 24 * 3600
};

enum warning {
    WARN_OF_NOTHING,
    WARN_EXPIRED,
    WARN_NOT_YET,
    WARN_SOON,
};

static const struct {
    enum log_level level;
    const char *event, *message;
} WARNINGS[] = {
    [WARN_EXPIRED] = {LOG_LEVEL_ERROR, "certificate-expired",
        "the TLS certificate has expired, and clients refuse it: renew it, then reload"},
    [WARN_NOT_YET] = {LOG_LEVEL_ERROR, "certificate-not-valid-yet",
        "the TLS certificate is not valid yet, and clients refuse it: look at this machine's clock, or name another"},
    [WARN_SOON] = {LOG_LEVEL_WARNING, "certificate-expires",
        "the TLS certificate expires soon, and clients will refuse it: renew it, then reload"},
};

/* ---- the certificates of the file ---- */

static STACK_OF(X509) * chain_of(SSL_CTX *served)
{
    STACK_OF(X509) *chain = NULL;
    SSL_CTX_get0_chain_certs(served, &chain);
    return chain;
}

/* The one that is the server's, then those that it rests on; NULL behind the last. */
static X509 *certificate_at(SSL_CTX *served, int i)
{
    if (i == 0)
        return SSL_CTX_get0_certificate(served);
    STACK_OF(X509) *chain = chain_of(served);
    return chain && i <= sk_X509_num(chain) ? sk_X509_value(chain, i - 1) : NULL;
}

/* RFC 5280 section 4.1.2.5 allows the years 0 to 9999; what is no time counts as `otherwise`. */
static int64_t unix_of(const ASN1_TIME *t, int64_t otherwise)
{
    struct tm tm = {0};
    return ASN1_TIME_to_tm(t, &tm) == 1 ? (int64_t)timegm(&tm) : otherwise;
}

/* The certificate that lapses first. */
static X509 *first_to_lapse(SSL_CTX *served, int64_t *when)
{
    X509 *first = NULL, *x;
    *when = INT64_MAX;
    for (int i = 0; (x = certificate_at(served, i)); i++) {
        int64_t end = unix_of(X509_get0_notAfter(x), 0);
        if (end < *when) {
            first = x;
            *when = end;
        }
    }
    return first;
}

/* The certificate that becomes valid last. */
static X509 *last_to_begin(SSL_CTX *served, int64_t *when)
{
    X509 *last = NULL, *x;
    *when = INT64_MIN;
    for (int i = 0; (x = certificate_at(served, i)); i++) {
        int64_t begin = unix_of(X509_get0_notBefore(x), 0);
        if (begin > *when) {
            last = x;
            *when = begin;
        }
    }
    return last;
}

int64_t tls_expiry(SSL_CTX *served)
{
    int64_t when;
    first_to_lapse(served, &when);
    return when;
}

/* ---- times ---- */

static void add_name(struct log_record *r, const char *key, const X509_NAME *name)
{
    char text[SUBJECT_TEXT_MAX];
    log_record_add(r, key, span_of(X509_NAME_oneline(name, text, sizeof text)));
}

static void add_time(struct log_record *r, const char *key, int64_t when)
{
    char text[TIME_TEXT_MAX];
    time_t seconds = (time_t)when;
    struct tm tm;
    if (gmtime_r(&seconds, &tm) && strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm) > 0)
        log_record_add(r, key, span_of(text));
}

static enum warning judge(int64_t begin, int64_t end, int64_t now)
{
    if (now >= end)
        return WARN_EXPIRED;
    if (now < begin)
        return WARN_NOT_YET;
    return end - now < TLS_SOON_S ? WARN_SOON : WARN_OF_NOTHING;
}

unsigned tls_warn(struct tls_warned *w, SSL_CTX *served, int64_t now, tls_say *say, void *ctx)
{
    int64_t begin, end;
    const X509 *first = first_to_lapse(served, &end), *last = last_to_begin(served, &begin);
    enum warning warning = judge(begin, end, now);
    /* A clock that was set back does not silence it. */
    bool said = warning == (enum warning)w->of && now >= w->at && now < w->at + TLS_AGAIN_S;
    if (warning != WARN_OF_NOTHING && !said) {
        struct log_record r;
        log_record_init(&r, WARNINGS[warning].level, WARNINGS[warning].event, WARNINGS[warning].message);
        add_name(&r, "certificate", X509_get_subject_name(warning == WARN_NOT_YET ? last : first));
        add_time(&r, "from", begin);
        add_time(&r, "until", end);
        if (warning == WARN_SOON)
            log_record_addf(&r, "days", "%" PRId64, (end - now) / DAY_S);
        say(ctx, &r);
        w->at = now;
    }
    w->of = (int)warning;
    int64_t next = TLS_LOOK_S;
    const int64_t changes[] = {begin - now, end - TLS_SOON_S - now, end - now};
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++)
        next = changes[i] > 0 && changes[i] < next ? changes[i] : next;
    return (unsigned)next;
}

/* ---- what else clients mind ---- */

/* The folder of those whom this machine trusts, of which OpenSSL opens one file; the bundle of all of them takes 50 ms
 * to read, and the loop waits, so it is read only if it is named. */
static X509_STORE *open_trusted(void)
{
    X509_STORE *store = X509_STORE_new();
    X509_LOOKUP *folder = store ? X509_STORE_add_lookup(store, X509_LOOKUP_hash_dir()) : NULL;
    const char *file = getenv(X509_get_default_cert_file_env());
    if (folder)
        X509_LOOKUP_add_dir(folder, NULL, X509_FILETYPE_DEFAULT);
    if (folder && file)
        X509_STORE_load_file(store, file);
    return store;
}

/* Whether this machine knows who signed the last of the file, as clients may then too. */
static bool is_issuer_known(SSL_CTX *served)
{
    X509_STORE *store = open_trusted();
    X509_STORE_CTX *check = X509_STORE_CTX_new();
    int problem = X509_V_OK;
    if (store && check && X509_STORE_CTX_init(check, store, certificate_at(served, 0), chain_of(served)) == 1) {
        X509_VERIFY_PARAM_set_flags(X509_STORE_CTX_get0_param(check), X509_V_FLAG_NO_CHECK_TIME);
        if (X509_verify_cert(check) != 1)
            problem = X509_STORE_CTX_get_error(check);
    }
    X509_STORE_CTX_free(check);
    X509_STORE_free(store);
    ERR_clear_error();
    return problem != X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY && problem != X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT &&
           problem != X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE;
}

/* RFC 8446 section 4.4.2: each certificate signs the one before it, and the last one's signer may be left out if clients
 * have it. A file of one certificate that another signed is the usual mistake: cert.pem for fullchain.pem. */
static void remark_chain(SSL_CTX *served, tls_say *say, void *ctx)
{
    struct log_record r;
    X509 *x = certificate_at(served, 0), *next;
    int i = 1;
    for (; (next = certificate_at(served, i)) && X509_check_issued(next, x) == X509_V_OK; i++)
        x = next;
    bool whole = i > 1 || X509_check_issued(x, x) == X509_V_OK || is_issuer_known(served);
    if (!next && whole)
        return;
    log_record_init(&r, LOG_LEVEL_WARNING, "certificate-chain",
        next ? "the file of the TLS certificate holds one that did not sign the one before it: clients may refuse it"
             : "the file of the TLS certificate lacks the one that signed it: clients that do not know it will refuse, "
               "so "
               "name the full chain");
    add_name(&r, "certificate", X509_get_subject_name(x));
    add_name(&r, "issuer", X509_get_issuer_name(x));
    say(ctx, &r);
}

/* RFC 9525 section 6.3 (RFC 6125 before): the common name is not looked at any more. */
static void remark_names(SSL_CTX *served, tls_say *say, void *ctx)
{
    struct log_record r;
    const X509 *x = certificate_at(served, 0);
    if (X509_get_ext_by_NID(x, NID_subject_alt_name, -1) >= 0)
        return;
    log_record_init(&r, LOG_LEVEL_WARNING, "certificate-names",
        "the TLS certificate names no host (subjectAltName): browsers refuse it");
    add_name(&r, "certificate", X509_get_subject_name(x));
    say(ctx, &r);
}

/* The first that not all clients take. */
static void remark_clients(SSL_CTX *served, tls_say *say, void *ctx)
{
    struct log_record r;
    char why[TLS_WHY_MAX];
    X509 *x;
    int i = 0;
    while ((x = certificate_at(served, i)) && tls_clients_of(x, i == 0, why) == TLS_CLIENTS_ALL)
        i++;
    if (!x)
        return;
    log_record_init(&r, LOG_LEVEL_WARNING, "certificate-clients",
        "there are clients that refuse the TLS certificate, or one that it rests on");
    add_name(&r, "certificate", X509_get_subject_name(x));
    log_record_add(&r, "reason", span_of(why));
    say(ctx, &r);
}

void tls_remark(SSL_CTX *served, tls_say *say, void *ctx)
{
    remark_clients(served, say, ctx);
    remark_chain(served, say, ctx);
    remark_names(served, say, ctx);
}
