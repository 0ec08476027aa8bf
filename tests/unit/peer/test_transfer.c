/* SPDX-License-Identifier: MIT
 *
 * Files between cores: each way a transfer begins, breaks, goes on and ends.
 */
#include "tests/unit/peer/world.h"

enum {
    SMALL = 2 * FILE_BLOCK_BYTES + 700001 /* three blocks */
};

static void offer_file(struct world *w, int from, int to, const char *name)
{
    struct span id;
    feed(w, from, files_send_event(w, to, name, &id));
    run(w);
}

static const char *offered(const struct node *n)
{
    const struct peer_notice *offer = notice(n, NOTICE_FILE_OFFER, count(n, NOTICE_FILE_OFFER) - 1);
    assert_non_null(offer);
    return offer->id;
}

static void accept_offer(struct world *w, int node)
{
    feed(w, node,
        (struct peer_event){
            .type = PEER_FILE_ACCEPT, .accept_file = {span_of(offered(&w->nodes[node])), SPAN("downloads")}});
    run(w);
}

static void has_whole(struct world *w, int node, int from, const char *name)
{
    struct toy_file *sent = files_named(&w->nodes[from], name, false), *got = files_named(&w->nodes[node], name, true);
    assert_non_null(got);
    assert_true(got->finished);
    assert_memory_equal(got->bytes, sent->bytes, sent->size);
    assert_int_equal(count(&w->nodes[node], NOTICE_FILE_COMPLETE), 1);
}

static void test_a_file(void **state)
{
    (void)state;
    static const uint64_t SIZES[] = {
        0, 1, FILE_BLOCK_BYTES - 1, FILE_BLOCK_BYTES, FILE_BLOCK_BYTES + 1, SMALL, 40 * FILE_BLOCK_BYTES};
    for (size_t i = 0; i < sizeof SIZES / sizeof *SIZES; i++) {
        struct world *w = world_up(2);
        struct node *ann = &w->nodes[0], *bob = &w->nodes[1];
        files_make(ann, "a.bin", SIZES[i]);
        offer_file(w, 0, 1, "a.bin");
        assert_int_equal(count(ann, NOTICE_ACCEPTED), 1);
        assert_string_equal(notice(ann, NOTICE_ACCEPTED, 0)->ref, "r1");
        const struct peer_notice *offer = notice(bob, NOTICE_FILE_OFFER, 0);
        assert_non_null(offer);
        assert_string_equal(offer->id, notice(ann, NOTICE_ACCEPTED, 0)->id);
        assert_string_equal(offer->name, "a.bin");
        assert_string_equal(offer->from, peer_id(ann->p));
        assert_int_equal(offer->size, SIZES[i]);
        assert_int_equal(peer_stats(ann->p)->blocks_given_total, 0); /* nothing before it is accepted */
        accept_offer(w, 1);
        has_whole(w, 1, 0, "a.bin");
        assert_int_equal(count(ann, NOTICE_FILE_COMPLETE), 1);
        assert_string_equal(notice(ann, NOTICE_FILE_COMPLETE, 0)->by, peer_id(bob->p));
        assert_int_equal(notice(ann, NOTICE_FILE_COMPLETE, 0)->count, SIZES[i]); /* all of it had to come */
        assert_int_equal(notice(bob, NOTICE_FILE_COMPLETE, 0)->count, SIZES[i]);
        assert_int_equal(peer_stats(ann->p)->blocks_given_total, file_blocks(SIZES[i]));
        assert_int_equal(peer_stats(bob->p)->refused_total, 0);
        /* All is closed. */
        assert_int_equal(files_named(ann, "a.bin", false)->number, 0);
        assert_int_equal(files_named(bob, "a.bin", true)->number, 0);
        pass(w, 60000);
        assert_int_equal(count(bob, NOTICE_FILE_OFFER), 1);
        world_end(w);
    }
}

