/* SPDX-License-Identifier: MIT
 *
 * Tokens that must be believed and tokens that must not: those that libjwt alone would take are made by hand.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>

#include "base/buf.h"
#include "base/text.h"
#include "server/core/access.h"
#include "server/io/token.h"

enum {
    NOW = 1700000000,
    PATHS = 6,
    PATH_ROOM = 64
};

static const char SECRET[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

struct world {
    char dir[PATH_ROOM];
    char paths[PATHS][PATH_ROOM + 16];
    char rsa_private[PATH_ROOM + 16], ec_private[PATH_ROOM + 16], file[PATH_ROOM + 16];
    char *rsa_file; /* owned: what the RSA key's file holds below its two lines */
    struct token_keys *keys;
};

static void write_file(const char *path, const char *head, const char *body)
{
    FILE *f = fopen(path, "we");
    assert_non_null(f);
    fprintf(f, "%s\n%s", head, body);
    fclose(f);
}

static void write_secret(const char *path, const char *head)
{
    char text[BASE64_LEN(sizeof SECRET) + 1];
    base64_encode(SECRET, sizeof SECRET - 1, text);
    write_file(path, head, text);
}

static char *pem_of(EVP_PKEY *key, bool secret)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *text;
    assert_int_equal(
        secret ? PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) : PEM_write_bio_PUBKEY(bio, key), 1);
    long n = BIO_get_mem_data(bio, &text);
    char *copy = strndup(text, (size_t)n);
    BIO_free(bio);
    return copy;
}

/* Writes both files; returns the public PEM. */
static char *write_pair(EVP_PKEY *key, const char *head, const char *public_path, const char *private_path)
{
    char *open = pem_of(key, false), *secret = pem_of(key, true);
    write_file(public_path, head, open);
    write_file(private_path, head, secret);
    free(secret);
    EVP_PKEY_free(key);
    return open;
}

