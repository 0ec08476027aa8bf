/* SPDX-License-Identifier: MIT
 *
 * The scripts of the bus in a real Redis: what each answers, and what is announced to whom (server/core/bus.h).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "protocol/bus.h"
#include "server/io/bus_script.h"
#include "tests/unit/server_io/redis_server.h"

enum {
    NODES = 3,
    NEWS_MAX = 1024
};

struct world {
    struct redis_server server;
    redisContext *redis, *heard[NODES];
    char shas[BUS_OPS][BUS_SHA_CHARS];
    redisReply *reply;
    struct bus_seats seats;
    struct core_bus_answer answer;
    char news[NEWS_MAX]; /* announcements since the last operation: "a:J7 room peer" for each node */
};

static const char *const NAMES[NODES] = {"a", "b", "c"};
static const uint64_t EPOCHS[NODES] = {0xaaaa, 0xbbbb, 0xcccc};

/* ---- what is kept, as bytes ---- */

struct bytes {
    char p[512];
    size_t n;
};
#define VIEW(b) ((struct span){(b).p, (b).n})

static struct bytes bytes_of(const struct buf *b)
{
    struct bytes out = {.n = b->len};
    assert_true(b->len <= sizeof out.p);
    memcpy(out.p, b->p, b->len);
    return out;
}

static struct bytes terms_of(uint64_t incarnation, uint32_t max_peers, bool listed, bool locked, const char *keeper)
{
    struct buf b;
    buf_init(&b, 512);
    struct bus_terms t = {.room = {.incarnation = incarnation,
                              .created_ms = 1700000000000 + incarnation,
                              .max_peers = max_peers,
                              .listed = listed,
                              .locked = locked},
        .made = keeper != NULL,
        .keeper = span_of(keeper)};
    bus_terms_write(&b, &t);
    struct bytes out = bytes_of(&b);
    buf_done(&b);
    return out;
}

static struct bytes entry_of(const char *name, bool away, uint32_t generation, const char *previous)
{
    struct buf b;
    buf_init(&b, 512);
    struct bus_entry e = {.away = away,
        .dialect = 'n',
        .generation = generation,
        .previous = span_of(previous),
        .introduction = {.display_name = span_of(name)}};
    bus_entry_write(&b, &e);
    struct bytes out = bytes_of(&b);
    buf_done(&b);
    return out;
}

/* ---- doing ---- */

static redisReply *command(struct world *w, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    if (w->reply)
        freeReplyObject(w->reply);
    w->reply = redisvCommand(w->redis, format, args);
    va_end(args);
    assert_non_null(w->reply);
    return w->reply;
}

static void note(struct world *w, size_t node, const struct bus_announce *a)
{
    size_t n = strlen(w->news);
    snprintf(w->news + n, sizeof w->news - n, "%s%s:%c%d %.*s %.*s", n ? ", " : "", NAMES[node], (int)a->change,
        (int)a->version, (int)a->room.n, a->room.p, (int)a->peer.n, a->peer.p);
    n = strlen(w->news);
    if (a->previous.n)
        snprintf(w->news + n, sizeof w->news - n, "<%.*s", (int)a->previous.n, a->previous.p);
}

/* All that a node was told up to a mark that is published now. */
static void hear(struct world *w, size_t node)
{
    for (;;) {
        redisReply *r = NULL;
        const char *problem;
        struct bus_record record;
        assert_int_equal(redisGetReply(w->heard[node], (void **)&r), REDIS_OK);
        struct span text = {r->element[2]->str, r->element[2]->len};
        bool mark = span_is(text, "mark");
        if (!mark) {
            assert_int_equal(bus_record_read(&text, &record, &problem), BUS_READ_ONE);
            if (record.type == BUS_RECORD_ANNOUNCE)
                note(w, node, &record.announce);
            else
                snprintf(w->news + strlen(w->news), 16, "%s:%c", NAMES[node], (int)record.type);
            assert_int_equal(bus_record_read(&text, &record, &problem), BUS_READ_END);
        }
        freeReplyObject(r);
        if (mark)
            return;
    }
}

