/* SPDX-License-Identifier: MIT
 *
 * A peer that starts again goes on where its last commit left it, table by table; what it cannot read it passes over.
 */
#include <inttypes.h>

#include "tests/unit/peer/forge.h"

/* An orderly end and a new process of the same identity. */
static void restart(struct world *w, int node)
{
    feed(w, node, (struct peer_event){.type = PEER_LEAVE});
    run(w);
    memory_store_close(w->nodes[node].store);
    node_boot(w, node);
    start(w, node);
}

static void stop(struct world *w, int node)
{
    feed(w, node, (struct peer_event){.type = PEER_LEAVE});
    run(w);
    memory_store_close(w->nodes[node].store);
    node_boot(w, node);
}

/* Outbox, clocks, people and refs: what waited for Bob, who is away, goes out after two starts; each once, in order. */
static void test_what_waits_for_an_absent_reader(void **state)
{
    (void)state;
    struct world *w = world_up(2);
    struct node *ann = &w->nodes[0], *bob = &w->nodes[1];
    char bob_id[64];
    snprintf(bob_id, sizeof bob_id, "%s", peer_id(bob->p));
    struct span to = span_of(bob_id);
    send_ref(w, 0, &to, 1, "1", "");
    pass(w, 100);
    stop(w, 1);
    send_ref(w, 0, &to, 1, "2", "r2");
    send_ref(w, 0, NULL, 0, "to all", "");
    run(w);
    assert_int_equal(peer_stats(ann->p)->queued, 2);
    for (int i = 0; i < 2; i++) {
        restart(w, 0);
        assert_int_equal(peer_stats(ann->p)->queued, 2);
    }
    forget_notices(ann);
    send_ref(w, 0, &to, 1, "2", "r2");
    send_ref(w, 0, &to, 1, "3", "");
    run(w);
    assert_string_equal(notice(ann, NOTICE_ACCEPTED, 0)->ref, "r2");
    assert_int_equal(peer_stats(ann->p)->queued, 3);
    start(w, 1);
    pass(w, 5000);
    assert_int_equal(count(bob, NOTICE_MESSAGE), 4);
    assert_int_equal(count(ann, NOTICE_DELIVERED), 3);
    size_t direct = 0;
    for (size_t i = 0; i < 4; i++) {
        const struct peer_notice *m = notice(bob, NOTICE_MESSAGE, i);
        if (strcmp(m->kind, "direct_message") == 0)
            assert_int_equal(atoi(m->text), ++direct);
    }
    assert_int_equal(direct, 3);
    assert_int_equal(refusals(w, 1), 0);
    world_end(w);
}

/* What waits for its predecessor waits on the disk, too. */
static void test_what_waits_for_its_predecessor(void **state)
{
    (void)state;
    struct world *w = world_up(2);
    struct node *ann = &w->nodes[0];
    struct talk first = talk_direct(w, 1, 0, "m1", 1), second = talk_direct(w, 1, 0, "m2", 2);
    talk_comes(w, 1, &second);
    assert_int_equal(count(ann, NOTICE_MESSAGE), 0);
    for (int i = 0; i < 2; i++) {
        restart(w, 0);
        pass(w, 5000);
        assert_int_equal(count(ann, NOTICE_MESSAGE), 0);
    }
    first.to = span_of(peer_id(ann->p));
    talk_comes(w, 1, &first);
    assert_int_equal(count(ann, NOTICE_MESSAGE), 2);
    restart(w, 0);
    pass(w, 4000);
    first.to = span_of(peer_id(ann->p));
    talk_comes(w, 1, &first);
    assert_int_equal(count(ann, NOTICE_MESSAGE), 2);
    world_end(w);
}

