/* SPDX-License-Identifier: MIT
 *
 * One identity in two processes, as after a state directory was copied: both say so, the later one rests and loses nothing,
 * and takes over when the other has gone. A seat with our key that nobody lives on, or a claim that nobody with our key
 * signed, changes nothing.
 */
#include "tests/unit/peer/forge.h"

enum {
    ANN,
    BOB,
    TWIN
};

/* Ann and Bob have talked; then Ann's directory is copied, and both copies run. */
static struct world *twins(void)
{
    struct world *w = world_make(3);
    struct node *twin = &w->nodes[TWIN];
    memcpy(twin->settings.key, w->nodes[ANN].settings.key, KEY_BYTES);
    memcpy(twin->settings.box, w->nodes[ANN].settings.box, KEY_BYTES);
    memcpy(twin->settings.box_signature, w->nodes[ANN].settings.box_signature, SIGNATURE_BYTES);
    strcpy(twin->settings.name, w->nodes[ANN].settings.name);
    node_boot(w, TWIN);
    assert_string_equal(peer_id(twin->p), peer_id(w->nodes[ANN].p));
    start(w, ANN);
    start(w, BOB);
    pass(w, 3000);
    send_direct(w, ANN, BOB, "before");
    send_direct(w, BOB, ANN, "and back");
    pass(w, 3000);
    memory_store_put_back(twin->store, w->nodes[ANN].store);
    return w;
}

static size_t ups(const struct node *n)
{
    size_t k = 0;
    for (size_t i = 0; i < n->notice_n; i++)
        k += n->notices[i]->type == NOTICE_PEER && n->notices[i]->up;
    return k;
}

static void test_the_later_one_rests(void **state)
{
    (void)state;
    struct world *w = twins();
    struct node *ann = &w->nodes[ANN], *bob = &w->nodes[BOB], *twin = &w->nodes[TWIN];
    start(w, TWIN);
    pass(w, 30000);
    assert_string_equal(notice(ann, NOTICE_ERROR, 0)->code, "identity-twice");
    assert_string_equal(notice(twin, NOTICE_ERROR, 0)->code, "identity-twice");
    assert_false(notice(ann, NOTICE_ERROR, 0)->fatal || notice(twin, NOTICE_ERROR, 0)->fatal);
    assert_int_equal(ups(twin), 0);
    assert_int_equal(live_rtcs(twin), 0);
    assert_false(twin->in_room);
    /* What it accepts waits; the other goes on as ever. */
    send_direct(w, TWIN, BOB, "of the second");
    send_direct(w, ANN, BOB, "of the first");
    pass(w, 300000);
    assert_int_equal(count(twin, NOTICE_ACCEPTED), 1);
    assert_int_equal(count(twin, NOTICE_DELIVERED), 0);
    assert_true(told(bob, NOTICE_MESSAGE, "of the first"));
    assert_false(told(bob, NOTICE_MESSAGE, "of the second"));
    assert_int_equal(ups(bob), 1);
    assert_int_equal(ups(ann), 1);
    assert_int_equal(count(ann, NOTICE_ERROR) + count(twin, NOTICE_ERROR), 2);
    assert_true(twin->joins > 2); /* it looked */
    /* The first goes: the second takes its place. What it said under a number of the first is not called delivered. */
    feed(w, ANN, (struct peer_event){.type = PEER_LEAVE});
    pass(w, 90000);
    assert_int_equal(ups(twin), 1);
    assert_int_equal(count(twin, NOTICE_DELIVERED), told(bob, NOTICE_MESSAGE, "of the second"));
    assert_int_equal(count(twin, NOTICE_DELIVERED) + count(twin, NOTICE_FAILED), 1);
    send_direct(w, TWIN, BOB, "alone now");
    pass(w, 5000);
    assert_true(told(bob, NOTICE_MESSAGE, "alone now"));
    assert_int_equal(peer_stats(twin->p)->queued, 0);
    world_end(w);
}

/* Only its seat is there: after a crash it stays for a while, and anybody can show a copied card. */
static void test_a_seat_of_the_dead(void **state)
{
    (void)state;
    struct world *w = world_make(2);
    struct node *ann = &w->nodes[ANN];
    char card[1024], extra[1200];
    write_card(ann, card, sizeof card);
    const char *metadata = strstr(card, "\"metadata\"");
    assert_non_null(metadata);
    snprintf(extra, sizeof extra, ",%s", metadata);
    stranger_joins(w, "n.dead", "ann", extra);
    start(w, BOB);
    start(w, ANN);
    pass(w, 1000);
    assert_int_equal(live_rtcs(ann), 0); /* perhaps it lives */
    pass(w, 5000);
    assert_int_equal(count(ann, NOTICE_ERROR), 0);
    assert_int_equal(ups(ann), 1);
    /* Somebody there claims to be Ann, and cannot sign it. */
    char frame[512];
    snprintf(frame, sizeof frame,
        "{\"type\":\"signal\",\"from\":\"n.dead\",\"data\":{\"claim\":\"{\\\"id\\\":\\\"1\\\",\\\"type\\\":"
        "\\\"identity_claim\\\",\\\"from\\\":\\\"%s\\\",\\\"content\\\":{\\\"metadata\\\":{\\\"context\\\":"
        "\\\"usher-claim-1\\\",\\\"room\\\":\\\"demo\\\",\\\"seat\\\":\\\"n.dead\\\",\\\"reader\\\":\\\"%s\\\","
        "\\\"started\\\":1}}}\"}}",
        peer_id(ann->p), ann->seat);
    frame_to(w, ANN, frame);
    pass(w, 5000);
    assert_int_equal(count(ann, NOTICE_ERROR), 0);
    assert_int_equal(ups(ann), 1);
    assert_true(ann->in_room);
    world_end(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_later_one_rests),
        cmocka_unit_test(test_a_seat_of_the_dead),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
