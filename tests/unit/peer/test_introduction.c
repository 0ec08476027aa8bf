/* SPDX-License-Identifier: MIT
 *
 * Introductions: who gives a wrong one gets no link, and no storm of calls either.
 */
#include "peer/core/people/hmac.h"
#include "tests/unit/peer/forge.h"

struct intro {
    const char *room, *reader, *fingerprint, *reader_fingerprint, *key, *mac;
};

/* Ann in the room; Bob's seat is played by the test, up to the open channel. Returns Ann's connection. */
static uint64_t bob_without_introduction(struct world *w)
{
    char card[1024];
    node_boot(w, 1);
    start(w, 0);
    strcpy(w->nodes[1].seat, "n.z");
    write_card(&w->nodes[1], card, sizeof card);
    stranger_joins(w, "n.z", "bob", strstr(card, ",\"metadata\""));
    stranger_offers(w, 0, "n.z", "call-1", w->nodes[1].fingerprint);
    uint64_t rtc = live_rtc(&w->nodes[0]);
    if (signals(w, "n.a", "answer") == 0) {
        /* Ann was first: Bob answers her offer. */
        char *sdp = make_sdp("stranger", w->nodes[1].fingerprint, "active");
        json_t *frame = json_pack("{ssssss}", "type", "answer", "from", "n.z", "sdp", sdp);
        char *text = json_dumps(frame, 0);
        frame_to(w, 0, text);
        run(w);
        json_decref(frame);
        free(text);
        free(sdp);
    }
    channel_opens(w, 0, rtc, 1, "usher");
    return rtc;
}

static char *introduction(struct world *w, int signer, const struct intro *i)
{
    char metadata[2048], key[64], mac[128] = "";
    if (i->mac)
        snprintf(mac, sizeof mac, "\"mac\":\"%s\",", i->mac);
    base64_encode(w->nodes[1].settings.key, KEY_BYTES, key);
    struct span to = span_of(peer_id(w->nodes[0].p));
    snprintf(metadata, sizeof metadata,
        "{\"context\":\"%s\",\"fingerprint\":\"%s\",\"key\":\"%s\",%s\"reader\":\"%s\",\"readerFingerprint\":\"%s\","
        "\"room\":\"%s\"}",
        "usher-intro-1", i->fingerprint ? i->fingerprint : w->nodes[1].fingerprint, i->key ? i->key : key, mac,
        i->reader ? i->reader : peer_id(w->nodes[0].p),
        i->reader_fingerprint ? i->reader_fingerprint : w->nodes[0].fingerprint, i->room ? i->room : "demo");
    struct envelope e = {.type = ENVELOPE_PEER_INTRODUCTION, .to = &to, .to_count = 1, .metadata = span_of(metadata)};
    return forge(w, signer, &e);
}

static void test_a_right_one(void **state)
{
    (void)state;
    struct world *w = world_make(2);
    uint64_t rtc = bob_without_introduction(w);
    struct node *ann = &w->nodes[0];
    /* Ours went first, before anything else. */
    assert_int_equal(ann->sends, 1);
    assert_int_equal(count(ann, NOTICE_PEER), 0);
    char *text = introduction(w, 1, &(struct intro){0});
    data_comes(w, 0, rtc, text);
    assert_int_equal(count(ann, NOTICE_PEER), 1);
    assert_int_equal(peer_stats(ann->p)->refused_total, 0);
    /* A second one changes nothing. */
    data_comes(w, 0, rtc, text);
    assert_int_equal(count(ann, NOTICE_PEER), 1);
    assert_int_equal(peer_stats(ann->p)->refused_total, 1);
    /* It ends before its round trip is measured: it is reported all the same. */
    assert_int_equal(ann->reports, 0);
    feed(w, 0, (struct peer_event){.type = PEER_RTC_FAILED, .rtc = rtc, .reason = SPAN("closed")});
    run(w);
    assert_int_equal(ann->reports, 1);
    assert_string_equal(ann->outcome, "direct");
    assert_int_equal(ann->rtt_ms, 0);
    free(text);
    world_end(w);
}

static void refused(const struct intro *i, int signer, const char *why)
{
    struct world *w = world_make(2);
    uint64_t rtc = bob_without_introduction(w);
    struct node *ann = &w->nodes[0];
    char *text = introduction(w, signer, i);
    data_comes(w, 0, rtc, text);
    free(text);
    assert_int_equal(count(ann, NOTICE_PEER), 0);
    assert_true(told(ann, NOTICE_LINK, "introduction refused"));
    assert_true(told(ann, NOTICE_LINK, why));
    assert_int_equal(peer_stats(ann->p)->refused_total, 1);
    assert_int_equal(live_rtcs(ann), 0);
    /* For 30 s nobody is called, and what comes from that seat is ignored. */
    uint64_t calls = peer_stats(ann->p)->calls_total;
    pass(w, 29000);
    stranger_offers(w, 0, "n.z", "call-2", w->nodes[1].fingerprint);
    assert_int_equal(peer_stats(ann->p)->calls_total, calls);
    assert_int_equal(peer_stats(ann->p)->refused_total, 2);
    pass(w, 1000);
    assert_int_equal(peer_stats(ann->p)->calls_total, calls + 1);
    world_end(w);
}