/* What somebody said and heard is in its record after a restart, in order. */
static void test_the_record(void **state)
{
    (void)state;
    struct world *w = world_up(2);
    struct node *ann = &w->nodes[0];
    send_direct(w, 0, 1, "said");
    pass(w, 100);
    send_direct(w, 1, 0, "heard");
    pass(w, 100);
    restart(w, 0);
    send_direct(w, 0, 1, "said later");
    pass(w, 5000);
    feed(w, 0, (struct peer_event){.type = PEER_HISTORY, .history = {.ref = SPAN("h"), .limit = 10}});
    run(w);
    const struct peer_notice *record = notice(ann, NOTICE_HISTORY, 0);
    assert_string_equal(record->ref, "h");
    json_t *rows = json_loads(record->text, 0, NULL);
    static const char *const texts[] = {"said", "heard", "said later"};
    assert_int_equal(json_array_size(rows), 3);
    for (size_t i = 0; i < 3; i++)
        assert_string_equal(json_string_value(json_object_get(json_array_get(rows, i), "text")), texts[i]);
    json_decref(rows);
    world_end(w);
}

static struct span id_of(const json_t *rows, size_t i)
{
    return span_of(json_string_value(json_object_get(json_array_get(rows, i), "id")));
}

/* The texts of an answer to `history`, one behind the other. */
static void assert_shown(struct world *w, struct span after, struct span before, unsigned limit, const char *texts)
{
    char all[256] = "";
    forget_notices(&w->nodes[0]);
    feed(
        w, 0, (struct peer_event){.type = PEER_HISTORY, .history = {.after = after, .before = before, .limit = limit}});
    run(w);
    json_t *rows = json_loads(notice(&w->nodes[0], NOTICE_HISTORY, 0)->text, 0, NULL);
    for (size_t i = 0; i < json_array_size(rows); i++)
        strcat(all, json_string_value(json_object_get(json_array_get(rows, i), "text")));
    assert_string_equal(all, texts);
    json_decref(rows);
}

/* What stands before a message is shown as the newest are: the last of it, oldest first. */
static void test_the_record_before_a_message(void **state)
{
    (void)state;
    struct world *w = world_up(2);
    for (char text[] = "a"; text[0] <= 'f'; text[0]++) {
        send_direct(w, 0, 1, text);
        pass(w, 100);
    }
    feed(w, 0, (struct peer_event){.type = PEER_HISTORY, .history = {.limit = 10}});
    run(w);
    json_t *rows = json_loads(notice(&w->nodes[0], NOTICE_HISTORY, 0)->text, 0, NULL);
    assert_shown(w, (struct span){0}, id_of(rows, 4), 2, "cd");
    assert_shown(w, (struct span){0}, id_of(rows, 1), 2, "a");
    assert_shown(w, (struct span){0}, id_of(rows, 0), 2, "");
    assert_shown(w, id_of(rows, 1), (struct span){0}, 3, "cde");
    feed(w, 0, (struct peer_event){.type = PEER_HISTORY, .history = {.before = SPAN("nobody's"), .limit = 2}});
    run(w);
    assert_string_equal(notice(&w->nodes[0], NOTICE_ERROR, 0)->code, "no-such-message");
    json_decref(rows);
    world_end(w);
}

/* Who has a message of ours still to come; which connection leads to a person. */
static void test_readers_and_connections(void **state)
{
    (void)state;
    char ids[2][PERSON_MAX + 1];
    struct peer_person people[2];
    struct world *w = world_up(2);
    struct peer *ann = w->nodes[0].p, *ben = w->nodes[1].p;
    assert_int_equal(peer_people(ann, people, 2), 1);
    assert_int_equal(people[0].rtc, 1);
    send_direct(w, 0, 1, "on its way");
    run(w);
    struct span id = span_of(notice(&w->nodes[0], NOTICE_ACCEPTED, 0)->id);
    assert_int_equal(peer_readers(ann, id, ids, 2), 1);
    assert_string_equal(ids[0], peer_id(ben));
    assert_int_equal(peer_readers(ann, id, ids, 0), 1);
    assert_int_equal(peer_readers(ann, SPAN("unknown"), ids, 2), 0);
    pass(w, 5000);
    assert_int_equal(count(&w->nodes[0], NOTICE_DELIVERED), 1);
    assert_int_equal(peer_readers(ann, id, ids, 2), 0);
    world_end(w);
}

