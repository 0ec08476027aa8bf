/* SPDX-License-Identifier: MIT
 *
 * Introduced peers that lie about files: offers that cannot be, frames that nobody asked for, wants of what is not theirs.
 * Each is refused, none touches a file, and an honest transfer goes on.
 */
#include "tests/unit/peer/forge.h"

#include "protocol/body.h"

static struct body_file_offer some_offer(const char *id, uint64_t size)
{
    struct body_file_offer b = {
        .file_id = span_of(id), .name = SPAN("forged.bin"), .size = size, .chunk_size = FILE_CHUNK_BYTES};
    memset(b.hash, 7, sizeof b.hash);
    return b;
}

static void envelope_comes(struct world *w, int from, int to, enum envelope_type type, struct buf *metadata)
{
    struct span reader = span_of(peer_id(w->nodes[to].p));
    struct envelope e = {.type = type, .to = &reader, .to_count = 1, .metadata = buf_view(metadata)};
    char *text = forge(w, from, &e);
    data_comes(w, to, rtc_with(&w->nodes[to], from), text);
    free(text);
    buf_done(metadata);
}

static void offer_comes(struct world *w, int from, int to, const struct body_file_offer *b)
{
    struct buf metadata;
    buf_init(&metadata, ENVELOPE_METADATA_MAX);
    assert_true(body_write_file_offer(&metadata, b));
    envelope_comes(w, from, to, ENVELOPE_FILE_OFFER, &metadata);
}

static void accept_comes(struct world *w, int from, int to, const char *id, const char *have)
{
    struct buf metadata;
    buf_init(&metadata, ENVELOPE_METADATA_MAX);
    assert_true(
        body_write_file_accept(&metadata, &(struct body_file_accept){.file_id = span_of(id), .have = span_of(have)}));
    envelope_comes(w, from, to, ENVELOPE_FILE_ACCEPT, &metadata);
}

static void frame_comes(struct world *w, int from, int to, struct file_frame f)
{
    struct buf frame;
    buf_init(&frame, PEER_MESSAGE_MAX);
    assert_true(file_frame_write(&frame, &f));
    feed(w, to,
        (struct peer_event){
            .type = PEER_DATA, .rtc = rtc_with(&w->nodes[to], from), .data = {3, true, buf_view(&frame)}});
    run(w);
    buf_done(&frame);
}

static void channel_comes(struct world *w, int from, int to)
{
    channel_opens(w, to, rtc_with(&w->nodes[to], from), 3, "usher-files");
}

/* What it refused since this was asked last. */
static uint64_t refused_now(struct world *w, int node)
{
    static uint64_t before;
    uint64_t now = peer_stats(w->nodes[node].p)->refused_total, more = now - before;
    before = now;
    return more;
}

static void test_offers_that_cannot_be(void **state)
{
    (void)state;
    struct world *w = world_up(3);
    struct node *bob = &w->nodes[1];
    refused_now(w, 1);
    struct body_file_offer b = some_offer("f1", (uint64_t)1 << 52);
    offer_comes(w, 0, 1, &b);
    b = some_offer("f2", (uint64_t)FILE_BLOCKS_MAX * FILE_BLOCK_BYTES + 1);
    offer_comes(w, 0, 1, &b);
    b = some_offer("f3", 1);
    b.chunk_size = 0;
    offer_comes(w, 0, 1, &b);
    b.chunk_size = FILE_CHUNK_MAX + 1;
    offer_comes(w, 0, 1, &b);
    assert_int_equal(count(bob, NOTICE_FILE_OFFER), 0);
    static const char *const WHY[] = {"too-large", "too-large", "bad-chunk-size", "bad-chunk-size"};
    assert_int_equal(count(bob, NOTICE_FILE_FAILED), 4);
    for (size_t i = 0; i < 4; i++) {
        const struct peer_notice *n = notice(bob, NOTICE_FILE_FAILED, i);
        assert_string_equal(n->reason, WHY[i]);
        assert_string_equal(n->from, peer_id(w->nodes[0].p));
        assert_string_equal(n->name, "forged.bin");
    }
    /* The largest is shown. */
    b = some_offer("f4", (uint64_t)FILE_BLOCKS_MAX * FILE_BLOCK_BYTES);
    offer_comes(w, 0, 1, &b);
    assert_int_equal(count(bob, NOTICE_FILE_OFFER), 1);
    offer_comes(w, 0, 1, &b);
    assert_int_equal(count(bob, NOTICE_FILE_OFFER), 1);
    assert_int_equal(count(bob, NOTICE_FILE_FAILED), 4);
    assert_int_equal(refused_now(w, 1), 0);
    b.size--; /* two offers with one id */
    offer_comes(w, 0, 1, &b);
    b = some_offer("f4", (uint64_t)FILE_BLOCKS_MAX * FILE_BLOCK_BYTES);
    b.hash[0]++;
    offer_comes(w, 0, 1, &b);
    b.hash[0]--;
    offer_comes(w, 2, 1, &b); /* or of somebody else */
    assert_int_equal(refused_now(w, 1), 3);
    assert_int_equal(count(bob, NOTICE_FILE_OFFER), 1);
    world_end(w);
}

