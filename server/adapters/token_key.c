/* SPDX-License-Identifier: MIT
 *
 * That a file names its one algorithm is what keeps a public key from ever being used as a secret. Everything is
 * checked when the file is read, so a key that is too weak or of another kind stops the start, not the first join: a
 * secret is at least as long as its hash (RFC 7518 section 3.2), an RSA key has 2048 bits (section 3.3), an ES256 key
 * is on P-256 (section 3.4).
 */
#include "server/adapters/token_key.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/os_file.h"
#include "base/text.h"

static const struct {
    const char *name;
    jwt_alg_t alg;
    size_t secret_min; /* bytes; 0: not a secret */
} ALGS[] = {
    {"HS256", JWT_ALG_HS256, 32},
    {"HS384", JWT_ALG_HS384, 48},
    {"HS512", JWT_ALG_HS512, 64},
    {"RS256", JWT_ALG_RS256, 0},
    {"ES256", JWT_ALG_ES256, 0},
};
enum {
    ALG_COUNT = sizeof ALGS / sizeof *ALGS,
    RSA_BITS_MIN = 2048
};

static size_t alg_index(jwt_alg_t alg)
{
    size_t i = 0;
    while (i < ALG_COUNT && ALGS[i].alg != alg)
        i++;
    return i;
}

const char *token_alg_name(jwt_alg_t alg)
{
    size_t i = alg_index(alg);
    return i < ALG_COUNT ? ALGS[i].name : "";
}

jwt_alg_t token_alg_find(struct span name)
{
    for (size_t i = 0; i < ALG_COUNT; i++)
        if (span_is(name, ALGS[i].name))
            return ALGS[i].alg;
    return JWT_ALG_INVAL;
}

bool token_alg_is_secret(jwt_alg_t alg)
{
    size_t i = alg_index(alg);
    return i < ALG_COUNT && ALGS[i].secret_min > 0;
}

static char *read_file(const char *path, struct err *e)
{
    struct err why;
    int fd = os_file_open(path, O_RDONLY, "a key file", &why);
    if (fd < 0) {
        err_set_errno(e, why.error, "%.180s: cannot be read: %s", path, why.text);
        return NULL;
    }
    char *text = malloc(KEY_FILE_MAX + 2);
    ssize_t got = text ? read(fd, text, KEY_FILE_MAX + 1) : 0;
    int error = got < 0 ? errno : 0;
    size_t n = got < 0 ? 0 : (size_t)got;
    close(fd);
    if (error) {
        free(text);
        err_set_errno(e, error, "%.180s: cannot be read: %s%s", path, strerror(error), os_file_advice(error));
        return NULL;
    }
    if (text && n <= KEY_FILE_MAX && !memchr(text, '\0', n)) {
        text[n] = '\0';
        return text;
    }
    free(text);
    err_set(e, "%.180s: expected a key file: text of at most %d bytes", path, KEY_FILE_MAX);
    return NULL;
}

/* Takes `name: value` off the text. */
static bool take_line(char **text, const char *name, struct span *value)
{
    size_t n = strlen(name);
    if (strncmp(*text, name, n) != 0 || (*text)[n] != ':')
        return false;
    char *at = *text + n + 1;
    at += strspn(at, " \t");
    size_t len = strcspn(at, "\r\n");
    *text = at + len;
    *text += strspn(*text, "\r\n");
    while (len > 0 && (at[len - 1] == ' ' || at[len - 1] == '\t'))
        len--;
    *value = (struct span){at, len};
    return true;
}

static bool take_kid(struct token_key *k, struct span kid)
{
    if (kid.n == 0 || kid.n > KID_MAX)
        return false;
    for (size_t i = 0; i < kid.n; i++)
        if (!isalnum((unsigned char)kid.p[i]) && !strchr("._-", kid.p[i]))
            return false;
    memcpy(k->kid, kid.p, kid.n);
    return true;
}