static size_t recorded(struct world *w, int node, const char *text)
{
    forget_notices(&w->nodes[node]);
    feed(w, node, (struct peer_event){.type = PEER_HISTORY, .history = {.limit = 100}});
    run(w);
    const struct peer_notice *record = notice(&w->nodes[node], NOTICE_HISTORY, 0);
    assert_non_null(record);
    return strstr(record->text, text) != NULL;
}

/* The first and the last number with which the messages of an answer begin; how many there are. */
static size_t shown_numbers(struct world *w, struct span after, int *first, int *last)
{
    forget_notices(&w->nodes[0]);
    feed(w, 0, (struct peer_event){.type = PEER_HISTORY, .history = {.after = after, .limit = 100}});
    run(w);
    json_t *rows = json_loads(notice(&w->nodes[0], NOTICE_HISTORY, 0)->text, 0, NULL);
    size_t n = json_array_size(rows);
    *first = atoi(json_string_value(json_object_get(json_array_get(rows, 0), "text")));
    *last = atoi(json_string_value(json_object_get(json_array_get(rows, n - 1), "text")));
    json_decref(rows);
    return n;
}

/* An answer has 4 MiB: of the newest it is the newest that are shown, of those behind one the first. */
static void test_a_record_of_long_texts(void **state)
{
    (void)state;
    struct world *w = world_up(1);
    char *text = calloc(1, 60001), begin[ID_CHARS + 1] = "";
    memset(text, 'x', 60000);
    for (int i = 0; i < 100; i++) {
        text[snprintf(text, 8, "%d", i)] = ' ';
        send_ref(w, 0, NULL, 0, text, "");
        run(w);
        if (i == 0)
            strcpy(begin, notice(&w->nodes[0], NOTICE_ACCEPTED, 0)->id);
    }
    int first, last;
    size_t n = shown_numbers(w, (struct span){0}, &first, &last);
    assert_in_range(n, 60, 80);
    assert_int_equal(last, 99);
    assert_int_equal(first, 100 - (int)n);
    n = shown_numbers(w, span_of(begin), &first, &last);
    assert_in_range(n, 60, 80);
    assert_int_equal(first, 1);
    assert_int_equal(last, (int)n);
    free(text);
    world_end(w);
}

/* What is said while nobody is there is in the record all the same, and its ref is known to the next life. */
static void test_said_to_nobody(void **state)
{
    (void)state;
    struct world *w = world_up(1);
    struct node *ann = &w->nodes[0];
    char id[64];
    send_ref(w, 0, NULL, 0, "anybody?", "r1");
    run(w);
    snprintf(id, sizeof id, "%s", notice(ann, NOTICE_ACCEPTED, 0)->id);
    restart(w, 0);
    assert_true(recorded(w, 0, "anybody?"));
    send_ref(w, 0, NULL, 0, "anybody?", "r1");
    run(w);
    assert_string_equal(notice(ann, NOTICE_ACCEPTED, 0)->id, id);
    assert_int_equal(peer_stats(ann->p)->sent_total, 0);
    world_end(w);
}

/* Of 4,096 keys the oldest is forgotten for one more, in the next life as well: not the first in the order of the rows. */
static void test_the_newest_refs_are_kept(void **state)
{
    (void)state;
    struct world *w = world_up(1);
    struct node *ann = &w->nodes[0];
    char ref[16], id[64];
    w->data_n = 1 << 20; /* no check after each step */
    for (int i = 1; i < 4096; i++) {
        snprintf(ref, sizeof ref, "m%d", i);
        send_ref(w, 0, NULL, 0, "", ref);
        run(w);
    }
    forget_notices(ann);
    send_ref(w, 0, NULL, 0, "", "a");
    run(w);
    snprintf(id, sizeof id, "%s", notice(ann, NOTICE_ACCEPTED, 0)->id);
    restart(w, 0);
    forget_notices(ann);
    send_ref(w, 0, NULL, 0, "", "z");
    send_ref(w, 0, NULL, 0, "", "a");
    run(w);
    assert_string_equal(notice(ann, NOTICE_ACCEPTED, 1)->id, id);
    assert_int_equal(peer_stats(ann->p)->sent_total, 1);
    send_ref(w, 0, NULL, 0, "", "m2");
    send_ref(w, 0, NULL, 0, "", "m1");
    run(w);
    assert_int_equal(peer_stats(ann->p)->sent_total, 2); /* m1 is forgotten */
    world_end(w);
}