/* What envelope_parse takes for none, on a link: both hear what was wrong. */
static void test_offers_that_are_no_envelopes(void **state)
{
    (void)state;
    static const struct {
        const char *metadata, *id, *code;
    } OFFERS[] = {
        {"\"fileId\":\"f1\",\"name\":\"\",\"size\":1", "f1", "bad-name"},
        {"\"fileId\":\"f2\",\"name\":\"a\\u0000b\",\"size\":1", "f2", "bad-name"},
        {"\"fileId\":\"f3\",\"name\":\"a\",\"size\":-1", "f3", "bad-size"},
        {"\"fileId\":\"f4\",\"name\":\"a\",\"size\":9223372036854775808", "f4", "bad-size"},
        {"\"fileId\":\"../x\",\"name\":\"a\",\"size\":1", "", "bad-id"},
    };
    struct world *w = world_up(2);
    struct node *ann = &w->nodes[0], *bob = &w->nodes[1];
    refused_now(w, 1);
    for (size_t i = 0; i < sizeof OFFERS / sizeof *OFFERS; i++) {
        char text[512];
        snprintf(text, sizeof text, "{\"type\":\"file_offer\",\"content\":{\"metadata\":{%s}}}", OFFERS[i].metadata);
        data_comes(w, 1, rtc_with(bob, 0), text);
        const struct peer_notice *n = notice(bob, NOTICE_FILE_FAILED, i);
        assert_non_null(n);
        assert_string_equal(n->id, OFFERS[i].id);
        assert_string_equal(n->reason, OFFERS[i].code);
        assert_string_equal(n->from, peer_id(ann->p));
        assert_int_equal(refused_now(w, 1), 1);
    }
    /* Not one for each of very many; and what is no offer is refused as ever. */
    for (int i = 0; i < 100; i++)
        data_comes(w, 1, rtc_with(bob, 0), "{\"type\":\"file_offer\"}");
    assert_int_equal(count(bob, NOTICE_FILE_FAILED), 8);
    data_comes(w, 1, rtc_with(bob, 0), "{\"type\":\"file_accept\"}");
    assert_int_equal(count(bob, NOTICE_FILE_FAILED), 8);
    assert_int_equal(refused_now(w, 1), 101);
    assert_int_equal(count(bob, NOTICE_FILE_OFFER), 0);
    world_end(w);
}

/* Ann's own offer, as it came to Bob, is refused by him: she hears why, in words. */
static void test_who_offers_hears_why_not(void **state)
{
    (void)state;
    struct world *w = world_up(2);
    struct node *ann = &w->nodes[0];
    struct span to;
    files_make(ann, "a.bin", 1000);
    feed(w, 0, files_send_event(w, 1, "a.bin", &to));
    run(w);
    struct buf metadata;
    buf_init(&metadata, ENVELOPE_METADATA_MAX);
    const char *id = notice(&w->nodes[1], NOTICE_FILE_OFFER, 0)->id;
    assert_true(body_write_file_decline(&metadata, &(struct body_file_decline){span_of(id), SPAN("bad-size")}));
    envelope_comes(w, 1, 0, ENVELOPE_FILE_DECLINE, &metadata);
    const struct peer_notice *n = notice(ann, NOTICE_FILE_FAILED, 0);
    assert_string_equal(n->reason, "bad-size");
    assert_non_null(strstr(n->text, "an integer from 0 to 274877906944"));
    world_end(w);
}