static void test_no_such_file(void **state)
{
    (void)state;
    struct world *w = world_up(2);
    offer_file(w, 0, 1, "none");
    const struct peer_notice *failed = notice(&w->nodes[0], NOTICE_FILE_FAILED, 0);
    assert_non_null(failed);
    assert_string_equal(failed->ref, "r1");
    assert_string_equal(failed->reason, "no-such-file");
    assert_int_equal(count(&w->nodes[1], NOTICE_FILE_OFFER), 0);
    world_end(w);
}

static void test_declined(void **state)
{
    (void)state;
    struct world *w = world_up(2);
    struct node *ann = &w->nodes[0], *bob = &w->nodes[1];
    files_make(ann, "a.bin", SMALL);
    offer_file(w, 0, 1, "a.bin");
    feed(w, 1, (struct peer_event){.type = PEER_FILE_DECLINE, .file_id = span_of(offered(bob))});
    run(w);
    assert_int_equal(count(ann, NOTICE_FILE_FAILED), 1);
    assert_string_equal(notice(ann, NOTICE_FILE_FAILED, 0)->reason, "declined");
    assert_string_equal(notice(ann, NOTICE_FILE_FAILED, 0)->by, peer_id(bob->p));
    assert_null(files_named(bob, "a.bin", true));
    accept_offer(w, 1); /* it is too late */
    assert_int_equal(count(bob, NOTICE_ERROR), 1);
    assert_string_equal(notice(bob, NOTICE_ERROR, 0)->code, "no-such-file");
    world_end(w);
}

/* ---- breaks ---- */

static uint64_t chunks_until; /* 0: nothing is cut */

static bool is_chunk(const struct event *e)
{
    return e->ev.type == PEER_DATA && e->ev.data.binary && e->ev.data.bytes.n > 1000;
}

/* That one comes, and nothing that was sent behind it. */
static void cut_at_a_chunk(struct world *w, const struct event *e)
{
    struct event *on_its_way, *next;
    if (!is_chunk(e) || ++w->counted != chunks_until)
        return;
    w->cut = true;
    DL_FOREACH_SAFE (w->queue, on_its_way, next)
        if (is_chunk(on_its_way)) {
            DL_DELETE(w->queue, on_its_way);
            event_free(on_its_way);
        }
}

/* Nothing passes any more, until both have given the link up; then it heals. */
static void break_after(struct world *w, uint64_t chunks)
{
    w->counted = 0;
    chunks_until = chunks;
    w->sees = cut_at_a_chunk;
}

static void heal(struct world *w)
{
    chunks_until = 0;
    pass(w, 30000);
    w->cut = false;
    pass(w, 60000);
}

static void test_a_link_that_breaks(void **state)
{
    (void)state;
    static const uint64_t AT[] = {1, 2, 63, 64, 65, 100, 150};
    for (size_t i = 0; i < sizeof AT / sizeof *AT; i++) {
        struct world *w = world_up(2);
        struct node *ann = &w->nodes[0], *bob = &w->nodes[1];
        files_make(ann, "a.bin", SMALL);
        offer_file(w, 0, 1, "a.bin");
        break_after(w, AT[i]);
        accept_offer(w, 1);
        assert_int_equal(count(bob, NOTICE_FILE_COMPLETE), 0);
        heal(w);
        has_whole(w, 1, 0, "a.bin");
        assert_int_equal(count(ann, NOTICE_FILE_COMPLETE), 1);
        assert_int_equal(count(bob, NOTICE_FILE_OFFER), 1);
        /* Of one block what came before comes again. */
        size_t chunks = (SMALL + FILE_CHUNK_BYTES - 1) / FILE_CHUNK_BYTES;
        assert_int_equal(w->counted, chunks + AT[i] % (FILE_BLOCK_BYTES / FILE_CHUNK_BYTES));
        world_end(w);
    }
}

