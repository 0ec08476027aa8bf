/* SPDX-License-Identifier: MIT
 *
 * What comes on a node's channel, and what is kept of rooms and members. The first byte says which: records, terms or an entry. What
 * is read is written again as the same bytes; and a core that is in a cluster, with a member in a room, takes all of it on its
 * channel and in its answers, and agrees with itself after each.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/bus.h"
#include "server/core/core.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* ---- bytes, there and back ---- */

static void same(const struct buf *b, struct span bytes)
{
    if (!b->failed && !span_eq(buf_view(b), bytes))
        abort();
}

static void records(struct span message)
{
    struct bus_record r;
    const char *problem = NULL;
    for (enum bus_read read; message.n > 0;) {
        struct span before = message;
        read = bus_record_read(&message, &r, &problem);
        if (read != BUS_READ_ONE) {
            if (!problem || message.n >= before.n)
                abort();
            continue;
        }
        struct buf b;
        buf_init(&b, BUS_RECORD_MAX + 4);
        bus_record_write(&b, &r);
        if (r.type != BUS_RECORD_NAME_GONE)
            same(&b, (struct span){before.p, before.n - message.n});
        buf_done(&b);
    }
}

static void terms(struct span bytes)
{
    struct bus_terms t;
    struct buf b;
    buf_init(&b, BUS_TERMS_MAX);
    if (bus_terms_read(bytes, &t)) {
        bus_terms_write(&b, &t);
        same(&b, bytes);
    }
    buf_done(&b);
}

static void entry(struct span bytes)
{
    struct bus_entry e;
    struct buf b;
    buf_init(&b, BUS_ENTRY_MAX);
    if (bus_entry_read(bytes, &e)) {
        bus_entry_write(&b, &e);
        same(&b, bytes);
    }
    buf_done(&b);
}

/* ---- a core that hears it ---- */

struct node {
    struct core *core;
    struct core_effects fx;
    uint64_t now, job;
};

static void step(struct node *n, struct core_event e)
{
    e.now = n->now;
    core_step(n->core, &e, &n->fx);
    core_check(n->core);
    for (size_t i = 0; i < n->fx.n; i++)
        if (n->fx.v[i].type == CORE_BUS && n->fx.v[i].bus->job)
            n->job = n->fx.v[i].bus->job;
    core_effects_clear(&n->fx);
}

static void answer(struct node *n, struct core_bus_answer a)
{
    a.job = n->job;
    step(n, (struct core_event){.type = CORE_BUS_ANSWER, .answer = &a});
}

static void join(struct node *n, struct span at, struct span bytes)
{
    const struct conn_id conn = {1, 1};
    struct core_bus_seat seats[2] = {{.peer = SPAN("m.aaaaaaaaaaaaaaaaaaaaaaaaaa"), .entry = bytes},
        {.peer = {bytes.p, bytes.n < 40 ? bytes.n : 40}, .entry = SPAN("\0n\0\0\0\1\0\0\0")}};
    step(n, (struct core_event){.type = CORE_OPEN, .conn = conn});
    step(n, (struct core_event){.type = CORE_READY, .conn = conn, .dialect = &dialect_native});
    step(n, (struct core_event){
                .type = CORE_FRAME, .conn = conn, .bytes = SPAN("{\"type\":\"join-room\",\"roomId\":\"a\"}")});
    answer(n, (struct core_bus_answer){.terms = at, .version = 1, .seats = seats, .seats_n = 2});
}

static void core_hears(struct span bytes)
{
    static const struct dialect *const DIALECTS[] = {&dialect_native, &dialect_socketio, NULL};
    struct rng_seeded seed;
    rng_seeded_init(&seed, 7);
    struct rng rng = rng_seeded_port(&seed);
    const struct core_settings set = {
        .node = "n", .auto_create = true, .cluster = true, .lease_ms = 15000, .dialects = DIALECTS};
    struct node n = {.core = core_new(&set, &rng), .now = 5000};
    if (!n.core)
        return;
    step(&n, (struct core_event){.type = CORE_BUS_UP});
    answer(&n, (struct core_bus_answer){.outcome = BUS_OK});
    join(&n, bytes, bytes);
    step(&n, (struct core_event){.type = CORE_BUS_MESSAGE, .bytes = bytes});
    n.now += 4000;
    step(&n, (struct core_event){.type = CORE_TIME});
    answer(&n, (struct core_bus_answer){.terms = bytes, .text = bytes, .version = bytes.n});
    step(&n, (struct core_event){.type = CORE_BUS_DOWN});
    core_free(n.core);
    core_effects_done(&n.fx);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    char *copy = malloc(size);
    if (!copy)
        abort();
    memcpy(copy, data + 1, size - 1);
    struct span bytes = {copy, size - 1};
    if (data[0] % 3 == 0)
        records(bytes);
    else if (data[0] % 3 == 1)
        terms(bytes);
    else
        entry(bytes);
    core_hears(bytes);
    free(copy);
    return 0;
}
