/* SPDX-License-Identifier: MIT
 *
 * Messages: accepted, queued, delivered once and in order, acknowledged, read, failed.
 */
#include "tests/unit/peer/forge.h"

static void test_direct_from_accepted_to_read(void **state)
{
    (void)state;
    struct world *w = world_up(2);
    struct node *ann = &w->nodes[0], *bob = &w->nodes[1];
    struct span to = span_of(peer_id(bob->p));
    send_ref(w, 0, &to, 1, "hello", "r1");
    assert_int_equal(count(ann, NOTICE_ACCEPTED), 0); /* not before it is on the disk */
    run(w);
    assert_string_equal(notice(ann, NOTICE_ACCEPTED, 0)->ref, "r1");
    const struct peer_notice *m = notice(bob, NOTICE_MESSAGE, 0);
    assert_non_null(m);
    assert_string_equal(m->text, "hello");
    assert_string_equal(m->from, peer_id(ann->p));
    assert_string_equal(m->kind, "direct_message");
    assert_string_equal(m->id, notice(ann, NOTICE_ACCEPTED, 0)->id);
    assert_int_equal(strlen(m->id), MESSAGE_ID_CHARS);
    assert_int_equal(strncmp(m->conversation, "p:", 2), 0);
    assert_true(m->verified);
    assert_int_equal(m->timestamp / 1000, UNIX_START + 1);
    assert_int_equal(peer_pending(ann->p), 1);
    pass(w, 10);
    assert_int_equal(peer_pending(ann->p), 0);
    assert_string_equal(notice(ann, NOTICE_DELIVERED, 0)->by, peer_id(bob->p));
    feed(w, 1, (struct peer_event){.type = PEER_READ, .read = span_of(m->id)});
    run(w);
    assert_string_equal(notice(ann, NOTICE_READ, 0)->id, m->id);
    feed(w, 1, (struct peer_event){.type = PEER_READ, .read = span_of(m->id)});
    run(w);
    assert_int_equal(count(ann, NOTICE_READ), 1);
    world_end(w);
}

static void test_what_is_counted(void **state)
{
    (void)state;
    struct world *w = world_up(2);
    struct node *ann = &w->nodes[0], *bob = &w->nodes[1];
    struct span to = span_of(peer_id(bob->p));
    const struct peer_stats *s = peer_stats(ann->p);
    assert_int_equal(peer_times(ann->p).delivery_p99, 0);
    for (int i = 0; i < 99; i++) {
        send_ref(w, 0, &to, 1, "soon", "");
        pass(w, 20);
    }
    w->cut = true;
    send_ref(w, 0, &to, 1, "late", "");
    pass(w, 3000);
    w->cut = false;
    pass(w, 5000);
    struct peer_times t = peer_times(ann->p);
    assert_in_range(t.delivery_p50, 1, 20);
    assert_int_equal(t.delivery_p90, t.delivery_p50);
    assert_in_range(t.delivery_p99, t.delivery_p50, 20);
    assert_int_equal(s->delivered_total, 100);
    assert_int_equal(s->retransmitted_total, 1);
    assert_int_equal(s->alone_total, 101);
    assert_in_range(peer_stats(bob->p)->acks_total, 100, 110);
    w->cut = true;
    send_ref(w, 0, &to, 1, "too late", "");
    pass(w, 3700000);
    assert_int_equal(s->failed_total, 1);
    world_end(w);
}

