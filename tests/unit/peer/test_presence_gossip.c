/* SPDX-License-Identifier: MIT
 *
 * News: what everybody tells everybody about itself, passed on once and compared; rooms of more than eight, which it holds together;
 * and liars.
 */
#include "tests/unit/peer/forge.h"

static const char NEWS[] = "\"presence_update\"";

static void test_passed_on_once(void **state)
{
    (void)state;
    struct world *w = world_up(4);
    pass(w, 5000);
    w->watch = NEWS;
    feed(w, 0, (struct peer_event){.type = PEER_PRESENCE, .presence = SPAN("away")});
    pass(w, 5000);
    for (int i = 1; i < 4; i++) {
        assert_int_equal(count(&w->nodes[i], NOTICE_PRESENCE), 1);
        assert_string_equal(notice(&w->nodes[i], NOTICE_PRESENCE, 0)->from, peer_id(w->nodes[0].p));
        assert_true(w->watched[i] <= 2); /* to each of the others, at most once */
    }
    assert_int_equal(w->watched[0], 3);
    world_end(w);
}

/* Rooms that a member chose to tell of reach everybody, later comers too, and only when they changed. */
static void test_rooms_told_of(void **state)
{
    (void)state;
    struct world *w = world_up(3);
    struct span rooms[] = {SPAN("garden"), SPAN("not a room"), SPAN("cellar")};
    pass(w, 5000);
    feed(w, 0, (struct peer_event){.type = PEER_ROOMS, .rooms = {rooms, 3}});
    pass(w, 2000);
    feed(w, 0, (struct peer_event){.type = PEER_PRESENCE, .presence = SPAN("away")});
    pass(w, 2000);
    for (int i = 1; i < 3; i++) {
        assert_int_equal(count(&w->nodes[i], NOTICE_ROOMS), 1);
        const struct peer_notice *n = notice(&w->nodes[i], NOTICE_ROOMS, 0);
        assert_string_equal(n->from, peer_id(w->nodes[0].p));
        assert_int_equal(n->to_count, 2);
        assert_string_equal(n->to[0], "garden");
        assert_string_equal(n->to[1], "cellar");
    }
    feed(w, 0, (struct peer_event){.type = PEER_ROOMS});
    pass(w, 2000);
    assert_int_equal(notice(&w->nodes[1], NOTICE_ROOMS, 1)->to_count, 0);
    world_end(w);
}

/* Somebody's news with this version and these links, as it would come on the link of `by` to Ann. */
static void news_comes(struct world *w, int author, int by, uint64_t version, const char *presence, const char *links)
{
    char metadata[512];
    snprintf(metadata, sizeof metadata, "{\"links\":{%s},\"presence\":\"%s\",\"version\":%llu}", links, presence,
        (unsigned long long)version);
    struct envelope e = {.type = ENVELOPE_PRESENCE_UPDATE, .metadata = span_of(metadata)};
    char *text = forge(w, author, &e);
    data_comes(w, 0, rtc_with(&w->nodes[0], by), text);
    free(text);
}

static void test_old_news_is_none(void **state)
{
    (void)state;
    struct world *w = world_up(3);
    struct node *ann = &w->nodes[0];
    pass(w, 5000);
    part(w, 0, 2, true); /* Cid does not hear what is told of him, and so corrects nothing */
    uint64_t far = 9007199254740000u;
    news_comes(w, 2, 1, far, "away", "");
    assert_int_equal(count(ann, NOTICE_PRESENCE), 1);
    news_comes(w, 2, 1, far, "online", ""); /* the same version, and an older one, by way of Bob */
    news_comes(w, 2, 1, far - 1, "online", "");
    assert_int_equal(count(ann, NOTICE_PRESENCE), 1);
    w->watch = NEWS;
    w->watched[0] = 0;
    news_comes(w, 2, 1, far, "away", "");
    assert_int_equal(w->watched[0], 0);
    /* From Cid himself it counts: a clock may have been set back. */
    news_comes(w, 2, 2, 5, "online", "");
    assert_int_equal(count(ann, NOTICE_PRESENCE), 2);
    assert_int_equal(w->watched[0], 2); /* for Bob, and for Cid his own of before; but not a second time */
    news_comes(w, 2, 2, 5, "online", "");
    assert_int_equal(w->watched[0], 2);
    assert_int_equal(refusals(w, 0), 0);
    world_end(w);
}

