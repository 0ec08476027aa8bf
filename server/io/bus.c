/* SPDX-License-Identifier: MIT
 *
 * Scripts are loaded anew with each connection, and called by the name that Redis gives them: so the order of operations
 * is never broken by one that has to be sent again. A Redis that has forgotten them (SCRIPT FLUSH) counts as lost.
 *
 * Some errors tell that this is not the Redis that it was: a replica since a failover, one that still loads. Then the
 * connection is given up, and the name resolved again. Any other error is the operation's own.
 */
#include "server/io/bus.h"

#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/os_rng.h"
#include "server/io/bus_script.h"
#include "server/io/redis_link.h"
#include "server/io/turn.h"

enum {
    BATCH_MAX = 64 * 1024,         /* bytes of signals in one PUBLISH */
    BATCH_LIMIT = 2 * 1024 * 1024, /* of the last of them, however long it is */
    WAIT_TICKS_MAX = 4,            /* before it is tried again, and up to as many more by chance */
    PING_TICKS = 4,                /* between pings on the subscription */
    DRAIN_TICKS = 3,               /* that Redis has to answer what was asked last */
    REFUSED_EVERY_MS = 10000,      /* errors of one kind are logged so often */
    CHANNEL_MAX = 48,
};

const struct histogram_bounds BUS_ANSWER_BOUNDS = {
    .n = 10,
    .us = {100, 250, 500, 1000, 2500, 5000, 10000, 50000, 250000, 1000000},
};

enum bus_state {
    BUS_STATE_WAITING, /* for the next attempt, or to be started */
    BUS_STATE_OPENING,
    BUS_STATE_UP,
};

/* Signals to one node. */
struct batch {
    struct batch *next;
    struct buf records;
    struct conn_id *senders; /* owned */
    size_t senders_n, senders_cap;
    size_t node_n;
    char node[NODE_MAX];
};

/* What an answer is to. */
struct tag {
    struct core_bus *op; /* owned; NULL: a batch, or the loading of a script */
    struct batch *batch; /* owned; NULL: the loading of a script */
    enum core_bus_op load;
    uint64_t asked_ns;
};

struct bus {
    struct io *io;
    struct redis_url url;
    char channel[CHANNEL_MAX];
    enum bus_state state;
    struct redis_link_face faces[2];
    struct redis_link *commands, *subscription; /* owned */
    unsigned loads;                             /* scripts that are being loaded */
    bool loaded, subscribed;
    char shas[BUS_OPS][BUS_SHA_CHARS];
    unsigned failures, wait_ticks, ping_ticks;
    char problem[REDIS_LINK_PROBLEM_MAX]; /* that was logged last */
    char refused[16];                     /* the first word of the error that was logged last */
    struct log_pace refusals;
    uv_timer_t timer;
    bool timed, overflow, freeing;
    void (*drained)(struct io *io); /* NULL: it does not drain, or has */
    unsigned drain_ticks;
    struct batch *batches; /* owned list: to be sent */
    struct batch *unheard; /* owned list: whose senders are to be told */
    struct bus_seats seats;
    struct span *words; /* owned, reused */
    size_t words_cap;
    struct bus_counts counts;
};

/* ---- batches ---- */

static void batch_free(struct batch *b)
{
    buf_done(&b->records);
    free(b->senders);
    free(b);
}

static struct batch *batch_of(struct bus *bus, struct span node)
{
    for (struct batch *b = bus->batches; b; b = b->next)
        if (span_eq((struct span){b->node, b->node_n}, node))
            return b;
    struct batch *b = node.n <= NODE_MAX ? calloc(1, sizeof *b) : NULL;
    if (!b)
        return NULL;
    memcpy(b->node, node.p, node.n);
    b->node_n = node.n;
    buf_init(&b->records, BATCH_LIMIT);
    b->next = bus->batches;
    return bus->batches = b;
}

static bool batch_add_sender(struct batch *b, struct conn_id sender)
{
    if (b->senders_n == b->senders_cap) {
        size_t cap = b->senders_cap ? b->senders_cap * 2 : 16;
        struct conn_id *v = realloc(b->senders, cap * sizeof *v);
        if (!v)
            return false;
        b->senders = v;
        b->senders_cap = cap;
    }
    b->senders[b->senders_n++] = sender;
    return true;
}

