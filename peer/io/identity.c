/* SPDX-License-Identifier: MIT
 *
 * The file `identity` holds three lines: the two private keys in base64, and a check over both, so that a damaged file is
 * a sentence and not another person. The public halves, the id and the signature over the box key follow from them.
 */
#include "peer/io/identity.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/os_file.h"
#include "base/os_rng.h"
#include "peer/io/state.h"
#include "peer/io/store.h"
#include "protocol/envelope.h"

#define FILE_NAME "identity"
#define SIGN_LABEL "ed25519 "
#define BOX_LABEL "x25519 "
#define CHECK_LABEL "check "
enum {
    KEY_CHARS = BASE64_LEN(KEY_BYTES),
    FILE_MAX = 512
};

static bool sha256(const void *bytes, size_t n, uint8_t hash[HASH_BYTES])
{
    return EVP_Digest(bytes, n, hash, NULL, EVP_sha256(), NULL) == 1;
}

/* The public half of a private key of this kind; the key itself goes to *made if that is asked for. */
static bool public_half(int kind, const uint8_t seed[KEY_BYTES], uint8_t out[KEY_BYTES], EVP_PKEY **made)
{
    size_t n = KEY_BYTES;
    EVP_PKEY *key = EVP_PKEY_new_raw_private_key(kind, NULL, seed, KEY_BYTES);
    bool ok = key && EVP_PKEY_get_raw_public_key(key, out, &n) == 1 && n == KEY_BYTES;
    if (ok && made)
        *made = key;
    else
        EVP_PKEY_free(key);
    return ok;
}

static bool sign_box(EVP_PKEY *key, struct identity *identity)
{
    size_t n = SIGNATURE_BYTES;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok = ctx && EVP_DigestSignInit(ctx, NULL, NULL, NULL, key) == 1 &&
              EVP_DigestSign(ctx, identity->box_signature, &n, identity->box, KEY_BYTES) == 1;
    EVP_MD_CTX_free(ctx);
    return ok;
}

static bool derive(struct identity *identity)
{
    EVP_PKEY *key = NULL;
    uint8_t hash[HASH_BYTES];
    bool ok = public_half(EVP_PKEY_ED25519, identity->seed, identity->key, &key) &&
              public_half(EVP_PKEY_X25519, identity->box_seed, identity->box, NULL) && sign_box(key, identity) &&
              sha256(identity->key, KEY_BYTES, hash);
    EVP_PKEY_free(key);
    if (ok)
        envelope_short_hash(hash, identity->id);
    return ok;
}

/* The file's whole text, from the private keys. */
static bool write_text(const struct identity *identity, char text[FILE_MAX], size_t *n)
{
    char seed[KEY_CHARS + 1], box[KEY_CHARS + 1], check[BASE64_LEN(HASH_BYTES) + 1];
    uint8_t hash[HASH_BYTES];
    base64_encode(identity->seed, KEY_BYTES, seed);
    base64_encode(identity->box_seed, KEY_BYTES, box);
    int head = snprintf(text, FILE_MAX, SIGN_LABEL "%s\n" BOX_LABEL "%s\n", seed, box);
    bool ok = sha256(text, (size_t)head, hash);
    base64_encode(hash, HASH_BYTES, check);
    int tail = snprintf(text + head, FILE_MAX - (size_t)head, CHECK_LABEL "%s\n", check);
    *n = (size_t)(head + tail);
    OPENSSL_cleanse(seed, sizeof seed);
    OPENSSL_cleanse(box, sizeof box);
    return ok;
}

static bool read_key(struct span text, size_t at, const char *label, uint8_t out[KEY_BYTES])
{
    size_t label_n = strlen(label);
    return at + label_n + KEY_CHARS <= text.n && memcmp(text.p + at, label, label_n) == 0 &&
           base64_decode((struct span){text.p + at + label_n, KEY_CHARS}, out, KEY_BYTES);
}

/* An identity has one form: what was read must be what would be written. */
static bool read_text(struct span text, struct identity *identity)
{
    size_t box_at = strlen(SIGN_LABEL) + KEY_CHARS + 1, n;
    char again[FILE_MAX];
    bool ok = read_key(text, 0, SIGN_LABEL, identity->seed) && read_key(text, box_at, BOX_LABEL, identity->box_seed) &&
              write_text(identity, again, &n) && span_eq(text, (struct span){again, n}) && derive(identity);
    OPENSSL_cleanse(again, sizeof again);
    return ok;
}

bool identity_load(const char *dir, struct identity *out, bool *absent, struct err *err)
{
    char text[FILE_MAX];
    size_t n = 0;
    memset(out, 0, sizeof *out);
    enum state_read got = state_read(dir, FILE_NAME, true, text, sizeof text, &n, err);
    *absent = got == STATE_ABSENT;
    if (got != STATE_READ)
        return false;
    bool ok = read_text((struct span){text, n}, out);
    OPENSSL_cleanse(text, sizeof text);
    if (!ok) {
        identity_wipe(out);
        return err_set(err,
            "the identity in %.120s is damaged: bring back a copy of its file \"" FILE_NAME
            "\", or move the whole folder away to become somebody else",
            dir);
    }
    return true;
}

static bool make(const char *dir, struct identity *out, struct err *err)
{
    struct rng rng = os_rng();
    rng.fill(rng.ctx, out->seed, KEY_BYTES);
    rng.fill(rng.ctx, out->box_seed, KEY_BYTES);
    char text[FILE_MAX];
    size_t n;
    bool ok = derive(out) && write_text(out, text, &n);
    if (!ok)
        err_set(err, "OpenSSL could not make a key");
    else
        ok = os_file_replace(dir, FILE_NAME, (struct span){text, n}, err);
    OPENSSL_cleanse(text, sizeof text);
    if (!ok)
        identity_wipe(out);
    return ok;
}

/* What was said there was said by somebody. */
static bool had_one(const char *dir)
{
    char file[STATE_PATH_MAX + 16];
    snprintf(file, sizeof file, "%.*s/" STORE_FILE, STATE_PATH_MAX, dir);
    return access(file, F_OK) == 0;
}

bool identity_open(const char *dir, struct identity *out, struct err *err)
{
    bool absent;
    if (identity_load(dir, out, &absent, err))
        return true;
    if (absent && had_one(dir))
        return err_set(err,
            "the identity of %.120s is gone: bring back a copy of its file \"" FILE_NAME
            "\", or move the whole folder away to become somebody else",
            dir);
    return absent && make(dir, out, err);
}

void identity_wipe(struct identity *identity)
{
    OPENSSL_cleanse(identity, sizeof *identity);
}
