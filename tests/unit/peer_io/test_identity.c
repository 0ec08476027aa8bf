/* SPDX-License-Identifier: MIT
 *
 * Who we are stays who we are; what is damaged or open to others is said, and never replaced.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/os_file.h"
#include "peer/io/crypto.h"
#include "peer/io/identity.h"
#include "peer/io/state.h"
#include "tests/unit/peer_io/scratch.h"

static void stays_the_same(void **state)
{
    struct scratch *d = *state;
    struct identity first, again;
    struct err err;
    struct stat st;
    char file[SCRATCH_PATH];
    bool absent;
    assert_false(identity_load(d->path, &first, &absent, &err));
    assert_true(absent);
    assert_true(identity_open(d->path, &first, &err));
    assert_true(identity_open(d->path, &again, &err));
    assert_memory_equal(&first, &again, sizeof first);
    assert_int_equal(strlen(first.id), ID_CHARS);
    scratch_path(d, "identity", file);
    assert_int_equal(stat(file, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

static void differs_from_others(void **state)
{
    struct scratch *d = *state;
    struct identity first, second;
    struct err err;
    char other[SCRATCH_PATH];
    scratch_path(d, "other", other);
    assert_int_equal(mkdir(other, 0700), 0);
    assert_true(identity_open(d->path, &first, &err));
    assert_true(identity_open(other, &second, &err));
    assert_string_not_equal(first.id, second.id);
    assert_memory_not_equal(first.box, second.box, KEY_BYTES);
}

/* RFC 8032 section 7.1, test 2, and RFC 7748 section 6.1, Alice: the public halves follow from the private ones. */
static void follows_the_standards(void **state)
{
    struct scratch *d = *state;
    static const uint8_t PUBLIC[KEY_BYTES] = {0x3d, 0x40, 0x17, 0xc3, 0xe8, 0x43, 0x89, 0x5a, 0x92, 0xb7, 0x0a, 0xa7,
        0x4d, 0x1b, 0x7e, 0xbc, 0x9c, 0x98, 0x2c, 0xcf, 0x2e, 0xc4, 0x96, 0x8c, 0xc0, 0xcd, 0x55, 0xf1, 0x2a, 0xf4,
        0x66, 0x0c};
    static const uint8_t BOX[KEY_BYTES] = {0x85, 0x20, 0xf0, 0x09, 0x89, 0x30, 0xa7, 0x54, 0x74, 0x8b, 0x7d, 0xdc, 0xb4,
        0x3e, 0xf7, 0x5a, 0x0d, 0xbf, 0x3a, 0x0d, 0x26, 0x38, 0x1a, 0xf4, 0xeb, 0xa4, 0xa9, 0x8e, 0xaa, 0x9b, 0x4e,
        0x6a};
    struct identity got;
    struct err err;
    bool absent;
    scratch_write(d, "identity",
        "ed25519 TM0Imyj/ltqdtsNG7BFOD1uKMZ81q6Yk2oz27U+4pvs=\n"
        "x25519 dwdtCnMYpX08FsFyUbJmRd9ML4frwJkqsXf7pR25LCo=\n"
        "check lJnSR2khqGgnK1mR8aWYVL2GaVX+6nXbtCZ5mW9vjgY=\n",
        0600);
    if (!identity_load(d->path, &got, &absent, &err))
        fail_msg("%s", err.text);
    assert_memory_equal(got.key, PUBLIC, KEY_BYTES);
    assert_memory_equal(got.box, BOX, KEY_BYTES);
}