static void batch_unheard(struct bus *bus, struct batch *b)
{
    buf_done(&b->records);
    b->next = bus->unheard;
    bus->unheard = b;
}

/* Not within a step. */
static void tell_unheard(struct bus *bus)
{
    while (bus->unheard) {
        struct batch *b = bus->unheard;
        bus->unheard = b->next;
        for (size_t i = 0; i < b->senders_n && !bus->freeing; i++) {
            struct core_event e = io_event(bus->io, CORE_BUS_UNHEARD, NULL);
            e.conn = b->senders[i];
            io_step(bus->io, &e);
        }
        batch_free(b);
    }
}

/* ---- commands ---- */

/* Takes all that the tag holds, unless it is false. */
static bool ask(struct bus *bus, const struct tag *what, const struct span *words, size_t n)
{
    struct tag *tag = malloc(sizeof *tag);
    if (!tag)
        return false;
    *tag = *what;
    tag->asked_ns = uv_hrtime();
    if (redis_link_send(bus->commands, tag, words, n))
        return true;
    free(tag);
    return false;
}

static void publish(struct bus *bus, struct batch *b)
{
    char channel[CHANNEL_MAX];
    int n = snprintf(channel, sizeof channel, BUS_PREFIX "to:%.*s", (int)b->node_n, b->node);
    struct span words[] = {SPAN("PUBLISH"), {channel, (size_t)n}, buf_view(&b->records)};
    if (ask(bus, &(struct tag){.batch = b}, words, 3)) {
        buf_done(&b->records);
        bus->counts.published_total++;
    } else {
        batch_unheard(bus, b);
    }
}

static void publish_all(struct bus *bus)
{
    while (bus->batches) {
        struct batch *b = bus->batches;
        bus->batches = b->next;
        if (bus->state == BUS_STATE_UP)
            publish(bus, b);
        else
            batch_unheard(bus, b);
    }
}

static void put_signal(struct bus *bus, const struct core_bus *op)
{
    struct batch *b = batch_of(bus, op->other);
    struct conn_id sender = {op->slot, op->conn_generation};
    if (!b || !batch_add_sender(b, sender))
        return; /* as a frame that memory ran out for */
    buf_span(&b->records, op->bytes);
    if (b->records.len >= BATCH_MAX)
        publish_all(bus);
}

static bool words_fit(struct bus *bus, size_t n)
{
    if (n <= bus->words_cap)
        return true;
    struct span *v = realloc(bus->words, n * sizeof *v);
    if (!v)
        return false;
    bus->words = v;
    bus->words_cap = n;
    return true;
}

static bool put_script(struct bus *bus, struct core_bus *op)
{
    struct bus_words words;
    if (!words_fit(bus, bus_words_count(op)))
        return false;
    words.v = bus->words;
    bus_words_write(op, bus->shas[op->op], &words);
    bus->counts.operations_total++;
    return ask(bus, &(struct tag){.op = op}, words.v, words.n);
}

void bus_put(struct io *io, struct core_bus *op)
{
    struct bus *bus = io->bus;
    if (!bus || !op) {
        free(op);
        return;
    }
    if (op->op == BUS_SEND) {
        put_signal(bus, op);
        free(op);
        return;
    }
    publish_all(bus); /* who hears of a leave has heard what was said before it */
    if (bus->state != BUS_STATE_UP || bus->overflow || !put_script(bus, op)) {
        bus->overflow |= bus->state == BUS_STATE_UP;
        free(op);
    }
}

void bus_flush(struct io *io)
{
    struct bus *bus = io->bus;
    if (!bus)
        return;
    publish_all(bus);
    if (bus->overflow) {
        bus->overflow = false;
        redis_link_end(bus->commands, "Redis is too slow: more waits for it than may");
    }
    redis_link_flush(bus->commands);
    redis_link_flush(bus->subscription);
    tell_unheard(bus);
}

/* ---- answers ---- */