static struct token_keys *load(struct world *w, size_t first, size_t n)
{
    const char *files[PATHS];
    static const char *const ADMINS[] = {"root"};
    for (size_t i = 0; i < n; i++)
        files[i] = w->paths[first + i];
    struct err e;
    struct token_keys *keys = token_keys_new(
        &(struct token_settings){.files = files, .file_count = n, .admins = ADMINS, .admin_count = 1}, &e);
    assert_non_null(keys);
    return keys;
}

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    strcpy(w->dir, "/tmp/usher-token-XXXXXX");
    assert_non_null(mkdtemp(w->dir));
    for (size_t i = 0; i < PATHS; i++)
        snprintf(w->paths[i], sizeof w->paths[i], "%s/key%zu", w->dir, i);
    snprintf(w->rsa_private, sizeof w->rsa_private, "%s/rsa", w->dir);
    snprintf(w->ec_private, sizeof w->ec_private, "%s/ec", w->dir);
    snprintf(w->file, sizeof w->file, "%s/file", w->dir);
    write_secret(w->paths[0], "alg: HS256\nkid: h2");
    write_secret(w->paths[1], "alg: HS384\nkid: h3");
    write_secret(w->paths[2], "alg: HS512\r\nkid:  h5 ");
    w->rsa_file = write_pair(
        EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048), "alg: RS256\nkid: r", w->paths[3], w->rsa_private);
    free(write_pair(EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256"), "alg: ES256\nkid: e", w->paths[4], w->ec_private));
    w->keys = load(w, 0, 5);
    assert_int_equal(token_keys_count(w->keys), 5);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    token_keys_free(w->keys);
    for (size_t i = 0; i < PATHS; i++)
        unlink(w->paths[i]);
    unlink(w->rsa_private);
    unlink(w->ec_private);
    unlink(w->file);
    assert_int_equal(rmdir(w->dir), 0);
    free(w->rsa_file);
    free(w);
    return 0;
}

/* ---- tokens by hand ---- */

static void add_base64url(struct buf *out, const void *bytes, size_t n)
{
    char *text = malloc(BASE64_LEN(n) + 1);
    base64_encode(bytes, n, text);
    for (char *c = text; *c && *c != '='; c++)
        buf_byte(out, *c == '+' ? '-' : *c == '/' ? '_' : *c);
    free(text);
}

/* Signed by HMAC-SHA256 with these bytes whatever the header says; without a signature if key is NULL. */
static char *forge(const char *header, const char *payload, const void *key, size_t key_n)
{
    struct buf text;
    buf_init(&text, 64 * 1024);
    add_base64url(&text, header, strlen(header));
    buf_byte(&text, '.');
    add_base64url(&text, payload, strlen(payload));
    unsigned char mac[32];
    if (key)
        HMAC(EVP_sha256(), key, (int)key_n, (const unsigned char *)text.p, text.len, mac, NULL);
    buf_byte(&text, '.');
    if (key)
        add_base64url(&text, mac, sizeof mac);
    return buf_take(&text, NULL);
}

#define HEADER "{\"alg\":\"HS256\",\"kid\":\"h2\"}"

static const char *verdict(struct token_keys *keys, const char *token, struct claims *c)
{
    return token_verify(keys, span_of(token), NOW, c);
}

static void refuses(struct token_keys *keys, const char *token, const char *why)
{
    struct claims c;
    assert_string_equal(verdict(keys, token, &c), why);
    assert_true(*c.room == '\0' && *c.name == '\0' && *c.subject == '\0' && !c.admin);
}

static void refuses_forged(const struct world *w, const char *header, const char *payload, const char *why)
{
    char *token = forge(header, payload, SECRET, sizeof SECRET - 1);
    refuses(w->keys, token, why);
    free(token);
}

static const char BAD[] = "the token is not valid";
static const char BAD_CLAIM[] = "a claim of the token is of the wrong type or too long";

static void test_by_hand(void **state)
{
    const struct world *w = *state;
    char *token = forge(HEADER, "{\"room\":\"a\",\"name\":\"n\",\"sub\":\"s\",\"exp\":1700000001.5,\"nbf\":1700000000}",
        SECRET, sizeof SECRET - 1);
    struct claims c;
    assert_null(verdict(w->keys, token, &c));
    assert_string_equal(c.room, "a");
    assert_string_equal(c.name, "n");
    assert_string_equal(c.subject, "s");
    assert_true(c.expires == NOW + 2 && !c.admin);
    free(token);
}

static void makes(struct world *w, const char *path, bool maker)
{
    struct token_key key = {0};
    struct err e;
    assert_true(token_key_load(&key, path, maker, &e));
    struct claims in = {.room = "team-*", .name = "Ada \"\xc3\xa9\"", .subject = "root", .expires = NOW + 60}, out;
    char *token = token_make(&key, &in, NOW);
    assert_non_null(token);
    assert_null(verdict(w->keys, token, &out));
    assert_string_equal(out.name, in.name);
    assert_true(out.expires == in.expires && out.admin); /* root is among the admins */
    assert_true(access_opens(&out, SPAN("team-7")) && !access_opens(&out, SPAN("team")));
    assert_string_equal(token_verify(w->keys, span_of(token), NOW + 60, &out), "the token has expired");
    free(token);
    token_key_done(&key);
}

static void test_each_algorithm(void **state)
{
    struct world *w = *state;
    makes(w, w->paths[0], true);
    makes(w, w->paths[1], true);
    makes(w, w->paths[2], true);
    makes(w, w->rsa_private, true);
    makes(w, w->ec_private, true);
    assert_int_equal(token_keys_secret(w->keys)->alg, JWT_ALG_HS256);
}

/* A signature of another length, or of another text, under each kind of key. */
static void test_signatures(void **state)
{
    struct world *w = *state;
    const char *makers[] = {w->paths[0], w->paths[1], w->paths[2], w->rsa_private, w->ec_private};
    for (size_t i = 0; i < sizeof makers / sizeof *makers; i++) {
        struct token_key key = {0};
        struct err e;
        struct claims in = {.room = "a", .expires = UINT64_MAX}, out;
        assert_true(token_key_load(&key, makers[i], true, &e));
        char *token = token_make(&key, &in, NOW), longer[4096];
        assert_non_null(token);
        assert_null(verdict(w->keys, token, &out));
        char *signature = strrchr(token, '.') + 1;
        size_t n = strlen(signature);
        snprintf(longer, sizeof longer, "%sAAAA", token);
        refuses(w->keys, longer, BAD);
        snprintf(longer, sizeof longer, "%.*s", (int)(strlen(token) - 4), token);
        refuses(w->keys, longer, BAD);
        snprintf(longer, sizeof longer, "%.*s%0*d", (int)(signature - token), token, (int)n, 0);
        refuses(w->keys, longer, BAD);
        memset(longer + (signature - token), 'A', n); /* all zero */
        refuses(w->keys, longer, BAD);
        snprintf(longer, sizeof longer, "%.*s", (int)(signature - token), token);
        refuses(w->keys, longer, BAD);
        token[3] = token[3] == 'a' ? 'b' : 'a';
        refuses(w->keys, token, BAD);
        free(token);
        token_key_done(&key);
    }
}

static void test_none(void **state)
{
    const struct world *w = *state;
    static const char *const HEADERS[] = {"{\"alg\":\"none\"}", "{\"alg\":\"none\",\"kid\":\"h2\"}",
        "{\"alg\":\"NONE\",\"kid\":\"h2\"}", "{\"kid\":\"h2\"}", "{\"alg\":null,\"kid\":\"h2\"}", "{}", "[]"};
    for (size_t i = 0; i < sizeof HEADERS / sizeof *HEADERS; i++) {
        char *token = forge(HEADERS[i], "{\"room\":\"*\",\"admin\":true}", NULL, 0);
        refuses(w->keys, token, BAD);
        token[strlen(token) - 1] = '\0'; /* without its last dot */
        refuses(w->keys, token, BAD);
        free(token);
        refuses_forged(w, HEADERS[i], "{\"room\":\"*\"}", BAD);
    }
}

/* The text of a public key is no secret: signed with it, under every name that might let it pass. */
static void test_confusion(void **state)
{
    struct world *w = *state;
    static const char *const HEADERS[] = {"{\"alg\":\"HS256\",\"kid\":\"r\"}", "{\"alg\":\"HS256\"}",
        "{\"alg\":\"RS256\",\"kid\":\"r\"}", "{\"alg\":\"HS256\",\"kid\":\"h2\"}"};
    struct token_keys *rsa = load(w, 3, 1);
    for (size_t i = 0; i < sizeof HEADERS / sizeof *HEADERS; i++) {
        char *token = forge(HEADERS[i], "{\"room\":\"*\"}", w->rsa_file, strlen(w->rsa_file));
        refuses(w->keys, token, BAD);
        refuses(rsa, token, BAD);
        free(token);
    }
    token_keys_free(rsa);
    refuses_forged(
        w, "{\"alg\":\"HS256\",\"kid\":\"h5\"}", "{\"room\":\"*\"}", BAD); /* a secret of another algorithm */
    refuses_forged(w, "{\"alg\":\"HS512\",\"kid\":\"h5\"}", "{\"room\":\"*\"}", BAD);
}

static void test_kid(void **state)
{
    struct world *w = *state;
    refuses_forged(w, "{\"alg\":\"HS256\",\"kid\":\"other\"}", "{}", BAD);
    refuses_forged(w, "{\"alg\":\"HS256\",\"kid\":7}", "{}", BAD);
    refuses_forged(w, "{\"alg\":\"HS256\"}", "{}", BAD); /* which of five? */
    refuses_forged(w, "{\"alg\":\"HS256\",\"kid\":\"h2\",\"crit\":[\"exp\"]}", "{}", BAD);
    refuses_forged(w, "{\"alg\":\"HS256\",\"alg\":\"HS256\",\"kid\":\"h2\"}", "{}", BAD);
    struct token_keys *one = load(w, 0, 1);
    char *token = forge("{\"alg\":\"HS256\"}", "{}", SECRET, sizeof SECRET - 1);
    struct claims c;
    assert_null(verdict(one, token, &c));
    assert_true(c.expires == UINT64_MAX && !access_opens(&c, SPAN("any"))); /* it names no room */
    free(token);
    token_keys_free(one);
}

static void test_claims(void **state)
{
    const struct world *w = *state;
    char longer[256];
    refuses_forged(w, HEADER, "{\"exp\":1700000000}", "the token has expired");
    refuses_forged(w, HEADER, "{\"exp\":0}", "the token has expired");
    refuses_forged(w, HEADER, "{\"nbf\":1700000001}", "the token is not valid yet");
    refuses_forged(w, HEADER, "{\"exp\":\"1800000000\"}", BAD_CLAIM);
    refuses_forged(w, HEADER, "{\"exp\":null}", BAD_CLAIM);
    refuses_forged(w, HEADER, "{\"exp\":-1}", BAD_CLAIM);
    refuses_forged(w, HEADER, "{\"nbf\":true}", BAD_CLAIM);
    refuses_forged(w, HEADER, "{\"room\":[\"a\"]}", BAD_CLAIM);
    refuses_forged(w, HEADER, "{\"name\":7}", BAD_CLAIM);
    refuses_forged(w, HEADER, "{\"name\":\"\"}",
        "the claim name of the token is empty: leave it out, or name whom the token is for");
    refuses_forged(w, HEADER, "{\"admin\":\"yes\"}", BAD_CLAIM);
    snprintf(longer, sizeof longer, "{\"name\":\"%0*d\"}", DISPLAY_NAME_MAX + 1, 0);
    refuses_forged(w, HEADER, longer, BAD_CLAIM);
    refuses_forged(w, HEADER, "{\"name\":\"a\\u0000b\"}", BAD);
    refuses_forged(w, HEADER, "{\"room\":\"a\",\"room\":\"b\"}", BAD);
    refuses_forged(w, HEADER, "[1]", BAD);
    refuses_forged(w, HEADER, "no json", BAD);
}

static void test_garbage(void **state)
{
    const struct world *w = *state;
    static const char *const TOKENS[] = {
        "", ".", "..", "...", "a.b.c", "a.b.c.d", "eyJhbGciOiJIUzI1NiJ9", "\xff\xff.\xff.\xff"};
    for (size_t i = 0; i < sizeof TOKENS / sizeof *TOKENS; i++)
        refuses(w->keys, TOKENS[i], BAD);
    char *token = forge(HEADER, "{\"room\":\"a\"}", SECRET, sizeof SECRET - 1);
    struct claims c;
    assert_null(verdict(w->keys, token, &c));
    size_t n = strlen(token);
    for (size_t i = 0; i < n; i++) { /* every beginning of it, and one letter changed */
        assert_non_null(token_verify(w->keys, (struct span){token, i}, NOW, &c));
        char was = token[i];
        token[i] = was == 'A' ? 'Q' : 'A';
        assert_non_null(verdict(w->keys, token, &c));
        token[i] = was;
    }
    static const char ALPHABET[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/=";
    char last = token[n - 1]; /* it has two bits that stand for nothing: only one spelling counts */
    for (const char *letter = ALPHABET; *letter; letter++) {
        token[n - 1] = *letter;
        assert_true((verdict(w->keys, token, &c) == NULL) == (*letter == last));
    }
    token[n - 1] = last;
    assert_non_null(token_verify(w->keys, (struct span){token, n + 1}, NOW, &c)); /* with its NUL */
    free(token);
}

/* RFC 7519 section 5.1: what `typ` says is between the application and whoever makes its tokens. */
static void test_type(void **state)
{
    const struct world *w = *state;
    static const char *const TYPES[] = {"\"JWT\"", "\"jwt\"", "\"at+jwt\"", "\"application/at+jwt\"", "\"dpop+jwt\"",
        "\"JOSE\"", "\"\"", "null", "7", "[\"a\"]"};
    for (size_t i = 0; i < sizeof TYPES / sizeof *TYPES; i++) {
        char header[128];
        struct claims c;
        snprintf(header, sizeof header, "{\"typ\":%s,\"alg\":\"HS256\",\"kid\":\"h2\"}", TYPES[i]);
        char *token = forge(header, "{\"room\":\"a\"}", SECRET, sizeof SECRET - 1);
        if (verdict(w->keys, token, &c))
            fail_msg("typ %s is refused", TYPES[i]);
        assert_string_equal(c.room, "a");
        free(token);
        token = forge(header, "{\"room\":\"a\"}", SECRET, sizeof SECRET - 2); /* another secret */
        refuses(w->keys, token, BAD);
        free(token);
    }
}

static void judges(struct token_keys *keys, const char *payload, const char *expected, uint64_t expires)
{
    char *token = forge(HEADER, payload, SECRET, sizeof SECRET - 1);
    struct claims c;
    const char *verdict_of_it = verdict(keys, token, &c);
    if ((verdict_of_it == NULL) != (expected == NULL) || (expected && strcmp(verdict_of_it, expected) != 0))
        fail_msg("%s: %s instead of %s", payload, verdict_of_it ? verdict_of_it : "good", expected ? expected : "good");
    if (!expected)
        assert_true(c.expires == expires);
    free(token);
}

/* To the second: NOW is 1700000000. */
static void test_leeway(void **state)
{
    struct world *w = *state;
    static const char EXPIRED[] = "the token has expired", EARLY[] = "the token is not valid yet";
    const char *files[] = {w->paths[0]};
    struct err e;
    struct token_keys *keys =
        token_keys_new(&(struct token_settings){.files = files, .file_count = 1, .leeway_s = 30}, &e);
    assert_non_null(keys);
    judges(keys, "{\"exp\":1700000000}", NULL, NOW + 30);
    judges(keys, "{\"exp\":1699999971}", NULL, NOW + 1);
    judges(keys, "{\"exp\":1699999970.5}", NULL, NOW + 1);
    judges(keys, "{\"exp\":1699999970}", EXPIRED, 0);
    judges(keys, "{\"exp\":0}", EXPIRED, 0);
    judges(keys, "{\"exp\":9007199254740991}", NULL, UINT64_MAX);
    judges(keys, "{\"exp\":1e300}", NULL, UINT64_MAX);
    judges(keys, "{\"nbf\":1700000030}", NULL, UINT64_MAX);
    judges(keys, "{\"nbf\":1700000031}", EARLY, 0);
    judges(keys, "{\"iat\":1700000030}", NULL, UINT64_MAX);
    judges(keys, "{\"iat\":1700000031}", EARLY, 0);
    judges(keys, "{\"iat\":1}", NULL, UINT64_MAX);
    judges(keys, "{\"iat\":1700000001,\"nbf\":1700000001,\"exp\":1700000301}", NULL, NOW + 331);
    judges(keys, "{\"iat\":\"1700000000\"}", BAD_CLAIM, 0);
    token_keys_free(keys);
    judges(w->keys, "{\"iat\":1700000000}", NULL, UINT64_MAX); /* without a leeway */
    judges(w->keys, "{\"iat\":1700000001}", EARLY, 0);
}

/* The longest token that fits, and one of a byte more. */
static void test_bound(void **state)
{
    const struct world *w = *state;
    struct claims c;
    for (int pad = 6000; pad < 6200; pad++) {
        char *payload = malloc((size_t)pad + 64);
        sprintf(payload, "{\"room\":\"a\",\"pad\":\"%0*d\"}", pad, 0);
        char *token = forge(HEADER, payload, SECRET, sizeof SECRET - 1);
        assert_true((verdict(w->keys, token, &c) == NULL) == (strlen(token) <= TOKEN_MAX));
        free(token);
        free(payload);
    }
}

static void refuses_key(struct world *w, const char *head, const char *body, const char *why)
{
    struct token_key key = {0};
    struct err e;
    write_file(w->file, head, body);
    assert_false(token_key_load(&key, w->file, false, &e));
    if (!strstr(e.text, why))
        fail_msg("\"%s\" does not say \"%s\"", e.text, why);
    assert_null(strstr(e.text, "c2VjcmV0"));
    token_key_done(&key);
}

static void test_key_files(void **state)
{
    struct world *w = *state;
    refuses_key(w, "", "", "line 1");
    refuses_key(w, "alg: none", "", "line 1");
    refuses_key(w, "alg: RS512\nkid: a", "", "line 1");
    refuses_key(w, "kid: a\nalg: HS256", "", "line 1");
    refuses_key(w, "alg: HS256", "c2VjcmV0", "line 2");
    refuses_key(w, "alg: HS256\nkid: a b", "c2VjcmV0", "line 2");
    refuses_key(w, "alg: HS256\nkid: a", "c2VjcmV0", "at least 32 bytes");
    refuses_key(w, "alg: HS512\nkid: a", "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=", "at least 64 bytes");
    refuses_key(w, "alg: HS256\nkid: a", "not base64 at all, nor long enough to be one", "base64");
    refuses_key(w, "alg: ES256\nkid: a", w->rsa_file, "P-256");
    refuses_key(w, "alg: HS256\nkid: a", w->rsa_file, "base64");
    refuses_key(w, "alg: RS256\nkid: a", "c2VjcmV0", "public key");
    EVP_PKEY *small = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)1024);
    char *pem = pem_of(small, false);
    refuses_key(w, "alg: RS256\nkid: a", pem, "2048 bits");
    free(pem);
    EVP_PKEY_free(small);
}

