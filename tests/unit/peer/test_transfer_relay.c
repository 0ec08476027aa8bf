/* SPDX-License-Identifier: MIT
 *
 * Files to somebody without a link: they go through others, who learn nothing of them and keep nothing, and over the link as
 * soon as there is one.
 */
#include "protocol/body.h"
#include "tests/unit/peer/forge.h"

enum {
    /* peer/core/bounds.h */
    RELAYED_STRETCH = 64 * 1024,
    RELAYED_FRAMES_BURST = 256,
    SMALL = 2 * FILE_BLOCK_BYTES + 700001, /* three blocks */
    BEHIND_MS = 10000                      /* in a line everybody knows by then who is linked with whom */
};

static void offer_file(struct world *w, int from, int to, const char *name)
{
    struct span id;
    feed(w, from, files_send_event(w, to, name, &id));
    run(w);
}

static void accept_offer(struct world *w, int node)
{
    const struct peer_notice *offer = notice(&w->nodes[node], NOTICE_FILE_OFFER, 0);
    assert_non_null(offer);
    feed(
        w, node, (struct peer_event){.type = PEER_FILE_ACCEPT, .accept_file = {span_of(offer->id), SPAN("downloads")}});
    run(w);
}

static bool is_whole(struct world *w, int node, int from, const char *name)
{
    struct toy_file *sent = files_named(&w->nodes[from], name, false), *got = files_named(&w->nodes[node], name, true);
    return got && got->finished && memcmp(got->bytes, sent->bytes, sent->size) == 0 &&
           count(&w->nodes[node], NOTICE_FILE_COMPLETE) == 1;
}

static void test_through_others(void **state)
{
    (void)state;
    for (int last = 2; last <= 4; last++) {
        struct world *w = world_in_line(last + 1, BEHIND_MS);
        struct node *ann = &w->nodes[0];
        struct toy_file *f = files_make(ann, "a.bin", SMALL);
        memcpy(f->bytes + 5000, "the secret", 10);
        w->watch = "the secret";
        offer_file(w, 0, last, "a.bin");
        accept_offer(w, last);
        assert_false(is_whole(w, last, 0, "a.bin")); /* a link may come up */
        pass(w, 30000);
        assert_true(is_whole(w, last, 0, "a.bin"));
        assert_int_equal(count(ann, NOTICE_FILE_COMPLETE), 1);
        for (int i = 1; i < last; i++) {
            assert_true(peer_stats(w->nodes[i].p)->files_relayed_total > SMALL / FILE_CHUNK_BYTES);
            assert_int_equal(count(&w->nodes[i], NOTICE_FILE_OFFER), 0);
            assert_null(w->nodes[i].files);
        }
        for (int i = 0; i <= last; i++) {
            assert_int_equal(w->watched[i], 0);
            assert_int_equal(peer_stats(w->nodes[i].p)->refused_total, 0);
            assert_int_equal(rows_with(&w->nodes[i], "file_chunk"), 0);
        }
        world_end(w);
    }
}

static void test_nothing_through_others(void **state)
{
    (void)state;
    struct world *w = world_in_line(3, BEHIND_MS);
    files_make(&w->nodes[0], "a.bin", 0);
    offer_file(w, 0, 2, "a.bin");
    accept_offer(w, 2);
    pass(w, 10000);
    assert_true(is_whole(w, 2, 0, "a.bin"));
    world_end(w);
}

/* ---- what is lost ---- */

static unsigned every; /* so many frames that pass come, and the next is lost */

static bool is_passed(const struct event *e)
{
    return e->ev.type == PEER_DATA && e->ev.data.channel == 3 && !e->ev.data.binary;
}

static void lose_some(struct world *w, const struct event *e)
{
    if (!is_passed(e) || ++w->counted % every != 0)
        return;
    ((struct event *)(uintptr_t)e)->ev = (struct peer_event){.type = PEER_TIME};
}