static void test_group_and_private(void **state)
{
    (void)state;
    struct world *w = world_up(3);
    struct span to[] = {span_of(peer_id(w->nodes[1].p)), span_of(peer_id(w->nodes[2].p))};
    send_ref(w, 0, NULL, 0, "all", "");
    send_ref(w, 0, to, 2, "some", "");
    pass(w, 10);
    for (int i = 1; i < 3; i++) {
        const struct peer_notice *group = notice(&w->nodes[i], NOTICE_MESSAGE, 0);
        const struct peer_notice *some = notice(&w->nodes[i], NOTICE_MESSAGE, 1);
        assert_string_equal(group->kind, "group_message");
        assert_string_equal(group->conversation, "room:demo");
        assert_int_equal(group->to_count, 0);
        assert_string_equal(some->kind, "private_message");
        assert_int_equal(some->to_count, 2);
    }
    assert_int_equal(count(&w->nodes[0], NOTICE_DELIVERED), 4);
    assert_int_equal(peer_stats(w->nodes[0].p)->sent_total, 2);
    world_end(w);
}

static void test_nobody_there(void **state)
{
    (void)state;
    struct world *w = world_up(1);
    send_ref(w, 0, NULL, 0, "anybody?", "x");
    run(w);
    assert_int_equal(count(&w->nodes[0], NOTICE_ACCEPTED), 1);
    assert_int_equal(peer_pending(w->nodes[0].p), 0);
    struct span nobody = SPAN("aaaaaaaaaaaaaaaaaaaaaaaaaa");
    send_ref(w, 0, &nobody, 1, "you?", "y");
    assert_string_equal(notice(&w->nodes[0], NOTICE_ERROR, 0)->code, "no-such-peer");
    assert_string_equal(notice(&w->nodes[0], NOTICE_ERROR, 0)->ref, "y");
    struct span self = span_of(peer_id(w->nodes[0].p));
    send_ref(w, 0, &self, 1, "me?", "");
    assert_int_equal(count(&w->nodes[0], NOTICE_ERROR), 2);
    world_end(w);
}

static void test_what_cannot_be_sent(void **state)
{
    (void)state;
    struct world *w = world_up(2);
    char *long_text = calloc(1, PEER_TEXT_MAX + 2);
    memset(long_text, 'x', PEER_TEXT_MAX + 1);
    send_direct(w, 0, 1, long_text);
    assert_string_equal(notice(&w->nodes[0], NOTICE_ERROR, 0)->code, "too-large");
    send_direct(w, 0, 1, "\xff");
    assert_string_equal(notice(&w->nodes[0], NOTICE_ERROR, 1)->code, "bad-message");
    send_direct(w, 0, 1, "");
    run(w);
    assert_string_equal(notice(&w->nodes[1], NOTICE_MESSAGE, 0)->text, "");
    free(long_text);
    world_end(w);
}

/* JSON writes a control character in 6 bytes, a quote in 2: what that makes of a text is said before it is accepted. */
static void test_what_grows_by_escaping(void **state)
{
    (void)state;
    struct world *w = world_up(2);
    struct node *ann = &w->nodes[0], *ben = &w->nodes[1];
    char *text = calloc(1, PEER_TEXT_MAX + 1);
    memset(text, 033, 33000);
    send_direct(w, 0, 1, text);
    assert_string_equal(notice(ann, NOTICE_ERROR, 0)->code, "too-large");
    assert_non_null(strstr(notice(ann, NOTICE_ERROR, 0)->text, "131072 bytes as JSON"));
    memset(text, 033, PEER_TEXT_MAX);
    feed(w, 0, (struct peer_event){.type = PEER_STATUS, .status = {text, PEER_TEXT_MAX}});
    assert_string_equal(notice(ann, NOTICE_ERROR, 1)->code, "too-large");
    assert_int_equal(count(ann, NOTICE_ACCEPTED), 0);
    /* The most that is taken arrives. */
    memset(text, '"', PEER_TEXT_MAX);
    text[0] = text[1] = 'x';
    send_direct(w, 0, 1, text);
    feed(w, 0, (struct peer_event){.type = PEER_STATUS, .status = {text, PEER_TEXT_MAX}});
    run(w);
    assert_int_equal(count(ann, NOTICE_ERROR), 2);
    assert_string_equal(notice(ben, NOTICE_MESSAGE, 0)->text, text);
    assert_string_equal(notice(ben, NOTICE_STATUS, 0)->text, text);
    free(text);
    world_end(w);
}