static enum core_bus_outcome run(struct world *w, size_t node, struct core_bus op)
{
    struct span words_v[64];
    const char *argv[64];
    size_t lengths[64];
    op.node = span_of(NAMES[node]);
    op.epoch = EPOCHS[node];
    op.job = 7;
    struct bus_words words = {.v = words_v};
    assert_true(bus_words_count(&op) <= 64);
    bus_words_write(&op, w->shas[op.op], &words);
    for (size_t i = 0; i < words.n; i++) {
        argv[i] = words.v[i].n ? words.v[i].p : "";
        lengths[i] = words.v[i].n;
    }
    if (w->reply)
        freeReplyObject(w->reply);
    w->reply = redisCommandArgv(w->redis, (int)words.n, argv, lengths);
    assert_non_null(w->reply);
    if (!bus_answer_read(&op, w->reply, &w->seats, &w->answer)) {
        assert_int_equal(w->reply->type, REDIS_REPLY_ERROR);
        return BUS_FAILED;
    }
    assert_int_equal(w->answer.job, 7);
    *w->news = '\0';
    for (size_t i = 0; i < NODES; i++) {
        redisReply *r = redisCommand(w->redis, "PUBLISH " BUS_PREFIX "to:%s mark", NAMES[i]);
        freeReplyObject(r);
        hear(w, i);
    }
    return w->answer.outcome;
}

static void enter_cluster(struct world *w, size_t node)
{
    assert_int_equal(run(w, node, (struct core_bus){.op = BUS_REGISTER, .lease_ms = 60000}), BUS_OK);
}

static enum core_bus_outcome join_as(struct world *w, size_t node, const char *room, const char *peer,
    struct bytes terms, uint32_t capacity, uint64_t proven)
{
    struct bytes entry = entry_of(peer, false, 1, NULL);
    return run(w, node,
        (struct core_bus){.op = BUS_JOIN,
            .room = span_of(room),
            .peer = span_of(peer),
            .entry = VIEW(entry),
            .terms = VIEW(terms),
            .life = 0x0102030405060708,
            .capacity = capacity,
            .incarnation = proven,
            .create = true});
}

static enum core_bus_outcome join(struct world *w, size_t node, const char *room, const char *peer)
{
    return join_as(w, node, room, peer, terms_of(11, 0, false, false, NULL), 64, 0);
}

static enum core_bus_outcome leave(struct world *w, size_t node, const char *room, const char *peer)
{
    return run(w, node, (struct core_bus){.op = BUS_LEAVE, .room = span_of(room), .peer = span_of(peer), .why = 1});
}

static void expect_seats(const struct world *w, const char *peers)
{
    char text[256] = "";
    for (size_t i = 0; i < w->answer.seats_n; i++) {
        struct span peer = w->answer.seats[i].peer;
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s%.*s", i ? " " : "", (int)peer.n, peer.p);
    }
    assert_string_equal(text, peers);
}

/* ---- cases ---- */

static void test_join_and_leave(void **state)
{
    struct world *w = *state;
    assert_int_equal(join(w, 0, "r", "a.1"), BUS_OK);
    assert_int_equal(w->answer.version, 1);
    assert_int_equal(w->answer.terms.n, 8 + 22 + 1);
    assert_memory_equal(w->answer.terms.p, "\1\2\3\4\5\6\7\x08\0\0\0\0\0\0\0\x0b", 16);
    expect_seats(w, "a.1");
    assert_string_equal(w->news, "a:J1 r a.1");
    assert_int_equal(join(w, 1, "r", "b.1"), BUS_OK);
    expect_seats(w, "a.1 b.1");
    assert_string_equal(w->news, "a:J2 r b.1, b:J2 r b.1");
    assert_int_equal(leave(w, 0, "r", "a.1"), BUS_OK);
    assert_string_equal(w->news, "a:L3 r a.1, b:L3 r a.1");
    assert_int_equal(leave(w, 0, "r", "a.1"), BUS_NO_SEAT);
    assert_int_equal(leave(w, 1, "r", "b.1"), BUS_OK);
    assert_int_equal(command(w, "EXISTS " BUS_PREFIX "room:r")->integer, 0);
    assert_int_equal(command(w, "EXISTS " BUS_PREFIX "has:b:000000000000bbbb")->integer, 0);
}