/* The receiver's process dies: its sender offers again, and what was verified is not sent again. */
static void test_a_receiver_that_dies(void **state)
{
    (void)state;
    struct world *w = world_up(2);
    struct node *ann = &w->nodes[0], *bob = &w->nodes[1];
    files_make(ann, "a.bin", 20 * FILE_BLOCK_BYTES);
    offer_file(w, 0, 1, "a.bin");
    break_after(w, 10 * 64 + 5);
    accept_offer(w, 1);
    w->sees = NULL;
    w->cut = false;
    daemon_left(w, 1, "left");
    node_boot(w, 1);
    forget_notices(bob);
    start(w, 1);
    pass(w, 60000);
    assert_int_equal(count(bob, NOTICE_FILE_OFFER), 1);
    uint64_t before = peer_stats(ann->p)->blocks_given_total;
    accept_offer(w, 1);
    has_whole(w, 1, 0, "a.bin");
    assert_int_equal(peer_stats(bob->p)->blocks_had_total, 10);
    assert_int_equal(notice(bob, NOTICE_FILE_COMPLETE, 0)->count, 10 * FILE_BLOCK_BYTES);
    assert_int_equal(notice(ann, NOTICE_FILE_COMPLETE, 0)->count, 20 * FILE_BLOCK_BYTES); /* over both tries */
    assert_int_equal(peer_stats(ann->p)->blocks_given_total - before, 10);
    assert_int_equal(count(ann, NOTICE_FILE_COMPLETE), 1);
    world_end(w);
}

/* The sender's dies, and knows nothing of the offer any more; whoever runs it offers the file anew. */
static void test_a_sender_that_dies(void **state)
{
    (void)state;
    struct world *w = world_up(2);
    struct node *ann = &w->nodes[0], *bob = &w->nodes[1];
    files_make(ann, "a.bin", 20 * FILE_BLOCK_BYTES);
    offer_file(w, 0, 1, "a.bin");
    break_after(w, 10 * 64 + 5);
    accept_offer(w, 1);
    w->sees = NULL;
    w->cut = false;
    daemon_left(w, 0, "left");
    node_boot(w, 0);
    start(w, 0);
    pass(w, 60000);
    offer_file(w, 0, 1, "a.bin");
    assert_int_equal(count(bob, NOTICE_FILE_OFFER), 2);
    assert_int_equal(count(bob, NOTICE_FILE_FAILED), 1);
    assert_string_equal(notice(bob, NOTICE_FILE_FAILED, 0)->reason, "not-offered");
    accept_offer(w, 1);
    has_whole(w, 1, 0, "a.bin");
    assert_int_equal(peer_stats(ann->p)->blocks_given_total, 10);
    assert_int_equal(notice(bob, NOTICE_FILE_COMPLETE, 0)->count, 10 * FILE_BLOCK_BYTES);
    assert_int_equal(notice(ann, NOTICE_FILE_COMPLETE, 0)->count, 10 * FILE_BLOCK_BYTES);
    world_end(w);
}

/* Who takes files only: messages stay with their sender, neither acknowledged nor failed, until another start. */
static void test_files_only(void **state)
{
    (void)state;
    struct world *w = world_make(2);
    struct node *ann = &w->nodes[0], *bob = &w->nodes[1];
    bob->settings.files_only = true;
    node_boot(w, 1);
    start(w, 0);
    start(w, 1);
    send_direct(w, 0, 1, "for another time");
    files_make(ann, "a.bin", SMALL);
    offer_file(w, 0, 1, "a.bin");
    accept_offer(w, 1);
    pass(w, 60000);
    has_whole(w, 1, 0, "a.bin");
    assert_int_equal(count(bob, NOTICE_MESSAGE), 0);
    assert_int_equal(count(ann, NOTICE_DELIVERED), 0);
    assert_int_equal(count(ann, NOTICE_FAILED), 0);
    assert_int_equal(peer_pending(ann->p), 1);
    daemon_left(w, 1, "left");
    bob->settings.files_only = false;
    node_boot(w, 1);
    start(w, 1);
    pass(w, 60000);
    assert_int_equal(count(bob, NOTICE_MESSAGE), 1);
    assert_int_equal(count(ann, NOTICE_DELIVERED), 1);
    world_end(w);
}

static void test_somebody_absent(void **state)
{
    (void)state;
    struct world *w = world_make(2);
    start(w, 0);
    files_make(&w->nodes[0], "a.bin", SMALL);
    offer_file(w, 0, 1, "a.bin");
    pass(w, 600000);
    start(w, 1);
    pass(w, 5000);
    accept_offer(w, 1);
    has_whole(w, 1, 0, "a.bin");
    world_end(w);
}