static const char DIGEST[] = "\"presence_digest\"";

static uint64_t frames_after_digest(struct world *w, const char *watch, int about, uint64_t version)
{
    char metadata[128];
    snprintf(metadata, sizeof metadata, "{\"versions\":{\"%s\":%llu}}", peer_id(w->nodes[about].p),
        (unsigned long long)version);
    w->watch = watch;
    w->watched[0] = 0;
    says(w, 1, 0, &(struct envelope){.type = ENVELOPE_PRESENCE_DIGEST, .metadata = span_of(metadata)});
    return w->watched[0];
}

/* Bob's digests of Cid's news: what Ann has newer is sent, what she lacks is asked for, once in a while. */
static void test_digests(void **state)
{
    (void)state;
    struct world *w = world_up(3);
    pass(w, 5000);
    uint64_t far = 9007199254740000u;
    assert_int_equal(frames_after_digest(w, NEWS, 2, 1), 1);
    assert_int_equal(frames_after_digest(w, DIGEST, 2, 1), 0);
    assert_int_equal(frames_after_digest(w, DIGEST, 2, far), 1);
    assert_int_equal(frames_after_digest(w, DIGEST, 2, far), 0);
    pass(w, 2000);
    assert_int_equal(frames_after_digest(w, DIGEST, 2, far), 1);
    assert_int_equal(frames_after_digest(w, DIGEST, 0, far), 0); /* of Ann herself */
    uint64_t sent = 0;
    for (int i = 0; i < 3000; i++)
        sent += frames_after_digest(w, NEWS, 2, 1);
    assert_true(sent > 1000 && sent <= 1024);
    world_end(w);
}

/* News that was lost on its way comes all the same: now and then somebody is told all that there is. */
static void test_lost_news(void **state)
{
    (void)state;
    struct world *w = world_make(3);
    part(w, 0, 2, true);
    for (int i = 0; i < 3; i++)
        start(w, i);
    pass(w, 10000);
    struct node *ann = &w->nodes[0];
    feed(w, 2, (struct peer_event){.type = PEER_PRESENCE, .presence = SPAN("away")});
    pass(w, 3000);
    assert_int_equal(count(ann, NOTICE_PRESENCE), 1);
    w->watch = DIGEST;
    w->watched[0] = w->watched[1] = 0;
    pass(w, 95000);
    assert_true(w->watched[1] >= 1 && w->watched[1] <= 5);
    world_end(w);
}

/* What Bob told while Ann could not ask for it: she asks whoever tells of it next, and Bob when she can. */
static void test_a_digest_while_congested(void **state)
{
    (void)state;
    struct world *w = world_up(3);
    struct node *ann = &w->nodes[0];
    char metadata[128];
    pass(w, 5000);
    snprintf(metadata, sizeof metadata, "{\"versions\":{\"%s\":9007199254740000}}", peer_id(w->nodes[2].p));
    struct envelope digest = {.type = ENVELOPE_PRESENCE_DIGEST, .metadata = span_of(metadata)};
    w->watch = DIGEST;
    w->watched[0] = 0;
    feed(w, 0, (struct peer_event){.type = PEER_CONGESTED, .rtc = rtc_with(ann, 1)});
    says(w, 1, 0, &digest);
    assert_int_equal(w->watched[0], 0);
    says(w, 2, 0, &digest);
    assert_int_equal(w->watched[0], 1);
    feed(w, 0, (struct peer_event){.type = PEER_WRITABLE, .rtc = rtc_with(ann, 1)});
    assert_int_equal(w->watched[0], 2);
    feed(w, 0, (struct peer_event){.type = PEER_CONGESTED, .rtc = rtc_with(ann, 1)});
    feed(w, 0, (struct peer_event){.type = PEER_WRITABLE, .rtc = rtc_with(ann, 1)});
    assert_int_equal(w->watched[0], 2);
    world_end(w);
}

/* The first digest that comes to Cid finds his link full. */
static void fill_cids_link(struct world *w, const struct event *e)
{
    if (e->node != 2 || e->ev.type != PEER_DATA ||
        !memmem(e->ev.data.bytes.p, e->ev.data.bytes.n, DIGEST, strlen(DIGEST)))
        return;
    w->sees = NULL;
    feed(w, 2, (struct peer_event){.type = PEER_CONGESTED, .rtc = e->ev.rtc});
}