static void test_the_same_ref_is_sent_once(void **state)
{
    (void)state;
    struct world *w = world_up(2);
    struct span to = span_of(peer_id(w->nodes[1].p));
    send_ref(w, 0, &to, 1, "once", "r");
    send_ref(w, 0, &to, 1, "once", "r");
    assert_int_equal(count(&w->nodes[0], NOTICE_ACCEPTED), 0); /* neither before it is on the disk */
    pass(w, 10);
    assert_int_equal(count(&w->nodes[1], NOTICE_MESSAGE), 1);
    assert_int_equal(count(&w->nodes[0], NOTICE_ACCEPTED), 2);
    assert_string_equal(notice(&w->nodes[0], NOTICE_ACCEPTED, 0)->id, notice(&w->nodes[0], NOTICE_ACCEPTED, 1)->id);
    world_end(w);
}

static void test_messages_wait_for_the_link(void **state)
{
    (void)state;
    struct world *w = world_make(2);
    w->hold_signals = true;
    start(w, 0);
    start(w, 1);
    char text[32];
    for (int i = 0; i < 100; i++) {
        snprintf(text, sizeof text, "%d", i);
        send_direct(w, 0, 1, text);
    }
    run(w);
    assert_int_equal(peer_stats(w->nodes[0].p)->queued, 100);
    assert_int_equal(count(&w->nodes[0], NOTICE_ACCEPTED), 100);
    release_signals(w);
    pass(w, 10);
    assert_int_equal(count(&w->nodes[1], NOTICE_MESSAGE), 100);
    for (int i = 0; i < 100; i++) {
        snprintf(text, sizeof text, "%d", i);
        assert_string_equal(notice(&w->nodes[1], NOTICE_MESSAGE, (size_t)i)->text, text);
    }
    assert_int_equal(peer_stats(w->nodes[0].p)->queued, 0);
    world_end(w);
}

/* What was on its way when the link died is sent again, in order, and nothing is shown twice. */
static void test_resent_when_the_link_comes_back(void **state)
{
    (void)state;
    struct world *w = world_up(2);
    struct node *ann = &w->nodes[0], *bob = &w->nodes[1];
    send_direct(w, 0, 1, "1");
    run(w); /* it arrives, but its acknowledgement is lost */
    w->cut = true;
    send_direct(w, 0, 1, "2");
    pass(w, 100);
    send_direct(w, 0, 1, "3");
    later(w, 0, PEER_RTC_FAILED, live_rtc(ann), SPAN("ice"));
    later(w, 1, PEER_RTC_FAILED, live_rtc(bob), SPAN("ice"));
    run(w);
    assert_int_equal(count(bob, NOTICE_MESSAGE), 1);
    assert_int_equal(count(ann, NOTICE_DELIVERED), 0);
    w->cut = false;
    pass(w, 1500);
    assert_int_equal(count(bob, NOTICE_MESSAGE), 3);
    assert_string_equal(notice(bob, NOTICE_MESSAGE, 1)->text, "2");
    assert_string_equal(notice(bob, NOTICE_MESSAGE, 2)->text, "3");
    assert_int_equal(count(ann, NOTICE_DELIVERED), 3);
    assert_int_equal(peer_stats(ann->p)->retransmitted_total, 2);
    assert_int_equal(peer_stats(bob->p)->refused_total, 0);
    world_end(w);
}

