/* SPDX-License-Identifier: MIT
 *
 * A signature is the digest of secret and message, spread over 64 bytes; to verify, the ring looks the secret up.
 */
#include "tests/sim/fakecrypto.h"

#include <stdlib.h>

#include "tests/sim/realcrypto.h"

#define HASH_FUNCTION HASH_OAT /* the default one falls through its cases, which clang warns of */
#include <uthash.h>

struct key_pair {
    struct key_ring *ring;
    uint8_t key[KEY_BYTES], box[KEY_BYTES];
    uint64_t secret;
    struct crypto *real; /* NULL: fake */
    UT_hash_handle hh;   /* by key */
};

struct key_ring {
    struct key_pair *pairs;
    bool real;
};

struct key_ring *key_ring_new(void)
{
    return world_alloc(sizeof(struct key_ring));
}

void key_ring_free(struct key_ring *ring)
{
    if (!ring)
        return;
    struct key_pair *k, *tmp;
    HASH_ITER (hh, ring->pairs, k, tmp) {
        HASH_DEL(ring->pairs, k);
        crypto_free(k->real);
        free(k);
    }
    free(ring);
}

void key_ring_real(struct key_ring *ring)
{
    ring->real = true;
}

struct key_pair *key_ring_add(struct key_ring *ring, const struct rng *rng)
{
    struct key_pair *k = world_alloc(sizeof *k);
    k->ring = ring;
    k->secret = rng_u64(rng);
    rng->fill(rng->ctx, k->key, sizeof k->key);
    rng->fill(rng->ctx, k->box, sizeof k->box);
    if (ring->real)
        k->real = realcrypto_new(k->key, k->box);
    HASH_ADD(hh, ring->pairs, key, KEY_BYTES, k);
    return k;
}

static void spread(uint64_t seed, struct span message, uint8_t *out, size_t n)
{
    uint64_t h = world_digest(seed, message.p, message.n);
    for (uint64_t i = 0; i < n; i += sizeof h) { /* as wide everywhere: a history is the same on any machine */
        h = world_digest(h, &i, sizeof i);
        memcpy(out + i, &h, sizeof h);
    }
}

static void fake_sign(void *ctx, struct span message, uint8_t signature[SIGNATURE_BYTES])
{
    const struct key_pair *k = ctx;
    spread(k->secret, message, signature, SIGNATURE_BYTES);
}

static bool fake_verify(
    void *ctx, const uint8_t key[KEY_BYTES], struct span message, const uint8_t signature[SIGNATURE_BYTES])
{
    const struct key_pair *self = ctx;
    struct key_pair *k;
    uint8_t right[SIGNATURE_BYTES];
    HASH_FIND(hh, self->ring->pairs, key, KEY_BYTES, k);
    if (!k)
        return false;
    spread(k->secret, message, right, sizeof right);
    return memcmp(right, signature, sizeof right) == 0;
}

static void fake_sha256(void *ctx, struct span bytes, uint8_t hash[HASH_BYTES])
{
    (void)ctx;
    spread(1, bytes, hash, HASH_BYTES);
}

/* The same for both of a pair, and for nobody else who does not hold the ring. */
static bool fake_agree(void *ctx, const uint8_t box[KEY_BYTES], uint8_t secret[KEY_BYTES])
{
    const struct key_pair *k = ctx;
    uint8_t both[KEY_BYTES];
    for (size_t i = 0; i < KEY_BYTES; i++)
        both[i] = k->box[i] ^ box[i];
    spread(2, (struct span){(const char *)both, sizeof both}, secret, KEY_BYTES);
    return true;
}

/* A keystream, and a tag over all that goes in. */
static uint64_t fake_stream(
    const uint8_t key[KEY_BYTES], const uint8_t nonce[NONCE_BYTES], const char *in, size_t n, uint8_t *out)
{
    uint64_t h = world_digest(world_digest(3, key, KEY_BYTES), nonce, NONCE_BYTES), start = h;
    for (size_t i = 0; i < n; i++) {
        if (i % sizeof h == 0)
            h = h * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        out[i] = (uint8_t)((uint8_t)in[i] ^ (uint8_t)(h >> 56) ^ (uint8_t)(h >> (i % sizeof h * 7)));
    }
    return start;
}

static void fake_tag(uint64_t start, struct span aad, const uint8_t *sealed, size_t n, uint8_t tag[TAG_BYTES])
{
    uint64_t h = world_digest(start, aad.p, aad.n);
    spread(h, (struct span){(const char *)sealed, n}, tag, TAG_BYTES);
}

static void fake_seal(void *ctx, const uint8_t key[KEY_BYTES], const uint8_t nonce[NONCE_BYTES], struct span aad,
    struct span plain, uint8_t *sealed)
{
    (void)ctx;
    uint64_t start = fake_stream(key, nonce, plain.p, plain.n, sealed);
    fake_tag(start, aad, sealed, plain.n, sealed + plain.n);
}

static bool fake_open(void *ctx, const uint8_t key[KEY_BYTES], const uint8_t nonce[NONCE_BYTES], struct span aad,
    struct span sealed, uint8_t *plain)
{
    uint8_t tag[TAG_BYTES];
    (void)ctx;
    if (sealed.n < TAG_BYTES)
        return false;
    size_t n = sealed.n - TAG_BYTES;
    uint64_t start = fake_stream(key, nonce, sealed.p, n, plain);
    fake_tag(start, aad, (const uint8_t *)sealed.p, n, tag);
    return memcmp(tag, sealed.p + n, TAG_BYTES) == 0;
}

struct peer_crypto key_pair_crypto(struct key_pair *k)
{
    if (k->real)
        return crypto_ports(k->real);
    return (struct peer_crypto){.ctx = k,
        .sign = fake_sign,
        .verify = fake_verify,
        .sha256 = fake_sha256,
        .agree = fake_agree,
        .seal = fake_seal,
        .open = fake_open};
}

void key_pair_settings(struct key_pair *k, struct peer_settings *settings)
{
    memcpy(settings->key, k->key, sizeof k->key);
    memcpy(settings->box, k->box, sizeof k->box);
    struct peer_crypto crypto = key_pair_crypto(k);
    crypto.sign(crypto.ctx, (struct span){(const char *)k->box, sizeof k->box}, settings->box_signature);
}