/* Ann offers, Bob accepts, and what is asked for does not come. */
static struct world *world_of_a_stall(bool refused)
{
    struct world *w = world_up(2);
    struct node *ann = &w->nodes[0];
    struct span to;
    struct toy_file *f = files_make(ann, "a.bin", 3 * FILE_BLOCK_BYTES);
    feed(w, 0, files_send_event(w, 1, "a.bin", &to));
    run(w);
    f->silent = !refused;
    f->problem = refused ? "io" : NULL;
    const char *id = notice(&w->nodes[1], NOTICE_FILE_OFFER, 0)->id;
    feed(w, 1, (struct peer_event){.type = PEER_FILE_ACCEPT, .accept_file = {span_of(id), SPAN("d")}});
    run(w);
    return w;
}

static void test_nothing_comes(void **state)
{
    (void)state;
    for (int refused = 0; refused < 2; refused++) {
        struct world *w = world_of_a_stall(refused);
        struct node *ann = &w->nodes[0], *bob = &w->nodes[1];
        pass(w, 19000);
        assert_int_equal(count(bob, NOTICE_FILE_STALLED), 0);
        pass(w, 2000);
        assert_int_equal(count(bob, NOTICE_FILE_STALLED), 1);
        assert_string_equal(notice(bob, NOTICE_FILE_STALLED, 0)->from, peer_id(ann->p));
        pass(w, 38000);
        assert_int_equal(count(bob, NOTICE_FILE_FAILED), 0);
        pass(w, 2000);
        assert_int_equal(count(bob, NOTICE_FILE_STALLED), 1);
        assert_string_equal(notice(bob, NOTICE_FILE_FAILED, 0)->reason, "stalled");
        assert_string_equal(notice(ann, NOTICE_FILE_FAILED, 0)->reason, "stalled");
        world_end(w);
    }
}

/* What she gave before her file changed goes: nobody has that content any more. */
static void test_a_changed_file_leaves_nothing(void **state)
{
    (void)state;
    struct world *w = world_of_a_stall(false);
    struct node *bob = &w->nodes[1];
    struct buf metadata;
    buf_init(&metadata, ENVELOPE_METADATA_MAX);
    assert_non_null(files_named(bob, "a.bin", true));
    const char *id = notice(bob, NOTICE_FILE_OFFER, 0)->id;
    assert_true(body_write_file_decline(&metadata, &(struct body_file_decline){span_of(id), SPAN("file-changed")}));
    envelope_comes(w, 0, 1, ENVELOPE_FILE_DECLINE, &metadata);
    assert_string_equal(notice(bob, NOTICE_FILE_FAILED, 0)->reason, "file-changed");
    assert_null(files_named(bob, "a.bin", true));
    world_end(w);
}

/* A folder that is none: nobody else hears of it, and another may be named. */
static void test_a_folder_that_is_none(void **state)
{
    (void)state;
    struct world *w = world_up(2);
    struct node *ann = &w->nodes[0], *bob = &w->nodes[1];
    struct span to;
    files_make(ann, "a.bin", 1000);
    feed(w, 0, files_send_event(w, 1, "a.bin", &to));
    run(w);
    struct span id = span_of(notice(bob, NOTICE_FILE_OFFER, 0)->id);
    feed(w, 1, (struct peer_event){.type = PEER_FILE_ACCEPT, .accept_file = {id, SPAN("none")}});
    run(w);
    assert_string_equal(notice(bob, NOTICE_ERROR, 0)->code, "no-folder");
    assert_true(span_is(id, notice(bob, NOTICE_ERROR, 0)->id));
    assert_int_equal(count(bob, NOTICE_FILE_FAILED) + count(ann, NOTICE_FILE_FAILED), 0);
    feed(w, 1, (struct peer_event){.type = PEER_FILE_ACCEPT, .accept_file = {id, SPAN("d")}});
    run(w);
    assert_int_equal(count(bob, NOTICE_FILE_COMPLETE), 1);
    world_end(w);
}

/* She is asked again, and then gives: it goes on, and is no stall any more. */
static void test_it_comes_after_all(void **state)
{
    (void)state;
    struct world *w = world_of_a_stall(false);
    struct node *ann = &w->nodes[0], *bob = &w->nodes[1];
    pass(w, 30000);
    assert_int_equal(count(bob, NOTICE_FILE_STALLED), 1);
    files_named(ann, "a.bin", false)->silent = false;
    pass(w, 20000);
    assert_int_equal(count(bob, NOTICE_FILE_COMPLETE), 1);
    assert_int_equal(peer_stats(bob->p)->refused_total, 0);
    world_end(w);
}