/* Cid comes last, and Ann he can reach through Bob only: as soon as his link takes messages again he knows it. */
static void test_a_newcomer_whose_link_is_full(void **state)
{
    (void)state;
    struct world *w = world_make(3);
    part(w, 0, 2, true);
    start(w, 0);
    start(w, 1);
    pass(w, 5000);
    w->sees = fill_cids_link;
    start(w, 2);
    pass(w, 1000);
    assert_null(w->sees);
    assert_int_equal(count(&w->nodes[2], NOTICE_PEER), 1);
    feed(w, 2, (struct peer_event){.type = PEER_WRITABLE, .rtc = rtc_with(&w->nodes[2], 1)});
    run(w);
    assert_int_equal(count(&w->nodes[2], NOTICE_PEER), 2);
    assert_string_equal(notice(&w->nodes[2], NOTICE_PEER, 1)->id, peer_id(w->nodes[0].p));
    assert_string_equal(notice(&w->nodes[2], NOTICE_PEER, 1)->path, "relay");
    world_end(w);
}

/* Ann sees Cid in the room and nothing came of him: when she compares she asks for it. */
static void test_whoever_lacks_presence_asks(void **state)
{
    (void)state;
    struct world *w = world_make(3);
    char watch[64];
    part(w, 0, 2, true);
    part(w, 1, 2, true);
    for (int i = 0; i < 3; i++)
        start(w, i);
    pass(w, 5000);
    snprintf(watch, sizeof watch, "\"%s\":0", peer_id(w->nodes[2].p));
    w->watch = watch;
    w->watched[0] = 0;
    pass(w, 31000);
    assert_in_range(w->watched[0], 1, 2);
    world_end(w);
}

/* Bob claims to be linked with Dot, who tells of no such link: no way leads through him. */
static void test_a_claimed_link(void **state)
{
    (void)state;
    struct world *w = world_make(4);
    char links[128];
    for (int i = 0; i < 3; i++)
        part(w, i, 3, true);
    for (int i = 0; i < 4; i++)
        start(w, i);
    pass(w, 3000);
    struct node *ann = &w->nodes[0];
    snprintf(links, sizeof links, "\"%s\":1,\"%s\":1", peer_id(ann->p), peer_id(w->nodes[3].p));
    news_comes(w, 1, 1, 9007199254740000u, "online", links);
    for (size_t i = 0; i < count(ann, NOTICE_PEER); i++)
        assert_string_not_equal(notice(ann, NOTICE_PEER, i)->id, peer_id(w->nodes[3].p));
    send_direct(w, 0, 3, "not by way of a liar");
    pass(w, 1900);
    assert_int_equal(peer_stats(ann->p)->relayed_out_total, 0);
    world_end(w);
}

enum {
    INVENTED_CARD = 300
};

/* The card of an identity that exists only here. */
static void invent(unsigned number, uint8_t who[KEY_BYTES], char card[INVENTED_CARD])
{
    uint8_t mark[KEY_BYTES] = {0}, signature[SIGNATURE_BYTES];
    char key[64], box[64], sig[128];
    memset(who, 0, KEY_BYTES);
    memcpy(who, &number, sizeof number);
    toy_sign_as(who, (struct span){(char *)mark, KEY_BYTES}, signature);
    base64_encode(who, KEY_BYTES, key);
    base64_encode(mark, KEY_BYTES, box);
    base64_encode(signature, SIGNATURE_BYTES, sig);
    snprintf(card, INVENTED_CARD, "%s %s %s nobody", key, box, sig);
}

static void invented_comes(struct world *w, uint64_t rtc, unsigned number)
{
    uint8_t who[KEY_BYTES], hash[HASH_BYTES];
    char card[INVENTED_CARD], metadata[700], id[ID_CHARS + 1];
    invent(number, who, card);
    snprintf(metadata, sizeof metadata, "{\"card\":\"%s\",\"links\":{},\"presence\":\"online\",\"version\":1}", card);
    toy_sha256(NULL, (struct span){(char *)who, KEY_BYTES}, hash);
    envelope_short_hash(hash, id);
    struct envelope e = {.type = ENVELOPE_PRESENCE_UPDATE,
        .id = SPAN("abcdefghijklmnopqrstuvwxyz"),
        .from = span_of(id),
        .timestamp = 1,
        .metadata = span_of(metadata)};
    struct buf bytes, text;
    buf_init(&bytes, PEER_MESSAGE_MAX);
    buf_init(&text, PEER_MESSAGE_MAX);
    assert_true(envelope_signed_bytes(&e, &bytes));
    toy_sign_as(who, buf_view(&bytes), e.signature);
    e.is_signed = true;
    assert_true(envelope_write(&e, &text));
    feed(w, 0, (struct peer_event){.type = PEER_DATA, .rtc = rtc, .data = {1, false, buf_view(&text)}});
    buf_done(&bytes);
    buf_done(&text);
}