/* ---- pauses ---- */

static void say_of(struct world *w, int node, enum peer_event_type type, const char *id)
{
    feed(w, node, (struct peer_event){.type = type, .file_id = span_of(id)});
    run(w);
}

static int pauses_at_chunk; /* who pauses it there */
static enum peer_event_type said_at_chunk;

static void say_at_a_chunk(struct world *w, const struct event *e)
{
    if (!is_chunk(e) || ++w->counted != 100)
        return;
    struct node *n = &w->nodes[pauses_at_chunk];
    struct event *said = later(w, pauses_at_chunk, said_at_chunk, 0, SPAN(""));
    const struct peer_notice *of = notice(n, pauses_at_chunk == 0 ? NOTICE_ACCEPTED : NOTICE_FILE_OFFER, 0);
    said->ev.file_id = span_of(of->id);
    DL_DELETE(w->queue, said); /* at once */
    DL_PREPEND(w->queue, said);
}

static void is_told(const struct node *n, enum peer_notice_type type, size_t k, const struct node *by)
{
    assert_int_equal(count(n, type), k + 1);
    assert_string_equal(notice(n, type, k)->by, peer_id(by->p));
}

/* Either end pauses, both see it, it outlives a lost link and the other's wish, and goes on where it was. */
static void test_pauses(void **state)
{
    (void)state;
    for (int who = 0; who < 2; who++) {
        struct world *w = world_up(2);
        struct node *ann = &w->nodes[0], *bob = &w->nodes[1], *by = &w->nodes[who];
        files_make(ann, "a.bin", 20 * FILE_BLOCK_BYTES);
        offer_file(w, 0, 1, "a.bin");
        const char *id = offered(bob);
        w->counted = 0;
        pauses_at_chunk = who;
        said_at_chunk = PEER_FILE_PAUSE;
        w->sees = say_at_a_chunk;
        accept_offer(w, 1);
        w->sees = NULL;
        uint64_t had = peer_stats(bob->p)->blocks_had_total;
        assert_in_range(had, 1, 12);
        is_told(ann, NOTICE_FILE_PAUSED, 0, by);
        is_told(bob, NOTICE_FILE_PAUSED, 0, by);
        say_of(w, who, PEER_FILE_PAUSE, id); /* again is nothing */
        say_of(w, 1 - who, PEER_FILE_RESUME, id);
        pass(w, 60000);
        w->cut = true;
        pass(w, 30000);
        w->cut = false;
        pass(w, 60000);
        assert_int_equal(peer_stats(bob->p)->blocks_had_total, had);
        assert_int_equal(count(ann, NOTICE_FILE_PAUSED) + count(bob, NOTICE_FILE_PAUSED), 2);
        assert_int_equal(count(ann, NOTICE_FILE_RESUMED) + count(bob, NOTICE_FILE_RESUMED), 0);
        say_of(w, who, PEER_FILE_RESUME, id);
        is_told(ann, NOTICE_FILE_RESUMED, 0, by);
        is_told(bob, NOTICE_FILE_RESUMED, 0, by);
        has_whole(w, 1, 0, "a.bin");
        assert_int_equal(peer_stats(bob->p)->refused_total, 0);
        say_of(w, 1, PEER_FILE_PAUSE, id); /* it has ended */
        assert_int_equal(count(bob, NOTICE_ERROR), 1);
        assert_string_equal(notice(bob, NOTICE_ERROR, 0)->code, "no-such-file");
        world_end(w);
    }
}

