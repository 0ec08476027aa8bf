/* SPDX-License-Identifier: MIT
 *
 * Messages with files: listed by the message, fetched by their ids, and nothing is sent of which a file cannot be read.
 */
#include "protocol/body.h"
#include "tests/unit/peer/forge.h"

enum {
    SMALL = 2 * FILE_BLOCK_BYTES + 700001,
    DRAFTS_MAX = 64 /* peer/core/bounds.h */
};

static void send_with(struct world *w, int from, int to, const char *ref, const char *one, const char *two)
{
    struct span paths[] = {span_of(one), span_of(two)}, id = {0};
    if (to >= 0)
        id = span_of(peer_id(w->nodes[to].p));
    feed(w, from,
        (struct peer_event){.type = PEER_SEND,
            .send = {.to = to >= 0 ? &id : NULL,
                .to_count = to >= 0,
                .text = SPAN("see these"),
                .ref = span_of(ref),
                .attachments = paths,
                .attachment_count = two ? 2 : 1}});
}

/* The k-th that the newest message lists: its id. */
static const char *listed(const struct node *n, size_t k, const char *name)
{
    static char id[ENVELOPE_ID_MAX + 1];
    const struct peer_notice *m = notice(n, NOTICE_MESSAGE, count(n, NOTICE_MESSAGE) - 1);
    assert_non_null(m);
    assert_non_null(m->attachments);
    json_t *list = json_loads(m->attachments, 0, NULL), *item = json_array_get(list, k);
    assert_non_null(item);
    assert_string_equal(json_string_value(json_object_get(item, "name")), name);
    snprintf(id, sizeof id, "%s", json_string_value(json_object_get(item, "fileId")));
    json_decref(list);
    return id;
}

static void fetch(struct world *w, int node, const char *id, int from, const char *name)
{
    feed(w, node, (struct peer_event){.type = PEER_FILE_ACCEPT, .accept_file = {span_of(id), SPAN("downloads")}});
    run(w);
    pass(w, 20000);
    struct toy_file *sent = files_named(&w->nodes[from], name, false), *got = files_named(&w->nodes[node], name, true);
    assert_non_null(got);
    assert_true(got->finished);
    assert_memory_equal(got->bytes, sent->bytes, sent->size);
}

static void test_a_message_with_files(void **state)
{
    (void)state;
    struct world *w = world_up(2);
    struct node *ann = &w->nodes[0], *bob = &w->nodes[1];
    files_make(ann, "a.png", SMALL);
    files_make(ann, "b", 3);
    w->watch = "a.png";
    send_with(w, 0, 1, "r", "a.png", "b");
    assert_int_equal(count(ann, NOTICE_ACCEPTED), 0); /* they are not read yet */
    send_with(w, 0, 1, "r", "a.png", "b");            /* and the key is known all the same */
    run(w);
    assert_int_equal(count(ann, NOTICE_ACCEPTED), 1);
    send_with(w, 0, 1, "r", "a.png", "b");
    run(w);
    assert_int_equal(count(ann, NOTICE_ACCEPTED), 2);
    assert_string_equal(notice(ann, NOTICE_ACCEPTED, 0)->id, notice(ann, NOTICE_ACCEPTED, 1)->id);
    assert_int_equal(count(bob, NOTICE_MESSAGE), 1);
    const struct peer_notice *m = notice(bob, NOTICE_MESSAGE, 0);
    assert_string_equal(m->text, "see these");
    assert_non_null(strstr(m->attachments, "\"type\":\"image/png\""));
    assert_non_null(strstr(m->attachments, "\"type\":\"application/octet-stream\""));
    assert_non_null(strstr(m->attachments, "\"bytes\":3"));
    assert_non_null(strstr(m->attachments, "\"hash\":\""));
    assert_int_equal(count(bob, NOTICE_FILE_OFFER), 2);
    assert_int_equal(rows_with(bob, listed(bob, 0, "a.png")), 1); /* in the record of both */
    assert_true(rows_with(ann, listed(bob, 0, "a.png")) >= 1);
    fetch(w, 1, listed(bob, 0, "a.png"), 0, "a.png");
    fetch(w, 1, listed(bob, 1, "b"), 0, "b");
    assert_int_equal(count(ann, NOTICE_FILE_COMPLETE), 2);
    assert_int_equal(count(bob, NOTICE_FILE_OFFER), 2);
    assert_int_equal(count(ann, NOTICE_ERROR) + count(bob, NOTICE_ERROR), 0);
    world_end(w);
}

