/* SPDX-License-Identifier: MIT
 *
 * Plain peers (a browser page, another stack), other dialects, and remotes that mean no good.
 */
#include "tests/unit/peer/forge.h"

/* A page whose seat is larger than ours: we call it, it answers without naming the link. Returns our connection. */
static uint64_t page_joins(struct world *w, const char *name, const char *extra)
{
    char fingerprint[200];
    make_fingerprint(fingerprint, 50);
    stranger_joins(w, "n.page", name, extra);
    uint64_t rtc = live_rtc(&w->nodes[0]);
    assert_true(rtc > 0);
    char *sdp = make_sdp("stranger", fingerprint, "active");
    json_t *frame =
        json_pack("{sssss{ssss}}", "type", "signal", "from", "n.page", "data", "type", "answer", "sdp", sdp);
    char *text = json_dumps(frame, 0);
    frame_to(w, 0, text);
    run(w);
    json_decref(frame);
    free(text);
    free(sdp);
    channel_opens(w, 0, rtc, 1, "usher");
    return rtc;
}

static void test_a_page_is_up_when_its_channel_is_open(void **state)
{
    (void)state;
    struct world *w = world_up(1);
    struct node *ann = &w->nodes[0];
    page_joins(w, "page", "");
    const struct peer_notice *up = notice(ann, NOTICE_PEER, 0);
    assert_true(up->up);
    assert_false(up->verified);
    assert_string_equal(up->id, "n.page");
    /* No introduction, no ping, no typing: its application would show them. */
    feed(w, 0, (struct peer_event){.type = PEER_TYPING});
    pass(w, 60000);
    assert_int_equal(ann->sends, 0);
    assert_int_equal(peer_stats(ann->p)->links_up, 1);
    world_end(w);
}

static void test_messages_of_a_page(void **state)
{
    (void)state;
    struct world *w = world_up(1);
    struct node *ann = &w->nodes[0];
    uint64_t rtc = page_joins(w, "page", "");
    data_comes(w, 0, rtc, "just text");
    const struct peer_notice *m = notice(ann, NOTICE_MESSAGE, 0);
    assert_string_equal(m->text, "just text");
    assert_string_equal(m->from, "n.page");
    assert_string_equal(m->kind, "direct_message");
    assert_string_equal(m->to[0], peer_id(ann->p));
    assert_false(m->verified);
    data_comes(w, 0, rtc, "{\"id\":\"1\",\"type\":\"group_message\",\"content\":{\"text\":\"to all\"}}");
    m = notice(ann, NOTICE_MESSAGE, 1);
    assert_string_equal(m->text, "to all");
    assert_string_equal(m->conversation, "room:demo");
    data_comes(
        w, 0, rtc, "{\"id\":\"2\",\"type\":\"direct_message\",\"from\":\"somebody\",\"content\":{\"text\":\"x\"}}");
    data_comes(w, 0, rtc, "\xff\xfe");
    assert_int_equal(count(ann, NOTICE_MESSAGE), 2);
    assert_int_equal(peer_stats(ann->p)->refused_total, 2);
    world_end(w);
}

static void test_messages_to_a_page(void **state)
{
    (void)state;
    struct world *w = world_up(1);
    struct node *ann = &w->nodes[0];
    stranger_joins(w, "n.page", "page", "");
    struct span to = SPAN("n.page");
    send_ref(w, 0, &to, 1, "wait for it", "");
    assert_int_equal(count(ann, NOTICE_DELIVERED), 0);
    w->stranger_n = 0;
    free(w->strangers[0].card);
    page_joins(w, "page", "");
    /* It acknowledges nothing: handed to the open channel is delivered. */
    assert_int_equal(count(ann, NOTICE_DELIVERED), 1);
    assert_string_equal(notice(ann, NOTICE_DELIVERED, 0)->by, "n.page");
    send_ref(w, 0, NULL, 0, "to all", "");
    run(w);
    assert_int_equal(count(ann, NOTICE_DELIVERED), 2);
    assert_int_equal(peer_pending(ann->p), 0);
    pass(w, 20000);
    assert_int_equal(ann->sends, 2);
    world_end(w);
}

/* A page takes only so much. What is too large for it is refused if that is known, or fails by its name; it is never said to
 * be delivered. */
