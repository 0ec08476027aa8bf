/* SPDX-License-Identifier: MIT
 *
 * Introductions: who gives a wrong one gets no link, and no storm of calls either.
 */
#include "tests/unit/peer/forge.h"

struct intro {
    const char *room, *reader, *fingerprint, *reader_fingerprint, *key;
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
    char metadata[2048], key[64];
    base64_encode(w->nodes[1].settings.key, KEY_BYTES, key);
    struct span to = span_of(peer_id(w->nodes[0].p));
    snprintf(metadata, sizeof metadata,
        "{\"context\":\"%s\",\"fingerprint\":\"%s\",\"key\":\"%s\",\"reader\":\"%s\",\"readerFingerprint\":\"%s\","
        "\"room\":\"%s\"}",
        "usher-intro-1", i->fingerprint ? i->fingerprint : w->nodes[1].fingerprint, i->key ? i->key : key,
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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