static void test_rooms_that_refuse(void **state)
{
    struct world *w = *state;
    struct core_bus no_create = {.op = BUS_JOIN, .room = SPAN("r"), .peer = SPAN("a.1"), .capacity = 2};
    assert_int_equal(run(w, 0, no_create), BUS_NO_ROOM);
    struct bytes locked = terms_of(5, 0, false, true, NULL);
    assert_int_equal(join_as(w, 0, "r", "a.1", locked, 2, 5), BUS_OK);
    assert_int_equal(join_as(w, 1, "r", "b.1", locked, 2, 0), BUS_LOCKED);
    assert_true(w->answer.terms.n > 30);
    assert_int_equal(join_as(w, 1, "r", "b.1", locked, 2, 6), BUS_LOCKED);
    assert_int_equal(join_as(w, 1, "r", "b.1", locked, 2, 5), BUS_OK);
    assert_int_equal(join_as(w, 2, "r", "c.1", locked, 2, 5), BUS_FULL);
    assert_int_equal(join_as(w, 2, "r", "c.1", locked, 0, 5), BUS_OK);
    struct bytes small = terms_of(6, 1, false, false, NULL);
    assert_int_equal(join_as(w, 0, "s", "a.2", small, 64, 0), BUS_OK);
    assert_int_equal(join_as(w, 1, "s", "b.2", small, 64, 0), BUS_FULL);
}

static void test_epochs(void **state)
{
    struct world *w = *state;
    command(w, "SET " BUS_PREFIX "node:a 0000000000000001");
    assert_int_equal(join(w, 0, "r", "a.1"), BUS_EPOCH);
    assert_int_equal(run(w, 0, (struct core_bus){.op = BUS_RENEW, .lease_ms = 1000}), BUS_EPOCH);
    assert_int_equal(run(w, 0, (struct core_bus){.op = BUS_REGISTER, .lease_ms = 1000}), BUS_TAKEN);
    assert_int_equal(run(w, 0, (struct core_bus){.op = BUS_REGISTER, .former = 1, .lease_ms = 60000}), BUS_OK);
    assert_int_equal(run(w, 0, (struct core_bus){.op = BUS_UNREGISTER, .lease_ms = 60000}), BUS_OK);
    assert_string_equal(command(w, "GET " BUS_PREFIX "node:a")->str, "-");
    assert_int_equal(join(w, 0, "r", "a.1"), BUS_EPOCH);
    assert_int_equal(run(w, 0, (struct core_bus){.op = BUS_REGISTER, .lease_ms = 60000}), BUS_OK);
}

static void test_presence(void **state)
{
    struct world *w = *state;
    struct bytes away = entry_of("a", true, 1, NULL), back = entry_of("a", false, 2, NULL);
    struct core_bus mark = {.op = BUS_MARK, .room = SPAN("r"), .peer = SPAN("a.1"), .entry = VIEW(away)};
    assert_int_equal(run(w, 0, mark), BUS_NO_SEAT);
    join(w, 0, "r", "a.1");
    join(w, 1, "r", "b.1");
    assert_int_equal(run(w, 0, mark), BUS_OK);
    assert_string_equal(w->news, "a:A3 r a.1, b:A3 r a.1");
    mark.entry = VIEW(back);
    assert_int_equal(run(w, 0, mark), BUS_OK);
    assert_string_equal(w->news, "a:B4 r a.1, b:B4 r a.1");
}

static enum core_bus_outcome resume(struct world *w, size_t node, const char *previous, const char *peer,
    uint64_t incarnation, uint32_t generation, bool create)
{
    struct bytes entry = entry_of("x", false, generation, previous), terms = terms_of(11, 0, false, false, NULL);
    return run(w, node,
        (struct core_bus){.op = BUS_RESUME,
            .room = SPAN("r"),
            .previous = span_of(previous),
            .peer = span_of(peer),
            .entry = VIEW(entry),
            .terms = VIEW(terms),
            .life = 9,
            .capacity = 2,
            .incarnation = incarnation,
            .generation = generation,
            .create = create});
}

