/* SPDX-License-Identifier: MIT
 *
 * Through others: to people without a link, over at most three relays that can read and change nothing; and to a link,
 * with the daemon dead.
 */
#include "tests/unit/peer/forge.h"

static void test_three_relays_and_no_more(void **state)
{
    (void)state;
    struct world *w = world_in_line(6, 10000);
    struct node *ann = &w->nodes[0], *eve = &w->nodes[4], *fay = &w->nodes[5];
    struct peer_person people[8];
    size_t n = peer_people(ann->p, people, 8), relayed = 0;
    for (size_t i = 0; i < n; i++)
        relayed += people[i].up && strcmp(people[i].path, "relay") == 0;
    assert_int_equal(relayed, 3); /* Cid, Dot and Eve; Fay is a relay too far */
    w->watch = "the secret";
    send_direct(w, 0, 4, "the secret");
    send_direct(w, 0, 5, "the secret");
    pass(w, 1500);
    assert_int_equal(count(eve, NOTICE_MESSAGE), 1);
    assert_int_equal(count(ann, NOTICE_DELIVERED), 1);
    assert_string_equal(notice(ann, NOTICE_DELIVERED, 0)->by, peer_id(eve->p));
    assert_int_equal(count(fay, NOTICE_MESSAGE), 0);
    for (int i = 1; i < 4; i++) {
        assert_true(peer_stats(w->nodes[i].p)->relayed_total > 0);
        assert_int_equal(count(&w->nodes[i], NOTICE_MESSAGE), 0);
        assert_int_equal(rows_with(&w->nodes[i], "the secret"), 0);
    }
    for (int i = 0; i < 6; i++)
        assert_int_equal(w->watched[i], 0); /* no frame holds it */
    assert_true(rows_with(eve, "the secret") > 0);
    world_end(w);
}

/* Ann to Cid by way of Bob, the route and the reader as the test wants them. */
static char *on_its_way(struct world *w, struct talk *t, const struct span *route, size_t n)
{
    t->e.route = route;
    t->e.route_count = n;
    return talk_text(w, t);
}

/* From Bob by way of Ann to Fay: four quick links lead there from Ann, and two of which one is slow. Bob and Ann have their
 * part, so that two more relays are allowed, and not three. */
static void test_the_quickest_of_what_is_left(void **state)
{
    (void)state;
    enum {
        ANN,
        BOB,
        CID,
        FAY = 5,
        GUS
    };
    static const int links[][2] = {{ANN, BOB}, {ANN, CID}, {CID, 3}, {3, 4}, {4, FAY}, {ANN, GUS}, {GUS, FAY}};
    struct world *w = world_make(7);
    for (int i = 0; i < 7; i++)
        for (int j = i + 1; j < 7; j++)
            part(w, i, j, true);
    for (size_t i = 0; i < sizeof links / sizeof links[0]; i++)
        part(w, links[i][0], links[i][1], false);
    for (int i = 0; i < 7; i++)
        start(w, i);
    pass(w, 10000);
    char metadata[256];
    snprintf(metadata, sizeof metadata, "{\"links\":{\"%s\":1,\"%s\":1000},\"presence\":\"online\",\"version\":%llu}",
        peer_id(w->nodes[ANN].p), peer_id(w->nodes[FAY].p), 9007199254740000ull);
    struct envelope slow = {.type = ENVELOPE_PRESENCE_UPDATE, .metadata = span_of(metadata)};
    char *text = forge(w, GUS, &slow);
    part(w, FAY, GUS, true); /* who would show Gus what is told of him */
    data_comes(w, ANN, rtc_with(&w->nodes[ANN], GUS), text);
    free(text);
    part(w, FAY, GUS, false);
    struct talk t = talk_direct(w, BOB, FAY, "m1", 1);
    struct span route[] = {span_of(peer_id(w->nodes[BOB].p))};
    text = on_its_way(w, &t, route, 1);
    data_comes(w, ANN, rtc_with(&w->nodes[ANN], BOB), text);
    free(text);
    assert_int_equal(count(&w->nodes[FAY], NOTICE_MESSAGE), 1);
    world_end(w);
}

