/* SPDX-License-Identifier: MIT
 *
 * Introduced peers that lie in what they say: clocks, sequences, conversations, routes; each lie is refused or bounded,
 * counted, and hurts nobody's talk but the liar's.
 */
#include "tests/unit/peer/forge.h"

/* Cid goes on talking with Ann, directly and to the room. */
static void others_talk_on(struct world *w)
{
    struct node *ann = &w->nodes[0];
    forget_notices(ann);
    send_direct(w, 2, 0, "direct");
    send_ref(w, 2, NULL, 0, "to all", "");
    pass(w, 300);
    assert_int_equal(count(ann, NOTICE_MESSAGE), 2);
    assert_int_equal(peer_stats(ann->p)->links_up, 2);
    peer_check(ann->p);
}

static void test_a_signature_that_does_not_hold(void **state)
{
    (void)state;
    struct world *w = world_up(3);
    struct talk t = talk_group(w, 2, 0, "m1", 1);
    char *text = talk_text(w, &t), *byte = strstr(text, "\"signature\":\"") + 20;
    *byte = *byte == 'A' ? 'B' : 'A';
    for (int i = 0; i < 100; i++)
        data_comes(w, 0, rtc_with(&w->nodes[0], 1), text);
    free(text);
    assert_int_equal(refusals(w, 0), 100);
    assert_int_equal(count(&w->nodes[0], NOTICE_MESSAGE), 0);
    others_talk_on(w);
    world_end(w);
}

/* Clocks that claim what nobody said, up to 2^53-1: the liar's own message waits, and is shown in the end; nobody else's
 * clock moves. */
static void test_forged_clocks(void **state)
{
    (void)state;
    struct world *w = world_up(3);
    struct node *ann = &w->nodes[0];
    struct talk t = talk_group(w, 1, 0, "m1", 1);
    t.clock[1] = (struct envelope_tick){span_of(peer_id(w->nodes[2].p)), 9007199254740991u};
    t.e.clock_count = 2;
    talk_comes(w, 1, &t);
    assert_int_equal(count(ann, NOTICE_MESSAGE), 0);
    others_talk_on(w);
    for (int i = 0; i < 40; i++) {
        send_ref(w, 2, NULL, 0, "and on", "");
        pass(w, 10000);
    }
    size_t forged = 0;
    for (size_t i = 0; i < count(ann, NOTICE_MESSAGE); i++)
        forged += strcmp(notice(ann, NOTICE_MESSAGE, i)->text, "forged") == 0;
    assert_int_equal(forged, 1);
    assert_int_equal(count(ann, NOTICE_MESSAGE), 43);
    others_talk_on(w);
    world_end(w);
}

/* A sequence of its own as high as it goes: it waits for what never was, is given up, and ends the liar's talk only. */
static void test_the_last_sequence(void **state)
{
    (void)state;
    struct world *w = world_up(3);
    struct node *ann = &w->nodes[0];
    struct talk t = talk_group(w, 1, 0, "m1", 9007199254740991u);
    talk_comes(w, 1, &t);
    pass(w, 35000);
    assert_int_equal(count(ann, NOTICE_MESSAGE), 1);
    assert_int_equal(count(ann, NOTICE_MISSING), 1);
    struct talk after = talk_group(w, 1, 0, "m2", 5);
    talk_comes(w, 1, &after);
    assert_int_equal(count(ann, NOTICE_MESSAGE), 1);
    others_talk_on(w);
    world_end(w);
}

/* More out of order than may wait: refused, and there is room for what others send out of order. */
static void test_what_waits_is_bounded(void **state)
{
    (void)state;
    struct world *w = world_up(3);
    w->data_n = 1 << 20;
    char id[16];
    for (unsigned i = 0; i < 400; i++) {
        snprintf(id, sizeof id, "m%u", i);
        struct talk t = talk_group(w, 1, 0, id, 2 + i);
        talk_comes(w, 1, &t);
    }
    assert_int_equal(refusals(w, 0), 400 - 256);
    struct talk second = talk_group(w, 2, 0, "c2", 2), first = talk_group(w, 2, 0, "c1", 1);
    talk_comes(w, 2, &second);
    talk_comes(w, 2, &first);
    assert_int_equal(count(&w->nodes[0], NOTICE_MESSAGE), 2);
    peer_check(w->nodes[0].p);
    world_end(w);
}