static void test_resume(void **state)
{
    struct world *w = *state;
    assert_int_equal(resume(w, 1, "a.1", "b.9", 11, 2, false), BUS_NO_ROOM);
    join(w, 0, "r", "a.1");
    join(w, 2, "r", "c.1");
    assert_int_equal(resume(w, 1, "a.1", "b.9", 12, 2, false), BUS_NO_SEAT);
    assert_int_equal(resume(w, 1, "a.1", "b.9", 11, 0, false), BUS_NO_SEAT); /* the seat's generation is 1 */
    assert_int_equal(resume(w, 1, "a.1", "b.9", 11, 2, false), BUS_OK);
    assert_int_equal(w->answer.number, 1);
    assert_true(span_is(w->answer.text, "a.1"));
    expect_seats(w, "c.1 b.9");
    assert_string_equal(w->news, "a:M3 r b.9<a.1, b:M3 r b.9<a.1, c:M3 r b.9<a.1");
    /* The token of the first seat again, whose successor was never heard: the second seat is the one. */
    assert_int_equal(resume(w, 0, "a.1", "a.7", 11, 3, false), BUS_OK);
    assert_int_equal(w->answer.number, 1);
    assert_true(span_is(w->answer.text, "b.9"));
    expect_seats(w, "c.1 a.7");
    assert_int_equal(resume(w, 1, "b.5", "b.6", 11, 1, false), BUS_FULL);
    leave(w, 2, "r", "c.1");
    assert_int_equal(resume(w, 1, "b.5", "b.6", 11, 1, false), BUS_OK);
    assert_int_equal(w->answer.number, 0);
    leave(w, 0, "r", "a.7");
    leave(w, 1, "r", "b.6");
    assert_int_equal(resume(w, 1, "b.5", "b.6", 11, 1, true), BUS_OK);
    expect_seats(w, "b.6");
}

static void test_sync(void **state)
{
    struct world *w = *state;
    struct bytes terms = terms_of(11, 0, false, false, NULL), one = entry_of("one", false, 1, NULL),
                 away = entry_of("one", true, 1, NULL), two = entry_of("two", false, 1, NULL);
    struct core_bus_seat seats[] = {
        {.peer = SPAN("a.1"), .entry = VIEW(one)}, {.peer = SPAN("a.2"), .entry = VIEW(two)}};
    struct core_bus op = {
        .op = BUS_SYNC, .room = SPAN("r"), .terms = VIEW(terms), .life = 3, .capacity = 3, .seats = seats};
    assert_int_equal(run(w, 0, op), BUS_NO_ROOM);
    op.seats_n = 2;
    assert_int_equal(run(w, 0, op), BUS_OK);
    assert_string_equal(w->news, "a:J1 r a.1, a:J2 r a.2");
    assert_int_equal(run(w, 0, op), BUS_OK);
    assert_string_equal(w->news, "");
    seats[0].entry = VIEW(away);
    assert_int_equal(run(w, 0, op), BUS_OK);
    assert_string_equal(w->news, "a:A3 r a.1");
    assert_int_equal(w->answer.version, 3);
    /* One has moved meanwhile, and the room is full. */
    assert_int_equal(resume(w, 1, "a.1", "b.1", 11, 2, false), BUS_OK);
    op.capacity = 9;
    assert_int_equal(run(w, 0, op), BUS_OK);
    assert_string_equal(w->news, "");
    expect_seats(w, "a.2 b.1");
    op.capacity = 3;
    join_as(w, 2, "r", "c.1", terms, 3, 0);
    leave(w, 0, "r", "a.2");
    join_as(w, 2, "r", "c.2", terms, 3, 0);
    assert_int_equal(run(w, 0, op), BUS_OK);
    assert_string_equal(w->news, "");
    expect_seats(w, "b.1 c.1 c.2");
    struct bytes locked = terms_of(12, 0, false, true, NULL);
    join_as(w, 1, "l", "b.2", locked, 3, 12);
    op.room = SPAN("l");
    assert_int_equal(run(w, 0, op), BUS_LOCKED);
    expect_seats(w, "b.2");
}