static void say_refused(struct bus *bus, const char *error)
{
    char first[sizeof bus->refused];
    struct log_record r;
    snprintf(first, sizeof first, "%.*s", (int)strcspn(error, " "), error);
    bus->counts.refused_total++;
    if (strcmp(first, bus->refused) != 0)
        bus->refusals = (struct log_pace){0};
    snprintf(bus->refused, sizeof bus->refused, "%s", first);
    uint64_t n = log_pace(&bus->refusals, uv_now(bus->io->loop), REFUSED_EVERY_MS);
    if (n == 0)
        return;
    log_record_init(&r, LOG_LEVEL_ERROR, "redis-refused", "Redis refuses what the cluster needs of it");
    log_record_add(&r, "error", span_of(error));
    log_record_addf(&r, "count", "%" PRIu64, n);
    logger_write(bus->io->logger, &r);
}

/* What is behind the name is not, or not yet, what it was. */
static bool is_another(const char *error)
{
    static const char *const WORDS[] = {
        "READONLY", "LOADING", "MASTERDOWN", "CLUSTERDOWN", "NOSCRIPT", "NOAUTH", "MOVED"};
    for (size_t i = 0; i < sizeof WORDS / sizeof *WORDS; i++)
        if (strstr(error, WORDS[i]))
            return true;
    return false;
}

/* True if the connection is given up for it. */
static bool refused(struct bus *bus, const redisReply *r)
{
    const char *error = r->type == REDIS_REPLY_ERROR ? r->str : "WRONGTYPE an answer of another type than expected";
    char problem[REDIS_LINK_PROBLEM_MAX];
    if (!is_another(error)) {
        say_refused(bus, error);
        return false;
    }
    snprintf(problem, sizeof problem, "Redis cannot be written to: %.100s", error);
    redis_link_end(bus->commands, problem);
    return true;
}

static void answered(struct bus *bus, const struct core_bus *op, const redisReply *r)
{
    struct core_bus_answer answer;
    bool read = bus_answer_read(op, r, &bus->seats, &answer);
    if (!read && refused(bus, r))
        return;
    if (!read)
        answer = (struct core_bus_answer){.job = op->job, .outcome = BUS_FAILED};
    if (answer.job == 0 && answer.outcome != BUS_EPOCH && answer.outcome != BUS_FAILED)
        return;
    struct core_event e = io_event(bus->io, CORE_BUS_ANSWER, NULL);
    e.answer = &answer;
    io_step(bus->io, &e);
}

static void come_up(struct bus *bus)
{
    if (!bus->loaded || !bus->subscribed || bus->state != BUS_STATE_OPENING)
        return;
    struct log_record r;
    bus->state = BUS_STATE_UP;
    bus->failures = 0;
    bus->counts.connected_total++;
    *bus->problem = '\0';
    log_record_init(&r, LOG_LEVEL_NOTICE, "redis-connected", "connected to the Redis of the cluster");
    log_record_add(&r, "redis", span_of(bus->url.where));
    logger_write(bus->io->logger, &r);
    struct core_event e = io_event(bus->io, CORE_BUS_UP, NULL);
    io_step(bus->io, &e);
}

static void script_loaded(struct bus *bus, enum core_bus_op op, const redisReply *r)
{
    char problem[REDIS_LINK_PROBLEM_MAX];
    if (r->type != REDIS_REPLY_STRING || r->len != BUS_SHA_CHARS) {
        snprintf(problem, sizeof problem, "Redis does not take our scripts: %.100s",
            r->type == REDIS_REPLY_ERROR ? r->str : "an answer of another type than expected");
        redis_link_end(bus->commands, problem);
        return;
    }
    memcpy(bus->shas[op], r->str, BUS_SHA_CHARS);
    bus->loaded = --bus->loads == 0;
    come_up(bus);
}

static void published(struct bus *bus, struct batch *b, const redisReply *r)
{
    bool heard = r && r->type == REDIS_REPLY_INTEGER && r->integer > 0;
    if (heard) {
        batch_free(b);
        return;
    }
    batch_unheard(bus, b);
    if (r && r->type != REDIS_REPLY_INTEGER && refused(bus, r))
        return;
    tell_unheard(bus);
}

