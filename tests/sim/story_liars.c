/* SPDX-License-Identifier: MIT
 *
 * Stories of a daemon that lies. It sees and may change every frame; it must not be able to make anybody take one
 * person for another, nor to read what they say.
 */
#include "tests/sim/stories.h"

#include "base/text.h"

enum {
    SWAPS_MAX = 8
};

/* Replaces texts by others of the same length in all that the daemon says. */
struct swapper {
    struct world *w;
    struct {
        char from[BASE64_LEN(SIGNATURE_BYTES) + 64], to[BASE64_LEN(SIGNATURE_BYTES) + 64];
    } swaps[SWAPS_MAX];
    size_t n, lies;
    struct buf text;
};

static void swap(struct swapper *s, const char *from, const char *to)
{
    world_check(s->w, s->n < SWAPS_MAX && strlen(from) == strlen(to), "this cannot be swapped");
    snprintf(s->swaps[s->n].from, sizeof s->swaps[0].from, "%s", from);
    snprintf(s->swaps[s->n++].to, sizeof s->swaps[0].to, "%s", to);
}

static struct span lie(void *ctx, uint32_t slot, struct span text)
{
    struct swapper *s = ctx;
    bool lied = false;
    (void)slot;
    buf_reset(&s->text);
    buf_span(&s->text, text);
    for (size_t i = 0; i < s->n; i++) {
        size_t n = strlen(s->swaps[i].from);
        for (char *at = s->text.p; (at = strstr(at, s->swaps[i].from)) != NULL; at += n) {
            memcpy(at, s->swaps[i].to, n);
            lied = true;
        }
    }
    s->lies += lied;
    return lied ? buf_view(&s->text) : text;
}

static void swapper_init(struct swapper *s, struct run *r)
{
    *s = (struct swapper){.w = r->w};
    buf_init(&s->text, FRAME_MAX_CEILING);
    daemon_liar(r->daemons[0], (struct liar){lie, s});
}

static void swap_bytes(struct swapper *s, const uint8_t *from, const uint8_t *to, size_t n)
{
    char a[BASE64_LEN(SIGNATURE_BYTES) + 1], b[BASE64_LEN(SIGNATURE_BYTES) + 1];
    base64_encode(from, n, a);
    base64_encode(to, n, b);
    swap(s, a, b);
}

static void three_people(struct run *r, const struct world_options *options)
{
    struct core_settings settings = daemon_settings();
    run_init(r, options);
    run_add_daemon(r, &settings);
    run_add_person(r, "room", "ann");
    run_add_person(r, "room", "bob");
    run_add_person(r, "room", "mallory");
}

static void nobody_is_fooled(struct run *r, struct swapper *s)
{
    run_for(r, 120000);
    world_check(r->w, s->lies > 0, "the daemon did not lie");
    for (unsigned i = 0; i < 2; i++)
        for (unsigned k = 0; k < 3; k++)
            world_check(r->w, peer_oracle_flaps(r->peer_oracle, i, k) == 0, "%u took somebody for %u", i, k);
    buf_done(&s->text);
}

/* Bob is told that Ann's seat is Mallory's. Her introduction is signed with her key, and he expects another. */
void story_swapped_keys(struct run *r, const struct world_options *options)
{
    struct peer_settings ann, mallory;
    struct swapper s;
    three_people(r, options);
    swapper_init(&s, r);
    key_pair_settings(r->pairs[0], &ann);
    key_pair_settings(r->pairs[2], &mallory);
    swap_bytes(&s, ann.key, mallory.key, KEY_BYTES);
    swap_bytes(&s, ann.box, mallory.box, KEY_BYTES);
    swap_bytes(&s, ann.box_signature, mallory.box_signature, SIGNATURE_BYTES);
    peerhost_start(r->people[0]);
    peerhost_start(r->people[1]);
    nobody_is_fooled(r, &s);
}

static void swap_fingerprints(struct run *r, struct swapper *s, const char *middle)
{
    peerhost_start(r->people[0]);
    peerhost_start(r->people[1]);
    swap(s, peerhost_fingerprint(r->people[0]), middle);
    swap(s, peerhost_fingerprint(r->people[1]), middle);
}

static const char MALLORYS[] =
    "sha-256 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:"
    "BB:CC:DD:EE:FF";

/* The descriptions name Mallory's certificate, and the handshake brings another. */
void story_swapped_fingerprint(struct run *r, const struct world_options *options)
{
    struct swapper s;
    three_people(r, options);
    swapper_init(&s, r);
    swap_fingerprints(r, &s, MALLORYS);
    nobody_is_fooled(r, &s);
}

/* Mallory also ends both handshakes and passes everything on: each introduction is signed over the fingerprints that
 * its signer saw, and the reader saw others. */
void story_middleman(struct run *r, const struct world_options *options)
{
    struct swapper s;
    three_people(r, options);
    swapper_init(&s, r);
    rtc_net_middleman(r->rtcs, MALLORYS);
    swap_fingerprints(r, &s, MALLORYS);
    nobody_is_fooled(r, &s);
}