static void test_loops_and_long_ways(void **state)
{
    (void)state;
    struct world *w = world_in_line(3, 10000);
    struct node *bob = &w->nodes[1];
    struct span ann_id = span_of(peer_id(w->nodes[0].p)), bob_id = span_of(peer_id(bob->p));
    struct span once[] = {ann_id}, round[] = {ann_id, bob_id}, far[] = {ann_id, SPAN("x"), SPAN("y"), SPAN("z")};
    uint64_t from_ann = rtc_with(bob, 0);
    struct talk t = talk_direct(w, 0, 2, "m1", 1);
    char *text = on_its_way(w, &t, round, 2);
    data_comes(w, 1, from_ann, text);
    assert_int_equal(refusals(w, 1), 1);
    free(text);
    text = on_its_way(w, &t, far, 4);
    data_comes(w, 1, from_ann, text);
    assert_int_equal(peer_stats(bob->p)->relay_dropped_total, 1);
    free(text);
    assert_int_equal(peer_stats(bob->p)->relayed_total, 0);
    assert_int_equal(count(&w->nodes[2], NOTICE_MESSAGE), 0);
    text = on_its_way(w, &t, once, 1);
    data_comes(w, 1, from_ann, text);
    assert_int_equal(peer_stats(bob->p)->relayed_total, 1);
    assert_int_equal(count(&w->nodes[2], NOTICE_MESSAGE), 1);
    free(text);
    world_end(w);
}

/* The relay changes a byte of what is sealed, or gives it to somebody else: the reader refuses and counts it. */
static void test_a_relay_that_meddles(void **state)
{
    (void)state;
    struct world *w = world_in_line(3, 10000);
    struct span route[] = {span_of(peer_id(w->nodes[0].p)), span_of(peer_id(w->nodes[1].p))};
    static const char *const members[] = {"\"encrypted\":\"", "\"signature\":\"", "\"keys\":{\""};
    for (size_t i = 0; i < 3; i++) {
        struct talk t = talk_direct(w, 0, 2, "m1", 1);
        char *text = on_its_way(w, &t, route, 2), *byte = strstr(text, members[i]) + strlen(members[i]) + 40;
        *byte = *byte == 'A' ? 'B' : 'A';
        data_comes(w, 2, rtc_with(&w->nodes[2], 1), text);
        free(text);
        assert_int_equal(refusals(w, 2), i + 1);
    }
    /* To Bob himself, who is not the reader: there is nothing for him in it. */
    struct talk t = talk_direct(w, 0, 2, "m1", 1);
    t.to = span_of(peer_id(w->nodes[1].p));
    char *text = talk_text(w, &t);
    data_comes(w, 1, rtc_with(&w->nodes[1], 0), text);
    free(text);
    assert_int_equal(count(&w->nodes[1], NOTICE_MESSAGE), 0);
    assert_int_equal(count(&w->nodes[2], NOTICE_MESSAGE), 0);
    world_end(w);
}

/* What is not talk goes sealed, too: said openly on a way through others it is refused. */
static void test_an_open_word_on_the_way(void **state)
{
    (void)state;
    struct world *w = world_in_line(3, 10000);
    struct span route[] = {span_of(peer_id(w->nodes[0].p)), span_of(peer_id(w->nodes[1].p))};
    struct span to = span_of(peer_id(w->nodes[2].p));
    struct envelope e = {.type = ENVELOPE_STATUS_UPDATE,
        .to = &to,
        .to_count = 1,
        .text = SPAN("openly"),
        .route = route,
        .route_count = 2};
    char *text = forge(w, 0, &e);
    data_comes(w, 2, rtc_with(&w->nodes[2], 1), text);
    free(text);
    assert_int_equal(count(&w->nodes[2], NOTICE_STATUS), 0);
    assert_int_equal(refusals(w, 2), 1);
    world_end(w);
}

