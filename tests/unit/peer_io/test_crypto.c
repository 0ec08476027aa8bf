/* SPDX-License-Identifier: MIT
 *
 * OpenSSL behind the ports: the standards' own answers, and seals that hold with real keys.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <jansson.h>

#include "peer/io/crypto.h"
#include "tests/unit/peer/seal_cases.h"

static void bytes(const char *hex, uint8_t *out)
{
    for (; *hex; hex += 2) {
        unsigned byte;
        assert_int_equal(sscanf(hex, "%2x", &byte), 1);
        *out++ = (uint8_t)byte;
    }
}

static struct crypto *person(const char *box_seed)
{
    static const uint8_t SEED[KEY_BYTES] = {1};
    uint8_t seed[KEY_BYTES];
    bytes(box_seed, seed);
    struct crypto *c = crypto_new(SEED, seed);
    assert_non_null(c);
    return c;
}

/* RFC 7748 section 6.1. */
#define ALICE "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a"
#define ALICE_BOX "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a"
#define BOB "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb"
#define BOB_BOX "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f"
/* Cid's private key is BOB_BOX. */
#define CID_BOX "831de651c31fe1f3e94a8161fdaabad8a7979818acac89534ec304b645d47550"
/* HKDF-SHA-256 of the section's K (4a5d9d5b...), no salt, info "usher-wrap-1", as node:crypto derives it. */
#define WRAP_KEY "3649d7179662d2563b6af9d0932ceca19fc21f86f3f69daac53c08acbc7a6a27"

static void both_sides_agree(void **state)
{
    struct crypto *alice = person(ALICE), *bob = person(BOB);
    struct peer_crypto a = crypto_ports(alice), b = crypto_ports(bob);
    uint8_t box[2][KEY_BYTES], expected[KEY_BYTES], got[KEY_BYTES];
    (void)state;
    bytes(ALICE_BOX, box[0]);
    bytes(BOB_BOX, box[1]);
    bytes(WRAP_KEY, expected);
    for (int i = 0; i < 2; i++) { /* the second time from the table */
        assert_true(a.agree(a.ctx, box[1], got));
        assert_memory_equal(got, expected, KEY_BYTES);
        assert_true(b.agree(b.ctx, box[0], got));
        assert_memory_equal(got, expected, KEY_BYTES);
    }
    box[1][31] ^= 1; /* the same slot of the table, another key */
    assert_true(a.agree(a.ctx, box[1], got));
    assert_memory_not_equal(got, expected, KEY_BYTES);
    crypto_free(alice);
    crypto_free(bob);
}

/* Points of small order (RFC 7748 section 6.1): the secret would be known to everybody. */
static void refuses_a_known_secret(void **state)
{
    static const char *const small[] = {"0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"};
    struct crypto *alice = person(ALICE);
    struct peer_crypto a = crypto_ports(alice);
    uint8_t box[KEY_BYTES], secret[KEY_BYTES];
    (void)state;
    for (int i = 0; i < 8; i++) {
        bytes(small[i % 4], box);
        assert_false(a.agree(a.ctx, box, secret));
    }
    crypto_free(alice);
}

/* The GCM specification's test case 16 (256-bit key, AAD, 60 bytes). */
static void seals_as_the_standard_does(void **state)
{
    uint8_t key[KEY_BYTES], nonce[NONCE_BYTES], aad[20], plain[60], expected[60 + TAG_BYTES], got[60 + TAG_BYTES];
    struct crypto *alice = person(ALICE);
    struct peer_crypto a = crypto_ports(alice);
    (void)state;
    bytes("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308", key);
    bytes("cafebabefacedbaddecaf888", nonce);
    bytes("feedfacedeadbeeffeedfacedeadbeefabaddad2", aad);
    bytes("d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0d"
          "e657"
          "ba637b39",
        plain);
    bytes("522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba"
          "7a0a"
          "bcc9f66276fc6ece0f4e1768cddf8853bb2d551b",
        expected);
    struct span bound = {(char *)aad, sizeof aad}, sealed = {(char *)got, sizeof got};
    a.seal(a.ctx, key, nonce, bound, (struct span){(char *)plain, sizeof plain}, got);
    assert_memory_equal(got, expected, sizeof got);
    memset(plain, 0, sizeof plain);
    assert_true(a.open(a.ctx, key, nonce, bound, sealed, plain));
    assert_int_equal(plain[0], 0xd9);
    for (size_t i = 0; i < sizeof got; i++) {
        got[i] ^= 1;
        assert_false(a.open(a.ctx, key, nonce, bound, sealed, plain));
        got[i] ^= 1;
        assert_false(a.open(a.ctx, key, nonce, bound, (struct span){(char *)got, i}, plain));
    }
    crypto_free(alice);
}

static void holds_with_real_keys(void **state)
{
    struct crypto *c[4] = {person(ALICE), person(BOB), person(BOB_BOX), person(ALICE_BOX)};
    struct seal_people p = {
        crypto_ports(c[0]), crypto_ports(c[1]), crypto_ports(c[2]), crypto_ports(c[3]), {0}, {0}, {0}};
    (void)state;
    bytes(ALICE_BOX, p.ann_box);
    bytes(BOB_BOX, p.bob_box);
    bytes(CID_BOX, p.cid_box);
    seal_reaches_its_readers(&p);
    seal_trusts_no_key(&p);
    seal_is_bound_to_its_header(&p);
    for (int i = 0; i < 4; i++)
        crypto_free(c[i]);
}

static struct span member(const json_t *one, const char *name)
{
    const json_t *value = json_object_get(one, name);
    assert_true(json_is_string(value));
    return (struct span){json_string_value(value), json_string_length(value)};
}

/* What Node sealed (tests/vectors/seals.json) opens here. */
static void opens_the_vectors(void **state)
{
    json_t *cases = json_load_file("tests/vectors/seals.json", 0, NULL), *one;
    size_t i;
    (void)state;
    assert_true(json_array_size(cases) > 0);
    json_array_foreach(cases, i, one)
    {
        struct crypto *c = person(member(one, "readerSeed").p);
        struct peer_crypto reader = crypto_ports(c);
        const json_t *expect = json_object_get(one, "expect");
        struct buf content = seal_room(), header = seal_room();
        struct envelope e;
        const char *problem;
        uint8_t box[KEY_BYTES];
        assert_true(base64_decode(member(one, "box"), box, sizeof box));
        assert_true(envelope_parse(member(one, "in"), &e, NULL));
        assert_true(envelope_header_bytes(&e, &header));
        assert_true(span_eq(buf_view(&header), member(expect, "header")));
        assert_null(seal_open(&reader, &e, member(one, "reader"), box, &content));
        assert_true(span_eq(buf_view(&content), member(expect, "content")));
        assert_true(envelope_open_content(&e, buf_view(&content), &problem));
        envelope_done(&e);
        buf_done(&content);
        buf_done(&header);
        crypto_free(c);
    }
    json_decref(cases);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_sides_agree),
        cmocka_unit_test(refuses_a_known_secret),
        cmocka_unit_test(seals_as_the_standard_does),
        cmocka_unit_test(holds_with_real_keys),
        cmocka_unit_test(opens_the_vectors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