/* Invented identities without number, from two links: the table keeps whom we need, and few go further. */
static void test_invented_people(void **state)
{
    (void)state;
    enum {
        FLOOD = 2000,
        TOLD = 1024 /* that one link may tell of at once */
    };
    struct world *w = world_up(4);
    w->data_n = 1 << 20;
    struct node *ann = &w->nodes[0];
    pass(w, 3000);
    /* Bob is away, and nothing waits for him; but he has been here. */
    struct span bob = span_of(peer_id(w->nodes[1].p)), cid = span_of(peer_id(w->nodes[2].p));
    feed(w, 1, (struct peer_event){.type = PEER_LEAVE});
    run(w);
    uint64_t before = ann->sends;
    for (unsigned i = 0; i < FLOOD; i++) {
        invented_comes(w, rtc_with(ann, 2), i);
        invented_comes(w, rtc_with(ann, 3), FLOOD + i);
    }
    assert_int_equal(refusals(w, 0), 2 * (FLOOD - TOLD));
    assert_true(ann->sends - before <= 2 * TOLD + 10);
    peer_check(ann->p);
    send_ref(w, 0, &bob, 1, "still known", "");
    send_ref(w, 0, &cid, 1, "and you", "");
    run(w);
    assert_int_equal(count(ann, NOTICE_ERROR), 0);
    assert_int_equal(count(&w->nodes[2], NOTICE_MESSAGE), 1);
    world_end(w);
}

/* The same in answers about history, which name the authors of what follows: 32 in each. */
static void test_invented_authors(void **state)
{
    (void)state;
    struct world *w = world_up(2);
    uint8_t who[KEY_BYTES];
    char card[INVENTED_CARD];
    pass(w, 3000);
    for (unsigned i = 0; i < 50; i++) {
        struct buf metadata;
        buf_init(&metadata, ENVELOPE_METADATA_MAX);
        buf_text(&metadata, "{\"count\":0,\"for\":\"gap\",\"people\":[");
        for (unsigned k = 0; k < 32; k++) {
            invent(i * 32 + k, who, card);
            buf_printf(&metadata, "%s\"%s\"", k > 0 ? "," : "", card);
        }
        buf_text(&metadata, "]}");
        says(w, 1, 0,
            &(struct envelope){
                .type = ENVELOPE_HISTORY_REPLY, .conversation = SPAN("room:demo"), .metadata = buf_view(&metadata)});
        buf_done(&metadata);
    }
    assert_int_equal(refusals(w, 0), 50 - 1024 / 32);
    send_ref(w, 0, NULL, 0, "and we talk on", "");
    run(w);
    assert_int_equal(count(&w->nodes[1], NOTICE_MESSAGE), 1);
    world_end(w);
}

/* Identities lie evenly on the ring only if they are hashes. */
static struct world *twelve(void)
{
    struct world *w = world_make(12);
    for (int i = 0; i < 12; i++) {
        for (size_t k = 0; k < KEY_BYTES; k++)
            w->nodes[i].settings.key[k] = (uint8_t)(37 * i + 11 * (int)k + i * i);
        struct node *n = &w->nodes[i];
        toy_sign_as(n->settings.key, (struct span){(char *)n->settings.box, KEY_BYTES}, n->settings.box_signature);
        node_boot(w, i);
    }
    w->data_n = 1 << 20;
    return w;
}

/* The first whom node 0 is not linked with. */
static int unlinked(struct world *w)
{
    int stranger = 0;
    for (int i = 1; i < 12 && !stranger; i++)
        stranger = rtc_with(&w->nodes[0], i) ? 0 : i;
    assert_true(stranger > 0);
    return stranger;
}

/* Twelve in a room: not everybody is linked with everybody, everybody gets each group message once, and a direct
 * message brings a link of its own, which goes when nobody needs it. */