static void test_wrong_ones(void **state)
{
    (void)state;
    char other[200];
    make_fingerprint(other, 77);
    refused(&(struct intro){0}, 0, "from somebody else");
    refused(&(struct intro){.room = "other"}, 1, "for another room");
    refused(&(struct intro){.reader = "aaaaaaaaaaaaaaaaaaaaaaaaaa"}, 1, "for another reader");
    refused(&(struct intro){.fingerprint = other}, 1, "certificate of its own");
    refused(&(struct intro){.reader_fingerprint = other}, 1, "certificate of ours");
    refused(&(struct intro){.key = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}, 1, "another key");
}

static void test_a_signature_that_does_not_hold(void **state)
{
    (void)state;
    struct world *w = world_make(2);
    uint64_t rtc = bob_without_introduction(w);
    char *text = introduction(w, 1, &(struct intro){0});
    memcpy(strstr(text, "\"timestamp\":1"), "\"timestamp\":2", 13);
    data_comes(w, 0, rtc, text);
    assert_true(told(&w->nodes[0], NOTICE_LINK, "signature that does not hold"));
    assert_int_equal(live_rtcs(&w->nodes[0]), 0);
    free(text);
    world_end(w);
}

/* Anything else that comes first ends the attempt at once. */
static void refused_as_first(const char *text, bool binary, const char *why)
{
    struct world *w = world_make(2);
    uint64_t rtc = bob_without_introduction(w);
    struct node *ann = &w->nodes[0];
    feed(w, 0, (struct peer_event){.type = PEER_DATA, .rtc = rtc, .data = {1, binary, span_of(text)}});
    assert_int_equal(count(ann, NOTICE_PEER), 0);
    assert_int_equal(peer_stats(ann->p)->refused_total, 1);
    assert_true(told(ann, NOTICE_LINK, why));
    assert_int_equal(live_rtcs(ann), 0);
    world_end(w);
}

static void test_nothing_counts_before_it(void **state)
{
    (void)state;
    struct world *w = world_make(2);
    uint64_t rtc = bob_without_introduction(w);
    struct envelope e = {.type = ENVELOPE_STATUS_UPDATE, .text = SPAN("early")};
    char *text = forge(w, 1, &e);
    data_comes(w, 0, rtc, text);
    assert_int_equal(count(&w->nodes[0], NOTICE_STATUS), 0);
    assert_int_equal(peer_stats(w->nodes[0].p)->refused_total, 1);
    assert_true(told(&w->nodes[0], NOTICE_LINK, "a message before the introduction"));
    assert_int_equal(live_rtcs(&w->nodes[0]), 0);
    free(text);
    world_end(w);
    refused_as_first("hello", false, "no envelope");
    refused_as_first("hello", true, "a binary message");
}

static void test_silence(void **state)
{
    (void)state;
    struct world *w = world_make(2);
    bob_without_introduction(w);
    pass(w, 15000);
    assert_true(told(&w->nodes[0], NOTICE_LINK, "not up in 15 s"));
    world_end(w);
}

/* Somebody joins with Bob's key out of the roster: Bob's link does not feel it. */
static void test_a_copied_key_cannot_break_a_link(void **state)
{
    (void)state;
    struct world *w = world_up(2);
    struct node *ann = &w->nodes[0];
    char card[1024], other[200];
    make_fingerprint(other, 66);
    write_card(&w->nodes[1], card, sizeof card);
    uint64_t rtc = live_rtc(ann);
    stranger_joins(w, "n.mallory", "bob", strstr(card, ",\"metadata\""));
    stranger_offers(w, 0, "n.mallory", "evil", other);
    assert_int_equal(live_rtcs(ann), 2);
    uint64_t rival = ann->rtcs[0].id == rtc ? ann->rtcs[1].id : ann->rtcs[0].id;
    channel_opens(w, 0, rival, 1, "usher");
    send_direct(w, 0, 1, "for the real Bob");
    run(w);
    assert_int_equal(count(&w->nodes[1], NOTICE_MESSAGE), 1);
    /* It can only repeat what Bob signed for his own connection. */
    char *text = introduction(w, 1, &(struct intro){0});
    data_comes(w, 0, rival, text);
    free(text);
    assert_true(told(ann, NOTICE_LINK, "introduction refused"));
    assert_int_equal(live_rtcs(ann), 1);
    assert_int_equal(live_rtc(ann), rtc);
    assert_int_equal(count(ann, NOTICE_PEER), 1);
    assert_int_equal(peer_stats(ann->p)->links_up, 1);
    /* Its leaving, too, is not Bob's. */
    frame_to(w, 0, "{\"type\":\"peer-left\",\"peerId\":\"n.mallory\",\"reason\":\"left\"}");
    run(w);
    assert_int_equal(peer_stats(ann->p)->links_up, 1);
    world_end(w);
}