/* Bob waits for himself, or for her to say that she goes on: no stall. */
static void test_a_pause_is_no_stall(void **state)
{
    (void)state;
    for (int who = 0; who < 2; who++) {
        struct world *w = world_of_a_stall(false);
        struct node *bob = &w->nodes[1];
        const char *id = notice(bob, NOTICE_FILE_OFFER, 0)->id;
        feed(w, who, (struct peer_event){.type = PEER_FILE_PAUSE, .file_id = span_of(id)});
        pass(w, 200000);
        assert_int_equal(count(bob, NOTICE_FILE_STALLED), 0);
        assert_int_equal(count(bob, NOTICE_FILE_FAILED), 0);
        world_end(w);
    }
}

static void test_ten_thousand_offers(void **state)
{
    (void)state;
    struct world *w = world_up(3);
    struct node *bob = &w->nodes[1];
    char id[16];
    for (int i = 0; i < 10000; i++) {
        snprintf(id, sizeof id, "f%d", i);
        struct body_file_offer b = some_offer(id, 1);
        b.hash[1] = (uint8_t)i;
        b.hash[2] = (uint8_t)(i >> 8);
        offer_comes(w, 0, 1, &b);
    }
    assert_int_equal(count(bob, NOTICE_FILE_OFFER), 256);
    struct body_file_offer b = some_offer("other", 1); /* Cid's is shown all the same */
    offer_comes(w, 2, 1, &b);
    assert_int_equal(count(bob, NOTICE_FILE_OFFER), 257);
    world_end(w);
}

/* Cid wants what is for Bob. */
static void test_wants_of_others_files(void **state)
{
    (void)state;
    struct world *w = world_up(3);
    struct node *ann = &w->nodes[0];
    files_make(ann, "a.bin", 3 * FILE_BLOCK_BYTES);
    struct span id;
    feed(w, 0, files_send_event(w, 1, "a.bin", &id));
    run(w);
    const char *file = notice(&w->nodes[1], NOTICE_FILE_OFFER, 0)->id;
    channel_comes(w, 2, 0);
    accept_comes(w, 2, 0, file, "");
    frame_comes(w, 2, 0, (struct file_frame){FILE_FRAME_HASHES_WANTED, span_of(file), 0, 0, 0, {0}});
    frame_comes(w, 2, 0, (struct file_frame){FILE_FRAME_WANTED, span_of(file), 0, 0, 1000, {0}});
    frame_comes(w, 2, 0, (struct file_frame){FILE_FRAME_WANTED, SPAN("none"), 0, 0, 1000, {0}});
    assert_int_equal(peer_stats(ann->p)->blocks_given_total, 0);
    /* Nor may Bob before he has accepted, or behind the end. */
    channel_comes(w, 1, 0);
    frame_comes(w, 1, 0, (struct file_frame){FILE_FRAME_WANTED, span_of(file), 0, 0, 1000, {0}});
    assert_int_equal(peer_stats(ann->p)->blocks_given_total, 0);
    accept_comes(w, 1, 0, file, "");
    frame_comes(w, 1, 0, (struct file_frame){FILE_FRAME_WANTED, span_of(file), 3, 0, 1000, {0}});
    assert_int_equal(peer_stats(ann->p)->blocks_given_total, 0);
    frame_comes(w, 1, 0, (struct file_frame){FILE_FRAME_WANTED, span_of(file), 2, 0, 1000, {0}});
    assert_int_equal(peer_stats(ann->p)->blocks_given_total, 1);
    world_end(w);
}

static void test_maps_that_cannot_be(void **state)
{
    (void)state;
    struct world *w = world_up(2);
    struct node *ann = &w->nodes[0];
    struct span id;
    files_make(ann, "a.bin", 3 * FILE_BLOCK_BYTES);
    feed(w, 0, files_send_event(w, 1, "a.bin", &id));
    run(w);
    const char *file = notice(&w->nodes[1], NOTICE_FILE_OFFER, 0)->id;
    refused_now(w, 0);
    static const char *const MAPS[] = {
        "AAA=", "CA==", "/w==", "A", "AAAA"}; /* too long, or of blocks behind the last */
    for (size_t i = 0; i < sizeof MAPS / sizeof *MAPS; i++) {
        accept_comes(w, 1, 0, file, MAPS[i]);
        assert_int_equal(refused_now(w, 0), 1);
    }
    accept_comes(w, 1, 0, file, "Bw=="); /* all three */
    assert_int_equal(refused_now(w, 0), 0);
    world_end(w);
}

