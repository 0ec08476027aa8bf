/* SPDX-License-Identifier: MIT
 *
 * Codes: words as people type them, what is derived of them, and HMAC with the real hash.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "peer/core/people/hmac.h"
#include "peer/io/code_keys.h"
#include "peer/io/pair_room.h"
#include "peer/io/crypto.h"
#include "peer/io/words.h"
#include "peer/io/words_list.h"

#define FIRST_SIX "abandon-ability-able-about-above-absent"

static void the_list_is_what_codes_need(void **state)
{
    (void)state;
    const size_t count = sizeof WORDS / sizeof WORDS[0];
    assert_int_equal(count, 2048);
    for (size_t i = 0; i < count; i++) {
        size_t n = strlen(WORDS[i]);
        assert_in_range(n, 3, WORD_MAX);
        assert_int_equal(strspn(WORDS[i], "abcdefghijklmnopqrstuvwxyz"), n);
        assert_true(i == 0 || strcmp(WORDS[i - 1], WORDS[i]) < 0);
        assert_true(i == 0 || strncmp(WORDS[i - 1], WORDS[i], 4) != 0);
    }
}

static void new_codes_are_read_again(void **state)
{
    (void)state;
    struct rng_seeded seeded;
    char code[CODE_MAX + 1], again[CODE_MAX + 1], before[CODE_MAX + 1] = "";
    struct err err;
    rng_seeded_init(&seeded, 1);
    struct rng rng = rng_seeded_port(&seeded);
    for (int i = 0; i < 1000; i++) {
        words_code_new(&rng, code);
        assert_true(words_code_parse(code, again, &err));
        assert_string_equal(code, again);
        assert_string_not_equal(code, before);
        memcpy(before, code, sizeof code);
    }
}

/* Always the last of the list. */
static void last_word(void *ctx, void *out, size_t n)
{
    (void)ctx;
    memset(out, 0xff, n);
}

static void the_last_word_can_come(void **state)
{
    (void)state;
    char code[CODE_MAX + 1];
    struct rng rng = {last_word, NULL};
    words_code_new(&rng, code);
    assert_string_equal(code, "zoo-zoo-zoo-zoo-zoo-zoo");
}

static void reads(const char *typed)
{
    char code[CODE_MAX + 1];
    struct err err;
    assert_true(words_code_parse(typed, code, &err));
    assert_string_equal(code, FIRST_SIX);
}

static void reads_what_people_type(void **state)
{
    (void)state;
    reads(FIRST_SIX);
    reads("abandon ability able about above absent");
    reads("  Abandon--ABILITY, able.about/above\tabsent\n");
    reads("aban abil able abou abov abse");
    reads("abando-abili-able-about-above-absen");
}

static void refuses(const char *typed, const char *why)
{
    char code[CODE_MAX + 1];
    struct err err;
    assert_false(words_code_parse(typed, code, &err));
    if (!strstr(err.text, why))
        fail_msg("\"%s\" says: %s", typed, err.text);
}

static void names_what_is_wrong(void **state)
{
    (void)state;
    refuses("", "a code has 6 words, like those that \"usher send\" prints, and this one 0");
    refuses("abandon-ability-able-about-above", "and this one 5");
    refuses(FIRST_SIX "-absorb", "leave out");
    refuses("abandon-ability-able-about-above-abscent",
        "word 6 of the code, \"abscent\", is none of the list: did you mean absent?");
    refuses("abandno-ability-able-about-above-absent", "did you mean abandon?");
    refuses("wrod-ability", "\"wrod\", is none of the list: did you mean wood or word?");
    refuses("tish", "did you mean dish, fish or wish?");
    refuses("aba-ability-able-about-above-absent", "word 1 of the code, \"aba\"");
    refuses("xqxqxqxqxq", "\"xqxqxqxqxq\", is none of the list");
    refuses(
        "abandonabandonabandonabandonabandonabandon", "word 1 of the code, \"abandonabandonab\", is none of the list");
}