static void test_what_is_lost_comes_again(void **state)
{
    (void)state;
    static const unsigned EVERY[] = {5, 7, 17, 50};
    for (size_t i = 0; i < sizeof EVERY / sizeof *EVERY; i++) {
        struct world *w = world_in_line(3, BEHIND_MS);
        files_make(&w->nodes[0], "a.bin", SMALL);
        offer_file(w, 0, 2, "a.bin");
        every = EVERY[i];
        w->counted = 0;
        w->sees = lose_some;
        accept_offer(w, 2);
        pass(w, 3600000);
        assert_true(is_whole(w, 2, 0, "a.bin"));
        assert_int_equal(peer_stats(w->nodes[2].p)->blocks_wrong_total, 0);
        world_end(w);
    }
}

/* ---- the link and back ---- */

static uint64_t frames_until;

static void stop_at_a_frame(struct world *w, const struct event *e)
{
    struct event *on_its_way, *next;
    if (!is_passed(e) || ++w->counted != frames_until)
        return;
    w->cut = true;
    DL_FOREACH_SAFE (w->queue, on_its_way, next)
        if (is_passed(on_its_way)) {
            DL_DELETE(w->queue, on_its_way);
            event_free(on_its_way);
        }
}

/* In the midst of it the two can be linked: the rest goes over the link, and no block that was there comes again. */
static void test_a_link_comes_up(void **state)
{
    (void)state;
    struct world *w = world_in_line(3, BEHIND_MS);
    struct node *ann = &w->nodes[0], *bob = &w->nodes[1], *cid = &w->nodes[2];
    files_make(ann, "a.bin", 20 * FILE_BLOCK_BYTES);
    offer_file(w, 0, 2, "a.bin");
    frames_until = 7 * 64;
    w->counted = 0;
    w->sees = stop_at_a_frame;
    accept_offer(w, 2);
    pass(w, 4000);
    assert_true(w->cut);
    w->sees = NULL;
    w->cut = false;
    uint64_t before = peer_stats(cid->p)->blocks_had_total;
    assert_true(before > 0);
    part(w, 0, 2, false);
    uint64_t passed = peer_stats(bob->p)->files_relayed_total;
    pass(w, 60000);
    assert_true(is_whole(w, 2, 0, "a.bin"));
    assert_true(peer_stats(ann->p)->blocks_given_total <= 20 - before);
    assert_true(peer_stats(ann->p)->blocks_given_total > 0);
    assert_true(peer_stats(bob->p)->files_relayed_total - passed < 15 * 64);
    assert_int_equal(peer_stats(cid->p)->blocks_had_total, 20);
    world_end(w);
}

static uint64_t chunks_until;

/* The two have no link any more; what both have with Bob stays. */
static void part_at_a_chunk(struct world *w, const struct event *e)
{
    struct event *on_its_way, *next;
    bool chunk = e->ev.type == PEER_DATA && e->ev.data.binary && e->ev.data.bytes.n > 1000;
    if (!chunk || ++w->counted != chunks_until)
        return;
    part(w, 0, 2, true);
    DL_FOREACH_SAFE (w->queue, on_its_way, next)
        if (on_its_way->ev.type == PEER_DATA && on_its_way->ev.data.binary) {
            DL_DELETE(w->queue, on_its_way);
            event_free(on_its_way);
        }
}

static void test_a_link_is_lost(void **state)
{
    (void)state;
    struct world *w = world_up(3);
    struct node *cid = &w->nodes[2];
    pass(w, BEHIND_MS);
    files_make(&w->nodes[0], "a.bin", 5 * FILE_BLOCK_BYTES);
    offer_file(w, 0, 2, "a.bin");
    chunks_until = 2 * 64 + 3;
    w->counted = 0;
    w->sees = part_at_a_chunk;
    accept_offer(w, 2);
    assert_int_equal(peer_stats(cid->p)->blocks_had_total, 2);
    w->sees = NULL;
    pass(w, 120000);
    assert_true(is_whole(w, 2, 0, "a.bin"));
    assert_int_equal(peer_stats(cid->p)->blocks_had_total, 5);
    assert_true(peer_stats(w->nodes[1].p)->files_relayed_total >= 3 * 64);
    world_end(w);
}