/* Bytes and hashes that were not asked for are not written. */
static void test_what_nobody_asked_for(void **state)
{
    (void)state;
    struct world *w = world_up(3);
    struct node *bob = &w->nodes[1];
    static char bytes[FILE_CHUNK_BYTES];
    struct body_file_offer b = some_offer("f1", 3 * FILE_BLOCK_BYTES);
    offer_comes(w, 0, 1, &b);
    channel_comes(w, 0, 1);
    channel_comes(w, 2, 1);
    refused_now(w, 1);
    frame_comes(w, 0, 1, (struct file_frame){FILE_FRAME_HASHES, SPAN("f1"), 0, 0, 0, {bytes, 96}});
    frame_comes(w, 0, 1, (struct file_frame){FILE_FRAME_CHUNK, SPAN("f1"), 0, 0, 0, {bytes, sizeof bytes}});
    assert_int_equal(refused_now(w, 1), 2);
    w->cut = true; /* the real Ann knows of no such offer */
    feed(w, 1, (struct peer_event){.type = PEER_FILE_ACCEPT, .accept_file = {SPAN("f1"), SPAN("d")}});
    run(w);
    /* Of somebody else, past the end, not from where they are known. */
    frame_comes(w, 2, 1, (struct file_frame){FILE_FRAME_HASHES, SPAN("f1"), 0, 0, 0, {bytes, 96}});
    frame_comes(w, 0, 1, (struct file_frame){FILE_FRAME_HASHES, SPAN("f1"), 1, 0, 0, {bytes, 64}});
    frame_comes(w, 0, 1, (struct file_frame){FILE_FRAME_HASHES, SPAN("f1"), 0, 0, 0, {bytes, 128}});
    frame_comes(w, 0, 1, (struct file_frame){FILE_FRAME_CHUNK, SPAN("f1"), 0, 0, 0, {bytes, sizeof bytes}});
    assert_int_equal(refused_now(w, 1), 4);
    frame_comes(w, 0, 1, (struct file_frame){FILE_FRAME_HASHES, SPAN("f1"), 0, 0, 0, {bytes, 96}});
    assert_int_equal(count(bob, NOTICE_FILE_FAILED), 1); /* they do not agree with the root */
    assert_string_equal(notice(bob, NOTICE_FILE_FAILED, 0)->reason, "wrong-hashes");
    assert_null(files_named(bob, "forged.bin", true)); /* nothing of it is left */
    frame_comes(w, 0, 1, (struct file_frame){FILE_FRAME_CHUNK, SPAN("f1"), 0, 0, 0, {bytes, sizeof bytes}});
    assert_int_equal(refused_now(w, 1), 0); /* it was accepted: they may have been on their way */
    world_end(w);
}

/* While a block comes: of somebody else, twice, with a hole, past its end. */
static void test_a_block_out_of_order(void **state)
{
    (void)state;
    struct world *w = world_up(3);
    static char block[FILE_BLOCK_BYTES];
    uint8_t hash[HASH_BYTES];
    toy_sha256(NULL, (struct span){block, sizeof block}, hash);
    struct body_file_offer b = some_offer("f1", FILE_BLOCK_BYTES);
    toy_sha256(NULL, (struct span){(char *)hash, sizeof hash}, b.hash);
    offer_comes(w, 0, 1, &b);
    channel_comes(w, 0, 1);
    channel_comes(w, 2, 1);
    w->cut = true; /* the real Ann knows of no such offer */
    feed(w, 1, (struct peer_event){.type = PEER_FILE_ACCEPT, .accept_file = {SPAN("f1"), SPAN("d")}});
    run(w);
    frame_comes(w, 0, 1, (struct file_frame){FILE_FRAME_HASHES, SPAN("f1"), 0, 0, 0, {(char *)hash, sizeof hash}});
    refused_now(w, 1);
    frame_comes(w, 2, 1, (struct file_frame){FILE_FRAME_CHUNK, SPAN("f1"), 0, 0, 0, {block, 16384}});
    frame_comes(w, 0, 1, (struct file_frame){FILE_FRAME_CHUNK, SPAN("f1"), 0, 16384, 0, {block, 16384}});
    assert_int_equal(refused_now(w, 1), 2);
    frame_comes(w, 0, 1, (struct file_frame){FILE_FRAME_CHUNK, SPAN("f1"), 0, 0, 0, {block, 16384}});
    assert_int_equal(refused_now(w, 1), 0);
    frame_comes(w, 0, 1, (struct file_frame){FILE_FRAME_CHUNK, SPAN("f1"), 0, 0, 0, {block, 16384}});
    assert_int_equal(refused_now(w, 1), 1);
    for (uint32_t at = 16384; at < FILE_BLOCK_BYTES; at += 16384)
        frame_comes(w, 0, 1, (struct file_frame){FILE_FRAME_CHUNK, SPAN("f1"), 0, at, 0, {block, 16384}});
    assert_int_equal(refused_now(w, 1), 0);
    assert_int_equal(count(&w->nodes[1], NOTICE_FILE_COMPLETE), 1);
    world_end(w);
}