static void hex(const char *text, uint8_t *out, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        unsigned byte;
        assert_int_equal(sscanf(text + 2 * i, "%2x", &byte), 1);
        out[i] = (uint8_t)byte;
    }
}

/* As node:crypto derives them (scryptSync, createHmac). */
static void derives_room_and_secret(void **state)
{
    (void)state;
    struct code_keys keys, other;
    struct err err;
    uint8_t secret[SECRET_BYTES];
    hex("9cde817fc4d8bc7db7ef823cbc4b3d378ca069a1a107dae90d67755c3e0e126e", secret, sizeof secret);
    assert_true(code_keys_derive(FIRST_SIX, &keys, &err));
    assert_string_equal(keys.room, "xlskdkxokwddxvhcqincgln47u");
    assert_memory_equal(keys.secret, secret, sizeof secret);
    assert_true(code_keys_derive("abandon-ability-able-about-above-absorb", &other, &err));
    assert_string_not_equal(keys.room, other.room);
    assert_memory_not_equal(keys.secret, other.secret, SECRET_BYTES);
    code_keys_wipe(&keys);
    assert_int_equal(keys.secret[0] | keys.secret[31] | keys.room[0], 0);
}

static void mac_is(const char *key_hex, size_t key_n, const char *message, const char *mac_hex)
{
    static const uint8_t SEED[KEY_BYTES] = {1}, BOX[KEY_BYTES] = {2};
    uint8_t key[256], expected[HASH_BYTES], mac[HASH_BYTES];
    struct crypto *c = crypto_new(SEED, BOX);
    struct peer_crypto ports = crypto_ports(c);
    if (strlen(key_hex) == 2) {
        hex(key_hex, key, 1);
        memset(key, key[0], key_n);
    } else {
        memcpy(key, key_hex, key_n);
    }
    hex(mac_hex, expected, sizeof expected);
    assert_true(hmac_sha256(&ports, (struct span){(const char *)key, key_n}, span_of(message), mac));
    assert_true(hmac_equal(mac, expected));
    for (size_t i = 0; i < sizeof mac; i += 31) {
        mac[i] ^= 0x80;
        assert_false(hmac_equal(mac, expected));
        mac[i] ^= 0x80;
    }
    crypto_free(c);
}

/* RFC 4231, test cases 1, 2, 3 and 6. */
static void hmac_is_the_standards(void **state)
{
    (void)state;
    char dd[51];
    memset(dd, 0xdd, 50);
    dd[50] = '\0';
    mac_is("0b", 20, "Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    mac_is(
        "Jefe", 4, "what do ya want for nothing?", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    mac_is("aa", 20, dd, "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe");
    mac_is("aa", 131, "Test Using Larger Than Block-Size Key - Hash Key First",
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

/* Two identities, in either order; sha256sum(1) and base32(1) say the same. */
static void two_people_have_one_room(void **state)
{
    static const char *const ANN = "eze4xxltr432w332fdao2toeae", *const BEN = "mrfns2lr2nvc4p5vdp75sf3h5q";
    char room[ID_CHARS + 1], again[ID_CHARS + 1];
    struct err err;
    (void)state;
    assert_true(pair_room(ANN, BEN, room, &err));
    assert_string_equal(room, "pefl6e4djilkfiijom7yp2b3tu");
    assert_true(pair_room(BEN, ANN, again, &err));
    assert_string_equal(again, room);
    assert_true(pair_room(BEN, "eze4xxltr432w332fdao2toeaf", again, &err));
    assert_string_not_equal(again, room);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_list_is_what_codes_need),
        cmocka_unit_test(new_codes_are_read_again),
        cmocka_unit_test(the_last_word_can_come),
        cmocka_unit_test(reads_what_people_type),
        cmocka_unit_test(names_what_is_wrong),
        cmocka_unit_test(two_people_have_one_room),
        cmocka_unit_test(derives_room_and_secret),
        cmocka_unit_test(hmac_is_the_standards),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
