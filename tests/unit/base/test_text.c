/* SPDX-License-Identifier: MIT
 *
 * Base32 and base64 against the vectors of RFC 4648 section 10, and against what only looks like them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <string.h>

#include "base/text.h"

static const struct {
    const char *plain, *base32, *base64;
} RFC[] = {
    {"", "", ""},
    {"f", "my", "Zg=="},
    {"fo", "mzxq", "Zm8="},
    {"foo", "mzxw6", "Zm9v"},
    {"foob", "mzxw6yq", "Zm9vYg=="},
    {"fooba", "mzxw6ytb", "Zm9vYmE="},
    {"foobar", "mzxw6ytboi", "Zm9vYmFy"},
};
enum {
    RFC_COUNT = sizeof RFC / sizeof RFC[0]
};

static void test_rfc_vectors(void **state)
{
    (void)state;
    for (int i = 0; i < RFC_COUNT; i++) {
        char text[32], bytes[32];
        size_t n = strlen(RFC[i].plain);
        base32_encode(RFC[i].plain, n, text);
        assert_string_equal(text, RFC[i].base32);
        assert_int_equal(strlen(text), BASE32_LEN(n));
        assert_true(base32_decode(span_of(text), bytes, n));
        assert_memory_equal(bytes, RFC[i].plain, n);
        base64_encode(RFC[i].plain, n, text);
        assert_string_equal(text, RFC[i].base64);
        assert_int_equal(strlen(text), BASE64_LEN(n));
        assert_true(base64_decode(span_of(text), bytes, n));
        assert_memory_equal(bytes, RFC[i].plain, n);
    }
}

static void test_every_byte_there_and_back(void **state)
{
    (void)state;
    unsigned char in[256], out[256];
    char text[BASE32_LEN(256) + 1];
    for (unsigned i = 0; i < 256; i++)
        in[i] = (unsigned char)i;
    for (size_t n = 0; n <= 256; n++) {
        base32_encode(in, n, text);
        assert_true(base32_decode(span_of(text), out, n));
        assert_memory_equal(in, out, n);
        base64_encode(in, n, text);
        assert_true(base64_decode(span_of(text), out, n));
        assert_memory_equal(in, out, n);
    }
}

static void test_base32_refuses(void **state)
{
    (void)state;
    char out[8];
    assert_false(base32_decode(SPAN("mzxw6"), out, 2)); /* another length */
    assert_false(base32_decode(SPAN("mzxw"), out, 3));
    assert_false(base32_decode(SPAN("MZXW6"), out, 3));  /* capitals */
    assert_false(base32_decode(SPAN("mzxw1"), out, 3));  /* no digit */
    assert_false(base32_decode(SPAN("mzxw7"), out, 3));  /* padding bits set */
    assert_false(base32_decode(SPAN("mz\0w6"), out, 3)); /* NUL */
    assert_false(base32_decode(SPAN("my======"), out, 1));
}

static void test_base64_refuses(void **state)
{
    (void)state;
    char out[8];
    assert_false(base64_decode(SPAN("Zm9v"), out, 2));
    assert_false(base64_decode(SPAN("Zm8"), out, 2)); /* padding missing */
    assert_false(base64_decode(SPAN("Zm8=="), out, 2));
    assert_false(base64_decode(SPAN("Zm9="), out, 2)); /* padding bits set */
    assert_false(base64_decode(SPAN("Zg=A"), out, 1));
    assert_false(base64_decode(SPAN("Z==="), out, 1));
    assert_false(base64_decode(SPAN("Zm-v"), out, 3)); /* base64url */
    assert_false(base64_decode(SPAN("Zm v"), out, 3));
}

static void test_an_id_is_128_random_bits(void **state)
{
    (void)state;
    struct rng_seeded seeded, same;
    rng_seeded_init(&seeded, 7);
    rng_seeded_init(&same, 7);
    struct rng rng = rng_seeded_port(&seeded), twin = rng_seeded_port(&same);
    unsigned char bits[ID_BYTES], expected[ID_BYTES];
    char id[ID_CHARS + 1], next[ID_CHARS + 1];
    id_random(&rng, id);
    id_random(&rng, next);
    assert_string_not_equal(id, next);
    twin.fill(twin.ctx, expected, sizeof expected);
    assert_true(base32_decode((struct span){id, strlen(id)}, bits, sizeof bits));
    assert_memory_equal(bits, expected, sizeof bits);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rfc_vectors),
        cmocka_unit_test(test_every_byte_there_and_back),
        cmocka_unit_test(test_base32_refuses),
        cmocka_unit_test(test_base64_refuses),
        cmocka_unit_test(test_an_id_is_128_random_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