/* A sender who gives what nobody asked for, and not what was: it is over at the third. */
static void test_bytes_that_never_fit(void **state)
{
    (void)state;
    for (int outside = 0; outside < 2; outside++) {
        struct world *w = world_of_a_stall(false);
        struct node *bob = &w->nodes[1];
        const char *id = notice(bob, NOTICE_FILE_OFFER, 0)->id;
        struct file_frame f = {FILE_FRAME_CHUNK, span_of(id), 7, 0, 0, {"some bytes", 10}};
        struct buf b;
        buf_init(&b, 200);
        f.block = outside ? 0 : 7;
        assert_true(file_frame_write(&b, &f));
        if (outside) /* the offset's first byte */
            b.p[b.len - 14] = 0x40;
        for (int i = 0; i < 3; i++) {
            assert_int_equal(count(bob, NOTICE_FILE_FAILED), 0);
            feed(
                w, 1, (struct peer_event){.type = PEER_DATA, .rtc = rtc_with(bob, 0), .data = {3, true, buf_view(&b)}});
            run(w);
        }
        assert_string_equal(notice(bob, NOTICE_FILE_FAILED, 0)->reason, "wrong-data");
        buf_done(&b);
        world_end(w);
    }
}

/* More than may wait is refused, and what waits is given. */
static void test_a_thousand_wants(void **state)
{
    (void)state;
    struct world *w = world_up(2);
    struct node *ann = &w->nodes[0];
    struct span id;
    files_make(ann, "a.bin", 3 * FILE_BLOCK_BYTES);
    feed(w, 0, files_send_event(w, 1, "a.bin", &id));
    run(w);
    const char *file = notice(&w->nodes[1], NOTICE_FILE_OFFER, 0)->id;
    accept_comes(w, 1, 0, file, "");
    refused_now(w, 0);
    struct buf frame; /* the channel is not open: nothing can be given yet */
    buf_init(&frame, 100);
    file_frame_write(&frame, &(struct file_frame){FILE_FRAME_WANTED, span_of(file), 0, 0, 1000, {0}});
    channel_comes(w, 1, 0);
    for (int i = 0; i < 1000; i++)
        feed(
            w, 0, (struct peer_event){.type = PEER_DATA, .rtc = rtc_with(ann, 1), .data = {3, true, buf_view(&frame)}});
    run(w);
    buf_done(&frame);
    assert_int_equal(refused_now(w, 0), 1000 - 64 - 2); /* two are in hand */
    assert_int_equal(peer_stats(ann->p)->blocks_given_total, 66);
    world_end(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_offers_that_cannot_be),
        cmocka_unit_test(test_offers_that_are_no_envelopes),
        cmocka_unit_test(test_who_offers_hears_why_not),
        cmocka_unit_test(test_nothing_comes),
        cmocka_unit_test(test_a_changed_file_leaves_nothing),
        cmocka_unit_test(test_a_folder_that_is_none),
        cmocka_unit_test(test_it_comes_after_all),
        cmocka_unit_test(test_a_pause_is_no_stall),
        cmocka_unit_test(test_bytes_that_never_fit),
        cmocka_unit_test(test_ten_thousand_offers),
        cmocka_unit_test(test_wants_of_others_files),
        cmocka_unit_test(test_maps_that_cannot_be),
        cmocka_unit_test(test_what_nobody_asked_for),
        cmocka_unit_test(test_a_block_out_of_order),
        cmocka_unit_test(test_a_thousand_wants),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