/* A reader that is there but acknowledges nothing: three tries, 5 s apart; after an hour the message fails. */
static void test_three_tries_then_an_hour(void **state)
{
    (void)state;
    struct world *w = world_up(1);
    node_init(w, 1, "bob");
    node_init(w, 0, "ann");
    w->n = 2;
    node_boot(w, 1);
    strcpy(w->nodes[1].seat, "n.z");
    char card[1024];
    write_card(&w->nodes[1], card, sizeof card);
    stranger_joins(w, "n.z", "bob", strstr(card, ",\"metadata\""));
    struct node *ann = &w->nodes[0];
    uint64_t rtc = live_rtc(ann);
    assert_true(rtc > 0);
    json_t *frame = json_pack("{ssssss*}", "type", "answer", "from", "n.z", "sdp", NULL);
    char *sdp = make_sdp("stranger", w->nodes[1].fingerprint, "active");
    json_object_set_new(frame, "sdp", json_string(sdp));
    char *text = json_dumps(frame, 0);
    frame_to(w, 0, text);
    run(w);
    channel_opens(w, 0, rtc, 1, "usher");
    struct span to = span_of(peer_id(ann->p));
    char metadata[1024];
    snprintf(metadata, sizeof metadata,
        "{\"context\":\"usher-intro-1\",\"fingerprint\":\"%s\",\"reader\":\"%s\",\"readerFingerprint\":\"%s\",\"room\":"
        "\"demo\"}",
        w->nodes[1].fingerprint, peer_id(ann->p), ann->fingerprint);
    struct envelope e = {.type = ENVELOPE_PEER_INTRODUCTION, .to = &to, .to_count = 1, .metadata = span_of(metadata)};
    char *intro = forge(w, 1, &e);
    data_comes(w, 0, rtc, intro);
    assert_int_equal(count(ann, NOTICE_PEER), 1);
    uint64_t before = ann->sends, at = w->now;
    send_direct(w, 0, 1, "hear me");
    assert_int_equal(ann->sends, before);
    run(w);
    assert_int_equal(ann->sends, before + 1);
    /* Heartbeats that keep the link up; each is answered by a pong. */
    struct envelope beat = {.type = ENVELOPE_HEARTBEAT, .to = &to, .to_count = 1, .metadata = SPAN("{\"ping\":1}")};
    char *ping = forge(w, 1, &beat);
    while (w->now < at + 20000) {
        pass(w, 1000);
        data_comes(w, 0, rtc, ping);
        uint64_t tries = w->now - at < 5000 ? 0 : w->now - at < 10000 ? 1 : 2;
        assert_int_equal(peer_stats(ann->p)->retransmitted_total, tries);
    }
    assert_int_equal(peer_pending(ann->p), 1);
    pass(w, 3600000 - 20001);
    assert_int_equal(count(ann, NOTICE_FAILED), 0);
    pass(w, 1);
    assert_string_equal(notice(ann, NOTICE_FAILED, 0)->reason, "expired");
    assert_string_equal(notice(ann, NOTICE_FAILED, 0)->to[0], peer_id(w->nodes[1].p));
    assert_int_equal(peer_pending(ann->p), 0);
    json_decref(frame);
    free(sdp);
    free(text);
    free(intro);
    free(ping);
    world_end(w);
}

static void test_congestion_holds_everything(void **state)
{
    (void)state;
    struct world *w = world_up(2);
    struct node *ann = &w->nodes[0];
    uint64_t rtc = live_rtc(ann);
    feed(w, 0, (struct peer_event){.type = PEER_CONGESTED, .rtc = rtc});
    uint64_t before = ann->sends;
    send_direct(w, 0, 1, "1");
    send_direct(w, 0, 1, "2");
    feed(w, 0, (struct peer_event){.type = PEER_TYPING});
    pass(w, 5500);
    assert_int_equal(ann->sends, before);
    feed(w, 0, (struct peer_event){.type = PEER_WRITABLE, .rtc = rtc});
    pass(w, 10);
    assert_int_equal(count(&w->nodes[1], NOTICE_MESSAGE), 2);
    assert_int_equal(count(ann, NOTICE_DELIVERED), 2);
    world_end(w);
}

/* Ann's machine sleeps while a message waits for a link that cannot take it. What she hears first then comes long after its
 * time: it is not sent, but has failed. */