static void test_made_rooms(void **state)
{
    struct world *w = *state;
    struct bytes terms = terms_of(21, 0, true, false, "a");
    struct core_bus create = {.op = BUS_CREATE, .room = SPAN("m"), .terms = VIEW(terms), .life = 1, .ttl_ms = 50000};
    assert_int_equal(run(w, 0, create), BUS_OK);
    assert_true(command(w, "PTTL " BUS_PREFIX "room:m")->integer > 40000);
    assert_int_equal(run(w, 0, create), BUS_EXISTS);
    create.again = true;
    assert_int_equal(run(w, 0, create), BUS_OK);
    join(w, 1, "m", "b.1");
    assert_string_equal(w->news, "a:J1 m b.1, b:J1 m b.1"); /* the keeper hears, too */
    assert_int_equal(command(w, "PTTL " BUS_PREFIX "room:m")->integer, -1);
    assert_int_equal(run(w, 2, (struct core_bus){.op = BUS_SHOW, .room = SPAN("m")}), BUS_OK);
    assert_int_equal(w->answer.number, 1);
    assert_int_equal(run(w, 2, (struct core_bus){.op = BUS_LIST, .count = 10}), BUS_OK);
    assert_int_equal(w->answer.seats_n, 1);
    assert_true(span_is(w->answer.seats[0].room, "m"));
    assert_int_equal(w->answer.seats[0].number, 1);
    struct core_bus close = {.op = BUS_CLOSE, .room = SPAN("m"), .incarnation = 22};
    assert_int_equal(run(w, 2, close), BUS_NO_ROOM);
    close.incarnation = 21;
    close.only_empty = true;
    assert_int_equal(run(w, 2, close), BUS_EXISTS);
    close.only_empty = false;
    assert_int_equal(run(w, 2, close), BUS_OK);
    assert_string_equal(w->news, "a:C2 m , b:C2 m ");
    assert_int_equal(run(w, 0, create), BUS_GONE);
    assert_int_equal(run(w, 2, (struct core_bus){.op = BUS_LIST, .count = 10}), BUS_OK);
    assert_int_equal(w->answer.seats_n, 0);
    /* Another room has the name: it was made by a join, and yields. */
    struct bytes other = terms_of(31, 0, false, false, "a");
    join(w, 1, "o", "b.2");
    create.room = SPAN("o");
    create.terms = VIEW(other);
    assert_int_equal(run(w, 0, create), BUS_OK);
    assert_string_equal(w->news, "b:C2 o ");
}

static void test_clearing(void **state)
{
    struct world *w = *state;
    char peer[8];
    for (int i = 0; i < 5; i++) {
        snprintf(peer, sizeof peer, "a.%d", i);
        join(w, 0, "r", peer);
    }
    join(w, 1, "r", "b.1");
    run(w, 0, (struct core_bus){.op = BUS_TOPIC_JOIN, .name = SPAN("t")});
    run(w, 0, (struct core_bus){.op = BUS_NAME_TAKE, .name = SPAN("k"), .peer = SPAN("ann"), .text = SPAN("s")});
    struct core_bus clear = {
        .op = BUS_CLEAR, .other = SPAN("a"), .former = EPOCHS[0], .count = 4, .why = 2, .linger_ms = 0, .ttl_ms = 0};
    assert_int_equal(run(w, 1, clear), BUS_OK); /* it lives */
    assert_int_equal(w->answer.number, 0);
    command(w, "DEL " BUS_PREFIX "node:a");
    assert_int_equal(run(w, 1, (struct core_bus){.op = BUS_RENEW, .lease_ms = 60000}), BUS_OK);
    assert_true(span_is(w->answer.text, "a 000000000000aaaa"));
    size_t cleared = 0;
    assert_int_equal(run(w, 1, clear), BUS_OK);
    assert_int_equal(w->answer.number, 1);
    cleared += w->answer.seats_n;
    assert_int_equal(run(w, 2, clear), BUS_OK); /* another one goes on */
    assert_int_equal(w->answer.number, 0);
    cleared += w->answer.seats_n;
    assert_int_equal(cleared, 5);
    assert_int_equal(run(w, 1, (struct core_bus){.op = BUS_RENEW, .lease_ms = 60000}), BUS_OK);
    assert_int_equal(w->answer.text.n, 0);
    assert_int_equal(command(w, "HLEN " BUS_PREFIX "room:r")->integer, 3);
    assert_int_equal(command(w, "EXISTS " BUS_PREFIX "topic:t " BUS_PREFIX "names:k")->integer, 0);
}

