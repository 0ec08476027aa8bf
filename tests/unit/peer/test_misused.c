/* SPDX-License-Identifier: MIT
 *
 * What somebody in the room may try with what is not theirs: a running connection's name, somebody else's message, an
 * acknowledgement of what was never sent.
 */
#include "tests/unit/peer/forge.h"

/* Ann's certificate but for its last digit. */
static void nearly(const char *fingerprint, char out[200])
{
    size_t n = strlen(fingerprint);
    memcpy(out, fingerprint, n + 1);
    out[n - 1] = out[n - 1] == '0' ? '1' : '0';
}

static const char *link_name(const struct world *w)
{
    return json_string_value(json_object_get(last_signal(w, "offer")->body, "link"));
}

static void test_a_restart_keeps_the_certificate(void **state)
{
    (void)state;
    struct world *w = world_up(2);
    struct node *bob = &w->nodes[1];
    char other[200];
    nearly(w->nodes[0].fingerprint, other);
    stranger_offers(w, 1, w->nodes[0].seat, link_name(w), other);
    assert_int_equal(peer_stats(bob->p)->refused_total, 1);
    assert_int_equal(signals(w, "n.b", "answer"), 1);
    assert_int_equal(live_rtcs(bob), 1);
    stranger_offers(w, 1, w->nodes[0].seat, link_name(w), w->nodes[0].fingerprint);
    assert_int_equal(signals(w, "n.b", "answer"), 2);
    world_end(w);
}

static void test_the_answer_to_a_restart_keeps_the_certificate(void **state)
{
    (void)state;
    struct world *w = world_up(2);
    struct node *ann = &w->nodes[0];
    char other[200];
    nearly(w->nodes[1].fingerprint, other);
    w->hold_signals = true;
    later(w, 0, PEER_ICE_STATE, live_rtc(ann), SPAN("")); /* not connected */
    run(w);
    assert_int_equal(ann->restarts, 1);
    char *sdp = make_sdp("stranger", other, "active");
    json_t *frame =
        json_pack("{ssssssss}", "type", "answer", "from", w->nodes[1].seat, "link", link_name(w), "sdp", sdp);
    char *text = json_dumps(frame, 0);
    frame_to(w, 0, text);
    run(w);
    assert_int_equal(peer_stats(ann->p)->refused_total, 1);
    release_signals(w);
    pass(w, 10000);
    assert_int_equal(count(ann, NOTICE_PEER), 1);
    assert_int_equal(peer_stats(ann->p)->refused_total, 1);
    json_decref(frame);
    free(text);
    free(sdp);
    world_end(w);
}

/* A fresh connection could not go on with the DTLS state of the old one: a late restart must not make one. */
static void test_a_restart_of_what_has_ended_begins_nothing(void **state)
{
    (void)state;
    struct world *w = world_up(2);
    struct node *bob = &w->nodes[1];
    pass(w, 5000);
    w->drop_closes = true;
    later(w, 1, PEER_RTC_FAILED, live_rtc(bob), SPAN("sctp"));
    run(w);
    assert_int_equal(live_rtcs(bob), 0);
    stranger_offers(w, 1, w->nodes[0].seat, link_name(w), w->nodes[0].fingerprint);
    assert_int_equal(live_rtcs(bob), 0);
    world_end(w);
}

/* Bob's message to Cid, whole and signed, on Ann's channel: nobody asked her to pass it on. */
static void test_a_message_for_somebody_else(void **state)
{
    (void)state;
    struct world *w = world_up(3);
    struct node *ann = &w->nodes[0];
    struct talk t = talk_direct(w, 1, 2, "m1", 1);
    t.e.text = SPAN("for Cid's eyes");
    char *text = talk_text(w, &t);
    data_comes(w, 0, rtc_with(ann, 1), text);
    assert_int_equal(count(ann, NOTICE_MESSAGE), 0);
    assert_int_equal(refusals(w, 0), 1);
    assert_int_equal(count(&w->nodes[2], NOTICE_MESSAGE), 0);
    data_comes(w, 2, rtc_with(&w->nodes[2], 1), text);
    assert_int_equal(count(&w->nodes[2], NOTICE_MESSAGE), 1);
    free(text);
    world_end(w);
}

/* Cid's own words, signed by him, on Bob's link, and not on any way through others: Bob repeats them. */
static void test_somebody_elses_words(void **state)
{
    (void)state;
    struct world *w = world_up(3);
    struct node *ann = &w->nodes[0];
    struct span to = span_of(peer_id(ann->p));
    struct envelope e = {.type = ENVELOPE_STATUS_UPDATE, .to = &to, .to_count = 1, .text = SPAN("said long ago")};
    char *text = forge(w, 2, &e);
    data_comes(w, 0, rtc_with(ann, 1), text);
    assert_int_equal(count(ann, NOTICE_STATUS), 0);
    assert_int_equal(refusals(w, 0), 1);
    data_comes(w, 0, rtc_with(ann, 2), text);
    assert_int_equal(count(ann, NOTICE_STATUS), 1);
    free(text);
    world_end(w);
}

static void test_an_acknowledgement_before_its_message(void **state)
{
    (void)state;
    struct world *w = world_up(2);
    struct node *ann = &w->nodes[0];
    uint64_t rtc = live_rtc(ann);
    feed(w, 0, (struct peer_event){.type = PEER_CONGESTED, .rtc = rtc});
    send_direct(w, 0, 1, "not on its way yet");
    run(w);
    char metadata[128];
    snprintf(metadata, sizeof metadata, "{\"of\":[\"%s\"]}", notice(ann, NOTICE_ACCEPTED, 0)->id);
    struct span to = span_of(peer_id(ann->p));
    struct envelope e = {.type = ENVELOPE_MESSAGE_DELIVERED, .to = &to, .to_count = 1, .metadata = span_of(metadata)};
    char *text = forge(w, 1, &e);
    data_comes(w, 0, rtc, text);
    free(text);
    assert_int_equal(count(ann, NOTICE_DELIVERED), 0);
    feed(w, 0, (struct peer_event){.type = PEER_WRITABLE, .rtc = rtc});
    pass(w, 10);
    assert_int_equal(count(&w->nodes[1], NOTICE_MESSAGE), 1);
    assert_int_equal(count(ann, NOTICE_DELIVERED), 1);
    world_end(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_restart_keeps_the_certificate),
        cmocka_unit_test(test_the_answer_to_a_restart_keeps_the_certificate),
        cmocka_unit_test(test_a_restart_of_what_has_ended_begins_nothing),
        cmocka_unit_test(test_a_message_for_somebody_else),
        cmocka_unit_test(test_somebody_elses_words),
        cmocka_unit_test(test_an_acknowledgement_before_its_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