static void test_twelve_in_a_room(void **state)
{
    (void)state;
    struct world *w = twelve();
    char key[2];
    w->watch = NEWS;
    for (int i = 0; i < 12; i++)
        start(w, i);
    pass(w, 20000);
    uint64_t news = 0;
    for (int i = 0; i < 12; i++)
        news += w->watched[i];
    assert_true(news <= 12 * 80); /* flooded, some 500 each */
    pass(w, 110000);              /* links of the early, small room linger for a while */
    uint64_t links = 0;
    for (int i = 0; i < 12; i++) {
        links += peer_stats(w->nodes[i].p)->links_up;
        /* Everybody once, and once more if the link went and the others carry. */
        assert_in_range(count(&w->nodes[i], NOTICE_PEER), 11, 22);
        for (size_t k = 0; k < count(&w->nodes[i], NOTICE_PEER); k++)
            assert_true(notice(&w->nodes[i], NOTICE_PEER, k)->up);
    }
    assert_true(links < 12 * 11);
    for (int i = 0; i < 12; i++) {
        key[0] = (char)('a' + i);
        key[1] = '\0';
        send_ref(w, i, NULL, 0, key, "");
        pass(w, 300);
    }
    pass(w, 3000);
    for (int i = 0; i < 12; i++) {
        assert_int_equal(count(&w->nodes[i], NOTICE_MESSAGE), 11);
        assert_int_equal(count(&w->nodes[i], NOTICE_DELIVERED), 11);
    }
    int stranger = unlinked(w);
    uint64_t before = peer_stats(w->nodes[0].p)->links_up;
    size_t told_of = count(&w->nodes[0], NOTICE_PEER);
    send_direct(w, 0, stranger, "a word with you");
    pass(w, 2000);
    assert_int_equal(count(&w->nodes[stranger], NOTICE_MESSAGE), 12);
    assert_int_equal(peer_stats(w->nodes[0].p)->links_up, before + 1);
    pass(w, 130000);
    assert_int_equal(peer_stats(w->nodes[0].p)->links_up, before);
    /* Always within reach: by a link of its own, and through others again. */
    assert_int_equal(count(&w->nodes[0], NOTICE_PEER), told_of + 2);
    assert_string_equal(notice(&w->nodes[0], NOTICE_PEER, told_of)->path, "direct");
    assert_string_equal(notice(&w->nodes[0], NOTICE_PEER, told_of + 1)->path, "relay");
    assert_true(notice(&w->nodes[0], NOTICE_PEER, told_of + 1)->up);
    world_end(w);
}

static int late; /* the node whose next introduction comes when it has long had something to do */

static void make_late(struct world *w, const struct event *e)
{
    if (e->node != late || e->ev.type != PEER_DATA ||
        !memmem(e->ev.data.bytes.p, e->ev.data.bytes.n, "_introduction", 13))
        return;
    w->now += 2000;
    w->sees = NULL;
}

/* Whoever is called does not know what for, and does not hang up as soon as the link is there. */
static void test_called_by_a_stranger(void **state)
{
    (void)state;
    struct world *w = twelve();
    for (int i = 0; i < 12; i++)
        start(w, i);
    pass(w, 130000);
    late = unlinked(w);
    w->sees = make_late;
    send_direct(w, 0, late, "a word with you");
    pass(w, 30000);
    assert_null(w->sees);
    assert_true(rtc_with(&w->nodes[0], late) > 0);
    assert_int_equal(count(&w->nodes[late], NOTICE_MESSAGE), 1);
    assert_false(told(&w->nodes[0], NOTICE_LINK, "retrying"));
    world_end(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_passed_on_once),
        cmocka_unit_test(test_rooms_told_of),
        cmocka_unit_test(test_old_news_is_none),
        cmocka_unit_test(test_digests),
        cmocka_unit_test(test_lost_news),
        cmocka_unit_test(test_a_digest_while_congested),
        cmocka_unit_test(test_a_newcomer_whose_link_is_full),
        cmocka_unit_test(test_whoever_lacks_presence_asks),
        cmocka_unit_test(test_a_claimed_link),
        cmocka_unit_test(test_invented_people),
        cmocka_unit_test(test_invented_authors),
        cmocka_unit_test(test_twelve_in_a_room),
        cmocka_unit_test(test_called_by_a_stranger),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