static void test_a_room(void **state)
{
    (void)state;
    struct world *w = world_up(3);
    pass(w, 10000);
    files_make(&w->nodes[0], "a.bin", SMALL);
    send_with(w, 0, -1, "r", "a.bin", NULL);
    pass(w, 1000);
    for (int i = 1; i < 3; i++)
        fetch(w, i, listed(&w->nodes[i], 0, "a.bin"), 0, "a.bin");
    world_end(w);
}

static void lose_offers(struct world *w, const struct event *e)
{
    (void)w;
    if (e->ev.type == PEER_DATA && memmem(e->bytes, e->ev.data.bytes.n, "file_offer", 10))
        ((struct event *)(uintptr_t)e)->ev = (struct peer_event){.type = PEER_TIME};
}

/* The message is there before the offer: its files are offered all the same, once, and can be fetched. */
static void test_the_message_comes_first(void **state)
{
    (void)state;
    struct world *w = world_up(2);
    struct node *bob = &w->nodes[1];
    files_make(&w->nodes[0], "a.bin", SMALL);
    w->sees = lose_offers;
    send_with(w, 0, 1, "r", "a.bin", NULL);
    run(w);
    assert_int_equal(count(bob, NOTICE_FILE_OFFER), 1);
    assert_string_equal(notice(bob, NOTICE_FILE_OFFER, 0)->id, listed(bob, 0, "a.bin"));
    w->sees = NULL;
    pass(w, 20000);
    fetch(w, 1, listed(bob, 0, "a.bin"), 0, "a.bin");
    assert_int_equal(count(bob, NOTICE_FILE_OFFER), 1);
    world_end(w);
}

/* Behind one that is missing a message waits, with what it lists. */
static void test_a_message_that_waits(void **state)
{
    (void)state;
    struct world *w = world_up(2);
    struct node *bob = &w->nodes[1];
    files_make(&w->nodes[0], "a.bin", SMALL);
    w->cut = true;
    send_direct(w, 0, 1, "lost at first");
    run(w);
    w->cut = false;
    send_with(w, 0, 1, "r", "a.bin", NULL);
    run(w);
    assert_int_equal(count(bob, NOTICE_MESSAGE), 0);
    pass(w, 30000);
    assert_int_equal(count(bob, NOTICE_MESSAGE), 2);
    fetch(w, 1, listed(bob, 0, "a.bin"), 0, "a.bin");
    world_end(w);
}

static void test_what_cannot_be_sent(void **state)
{
    (void)state;
    struct world *w = world_up(2);
    struct node *ann = &w->nodes[0], *bob = &w->nodes[1];
    files_make(ann, "a.bin", SMALL);
    send_with(w, 0, 1, "r", "a.bin", "none");
    run(w);
    assert_int_equal(count(ann, NOTICE_ERROR), 1);
    assert_string_equal(notice(ann, NOTICE_ERROR, 0)->code, "no-such-file");
    assert_string_equal(notice(ann, NOTICE_ERROR, 0)->ref, "r");
    send_with(w, 0, 0, "r2", "a.bin", NULL); /* to ourselves */
    run(w);
    assert_int_equal(count(ann, NOTICE_ERROR), 2);
    struct span nobody = SPAN("aaaaaaaaaaaaaaaaaaaaaaaaaa"), path = SPAN("a.bin");
    feed(w, 0,
        (struct peer_event){.type = PEER_SEND,
            .send = {.to = &nobody, .to_count = 1, .text = SPAN(""), .attachments = &path, .attachment_count = 1}});
    run(w);
    assert_string_equal(notice(ann, NOTICE_ERROR, 2)->code, "no-such-peer");
    for (int i = 0; i < DRAFTS_MAX + 1; i++)
        send_with(w, 0, 1, "", "a.bin", NULL);
    assert_int_equal(count(ann, NOTICE_ERROR), 4);
    assert_string_equal(notice(ann, NOTICE_ERROR, 3)->code, "too-many-files");
    assert_int_equal(count(bob, NOTICE_FILE_OFFER) + count(bob, NOTICE_MESSAGE), 0);
    assert_int_equal(count(ann, NOTICE_ACCEPTED) + count(ann, NOTICE_FILE_FAILED), 0);
    run(w);
    assert_int_equal(count(bob, NOTICE_MESSAGE), DRAFTS_MAX);
    world_end(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_message_with_files),
        cmocka_unit_test(test_a_room),
        cmocka_unit_test(test_the_message_comes_first),
        cmocka_unit_test(test_a_message_that_waits),
        cmocka_unit_test(test_what_cannot_be_sent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