static void test_over_while_asleep(void **state)
{
    (void)state;
    struct world *w = world_up(2);
    struct node *ann = &w->nodes[0];
    uint64_t rtc = live_rtc(ann);
    struct span to = span_of(peer_id(w->nodes[1].p));
    feed(w, 0, (struct peer_event){.type = PEER_CONGESTED, .rtc = rtc});
    feed(w, 0,
        (struct peer_event){
            .type = PEER_SEND, .send = {.to = &to, .to_count = 1, .text = SPAN("for a minute"), .ttl_ms = 60000}});
    pass(w, 100);
    w->watch = "direct_message";
    w->now += 3600000;
    feed(w, 0, (struct peer_event){.type = PEER_WRITABLE, .rtc = rtc});
    run(w);
    assert_int_equal(w->watched[0], 0);
    assert_int_equal(count(ann, NOTICE_FAILED), 1);
    assert_string_equal(notice(ann, NOTICE_FAILED, 0)->reason, "expired");
    world_end(w);
}

static void test_ten_thousand(void **state)
{
    (void)state;
    struct world *w = world_up(2);
    char text[256];
    for (int i = 0; i < 10000; i++) {
        snprintf(text, sizeof text, "%d %0190d", i, 0);
        send_direct(w, 0, 1, text);
    }
    pass(w, 5000);
    struct node *bob = &w->nodes[1];
    assert_int_equal(count(bob, NOTICE_MESSAGE), 10000);
    int next = 0;
    for (size_t i = 0; i < bob->notice_n; i++)
        if (bob->notices[i]->type == NOTICE_MESSAGE)
            assert_int_equal(atoi(bob->notices[i]->text), next++);
    assert_int_equal(peer_stats(w->nodes[0].p)->delivered_total, 10000);
    assert_int_equal(peer_stats(w->nodes[0].p)->retransmitted_total, 0);
    world_end(w);
}

/* What waited for a link is not handed to io all at once: io bounds what it holds for a connection. */
static void test_large_messages_go_by_and_by(void **state)
{
    (void)state;
    struct world *w = world_make(2);
    char *text = calloc(1, PEER_TEXT_MAX + 1);
    memset(text, 'x', PEER_TEXT_MAX);
    w->hold_signals = true;
    start(w, 0);
    start(w, 1);
    for (int i = 0; i < 200; i++)
        send_direct(w, 0, 1, text);
    run(w); /* onto the disk */
    w->hold_signals = false;
    DL_CONCAT(w->queue, w->delayed);
    w->delayed = NULL;
    while (w->queue) {
        struct event *e = w->queue;
        uint64_t before = w->nodes[0].sends;
        DL_DELETE(w->queue, e);
        feed(w, e->node, e->ev);
        event_free(e);
        assert_true(w->nodes[0].sends - before <= 20);
    }
    pass(w, 500);
    assert_int_equal(count(&w->nodes[1], NOTICE_MESSAGE), 200);
    free(text);
    world_end(w);
}

static void test_a_full_queue_says_so(void **state)
{
    (void)state;
    struct world *w = world_make(2);
    w->hold_signals = true;
    start(w, 0);
    start(w, 1);
    w->data_n = 1 << 20; /* no check after each step */
    for (int i = 0; i < 16384; i++)
        send_direct(w, 0, 1, "x");
    assert_int_equal(count(&w->nodes[0], NOTICE_FAILED), 0);
    struct node *ann = &w->nodes[0];
    forget_notices(ann);
    send_direct(w, 0, 1, "one too many");
    assert_int_equal(ann->notice_n, 0); /* nobody knows yet what has failed */
    run(w);
    assert_string_equal(ann->notices[ann->notice_n - 2]->id, notice(ann, NOTICE_FAILED, 0)->id);
    assert_int_equal(ann->notices[ann->notice_n - 2]->type, NOTICE_ACCEPTED);
    assert_string_equal(notice(ann, NOTICE_FAILED, 0)->reason, "queue-full");
    peer_check(w->nodes[0].p);
    world_end(w);
}