/* Both ends hear that it was cancelled; what came stays. */
static void test_cancels(void **state)
{
    (void)state;
    for (int who = 0; who < 2; who++) {
        struct world *w = world_up(2);
        struct node *ann = &w->nodes[0], *bob = &w->nodes[1];
        files_make(ann, "a.bin", 20 * FILE_BLOCK_BYTES);
        offer_file(w, 0, 1, "a.bin");
        w->counted = 0;
        pauses_at_chunk = who;
        said_at_chunk = PEER_FILE_CANCEL;
        w->sees = say_at_a_chunk;
        accept_offer(w, 1);
        w->sees = NULL;
        for (int i = 0; i < 2; i++) {
            assert_int_equal(count(&w->nodes[i], NOTICE_FILE_FAILED), 1);
            assert_string_equal(notice(&w->nodes[i], NOTICE_FILE_FAILED, 0)->reason, "cancelled");
        }
        assert_false(files_named(bob, "a.bin", true)->finished);
        assert_int_equal(files_named(ann, "a.bin", false)->number != 0, who == 1);
        pass(w, 60000);
        assert_int_equal(count(bob, NOTICE_FILE_OFFER), 1);
        say_of(w, who, PEER_FILE_CANCEL, offered(bob));
        assert_int_equal(count(&w->nodes[who], NOTICE_ERROR), 1);
        /* Whoever broke it off may take it up again; what its sender cancelled is gone. */
        accept_offer(w, 1);
        assert_int_equal(count(bob, NOTICE_FILE_COMPLETE), who == 1);
        assert_int_equal(count(ann, NOTICE_FILE_COMPLETE), who == 1);
        assert_int_equal(count(bob, NOTICE_ERROR), 1);
        assert_int_equal(files_named(ann, "a.bin", false)->number, 0);
        assert_int_equal(peer_stats(bob->p)->refused_total, 0);
        world_end(w);
    }
}

/* ---- offers that outlive their process ---- */

static struct world *world_that_keeps(void)
{
    struct world *w = world_make(2);
    for (int i = 0; i < 2; i++) {
        w->nodes[i].settings.keep_offers = true;
        node_boot(w, i);
        start(w, i);
    }
    return w;
}

static void ann_dies(struct world *w)
{
    w->sees = NULL;
    w->cut = false;
    daemon_left(w, 0, "left");
    node_boot(w, 0);
    for (struct toy_file *f = w->nodes[0].files; f; f = f->next)
        f->number = 0;
    forget_notices(&w->nodes[0]);
    start(w, 0);
}

/* It goes on without anybody's word, however often; what was there is not sent again. */
static void test_an_offer_outlives_its_process(void **state)
{
    (void)state;
    struct world *w = world_that_keeps();
    struct node *ann = &w->nodes[0], *bob = &w->nodes[1];
    files_make(ann, "a.bin", 20 * FILE_BLOCK_BYTES);
    offer_file(w, 0, 1, "a.bin");
    assert_int_equal(count(ann, NOTICE_ACCEPTED), 1);
    assert_int_equal(rows_with(ann, "a.bin"), 1);
    break_after(w, 5 * 64 + 5);
    accept_offer(w, 1);
    ann_dies(w);
    pass(w, 500);
    break_after(w, 5 * 64 + 5);
    pass(w, 60000);
    assert_in_range(peer_stats(bob->p)->blocks_had_total, 5, 20);
    ann_dies(w);
    pass(w, 60000);
    has_whole(w, 1, 0, "a.bin");
    assert_int_equal(count(bob, NOTICE_FILE_OFFER), 1);
    assert_int_equal(count(bob, NOTICE_FILE_FAILED), 0);
    assert_int_equal(count(ann, NOTICE_ACCEPTED), 0);
    assert_int_equal(rows_with(ann, "a.bin"), 0);
    world_end(w);
}

/* Who is absent is offered it by the process that runs when he comes; paused is paused. */
static void test_a_kept_offer_waits(void **state)
{
    (void)state;
    struct world *w = world_that_keeps();
    struct node *bob = &w->nodes[1];
    files_make(&w->nodes[0], "a.bin", SMALL);
    daemon_left(w, 1, "left");
    node_boot(w, 1);
    pass(w, 20000);
    offer_file(w, 0, 1, "a.bin");
    say_of(w, 0, PEER_FILE_PAUSE, notice(&w->nodes[0], NOTICE_ACCEPTED, 0)->id);
    ann_dies(w);
    pass(w, 60000);
    start(w, 1);
    pass(w, 10000);
    accept_offer(w, 1);
    pass(w, 10000);
    assert_int_equal(count(bob, NOTICE_FILE_PAUSED), 1);
    assert_int_equal(peer_stats(bob->p)->blocks_had_total, 0);
    say_of(w, 0, PEER_FILE_RESUME, offered(bob));
    pass(w, 10000);
    has_whole(w, 1, 0, "a.bin");
    world_end(w);
}