/* The two have no link any more, and io sends nothing of what it has in hand. */
static void part_at_what_is_given_first(struct world *w, const struct event *e)
{
    if (e->ev.type != PEER_FILE_GIVEN)
        return;
    part(w, 0, 2, true);
    w->counted++;
    ((struct event *)e)->ev.given.ticket = 0; /* as if it had not come */
}

/* What else stands in the sender's queue was wanted over that link: it does not hold up what is wanted through others. */
static void test_a_link_is_lost_with_much_wanted(void **state)
{
    (void)state;
    struct world *w = world_up(3);
    pass(w, BEHIND_MS);
    files_make(&w->nodes[0], "a.bin", 10 * FILE_BLOCK_BYTES);
    offer_file(w, 0, 2, "a.bin");
    w->counted = 0;
    w->sees = part_at_what_is_given_first;
    accept_offer(w, 2);
    assert_int_equal(w->counted, 2); /* of ten: the others wait */
    w->sees = NULL;
    pass(w, 120000);
    assert_true(is_whole(w, 2, 0, "a.bin"));
    world_end(w);
}

/* ---- abuse ---- */

static uint64_t rtc_with_node(const struct node *n, int with)
{
    for (size_t i = 0; i < n->rtc_n; i++)
        if (n->rtcs[i].live && n->rtcs[i].with == with)
            return n->rtcs[i].id;
    return 0;
}

static void frame_comes(struct world *w, int node, int from, const char *text)
{
    feed(w, node,
        (struct peer_event){
            .type = PEER_DATA, .rtc = rtc_with_node(&w->nodes[node], from), .data = {3, false, span_of(text)}});
    run(w);
}

/* A frame of `from` to `to`, on its way from `from`. The caller frees it. */
static char *sealed_frame(struct world *w, int from, int to, const struct file_frame *f, uint64_t stamp)
{
    struct buf frame, metadata;
    struct span route = span_of(peer_id(w->nodes[from].p)), reader = span_of(peer_id(w->nodes[to].p));
    buf_init(&frame, ENVELOPE_FILE_FRAME_MAX);
    buf_init(&metadata, ENVELOPE_METADATA_MAX);
    assert_true(file_frame_write(&frame, f) && body_write_file_chunk(&metadata, buf_view(&frame)));
    struct envelope e = {.type = ENVELOPE_FILE_CHUNK,
        .to = &reader,
        .to_count = 1,
        .route = &route,
        .route_count = 1,
        .timestamp = stamp,
        .metadata = buf_view(&metadata)};
    char *text = forge_sealed(w, from, to, &e);
    buf_done(&frame);
    buf_done(&metadata);
    return text;
}

/* Ann, Bob and Cid; Cid has taken a file of Ann's, and there are channels of files. */
static struct world *after_a_file(void)
{
    struct world *w = world_in_line(3, BEHIND_MS);
    files_make(&w->nodes[0], "a.bin", SMALL);
    offer_file(w, 0, 2, "a.bin");
    accept_offer(w, 2);
    return w;
}

static void test_no_frame_comes_twice(void **state)
{
    (void)state;
    struct world *w = after_a_file();
    const char *id = notice(&w->nodes[2], NOTICE_FILE_OFFER, 0)->id;
    pass(w, 4000);
    struct file_frame wanted = {.type = FILE_FRAME_WANTED, .file_id = span_of(id), .n = 1000};
    struct file_frame too_much = {.type = FILE_FRAME_WANTED, .file_id = span_of(id), .n = RELAYED_STRETCH + 1};
    uint64_t later_on = unix_of(w, 2) + 10000;
    char *text = sealed_frame(w, 2, 0, &wanted, later_on), *more = sealed_frame(w, 2, 0, &too_much, later_on + 1);
    uint64_t refused = peer_stats(w->nodes[0].p)->refused_total;
    frame_comes(w, 0, 1, text);
    assert_int_equal(peer_stats(w->nodes[0].p)->refused_total, refused);
    frame_comes(w, 0, 1, text); /* whoever passes it on does so again */
    assert_int_equal(peer_stats(w->nodes[0].p)->refused_total, refused + 1);
    frame_comes(w, 0, 1, more);
    assert_int_equal(peer_stats(w->nodes[0].p)->refused_total, refused + 2);
    free(text);
    free(more);
    world_end(w);
}