/* A message of few is kept by its author only: what a reader without a link lacks of him it asks for through others. */
static void test_a_gap_is_asked_for_through_others(void **state)
{
    (void)state;
    struct world *w = world_in_line(3, 10000);
    struct node *ann = &w->nodes[0], *cid = &w->nodes[2];
    send_direct(w, 0, 2, "first");
    for (int i = 0; i < 2; i++) { /* its first tries, after 1 s and after 6, are lost */
        pass(w, i == 0 ? 900 : 4800);
        part(w, 1, 2, true);
        pass(w, 200);
        part(w, 1, 2, false);
    }
    send_direct(w, 0, 2, "second");
    pass(w, 1500);
    assert_int_equal(count(cid, NOTICE_MESSAGE), 0);
    pass(w, 2000); /* the next try would be later */
    assert_int_equal(count(cid, NOTICE_MESSAGE), 2);
    assert_string_equal(notice(cid, NOTICE_MESSAGE, 0)->text, "first");
    assert_int_equal(count(ann, NOTICE_DELIVERED), 2);
    assert_int_equal(refusals(w, 0) + refusals(w, 1) + refusals(w, 2), 0);
    world_end(w);
}

/* Cid gave Ann's first message up before it came: Ann is told so, without a link, and reports it. */
static void test_given_up_is_told_through_others(void **state)
{
    (void)state;
    struct world *w = world_in_line(3, 10000);
    struct node *ann = &w->nodes[0], *cid = &w->nodes[2];
    struct talk second = talk_direct(w, 0, 2, "m2", 2);
    talk_comes(w, 1, &second);
    pass(w, 32000);
    assert_int_equal(count(cid, NOTICE_MISSING), 1);
    send_direct(w, 0, 2, "first");
    pass(w, 3000);
    assert_int_equal(count(ann, NOTICE_FAILED), 1);
    assert_string_equal(notice(ann, NOTICE_FAILED, 0)->reason, "missed");
    assert_int_equal(peer_stats(ann->p)->queued, 0);
    world_end(w);
}

/* The application is told when a link gives way to a relay, and a relay to a link. */
/* Typing and status are for everybody, linked or not; the status for who comes later, too. */
static void test_in_passing(void **state)
{
    (void)state;
    struct world *w = world_in_line(4, 10000);
    struct node *cid = &w->nodes[2], *dot = &w->nodes[3];
    w->watch = "at lunch";
    feed(w, 0, (struct peer_event){.type = PEER_TYPING});
    feed(w, 0, (struct peer_event){.type = PEER_STATUS, .status = SPAN("at lunch")});
    pass(w, 100);
    for (int i = 1; i < 4; i++) {
        assert_int_equal(count(&w->nodes[i], NOTICE_TYPING), 1);
        assert_string_equal(notice(&w->nodes[i], NOTICE_STATUS, 0)->text, "at lunch");
    }
    assert_int_equal(w->watched[2] + w->watched[3], 0); /* sealed on its way through others */
    feed(w, 3, (struct peer_event){.type = PEER_LEAVE});
    run(w);
    memory_store_close(dot->store);
    node_boot(w, 3);
    forget_notices(dot);
    start(w, 3);
    pass(w, 10000);
    assert_int_equal(count(dot, NOTICE_STATUS), 1);
    assert_int_equal(count(cid, NOTICE_STATUS), 1);
    world_end(w);
}