static void a_small_page(const char *size, size_t fits)
{
    struct world *w = world_up(1);
    struct node *ann = &w->nodes[0];
    const char *usual = sdp_size;
    struct span to = SPAN("n.page");
    char *text = calloc(1, fits + 1);
    memset(text, 'x', fits);
    stranger_joins(w, "n.page", "page", "");
    send_ref(w, 0, &to, 1, text, "early");
    w->stranger_n = 0;
    free(w->strangers[0].card);
    sdp_size = size;
    page_joins(w, "page", "");
    sdp_size = usual;
    assert_int_equal(count(ann, NOTICE_ACCEPTED), 1);
    assert_int_equal(count(ann, NOTICE_FAILED), 1);
    assert_string_equal(notice(ann, NOTICE_FAILED, 0)->to[0], "n.page");
    assert_string_equal(notice(ann, NOTICE_FAILED, 0)->reason, "too-large");
    send_ref(w, 0, &to, 1, text, "late");
    assert_int_equal(count(ann, NOTICE_ACCEPTED), 1);
    assert_string_equal(notice(ann, NOTICE_ERROR, 0)->code, "too-large");
    assert_string_equal(notice(ann, NOTICE_ERROR, 0)->ref, "late");
    assert_int_equal(count(ann, NOTICE_DELIVERED), 0);
    assert_int_equal(ann->sends, 0);
    text[fits - 1000] = '\0';
    send_ref(w, 0, &to, 1, text, "small");
    assert_int_equal(count(ann, NOTICE_DELIVERED), 1);
    assert_int_equal(peer_stats(ann->p)->queued, 0);
    free(text);
    world_end(w);
}

static void test_a_page_that_takes_little(void **state)
{
    (void)state;
    a_small_page("a=max-message-size:2000\r\n", 2000);
    a_small_page("", 65536); /* RFC 8841 section 6.1 */
}

static void test_a_page_that_goes_is_forgotten(void **state)
{
    (void)state;
    struct world *w = world_up(1);
    struct node *ann = &w->nodes[0];
    stranger_joins(w, "n.page", "page", "");
    struct span to = SPAN("n.page");
    send_ref(w, 0, &to, 1, "never read", "");
    frame_to(w, 0, "{\"type\":\"peer-left\",\"peerId\":\"n.page\",\"reason\":\"disconnected\"}");
    run(w);
    assert_string_equal(notice(ann, NOTICE_FAILED, 0)->reason, "gone");
    assert_int_equal(peer_people(ann->p, NULL, 0), 0);
    assert_int_equal(peer_stats(ann->p)->queued, 0);
    assert_int_equal(live_rtcs(ann), 0);
    world_end(w);
}

static void test_a_known_name_without_a_key(void **state)
{
    (void)state;
    struct world *w = world_make(1);
    feed(w, 0, (struct peer_event){.type = PEER_KNOWN, .known = {SPAN("bob"), SPAN("aaaaaaaaaaaaaaaaaaaaaaaaaa")}});
    start(w, 0);
    page_joins(w, "bob", "");
    assert_true(told(&w->nodes[0], NOTICE_LINK, "known with another key"));
    assert_false(notice(&w->nodes[0], NOTICE_PEER, 0)->verified);
    world_end(w);
}

static void test_a_key_with_a_wrong_signature_is_none(void **state)
{
    (void)state;
    struct world *w = world_up(1);
    char card[1024];
    struct node mallory = w->nodes[0];
    memset(mallory.settings.box, 'q', KEY_BYTES);
    strcpy(mallory.seat, "n.page");
    write_card(&mallory, card, sizeof card);
    stranger_joins(w, "n.page", "ann", strstr(card, ",\"metadata\""));
    struct peer_person who;
    assert_int_equal(peer_people(w->nodes[0].p, &who, 1), 1);
    assert_string_equal(who.id, "n.page");
    assert_true(told(&w->nodes[0], NOTICE_LINK, "shows a key that it cannot prove"));
    assert_int_equal(refusals(w, 0), 1);
    world_end(w);
}