static void test_names_and_topics(void **state)
{
    struct world *w = *state;
    struct bytes record = {.n = 0};
    struct buf b;
    buf_init(&b, 512);
    bus_record_write(
        &b, &(struct bus_record){.type = BUS_RECORD_NAME_GONE, .name = {.key = SPAN("k"), .to = SPAN("ann lee")}});
    record = bytes_of(&b);
    buf_done(&b);
    struct core_bus take = {
        .op = BUS_NAME_TAKE, .name = SPAN("k"), .peer = SPAN("ann lee"), .text = SPAN("s 1"), .bytes = VIEW(record)};
    assert_int_equal(run(w, 0, take), BUS_OK);
    take.text = SPAN("s 2");
    assert_int_equal(run(w, 1, take), BUS_TAKEN);
    take.text = SPAN("s 1");
    assert_int_equal(run(w, 1, take), BUS_OK);
    assert_string_equal(w->news, "a:G");
    struct core_bus send = {.op = BUS_NAME_SEND, .name = SPAN("k"), .peer = SPAN("ann lee"), .bytes = VIEW(record)};
    assert_int_equal(run(w, 2, send), BUS_OK);
    assert_string_equal(w->news, "b:G");
    assert_int_equal(run(w, 2, (struct core_bus){.op = BUS_NAME_LIST, .name = SPAN("k"), .count = 9}), BUS_OK);
    expect_seats(w, "ann lee");
    struct core_bus give = {.op = BUS_NAME_FREE, .name = SPAN("k"), .peer = SPAN("ann lee")};
    assert_int_equal(run(w, 0, give), BUS_OK); /* it is not ours any more */
    assert_int_equal(run(w, 2, send), BUS_OK);
    assert_int_equal(run(w, 1, give), BUS_OK);
    assert_int_equal(run(w, 2, send), BUS_NO_NAME);
    for (size_t i = 0; i < NODES; i++)
        run(w, i, (struct core_bus){.op = BUS_TOPIC_JOIN, .name = SPAN("a topic")});
    run(w, 1, (struct core_bus){.op = BUS_TOPIC_LEAVE, .name = SPAN("a topic")});
    run(w, 0, (struct core_bus){.op = BUS_TOPIC_SEND, .name = SPAN("a topic"), .bytes = VIEW(record)});
    assert_string_equal(w->news, "c:G");
}

/* Whatever somebody else wrote there goes, and all nodes look at their rooms again. */
static void test_garbage(void **state)
{
    struct world *w = *state;
    command(w, "SET " BUS_PREFIX "room:r x");
    assert_int_equal(join(w, 0, "r", "a.1"), BUS_OK);
    expect_seats(w, "a.1");
    assert_string_equal(command(w, "HGET " BUS_PREFIX "sent b")->str, "1");
    command(w, "DEL " BUS_PREFIX "room:r");
    command(w, "HSET " BUS_PREFIX "room:r @ short # 4 a.9 x");
    assert_int_equal(leave(w, 0, "r", "a.9"), BUS_NO_SEAT);
    assert_int_equal(command(w, "EXISTS " BUS_PREFIX "room:r")->integer, 0);
    assert_string_equal(command(w, "HGET " BUS_PREFIX "sent b")->str, "2");
    command(w, "DEL " BUS_PREFIX "sent " BUS_PREFIX "has:a:000000000000aaaa");
    command(w, "SET " BUS_PREFIX "sent x");
    command(w, "SET " BUS_PREFIX "has:a:000000000000aaaa x");
    command(w, "SET " BUS_PREFIX "name:k%sann x", " ");
    assert_int_equal(join(w, 0, "s", "a.3"), BUS_OK);
    struct core_bus take = {.op = BUS_NAME_TAKE, .name = SPAN("k"), .peer = SPAN("ann"), .text = SPAN("s")};
    command(w, "SADD " BUS_PREFIX "name:k%sann x", " ");
    assert_int_equal(run(w, 0, take), BUS_OK);
    command(w, "DEL " BUS_PREFIX "node:a");
    command(w, "SADD " BUS_PREFIX "node:a x");
    assert_int_equal(join(w, 0, "r", "a.1"), BUS_EPOCH);
    assert_int_equal(run(w, 0, (struct core_bus){.op = BUS_REGISTER, .lease_ms = 60000}), BUS_OK);
    join(w, 0, "r", "a.1");
    command(w, "HSET " BUS_PREFIX "room:r a.2 x");
    assert_int_equal(resume(w, 1, "a.9", "b.1", 11, 1, false), BUS_FULL);
    command(w, "SADD " BUS_PREFIX "nodes garbage");
    assert_int_equal(run(w, 0, (struct core_bus){.op = BUS_RENEW, .lease_ms = 60000}), BUS_OK);
    assert_int_equal(command(w, "SISMEMBER " BUS_PREFIX "nodes garbage")->integer, 0);
}