static void test_the_path_is_told(void **state)
{
    (void)state;
    static const char *const paths[] = {"relay", "direct", "relay"};
    struct world *w = world_make(3);
    struct node *ann = &w->nodes[0];
    part(w, 0, 2, true);
    for (int i = 0; i < 3; i++)
        start(w, i);
    pass(w, 10000);
    part(w, 0, 2, false);
    pass(w, 60000);
    part(w, 0, 2, true);
    pass(w, 20000);
    size_t heard = 0;
    for (size_t i = 0; i < count(ann, NOTICE_PEER); i++) {
        const struct peer_notice *n = notice(ann, NOTICE_PEER, i);
        if (strcmp(n->id, peer_id(w->nodes[2].p)) != 0)
            continue;
        assert_true(n->up && heard < 3);
        assert_string_equal(n->path, paths[heard++]);
    }
    assert_int_equal(heard, 3);
    /* ICE finds another pair: through a TURN server now. */
    uint64_t rtc = rtc_with(ann, 1);
    feed(w, 0, (struct peer_event){.type = PEER_ICE_STATE, .rtc = rtc, .ice = {true, PEER_PATH_TURN}});
    const struct peer_notice *last = notice(ann, NOTICE_PEER, count(ann, NOTICE_PEER) - 1);
    assert_true(last->up);
    assert_string_equal(last->path, "turn");
    world_end(w);
}

/* Who is reached through others is among the people, in the room or not. */
static void test_people_that_a_relay_reaches(void **state)
{
    (void)state;
    struct world *w = world_make(3);
    struct peer_person people[3];
    part(w, 0, 2, true);
    for (int i = 0; i < 3; i++)
        start(w, i);
    pass(w, 10000);
    daemon_left(w, 2, "disconnected");
    pass(w, 1000);
    assert_int_equal(peer_people(w->nodes[0].p, people, 3), 2);
    size_t cid = strcmp(people[0].id, peer_id(w->nodes[2].p)) == 0 ? 0 : 1;
    assert_string_equal(people[cid].id, peer_id(w->nodes[2].p));
    assert_true(people[cid].up && !people[cid].in_room);
    assert_string_equal(people[cid].path, "relay");
    world_end(w);
}

/* The daemon dies before Ann and Cid could link; Bob, whom both are linked with, carries their signals. */
static void test_friends_link_without_the_daemon(void **state)
{
    (void)state;
    struct world *w = world_in_line(3, 2000);
    daemon_dies(w);
    part(w, 0, 2, false);
    pass(w, 60000);
    assert_int_equal(peer_stats(w->nodes[0].p)->links_up, 2);
    assert_int_equal(peer_stats(w->nodes[2].p)->links_up, 2);
    struct peer_person people[2];
    assert_int_equal(peer_people(w->nodes[0].p, people, 2), 2);
    for (int i = 0; i < 2; i++)
        assert_string_equal(people[i].path, "direct");
    assert_int_equal(refusals(w, 0) + refusals(w, 1) + refusals(w, 2), 0);
    world_end(w);
}

/* Dot was cut from everybody while the daemon died; Ann alone can be reached again, and through her all the others. */
static void test_one_link_brings_the_others_back(void **state)
{
    (void)state;
    struct world *w = world_up(4);
    pass(w, 5000);
    daemon_dies(w);
    for (int i = 1; i < 3; i++) {
        part(w, 3, i, true);
        later(w, 3, PEER_RTC_FAILED, rtc_with(&w->nodes[3], i), SPAN("ice"));
        later(w, i, PEER_RTC_FAILED, rtc_with(&w->nodes[i], 3), SPAN("ice"));
    }
    pass(w, 30000);
    assert_int_equal(peer_stats(w->nodes[3].p)->links_up, 1);
    for (int i = 1; i < 3; i++)
        part(w, 3, i, false);
    pass(w, 120000);
    for (int i = 0; i < 4; i++)
        assert_int_equal(peer_stats(w->nodes[i].p)->links_up, 3);
    world_end(w);
}

/* ---- signals that a relay keeps ---- */

/* What Bob handed to Ann and Cid of each other's connection requests, as it came. */
static struct {
    int reader[256];
    char *text[256];
    size_t n;
} tape;