static bool was_told(const struct node *n, enum peer_notice_type type, const char *id)
{
    for (size_t i = 0; i < n->notice_n; i++)
        if (n->notices[i]->type == type && n->notices[i]->id && strcmp(n->notices[i]->id, id) == 0)
            return true;
    return false;
}

/* Ann's tables are gone, her key is not: she numbers anew, and Bob, who has started again, knows more of her than she does. What
 * comes under a number of old is reported, never acknowledged unseen; and from then on she goes on behind it. */
static void test_tables_that_were_lost(void **state)
{
    (void)state;
    struct world *w = world_up(2);
    struct node *ann = &w->nodes[0], *bob = &w->nodes[1];
    const char *const texts[] = {"1", "2", "3"};
    for (size_t i = 0; i < 3; i++) {
        send_direct(w, 0, 1, texts[i]);
        send_ref(w, 0, NULL, 0, texts[i], "");
    }
    pass(w, 2000);
    stop(w, 0);
    restart(w, 1);
    memory_store_free(ann->store);
    ann->store = memory_store_new();
    start(w, 0);
    pass(w, 20000);
    forget_notices(ann);
    forget_notices(bob);
    send_direct(w, 0, 1, "under a number of old");
    pass(w, 20000);
    char id[64];
    snprintf(id, sizeof id, "%s", notice(ann, NOTICE_ACCEPTED, 0)->id);
    assert_false(was_told(ann, NOTICE_DELIVERED, id));
    assert_true(was_told(ann, NOTICE_FAILED, id));
    assert_int_equal(count(bob, NOTICE_MESSAGE), 0);
    assert_true(peer_stats(bob->p)->refused_total > 0);
    send_direct(w, 0, 1, "to one");
    send_ref(w, 0, NULL, 0, "to all", "");
    pass(w, 5000);
    assert_true(told(bob, NOTICE_MESSAGE, "to one"));
    assert_true(told(bob, NOTICE_MESSAGE, "to all"));
    assert_int_equal(peer_stats(ann->p)->queued, 0);
    world_end(w);
}

/* Bob knew a message of hers that Ann has lost: what he says after it waits until she has come to that number again. */
static void test_what_comes_after_a_lost_message(void **state)
{
    (void)state;
    struct world *w = world_up(2);
    struct node *ann = &w->nodes[0];
    pass(w, 1000);
    struct talk t = talk_direct(w, 1, 0, "m1", 1);
    t.clock[1] = (struct envelope_tick){span_of(peer_id(ann->p)), 1};
    t.e.clock_count = 2;
    talk_comes(w, 1, &t);
    assert_int_equal(count(ann, NOTICE_MESSAGE), 0);
    send_direct(w, 0, 1, "under that number");
    run(w);
    assert_true(told(ann, NOTICE_MESSAGE, "forged"));
    world_end(w);
}

/* Of the room: in a clock of node `liar`. */
static void claims_to_know(struct world *w, int liar, int node, uint64_t count)
{
    char metadata[128], conversation[ENVELOPE_CONVERSATION_MAX + 1];
    struct node *n = &w->nodes[node];
    struct span to = span_of(peer_id(n->p));
    snprintf(metadata, sizeof metadata, "{\"clock\":{\"%s\":%" PRIu64 "}}", peer_id(n->p), count);
    envelope_room_conversation(SPAN("demo"), conversation);
    struct envelope e = {.type = ENVELOPE_HISTORY_REQUEST,
        .metadata = span_of(metadata),
        .to = &to,
        .to_count = 1,
        .conversation = span_of(conversation)};
    char *text = forge(w, liar, &e);
    data_comes(w, node, rtc_with(n, liar), text);
    free(text);
}