/* The daemon took the key out of the roster, but the other signs as it always does. */
static void test_who_signs_is_no_plain_peer(void **state)
{
    (void)state;
    struct world *w = world_make(2);
    struct node *ann = &w->nodes[0];
    node_boot(w, 1);
    start(w, 0);
    uint64_t rtc = page_joins(w, "bob", "");
    assert_int_equal(peer_stats(ann->p)->links_up, 1);
    char *text = forge(w, 1, &(struct envelope){.type = ENVELOPE_STATUS_UPDATE, .text = SPAN("signed")});
    data_comes(w, 0, rtc, text);
    free(text);
    assert_true(told(ann, NOTICE_LINK, "it signs, and the server hides its key"));
    assert_int_equal(count(ann, NOTICE_STATUS), 0);
    assert_int_equal(refusals(w, 0), 1);
    assert_int_equal(live_rtcs(ann), 0);
    world_end(w);
}

static void test_other_dialects_get_signal(void **state)
{
    (void)state;
    struct world *w = world_up(1);
    page_joins(w, "page", ",\"dialect\":\"socketio\"");
    assert_int_equal(signals(w, "n.a", "offer"), 0);
    const struct signal *s = last_signal(w, "signal");
    assert_non_null(s);
    assert_string_equal(s->to, "n.page");
    assert_non_null(json_object_get(json_object_get(s->body, "data"), "candidate"));
    assert_non_null(json_object_get(s->body, "link"));
    assert_int_equal(count(&w->nodes[0], NOTICE_PEER), 1);
    world_end(w);
}

/* A stranger may offer though it is not its turn, without any link, and again on the same connection. */
static void test_a_stranger_offers(void **state)
{
    (void)state;
    struct world *w = world_up(1);
    struct node *ann = &w->nodes[0];
    char fingerprint[200], other[200];
    make_fingerprint(fingerprint, 51);
    make_fingerprint(other, 52);
    stranger_joins(w, "m.page", "page", "");
    assert_int_equal(signals(w, "n.a", "offer"), 0);
    stranger_offers(w, 0, "m.page", NULL, fingerprint);
    uint64_t rtc = live_rtc(ann);
    channel_opens(w, 0, rtc, 1, "usher");
    assert_int_equal(count(ann, NOTICE_PEER), 1);
    assert_int_equal(signals(w, "n.a", "answer"), 1);
    /* The same certificate: renegotiation. Another: a new attempt beside the link that is up. */
    pass(w, 2000);
    stranger_offers(w, 0, "m.page", NULL, fingerprint);
    assert_int_equal(live_rtcs(ann), 1);
    assert_int_equal(signals(w, "n.a", "answer"), 2);
    stranger_offers(w, 0, "m.page", NULL, other);
    assert_int_equal(live_rtcs(ann), 2);
    uint64_t rival = ann->rtcs[0].id == rtc ? ann->rtcs[1].id : ann->rtcs[0].id;
    channel_opens(w, 0, rival, 1, "usher");
    assert_int_equal(live_rtcs(ann), 1);
    assert_int_equal(live_rtc(ann), rival);
    assert_int_equal(count(ann, NOTICE_PEER), 1);
    world_end(w);
}

static void test_a_stranger_that_never_calls_is_called(void **state)
{
    (void)state;
    struct world *w = world_up(1);
    stranger_joins(w, "m.page", "page", "");
    pass(w, 2999);
    assert_int_equal(signals(w, "n.a", "offer"), 0);
    pass(w, 1);
    assert_int_equal(signals(w, "n.a", "offer"), 1);
    world_end(w);
}

static void test_offers_in_a_loop(void **state)
{
    (void)state;
    struct world *w = world_up(1);
    struct node *ann = &w->nodes[0];
    char fingerprint[200], link[32];
    make_fingerprint(fingerprint, 51);
    stranger_joins(w, "m.page", "page", "");
    for (int i = 0; i < 100; i++) {
        snprintf(link, sizeof link, "loop-%d", i);
        stranger_offers(w, 0, "m.page", link, fingerprint);
        pass(w, 25);
    }
    assert_int_equal(peer_stats(ann->p)->calls_total, 3);
    assert_int_equal(peer_stats(ann->p)->refused_total, 97);
    assert_int_equal(live_rtcs(ann), 1);
    world_end(w);
}

static void test_a_flood_of_candidates(void **state)
{
    (void)state;
    struct world *w = world_up(1);
    struct node *ann = &w->nodes[0];
    page_joins(w, "page", "");
    for (int i = 0; i < 1000; i++)
        frame_to(
            w, 0, "{\"type\":\"ice-candidate\",\"from\":\"n.page\",\"candidate\":{\"candidate\":\"candidate:1\"}}");
    run(w);
    assert_int_equal(peer_stats(ann->p)->refused_total, 1000 - PEER_CANDIDATES_MAX);
    world_end(w);
}