/* What is no answer of ours, whatever it is. */
static void test_bad_answers(void **state)
{
    struct world *w = *state;
    static const char *const BAD[] = {"return 1", "return 'ok'", "return {}", "return {1}", "return {'ok'}",
        "return {'what'}", "return {'ok', '', 'x', 0, ''}", "return {'ok', '', 0, 0, '', 'a'}",
        "return {'ok', '', 0, 0, '', 'a', 1}", "return {'ok', {}, 0, 0, ''}", "return {'ok', '', -1, 0, ''}"};
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        const struct core_bus op = {.op = BUS_JOIN};
        command(w, "EVAL %s 0", BAD[i]);
        if (bus_answer_read(&op, w->reply, &w->seats, &w->answer))
            fail_msg("taken for an answer: %s", BAD[i]);
    }
}

/* ---- the world ---- */

static void load_scripts(struct world *w)
{
    for (enum core_bus_op op = 0; op < BUS_OPS; op++) {
        struct buf text;
        if (op == BUS_SEND)
            continue;
        buf_init(&text, 65536);
        assert_true(bus_script_text(op, &text));
        redisReply *r = command(w, "SCRIPT LOAD %b", text.p, text.len);
        if (r->type != REDIS_REPLY_STRING)
            fail_msg("script %d: %s", (int)op, r->str);
        memcpy(w->shas[op], r->str, BUS_SHA_CHARS);
        buf_done(&text);
    }
}

static int start(void **state)
{
    struct world *w = *state = calloc(1, sizeof *w);
    redis_server_start(&w->server);
    w->redis = redis_server_connect(&w->server);
    load_scripts(w);
    for (size_t i = 0; i < NODES; i++) {
        w->heard[i] = redis_server_connect(&w->server);
        redisReply *r = redisCommand(w->heard[i], "SUBSCRIBE " BUS_PREFIX "to:%s", NAMES[i]);
        freeReplyObject(r);
    }
    return 0;
}

static int begin(void **state)
{
    struct world *w = *state;
    command(w, "FLUSHALL");
    for (size_t i = 0; i < NODES; i++)
        enter_cluster(w, i);
    return 0;
}

static int stop(void **state)
{
    struct world *w = *state;
    freeReplyObject(w->reply);
    redisFree(w->redis);
    for (size_t i = 0; i < NODES; i++)
        redisFree(w->heard[i]);
    free(w->seats.v);
    redis_server_stop(&w->server);
    free(w);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_join_and_leave, begin),
        cmocka_unit_test_setup(test_rooms_that_refuse, begin),
        cmocka_unit_test_setup(test_epochs, begin),
        cmocka_unit_test_setup(test_presence, begin),
        cmocka_unit_test_setup(test_resume, begin),
        cmocka_unit_test_setup(test_sync, begin),
        cmocka_unit_test_setup(test_made_rooms, begin),
        cmocka_unit_test_setup(test_clearing, begin),
        cmocka_unit_test_setup(test_names_and_topics, begin),
        cmocka_unit_test_setup(test_garbage, begin),
        cmocka_unit_test_setup(test_bad_answers, begin),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