static void test_typing_status_presence(void **state)
{
    (void)state;
    struct world *w = world_up(2);
    struct node *bob = &w->nodes[1];
    feed(w, 0, (struct peer_event){.type = PEER_TYPING});
    feed(w, 0, (struct peer_event){.type = PEER_STATUS, .status = SPAN("at lunch")});
    feed(w, 0, (struct peer_event){.type = PEER_PRESENCE, .presence = SPAN("away")});
    feed(w, 0, (struct peer_event){.type = PEER_PRESENCE, .presence = SPAN("nonsense")});
    run(w);
    assert_string_equal(notice(bob, NOTICE_TYPING, 0)->from, peer_id(w->nodes[0].p));
    assert_string_equal(notice(bob, NOTICE_STATUS, 0)->text, "at lunch");
    assert_string_equal(notice(bob, NOTICE_PRESENCE, 0)->text, "away");
    assert_int_equal(count(bob, NOTICE_PRESENCE), 1);
    /* Whoever comes later is told too. */
    w->n = 3;
    node_init(w, 2, "cid");
    node_boot(w, 2);
    start(w, 2);
    assert_string_equal(notice(&w->nodes[2], NOTICE_STATUS, 0)->text, "at lunch");
    assert_string_equal(notice(&w->nodes[2], NOTICE_PRESENCE, 0)->text, "away");
    world_end(w);
}

/* ---- what a hostile person may send ---- */

static void test_order_and_replay(void **state)
{
    (void)state;
    struct world *w = world_up(2);
    struct node *ann = &w->nodes[0];
    struct talk first = talk_direct(w, 1, 0, "m1", 1), second = talk_direct(w, 1, 0, "m2", 2);
    char *copy = talk_text(w, &second);
    data_comes(w, 0, live_rtc(ann), copy); /* waits for the one before it */
    assert_int_equal(count(ann, NOTICE_MESSAGE), 0);
    talk_comes(w, 1, &first);
    assert_int_equal(count(ann, NOTICE_MESSAGE), 2);
    assert_string_equal(notice(ann, NOTICE_MESSAGE, 0)->id, "m1");
    /* The same again is not shown again; it is acknowledged once more, for its receipt may be lost. */
    pass(w, 100);
    uint64_t before = ann->sends;
    data_comes(w, 0, live_rtc(ann), copy);
    data_comes(w, 0, live_rtc(ann), copy);
    free(copy);
    pass(w, 100);
    assert_int_equal(ann->sends, before + 1);
    assert_int_equal(count(ann, NOTICE_MESSAGE), 2);
    world_end(w);
}

/* Bob's sequence is one message for ever: what he says under it later is refused, whatever id it bears. */
static void test_a_sequence_used_again(void **state)
{
    (void)state;
    struct world *w = world_up(2);
    struct node *ann = &w->nodes[0];
    struct talk first = talk_direct(w, 1, 0, "m1", 1);
    talk_comes(w, 1, &first);
    struct talk same_id = talk_direct(w, 1, 0, "m1", 1), other_id = talk_direct(w, 1, 0, "m2", 1);
    same_id.e.text = SPAN("another content");
    talk_comes(w, 1, &same_id);
    talk_comes(w, 1, &other_id);
    assert_int_equal(count(ann, NOTICE_MESSAGE), 1);
    assert_string_equal(notice(ann, NOTICE_MESSAGE, 0)->text, "forged");
    assert_int_equal(refusals(w, 0), 2);
    struct talk next = talk_direct(w, 1, 0, "m3", 2);
    talk_comes(w, 1, &next);
    assert_int_equal(count(ann, NOTICE_MESSAGE), 2);
    world_end(w);
}