static void is_never_reset(void **state)
{
    struct scratch *d = *state;
    struct identity made, got;
    struct err err;
    char text[512], damaged[512], file[SCRATCH_PATH];
    size_t n, again;
    assert_true(identity_open(d->path, &made, &err));
    assert_int_equal(state_read(d->path, "identity", true, text, sizeof text, &n, &err), STATE_READ);
    scratch_path(d, "identity", file);
    for (size_t i = 0; i < n; i++) {
        memcpy(damaged, text, n);
        damaged[i] = damaged[i] == 'A' ? 'B' : 'A';
        assert_true(os_file_replace(d->path, "identity", (struct span){damaged, n}, &err));
        assert_false(identity_open(d->path, &got, &err));
        assert_non_null(strstr(err.text, "damaged"));
    }
    for (size_t i = 0; i < n; i++) {
        assert_true(os_file_replace(d->path, "identity", (struct span){text, i}, &err));
        assert_false(identity_open(d->path, &got, &err));
    }
    assert_int_equal(state_read(d->path, "identity", true, damaged, sizeof damaged, &again, &err), STATE_READ);
    assert_int_equal(again, n - 1);
    assert_true(os_file_replace(d->path, "identity", (struct span){text, n}, &err));
    assert_true(identity_open(d->path, &got, &err));
    assert_string_equal(got.id, made.id);
}

/* Where somebody has talked nobody else goes on. */
static void is_missed(void **state)
{
    struct scratch *d = *state;
    struct identity made, again;
    struct err err;
    char file[SCRATCH_PATH];
    assert_true(identity_open(d->path, &made, &err));
    scratch_write(d, "messages.db", "", 0600);
    assert_true(identity_open(d->path, &again, &err));
    scratch_path(d, "identity", file);
    assert_int_equal(unlink(file), 0);
    assert_false(identity_open(d->path, &again, &err));
    assert_non_null(strstr(err.text, "is gone: bring back a copy of its file \"identity\""));
    assert_int_not_equal(access(file, F_OK), 0);
}

static void is_a_secret(void **state)
{
    struct scratch *d = *state;
    struct identity made;
    struct err err;
    char file[SCRATCH_PATH];
    assert_true(identity_open(d->path, &made, &err));
    scratch_path(d, "identity", file);
    assert_int_equal(chmod(file, 0640), 0);
    assert_false(identity_open(d->path, &made, &err));
    assert_non_null(strstr(err.text, "chmod 600"));
}

static void signs_what_others_verify(void **state)
{
    struct scratch *d = *state;
    struct identity me;
    struct err err;
    uint8_t signature[SIGNATURE_BYTES];
    assert_true(identity_open(d->path, &me, &err));
    struct crypto *c = crypto_new(me.seed, me.box_seed);
    assert_non_null(c);
    struct peer_crypto ports = crypto_ports(c);
    assert_true(ports.verify(ports.ctx, me.key, (struct span){(const char *)me.box, KEY_BYTES}, me.box_signature));
    for (int i = 0; i < 3; i++) {
        ports.sign(ports.ctx, SPAN("message"), signature);
        assert_true(ports.verify(ports.ctx, me.key, SPAN("message"), signature));
        assert_false(ports.verify(ports.ctx, me.key, SPAN("massage"), signature));
        assert_false(ports.verify(ports.ctx, me.box, SPAN("message"), signature));
        signature[i] ^= 1;
        assert_false(ports.verify(ports.ctx, me.key, SPAN("message"), signature));
    }
    crypto_free(c);
}

/* FIPS 180-2's one-block message. */
static void hashes(void **state)
{
    (void)state;
    static const uint8_t SEED[KEY_BYTES] = {1};
    static const uint8_t ABC[4] = {0xba, 0x78, 0x16, 0xbf};
    uint8_t hash[HASH_BYTES];
    struct crypto *c = crypto_new(SEED, SEED);
    struct peer_crypto ports = crypto_ports(c);
    ports.sha256(ports.ctx, SPAN("abc"), hash);
    assert_memory_equal(hash, ABC, sizeof ABC);
    crypto_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(stays_the_same, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(differs_from_others, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(follows_the_standards, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(is_never_reset, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(is_missed, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(is_a_secret, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(signs_what_others_verify, scratch_setup, scratch_teardown),
        cmocka_unit_test(hashes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