static void test_known_names(void **state)
{
    (void)state;
    struct world *w = world_make(2);
    struct node *ann = &w->nodes[0];
    feed(w, 0, (struct peer_event){.type = PEER_KNOWN, .known = {SPAN("bob"), SPAN("aaaaaaaaaaaaaaaaaaaaaaaaaa")}});
    start(w, 0);
    start(w, 1);
    assert_true(told(ann, NOTICE_LINK, "its name is known with another key"));
    assert_true(notice(ann, NOTICE_PEER, 0)->verified);
    assert_false(told(&w->nodes[1], NOTICE_LINK, "known with another key"));
    world_end(w);
}

/* A name that looks like a known one is not that person's; and its owner may write it in another way. */
static void test_known_names_that_look_alike(void **state)
{
    (void)state;
    struct world *w = world_make(2);
    struct node *ann = &w->nodes[0];
    feed(w, 0,
        (struct peer_event){
            .type = PEER_KNOWN, .known = {SPAN("B\xd0\xbe\xe2\x80\x8b b"), SPAN("aaaaaaaaaaaaaaaaaaaaaaaaaa")}});
    struct span bob = span_of(peer_id(w->nodes[1].p)), ann_id = span_of(peer_id(ann->p));
    feed(w, 1, (struct peer_event){.type = PEER_KNOWN, .known = {SPAN("ANN"), ann_id}});
    start(w, 0);
    start(w, 1);
    assert_true(told(ann, NOTICE_LINK, "its name is known with another key"));
    const struct peer_notice *warning = notice(ann, NOTICE_LINK, 0);
    assert_string_equal(warning->code, "known-name");
    assert_true(span_is(bob, warning->id));
    assert_string_equal(warning->name, "bob");
    assert_false(told(&w->nodes[1], NOTICE_LINK, "known with another key"));
    world_end(w);
}

/* ---- a secret that both were told ---- */

static void give_secret(struct world *w, int node, char letter)
{
    w->nodes[node].settings.has_secret = true;
    memset(w->nodes[node].settings.secret, letter, SECRET_BYTES);
    node_boot(w, node);
}

static void test_who_knows_the_secret(void **state)
{
    (void)state;
    struct world *w = world_make(2);
    give_secret(w, 0, 's');
    give_secret(w, 1, 's');
    start(w, 0);
    start(w, 1);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(count(&w->nodes[i], NOTICE_PEER), 1);
        assert_true(notice(&w->nodes[i], NOTICE_PEER, 0)->verified);
        assert_int_equal(peer_stats(w->nodes[i].p)->refused_total, 0);
    }
    send_direct(w, 0, 1, "between us");
    run(w);
    assert_int_equal(count(&w->nodes[1], NOTICE_MESSAGE), 1);
    world_end(w);
}

static void took_nobody(const struct node *n)
{
    assert_int_equal(count(n, NOTICE_PEER), 0);
    assert_true(told(n, NOTICE_LINK, "introduction refused: does not know the code"));
    assert_int_equal(peer_stats(n->p)->links_up, 0);
}

static void test_who_does_not_know_the_secret(void **state)
{
    (void)state;
    struct world *w = world_make(2);
    give_secret(w, 0, 's');
    give_secret(w, 1, 't');
    start(w, 0);
    start(w, 1);
    took_nobody(&w->nodes[0]);
    took_nobody(&w->nodes[1]);
    world_end(w);
}

/* The server keeps Ann and Bob apart and shows each of them a key of its own under the other's name. Each introduction is
 * signed by the key that was shown, for this room, this reader and these certificates: without a secret all is well. */
static void test_a_server_that_plays_both(void **state)
{
    (void)state;
    for (int secret = 0; secret < 2; secret++) {
        struct world *w = world_make(4);
        for (int i = 0; i < 2; i++) {
            if (secret)
                give_secret(w, i, 's');
            strcpy(w->nodes[3 - i].settings.name, w->nodes[i].settings.name);
            node_boot(w, 3 - i);
            /* Ann (0) meets her own Bob (2), and he (1) his own Ann (3), each in a room of their own. */
            w->wall[i][3 - i] = w->wall[3 - i][i] = w->wall[0][1] = w->wall[1][0] = w->wall[2][3] = w->wall[3][2] =
                true;
        }
        for (int i = 0; i < 4; i++)
            start(w, i);
        for (int i = 0; i < 2; i++) {
            if (secret)
                took_nobody(&w->nodes[i]);
            else
                assert_true(notice(&w->nodes[i], NOTICE_PEER, 0)->verified);
        }
        world_end(w);
    }
}

