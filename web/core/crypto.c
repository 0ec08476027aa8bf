/* SPDX-License-Identifier: MIT
 *
 * Nothing here waits and nothing depends on secrets by its time: AES is BearSSL's bit-sliced one, whose four blocks in 64-bit
 * words suit WebAssembly. What two people share is worked out once and kept in a small table, as peer/io/crypto.c does.
 */
#include <bearssl.h>
#include <sodium/crypto_core_ed25519.h>
#include <sodium/crypto_scalarmult_curve25519.h>
#include <sodium/crypto_sign_ed25519.h>
#include <sodium/utils.h>

#include "web/core/ports.h"

enum {
    SHARED = 64, /* a power of two: a full room */
    SECRET_KEY_BYTES = crypto_sign_ed25519_SECRETKEYBYTES
};

struct shared {
    uint8_t box[KEY_BYTES], secret[KEY_BYTES];
    bool used;
};

static struct {
    uint8_t sign[SECRET_KEY_BYTES], box[KEY_BYTES];
    struct shared shared[SHARED];
} own;

struct web_identity ports_identity(const uint8_t seed[KEY_BYTES], const uint8_t box_seed[KEY_BYTES])
{
    struct web_identity made;
    unsigned long long n;
    if (crypto_sign_ed25519_seed_keypair(made.key, own.sign, seed) != 0)
        ports_panic("no signing key can be made");
    memcpy(own.box, box_seed, KEY_BYTES);
    crypto_scalarmult_curve25519_base(made.box, own.box);
    crypto_sign_ed25519_detached(made.box_signature, &n, made.box, KEY_BYTES, own.sign);
    return made;
}

static void sign(void *ctx, struct span message, uint8_t signature[SIGNATURE_BYTES])
{
    unsigned long long n;
    (void)ctx;
    crypto_sign_ed25519_detached(signature, &n, (const uint8_t *)message.p, message.n, own.sign);
}

static bool verify(
    void *ctx, const uint8_t key[KEY_BYTES], struct span message, const uint8_t signature[SIGNATURE_BYTES])
{
    (void)ctx;
    return crypto_sign_ed25519_verify_detached(signature, (const uint8_t *)message.p, message.n, key) == 0;
}

static void sha256(void *ctx, struct span bytes, uint8_t hash[HASH_BYTES])
{
    br_sha256_context c;
    (void)ctx;
    br_sha256_init(&c);
    br_sha256_update(&c, bytes.p, bytes.n);
    br_sha256_out(&c, hash);
}

/* RFC 7748 section 6.1: an all-zero secret is refused, by libsodium. */
static bool agree(void *ctx, const uint8_t box[KEY_BYTES], uint8_t secret[KEY_BYTES])
{
    struct shared *s = &own.shared[box[0] & (SHARED - 1)];
    uint8_t raw[KEY_BYTES];
    br_hkdf_context kdf;
    (void)ctx;
    if (!s->used || memcmp(s->box, box, KEY_BYTES) != 0) {
        s->used = crypto_scalarmult_curve25519(raw, own.box, box) == 0;
        if (!s->used)
            return false;
        br_hkdf_init(&kdf, &br_sha256_vtable, BR_HKDF_NO_SALT, 0);
        br_hkdf_inject(&kdf, raw, sizeof raw);
        br_hkdf_flip(&kdf);
        br_hkdf_produce(&kdf, "usher-wrap-1", strlen("usher-wrap-1"), s->secret, KEY_BYTES);
        sodium_memzero(raw, sizeof raw);
        memcpy(s->box, box, KEY_BYTES);
    }
    memcpy(secret, s->secret, KEY_BYTES);
    return true;
}

static void gcm_begin(br_gcm_context *gcm, br_aes_ct64_ctr_keys *aes, const uint8_t key[KEY_BYTES],
    const uint8_t nonce[NONCE_BYTES], struct span aad)
{
    br_aes_ct64_ctr_init(aes, key, KEY_BYTES);
    br_gcm_init(gcm, &aes->vtable, br_ghash_ctmul64);
    br_gcm_reset(gcm, nonce, NONCE_BYTES);
    br_gcm_aad_inject(gcm, aad.p, aad.n);
    br_gcm_flip(gcm);
}

static void seal(void *ctx, const uint8_t key[KEY_BYTES], const uint8_t nonce[NONCE_BYTES], struct span aad,
    struct span plain, uint8_t *sealed)
{
    br_gcm_context gcm;
    br_aes_ct64_ctr_keys aes;
    (void)ctx;
    gcm_begin(&gcm, &aes, key, nonce, aad);
    if (plain.n > 0)
        memcpy(sealed, plain.p, plain.n);
    br_gcm_run(&gcm, 1, sealed, plain.n);
    br_gcm_get_tag(&gcm, sealed + plain.n);
}

static bool open(void *ctx, const uint8_t key[KEY_BYTES], const uint8_t nonce[NONCE_BYTES], struct span aad,
    struct span sealed, uint8_t *plain)
{
    br_gcm_context gcm;
    br_aes_ct64_ctr_keys aes;
    (void)ctx;
    if (sealed.n < TAG_BYTES)
        return false;
    size_t n = sealed.n - TAG_BYTES;
    gcm_begin(&gcm, &aes, key, nonce, aad);
    if (n > 0)
        memcpy(plain, sealed.p, n);
    br_gcm_run(&gcm, 0, plain, n);
    return br_gcm_check_tag(&gcm, sealed.p + n) == 1;
}

struct peer_crypto ports_crypto(void)
{
    return (struct peer_crypto){
        .sign = sign, .verify = verify, .sha256 = sha256, .agree = agree, .seal = seal, .open = open};
}
