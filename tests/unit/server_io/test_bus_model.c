/* SPDX-License-Identifier: MIT
 *
 * The scripts in a real Redis and the simulator's model of them: random operations must be answered alike, and announced alike.
 * A failure prints its seed and the operation; $BUS_SEEDS says how many seeds.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/rng.h"
#include "protocol/bus.h"
#include "server/io/bus_script.h"
#include "tests/sim/bus.h"
#include "tests/unit/server_io/redis_server.h"

enum {
    NODES = 3,
    ROOMS = 3,
    PEERS = 4,
    STEPS = 120,
    SEEDS = 25,
    NEWS_MAX = 64 * 1024
};

static const char *const NODE_NAMES[NODES] = {"a", "b", "c"};

struct news {
    char p[NEWS_MAX];
    size_t n;
};

struct world {
    struct redis_server server;
    redisContext *redis, *heard;
    char shas[BUS_OPS][BUS_SHA_CHARS];
    struct bus_seats seats;
    struct bus *model;
    struct rng_seeded seed;
    struct rng rng;
    uint64_t now, epochs[NODES];
    struct news by_script[NODES], by_model[NODES];
};

static void hear(struct news *news, struct span text)
{
    assert_true(news->n + text.n <= sizeof news->p);
    memcpy(news->p + news->n, text.p, text.n);
    news->n += text.n;
}

static bool model_publishes(void *ctx, struct span node, struct span message)
{
    struct world *w = ctx;
    for (size_t i = 0; i < NODES; i++)
        if (span_is(node, NODE_NAMES[i]))
            hear(&w->by_model[i], message);
    return true;
}

/* ---- the real ones ---- */

/* All that was published up to a mark that is published now. */
static void hear_all(struct world *w)
{
    freeReplyObject(redisCommand(w->redis, "PUBLISH " BUS_PREFIX "to:mark x"));
    for (bool more = true; more;) {
        redisReply *r = NULL;
        assert_int_equal(redisGetReply(w->heard, (void **)&r), REDIS_OK);
        const char *to = r->element[2]->str + sizeof BUS_PREFIX "to:" - 1; /* of a pmessage */
        more = strcmp(to, "mark") != 0;
        for (size_t i = 0; i < NODES; i++)
            if (strcmp(to, NODE_NAMES[i]) == 0)
                hear(&w->by_script[i], (struct span){r->element[3]->str, r->element[3]->len});
        freeReplyObject(r);
    }
}

static redisReply *run_script(struct world *w, const struct core_bus *op, struct core_bus_answer *answer)
{
    struct span v[64];
    const char *argv[64];
    size_t lengths[64];
    struct bus_words words = {.v = v};
    assert_true(bus_words_count(op) <= 64);
    bus_words_write(op, w->shas[op->op], &words);
    for (size_t i = 0; i < words.n; i++) {
        argv[i] = words.v[i].n ? words.v[i].p : "";
        lengths[i] = words.v[i].n;
    }
    redisReply *r = redisCommandArgv(w->redis, (int)words.n, argv, lengths);
    assert_non_null(r);
    if (!bus_answer_read(op, r, &w->seats, answer))
        fail_msg("no answer: %s", r->type == REDIS_REPLY_ERROR ? r->str : "of another type");
    return r;
}

/* ---- both answers ---- */

static int compare_spans(struct span a, struct span b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    int c = n ? memcmp(a.p, b.p, n) : 0;
    return c ? c : (a.n > b.n) - (a.n < b.n);
}

static int compare_seats(const void *a, const void *b)
{
    const struct core_bus_seat *x = a, *y = b;
    int c = compare_spans(x->room, y->room);
    return c ? c : compare_spans(x->peer, y->peer);
}

