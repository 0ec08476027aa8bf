/* SPDX-License-Identifier: MIT
 *
 * Sealing with ports that cost nothing; with OpenSSL's in peer_io/test_crypto.c.
 */
#include "tests/unit/peer/world.h"

#include "tests/unit/peer/seal_cases.h"

static bool picky_agree(void *ctx, const uint8_t box[KEY_BYTES], uint8_t secret[KEY_BYTES])
{
    return box[0] != 0 && toy_agree(ctx, box, secret);
}

struct four {
    struct seal_people p;
    uint8_t keys[4][2 * KEY_BYTES]; /* as toy_agree wants them: key, box */
};

static void fill(struct four *f)
{
    struct peer_crypto *ports[] = {&f->p.ann, &f->p.bob, &f->p.cid, &f->p.dot};
    for (int i = 0; i < 4; i++) {
        memset(f->keys[i], 'A' + i, KEY_BYTES);
        memset(f->keys[i] + KEY_BYTES, 'a' + i * i, KEY_BYTES);
        *ports[i] = (struct peer_crypto){f->keys[i], toy_sign, toy_verify, toy_sha256, picky_agree, toy_seal, toy_open};
    }
    memcpy(f->p.ann_box, f->keys[0] + KEY_BYTES, KEY_BYTES);
    memcpy(f->p.bob_box, f->keys[1] + KEY_BYTES, KEY_BYTES);
    memcpy(f->p.cid_box, f->keys[2] + KEY_BYTES, KEY_BYTES);
}

static void reaches_its_readers(void **state)
{
    struct four f;
    (void)state;
    fill(&f);
    seal_reaches_its_readers(&f.p);
}

static void trusts_no_key(void **state)
{
    struct four f;
    (void)state;
    fill(&f);
    seal_trusts_no_key(&f.p);
}

static void is_bound_to_its_header(void **state)
{
    struct four f;
    (void)state;
    fill(&f);
    seal_is_bound_to_its_header(&f.p);
}

/* Somebody who shows a key that is no good is left out; the others read on. */
static void nobody_silences_a_room(void **state)
{
    static const uint8_t none[KEY_BYTES];
    struct four f;
    struct sealed sealed;
    (void)state;
    fill(&f);
    struct seal_reader readers[] = {{SPAN(SEAL_BOB), none}, {SPAN(SEAL_CID), f.p.cid_box}};
    struct rng_seeded seed;
    rng_seeded_init(&seed, 1);
    struct rng rng = rng_seeded_port(&seed);
    struct envelope e = seal_message(SPAN("m1"));
    assert_true(seal_envelope(&f.p.ann, &rng, &e, readers, 2, &sealed));
    assert_int_equal(e.key_count, 1);
    assert_true(span_is(e.keys[0].who, SEAL_CID));
    sealed_done(&sealed);
    e = seal_message(SPAN("m1"));
    assert_false(seal_envelope(&f.p.ann, &rng, &e, readers, 1, &sealed));
    assert_true(span_is(e.text, SEAL_TEXT));
}

/* What a reader would refuse once it was opened is not sealed in the first place. */
static void seals_nothing_unsound(void **state)
{
    struct four f;
    struct sealed sealed;
    static char text[PEER_TEXT_MAX + 1];
    (void)state;
    fill(&f);
    memset(text, 'x', sizeof text);
    struct seal_reader reader = {SPAN(SEAL_BOB), f.p.bob_box};
    struct rng_seeded seed;
    rng_seeded_init(&seed, 1);
    struct rng rng = rng_seeded_port(&seed);
    struct envelope e = seal_message(SPAN("m1"));
    e.text = (struct span){text, sizeof text};
    assert_false(seal_envelope(&f.p.ann, &rng, &e, &reader, 1, &sealed));
    e.text.n--;
    assert_true(seal_envelope(&f.p.ann, &rng, &e, &reader, 1, &sealed));
    sealed_done(&sealed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reaches_its_readers),
        cmocka_unit_test(trusts_no_key),
        cmocka_unit_test(is_bound_to_its_header),
        cmocka_unit_test(nobody_silences_a_room),
        cmocka_unit_test(seals_nothing_unsound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