/* A liar begins conversations with people who never were. */
static void begin_conversations(struct world *w, int liar, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        char who[16], id[16];
        snprintf(who, sizeof who, "nobody%u", i);
        snprintf(id, sizeof id, "m%u", i);
        struct talk t = talk_direct(w, liar, 0, id, 1);
        struct span to[] = {t.to, span_of(who)}, ids[] = {t.to, span_of(who), span_of(peer_id(w->nodes[liar].p))};
        envelope_people_conversation(ids, 3, toy_sha256, NULL, t.conversation);
        t.e.type = ENVELOPE_PRIVATE_MESSAGE;
        t.e.to = to;
        t.e.to_count = 2;
        t.e.clock = t.clock;
        t.e.conversation = span_of(t.conversation);
        char *text = forge_sealed(w, liar, 0, &t.e);
        data_comes(w, 0, rtc_with(&w->nodes[0], liar), text);
        free(text);
    }
}

/* One takes a quarter of what is free: n <= (960 - 1 - n) / 4, the room's being one. */
static void test_ten_thousand_conversations(void **state)
{
    (void)state;
    struct world *w = world_up(3);
    w->data_n = 1 << 20;
    begin_conversations(w, 1, 10000);
    assert_int_equal(count(&w->nodes[0], NOTICE_MESSAGE), 192);
    assert_int_equal(refusals(w, 0), 10000 - 192);
    others_talk_on(w);
    world_end(w);
}

/* Several take what they can, and there is room for who comes after them, and for ourselves. */
static void test_liars_leave_room(void **state)
{
    (void)state;
    struct world *w = world_up(8);
    struct node *ann = &w->nodes[0];
    w->data_n = 1 << 20;
    for (int liar = 2; liar < 8; liar++) {
        begin_conversations(w, liar, 300);
        forget_notices(ann);
    }
    send_direct(w, 1, 0, "is there room?");
    run(w);
    assert_int_equal(count(ann, NOTICE_MESSAGE), 1);
    send_direct(w, 0, 1, "there is");
    send_direct(w, 0, 2, "and for you");
    run(w);
    assert_int_equal(count(ann, NOTICE_ACCEPTED), 2);
    assert_int_equal(count(&w->nodes[1], NOTICE_MESSAGE), 1);
    peer_check(ann->p);
    world_end(w);
}

/* The clocks of the liars are decades ahead, or have just begun. */
static void test_clocks_in_the_far_future(void **state)
{
    (void)state;
    struct world *w = world_up(3);
    struct node *ann = &w->nodes[0];
    struct talk t = talk_direct(w, 1, 0, "m1", 1);
    t.e.ttl_ms = 30ull * 86400000;
    talk_comes(w, 1, &t); /* of 1970 */
    says(w, 1, 0,
        &(struct envelope){.type = ENVELOPE_PRESENCE_UPDATE,
            .metadata = SPAN("{\"links\":{},\"presence\":\"away\",\"version\":9007199254740991}")});
    assert_int_equal(count(ann, NOTICE_PRESENCE), 1);
    says(w, 1, 0, &(struct envelope){.type = ENVELOPE_HEARTBEAT, .metadata = SPAN("{\"pong\":9007199254740991}")});
    says(w, 1, 0,
        &(struct envelope){.type = ENVELOPE_BROADCAST_ANNOUNCE,
            .conversation = SPAN("room:demo"),
            .metadata = SPAN("{\"clock\":{\"nobody\":9007199254740991},\"hops\":{\"nobody\":9007199254740991}}")});
    struct peer_person people[2];
    for (size_t i = 0; i < peer_people(ann->p, people, 2); i++)
        assert_true(people[i].rtt_ms <= 1);
    uint64_t asked = peer_stats(ann->p)->requests_total;
    pass(w, 60000);
    assert_true(peer_stats(ann->p)->requests_total - asked <= 10); /* nobody is asked for ever for what never was */
    others_talk_on(w);
    world_end(w);
}