static void test_a_kept_offer_of_what_changed(void **state)
{
    (void)state;
    struct world *w = world_that_keeps();
    struct node *ann = &w->nodes[0], *bob = &w->nodes[1];
    struct toy_file *f = files_make(ann, "a.bin", SMALL);
    offer_file(w, 0, 1, "a.bin");
    break_after(w, 100);
    accept_offer(w, 1);
    f->bytes[SMALL - 1]++;
    ann_dies(w);
    pass(w, 60000);
    assert_int_equal(count(ann, NOTICE_FILE_FAILED), 1);
    assert_string_equal(notice(ann, NOTICE_FILE_FAILED, 0)->reason, "file-changed");
    assert_string_equal(notice(ann, NOTICE_FILE_FAILED, 0)->id, offered(bob));
    assert_int_equal(count(bob, NOTICE_FILE_FAILED), 1);
    assert_int_equal(rows_with(ann, "a.bin"), 0);
    world_end(w);
}

/* Of another room it stays where it is; a row that is none is left alone. */
static void test_kept_offers_of_elsewhere(void **state)
{
    (void)state;
    static const char *const BAD[] = {
        "", "[]", "{\"room\":\"other\"}", "{\"room\":\"other\",\"path\":\"x\",\"root\":\"AAAA\",\"to\":{}}"};
    struct world *w = world_that_keeps();
    struct node *ann = &w->nodes[0];
    files_make(ann, "a.bin", SMALL);
    offer_file(w, 0, 1, "a.bin");
    strcpy(ann->settings.room, "other");
    daemon_left(w, 0, "left");
    node_boot(w, 0);
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++)
        feed(w, 0,
            (struct peer_event){
                .type = PEER_RESTORE, .restore = {TABLE_OFFER, {SPAN("aaaaaaaaaaaaaaaaaaaaaaaaaa"), span_of(BAD[i])}}});
    assert_int_equal(ann->unreadable, sizeof BAD / sizeof *BAD);
    start(w, 0);
    pass(w, 10000);
    assert_int_equal(rows_with(ann, "a.bin"), 1);
    assert_int_equal(ann->unreadable, sizeof BAD / sizeof *BAD);
    world_end(w);
}

/* ---- a room ---- */

static void test_one_upload_serves_a_room(void **state)
{
    (void)state;
    enum {
        PEOPLE = 6,
        BLOCKS = 60
    };
    struct world *w = world_up(PEOPLE);
    pass(w, 10000);
    files_make(&w->nodes[0], "a.bin", (uint64_t)BLOCKS * FILE_BLOCK_BYTES);
    offer_file(w, 0, -1, "a.bin");
    for (int i = 1; i < PEOPLE; i++)
        feed(w, i,
            (struct peer_event){
                .type = PEER_FILE_ACCEPT, .accept_file = {span_of(offered(&w->nodes[i])), SPAN("downloads")}});
    run(w);
    pass(w, 60000);
    for (int i = 1; i < PEOPLE; i++) {
        has_whole(w, i, 0, "a.bin");
        assert_int_equal(peer_stats(w->nodes[i].p)->refused_total, 0);
        assert_int_equal(peer_stats(w->nodes[i].p)->blocks_had_total, BLOCKS);
    }
    assert_int_equal(count(&w->nodes[0], NOTICE_FILE_COMPLETE), PEOPLE - 1);
    assert_in_range(peer_stats(w->nodes[0].p)->blocks_given_total, BLOCKS, 2 * BLOCKS);
    world_end(w);
}