static void record(struct world *w, const struct event *e)
{
    static const char request[] = "\"type\":\"connection_request\"";
    if (e->ev.type != PEER_DATA || e->node == 1 ||
        !memmem(e->ev.data.bytes.p, e->ev.data.bytes.n, request, sizeof request - 1))
        return;
    assert_true(tape.n < 256 && e->ev.rtc == rtc_with(&w->nodes[e->node], 1));
    tape.reader[tape.n] = e->node;
    tape.text[tape.n++] = strndup(e->ev.data.bytes.p, e->ev.data.bytes.n);
}

static void assert_times_grow(int reader)
{
    unsigned long long last = 0;
    for (size_t i = 0; i < tape.n; i++) {
        if (tape.reader[i] != reader)
            continue;
        unsigned long long at = strtoull(strstr(tape.text[i], "\"timestamp\":") + strlen("\"timestamp\":"), NULL, 10);
        assert_true(at > last);
        last = at;
    }
    assert_true(last > 0);
}

/* Ann and Cid link over Bob's signals, lose each other and link again. Then Bob says all of it once more. */
static void test_a_replayed_offer_changes_nothing(void **state)
{
    (void)state;
    struct world *w = world_in_line(3, 2000);
    daemon_dies(w);
    w->sees = record;
    part(w, 0, 2, false);
    pass(w, 60000);
    for (int i = 0; i < 2; i++) {
        later(w, 0, PEER_RTC_FAILED, rtc_with(&w->nodes[0], 2), SPAN("ice"));
        pass(w, 20000);
    }
    w->sees = NULL;
    assert_times_grow(0);
    assert_times_grow(2);
    for (size_t i = 0; i < tape.n; i++) {
        const struct node *reader = &w->nodes[tape.reader[i]];
        struct peer_stats before = *peer_stats(reader->p);
        uint64_t linked = rtc_with(reader, 2 - tape.reader[i]);
        data_comes(w, tape.reader[i], rtc_with(reader, 1), tape.text[i]);
        assert_int_equal(peer_stats(reader->p)->refused_total, before.refused_total + 1);
        pass(w, 2000);
        assert_int_equal(peer_stats(reader->p)->calls_total, before.calls_total);
        assert_int_equal(peer_stats(reader->p)->links_up, 2);
        assert_int_equal(rtc_with(reader, 2 - tape.reader[i]), linked);
        free(tape.text[i]);
    }
    world_end(w);
}

/* A connection request of Cid's to Ann, said at that time by Cid's clock, which Bob hands over. True: it was refused. */
static bool comes_late(struct world *w, const char *type, const char *id, uint64_t timestamp)
{
    struct span to = span_of(peer_id(w->nodes[0].p));
    struct span route[] = {span_of(peer_id(w->nodes[2].p)), span_of(peer_id(w->nodes[1].p))};
    char fingerprint[200];
    make_fingerprint(fingerprint, 3);
    char *sdp = make_sdp("late", fingerprint, "actpass");
    bool offer = strcmp(type, "offer") == 0;
    json_t *metadata = json_pack(
        "{s{ssssssss}}", "signal", "type", type, "to", to.p, "link", id, offer ? "sdp" : "candidate", offer ? sdp : "");
    char *text = json_dumps(metadata, JSON_COMPACT | JSON_SORT_KEYS);
    struct envelope e = {.type = ENVELOPE_CONNECTION_REQUEST,
        .id = span_of(id),
        .to = &to,
        .to_count = 1,
        .route = route,
        .route_count = 2,
        .timestamp = timestamp,
        .metadata = span_of(text)};
    char *envelope = forge_sealed(w, 2, 0, &e);
    uint64_t refused = refusals(w, 0), calls = peer_stats(w->nodes[0].p)->calls_total;
    data_comes(w, 0, rtc_with(&w->nodes[0], 1), envelope);
    bool is_refused = refusals(w, 0) == refused + 1;
    assert_int_equal(peer_stats(w->nodes[0].p)->calls_total, calls + (offer && !is_refused));
    pass(w, 1500); /* no offer comes too fast */
    free(envelope);
    free(text);
    json_decref(metadata);
    free(sdp);
    return is_refused;
}