/* Base64 over any number of lines. */
static bool take_secret(struct token_key *k, char *text)
{
    size_t n = 0;
    for (const char *c = text; *c; c++)
        if (!isspace((unsigned char)*c))
            text[n++] = *c;
    size_t pad = n > 1 && text[n - 1] == '=' ? 1 + (text[n - 2] == '=') : 0;
    if (n == 0 || n % 4 != 0)
        return false;
    k->n = (int)(n / 4 * 3 - pad);
    k->bytes = calloc(1, (size_t)k->n + 1);
    return k->bytes && base64_decode((struct span){text, n}, k->bytes, (size_t)k->n) &&
           (size_t)k->n >= ALGS[alg_index(k->alg)].secret_min;
}

static bool fits_alg(const EVP_PKEY *pkey, jwt_alg_t alg)
{
    char curve[32];
    if (alg == JWT_ALG_RS256)
        return EVP_PKEY_is_a(pkey, "RSA") && EVP_PKEY_get_bits(pkey) >= RSA_BITS_MIN;
    return EVP_PKEY_is_a(pkey, "EC") && EVP_PKEY_get_group_name(pkey, curve, sizeof curve, NULL) == 1 &&
           strcmp(curve, "prime256v1") == 0;
}

/* A PEM with a passphrase is not asked for one on the terminal: it is no key. */
static int no_passphrase(char *out, int size, int writing, void *user)
{
    (void)out;
    (void)size;
    (void)writing;
    (void)user;
    return -1;
}

static bool take_pem(struct token_key *k, const char *text, bool maker)
{
    BIO *bio = BIO_new_mem_buf(text, -1);
    EVP_PKEY *pkey = NULL;
    if (bio)
        pkey = maker ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL)
                     : PEM_read_bio_PUBKEY(bio, NULL, no_passphrase, NULL);
    bool ok = pkey && fits_alg(pkey, k->alg);
    BIO_free(bio);
    k->pair = pkey;
    k->bytes = ok ? (unsigned char *)strdup(text) : NULL;
    k->n = (int)strlen(text);
    return k->bytes != NULL;
}

static bool take_text(struct token_key *k, char *text, const char *path, bool maker, struct err *e)
{
    struct span alg, kid;
    if (!take_line(&text, "alg", &alg) || (k->alg = token_alg_find(alg)) == JWT_ALG_INVAL)
        return err_set(e, "%.140s: line 1: expected `alg: ` and one of HS256 HS384 HS512 RS256 ES256", path);
    if (!take_line(&text, "kid", &kid) || !take_kid(k, kid))
        return err_set(e, "%.140s: line 2: expected `kid: ` and 1 to %d of A-Z a-z 0-9 . _ -", path, KID_MAX);
    const char *name = token_alg_name(k->alg);
    if (token_alg_is_secret(k->alg))
        return take_secret(k, text) || err_set(e, "%.140s: for %s expected base64 of a secret of at least %zu bytes",
                                           path, name, ALGS[alg_index(k->alg)].secret_min);
    return take_pem(k, text, maker) ||
           err_set(e, "%.140s: for %s expected the PEM of a %s key: %s", path, name, maker ? "private" : "public",
               k->alg == JWT_ALG_RS256 ? "RSA of at least 2048 bits" : "P-256");
}

bool token_key_load(struct token_key *k, const char *path, bool maker, struct err *e)
{
    char *text = read_file(path, e);
    if (!text)
        return false;
    size_t n = strlen(text);
    bool ok = take_text(k, text, path, maker, e);
    OPENSSL_cleanse(text, n);
    free(text);
    return ok;
}

void token_key_done(struct token_key *k)
{
    if (k->bytes)
        OPENSSL_cleanse(k->bytes, (size_t)k->n);
    free(k->bytes);
    EVP_PKEY_free(k->pair);
    *k = (struct token_key){0};
}