static void test_nothing_for_a_room(void **state)
{
    (void)state;
    struct world *w = world_up(3);
    files_make(&w->nodes[0], "a.bin", 0);
    offer_file(w, 0, -1, "a.bin");
    for (int i = 1; i < 3; i++) {
        accept_offer(w, i);
        has_whole(w, i, 0, "a.bin");
    }
    assert_int_equal(count(&w->nodes[0], NOTICE_FILE_COMPLETE), 2);
    world_end(w);
}

/* Who comes later is offered it too, and can have it of those who have it. */
static void test_who_comes_later(void **state)
{
    (void)state;
    struct world *w = world_make(3);
    start(w, 0);
    start(w, 1);
    pass(w, 10000);
    files_make(&w->nodes[0], "a.bin", 30 * FILE_BLOCK_BYTES);
    offer_file(w, 0, -1, "a.bin");
    accept_offer(w, 1);
    pass(w, 5000);
    has_whole(w, 1, 0, "a.bin");
    start(w, 2);
    pass(w, 10000);
    accept_offer(w, 2);
    pass(w, 10000);
    has_whole(w, 2, 0, "a.bin");
    assert_in_range(peer_stats(w->nodes[1].p)->blocks_given_total, 20, 30);
    world_end(w);
}

/* ---- what goes wrong ---- */

static void test_wrong_bytes(void **state)
{
    (void)state;
    struct world *w = world_up(2);
    struct node *ann = &w->nodes[0], *bob = &w->nodes[1];
    files_make(ann, "a.bin", SMALL)->lies = true;
    offer_file(w, 0, 1, "a.bin");
    accept_offer(w, 1);
    assert_int_equal(count(bob, NOTICE_FILE_COMPLETE), 0);
    assert_int_equal(count(bob, NOTICE_FILE_FAILED), 1);
    assert_string_equal(notice(bob, NOTICE_FILE_FAILED, 0)->reason, "wrong-data");
    assert_int_equal(count(ann, NOTICE_FILE_FAILED), 1);
    assert_int_equal(peer_stats(bob->p)->blocks_had_total, 0);
    assert_false(files_named(bob, "a.bin", true)->finished);
    world_end(w);
}

/* One of a room who gives wrong blocks is asked no more; the file comes all the same. */
static void test_a_partner_that_lies(void **state)
{
    (void)state;
    struct world *w = world_make(3);
    start(w, 0);
    start(w, 1);
    pass(w, 10000);
    files_make(&w->nodes[0], "a.bin", 30 * FILE_BLOCK_BYTES);
    offer_file(w, 0, -1, "a.bin");
    accept_offer(w, 1);
    pass(w, 5000);
    has_whole(w, 1, 0, "a.bin");
    files_named(&w->nodes[1], "a.bin", true)->lies = true;
    start(w, 2);
    pass(w, 10000);
    accept_offer(w, 2);
    pass(w, 60000);
    has_whole(w, 2, 0, "a.bin");
    assert_in_range(peer_stats(w->nodes[2].p)->blocks_wrong_total, 1, 16);
    world_end(w);
}

static void test_a_file_that_changes(void **state)
{
    (void)state;
    struct world *w = world_up(2);
    struct node *ann = &w->nodes[0], *bob = &w->nodes[1];
    files_make(ann, "a.bin", SMALL);
    offer_file(w, 0, 1, "a.bin");
    struct toy_file *f = files_named(ann, "a.bin", false);
    f->problem = "file-changed";
    uint64_t number = f->number;
    accept_offer(w, 1);
    files_fail(w, 0, f, number, "file-changed");
    run(w);
    assert_string_equal(notice(ann, NOTICE_FILE_FAILED, 0)->reason, "file-changed");
    assert_string_equal(notice(bob, NOTICE_FILE_FAILED, 0)->reason, "file-changed");
    pass(w, 60000);
    assert_int_equal(count(bob, NOTICE_FILE_FAILED), 1);
    world_end(w);
}