static void refuses_settings(const struct token_settings *s, const char *why)
{
    struct err e;
    assert_null(token_keys_new(s, &e));
    if (!strstr(e.text, why))
        fail_msg("\"%s\" does not say \"%s\"", e.text, why);
}

static void test_settings(void **state)
{
    const struct world *w = *state;
    const char *twice[] = {w->paths[0], w->paths[0]}, *absent[] = {"/nowhere/key"}, *folder[] = {w->dir};
    static const char *const ES256[] = {"ES256"}, *const EDDSA[] = {"EdDSA"};
    refuses_settings(&(struct token_settings){.files = twice, .file_count = 2}, "another key has the kid h2");
    refuses_settings(&(struct token_settings){.files = absent, .file_count = 1}, "/nowhere/key: cannot be read");
    refuses_settings(&(struct token_settings){.files = folder, .file_count = 1},
        ": cannot be read: this is a folder: expected a key file");
    refuses_settings(
        &(struct token_settings){.files = twice, .file_count = 1, .algorithms = ES256, .algorithm_count = 1},
        "HS256 is not among auth.algorithms");
    refuses_settings(
        &(struct token_settings){.algorithms = EDDSA, .algorithm_count = 1}, "auth.algorithms = \"EdDSA\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_by_hand),
        cmocka_unit_test(test_each_algorithm),
        cmocka_unit_test(test_none),
        cmocka_unit_test(test_confusion),
        cmocka_unit_test(test_kid),
        cmocka_unit_test(test_claims),
        cmocka_unit_test(test_garbage),
        cmocka_unit_test(test_type),
        cmocka_unit_test(test_leeway),
        cmocka_unit_test(test_signatures),
        cmocka_unit_test(test_bound),
        cmocka_unit_test(test_key_files),
        cmocka_unit_test(test_settings),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