static void drained(struct bus *bus)
{
    void (*done)(struct io * io) = bus->drained;
    bus->drained = NULL;
    if (done && !bus->freeing)
        done(bus->io);
}

void bus_drain(struct io *io, void (*done)(struct io *io))
{
    struct bus *bus = io->bus;
    if (!bus || bus->state != BUS_STATE_UP || redis_link_owed(bus->commands) == 0) {
        done(io);
        return;
    }
    bus->drained = done;
    bus->drain_ticks = 0;
}

static void on_answer(void *ctx, void *of, const redisReply *r)
{
    struct bus *bus = ctx;
    struct tag *tag = of;
    if (tag->batch) {
        published(bus, tag->batch, r);
    } else if (r && tag->op) {
        histogram_add(&bus->counts.answers, &BUS_ANSWER_BOUNDS, (uv_hrtime() - tag->asked_ns) / 1000, 1);
        answered(bus, tag->op, r);
    } else if (r) {
        script_loaded(bus, tag->load, r);
    }
    free(tag->op);
    free(tag);
    if (bus->drained && redis_link_owed(bus->commands) == 0)
        drained(bus);
}

/* ---- messages ---- */

static bool is_word(const redisReply *r, const char *word)
{
    return r->type == REDIS_REPLY_STRING && span_is((struct span){r->str, r->len}, word);
}

static void heard(struct bus *bus, const redisReply *text)
{
    if (bus->state != BUS_STATE_UP)
        return;
    turn_read(bus->io);
    struct core_event e = io_event(bus->io, CORE_BUS_MESSAGE, NULL);
    e.bytes = (struct span){text->str, text->len};
    io_step(bus->io, &e);
    turn_relieve(bus->io);
}

static void on_message(void *ctx, void *tag, const redisReply *r)
{
    struct bus *bus = ctx;
    (void)tag;
    if (r->type == REDIS_REPLY_ERROR) {
        char problem[REDIS_LINK_PROBLEM_MAX];
        snprintf(problem, sizeof problem, "Redis does not let us subscribe: %.100s", r->str);
        redis_link_end(bus->subscription, problem);
    } else if (r->type == REDIS_REPLY_ARRAY && r->elements == 3 && is_word(r->element[0], "message") &&
               r->element[2]->type == REDIS_REPLY_STRING) {
        heard(bus, r->element[2]);
    } else if (r->type == REDIS_REPLY_ARRAY && r->elements == 3 && is_word(r->element[0], "subscribe")) {
        bus->subscribed = true;
        come_up(bus);
    }
}

/* ---- up and down ---- */

static void on_commands_open(void *ctx)
{
    struct bus *bus = ctx;
    struct buf text;
    buf_init(&text, 64 * 1024);
    for (enum core_bus_op op = 0; op < BUS_OPS; op++) {
        if (op == BUS_SEND)
            continue;
        buf_reset(&text);
        bool sent =
            bus_script_text(op, &text) &&
            ask(bus, &(struct tag){.load = op}, (struct span[]){SPAN("SCRIPT"), SPAN("LOAD"), buf_view(&text)}, 3);
        bus->overflow |= !sent;
        bus->loads += sent;
    }
    buf_done(&text);
}

static void on_subscription_open(void *ctx)
{
    struct bus *bus = ctx;
    redis_link_send(bus->subscription, NULL, (struct span[]){SPAN("SUBSCRIBE"), span_of(bus->channel)}, 2);
}

/* A cause is said once, until Redis was there again. */
static void say_lost(struct bus *bus, const char *problem)
{
    struct log_record r;
    if (strcmp(bus->problem, problem) == 0)
        return;
    snprintf(bus->problem, sizeof bus->problem, "%s", problem);
    log_record_init(&r, LOG_LEVEL_ERROR, "redis-lost",
        "the Redis of the cluster is not there: this daemon serves its own rooms until it is back");
    log_record_add(&r, "redis", span_of(bus->url.where));
    log_record_add(&r, "problem", span_of(problem));
    logger_write(bus->io->logger, &r);
}