/* Neither changed on its way, nor without a seal, nor among the messages, nor a message among the frames. */
static void test_what_is_refused(void **state)
{
    (void)state;
    struct world *w = after_a_file();
    pass(w, 30000);
    struct node *ann = &w->nodes[0];
    const char *id = notice(&w->nodes[2], NOTICE_FILE_OFFER, 0)->id;
    struct file_frame stop = {.type = FILE_FRAME_STOP, .file_id = span_of(id)};
    uint64_t refused = peer_stats(ann->p)->refused_total, stamp = unix_of(w, 2) + 10000;
    char *text = sealed_frame(w, 2, 0, &stop, stamp);
    data_comes(w, 0, rtc_with_node(ann, 1), text);
    assert_int_equal(peer_stats(ann->p)->refused_total, ++refused);
    char *seal = strstr(text, "\"encrypted\":\"") + strlen("\"encrypted\":\"");
    *seal = *seal == 'A' ? 'B' : 'A';
    frame_comes(w, 0, 1, text);
    assert_int_equal(peer_stats(ann->p)->refused_total, ++refused);
    struct span us = span_of(peer_id(ann->p)), route = span_of(peer_id(w->nodes[2].p));
    struct envelope bare = {.type = ENVELOPE_FILE_CHUNK,
        .to = &us,
        .to_count = 1,
        .route = &route,
        .route_count = 1,
        .timestamp = stamp + 1,
        .metadata = SPAN("{\"frame\":\"BgFhAAAAAA==\"}")};
    char *open = forge(w, 2, &bare);
    frame_comes(w, 0, 1, open);
    assert_int_equal(peer_stats(ann->p)->refused_total, ++refused);
    struct envelope typing = {.type = ENVELOPE_TYPING_INDICATOR, .to = &us, .to_count = 1};
    char *message = forge(w, 1, &typing);
    frame_comes(w, 0, 1, message);
    frame_comes(w, 0, 1, "none");
    assert_int_equal(peer_stats(ann->p)->refused_total, refused + 2);
    free(text);
    free(open);
    free(message);
    world_end(w);
}

/* Whoever sends much through somebody is passed on so much, and no more. */
static void test_what_is_lent(void **state)
{
    (void)state;
    struct world *w = after_a_file();
    pass(w, 30000);
    struct node *bob = &w->nodes[1];
    struct file_frame stop = {.type = FILE_FRAME_STOP, .file_id = SPAN("f")};
    uint64_t before = peer_stats(bob->p)->files_relayed_total, dropped = peer_stats(bob->p)->relay_dropped_total;
    char *text = sealed_frame(w, 0, 2, &stop, unix_of(w, 0) + 10000);
    for (unsigned i = 0; i < RELAYED_FRAMES_BURST + 100; i++)
        feed(w, 1,
            (struct peer_event){.type = PEER_DATA, .rtc = rtc_with_node(bob, 0), .data = {3, false, span_of(text)}});
    assert_int_equal(peer_stats(bob->p)->files_relayed_total - before, RELAYED_FRAMES_BURST);
    assert_int_equal(peer_stats(bob->p)->relay_dropped_total - dropped, 100);
    free(text);
    world_end(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_through_others),
        cmocka_unit_test(test_nothing_through_others),
        cmocka_unit_test(test_what_is_lost_comes_again),
        cmocka_unit_test(test_a_link_comes_up),
        cmocka_unit_test(test_a_link_is_lost),
        cmocka_unit_test(test_a_link_is_lost_with_much_wanted),
        cmocka_unit_test(test_no_frame_comes_twice),
        cmocka_unit_test(test_what_is_refused),
        cmocka_unit_test(test_what_is_lent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