static struct core_bus_seat *sorted(const struct core_bus_answer *a)
{
    struct core_bus_seat *v = calloc(a->seats_n + 1, sizeof *v);
    assert_non_null(v);
    if (a->seats_n)
        memcpy(v, a->seats, a->seats_n * sizeof *v);
    qsort(v, a->seats_n, sizeof *v, compare_seats);
    return v;
}

static bool same_seats(const struct core_bus_answer *a, const struct core_bus_answer *b)
{
    struct core_bus_seat *x = sorted(a), *y = sorted(b);
    bool same = a->seats_n == b->seats_n;
    for (size_t i = 0; same && i < a->seats_n; i++)
        same = compare_seats(&x[i], &y[i]) == 0 && (!y[i].entry.n || span_eq(x[i].entry, y[i].entry)) &&
               x[i].number == y[i].number;
    free(x);
    free(y);
    return same;
}

/* Whether its version is told. */
static bool is_whole(const struct core_bus *op, const struct core_bus_answer *a)
{
    return op->op == BUS_SYNC || (a->outcome == BUS_OK && (op->op == BUS_JOIN || op->op == BUS_RESUME));
}

static bool same_answers(const struct core_bus *op, const struct core_bus_answer *a, const struct core_bus_answer *b)
{
    bool same_text =
        op->op == BUS_RENEW ? !a->text.n == !b->text.n : span_eq(a->text, b->text); /* the first of a set */
    return a->outcome == b->outcome && (span_eq(a->terms, b->terms) || op->op == BUS_RESUME) &&
           (a->version == b->version || !is_whole(op, a)) && a->number == b->number && same_text && same_seats(a, b);
}

static bool same_news(const struct world *w, size_t node)
{
    const struct news *x = &w->by_script[node], *y = &w->by_model[node];
    return x->n == y->n && memcmp(x->p, y->p, x->n) == 0;
}

static void print_answer(const char *who, const struct core_bus_answer *a)
{
    print_message("%s: outcome %d, version %llu, number %llu, terms %zu, text %.*s, seats %zu\n", who, (int)a->outcome,
        (unsigned long long)a->version, (unsigned long long)a->number, a->terms.n, (int)a->text.n, a->text.p,
        a->seats_n);
    for (size_t i = 0; i < a->seats_n; i++)
        print_message(
            "   %.*s %.*s\n", (int)a->seats[i].room.n, a->seats[i].room.p, (int)a->seats[i].peer.n, a->seats[i].peer.p);
}

static void print_hex(const struct news *news)
{
    for (size_t i = 0; i < news->n; i++)
        print_message("%02x", (unsigned char)news->p[i]);
    print_message("\n");
}

static void print_news(const char *node, const struct news *script, const struct news *model)
{
    print_message("%s heard, and by the model:\n", node);
    print_hex(script);
    print_hex(model);
}

static void do_both(struct world *w, const struct core_bus *op, uint64_t seed)
{
    struct core_bus_answer answer;
    struct bus_reply reply;
    for (size_t i = 0; i < NODES; i++)
        w->by_script[i].n = w->by_model[i].n = 0;
    redisReply *r = run_script(w, op, &answer);
    bus_do(w->model, op, w->now, &reply);
    hear_all(w);
    bool same = same_answers(op, &answer, &reply.answer);
    for (size_t i = 0; i < NODES; i++)
        same = same && same_news(w, i);
    if (!same) {
        print_answer("script", &answer);
        print_answer("model", &reply.answer);
        for (size_t i = 0; i < NODES; i++)
            print_news(NODE_NAMES[i], &w->by_script[i], &w->by_model[i]);
        fail_msg("seed %llu: operation %d of %.*s, room %.*s, peer %.*s", (unsigned long long)seed, (int)op->op,
            (int)op->node.n, op->node.p, (int)op->room.n, op->room.p, (int)op->peer.n, op->peer.p);
    }
    bus_reply_done(&reply);
    freeReplyObject(r);
}

/* ---- random operations ---- */

struct bytes {
    char p[512];
    size_t n;
};