/* A lie that is believed costs numbers, and nobody waits for them. */
static void test_a_memory_of_what_never_was(void **state)
{
    (void)state;
    struct world *w = world_up(3);
    struct node *ann = &w->nodes[0];
    send_ref(w, 0, NULL, 0, "1", "");
    pass(w, 2000);
    claims_to_know(w, 1, 0, 1000000);
    send_ref(w, 0, NULL, 0, "2", "");
    pass(w, 3000);
    for (int i = 1; i < 3; i++)
        assert_true(told(&w->nodes[i], NOTICE_MESSAGE, "2"));
    assert_int_equal(peer_stats(ann->p)->refused_total, 0);
    world_end(w);
}

/* Whoever says that it knows a great deal more of us than we have said is not believed. */
static void test_a_memory_that_is_a_lie(void **state)
{
    (void)state;
    struct world *w = world_up(2);
    struct node *ann = &w->nodes[0];
    send_ref(w, 0, NULL, 0, "1", "");
    pass(w, 2000);
    claims_to_know(w, 1, 0, 4000000000);
    assert_int_equal(peer_stats(ann->p)->refused_total, 1);
    send_ref(w, 0, NULL, 0, "2", "");
    pass(w, 2000);
    assert_true(told(&w->nodes[1], NOTICE_MESSAGE, "2"));
    world_end(w);
}

/* A short life ends before a long one that began earlier; in the next start, too. */
static void test_each_in_its_time(void **state)
{
    (void)state;
    struct world *w = world_up(2);
    struct node *ann = &w->nodes[0];
    stop(w, 1);
    struct span to = span_of(peer_id(w->nodes[1].p));
    static const uint64_t lives[] = {0, 500000, 900};
    for (size_t i = 0; i < 3; i++)
        feed(w, 0,
            (struct peer_event){
                .type = PEER_SEND, .send = {.to = &to, .to_count = 1, .text = SPAN("x"), .ttl_ms = lives[i]}});
    pass(w, 1000);
    assert_int_equal(count(ann, NOTICE_FAILED), 1);
    assert_string_equal(notice(ann, NOTICE_FAILED, 0)->id, notice(ann, NOTICE_ACCEPTED, 2)->id);
    assert_string_equal(notice(ann, NOTICE_FAILED, 0)->reason, "expired");
    restart(w, 0);
    forget_notices(ann);
    pass(w, 510000);
    assert_int_equal(count(ann, NOTICE_FAILED), 1);
    assert_int_equal(peer_stats(ann->p)->queued, 1);
    feed(w, 0,
        (struct peer_event){.type = PEER_SEND,
            .send = {
                .to = &to, .to_count = 1, .text = SPAN("x"), .ref = SPAN("r"), .ttl_ms = ENVELOPE_TTL_MAX_MS + 1}});
    assert_string_equal(notice(ann, NOTICE_ERROR, 0)->ref, "r");
    world_end(w);
}

static void read_by(struct world *w, int node, const char *id)
{
    feed(w, node, (struct peer_event){.type = PEER_READ, .read = span_of(id)});
    pass(w, 1000);
}

/* A person may see a message long after its peer or the author's has started again; both find it in the record. */
static void test_read_in_another_life(void **state)
{
    (void)state;
    struct world *w = world_up(2);
    struct node *ann = &w->nodes[0], *bob = &w->nodes[1];
    char id[64];
    send_direct(w, 0, 1, "for you");
    pass(w, 1000);
    snprintf(id, sizeof id, "%s", notice(bob, NOTICE_MESSAGE, 0)->id);
    restart(w, 1);
    pass(w, 20000);
    read_by(w, 1, id);
    assert_int_equal(count(ann, NOTICE_READ), 1);
    assert_string_equal(notice(ann, NOTICE_READ, 0)->by, peer_id(bob->p));
    restart(w, 1);
    restart(w, 0);
    pass(w, 20000);
    forget_notices(ann);
    forget_notices(bob);
    read_by(w, 1, id);
    assert_int_equal(count(ann, NOTICE_READ), 1);
    assert_string_equal(notice(ann, NOTICE_READ, 0)->id, id);
    read_by(w, 1, id); /* said once in a life */
    assert_int_equal(count(ann, NOTICE_READ), 1);
    assert_int_equal(count(bob, NOTICE_ERROR), 0);
    read_by(w, 1, "never-heard-of");
    assert_string_equal(notice(bob, NOTICE_ERROR, 0)->code, "no-such-message");
    world_end(w);
}