static void test_channels_without_number(void **state)
{
    (void)state;
    struct world *w = world_up(1);
    struct node *ann = &w->nodes[0];
    uint64_t rtc = page_joins(w, "page", "");
    for (uint16_t i = 2; i < 1000; i++)
        channel_opens(w, 0, rtc, i, i % 2 ? "usher" : "other");
    feed(w, 0, (struct peer_event){.type = PEER_DATA, .rtc = rtc, .data = {3, false, SPAN("on another channel")}});
    feed(w, 0, (struct peer_event){.type = PEER_CHANNEL_CLOSED, .rtc = rtc, .closed_channel = 3});
    assert_int_equal(count(ann, NOTICE_MESSAGE), 0);
    assert_int_equal(count(ann, NOTICE_PEER), 1);
    feed(w, 0, (struct peer_event){.type = PEER_CHANNEL_CLOSED, .rtc = rtc, .closed_channel = 1});
    assert_int_equal(count(ann, NOTICE_PEER), 2);
    world_end(w);
}

static void test_an_unreadable_offer(void **state)
{
    (void)state;
    struct world *w = world_up(1);
    stranger_joins(w, "m.page", "page", "");
    frame_to(w, 0, "{\"type\":\"offer\",\"from\":\"m.page\",\"sdp\":\"nonsense\"}");
    run(w);
    assert_int_equal(live_rtcs(&w->nodes[0]), 0);
    assert_int_equal(peer_stats(w->nodes[0].p)->refused_total, 1);
    world_end(w);
}

static const char CALL[] = "v=0\\r\\no=- 1 2 IN IP4 127.0.0.1\\r\\ns=-\\r\\nt=0 0\\r\\na=group:BUNDLE 0 1\\r\\n"
                           "m=audio 9 UDP/TLS/RTP/SAVPF 111 63\\r\\nc=IN IP4 0.0.0.0\\r\\na=mid:0\\r\\n"
                           "m=video 9 UDP/TLS/RTP/SAVPF 96\\r\\nc=IN IP4 0.0.0.0\\r\\na=mid:1\\r\\n";

static void page_calls(struct world *w)
{
    char frame[1024];
    snprintf(frame, sizeof frame, "{\"type\":\"offer\",\"from\":\"m.page\",\"sdp\":\"%s\"}", CALL);
    frame_to(w, 0, frame);
    run(w);
}

static void test_a_call_without_data_is_told_once(void **state)
{
    (void)state;
    struct world *w = world_up(1);
    struct node *ann = &w->nodes[0];
    stranger_joins(w, "m.page", "page", "");
    size_t before = count(ann, NOTICE_LINK);
    page_calls(w);
    page_calls(w);
    assert_int_equal(count(ann, NOTICE_LINK), before + 1);
    const struct peer_notice *told = notice(ann, NOTICE_LINK, before);
    assert_string_equal(told->code, "no-data-channel");
    assert_string_equal(told->id, "m.page");
    assert_string_equal(told->name, "page");
    assert_non_null(strstr(told->text, "audio or video only"));
    assert_int_equal(live_rtcs(ann), 0);
    assert_int_equal(peer_stats(ann->p)->refused_total, 2);
    world_end(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_page_is_up_when_its_channel_is_open),
        cmocka_unit_test(test_messages_of_a_page),
        cmocka_unit_test(test_messages_to_a_page),
        cmocka_unit_test(test_a_page_that_takes_little),
        cmocka_unit_test(test_a_page_that_goes_is_forgotten),
        cmocka_unit_test(test_a_known_name_without_a_key),
        cmocka_unit_test(test_a_key_with_a_wrong_signature_is_none),
        cmocka_unit_test(test_who_signs_is_no_plain_peer),
        cmocka_unit_test(test_other_dialects_get_signal),
        cmocka_unit_test(test_a_stranger_offers),
        cmocka_unit_test(test_a_stranger_that_never_calls_is_called),
        cmocka_unit_test(test_offers_in_a_loop),
        cmocka_unit_test(test_a_flood_of_candidates),
        cmocka_unit_test(test_channels_without_number),
        cmocka_unit_test(test_an_unreadable_offer),
        cmocka_unit_test(test_a_call_without_data_is_told_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