struct made {
    char peer[8], previous[8], room[8], id[8];
    struct bytes terms, entry, record, entries[2];
    struct core_bus_seat seats[2];
};

static uint32_t below(struct world *w, uint32_t n)
{
    return rng_below(&w->rng, n);
}

static struct bytes take_bytes(struct buf *b)
{
    struct bytes out = {.n = b->len};
    assert_true(b->len <= sizeof out.p);
    memcpy(out.p, b->p, b->len);
    buf_done(b);
    return out;
}

static struct bytes random_terms(struct world *w, size_t node)
{
    struct buf b;
    buf_init(&b, 512);
    struct bus_terms t = {.room = {.incarnation = 1 + below(w, 3),
                              .created_ms = 1 + below(w, 1000),
                              .max_peers = below(w, 4),
                              .listed = below(w, 2),
                              .locked = below(w, 4) == 0},
        .made = below(w, 2)};
    if (t.made)
        t.keeper = span_of(NODE_NAMES[node]);
    bus_terms_write(&b, &t);
    return take_bytes(&b);
}

static struct bytes random_entry(struct world *w, const char *previous)
{
    struct buf b;
    buf_init(&b, 512);
    struct bus_entry e = {.away = below(w, 3) == 0,
        .dialect = 'n',
        .generation = below(w, 4),
        .previous = below(w, 2) ? span_of(previous) : (struct span){NULL, 0}};
    bus_entry_write(&b, &e);
    return take_bytes(&b);
}

static struct bytes random_record(void)
{
    struct buf b;
    buf_init(&b, 512);
    bus_record_write(
        &b, &(struct bus_record){.type = BUS_RECORD_NAME_GONE, .name = {.key = SPAN("k"), .to = SPAN("x")}});
    return take_bytes(&b);
}

#define VIEW(b) ((struct span){(b).p, (b).n})

static struct core_bus random_operation(struct world *w, struct made *m)
{
    size_t node = below(w, NODES);
    snprintf(m->room, sizeof m->room, "r%u", below(w, ROOMS));
    snprintf(m->peer, sizeof m->peer, "%s.%u", NODE_NAMES[node], below(w, PEERS));
    snprintf(m->previous, sizeof m->previous, "%s.%u", NODE_NAMES[below(w, NODES)], below(w, PEERS));
    snprintf(m->id, sizeof m->id, "x %u", below(w, 3));
    m->terms = random_terms(w, node);
    m->entry = random_entry(w, m->previous);
    m->record = random_record();
    for (size_t i = 0; i < 2; i++) {
        m->entries[i] = random_entry(w, m->previous);
        m->seats[i] = (struct core_bus_seat){.peer = span_of(i ? m->peer : m->previous), .entry = VIEW(m->entries[i])};
    }
    enum core_bus_op op = below(w, BUS_OPS);
    if (op == BUS_SEND || op == BUS_LIST ||
        op == BUS_UNREGISTER) /* rooms of one time are listed by their names there */
        op = BUS_JOIN;
    size_t other = below(w, NODES);
    bool name = op >= BUS_NAME_TAKE;
    bool sync = op == BUS_SYNC;
    return (struct core_bus){.op = op,
        .job = 1,
        .epoch = w->epochs[node],
        .node = span_of(NODE_NAMES[node]),
        .other = span_of(NODE_NAMES[other]),
        .former = op == BUS_REGISTER ? w->epochs[node] : w->epochs[other] - (other == node ? 0x100 : 0),
        .room = span_of(m->room),
        .peer = span_of(name ? m->id : m->peer),
        .previous = span_of(m->previous),
        .entry = VIEW(m->entry),
        .terms = VIEW(m->terms),
        .name = SPAN("k"),
        .text = below(w, 2) ? SPAN("s 1") : SPAN("s 2"),
        .bytes = VIEW(m->record),
        .life = 1 + below(w, 1000),
        .incarnation = below(w, 4),
        .lease_ms = 3600000,
        .ttl_ms = below(w, 2) ? 0 : 3600000,
        .capacity = below(w, 6),
        .generation = below(w, 4),
        .count = 100,
        .why = (uint8_t)below(w, 3),
        .create = below(w, 3) > 0,
        .again = below(w, 2),
        .only_empty = below(w, 2),
        .seats = sync ? m->seats : NULL,
        .seats_n = sync ? below(w, 3) : 0};
}