static void link_again(struct world *w)
{
    pass(w, 1000);
    later(w, 0, PEER_RTC_FAILED, rtc_with(&w->nodes[0], 2), SPAN("ice"));
    pass(w, 20000);
    assert_int_equal(peer_stats(w->nodes[0].p)->links_up, 2);
}

static uint64_t by_the_clock(const struct world *w)
{
    return UNIX_START * 1000ull + w->now;
}

/* Bob kept some back, and Ann never heard them: what has been overtaken, by another or by the link itself, is refused. */
static void test_an_offer_that_was_delayed(void **state)
{
    (void)state;
    struct world *w = world_up(3);
    pass(w, 1000);
    uint64_t before = by_the_clock(w);
    link_again(w);
    assert_true(comes_late(w, "offer", "o0", before));
    assert_false(comes_late(w, "ice-candidate", "c0", before));
    uint64_t at = by_the_clock(w) + 1000;
    assert_false(comes_late(w, "offer", "o1", at + 5000));
    assert_true(comes_late(w, "offer", "o2", at + 4000));
    assert_true(comes_late(w, "offer", "o3", at + 5000));
    assert_false(comes_late(w, "offer", "o4", at + 6000));
    assert_false(comes_late(w, "ice-candidate", "c1", at + 5500));
    assert_true(comes_late(w, "ice-candidate", "c1", at + 5500));
    assert_false(comes_late(w, "ice-candidate", "c2", at + 80000));
    assert_false(comes_late(w, "ice-candidate", "another", at + 80000));
    assert_true(comes_late(w, "ice-candidate", "c3", at + 20000));
    assert_false(comes_late(w, "ice-candidate", "c4", at + 20001));
    world_end(w);
}

/* Cid's clock was an hour ahead. Ann remembers no more than 64 of its requests, and forgets none of them so that it can be
 * said again; once Cid has introduced itself by the right time, that counts. */
static void test_a_clock_that_was_ahead(void **state)
{
    (void)state;
    struct world *w = world_up(3);
    uint64_t ahead = by_the_clock(w) + 3600000;
    char id[16];
    for (unsigned i = 0; i < 70; i++) {
        snprintf(id, sizeof id, "c%u", i);
        assert_false(comes_late(w, "ice-candidate", id, ahead + i));
    }
    assert_true(comes_late(w, "ice-candidate", "c0", ahead));
    assert_true(comes_late(w, "offer", "o1", by_the_clock(w)));
    link_again(w);
    for (unsigned i = 0; i < 3; i++) {
        snprintf(id, sizeof id, "n%u", i);
        assert_false(comes_late(w, "offer", id, by_the_clock(w)));
    }
    world_end(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_quickest_of_what_is_left),
        cmocka_unit_test(test_three_relays_and_no_more),
        cmocka_unit_test(test_loops_and_long_ways),
        cmocka_unit_test(test_a_relay_that_meddles),
        cmocka_unit_test(test_an_open_word_on_the_way),
        cmocka_unit_test(test_a_gap_is_asked_for_through_others),
        cmocka_unit_test(test_given_up_is_told_through_others),
        cmocka_unit_test(test_in_passing),
        cmocka_unit_test(test_the_path_is_told),
        cmocka_unit_test(test_people_that_a_relay_reaches),
        cmocka_unit_test(test_friends_link_without_the_daemon),
        cmocka_unit_test(test_one_link_brings_the_others_back),
        cmocka_unit_test(test_a_replayed_offer_changes_nothing),
        cmocka_unit_test(test_an_offer_that_was_delayed),
        cmocka_unit_test(test_a_clock_that_was_ahead),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