/* Nobody can say that it read what was not for it. */
static void test_read_by_a_stranger(void **state)
{
    (void)state;
    struct world *w = world_up(3);
    struct node *ann = &w->nodes[0];
    send_direct(w, 0, 1, "for Bob");
    pass(w, 1000);
    const char *id = notice(&w->nodes[1], NOTICE_MESSAGE, 0)->id;
    char of[128];
    snprintf(of, sizeof of, "{\"of\":[\"%s\"]}", id);
    struct envelope e = {.type = ENVELOPE_MESSAGE_READ, .metadata = span_of(of)};
    struct span to = span_of(peer_id(ann->p));
    e.to = &to;
    e.to_count = 1;
    char *text = forge(w, 2, &e);
    data_comes(w, 0, rtc_with(ann, 2), text);
    free(text);
    pass(w, 1000);
    assert_int_equal(peer_stats(ann->p)->refused_total, 0);
    assert_int_equal(count(ann, NOTICE_READ), 0);
    world_end(w);
}

/* The same state directory in another room: nothing of this one is sent there, lost or told. */
static void test_another_room_between(void **state)
{
    (void)state;
    struct world *w = world_up(2);
    struct node *ann = &w->nodes[0], *bob = &w->nodes[1];
    struct talk second = talk_group(w, 1, 0, "m2", 3);
    send_ref(w, 0, NULL, 0, "1", "");
    send_ref(w, 1, NULL, 0, "here", "");
    pass(w, 1000);
    talk_comes(w, 1, &second); /* waits */
    stop(w, 1);
    send_ref(w, 0, NULL, 0, "2", "");
    run(w);
    strcpy(ann->settings.room, "other");
    restart(w, 0);
    assert_int_equal(peer_stats(ann->p)->queued, 0);
    assert_int_equal(ann->unreadable, 0);
    send_ref(w, 0, NULL, 0, "to nobody", "");
    run(w);
    assert_int_equal(peer_stats(ann->p)->queued, 0); /* Bob was never seen in that room */
    strcpy(ann->settings.room, "demo");
    restart(w, 0);
    assert_int_equal(peer_stats(ann->p)->queued, 1);
    start(w, 1);
    send_ref(w, 1, NULL, 0, "fills the gap", "");
    pass(w, 5000);
    assert_int_equal(count(bob, NOTICE_MESSAGE), 2);
    assert_string_equal(notice(bob, NOTICE_MESSAGE, 1)->text, "2");
    assert_int_equal(count(ann, NOTICE_MESSAGE), 3);
    assert_string_equal(notice(ann, NOTICE_MESSAGE, 2)->id, "m2");
    world_end(w);
}

/* The time of what Bob never got was over while no process ran: it is failed by his name, and all goes on. */
static void test_expired_meanwhile(void **state)
{
    (void)state;
    struct world *w = world_up(2);
    struct node *ann = &w->nodes[0];
    char bob[64];
    snprintf(bob, sizeof bob, "%s", peer_id(w->nodes[1].p));
    stop(w, 1);
    struct span to = span_of(bob);
    send_ref(w, 0, &to, 1, "too late", "");
    send_ref(w, 0, NULL, 0, "likewise", "");
    run(w);
    stop(w, 0);
    forget_notices(ann);
    w->now += 2 * ENVELOPE_TTL_DEFAULT_MS;
    start(w, 0);
    assert_int_equal(count(ann, NOTICE_FAILED), 2);
    assert_string_equal(notice(ann, NOTICE_FAILED, 0)->to[0], bob);
    assert_string_equal(notice(ann, NOTICE_FAILED, 1)->reason, "expired");
    assert_int_equal(peer_stats(ann->p)->queued, 0);
    start(w, 1);
    send_ref(w, 0, &to, 1, "in time", "");
    pass(w, 5000);
    assert_string_equal(notice(&w->nodes[1], NOTICE_MESSAGE, 0)->text, "in time");
    world_end(w);
}