/* Bob says that all he ever sent up to 2^53-1 is no more, and claims a clock of Ann's that she never had. */
static void test_lies_about_ones_own(void **state)
{
    (void)state;
    struct world *w = world_up(3);
    struct node *ann = &w->nodes[0];
    char metadata[256];
    for (int i = 0; i < 100; i++)
        says(w, 1, 0,
            &(struct envelope){.type = ENVELOPE_HISTORY_REPLY,
                .conversation = SPAN("room:demo"),
                .metadata = SPAN("{\"count\":0,\"for\":\"part\",\"gone\":9007199254740991}")});
    w->nodes[0].slow_disk = true;
    send_direct(w, 0, 2, "not sent yet");
    snprintf(metadata, sizeof metadata, "{\"clock\":{\"%s\":9007199254740991}}", peer_id(ann->p));
    says(w, 1, 0,
        &(struct envelope){
            .type = ENVELOPE_HISTORY_REQUEST, .conversation = SPAN("room:demo"), .metadata = span_of(metadata)});
    assert_int_equal(count(ann, NOTICE_DELIVERED), 0);
    w->nodes[0].slow_disk = false;
    run(w);
    others_talk_on(w);
    /* What Cid sends late is not taken for given up because of Bob's tombstones. */
    struct talk third = talk_group(w, 2, 0, "c", 3);
    talk_comes(w, 2, &third);
    pass(w, 35000);
    assert_int_equal(count(ann, NOTICE_MISSING), 1);
    world_end(w);
}

static void test_oversized_and_deep(void **state)
{
    (void)state;
    struct world *w = world_up(3);
    uint64_t rtc = rtc_with(&w->nodes[0], 1);
    char *text = malloc(PEER_MESSAGE_MAX + 2);
    memset(text, 'x', PEER_MESSAGE_MAX + 1);
    text[PEER_MESSAGE_MAX + 1] = '\0';
    data_comes(w, 0, rtc, text);
    memset(text, '[', 100000);
    text[100000] = '\0';
    data_comes(w, 0, rtc, text);
    free(text);
    assert_int_equal(refusals(w, 0), 2);
    others_talk_on(w);
    world_end(w);
}

/* ---- the daemon lies ---- */

/* It shows a person it knows as a plain peer of the same name: that is another one, unverified and told. */
static void test_a_downgrade_to_a_plain_peer(void **state)
{
    (void)state;
    struct world *w = world_up(2);
    struct node *ann = &w->nodes[0];
    char bob_id[64];
    snprintf(bob_id, sizeof bob_id, "%s", peer_id(w->nodes[1].p));
    feed(w, 1, (struct peer_event){.type = PEER_LEAVE});
    run(w);
    send_ref(w, 0, &(struct span){bob_id, strlen(bob_id)}, 1, "for Bob's key alone", "");
    char fingerprint[200];
    make_fingerprint(fingerprint, 77);
    stranger_joins(w, "m.bob", "bob", "");
    w->watch = "for Bob's key alone";
    stranger_offers(w, 0, "m.bob", "l", fingerprint);
    channel_opens(w, 0, live_rtc(ann), 1, "usher");
    pass(w, 10000);
    assert_true(told(ann, NOTICE_LINK, "known with another key"));
    const struct peer_notice *up = notice(ann, NOTICE_PEER, count(ann, NOTICE_PEER) - 1);
    assert_string_equal(up->id, "m.bob");
    assert_false(up->verified);
    assert_int_equal(w->watched[0], 0);
    assert_int_equal(count(ann, NOTICE_DELIVERED), 0);
    assert_int_equal(peer_stats(ann->p)->queued, 1);
    world_end(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_signature_that_does_not_hold),
        cmocka_unit_test(test_forged_clocks),
        cmocka_unit_test(test_the_last_sequence),
        cmocka_unit_test(test_what_waits_is_bounded),
        cmocka_unit_test(test_ten_thousand_conversations),
        cmocka_unit_test(test_liars_leave_room),
        cmocka_unit_test(test_clocks_in_the_far_future),
        cmocka_unit_test(test_lies_about_ones_own),
        cmocka_unit_test(test_oversized_and_deep),
        cmocka_unit_test(test_a_downgrade_to_a_plain_peer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