static void on_down(void *ctx, const char *problem)
{
    struct bus *bus = ctx;
    bool was_up = bus->state == BUS_STATE_UP;
    struct rng rng = os_rng();
    if (bus->state == BUS_STATE_WAITING)
        return; /* the other one has gone first */
    bus->state = BUS_STATE_WAITING;
    bus->loaded = bus->subscribed = bus->overflow = false;
    bus->loads = 0;
    say_lost(bus, problem);
    redis_link_end(bus->commands, problem);
    redis_link_end(bus->subscription, problem);
    publish_all(bus);
    tell_unheard(bus);
    unsigned least = 1u << (bus->failures < 8 ? bus->failures : 8);
    bus->failures++;
    bus->wait_ticks = (least < WAIT_TICKS_MAX ? least : WAIT_TICKS_MAX) + rng_below(&rng, WAIT_TICKS_MAX / 2);
    if (!was_up)
        return;
    bus->counts.lost_total++;
    struct core_event e = io_event(bus->io, CORE_BUS_DOWN, NULL);
    io_step(bus->io, &e);
}

static void on_tick(uv_timer_t *timer)
{
    struct bus *bus = timer->data;
    if (bus->drained && ++bus->drain_ticks > DRAIN_TICKS)
        drained(bus);
    if (bus->state == BUS_STATE_WAITING) {
        if (bus->wait_ticks == 0 || --bus->wait_ticks == 0)
            bus_start(bus->io);
        return;
    }
    if (bus->subscribed && ++bus->ping_ticks >= PING_TICKS) {
        bus->ping_ticks = 0;
        redis_link_send(bus->subscription, NULL, (struct span[]){SPAN("PING")}, 1);
    }
    redis_link_tick(bus->commands);
    redis_link_tick(bus->subscription);
}

void bus_start(struct io *io)
{
    struct bus *bus = io->bus;
    if (!bus || bus->state != BUS_STATE_WAITING)
        return;
    bus->state = BUS_STATE_OPENING;
    redis_link_open(bus->commands);
    redis_link_open(bus->subscription);
}

const struct bus_counts *bus_counts(const struct io *io)
{
    struct bus *bus = io->bus;
    if (!bus)
        return NULL;
    bus->counts.connected = bus->state == BUS_STATE_UP;
    bus->counts.waiting_bytes = redis_link_waiting(bus->commands);
    return &bus->counts;
}

bool bus_new(struct io *io, const struct redis_url *url, const char *node)
{
    struct bus *bus = io->bus = calloc(1, sizeof *bus);
    if (!bus)
        return false;
    bus->io = io;
    bus->url = *url;
    snprintf(bus->channel, sizeof bus->channel, BUS_PREFIX "to:%s", node);
    bus->faces[0] = (struct redis_link_face){bus, on_commands_open, on_answer, on_down};
    bus->faces[1] = (struct redis_link_face){bus, on_subscription_open, on_message, on_down};
    bus->commands = redis_link_new(io->loop, &bus->url, false, &bus->faces[0]);
    bus->subscription = redis_link_new(io->loop, &bus->url, true, &bus->faces[1]);
    bus->timed = uv_timer_init(io->loop, &bus->timer) == 0;
    bus->timer.data = bus;
    return bus->commands && bus->subscription && bus->timed &&
           uv_timer_start(&bus->timer, on_tick, REDIS_LINK_TICK_MS, REDIS_LINK_TICK_MS) == 0;
}

void bus_stop(struct io *io)
{
    struct bus *bus = io->bus;
    if (!bus)
        return;
    bus->freeing = true;
    bus->state = BUS_STATE_WAITING;
    redis_link_free(bus->commands);
    redis_link_free(bus->subscription);
    bus->commands = bus->subscription = NULL;
    publish_all(bus);
    tell_unheard(bus);
    if (bus->timed)
        uv_close((uv_handle_t *)&bus->timer, NULL);
}

void bus_free(struct io *io)
{
    if (!io->bus)
        return;
    free(io->bus->seats.v);
    free(io->bus->words);
    free(io->bus);
    io->bus = NULL;
}