/* Rows of another version, or damaged, are told in the log and passed over; the others are taken. */
static void test_damaged_rows(void **state)
{
    (void)state;
    static const struct {
        enum peer_table table;
        const char *key, *value;
    } rows[] = {
        {TABLE_CLOCK, "room:demo/somebody", "not a number"},
        {TABLE_CLOCK, "p:nobody/somebody", "0000000000000001"},
        {TABLE_CLOCK, "no slash", "0000000000000001"},
        {TABLE_PERSON, "x", ""},
        {TABLE_PERSON, "x", "0000000000000001no card"},
        {TABLE_OUTGOING, "x", "{"},
        {TABLE_OUTGOING, "x", "{\"id\":\"m\",\"type\":\"direct_message\",\"content\":{\"text\":\"x\"}}"},
        {TABLE_OUTGOING, "x", "{\"content\":{\"text\":\"\"},\"id\":\"a\",\"type\":\"direct_message\"}"},
        {TABLE_DELIVERY, "no slash", ""},
        {TABLE_WAIT, "x", "{"},
        {TABLE_CUSTODY, "x", "{"},
        {TABLE_CUSTODY, "x", "0000000000000001{"},
        {TABLE_CONVERSATION,
            "neither room nor people, and far too long to be the name of any conversation that there is "
            "or may be in any version of this program",
            "x"},
    };
    struct world *w = world_up(2);
    struct node *ann = &w->nodes[0];
    send_direct(w, 0, 1, "1");
    pass(w, 100);
    stop(w, 1);
    send_direct(w, 0, 1, "2");
    run(w);
    stop(w, 0);
    memory_store_each(ann->store, false, restore_row, &(struct restoring){w, 0});
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        feed(w, 0,
            (struct peer_event){
                .type = PEER_RESTORE, .restore = {rows[i].table, {span_of(rows[i].key), span_of(rows[i].value)}}});
        assert_int_equal(ann->unreadable, i + 1);
    }
    /* Ours by its author, and yet nothing that we ever accepted. */
    static const char *const OURS[] = {"direct_message", "status_update"};
    for (size_t i = 0; i < sizeof OURS / sizeof *OURS; i++) {
        char value[256];
        snprintf(value, sizeof value, "{\"content\":{\"text\":\"x\"},\"from\":\"%s\",\"id\":\"m\",\"type\":\"%s\"}",
            peer_id(ann->p), OURS[i]);
        feed(w, 0, (struct peer_event){.type = PEER_RESTORE, .restore = {TABLE_OUTGOING, {SPAN("x"), span_of(value)}}});
        assert_int_equal(ann->unreadable, sizeof rows / sizeof rows[0] + i + 1);
    }
    feed(w, 0, (struct peer_event){.type = PEER_START});
    start(w, 1);
    pass(w, 5000);
    assert_int_equal(count(&w->nodes[1], NOTICE_MESSAGE), 2);
    world_end(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_waits_for_an_absent_reader),
        cmocka_unit_test(test_what_waits_for_its_predecessor),
        cmocka_unit_test(test_the_record),
        cmocka_unit_test(test_the_record_before_a_message),
        cmocka_unit_test(test_readers_and_connections),
        cmocka_unit_test(test_a_record_of_long_texts),
        cmocka_unit_test(test_said_to_nobody),
        cmocka_unit_test(test_the_newest_refs_are_kept),
        cmocka_unit_test(test_tables_that_were_lost),
        cmocka_unit_test(test_what_comes_after_a_lost_message),
        cmocka_unit_test(test_a_memory_of_what_never_was),
        cmocka_unit_test(test_a_memory_that_is_a_lie),
        cmocka_unit_test(test_each_in_its_time),
        cmocka_unit_test(test_read_in_another_life),
        cmocka_unit_test(test_read_by_a_stranger),
        cmocka_unit_test(test_another_room_between),
        cmocka_unit_test(test_expired_meanwhile),
        cmocka_unit_test(test_damaged_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