/* Its lease lapses, and it is here again under another epoch. */
static void restart(struct world *w, size_t node, uint64_t seed)
{
    struct core_bus renew = {
        .op = BUS_RENEW, .job = 1, .epoch = w->epochs[node], .node = span_of(NODE_NAMES[node]), .lease_ms = 1};
    do_both(w, &renew, seed);
    poll(NULL, 0, 5);
    w->now += 5;
    w->epochs[node] += 0x100;
    struct core_bus again = renew;
    again.op = BUS_REGISTER;
    again.epoch = w->epochs[node];
    again.lease_ms = 3600000;
    do_both(w, &again, seed);
    struct core_bus clear = {.op = BUS_CLEAR,
        .job = 1,
        .epoch = w->epochs[node],
        .node = span_of(NODE_NAMES[node]),
        .other = span_of(NODE_NAMES[node]),
        .former = w->epochs[node] - 0x100,
        .count = 100};
    if (below(w, 2))
        do_both(w, &clear, seed);
}

static void run_seed(struct world *w, uint64_t seed)
{
    rng_seeded_init(&w->seed, seed);
    w->rng = rng_seeded_port(&w->seed);
    freeReplyObject(redisCommand(w->redis, "FLUSHALL"));
    bus_forget_all(w->model);
    for (size_t i = 0; i < NODES; i++) {
        w->epochs[i] = 0x10 + i;
        struct core_bus op = {
            .op = BUS_REGISTER, .job = 1, .epoch = w->epochs[i], .node = span_of(NODE_NAMES[i]), .lease_ms = 3600000};
        do_both(w, &op, seed);
    }
    for (unsigned step = 0; step < STEPS; step++) {
        struct made made;
        struct core_bus op = random_operation(w, &made);
        do_both(w, &op, seed);
        if (below(w, 40) == 0)
            restart(w, below(w, NODES), seed);
    }
}

static void test_seeds(void **state)
{
    const char *more = getenv("BUS_SEEDS");
    uint64_t seeds = more ? strtoull(more, NULL, 10) : SEEDS;
    for (uint64_t seed = 1; seed <= seeds; seed++)
        run_seed(*state, seed);
}

static int start(void **state)
{
    struct world *w = *state = calloc(1, sizeof *w);
    redis_server_start(&w->server);
    w->redis = redis_server_connect(&w->server);
    w->heard = redis_server_connect(&w->server);
    for (enum core_bus_op op = 0; op < BUS_OPS; op++) {
        struct buf text;
        if (op == BUS_SEND)
            continue;
        buf_init(&text, 65536);
        assert_true(bus_script_text(op, &text));
        redisReply *r = redisCommand(w->redis, "SCRIPT LOAD %b", text.p, text.len);
        memcpy(w->shas[op], r->str, BUS_SHA_CHARS);
        freeReplyObject(r);
        buf_done(&text);
    }
    freeReplyObject(redisCommand(w->heard, "PSUBSCRIBE " BUS_PREFIX "to:*"));
    w->model = bus_new(model_publishes, w);
    assert_non_null(w->model);
    return 0;
}

static int stop(void **state)
{
    struct world *w = *state;
    redisFree(w->redis);
    redisFree(w->heard);
    bus_free(w->model);
    free(w->seats.v);
    redis_server_stop(&w->server);
    free(w);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_seeds)};
    return cmocka_run_group_tests(tests, start, stop);
}