static void test_refused_messages(void **state)
{
    (void)state;
    struct world *w = world_up(2);
    struct node *ann = &w->nodes[0];
    struct talk t = talk_direct(w, 1, 0, "m1", 1);
    t.to = SPAN("somebody-else");
    talk_comes(w, 1, &t);
    struct span two[] = {t.to, t.clock[0].who}; /* in their own conversation, too */
    envelope_people_conversation(two, 2, toy_sha256, NULL, t.conversation);
    talk_comes(w, 1, &t);
    t = talk_direct(w, 1, 0, "m2", 1);
    strcpy(t.conversation, "p:aaaaaaaaaaaaaaaaaaaaaaaaaa");
    talk_comes(w, 1, &t);
    t = talk_direct(w, 1, 0, "m3", 1);
    t.plain = true;
    talk_comes(w, 1, &t);
    t = talk_group(w, 1, 0, "m4", 1);
    strcpy(t.conversation, "room:other");
    talk_comes(w, 1, &t);
    uint64_t rtc = live_rtc(ann);
    data_comes(w, 0, rtc, "not an envelope");
    /* With a byte of the sealed content changed: the signature does not hold. */
    t = talk_direct(w, 1, 0, "m5", 1);
    char *text = talk_text(w, &t), *byte = strstr(text, "\"encrypted\":\"") + 16;
    *byte = *byte == 'A' ? 'B' : 'A';
    data_comes(w, 0, rtc, text);
    free(text);
    struct envelope e = {.type = ENVELOPE_STATUS_UPDATE, .text = SPAN("as myself")};
    text = forge(w, 0, &e);
    data_comes(w, 0, rtc, text);
    free(text);
    feed(w, 0, (struct peer_event){.type = PEER_DATA, .rtc = rtc, .data = {1, true, SPAN("x")}});
    assert_int_equal(count(ann, NOTICE_MESSAGE), 0);
    assert_int_equal(count(ann, NOTICE_STATUS), 0);
    assert_int_equal(refusals(w, 0), 9);
    /* Another channel is nobody's business; the link has survived. */
    feed(w, 0, (struct peer_event){.type = PEER_DATA, .rtc = rtc, .data = {7, false, SPAN("x")}});
    assert_int_equal(refusals(w, 0), 9);
    assert_int_equal(peer_stats(ann->p)->links_up, 1);
    world_end(w);
}

static void test_acknowledging_what_was_never_sent(void **state)
{
    (void)state;
    struct world *w = world_up(2);
    struct node *ann = &w->nodes[0];
    struct span to = span_of(peer_id(ann->p));
    struct envelope e = {.type = ENVELOPE_MESSAGE_DELIVERED,
        .to = &to,
        .to_count = 1,
        .metadata = SPAN("{\"of\":[\"aaaaaaaaaaaaaaaaaaaaaaaaaa\"]}")};
    char *text = forge(w, 1, &e);
    data_comes(w, 0, live_rtc(ann), text);
    assert_int_equal(count(ann, NOTICE_DELIVERED), 0);
    free(text);
    world_end(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_direct_from_accepted_to_read),
        cmocka_unit_test(test_what_is_counted),
        cmocka_unit_test(test_group_and_private),
        cmocka_unit_test(test_nobody_there),
        cmocka_unit_test(test_what_cannot_be_sent),
        cmocka_unit_test(test_what_grows_by_escaping),
        cmocka_unit_test(test_the_same_ref_is_sent_once),
        cmocka_unit_test(test_messages_wait_for_the_link),
        cmocka_unit_test(test_resent_when_the_link_comes_back),
        cmocka_unit_test(test_three_tries_then_an_hour),
        cmocka_unit_test(test_congestion_holds_everything),
        cmocka_unit_test(test_over_while_asleep),
        cmocka_unit_test(test_ten_thousand),
        cmocka_unit_test(test_large_messages_go_by_and_by),
        cmocka_unit_test(test_a_full_queue_says_so),
        cmocka_unit_test(test_typing_status_presence),
        cmocka_unit_test(test_order_and_replay),
        cmocka_unit_test(test_a_sequence_used_again),
        cmocka_unit_test(test_refused_messages),
        cmocka_unit_test(test_acknowledging_what_was_never_sent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