static void test_a_disk_that_fills(void **state)
{
    (void)state;
    struct world *w = world_up(2);
    struct node *ann = &w->nodes[0], *bob = &w->nodes[1];
    files_make(ann, "a.bin", 40 * FILE_BLOCK_BYTES);
    offer_file(w, 0, 1, "a.bin");
    break_after(w, 100);
    accept_offer(w, 1);
    files_named(bob, "a.bin", true)->problem = "disk-full";
    heal(w);
    assert_string_equal(notice(bob, NOTICE_FILE_FAILED, 0)->reason, "disk-full");
    assert_string_equal(notice(ann, NOTICE_FILE_FAILED, 0)->reason, "disk-full");
    world_end(w);
}

/* Two stretches are in hand, and io is done with the second first: the next two are given all the same. */
static void test_given_in_any_order(void **state)
{
    (void)state;
    struct world *w = world_up(2);
    struct node *ann = &w->nodes[0];
    struct event *e, *next, *first = NULL;
    files_make(ann, "a.bin", 4 * FILE_BLOCK_BYTES);
    offer_file(w, 0, 1, "a.bin");
    feed(w, 1,
        (struct peer_event){
            .type = PEER_FILE_ACCEPT, .accept_file = {span_of(offered(&w->nodes[1])), SPAN("downloads")}});
    while (!first && (e = w->queue)) { /* until both have been given */
        DL_DELETE(w->queue, e);
        feed(w, e->node, e->ev);
        event_free(e);
        unsigned given = 0;
        DL_FOREACH (w->queue, next)
            given += next->ev.type == PEER_FILE_GIVEN;
        if (given == 2)
            DL_FOREACH (w->queue, next)
                if (!first && next->ev.type == PEER_FILE_GIVEN)
                    first = next;
    }
    assert_non_null(first);
    DL_DELETE(w->queue, first);
    DL_APPEND(w->queue, first);
    run(w);
    has_whole(w, 1, 0, "a.bin");
    assert_int_equal(peer_stats(ann->p)->blocks_given_total, 4);
    world_end(w);
}

static void test_ended_by_either(void **state)
{
    (void)state;
    for (int who = 0; who < 2; who++) {
        struct world *w = world_up(2);
        struct node *ann = &w->nodes[0], *bob = &w->nodes[1];
        files_make(ann, "a.bin", 40 * FILE_BLOCK_BYTES);
        offer_file(w, 0, 1, "a.bin");
        break_after(w, 100);
        accept_offer(w, 1);
        w->sees = NULL;
        w->cut = false;
        feed(w, who, (struct peer_event){.type = PEER_FILE_DECLINE, .file_id = span_of(offered(bob))});
        run(w);
        pass(w, 60000);
        assert_int_equal(count(&w->nodes[1 - who], NOTICE_FILE_FAILED), 1);
        assert_int_equal(count(bob, NOTICE_FILE_COMPLETE), 0);
        assert_int_equal(files_named(ann, "a.bin", false)->number, 0);
        assert_int_equal(files_named(bob, "a.bin", true)->number, 0);
        world_end(w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_file),
        cmocka_unit_test(test_no_such_file),
        cmocka_unit_test(test_declined),
        cmocka_unit_test(test_a_link_that_breaks),
        cmocka_unit_test(test_a_receiver_that_dies),
        cmocka_unit_test(test_a_sender_that_dies),
        cmocka_unit_test(test_files_only),
        cmocka_unit_test(test_somebody_absent),
        cmocka_unit_test(test_pauses),
        cmocka_unit_test(test_cancels),
        cmocka_unit_test(test_an_offer_outlives_its_process),
        cmocka_unit_test(test_a_kept_offer_waits),
        cmocka_unit_test(test_a_kept_offer_of_what_changed),
        cmocka_unit_test(test_kept_offers_of_elsewhere),
        cmocka_unit_test(test_one_upload_serves_a_room),
        cmocka_unit_test(test_nothing_for_a_room),
        cmocka_unit_test(test_who_comes_later),
        cmocka_unit_test(test_wrong_bytes),
        cmocka_unit_test(test_a_partner_that_lies),
        cmocka_unit_test(test_a_file_that_changes),
        cmocka_unit_test(test_a_disk_that_fills),
        cmocka_unit_test(test_given_in_any_order),
        cmocka_unit_test(test_ended_by_either),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