/* Ann with a secret, and Bob's seat played by the test. What Bob would say is MACed over these lines. */
struct mac_lines {
    const char *room, *signer, *reader, *fingerprint, *reader_fingerprint;
    int signer_keys, reader_keys;
};

static void mac_of(struct world *w, const struct mac_lines *m, char out[BASE64_LEN(HASH_BYTES) + 1])
{
    char text[2048], key[2][64], box[2][64];
    uint8_t mac[HASH_BYTES];
    const int who[2] = {m->signer_keys, m->reader_keys};
    for (int i = 0; i < 2; i++) {
        base64_encode(w->nodes[who[i]].settings.key, KEY_BYTES, key[i]);
        base64_encode(w->nodes[who[i]].settings.box, KEY_BYTES, box[i]);
    }
    snprintf(text, sizeof text, "usher-intro-1\n%s\n%s\n%s\n%s\n%s\n%s\n%s\n%s\n%s", m->room, m->signer, key[0], box[0],
        m->fingerprint, m->reader, key[1], box[1], m->reader_fingerprint);
    struct span secret = {(const char *)w->nodes[0].settings.secret, SECRET_BYTES};
    assert_true(hmac_sha256(&w->nodes[0].crypto, secret, span_of(text), mac));
    base64_encode(mac, sizeof mac, out);
}

static void said_with_mac(int which, bool taken)
{
    struct world *w = world_make(3);
    give_secret(w, 0, 's');
    uint64_t rtc = bob_without_introduction(w);
    struct node *ann = &w->nodes[0], *bob = &w->nodes[1];
    char mac[BASE64_LEN(HASH_BYTES) + 1];
    struct mac_lines m = {"demo", peer_id(bob->p), peer_id(ann->p), bob->fingerprint, ann->fingerprint,
        .signer_keys = 1, .reader_keys = 0};
    switch (which) {
    case 1:
        m.room = "other";
        break;
    case 2:
        m.signer = peer_id(w->nodes[2].p);
        break;
    case 3:
        m.reader = peer_id(w->nodes[2].p);
        break;
    case 4:
        m.fingerprint = w->nodes[2].fingerprint;
        break;
    case 5:
        m.reader_fingerprint = w->nodes[2].fingerprint;
        break;
    case 6:
        m.signer_keys = 2;
        break;
    case 7:
        m.reader_keys = 2;
        break;
    case 8: /* Ann's own, said back to her */
        m = (struct mac_lines){"demo", m.reader, m.signer, m.reader_fingerprint, m.fingerprint, 0, 1};
        break;
    default:
        break;
    }
    mac_of(w, &m, mac);
    char *text = introduction(w, 1, &(struct intro){.mac = which == 9 ? NULL : mac});
    data_comes(w, 0, rtc, text);
    free(text);
    if (taken)
        assert_true(notice(ann, NOTICE_PEER, 0)->verified);
    else
        took_nobody(ann);
    world_end(w);
}

static void test_macs(void **state)
{
    (void)state;
    said_with_mac(0, true);
    for (int which = 1; which <= 9; which++)
        said_with_mac(which, false);
}

/* Who has no key can prove nothing. */
static void test_a_secret_and_a_page(void **state)
{
    (void)state;
    struct world *w = world_make(1);
    char fingerprint[200];
    give_secret(w, 0, 's');
    start(w, 0);
    make_fingerprint(fingerprint, 50);
    stranger_joins(w, "n.page", "page", "");
    stranger_offers(w, 0, "n.page", "call", fingerprint);
    assert_int_equal(live_rtcs(&w->nodes[0]), 0);
    assert_int_equal(peer_people(w->nodes[0].p, NULL, 0), 0);
    world_end(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_right_one),
        cmocka_unit_test(test_wrong_ones),
        cmocka_unit_test(test_a_signature_that_does_not_hold),
        cmocka_unit_test(test_nothing_counts_before_it),
        cmocka_unit_test(test_silence),
        cmocka_unit_test(test_a_copied_key_cannot_break_a_link),
        cmocka_unit_test(test_known_names),
        cmocka_unit_test(test_known_names_that_look_alike),
        cmocka_unit_test(test_who_knows_the_secret),
        cmocka_unit_test(test_who_does_not_know_the_secret),
        cmocka_unit_test(test_a_server_that_plays_both),
        cmocka_unit_test(test_macs),
        cmocka_unit_test(test_a_secret_and_a_page),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
